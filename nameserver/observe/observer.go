package observe

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/zone"
)

// Options say what is observed. The zero value observes nothing.
type Options struct {
	// Latency counts queries and their times by transport.
	Latency bool
	// TopZones is for how many zones queries are counted; the ones that are asked most. 0: none.
	TopZones int
	// ZoneOf returns the origin of the zone that a name in wire form is in, as
	// nameserver.Zones.Enclosing does. It is needed for TopZones.
	ZoneOf func(qname []byte) (zone.Name, bool)
	Dnstap *Dnstap // nil: none
	Log    *Log    // nil: none
}

// An Observer sees queries and answers. New makes one.
type Observer struct {
	o    Options
	tops *top
	taps []tap // dnstap and log, as far as there are

	dnstap, log *pump // nil: none

	mu      sync.Mutex
	workers []*told
	long    [transports]atomic.Uint64
}

// transports is more than there are of socket.Transport.
const transports = 8

// A tap takes queries with their answers. answer is nil when none was given.
type tap interface {
	// take appends to the ring, which the caller holds, and returns how many items it had no room for.
	take(r *ring, x *exchange) (lost uint64)
	// wants reports whether the exchange belongs to what is taken. It is called by one thread for
	// each sampler.
	wants(s *sampler, x *exchange) bool
	pump() *pump
}

// An exchange is a query and its answer.
type exchange struct {
	query, answer    []byte
	from             *socket.Client
	asked, responded int64 // nanoseconds since 1970
}

// New returns an Observer. Run must be called for dnstap and log to go anywhere.
func New(o Options) *Observer {
	x := &Observer{o: o}
	if o.TopZones > 0 && o.ZoneOf != nil {
		x.tops = newTop(o.TopZones)
	}
	if o.Dnstap != nil {
		d := newDnstap(o.Dnstap)
		x.dnstap = d.out
		x.taps = append(x.taps, d)
	}
	if o.Log != nil {
		l := newLogger(o.Log)
		x.log = l.out
		x.taps = append(x.taps, l)
	}
	return x
}

// Wrap returns an Answerer that answers as a does, and is observed. When there is nothing to observe
// it is a itself.
func (o *Observer) Wrap(a socket.Answerer) socket.Answerer {
	if o == nil || !o.o.Latency && o.tops == nil && len(o.taps) == 0 {
		return a
	}
	if s, ok := a.(socket.Streamer); ok {
		return observedStreamer{observed{o, a}, s}
	}
	return observed{o, a}
}

// Run sends dnstap and log on until ctx ends, and then what has come before.
func (o *Observer) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, p := range []*pump{o.dnstap, o.log} {
		if p != nil {
			all.Go(func() { p.run(ctx) })
		}
	}
	all.Wait()
}

// Reopen has files opened again, after they were moved away to be kept.
func (o *Observer) Reopen() {
	for _, p := range []*pump{o.dnstap, o.log} {
		if p != nil {
			p.reopen.Store(true)
			p.signal(p.wake)
		}
	}
}

// Sent tells what became of what was to be sent on.
type Sent struct {
	Written   uint64 // queries and answers that were written
	Dropped   uint64 // that were not, because there was no room or the connection broke
	Connected bool   // somebody, or a file, takes them
}

// Dnstap tells what became of dnstap messages; false when there are none.
func (o *Observer) Dnstap() (Sent, bool) { return o.dnstap.sent() }

// Log tells what became of the lines of the query log; false when there is none.
func (o *Observer) Log() (Sent, bool) { return o.log.sent() }

// Top returns the zones that are asked most, by name, with how often they were asked since they
// belong to these.
func (o *Observer) Top() []ZoneCount {
	if o.tops == nil {
		return nil
	}
	return o.tops.list()
}

// Counts reports whether queries are counted (Options.Latency).
func (o *Observer) Counts() bool { return o.o.Latency }

// A Transport is what came by one transport.
type Transport struct {
	Transport socket.Transport
	Queries   uint64 // those that take several messages or much time included
	Times     Histogram
}

// Transports returns what came by each transport, those without queries left out.
func (o *Observer) Transports() []Transport {
	var out [transports]Transport
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range o.workers {
		for i := range w.times {
			w.times[i].addTo(&out[i].Times)
		}
	}
	var list []Transport
	for i := range out {
		t := &out[i]
		t.Transport = socket.Transport(i)
		if t.Queries = t.Times.Count() + o.long[i].Load(); t.Queries > 0 {
			list = append(list, *t)
		}
	}
	return list
}

type observed struct {
	observer *Observer
	inner    socket.Answerer
}

// Worker wraps a worker.
func (a observed) Worker() socket.Worker {
	o := a.observer
	w := &worker{o: o, inner: a.inner.Worker(), told: &told{}, timed: o.o.Latency, taps: o.taps, tops: o.tops}
	w.many, _ = w.inner.(socket.BatchWorker)
	w.clocked, _ = w.inner.(socket.Clocked)
	w.flusher, _ = w.inner.(socket.Flusher)
	w.samplers = make([]sampler, len(o.taps))
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range w.samplers {
		w.samplers[i].count = uint32(len(o.workers)) // not all threads take the same one
	}
	w.number = len(o.workers)
	o.workers = append(o.workers, w.told)
	return w
}

type observedStreamer struct {
	observed
	streamer socket.Streamer
}

func (a observedStreamer) Long(query []byte, from *socket.Client) bool {
	return a.streamer.Long(query, from)
}

// Stream shows of an answer of several messages the first.
func (a observedStreamer) Stream(ctx context.Context, query []byte, from socket.Client, send func([]byte) error) error {
	o := a.observer
	o.long[from.Transport%transports].Add(1)
	if len(o.taps) == 0 {
		return a.streamer.Stream(ctx, query, from, send)
	}
	x := exchange{query: append([]byte(nil), query...), from: &from, asked: time.Now().UnixNano()}
	shown := false
	show := func(answer []byte) {
		if !shown {
			shown = true
			x.answer, x.responded = answer, time.Now().UnixNano()
			o.show(&x)
		}
	}
	err := a.streamer.Stream(ctx, query, from, func(m []byte) error { show(m); return send(m) })
	show(nil)
	return err
}

// show gives taps an exchange that did not come through a worker. There are few; none is left out.
func (o *Observer) show(x *exchange) {
	var every sampler
	every.all = true
	for _, t := range o.taps {
		if t.wants(&every, x) {
			p := t.pump()
			r := p.hold(int(x.asked))
			if r == nil {
				p.dropped.Add(1)
				continue
			}
			p.release(r, t.take(r, x))
		}
	}
}

// A sampler lets every so many-th pass.
type sampler struct {
	count uint32
	all   bool
}

func (s *sampler) pass(every int) bool {
	if every <= 1 || s.all {
		return true
	}
	if s.count++; s.count >= uint32(every) {
		s.count = 0
		return true
	}
	return false
}
