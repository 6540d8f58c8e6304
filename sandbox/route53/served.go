package route53

import (
	"hash/fnv"
	"net/netip"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// serviceTTL is how long answers of aliases to AWS services live: 60 seconds
// (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html).
const serviceTTL = 60

// maxAliases is how many aliases in a row are followed.
const maxAliases = 8

// show computes anew what the name servers answer for the groups that have changed, and for those
// that lead to them. z.mu is held.
func (s *Service) show(z *hostedZone, changed map[group]bool) error {
	work := make([]group, 0, len(changed))
	for g := range changed {
		work = append(work, g)
	}
	for i := 0; i < len(work); i++ {
		for _, alias := range z.refs[work[i]] {
			if g := alias.group(); !changed[g] {
				changed[g] = true
				work = append(work, g)
			}
		}
	}
	changes := make([]zone.Change, 0, len(work))
	for _, g := range work {
		var c zone.Change
		if before, ok := z.served.Set(g.name, g.typ); ok {
			c.Before = &before
		}
		if after, ok := z.answer(g, 0); ok {
			c.After = &after
		}
		if c.Before != nil || c.After != nil {
			changes = append(changes, c)
		}
	}
	served, err := z.served.With(changes)
	if err != nil {
		return err
	}
	z.served = served
	if !z.private {
		s.names.Publish(z.id, served)
	}
	return nil
}

// answer is the RRset that the name servers give for a group. Of sets with a policy one is chosen,
// always the same: the heaviest, the primary, the one for everywhere, or the first; of multivalue
// answers up to eight are put together.
func (z *hostedZone) answer(g group, depth int) (r zone.RRset, ok bool) {
	var sets []*recordSet
	for _, s := range z.at[g.name] {
		if s.typ == g.typ {
			sets = append(sets, s)
		}
	}
	if len(sets) == 0 || depth > maxAliases {
		return r, false
	}
	chosen := choose(sets)
	r = zone.RRset{Owner: g.name, Type: g.typ}
	switch {
	case chosen.policy == multivalue:
		for _, s := range sets[:min(len(sets), 8)] {
			r.Data = append(r.Data, s.data...)
		}
		r.TTL = uint32(chosen.ttl)
	case chosen.alias == nil:
		r.TTL, r.Data = uint32(chosen.ttl), chosen.data
	case chosen.alias.zoneID == z.id:
		t, ok := z.answer(group{chosen.alias.name, g.typ}, depth+1)
		if !ok {
			return r, false
		}
		r.TTL, r.Data = t.TTL, t.Data
	default:
		d, ok := synthetic(g.typ, chosen.alias.name)
		if !ok {
			return r, false
		}
		r.TTL, r.Data = serviceTTL, []zone.Data{d}
	}
	return r.Clean(), true
}

func choose(sets []*recordSet) *recordSet {
	best := sets[0]
	for _, s := range sets[1:] {
		switch {
		case s.policy == weighted && s.weight > best.weight,
			s.policy == failover && s.where == "PRIMARY",
			s.policy == geolocation && s.where == "/*/":
			best = s
		}
	}
	return best
}

// synthetic is the address that stands for an AWS service: one of 192.0.2.0/24 (RFC 5737) or
// 2001:db8::/32 (RFC 3849), always the same for a name.
func synthetic(t zone.Type, n zone.Name) (zone.Data, bool) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(n.Key())) // never fails
	x := h.Sum32()
	switch t {
	case zone.TypeA:
		return rdata.A(netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + x%254)})), true
	case zone.TypeAAAA:
		return rdata.A(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0x53, 12: byte(x >> 24), 13: byte(x >> 16), 14: byte(x >> 8), 15: byte(x)})), true
	default:
		return "", false
	}
}
