package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// A Row is one line of the table: a piece of work, what it cost, what it may cost, and what it
// costs others.
type Row struct {
	Work   string  `json:"work"`
	Cost   Cost    `json:"cost"`
	Target Target  `json:"target,omitzero"`
	Others []Other `json:"others,omitempty"`
	Note   string  `json:"note,omitempty"`
	// Calls are those of providers' APIs that the work made, by provider and operation.
	Calls  map[string]map[string]int64 `json:"calls,omitempty"`
	Error  string                      `json:"error,omitempty"` // why it could not be measured
	Result string                      `json:"result"`          // ok, MISSED, or - where there is nothing to reach
}

// A Target says what is to be reached; zero fields say nothing.
type Target struct {
	User  time.Duration `json:"user_ns,omitempty"`
	CPU   time.Duration `json:"cpu_ns,omitempty"` // user and system
	Wall  time.Duration `json:"wall_ns,omitempty"`
	RSS   int64         `json:"rss_bytes,omitempty"`
	Calls int64         `json:"calls,omitempty"` // at most
	Times float64       `json:"times,omitempty"` // user CPU of the fastest other program of this run
	Scale float64       `json:"scale,omitempty"` // see Row.Note: the cost of one record, large against small
}

// An Other is the same work by another program.
type Other struct {
	Name      string `json:"name"`
	Cost      Cost   `json:"cost"`                // an RSS of 0 is unknown
	Elsewhere bool   `json:"elsewhere,omitempty"` // a constant: user CPU, or the wall where the target is on the wall
	Floor     bool   `json:"floor,omitempty"`     // part of the work only; no program to compete with
	Missing   bool   `json:"missing,omitempty"`   // not installed
	Calls     int64  `json:"calls,omitempty"`
}

const mib = 1 << 20

func elsewhere(name string, seconds float64, mem int64) Other {
	return Other{Name: name, Elsewhere: true, Cost: Cost{User: time.Duration(seconds * float64(time.Second)), RSS: mem * mib}}
}

// judge fills in the result.
func (r *Row) judge(scale float64) {
	t := r.Target
	switch {
	case t == Target{}:
		r.Result = "-"
	case r.Error != "",
		t.User > 0 && r.Cost.User >= t.User, t.CPU > 0 && r.Cost.User+r.Cost.Sys >= t.CPU,
		t.Calls > 0 && sum(r.Calls) > t.Calls, t.Wall > 0 && r.Cost.Wall >= t.Wall, t.RSS > 0 && r.Cost.RSS >= t.RSS,
		t.Scale > 0 && scale > t.Scale:
		r.Result = "MISSED"
	default:
		r.Result = "ok"
	}
	if t.Times > 0 && r.Error == "" {
		switch best, ok := r.fastest(); {
		case !ok:
			r.Result = "-" // nobody to compare with
		case float64(r.Cost.User) > t.Times*float64(best.Cost.User):
			r.Result = "MISSED"
		}
	}
}

// fastest returns the program of this run that needs the least user CPU.
func (r *Row) fastest() (best Other, ok bool) {
	for _, o := range r.Others {
		if !o.Missing && !o.Floor && !o.Elsewhere && (!ok || o.Cost.User < best.Cost.User) {
			best, ok = o, true
		}
	}
	return best, ok
}

func (t Target) String() string {
	var parts []string
	add := func(format string, a ...any) { parts = append(parts, fmt.Sprintf(format, a...)) }
	if t.User > 0 {
		add("< %.1f s", t.User.Seconds())
	}
	if t.CPU > 0 {
		add("< %.1f s user + system", t.CPU.Seconds())
	}
	if t.Wall > 0 {
		add("< %.1f s on the wall", t.Wall.Seconds())
	}
	if t.RSS > 0 {
		add("< %d MiB", t.RSS/mib)
	}
	if t.Calls > 0 {
		add("≤ %s calls", count(int(t.Calls)))
	}
	if t.Times > 0 {
		add("within %.0f× of the fastest", t.Times)
	}
	if t.Scale > 0 {
		add("linear (≤ %.1f)", t.Scale)
	}
	return cmp.Or(strings.Join(parts, ", "), "-")
}

func seconds(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < 100*time.Microsecond:
		return fmt.Sprintf("%.2f µs", float64(d)/float64(time.Microsecond))
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func memory(b int64) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%d MiB", (b+mib/2)/mib)
}

// other tells of a comparison: what it is, its cost, and how many times ours that is.
func (r *Row) other(o Other) (name, cost, ratio string) {
	name = o.Name
	if o.Missing {
		return name, "not installed", "-"
	}
	ours := r.Cost.User
	if o.Elsewhere {
		name += " (measured elsewhere)"
		ours = max(ours, r.Target.clock(r.Cost))
	}
	cost = seconds(o.Cost.User)
	switch {
	case r.Target.CPU > 0:
		ours += r.Cost.Sys
		o.Cost.User += o.Cost.Sys
		cost = seconds(o.Cost.User) + " user + system"
	case o.Cost.User == 0 || o.Cost.Wall > 0 && r.Target.Wall > 0: // of this run
		ours, o.Cost.User = r.Cost.Wall, o.Cost.Wall
		cost = seconds(o.Cost.Wall) + " on the wall"
	}
	ratio = times(float64(o.Cost.User), float64(ours))
	if o.Cost.RSS > 0 {
		cost += ", " + memory(o.Cost.RSS)
		ratio += ", " + times(float64(o.Cost.RSS), float64(r.Cost.RSS)) + " memory"
	}
	if o.Calls > 0 {
		cost += ", " + count(int(o.Calls)) + " calls"
		ratio += ", " + times(float64(o.Calls), float64(sum(r.Calls))) + " calls"
	}
	return name, cost, ratio
}

// clock is the time on the wall where that is what counts.
func (t Target) clock(c Cost) time.Duration {
	if t.Wall > 0 {
		return c.Wall
	}
	return 0
}

func times(theirs, ours float64) string {
	if ours == 0 {
		return "?"
	}
	if r := theirs / ours; r < 10 {
		return fmt.Sprintf("%.1f×", r)
	} else {
		return fmt.Sprintf("%.0f×", r)
	}
}

// printTable prints rows as a Markdown table whose columns are aligned.
func printTable(w io.Writer, rows []Row) {
	lines := [][]string{
		{"work", "user CPU", "system", "wall", "peak RSS", "to reach", "result", "compared with", "its cost", "times ours"},
		nil,
	}
	for _, r := range rows {
		l := []string{r.Work, seconds(r.Cost.User), seconds(r.Cost.Sys), seconds(r.Cost.Wall), memory(r.Cost.RSS), r.Target.String(), r.Result}
		if r.Error != "" {
			l = []string{r.Work, "-", "-", "-", "-", r.Target.String(), r.Result}
		}
		if r.Note != "" {
			l[0] += "; " + r.Note
		}
		if len(r.Calls) > 0 {
			l[0] += "; " + count(int(sum(r.Calls))) + " calls"
		}
		if len(r.Others) == 0 {
			lines = append(lines, append(l, "-", "-", "-"))
		}
		for i, o := range r.Others {
			if i > 0 {
				l = make([]string, 7)
			}
			name, cost, ratio := r.other(o)
			lines = append(lines, append(l, name, cost, ratio))
		}
	}
	width := make([]int, len(lines[0]))
	for _, l := range lines {
		for i, cell := range l {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, l := range lines {
		for i, n := range width {
			cell := strings.Repeat("-", n)
			if l != nil {
				cell = l[i] + strings.Repeat(" ", n-utf8.RuneCountInString(l[i]))
			}
			fmt.Fprintf(w, "| %s ", cell)
		}
		fmt.Fprintln(w, "|")
	}
	lead := "\nCalls:\n\n"
	for _, r := range rows {
		if len(r.Calls) > 0 {
			fmt.Fprintf(w, "%s- %s: %s\n", lead, r.Work, told(r.Calls))
			lead = ""
		}
	}
	for _, r := range rows {
		if r.Error != "" {
			fmt.Fprintf(w, "\n%s: %s\n", r.Work, r.Error)
		}
	}
}
