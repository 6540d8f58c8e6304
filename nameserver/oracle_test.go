package nameserver_test

import (
	"encoding/binary"
	"slices"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// An oracle answers from zones by their origins, written after RFC 1034, section 4.3.2, with no
// thought of speed and no line in common with the engine, which it judges.
type oracle map[zone.Name]*zone.Zone

// oracleChain is how many aliases an answer follows.
const oracleChain = 16

// find returns the zone with the longest origin that encloses name.
func (o oracle) find(name zone.Name) (*zone.Zone, bool) {
	for {
		if z, ok := o[name]; ok || name.IsRoot() {
			return z, ok
		}
		name = name.Parent()
	}
}

// answer answers a question. What it says is not yet cut to the size of a datagram.
func (o oracle) answer(q *wire.Message) *wire.Message {
	m := &wire.Message{
		ID: q.ID, Response: true, Opcode: q.Opcode, Questions: q.Questions,
		RecursionDesired: q.RecursionDesired, CheckingDisabled: q.CheckingDisabled,
	}
	if q.EDNS != nil {
		m.EDNS = &wire.EDNS{Size: wire.UDPSize}
		if q.EDNS.Version > 0 {
			m.RCODE = wire.BadVers
			return m
		}
	}
	switch {
	case q.Opcode != wire.OpQuery:
		m.RCODE = wire.NotImp
		return m
	case len(q.Questions) != 1:
		m.RCODE = wire.FormErr
		return m
	}
	ask := q.Questions[0]
	if ask.Class != wire.ClassIN || ask.Type >= 249 && ask.Type <= 254 {
		m.RCODE = wire.Refused
		return m
	}
	z, ok := o.zoneFor(ask.Name, ask.Type)
	if !ok {
		m.RCODE = wire.Refused
		return m
	}
	m.Authoritative = true
	a := answering{zones: o, m: m}
	a.in(z, ask.Name, ask.Type)
	return m
}

// zoneFor returns the zone that answers: for DS the one above a cut, where it is held (RFC 4035,
// section 3.1.4.1).
func (o oracle) zoneFor(name zone.Name, t zone.Type) (*zone.Zone, bool) {
	z, ok := o.find(name)
	if ok && t == zone.TypeDS && z.Origin() == name && !name.IsRoot() {
		if parent, held := o.find(name.Parent()); held {
			return parent, true
		}
	}
	return z, ok
}

type answering struct {
	zones oracle
	m     *wire.Message
	links int // of a chain of aliases
}

// in answers for a name from one zone.
func (a *answering) in(z *zone.Zone, name zone.Name, t zone.Type) {
	if a.referral(z, name, t) || a.dname(z, name, t) {
		return
	}
	if z.Has(name) {
		a.at(z, name, name, t)
		return
	}
	for range z.Under(name) { // an empty non-terminal
		a.negative(z)
		return
	}
	closest := name.Parent()
	for closest != z.Origin() && !exists(z, closest) {
		closest = closest.Parent()
	}
	if star, err := closest.Child("*"); err == nil && exists(z, star) { // an empty one too (RFC 4592, section 2.2.3)
		a.at(z, star, name, t)
		return
	}
	a.m.RCODE = wire.NXDomain // after aliases too (RFC 6604, section 3)
	a.negative(z)
}

func exists(z *zone.Zone, name zone.Name) bool {
	for range z.Under(name) {
		return true
	}
	return false
}

// at answers with what is held at a name, written with the owner that was asked for.
func (a *answering) at(z *zone.Zone, held, owner zone.Name, t zone.Type) {
	if alias, ok := z.Set(held, zone.TypeCNAME); ok && t != zone.TypeCNAME && t != wire.TypeANY {
		a.m.Answers = appendSet(a.m.Answers, alias, owner)
		a.follow(alias.Data[0], t)
		return
	}
	for set := range z.At(held) {
		// One RRset is enough for ANY (RFC 8482, section 4.1).
		if set.Type.OnWire() && (set.Type == t || t == wire.TypeANY) {
			a.m.Answers = appendSet(a.m.Answers, set, owner)
			return
		}
	}
	a.negative(z)
}

// follow goes on at the target of an alias, as far as this server holds it.
func (a *answering) follow(target zone.Data, t zone.Type) {
	a.links++
	name, _, err := zone.NameFromWire([]byte(target))
	if err != nil || a.links > oracleChain {
		return
	}
	if z, ok := a.zones.zoneFor(name, t); ok {
		a.in(z, name, t)
	}
}

// referral answers for a name at or below a zone cut.
func (a *answering) referral(z *zone.Zone, name zone.Name, t zone.Type) bool {
	for _, cut := range between(z.Origin(), name) {
		ns, ok := z.Set(cut, zone.TypeNS)
		if !ok {
			continue
		}
		if cut == name && t == zone.TypeDS {
			return false
		}
		if a.links == 0 {
			a.m.Authoritative = false
		}
		a.m.Authority = appendSet(a.m.Authority, ns, cut)
		for _, d := range ns.Data {
			a.glue(z, d)
		}
		return true
	}
	return false
}

func (a *answering) glue(z *zone.Zone, d zone.Data) {
	host, _, err := zone.NameFromWire([]byte(d))
	if err != nil || !host.In(z.Origin()) {
		return
	}
	for _, t := range []zone.Type{zone.TypeA, zone.TypeAAAA} {
		if set, ok := z.Set(host, t); ok {
			a.m.Additional = appendSet(a.m.Additional, set, host)
		}
	}
}

// dname answers for a name below a DNAME: with it and the CNAME that follows from it.
func (a *answering) dname(z *zone.Zone, name zone.Name, t zone.Type) bool {
	if name == z.Origin() {
		return false
	}
	for _, above := range append([]zone.Name{z.Origin()}, between(z.Origin(), name.Parent())...) {
		set, ok := z.Set(above, zone.TypeDNAME)
		if !ok {
			continue
		}
		a.m.Answers = appendSet(a.m.Answers, set, above)
		target, ok := substitute(name, above, set.Data[0])
		if !ok {
			a.m.RCODE = wire.YXDomain
			return true
		}
		alias := zone.Data(target.AppendWire(nil))
		a.m.Answers = append(a.m.Answers, wire.Record{Owner: name, Type: zone.TypeCNAME, Class: wire.ClassIN, TTL: set.TTL, Data: alias})
		if t != zone.TypeCNAME {
			a.follow(alias, t)
		}
		return true
	}
	return false
}

// substitute puts another suffix to a name (RFC 6672, section 2.2).
func substitute(name, above zone.Name, target zone.Data) (zone.Name, bool) {
	to, _, err := zone.NameFromWire([]byte(target))
	if err != nil {
		return to, false
	}
	for i := name.Labels() - above.Labels() - 1; i >= 0; i-- {
		if to, err = to.Child(name.Label(i)); err != nil {
			return to, false
		}
	}
	return to, true
}

// between are the names below origin down to name, from the top.
func between(origin, name zone.Name) []zone.Name {
	var list []zone.Name
	for n := name; n != origin && n.Below(origin); n = n.Parent() {
		list = append(list, n)
	}
	slices.Reverse(list)
	return list
}

// negative puts the SOA into the authority section, with the time that the absence may be kept
// (RFC 2308, section 3).
func (a *answering) negative(z *zone.Zone) {
	soa, ok := z.Set(z.Origin(), zone.TypeSOA)
	if !ok {
		return
	}
	if d := soa.Data[0]; len(d) >= 4 {
		soa.TTL = min(soa.TTL, binary.BigEndian.Uint32([]byte(d[len(d)-4:])))
	}
	a.m.Authority = appendSet(a.m.Authority, soa, z.Origin())
}

func appendSet(to []wire.Record, set zone.RRset, owner zone.Name) []wire.Record {
	for _, d := range set.Data {
		to = append(to, wire.Record{Owner: owner, Type: set.Type, Class: wire.ClassIN, TTL: set.TTL, Data: d})
	}
	return to
}
