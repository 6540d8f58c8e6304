package observe

import (
	"time"

	"github.com/zonecast/zonecast/nameserver/socket"
)

// A worker lets another one answer and looks on. It belongs to one thread, as that one does.
type worker struct {
	o       *Observer
	inner   socket.Worker
	many    socket.BatchWorker // nil: it answers one by one
	clocked socket.Clocked     // nil: it looks at the clock itself
	flusher socket.Flusher
	number  int

	clock     clock
	timed     bool
	began     int64  // when what is being answered came
	answering uint64 // how many these are
	transport socket.Transport
	untold    [transports]Histogram
	batches   int
	told      *told

	tops     *top
	unseen   uint64 // queries since one was looked at for its zone
	seenAt   int64
	random   uint32
	taps     []tap
	samplers []sampler
	one      [1]socket.Packet
	x        exchange
}

// told is what a worker has told of its times.
type told struct{ times [transports]sharedHistogram }

const (
	// lookEvery is how long a thread rests at least between two looks for a query's zone, in
	// nanoseconds. A look takes a two-hundredth of that. While there is time for it, every query is
	// looked at.
	lookEvery = 50_000
	// lookAmong is the same for streams, in queries that arrived together.
	lookAmong = 16
	// tellEvery is after how many batches a busy thread tells its times.
	tellEvery = 256
)

// Answer answers a query of a connection. What comes until the next Flush has come together.
func (w *worker) Answer(dst, query []byte, from *socket.Client) []byte {
	if w.answering == 0 {
		w.began = w.clock.now()
		w.transport = from.Transport
	}
	w.answering++
	if w.clocked != nil {
		w.clocked.At(w.began)
	}
	if w.tops != nil {
		if w.unseen++; w.answering == 1 || w.unseen >= lookAmong {
			w.look(query)
		}
	}
	answer := w.inner.Answer(dst, query, from)
	if len(w.taps) > 0 {
		w.one[0] = socket.Packet{Query: query, From: *from, Answer: answer}
		w.tap(w.one[:])
	}
	return answer
}

// AnswerBatch answers what arrived together over UDP.
func (w *worker) AnswerBatch(batch []socket.Packet) {
	now := w.clock.now()
	w.settle(now)
	w.began, w.answering, w.transport = now, uint64(len(batch)), socket.UDP
	if w.clocked != nil {
		w.clocked.At(now)
	}
	if w.tops != nil && len(batch) > 0 {
		if w.unseen += w.answering; now-w.seenAt >= lookEvery {
			w.seenAt = now
			// A generator by Lehmer; any of the batch is as good as any other.
			w.random = w.random*747796405 + 2891336453
			w.look(batch[uint64(w.random)*w.answering>>32].Query)
		}
	}
	if w.many != nil {
		w.many.AnswerBatch(batch)
	} else {
		for i := range batch {
			p := &batch[i]
			p.Answer = w.inner.Answer(p.Dst, p.Query, &p.From)
		}
	}
	if len(w.taps) > 0 {
		w.tap(batch)
	}
}

// Flush is called when nothing is there to be answered.
func (w *worker) Flush() {
	if w.answering > 0 {
		w.settle(w.clock.now())
	}
	if w.batches > 0 {
		w.tell()
	}
	if w.flusher != nil {
		w.flusher.Flush()
	}
}

// settle notes that what came before has been answered.
func (w *worker) settle(now int64) {
	if w.answering == 0 {
		return
	}
	if w.timed {
		w.untold[w.transport%transports].add(now-w.began, w.answering)
		if w.batches++; w.batches >= tellEvery {
			w.tell()
		}
	}
	w.answering = 0
}

// tell makes the times known.
func (w *worker) tell() {
	w.batches = 0
	for i := range w.untold {
		if h := &w.untold[i]; h.Sum > 0 {
			w.told.times[i].take(h)
		}
	}
}

// look counts all queries since the last look for the zone of this one.
func (w *worker) look(query []byte) {
	n := w.unseen
	w.unseen = 0
	if len(query) <= headerLen {
		return
	}
	if origin, ok := w.o.o.ZoneOf(query[headerLen:]); ok {
		w.tops.add(origin, n)
	}
}

// tap gives exchanges to the taps that want them. It waits for nobody.
func (w *worker) tap(batch []socket.Packet) {
	x := &w.x
	x.asked, x.responded = w.began, w.clock.now()
	for i, t := range w.taps {
		var r *ring
		var lost uint64
		p := t.pump()
		for k := range batch {
			x.query, x.answer, x.from = batch[k].Query, batch[k].Answer, &batch[k].From
			if !t.wants(&w.samplers[i], x) {
				continue
			}
			if r == nil {
				r = p.hold(w.number)
			}
			if r == nil {
				lost++
				continue
			}
			lost += t.take(r, x)
		}
		p.release(r, lost)
	}
	*x = exchange{}
}

// A clock tells the time of day from the monotonic clock, which costs half, and asks again once a
// second for what it is now.
type clock struct {
	base time.Time
	wall int64
}

func (c *clock) now() int64 {
	past := time.Since(c.base)
	if past < 0 || past > time.Second {
		c.base = time.Now()
		c.wall, past = c.base.UnixNano(), 0
	}
	return c.wall + int64(past)
}
