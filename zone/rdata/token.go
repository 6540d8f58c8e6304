package rdata

import (
	"errors"
	"fmt"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// A Token is one word or quoted string of presentation form. Escapes are kept; the quotes around
// a quoted string are not. A word may hold a quoted part after "=", as parameters of SVCB do
// (alpn="h2,h3").
type Token struct {
	Text   string
	Quoted bool
}

// An Error tells which token of the RDATA is wrong.
type Error struct {
	Token int // index; the number of tokens when something is missing at the end
	Text  string
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

func errorAt(token int, format string, args ...any) error {
	return &Error{Token: token, Text: fmt.Sprintf(format, args...)}
}

// Split cuts text into tokens. Parentheses and line breaks count as blanks, and a comment runs
// to the end of its line, as in master files.
func Split(text string) ([]Token, error) {
	var toks []Token
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n', '(', ')':
			i++
		case ';':
			n := strings.IndexByte(text[i:], '\n')
			if n < 0 {
				return toks, nil
			}
			i += n
		case '"':
			end := quoteEnd(text, i+1)
			if end < 0 {
				return nil, errorAt(len(toks), "quoted string %s has no end", clip(text[i:]))
			}
			toks = append(toks, Token{text[i+1 : end], true})
			i = end + 1
		default:
			end, err := wordEnd(text, i)
			if err != nil {
				return nil, errorAt(len(toks), "%v", err)
			}
			toks = append(toks, Token{Text: text[i:end]})
			i = end
		}
	}
	return toks, nil
}

// quoteEnd returns the index of the quote that ends the string whose content starts at i, or -1.
func quoteEnd(s string, i int) int {
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func wordEnd(s string, start int) (int, error) {
	i := start
	for ; i < len(s); i++ {
		switch s[i] {
		case ' ', '\t', '\r', '\n', '(', ')', ';':
			return i, nil
		case '\\':
			i++
		case '"':
			if s[i-1] != '=' {
				return i, nil
			}
			end := quoteEnd(s, i+1)
			if end < 0 {
				return 0, fmt.Errorf("quoted string %s has no end", clip(s[i:]))
			}
			i = end
		}
	}
	return min(i, len(s)), nil
}

var (
	errEscapeEnd    = errors.New(`a backslash at its end escapes nothing`)
	errEscapeDigits = errors.New(`a backslash and a digit must be followed by two more digits, \000 to \255`)
)

// appendUnescaped appends the octets that s stands for.
func appendUnescaped(b []byte, s string) ([]byte, error) {
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			return append(b, s...), nil
		}
		b = append(b, s[:i]...)
		s = s[i+1:]
		if s == "" {
			return b, errEscapeEnd
		}
		if s[0] < '0' || s[0] > '9' {
			b, s = append(b, s[0]), s[1:]
			continue
		}
		if len(s) < 3 || s[1] < '0' || s[1] > '9' || s[2] < '0' || s[2] > '9' {
			return b, errEscapeDigits
		}
		v := int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0')
		if v > 255 {
			return b, errEscapeDigits
		}
		b, s = append(b, byte(v)), s[3:]
	}
}

// appendEscaped appends s as the inside of a quoted string.
func appendEscaped[S string | []byte](b []byte, s S) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			b = append(b, c)
		}
	}
	return b
}

func appendQuoted[S string | []byte](b []byte, s S) []byte {
	return append(appendEscaped(append(b, '"'), s), '"')
}

// clip quotes what a person typed for an error message, cut when long.
func clip(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return fmt.Sprintf("%q", strings.ToValidUTF8(s, "\uFFFD"))
}

// appendName appends the wire form of a name in presentation form. Plain names take a short way.
func appendName(b []byte, text string, origin zone.Name) ([]byte, error) {
	if out, absolute, ok := appendPlainName(b, text); ok {
		switch {
		case absolute:
			if len(out)-len(b) <= 255 {
				return out, nil
			}
		case len(out)-len(b)+origin.WireLen() <= 255:
			return origin.AppendWire(out), nil
		}
	}
	n, err := zone.ParseNameIn(text, origin)
	if err != nil {
		return b, err
	}
	return n.AppendWire(b), nil
}

// appendPlainName handles names of letters, digits, hyphens and underscores; ok is false for all
// others. An absolute name gets its root label.
func appendPlainName(b []byte, s string) (out []byte, absolute, ok bool) {
	if s == "" || s[0] == '.' {
		return b, false, false
	}
	at := len(b)
	b = append(b, 0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_':
			b = append(b, c)
		case c >= 'A' && c <= 'Z':
			b = append(b, c+'a'-'A')
		case c == '.':
			n := len(b) - at - 1
			if n == 0 || n > 63 {
				return b[:at], false, false
			}
			b[at] = byte(n)
			at = len(b)
			b = append(b, 0)
			if i == len(s)-1 {
				return b, true, true
			}
		default:
			return b, false, false
		}
	}
	n := len(b) - at - 1
	if n == 0 || n > 63 {
		return b, false, false
	}
	b[at] = byte(n)
	return b, false, true
}
