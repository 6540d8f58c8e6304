package nameserver

import (
	"encoding/binary"
	"unsafe"

	"github.com/zonecast/zonecast/zone"
)

// enter has the node at an offset, whose name is in wire, put into the table.
func (p *compiler) enter(at uint64) {
	p.q.readStored(p.wire)
	hash := p.q.hash[0]
	lines := min((p.size-1)/cacheLine-at/cacheLine, maxLines-1)
	p.places = append(p.places, place{hash, hash>>tagShift<<tagShift | lines<<32 | at/4})
	if len(p.places) == cap(p.places) {
		p.settle()
	}
}

// settle fills places of the table. The processor is told of all of them first, so that it waits for
// memory once and not for each.
func (p *compiler) settle() {
	c := p.c
	mask := uint64(len(c.table) - 1)
	for _, x := range p.places {
		prefetch(unsafe.Pointer(&c.table[x.hash&mask]), 1)
	}
	for _, x := range p.places {
		k := x.hash
		for c.table[k&mask] != 0 {
			k++
		}
		c.table[k&mask] = x.entry
	}
	p.places = p.places[:0]
}

// content measures or writes a node with the sets of the group.
func (p *compiler) content(owner zone.Name, flags uint8) {
	rel := owner.WireLen() - len(p.c.apex)
	size := int(p.c.head) + rel + setHead*len(p.group)
	at := size
	for i := range p.group {
		size += bodySize(p.group[i].Data) + bodySize(p.sigsOf(p.group[i].Type))
	}
	if !p.write {
		p.size += uint64(size+3) &^ 3
		p.sets += len(p.group)
		return
	}
	b := p.c.arena[p.size : p.size+uint64(size)]
	b[0], b[1] = flags, byte(rel)
	binary.LittleEndian.PutUint16(b[2:], uint16(len(p.group)))
	p.wire = owner.AppendWire(p.wire[:0])
	copy(b[p.c.head:], p.wire[:rel])
	h := b[int(p.c.head)+rel:]
	for i, set := range p.group {
		if len(set.Data) > 0 {
			p.sets++
		}
		at = p.set(b, h[i*setHead:], at, set)
	}
	p.size += uint64(size+3) &^ 3
}

// set writes the header h of a set and its records at b[at:], and returns where they end.
func (p *compiler) set(b, h []byte, at int, set zone.RRset) int {
	sigs := p.sigsOf(set.Type)
	n, m := bodySize(set.Data), bodySize(sigs)
	var flags uint8
	if n+m > maxBody || len(set.Data) > 0xFFFF {
		flags |= tooLarge
	}
	if s := shapeOf(uint16(set.Type)); !s.compress && !s.additional {
		flags |= plain
	}
	if evenData(set.Data) {
		flags |= isSpread
	}
	if p.policy != nil && !p.c.signed && canSteer(set.Type) {
		if number, ok := p.policy(set); ok {
			flags |= steered
			binary.LittleEndian.PutUint32(h[20:], number)
		}
	}
	binary.LittleEndian.PutUint16(h, uint16(set.Type))
	h[2] = flags
	binary.LittleEndian.PutUint16(h[4:], uint16(len(set.Data)))
	binary.LittleEndian.PutUint16(h[6:], uint16(len(sigs)))
	binary.LittleEndian.PutUint32(h[8:], uint32(at))
	binary.LittleEndian.PutUint32(h[12:], uint32(n))
	binary.LittleEndian.PutUint32(h[16:], uint32(m))
	at = putBody(b, at, set.Type, set.TTL, set.Data)
	// A signature has the TTL of what it covers (RFC 4034, section 3).
	return putBody(b, at, zone.TypeRRSIG, set.TTL, sigs)
}

const (
	recordHead = 12 // pointer to the owner, type, class, TTL, length
	maxBody    = 65535 - 12 - 5
)

func bodySize(data []zone.Data) int {
	n := recordHead * len(data)
	for _, d := range data {
		n += len(d)
	}
	return n
}

func putBody(b []byte, at int, t zone.Type, ttl uint32, data []zone.Data) int {
	for _, d := range data {
		r := b[at:]
		r[0], r[1] = 0xC0, 12
		binary.BigEndian.PutUint16(r[2:], uint16(t))
		binary.BigEndian.PutUint16(r[4:], classIN)
		binary.BigEndian.PutUint32(r[6:], ttl)
		binary.BigEndian.PutUint16(r[10:], uint16(len(d)))
		at += recordHead + copy(r[recordHead:], d)
	}
	return at
}

func evenData(data []zone.Data) bool {
	for _, d := range data {
		if len(d) != len(data[0]) {
			return false
		}
	}
	return true
}
