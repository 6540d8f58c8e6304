package observe

import (
	"cmp"
	"slices"
	"sync"

	"github.com/zonecast/zonecast/zone"
)

// A ZoneCount is how often a zone was asked for.
type ZoneCount struct {
	Origin  zone.Name
	Queries uint64
}

// top finds what is frequent in a stream with memory for few: the algorithm Space-Saving (Metwally,
// Agrawal, El Abbadi: Efficient computation of frequent and top-k elements in data streams, 2005).
// A newcomer takes the place of the rarest, and inherits its count as what it might have had.
type top struct {
	n int

	mu    sync.Mutex
	place map[zone.Name]int // in heap
	heap  []topZone         // the rarest first
}

type topZone struct {
	origin zone.Name
	count  uint64 // at most
	before uint64 // of these, what may have been others'
}

// spare is how many times as many zones are watched as are told.
const spare = 8

func newTop(n int) *top {
	return &top{n: n, place: make(map[zone.Name]int, spare*n), heap: make([]topZone, 0, spare*n)}
}

// add counts n queries. A thread that finds another one here does not wait: one look is lost.
func (t *top) add(origin zone.Name, n uint64) {
	if !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	i, ok := t.place[origin]
	switch {
	case ok:
		t.heap[i].count += n
	case len(t.heap) < cap(t.heap):
		i = len(t.heap)
		t.heap = append(t.heap, topZone{origin: origin, count: n})
		t.place[origin] = i
		t.up(i)
		return
	default:
		rarest := &t.heap[0]
		delete(t.place, rarest.origin)
		*rarest = topZone{origin: origin, count: rarest.count + n, before: rarest.count}
		i = 0
		t.place[origin] = 0
	}
	t.down(i)
}

func (t *top) swap(i, k int) {
	t.heap[i], t.heap[k] = t.heap[k], t.heap[i]
	t.place[t.heap[i].origin], t.place[t.heap[k].origin] = i, k
}

func (t *top) up(i int) {
	for i > 0 && t.heap[i].count < t.heap[(i-1)/2].count {
		t.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (t *top) down(i int) {
	for {
		least := i
		for k := 2*i + 1; k <= 2*i+2 && k < len(t.heap); k++ {
			if t.heap[k].count < t.heap[least].count {
				least = k
			}
		}
		if least == i {
			return
		}
		t.swap(i, least)
		i = least
	}
}

// list returns the most frequent zones by name, each with what it had for certain. So a zone that
// left and came back begins at zero, as counters do.
func (t *top) list() []ZoneCount {
	t.mu.Lock()
	all := slices.Clone(t.heap)
	t.mu.Unlock()
	slices.SortFunc(all, func(a, b topZone) int {
		return cmp.Or(cmp.Compare(b.count-b.before, a.count-a.before), a.origin.Compare(b.origin))
	})
	all = all[:min(len(all), t.n)]
	out := make([]ZoneCount, len(all))
	for i, z := range all {
		out[i] = ZoneCount{z.origin, z.count - z.before}
	}
	slices.SortFunc(out, func(a, b ZoneCount) int { return a.Origin.Compare(b.Origin) })
	return out
}
