package nameserver

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/zonecast/zonecast/zone"
)

const (
	// patchable is how many names a zone has at least for whose changes it is patched; one with fewer is
	// compiled as fast.
	patchable = 1 << 9
	// spareShare is which part of an arena is left free for changes that may come.
	spareShare = 16
	// deadShare is which part of a zone's memory may be of former versions, before all is made anew.
	deadShare = 4
	deadLeast = 64 << 10
	// manyShare is which part of the names may change for a patch to be worth it.
	manyShare = 16
)

func (o *CompileOptions) worthPatching(names int) bool { return o.always || names >= patchable }

// A past is what a compiled zone knows of how it came about.
type past struct {
	source weak.Pointer[zone.Zone] // what it was made of, as long as somebody else holds on to it
	policy bool                    // there was one
	line   *line
	number uint64 // of the version in the line
	used   int    // places of the table that are taken
	dead   int    // octets of arena and ready answers that only versions before need
}

// A line is a zone that was compiled whole and the versions that were made of it by patching. All of
// them share memory: each has what is new in it appended to the arena and the ready answers, behind
// what the one before reads, and put into the table. So only the newest may be patched.
type line struct {
	mu     sync.Mutex
	newest uint64
	first  int // octets of the arena of the one that was compiled whole
	// uneven are the nodes in there that can lead to others, nil when they are not known.
	uneven []uint32
	links  links
}

func newPast(z *zone.Zone, c *Compiled, o CompileOptions, uneven []uint32) *past {
	l := &line{first: len(c.arena)}
	if manyShare*len(uneven) <= c.names {
		l.uneven = append([]uint32{}, uneven...)
	}
	return &past{source: weak.Make(z), policy: o.Policy != nil, line: l, used: c.names}
}

func (p *past) size() int {
	if p == nil {
		return 0
	}
	return 4*cap(p.line.uneven) + int(p.line.links.octets.Load())
}

// links tell which nodes may have to be answered differently when another name changes: those with
// records that lead to it, whose addresses stand beside the answer. Nodes are named by where they
// stood when they were noted; what is there keeps its name also after they have moved. There may be
// too many links, never too few.
type links struct {
	made   bool
	shift  uint     // of hashes
	from   []uint32 // where in ref those begin that lead to names with a hash of these leading bits
	ref    []uint32
	late   map[uint64][]uint32 // that came since
	octets atomic.Int64
}

// make finds the links of the version that was compiled whole.
func (l *line) make(z *Compiled) {
	type link struct{ hash, ref uint32 }
	var list []link
	l.all(z, func(ref uint32, hash uint64) { list = append(list, link{uint32(hash >> 32), ref}) })
	x := &l.links
	bits := uint(8)
	for 1<<bits < len(list) && bits < 30 {
		bits++
	}
	shift := 32 - bits
	// Counted one place further on than they begin, so that filling moves each to where the next begins.
	x.from = make([]uint32, 1<<bits+2)
	for _, y := range list {
		x.from[y.hash>>shift+2]++
	}
	for i := 2; i < len(x.from); i++ {
		x.from[i] += x.from[i-1]
	}
	x.ref = make([]uint32, len(list))
	for _, y := range list {
		at := &x.from[y.hash>>shift+1]
		x.ref[*at] = y.ref
		*at++
	}
	x.made, x.shift = true, 32+shift
	x.octets.Add(int64(4*cap(x.from) + 4*cap(x.ref)))
}

// all yields each link that the version which was compiled whole has.
func (l *line) all(z *Compiled, yield func(ref uint32, hash uint64)) {
	var q name
	node := func(ref uint32) {
		z.targets(&q, z.at(ref), func(hash uint64) { yield(ref, hash) })
	}
	if l.uneven != nil {
		for _, ref := range l.uneven {
			node(ref)
		}
		return
	}
	for at := 4; at < l.first; {
		node(uint32(at / 4))
		at += (z.length(z.at(uint32(at/4))) + 3) &^ 3
	}
}

// add notes the links of a node.
func (x *links) add(z *Compiled, q *name, n node) {
	z.targets(q, n, func(hash uint64) {
		if x.late == nil {
			x.late = map[uint64][]uint32{}
		}
		x.late[hash] = append(x.late[hash], n.ref)
		x.octets.Add(48) // about
	})
}

// to yields the nodes that lead to a name, and perhaps others.
func (x *links) to(hash uint64, yield func(ref uint32) bool) bool {
	i := hash >> x.shift
	for _, ref := range x.ref[x.from[i]:x.from[i+1]] {
		if !yield(ref) {
			return false
		}
	}
	for _, ref := range x.late[hash] {
		if !yield(ref) {
			return false
		}
	}
	return true
}

// targets yields the hashes of names of the zone whose addresses may stand beside answers of a node.
func (z *Compiled) targets(q *name, n node, yield func(hash uint64)) {
	for i := range n.sets() {
		set := z.nth(n, i)
		shape := shapeOf(set.typ)
		if !shape.additional {
			continue
		}
		for body := set.body; len(body) > 0; {
			rdata := body[recordHead:][:binary.BigEndian.Uint16(body[10:])]
			body = body[recordHead+len(rdata):]
			target := rdata[shape.head(rdata):]
			if target[0] != 0 && q.readStored(target) && q.labels >= z.labels && string(q.suffix(q.labels-z.labels)) == string(z.apex) {
				yield(q.hash[0])
			}
		}
	}
}

// length is how many octets a node takes.
func (z *Compiled) length(n node) int {
	sets := n.sets()
	if sets == 0 {
		return int(z.head) + int(n.b[1])
	}
	h := n.b[int(z.head)+int(n.b[1])+(sets-1)*setHead:]
	s := view(n, h)
	return int(binary.LittleEndian.Uint32(h[8:])) + len(s.body) + len(s.sig)
}

// beside tells whether records of a type may stand beside answers of others; see Scratch.addresses.
func beside(t zone.Type) bool {
	return slices.Contains([]zone.Type{zone.TypeA, zone.TypeAAAA, zone.TypeSRV, zone.TypeSVCB, zone.TypeHTTPS}, t)
}
