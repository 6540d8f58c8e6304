package nameserver

import (
	"encoding/binary"
)

const (
	headerLen = 12
	classIN   = 1
	classCH   = 3
	classANY  = 255
	maxOffset = 0x3FFF // that a compression pointer can have
)

// Sections that records go to.
const (
	answer = iota
	authority
	additional
)

// A message is an answer that is being written. Everything in it may be taken back to a mark.
type message struct {
	b      []byte // as long as the answer may become
	n      int    // octets written
	counts [3]uint16
	names  compressor

	traced   bool // pointers are noted, for answers that are made ready
	pointers []uint16
}

// A mark is a state of a message to return to.
type mark struct {
	n      int
	counts [3]uint16
	names  int
}

func (m *message) mark() mark { return mark{m.n, m.counts, m.names.used} }

func (m *message) back(to mark) {
	m.n, m.counts = to.n, to.counts
	m.names.back(to.names)
}

// copy appends octets that are ready.
func (m *message) copy(b []byte) bool {
	if len(b) > len(m.b)-m.n {
		return false
	}
	m.n += copy(m.b[m.n:], b)
	return true
}

// pointer writes a compression pointer.
func (m *message) pointer(to int) bool {
	if len(m.b)-m.n < 2 {
		return false
	}
	if m.traced {
		m.pointers = append(m.pointers, uint16(m.n))
	}
	binary.BigEndian.PutUint16(m.b[m.n:], 0xC000|uint16(to))
	m.n += 2
	return true
}

// A manner is how a set is written.
type manner struct {
	section int
	at      int    // where the message has the owner's name already; 0: nowhere, use owner
	owner   []byte // in wire form
	ttl     uint32 // instead of its own, when limited is set
	limited bool
	first   int  // the record to begin with
	sigs    bool // with its signatures
}

// put writes a whole set, compressed; or, when it has no room, nothing of it.
func (m *message) put(s *rrset, w manner) bool {
	before := m.mark()
	if s.flags&tooLarge == 0 && m.records(s.body, s.typ, s.n, &w) {
		if !w.sigs || s.sigs == 0 {
			return true
		}
		w.first = 0
		if m.records(s.sig, typeRRSIG, s.sigs, &w) {
			return true
		}
	}
	m.back(before)
	return false
}

// records writes n records out of a body. w.at is set to where the owner's name is.
func (m *message) records(body []byte, t uint16, n int, w *manner) bool {
	start := 0
	for range w.first {
		start += recordHead + int(binary.BigEndian.Uint16(body[start+10:]))
	}
	shape := shapeOf(t)
	at := start
	for range n {
		if at >= len(body) {
			at = 0
		}
		l := int(binary.BigEndian.Uint16(body[at+10:]))
		if !m.record(body[at:at+recordHead+l], shape, w) {
			return false
		}
		at += recordHead + l
	}
	m.counts[w.section] += uint16(n)
	return true
}

// record writes one record.
func (m *message) record(r []byte, shape rdataShape, w *manner) bool {
	if w.at != 0 && w.at <= maxOffset {
		if !m.pointer(w.at) {
			return false
		}
	} else {
		at, ok := m.name(w.owner, true)
		if !ok {
			return false
		}
		w.at = at
	}
	fixed := m.n
	if !m.copy(r[2:recordHead]) {
		return false
	}
	if w.limited {
		binary.BigEndian.PutUint32(m.b[fixed+4:], w.ttl)
	}
	rdata := r[recordHead:]
	if shape.names == 0 {
		return m.copy(rdata)
	}
	from, head := m.n, shape.head(rdata)
	if !m.copy(rdata[:head]) {
		return false
	}
	rdata = rdata[head:]
	for range shape.names {
		l := nameLen(rdata)
		if _, ok := m.name(rdata[:l], shape.compress); !ok {
			return false
		}
		rdata = rdata[l:]
	}
	if !m.copy(rdata) {
		return false
	}
	binary.BigEndian.PutUint16(m.b[fixed+8:], uint16(m.n-from))
	return true
}

// nameLen is the length of the name at the start of b, which the compiler has checked.
func nameLen(b []byte) int {
	i := 0
	for b[i] != 0 {
		i += int(b[i]) + 1
	}
	return i + 1
}

// A rdataShape tells where a type's RDATA has names.
type rdataShape struct {
	skip       uint8 // octets before the first name
	strings    uint8 // character strings behind them
	names      uint8
	compress   bool // names may be compressed (RFC 3597, section 4)
	additional bool // addresses of the name are of use to who asks for this type
}

// head is how many octets stand before the first name.
func (s rdataShape) head(rdata []byte) int {
	n := int(s.skip)
	for range s.strings {
		n += 1 + int(rdata[n])
	}
	return n
}

// shapes of types below 66. Names in types after RFC 1035 are never compressed, but other names may
// point to them.
var shapes = [66]rdataShape{
	2:  {names: 1, compress: true, additional: true},          // NS
	3:  {names: 1, compress: true},                            // MD
	4:  {names: 1, compress: true},                            // MF
	5:  {names: 1, compress: true},                            // CNAME
	6:  {names: 2, compress: true},                            // SOA
	7:  {names: 1, compress: true},                            // MB
	8:  {names: 1, compress: true},                            // MG
	9:  {names: 1, compress: true},                            // MR
	12: {names: 1, compress: true},                            // PTR
	14: {names: 2, compress: true},                            // MINFO
	15: {skip: 2, names: 1, compress: true, additional: true}, // MX
	17: {names: 2},                                            // RP
	18: {skip: 2, names: 1, additional: true},                 // AFSDB
	21: {skip: 2, names: 1, additional: true},                 // RT
	33: {skip: 6, names: 1, additional: true},                 // SRV
	35: {skip: 4, strings: 3, names: 1, additional: true},     // NAPTR
	36: {skip: 2, names: 1, additional: true},                 // KX
	39: {names: 1},                                            // DNAME
	64: {skip: 2, names: 1, additional: true},                 // SVCB
	65: {skip: 2, names: 1, additional: true},                 // HTTPS
}

func shapeOf(t uint16) rdataShape {
	if int(t) < len(shapes) {
		return shapes[t]
	}
	return rdataShape{}
}
