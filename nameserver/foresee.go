package nameserver

import (
	"net/netip"
	"unsafe"
)

// Batch is how many queries Foresee keeps in mind.
const Batch = 64

// foreseen are questions that will be answered next.
type foreseen struct {
	n, at   int  // read, and answered
	touched bool // their data is on its way
	names   []name
	query   [Batch]*byte
	from    [Batch]netip.Addr
	end     [Batch]int
}

// worthwhile is the size of a table from which on its data is not in the processor's cache anyway.
const worthwhile = 1 << 14 // slots

// Foresee tells which query, from whom, will be answered after those that it was told before; its
// octets must stay until then. When a batch of datagrams has arrived, calling it for each of them before the
// first is answered lets their look-ups wait for memory all at once instead of one after the other.
// Queries beyond Batch are answered as if nobody had spoken of them.
func (e *Engine) Foresee(s *Scratch, query []byte, from netip.Addr) {
	b := &s.batch
	if b.at == b.n || b.touched {
		b.n, b.at, b.touched = 0, 0, false
	}
	x := e.Zones.index.Load()
	if b.n == Batch || len(query) < headerLen || x == nil || !x.large.Load() {
		return
	}
	if b.names == nil {
		b.names = make([]name, Batch)
	}
	b.query[b.n], b.from[b.n] = &query[0], from
	b.end[b.n] = b.names[b.n].read(query, headerLen)
	b.n++
}

// touch has what the look-ups will need brought to the processor, one step of all of them after the
// other: by the time of the next step, most of the last one has arrived.
func (e *Engine) touch(s *Scratch) {
	b := &s.batch
	b.touched = true
	x := e.Zones.index.Load()
	if len(x.slots) >= worthwhile {
		for i := range b.n {
			x.prefetch(&b.names[i])
		}
		for i := range b.n {
			x.prefetchZone(&b.names[i])
		}
	}
	var zones [Batch]*Compiled
	for i := range b.n {
		if b.end[i] == 0 {
			continue
		}
		q := &b.names[i]
		z, _ := x.enclosing(q, 0)
		if z == nil {
			continue
		}
		zones[i] = z
		prefetch(unsafe.Pointer(&z.table[q.hash[0]&uint64(len(z.table)-1)]), 1)
		if e.Limit != nil {
			e.Limit.prefetch(b.from[i], q.hash[0])
		}
	}
	for i := range b.n {
		if z := zones[i]; z != nil {
			z.prefetch(b.names[i].hash[0])
		}
	}
}

// next makes the name of a query's question the one that is asked for, and returns where it ends; 0
// when it is malformed.
func (s *Scratch) next(query []byte) int {
	b := &s.batch
	for b.at < b.n {
		i := b.at
		b.at++
		if b.query[i] == &query[0] && b.end[i] != 0 && b.names[i].is(query[headerLen:]) {
			s.q = &b.names[i]
			return b.end[i]
		}
	}
	s.q = &s.own
	return s.q.read(query, headerLen)
}
