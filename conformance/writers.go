package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

func cancelledBefore(e *env) {
	e.step("at first", e.sets("www 300 A 192.0.2.1")...)
	base := e.read()
	changes := e.plan(base, e.sets("www 300 A 192.0.2.9"))
	ctx, cancel := context.WithCancel(e.Context())
	cancel()
	if _, err := e.p.Read(ctx, e.ref); !errors.Is(err, context.Canceled) {
		e.Errorf("read with a cancelled context: error %v does not wrap context.Canceled", err)
	}
	r, err := e.p.Write(ctx, base, provider.ChangeSet{Sets: changes})
	if !errors.Is(err, context.Canceled) {
		e.Errorf("write with a cancelled context: error %v does not wrap context.Canceled", err)
	}
	if r != nil && r.Count(provider.NotDone) != len(changes) {
		e.Errorf("write with a cancelled context: receipt says %v", r.Sets)
	}
	if again := e.plan(e.read(), e.sets("www 300 A 192.0.2.1")); len(again) > 0 {
		e.Errorf("write with a cancelled context changed the zone:\n%s", show(again))
	}
}

// cancelledInTheMiddle takes another zone for each try where there are several: what was cancelled
// may still be carried out when the next try is under way.
func cancelledInTheMiddle(e *env) {
	const n = 200
	for i := range 8 {
		f := e.in(e.s.Fresh(e.T))
		f.p = e.open()
		f.step("empty")
		base := f.read()
		want := f.addresses(n, uint32(300+i))
		changes := f.plan(base, want)
		ctx, cancel := context.WithTimeout(f.Context(), time.Duration(i*i)*700*time.Microsecond)
		began := time.Now()
		r, err := f.open().Write(ctx, base, provider.ChangeSet{Sets: changes})
		took := time.Since(began)
		cancel()
		name := fmt.Sprintf("cancelled after %v", time.Duration(i*i)*700*time.Microsecond)
		if took > 10*time.Second {
			f.Errorf("%s: write came back after %v", name, took)
		}
		f.honest(name, f.read(), changes, r, err)
		f.finish(name+", then once more", want...)
		e.steps += f.steps
	}
}

// A writer is one of several that write at once.
type writer struct {
	want    []zone.RRset
	changes []zone.Change
	r       *provider.Receipt
	err     error
}

// race lets the writers write from the same base at once, each from an account of its own.
func (e *env) race(base *provider.Snapshot, states ...[]zone.RRset) []*writer {
	e.Helper()
	ws := make([]*writer, len(states))
	ps := make([]provider.Provider, len(states))
	for i, want := range states {
		ws[i] = &writer{want: want, changes: e.plan(base, want)}
		ps[i] = e.open()
	}
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i, w := range ws {
		wg.Go(func() {
			<-start
			w.r, w.err = ps[i].Write(e.Context(), base, provider.ChangeSet{Sets: w.changes})
		})
	}
	close(start)
	wg.Wait()
	return ws
}

func (w *writer) done() bool {
	return w.err == nil && w.r != nil && len(w.r.Sets) == len(w.changes) && w.r.Count(provider.Done) == len(w.changes)
}

func twoWritersOneSet(e *env) {
	for i := range 6 {
		e.step("at first", e.sets("www 300 A 192.0.2.1")...)
		base := e.read()
		one := e.sets("www 300 A 192.0.2.11\nwww 300 A 192.0.2.12")
		two := e.sets("www 600 A 192.0.2.21\nwww 600 A 192.0.2.22")
		name := fmt.Sprintf("round %d", i+1)
		ws := e.race(base, one, two)
		after := e.read()
		left := slices.IndexFunc(ws, func(w *writer) bool { return len(e.plan(after, w.want)) == 0 })
		if left < 0 {
			e.Fatalf("%s: the zone is neither what one nor what the other wrote:\n%s", name, show(e.plan(after, one)))
		}
		winners := 0
		for k, w := range ws {
			if w.done() {
				winners++
			} else if kind := provider.KindOf(w.err); kind != provider.Conflict && kind != provider.Transient {
				e.Errorf("%s: writer %d lost with kind %q, want %q: %v", name, k+1, kind, provider.Conflict, w.err)
			}
		}
		if winners == 0 {
			e.Errorf("%s: the zone holds what writer %d wrote, but nobody was told so", name, left+1)
		}
		if winners == 2 && e.caps.Compare != provider.NoCompare {
			e.Errorf("%s: both writers of one set were told that theirs is done, although compare-and-set is declared", name)
		}
		if winners == 1 && !ws[left].done() {
			e.Errorf("%s: writer %d was told that its write is done, but the zone holds the other's", name, 2-left)
		}
	}
}

func twoWritersTwoSets(e *env) {
	for i := range 4 {
		e.step("at first", e.sets("a 300 A 192.0.2.1\nb 300 A 192.0.2.2")...)
		base := e.read()
		ws := e.race(base, e.sets("a 300 A 192.0.2.11\nb 300 A 192.0.2.2"), e.sets("a 300 A 192.0.2.1\nb 300 A 192.0.2.22"))
		after := e.read()
		for k, w := range ws {
			name := fmt.Sprintf("round %d, writer %d", i+1, k+1)
			if w.err != nil && provider.KindOf(w.err) != provider.Conflict && provider.KindOf(w.err) != provider.Transient {
				e.Errorf("%s: %v", name, w.err)
			}
			e.honest(name, after, w.changes, w.r, w.err)
		}
		if !ws[0].done() && !ws[1].done() {
			e.Errorf("round %d: neither of two writers got through", i+1)
		}
	}
}

func severalZones(e *env) {
	refs := []provider.ZoneRef{e.ref}
	for range 3 {
		ref := e.s.Fresh(e.T)
		if slices.ContainsFunc(refs, func(r provider.ZoneRef) bool { return r.Origin == ref.Origin }) {
			e.Skipf("the subject has one zone only")
		}
		refs = append(refs, ref)
	}
	envs := make([]*env, len(refs))
	for i, ref := range refs {
		envs[i] = e.in(ref)
		envs[i].step("empty zone")
	}
	states := make([][]zone.RRset, len(refs))
	plans := make([][]zone.Change, len(refs))
	bases := make([]*provider.Snapshot, len(refs))
	receipts := make([]*provider.Receipt, len(refs))
	errs := make([]error, len(refs))
	for i, f := range envs {
		states[i] = f.addresses(40+i, 300)
		bases[i] = f.read()
		plans[i] = f.plan(bases[i], states[i])
	}
	var wg sync.WaitGroup
	for i := range envs {
		wg.Go(func() {
			receipts[i], errs[i] = e.p.Write(e.Context(), bases[i], provider.ChangeSet{Sets: plans[i]})
		})
		wg.Go(func() { _, _ = e.p.Read(e.Context(), refs[i]) })
	}
	wg.Wait()
	for i, f := range envs {
		// A service that is busy may say so; it must not lie, nor mix up zones.
		if errs[i] != nil && provider.KindOf(errs[i]) != provider.Transient && provider.KindOf(errs[i]) != provider.Throttled {
			e.Errorf("zone %s: %v", f.origin, errs[i])
		}
		f.honest("written beside others", f.read(), plans[i], receipts[i], errs[i])
		f.finish("written beside others", states[i]...)
	}
	e.steps += len(envs)
}
