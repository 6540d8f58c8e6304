package google

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
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
	Name:    "google",
	Title:   "Google Cloud DNS",
	Classes: []string{"octodns_googlecloud.GoogleCloudProvider"},
	Options: []provider.Option{
		{Name: "project", Help: "project that holds the zones; default: that of the credentials, or GOOGLE_CLOUD_PROJECT"},
		{Name: "credentials_file", Help: "key file of a service account, or another file of credentials; default: Application Default Credentials"},
		{Name: "credentials", Secret: true, Help: "what credentials_file would hold, as text"},
		{Name: "metadata", Kind: provider.Bool, Default: "false", Help: "true: without other credentials ask the metadata server of the machine, as on Compute Engine and GKE"},
		{Name: "private", Kind: provider.Bool, Help: "true: only private zones, false: only public ones; default: both"},
		{Name: "networks", Kind: provider.List, Help: "VPC networks (names, or whole addresses) that see private zones that are created"},
		{Name: "zone_names", Kind: provider.Map, Help: "names or ids of managed zones by zone, where a project holds several of one name"},
		{Name: "batch_size", Kind: provider.Int, Default: "1000", Help: "additions, and deletions, in one change; more than 1000 need a higher quota"},
		{Name: "sync_timeout", Kind: provider.Int, Default: "60", Help: "seconds to wait until a change is no longer pending; 0 does not wait"},
		{Name: "endpoint", Help: "address of the Cloud DNS API in place of Google's"},
		{Name: "ca_file", Help: "file of PEM certificates to trust; relative to the configuration"},
		{Name: "dns_address", Kind: provider.NameServer, Help: "where the name servers answer (address:port), for verification"},
		budget.Option(),
	},
	Open: Open,
}

// Documented are the limits of a project. The quota page counts calls a minute and names no number
// that holds for all, so there is none here: what the service refuses is waited for.
var Documented = budget.Limits{InFlight: inFlight}

// An account is where and as whom calls are made.
type account struct {
	project   string // "": the credentials tell
	inline    string // credentials as text
	file      string // of credentials
	metadata  bool   // the metadata server may be asked
	private   *bool
	networks  []string
	zoneNames map[zone.Name]string
	batch     int
	wait      time.Duration // until a change is done; 0: does not wait
	endpoint  string        // ends in a slash
	addresses []string
}

// googles is the address of the API (https://cloud.google.com/dns/docs/reference/rest/v1).
const googles = "https://dns.googleapis.com/"

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
	// Quotas are the project's, whoever calls; where it is not named, that of the credentials.
	key := []string{"google", a.endpoint, a.project}
	if a.project == "" {
		key = append(key, a.inline, a.file)
	}
	b, err := budget.Open(c, strings.Join(key, "\x00"), Documented)
	if err != nil {
		return nil, err
	}
	p := &Provider{account: *a, transport: transport, budget: b, trace: c.Trace, where: httpkit.At(c, "endpoint", a.endpoint)}
	p.session.turn = make(chan struct{}, 1)
	p.gate = &httpkit.Gate{Account: c.ID, HTTP: transport, Budget: b, Trace: c.Trace, Check: isJSON}
	// Token endpoints have limits of their own.
	p.tokenGate = &httpkit.Gate{Account: c.ID, HTTP: transport, Trace: c.Trace, Check: isJSON}
	p.metadataGate = &httpkit.Gate{Account: c.ID, HTTP: transport, Trace: c.Trace, Check: httpkit.NotHTML}
	p.retry = &httpkit.Retry{Account: c.ID, Budget: b, Tries: tries, Trace: c.Trace, Where: p.where, Classify: p.classify}
	p.tokenAt = httpkit.Where("token_uri in the credentials of provider " + c.ID)
	p.signIn = &httpkit.Retry{Account: c.ID, Trace: c.Trace, Where: p.tokenAt, Classify: p.classifySignIn}
	p.directory.zones, p.directory.ids = map[zone.Name]known{}, map[string]known{}
	return p, nil
}

// options reads the values of a configuration.
type options struct{ provider.Config }

func (o options) bad(option, format string, args ...any) error {
	return fmt.Errorf("provider %s: option %s %s", o.ID, option, fmt.Sprintf(format, args...))
}

func (o options) account() (*account, error) {
	a := &account{
		project: o.Text("project", ""), inline: o.Text("credentials", ""), file: o.File("credentials_file"),
		networks: o.Values["networks"].List, endpoint: googles,
	}
	if err := errors.Join(o.credentials(a), o.numbers(a), o.which(a), o.where(a)); err != nil {
		return nil, err
	}
	return a, nil
}

// projectID is the form of ids of projects, a domain before them (example.com:name) and numbers
// included (https://cloud.google.com/resource-manager/docs/creating-managing-projects).
var projectID = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z0-9][a-z0-9-]{0,62}$`)

func (o options) credentials(a *account) (err error) {
	switch {
	case a.inline != "" && a.file != "":
		return o.bad("credentials", "stands beside credentials_file; write one of the two")
	case a.inline != "" && !json.Valid([]byte(a.inline)):
		return o.bad("credentials", "is not the JSON of a key file")
	case a.project != "" && !projectID.MatchString(a.project):
		return o.bad("project", "is %q; write the project's id, such as my-project-123", a.project)
	}
	if a.file != "" && !filepath.IsAbs(a.file) {
		a.file = filepath.Join(o.WorkDir, a.file)
	}
	a.metadata, err = o.Bool("metadata", false)
	return err
}

func (o options) numbers(a *account) error {
	var err, err2 error
	if a.batch, err = o.Int("batch_size", maxSets); err == nil && (a.batch < 1 || a.batch > 100_000) {
		err = o.bad("batch_size", "is %d; write a number from 1 to 100000", a.batch)
	}
	wait, err2 := o.Int("sync_timeout", 60)
	if err2 == nil && (wait < 0 || wait > 3600) {
		err2 = o.bad("sync_timeout", "is %d; write seconds from 0 to 3600", wait)
	}
	a.wait = time.Duration(wait) * time.Second
	return errors.Join(err, err2)
}

// properName is the form of names and ids of managed zones.
var properName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// which reads what managed zones the account is about.
func (o options) which(a *account) error {
	if v, ok := o.Values["private"]; ok && v.Text != "" && !strings.EqualFold(v.Text, "none") {
		b, err := o.Bool("private", false)
		if err != nil {
			return err
		}
		a.private = &b
	}
	if len(a.networks) > 0 && (a.private == nil || !*a.private) {
		return o.bad("networks", "is for private zones; set private: true too")
	}
	a.zoneNames = map[zone.Name]string{}
	for name, id := range o.Values["zone_names"].Map {
		n, err := zone.ParseName(name)
		if err != nil {
			return o.bad("zone_names", "names zone %q: %v", name, err)
		}
		if !properName.MatchString(id) {
			return o.bad("zone_names", "gives %s the name %q; write a managed zone's name or id, such as example-org", n, id)
		}
		a.zoneNames[n] = id
	}
	return nil
}

func (o options) where(a *account) error {
	if at := o.Text("endpoint", ""); at != "" {
		u, err := provider.Address(at)
		if err != nil {
			return o.bad("endpoint", "%v; write an address such as %s", err, googles)
		}
		a.endpoint = u.String() + "/"
	}
	if at := o.Text("dns_address", ""); at != "" {
		address, err := provider.DNSAddress(at)
		if err != nil {
			return o.bad("dns_address", "%v; %s", err, provider.HowToWriteDNSAddress)
		}
		a.addresses = []string{address}
	}
	return nil
}

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
	n := 0
	for _, err := range p.Zones(ctx) {
		if err != nil {
			return "", err
		}
		n++
	}
	return fmt.Sprintf("Google Cloud DNS, project %s, %s", p.session.projectOf(p.project), provider.CountZones(n)), nil
}
