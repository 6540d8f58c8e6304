package view

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/plan"
)

// A Style says how text is laid out. The zero Style is plain and never cut.
type Style struct {
	Colour bool
	Width  int // columns of the terminal; 0: lines are as long as they are
}

func (s Style) paint() term.Paint { return term.Paint{On: s.Colour} }

// Text writes plans for people.
func Text(w io.Writer, plans []*plan.Plan, s Style) error {
	b := bufio.NewWriter(w)
	gs, idle := groups(plans)
	for i, g := range gs {
		if i > 0 {
			b.WriteByte('\n')
		}
		g.text(b, s)
	}
	if text := idleText(idle, len(gs) > 0); text != "" {
		if len(gs) > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(text + "\n")
		for _, p := range idle {
			for _, f := range p.Notes {
				if f.Severity == finding.Info {
					continue // nothing happens that it would explain
				}
				writeNote(b, s, remark{Finding: f, targets: []string{p.Target.Provider}}, " ("+term.Clean(p.Target.Provider)+")")
			}
		}
	}
	if text := total(plans, gs); text != "" {
		b.WriteString("\n" + s.paint().Bold(text) + "\n")
	}
	return b.Flush()
}

func (g *group) text(b *bufio.Writer, s Style) {
	p := s.paint()
	fmt.Fprintf(b, "%s at %s\n", p.Bold(g.zone), p.Bold(g.targets()))
	if g.missing {
		b.WriteString(p.Green("+ the zone does not exist there and is created") + "\n")
	}
	for _, c := range g.plans[0].Changes.Settings {
		fmt.Fprintf(b, "%s setting %s: %s\n", p.Yellow("~"), term.Clean(c.Key), s.value(wordDiff(term.Clean(c.Before), term.Clean(c.After))))
	}
	writeRows(b, g.rows, s)
	b.WriteString(counts(plan.Summarize(g.plans[:1])) + "\n")
	if dry := g.plans[0].DryRun; dry != "" {
		b.WriteString(p.Cyan("shown only, never applied: "+term.Clean(dry)) + "\n")
	}
	for _, r := range g.remarks(notesOf) {
		writeNote(b, s, r, r.at(g))
	}
	for _, r := range g.remarks(allowedOf) {
		fmt.Fprintf(b, "%s %s [%s]%s\n  because: %s\n", p.Yellow("allowed:"), term.Clean(r.Text), r.ID, r.at(g), term.Clean(r.Silenced))
	}
	for _, r := range g.remarks(heldOf) {
		fmt.Fprintf(b, "%s %s [%s]%s\n", p.Red("held:"), place(r.Finding)+term.Clean(r.Text), r.ID, r.at(g))
		if r.Fix != "" {
			fmt.Fprintf(b, "  to go on: %s\n", term.Clean(r.Fix))
		}
	}
}

func place(f finding.Finding) string {
	if f.Place.IsZero() {
		return ""
	}
	return term.Clean(f.Place.String()) + ": "
}

func writeNote(b *bufio.Writer, s Style, r remark, at string) {
	word := "note:"
	paint := s.paint().Cyan
	if r.Severity == finding.Warning {
		word, paint = "warning:", s.paint().Yellow
	} else if r.Severity == finding.Error {
		word, paint = "error:", s.paint().Red
	}
	text := place(r.Finding) + term.Clean(r.Text)
	if r.Fix != "" {
		text += "; " + term.Clean(r.Fix)
	}
	fmt.Fprintf(b, "%s %s [%s]%s\n", paint(word), text, r.ID, at)
}

const nameMost = 48 // columns that the widest name may claim for its column

// writeRows writes the changed RRsets in columns. w never fails.
func writeRows(w io.Writer, list []row, s Style) {
	name, typ, ttl := 0, 0, 0
	for _, r := range list {
		if n := term.Columns(r.title()); n <= nameMost {
			name = max(name, n)
		}
		typ, ttl = max(typ, len(r.typ)), max(ttl, len(r.ttlText()))
	}
	for _, r := range list {
		head := fmt.Sprintf("%c %s  %s  %s", r.mark, term.Pad(r.title(), name), term.Pad(r.typ, typ), term.Pad(r.ttlText(), ttl))
		r.write(w, head, s)
	}
}

func (r row) title() string {
	if r.idn != "" {
		return r.name + " (" + r.idn + ")"
	}
	return r.name
}

func (r row) ttlText() string {
	if len(r.ttl) == 2 {
		return r.ttl[0].text + " -> " + r.ttl[1].text
	}
	return r.ttl[0].text
}

// oneLine is how many columns of values go on one line when the width is not known.
const oneLine = 72

// write prints one RRset: values on the line of the name where they fit, else one a line.
func (r row) write(w io.Writer, head string, s Style) {
	texts := make([]string, len(r.values))
	columns := 0
	for i, v := range r.values {
		texts[i] = s.valueOf(r.mark, v)
		columns += term.Columns(texts[i]) + 1
	}
	if r.stay > 0 {
		texts = append(texts, s.paint().Dim(fmt.Sprintf("(%d others stay)", r.stay)))
		columns += 20
	}
	indent := strings.Repeat(" ", term.Columns(head)+2)
	room := oneLine
	if s.Width > 0 {
		room = s.Width - len(indent)
	}
	if s.Width > 0 && room < 24 { // no place beside the name
		indent = "      "
		room = s.Width - len(indent)
		fmt.Fprintln(w, s.cut(s.mark(r.mark, strings.TrimRight(head, " "))))
		head = ""
	}
	lines := texts
	if columns-1 <= room && (len(texts) == 1 || !slices.ContainsFunc(r.values, spaced)) {
		lines = []string{strings.Join(texts, " ")}
	}
	if len(lines) == 0 {
		lines = []string{""}
	}
	for i, l := range lines {
		switch {
		case i == 0 && head != "":
			l = strings.TrimRight(s.mark(r.mark, head)+"  "+l, " ")
		default:
			l = indent + l
		}
		if strings.TrimSpace(l) != "" {
			fmt.Fprintln(w, s.cut(l))
		}
	}
	for _, e := range r.extras {
		line := "    " + s.paintOf(e.mark)(string(rune(e.mark))+" "+term.Clean(e.key)+":") + " " + s.valueOf(e.mark, e.text)
		fmt.Fprintln(w, s.cut(line))
	}
}

// spaced reports whether blanks are part of a value, so that they cannot also separate values.
func spaced(v value) bool {
	return slices.ContainsFunc(v, func(p part) bool { return strings.Contains(p.text, " ") })
}

func (s Style) cut(line string) string { return term.Cut(line, s.Width) }

// mark colours the first character of a line.
func (s Style) mark(kind byte, head string) string {
	return s.paintOf(kind)(head[:1]) + head[1:]
}

func (s Style) paintOf(kind byte) func(string) string {
	switch kind {
	case added:
		return s.paint().Green
	case removed:
		return s.paint().Red
	case changed:
		return s.paint().Yellow
	}
	return func(t string) string { return t }
}

// valueOf prints a value of a created or deleted RRset in that colour, others by their parts.
func (s Style) valueOf(mark byte, v value) string {
	if mark != changed && len(v) == 1 && v[0].kind == same {
		return s.paintOf(mark)(v[0].text)
	}
	return s.value(v)
}

// value prints parts: [-old-] and [+new+], coloured besides.
func (s Style) value(v value) string {
	var b strings.Builder
	for i, p := range v {
		if s.Width > 0 && len(v) > 1 && p.kind == same {
			p.text = elide(p.text, i > 0, i < len(v)-1)
		}
		switch p.kind {
		case added:
			if i > 0 && v[i-1].kind == removed && len(v) == 2 {
				b.WriteByte(' ')
			}
			b.WriteString(s.paint().Green("[+" + p.text + "+]"))
		case removed:
			b.WriteString(s.paint().Red("[-" + p.text + "-]"))
		default:
			b.WriteString(p.text)
		}
	}
	return b.String()
}

const context = 16 // characters of a long value that are shown beside what changed in it

// elide leaves out the middle of what stays the same, or its far end, so that on a terminal what
// changes in a long value is seen.
func elide(text string, head, tail bool) string {
	r := []rune(text)
	switch {
	case head && tail && len(r) > 2*context+1:
		return string(r[:context]) + "…" + string(r[len(r)-context:])
	case !head && len(r) > 2*context:
		return string(r[:context/2]) + "…" + string(r[len(r)-context:])
	case !tail && len(r) > 2*context:
		return string(r[:context]) + "…" + string(r[len(r)-context/2:])
	}
	return text
}

// Findings writes findings, one a line: "file:line:col: severity: text; fix [id]".
func Findings(w io.Writer, fs []finding.Finding, s Style) error {
	b := bufio.NewWriter(w)
	p := s.paint()
	for _, f := range fs {
		line := term.Clean(strings.ReplaceAll(f.String(), "\n", " "))
		word := f.Severity.String() + ": "
		paint := p.Cyan
		switch f.Severity {
		case finding.Error:
			paint = p.Red
		case finding.Warning:
			paint = p.Yellow
		}
		if before, after, ok := strings.Cut(line, word); ok {
			line = before + paint(word[:len(word)-1]) + " " + after
		}
		b.WriteString(line + "\n")
	}
	return b.Flush()
}

// JSON writes plans as docs/plan-format.md describes: the same document that plan files hold.
func JSON(w io.Writer, plans []*plan.Plan) error { return plan.Encode(w, plans) }
