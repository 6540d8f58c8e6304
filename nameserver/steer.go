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
	Client  netip.Addr // who asks: a resolver, or who is behind it
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

// steered is a set as the client gets it; false means that it gets nothing.
func (s *Scratch) steered(set rrset) (rrset, bool) {
	s.chosen = true
	if s.steer == nil {
		return set, true
	}
	s.choice = Choice{Policy: set.extra, Type: zone.Type(set.typ), Records: set.n, Client: s.client}
	from, n := len(s.picked), 0
	for _, i := range s.steer(&s.choice, s.pickSpace[:0]) {
		if int(i) < set.n {
			s.picked = append(s.picked, set.nth(int(i))...)
			n++
		}
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
