package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/apply/verify"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/zone"
)

// ApplyOptions say how plans are carried out.
type ApplyOptions struct {
	Actor      string // user@host
	Reason     string
	NoVerify   bool
	VerifyFor  time.Duration // 0: as configured
	Compensate bool          // put targets back when another fails
	LockFor    time.Duration // how long to wait for a target that another run writes to; 0: 60 s
}

// errNoStore says that nothing can be written without a journal.
var errNoStore = errors.New("nothing is written without a journal; the state folder could not be opened")

// Apply carries out plans and asks the targets' name servers for the result.
func (p *Planner) Apply(ctx context.Context, plans []*plan.Plan, o ApplyOptions, observe func(apply.Event)) (*apply.Report, error) {
	if p.Store == nil {
		return nil, errNoStore
	}
	x := apply.Executor{
		Journal: p.Store, Lock: p.Store, Run: p.Run, Actor: o.Actor, Reason: o.Reason,
		Open: func(t plan.Target) (provider.Provider, error) {
			a, err := p.account(t.Provider)
			if err != nil {
				return nil, err
			}
			return a.Provider, nil
		},
		InFlight: p.InFlight, Compensate: o.Compensate, LockFor: o.LockFor, VerifyFor: o.VerifyFor,
	}
	if !o.NoVerify {
		x.Verify = p.verifier(o)
	}
	return x.Do(ctx, plans, observe)
}

// verifier asks name servers as the configuration says for each provider.
func (p *Planner) verifier(o ApplyOptions) apply.Verifier { return configured{p, o, &verify.Bounds{}} }

type configured struct {
	*Planner
	o      ApplyOptions
	bounds *verify.Bounds // for all targets of the run
}

// Verify implements apply.Verifier.
func (c configured) Verify(ctx context.Context, pl *plan.Plan, done []zone.Change, observe func(seen, total int)) apply.Verification {
	v := c.Config.VerifyAt(pl.Target.Provider)
	if v.Off != nil && *v.Off {
		return apply.Verification{Skipped: "switched off in the configuration"}
	}
	limit := v.Timeout
	if c.o.VerifyFor > 0 {
		limit = c.o.VerifyFor
	}
	opt := verify.Options{Timeout: limit, Shared: c.bounds}
	if len(v.Addresses) > 0 {
		opt.Addresses = map[string][]string{pl.Target.Provider: v.Addresses}
	}
	if e, ok := c.Config.Entry(pl.Target.Provider); ok && len(e.NameServers) > 0 {
		opt.NameServers = map[string][]zone.Name{pl.Target.Provider: e.NameServers}
	}
	return verify.New(opt).Verify(ctx, pl, done, observe)
}

// Refresh makes saved plans ready to be applied: it reads each target again and compares it with
// the state that the plan was computed from. Plans whose target has moved are returned as
// findings, and are not among those that come back.
func (p *Planner) Refresh(ctx context.Context, plans []*plan.Plan) ([]*plan.Plan, []finding.Finding) {
	targets := make([]target, len(plans))
	for i, pl := range plans {
		targets[i] = target{Target: plan.Target{Provider: pl.Target.Provider, Zone: pl.Target.Zone, View: pl.Target.View}}
	}
	observed := p.observe(ctx, targets)
	var ready []*plan.Plan
	var finds []finding.Finding
	for i, pl := range plans {
		o := observed[targets[i].Target]
		if o.err != nil {
			finds = append(finds, failure(pl.Target.String(), o.err)...)
			continue
		}
		soa := o.acct.Capabilities(o.snap.Info).SOA
		if got := plan.ObservedHash(o.snap, soa); got != pl.Observed {
			finds = append(finds, finding.Finding{
				ID: "plan-stale", Severity: finding.Error, Subject: "target " + pl.Target.String(), Zone: pl.Target.Zone.Unicode(),
				Text: fmt.Sprintf("%s has moved since the plan was made: %s", pl.Target, differences(pl, o.snap)),
				Fix:  "nothing was written; plan again",
			})
			continue
		}
		fresh := *pl
		fresh.Base = o.snap
		if want, err := o.snap.Sets.With(pl.Changes.Sets); err == nil {
			fresh.Want = want
		}
		ready = append(ready, &fresh)
	}
	return ready, finds
}

// differences names what of a plan's starting point is no longer there.
func differences(pl *plan.Plan, snap *provider.Snapshot) string {
	if snap.Missing != pl.Base.Missing {
		if snap.Missing {
			return "the zone does not exist there any more"
		}
		return "the zone exists there by now"
	}
	var gone []string
	for _, c := range pl.Changes.Sets {
		k := c.Key()
		have, ok := snap.Sets.Set(k.Owner, k.Type)
		if ok != (c.Before != nil) || ok && !have.Equal(*c.Before) {
			gone = append(gone, k.String())
		}
	}
	switch n := len(gone); {
	case n == 0:
		return "records that the plan does not touch are different"
	case n > 3:
		return fmt.Sprintf("%s and %d more are different", gone[0], n-1)
	default:
		return fmt.Sprintf("%v is different", gone)
	}
}

// A Leftover is a write that an earlier run began and never finished, and what became of it.
type Leftover struct {
	Entry   apply.Entry
	Outcome string // "applied", "not applied", "partly applied"; "" when that could not be found out
	Err     error  // why not
}

// Recover looks at writes that earlier runs left open, reads the truth from each target and
// closes them. Targets that another run is writing to right now are left alone.
func (p *Planner) Recover(ctx context.Context) ([]Leftover, error) {
	if p.Store == nil {
		return nil, nil
	}
	var out []Leftover
	for e, err := range p.Store.Open(ctx) {
		if err != nil {
			return out, err
		}
		if l, mine := p.recoverOne(ctx, e); mine {
			out = append(out, l)
		}
	}
	return out, nil
}

func (p *Planner) recoverOne(ctx context.Context, e apply.Entry) (Leftover, bool) {
	quick, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	lease, err := p.Store.Lock(quick, e.Target, p.Run)
	cancel()
	if err != nil {
		return Leftover{}, false // somebody is at it
	}
	defer lease.Unlock()
	_, snap, err := p.read(ctx, plan.Target{Provider: e.Target.Provider, Zone: e.Target.Zone, View: e.Target.View})
	if err != nil {
		return Leftover{Entry: e, Err: err}, true
	}
	done := 0
	for _, c := range e.Changes.Sets {
		have, ok := snap.Sets.Set(c.Key().Owner, c.Key().Type)
		if ok == (c.After != nil) && (!ok || have.Equal(*c.After)) {
			done++
		}
	}
	l := Leftover{Entry: e}
	switch {
	case done == len(e.Changes.Sets):
		l.Outcome = "applied"
	case done == 0:
		l.Outcome = "not applied"
	default:
		l.Outcome = "partly applied"
	}
	l.Err = p.Store.Resolve(ctx, e.ID, l.Outcome)
	return l, true
}

// Rollback finds, for a zone, the version to go back to: the one with the id, or the last
// applied state before the newest one. The returned version has its zones.
func (p *Planner) Rollback(ctx context.Context, origin zone.Name, id int64) (*store.Version, error) {
	if p.Store == nil {
		return nil, errors.New("the state folder could not be opened; there is no history to go back to")
	}
	if id != 0 {
		v, err := p.Store.Version(ctx, id)
		if err != nil {
			return nil, err
		}
		if v.Target.Zone != origin {
			return nil, fmt.Errorf("version %d is of zone %s, not of %s", id, v.Target.Zone.Unicode(), origin.Unicode())
		}
		return v, nil
	}
	var newest *store.Version
	for v, err := range p.Store.History(ctx, store.Filter{Zone: &origin, Limit: 10_000}) {
		if err != nil {
			return nil, err
		}
		if !v.Applied() {
			continue
		}
		if newest == nil {
			newest = &v
			continue
		}
		if v.Generation != newest.Generation {
			return p.Store.Version(ctx, v.ID)
		}
	}
	if newest == nil {
		return nil, fmt.Errorf("zone %s has no applied version; `zonecast history` lists what there is", origin.Unicode())
	}
	return nil, fmt.Errorf("zone %s has only one applied state; name a version with --to (`zonecast history %s`)", origin.Unicode(), origin.Unicode())
}

// Versions lists history; see store.Filter.
func (p *Planner) Versions(ctx context.Context, f store.Filter) ([]store.Version, error) {
	if p.Store == nil {
		return nil, nil
	}
	var out []store.Version
	for v, err := range p.Store.History(ctx, f) {
		if err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return slices.Clip(out), nil
}
