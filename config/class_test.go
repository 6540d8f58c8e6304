package config_test

import (
	"strings"
	"testing"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
)

// Every class of octoDNS and of its packages is known, the historic spellings too.
func TestClassesAreKnown(t *testing.T) {
	t.Parallel()
	for typ, classes := range map[string]string{
		"yaml":                "octodns.provider.yaml.YamlProvider",
		"yaml-split":          "octodns.provider.yaml.SplitYamlProvider",
		"yaml-named":          "octodns_namedfileyaml.NamedFileYamlProvider",
		"envvar":              "octodns.source.envvar.EnvVarSource",
		"tinydns":             "octodns.source.tinydns.TinyDnsFileSource",
		"route53":             "octodns_route53.Route53Provider octodns.provider.route53.Route53Provider",
		"route53-ec2":         "octodns_route53.Ec2Source",
		"route53-elb":         "octodns_route53.ElbSource",
		"cloudflare":          "octodns_cloudflare.CloudflareProvider octodns.provider.cloudflare.CloudflareProvider",
		"cloudflare-internal": "octodns_cloudflare.CloudflareInternalProvider",
		"azure":               "octodns_azure.AzureProvider octodns.provider.azuredns.AzureProvider octodns_azuredns.AzureProvider",
		"azure-private":       "octodns_azure.AzurePrivateProvider",
		"gcloud":              "octodns_googlecloud.GoogleCloudProvider octodns.provider.googlecloud.GoogleCloudProvider",
		"ns1":                 "octodns_ns1.Ns1Provider octodns.provider.ns1.Ns1Provider",
		"powerdns":            "octodns_powerdns.PowerDnsProvider octodns.provider.powerdns.PowerDnsProvider",
		"rfc2136":             "octodns_bind.Rfc2136Provider octodns_bind.BindProvider",
		"axfr":                "octodns_bind.AxfrSource octodns.source.axfr.AxfrSource octodns_axfr.AxfrSource",
		"zonefile":            "octodns_bind.ZoneFileProvider",
		"bind":                "octodns_bind.ZoneFileSource octodns.source.axfr.ZoneFileSource",
		"digitalocean":        "octodns_digitalocean.DigitalOceanProvider octodns.provider.digitalocean.DigitalOceanProvider",
		"dnsimple":            "octodns_dnsimple.DnsimpleProvider octodns.provider.dnsimple.DnsimpleProvider",
		"dnsmadeeasy":         "octodns_dnsmadeeasy.DnsMadeEasyProvider octodns.provider.dnsmadeeasy.DnsMadeEasyProvider",
		"gandi":               "octodns_gandi.GandiProvider octodns.provider.gandi.GandiProvider",
		"hetzner":             "octodns_hetzner.HetznerProvider octodns.provider.hetzner.HetznerProvider",
		"ovh":                 "octodns_ovh.OvhProvider octodns.provider.ovh.OvhProvider",
		"constellix":          "octodns_constellix.ConstellixProvider octodns.provider.constellix.ConstellixProvider",
		"easydns":             "octodns_easydns.EasyDnsProvider octodns.provider.easydns.EasyDnsProvider",
		"akamai":              "octodns_edgedns.AkamaiProvider octodns.provider.edgedns.AkamaiProvider octodns.provider.fastdns.AkamaiProvider",
		"etchosts":            "octodns_etchosts.EtcHostsProvider octodns.provider.etc_hosts.EtcHostsProvider",
		"gcore":               "octodns_gcore.GCoreProvider octodns.provider.gcore.GCoreProvider",
		"edgecenter":          "octodns_edgecenter.EdgeCenterProvider",
		"mythicbeasts":        "octodns_mythicbeasts.MythicBeastsProvider octodns.provider.mythicbeasts.MythicBeastsProvider",
		"rackspace":           "octodns_rackspace.RackspaceProvider octodns.provider.rackspace.RackspaceProvider",
		"selectel":            "octodns_selectel.SelectelProvider octodns.provider.selectel.SelectelProvider",
		"selectel-legacy":     "octodns_selectel.SelectelProviderLegacy",
		"transip":             "octodns_transip.TransipProvider octodns.provider.transip.TransipProvider",
		"ultradns":            "octodns_ultra.UltraProvider octodns.provider.ultra.UltraProvider",
		"scaleway":            "octodns_scaleway.ScalewayProvider",
		"desec":               "octodns_desec.DesecProvider",
		"infomaniak":          "octodns_infomaniak.InfomaniakProvider",
		"inwx":                "octodns_inwx.INWXProvider",
		"cloudns":             "octodns_cloudns.ClouDNSProvider",
		"exoscale":            "octodns_exoscale.ExoscaleProvider",
		"azion":               "octodns_azion.AzionProvider",
		"autodns":             "octodns_autodns.AutoDNSProvider",
		"netbox":              "octodns_netbox_dns.NetBoxDNSProvider",
		"ddns":                "octodns_ddns.DdnsSource",
		"spf":                 "octodns_spf.SpfSource",
	} {
		for class := range strings.FieldsSeq(classes) {
			cfg, finds := load(t, "octodns.yaml", "providers:\n  p:\n    class: "+class+"\nzones: {}\n")
			for _, f := range finds {
				if f.ID != "missing-option" && f.ID != "old-class" {
					t.Errorf("%s: %v", class, f)
				}
			}
			e, _ := cfg.Entry("p")
			if e.Known.Type != typ {
				t.Errorf("class %s means %q, want %q", class, e.Known.Type, typ)
			}
		}
	}
}

func TestProcessorClassesAreKnown(t *testing.T) {
	t.Parallel()
	const core = `acme.AcmeManagingProcessor acme.AcmeMangingProcessor arpa.AutoArpa clamp.TtlClampProcessor
		filter.TypeAllowlistFilter filter.TypeRejectlistFilter filter.NameAllowlistFilter filter.NameRejectlistFilter
		filter.ValueAllowlistFilter filter.ValueRejectlistFilter filter.NetworkValueAllowlistFilter
		filter.NetworkValueRejectlistFilter filter.IgnoreRootNsFilter filter.ExcludeRootNsChanges filter.ZoneNameFilter
		meta.MetaProcessor ownership.OwnershipProcessor restrict.TtlRestrictionFilter spf.SpfDnsLookupProcessor
		templating.Templating trailing_dots.EnsureTrailingDots`
	classes := []string{
		"octodns_cloudflare.processor.proxycname.ProxyCNAME", "octodns_cloudflare.processor.ttl.TtlToProxy",
		"octodns_cloudflare.processor.filter.TagAllowListFilter", "octodns_cloudflare.processor.filter.TagRejectListFilter",
		"octodns_route53.processor.AwsAcmMangingProcessor", "octodns_spf.SpfDnsLookupProcessor",
	}
	for c := range strings.FieldsSeq(core) {
		classes = append(classes, "octodns.processor."+c)
	}
	for _, class := range classes {
		_, finds := load(t, "octodns.yaml", "providers: {}\nprocessors:\n  p: {class: "+class+", lenient: true}\nzones: {}\n")
		for _, f := range finds {
			if f.ID != "missing-option" {
				t.Errorf("%s: %v", class, f)
			}
		}
	}
}

func TestUnknownClassListsKnownOnes(t *testing.T) {
	t.Parallel()
	_, finds := load(t, "octodns.yaml", "providers:\n  p: {class: octodns_cloudflare.CloudflairProvider}\nzones: {}\n")
	if len(finds) != 1 || finds[0].ID != "unknown-class" || finds[0].Severity != finding.Error {
		t.Fatalf("findings = %v, want one unknown-class", finds)
	}
	fix := finds[0].Fix
	if !strings.HasPrefix(fix, "did you mean octodns_cloudflare.CloudflareProvider? known are octodns_cloudflare.CloudflareProvider, ") {
		t.Errorf("fix = %q, want the nearest first", fix)
	}
	for _, c := range config.Classes() {
		if (c.Role == config.RoleProvider || c.Role == config.RoleSource) && !strings.Contains(fix, c.Name) {
			t.Errorf("the list lacks %s", c.Name)
		}
	}
}
