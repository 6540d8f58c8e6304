package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/zone"
)

// through opens an account whose calls go through the breaker.
func (e *env) through(b *breaker) provider.Provider {
	e.Helper()
	p := e.s.Via(e.T, func(next http.RoundTripper) http.RoundTripper {
		if b.next = next; e.oneByOne != nil {
			b.next = oneByOne{next, e.oneByOne}
		}
		return b
	})
	e.closeAtEnd(p)
	return p
}

// oneByOne lets one call through at a time, so that a small server under test has no troubles of
// its own beside those that it is given.
type oneByOne struct {
	next http.RoundTripper
	mu   *sync.Mutex
}

func (o oneByOne) RoundTrip(req *http.Request) (*http.Response, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.next.RoundTrip(req)
}

// A lane is the T of a part that runs beside others: Fatalf ends the part alone.
type lane struct{ T }

func (l lane) Fatalf(format string, args ...any) {
	l.Helper()
	l.Errorf(format, args...)
	runtime.Goexit()
}

// beside runs n parts, each in a zone of its own and at the same time where the subject has
// several, for what they do is mostly waiting.
func (e *env) beside(n int, part func(e *env, i int)) {
	e.Helper()
	envs := make([]*env, n)
	alone := n < 2
	for i := range envs {
		ref := e.ref
		if i > 0 && !alone {
			ref = e.s.Fresh(e.T)
			alone = ref.Origin == e.origin
		}
		envs[i] = e.in(ref)
		envs[i].T = lane{e.T}
	}
	most := 8
	if alone {
		most = 1
		for _, f := range envs {
			f.ref, f.origin = e.ref, e.origin
		}
	}
	var wg sync.WaitGroup
	var calls sync.Mutex
	room := make(chan struct{}, most)
	for i, f := range envs {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			f.oneByOne = &calls
			f.p = f.through(&breaker{})
			f.step("empty zone")
			part(f, i)
		})
	}
	wg.Wait()
	for _, f := range envs {
		e.steps += f.steps
	}
}

// slow is how long one kind of fault is tried at further calls.
const slow = 20 * time.Second

// faultsOfCalls lets every single call of read and write fail in every way. Whatever comes out
// must be true, and the next plan must finish the work.
func faultsOfCalls(e *env) {
	e.beside(len(faults), func(e *env, i int) { e.faultOfCalls(faults[i]) })
}

func (e *env) faultOfCalls(f fault) {
	const most = 20
	first := e.sets("www 300 A 192.0.2.1\nold 300 TXT \"x\"")
	want := e.sets("www 300 A 192.0.2.9\nnew 300 TXT \"y\"")
	began := time.Now()
	for n := 1; n <= most; n++ {
		e.step("at first", first...)
		more := e.stated()
		b := &breaker{f: f, n: n}
		p := e.through(b)
		name := fmt.Sprintf("%s at call %d", f.name, n)
		base, err := p.Read(e.Context(), e.ref)
		switch {
		case err == nil:
			if err := e.isWhole(base, first); err != nil {
				e.Fatalf("%s: read gave no error, but %v", name, err)
			}
			changes := e.plan(base, want)
			r, err := p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
			e.honest(name, e.read(), changes, r, err)
		case errors.Is(err, provider.ErrNoZone):
			e.Errorf("%s: read takes a fault for a missing zone: %v", name, err)
		}
		e.finish(name+", then once more", want...)
		if now := e.stated(); now != more {
			e.Errorf("%s, then once more: the service states %s than are read, before it was %s: there are duplicates", name, now, more)
		}
		if b.calls() < n || time.Since(began) > slow {
			break // there was no n-th call
		}
	}
}

// isWhole tells what a snapshot lacks of a state.
func (e *env) isWhole(snap *provider.Snapshot, sets []zone.RRset) error {
	if err := sound(snap, e.origin); err != nil {
		return err
	}
	if lacks := e.plan(snap, sets); len(lacks) > 0 {
		return fmt.Errorf("what it gave is not the zone:\n%s", show(lacks))
	}
	return nil
}

// lasting are troubles that do not go away by asking again.
var lasting = []struct {
	fault
	kinds []provider.ErrKind
}{
	{refuses("429 for ever", http.StatusTooManyRequests, "Retry-After", "1"), []provider.ErrKind{provider.Throttled, provider.Lost}},
	{refuses("503 for ever", http.StatusServiceUnavailable), []provider.ErrKind{provider.Transient, provider.Lost}},
	{refuses("credentials expired for good", http.StatusUnauthorized), []provider.ErrKind{provider.Denied, provider.Lost}},
}

// troubleThatLasts has all calls fail from the n-th on. The adapter must give up within bounds and
// say what it is, so that the caller knows whether and when to try again.
func troubleThatLasts(e *env) {
	const deepest = 4
	e.beside(len(lasting)*deepest, func(e *env, i int) {
		trouble, n := lasting[i/deepest], 1+i%deepest
		e.step("at first", e.sets("www 300 A 192.0.2.1")...)
		want := e.sets("www 300 A 192.0.2.9\nnew 300 TXT \"y\"")
		p := e.through(&breaker{f: trouble.fault, n: n, on: true})
		name := fmt.Sprintf("%s from call %d on", trouble.name, n)
		began := time.Now()
		base, err := p.Read(e.Context(), e.ref)
		if err == nil {
			changes := e.plan(base, want)
			var r *provider.Receipt
			r, err = p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
			e.honest(name, e.read(), changes, r, err)
		} else if n == 1 {
			e.fits(name, err, trouble.kinds[:1])
		}
		if took := time.Since(began); took > time.Minute {
			e.Errorf("%s: it took %v to give up", name, took.Round(time.Second))
		}
		if err != nil {
			e.fits(name, err, trouble.kinds)
		}
		e.finish(name+", then well again", want...)
	})
}

func (e *env) fits(name string, err error, kinds []provider.ErrKind) {
	e.Helper()
	if !slices.Contains(kinds, provider.KindOf(err)) {
		e.Errorf("%s: error of kind %q; wanted %v: %v", name, provider.KindOf(err), kinds, err)
	}
	if x, ok := errors.AsType[*provider.Error](err); ok && x.Kind == provider.Throttled && x.RetryAfter == 0 {
		e.Errorf("%s: the service said how long to wait, the error does not: %v", name, err)
	}
}

// faultInTheMiddle lets a write of several batches fail in one of its later calls.
func faultInTheMiddle(e *env) {
	n := 12
	if e.caps.Batch > 0 && e.caps.Batch <= 1000 {
		n = 2*e.caps.Batch + 1
	}
	want := e.addresses(n, 300)
	e.s.Ask = nil
	clean := &breaker{}
	p := e.through(clean)
	base := e.read()
	e.step("empty zone")
	if base, err := p.Read(e.Context(), e.ref); err != nil {
		e.Fatalf("read: %v", err)
	} else if _, err = p.Write(e.Context(), base, provider.ChangeSet{Sets: e.plan(base, want)}); err != nil && !e.mayRefuse("write", err) {
		e.Fatalf("write of %d changes: %v", n, err)
	}
	e.settled("without a fault", want, nil)
	calls := clean.calls()
	kinds := []fault{faults[2], faults[6], faults[8]} // 503, answer lost, time-out after it took effect
	e.note("read and write of %d changes: %d calls in all", len(e.plan(base, want)), calls)
	at := []int{calls/2 + 1, calls - 1, calls}
	e.beside(len(kinds), func(e *env, i int) {
		for _, n := range at {
			if n < 1 {
				continue
			}
			e.step("empty zone")
			p := e.through(&breaker{f: kinds[i], n: n})
			name := fmt.Sprintf("%s at call %d of %d", kinds[i].name, n, calls)
			base, err := p.Read(e.Context(), e.ref)
			if err != nil {
				continue // single calls of a read are attacked elsewhere
			}
			state := e.addresses(len(want), 300)
			changes := e.plan(base, state)
			r, err := p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
			e.honest(name, e.read(), changes, r, err)
			e.finish(name+", then once more", state...)
		}
	})
}

// lastMoment changes a set while the write of another is on its way: after Write was called, and
// before its first call arrives. Every adapter sees that: the service compares, or the touched sets
// are read again first.
func lastMoment(e *env) {
	for _, c := range []struct{ name, first, other, ours string }{
		{"data changed", "www 300 A 192.0.2.1", "www 300 A 192.0.2.50", "www 300 A 192.0.2.9"},
		{"TTL changed", "www 300 A 192.0.2.1", "www 7200 A 192.0.2.1", "www 300 A 192.0.2.9"},
		{"deleted", "www 300 A 192.0.2.1", "", "www 300 A 192.0.2.9"},
		{"changed what is to go", "www 300 A 192.0.2.1", "www 300 A 192.0.2.50", ""},
		{"created what is to be created", "", "www 300 A 192.0.2.50", "www 300 A 192.0.2.9"},
	} {
		first, other, ours := e.sets(c.first), e.sets(c.other), e.sets(c.ours)
		if e.ttl(300) == e.ttl(7200) && c.name == "TTL changed" {
			continue
		}
		e.step("at first", first...)
		base := e.read()
		var once sync.Once
		f := fault{c.name, func(real realCall, _ *http.Request) (*http.Response, error) {
			once.Do(func() {
				if err := e.attempt(c.name+" by somebody else", other); err != nil {
					e.Errorf("%v", err)
				}
			})
			return real()
		}}
		p := e.through(&breaker{f: f, n: 1, on: true})
		changes := e.plan(base, ours)
		r, err := p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
		if provider.KindOf(err) != provider.Conflict || r != nil && r.Count(provider.NotDone) != len(changes) {
			e.Errorf("%s at the last moment: receipt %+v, error %v; want kind %q and nothing done", c.name, r, err, provider.Conflict)
		}
		e.settled(c.name+" at the last moment: what somebody else wrote must stay", other, nil)
	}
}

// throttledForLong has the service ask for an hour of peace. Nobody waits that long within a call:
// the adapter hands the hour to its caller. A budget that the whole process shares would keep the
// suite itself waiting; there its own tests say the same.
func throttledForLong(e *env) {
	if _, shared := e.p.(interface{ Budget() *budget.Account }); shared {
		e.Skipf("the budget is shared by the process; the tests of budgets say the same")
	}
	e.step("at first", e.sets("www 300 A 192.0.2.1")...)
	base := e.read()
	p := e.through(&breaker{f: refuses("429 for an hour", http.StatusTooManyRequests, "Retry-After", "3600"), n: 1, on: true})
	changes := e.plan(base, e.sets("www 300 A 192.0.2.9"))
	began := time.Now()
	_, err := p.Read(e.Context(), e.ref)
	e.anHour("read", err)
	r, err := p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
	e.anHour("write", err)
	e.refused("write, throttled for an hour", base, changes, r, err, provider.Throttled)
	if took := time.Since(began); took > 10*time.Second {
		e.Errorf("throttled for an hour: it took %v to say so", took.Round(time.Second))
	}
}

func (e *env) anHour(what string, err error) {
	e.Helper()
	if x, ok := errors.AsType[*provider.Error](err); !ok || x.Kind != provider.Throttled || x.RetryAfter < 50*time.Minute {
		e.Errorf("%s, throttled for an hour: error %v; want kind %q with RetryAfter", what, err, provider.Throttled)
	}
}

// manyCallers uses one account from many goroutines at once, as apply does.
func manyCallers(e *env) {
	const callers = 6
	e.step("at first", e.addresses(callers, 300)...)
	want := e.addresses(callers, 3600)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for range 50 {
				if e.Context().Err() != nil || e.changeOne(want[i]) {
					return
				}
			}
			e.Errorf("caller %d of %d never got through", i+1, callers)
		})
		wg.Go(func() {
			if _, err := e.p.Read(e.Context(), e.ref); err != nil && !passing(err) {
				e.Errorf("read beside writes: %v", err)
			}
			for _, err := range e.p.Zones(e.Context()) {
				if err != nil && !passing(err) && !errors.Is(err, errors.ErrUnsupported) {
					e.Errorf("list beside writes: %v", err)
				}
				break
			}
		})
	}
	wg.Wait()
	e.settled("after many callers", want, nil)
}

// changeOne writes one set and reports whether there is no need to try again.
func (e *env) changeOne(set zone.RRset) bool {
	snap, err := e.p.Read(e.Context(), e.ref)
	if err == nil {
		have, ok := snap.Sets.Set(set.Owner, set.Type)
		if ok && have.Equal(set) {
			return true
		}
		c := zone.Change{After: &set}
		if ok {
			c.Before = &have
		}
		var r *provider.Receipt
		r, err = e.p.Write(e.Context(), snap, provider.ChangeSet{Sets: []zone.Change{c}})
		if err == nil && (r == nil || r.Count(provider.Done) != 1) {
			e.Errorf("%s: write gave no error, but the receipt says %+v", set.Key(), r)
			return true
		}
	}
	if err != nil && !passing(err) && !errors.Is(err, context.Canceled) {
		e.Errorf("%s: %v", set.Key(), err)
		return true
	}
	if err != nil {
		_ = pause(e.Context(), 5*time.Millisecond)
	}
	return err == nil
}
