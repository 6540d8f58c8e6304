package nameserver

import (
	"encoding/binary"
	"slices"
)

const (
	typeNS    = 2
	typeCNAME = 5
	typeA     = 1
	typeSOA   = 6
	typeAAAA  = 28
	typeSRV   = 33
	typeNAPTR = 35
	typeDNAME = 39
	typeOPT   = 41
	typeDS    = 43
	typeRRSIG = 46
	typeNSEC  = 47
	typeNSEC3 = 50
	typeSVCB  = 64
	typeHTTPS = 65
	typeANY   = 255

	typeNXNAME = 128

	maxChain = 16 // aliases that an answer follows
)

// An ending is what stands behind the answer section.
type ending uint8

const (
	endNothing  ending = iota
	endNegative        // SOA, and proof of absence
	endReferral        // NS of the delegation, and DS or proof that there is none
	endCut             // the answer had no room
	endReady           // everything is written
)

// search answers the question from z on, through all zones that aliases lead to, and writes all
// three sections (RFC 1034, section 4.3.2).
func (s *Scratch) search(zs *Zones, z *Compiled) {
	s.dnames[0] = proof{}
	s.links, s.proofs, s.wanted, s.picked = 0, s.proofs[:0], s.wanted[:0], s.picked[:0]
	s.rcode, s.authoritative, s.truncated, s.end = rcodeNoError, true, false, endNothing
	for z != nil {
		more := s.step(z)
		if !more || s.links == maxChain || s.looped() || zs == nil {
			break
		}
		if z, _ = s.zoneFor(zs); z != nil && z.failing {
			break // who asks finds out there
		}
	}
	s.finish()
}

// looped notes the name that is asked for next and tells whether it was asked for before.
func (s *Scratch) looped() bool {
	h := s.q.hash[0]
	for _, seen := range s.seen[:s.links] {
		if seen == h {
			return true
		}
	}
	return false
}

// zoneFor finds the zone to answer from: for DS the one above a cut, where it is held (RFC 4035,
// section 3.1.4.1).
func (s *Scratch) zoneFor(zs *Zones) (*Compiled, int) {
	z, at := zs.enclosing(s.q, 0)
	if z != nil && at == 0 && s.qtype == typeDS && s.q.labels > 0 {
		if above, i := zs.enclosing(s.q, 1); above != nil {
			return above, i
		}
	}
	return z, at
}

// step answers for one name from one zone. It returns true when the name is an alias; s.q is what it
// leads to then.
func (s *Scratch) step(z *Compiled) bool {
	q := s.q
	s.zone = z
	at := 0 // label at which the closest encloser starts
	n := z.find(q, 0)
	for n.ref == 0 {
		at++
		n = z.find(q, at)
	}
	deep := n.flags()&isBelow != 0
	for n.flags()&isBelow != 0 { // up to what cuts it off
		at++
		n = z.find(q, at)
	}
	flags := n.flags()
	switch {
	case flags&isCut != 0 && (at > 0 || s.qtype != typeDS):
		s.refer(z, n, at, deep)
		return false
	case at == 0:
		return s.exact(z, n)
	case flags&hasDNAME != 0:
		return s.dname(z, n, at)
	case flags&hasStar != 0:
		return s.wild(z, z.starOf(q, at), at)
	}
	s.rcode = rcodeNXDomain
	s.kind, s.kindHash = kindNoName, z.hash
	if s.readyNegative(z) {
		return false
	}
	s.end = endNegative
	if s.signed(z) {
		s.proveNoName(z, at)
	}
	return false
}

// signed tells whether the client wants signatures and the zone has them.
func (s *Scratch) signed(z *Compiled) bool { return s.do && z.signed }

// fast tells whether answers that were made ready fit: they are without signatures.
func (s *Scratch) fast(z *Compiled) bool { return !s.signed(z) && len(z.ready) > 0 }

// readyNegative copies the answer to what is absent. It compresses names against the origin only, so
// it is not taken where the name that is asked for has more in common with those of the SOA.
func (s *Scratch) readyNegative(z *Compiled) bool {
	if s.links > 0 || !s.fast(z) {
		return false
	}
	if i := s.q.labels - z.labels - 1; i >= 0 && (s.q.hash[i] == z.soaNames[0] || s.q.hash[i] == z.soaNames[1]) {
		return false
	}
	return s.ready(z, z.noName, len(z.apex))
}

// exact answers with what a name has.
func (s *Scratch) exact(z *Compiled, n node) bool {
	if s.links == 0 {
		s.kind, s.kindHash = kindAnswer, s.q.hash[0]
		if s.exactReady(z, n) {
			return false
		}
	}
	set, found, alias := s.choose(z, n)
	switch {
	case alias:
		return s.alias(z, &set)
	case found:
		s.answer(z, n, &set)
		return false
	case s.qtype == typeRRSIG && s.signatures(z, n):
		return false
	}
	if s.readyNegative(z) {
		return false
	}
	s.end = endNegative
	if s.signed(z) {
		s.proveNoData(z, n, 0)
	}
	return false
}

// exactReady copies a set that needs no work, or an answer that is ready.
func (s *Scratch) exactReady(z *Compiled, n node) bool {
	if n.flags()&hasCNAME != 0 && s.qtype != typeCNAME {
		return false
	}
	h := z.header(n, s.qtype)
	if h == nil {
		return false
	}
	count, flags := binary.LittleEndian.Uint16(h[4:]), h[2]
	if flags&(plain|tooLarge|steered) != plain || count == 0 || s.rotate && count > 1 {
		return s.setReady(z, n, h)
	}
	from := int(binary.LittleEndian.Uint32(h[8:]))
	l := int(binary.LittleEndian.Uint32(h[12:]))
	m := &s.m
	if s.do { // signatures stand behind
		l += int(binary.LittleEndian.Uint32(h[16:]))
		m.counts[answer] = binary.LittleEndian.Uint16(h[6:])
	}
	if l > len(m.b)-m.n {
		m.counts[answer] = 0
		return false
	}
	m.n += copy(m.b[m.n:], n.b[from:from+l])
	m.counts[answer] += count
	s.end = endReady
	return true
}

// setReady is exactReady for sets that are not plain, or are turned.
func (s *Scratch) setReady(z *Compiled, n node, h []byte) bool {
	set := view(n, h)
	switch {
	case set.n == 0 || set.flags&(tooLarge|steered) != 0:
		return false
	case set.flags&plain == 0:
		return set.extra != 0 && (!s.rotate || set.n == 1) && s.fast(z) && s.ready(z, set.extra, s.q.n)
	case set.flags&isSpread == 0:
		return false
	}
	m := &s.m
	sigs := set.sig
	if !s.do {
		sigs = nil
	}
	if len(set.body)+len(sigs) > len(m.b)-m.n {
		return false
	}
	cut := s.first(&set) * (len(set.body) / set.n)
	m.n += copy(m.b[m.n:], set.body[cut:])
	m.n += copy(m.b[m.n:], set.body[:cut])
	m.counts[answer] = uint16(set.n)
	if len(sigs) > 0 {
		m.n += copy(m.b[m.n:], sigs)
		m.counts[answer] += uint16(set.sigs)
	}
	s.end = endReady
	return true
}

// first is the record that an answer begins with.
func (s *Scratch) first(set *rrset) int {
	if !s.rotate || set.n < 2 || set.flags&steered != 0 {
		return 0
	}
	s.turn++
	return int(s.turn % uint32(set.n))
}

// choose picks the set that answers at a node, as the client gets it; alias tells that it is a CNAME
// to follow.
func (s *Scratch) choose(z *Compiled, n node) (set rrset, found, alias bool) {
	set, found, alias = s.pick(z, n)
	if set.flags&steered != 0 && found {
		set, found = s.steered(set, answer)
	}
	return set, found, alias && found
}

func (s *Scratch) pick(z *Compiled, n node) (set rrset, found, alias bool) {
	switch s.qtype {
	case typeANY:
		// One set is enough (RFC 8482, section 4.1).
		for i := range n.sets() {
			if set = z.nth(n, i); set.n > 0 && set.typ != typeNSEC {
				return set, true, false
			}
		}
		return rrset{}, false, false
	case typeRRSIG:
		return rrset{}, false, false
	case typeCNAME, typeNSEC:
	default:
		if n.flags()&hasCNAME != 0 {
			set, _ = z.set(n, typeCNAME)
			return set, true, true
		}
	}
	set, found = z.set(n, s.qtype)
	return set, found, false
}

// owned is how sets of the name that is asked for are written.
func (s *Scratch) owned(z *Compiled) manner {
	w := manner{section: answer, owner: s.q.suffix(0), sigs: s.signed(z)}
	if s.links == 0 {
		w.at = headerLen
	}
	return w
}

func (s *Scratch) answer(z *Compiled, n node, set *rrset) {
	if set.typ == typeDNAME && s.said(z, n) {
		return
	}
	w := s.owned(z)
	w.first = s.first(set)
	if !s.put(set, w) {
		return
	}
	if shapeOf(set.typ).additional {
		s.want(z, *set, n)
	}
}

// put writes a set that the answer cannot do without.
func (s *Scratch) put(set *rrset, w manner) bool {
	switch {
	case s.m.put(set, w):
		return true
	case set.flags&tooLarge != 0:
		s.rcode = rcodeServFail
	default:
		s.truncated = true
	}
	s.end = endCut
	return false
}

// signatures answers who asks for RRSIG with all that the node has.
func (s *Scratch) signatures(z *Compiled, n node) bool {
	any := false
	for i := range n.sets() {
		set := z.nth(n, i)
		if set.sigs == 0 {
			continue
		}
		any = true
		only := rrset{typ: typeRRSIG, n: set.sigs, body: set.sig}
		w := s.owned(z)
		w.sigs = false
		if !s.put(&only, w) {
			break
		}
	}
	return any
}

// alias answers with a CNAME and goes on to its target.
func (s *Scratch) alias(z *Compiled, set *rrset) bool {
	if !s.put(set, s.owned(z)) {
		return false
	}
	return s.follow(set.body[recordHead:])
}

// follow makes a name in wire form the one that is asked for.
func (s *Scratch) follow(target []byte) bool {
	s.seen[s.links] = s.q.hash[0]
	s.links++
	if s.links < maxChain {
		s.dnames[s.links] = proof{}
	}
	return s.q.readStored(target)
}

// wild answers from a wildcard (RFC 4592).
func (s *Scratch) wild(z *Compiled, star node, at int) bool {
	if s.links == 0 {
		s.kind, s.kindHash = kindWild, s.q.star(at)
	}
	set, found, alias := s.choose(z, star)
	if (found || alias) && s.signed(z) {
		s.proveWild(z, at)
	}
	switch {
	case alias:
		return s.alias(z, &set)
	case found:
		s.answer(z, star, &set)
		return false
	case s.qtype == typeRRSIG && s.signatures(z, star):
		if s.signed(z) {
			s.proveWild(z, at)
		}
		return false
	}
	if s.readyNegative(z) {
		return false
	}
	s.end = endNegative
	if s.signed(z) {
		s.proveWildNoData(z, star, at)
	}
	return false
}

// dname answers below a DNAME: with it and the CNAME that follows from it (RFC 6672).
func (s *Scratch) dname(z *Compiled, n node, at int) bool {
	set, _ := z.set(n, typeDNAME)
	if s.links == 0 {
		s.kind, s.kindHash = kindWild, s.q.hash[at]
	}
	// One that is used twice is said once.
	if !s.said(z, n) && !s.put(&set, s.placed(z, at, answer)) {
		return false
	}
	s.dnames[s.links] = proof{z, n.ref}
	r := append(s.made[:0], set.body[:recordHead]...)
	binary.BigEndian.PutUint16(r[2:], typeCNAME)
	r = append(r, s.q.wire[:s.q.off[at]]...)
	r = append(r, set.body[recordHead:recordHead+nameLen(set.body[recordHead:])]...)
	l := len(r) - recordHead
	if l > 255 {
		s.rcode = rcodeYXDomain
		return false
	}
	binary.BigEndian.PutUint16(r[10:], uint16(l))
	w := s.owned(z)
	w.sigs = false // nobody could have signed it
	if !s.put(&rrset{typ: typeCNAME, n: 1, body: r}, w) {
		return false
	}
	if s.qtype == typeCNAME { // that was the answer
		return false
	}
	return s.follow(r[recordHead:])
}

// said tells whether the answer has the DNAME of a node.
func (s *Scratch) said(z *Compiled, n node) bool {
	return slices.Contains(s.dnames[:s.links], proof{z, n.ref})
}

// placed is how sets of q's suffix from label i on are written.
func (s *Scratch) placed(z *Compiled, i, section int) manner {
	w := manner{section: section, owner: s.q.suffix(i), sigs: s.signed(z)}
	if s.links == 0 {
		w.at = headerLen + int(s.q.off[i])
	}
	return w
}

// refer leaves the answer to the servers of a child zone. deep tells that the name that is asked for
// is that of glue or below, so that names may be compressed better than those of the answer that is
// ready.
func (s *Scratch) refer(z *Compiled, n node, at int, deep bool) {
	if s.links == 0 {
		s.authoritative = false
		s.kind, s.kindHash = kindReferral, s.q.hash[at]
		if set, ok := z.set(n, typeNS); ok && set.extra != 0 && !deep && s.fast(z) && s.ready(z, set.extra, s.q.n-int(s.q.off[at])) {
			return
		}
	}
	s.end, s.cut, s.cutAt = endReferral, n, at
}
