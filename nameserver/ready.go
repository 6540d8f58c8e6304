package nameserver

import (
	"bytes"
	"encoding/binary"
	"sync"
)

// A blob is an answer that is ready but for the header and the question:
//
//	length 2, answers 1, authority 1, additional 1, pointers 1
//	for each pointer its place in the body 2
//	body
//
// Pointers are made for a question of one name, the base. For a longer question with the same end
// they all move by the difference, for what they point to moves too.
const (
	blobHead = 6
	maxBlob  = 2048
)

// ready copies a blob, whose base has so many octets, into the answer.
func (s *Scratch) ready(z *Compiled, ref uint32, base int) bool {
	if ref == 0 {
		return false
	}
	b := z.ready[ref:]
	l := int(binary.LittleEndian.Uint16(b))
	m := &s.m
	if l > len(m.b)-m.n {
		return false
	}
	pointers := int(b[5])
	copy(m.b[m.n:], b[blobHead+2*pointers:][:l])
	if by := uint16(s.q.n - base); by != 0 {
		places := b[blobHead : blobHead+2*pointers]
		body := m.b[m.n : m.n+l]
		for i := 0; i+1 < len(places); i += 2 {
			at := binary.LittleEndian.Uint16(places[i:])
			binary.BigEndian.PutUint16(body[at:], binary.BigEndian.Uint16(body[at:])+by)
		}
	}
	m.n += l
	m.counts = [3]uint16{uint16(b[2]), uint16(b[3]), uint16(b[4])}
	s.end = endReady
	return true
}

// prepare makes the answers ready that are asked for often and need compression: names in RDATA and
// delegations of some nodes, and the SOA of what is absent.
func (z *Compiled) prepare(nodes []uint32) {
	s := preparers.Get().(*preparer)
	defer preparers.Put(s)
	z.ready = append(s.room[:0], 0, 0, 0, 0) // 0 means none
	if ref, ok := s.blob(z, z.apexRef, typeSOA, true); ok {
		z.noName = ref
	}
	for _, ref := range nodes {
		s.node(z, z.at(ref))
	}
	if s.room = z.ready; cap(z.ready) > 64<<10 {
		s.room = nil
	}
	z.ready = bytes.Clone(z.ready)
}

// node makes the answers ready that are worth it at a node.
func (s *Scratch) node(z *Compiled, n node) {
	for i := range n.sets() {
		set := z.nth(n, i)
		if set.flags&(plain|steered) != 0 || set.n == 0 || n.flags()&isCut != 0 && set.typ != typeNS || n.flags()&hasCNAME != 0 && set.typ != typeCNAME {
			continue
		}
		if ref, ok := s.blob(z, n.ref, set.typ, false); ok {
			h := n.b[int(z.head)+int(n.b[1])+i*setHead:]
			binary.LittleEndian.PutUint32(h[20:], ref)
		}
	}
}

// A preparer has the memory that making answers ready takes.
type preparer struct {
	*Scratch
	room []byte
}

// preparers are kept for the next zone: there may be many small ones.
var preparers = sync.Pool{New: func() any {
	s := newScratch()
	s.m.traced = true
	s.m.b = make([]byte, headerLen+259+maxBlob)
	return &preparer{Scratch: s}
}}

// blob answers a question for a node as anybody would ask it, and keeps what comes out.
func (s *Scratch) blob(z *Compiled, ref uint32, t uint16, negative bool) (at uint32, ok bool) {
	m := &s.m
	wire := z.appendName(s.made[:0], z.at(ref))
	copy(m.b[headerLen:], wire)
	from := headerLen + len(wire) + 4
	m.n, m.counts, m.pointers = from, [3]uint16{}, m.pointers[:0]
	m.names.reset()
	s.q.readStored(wire)
	s.qtype, s.links, s.end, s.chosen = t, 0, endNothing, false
	s.proofs, s.wanted = s.proofSpace[:0], s.wantSpace[:0]
	s.truncated = false
	if negative {
		s.zone, s.end = z, endNegative
	} else if s.step(z) {
		return 0, false
	}
	s.finish()
	l := m.n - from
	if s.chosen || s.truncated || s.end == endCut || l > maxBlob || l == 0 || len(m.pointers) > 255 {
		return 0, false
	}
	for _, c := range m.counts {
		if c > 255 {
			return 0, false
		}
	}
	if uint64(len(z.ready)) >= 1<<32-maxBlob-1024 {
		return 0, false
	}
	at = uint32(len(z.ready))
	z.ready = binary.LittleEndian.AppendUint16(z.ready, uint16(l))
	z.ready = append(z.ready, byte(m.counts[0]), byte(m.counts[1]), byte(m.counts[2]), byte(len(m.pointers)))
	for _, p := range m.pointers {
		z.ready = binary.LittleEndian.AppendUint16(z.ready, p-uint16(from))
	}
	z.ready = append(z.ready, m.b[from:m.n]...)
	return at, true
}
