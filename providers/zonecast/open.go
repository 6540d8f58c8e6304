package zonecast

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

func init() { provider.Register(Driver) }

// Driver is the entry in the registry.
var Driver = provider.Driver{
	Name:  "zonecast",
	Title: "zonecast name server",
	Options: []provider.Option{
		{Name: "socket", Help: "Unix socket of the name server's control interface; default: " + api.DefaultSocket + ", unless address is given"},
		{Name: "address", Help: "host:port of the control interface over TLS, also as https://host:port, in place of socket"},
		{Name: "certificate", Help: "certificate that is shown to the name server, a PEM file; relative to the configuration"},
		{Name: "key", Help: "its key, a PEM file"},
		{Name: "ca_file", Help: "authority of the name server's certificate, a PEM file; default: those that the system trusts"},
		{Name: "server_name", Help: "name in the name server's certificate; default: the host of address"},
		{Name: "dns_address", Kind: provider.NameServer, Help: "where the name server answers DNS (address:port), for verification; default: what it says itself"},
		{Name: "timeout", Kind: provider.Float, Default: "60", Help: "seconds that one request may take"},
		{Name: "nameservers", Kind: provider.List, Help: "NS records of zones that are created"},
		{Name: "hostmaster_email", Default: "webmaster", Help: "mail address in the SOA of zones that are created; without @ it is one in the zone"},
		{Name: "default_ttl", Kind: provider.Int, Default: "3600", Help: "TTL of SOA and NS of zones that are created"},
		{Name: "refresh", Kind: provider.Int, Default: "7200", Help: "seconds, in the SOA of zones that are created"},
		{Name: "retry", Kind: provider.Int, Default: "900", Help: "seconds, in the SOA of zones that are created"},
		{Name: "expire", Kind: provider.Int, Default: "1209600", Help: "seconds, in the SOA of zones that are created"},
		{Name: "nxdomain", Aliases: []string{"minimum"}, Kind: provider.Int, Default: "300", Help: "seconds, in the SOA of zones that are created"},
		budget.Option(),
	},
	Open: Open,
}

const (
	inFlight = 8       // calls at once; the name server carries out four writes at a time
	largest  = 2 << 30 // octets of an answer: some 40 million records
)

type badOption func(option, format string, args ...any) error

// Open opens the account. It reads certificates and does no other I/O.
func Open(c provider.Config) (provider.Provider, error) {
	bad := badOption(func(option, format string, args ...any) error {
		return fmt.Errorf("provider %s: option %s %s", c.ID, option, fmt.Sprintf(format, args...))
	})
	timeout, err := strconv.ParseFloat(c.Text("timeout", "60"), 64)
	if err != nil || !(timeout > 0 && timeout < 1e6) {
		return nil, bad("timeout", "is %q; write a number of seconds", c.Text("timeout", ""))
	}
	p := &Provider{}
	if err := p.newborn.read(c, bad); err != nil {
		return nil, err
	}
	if a := c.Text("dns_address", ""); a != "" {
		p.addresses = []string{withPort(a, "53")}
	}
	transport, err := p.reach(c, bad)
	if err != nil {
		return nil, err
	}
	account, err := budget.Open(c, "zonecast "+p.where+" "+c.Text("certificate", ""), budget.Limits{InFlight: inFlight})
	if err != nil {
		return nil, err
	}
	p.gate = &httpkit.Gate{Account: c.ID, HTTP: refusals{transport, p.where}, Budget: account, Trace: c.Trace, Limit: largest}
	p.retry = &httpkit.Retry{Account: c.ID, Budget: account, Timeout: time.Duration(timeout * float64(time.Second)), Trace: c.Trace, Classify: classify}
	return p, nil
}

// Budget is what the account may do.
func (p *Provider) Budget() *budget.Account { return p.gate.Budget }

// reach finds out where the name server is, and how to get there.
func (p *Provider) reach(c provider.Config, bad badOption) (http.RoundTripper, error) {
	base := http.DefaultTransport
	if c.HTTP != nil {
		base = c.HTTP()
	}
	address, socket := c.Text("address", ""), c.Text("socket", "")
	switch {
	case address != "" && socket != "":
		return nil, bad("socket", "is given beside address; keep one of them")
	case address == "":
		for _, name := range []string{"certificate", "key", "ca_file", "server_name"} {
			if c.Text(name, "") != "" {
				return nil, bad(name, "has no meaning for a socket; give address, or take it out")
			}
		}
		if socket = cmp.Or(socket, api.DefaultSocket); !filepath.IsAbs(socket) {
			socket = filepath.Join(c.Dir, socket)
		}
		p.base, p.where, p.local = api.UnixBase, socket, true
		if _, std := base.(*http.Transport); std {
			return api.UnixTransport(socket), nil
		}
		return base, nil // a test's, which knows the way
	}
	// As --control of zonecast nameserver has it.
	address = strings.TrimSuffix(strings.TrimPrefix(address, "https://"), "/")
	if err := provider.Host(address); err != nil {
		return nil, bad("address", "%v", err)
	}
	address = withPort(address, api.DefaultPort)
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return nil, bad("address", "is %q; write host:port", address)
	}
	p.base, p.where, p.host = "https://"+address+"/v1", address, host
	own, err := certificate(c, bad)
	if err != nil {
		return nil, err
	}
	transport, err := httpkit.Transport(base, httpkit.TLS{CAFile: c.File("ca_file")})
	if err != nil {
		return nil, bad("ca_file", "names a file of certificates: %v", err)
	}
	if std, ok := transport.(*http.Transport); ok { // a copy
		std.TLSClientConfig.GetClientCertificate = own
		std.TLSClientConfig.ServerName = c.Text("server_name", "")
		std.TLSClientConfig.MinVersion = tls.VersionTLS13
		std.DisableCompression, std.ForceAttemptHTTP2 = true, false
	}
	return transport, nil
}

// certificate returns what shows the account's certificate.
func certificate(c provider.Config, bad badOption) (func(*tls.CertificateRequestInfo) (*tls.Certificate, error), error) {
	chain, key := c.File("certificate"), c.File("key")
	if chain == "" || key == "" {
		return nil, bad("certificate", "or key is missing; a name server is not reached over the network without them")
	}
	own, err := api.TLS{Certificate: chain, Key: key}.ClientCertificate()
	if err != nil {
		return nil, bad("certificate", "or key cannot be used: %v", err)
	}
	return own, nil
}

func withPort(address, port string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	if n := len(address); n > 1 && address[0] == '[' && address[n-1] == ']' {
		address = address[1 : n-1]
	}
	return net.JoinHostPort(address, port)
}

// A newborn says what zones are created with.
type newborn struct {
	ns                                   []zone.Name
	mail                                 string
	ttl, refresh, retry, expire, minimum uint32
}

func (b *newborn) read(c provider.Config, bad badOption) error {
	for _, s := range c.Values["nameservers"].List {
		n, err := zone.ParseName(s)
		if err != nil {
			return bad("nameservers", "holds %q: %v", s, err)
		}
		b.ns = append(b.ns, n)
	}
	b.mail = c.Text("hostmaster_email", "webmaster")
	if _, err := rdata.Mailbox(b.mail, zone.Root); err != nil {
		return bad("hostmaster_email", "is %q: %v", b.mail, err)
	}
	for _, x := range []struct {
		name string
		def  int
		at   *uint32
	}{{"default_ttl", 3600, &b.ttl}, {"refresh", 7200, &b.refresh}, {"retry", 900, &b.retry}, {"expire", 1209600, &b.expire}, {"nxdomain", 300, &b.minimum}} {
		n, err := c.Int(x.name, x.def)
		if err != nil {
			return err
		}
		if n < 0 || n > 1<<31-1 {
			return bad(x.name, "is %d; write a number of seconds", n)
		}
		*x.at = uint32(n)
	}
	return nil
}
