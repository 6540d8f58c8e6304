package verify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/zone"
)

// A server is asked until it answers as planned.
type server struct {
	name string // "" when only the address is known
	addr string

	visible time.Duration
	trouble string
	pending map[int]string // checks that it does not answer as planned, and what it answers instead
	hidden  map[int]string // checks that it cannot be asked for, and why
}

// servers finds whom to ask: the configuration's override, what the adapter knows, the
// provider's name servers, or else the zone's own NS. Without any it says why.
func (v *Verifier) servers(ctx context.Context, p *plan.Plan, done []zone.Change) ([]server, string) {
	addrs := v.o.Addresses[p.Target.Provider]
	if len(addrs) == 0 && p.Base != nil {
		addrs = p.Base.Info.Addresses
	}
	if len(addrs) > 0 {
		var out []server
		for _, a := range addrs {
			out = appendServer(out, "", withPort(a))
		}
		return out, ""
	}
	if slices.Contains(v.o.NoDNS, p.Target.Driver) {
		return nil, "target serves no DNS"
	}
	names := v.o.NameServers[p.Target.Provider]
	if len(names) == 0 {
		names = nameServers(p, done)
	}
	if len(names) == 0 {
		return nil, "no name server of the target is known"
	}
	var out []server
	var unknown []string
	for _, n := range names {
		found, err := v.addresses(ctx, p, n)
		if err != nil {
			unknown = append(unknown, err.Error())
		}
		for _, a := range found {
			out = appendServer(out, n.String(), net.JoinHostPort(a.String(), "53"))
		}
	}
	if len(out) == 0 {
		why := "no name server's address is known"
		if len(unknown) > 0 {
			why += ": " + unknown[0]
		}
		if more := len(unknown) - 1; more > 0 {
			why += fmt.Sprintf(", and %d more", more)
		}
		return nil, why
	}
	return out, ""
}

func appendServer(list []server, name, addr string) []server {
	if slices.ContainsFunc(list, func(s server) bool { return s.addr == addr }) {
		return list
	}
	return append(list, server{name: name, addr: addr, pending: map[int]string{}, hidden: map[int]string{}})
}

// withPort adds the port of DNS where an address has none.
func withPort(a string) string {
	if ip, err := netip.ParseAddr(strings.Trim(a, "[]")); err == nil {
		return net.JoinHostPort(ip.String(), "53")
	}
	if _, _, err := net.SplitHostPort(a); err != nil {
		return net.JoinHostPort(a, "53")
	}
	return a
}

// nameServers are the provider's, else those of the apex NS: desired, just written, or observed.
func nameServers(p *plan.Plan, done []zone.Change) []zone.Name {
	if p.Base != nil && len(p.Base.Info.NameServers) > 0 {
		return p.Base.Info.NameServers
	}
	apex := zone.Key{Owner: p.Target.Zone, Type: zone.TypeNS}
	var set zone.RRset
	if p.Base != nil && p.Base.Sets != nil {
		set, _ = p.Base.Sets.Set(apex.Owner, apex.Type)
	}
	if p.Want != nil {
		if s, ok := p.Want.Set(apex.Owner, apex.Type); ok {
			set = s
		}
	}
	for _, c := range done {
		if c.Key() == apex && c.After != nil {
			set = *c.After
		}
	}
	var names []zone.Name
	for _, d := range set.Data {
		if n, _, err := zone.NameFromWire([]byte(d)); err == nil {
			names = append(names, n)
		}
	}
	return names
}

// addresses of a name server: from the zone itself where it lies in it, as nobody else may know
// them yet, else from the resolver. IPv6 is taken only where there is no IPv4: many hosts
// cannot reach it, and one path to a server suffices.
func (v *Verifier) addresses(ctx context.Context, p *plan.Plan, n zone.Name) ([]netip.Addr, error) {
	var found []netip.Addr
	if p.Want != nil && n.In(p.Target.Zone) {
		for _, t := range []zone.Type{zone.TypeA, zone.TypeAAAA} {
			set, _ := p.Want.Set(n, t)
			for _, d := range set.Data {
				if a, ok := netip.AddrFromSlice([]byte(d)); ok {
					found = append(found, a)
				}
			}
		}
	}
	if len(found) == 0 {
		var err error
		if found, err = v.o.Resolve(ctx, n.String()); err != nil {
			if d, ok := errors.AsType[*net.DNSError](err); ok { // its text repeats the name
				return nil, fmt.Errorf("%s: %s", n, d.Err)
			}
			return nil, fmt.Errorf("%s: %w", n, err)
		}
	}
	var four, six []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); a.Is4() {
			four = append(four, a)
		} else {
			six = append(six, a)
		}
	}
	if len(four) > 0 {
		return four, nil
	}
	return six, nil
}

func resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}
