package view

import (
	"fmt"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/plan"
)

// A group is the targets of one zone that need the same changes.
type group struct {
	zone    string
	plans   []*plan.Plan
	rows    []row
	missing bool
}

// groups puts plans together whose changes read the same. Plans without changes are left out and
// counted.
func groups(plans []*plan.Plan) (out []*group, idle []*plan.Plan) {
	index := map[string]*group{}
	of := map[string]int{} // plans of each zone
	for _, p := range plans {
		of[p.Target.Zone.Key()]++
	}
	for _, p := range plans {
		if p.Empty() && len(p.Held) == 0 {
			idle = append(idle, p)
			continue
		}
		g := &group{zone: zoneTitle(p), plans: []*plan.Plan{p}, rows: rows(p), missing: p.Base != nil && p.Base.Missing}
		if of[p.Target.Zone.Key()] == 1 {
			out = append(out, g)
			continue
		}
		key := g.key()
		if have := index[key]; have != nil {
			have.plans = append(have.plans, p)
			continue
		}
		index[key] = g
		out = append(out, g)
	}
	return out, idle
}

// key is equal for plans that are shown as one.
func (g *group) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\x00%s\x00%v\x00%s\x00", g.zone, g.plans[0].Target.View, g.missing, g.plans[0].DryRun)
	writeRows(&b, g.rows, Style{})
	for _, c := range g.plans[0].Changes.Settings {
		fmt.Fprintf(&b, "%q", c)
	}
	return b.String()
}

func zoneTitle(p *plan.Plan) string {
	name := p.Target.Zone.String()
	if u := p.Target.Zone.Unicode(); u != name {
		name += " (" + term.Clean(u) + ")"
	}
	if p.Target.View != "" {
		name += " view " + term.Clean(p.Target.View)
	}
	return name
}

// targets names the accounts of a group: "knot", "knot and powerdns", "a, b and c".
func (g *group) targets() string {
	names := make([]string, len(g.plans))
	for i, p := range g.plans {
		names[i] = term.Clean(p.Target.Provider)
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return names[0]
}

// A remark is a finding with the targets that it is about.
type remark struct {
	finding.Finding
	targets []string
}

// remarks collects the findings of a group's plans; equal ones are shown once.
func (g *group) remarks(of func(*plan.Plan) []finding.Finding) []remark {
	var out []remark
	index := map[string]int{}
	for _, p := range g.plans {
		for _, f := range of(p) {
			key := f.ID + "\x00" + f.Text + "\x00" + f.Silenced
			i, ok := index[key]
			if !ok {
				i = len(out)
				index[key] = i
				out = append(out, remark{Finding: f})
			}
			out[i].targets = append(out[i].targets, p.Target.Provider)
		}
	}
	return out
}

// at names the targets of a remark where it is not about all of the group.
func (r remark) at(g *group) string {
	if len(r.targets) == len(g.plans) {
		return ""
	}
	return " (" + term.Clean(strings.Join(r.targets, ", ")) + ")"
}

func heldOf(p *plan.Plan) []finding.Finding    { return p.Held }
func allowedOf(p *plan.Plan) []finding.Finding { return p.Allowed }
func notesOf(p *plan.Plan) []finding.Finding   { return p.Notes }

// counts is the last line of a plan: "1 to create, 2 to change, 0 to delete".
func counts(s plan.Summary) string {
	text := fmt.Sprintf("%d to create, %d to change, %d to delete", s.Create, s.Update, s.Delete)
	if s.Setting > 0 {
		text += fmt.Sprintf(", %s to change", number(s.Setting, "setting"))
	}
	return text
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// total sums up a run, "" when its one target has said it already.
func total(plans []*plan.Plan, groups []*group) string {
	s := plan.Summarize(plans)
	switch {
	case len(groups) == 0 || len(plans) == 1:
		return ""
	case s.Held > 0:
		return fmt.Sprintf("In all %s at %s. %s not allowed: nothing of those plans is applied.",
			counts(s), number(len(plans), "target"), number(s.Held, "objection"))
	}
	return fmt.Sprintf("In all %s at %s.", counts(s), number(len(plans), "target"))
}

// idleText tells what needs nothing.
func idleText(idle []*plan.Plan, others bool) string {
	if len(idle) == 0 {
		return ""
	}
	zones := map[string]bool{}
	for _, p := range idle {
		zones[zoneTitle(p)] = true
	}
	if len(zones) == 1 {
		g := group{plans: idle}
		if len(idle) > 8 {
			return fmt.Sprintf("Nothing to do for %s at %d targets.", zoneTitle(idle[0]), len(idle))
		}
		return fmt.Sprintf("Nothing to do for %s at %s.", zoneTitle(idle[0]), g.targets())
	}
	if others {
		return fmt.Sprintf("Nothing to do for %s at %s.", number(len(zones), "other zone"), number(len(idle), "target"))
	}
	return fmt.Sprintf("Nothing to do: all %d zones are as desired at %s.", len(zones), number(len(idle), "target"))
}
