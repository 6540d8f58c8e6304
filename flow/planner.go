package flow

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/zone"
)

// A Planner runs the flow for one configuration. Config is required; its methods may be called
// from several goroutines.
type Planner struct {
	Config *config.Config
	Store  store.Store // nil: no generations, no ownership, nothing is known of earlier runs
	Run    string      // identity of the run
	// Lookup asks the DNS, for ALIAS that has to be flattened, for SPF and for delegations; the zero
	// Lookup asks the system's resolver.
	Lookup Lookup

	mu       sync.Mutex
	accounts map[string]*account
}

// A Request says what part of the configuration a run is about. The zero Request is all of it.
type Request struct {
	Zones   []zone.Name // configured zones; nil: all
	Sources []string    // only zones that use one of these
	Targets []string    // only these targets
	Allow   []plan.Allowance
	Lenient bool // violations of rules are warnings everywhere
	// Instead replaces what the sources say: a rollback's older version, by zone.
	Instead map[zone.Name]*source.Loaded
	// Parallel bounds the zones that are loaded at once; 0: 4 for each processor.
	Parallel int
}

// A Run is what came out of planning.
type Run struct {
	Zones []*Desired
	// Plans are those of all targets that could be planned, empty ones included; child zones come
	// before their parents.
	Plans    []*plan.Plan
	Findings []finding.Finding
	// Failed are targets that could not be planned, with the reason among Findings too.
	Failed []plan.Target
}

// Changes counts the changes of all plans.
func (r *Run) Changes() int {
	n := 0
	for _, p := range r.Plans {
		n += p.Changes.Len()
		if p.Base.Missing {
			n++
		}
	}
	return n
}

// Held reports whether any plan is held by a guard.
func (r *Run) Held() bool {
	return slices.ContainsFunc(r.Plans, func(p *plan.Plan) bool { return len(p.Held) > 0 })
}

// An account is an opened provider with the bound on its calls.
type account struct {
	provider.Provider
	entry config.Entry
	slots chan struct{}
}

// fit is what the provider makes of RRsets of a zone; nil: nothing.
func (a *account) fit(info provider.ZoneInfo) func(want zone.RRset, have *zone.RRset) zone.RRset {
	f, ok := a.Provider.(provider.Fitter)
	if !ok {
		return nil
	}
	return func(want zone.RRset, have *zone.RRset) zone.RRset { return f.Fit(info, want, have) }
}

// do calls f in one of the account's slots.
func (a *account) do(ctx context.Context, f func() error) error {
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
		return f()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// account opens the provider with the id, once.
func (p *Planner) account(id string) (*account, error) {
	prov, err := p.Config.OpenProvider(id)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.accounts[id]; ok && a.Provider == prov {
		return a, nil
	}
	if p.accounts == nil {
		p.accounts = map[string]*account{}
	}
	e, _ := p.Config.Entry(id)
	n := cmp.Or(e.InFlight, prov.Capabilities(provider.ZoneInfo{}).InFlight, 4)
	if _, ok := prov.(interface{ Budget() *budget.Account }); ok && e.InFlight == 0 {
		n = max(n, 64) // the account itself keeps its calls within limits
	}
	a := &account{Provider: prov, entry: e, slots: make(chan struct{}, n)}
	p.accounts[id] = a
	return a, nil
}

// InFlight is how many calls at once the configuration or the adapter allows for an account.
func (p *Planner) InFlight(id string) int {
	a, err := p.account(id)
	if err != nil {
		return 0
	}
	return cap(a.slots)
}

// Plan loads, reads, shapes and plans. What goes wrong is among the findings; a zone that could
// not be loaded whole has no plans.
func (p *Planner) Plan(ctx context.Context, req Request) *Run {
	run := &Run{}
	zones, finds := p.Select(ctx, req)
	run.Findings = append(run.Findings, finds...)
	// Zones that name targets must find them; the others are given theirs, or route says why not.
	run.Findings = append(run.Findings, p.Config.RequireTargets(slices.DeleteFunc(aimed(zones, req), p.unrouted)...)...)
	zones, held, finds := p.route(ctx, zones)
	run.Findings = append(run.Findings, finds...)
	targets := targetsOf(zones, req)

	// Reading targets does not wait for sources, nor the other way round.
	var observed map[plan.Target]*observation
	done := make(chan struct{})
	go func() {
		defer close(done)
		observed = p.observe(ctx, targets)
	}()
	run.Zones = p.load(ctx, zones, req)
	<-done

	for _, d := range run.Zones {
		d.fail(misplaced(d, held, func(n zone.Name) bool { _, ok := p.Config.Zone(n); return ok })...)
		run.Findings = append(run.Findings, d.Findings...)
	}
	t := &tour{Planner: p, req: req, run: run, observed: observed, now: time.Now()}
	t.planAll(ctx, targets)
	t.number(ctx)
	return run
}

// target is one zone at one account, with the entry that configures the zone.
type target struct {
	plan.Target
	zone config.Zone
}

// aimed returns zones without the targets that the request is not about: those are not needed.
func aimed(zones []config.Zone, req Request) []config.Zone {
	out := slices.Clone(zones)
	if len(req.Targets) == 0 {
		return out
	}
	for i := range out {
		out[i].Targets = slices.DeleteFunc(slices.Clone(out[i].Targets), func(r config.Ref) bool { return !slices.Contains(req.Targets, r.ID) })
	}
	return out
}

func targetsOf(zones []config.Zone, req Request) []target {
	var out []target
	for _, z := range zones {
		for _, r := range z.Targets {
			if len(req.Targets) == 0 || slices.Contains(req.Targets, r.ID) {
				out = append(out, target{plan.Target{Provider: r.ID, Zone: z.Name}, z})
			}
		}
	}
	return out
}

// An observation is what reading a target gave.
type observation struct {
	snap *provider.Snapshot
	acct *account
	err  error
}

// observe reads all targets at once, bounded per account.
func (p *Planner) observe(ctx context.Context, targets []target) map[plan.Target]*observation {
	out := make(map[plan.Target]*observation, len(targets))
	for _, t := range targets {
		out[t.Target] = &observation{}
	}
	var wg sync.WaitGroup
	gate := make(chan struct{}, 1024) // goroutines, not calls: those are bounded per account
	for _, t := range targets {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			o := out[t.Target]
			o.acct, o.snap, o.err = p.read(ctx, t.Target)
		})
	}
	wg.Wait()
	return out
}

// read returns the target's snapshot; a zone that does not exist there is an empty one.
func (p *Planner) read(ctx context.Context, t plan.Target) (a *account, snap *provider.Snapshot, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("zonecast has a fault in the adapter of %s: %v; nothing was written", t.Provider, v)
		}
	}()
	if a, err = p.account(t.Provider); err != nil {
		return nil, nil, err
	}
	ref := provider.ZoneRef{Origin: t.Zone, View: t.View}
	err = a.do(ctx, func() error {
		snap, err = a.Read(ctx, ref)
		return err
	})
	if isNoZone(err) {
		return a, &provider.Snapshot{Info: provider.ZoneInfo{ZoneRef: ref}, Sets: zone.Empty(t.Zone), Missing: true}, nil
	}
	return a, snap, err
}

// parallel is how many zones are handled at once.
func (req Request) parallel() int { return cmp.Or(req.Parallel, 4*runtime.GOMAXPROCS(0)) }
