package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// An applyView shows a run: its plans, its progress, its report.
type applyView interface {
	plans([]*plan.Plan) error
	// run calls do with an observer and shows what it tells, then the report.
	run(ctx context.Context, do applier, plans []*plan.Plan, end ending) (*apply.Report, error)
}

// An applier carries out plans and tells the observer what happens.
type applier func(observe func(apply.Event)) (*apply.Report, error)

func (s *session) newApplyView() applyView {
	if s.json {
		return s.jsonApply()
	}
	return textApply{s.app}
}

// jsonApply prints one JSON object a line on standard output: the plan, each event, the report.
type jsonApply struct {
	*session
	after int // rounds before this one
	mu    *sync.Mutex
}

func (s *session) jsonApply() jsonApply { return jsonApply{s, s.round, &sync.Mutex{}} }

// An applyLine is one line of `apply --json`. Type says which of the others is there.
type applyLine struct {
	Type   string         `json:"type"`            // "plan", "progress", "wait" or "report"
	Round  int            `json:"round,omitempty"` // 2: new name servers join the apex NS; absent: the first
	Plan   *plan.Document `json:"plan,omitempty"`
	Event  *apply.Event   `json:"event,omitempty"`
	Wait   *httpkit.Wait  `json:"wait,omitempty"` // a call to a provider pauses for long
	Report *apply.Report  `json:"report,omitempty"`
	Failed []plan.Target  `json:"notPlanned,omitempty"` // with a report
	Exit   *int           `json:"exit,omitempty"`       // with a report: the exit code; that of the last one is the process's
	// Findings, with a report, are what standard error has for people.
	Findings []finding.Finding `json:"findings,omitempty"`
}

// line writes one line, from any goroutine. Like all output to a stream that is gone, what cannot be written is lost.
func (v jsonApply) line(l applyLine) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.after > 0 {
		l.Round = v.after + 1
	}
	enc := json.NewEncoder(v.stdout)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(l)
}

func (v jsonApply) plans(plans []*plan.Plan) error {
	doc := plan.Make(plans)
	v.line(applyLine{Type: "plan", Plan: &doc})
	return nil
}

func (v jsonApply) run(_ context.Context, do applier, _ []*plan.Plan, end ending) (*apply.Report, error) {
	back := v.waits.instead(func(w httpkit.Wait) { v.sayWait(w); v.line(applyLine{Type: "wait", Wait: &w}) })
	defer back()
	report, err := do(func(e apply.Event) { v.line(applyLine{Type: "progress", Event: &e}) })
	if report != nil {
		code := end.code(report)
		switch {
		case err != nil: // of the journal
			code = exitError
		case code == exitError && v.after > 0:
			code = exitPartial // the round before was written
		}
		v.report(report, end, code)
	}
	return report, err
}

func (v jsonApply) report(r *apply.Report, end ending, code int) {
	v.line(applyLine{Type: "report", Report: r, Failed: end.failed, Exit: &code, Findings: unsilenced(end.findings)})
	v.told = &code
}

// textApply prints for people: progress on standard error, a live table when that is a terminal;
// the report on standard output.
type textApply struct{ *app }

func (v textApply) plans(plans []*plan.Plan) error { return v.showPlans(plans, "text") }

func (v textApply) run(ctx context.Context, do applier, plans []*plan.Plan, end ending) (*apply.Report, error) {
	v.say("")
	stop := context.AfterFunc(ctx, func() {
		fmt.Fprintf(v.stderr, "\r\x1b[K%s writes in flight finish (up to 30 s), nothing new begins; interrupt again to stop at once\n", v.errPaint().Yellow("interrupted:"))
	})
	if f := file(v.stderr); !v.quiet && term.Is(f) {
		stop()
		live := newLive(f, v.style(v.stderr), plans)
		stop = context.AfterFunc(ctx, live.interrupted)
		defer v.waits.instead(live.wait)()
		live.start()
		report, err := do(live.observe)
		stop()
		live.stop()
		return report, v.report(report, end.failed, err)
	}
	started := map[plan.Target]bool{}
	report, err := do(func(e apply.Event) { v.plainLine(e, started) })
	stop()
	return report, v.report(report, end.failed, err)
}

// plainLine prints what is worth a line where lines cannot be taken back: the start of a write,
// what happens on the way, and its end.
func (v textApply) plainLine(e apply.Event, started map[plan.Target]bool) {
	text := string(e.State)
	switch e.State {
	case apply.Waiting, apply.Verifying:
		return
	case apply.Writing:
		switch {
		case started[e.Target] && e.Text == "":
			return
		case started[e.Target]:
			text = ""
		default:
			text += " " + plural(e.Total, "change")
		}
		started[e.Target] = true
	}
	if e.Text != "" {
		text += ": " + term.Clean(e.Text)
	}
	v.say("%s  %s  %s", e.Time.Local().Format("15:04:05"), e.Target, strings.TrimPrefix(text, ": "))
}

// report prints the summary: a line for each target, then one for all.
func (v textApply) report(r *apply.Report, failed []plan.Target, err error) error {
	if r == nil {
		return err
	}
	writeReport(v.stdout, r, failed, v.outPaint())
	return err
}

// foldFrom is how many targets a report lists one by one; of more, those of an account that are
// done share a line.
const foldFrom = 50

func writeReport(w io.Writer, r *apply.Report, failed []plan.Target, p term.Paint) {
	rows := [][]string{{"target", "changes", "state", "visible", "took"}}
	folded := map[string]*fold{}
	for _, res := range r.Results {
		if res.State == apply.DoneState && len(r.Results) > foldFrom {
			id := res.Target.Provider
			if folded[id] == nil {
				folded[id] = &fold{row: len(rows)}
				rows = append(rows, nil)
			}
			folded[id].add(res)
			continue
		}
		rows = append(rows, []string{
			term.Clean(res.Target.String()), reportCount(res), stateText(res.State, p), visibleText(res), duration(res.Took),
		})
	}
	for id, f := range folded {
		rows[f.row] = f.cells(id, p)
	}
	for _, t := range failed {
		rows = append(rows, []string{term.Clean(t.String()), "", p.Red("not planned"), "", ""})
	}
	writeTable(w, rows, p)
	for _, res := range r.Results {
		writeRemarks(w, res, p)
	}
	fmt.Fprintf(w, "\n%s\n", reportSummary(r, failed, p))
}

// A fold is the line of several targets of one account that are done.
type fold struct {
	row, targets, changes int
	visible, took         time.Duration
	asked                 bool
}

func (f *fold) add(res apply.Result) {
	f.targets++
	f.changes += res.Plan.Changes.Len()
	f.took = max(f.took, res.Took)
	if v := res.Verification; v != nil && v.Skipped == "" {
		f.asked, f.visible = true, max(f.visible, v.Took)
	}
}

func (f *fold) cells(id string, p term.Paint) []string {
	visible := "not asked"
	if f.asked {
		visible = "after " + duration(f.visible) + " at most"
	}
	return []string{
		fmt.Sprintf("%s, %s", term.Clean(id), plural(f.targets, "zone")), fmt.Sprintf("%d/%d", f.changes, f.changes),
		stateText(apply.DoneState, p), visible, duration(f.took) + " at most",
	}
}

// mostMissing is how many RRsets that name servers do not answer are listed for a target.
const mostMissing = 10

// writeRemarks tells what a result has to say besides its line.
func writeRemarks(w io.Writer, res apply.Result, p term.Paint) {
	switch {
	case res.State == apply.NotStarted && errors.Is(res.Err, context.Canceled): // its line says it
	case res.State == apply.Unseen && res.Verification != nil:
		v := res.Verification
		fmt.Fprintf(w, "%s %s: %d of %s not answered as written\n", p.Yellow("unseen:"), res.Target, v.Checked-v.Visible, isAre(v.Checked, "RRset"))
	case res.Error != "":
		fmt.Fprintf(w, "%s %s: %s\n", statePaint(res.State, p)(string(res.State)+":"), res.Target, term.Clean(res.Error))
	}
	if res.Receipt != nil {
		for _, n := range res.Receipt.Notes {
			fmt.Fprintf(w, "%s %s: %s\n", p.Cyan("note:"), res.Target, term.Clean(n))
		}
	}
	if res.Verification != nil {
		missing := res.Verification.Missing
		for _, m := range missing[:min(len(missing), mostMissing)] {
			fmt.Fprintf(w, "  %s\n", term.Clean(m))
		}
		if more := len(missing) - mostMissing; more > 0 {
			fmt.Fprintf(w, "  and %d more\n", more)
		}
	}
}

// reportSummary is the last line of a run, with what to do next.
func reportSummary(r *apply.Report, failed []plan.Target, p term.Paint) string {
	changes, ok, rest := 0, 0, len(failed)
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

// table prints rows in columns; the first row is the head. On a terminal the last column is folded
// to its width.
func (a *app) table(rows [][]string) {
	writeTable(a.stdout, folded(rows, a.width()), a.outPaint())
}

// folded breaks long cells of the last column so that rows of writeTable fit into width. Where there
// is no width, or little would be left for the column, they stay whole.
func folded(rows [][]string, width int) [][]string {
	last := len(rows[0]) - 1
	before := 0
	for i := range last {
		w := 0
		for _, row := range rows {
			if i < len(row) {
				w = max(w, term.Columns(row[i]))
			}
		}
		before += w + 2
	}
	room := width - before
	if width == 0 || room < 20 {
		return rows
	}
	var out [][]string
	for _, row := range rows {
		if len(row) <= last || strings.ContainsRune(row[last], '\x1b') { // paint ends with its line
			out = append(out, row)
			continue
		}
		for i, text := range term.Fold(row[last], room) {
			line := make([]string, last+1)
			if i == 0 {
				copy(line, row)
			}
			line[last] = text
			out = append(out, line)
		}
	}
	return out
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
