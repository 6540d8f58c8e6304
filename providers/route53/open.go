package route53

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

func init() { provider.Register(Driver) }

// Driver is the entry in the registry.
var Driver = provider.Driver{
	Name:    "route53",
	Title:   "Amazon Route 53",
	Classes: []string{"octodns_route53.Route53Provider"},
	Options: []provider.Option{
		{Name: "access_key_id", Secret: true, Token: true, Help: "access key; without it the environment, the shared files and the machine's role are asked, as every AWS tool does"},
		{Name: "secret_access_key", Secret: true, Token: true, Help: "secret of the access key"},
		{Name: "session_token", Secret: true, Token: true, Help: "token of temporary credentials"},
		{Name: "profile", Help: "profile of the shared configuration files; access_key_id goes before it"},
		{Name: "role_arn", Help: "role to assume"},
		{Name: "role_external_id", Help: "external id that the role asks for"},
		{Name: "role_session_name", Help: "name of the session in CloudTrail; default: zonecast- and the account's name"},
		{Name: "region", Help: "region that names the partition (aws, aws-cn, aws-us-gov); default: the profile's, or us-east-1"},
		{Name: "endpoint", Help: "address of the Route 53 API in place of Amazon's"},
		{Name: "sts_endpoint", Help: "address of the STS API in place of Amazon's"},
		{Name: "ca_file", Help: "file of PEM certificates to trust; relative to the configuration"},
		{Name: "dns_address", Kind: provider.NameServer, Help: "where the name servers answer (address:port), for verification"},
		{Name: "private", Kind: provider.Bool, Help: "true: only private hosted zones, false: only public ones; default: both"},
		{Name: "vpc_id", Help: "only private hosted zones of this VPC; new zones are made private in it"},
		{Name: "vpc_region", Help: "region of the VPC"},
		{Name: "vpc_multi_action", Default: "error", Help: "a zone that other VPCs see too: error (is not touched), warn (is shown), ignore"},
		{Name: "zone_ids", Kind: provider.Map, Help: "ids of hosted zones by zone, where an account holds several of one name"},
		{Name: "delegation_set_id", Help: "reusable delegation set of zones that are created"},
		{Name: "get_zones_by_name", Kind: provider.Bool, Default: "false", Help: "true: look up each zone by its name; false: list all zones once a run needs several"},
		{Name: "max_changes", Kind: provider.Int, Default: "1000", Help: "records in one change batch, 2 to 1000"},
		{Name: "client_max_attempts", Kind: provider.Int, Default: "4", Help: "tries of one call"},
		{Name: "sync_timeout", Kind: provider.Int, Default: "60", Help: "seconds to wait until all name servers have a change (INSYNC); 0 does not wait"},
		budget.Option(),
	},
	Open: Open,
}

// documented are the limits of an account that Route 53 documents: five requests a second
// (Developer Guide, "Quotas", "Maximums on API requests").
var documented = budget.Limits{
	Windows: []budget.Window{{Calls: 5, Per: time.Second}}, Docs: guide + "DNSLimitations.html#limits-api-requests",
}

// An account is where and as whom calls are made.
type account struct {
	key, secret, token        string
	profile                   string
	role, external, session   string
	region                    string
	endpoint, stsEndpoint     string
	tries                     int
	private                   *bool
	vpc, vpcRegion, otherVPCs string
	zoneIDs                   map[zone.Name]string
	delegationSet             string
	byName                    bool
	maxElements               int
	wait                      time.Duration // for INSYNC; 0: does not wait
	addresses                 []string
}

// Open opens the account. It does no I/O; files of credentials are read by the first call.
func Open(c provider.Config) (provider.Provider, error) {
	o := options{c}
	a, err := o.account()
	if err != nil {
		return nil, err
	}
	var base http.RoundTripper
	if c.HTTP != nil {
		base = c.HTTP()
	}
	transport, err := httpkit.Transport(base, httpkit.TLS{CAFile: c.File("ca_file")})
	if err != nil {
		return nil, o.bad("ca_file", "names a file of certificates: %v", err)
	}
	b, err := budget.Open(c, strings.Join([]string{"route53", a.endpoint, a.key, a.profile, a.role}, "\x00"), documented)
	if err != nil {
		return nil, err
	}
	secrets := []string{}
	for _, s := range []string{a.secret, a.token} {
		if s != "" {
			secrets = append(secrets, s)
		}
	}
	p := &Provider{account: *a, secrets: secrets, transport: transport, budget: b, where: httpkit.At(c, "endpoint", cmp.Or(a.endpoint, "Amazon's own, or AWS_ENDPOINT_URL's"))}
	p.stsAt = httpkit.At(c, "sts_endpoint", cmp.Or(a.stsEndpoint, "Amazon's own, or AWS_ENDPOINT_URL's"))
	p.gate = &httpkit.Gate{Account: c.ID, HTTP: transport, Budget: b, Trace: c.Trace, Secrets: secrets, Check: isAnswer}
	// STS has limits of its own.
	p.stsGate = &httpkit.Gate{Account: c.ID, HTTP: transport, Trace: c.Trace, Secrets: secrets, Check: isAnswer}
	p.retry = &httpkit.Retry{Account: c.ID, Budget: b, Tries: a.tries, Trace: c.Trace, Where: p.where, Classify: p.classify}
	p.signIn = &httpkit.Retry{Account: c.ID, Tries: a.tries, Trace: c.Trace, Where: p.stsAt, Classify: p.classifySignIn}
	p.directory.forgetAll()
	return p, nil
}

// options reads the values of a configuration.
type options struct{ provider.Config }

func (o options) bad(option, format string, args ...any) error {
	return fmt.Errorf("provider %s: option %s %s", o.ID, option, fmt.Sprintf(format, args...))
}

func (o options) account() (*account, error) {
	a := &account{
		key: o.Text("access_key_id", ""), secret: o.Text("secret_access_key", ""), token: o.Text("session_token", ""),
		profile: o.Text("profile", ""), role: o.Text("role_arn", ""), external: o.Text("role_external_id", ""),
		session: o.Text("role_session_name", ""), region: o.Text("region", ""), delegationSet: o.Text("delegation_set_id", ""),
	}
	if err := o.credentials(a); err != nil {
		return nil, err
	}
	for name, into := range map[string]*string{"endpoint": &a.endpoint, "sts_endpoint": &a.stsEndpoint} {
		if o.Text(name, "") == "" {
			continue
		}
		u, err := provider.Address(o.Text(name, ""))
		if err != nil {
			return nil, o.bad(name, "%v; write an address such as https://route53.amazonaws.com", err)
		}
		*into = u.String()
	}
	if err := errors.Join(o.numbers(a), o.which(a)); err != nil {
		return nil, err
	}
	if at := o.Text("dns_address", ""); at != "" {
		address, err := provider.DNSAddress(at)
		if err != nil {
			return nil, o.bad("dns_address", "%v; %s", err, provider.HowToWriteDNSAddress)
		}
		a.addresses = []string{address}
	}
	return a, nil
}

// notInSession are characters that STS does not take in the name of a session.
var notInSession = regexp.MustCompile(`[^\w+=,.@-]+`)

func (o options) credentials(a *account) error {
	switch {
	case a.key == "" && (a.secret != "" || a.token != ""):
		return o.bad("access_key_id", "is missing; secret_access_key and session_token belong to one")
	case a.key != "" && a.secret == "":
		return o.bad("secret_access_key", "is missing; write the secret of the access key")
	case a.role == "" && (a.external != "" || a.session != ""):
		return o.bad("role_arn", "is missing; role_external_id and role_session_name belong to a role")
	case a.role != "" && !strings.HasPrefix(a.role, "arn:"):
		return o.bad("role_arn", "is %q; write the role's ARN (arn:aws:iam::123456789012:role/dns)", a.role)
	}
	if a.session == "" {
		a.session = "zonecast-" + o.ID
	}
	a.session = notInSession.ReplaceAllString(a.session, "-")
	a.session = a.session[:min(len(a.session), 64)]
	return nil
}

func (o options) numbers(a *account) error {
	wait := 0
	for _, n := range []struct {
		name         string
		into         *int
		def, low, up int
	}{
		{"max_changes", &a.maxElements, maxElements, 2, maxElements},
		{"client_max_attempts", &a.tries, 4, 1, 100},
		{"sync_timeout", &wait, 60, 0, 3600},
	} {
		v, err := o.Int(n.name, n.def)
		if err != nil {
			return err
		}
		if v < n.low || v > n.up {
			return o.bad(n.name, "is %d; write a number from %d to %d", v, n.low, n.up)
		}
		*n.into = v
	}
	a.wait = time.Duration(wait) * time.Second
	var err error
	a.byName, err = o.Bool("get_zones_by_name", false)
	return err
}

// which reads what hosted zones the account is about.
func (o options) which(a *account) error {
	a.vpc, a.vpcRegion, a.otherVPCs = o.Text("vpc_id", ""), o.Text("vpc_region", ""), o.Text("vpc_multi_action", "error")
	if v, ok := o.Values["private"]; ok && v.Text != "" && !strings.EqualFold(v.Text, "none") {
		b, err := o.Bool("private", false)
		if err != nil {
			return err
		}
		a.private = &b
	}
	switch {
	case a.vpc != "" && a.vpcRegion == "":
		return o.bad("vpc_region", "is missing; write the region of %s", a.vpc)
	case a.vpc != "" && a.private != nil && !*a.private:
		return o.bad("vpc_id", "cannot stand beside private: false; zones of a VPC are private")
	case a.otherVPCs != "error" && a.otherVPCs != "warn" && a.otherVPCs != "ignore":
		return o.bad("vpc_multi_action", "is %q; write error, warn or ignore", a.otherVPCs)
	}
	if a.vpc != "" {
		yes := true
		a.private = &yes
	}
	if a.delegationSet != "" && a.private != nil && *a.private {
		return o.bad("delegation_set_id", "cannot stand beside private zones; they have no delegation")
	}
	a.zoneIDs = map[zone.Name]string{}
	for name, id := range o.Values["zone_ids"].Map {
		n, err := zone.ParseName(name)
		if err != nil {
			return o.bad("zone_ids", "names zone %q: %v", name, err)
		}
		if a.zoneIDs[n] = bareID(id); !properID.MatchString(a.zoneIDs[n]) {
			return o.bad("zone_ids", "gives %s the id %s; write a hosted zone's id, such as Z2FDTNDATAQYW2", n, strconv.Quote(id))
		}
	}
	return nil
}

// properID is the form of ids of hosted zones.
var properID = regexp.MustCompile(`^[A-Z0-9]{1,32}$`)

// bareID takes the path off an id: the API gives "/hostedzone/Z123" and "/change/C123".
func bareID(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// Close lets go of connections.
func (p *Provider) Close() error {
	if c, ok := p.transport.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	return nil
}

// Budget is what the account may still do.
func (p *Provider) Budget() *budget.Account { return p.budget }

// Verify implements provider.Verifier.
func (p *Provider) Verify(ctx context.Context) (string, error) {
	n, err := p.countZones(ctx)
	if err != nil {
		return "", err
	}
	return "Amazon Route 53, " + provider.CountZones(n), nil
}
