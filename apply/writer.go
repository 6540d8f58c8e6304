package apply

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// A writer carries out one plan: create the zone where it is missing, keep the journal, write,
// and, where the outcome is not certain, read what the provider holds before going on.
//
//  1. The journal entry is kept before the first byte is sent.
//  2. Write says Done, NotDone or Unknown for each change.
//  3. An error that will not pass (denied, rejected, moved) ends it.
//  4. Otherwise it waits, reads the zone, and counts as done what is there now. What is left is
//     written again only if everything else in the zone is still as it was planned against.
type writer struct {
	*run
	acct    provider.Provider
	res     *Result
	plan    *plan.Plan
	base    *provider.Snapshot
	changes provider.ChangeSet // what is left to do
	done    []zone.Change      // what is certainly done
	unknown bool               // whether any of changes may have been carried out all the same
	total   provider.Receipt   // sums of all attempts
}

// refresh reads the zone again and compares it with what the plan was computed from.
func (w *writer) refresh(ctx context.Context) bool {
	snap, err := w.acct.Read(ctx, w.base.Info.ZoneRef)
	if w.base.Missing && errors.Is(err, provider.ErrNoZone) {
		return true
	}
	if err != nil {
		w.res.fail(Failed, err)
		return false
	}
	if w.base.Missing || plan.ObservedHash(snap, w.acct.Capabilities(snap.Info).SOA) != w.plan.Observed {
		w.res.fail(Refused, moved(w.plan.Target, "it is not what the plan was computed from"))
		return false
	}
	w.base = snap
	return true
}

// moved is the refusal of invariant 1: nothing is written that was not planned against a known state.
func moved(t plan.Target, how string) error {
	return &provider.Error{
		Kind: provider.Conflict, Op: "write", Zone: t.Zone.Unicode(), Err: errors.New(how),
		Advice: "nothing more was written; plan again to see what is different",
	}
}

// carryOut writes until all is done or it makes no sense to go on. ctx says when to stop
// trying, wctx when to give up on a write in flight.
func (w *writer) carryOut(ctx, wctx context.Context) {
	entry := Entry{
		Run: w.Run, Target: w.plan.Target, PlanID: w.plan.ID, Generation: w.plan.Generation,
		Observed: w.plan.Observed, Desired: w.plan.Desired, Changes: w.plan.Changes, Want: w.plan.Want, Wish: w.plan.Wish,
		Before: w.base.Sets, Actor: w.Actor, Reason: w.reason(), Sources: w.plan.Sources, Revision: w.plan.Revision, Began: time.Now(),
	}
	id, err := w.Journal.Begin(wctx, entry)
	if err != nil {
		w.res.fail(Refused, err)
		if !errors.Is(err, ErrStale) {
			w.journalFailed(fmt.Errorf("%s: nothing was written: %w", w.plan.Target, err))
		}
		return
	}
	w.res.Entry = id
	w.tell(w.plan.Target, Writing, 0, w.plan.Changes.Len(), "")
	werr := w.attempts(ctx, wctx)
	receipt := w.receipt()
	w.res.Receipt = receipt
	switch {
	case werr == nil:
		w.res.State = DoneState
	case receipt.Count(provider.Unknown) > 0:
		w.res.fail(UnknownEnd, werr)
	case provider.KindOf(werr) == provider.Conflict:
		w.res.fail(Refused, werr)
	default:
		w.res.fail(Failed, werr)
	}
	if err := w.Journal.Finish(context.WithoutCancel(wctx), id, receipt, werr); err != nil {
		w.journalFailed(fmt.Errorf("%s: the write was sent, its end could not be kept: %w", w.plan.Target, err))
	}
}

func (w *writer) reason() string {
	s := w.Reason
	for _, a := range w.plan.Allowed {
		if s != "" {
			s += "; "
		}
		s += a.ID + " allowed: " + a.Silenced
	}
	return s
}

func (w *writer) attempts(ctx, wctx context.Context) error {
	if w.base.Missing {
		if err := w.create(wctx); err != nil {
			return err
		}
	}
	most := w.Attempts
	if most <= 0 {
		most = 5
	}
	for attempt := 1; !w.changes.Empty(); attempt++ {
		w.res.Attempts = attempt
		receipt, err := w.acct.Write(wctx, w.base, w.changes)
		w.settle(receipt, err)
		if err == nil && w.changes.Empty() {
			return nil
		}
		if err == nil {
			err = &provider.Error{Kind: provider.Lost, Op: "write", Zone: w.plan.Target.Zone.Unicode(), Err: fmt.Errorf("%d changes were left out without an error", w.changes.Len())}
		}
		asked := askedToWait(err)
		if asked > longestWait && !advised(err) {
			err = fmt.Errorf("%w; the provider asks to wait %v: run the same command again after that", err, asked.Round(time.Second))
		}
		last := !retryable(provider.KindOf(err)) || attempt == most || ctx.Err() != nil || asked > longestWait
		if last || !w.pause(ctx, attempt+1, err) {
			return w.end(ctx, wctx, receipt != nil, err)
		}
		if rerr := w.readBack(wctx); rerr != nil {
			return rerr
		}
	}
	return nil
}

// end settles what became of the last write, if anything of it may have been sent, and words
// the error that ends the attempts.
func (w *writer) end(ctx, wctx context.Context, sent bool, err error) error {
	if sent {
		if rerr := w.readBack(wctx); rerr != nil {
			err = errors.Join(err, rerr)
		}
	}
	if w.changes.Empty() {
		return nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("stopped by request: %w", err)
	}
	return fmt.Errorf("%d of %d changes done: %w", len(w.done), len(w.plan.Changes.Sets), err)
}

func retryable(k provider.ErrKind) bool {
	return k == provider.Transient || k == provider.Throttled || k == provider.Lost
}

// longestWait is the longest pause that a provider may ask for; after a longer one the person at the
// terminal decides when to go on.
const longestWait = time.Minute

func askedToWait(err error) time.Duration {
	if e, ok := errors.AsType[*provider.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// advised reports whether the adapter has said when to go on.
func advised(err error) bool {
	e, ok := errors.AsType[*provider.Error](err)
	return ok && e.Advice != ""
}

// pause waits before the next attempt; false when ctx ended.
func (w *writer) pause(ctx context.Context, attempt int, err error) bool {
	var d time.Duration
	if w.Wait != nil {
		d = w.Wait(attempt)
	} else {
		d = min(500*time.Millisecond<<min(attempt-2, 10), 30*time.Second)
		d = d/2 + rand.N(d/2+1)
	}
	d = max(d, askedToWait(err))
	w.tell(w.plan.Target, Writing, len(w.done), w.plan.Changes.Len(), fmt.Sprintf("attempt %d in %s: %v", attempt, d.Round(time.Millisecond), err))
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// create makes the zone. Some services fill a new zone with records of their own: a change that
// was planned as a creation becomes an update of what is there.
func (w *writer) create(ctx context.Context) error {
	c, ok := w.acct.(provider.ZoneCreator)
	if !ok {
		return &provider.Error{
			Kind: provider.Rejected, Op: "create zone", Zone: w.plan.Target.Zone.Unicode(),
			Err: provider.ErrNoZone, Advice: "zonecast cannot create zones here; create it by the provider's own means, then run again",
		}
	}
	snap, err := c.CreateZone(ctx, w.plan.Target.Zone)
	if err != nil {
		return err
	}
	w.base = snap
	w.tell(w.plan.Target, Writing, 0, w.plan.Changes.Len(), "zone created")
	w.joinNS(snap.Info)
	if err := w.amend(ctx, snap); err != nil {
		err = fmt.Errorf("%s: the zone was created and nothing was written to it: %w", w.plan.Target, err)
		w.journalFailed(err)
		return err
	}
	left := w.changes.Sets[:0:0]
	for _, ch := range w.changes.Sets {
		if have, ok := snap.Sets.Set(ch.Key().Owner, ch.Key().Type); ok {
			if ch.After != nil && have.Equal(*ch.After) {
				w.done = append(w.done, ch)
				continue
			}
			ch.Before = &have
		}
		left = append(left, ch)
	}
	w.changes.Sets = left
	return nil
}

// joinNS adds the name servers that the service gave to the new zone to the planned apex NS: where
// these are managed, and where the service answers its own whatever is written. The plan that the
// result tells of is then a copy with this change.
func (w *writer) joinNS(info provider.ZoneInfo) {
	apex := zone.Key{Owner: w.plan.Target.Zone, Type: zone.TypeNS}
	i := slices.IndexFunc(w.changes.Sets, func(c zone.Change) bool { return c.Key() == apex && c.After != nil })
	if i < 0 {
		return
	}
	was := *w.changes.Sets[i].After
	joined := was
	joined.Data = slices.Clone(was.Data)
	if w.plan.JoinNS {
		for _, n := range info.NameServers {
			joined.Data = append(joined.Data, zone.Data(n.AppendWire(nil)))
		}
	}
	if f, ok := w.acct.(provider.Fitter); ok {
		joined = f.Fit(info, joined, nil)
	}
	joined = joined.Clean()
	if joined.Equal(was) {
		return
	}
	replaced := func(sets []zone.Change) []zone.Change {
		sets = slices.Clone(sets)
		for i := range sets {
			if sets[i].Key() == apex {
				sets[i].After = &joined
			}
		}
		return sets
	}
	p := *w.plan
	p.Changes.Sets = replaced(p.Changes.Sets)
	if p.Want != nil {
		if want, err := p.Want.With([]zone.Change{{Before: &was, After: &joined}}); err == nil {
			p.Want = want
		}
	}
	w.plan, w.res.Plan = &p, &p
	w.changes.Sets = replaced(w.changes.Sets)
}

// amend keeps in the journal what a new zone's apex NS are to be, its own name servers among them: the
// next run tells the other targets of them, whether or not it asks this one.
func (w *writer) amend(ctx context.Context, created *provider.Snapshot) error {
	want := w.plan.Want
	if want == nil {
		return w.Journal.Amend(ctx, w.res.Entry, w.plan.Changes, nil)
	}
	own, given := created.Sets.Set(w.plan.Target.Zone, zone.TypeNS)
	if _, planned := want.Set(own.Owner, own.Type); given && !planned && w.plan.JoinNS {
		with, err := want.With([]zone.Change{{After: &own}})
		if err != nil {
			return err
		}
		want = with
	}
	return w.Journal.Amend(ctx, w.res.Entry, w.plan.Changes, want)
}

// settle takes what the receipt calls Done out of what is left.
func (w *writer) settle(r *provider.Receipt, err error) {
	if r == nil && err == nil {
		r = provider.NewReceipt(w.changes, provider.Done)
	}
	if r == nil {
		return
	}
	w.total.Took += r.Took
	w.total.Calls += r.Calls
	w.total.Notes = append(w.total.Notes, r.Notes...)
	if r.Revision != "" {
		w.total.Revision = r.Revision
	}
	if r.Serial != 0 {
		w.total.Serial = r.Serial
	}
	var left provider.ChangeSet
	for i, c := range w.changes.Sets {
		if i < len(r.Sets) && r.Sets[i] == provider.Done {
			w.done = append(w.done, c)
		} else {
			left.Sets = append(left.Sets, c)
			w.unknown = w.unknown || i >= len(r.Sets) || r.Sets[i] == provider.Unknown
		}
	}
	for i, c := range w.changes.Settings {
		if i < len(r.Settings) && r.Settings[i] == provider.Unknown {
			w.unknown = true
		}
		if i >= len(r.Settings) || r.Settings[i] != provider.Done {
			left.Settings = append(left.Settings, c)
		}
	}
	w.changes = left
	w.tell(w.plan.Target, Writing, len(w.done), w.plan.Changes.Len(), "")
}

// readBack asks the provider what it holds: changes that are there count as done. It is an error
// when something else has moved, so that what is left was planned against a state that is gone.
func (w *writer) readBack(ctx context.Context) error {
	snap, err := w.acct.Read(ctx, w.base.Info.ZoneRef)
	if err != nil {
		return fmt.Errorf("the outcome of the last write is not known, and reading the zone back did not work: %w", err)
	}
	w.unknown = false
	touched := map[zone.Key]bool{}
	var left []zone.Change
	var odd *zone.Change
	for _, c := range w.changes.Sets {
		touched[c.Key()] = true
		have, ok := snap.Sets.Set(c.Key().Owner, c.Key().Type)
		switch {
		case ok == (c.After != nil) && (!ok || have.Equal(*c.After)):
			w.done = append(w.done, c)
		case ok == (c.Before != nil) && (!ok || have.Equal(*c.Before)):
			left = append(left, c)
		default:
			left = append(left, c)
			odd = &c
		}
	}
	for _, c := range w.plan.Changes.Sets {
		touched[c.Key()] = true
	}
	settings := w.changes.Settings[:0:0]
	for _, c := range w.changes.Settings {
		if snap.Settings[c.Key] != c.After {
			settings = append(settings, c)
		}
	}
	w.changes.Sets, w.changes.Settings = left, settings
	w.total.Revision = snap.Revision
	before := w.base.Sets
	w.base = snap
	if odd != nil {
		return moved(w.plan.Target, odd.Key().String()+" is neither as before nor as planned")
	}
	for c := range zone.Diff(before, snap.Sets) {
		if k := c.Key(); !touched[k] && k.Type != zone.TypeSOA {
			return moved(w.plan.Target, k.String()+" was changed by somebody else")
		}
	}
	return nil
}

// receipt tells for each change of the plan what became of it.
func (w *writer) receipt() *provider.Receipt {
	r := w.total
	done, left := map[zone.Key]bool{}, map[string]bool{}
	for _, c := range w.done {
		done[c.Key()] = true
	}
	for _, c := range w.changes.Settings {
		left[c.Key] = true
	}
	open := provider.NotDone
	if w.unknown {
		open = provider.Unknown
	}
	for _, c := range w.plan.Changes.Sets {
		o := open
		if done[c.Key()] {
			o = provider.Done
		}
		r.Sets = append(r.Sets, o)
	}
	for _, c := range w.plan.Changes.Settings {
		o := provider.Done
		if left[c.Key] {
			o = open
		}
		r.Settings = append(r.Settings, o)
	}
	return &r
}
