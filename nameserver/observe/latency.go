package observe

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Buckets is how many bounds a Histogram has: a microsecond and its doubles up to a second.
const Buckets = 21

// Bound returns the longest time in bucket i.
func Bound(i int) time.Duration { return time.Microsecond << i }

// A Histogram counts times. The last bucket holds what took longer than the last bound.
type Histogram struct {
	Buckets [Buckets + 1]uint64
	Sum     time.Duration
}

// Count is how many times were counted.
func (h *Histogram) Count() (n uint64) {
	for _, b := range h.Buckets {
		n += b
	}
	return n
}

// add counts n times of d nanoseconds. A clock that was set back makes them as short as can be.
func (h *Histogram) add(d int64, n uint64) {
	d = max(d, 1)
	h.Buckets[min(bits.Len64(uint64(d-1)/1000), Buckets)] += n
	h.Sum += time.Duration(d) * time.Duration(n)
}

// A sharedHistogram is written by one thread and read by others.
type sharedHistogram struct {
	buckets [Buckets + 1]atomic.Uint64
	sum     atomic.Int64
}

// take adds what h has, and empties h.
func (s *sharedHistogram) take(h *Histogram) {
	for i, n := range h.Buckets {
		if n > 0 {
			s.buckets[i].Store(s.buckets[i].Load() + n)
		}
	}
	s.sum.Store(s.sum.Load() + int64(h.Sum))
	*h = Histogram{}
}

func (s *sharedHistogram) addTo(h *Histogram) {
	for i := range s.buckets {
		h.Buckets[i] += s.buckets[i].Load()
	}
	h.Sum += time.Duration(s.sum.Load())
}
