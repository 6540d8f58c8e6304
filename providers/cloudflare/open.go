package cloudflare

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/provider/httpkit"
)

func init() { provider.Register(Driver) }

// defaultURL is where the API is.
const defaultURL = "https://api.cloudflare.com/client/v4"

// Driver is the entry in the registry.
var Driver = provider.Driver{
	Name:    "cloudflare",
	Title:   "Cloudflare DNS",
	Classes: []string{"octodns_cloudflare.CloudflareProvider"},
	Options: []provider.Option{
		{Name: "token", Required: true, Secret: true, Token: true, Help: "API token; with email, the global API key"},
		{Name: "email", Token: true, Help: "who signs in with a global API key; leave it out with an API token"},
		{Name: "account_id", Help: "the account whose zones are seen, and in which zones are created; default: all that the token sees"},
		{Name: "plan_type", Help: "free, pro, business or enterprise: how large batches may be; default: what each zone says. Plans are never changed"},
		{Name: "multi_provider", Default: "auto", Help: "auto: switched on when name servers of others are written at the apex; true: always on; false: the apex NS are left alone"},
		{Name: "min_ttl", Kind: provider.Int, Default: "120", Help: "lowest TTL that is written; Cloudflare takes 60, of enterprise zones 30"},
		{Name: "zones_per_page", Kind: provider.Int, Default: "50", Help: "zones of one page of a list, 5 to 50"},
		{Name: "records_per_page", Kind: provider.Int, Default: "5000", Help: "records of one page of a list"},
		{Name: "timeout", Kind: provider.Float, Default: "60", Help: "seconds that one request may take"},
		{Name: "retry_count", Kind: provider.Int, Default: "4", Help: "how often a request that was throttled, or that only reads, is repeated"},
		{Name: "retry_period", Kind: provider.Int, Default: "300", Help: "seconds that are waited at most when the service asks to wait"},
		{Name: "auth_error_retry_count", Kind: provider.Int, Default: "0", Help: "how often a request that was denied is repeated, after retry_period each"},
		{Name: "api_url", Aliases: []string{"endpoint"}, Default: defaultURL, Help: "address of the API"},
		{Name: "ca_file", Help: "file of certificates to trust instead of the system's; relative to the configuration"},
		{Name: "dns_address", Kind: provider.NameServer, Help: "where the name servers of all zones answer (address:port), for verification in a sandbox"},
		budget.Option(),
		{Name: "cdn", Kind: provider.Bool, Ignored: "proxied records are read as what they are; the processor ProxyCNAME points other providers to Cloudflare's edge"},
		{Name: "pagerules", Kind: provider.Bool, Ignored: "page rules are no records: they are neither read nor written"},
		{Name: "regional_services", Kind: provider.Bool, Ignored: "regional hostnames are left as they are"},
	},
	Open: Open,
}

// documented are the limits of the API for one user, and for one address
// (https://developers.cloudflare.com/fundamentals/api/reference/limits/).
var documented = budget.Limits{Windows: []budget.Window{{Calls: 200, Per: time.Second}, {Calls: 1200, Per: 5 * time.Minute}}}

// inFlight is how many calls at once make sense: Cloudflare states no limit of its own.
const inFlight = 100

// Open opens the account. It does no I/O.
func Open(c provider.Config) (provider.Provider, error) {
	o := options{c}
	token := strings.TrimSpace(c.Text("token", ""))
	if token == "" {
		return nil, o.bad("token", "is missing; write an API token that may read zones and edit DNS")
	}
	base, err := o.base()
	if err != nil {
		return nil, err
	}
	p := &Provider{account: c.Text("account_id", ""), zones: map[string]cachedZone{}, census: census{turn: make(chan struct{}, 1)}, now: time.Now}
	if p.plan, err = o.oneOf("plan_type", "", "free", "pro", "business", "enterprise"); err != nil {
		return nil, err
	}
	if p.multi, err = o.multiProvider(); err != nil {
		return nil, err
	}
	minTTL, err := o.between("min_ttl", 120, 1, maxTTL)
	if err != nil {
		return nil, err
	}
	p.minTTL = uint32(minTTL)
	if p.zonesPerPage, err = o.between("zones_per_page", 50, 5, 50); err != nil {
		return nil, err
	}
	if p.recordsPerPage, err = o.between("records_per_page", 5000, 1, 5_000_000); err != nil {
		return nil, err
	}
	if p.denials, err = o.between("auth_error_retry_count", 0, 0, 100); err != nil {
		return nil, err
	}
	if a := c.Text("dns_address", ""); a != "" {
		if a, err = provider.DNSAddress(a); err != nil {
			return nil, o.bad("dns_address", "%v; %s", err, provider.HowToWriteDNSAddress)
		}
		p.addresses = []string{a}
	}
	auth := httpkit.Bearer(httpkit.Secret(token))
	if email := c.Text("email", ""); email != "" {
		auth = globalKey{email, httpkit.Header("X-Auth-Key", httpkit.Secret(token))}
	}
	if p.http, err = o.client(base, auth); err != nil {
		return nil, err
	}
	p.http.Budget, err = budget.Open(c, "cloudflare\x00"+base+"\x00"+c.Text("email", "")+"\x00"+token, documented)
	p.pause = p.http.MaxPause
	return p, err
}

// globalKey signs in as a user with the user's global API key
// (https://developers.cloudflare.com/fundamentals/api/get-started/keys/).
type globalKey struct {
	email string
	httpkit.Auth
}

// Apply implements httpkit.Auth.
func (g globalKey) Apply(r *http.Request) error {
	r.Header.Set("X-Auth-Email", g.email)
	return g.Auth.Apply(r)
}

// options reads the options of an account.
type options struct{ provider.Config }

func (o options) bad(option, format string, args ...any) error {
	return fmt.Errorf("provider %s: option %s %s", o.ID, option, fmt.Sprintf(format, args...))
}

func (o options) base() (string, error) {
	u, err := provider.Address(o.Text("api_url", defaultURL))
	if err != nil {
		return "", o.bad("api_url", "%v; write an address such as %s", err, defaultURL)
	}
	return u.String(), nil
}

func (o options) oneOf(option string, values ...string) (string, error) {
	v := strings.ToLower(o.Text(option, values[0]))
	if !slices.Contains(values, v) {
		return "", o.bad(option, "is %q; write %s", v, strings.Trim(strings.Join(values, ", "), ", "))
	}
	return v, nil
}

func (o options) multiProvider() (string, error) {
	v := strings.ToLower(o.Text("multi_provider", multiAuto))
	if v == multiAuto {
		return v, nil
	}
	on, err := o.Bool("multi_provider", false)
	switch {
	case err != nil:
		return "", o.bad("multi_provider", "is %q; write auto, true or false", v)
	case on:
		return multiOn, nil
	}
	return multiOff, nil
}

func (o options) between(option string, def, least, most int) (int, error) {
	n, err := o.Int(option, def)
	if err == nil && (n < least || n > most) {
		err = o.bad(option, "is %d; write a number from %d to %d", n, least, most)
	}
	return n, err
}

// client makes the client of the API.
func (o options) client(base string, auth httpkit.Auth) (*httpkit.Client, error) {
	timeout, err := strconv.ParseFloat(o.Text("timeout", "60"), 64)
	if err != nil || !(timeout > 0 && timeout < 1e6) {
		return nil, o.bad("timeout", "is %q; write a number of seconds", o.Text("timeout", ""))
	}
	retries, err := o.between("retry_count", 4, 0, 100)
	if err != nil {
		return nil, err
	}
	period, err := o.between("retry_period", 300, 0, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	var below http.RoundTripper
	if o.HTTP != nil {
		below = o.HTTP()
	}
	transport, err := httpkit.Transport(below, httpkit.TLS{CAFile: o.File("ca_file")})
	if err != nil {
		return nil, o.bad("ca_file", "names a file of certificates: %v", err)
	}
	return &httpkit.Client{
		Account: o.ID, Base: base, Where: httpkit.At(o.Config, "api_url", base), Auth: auth, HTTP: transport, Trace: o.Trace, Message: message,
		Timeout: time.Duration(timeout * float64(time.Second)), Tries: retries + 1,
		MaxPause: max(time.Second, time.Duration(period)*time.Second),
	}, nil
}
