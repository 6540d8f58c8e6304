package view

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/plan"
)

const (
	foldFrom = 20     // changed lines from which a plan is folded away
	noteMost = 60_000 // octets of a comment that GitHub and GitLab take with room to spare
)

// Markdown writes plans for the comment of a pull request: a summary that is always seen, the
// changes in blocks that are folded when they are long. What does not fit into a comment is cut
// with a line that says so; the saved plan has it all.
func Markdown(w io.Writer, plans []*plan.Plan) error {
	b := bufio.NewWriter(w)
	gs, idle := groups(plans)
	if len(gs) == 0 {
		b.WriteString("## Nothing to do\n\n" + mdEscape(idleText(idle, false)) + "\n")
		return b.Flush()
	}
	s := plan.Summarize(plans)
	fmt.Fprintf(b, "## Plan: %s\n\n", counts(s))
	if s.Held > 0 {
		fmt.Fprintf(b, "**%s not allowed:** nothing of the plans concerned is applied before somebody allows it.\n\n", number(s.Held, "objection"))
	}
	used := 0
	for i, g := range gs {
		var block strings.Builder
		bb := bufio.NewWriter(&block)
		g.markdown(bb)
		if err := bb.Flush(); err != nil {
			return err
		}
		if used += block.Len(); used > noteMost && i > 0 {
			fmt.Fprintf(b, "_%s more left out: a comment cannot hold them. The saved plan has everything._\n\n", number(len(gs)-i, "zone"))
			break
		}
		b.WriteString(block.String())
	}
	if text := idleText(idle, true); text != "" {
		b.WriteString(mdEscape(text) + "\n")
	}
	return b.Flush()
}

func (g *group) markdown(b *bufio.Writer) {
	fmt.Fprintf(b, "### %s at %s\n\n", mdEscape(g.zone), mdEscape(g.targets()))
	for _, r := range g.remarks(heldOf) {
		fmt.Fprintf(b, "> **held** `%s`%s: %s\n", r.ID, mdEscape(r.at(g)), mdEscape(place(r.Finding)+r.Text))
		if r.Fix != "" {
			fmt.Fprintf(b, ">\n> To go on: %s\n", mdEscape(r.Fix))
		}
		b.WriteByte('\n')
	}
	for _, r := range g.remarks(allowedOf) {
		fmt.Fprintf(b, "> **allowed** `%s`%s: %s — %s\n\n", r.ID, mdEscape(r.at(g)), mdEscape(r.Text), mdEscape(r.Silenced))
	}
	lines := g.diffLines()
	fold := len(lines) > foldFrom
	summary := counts(plan.Summarize(g.plans[:1]))
	if fold {
		fmt.Fprintf(b, "<details><summary>%s</summary>\n\n", summary)
	}
	fence := fenceFor(lines)
	b.WriteString(fence + "diff\n")
	used := 0
	for i, l := range lines {
		if used += len(l) + 1; used > noteMost {
			fmt.Fprintf(b, "# … and %d more lines\n", len(lines)-i)
			break
		}
		b.WriteString(l + "\n")
	}
	b.WriteString(fence + "\n\n")
	if fold {
		b.WriteString("</details>\n\n")
	} else {
		b.WriteString(summary + "\n\n")
	}
	if dry := g.plans[0].DryRun; dry != "" {
		fmt.Fprintf(b, "_Shown only, never applied: %s_\n\n", mdEscape(dry))
	}
	for _, r := range g.remarks(notesOf) {
		text := place(r.Finding) + r.Text
		if r.Fix != "" {
			text += "; " + r.Fix
		}
		fmt.Fprintf(b, "- %s: %s `%s`%s\n", r.Severity, mdEscape(text), r.ID, mdEscape(r.at(g)))
	}
	if len(g.remarks(notesOf)) > 0 {
		b.WriteByte('\n')
	}
}

// diffLines writes changes as a unified diff does, which viewers colour: what was as "-", what
// will be as "+".
func (g *group) diffLines() []string {
	var out []string
	if g.missing {
		out = append(out, "+ the zone does not exist there and is created")
	}
	for _, c := range g.plans[0].Changes.Settings {
		out = append(out, fmt.Sprintf("! setting %s: %s -> %s", term.Clean(c.Key), quoteEmpty(c.Before), quoteEmpty(c.After)))
	}
	for _, r := range g.rows {
		head := r.title() + "  " + r.typ + "  "
		ttl := func(kind byte) string {
			if len(r.ttl) == 2 && kind == removed {
				return r.ttl[0].text
			}
			return r.ttl[len(r.ttl)-1].text
		}
		stays := len(r.ttl) == 2 // then every value has a line on both sides
		for _, v := range r.values {
			old, fresh := v.sides()
			switch {
			case r.mark != changed:
				out = append(out, fmt.Sprintf("%c %s%s  %s", r.mark, head, ttl(r.mark), v[0].text))
				continue
			case old == fresh && old != "" && !stays:
				out = append(out, fmt.Sprintf("  %s%s  %s", head, ttl(added), fresh))
				continue
			}
			if old != "" {
				out = append(out, fmt.Sprintf("- %s%s  %s", head, ttl(removed), old))
			}
			if fresh != "" {
				out = append(out, fmt.Sprintf("+ %s%s  %s", head, ttl(added), fresh))
			}
		}
		if r.stay > 0 {
			mark, text := "  ", ttl(added)
			if stays {
				mark, text = "! ", r.ttlText()
			}
			out = append(out, fmt.Sprintf("%s%s%s  (%d others stay)", mark, head, text, r.stay))
		}
		if len(r.values) == 0 && r.stay == 0 {
			out = append(out, fmt.Sprintf("%c %s%s", diffMark(r.mark), head, r.ttlText()))
		}
		for _, e := range r.extras {
			old, fresh := e.text.sides()
			if e.mark != added {
				out = append(out, fmt.Sprintf("- %s%s: %s", head, term.Clean(e.key), old))
			}
			if e.mark != removed {
				out = append(out, fmt.Sprintf("+ %s%s: %s", head, term.Clean(e.key), fresh))
			}
		}
	}
	for i, l := range out {
		out[i] = strings.ReplaceAll(l, "\n", " ")
	}
	return out
}

func diffMark(kind byte) byte {
	if kind == changed {
		return '!'
	}
	return kind
}

// sides returns the value before and after.
func (v value) sides() (before, after string) {
	for _, p := range v {
		if p.kind != added {
			before += p.text
		}
		if p.kind != removed {
			after += p.text
		}
	}
	return before, after
}

func quoteEmpty(s string) string {
	if s == "" {
		return "(none)"
	}
	return term.Clean(s)
}

// fenceFor is longer than any run of backticks in the lines.
func fenceFor(lines []string) string {
	longest := 2
	for _, l := range lines {
		run := 0
		for i := range len(l) {
			if l[i] == '`' {
				run++
				longest = max(longest, run)
			} else {
				run = 0
			}
		}
	}
	return strings.Repeat("`", longest+1)
}

var mdReplacer = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", ">", "&gt;",
	"[", `\[`, "]", `\]`, "|", `\|`, "#", `\#`, "@", "@\u200b", "\n", " ")

// mdEscape keeps text from being read as markup, or from calling people by name.
func mdEscape(s string) string { return mdReplacer.Replace(term.Clean(s)) }
