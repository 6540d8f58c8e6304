package nameserver

import (
	"encoding/binary"
	"net/netip"

	"github.com/zonecast/zonecast/zone"
)

// A Choice is to be made among the records of an RRset that has a policy: which of them one client is
// answered with.
type Choice struct {
	Policy  uint32 // the number that CompileOptions.Policy gave
	Type    zone.Type
	Records int        // of the set, numbered from 0 in the order of zone.RRset.Data
	Client  netip.Addr // who asks, mostly a resolver
	// Subnet is the network on whose behalf Client asks, where it said so (Engine.ClientSubnet). It is
	// not valid where nothing is known, and for addresses beside an answer: caches do not keep those for
	// a network (RFC 7871, section 7.4; RFC 9460, section 4.4).
	Subnet netip.Prefix
	// Scope is set by who chooses: how many bits of the subnet's address would have to be different for
	// another choice, 0 when it does not matter. It may be more than Subnet has: then a longer one would
	// have been of use. The answer has the longest scope of all its choices, and resolvers keep it for a
	// network of that size. Networks of different choices must not overlap (RFC 7871, section 7.2.1).
	Scope int
}

// canSteer tells whether a policy may choose among records of a type. What delegates or denies is the
// same for everybody.
func canSteer(t zone.Type) bool {
	switch t {
	case zone.TypeSOA, zone.TypeNS, zone.TypeDS, zone.TypeDNAME, zone.TypeDNSKEY, zone.TypeNSEC, zone.TypeNSEC3, zone.TypeNSEC3PARAM, zone.TypeRRSIG:
		return false
	}
	return true
}

// steered is a set as the client gets it, in the answer or beside it; false means that it gets nothing.
func (s *Scratch) steered(set rrset, section int) (rrset, bool) {
	s.chosen = true
	if s.steer == nil {
		return set, true
	}
	s.choice = Choice{Policy: set.extra, Type: zone.Type(set.typ), Records: set.n, Client: s.client}
	if s.tailored && section == answer {
		s.choice.Subnet = s.subnet.prefix()
	}
	from, n := len(s.picked), 0
	for _, i := range s.steer(&s.choice, s.pickSpace[:0]) {
		if int(i) < set.n {
			s.picked = append(s.picked, set.nth(int(i))...)
			n++
		}
	}
	if s.choice.Scope > 0 && s.choice.Subnet.IsValid() {
		s.subnet.widen(s.choice.Scope)
	}
	set.body, set.n, set.sig, set.sigs = s.picked[from:len(s.picked):len(s.picked)], n, nil, 0
	return set, n > 0
}

// nth is record i of the set.
func (r *rrset) nth(i int) []byte {
	b := r.body
	if r.flags&isSpread != 0 {
		l := len(b) / r.n
		return b[i*l : (i+1)*l]
	}
	for range i {
		b = b[recordHead+int(binary.BigEndian.Uint16(b[10:])):]
	}
	return b[:recordHead+int(binary.BigEndian.Uint16(b[10:]))]
}
