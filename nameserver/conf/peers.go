package conf

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Ports of DNS over UDP and TCP, and over TLS.
const (
	plainPort = 53
	tlsPort   = 853
)

// addrPort reads an address with or without port.
func addrPort(text string, port uint16) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a, port), nil
	}
	ap, err := netip.ParseAddrPort(text)
	if err != nil || ap.Port() == 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is no address; write it like 198.51.100.2 or [2001:db8::2]:53", text)
	}
	return ap, nil
}

// keyring has all keys.
func (c *Config) keyring() wire.Keyring {
	ring := wire.Keyring{}
	for _, k := range c.keys {
		ring[k.Name] = k
	}
	return ring
}

// peer is the peer of a name, or one made of an address.
func (c *Config) peer(name string) Peer {
	if p, ok := c.Peers[name]; ok {
		return p
	}
	return Peer{Address: []string{name}}
}

// targets are who is told of new versions.
func (c *Config) targets(names []string) []xfr.Target {
	var out []xfr.Target
	for _, name := range names {
		p := c.peer(name)
		for _, a := range p.Address {
			if ap, err := addrPort(a, plainPort); err == nil {
				// NOTIFY goes over UDP, whatever transfers go over (RFC 9103, section 6.1).
				if p.TLS != nil && ap.Port() == tlsPort {
					ap = netip.AddrPortFrom(ap.Addr(), plainPort)
				}
				out = append(out, xfr.Target{Addr: ap.String(), Key: c.keys[p.Key], Dial: dialFrom(p.Source)})
			}
		}
	}
	return out
}

// primaries are where a zone comes from.
func (c *Config) primaries(names []string) ([]xfr.Primary, error) {
	var out []xfr.Primary
	for _, name := range names {
		p := c.peer(name)
		conf, err := c.clientTLS(name, p.TLS)
		if err != nil {
			return nil, err
		}
		port := uint16(plainPort)
		if conf != nil {
			port = tlsPort
		}
		for _, a := range p.Address {
			ap, err := addrPort(a, port)
			if err != nil {
				return nil, err
			}
			out = append(out, xfr.Primary{Addr: ap.String(), Key: c.keys[p.Key], TLS: conf, NoIXFR: p.NoIXFR, Dial: dialFrom(p.Source)})
		}
	}
	return out, nil
}

// dialFrom dials from an address; nil: the system's choice.
func dialFrom(source string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	from, err := netip.ParseAddr(source)
	if err != nil {
		return nil // checked, or not given
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
		if network == "udp" {
			d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
		}
		return d.DialContext(ctx, network, addr)
	}
}

// clientTLS is how a peer is asked over TLS; nil: it is not.
func (c *Config) clientTLS(name string, t *PeerTLS) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	conf := &tls.Config{ServerName: t.Name, MinVersion: tls.VersionTLS13}
	var err error
	if t.CAFile != "" {
		if conf.RootCAs, err = c.authorities(t.CAFile); err != nil {
			return nil, c.placed(fmt.Errorf("peer %s: %w", name, err), "peers", name, "tls", "ca_file")
		}
	}
	if (t.Certificate == "") != (t.Key == "") {
		return nil, c.placed(fmt.Errorf("peer %s: certificate and key belong together", name), "peers", name, "tls")
	}
	if t.Certificate != "" {
		cert, err := tls.LoadX509KeyPair(c.path(t.Certificate), c.path(t.Key))
		if err != nil {
			return nil, c.placed(fmt.Errorf("peer %s: %w", name, err), "peers", name, "tls", "certificate")
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	return conf, nil
}

// authorities reads certificates that others are checked against.
func (c *Config) authorities(file string) (*x509.CertPool, error) {
	path := c.path(file)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", path)
	}
	return pool, nil
}

// access makes rules of who may transfer of what was written. A peer that is known over TLS may over
// TLS only.
func (c *Config) access(rules []Rule) xfr.Access {
	out := c.senders(rules)
	for i := range out {
		if p, ok := c.Peers[rules[i].Peer]; ok && p.TLS != nil {
			out[i].TLS = true
		}
	}
	return out
}

// senders makes rules, one for each, of who may send something: NOTIFY goes over UDP, whatever
// transfers go over.
func (c *Config) senders(rules []Rule) xfr.Access {
	var out xfr.Access
	for _, r := range rules {
		if p, ok := c.Peers[r.Peer]; ok {
			out = append(out, c.ruleOf(p))
			continue
		}
		x := xfr.Rule{Certificates: r.Certificates, TLS: r.TLS, Deny: r.Deny}
		for _, n := range r.Addresses {
			x.Addresses = append(x.Addresses, netip.Prefix(n))
		}
		for _, k := range r.Keys {
			x.Keys = append(x.Keys, c.keys[k].Name)
		}
		out = append(out, x)
	}
	return out
}

// ruleOf lets a peer in: from its addresses, and signed where it has a key.
func (c *Config) ruleOf(p Peer) xfr.Rule {
	var x xfr.Rule
	for _, a := range p.Address {
		if ap, err := addrPort(a, plainPort); err == nil {
			x.Addresses = append(x.Addresses, netip.PrefixFrom(ap.Addr(), ap.Addr().BitLen()))
		}
	}
	if k := c.keys[p.Key]; k != nil {
		x.Keys = []zone.Name{k.Name}
	}
	return x
}

// grants are who may change what; origins are the zones that they hold for, nil: all.
func (c *Config) grants(gs []Grant) xfr.Grants {
	var out xfr.Grants
	for _, g := range gs {
		if k := c.keys[g.Key]; k != nil {
			out = append(out, xfr.Grant{Key: k.Name, Names: g.Names, Types: g.Types, Deny: g.Deny})
		}
	}
	return out
}

// endpoints reads addresses of a service.
func endpoints(service socket.Service, list []string) ([]socket.Endpoint, error) {
	var out []socket.Endpoint
	for _, text := range list {
		e, err := socket.ParseEndpoints(service, text)
		if err != nil {
			return nil, err
		}
		out = append(out, e...)
	}
	return out, nil
}

// beside reads ports, addresses or "off" of a service that stands beside others: ports, and none
// at all, are meant at all of addrs.
func beside(service socket.Service, values []string, addrs []netip.Addr) ([]socket.Endpoint, error) {
	if len(values) == 0 {
		values = []string{strconv.Itoa(int(service.Port()))}
	}
	var out []socket.Endpoint
	for _, v := range values {
		if strings.EqualFold(v, "off") {
			continue
		}
		if port, err := strconv.ParseUint(v, 10, 16); err == nil {
			for _, addr := range addrs {
				out = append(out, socket.Endpoint{Service: service, Addr: netip.AddrPortFrom(addr, uint16(port))})
			}
			continue
		}
		list, err := socket.ParseEndpoints(service, v)
		if err != nil {
			return nil, errors.Join(err, errors.New("write a port, an address with or without port, or off"))
		}
		out = append(out, list...)
	}
	return out, nil
}
