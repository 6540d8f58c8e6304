package nameserver

// A proof is a node whose NSEC or NSEC3 record belongs into the authority section.
type proof struct {
	zone *Compiled
	ref  uint32
}

// A want is a set whose names point to addresses that belong into the additional section.
type want struct {
	zone *Compiled
	set  rrset
	node node // that the set is of
	cut  bool // the set delegates
}

const maxProofs = 3 * (maxChain + 1)

// prove adds a node to the proofs.
func (s *Scratch) prove(z *Compiled, ref uint32) {
	if ref == 0 || len(s.proofs) == cap(s.proofs) {
		return
	}
	for _, p := range s.proofs {
		if p.ref == ref && p.zone == z {
			return
		}
	}
	s.proofs = append(s.proofs, proof{z, ref})
}

func (s *Scratch) want(z *Compiled, set rrset, n node) {
	if len(s.wanted) < cap(s.wanted) {
		s.wanted = append(s.wanted, want{zone: z, set: set, node: n})
	}
}

// finish writes the authority and the additional section.
func (s *Scratch) finish() {
	switch s.end {
	case endReady, endCut:
		return
	case endNegative:
		if !s.negative(s.zone) {
			return
		}
	case endReferral:
		if !s.delegation(s.zone) {
			return
		}
	}
	for _, p := range s.proofs {
		if !s.denial(p, authority) {
			return
		}
	}
	var seen [32]uint32
	done := seen[:0]
	for i := 0; i < len(s.wanted); i++ { // NAPTR makes them more
		done = s.addresses(&s.wanted[i], done, true)
	}
	for i := range s.wanted {
		switch x := &s.wanted[i]; {
		case x.cut && !s.truncated:
			s.addresses(x, done, false)
		case isService(x.set.typ):
			s.services(x)
		}
	}
}

// negative writes the SOA with the time that the absence may be kept (RFC 2308, section 3).
func (s *Scratch) negative(z *Compiled) bool {
	soa, ok := z.set(z.at(z.apexRef), typeSOA)
	if !ok {
		return true
	}
	w := manner{section: authority, owner: z.apex, sigs: s.signed(z), limited: true, ttl: z.negTTL}
	if s.links == 0 {
		w.at = headerLen + int(s.q.off[s.q.labels-z.labels])
	}
	return s.put(&soa, w)
}

// delegation writes NS, and DS or the proof that there is none.
func (s *Scratch) delegation(z *Compiled) bool {
	ns, _ := z.set(s.cut, typeNS)
	w := s.placed(z, s.cutAt, authority)
	w.sigs = false // not ours
	if !s.put(&ns, w) {
		return false
	}
	if s.signed(z) {
		if ds, ok := z.set(s.cut, typeDS); ok {
			if !s.put(&ds, s.placed(z, s.cutAt, authority)) {
				return false
			}
		} else {
			s.proveNoData(z, s.cut, s.cutAt)
		}
	}
	if len(s.wanted) < cap(s.wanted) {
		s.wanted = append(s.wanted, want{zone: z, set: ns, node: s.cut, cut: true})
	}
	return true
}

// denial writes an NSEC or NSEC3 record. Only the authority section cannot do without it.
func (s *Scratch) denial(p proof, section int) bool {
	n := p.zone.at(p.ref)
	t := uint16(typeNSEC)
	if p.zone.denial == denialNSEC3 {
		t = typeNSEC3
	}
	set, ok := p.zone.set(n, t)
	if !ok {
		return true
	}
	w := manner{section: section, owner: p.zone.appendName(s.made[:0], n), sigs: true}
	if section == additional {
		return s.m.put(&set, w)
	}
	return s.put(&set, w)
}

// addresses writes the addresses of the names in a set, as far as the zone has them. For a
// delegation it is called twice: first for names below the cut, without which nobody gets there
// (RFC 9471), then for others. done are nodes that are written already.
func (s *Scratch) addresses(x *want, done []uint32, first bool) []uint32 {
	z := x.zone
	shape := shapeOf(x.set.typ)
	for body := x.set.body; len(body) > 0; body = behindRecord(body) {
		rdata := rdataOf(body)
		n, ok := s.targetOf(x, rdata, shape.head(rdata))
		if !ok || n.ref == 0 || x.cut && s.belowCut(z, x.node) != first {
			continue
		}
		if n.flags()&leavesOut != 0 && x.set.typ != typeNS || len(done) == cap(done) || contains(done, n.ref) {
			continue
		}
		if x.set.typ == typeNAPTR && !s.rewrites(z, n, rdata) {
			continue
		}
		done = append(done, n.ref)
		if !s.address(z, n) && x.cut && first {
			s.truncated = true
			return done
		}
	}
	return done
}

// rewrites tells whether addresses are what comes after a NAPTR record, by its flag (RFC 3404, section
// 4.3, and RFC 3958). For SRV records it writes these, and sees to the addresses that they lead to.
func (s *Scratch) rewrites(z *Compiled, n node, rdata []byte) bool {
	if rdata[4] != 1 {
		return false
	}
	switch rdata[5] {
	case 'A', 'a':
		return true
	case 'S', 's':
		for i := range s.wanted { // another NAPTR record leads there, too
			if w := &s.wanted[i]; w.node.ref == n.ref && w.set.typ == typeSRV {
				return false
			}
		}
		if set, ok := z.set(n, typeSRV); ok && s.more(z, n, typeSRV) {
			s.want(z, set, n)
		}
	}
	return false
}

func contains(list []uint32, x uint32) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}

// belowCut tells whether s.t is at or below a delegation.
func (s *Scratch) belowCut(z *Compiled, cut node) bool {
	rel := z.relative(cut)
	at := s.t.n - len(z.apex) - len(rel)
	if at < 0 || string(s.t.wire[at:at+len(rel)]) != string(rel) {
		return false
	}
	for i := range s.t.labels {
		if int(s.t.off[i]) == at {
			return true
		}
	}
	return false
}

// address writes the A and AAAA sets of a node, whose name is s.t.
func (s *Scratch) address(z *Compiled, n node) bool {
	a := s.more(z, n, typeA)
	return s.more(z, n, typeAAAA) && a
}

// more writes a set of a node, whose name is s.t, if it exists and has room.
func (s *Scratch) more(z *Compiled, n node, t uint16) bool {
	set, ok := z.set(n, t)
	if ok && set.flags&steered != 0 {
		set, ok = s.steered(set, additional)
	}
	if !ok {
		return true
	}
	return s.m.put(&set, manner{section: additional, owner: s.t.suffix(0), sigs: s.signed(z) && n.flags()&leavesOut == 0})
}
