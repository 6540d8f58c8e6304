package yaml11

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// text is the content of one file, line ends brought to \n.
type text struct {
	file  string
	data  []byte
	ascii bool
}

// check finds what no YAML reader accepts: bytes that are not UTF-8 and
// control characters. It replaces \r\n and \r by \n.
func (t *text) check() (Problem, bool) {
	cr, high := false, false
	for i, c := range t.data {
		if c >= 0x20 && c < 0x7f || c == '\n' || c == '\t' {
			continue
		}
		switch {
		case c == '\r':
			cr = true
		case c >= 0x80:
			high = true
		default:
			what := fmt.Sprintf("control character 0x%02X", c)
			if c == 0 {
				what = "NUL byte"
			}
			return t.at(i, what+" in the file: it is not a text file, or damaged"), false
		}
	}
	t.ascii = !high
	if high {
		if i, ok := invalid(t.data); !ok {
			return t.at(i, "the file is not valid UTF-8 here"), false
		}
	}
	if cr {
		t.data = bytes.ReplaceAll(t.data, []byte("\r\n"), []byte("\n"))
		t.data = bytes.ReplaceAll(t.data, []byte("\r"), []byte("\n"))
	}
	return Problem{}, true
}

// invalid returns the offset of the first bytes that are not UTF-8 or that
// YAML excludes: C1 controls but NEL, a byte order mark inside, U+FFFE, U+FFFF.
func invalid(data []byte) (int, bool) {
	for i := 0; i < len(data); {
		if data[i] < 0x80 {
			i++
			continue
		}
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 || r < 0xa0 && r != 0x85 || r == 0xfeff || r == 0xfffe || r == 0xffff {
			return i, false
		}
		i += n
	}
	return 0, true
}

func (t *text) at(offset int, what string) Problem {
	return Problem{
		Pos: t.posAt(offset), ID: IDSyntax, Text: what,
		Fix: "save the file as UTF-8 text",
	}
}

// posAt counts lines and characters up to offset.
func (t *text) posAt(offset int) Pos {
	before := t.data[:offset]
	line := 1 + bytes.Count(before, []byte("\n"))
	start := bytes.LastIndexByte(before, '\n') + 1
	return Pos{t.file, line, 1 + utf8.RuneCount(before[start:])}
}

// explain turns an error of yaml v4 about a part of the text that is
// preceded by line lines into words for the person who wrote the file.
func (t *text) explain(err error, line int) Problem {
	p := Problem{Pos: Pos{t.file, line + 1, 1}, ID: IDSyntax, Text: err.Error()}
	if second, ok := errors.AsType[errSecondDocument](err); ok {
		p.Pos.Line = line + max(second.line, 1)
		p.Fix = "keep one document in each file: remove the --- or ... or split the file"
		return p
	}
	if errors.Is(err, errTooManyNodes) {
		p.ID, p.Fix = IDTooLarge, "split the file, or write it in block style without anchors"
		return p
	}
	le, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return p
	}
	if le.Mark.Line > 0 {
		p.Pos = Pos{t.file, line + le.Mark.Line, max(le.Mark.Column, 1)}
	}
	from := 0
	if le.ContextMark.Line > 0 {
		from = line + le.ContextMark.Line
	}
	p.Text, p.Fix = t.humanize(le.Message, le.ContextMsg, p.Pos, from)
	if p.Text == openQuote {
		p.Pos.Line, p.Pos.Col = from, max(le.ContextMark.Column, 1)
	}
	return p
}

const openQuote = "the quote opened here is never closed"

// humanize rewrites the messages that people meet most.
func (t *text) humanize(msg, context string, pos Pos, from int) (string, string) {
	c := t.charAt(pos)
	switch {
	case strings.Contains(msg, "mapping values are not allowed"):
		return "a \": \" where no key can be: the line is indented wrongly, or a value contains \": \"",
			"indent the key like its neighbours, or quote the value"
	case strings.Contains(msg, "cannot start any token") && c == '\t', strings.Contains(msg, "tab character"):
		return "a tab is used for indentation; YAML allows only spaces", "replace the tab by spaces"
	case strings.Contains(msg, "cannot start any token"):
		return fmt.Sprintf("an unquoted value cannot begin with %q", c), "quote the value"
	case strings.Contains(msg, "unknown anchor"):
		name := strings.TrimSuffix(strings.TrimPrefix(msg, "unknown anchor '"), "' referenced")
		return fmt.Sprintf("alias *%s has no anchor &%s above it", name, name),
			fmt.Sprintf("quote it if no alias is meant: '*%s'", name)
	case strings.Contains(context, "scanning an alias"), strings.Contains(context, "scanning an anchor"):
		if t.charAt(Pos{pos.File, pos.Line, pos.Col - 1}) == '&' {
			return "an unquoted & begins an anchor, and no name follows", "quote the value"
		}
		return "an unquoted * begins an alias, and no name follows", "quote it: '*'"
	case strings.Contains(msg, "unexpected end of stream") && strings.Contains(context, "quoted"):
		return openQuote, "add the closing quote"
	case strings.Contains(msg, "unknown escape"):
		return "unknown escape in a double-quoted text", `write \\ for a backslash, or use single quotes`
	case strings.Contains(msg, "did not find expected key"), strings.Contains(msg, "expected '-' indicator"),
		strings.Contains(msg, "could not find expected ':'"):
		what := msg
		if from > 0 && from != pos.Line {
			what += fmt.Sprintf(" (in the block that begins in line %d)", from)
		}
		return what, "check indentation and quotes on this line and the one above"
	case strings.Contains(context, "parsing a flow"):
		return context + ": " + msg, "close the bracket or brace, or quote the value that holds one"
	case context != "":
		return context + ": " + msg, ""
	}
	return msg, ""
}

// charAt returns the character at pos, 0 beyond the end.
func (t *text) charAt(pos Pos) rune {
	data := t.data
	for range pos.Line - 1 {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return 0
		}
		data = data[i+1:]
	}
	for range pos.Col - 1 {
		_, n := utf8.DecodeRune(data)
		data = data[n:]
	}
	if len(data) == 0 {
		return 0
	}
	r, _ := utf8.DecodeRune(data)
	return r
}
