package nameserver

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/zonecast/zonecast/zone"
)

// Zones is a set of compiled zones, one for each origin. Reading takes no lock; putting a zone in
// place of another is one store, whatever the number of zones. The zero value is empty.
type Zones struct {
	index atomic.Pointer[zoneIndex]

	mu    sync.Mutex // writers
	count int
	used  int // slots that have had a zone
	depth [maxLabels + 1]int
}

// A zoneIndex is a table of zones by the hash of their origin, with open addressing. A slot that
// has had a zone keeps its tag for ever; a zone that is gone leaves nil behind.
type zoneIndex struct {
	slots  []zoneSlot
	depths [2]atomic.Uint64 // which numbers of labels origins have
	large  atomic.Bool      // there is, or was, a zone with many names, or there are many zones
}

type zoneSlot struct {
	tag  atomic.Uint64 // hash of the origin; 0: never used
	zone atomic.Pointer[Compiled]
}

// Put publishes a zone, in place of the one of the same origin if there is one.
func (zs *Zones) Put(c *Compiled) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	x := zs.index.Load()
	if x != nil {
		if s := x.slot(c.hash, c); s != nil {
			if s.zone.Swap(c) == nil {
				zs.counted(x, c, 1)
			} else if len(c.table) >= worthwhile {
				x.large.Store(true)
			}
			return
		}
	}
	if x == nil || 2*(zs.used+1) > len(x.slots) {
		x = zs.grow(x)
	}
	x.insert(c)
	zs.used++
	zs.counted(x, c, 1)
	zs.index.Store(x)
}

// Remove withdraws the zone of an origin and tells whether there was one.
func (zs *Zones) Remove(origin zone.Name) bool {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	x := zs.index.Load()
	if x == nil {
		return false
	}
	var q name
	q.readStored(origin.AppendWire(nil))
	c := x.find(&q, 0)
	if c == nil {
		return false
	}
	x.slot(c.hash, c).zone.Store(nil)
	zs.counted(x, c, -1)
	return true
}

// Find returns the zone of an origin, nil when there is none.
func (zs *Zones) Find(origin zone.Name) *Compiled {
	var q name
	q.readStored(origin.AppendWire(nil))
	x := zs.index.Load()
	if x == nil {
		return nil
	}
	return x.find(&q, 0)
}

// Count is the number of zones.
func (zs *Zones) Count() int {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	return zs.count
}

// counted is called with mu held, after a zone came (1) or went (-1).
func (zs *Zones) counted(x *zoneIndex, c *Compiled, by int) {
	zs.count += by
	if len(c.table) >= worthwhile || zs.count >= worthwhile/2 {
		x.large.Store(true)
	}
	zs.depth[c.labels] += by
	d, bit := &x.depths[c.labels>>6], uint64(1)<<(c.labels&63)
	if zs.depth[c.labels] > 0 {
		d.Store(d.Load() | bit)
	} else {
		d.Store(d.Load() &^ bit)
	}
}

// grow returns a larger table with all zones that there are.
func (zs *Zones) grow(old *zoneIndex) *zoneIndex {
	size := 16
	for size < 4*(zs.count+1) {
		size *= 2
	}
	x := &zoneIndex{slots: make([]zoneSlot, size)}
	advise(x.slots)
	zs.used = 0
	if old == nil {
		return x
	}
	for i := range old.slots {
		if c := old.slots[i].zone.Load(); c != nil {
			x.insert(c)
			zs.used++
		}
	}
	x.large.Store(old.large.Load())
	for i := range x.depths {
		x.depths[i].Store(old.depths[i].Load())
	}
	return x
}

// insert puts a zone into a free slot. The zone is stored before its tag: who sees the tag sees it.
func (x *zoneIndex) insert(c *Compiled) {
	mask := uint64(len(x.slots) - 1)
	for i := c.hash; ; i++ {
		if s := &x.slots[i&mask]; s.tag.Load() == 0 {
			s.zone.Store(c)
			s.tag.Store(c.hash)
			return
		}
	}
}

// slot is where the zone of c's origin is or was; nil when there never was one.
func (x *zoneIndex) slot(hash uint64, c *Compiled) *zoneSlot {
	mask := uint64(len(x.slots) - 1)
	for i := hash; ; i++ {
		s := &x.slots[i&mask]
		switch s.tag.Load() {
		case 0:
			return nil
		case hash:
			// A slot without a zone may be taken again: equal hashes mean nothing else to it.
			if have := s.zone.Load(); have == nil || have.origin == c.origin {
				return s
			}
		}
	}
}

// find returns the zone whose origin is the suffix of q from label i on.
func (x *zoneIndex) find(q *name, i int) *Compiled {
	hash := q.hash[i]
	mask := uint64(len(x.slots) - 1)
	for k := hash; ; k++ {
		s := &x.slots[k&mask]
		switch s.tag.Load() {
		case 0:
			return nil
		case hash:
			if c := s.zone.Load(); c != nil && string(c.apex) == string(q.suffix(i)) {
				return c
			}
		}
	}
}

// enclosing returns the zone with the longest origin that is q's suffix from label from on or above,
// and the label at which the origin starts.
func (zs *Zones) enclosing(q *name, from int) (*Compiled, int) {
	if x := zs.index.Load(); x != nil {
		return x.enclosing(q, from)
	}
	return nil, 0
}

func (x *zoneIndex) enclosing(q *name, from int) (*Compiled, int) {
	depths := [2]uint64{x.depths[0].Load(), x.depths[1].Load()}
	for i := from; i <= q.labels; i++ {
		d := q.labels - i
		if depths[d>>6]>>(d&63)&1 == 0 {
			continue
		}
		if c := x.find(q, i); c != nil {
			return c, i
		}
	}
	return nil, 0
}

// prefetch has the slots brought to the processor that enclosing will look at first.
func (x *zoneIndex) prefetch(q *name) {
	mask := uint64(len(x.slots) - 1)
	for i := 0; i <= q.labels; i++ {
		if d := q.labels - i; x.depths[d>>6].Load()>>(d&63)&1 != 0 {
			prefetch(unsafe.Pointer(&x.slots[q.hash[i]&mask]), 1)
		}
	}
}

// prefetchZone does the same for the zone that is found there.
func (x *zoneIndex) prefetchZone(q *name) {
	mask := uint64(len(x.slots) - 1)
	for i := 0; i <= q.labels; i++ {
		if d := q.labels - i; x.depths[d>>6].Load()>>(d&63)&1 == 0 {
			continue
		}
		for k := q.hash[i]; ; k++ {
			s := &x.slots[k&mask]
			tag := s.tag.Load()
			if tag == q.hash[i] {
				if c := s.zone.Load(); c != nil {
					prefetch(unsafe.Pointer(c), 2)
					return
				}
			}
			if tag == 0 {
				break
			}
		}
	}
}
