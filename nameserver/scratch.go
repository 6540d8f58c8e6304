package nameserver

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// A Scratch is the working memory of one thread that answers. It must not be used by two at once.
type Scratch struct {
	// Now is the time, in nanoseconds since 1970. Whoever calls sets it, once for a batch of queries;
	// with 0 the clock is asked for each query that needs it.
	Now int64

	// The question, and what is being looked for on its behalf.
	q             *name
	qtype, qclass uint16
	do, rotate    bool
	zone          *Compiled
	from          *Compiled // the zone that the question was in, nil: none; see edns.more
	links         int       // aliases followed
	seen          [maxChain]uint64
	dnames        [maxChain]proof // DNAMEs followed, by link
	turn          uint32          // of rotation

	// The answer.
	m             message
	rcode         uint16
	authoritative bool
	truncated     bool
	end           ending
	cut           node
	cutAt         int
	proofs        []proof
	wanted        []want
	edns          edns
	subnet        subnet
	extended      int // code of RFC 8914; -1: none

	// Policies.
	steer     func(*Choice, []uint16) []uint16
	client    netip.Addr
	tailored  bool // by the client's subnet
	choice    Choice
	picked    []byte // records that were chosen
	chosen    bool   // there was something to choose
	pickSpace [64]uint16

	// What the rate limit goes by.
	kind     kind
	kindHash uint64
	slip     uint32

	counts [countEnd]uint64 // since the last Flush
	tick   uint32
	told   [countEnd]atomic.Uint64

	batch foreseen

	// Memory.
	own, t     name
	made       [768]byte
	key        [2 * 264]byte
	hashed     [2 * 600]byte
	proofSpace [maxProofs]proof
	wantSpace  [8]want
	long       []byte // for answers that the caller's buffer cannot hold
}

func newScratch() *Scratch {
	s := &Scratch{}
	s.q = &s.own
	return s
}

// now is the time in nanoseconds since 1970.
func (s *Scratch) now() int64 {
	if s.Now != 0 {
		return s.Now
	}
	return time.Now().UnixNano()
}

// Flush tells what was counted, so that Engine.Counts has it. Threads call it before they sleep.
func (s *Scratch) Flush() {
	s.tick = 0
	for i, n := range s.counts {
		if n != 0 {
			s.told[i].Store(s.told[i].Load() + n)
			s.counts[i] = 0
		}
	}
}

const flushEvery = 1024 // queries

// count is called once for each query.
func (s *Scratch) count(what int) {
	s.counts[what]++
	if s.tick++; s.tick >= flushEvery {
		s.Flush()
	}
}
