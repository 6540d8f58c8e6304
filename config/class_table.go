package config

// classText lists the classes of octoDNS 1.22 and of the packages around it: role (P provider,
// S source, R processor, O plan output, K secret
// handler, V validation rule), class, type in zonecast.yaml, options.
// An option is name:marks|alias…; marks are i (whole number), f (number), b (truth value), l (list), m (mapping),
// d (folder), ! (secret), * (required). @class takes over the options of a line above,
// name=value is implied by the class. The common options of all providers are not listed.
const classText = `
P octodns.provider.yaml.YamlProvider yaml directory:d* default_ttl:i enforce_order:b order_mode populate_should_replace:b supports_root_ns:b split_extension split_catchall:b shared_filename disable_zonefile:b escaped_semicolons:b ignore_missing_zones:b
P octodns.provider.yaml.SplitYamlProvider yaml-split extension @octodns.provider.yaml.YamlProvider
S octodns_namedfileyaml.NamedFileYamlProvider yaml-named filename:* @octodns.provider.yaml.YamlProvider
S octodns.source.envvar.EnvVarSource envvar variable:* name:* ttl:i
S octodns.source.tinydns.TinyDnsFileSource tinydns directory:d* default_ttl:i
S octodns_spf.SpfSource spf a_records:l mx_records:l ip4_addresses:l ip6_addresses:l includes:l exists:l soft_fail:b merging_enabled:b ttl:i verify_dns_lookups:b
S octodns_ddns.DdnsSource ddns types:l urls:m ttl:i

P octodns_bind.Rfc2136Provider rfc2136 host:* port:i ipv6:b timeout:i key_name key_secret:! key_algorithm
S octodns_bind.AxfrSource axfr @octodns_bind.Rfc2136Provider
P octodns_bind.ZoneFileProvider zonefile directory:d* file_extension check_origin:b hostmaster_email default_ttl:i refresh:i retry:i expire:i nxdomain:i read_existing:b
S octodns_bind.ZoneFileSource bind @octodns_bind.ZoneFileProvider
P octodns_powerdns.PowerDnsProvider powerdns host:* api_key:!* port:i scheme ssl_verify timeout:i soa_edit_api mode_of_operation notify:b server_id enable_dynamic:b nameserver_values:l nameserver_ttl:i

P octodns_route53.Route53Provider route53 access_key_id:! secret_access_key:! session_token:! role_arn profile max_changes:i client_max_attempts:i delegation_set_id get_zones_by_name:b private:b vpc_id vpc_region vpc_multi_action
S octodns_route53.Ec2Source route53-ec2 region:* access_key_id:! secret_access_key:! session_token:! role_arn profile ttl:i tag_prefix append_to_names
S octodns_route53.ElbSource route53-elb @octodns_route53.Ec2Source
P octodns_cloudflare.CloudflareProvider cloudflare email token:! account_id cdn:b pagerules:b plan_type regional_services:b retry_count:i retry_period:i auth_error_retry_count:i zones_per_page:i records_per_page:i min_ttl:i timeout:i api_url
P octodns_cloudflare.CloudflareInternalProvider cloudflare-internal account_id:* view_id email token:! retry_count:i retry_period:i auth_error_retry_count:i zones_per_page:i records_per_page:i min_ttl:i timeout:i api_url
P octodns_azure.AzureProvider azure sub_id:*|subscription_id resource_group:* directory_id|tenant_id client_id key:! client_credential_method client_total_retries:i client_status_retries:i authority base_url top:i
P octodns_azure.AzurePrivateProvider azure-private @octodns_azure.AzureProvider
P octodns_googlecloud.GoogleCloudProvider gcloud project credentials_file batch_size:i private:b
P octodns_ns1.Ns1Provider ns1 api_key:!* retry_count:i monitor_regions:l parallelism:i client_config:m shared_notifylist:b use_http_monitors:b default_healthcheck_http_version
P octodns_digitalocean.DigitalOceanProvider digitalocean token:!*
P octodns_dnsimple.DnsimpleProvider dnsimple token:!* account:* sandbox:b
P octodns_dnsmadeeasy.DnsMadeEasyProvider dnsmadeeasy api_key:!* secret_key:!* sandbox:b ratelimit_delay:f batch_size:i
P octodns_gandi.GandiProvider gandi token:!* per_page:i
P octodns_hetzner.HetznerProvider hetzner token:!* backend
P octodns_ovh.OvhProvider ovh endpoint:* application_key:!* application_secret:!* consumer_key:!*
P octodns_constellix.ConstellixProvider constellix api_key:!* secret_key:!* ratelimit_delay:f
P octodns_easydns.EasyDnsProvider easydns token:!* api_key:!* currency portfolio sandbox:b domain_create_sleep:f
P octodns_edgedns.AkamaiProvider akamai client_secret:!* host:* access_token:!* client_token:!* contract_id gid comment
P octodns_etchosts.EtcHostsProvider etchosts directory:d* remove_trailing_dots:b
P octodns_gcore.GCoreProvider gcore token:! token_type login password:! url auth_url
P octodns_edgecenter.EdgeCenterProvider edgecenter @octodns_gcore.GCoreProvider
P octodns_mythicbeasts.MythicBeastsProvider mythicbeasts passwords:m!*
P octodns_rackspace.RackspaceProvider rackspace username:* api_key:!* ratelimit_delay:f timeout:i
P octodns_selectel.SelectelProvider selectel token:!*
P octodns_selectel.SelectelProviderLegacy selectel-legacy token:!*
P octodns_transip.TransipProvider transip account:* key:! key_file global_key:b
P octodns_ultra.UltraProvider ultradns account:* username:* password:!* timeout:i valimail:b dnssec:b
P octodns_scaleway.ScalewayProvider scaleway token:!* create_zone:b
P octodns_desec.DesecProvider desec token:!* retries:i timeout:f backoff:f max_sleep:f
P octodns_infomaniak.InfomaniakProvider infomaniak token:!*
P octodns_inwx.INWXProvider inwx username api_password:! endpoint retries:i retry_backoff:f
P octodns_cloudns.ClouDNSProvider cloudns auth_id:* auth_password:!* sub_auth:b
P octodns_exoscale.ExoscaleProvider exoscale auth_key:!* auth_secret:!* auth_zone:*
P octodns_azion.AzionProvider azion token:!*
P octodns_autodns.AutoDNSProvider autodns username:* password:!* context:* system_name_servers
P octodns_netbox_dns.NetBoxDNSProvider netbox url:* token:!* view replace_duplicates:b make_absolute:b ns_ttl_mode ns_ttl_value:i disable_ptr:b insecure_request:b

R octodns.processor.acme.AcmeManagingProcessor acme
R octodns.processor.acme.AcmeMangingProcessor acme
R octodns.processor.arpa.AutoArpa auto-arpa ttl:i populate_should_replace:b max_auto_arpa:i inherit_ttl:b wildcard_replacement
R octodns.processor.clamp.TtlClampProcessor ttl-clamp min_ttl:i max_ttl:i
R octodns.processor.filter.TypeAllowlistFilter types-only allowlist:l* include_target:b
R octodns.processor.filter.TypeRejectlistFilter types-without rejectlist:l* include_target:b
R octodns.processor.filter.NameAllowlistFilter names-only allowlist:l* include_target:b
R octodns.processor.filter.NameRejectlistFilter names-without rejectlist:l* include_target:b
R octodns.processor.filter.ValueAllowlistFilter values-only allowlist:l* include_target:b
R octodns.processor.filter.ValueRejectlistFilter values-without rejectlist:l* include_target:b
R octodns.processor.filter.NetworkValueAllowlistFilter networks-only allowlist:l*
R octodns.processor.filter.NetworkValueRejectlistFilter networks-without rejectlist:l*
R octodns.processor.filter.IgnoreRootNsFilter ignore-apex-ns
R octodns.processor.filter.ExcludeRootNsChanges exclude-apex-ns-changes error:b
R octodns.processor.filter.ZoneNameFilter zone-name error:b include_target:b
R octodns.processor.meta.MetaProcessor meta record_name ttl:i include_time:b include_uuid:b include_version:b include_provider:b include_extra:m
R octodns.processor.ownership.OwnershipProcessor ownership txt_name txt_value txt_ttl:i should_replace:b allow_takeover:b
R octodns.processor.restrict.TtlRestrictionFilter ttl-restriction min_ttl:i max_ttl:i allowed_ttls:l
R octodns_spf.SpfDnsLookupProcessor spf-lookups
R octodns.processor.templating.Templating templating trailing_dots:b context:m
R octodns.processor.trailing_dots.EnsureTrailingDots trailing-dots
R octodns_cloudflare.processor.proxycname.ProxyCNAME cloudflare-proxy-cname
R octodns_cloudflare.processor.ttl.TtlToProxy cloudflare-ttl-to-proxy ttl:i
R octodns_cloudflare.processor.filter.TagAllowListFilter cloudflare-tags-only tags:l*
R octodns_cloudflare.processor.filter.TagRejectListFilter cloudflare-tags-without tags:l*
R octodns_route53.processor.AwsAcmMangingProcessor aws-acm

O octodns.provider.plan.PlanLogger text level
O octodns.provider.plan.PlanJson json indent sort_keys:b output_filename
O octodns.provider.plan.PlanMarkdown markdown output_filename
O octodns.provider.plan.PlanHtml html output_filename

V octodns.zone.mail.MailZoneValidator mail mode min_mx:i single_mx_regexes:l types:l
V octodns.zone.caa.CaaZoneValidator caa-best-practices presence types:l

K octodns.secret.environ.EnvironSecrets env
`
