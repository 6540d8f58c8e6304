package powerdns

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
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
	Name:    "powerdns",
	Title:   "PowerDNS Authoritative Server",
	Classes: []string{"octodns_powerdns.PowerDnsProvider"},
	Options: []provider.Option{
		{Name: "host", Required: true, Help: "host of the HTTP API"},
		{Name: "api_key", Required: true, Secret: true, Token: true, Help: "what pdns.conf has as api-key"},
		{Name: "port", Kind: provider.Int, Default: "8081", Help: "port of the HTTP API"},
		{Name: "scheme", Default: "http", Help: "http or https"},
		{Name: "ssl_verify", Default: "true", Help: "check the certificate: true, false, or a file of certificates to trust"},
		{Name: "timeout", Kind: provider.Float, Default: "60", Help: "seconds that one request may take"},
		{Name: "server_id", Default: "localhost", Help: "the server's name in URLs"},
		{Name: "mode_of_operation", Default: "master", Help: "kind of zones that are created: master, native, producer"},
		{Name: "soa_edit_api", Default: "default", Help: "how serials of zones that are created grow (SOA-EDIT-API)"},
		{Name: "notify", Kind: provider.Bool, Default: "false", Help: "send NOTIFY to secondaries after a change"},
		{Name: "nameservers", Kind: provider.List, Help: "NS records of zones that are created"},
		{Name: "dns_address", Kind: provider.NameServer, Help: "where the server answers DNS (address:port), for verification"},
		budget.Option(),
		{Name: "enable_dynamic", Kind: provider.Bool, Ignored: "dynamic records are not written as LUA records"},
	},
	Open: Open,
}

const inFlight = 8 // calls at once

// Open opens the account. It does no I/O.
func Open(c provider.Config) (provider.Provider, error) {
	bad := func(option, format string, args ...any) error {
		return fmt.Errorf("provider %s: option %s %s", c.ID, option, fmt.Sprintf(format, args...))
	}
	host, scheme := c.Text("host", ""), c.Text("scheme", "http")
	switch {
	case host == "":
		return nil, bad("host", "is missing; write the host of the HTTP API")
	case provider.Host(host) != nil:
		return nil, bad("host", "%v, and the scheme in option scheme", provider.Host(host))
	case c.Text("api_key", "") == "":
		return nil, bad("api_key", "is missing; write what pdns.conf has as api-key")
	case scheme != "http" && scheme != "https":
		return nil, bad("scheme", "is %q; write http or https", scheme)
	}
	port, err := c.Int("port", 8081)
	if err != nil {
		return nil, err
	}
	if port < 1 || port > 65535 {
		return nil, bad("port", "is %d; write a number from 1 to 65535", port)
	}
	timeout, err := strconv.ParseFloat(c.Text("timeout", "60"), 64)
	if err != nil || !(timeout > 0 && timeout < 1e6) {
		return nil, bad("timeout", "is %q; write a number of seconds", c.Text("timeout", ""))
	}
	p := &Provider{server: "/servers/" + url.PathEscape(c.Text("server_id", "localhost"))}
	if p.notify, err = c.Bool("notify", false); err != nil {
		return nil, err
	}
	if err := p.zoneOptions(c, bad); err != nil {
		return nil, err
	}
	transport, err := transport(c, bad)
	if err != nil {
		return nil, err
	}
	base := fmt.Sprintf("%s://%s/api/v1", scheme, net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port)))
	// The server documents no limit; more calls at once than this only queue up in it.
	account, err := budget.Open(c, "powerdns "+base+p.server+" "+c.Text("api_key", ""), budget.Limits{InFlight: inFlight})
	if err != nil {
		return nil, err
	}
	p.http = &httpkit.Client{
		Account: c.ID, Base: base, Where: httpkit.Where(fmt.Sprintf("host of provider %s (%s, with scheme, port and server_id)", c.ID, base+p.server)),
		Auth: httpkit.Header("X-API-Key", httpkit.Secret(c.Text("api_key", ""))), HTTP: transport,
		Budget: account, Trace: c.Trace, Timeout: time.Duration(timeout * float64(time.Second)),
	}
	return p, nil
}

// Budget is what the account may do.
func (p *Provider) Budget() *budget.Account { return p.http.Budget }

// zoneOptions reads what zones are created with, and where they can be asked.
func (p *Provider) zoneOptions(c provider.Config, bad func(string, string, ...any) error) error {
	kinds := map[string]string{"master": "Master", "primary": "Master", "native": "Native", "producer": "Producer"}
	mode := c.Text("mode_of_operation", "master")
	if p.kind = kinds[strings.ToLower(mode)]; p.kind == "" {
		return bad("mode_of_operation", "is %q; write master, native or producer: zones of other kinds cannot be written", mode)
	}
	p.soaEdit = strings.ToUpper(c.Text("soa_edit_api", "default"))
	for _, s := range c.Values["nameservers"].List {
		n, err := zone.ParseName(s)
		if err != nil {
			return bad("nameservers", "holds %q: %v", s, err)
		}
		p.ns = append(p.ns, n.String())
	}
	if a := c.Text("dns_address", ""); a != "" {
		address, err := provider.DNSAddress(a)
		if err != nil {
			return bad("dns_address", "%v; %s", err, provider.HowToWriteDNSAddress)
		}
		p.addresses = []string{address}
	}
	return nil
}

func transport(c provider.Config, bad func(string, string, ...any) error) (http.RoundTripper, error) {
	var base http.RoundTripper
	if c.HTTP != nil {
		base = c.HTTP()
	}
	var trust httpkit.TLS
	if check, err := c.Bool("ssl_verify", true); err == nil {
		trust.Insecure = !check
	} else {
		trust.CAFile = c.Text("ssl_verify", "")
	}
	t, err := httpkit.Transport(base, trust)
	if err != nil {
		return nil, bad("ssl_verify", "names a file of certificates: %v", err)
	}
	return t, nil
}
