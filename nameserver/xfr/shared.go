package xfr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Shared bounds what the secondaries of many zones do at the same time, and lets each profit from
// what another has learnt about a primary. Fields are set before the first use and then left alone.
type Shared struct {
	// Transfers is how many are under way; others wait. 0: 64.
	Transfers int
	// Octets is what the records of all transfers under way may take until their zones are made. A
	// transfer that would need more ends with wire.ErrLimit. 0: 1 GiB.
	Octets int64
	// Rest is how long a primary that has not answered is left alone by all zones but those that are
	// asked for by name; 0: 10 s.
	Rest time.Duration

	once  sync.Once
	slots chan struct{}
	used  atomic.Int64

	mu     sync.Mutex
	silent map[string]silence // by address
}

// A silence is that of a primary. The zone that has found it out goes on asking by its own timers.
type silence struct {
	until time.Time
	by    zone.Name
}

func (s *Shared) init() {
	s.once.Do(func() {
		s.slots = make(chan struct{}, positive(s.Transfers, 64))
		s.silent = map[string]silence{}
	})
}

// enter waits for leave to transfer.
func (s *Shared) enter(ctx context.Context) (leave func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	s.init()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, nil
	}
}

// UnderWay is how many transfers there are, and how many octets their records take.
func (s *Shared) UnderWay() (transfers int, octets int64) {
	if s == nil {
		return 0, 0
	}
	s.init()
	return len(s.slots), s.used.Load()
}

// A load is what one transfer takes of Shared.Octets.
type load struct {
	shared *Shared
	octets int64
}

// overhead is about what a record takes besides its RDATA.
const overhead = 64

func (l *load) add(n int) error {
	if l.shared == nil {
		return nil
	}
	limit := l.shared.Octets
	if limit <= 0 {
		limit = 1 << 30
	}
	size := int64(n + overhead)
	l.octets += size
	if l.shared.used.Add(size) > limit {
		return fmt.Errorf("%w: the transfers under way have %d octets of memory for all of them together", wire.ErrLimit, limit)
	}
	return nil
}

func (l *load) free() {
	if l.shared != nil {
		l.shared.used.Add(-l.octets)
	}
}

// rests is an error when a primary has not answered a moment ago.
func (s *Shared) rests(addr string, origin zone.Name) error {
	if s == nil {
		return nil
	}
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.silent[addr]
	if !ok || x.by == origin || !time.Now().Before(x.until) {
		return nil
	}
	return fmt.Errorf("primary %s did not answer for zone %s a moment ago", addr, x.by)
}

// learn notes whether a primary answers.
func (s *Shared) learn(addr string, origin zone.Name, err error) {
	if s == nil {
		return
	}
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !unreachable(err) {
		delete(s.silent, addr)
		return
	}
	rest := s.Rest
	if rest <= 0 {
		rest = 10 * time.Second
	}
	s.silent[addr] = silence{time.Now().Add(rest), origin}
}

// heard notes that something came from an address, whatever the port.
func (s *Shared) heard(ip netip.Addr) {
	if s == nil {
		return
	}
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.silent, func(addr string, _ silence) bool {
		return (&Primary{Addr: addr}).at(ip)
	})
}

// unreachable reports whether an error says that nothing came from a server, not even a refusal.
func unreachable(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	_, broken := errors.AsType[net.Error](err)
	return broken || timedOut(err)
}

func timedOut(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}
