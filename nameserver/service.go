package nameserver

import "encoding/binary"

// isService tells whether a type is compatible with SVCB (RFC 9460, section 6).
func isService(t uint16) bool { return t == typeSVCB || t == typeHTTPS }

const priority = 2 // octets before the target of a SVCB record

// services writes what belongs beside SVCB records after the addresses of their targets: the targets' own
// SVCB records and, for who wants signatures, proofs of which of all these a target of the zone lacks
// (RFC 9460, section 4.1). A proof is given whole or not at all.
func (s *Scratch) services(x *want) {
	z := x.zone
	var seen [8]uint32
	done := seen[:0]
	for body := x.set.body; len(body) > 0 && len(done) < cap(done); body = behindRecord(body) {
		n, ok := s.targetOf(x, rdataOf(body), priority)
		if !ok || n.ref == 0 || n.ref == x.node.ref || n.flags()&leavesOut != 0 || contains(done, n.ref) {
			continue
		}
		done = append(done, n.ref)
		s.more(z, n, x.set.typ)
	}
	if !s.signed(z) {
		return
	}
	for body := x.set.body; len(body) > 0 && len(s.proofs)+4 <= cap(s.proofs); body = behindRecord(body) {
		n, ok := s.targetOf(x, rdataOf(body), priority)
		if !ok {
			continue
		}
		before, first := s.m.mark(), len(s.proofs)
		s.proveLack(z, n, x.set.typ)
		for _, p := range s.proofs[first:] {
			if !s.denial(p, additional) {
				s.m.back(before)
				s.proofs = s.proofs[:first]
				break
			}
		}
	}
}

// proveLack proves that a target, whose name is s.t, lacks addresses or records of the type. What a wildcard,
// an alias or another zone has to say is left to who asks for it.
func (s *Scratch) proveLack(z *Compiled, n node, t uint16) {
	q := s.q
	s.q = &s.t // whose suffixes proofs are about
	defer func() { s.q = q }()
	at := 0
	closest := z.find(s.q, 0)
	for closest.ref == 0 {
		at++
		closest = z.find(s.q, at)
	}
	switch flags := closest.flags(); {
	case flags&leavesOut != 0:
	case n.ref == 0:
		if flags&(hasDNAME|hasStar) == 0 {
			s.proveNoName(z, at)
		}
	case n.flags()&hasCNAME != 0 || z.has(n, typeA) && z.has(n, typeAAAA) && z.has(n, t):
	case at == 0:
		s.proveNoData(z, n, 0)
	default: // the owner, which a wildcard stands for
		s.proveWildNoData(z, n, at)
	}
}

// targetOf reads the name that a record leads to, behind the head of its RDATA, into s.t and finds its
// node, if there is one. It is not ok for names of other zones and where the record leads nowhere.
func (s *Scratch) targetOf(x *want, rdata []byte, head int) (n node, ok bool) {
	switch target := rdata[head:]; {
	case target[0] != 0:
		if !s.t.readStored(target) || !x.zone.encloses(&s.t) {
			return node{}, false
		}
		return x.zone.find(&s.t, 0), true
	case isService(x.set.typ) && rdata[0]|rdata[1] != 0:
		s.t.readStored(s.q.suffix(0)) // the owner itself (RFC 9460, section 2.5.2)
		return x.node, true
	}
	return node{}, false // nothing is there (RFC 2782, RFC 7505)
}

// rdataOf is the RDATA of the first record of a body.
func rdataOf(body []byte) []byte {
	return body[recordHead : recordHead+int(binary.BigEndian.Uint16(body[10:]))]
}

// behindRecord is what stands behind it.
func behindRecord(body []byte) []byte {
	return body[recordHead+int(binary.BigEndian.Uint16(body[10:])):]
}

func (z *Compiled) has(n node, t uint16) bool {
	_, ok := z.set(n, t)
	return ok
}

// encloses tells whether a name is in the zone, or below a delegation of it.
func (z *Compiled) encloses(q *name) bool {
	return q.labels >= z.labels && string(q.suffix(q.labels-z.labels)) == string(z.apex)
}
