package flow

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/shape"
	"github.com/zonecast/zonecast/shape/processor"
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A tour visits all targets of a run once zones are loaded and targets are read.
type tour struct {
	*Planner
	req      Request
	run      *Run
	observed map[plan.Target]*observation
	now      time.Time

	desired map[zone.Name]*Desired
	// servers are the name servers of each zone by account, where the accounts name them.
	servers map[zone.Name]map[string][]zone.Name
	// unsure are the accounts of a zone whose name servers nobody knows: they were not asked, or did
	// not answer.
	unsure map[zone.Name][]string
	// serving are the accounts that hold more of a zone than its apex.
	serving map[zone.Name]map[string]bool
	// unread are the accounts that were not read in this run, and whether the history knows that the
	// zone was written there.
	unread map[zone.Name]map[string]bool
	// unasked are the accounts of a zone that the request leaves out and whose name servers are known
	// from the history at best.
	unasked map[zone.Name][]unaskedAccount
}

// planAll plans every target; plans come child zones first, then in the order of the
// configuration.
func (t *tour) planAll(ctx context.Context, targets []target) {
	t.desired = map[zone.Name]*Desired{}
	for _, d := range t.run.Zones {
		t.desired[d.Config.Name] = d
	}
	t.collectServers(ctx, targets)
	t.tellUnsure(targets)
	t.tellUnasked(targets)
	plans, finds := make([]*plan.Plan, len(targets)), make([][]finding.Finding, len(targets))
	var wg sync.WaitGroup
	gate := make(chan struct{}, 2*runtime.GOMAXPROCS(0))
	for i, tg := range targets {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			plans[i], finds[i] = t.plan(ctx, tg)
		})
	}
	wg.Wait()
	for i, p := range plans {
		t.run.Findings = append(t.run.Findings, finds[i]...)
		if p == nil {
			t.run.Failed = append(t.run.Failed, targets[i].Target)
			continue
		}
		t.run.Plans = append(t.run.Plans, p)
	}
	slices.SortStableFunc(t.run.Plans, func(a, b *plan.Plan) int {
		return b.Target.Zone.Labels() - a.Target.Zone.Labels()
	})
}

// plan makes the plan of one target, or says why there is none.
func (t *tour) plan(ctx context.Context, tg target) (p *plan.Plan, finds []finding.Finding) {
	defer func() {
		if v := recover(); v != nil {
			p, finds = nil, failure(tg.String(), fmt.Errorf("zonecast has a fault in planning: %v; nothing was written", v))
		}
	}()
	d, o := t.desired[tg.Zone], t.observed[tg.Target]
	switch {
	case o.err != nil:
		return nil, failure(tg.Target.String(), o.err)
	case d == nil || d.Err != nil || d.Loaded == nil:
		return nil, nil // the zone's findings say why
	case len(d.Config.Sources) == 0 && !d.Config.IsAlias() && t.req.Instead[tg.Zone] == nil:
		return nil, nil
	}
	info := o.snap.Info
	tg.Driver = o.acct.entry.Driver
	if info.Kind == provider.Secondary {
		return nil, failure(tg.Target.String(), errors.New("the zone is a secondary there: it is transferred from elsewhere and cannot be written; nothing was written"))
	}
	caps := o.acct.Capabilities(info)
	in, finds, err := t.shaped(tg, d, o, caps)
	if err != nil {
		return nil, failure(tg.Target.String(), err)
	}
	if err := finding.AsError(finds); err != nil {
		return nil, finds
	}
	facts, fs := t.facts(ctx, tg, in.Desired, o.snap)
	finds = append(finds, fs...)
	in.Facts = facts
	in.Target, in.Observed, in.Capabilities = tg.Target, o.snap, caps
	in.Revision, in.Notes, in.Made = d.Loaded.Revision, finds, t.now
	in.From, in.Where, in.Sources = d.From, d.Place, config.IDs(d.Config.Sources)
	in.Allow = t.req.Allow
	in.Guards = plan.DefaultGuards(t.policy(&tg.zone, tg.Provider))
	switch {
	case d.Config.AlwaysDryRun:
		in.DryRun = "the zone is always-dry-run"
	case o.acct.entry.ApplyDisabled:
		in.DryRun = tg.Provider + " has apply_disabled"
	}
	p = plan.Compute(in)
	managed := apexMode(t.Config.Policy(&tg.zone, tg.Provider).ApexNS) == shape.ApexNSManaged
	if managed {
		p = joinFirst(in, p)
	}
	p.Wish = d.Loaded.Zone
	p.JoinNS = managed
	return p, nil
}

// shaped fits the desired zone to the target.
func (t *tour) shaped(tg target, d *Desired, o *observation, caps provider.Capabilities) (plan.Input, []finding.Finding, error) {
	c := processor.Context{
		Target: tg.Provider, Driver: tg.Driver, Lenient: d.Config.Lenient || t.req.Lenient,
		Desired: d.Loaded.Zone, Place: d.Place, From: d.From,
	}
	var finds []finding.Finding
	seen := o.snap.Sets
	for _, proc := range d.Processors {
		z, fs := proc.Target(seen, c)
		seen, finds = z, append(finds, fs...)
	}
	desired, kept, fs, err := t.children(tg, d.Loaded.Zone)
	if err != nil {
		return plan.Input{}, nil, err
	}
	finds = append(finds, fs...)
	pol := t.Config.Policy(&tg.zone, tg.Provider)
	opt := shape.Options{
		Strict:      pol.Unsupported != config.UnsupportedDrop,
		ApexNS:      apexMode(pol.ApexNS),
		NameServers: t.apexServers(tg, o.snap),
		Unsure:      t.unsureFor(tg),
		JoinedTXT:   pol.TXT != config.TXTExact,
		OctoDNS:     t.Config.Format == config.OctoDNS,
		Resolve:     t.resolver(caps),
	}
	res, err := shape.Zone(shape.Input{
		Desired: desired, Provider: tg.Provider, Capabilities: caps, Observed: o.snap, Options: opt, Seen: seen, Place: d.Place,
		Fit: o.acct.fit(o.snap.Info),
		Last: func(z *zone.Zone) (*zone.Zone, []finding.Finding, error) {
			var finds []finding.Finding
			for _, proc := range d.Processors {
				next, fs := proc.Both(z, seen, c)
				z, finds = next, append(finds, fs...)
			}
			return z, finds, nil
		},
	})
	if err != nil {
		return plan.Input{}, nil, err
	}
	finds = append(finds, res.Findings...)
	in := plan.Input{Desired: res.Zone, Hidden: res.Hidden, Kept: func(k zone.Key) bool { return res.Kept(k) || kept(k) }}
	if len(d.Processors) > 0 {
		in.Filter = func(changes []zone.Change) ([]zone.Change, []finding.Finding) {
			var finds []finding.Finding
			for _, proc := range d.Processors {
				left, fs := proc.Plan(seen, res.Zone, changes, c)
				changes, finds = left, append(finds, fs...)
			}
			return changes, finds
		}
	}
	return in, finds, nil
}

// resolver flattens ALIAS where the provider has nothing like it.
func (t *tour) resolver(caps provider.Capabilities) func(zone.Name) ([]netip.Addr, uint32, error) {
	if t.Config.Format == config.OctoDNS || caps.Alias != "" {
		return nil
	}
	return t.Lookup.addresses
}

func apexMode(m config.ApexNS) shape.ApexNSMode {
	switch m {
	case config.ApexManaged:
		return shape.ApexNSManaged
	case config.ApexLeave:
		return shape.ApexNSLeave
	default:
		return shape.ApexNSOctoDNS
	}
}

// children adds the delegations of configured child zones to a parent zone, unless the
// configuration is octoDNS's, which leaves that to the source. A delegation that the source does
// not have is never deleted while its child zone is configured.
func (t *tour) children(tg target, z *zone.Zone) (*zone.Zone, func(zone.Key) bool, []finding.Finding, error) {
	var finds []finding.Finding
	subs := t.Config.Subzones(tg.Zone)
	if len(subs) == 0 || t.Config.Format == config.OctoDNS {
		return z, func(zone.Key) bool { return false }, nil, nil
	}
	source := z
	for _, child := range subs {
		if slices.ContainsFunc(subs, func(s zone.Name) bool { return child.Below(s) }) {
			continue // delegated by the zone between
		}
		names, glue := t.childServers(child)
		with, fs, err := shape.Delegate(z, shape.Delegation{Child: child, NameServers: names, Glue: glue})
		if err != nil {
			return nil, nil, nil, err
		}
		z, finds = with, append(finds, fs...)
	}
	kept := func(k zone.Key) bool {
		for _, child := range subs {
			if !k.Owner.In(child) {
				continue
			}
			if _, ok := z.Set(k.Owner, k.Type); ok {
				continue
			}
			if k.Owner == child && (k.Type == zone.TypeNS || k.Type == zone.TypeDS) || k.Owner.Below(child) && (k.Type == zone.TypeA || k.Type == zone.TypeAAAA) && !source.Has(k.Owner) {
				return true
			}
		}
		return false
	}
	return z, kept, finds, nil
}

// childServers finds the name servers of a child zone: those of its accounts, and those that its
// source names at its apex; with addresses where they lie inside the child.
func (t *tour) childServers(child zone.Name) ([]zone.Name, map[zone.Name][]netip.Addr) {
	names, glue := t.allServers(child), map[zone.Name][]netip.Addr{}
	d := t.desired[child]
	if d == nil || d.Loaded == nil || d.Err != nil {
		return names, glue
	}
	if set, ok := d.Loaded.Zone.Set(child, zone.TypeNS); ok {
		for _, data := range set.Data {
			if n, ok := rdata.Target(zone.TypeNS, data); ok {
				names = append(names, n)
			}
		}
	}
	slices.SortFunc(names, zone.Name.Compare)
	names = slices.Compact(names)
	for _, n := range names {
		for _, typ := range []zone.Type{zone.TypeA, zone.TypeAAAA} {
			if set, ok := d.Loaded.Zone.Set(n, typ); ok && n.In(child) {
				for _, data := range set.Data {
					if a, ok := netip.AddrFromSlice([]byte(data)); ok {
						glue[n] = append(glue[n], a)
					}
				}
			}
		}
	}
	return names, glue
}

// facts gathers what guards want to know beyond the two states.
func (t *tour) facts(ctx context.Context, tg target, desired *zone.Zone, snap *provider.Snapshot) (plan.Facts, []finding.Finding) {
	f := plan.Facts{NameServers: t.servers[tg.Zone], Serving: t.serving[tg.Zone]}
	if desired.Len() == 0 && snap.Sets.Len() > 0 {
		f.Delegated = t.Lookup.delegated(ctx, tg.Zone)
	}
	if t.Store == nil || snap.Missing {
		return f, nil
	}
	own := t.Config.Policy(&tg.zone, tg.Provider).Ownership
	if own != nil && own.Mode == "created" {
		made, err := t.Store.Created(ctx, tg.Target)
		if err != nil {
			return f, []finding.Finding{{ID: "state", Severity: finding.Error, Text: fmt.Sprintf("what zonecast created at %s is not known: %v", tg.Target, err)}}
		}
		f.Created = made
	}
	if t.Config.Format == config.Zonecast && t.req.Instead[tg.Zone] == nil && deletes(snap.Sets, desired) {
		t.lastApplied(ctx, tg, &f)
	}
	return f, nil
}

// deletes reports whether getting from one state to the other deletes an RRset.
func deletes(from, to *zone.Zone) bool {
	for c := range zone.Diff(from, to) {
		if c.Deletes() && c.Key().Type != zone.TypeSOA {
			return true
		}
	}
	return false
}

// lastApplied notes whether the source is as it was when it was applied last, and what it held.
// That the history cannot be read is no reason to hold a plan.
func (t *tour) lastApplied(ctx context.Context, tg target, f *plan.Facts) {
	d := t.desired[tg.Zone]
	if d.Loaded.Revision == "" {
		return
	}
	for v, err := range t.Store.History(ctx, store.Filter{Zone: &tg.Zone, Provider: tg.Provider, Limit: 1}) {
		if err != nil || !v.Applied() {
			return
		}
		same := v.Revision == d.Loaded.Revision
		f.SourceUnchanged = &same
		if full, err := t.Store.Version(ctx, v.ID); same && err == nil && full.Want != nil {
			f.Applied = func(k zone.Key) bool { _, ok := full.Want.Set(k.Owner, k.Type); return ok }
		}
	}
}

// policy turns what the configuration says of guards into plan's terms.
func (t *tour) policy(z *config.Zone, target string) plan.Policy {
	pol := plan.DefaultPolicy()
	if t.Config.Format == config.OctoDNS {
		pol = plan.OctoDNSPolicy()
	}
	g, fit := t.Config.Guards(z, target), t.Config.Policy(z, target)
	if g.UpdateShare != nil {
		pol.UpdateShare = g.UpdateShare
	}
	if g.DeleteShare != nil {
		pol.DeleteShare = g.DeleteShare
	}
	set(&pol.ShareFrom, g.ShareFrom)
	set(&pol.UpdateCount, g.MaxUpdates)
	set(&pol.DeleteCount, g.MaxDeletes)
	set(&pol.ReplaceFrom, g.ReplaceFrom)
	if g.AlwaysAsk != nil {
		pol.AlwaysAsk = nil
		for _, name := range g.AlwaysAsk {
			if typ, err := zone.ParseType(name); err == nil {
				pol.AlwaysAsk = append(pol.AlwaysAsk, typ)
			}
		}
	}
	if ttl := fit.TTLPolicy; ttl != nil {
		pol.TTL = ttlPolicy(ttl, z.Name)
	}
	if own := fit.Ownership; own != nil {
		pol.Ownership = plan.Ownership{Mode: own.Mode, Patterns: strings.Join(own.Patterns, ", "), Owns: matches(own.Patterns, z.Name)}
	}
	off(&pol, g.Disabled)
	return pol
}

func set(to *int, from *int) {
	if from != nil {
		*to = *from
	}
}

func ttlPolicy(ttl *config.TTLPolicy, origin zone.Name) *plan.TTLPolicy {
	if ttl.Off {
		return nil
	}
	p := plan.DefaultTTLPolicy()
	for to, from := range map[*plan.TTLBound]*config.TTLBound{
		&p.Volatile: ttl.Volatile, &p.EndPoint: ttl.EndPoint, &p.Infrastructure: ttl.Infrastructure, &p.ApexNS: ttl.ApexNS,
	} {
		if from != nil {
			*to = plan.TTLBound{Min: from.Min, Max: from.Max}
		}
	}
	p.Hold = ttl.Hold
	if len(ttl.Names) > 0 {
		p.IsVolatile = matches(ttl.Names, origin)
	}
	return p
}

// matches reports whether an owner name, relative to origin, fits one of the patterns.
func matches(patterns []string, origin zone.Name) func(zone.Key) bool {
	return func(k zone.Key) bool {
		name := k.Owner.Relative(origin)
		return slices.ContainsFunc(patterns, func(p string) bool { return config.Match(p, name) })
	}
}

// off switches off the guards that the configuration names.
func off(pol *plan.Policy, ids []string) {
	for _, id := range ids {
		switch id {
		case "update-share":
			pol.UpdateShare = nil
		case "delete-share":
			pol.DeleteShare = nil
		case "update-count":
			pol.UpdateCount = 0
		case "delete-count":
			pol.DeleteCount = 0
		case "replace-all":
			pol.ReplaceFrom = 0
		case "empty-zone", "empty-type":
			pol.Empty = false
		case "always-ask":
			pol.AlwaysAsk = nil
		case "root-ns":
			pol.RootNS = false
		case "apex-ns":
			pol.ApexNS = false
		case "ttl-policy":
			pol.TTL = nil
		case "ownership":
			pol.Ownership = plan.Ownership{}
		case "delegated":
			pol.Delegated = false
		case "source-shrunk":
			pol.SourceShrunk = false
		}
	}
}

// number gives plans the generation of their zone's desired state, so that an older one is never
// written after a newer one.
func (t *tour) number(ctx context.Context) {
	if t.Store == nil {
		return
	}
	states := map[zone.Name]string{}
	for _, p := range t.run.Plans {
		if !p.Empty() {
			states[p.Target.Zone] = t.desired[p.Target.Zone].Loaded.Zone.Hash().String()
		}
	}
	if len(states) == 0 {
		return
	}
	numbers, err := t.Store.Generations(ctx, states)
	if ctx.Err() != nil {
		return // interrupted: whoever asked for the plans says so, and writes none of them
	}
	if err != nil {
		t.run.Findings = append(t.run.Findings, finding.Finding{ID: "state", Severity: finding.Error, Text: fmt.Sprintf("desired states cannot be numbered: %v; nothing was written", err)})
		return
	}
	for _, p := range t.run.Plans {
		p.Generation = numbers[p.Target.Zone]
	}
}
