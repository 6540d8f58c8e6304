package nameserver

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"

	"github.com/zonecast/zonecast/zone"
)

// A Compiled zone is one made ready for answering. It never changes. It holds no pointers but those
// to a few large slices, so that a million names cost the garbage collector nothing.
type Compiled struct {
	// What every look-up needs comes first: two lines of the processor's cache.

	// table finds nodes by the hash of their names. A place has the upper bits of the hash from
	// tagShift on, below them how many lines the node lies in beyond the first, and in the lower half
	// its reference. 0 is a free place; no node has reference 0. Versions of a zone may have one table
	// together, in which the newest has put its nodes: what lies behind the end of the arena is of a
	// later version. See former.
	table []uint64
	// arena holds nodes; a reference counts units of 4 octets.
	arena []byte
	apex  []byte // origin in wire form, lower case
	hash  uint64 // of the origin
	// ready holds answers that only have to be copied; see blob.
	ready  []byte
	labels int    // of the origin
	head   uint32 // octets of a node before its name
	denial denial
	signed bool
	// failing is set for a zone that is ours but has nothing that could be told; see Failing.
	failing bool

	origin zone.Name
	names  int // nodes
	sets   int // RRsets

	apexRef uint32
	negTTL  uint32 // how long an absence may be kept (RFC 2308, section 3)
	noName  uint32 // blob of the SOA in the authority section, in ready
	// soaNames are the hashes of the names right below the origin at or above the two of the SOA.
	soaNames [2]uint64

	nsec  nsecIndex
	nsec3 nsec3Index

	past *past // what Recompile needs; nil: nothing is to be patched
}

// Origin is the name of the apex.
func (z *Compiled) Origin() zone.Name { return z.origin }

// Names counts the names that exist, empty non-terminals included.
func (z *Compiled) Names() int { return z.names }

// Sets counts the RRsets, without those of signatures.
func (z *Compiled) Sets() int { return z.sets }

// Signed tells whether the zone has signatures.
func (z *Compiled) Signed() bool { return z.signed }

// Size is the memory that the zone takes, in octets.
func (z *Compiled) Size() int {
	return 8*cap(z.table) + cap(z.arena) + cap(z.ready) + z.nsec.size() + z.nsec3.size() + z.past.size()
}

// A denial is the way in which a zone proves that something is absent.
type denial uint8

const (
	denialNone denial = iota
	denialNSEC
	denialNSEC3
)

// A node is what the arena has from the reference of a name on:
//
//	flags 1, length of the name relative to the origin 1, number of sets 2
//	(with NSEC3 only: reference of the NSEC3 record that matches the name 4)
//	the relative name, in lower case and without the root
//	a header of setHead octets for each set
//	for each set its records, then its signatures, each as a message has it after the question:
//	C0 0C type class TTL length RDATA, names in RDATA not compressed
type node struct {
	b   []byte // the arena from the node on
	ref uint32 // 0: there is none
}

const (
	tagShift  = 34
	maxLines  = 4 // that a place in the table can tell of
	cacheLine = 64
)

const (
	nodeHead  = 4
	nodeHead3 = 8
	setHead   = 24

	// Of nodes.
	isCut     = 1 << 0 // NS below the apex: a delegation
	isBelow   = 1 << 1 // below a delegation or a DNAME: not ours to answer from
	hasDNAME  = 1 << 2
	hasStar   = 1 << 3 // there is a wildcard right below
	hasCNAME  = 1 << 4
	isStar    = 1 << 5
	leavesOut = isCut | isBelow

	// Of sets.
	plain    = 1 << 0 // copied as it is: no name in RDATA that is compressed, nothing additional
	isSpread = 1 << 1 // all records have the same length
	tooLarge = 1 << 2 // more than a message can hold
	steered  = 1 << 3 // answered by a policy: extra is its number
)

// A rrset is a view of one set of a node.
type rrset struct {
	typ   uint16
	flags uint8
	n     int    // records
	sigs  int    // signatures
	body  []byte // records
	sig   []byte // signatures
	extra uint32 // blob in ready, 0 when there is none
}

func (z *Compiled) at(ref uint32) node { return node{z.arena[uint64(ref)*4:], ref} }

func (n node) flags() uint8 { return n.b[0] }

func (n node) sets() int { return int(binary.LittleEndian.Uint16(n.b[2:])) }

// relative is the name without the origin.
func (z *Compiled) relative(n node) []byte { return n.b[z.head : z.head+uint32(n.b[1])] }

// appendName appends the whole name of a node.
func (z *Compiled) appendName(b []byte, n node) []byte {
	return append(append(b, z.relative(n)...), z.apex...)
}

// nth is set i of a node.
func (z *Compiled) nth(n node, i int) rrset {
	return view(n, n.b[int(z.head)+int(n.b[1])+i*setHead:])
}

// view is the set with header h.
func view(n node, h []byte) rrset {
	h = h[:setHead]
	off := binary.LittleEndian.Uint32(h[8:])
	l := binary.LittleEndian.Uint32(h[12:])
	m := binary.LittleEndian.Uint32(h[16:])
	return rrset{
		typ:   binary.LittleEndian.Uint16(h),
		flags: h[2],
		n:     int(binary.LittleEndian.Uint16(h[4:])),
		sigs:  int(binary.LittleEndian.Uint16(h[6:])),
		body:  n.b[off : off+l],
		sig:   n.b[off+l : off+l+m],
		extra: binary.LittleEndian.Uint32(h[20:]),
	}
}

// header returns the header of the set of a type, nil when there is none.
func (z *Compiled) header(n node, t uint16) []byte {
	at := int(z.head) + int(n.b[1])
	for range n.sets() {
		h := n.b[at : at+setHead]
		if binary.LittleEndian.Uint16(h) == t {
			return h
		}
		at += setHead
	}
	return nil
}

// set returns the set of a type. Sets that are nothing but signatures do not count.
func (z *Compiled) set(n node, t uint16) (rrset, bool) {
	h := z.header(n, t)
	if h == nil {
		return rrset{}, false
	}
	s := view(n, h)
	return s, s.n > 0
}

// find returns the node of q's suffix from label i on; upTo is the length of the suffix without the
// origin.
func (z *Compiled) find(q *name, i int) node {
	at := int(q.off[i])
	return z.lookup(q.hash[i], q.wire[at:q.n-len(z.apex)])
}

// lookup finds a node by the hash of its whole name and the part relative to the origin.
func (z *Compiled) lookup(hash uint64, rel []byte) node {
	table := z.table
	mask := uint64(len(table) - 1)
	for k := hash; ; k++ {
		e := atomic.LoadUint64(&table[k&mask])
		if e == 0 {
			return node{}
		}
		if (e^hash)>>tagShift != 0 {
			continue
		}
		at := uint64(uint32(e)) * 4
		if at >= uint64(len(z.arena)) {
			if n := z.lookupFormer(uint32(e), rel); n.ref != 0 {
				return n
			}
			continue
		}
		n := node{z.arena[at:], uint32(e)}
		if int(n.b[1]) == len(rel) && string(z.relative(n)) == string(rel) {
			return n
		}
	}
}

// lookupFormer is lookup where a later version has put a node.
//
//go:noinline
func (z *Compiled) lookupFormer(ref uint32, rel []byte) node {
	if ref = z.former(ref); ref == 0 {
		return node{}
	}
	if n := z.at(ref); int(n.b[1]) == len(rel) && string(z.relative(n)) == string(rel) {
		return n
	}
	return node{}
}

// former is the node that a version has in place of one that a later version has put into the table; 0
// when there is none. The word before a node that was appended tells which one it took the place of.
func (z *Compiled) former(ref uint32) uint32 {
	for uint64(ref)*4 >= uint64(len(z.arena)) {
		ref = binary.LittleEndian.Uint32(z.arena[:cap(z.arena)][uint64(ref)*4-4:])
	}
	return ref
}

// prefetch has the node with a hash brought to the processor.
func (z *Compiled) prefetch(hash uint64) {
	mask := uint64(len(z.table) - 1)
	for k := hash; ; k++ {
		e := atomic.LoadUint64(&z.table[k&mask])
		if e == 0 {
			return
		}
		if (e^hash)>>tagShift == 0 {
			if at := uint64(uint32(e)) * 4; at < uint64(len(z.arena)) {
				prefetch(unsafe.Pointer(&z.arena[at]), int(e>>32&(maxLines-1))+1)
			}
			return
		}
	}
}

// starOf returns the wildcard below q's suffix from label i on.
func (z *Compiled) starOf(q *name, i int) node {
	var rel [264]byte
	rel[0], rel[1] = 1, '*'
	n := copy(rel[2:], q.wire[q.off[i]:q.n-len(z.apex)])
	return z.lookup(q.star(i), rel[:2+n])
}
