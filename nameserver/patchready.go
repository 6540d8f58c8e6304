package nameserver

import "encoding/binary"

// answers makes the answers ready of nodes that are new, and of all that have in them what has
// changed.
func (p *patcher) answers(l *line) bool {
	c := p.c
	if len(p.other) > 0 && !l.links.made {
		l.make(c)
	}
	for _, hash := range p.other {
		if !p.dependents(hash, 0) {
			return false
		}
	}
	s := preparers.Get().(*preparer)
	defer preparers.Put(s)
	for ref := range p.made {
		s.node(c, c.at(ref))
	}
	if c.apexRef != p.old.apexRef {
		p.dead += c.blobLen(c.noName)
		c.noName = 0
		if ref, ok := s.blob(c, c.apexRef, typeSOA, true); ok {
			c.noName = ref
		}
	}
	return true
}

// dependents has the answers of nodes made again that lead to a name; by NAPTR records they may do so
// by way of another.
func (p *patcher) dependents(hash uint64, depth int) bool {
	return p.links.to(hash, func(ref uint32) bool {
		c := p.c
		var wire [264]byte
		p.name.readStored(c.appendName(wire[:0], c.at(ref)))
		n := c.find(&p.name, 0)
		if n.ref == 0 || n.flags()&isBelow != 0 || depth > 0 && c.header(n, typeNAPTR) == nil {
			return true
		}
		itself := p.name.hash[0]
		if !p.made[n.ref] {
			if len(p.made) > p.most {
				return false
			}
			if uint64(n.ref)*4 < uint64(len(p.old.arena)) {
				var ok bool
				if n, ok = p.move(n, n.flags()); !ok {
					return false
				}
			}
			p.unready(n)
			p.made[n.ref] = true
		}
		return depth > 0 || p.dependents(itself, 1)
	})
}

// unready takes the answers away that were ready.
func (p *patcher) unready(n node) {
	c := p.c
	for i := range n.sets() {
		h := n.b[int(c.head)+int(n.b[1])+i*setHead:]
		if h[2]&(plain|steered) == 0 {
			p.dead += c.blobLen(binary.LittleEndian.Uint32(h[20:]))
			binary.LittleEndian.PutUint32(h[20:], 0)
		}
	}
}
