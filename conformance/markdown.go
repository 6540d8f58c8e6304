package conformance

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table prints reports side by side as Markdown: who was attacked, what they claim, how each
// group ended, and as notes why one was skipped. One report alone says it in words. It holds no
// times, so that equal results give equal text.
func Table(reports ...*Report) string {
	var b strings.Builder
	heads := shorts(reports)
	notes := &footnotes{}
	grid := func(first string, rows [][]string) {
		writeGrid(&b, slices.Concat([][]string{slices.Concat([]string{first}, heads)}, rows))
	}

	who := [][]string{{"", "run against", "proof", "passed", "failed", "skipped", "not declared", "states"}}
	for i, r := range reports {
		who = append(who, slices.Concat([]string{"**" + heads[i] + "**", r.Subject, r.Capabilities.Proof}, r.counts()))
	}
	writeGrid(&b, who)

	b.WriteString("\n## What they can hold\n\n")
	var rows [][]string
	for _, c := range described {
		row := []string{c.name}
		for _, r := range reports {
			row = append(row, c.text(r.Capabilities))
		}
		rows = append(rows, row)
	}
	for i, r := range reports {
		if r.Capabilities.Window != "" {
			at := slices.IndexFunc(rows, func(row []string) bool { return row[0] == "compare-and-set" })
			rows[at][i+1] += notes.mark(r.Capabilities.Window)
		}
	}
	grid("capability", rows)

	b.WriteString("\n## What they stood\n\n")
	if len(reports) > 1 {
		b.WriteString(passed + " passed, " + failed + " failed, " + skipped + " skipped with the reason below, " + silent + " not declared\n\n")
	}
	rows = nil
	for _, name := range groupNames(reports) {
		row := []string{name}
		for _, r := range reports {
			if len(reports) == 1 {
				row = append(row, r.inWords(name))
			} else {
				row = append(row, r.ended(name, notes))
			}
		}
		rows = append(rows, row)
	}
	grid("group", rows)
	notes.write(&b)
	writeFigures(&b, heads, reports)

	b.WriteString("\n## Types that can be written\n\n")
	for i, r := range reports {
		fmt.Fprintf(&b, "- **%s**: %s\n", heads[i], typeNames(r.Capabilities))
	}
	for i, r := range reports {
		for _, claim := range r.Unproven {
			fmt.Fprintf(&b, "\n%s claims %s, which no group proved.\n", heads[i], claim)
		}
	}
	return b.String()
}

// shorts are the heads of the columns: short, and each once.
func shorts(reports []*Report) []string {
	var out []string
	for _, r := range reports {
		first, _, _ := strings.Cut(r.Subject, " ")
		head := cmp.Or(r.Short, first)
		for n, name := 2, head; ; n++ {
			if !slices.Contains(out, name) {
				out = append(out, name)
				break
			}
			name = fmt.Sprintf("%s %d", head, n)
		}
	}
	return out
}

// writeGrid writes a table whose columns are aligned, for those who read it as text.
func writeGrid(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]), 3)
		}
	}
	if len(widths) < 3 { // nothing to hold side by side
		clear(widths)
	}
	for n, row := range rows {
		for i, text := range row {
			b.WriteString("| " + text + strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(text))) + " ")
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for _, w := range widths {
			b.WriteString("| " + strings.Repeat("-", max(w, 3)) + " ")
		}
		b.WriteString("|\n")
	}
}

func cell(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.ReplaceAll(s, "|", "\\|")
}

// footnotes are texts that stand below a table, each once.
type footnotes struct{ list []string }

// mark gives the sign that points at a text.
func (f *footnotes) mark(text string) string {
	i := slices.Index(f.list, text)
	if i < 0 {
		i = len(f.list)
		f.list = append(f.list, text)
	}
	return fmt.Sprintf(" (%d)", i+1)
}

func (f *footnotes) write(b *strings.Builder) {
	if len(f.list) > 0 {
		b.WriteString("\n")
	}
	for i, text := range f.list {
		fmt.Fprintf(b, "%d. %s\n", i+1, cell(text))
	}
}

// everyTypeRow heads the row that the groups of single types share.
const everyTypeRow = "L1 every declared type"

// groupNames are the rows of the second table, by level.
func groupNames(reports []*Report) []string {
	var names []string
	for _, r := range reports {
		for _, x := range r.Results {
			name := fmt.Sprintf("L%d %s", x.Level, x.Group)
			if strings.HasPrefix(x.Group, typeGroup) {
				name = everyTypeRow
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return strings.Compare(a[:2], b[:2]) })
	return names
}

// typeGroup begins the names of the groups of single types, which share a row.
const typeGroup = "type "

// everyDeclared is the cell of all groups of single types.
func (r *Report) everyDeclared(notes *footnotes) string {
	n := 0
	var bad []string
	marks := ""
	for _, x := range r.Results {
		t, ok := strings.CutPrefix(x.Group, typeGroup)
		switch {
		case !ok || x.NotDeclared():
		case x.Status == Passed:
			n++
		case x.Status == Skipped:
			marks += notes.mark(t + ": " + x.Reason)
		default:
			bad = append(bad, t)
		}
	}
	if len(bad) > 0 {
		return failed + " " + strings.Join(bad, " ")
	}
	return passed + " " + strconv.Itoa(n) + marks
}

// ended is the cell of a group.
func (r *Report) ended(name string, notes *footnotes) string {
	if name == everyTypeRow {
		return r.everyDeclared(notes)
	}
	for _, x := range r.Results {
		switch {
		case fmt.Sprintf("L%d %s", x.Level, x.Group) != name:
		case x.NotDeclared():
			return silent
		case x.Status == Skipped:
			return skipped + notes.mark(x.Reason)
		case x.Status == Passed:
			return passed
		default:
			return failed
		}
	}
	return ""
}

// inWords is ended for a report that stands alone.
func (r *Report) inWords(name string) string {
	if name == everyTypeRow {
		notes := &footnotes{}
		text := r.everyDeclared(notes)
		text, _, _ = strings.Cut(text, " (")
		n := strings.NewReplacer(passed+" ", "passed ", failed+" ", "**failed** ").Replace(text)
		if len(notes.list) > 0 {
			n += "; – " + strings.Join(notes.list, "; – ")
		}
		return n
	}
	for _, x := range r.Results {
		if fmt.Sprintf("L%d %s", x.Level, x.Group) == name {
			switch x.Status {
			case Passed:
				return "passed"
			case Skipped:
				return "– (" + x.Reason + ")"
			default:
				return "**failed**"
			}
		}
	}
	return ""
}

// counts are how many groups passed, failed, were skipped, were not declared, and the states.
func (r *Report) counts() []string {
	var passed, failed, skipped, silent, steps int
	for _, x := range r.Results {
		steps += x.Steps
		switch {
		case x.NotDeclared():
			silent++
		case x.Status == Skipped:
			skipped++
		case x.Status == Passed:
			passed++
		default:
			failed++
		}
	}
	var out []string
	for _, n := range []int{passed, failed, skipped, silent, steps} {
		out = append(out, strconv.Itoa(n))
	}
	return out
}

// refusedNote begins what a group notes of an edge that an account was refused.
const refusedNote = "refused: "

// writeFigures lists what groups measured, and what was refused.
func writeFigures(b *strings.Builder, heads []string, reports []*Report) {
	section := func(title string, refused bool) {
		first := true
		for i, r := range reports {
			for _, x := range r.Results {
				for _, note := range x.Notes {
					text, is := strings.CutPrefix(note, refusedNote)
					if is != refused {
						continue
					}
					if first {
						b.WriteString("\n## " + title + "\n\n")
						first = false
					}
					fmt.Fprintf(b, "- **%s**, %s: %s\n", heads[i], x.Group, text)
				}
			}
		}
	}
	section("Calls", false)
	section("Edges that the service refused", true)
}

// Refused lists what the service refused of the group, where the run could not know whether it is
// documented to do so: edges, or the state at which the group ended.
func (r Result) Refused() []string {
	var out []string
	if text, ok := strings.CutPrefix(r.Reason, refusedHere); ok && r.Status == Skipped {
		out = append(out, text)
	}
	for _, note := range r.Notes {
		if text, ok := strings.CutPrefix(note, refusedNote); ok {
			out = append(out, text)
		}
	}
	return out
}
