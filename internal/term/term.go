package term

import (
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// Is reports whether f is a terminal.
func Is(f *os.File) bool { return f != nil && term.IsTerminal(int(f.Fd())) }

// Width is the number of columns of the terminal f, or 0 when f is none. COLUMNS, where it is set
// to a number, wins.
func Width(f *os.File, env func(string) (string, bool)) int {
	if !Is(f) {
		return 0
	}
	if s, ok := env("COLUMNS"); ok {
		if n, err := strconv.Atoi(s); err == nil && n > 0 {
			return n
		}
	}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	return 80
}

// Colour reports whether output to f should be coloured: on a terminal that is not dumb, unless
// NO_COLOR is set and not empty (https://no-color.org). CLICOLOR_FORCE colours without a terminal.
func Colour(f *os.File, env func(string) (string, bool)) bool {
	if s, ok := env("NO_COLOR"); ok && s != "" {
		return false
	}
	if s, ok := env("CLICOLOR_FORCE"); ok && s != "" && s != "0" {
		return true
	}
	if s, _ := env("TERM"); s == "dumb" {
		return false
	}
	return Is(f)
}

// Paint colours text by ANSI sequences when it is on. The zero Paint leaves text as it is.
type Paint struct{ On bool }

func (p Paint) wrap(code, s string) string {
	if !p.On || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Green is for what comes.
func (p Paint) Green(s string) string { return p.wrap("32", s) }

// Red is for what goes, and for errors.
func (p Paint) Red(s string) string { return p.wrap("31", s) }

// Yellow is for what changes, and for warnings.
func (p Paint) Yellow(s string) string { return p.wrap("33", s) }

// Cyan is for notes.
func (p Paint) Cyan(s string) string { return p.wrap("36", s) }

// Bold is for headings.
func (p Paint) Bold(s string) string { return p.wrap("1", s) }

// Dim is for what matters less.
func (p Paint) Dim(s string) string { return p.wrap("2", s) }

// Columns counts the columns that s takes on a terminal. ANSI sequences take none, wide East Asian
// characters two, combining ones none.
func Columns(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if s[i] == 0x1b {
			i += sequence(s[i:])
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		n += runeColumns(r)
		i += size
	}
	return n
}

func runeColumns(r rune) int {
	switch {
	case r < 0x20 || r == 0x7f:
		return 0
	case r < 0x300 && r != 0xad:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// sequence is the length of the ANSI sequence that s starts with.
func sequence(s string) int {
	if i := strings.IndexByte(s, 'm'); i > 0 && i < 16 {
		return i + 1
	}
	return 1
}

// Cut shortens s to at most n columns, with "…" as the last when something is missing. ANSI
// sequences are kept whole. n <= 0 leaves s as it is.
func Cut(s string, n int) string {
	if n <= 0 || Columns(s) <= n {
		return s
	}
	var b strings.Builder
	used, painted := 0, false
	for i := 0; i < len(s); {
		if s[i] == 0x1b {
			l := sequence(s[i:])
			b.WriteString(s[i : i+l])
			painted = s[i:i+l] != "\x1b[0m"
			i += l
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if used+runeColumns(r) > n-1 {
			break
		}
		b.WriteString(s[i : i+size])
		used += runeColumns(r)
		i += size
	}
	b.WriteString("…")
	if painted {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

// Pad fills s with blanks up to n columns.
func Pad(s string, n int) string {
	if missing := n - Columns(s); missing > 0 {
		return s + strings.Repeat(" ", missing)
	}
	return s
}

// Fold breaks s at blanks into lines of at most n columns; a word that is longer stands alone. n <= 0
// leaves s as it is.
func Fold(s string, n int) []string {
	if n <= 0 || Columns(s) <= n {
		return []string{s}
	}
	var lines []string
	line, used := "", 0
	for word := range strings.FieldsSeq(s) {
		w := Columns(word)
		if line != "" && used+1+w > n {
			lines, line, used = append(lines, line), "", 0
		}
		if line != "" {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+w
	}
	return append(lines, line)
}

// Clean makes control characters visible, so that data from elsewhere cannot move the cursor or
// change colours.
func Clean(s string) string {
	if !strings.ContainsFunc(s, hostile) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hostile(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// hostile reports control characters but the tab and newline, and marks that reorder text.
func hostile(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
