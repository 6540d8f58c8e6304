package nameserver

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"unsafe"
)

// A RateLimit bounds how many like answers one network gets over UDP, so that this server is of no
// use against somebody whose address is spoofed. Like are answers of one kind about one thing: the
// same name, the same delegation, the same wildcard, names that do not exist in the same zone, or
// errors. Who brings a cookie of ours, or comes over a stream, is not limited.
type RateLimit struct {
	like   pace // of like answers
	all    pace // of all answers; the zero pace is no bound
	slip   uint32
	exempt []netip.Prefix
	table  []limitSet
	mask   uint64
}

// RateLimitOptions say what is allowed.
type RateLimitOptions struct {
	PerSecond int            // like answers; at least 1
	All       int            // answers of every kind that one network gets in a second; 0: no bound
	Burst     int            // that may come at once; 0 means PerSecond
	Slip      int            // every so many-th is answered empty and truncated, so that a real client comes by TCP; 0 means 2, a negative number never
	Exempt    []netip.Prefix // networks without limit
	Size      int            // networks and things known at a time; 0 means 1,048,576 (8 octets each)
}

// A pace is how fast a bucket is filled: microseconds between answers, and how many of them may be
// saved up.
type pace struct{ rate, window int64 }

func paceOf(perSecond, burst int) pace {
	p := pace{rate: max(1e6/int64(perSecond), 1)}
	if burst <= 0 {
		burst = perSecond
	}
	p.window = int64(burst-1) * p.rate
	return p
}

// A limitSet is a cache line of buckets: 16 bits that tell whose it is, and 48 bits of the time, in
// microseconds, at which what was given is paid for (the generic cell rate algorithm).
type limitSet [8]atomic.Uint64

// NewRateLimit returns a limit.
func NewRateLimit(o RateLimitOptions) *RateLimit {
	l := &RateLimit{like: paceOf(max(o.PerSecond, 1), o.Burst), slip: 2, exempt: o.Exempt}
	if o.All > 0 {
		l.all = paceOf(o.All, 0)
	}
	if o.Slip != 0 {
		l.slip = uint32(max(o.Slip, 0))
	}
	size := o.Size
	if size <= 0 {
		size = 1 << 20
	}
	sets := 1
	for sets*int(unsafe.Sizeof(limitSet{})/8) < size {
		sets *= 2
	}
	l.table, l.mask = make([]limitSet, sets), uint64(sets-1)
	advise(l.table)
	collapse(l.table)
	return l
}

// A kind is what answers have in common.
type kind uint8

const (
	kindError kind = iota
	kindAnswer
	kindWild
	kindNoName
	kindReferral
	kindAll // every answer to a network
)

type limitVerdict uint8

const (
	limitPass limitVerdict = iota
	limitDrop
	limitSlip
)

// check tells what becomes of the answer in s.
func (l *RateLimit) check(s *Scratch, from netip.Addr) limitVerdict {
	from = from.Unmap()
	for _, p := range l.exempt {
		if p.Contains(from) {
			return limitPass
		}
	}
	now := s.now() / 1000
	if l.take(limitHash(from, s.kind, s.kindHash), now, l.like) && (l.all.rate == 0 || l.take(limitHash(from, kindAll, 0), now, l.all)) {
		return limitPass
	}
	if l.slip == 0 {
		return limitDrop
	}
	if s.slip++; s.slip >= l.slip {
		s.slip = 0
		return limitSlip
	}
	return limitDrop
}

// limitHash tells networks and things apart. /24 and /56 are what one holder commonly has.
func limitHash(from netip.Addr, k kind, thing uint64) uint64 {
	var net uint64
	if from.Is4() {
		a := from.As4()
		net = uint64(a[0])<<16 | uint64(a[1])<<8 | uint64(a[2]) | 1<<63
	} else {
		a := from.As16()
		net = binary.BigEndian.Uint64(a[:8]) >> 8
	}
	return mix(mix(net^seedTail, seedLong)^thing, seedRoot+uint64(k)<<1)
}

// prefetch has the place brought to the processor to which an answer that exists is charged.
func (l *RateLimit) prefetch(from netip.Addr, thing uint64) {
	prefetch(unsafe.Pointer(&l.table[limitHash(from.Unmap(), kindAnswer, thing)&l.mask]), 1)
}

const limitTime = 1<<48 - 1

// take takes one answer out of a bucket.
func (l *RateLimit) take(h uint64, now int64, p pace) bool {
	set := &l.table[h&l.mask]
	tag := h >> 48
	now &= limitTime
	oldest, due := 0, int64(limitTime)
	for i := range set {
		v := set[i].Load()
		at := int64(v & limitTime)
		if v>>48 == tag {
			return p.draw(&set[i], v, tag, now)
		}
		if at < due {
			oldest, due = i, at
		}
	}
	// Whoever has waited longest gives way; if all are busy, who comes new passes.
	set[oldest].Store(tag<<48 | uint64(now+p.rate))
	return true
}

func (p pace) draw(b *atomic.Uint64, v, tag uint64, now int64) bool {
	for {
		at := max(int64(v&limitTime), now)
		if at-now > p.window {
			return false
		}
		if b.CompareAndSwap(v, tag<<48|uint64(at+p.rate)&limitTime) {
			return true
		}
		if v = b.Load(); v>>48 != tag {
			return true // taken by somebody else meanwhile
		}
	}
}
