package shape

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// A Delegation is what a parent zone has to say about a child zone that is served elsewhere.
type Delegation struct {
	Child       zone.Name
	NameServers []zone.Name
	// Glue are addresses of name servers that lie inside the child zone (RFC 9471).
	Glue map[zone.Name][]netip.Addr
	TTL  uint32 // seconds; 0: 86400
}

// Delegate returns the parent zone with the child's NS RRset, and glue where a name server lies in
// the child zone. An NS RRset that somebody wrote stays as it is; a finding tells how it differs.
//
// Whoever applies must let the child answer first: see Order.
func Delegate(parent *zone.Zone, d Delegation) (*zone.Zone, []finding.Finding, error) {
	if !d.Child.Below(parent.Origin()) || len(d.NameServers) == 0 {
		return parent, nil, nil
	}
	s := &shaper{origin: parent.Origin(), changes: map[zone.Key]*zone.RRset{}}
	ttl := cmp.Or(d.TTL, 86400)
	want := zone.RRset{Owner: d.Child, Type: zone.TypeNS, TTL: ttl}
	for _, n := range d.NameServers {
		want.Data = append(want.Data, zone.Data(n.AppendWire(nil)))
	}
	want = want.Clean()
	if have, written := parent.Set(d.Child, zone.TypeNS); !written {
		s.put(want)
	} else if missing := without(want.Data, have.Data); len(missing) > 0 {
		s.say("delegation-incomplete", finding.Warning, have.Key(), "add them, or remove the record and let zonecast write it",
			"the delegation of %s in %s lacks %s, which answer for it", d.Child.Unicode(), parent.Origin().Unicode(), nameList(missing))
	}
	for _, host := range slices.SortedFunc(maps.Keys(d.Glue), zone.Name.Compare) {
		if !host.In(d.Child) || !slices.Contains(d.NameServers, host) {
			continue
		}
		s.glue(parent, host, ttl, d.Glue[host])
	}
	for _, n := range d.NameServers {
		if n.In(d.Child) && len(d.Glue[n]) == 0 && !parent.Has(n) {
			s.say("glue-missing", finding.Warning, want.Key(), "add its addresses to the parent zone",
				"%s lies inside %s, which it serves, and no address is known for glue", n.Unicode(), d.Child.Unicode())
		}
	}
	z, err := s.applied(parent)
	if err != nil {
		return nil, nil, fmt.Errorf("delegate %s: %w", d.Child, err)
	}
	return z, s.findings, nil
}

func (s *shaper) glue(parent *zone.Zone, host zone.Name, ttl uint32, addrs []netip.Addr) {
	byType := map[zone.Type][]zone.Data{}
	for _, a := range addrs {
		t := zone.TypeA
		if a = a.Unmap(); a.Is6() {
			t = zone.TypeAAAA
		}
		byType[t] = append(byType[t], zone.Data(a.AsSlice()))
	}
	for t, data := range byType {
		if _, written := parent.Set(host, t); !written {
			s.put(zone.RRset{Owner: host, Type: t, TTL: ttl, Data: data})
		}
	}
}

// Order sorts zones so that children come before their parents: a child must answer before its
// delegation is written. Zones that have nothing to do with each other stay in canonical order.
func Order(zones []zone.Name) {
	slices.SortStableFunc(zones, func(a, b zone.Name) int {
		return cmp.Or(cmp.Compare(b.Labels(), a.Labels()), a.Compare(b))
	})
}
