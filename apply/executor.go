package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// An Executor carries out plans. Journal and Open are required.
type Executor struct {
	Journal Journal
	Open    func(plan.Target) (provider.Provider, error)
	Lock    Locker   // nil: no other run can be there
	Verify  Verifier // nil skips verification

	Run    string // identity of the run; kept in the journal
	Actor  string // user@host
	Reason string // why, for the history

	// InFlight bounds the writes at once for one account; nil or a result of 0 asks the provider's
	// capabilities, which default to 4.
	InFlight func(account string) int
	// Attempts is how often a write is tried while its errors allow that; 0 means 5.
	Attempts int
	// Wait returns how long to wait before an attempt (2, 3, …); nil doubles from 500 ms to 30 s with jitter.
	Wait func(attempt int) time.Duration
	// Grace is how long writes in flight may go on after ctx ended; 0 means 30 s.
	Grace time.Duration
	// LockFor is how long to wait for a target that another run writes to; 0 means 60 s.
	LockFor time.Duration
	// VerifyFor bounds the verification of one target; 0 means 60 s.
	VerifyFor time.Duration
	// Compensate puts targets that were written back to their former state when another failed.
	Compensate bool
}

// Do carries out plans, targets side by side, and reports what each target now is. Results come
// in the order of the plans. observe is called from several goroutines, one at a time; it may be
// nil. Do returns an error only if it could not keep its journal; what went wrong at a target is
// in the report.
//
// When ctx ends, writes in flight finish within Grace and nothing new is begun.
func (x *Executor) Do(ctx context.Context, plans []*plan.Plan, observe func(Event)) (*Report, error) {
	start := time.Now()
	r := &run{Executor: x, observe: observe, results: make([]Result, len(plans)), ended: make([]chan struct{}, len(plans)), slots: map[string]chan struct{}{}, ofZone: map[zone.Name][]int{}}
	for i, p := range plans {
		r.ofZone[p.Target.Zone] = append(r.ofZone[p.Target.Zone], i)
		r.results[i] = Result{Plan: p, Target: p.Target, PlanID: p.ID, State: NotStarted}
		r.ended[i] = make(chan struct{})
	}
	var wg sync.WaitGroup
	for i, p := range plans {
		wg.Go(func() {
			defer close(r.ended[i])
			defer r.survive(&r.results[i])
			r.one(ctx, &r.results[i], r.before(plans, i))
			r.tell(p.Target, r.results[i].State, r.results[i].done(), p.Changes.Len(), r.results[i].Error)
		})
	}
	wg.Wait()
	if x.Compensate && anyFailed(r.results) {
		r.compensate(ctx)
	}
	report := &Report{Run: x.Run, Results: r.results, Took: time.Since(start), Cancelled: ctx.Err() != nil}
	return report, r.journalErr()
}

// run is one call of Do.
type run struct {
	*Executor
	results []Result
	ended   []chan struct{}
	ofZone  map[zone.Name][]int // the plans of each zone, as places in results

	mu      sync.Mutex // guards what follows
	slots   map[string]chan struct{}
	journal error
	observe func(Event)
}

func (r *run) tell(t plan.Target, s State, done, total int, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.observe != nil {
		r.observe(Event{Time: time.Now(), Target: t, State: s, Done: done, Total: total, Text: text})
	}
}

func (r *run) journalFailed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.journal = errors.Join(r.journal, err)
}

func (r *run) journalErr() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.journal
}

// slot takes one of the account's places; the returned function gives it back.
func (r *run) slot(ctx context.Context, p provider.Provider, pl *plan.Plan) (func(), error) {
	r.mu.Lock()
	slots, ok := r.slots[pl.Target.Provider]
	if !ok {
		n := 0
		if r.InFlight != nil {
			n = r.InFlight(pl.Target.Provider)
		}
		if n <= 0 {
			n = p.Capabilities(pl.Base.Info).InFlight
		}
		if n <= 0 {
			n = 4
		}
		slots = make(chan struct{}, n)
		r.slots[pl.Target.Provider] = slots
	}
	r.mu.Unlock()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// before lists the plans that must have ended well before plan i may write: those of child zones
// to which i is about to write a delegation. A child answers before it is delegated to.
func (r *run) before(plans []*plan.Plan, i int) []int {
	var wait []int
	for _, c := range plans[i].Changes.Sets {
		k := c.Key()
		if c.After != nil && (k.Type == zone.TypeNS || k.Type == zone.TypeDS) && k.Owner.Below(plans[i].Target.Zone) {
			wait = append(wait, r.ofZone[k.Owner]...)
		}
	}
	slices.Sort(wait)
	return slices.Compact(wait)
}

// one takes one plan from start to end and leaves its state in res.
func (r *run) one(ctx context.Context, res *Result, wait []int) {
	start := time.Now()
	defer func() { res.Took = time.Since(start) }()
	p := res.Plan
	switch {
	case p.Empty():
		res.State = Unchanged
		return
	case len(p.Held) > 0:
		res.fail(Refused, fmt.Errorf("%d guards object; first: %s", len(p.Held), p.Held[0].Text))
		return
	case p.DryRun != "":
		res.fail(Refused, fmt.Errorf("shown only: %s", p.DryRun))
		return
	}
	r.tell(p.Target, Waiting, 0, p.Changes.Len(), "")
	for _, j := range wait {
		select {
		case <-r.ended[j]:
		case <-ctx.Done():
			res.fail(NotStarted, ctx.Err())
			return
		}
		if s := r.results[j].State; s != DoneState && s != Unchanged {
			res.fail(NotStarted, fmt.Errorf("child zone %s is %s at %s; its delegation is written only once it answers", r.results[j].Target.Zone.Unicode(), s, r.results[j].Target.Provider))
			return
		}
	}
	acct, err := r.Open(p.Target)
	if err != nil {
		res.fail(Failed, err)
		return
	}
	free, err := r.slot(ctx, acct, p)
	if err != nil {
		res.fail(NotStarted, err)
		return
	}
	done := r.write(ctx, acct, res)
	free()
	if res.State == DoneState {
		r.verify(ctx, res, done)
	}
}

// survive turns a panic of an adapter into a failure of its target.
func (r *run) survive(res *Result) {
	if v := recover(); v != nil {
		res.fail(UnknownEnd, fmt.Errorf("zonecast has a fault in the adapter %s: %v; what was sent is not known, run again to read it back", res.Target.Driver, v))
		r.tell(res.Target, res.State, 0, res.Plan.Changes.Len(), res.Error)
	}
}

// write locks the target and carries out the plan; it returns the changes that are certainly done.
func (r *run) write(ctx context.Context, acct provider.Provider, res *Result) []zone.Change {
	p := res.Plan
	waited := false
	if r.Lock != nil {
		limit := r.LockFor
		if limit <= 0 {
			limit = time.Minute
		}
		lctx, cancel := context.WithTimeout(ctx, limit)
		lease, err := r.Lock.Lock(lctx, p.Target, r.Run)
		cancel()
		if err != nil {
			res.fail(Refused, err)
			return nil
		}
		defer lease.Unlock()
		waited = lease.Waited
	}
	if ctx.Err() != nil {
		res.fail(NotStarted, ctx.Err())
		return nil
	}
	w := &writer{run: r, acct: acct, res: res, plan: p, base: p.Base, changes: p.Changes}
	// Writes in flight outlive an interrupt by Grace; new attempts do not begin after it.
	wctx, cancel := graceful(ctx, r.Grace)
	defer cancel()
	if waited || p.Base.Sets == nil {
		if !w.refresh(wctx) {
			return nil
		}
	}
	w.carryOut(ctx, wctx)
	res.base = w.base
	return w.done
}

// verify asks the target's name servers for what was written.
func (r *run) verify(ctx context.Context, res *Result, done []zone.Change) {
	if r.Verify == nil || len(done) == 0 {
		return
	}
	r.tell(res.Target, Verifying, 0, len(done), "")
	limit := r.VerifyFor
	if limit <= 0 {
		limit = time.Minute
	}
	vctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p := *res.Plan
	if res.base != nil {
		p.Base = res.base
	}
	v := r.Verify.Verify(vctx, &p, done, func(seen, total int) { r.tell(res.Target, Verifying, seen, total, "") })
	res.Verification = &v
	if v.Skipped == "" && v.Visible < v.Checked {
		res.State = Unseen
		res.Error = fmt.Sprintf("%d of %d RRsets are not answered as written; first: %s", v.Checked-v.Visible, v.Checked, first(v.Missing))
	}
	if res.Entry != 0 {
		if err := r.Journal.Verified(context.WithoutCancel(ctx), res.Entry, v); err != nil {
			r.journalFailed(err)
		}
	}
}

func first(s []string) string {
	if len(s) == 0 {
		return "unknown"
	}
	return s[0]
}

// graceful returns a context that outlives ctx by grace.
func graceful(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	if grace <= 0 {
		grace = 30 * time.Second
	}
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-out.Done():
		}
	})
	return out, func() { stop(); cancel() }
}

func (res *Result) fail(s State, err error) {
	res.State, res.Err = s, err
	if err != nil {
		res.Error = err.Error()
	}
}

// done counts the changes that are certainly carried out.
func (res *Result) done() int {
	if res.Receipt == nil {
		return 0
	}
	return res.Receipt.Count(provider.Done)
}

func anyFailed(results []Result) bool {
	for _, r := range results {
		switch r.State {
		case Failed, UnknownEnd, Refused, NotStarted:
			return true
		}
	}
	return false
}
