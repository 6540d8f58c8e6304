package google

import (
	"crypto/sha256"
	"net/http"
	"net/netip"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// served are the RRsets that name servers show for a set.
func (z *managedZone) served(r *record) []zone.RRset {
	one := zone.RRset{Owner: r.name, Type: r.typ, TTL: uint32(r.ttl), Data: r.data}
	switch {
	case r.typ == zone.TypeALIAS:
		return z.flattened(r)
	case r.policy != nil:
		one.Data = r.policy.first
	}
	return []zone.RRset{one.Clean()}
}

// flattened answers an ALIAS with its target's addresses: those in the zone itself, or else made-up
// ones of the ranges for documentation and benchmarks (RFC 3849, RFC 2544).
func (z *managedZone) flattened(r *record) []zone.RRset {
	target, err := rdata.NameOf(r.data[0])
	if err != nil {
		return nil
	}
	var out []zone.RRset
	for _, t := range []zone.Type{zone.TypeA, zone.TypeAAAA} {
		if have := z.find(target, t); have != nil && target.In(z.origin) && have.policy == nil {
			out = append(out, zone.RRset{Owner: r.name, Type: t, TTL: uint32(min(r.ttl, have.ttl)), Data: have.data})
		}
	}
	if out != nil {
		return out
	}
	sum := sha256.Sum256([]byte(target.Key()))
	six := netip.MustParseAddr("2001:db8::").As16()
	copy(six[8:], sum[:8])
	return []zone.RRset{
		{Owner: r.name, Type: zone.TypeA, TTL: uint32(r.ttl), Data: []zone.Data{rdata.A(netip.AddrFrom4([4]byte{198, 18 + sum[0]&1, sum[1], sum[2]}))}},
		{Owner: r.name, Type: zone.TypeAAAA, TTL: uint32(r.ttl), Data: []zone.Data{rdata.A(netip.AddrFrom16(six))}},
	}
}

// publish shows what changed to the name servers. Private zones are shown to nobody outside.
func (z *managedZone) publish(s *Service, add, gone []*record) *refusal {
	if z.private {
		return nil
	}
	after := make(map[zone.Key]*zone.RRset, len(add)+len(gone))
	for _, r := range gone {
		for _, t := range shownTypes(r.typ) {
			after[zone.Key{Owner: r.name, Type: t}] = nil
		}
	}
	if alias := z.find(z.origin, zone.TypeALIAS); alias != nil {
		add = append(add[:len(add):len(add)], alias) // its target may have changed
	}
	for _, r := range add {
		for _, t := range shownTypes(r.typ) {
			after[zone.Key{Owner: r.name, Type: t}] = nil
		}
		for _, set := range z.served(r) {
			after[set.Key()] = &set
		}
	}
	changes := make([]zone.Change, 0, len(after))
	for key, set := range after {
		have, ok := z.shown.Set(key.Owner, key.Type)
		c := zone.Change{After: set}
		if ok {
			c.Before = &have
		}
		if ok && set != nil && have.Equal(*set) || !ok && set == nil {
			continue
		}
		changes = append(changes, c)
	}
	next, err := z.shown.With(changes)
	if err != nil {
		return refuse(http.StatusInternalServerError, "backendError", "Name servers: %s", err)
	}
	z.shown = next
	s.names.Publish(z.id, next)
	return nil
}

// shownTypes are the types that a set of the type is shown as.
func shownTypes(t zone.Type) []zone.Type {
	if t == zone.TypeALIAS {
		return []zone.Type{zone.TypeA, zone.TypeAAAA}
	}
	return []zone.Type{t}
}
