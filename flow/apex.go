package flow

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/shape"
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// An unaskedAccount is one that a run does not ask.
type unaskedAccount struct {
	id    string
	known bool // the history has the apex NS that were written there last
}

// collectServers notes which name servers each account says it serves a zone with.
func (t *tour) collectServers(ctx context.Context, targets []target) {
	t.servers = map[zone.Name]map[string][]zone.Name{}
	t.unsure = map[zone.Name][]string{}
	t.serving = map[zone.Name]map[string]bool{}
	t.unread = map[zone.Name]map[string]bool{}
	t.unasked = map[zone.Name][]unaskedAccount{}
	asked := map[plan.Target]bool{}
	for _, tg := range targets {
		asked[tg.Target] = true
		o := t.observed[tg.Target]
		if o.snap != nil && !o.snap.Missing && plan.SaysAnything(o.snap.Sets) {
			if t.serving[tg.Zone] == nil {
				t.serving[tg.Zone] = map[string]bool{}
			}
			t.serving[tg.Zone][tg.Provider] = true
		}
		var names []zone.Name
		if o.acct != nil {
			names = o.acct.entry.NameServers
		}
		if len(names) == 0 && o.snap != nil {
			names = o.snap.Info.NameServers
		}
		if len(names) == 0 {
			if o.err != nil || o.snap.Missing {
				t.unsure[tg.Zone] = append(t.unsure[tg.Zone], tg.Provider)
			}
			continue
		}
		t.serves(tg.Zone, tg.Provider, names)
		if o.err != nil {
			t.notRead(ctx, tg.Target)
		}
	}
	for _, tg := range targets {
		for _, r := range tg.zone.Targets {
			other := plan.Target{Provider: r.ID, Zone: tg.Zone}
			if asked[other] {
				continue
			}
			asked[other] = true
			if e, ok := t.Config.Entry(r.ID); ok && len(e.NameServers) > 0 {
				t.serves(tg.Zone, r.ID, e.NameServers)
				t.notRead(ctx, other)
			} else {
				// Names that went or came there meanwhile are not known: none leaves for that.
				t.unsure[tg.Zone] = append(t.unsure[tg.Zone], r.ID)
				names := t.lastApex(ctx, other)
				if len(names) > 0 {
					t.serves(tg.Zone, r.ID, names)
					t.notRead(ctx, other)
				}
				t.unasked[tg.Zone] = append(t.unasked[tg.Zone], unaskedAccount{r.ID, len(names) > 0})
			}
		}
	}
}

// lastApex are the apex NS that were written to a target last, those of other accounts among them: so
// far as anybody knows without asking, they are what is answered there. nil: the history has none.
func (t *tour) lastApex(ctx context.Context, tg plan.Target) []zone.Name {
	if t.Store == nil {
		return nil
	}
	for v, err := range t.Store.History(ctx, store.Filter{Zone: &tg.Zone, Provider: tg.Provider}) {
		if err != nil {
			return nil
		}
		if !v.Applied() {
			continue
		}
		full, err := t.Store.Version(ctx, v.ID)
		if err != nil || full.Want == nil {
			return nil
		}
		set, _ := full.Want.Set(tg.Zone, zone.TypeNS)
		var names []zone.Name
		for _, data := range set.Data {
			if n, ok := rdata.Target(zone.TypeNS, data); ok {
				names = append(names, n)
			}
		}
		return names
	}
	return nil
}

// tellUnasked says of targets that a run fills without asking the others what that means for their
// apex NS.
func (t *tour) tellUnasked(targets []target) {
	for _, tg := range targets {
		others := t.unasked[tg.Zone]
		managed := apexMode(t.Config.Policy(&tg.zone, tg.Provider).ApexNS) == shape.ApexNSManaged
		if o := t.observed[tg.Target]; o.err != nil || !managed || len(others) == 0 || t.serving[tg.Zone][tg.Provider] {
			continue
		}
		var ids, unknown []string
		for _, a := range others {
			ids = append(ids, a.id)
			if !a.known {
				unknown = append(unknown, a.id)
			}
		}
		f := finding.Finding{
			ID: "apex-ns-partial", Severity: finding.Info, Subject: "target " + tg.Target.String(), Zone: tg.Zone.Unicode(),
			Text: fmt.Sprintf("%s: its name servers are not in the apex NS at %s yet, which this run does not ask", tg.Target, strings.Join(ids, ", ")),
			Fix:  fmt.Sprintf("before you delegate to %s, run `zonecast apply %s` over all targets: it writes the whole apex NS to all of them", tg.Provider, tg.Zone.Unicode()),
		}
		if len(unknown) > 0 {
			f.Severity = finding.Warning
			f.Text = fmt.Sprintf("%s: the apex NS are written without the name servers of %s, which this run does not ask and no earlier apply has noted", tg.Target, strings.Join(unknown, ", "))
		}
		t.run.Findings = append(t.run.Findings, f)
	}
}

// tellUnsure says once for each zone that a provider which cannot be read stays in the apex NS.
func (t *tour) tellUnsure(targets []target) {
	told := map[zone.Name]bool{}
	for _, tg := range targets {
		o := t.observed[tg.Target]
		managed := apexMode(t.Config.Policy(&tg.zone, tg.Provider).ApexNS) == shape.ApexNSManaged
		if o.err == nil || !managed || told[tg.Zone] || !slices.Contains(t.unsure[tg.Zone], tg.Provider) || len(tg.zone.Targets) < 2 {
			continue
		}
		told[tg.Zone] = true
		t.run.Findings = append(t.run.Findings, finding.Finding{
			ID: "apex-ns-unsure", Severity: finding.Info, Subject: tg.Zone.String(),
			Text: fmt.Sprintf("%s: no name server leaves the apex NS in this run, since those of %s are not known while it cannot be read", tg.Zone.Unicode(), tg.Provider),
		})
	}
}

func (t *tour) serves(z zone.Name, account string, names []zone.Name) {
	if t.servers[z] == nil {
		t.servers[z] = map[string][]zone.Name{}
	}
	t.servers[z][account] = names
}

// notRead notes that a target was not read.
func (t *tour) notRead(ctx context.Context, tg plan.Target) {
	if t.unread[tg.Zone] == nil {
		t.unread[tg.Zone] = map[string]bool{}
	}
	t.unread[tg.Zone][tg.Provider] = false
	if t.Store == nil {
		return
	}
	for v, err := range t.Store.History(ctx, store.Filter{Zone: &tg.Zone, Provider: tg.Provider}) {
		if err != nil {
			return
		}
		if v.Applied() {
			t.unread[tg.Zone][tg.Provider] = true
			return
		}
	}
}

// allServers unites the name servers of all accounts of a zone.
func (t *tour) allServers(z zone.Name) []zone.Name {
	var out []zone.Name
	for _, names := range t.servers[z] {
		out = append(out, names...)
	}
	slices.SortFunc(out, zone.Name.Compare)
	return slices.Compact(out)
}

// unsureFor are the accounts whose name servers may be among those that the target has now. Where
// nothing but an apex is held yet, those are of accounts that a run over part of the targets leaves out.
func (t *tour) unsureFor(tg target) []string {
	if t.serving[tg.Zone][tg.Provider] {
		return t.unsure[tg.Zone]
	}
	var out []string
	for _, a := range t.unasked[tg.Zone] {
		out = append(out, a.id)
	}
	return out
}

// apexServers are the names for the apex NS of one target: those of the accounts that serve the zone
// already, as one that cannot be read does when it was written before, and its own. An account that is
// still empty joins once it is filled. Where nobody serves the zone yet, all join that this run fills.
// Names that are there stay.
func (t *tour) apexServers(tg target, snap *provider.Snapshot) []zone.Name {
	all := t.allServers(tg.Zone)
	there, _ := snap.Sets.Set(tg.Zone, zone.TypeNS)
	joins, nobody := map[zone.Name]bool{}, len(t.serving[tg.Zone]) == 0
	for account, names := range t.servers[tg.Zone] {
		written, unread := t.unread[tg.Zone][account]
		now := account == tg.Provider || t.serving[tg.Zone][account] || written || nobody && !unread
		for _, n := range names {
			joins[n] = joins[n] || now || slices.Contains(there.Data, zone.Data(n.AppendWire(nil)))
		}
	}
	return slices.DeleteFunc(all, func(n zone.Name) bool { return !joins[n] })
}

// joinFirst lets name servers join the apex NS without waiting for others to leave. Where a zone was
// made anew at a service, its new name servers come as the old ones go, and a guard holds the going:
// then the old ones stay in this plan, and only they are left for the next one, for which somebody has
// to say yes. A plan that is not held, and one that stays held all the same, are returned as they are.
func joinFirst(in plan.Input, p *plan.Plan) *plan.Plan {
	apex := zone.Key{Owner: in.Desired.Origin(), Type: zone.TypeNS}
	i := slices.IndexFunc(p.Changes.Sets, func(c zone.Change) bool { return c.Key() == apex && c.Before != nil && c.After != nil })
	if i < 0 || len(p.Held) == 0 {
		return p
	}
	c := p.Changes.Sets[i]
	gone := func(from, to []zone.Data) []zone.Data {
		return slices.DeleteFunc(slices.Clone(from), func(d zone.Data) bool { return slices.Contains(to, d) })
	}
	leave, join := gone(c.Before.Data, c.After.Data), gone(c.After.Data, c.Before.Data)
	want, ok := in.Desired.Set(apex.Owner, apex.Type)
	if len(leave) == 0 || len(join) == 0 || !ok {
		return p
	}
	both := want
	both.TTL, both.Data = c.Before.TTL, append(slices.Clone(want.Data), leave...)
	both = both.Clean()
	desired, err := in.Desired.With([]zone.Change{{Before: &want, After: &both}})
	if err != nil {
		return p
	}
	names := make([]string, len(leave))
	for i, d := range leave {
		names[i] = rdata.Text(zone.TypeNS, d)
	}
	stay := "stays"
	if len(names) > 1 {
		stay = "stay"
	}
	in.Desired = desired
	in.Notes = append(slices.Clone(in.Notes), finding.Finding{
		ID: "apex-ns-leaving", Severity: finding.Warning, Subject: "target " + in.Target.String(), Zone: in.Target.Zone.Unicode(),
		Text: fmt.Sprintf("%s: %s %s in the apex NS until the new name servers are there", in.Target, strings.Join(names, ", "), stay),
		Fix:  "plan again after this: that they leave needs a yes (--allow always-ask --reason TEXT)",
	})
	if q := plan.Compute(in); len(q.Held) < len(p.Held) {
		return q
	}
	return p
}
