package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/plan/view"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/zone"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares text that people read with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

var www = zone.RRset{Owner: zone.MustName("www.example.org."), Type: zone.TypeA, TTL: 300, Data: []zone.Data{"\xc0\x00\x02\x01"}}

// planFor is a plan that creates n RRsets.
func planFor(account, origin string, n int) *plan.Plan {
	p := &plan.Plan{Target: plan.Target{Provider: account, Zone: zone.MustName(origin)}, Base: &provider.Snapshot{Sets: zone.Empty(zone.MustName(origin))}}
	for range n {
		set := www
		p.Changes.Sets = append(p.Changes.Sets, zone.Change{After: &set})
	}
	return p
}

func result(account, origin string, n int, s apply.State) apply.Result {
	p := planFor(account, origin, n)
	r := apply.Result{Plan: p, Target: p.Target, State: s, Took: 1234 * time.Millisecond}
	if s == apply.DoneState || s == apply.Unseen {
		r.Receipt = provider.NewReceipt(p.Changes, provider.Done)
	}
	return r
}

// mixedReport has one result of each kind that a person may have to act on.
func mixedReport() *apply.Report {
	done := result("route53", "example.org.", 3, apply.DoneState)
	done.Verification = &apply.Verification{Checked: 3, Visible: 3, Took: 2300 * time.Millisecond, Servers: make([]apply.Server, 4)}
	unseen := result("knot", "example.org.", 2, apply.Unseen)
	unseen.Error = "1 of 2 RRsets are not answered as written; first: www.example.org. A at 192.0.2.1: still 192.0.2.9"
	unseen.Verification = &apply.Verification{Checked: 2, Visible: 1, Took: time.Minute, Missing: []string{"www.example.org. A at 192.0.2.1: still 192.0.2.9"}}
	failed := result("pdns", "example.org.", 2, apply.Failed)
	failed.Err = errors.New("write example.org.: denied: 401 Unauthorized")
	failed.Error = failed.Err.Error()
	waiting := result("pdns", "sub.example.org.", 5, apply.NotStarted)
	waiting.Err = context.Canceled
	waiting.Error = waiting.Err.Error()
	folder := result("bind", "example.org.", 1, apply.DoneState)
	folder.Verification = &apply.Verification{Skipped: "target serves no DNS"}
	folder.Receipt.Notes = []string{"reload: zone \x1b[31mreloaded"}
	return &apply.Report{Results: []apply.Result{done, unseen, failed, waiting, folder}, Took: 61 * time.Second, Cancelled: true}
}

func TestReport(t *testing.T) {
	t.Parallel()
	many := &apply.Report{Took: 3 * time.Second}
	for i := range 60 {
		res := result("route53", fmt.Sprintf("z%02d.example.", i), 2, apply.DoneState)
		if i == 7 {
			res = result("route53", "z07.example.", 2, apply.UnknownEnd)
			res.Error = "the answer was lost, and the zone cannot be read"
		}
		many.Results = append(many.Results, res)
	}
	for name, test := range map[string]struct {
		report *apply.Report
		failed []plan.Target
		paint  term.Paint
	}{
		"report.txt":        {mixedReport(), []plan.Target{{Provider: "gone", Zone: zone.MustName("example.org.")}}, term.Paint{}},
		"report.colour.txt": {mixedReport(), nil, term.Paint{On: true}},
		"report.many.txt":   {many, nil, term.Paint{}},
		"report.done.txt":   {&apply.Report{Results: mixedReport().Results[:1], Took: 4 * time.Second}, nil, term.Paint{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			writeReport(&b, test.report, test.failed, test.paint)
			golden(t, name, b.String())
		})
	}
}

func TestReportExit(t *testing.T) {
	t.Parallel()
	gone := []plan.Target{{Provider: "gone"}}
	part := result("a", "example.org.", 2, apply.Failed)
	part.Receipt = &provider.Receipt{Sets: []provider.Outcome{provider.Done, provider.NotDone}}
	back := result("a", "example.org.", 1, apply.DoneState)
	back.State = apply.Compensated
	ok, bad := result("a", "example.org.", 1, apply.DoneState), result("b", "example.org.", 1, apply.Failed)
	for name, test := range map[string]struct {
		results []apply.Result
		failed  []plan.Target
		want    int
	}{
		"all done":                       {[]apply.Result{ok, ok}, nil, exitOK},
		"nothing to do":                  {[]apply.Result{result("a", "example.org.", 0, apply.Unchanged)}, nil, exitOK},
		"one of two":                     {[]apply.Result{ok, bad}, nil, exitPartial},
		"none":                           {[]apply.Result{bad, bad}, nil, exitError},
		"a part of one":                  {[]apply.Result{part}, nil, exitPartial},
		"done, and one was not planned":  {[]apply.Result{ok}, gone, exitPartial},
		"written, but not seen":          {[]apply.Result{result("a", "example.org.", 1, apply.Unseen)}, nil, exitPartial},
		"put back because another fails": {[]apply.Result{back, bad}, nil, exitError},
		"refused: the state moved":       {[]apply.Result{result("a", "example.org.", 1, apply.Refused)}, nil, exitError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := reportExit(&apply.Report{Results: test.results}, test.failed); got != test.want {
				t.Errorf("exit = %d, want %d", got, test.want)
			}
		})
	}
}

func TestLiveRows(t *testing.T) {
	t.Parallel()
	var plans []*plan.Plan
	for i := range 30 {
		plans = append(plans, planFor("route53", fmt.Sprintf("z%02d.example.", i), 4))
	}
	small := newLive(nil, view.Style{}, plans[:4])
	small.observe(apply.Event{Target: plans[0].Target, State: apply.DoneState, Done: 4, Total: 4})
	small.observe(apply.Event{Target: plans[1].Target, State: apply.Writing, Done: 1, Total: 4, Text: "throttled, again in 2 s"})
	small.observe(apply.Event{Target: plans[2].Target, State: apply.Failed, Total: 4, Text: "denied"})
	small.interrupted()
	large := newLive(nil, view.Style{}, plans)
	large.observe(apply.Event{Target: plans[17].Target, State: apply.Verifying, Done: 2, Total: 4})
	large.observe(apply.Event{Target: plans[3].Target, State: apply.DoneState, Done: 4, Total: 4})
	for name, l := range map[string]*live{"live.txt": small, "live.many.txt": large} {
		got := l.rows(12, 2*time.Second)
		if len(got) > 12 {
			t.Errorf("%s: %d rows, want at most 12", name, len(got))
		}
		golden(t, name, strings.Join(got, "\n")+"\n")
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := newApp(strings.NewReader(""), &out, &bytes.Buffer{})
	a.env = func(string) (string, bool) { return "", false }
	began := time.Date(2026, 11, 21, 12, 0, 0, 0, time.Local)
	p := planFor("route53", "example.org.", 2)
	v := store.Version{
		ID: 12, Run: "20261121T120000Z-abcdef", Target: p.Target, Began: began, Ended: began.Add(time.Second), Outcome: "done", Actor: "ada@laptop",
		Reason: "ticket\x1b[31m 7", Creates: 2, Changes: p.Changes,
	}
	if err := a.writeHistory([]store.Version{v, {ID: 3, Target: p.Target, Began: began, Outcome: "unknown", Actor: "bob@ci", Updates: 1, Deletes: 4}}); err != nil {
		t.Fatal(err)
	}
	out.WriteString("\n")
	if err := a.writeVersion(&v); err != nil {
		t.Fatal(err)
	}
	golden(t, "history.txt", out.String())
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 ms", 999 * time.Microsecond: "0 ms", 45 * time.Millisecond: "45 ms", 1250 * time.Millisecond: "1.2 s",
		59 * time.Second: "59 s", 61500 * time.Millisecond: "1m2s",
	} {
		if got := duration(d); got != want {
			t.Errorf("duration(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestTablesFitTheTerminal(t *testing.T) {
	t.Parallel()
	rows := [][]string{
		{"id", "what it can"},
		{"cloudflare", "21 types, apex NS, ALIAS, lists zones"},
		{"files", "\x1b[31mnothing of all that, for it is red\x1b[0m"},
	}
	for _, c := range []struct {
		width int
		want  string
	}{
		{0, "id          what it can\ncloudflare  21 types, apex NS, ALIAS, lists zones\nfiles       \x1b[31mnothing of all that, for it is red\x1b[0m\n"},
		{36, "id          what it can\ncloudflare  21 types, apex NS,\n            ALIAS, lists zones\nfiles       \x1b[31mnothing of all that, for it is red\x1b[0m\n"},
		{20, "id          what it can\ncloudflare  21 types, apex NS, ALIAS, lists zones\nfiles       \x1b[31mnothing of all that, for it is red\x1b[0m\n"},
	} {
		var b strings.Builder
		writeTable(&b, folded(rows, c.width), term.Paint{})
		if b.String() != c.want {
			t.Errorf("width %d:\n%s\nwant\n%s", c.width, b.String(), c.want)
		}
	}
}
