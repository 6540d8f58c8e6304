package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/plan/view"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/zone"
)

const timeLayout = "2006-01-02 15:04:05"

// writeHistory prints versions as a table, newest first.
func (a *app) writeHistory(versions []store.Version) error {
	p := a.outPaint()
	rows := [][]string{{"version", "when", "target", "changes", "outcome", "who", "why"}}
	for i := range versions {
		v := &versions[i]
		rows = append(rows, []string{
			strconv.FormatInt(v.ID, 10), v.Began.Local().Format(timeLayout), term.Clean(v.Target.String()),
			versionCounts(v, p), outcomePaint(v, p)(v.Outcome), term.Clean(v.Actor), term.Clean(v.Reason),
		})
	}
	a.table(rows)
	return nil
}

// versionCounts is "+3 ~1 -0" with what is zero left out.
func versionCounts(v *store.Version, p term.Paint) string {
	out := ""
	add := func(n int, mark string, paint func(string) string) {
		if n == 0 {
			return
		}
		if out != "" {
			out += " "
		}
		out += paint(mark + strconv.Itoa(n))
	}
	add(v.Creates, "+", p.Green)
	add(v.Updates, "~", p.Yellow)
	add(v.Deletes, "-", p.Red)
	if out == "" {
		return "none"
	}
	return out
}

func outcomePaint(v *store.Version, p term.Paint) func(string) string {
	switch {
	case v.Applied():
		return p.Green
	case v.Outcome == "failed":
		return p.Red
	default:
		return p.Yellow
	}
}

// writeVersion prints one version: a head, then its changes as a plan shows them.
func (a *app) writeVersion(v *store.Version) error {
	p := a.outPaint()
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(a.stdout, "%s %s\n", p.Dim(term.Pad(name, 9)), value)
		}
	}
	fmt.Fprintf(a.stdout, "%s\n", p.Bold(fmt.Sprintf("version %d", v.ID)))
	line("target", term.Clean(v.Target.String()))
	when := v.Began.Local().Format(timeLayout)
	if !v.Ended.IsZero() {
		when += ", took " + duration(v.Ended.Sub(v.Began))
	}
	line("written", when)
	line("by", term.Clean(v.Actor))
	line("why", term.Clean(v.Reason))
	line("outcome", outcomePaint(v, p)(v.Outcome))
	line("error", term.Clean(v.Error))
	line("source", term.Clean(v.Revision))
	line("run", v.Run)
	if v.Verification != nil {
		line("visible", verificationLine(v))
	}
	fmt.Fprintln(a.stdout)
	return view.Text(a.stdout, []*plan.Plan{versionPlan(v)}, a.style(a.stdout))
}

func verificationLine(v *store.Version) string {
	x := v.Verification
	switch {
	case x.Skipped != "":
		return "not asked: " + term.Clean(x.Skipped)
	case x.Visible < x.Checked:
		return fmt.Sprintf("%d of %d RRsets", x.Visible, x.Checked)
	}
	return fmt.Sprintf("%s after %s", plural(x.Visible, "RRset"), duration(x.Took))
}

// versionPlan is the plan that a version carried out.
func versionPlan(v *store.Version) *plan.Plan {
	before := v.Before
	if before == nil {
		before = zone.Empty(v.Target.Zone)
	}
	return &plan.Plan{
		Target: v.Target, Changes: v.Changes, ID: v.PlanID,
		Base: &provider.Snapshot{Info: provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: v.Target.Zone}}, Sets: before},
	}
}

// changesJSON gives the changes of a version as plan documents have them.
func changesJSON(v *store.Version) json.RawMessage {
	raw, err := json.Marshal(plan.Make([]*plan.Plan{versionPlan(v)}).Plans[0].Changes)
	if err != nil {
		return nil
	}
	return raw
}
