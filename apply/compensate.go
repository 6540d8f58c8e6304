package apply

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// compensate puts targets that were written in this run back to their former state, because
// another target failed. Each is read first: only RRsets that are still as this run wrote them
// are put back.
func (r *run) compensate(ctx context.Context) {
	var wg sync.WaitGroup
	for i := range r.results {
		res := &r.results[i]
		if res.done() == 0 {
			continue
		}
		wg.Go(func() {
			back, err := r.reverse(ctx, res)
			if err != nil {
				res.Error = fmt.Sprintf("written, but not put back: %v", err)
				return
			}
			undo := Result{Plan: back, Target: res.Target, PlanID: back.ID}
			x := *r.Executor
			x.Reason, x.Verify = "put back: another target failed", nil
			u := &run{Executor: &x, observe: r.observe, slots: map[string]chan struct{}{}}
			u.one(ctx, &undo, nil)
			if undo.State != DoneState && undo.State != Unchanged {
				res.Error = "written, but not put back: " + undo.Error
				return
			}
			res.State = Compensated
			r.tell(res.Target, Compensated, undo.done(), back.Changes.Len(), "")
		})
	}
	wg.Wait()
}

// reverse plans the way back from what res did.
func (r *run) reverse(ctx context.Context, res *Result) (*plan.Plan, error) {
	if res.Plan.Base.Missing {
		return nil, errors.New("the zone was created by this run; delete it by the provider's own means if it should go")
	}
	acct, err := r.Open(res.Target)
	if err != nil {
		return nil, err
	}
	snap, err := acct.Read(ctx, res.Plan.Base.Info.ZoneRef)
	if err != nil {
		return nil, err
	}
	back := &plan.Plan{
		Target: res.Target, Generation: res.Plan.Generation, ID: res.PlanID + "-back", Base: snap,
		Observed: plan.ObservedHash(snap, acct.Capabilities(snap.Info).SOA), Desired: res.Plan.Observed, Want: res.Plan.Base.Sets, Sources: res.Plan.Sources,
	}
	var undo provider.ChangeSet
	for i, c := range res.Plan.Changes.Sets {
		if i >= len(res.Receipt.Sets) || res.Receipt.Sets[i] != provider.Done {
			continue
		}
		if !holds(snap.Sets, c.Key(), c.After) {
			return nil, fmt.Errorf("%s is no longer as it was written", c.Key())
		}
		undo.Sets = append(undo.Sets, c.Reverse())
	}
	for i, c := range res.Plan.Changes.Settings {
		if i < len(res.Receipt.Settings) && res.Receipt.Settings[i] == provider.Done {
			undo.Settings = append(undo.Settings, provider.SettingChange{Key: c.Key, Before: c.After, After: c.Before})
		}
	}
	back.Changes = undo
	return back, nil
}

// holds reports whether the zone has exactly want at key; nil means that nothing is there.
func holds(z *zone.Zone, key zone.Key, want *zone.RRset) bool {
	have, ok := z.Set(key.Owner, key.Type)
	if want == nil {
		return !ok
	}
	return ok && have.Equal(*want)
}
