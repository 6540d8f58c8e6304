package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	xterm "golang.org/x/term"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/plan/view"
	"github.com/zonecast/zonecast/provider/httpkit"
)

const redraw = 100 * time.Millisecond

// A live table shows on a terminal what each target of a run is doing. It is drawn again in place,
// and taken away when the run ends: the report stands there then.
type live struct {
	out   *os.File
	style view.Style
	begun time.Time
	quit  chan struct{}
	ended chan struct{}

	mu    sync.Mutex // guards what follows
	order []plan.Target
	last  map[plan.Target]apply.Event
	lines int // drawn last time
	note  string
	waits map[string]liveWait // by account
}

// A liveWait is a wait and until when it is shown.
type liveWait struct {
	httpkit.Wait
	shown time.Time
}

func newLive(out *os.File, style view.Style, plans []*plan.Plan) *live {
	l := &live{out: out, style: style, begun: time.Now(), last: map[plan.Target]apply.Event{}, waits: map[string]liveWait{}, quit: make(chan struct{}), ended: make(chan struct{})}
	for _, p := range plans {
		l.order = append(l.order, p.Target)
		l.last[p.Target] = apply.Event{Target: p.Target, State: apply.Waiting, Total: p.Changes.Len()}
	}
	return l
}

// start draws until stop.
func (l *live) start() {
	go func() {
		defer close(l.ended)
		tick := time.NewTicker(redraw)
		defer tick.Stop()
		for {
			l.draw()
			select {
			case <-tick.C:
			case <-l.quit:
				l.clear()
				return
			}
		}
	}()
}

func (l *live) stop() {
	close(l.quit)
	<-l.ended
}

func (l *live) observe(e apply.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[e.Target] = e
}

func (l *live) wait(w httpkit.Wait) {
	l.mu.Lock()
	defer l.mu.Unlock()
	until := w.Until
	if until.IsZero() {
		until = time.Now().Add(toldFor)
	}
	l.waits[w.Account] = liveWait{w, until}
}

func (l *live) interrupted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note = "interrupted: writes in flight finish (up to 30 s), nothing new begins; interrupt again to stop at once"
}

func (l *live) draw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	width, height := l.style.Width, 24
	if w, h, err := xterm.GetSize(int(l.out.Fd())); err == nil && w > 0 && h > 0 {
		width, height = w, h
	}
	rows := l.rows(max(3, height-2), time.Since(l.begun))
	var b strings.Builder
	l.up(&b)
	for _, r := range rows {
		b.WriteString(term.Cut(r, width-1) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	l.lines = len(rows)
	_, _ = l.out.WriteString(b.String())
}

// up goes back to where the table begins.
func (l *live) up(b *strings.Builder) {
	if l.lines > 0 {
		fmt.Fprintf(b, "\x1b[%dA\r", l.lines)
	}
}

func (l *live) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	l.up(&b)
	b.WriteString("\x1b[J")
	l.lines = 0
	_, _ = l.out.WriteString(b.String())
}

// rows are the lines of the table: one for each target while they fit, else those that something
// happens at, and always a line that counts.
func (l *live) rows(most int, since time.Duration) []string {
	p := term.Paint{On: l.style.Colour}
	count := map[apply.State]int{}
	shown := l.order
	for _, t := range l.order {
		count[l.last[t].State]++
	}
	if len(l.order) > most-2 {
		shown = slices.DeleteFunc(slices.Clone(l.order), func(t plan.Target) bool {
			switch l.last[t].State {
			case apply.Waiting, apply.DoneState, apply.Unchanged:
				return true
			}
			return false
		})
		shown = shown[:min(len(shown), most-2)]
	}
	name := 0
	for _, t := range shown {
		name = max(name, term.Columns(t.String()))
	}
	var out []string
	for _, t := range shown {
		e := l.last[t]
		line := fmt.Sprintf("%s %s  %s", mark(e.State, p), term.Pad(term.Clean(t.String()), name), term.Pad(stateText(e.State, p), 9))
		if e.Total > 0 {
			line += fmt.Sprintf("  %s %d/%d", bar(e), e.Done, e.Total)
		}
		if e.Text != "" {
			line += "  " + p.Dim(term.Clean(e.Text))
		}
		out = append(out, line)
	}
	var parts []string
	for _, s := range []apply.State{apply.Waiting, apply.Writing, apply.Verifying, apply.DoneState, apply.Unseen, apply.Failed, apply.UnknownEnd, apply.Refused, apply.NotStarted, apply.Compensated} {
		if n := count[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, stateText(s, p)))
		}
	}
	out = append(out, p.Dim(duration(since))+"  "+strings.Join(parts, ", "))
	for _, id := range slices.Sorted(maps.Keys(l.waits)) {
		if w := l.waits[id]; time.Now().Before(w.shown) && l.note == "" {
			out = append(out, p.Yellow(waitText(w.Wait)))
		}
	}
	if l.note != "" {
		out = append(out, p.Yellow(l.note))
	}
	return out
}

// mark is the state in one column, for those who do not see colours.
func mark(s apply.State, p term.Paint) string {
	m := "?"
	switch s {
	case apply.DoneState, apply.Unchanged:
		m = "✓"
	case apply.Waiting:
		m = "·"
	case apply.Writing:
		m = ">"
	case apply.Verifying:
		m = "⋯"
	case apply.Failed, apply.Refused:
		m = "✗"
	}
	return statePaint(s, p)(m)
}

// bar draws how far a target is, in ten columns.
func bar(e apply.Event) string {
	n := 0
	if e.Total > 0 {
		n = min(10, 10*e.Done/e.Total)
	}
	return strings.Repeat("█", n) + strings.Repeat("░", 10-n)
}
