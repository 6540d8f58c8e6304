package xfr

import (
	"context"
	"maps"
	"net"
	"sync"
	"time"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A Target is a secondary that is told of new versions.
type Target struct {
	Addr string    // "192.0.2.53:53"
	Key  *wire.Key // signs the message; nil: none does
	// Dial opens connections; nil: the system's. network is "udp".
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// A Notifier tells secondaries of new versions (NOTIFY, RFC 1996). A secondary that does not answer
// is told again after 1, 2, 4, … seconds, Tries times in all; a newer version takes the place of an
// older one that is still being told. What is lost all the same, the secondary finds by its refresh
// timer.
type Notifier struct {
	// Targets returns who is told of a zone.
	Targets func(origin zone.Name) []Target
	Tries   int           // 0: 5
	Timeout time.Duration // of the first try; each further one waits twice as long; 0: 1 s
	AtOnce  int           // how many messages wait for their answers at once; 0: 256
	// Rest is how long a zone is left alone after its secondaries were told of it: of the versions that
	// come meanwhile they are told of the last. 0: not at all.
	Rest time.Duration
	// Told is called when a target has answered, or is given up with an error; may be nil. Several
	// calls may come at once.
	Told func(origin zone.Name, serial uint32, t Target, err error)

	mu      sync.Mutex
	began   map[zone.Name]time.Time // when zones were told of last, as far as Rest wants to know
	waiting []zone.Name             // in order, without duplicates
	soas    map[zone.Name]wire.Record
	wake    chan struct{}
	running map[zone.Name]context.CancelFunc
}

// Changed says that a zone has a new version. It returns at once; Run does the telling.
func (n *Notifier) Changed(z *zone.Zone) error {
	set, _, err := soaOf(z)
	if err != nil {
		return err
	}
	soa := wire.Record{Owner: set.Owner, Type: set.Type, Class: wire.ClassIN, TTL: set.TTL, Data: set.Data[0]}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.init()
	_, queued := n.soas[soa.Owner]
	n.soas[soa.Owner] = soa
	if queued {
		return nil
	}
	if left := n.Rest - time.Since(n.began[soa.Owner]); left > 0 {
		time.AfterFunc(left, func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.queue(soa.Owner)
		})
		return nil
	}
	n.queue(soa.Owner)
	return nil
}

// queue is called with the lock.
func (n *Notifier) queue(origin zone.Name) {
	n.waiting = append(n.waiting, origin)
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// begun notes that a zone is being told of, for Rest. It is called with the lock.
func (n *Notifier) begun(origin zone.Name) {
	if n.Rest <= 0 {
		return
	}
	if len(n.began) > mostResting {
		maps.DeleteFunc(n.began, func(_ zone.Name, t time.Time) bool { return time.Since(t) > n.Rest })
	}
	n.began[origin] = time.Now()
}

// mostResting is from how many zones on those that have rested are forgotten.
const mostResting = 10_000

// init is called with the lock.
func (n *Notifier) init() {
	if n.wake == nil {
		n.wake = make(chan struct{}, 1)
		n.began = map[zone.Name]time.Time{}
		n.soas, n.running = map[zone.Name]wire.Record{}, map[zone.Name]context.CancelFunc{}
	}
}

// Run tells secondaries until ctx ends, and returns when nothing of it is under way any more.
func (n *Notifier) Run(ctx context.Context) error {
	n.mu.Lock()
	n.init()
	n.mu.Unlock()
	places := make(chan struct{}, positive(n.AtOnce, 256))
	var tasks sync.WaitGroup
	defer tasks.Wait()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.wake:
		}
		for {
			soa, telling, done, ok := n.next(ctx)
			if !ok {
				break
			}
			tasks.Go(func() {
				defer done()
				n.tell(telling, soa, places)
			})
		}
	}
}

func positive(v, otherwise int) int {
	if v > 0 {
		return v
	}
	return otherwise
}

// next takes the next zone out of the queue, and ends what is still being told of it.
func (n *Notifier) next(ctx context.Context) (soa wire.Record, telling context.Context, done func(), ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.waiting) == 0 {
		return soa, nil, nil, false
	}
	origin := n.waiting[0]
	n.waiting = n.waiting[1:]
	soa = n.soas[origin]
	delete(n.soas, origin)
	n.begun(origin)
	if cancel := n.running[origin]; cancel != nil {
		cancel()
	}
	telling, cancel := context.WithCancel(ctx)
	n.running[origin] = cancel
	return soa, telling, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if telling.Err() == nil { // nobody has taken our place
			delete(n.running, origin)
		}
		cancel()
	}, true
}

// tell tells all targets of one version.
func (n *Notifier) tell(ctx context.Context, soa wire.Record, places chan struct{}) {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	for _, t := range n.Targets(soa.Owner) {
		tasks.Go(func() {
			err := n.one(ctx, soa, t, places)
			if n.Told != nil && ctx.Err() == nil {
				n.Told(soa.Owner, serialAt(soa.Data), t, err)
			}
		})
	}
}

// one tells one target.
func (n *Notifier) one(ctx context.Context, soa wire.Record, t Target, places chan struct{}) error {
	wait := n.Timeout
	if wait <= 0 {
		wait = time.Second
	}
	var last error
	for range positive(n.Tries, 5) {
		c := wire.Client{Timeout: wait, Tries: 1, Key: t.Key, Dial: t.Dial}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case places <- struct{}{}:
		}
		began := time.Now()
		m, err := c.Exchange(ctx, t.Addr, notification(soa))
		<-places
		switch {
		case err == nil && m.RCODE == wire.NoError:
			return nil
		case err == nil:
			return &wire.Error{Op: "notify", What: soa.Owner.String(), Addr: t.Addr, Sent: true, Err: &wire.RCODEError{RCODE: m.RCODE}}
		case ctx.Err() != nil:
			return err
		}
		last = err
		if rest := wait - time.Since(began); rest > 0 { // a refused connection comes back at once
			timer := time.NewTimer(rest)
			select {
			case <-ctx.Done():
				timer.Stop()
				return last
			case <-timer.C:
			}
		}
		wait *= 2
	}
	return last
}

// notification is a NOTIFY of a version (RFC 1996, section 3.7). It has no OPT record, which old
// servers take for an error here.
func notification(soa wire.Record) *wire.Message {
	return &wire.Message{
		Opcode: wire.OpNotify, Authoritative: true,
		Questions: []wire.Question{{Name: soa.Owner, Type: zone.TypeSOA, Class: wire.ClassIN}},
		Answers:   []wire.Record{soa},
	}
}
