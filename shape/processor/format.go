package processor

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// format is the part of Python's str.format that zone data uses: {name}, {name!s}, {name!r},
// {name:spec} with fill, alignment, sign, zeros, width, grouping and precision, and {{ }} for
// braces. Attributes and items ({a.b}, {a[0]}) are refused.
func format(text string, fields map[string]any) (string, error) {
	if !strings.ContainsAny(text, "{}") {
		return text, nil
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c != '{' && c != '}':
			b.WriteByte(c)
		case i+1 < len(text) && text[i+1] == c:
			b.WriteByte(c)
			i++
		case c == '}':
			return "", fmt.Errorf("single '}' in %q; write '}}' for a brace", text)
		default:
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				return "", fmt.Errorf("'{' without '}' in %q; write '{{' for a brace", text)
			}
			out, err := replacement(text[i+1:i+end], fields)
			if err != nil {
				return "", err
			}
			if b.WriteString(out); b.Len() > 1<<20 {
				return "", fmt.Errorf("the text becomes longer than 1 MiB")
			}
			i += end
		}
	}
	return b.String(), nil
}

// replacement is what stands between braces: name, conversion, spec.
func replacement(field string, fields map[string]any) (string, error) {
	name, spec, _ := strings.Cut(field, ":")
	name, conversion, converted := strings.Cut(name, "!")
	v, ok := fields[name]
	if !ok {
		if strings.ContainsAny(name, ".[") {
			return "", fmt.Errorf("{%s} looks into a value, which templates cannot do here", field)
		}
		return "", fmt.Errorf("undefined template parameter %q in value", name)
	}
	if converted {
		s, _ := scalarText(v)
		switch conversion {
		case "s":
			v = s
		case "r", "a":
			if _, isText := v.(string); isText {
				s = "'" + strings.ReplaceAll(s, "'", `\'`) + "'"
			}
			v = s
		default:
			return "", fmt.Errorf("{%s} has the unknown conversion %q", field, conversion)
		}
	}
	out, err := formatValue(v, spec)
	if err != nil {
		return "", fmt.Errorf("{%s}: %w", field, err)
	}
	return out, nil
}

// A formatSpec is [[fill]align][sign][#][0][width][,][.precision][type].
type formatSpec struct {
	fill             rune
	align, sign, typ byte
	zero             bool
	alternate        bool
	group            byte
	width, precision int
}

func parseSpec(s string) (f formatSpec, err error) {
	f.fill, f.precision = ' ', -1
	if r, n := utf8.DecodeRuneInString(s); n > 0 && len(s) > n && strings.IndexByte("<>^=", s[n]) >= 0 {
		f.fill, f.align, s = r, s[n], s[n+1:]
	} else if s != "" && strings.IndexByte("<>^=", s[0]) >= 0 {
		f.align, s = s[0], s[1:]
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		f.sign, s = s[0], s[1:]
	}
	if s != "" && s[0] == '#' {
		f.alternate, s = true, s[1:]
	}
	if s != "" && s[0] == '0' {
		f.zero, s = true, s[1:]
	}
	if f.width, s, err = digits(s, 0); err != nil {
		return f, err
	}
	if s != "" && (s[0] == ',' || s[0] == '_') {
		f.group, s = s[0], s[1:]
	}
	if s != "" && s[0] == '.' {
		if f.precision, s, err = digits(s[1:], -1); err != nil {
			return f, err
		}
		if f.precision < 0 {
			return f, fmt.Errorf("a precision is missing after the dot")
		}
	}
	if s != "" {
		f.typ, s = s[0], s[1:]
	}
	if s != "" {
		return f, fmt.Errorf("format %q is not understood", s)
	}
	return f, nil
}

func digits(s string, def int) (int, string, error) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == 0 {
		return def, s, nil
	}
	n, err := strconv.Atoi(s[:i])
	if err != nil || n > 4096 {
		return 0, "", fmt.Errorf("width %s is too large", s[:i])
	}
	return n, s[i:], nil
}

func formatValue(v any, spec string) (string, error) {
	f, err := parseSpec(spec)
	if err != nil {
		return "", err
	}
	text, ok := scalarText(v)
	if !ok {
		return "", fmt.Errorf("a list or mapping cannot be written")
	}
	switch f.typ {
	case 's':
		if _, isText := v.(string); !isText {
			return "", fmt.Errorf("format 's' wants text")
		}
	case 'd', 'x', 'X', 'o', 'b', 'c', 'n':
		n, ok := wholeNumber(v)
		if _, isText := v.(string); !ok || isText {
			return "", fmt.Errorf("format %q wants a whole number", f.typ)
		}
		return f.number(n), nil
	case 'f', 'F', 'e', 'E', 'g', 'G', '%':
		x, err := strconv.ParseFloat(text, 64)
		if _, isText := v.(string); err != nil || isText {
			return "", fmt.Errorf("format %q wants a number", f.typ)
		}
		return f.float(x), nil
	case 0:
		if n, ok := wholeNumber(v); ok {
			switch v.(type) {
			case string, bool:
			default:
				return f.number(n), nil
			}
		}
	default:
		return "", fmt.Errorf("format %q is unknown", f.typ)
	}
	if f.precision >= 0 {
		if runes := []rune(text); len(runes) > f.precision {
			text = string(runes[:f.precision])
		}
	}
	if f.zero && f.align == 0 {
		f.fill = '0'
	}
	return f.pad("", text, '<'), nil
}

func (f formatSpec) number(n int) string {
	sign, prefix := f.signOf(n < 0), ""
	u := uint64(n)
	if n < 0 {
		u = -u
	}
	var body string
	switch f.typ {
	case 'x', 'X':
		prefix, body = "0x", strconv.FormatUint(u, 16)
	case 'o':
		prefix, body = "0o", strconv.FormatUint(u, 8)
	case 'b':
		prefix, body = "0b", strconv.FormatUint(u, 2)
	case 'c':
		return f.pad("", string(rune(n)), '<')
	default:
		body = strconv.FormatUint(u, 10)
		if f.group != 0 {
			body = grouped(body, f.group)
		}
	}
	if f.alternate {
		sign += prefix
	}
	if f.typ == 'X' {
		sign, body = strings.ToUpper(sign), strings.ToUpper(body)
	}
	return f.padNumber(sign, body)
}

func (f formatSpec) float(x float64) string {
	prec := f.precision
	if prec < 0 {
		prec = 6
	}
	typ, after := f.typ, ""
	switch typ {
	case '%':
		typ, after, x = 'f', "%", x*100
	case 'F':
		typ = 'f'
	}
	sign := f.signOf(x < 0)
	return f.padNumber(sign, strings.TrimPrefix(strconv.FormatFloat(x, typ, prec, 64), "-")+after)
}

func (f formatSpec) signOf(negative bool) string {
	switch {
	case negative:
		return "-"
	case f.sign == '+' || f.sign == ' ':
		return string(f.sign)
	}
	return ""
}

func (f formatSpec) padNumber(sign, body string) string {
	if f.zero && f.align == 0 {
		f.fill, f.align = '0', '='
	}
	return f.pad(sign, body, '>')
}

// pad fills up to the width; '=' fills between sign and digits.
func (f formatSpec) pad(sign, body string, def byte) string {
	missing := f.width - utf8.RuneCountInString(sign) - utf8.RuneCountInString(body)
	if missing <= 0 {
		return sign + body
	}
	align := f.align
	if align == 0 {
		align = def
	}
	fill := func(n int) string { return strings.Repeat(string(f.fill), n) }
	switch align {
	case '<':
		return sign + body + fill(missing)
	case '^':
		return fill(missing/2) + sign + body + fill(missing-missing/2)
	case '=':
		return sign + fill(missing) + body
	default:
		return fill(missing) + sign + body
	}
}

func grouped(digits string, sep byte) string {
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(sep)
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}
