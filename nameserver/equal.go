package nameserver

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"
)

// Equal reports whether both were made of the same records.
func (z *Compiled) Equal(y *Compiled) bool {
	switch {
	case z == y:
		return true
	case z.origin != y.origin || z.denial != y.denial:
		return false
	case !z.wasPatched() && !y.wasPatched():
		return bytes.Equal(z.arena, y.arena)
	}
	return z.names == y.names && z.sets == y.sets && z.within(y) && z.sameChain(y)
}

// sameChain compares NSEC3 records.
func (z *Compiled) sameChain(y *Compiled) bool {
	if !bytes.Equal(z.nsec3.hash, y.nsec3.hash) {
		return false
	}
	for i, ref := range z.nsec3.ref {
		if !z.sameNode(z.at(ref), y, y.at(y.nsec3.ref[i])) {
			return false
		}
	}
	return true
}

func (z *Compiled) wasPatched() bool { return z.past != nil && z.past.number > 0 }

// within reports whether y has all nodes of z, wherever they stand.
func (z *Compiled) within(y *Compiled) bool {
	var q name
	var wire [264]byte
	for i := range z.table {
		ref := z.former(uint32(atomic.LoadUint64(&z.table[i])))
		if ref == 0 || z.at(ref).b[1] == gone {
			continue
		}
		n := z.at(ref)
		q.readStored(z.appendName(wire[:0], n))
		if !z.sameNode(n, y, y.find(&q, 0)) {
			return false
		}
	}
	return true
}

// sameNode compares nodes of two zones, but for where their ready answers and NSEC3 records are.
func (z *Compiled) sameNode(n node, y *Compiled, m node) bool {
	if m.ref == 0 {
		return false
	}
	l := z.length(n)
	if z.head != y.head || l != y.length(m) {
		return false
	}
	at := int(z.head) + int(n.b[1])
	if !bytes.Equal(n.b[:nodeHead], m.b[:nodeHead]) || !bytes.Equal(n.b[z.head:at], m.b[z.head:at]) {
		return false
	}
	for range n.sets() {
		g, h := n.b[at:at+setHead], m.b[at:at+setHead]
		if !bytes.Equal(g[:20], h[:20]) || g[2]&steered != 0 && binary.LittleEndian.Uint32(g[20:]) != binary.LittleEndian.Uint32(h[20:]) {
			return false
		}
		at += setHead
	}
	return bytes.Equal(n.b[at:l], m.b[at:l])
}
