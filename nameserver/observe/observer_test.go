package observe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/zone"
)

// slow answers nothing, in a given time.
type slow struct {
	each time.Duration
	told []int64 // what it was told of the time
}

func (s *slow) Worker() socket.Worker { return s }
func (s *slow) At(now int64)          { s.told = append(s.told, now) }
func (s *slow) Answer([]byte, []byte, *socket.Client) []byte {
	time.Sleep(s.each)
	return nil
}

func TestNothingToObserve(t *testing.T) {
	t.Parallel()
	a := &slow{}
	if got := New(Options{}).Wrap(a); got != socket.Answerer(a) {
		t.Errorf("an observer of nothing stands in the way: %T", got)
	}
	var none *Observer
	if got := none.Wrap(a); got != socket.Answerer(a) {
		t.Errorf("no observer stands in the way: %T", got)
	}
}

// The time of a batch ends when the next one begins, or when the thread has nothing to do.
func TestTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := &slow{each: time.Millisecond}
		o := New(Options{Latency: true})
		w := o.Wrap(inner).Worker().(*worker)
		q := ask("www.example.org.", zone.TypeA)
		w.AnswerBatch(packets(q, q, q)) // 3 ms
		w.AnswerBatch(packets(q))       // 1 ms
		w.Flush()
		time.Sleep(time.Hour) // nobody asks
		over := client
		over.Transport = socket.TLS
		w.Answer(nil, q, &over)
		w.Answer(nil, q, &over) // 2 ms
		w.Flush()
		w.Flush()
		got := o.Transports()
		want := []Transport{
			{socket.UDP, 4, Histogram{Sum: 10 * time.Millisecond}},
			{socket.TLS, 2, Histogram{Sum: 4 * time.Millisecond}},
		}
		want[0].Times.Buckets[12], want[0].Times.Buckets[10] = 3, 1 // up to 4,096 µs and up to 1,024 µs
		want[1].Times.Buckets[11] = 2
		if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		for i, at := range inner.told[1:] {
			if at < inner.told[0] || at > time.Now().UnixNano() {
				t.Errorf("call %d was told time %d", i, at)
			}
		}
		if len(inner.told) != 4 {
			t.Errorf("the time was told %d times, want once for each of 4 calls", len(inner.told))
		}
	})
}

func TestHistogram(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d    time.Duration
		want int
	}{
		{-time.Second, 0},
		{0, 0},
		{time.Microsecond, 0},
		{time.Microsecond + 1, 1},
		{2 * time.Microsecond, 1},
		{1024 * time.Microsecond, 10},
		{time.Second, 20},
		{Bound(20), 20},
		{Bound(20) + 1, 21},
		{time.Hour, 21},
	} {
		var h Histogram
		h.add(int64(c.d), 5)
		if h.Buckets[c.want] != 5 || h.Count() != 5 {
			t.Errorf("%v: %v, want 5 in bucket %d", c.d, h.Buckets, c.want)
		}
	}
}

// A long answer is no matter of a worker, but is counted and shown.
type longOne struct{ slow }

func (*longOne) Long([]byte, *socket.Client) bool { return true }
func (*longOne) Stream(_ context.Context, q []byte, _ socket.Client, send func([]byte) error) error {
	q[2] |= 0x80
	if err := send(q); err != nil {
		return err
	}
	return send(q)
}

func TestLongAnswers(t *testing.T) {
	t.Parallel()
	var log buffer
	o := New(Options{Latency: true, Log: &Log{Writer: &log, Sample: 1000}})
	end := running(t, o)
	s := o.Wrap(&longOne{}).(socket.Streamer)
	from := client
	from.Transport = socket.TCP
	q := ask("example.org.", 252)
	if !s.Long(q, &from) {
		t.Fatal("it is not long any more")
	}
	sent := 0
	if err := s.Stream(t.Context(), q, from, func([]byte) error { sent++; return nil }); err != nil || sent != 2 {
		t.Errorf("%d messages, %v; want 2", sent, err)
	}
	if got := o.Transports(); len(got) != 1 || got[0].Queries != 1 || got[0].Times.Count() != 0 {
		t.Errorf("%+v; want one query without a time", got)
	}
	end()
	if got := log.lines(); len(got) != 1 {
		t.Errorf("%q; want one line", got)
	}
}

// TestTopZones asks for 1,000 zones, some often, in batches of all sizes. The frequent ones are found,
// and their numbers are right within some percent.
func TestTopZones(t *testing.T) {
	t.Parallel()
	const n = 10
	of := func(q []byte) (zone.Name, bool) {
		name, _, err := zone.NameFromWire(q)
		return name, err == nil
	}
	o := New(Options{TopZones: n, ZoneOf: of})
	w := o.Wrap(&slow{}).Worker().(*worker)
	r := rand.New(rand.NewPCG(1, 2))
	asked := map[zone.Name]int{}
	all := 0
	for range 10000 {
		var batch []socket.Packet
		for range 1 + r.IntN(20) {
			name := fmt.Sprintf("z%d.example.", r.IntN(1000))
			if r.IntN(2) == 0 {
				name = fmt.Sprintf("often%d.example.", r.IntN(n))
			}
			q := ask(name, zone.TypeA)
			batch = append(batch, socket.Packet{Query: q, From: client})
			asked[zone.MustName(name)]++
			all++
		}
		w.seenAt = 0 // as if there were time
		w.AnswerBatch(batch)
	}
	got := o.Top()
	if len(got) != n {
		t.Fatalf("%d zones, want %d", len(got), n)
	}
	for _, z := range got {
		want := asked[z.Origin]
		if want < all/25 {
			t.Errorf("zone %s was asked only %d times of %d", z.Origin, want, all)
		}
		if d := float64(z.Queries)/float64(want) - 1; d < -0.2 || d > 0.2 {
			t.Errorf("zone %s: %d, was asked %d times", z.Origin, z.Queries, want)
		}
	}
	if len(o.tops.heap) != spare*n || len(o.tops.place) != spare*n {
		t.Errorf("%d and %d zones are watched, want %d", len(o.tops.heap), len(o.tops.place), spare*n)
	}
}

// Few zones and queries one by one are counted exactly.
func TestTopZonesExactly(t *testing.T) {
	t.Parallel()
	e := served(t, "a.example.", "b.example.", "sub.b.example.")
	o := New(Options{TopZones: 2, ZoneOf: e.Zones.Enclosing})
	w := o.Wrap(socket.Engine(e, nil)).Worker().(*worker)
	over := client
	over.Transport = socket.TCP
	for i, name := range []string{"www.a.example.", "x.A.example.", "b.example.", "elsewhere.", "www.sub.b.example.", "sub.b.example.", "sub.b.example."} {
		q := ask(name, zone.TypeA)
		if i%2 == 0 {
			w.Answer(nil, q, &over)
		} else {
			w.seenAt = 0
			w.AnswerBatch(packets(q))
		}
		w.Flush()
	}
	got := o.Top()
	want := []ZoneCount{{zone.MustName("sub.b.example."), 3}, {zone.MustName("a.example."), 2}}
	if len(got) != 2 || got[0] != want[1] || got[1] != want[0] {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Answers are those of the engine, whatever looks on.
func TestAnswersStay(t *testing.T) {
	t.Parallel()
	e := served(t, "a.example.")
	e.Cookies = nil
	o := New(Options{Latency: true, TopZones: 5, ZoneOf: e.Zones.Enclosing, Log: &Log{Writer: &buffer{}}, Dnstap: &Dnstap{Network: "file", Address: t.TempDir() + "/x"}})
	plain, seen := socket.Engine(e, nil).Worker(), o.Wrap(socket.Engine(e, nil)).Worker()
	for _, name := range []string{"www.a.example.", "none.a.example.", "elsewhere."} {
		a, b := packets(ask(name, zone.TypeA), ask(name, zone.TypeMX)), packets(ask(name, zone.TypeA), ask(name, zone.TypeMX))
		plain.(socket.BatchWorker).AnswerBatch(a)
		seen.(socket.BatchWorker).AnswerBatch(b)
		for i := range a {
			if string(a[i].Answer) != string(b[i].Answer) || len(a[i].Answer) == 0 {
				t.Errorf("%s: % x, want % x", name, b[i].Answer, a[i].Answer)
			}
		}
	}
}

// everything observes all there is.
func everything(tb testing.TB, a socket.Answerer, of func([]byte) (zone.Name, bool)) *Observer {
	tb.Helper()
	return New(Options{
		Latency: true, TopZones: 20, ZoneOf: of,
		Log:    &Log{Writer: &buffer{}, Sample: 100},
		Dnstap: &Dnstap{Network: "file", Address: tb.TempDir() + "/dnstap", Identity: "ns1", Sample: 2},
	})
}

func TestNoAllocation(t *testing.T) {
	e := served(t, "a.example.", "b.example.")
	for name, o := range map[string]*Observer{
		"counts":     New(Options{Latency: true, TopZones: 20, ZoneOf: e.Zones.Enclosing}),
		"everything": everything(t, nil, e.Zones.Enclosing),
	} {
		w := o.Wrap(socket.Engine(e, nil)).Worker().(*worker)
		batch := packets(ask("www.a.example.", zone.TypeA), ask("none.b.example.", zone.TypeA), ask("elsewhere.", zone.TypeA))
		over := client
		over.Transport = socket.TCP
		dst := make([]byte, 0, 70000)
		if n := testing.AllocsPerRun(500, func() {
			w.seenAt = 0
			w.AnswerBatch(batch)
			w.Flush()
			w.Answer(dst, batch[0].Query, &over)
			w.Answer(dst, batch[1].Query, &over)
			w.Flush()
		}); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

// BenchmarkBatch answers batches of 32 datagrams for 1,000 names.
func BenchmarkBatch(b *testing.B) {
	var origins []string
	for i := range 100 {
		origins = append(origins, fmt.Sprintf("z%d.example.", i))
	}
	e := served(b, origins...)
	var queries [][]byte
	for i := range 32 {
		queries = append(queries, ask("www."+origins[i*3], zone.TypeA))
	}
	a := socket.Engine(e, nil)
	for _, c := range []struct {
		name string
		with socket.Answerer
	}{
		{"plain", a},
		{"latency", New(Options{Latency: true}).Wrap(a)},
		{"latency+zones", New(Options{Latency: true, TopZones: 20, ZoneOf: e.Zones.Enclosing}).Wrap(a)},
		{"log 1:1000", New(Options{Latency: true, Log: &Log{Writer: &buffer{}, Sample: 1000}}).Wrap(a)},
		{"dnstap", New(Options{Latency: true, Dnstap: &Dnstap{Network: "file", Address: b.TempDir() + "/x", Buffer: 64 << 10}}).Wrap(a)},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := c.with.Worker().(socket.BatchWorker)
			batch := packets(queries...)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				w.AnswerBatch(batch)
				if d, ok := w.(*worker); ok && d.o.dnstap != nil {
					for i := range d.o.dnstap.rings { // as a pump would that is never late
						d.o.dnstap.rings[i].buf = d.o.dnstap.rings[i].buf[:0]
					}
				}
				n += len(batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/query")
		})
	}
}
