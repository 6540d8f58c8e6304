package yaml11

import (
	"fmt"
	"strings"
	"unicode"
)

// Quote returns s as it must be written in block style so that readers of
// YAML 1.1 and of 1.2 get the string s back: plain when safe, else in single
// quotes, else in double quotes. Bytes that are not UTF-8 become U+FFFD.
func Quote(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	switch {
	case plainSafe(s):
		return s
	case strings.IndexFunc(s, unwritable) < 0:
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case !unwritable(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02X`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// unwritable reports characters that need an escape: controls, line ends of
// YAML 1.1, the byte order mark, and what an editor would not show.
func unwritable(r rune) bool {
	return r != ' ' && !unicode.IsGraphic(r) || r == 0x2028 || r == 0x2029 || r == 0xfffe || r == 0xffff
}

func plainSafe(s string) bool {
	if s == "" || s[0] == ' ' || s[len(s)-1] == ' ' || s[len(s)-1] == ':' ||
		strings.Contains(s, ": ") || strings.Contains(s, " #") ||
		strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") ||
		strings.IndexFunc(s, unwritable) >= 0 {
		return false
	}
	switch s[0] {
	case '?', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
		return false
	case '-':
		if len(s) == 1 || s[1] == ' ' {
			return false
		}
	}
	return plainKind(s) == String && !special(s)
}

// special reports strings of YAML 1.1 that some other reader takes for
// something else.
func special(s string) bool {
	switch strings.ToLower(s) {
	case "y", "n", "=", "<<", "yes", "no", "on", "off", "true", "false", "null":
		return true
	}
	u := unsign(s)
	if len(u) > 1 && u[0] == '.' && strings.ContainsRune("iInN", rune(u[1])) {
		return true
	}
	if len(u) >= 6 && span(u, isDigit) == 4 && u[4] == '-' && isDigit(u[5]) {
		return true // other readers know more spellings of dates
	}
	if len(u) > 2 && u[0] == '0' && strings.ContainsRune("oObBxX", rune(u[1])) && span(u[2:], isHex) == len(u)-2 {
		return true
	}
	return number12(u)
}

// number12 reports the unsigned integers and floats of the YAML 1.2 core
// schema, with underscores as some readers allow them.
func number12(u string) bool {
	n := span(u, isDigitUnder)
	digits := hasDigits(u[:n])
	u = u[n:]
	if u != "" && u[0] == '.' {
		n = span(u[1:], isDigitUnder)
		digits = digits || hasDigits(u[1:1+n])
		u = u[1+n:]
	}
	if !digits {
		return false
	}
	if u != "" && (u[0] == 'e' || u[0] == 'E') {
		u = unsign(u[1:])
		return u != "" && span(u, isDigit) == len(u)
	}
	return u == ""
}
