package conf

import (
	"cmp"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/acme"
	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/nameserver/serve"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// loopback is exempt from rate limits unless the file says otherwise.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// defaultRate is how many like answers a second one network gets unless the file says otherwise.
const defaultRate = 200

// Serve makes options of the file. It reads certificates, and looks at no zone. Addresses are the
// caller's business where the file names none (Listen).
func (c *Config) Serve() (serve.Options, error) {
	o := serve.Options{
		Store: c.path(c.Store), Path: c.TLS.Path, Threads: c.Workers, MaxUDP: c.MaxUDP, NSID: c.NSID, Version: c.Version,
		Hostname: c.Host, Rotate: c.Rotate, Metrics: c.Metrics,
		Transfers: c.Limits.Transfers, TransfersPerClient: c.Limits.EachClient, Fetches: c.Limits.Fetches, Journal: int64(c.Limits.Journal),
		Limits: socket.Limits{
			Connections: c.Limits.Connections, PerClient: c.Limits.PerClient, Large: c.Limits.Large, Idle: c.Limits.Idle,
			Message: c.Limits.Message, Write: c.Limits.Write, Drain: c.Limits.Drain,
		},
	}
	for _, n := range c.Proxy {
		o.ProxyFrom = append(o.ProxyFrom, netip.Prefix(n))
	}
	o.Limit, o.Control, o.ClientSubnet = c.rateLimit(), c.control(), c.ClientSubnet
	err := c.observe(&o)
	if err != nil {
		return o, err
	}
	if o.Reports, err = c.reports(); err != nil {
		return o, err
	}
	if o.Control != nil && o.Control.TLS != nil {
		if err := o.Control.TLS.Check(); err != nil {
			return o, c.placed(err, "control")
		}
	}
	if o.Cookies, err = c.cookies(); err != nil {
		return o, c.placed(err, "cookies", "secrets")
	}
	if err := c.certificates(&o); err != nil {
		return o, err
	}
	o.Content, err = c.Content()
	return o, err
}

func (c *Config) rateLimit() *nameserver.RateLimit {
	r := cmp.Or(c.RateLimit, &RateLimit{PerSecond: defaultRate})
	if r.PerSecond == 0 {
		return nil
	}
	o := nameserver.RateLimitOptions{PerSecond: r.PerSecond, All: r.All, Burst: r.Burst, Exempt: loopback}
	if r.Slip != nil {
		o.Slip = *r.Slip
		if o.Slip == 0 {
			o.Slip = -1
		}
	}
	if r.Exempt != nil {
		o.Exempt = nil
		for _, n := range r.Exempt {
			o.Exempt = append(o.Exempt, netip.Prefix(n))
		}
	}
	return nameserver.NewRateLimit(o)
}

func (c *Config) reports() (*nameserver.Reports, error) {
	if c.ReportChannel == nil {
		return nil, nil // there is no agent
	}
	return nameserver.NewReports(*c.ReportChannel)
}

func (c *Config) cookies() (*nameserver.Cookies, error) {
	if len(c.Cookies.Secrets) == 0 && !c.Cookies.Require {
		return nil, nil // serve makes its own
	}
	out := nameserver.NewCookies()
	out.Require = c.Cookies.Require
	if len(c.Cookies.Secrets) > 0 {
		out.Secrets = nil
	}
	for i, s := range c.Cookies.Secrets {
		b, err := hex.DecodeString(s.Reveal())
		if err != nil || len(b) != 16 {
			return nil, fmt.Errorf("cookies: secret %d is not 16 octets in hexadecimal; make one by: openssl rand -hex 16", i+1)
		}
		out.Secrets = append(out.Secrets, [16]byte(b))
	}
	return out, nil
}

func (c *Config) certificates(o *serve.Options) error {
	var err error
	if c.TLS.Certificate != "" {
		o.Certificates, err = socket.LoadCertificates(socket.CertificateFiles{Chain: c.path(c.TLS.Certificate), Key: c.path(c.TLS.Key)})
		if err != nil {
			return c.placed(err, "tls", "certificate")
		}
	}
	if a := c.TLS.ACME; a != nil {
		o.ACME = &serve.ACME{DNS: a.DNS, Settle: a.Settle, Options: acme.Options{
			Names: a.Names, Folder: c.path(a.Storage), Directory: a.Directory, CAFile: c.path(a.CAFile), Email: a.Email,
			KeyType: a.KeyType, AccountKeyID: a.AccountID, AccountKey: a.Account.Reveal(), HTTP: a.HTTP,
			TLSALPN: !a.DNS && a.HTTP == "",
		}}
	}
	if c.TLS.ClientCA != "" {
		if o.ClientCAs, err = c.authorities(c.TLS.ClientCA); err != nil {
			return c.placed(fmt.Errorf("tls: client_ca: %w", err), "tls", "client_ca")
		}
		o.ClientAuth = tls.VerifyClientCertIfGiven
	} else if c.wantsCertificates() {
		o.ClientAuth = tls.RequestClientCert // fingerprints need no authority
	}
	return nil
}

// wantsCertificates reports whether any rule names a client's certificate.
func (c *Config) wantsCertificates() bool {
	any := func(rules []Rule) bool {
		return slices.ContainsFunc(rules, func(r Rule) bool { return len(r.Certificates) > 0 })
	}
	return any(c.Defaults.AllowTransfer) || slices.ContainsFunc(c.Zones, func(z Zone) bool {
		return any(z.AllowTransfer) || any(z.NotifyBy) || z.Members != nil && any(z.Members.AllowTransfer)
	}) || slices.ContainsFunc(c.Produce, func(p Produce) bool { return any(p.AllowTransfer) })
}

// policy is what an entry says, and defaults where it says nothing.
func (c *Config) policy(p *Policy) serve.Policy {
	out := serve.Policy{Transfer: c.access(c.Defaults.AllowTransfer), Notify: c.targets(c.Defaults.Notify)}
	if p.AllowTransfer != nil {
		out.Transfer = c.access(p.AllowTransfer)
	}
	if p.Notify != nil {
		out.Notify = c.targets(p.Notify)
	}
	return out
}

func (c *Config) serial(p *Policy) xfr.SerialPolicy {
	s, _ := xfr.ParseSerialPolicy(cmp.Or(p.Serial, c.Defaults.Serial, xfr.Increment.String())) // checked
	return s
}

func (c *Config) primary(origin zone.Name, z *Zone) serve.Primary {
	p := serve.Primary{
		Origin: origin, From: c.path(z.From), Serial: c.serial(&z.Policy), Signed: z.UpdateSigned || c.Defaults.UpdateSigned,
		Policy: c.policy(&z.Policy), Update: c.grants(c.Defaults.Update),
	}
	if z.Update != nil {
		p.Update = c.grants(z.Update)
	}
	return p
}

// Content is what is served: what a reload takes from the file.
func (c *Config) Content() (serve.Content, error) {
	o := serve.Content{Keys: c.keyring()}
	var problems []error
	for i := range c.Zones {
		z := &c.Zones[i]
		switch {
		case z.Folder != "":
			o.Folders = append(o.Folders, serve.Folder{Dir: filepath.Clean(c.path(z.Folder)), Policy: c.policy(&z.Policy)})
		case z.Primary == others:
			p := c.primary(zone.Name{}, z)
			o.Others = &p
		case z.Primary != "":
			origin, err := zone.ParseName(z.Primary)
			if err != nil {
				return o, err
			}
			o.Primaries = append(o.Primaries, c.primary(origin, z))
		case z.Secondary != nil:
			s, err := c.secondary(*z.Secondary, z)
			problems = append(problems, err)
			o.Secondaries = append(o.Secondaries, s)
		case z.Catalog != nil:
			x, err := c.catalog(z)
			problems = append(problems, err)
			o.Catalogs = append(o.Catalogs, x)
		}
	}
	if o.Others == nil && c.Store != "" {
		p := c.primary(zone.Name{}, &Zone{})
		o.Others = &p
	}
	for i := range c.Produce {
		o.Produce = append(o.Produce, c.produce(&c.Produce[i]))
	}
	return o, errors.Join(problems...)
}

func (c *Config) secondary(origin zone.Name, z *Zone) (serve.Secondary, error) {
	p, err := c.primaries(z.Primaries)
	return serve.Secondary{Origin: origin, Primaries: p, NotifyBy: c.senders(z.NotifyBy), Policy: c.policy(&z.Policy)}, err
}

func (c *Config) catalog(z *Zone) (serve.Catalog, error) {
	s, err := c.secondary(*z.Catalog, z)
	m := cmp.Or(z.Members, &Members{})
	out := serve.Catalog{Secondary: s, Limit: m.Limit, Grace: time.Duration(m.Grace)}
	base := serve.Template{Primaries: s.Primaries, NotifyBy: s.NotifyBy, Policy: c.policy(&Policy{})}
	members, more := c.template(&m.Template, base)
	out.Members, err = members, errors.Join(err, more)
	for i := range m.Groups {
		t, more := c.template(&m.Groups[i].Template, members)
		t.Group = m.Groups[i].Name
		out.Groups, err = append(out.Groups, t), errors.Join(err, more)
	}
	return out, err
}

// template is what holds for members, and base where nothing is said.
func (c *Config) template(t *Template, base serve.Template) (serve.Template, error) {
	out := base
	var err error
	if t.Primaries != nil {
		out.Primaries, err = c.primaries(t.Primaries)
	}
	if t.NotifyBy != nil {
		out.NotifyBy = c.senders(t.NotifyBy)
	}
	if t.AllowTransfer != nil {
		out.Transfer = c.access(t.AllowTransfer)
	}
	if t.Notify != nil {
		out.Notify = c.targets(t.Notify)
	}
	return out, err
}

func (c *Config) produce(p *Produce) serve.Produce {
	out := serve.Produce{
		Origin: p.Catalog, Serial: c.serial(&p.Policy), Policy: c.policy(&p.Policy), Zones: p.Zones, Except: p.Except,
	}
	for _, g := range p.Groups {
		out.Groups = append(out.Groups, secondary.GroupRule{Group: g.Name, Zones: g.Zones})
	}
	return out
}

// Endpoints are the addresses to bind. None at all for DNS itself means that the file names none;
// listen then has those that are taken in their place.
func (c *Config) Endpoints(listen []socket.Endpoint) ([]socket.Endpoint, error) {
	if len(c.Listen) > 0 {
		var err error
		if listen, err = endpoints(socket.DNS, c.Listen); err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
	}
	if c.TLS.Certificate == "" && c.TLS.ACME == nil {
		return listen, nil
	}
	var addrs []netip.Addr
	for _, e := range listen {
		addrs = append(addrs, e.Addr.Addr())
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	out := slices.Clone(listen)
	for _, more := range []struct {
		service socket.Service
		name    string
		values  []string
	}{{socket.DoT, "dot", c.TLS.DoT}, {socket.DoH, "doh", c.TLS.DoH}, {socket.DoQ, "doq", c.TLS.DoQ}} {
		list, err := beside(more.service, more.values, addrs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", more.name, err)
		}
		out = append(out, list...)
		if more.service == socket.DoH && (c.TLS.HTTP3 == nil || *c.TLS.HTTP3) {
			for _, e := range list {
				out = append(out, socket.Endpoint{Service: socket.DoH3, Addr: e.Addr})
			}
		}
	}
	return out, nil
}
