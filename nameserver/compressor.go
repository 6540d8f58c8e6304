package nameserver

import "encoding/binary"

// A compressor knows which names a message has, as a tree: every suffix of a name is known by where
// its first label stands first, together with the place of what follows it. So looking for a name
// from the right compares one label a step, and finds the longest suffix that is there.
type compressor struct {
	table [compressSlots]suffix
	log   [compressSlots / 2]uint16 // slots in the order in which they were filled
	used  int
	ready bool // the question's name is in
	word  [264]byte
}

const compressSlots = 1024

type suffix struct {
	hash   uint32
	parent uint16 // place of the rest of the name; 0 is the root
	at     uint16 // place of the label; 0: the slot is free
}

// reset forgets everything, at the cost of what was known.
func (c *compressor) reset() {
	c.back(0)
	c.ready = false
}

// back forgets what was learned after the first n suffixes. As the latest go first, no chain of
// slots is broken.
func (c *compressor) back(n int) {
	for c.used > n {
		c.used--
		c.table[c.log[c.used]] = suffix{}
	}
}

func (c *compressor) learn(hash uint32, parent, at int) {
	if at > maxOffset || c.used == len(c.log) {
		return
	}
	k := hash % compressSlots
	for c.table[k].at != 0 {
		k = (k + 1) % compressSlots
	}
	c.table[k] = suffix{hash, uint16(parent), uint16(at)}
	c.log[c.used] = uint16(k)
	c.used++
}

// find returns where a label is that is followed by what is at parent; 0 when it is nowhere.
func (c *compressor) find(msg []byte, hash uint32, parent int, label []byte) int {
	for k := hash % compressSlots; ; k = (k + 1) % compressSlots {
		s := &c.table[k]
		if s.at == 0 {
			return 0
		}
		if s.hash == hash && int(s.parent) == parent && sameLabel(msg[s.at:], label) {
			return int(s.at)
		}
	}
}

// sameLabel compares a label of a message, in any case, with one in lower case. Both begin with
// their length.
func sameLabel(msg, label []byte) bool {
	if len(msg) < len(label) || msg[0] != label[0] {
		return false
	}
	for i := 1; i < len(label); i++ {
		c := msg[i]
		if c-'A' < 26 {
			c += 'a' - 'A'
		}
		if c != label[i] {
			return false
		}
	}
	return true
}

// labelHash hashes a label, which stands in a buffer with room for eight octets behind it.
func labelHash(b []byte, at, parent int) uint32 {
	h := seedRoot ^ uint64(parent)
	n := int(b[at])
	at++
	for n > 8 {
		h = mix(h^binary.LittleEndian.Uint64(b[at:]), seedLong)
		at, n = at+8, n-8
	}
	tail := binary.LittleEndian.Uint64(b[at:]) & (^uint64(0) >> (64 - 8*uint(n)))
	return uint32(mix(h^tail, seedTail+uint64(n)) >> 32)
}

// name writes a name that is given in wire form and lower case, with a pointer to what is there
// already if compress is set. It returns where the name stands, or where the pointer leads when it
// is nothing but a pointer.
func (m *message) name(wire []byte, compress bool) (at int, ok bool) {
	c := &m.names
	if !c.ready {
		m.question()
	}
	var starts [maxLabels + 1]uint8
	n := copy(c.word[:255], wire)
	labels := 0
	for i := 0; i < n && c.word[i] != 0; i += int(c.word[i]) + 1 {
		starts[labels] = uint8(i)
		labels++
	}
	parent, known := 0, labels
	for known > 0 {
		i := int(starts[known-1])
		found := c.find(m.b, labelHash(c.word[:], i, parent), parent, c.word[i:i+1+int(c.word[i])])
		if found == 0 {
			break
		}
		parent = found
		known--
	}
	if known == 0 && compress && labels > 0 {
		return parent, m.pointer(parent)
	}
	at = m.n
	end := n // of what is written out
	if compress && parent != 0 {
		end = int(starts[known])
	}
	if !m.copy(c.word[:end]) {
		return 0, false
	}
	if compress && parent != 0 && !m.pointer(parent) {
		return 0, false
	}
	for known--; known >= 0; known-- {
		i := int(starts[known])
		c.learn(labelHash(c.word[:], i, parent), parent, at+i)
		parent = at + i
		if parent > maxOffset {
			break
		}
	}
	return at, true
}

// question learns the name of the question, which stands behind the header.
func (m *message) question() {
	c := &m.names
	c.ready = true
	var q [maxLabels + 1]uint8
	labels := 0
	for i := headerLen; m.b[i] != 0; i += int(m.b[i]) + 1 {
		q[labels] = uint8(i - headerLen)
		labels++
	}
	parent := 0
	for labels--; labels >= 0; labels-- {
		i := headerLen + int(q[labels])
		l := int(m.b[i]) + 1
		for k, x := range m.b[i : i+l] {
			if x-'A' < 26 {
				x += 'a' - 'A'
			}
			c.word[k] = x
		}
		c.learn(labelHash(c.word[:], 0, parent), parent, i)
		parent = i
	}
}
