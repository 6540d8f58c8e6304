package observe

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A ring holds what threads put into it until the pump takes it. Whoever puts holds mu, and does not
// wait for it.
type ring struct {
	mu    sync.Mutex
	buf   []byte
	items uint64
	_     [88]byte // rings of different threads are in different cache lines
}

// A pump takes what is in its rings to a sink.
type pump struct {
	sink sink
	size int // octets of each ring

	rings    [rings]ring
	wake     chan struct{} // there is something
	urgent   chan struct{} // a ring is filling up
	reopen   atomic.Bool
	dropped  atomic.Uint64
	written  atomic.Uint64
	attached atomic.Bool
}

const (
	// rings is how many there are. Threads that read datagrams have one each, as long as they are
	// not more than these; connections share them.
	rings = 16
	// ringSize is the default for octets in each.
	ringSize = 256 << 10
	// gather is how long the pump lets things come together, so that it does not write each alone.
	gather = 100 * time.Millisecond
)

// A sink is where things go in the end. Its methods are called by one goroutine and may wait.
type sink interface {
	// open makes it ready. When it cannot be, it is tried again later.
	open(ctx context.Context) error
	// write writes whole items. After an error it is opened anew.
	write(b []byte) error
	// close ends it properly.
	close()
}

func newPump(s sink, size int) *pump {
	if size <= 0 {
		size = ringSize
	}
	return &pump{sink: s, size: size, wake: make(chan struct{}, 1), urgent: make(chan struct{}, 1)}
}

// hold returns a ring to put something into: the thread's own, or one that is free; nil when all are
// being used.
func (p *pump) hold(number int) *ring {
	for i := range rings {
		if r := &p.rings[uint(number+i)%rings]; r.mu.TryLock() {
			if r.buf == nil {
				r.buf = make([]byte, 0, p.size)
			}
			return r
		}
	}
	return nil
}

// release gives a ring back, if there is one, and notes what there was no room for.
func (p *pump) release(r *ring, lost uint64) {
	if lost > 0 {
		p.dropped.Add(lost)
	}
	if r == nil {
		return
	}
	n := len(r.buf)
	r.mu.Unlock()
	if n > 0 {
		p.signal(p.wake)
	}
	if n > p.size/4 {
		p.signal(p.urgent)
	}
}

func (p *pump) signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (p *pump) sent() (Sent, bool) {
	if p == nil {
		return Sent{}, false
	}
	return Sent{p.written.Load(), p.dropped.Load(), p.attached.Load()}, true
}

// run takes what comes to the sink until ctx ends, and then what has come.
func (p *pump) run(ctx context.Context) {
	spare := make([]byte, 0, p.size)
	for p.attach(ctx) {
		if spare = p.carry(ctx, spare); ctx.Err() != nil {
			break
		}
	}
	if p.attached.Swap(false) {
		p.sink.close()
	}
}

// Times between attempts to reach who takes dnstap.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// attach opens the sink, however long that takes. It reports false when ctx has ended before.
func (p *pump) attach(ctx context.Context) bool {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if p.sink.open(ctx) == nil {
			p.attached.Store(true)
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// carry writes until the sink has to be opened again, or ctx ends. spare is memory that it exchanges
// for that of rings.
func (p *pump) carry(ctx context.Context, spare []byte) []byte {
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
		case <-p.wake:
			rest.Reset(gather)
			select {
			case <-ctx.Done():
			case <-p.urgent:
			case <-rest.C:
			}
		}
		var err error
		if spare, err = p.collect(spare); err != nil || ctx.Err() != nil {
			if err != nil {
				p.attached.Store(false)
			}
			return spare
		}
		if p.reopen.Swap(false) {
			p.sink.close()
			p.attached.Store(false)
			return spare
		}
	}
}

// collect writes what is in the rings.
func (p *pump) collect(spare []byte) ([]byte, error) {
	for i := range p.rings {
		r := &p.rings[i]
		r.mu.Lock() // threads hold it for as long as copying takes
		full, items := r.buf, r.items
		if items > 0 {
			r.buf, r.items = spare[:0], 0
		}
		r.mu.Unlock()
		if items == 0 {
			continue
		}
		spare = full
		if err := p.sink.write(full); err != nil {
			p.dropped.Add(items)
			return spare, err
		}
		p.written.Add(items)
	}
	return spare, nil
}
