package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/nameserver/serve"
)

// A serverLog writes lines for people, with the time unless whoever reads them has it anyway.
type serverLog struct {
	a     *app
	stamp bool
	zones int

	mu     sync.Mutex
	second int64 // in which lines of changes were written last
	lines  int   // of changes, in this second
}

// edited tells what somebody did by the control interface.
func (l *serverLog) edited(e control.Entry) {
	what, reload := e.Action+" of zone "+e.Zone.String(), e.Action == "reload"
	if reload {
		what = e.Action // it concerns all zones
	}
	switch {
	case e.Err != nil:
		l.say("%s: %s: refused: %v", e.Client, what, e.Err)
	case reload:
		l.say("%s: reload: %s changed", e.Client, plural(e.Changes, "zone"))
	case e.Changes > 0:
		l.say("%s: %s: %s, serial %d → %d", e.Client, what, plural(e.Changes, "RRset"), e.Before, e.After)
	case e.After != e.Before:
		l.say("%s: %s: serial %d → %d", e.Client, what, e.Before, e.After)
	default:
		l.say("%s: %s", e.Client, what)
	}
}

// perSecond is how many changes are told in a second: zones may come by the thousand.
const perSecond = 20

// changed tells of a version that was transferred in, updated or made.
func (l *serverLog) changed(c serve.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now().Unix()
	if now != l.second {
		if more := l.lines - perSecond; more > 0 {
			l.say("… and %s more", plural(more, "change"))
		}
		l.second, l.lines = now, 0
	}
	if l.lines++; l.lines > perSecond {
		return
	}
	how := map[string]string{"primary": "held here", "secondary": "transferred", "catalog": "made here"}[c.Kind]
	switch {
	case c.Removed:
		l.say("zone %s: withdrawn", c.Origin)
	case c.New:
		l.say("zone %s: new, serial %d, %s, %s", c.Origin, c.Serial, plural(c.Sets, "RRset"), how)
	default:
		l.say("zone %s: serial %d → %d, %s, %s", c.Origin, c.Before, c.Serial, plural(c.Sets, "RRset"), how)
	}
}

func newServerLog(a *app) *serverLog {
	journal, _ := a.env("JOURNAL_STREAM")
	return &serverLog{a: a, stamp: journal == ""}
}

func (l *serverLog) line(text string) {
	if l.stamp {
		text = time.Now().Format("2006-01-02 15:04:05 ") + text
	}
	fmt.Fprintln(l.a.stderr, text)
}

func (l *serverLog) say(format string, args ...any) {
	if !l.a.quiet {
		l.line(fmt.Sprintf(format, args...))
	}
}

// most is how many lines of a kind are written at a time.
const most = 50

// finding writes what is found, and which zone it is about where neither place nor words say so.
func (l *serverLog) finding(f finding.Finding) {
	if f.Zone != "" && f.Place.IsZero() && !strings.Contains(" "+f.Text, " "+strings.TrimSuffix(f.Zone, ".")) {
		f.Text = "zone " + f.Zone + ": " + f.Text
	}
	if f.Severity == finding.Error || !l.a.quiet {
		l.line(f.String())
	}
}

func (l *serverLog) problems(fs []finding.Finding) {
	// Errors come first: they may be few among many warnings.
	fs = slices.Clone(fs)
	slices.SortStableFunc(fs, func(a, b finding.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	for i, f := range fs {
		if i == most {
			l.say("… and %d more of them; zonecast nameserver --check --json shows all", len(fs)-most)
			return
		}
		l.finding(f)
	}
}

func (l *serverLog) status() string {
	return plural(l.zones, "zone")
}

// start tells what is served, and where.
func (l *serverLog) start(s *serve.Server, r serve.Report, took time.Duration) {
	kinds := s.Zones()
	l.zones = 0
	for _, n := range kinds {
		l.zones += n
	}
	if r.Files > 0 || l.zones == 0 {
		l.say("%s from %s loaded in %v%s", plural(r.Zones, "zone"), plural(r.Files, "file"), took.Round(time.Millisecond), l.broken(r))
	}
	for _, k := range []struct{ kind, text string }{
		{"primary", "held here"}, {"secondary", "transferred in before, out of the store"}, {"catalog", "made here to list others"},
	} {
		if n := kinds[k.kind]; n > 0 {
			l.say("%s %s", plural(n, "zone"), k.text)
		}
	}
	for _, e := range s.Endpoints() {
		l.say("%s at %s", e.Service, e.Addr)
	}
	for _, at := range s.ControlAt() {
		l.say("control at %s", at)
	}
	if m := s.MetricsAddr(); m.IsValid() {
		l.say("metrics at http://%s/metrics", m)
	}
}

func (l *serverLog) broken(r serve.Report) string {
	if r.Broken == 0 {
		return ""
	}
	return fmt.Sprintf("; %s cannot be used", plural(r.Broken, "file"))
}

// report tells what a look at the folders has brought.
func (l *serverLog) report(r serve.Report) {
	l.zones = r.Zones
	l.problems(r.Findings)
	for i, c := range r.Changes {
		if i == most {
			l.say("… and %d more zones", len(r.Changes)-most)
			break
		}
		switch {
		case c.Removed:
			l.say("zone %s: withdrawn; %s is gone", c.Origin, c.File)
		case c.New:
			l.say("zone %s: new, serial %d, %s, from %s", c.Origin, c.Serial, plural(c.Sets, "RRset"), c.File)
		default:
			l.say("zone %s: serial %d → %d, %s, from %s", c.Origin, c.Before, c.Serial, plural(c.Sets, "RRset"), c.File)
		}
	}
	l.say("%s served from files; %d changed%s (%v)", plural(r.Zones, "zone"), len(r.Changes), l.broken(r), r.Took.Round(time.Microsecond))
}
