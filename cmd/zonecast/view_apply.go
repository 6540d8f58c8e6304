package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
)

// An applyView shows a run: its plans, its progress, its report.
type applyView interface {
	plans([]*plan.Plan) error
	// run calls do with an observer and shows what it tells, then the report.
	run(ctx context.Context, do func(observe func(apply.Event)) (*apply.Report, error), plans []*plan.Plan) (*apply.Report, error)
}

func (s *session) newApplyView() applyView {
	if s.json {
		return jsonApply{s.app}
	}
	return textApply{s.app}
}

// jsonApply prints one JSON object a line on standard output: the plan, each event, the report.
type jsonApply struct{ *app }

// An applyLine is one line of `apply --json`. Type says which of the others is there.
type applyLine struct {
	Type   string         `json:"type"` // "plan", "progress" or "report"
	Plan   *plan.Document `json:"plan,omitempty"`
	Event  *apply.Event   `json:"event,omitempty"`
	Report *apply.Report  `json:"report,omitempty"`
	Exit   *int           `json:"exit,omitempty"`
}

func (v jsonApply) line(l applyLine) error {
	enc := json.NewEncoder(v.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(l)
}

func (v jsonApply) plans(plans []*plan.Plan) error {
	doc := plan.Make(plans)
	return v.line(applyLine{Type: "plan", Plan: &doc})
}

func (v jsonApply) run(_ context.Context, do func(func(apply.Event)) (*apply.Report, error), _ []*plan.Plan) (*apply.Report, error) {
	report, err := do(func(e apply.Event) { v.line(applyLine{Type: "progress", Event: &e}) })
	if report != nil {
		code := reportExit(report)
		v.line(applyLine{Type: "report", Report: report, Exit: &code})
	}
	return report, err
}

// textApply prints for people: progress on standard error, a live table when that is a terminal;
// the report on standard output.
type textApply struct{ *app }

func (v textApply) plans(plans []*plan.Plan) error { return v.showPlans(plans, "text") }

func (v textApply) run(ctx context.Context, do func(func(apply.Event)) (*apply.Report, error), plans []*plan.Plan) (*apply.Report, error) {
	v.say("")
	stop := context.AfterFunc(ctx, func() {
		fmt.Fprintf(v.stderr, "\r\x1b[K%s writes in flight finish (up to 30 s), nothing new begins; interrupt again to stop at once\n", v.errPaint().Yellow("interrupted:"))
	})
	if f := file(v.stderr); !v.quiet && term.Is(f) {
		stop()
		live := newLive(f, v.style(v.stderr), plans)
		stop = context.AfterFunc(ctx, live.interrupted)
		live.start()
		report, err := do(live.observe)
		stop()
		live.stop()
		return report, v.report(report, err)
	}
	started := map[plan.Target]bool{}
	report, err := do(func(e apply.Event) { v.plainLine(e, started) })
	stop()
	return report, v.report(report, err)
}

// plainLine prints what is worth a line where lines cannot be taken back: the start of a write,
// and its end.
func (v textApply) plainLine(e apply.Event, started map[plan.Target]bool) {
	switch e.State {
	case apply.Waiting, apply.Verifying:
		return
	case apply.Writing:
		if started[e.Target] && e.Text == "" {
			return
		}
		started[e.Target] = true
	}
	text := fmt.Sprintf("%s  %s  %s", e.Time.Local().Format("15:04:05"), e.Target, e.State)
	if e.State == apply.Writing {
		text += " " + plural(e.Total, "change")
	}
	if e.Text != "" {
		text += ": " + term.Clean(e.Text)
	}
	v.say("%s", text)
}

// report prints the summary: a line for each target, then one for all.
func (v textApply) report(r *apply.Report, err error) error {
	if r == nil {
		return err
	}
	writeReport(v.stdout, r, v.outPaint())
	return err
}

func writeReport(w io.Writer, r *apply.Report, p term.Paint) {
	rows := [][]string{{"target", "changes", "state", "visible", "took"}}
	for _, res := range r.Results {
		rows = append(rows, []string{
			term.Clean(res.Target.String()), reportCount(res), stateText(res.State, p), visibleText(res), duration(res.Took),
		})
	}
	writeTable(w, rows, p)
	for _, res := range r.Results {
		if res.Error != "" {
			fmt.Fprintf(w, "%s %s: %s\n", statePaint(res.State, p)(string(res.State)+":"), res.Target, term.Clean(res.Error))
		}
		if res.Receipt != nil {
			for _, n := range res.Receipt.Notes {
				fmt.Fprintf(w, "%s %s: %s\n", p.Cyan("note:"), res.Target, term.Clean(n))
			}
		}
		if res.Verification != nil {
			for _, m := range res.Verification.Missing {
				fmt.Fprintf(w, "  %s\n", term.Clean(m))
			}
		}
	}
	fmt.Fprintf(w, "\n%s\n", reportSummary(r, p))
}

// reportSummary is the last line of a run, with what to do next.
func reportSummary(r *apply.Report, p term.Paint) string {
	changes, ok, rest := 0, 0, 0
	for _, res := range r.Results {
		if res.Receipt != nil && res.State != apply.Compensated {
			changes += res.Receipt.Count(provider.Done)
		}
		switch res.State {
		case apply.DoneState, apply.Unchanged:
			ok++
		default:
			rest++
		}
	}
	text := fmt.Sprintf("%s written, %s done", plural(changes, "change"), plural(ok, "target"))
	if rest == 0 {
		return p.Green(text) + " in " + duration(r.Took) + "."
	}
	text += fmt.Sprintf(", %d not", rest)
	if r.Cancelled {
		text = "interrupted: " + text
	}
	return p.Red(text) + " in " + duration(r.Took) + ".\n  The same command again continues: it reads every target and plans what is left."
}

func reportCount(res apply.Result) string {
	total := 0
	if res.Plan != nil {
		total = res.Plan.Changes.Len()
	}
	if res.Receipt == nil {
		return fmt.Sprintf("0/%d", total)
	}
	return fmt.Sprintf("%d/%d", min(res.Receipt.Count(provider.Done), total), total)
}

// visibleText says when the name servers answered the new data.
func visibleText(res apply.Result) string {
	v := res.Verification
	switch {
	case v == nil:
		return "not asked"
	case v.Skipped != "":
		return "not asked: " + v.Skipped
	case v.Visible < v.Checked:
		return fmt.Sprintf("%d of %d", v.Visible, v.Checked)
	case v.Checked == 0:
		return "nothing to ask for"
	}
	servers := ""
	if n := len(v.Servers); n > 1 {
		servers = fmt.Sprintf(" at %d servers", n)
	}
	return "after " + duration(v.Took) + servers
}

func statePaint(s apply.State, p term.Paint) func(string) string {
	switch s {
	case apply.DoneState, apply.Unchanged:
		return p.Green
	case apply.Failed, apply.UnknownEnd, apply.Refused:
		return p.Red
	case apply.Writing, apply.Verifying:
		return p.Cyan
	case apply.Waiting:
		return p.Dim
	default:
		return p.Yellow
	}
}

func stateText(s apply.State, p term.Paint) string { return statePaint(s, p)(string(s)) }

// duration is a time for people: two or three digits and a unit.
func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "0 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}

// writeTable writes rows in columns; the first row is the head.
func writeTable(w io.Writer, rows [][]string, p term.Paint) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], term.Columns(cell))
		}
	}
	for n, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			if i == len(row)-1 {
				b.WriteString(cell)
			} else {
				b.WriteString(term.Pad(cell, widths[i]) + "  ")
			}
		}
		line := strings.TrimRight(b.String(), " ")
		if n == 0 {
			line = p.Dim(line)
		}
		fmt.Fprintln(w, line)
	}
}
