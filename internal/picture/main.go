// Command picture draws what a program printed to a terminal as an SVG, for the README:
//
//	CLICOLOR_FORCE=1 scripts/demo | go run ./internal/picture -from '== 4' -to '== 5' > docs/terminal.svg
//
// It knows the colours and weights of ANSI (ECMA-48, SGR) and nothing else; other escape sequences
// are left out.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"html"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

func main() {
	from := flag.String("from", "", "first line: the first that contains this `TEXT`")
	to := flag.String("to", "", "the line before the next that contains this `TEXT` is the last")
	title := flag.String("title", "zonecast", "title of the window")
	flag.Parse()
	lines, err := read(os.Stdin, *from, *to)
	if err == nil && len(lines) == 0 {
		err = fmt.Errorf("no line contains %q", *from)
	}
	if err == nil {
		_, err = os.Stdout.WriteString(draw(lines, *title))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

// read takes the lines from one that contains from to the one before to.
func read(r io.Reader, from, to string) ([]string, error) {
	var out []string
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	started := false
	for s.Scan() {
		line := strings.TrimRight(s.Text(), " \r")
		plain := escape.ReplaceAllString(line, "")
		if !started && strings.Contains(plain, from) {
			started = true
		} else if started && to != "" && strings.Contains(plain, to) {
			break
		}
		if started {
			out = append(out, line)
		}
	}
	for len(out) > 0 && strings.TrimSpace(escape.ReplaceAllString(out[len(out)-1], "")) == "" {
		out = out[:len(out)-1]
	}
	return out, s.Err()
}

var escape = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// Sizes in pixels of the picture; a character is charWidth wide in every font that is asked for.
const (
	charWidth, lineHeight, fontSize = 8.43, 19, 14
	margin, bar                     = 18, 36
)

// A look is how text is shown.
type look struct {
	bold, dim bool
	colour    string
}

// colours of SGR 30 to 37 and 90 to 97, on a dark ground.
var colours = map[int]string{
	30: "#6b7280", 31: "#f87171", 32: "#4ade80", 33: "#facc15", 34: "#60a5fa", 35: "#c084fc", 36: "#22d3ee", 37: "#e5e7eb",
	90: "#6b7280", 91: "#fca5a5", 92: "#86efac", 93: "#fde047", 94: "#93c5fd", 95: "#d8b4fe", 96: "#67e8f9", 97: "#ffffff",
}

func draw(lines []string, title string) string {
	columns := 60
	for _, l := range lines {
		columns = max(columns, utf8.RuneCountInString(escape.ReplaceAllString(l, "")))
	}
	width := float64(columns)*charWidth + 2*margin
	height := len(lines)*lineHeight + bar + 2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" width="%.0f" height="%d" role="img" aria-label="%s in a terminal">
<rect width="100%%" height="100%%" rx="10" fill="#0f172a"/>
<circle cx="22" cy="20" r="6" fill="#f87171"/><circle cx="42" cy="20" r="6" fill="#facc15"/><circle cx="62" cy="20" r="6" fill="#4ade80"/>
<text x="50%%" y="25" text-anchor="middle" fill="#94a3b8" font-family="system-ui, sans-serif" font-size="13">%s</text>
<g font-family="ui-monospace, 'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace" font-size="%d" fill="#e2e8f0" xml:space="preserve">
`, width, height, width, height, html.EscapeString(title), html.EscapeString(title), fontSize)
	for i, l := range lines {
		drawLine(&b, l, bar+margin+(i+1)*lineHeight-5)
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

// drawLine places each run of one look by itself, so that columns stand whatever the font.
func drawLine(b *strings.Builder, line string, y int) {
	var now look
	column := 0
	run := func(text string) {
		n := utf8.RuneCountInString(text)
		if strings.TrimSpace(text) != "" {
			fmt.Fprintf(b, `<text x="%.1f" y="%d" textLength="%.1f"%s>%s</text>`+"\n", margin+float64(column)*charWidth, y, float64(n)*charWidth, now.attributes(), html.EscapeString(text))
		}
		column += n
	}
	for {
		at := escape.FindStringIndex(line)
		if at == nil {
			run(line)
			return
		}
		run(line[:at[0]])
		if code := line[at[0]:at[1]]; strings.HasSuffix(code, "m") {
			now.change(code[2 : len(code)-1])
		}
		line = line[at[1]:]
	}
}

func (l *look) change(codes string) {
	for c := range strings.SplitSeq(codes, ";") {
		n, _ := strconv.Atoi(c)
		switch {
		case n == 0:
			*l = look{}
		case n == 1:
			l.bold = true
		case n == 2:
			l.dim = true
		case n == 22:
			l.bold, l.dim = false, false
		case n == 39:
			l.colour = ""
		case colours[n] != "":
			l.colour = colours[n]
		}
	}
}

func (l look) attributes() string {
	var b strings.Builder
	if l.bold {
		b.WriteString(` font-weight="bold"`)
	}
	switch {
	case l.colour != "":
		fmt.Fprintf(&b, ` fill="%s"`, l.colour)
	case l.dim:
		b.WriteString(` fill="#94a3b8"`)
	}
	return b.String()
}
