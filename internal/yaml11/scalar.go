package yaml11

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// plainKind returns the type that YAML 1.1 gives to a plain scalar, by the
// rules of its resolver (https://yaml.org/type/) as PyYAML implements them:
// bare y and n are strings, an exponent needs a sign, a float needs a point.
func plainKind(s string) Kind {
	if s == "" {
		return Null
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9', c == '+', c == '-', c == '.':
		return numberKind(s)
	case c == '~':
		if s == "~" {
			return Null
		}
	case len(s) <= 5:
		switch s {
		case "null", "Null", "NULL":
			return Null
		case "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF",
			"true", "True", "TRUE", "false", "False", "FALSE":
			return Bool
		}
	}
	return String
}

func numberKind(s string) Kind {
	if isInt(s) {
		return Int
	}
	if isFloat(s) {
		return Float
	}
	if isTimestamp(s) {
		return Timestamp
	}
	return String
}

// span returns the length of the leading part of s made of the given class.
func span(s string, in func(byte) bool) int {
	i := 0
	for i < len(s) && in(s[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool      { return c >= '0' && c <= '9' }
func isDigitUnder(c byte) bool { return isDigit(c) || c == '_' }
func isOctal(c byte) bool      { return c >= '0' && c <= '7' || c == '_' }
func isBinary(c byte) bool     { return c == '0' || c == '1' || c == '_' }
func isHex(c byte) bool {
	return isDigitUnder(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unsign(s string) string {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		return s[1:]
	}
	return s
}

// isInt reports [-+]? then 0b[01_]+, 0[0-7_]+, 0x[hex_]+, 0, [1-9][0-9_]*
// or the latter with base-60 groups (:[0-5]?[0-9])+.
func isInt(s string) bool {
	s = unsign(s)
	if s == "" || !isDigit(s[0]) {
		return false
	}
	if s[0] == '0' {
		switch {
		case len(s) == 1:
			return true
		case s[1] == 'b':
			return hasDigits(s[2:]) && span(s[2:], isBinary) == len(s)-2
		case s[1] == 'x':
			return hasDigits(s[2:]) && span(s[2:], isHex) == len(s)-2
		}
		return span(s, isOctal) == len(s)
	}
	n := span(s, isDigitUnder)
	return n == len(s) || sexagesimal(s[n:]) == len(s)-n
}

// hasDigits is false for the empty text and for underscores alone, which
// match the grammar but have no value.
func hasDigits(s string) bool { return strings.Trim(s, "_") != "" }

// sexagesimal returns the length of the leading (:[0-5]?[0-9])+ of s.
func sexagesimal(s string) int {
	i := 0
	for i < len(s) && s[i] == ':' {
		n := span(s[i+1:], isDigit)
		if n == 0 || n > 2 || n == 2 && s[i+1] > '5' {
			return i
		}
		i += 1 + n
	}
	return i
}

func isFloat(s string) bool {
	switch s {
	case ".nan", ".NaN", ".NAN":
		return true
	}
	u := unsign(s)
	switch u {
	case ".inf", ".Inf", ".INF":
		return true
	case "":
		return false
	}
	if u[0] == '.' { // the signed form .5 is not in the grammar
		n := span(u[1:], isDigitUnder)
		return len(u) == len(s) && n > 0 && isDigit(u[1]) && isExponent(u[1+n:])
	}
	if !isDigit(u[0]) {
		return false
	}
	n := span(u, isDigitUnder)
	rest := u[n:]
	groups := sexagesimal(rest)
	rest = rest[groups:]
	if rest == "" || rest[0] != '.' {
		return false
	}
	rest = rest[1:]
	rest = rest[span(rest, isDigitUnder):]
	return rest == "" || groups == 0 && isExponent(rest)
}

// isExponent reports nothing at all or [eE][-+][0-9]+.
func isExponent(s string) bool {
	if s == "" {
		return true
	}
	return len(s) >= 3 && (s[0] == 'e' || s[0] == 'E') && (s[1] == '+' || s[1] == '-') &&
		span(s[2:], isDigit) == len(s)-2
}

// isTimestamp reports a date, or a date with a time as in
// https://yaml.org/type/timestamp.html.
func isTimestamp(s string) bool {
	_, ok := timestamp(s)
	return ok
}

// timestamp returns s as Python prints the date or date-time. Dates that no
// calendar has are not looked for.
func timestamp(s string) (text string, ok bool) {
	if len(s) < 8 || span(s, isDigit) != 4 || s[4] != '-' {
		return "", false
	}
	rest := s[5:]
	m := span(rest, isDigit)
	if m < 1 || m > 2 || m >= len(rest) || rest[m] != '-' {
		return "", false
	}
	month, rest := rest[:m], rest[m+1:]
	d := span(rest, isDigit)
	if d < 1 || d > 2 {
		return "", false
	}
	day, rest := rest[:d], rest[d:]
	if rest == "" {
		return s, m == 2 && d == 2
	}
	if n := span(rest, func(c byte) bool { return c == ' ' || c == '\t' }); n > 0 {
		rest = rest[n:]
	} else if rest[0] == 'T' || rest[0] == 't' {
		rest = rest[1:]
	} else {
		return "", false
	}
	clock, frac, zone, ok := clockText(rest)
	if !ok {
		return "", false
	}
	y, _ := strconv.Atoi(s[:4])
	mo, _ := strconv.Atoi(month)
	dd, _ := strconv.Atoi(day)
	text = pad(y, 4) + "-" + pad(mo, 2) + "-" + pad(dd, 2) + " " + clock + frac + zone
	return text, true
}

func pad(n, width int) string {
	s := strconv.Itoa(n)
	if len(s) < width {
		s = strings.Repeat("0", width-len(s)) + s
	}
	return s
}

// clockText reads h:mm:ss[.fraction][zone] and returns the three parts as
// Python's datetime prints them.
func clockText(s string) (clock, frac, zone string, ok bool) {
	h := span(s, isDigit)
	if h < 1 || h > 2 || len(s) < h+6 || s[h] != ':' || s[h+3] != ':' ||
		span(s[h+1:], isDigit) != 2 || span(s[h+4:], isDigit) != 2 {
		return "", "", "", false
	}
	hour, _ := strconv.Atoi(s[:h])
	clock = pad(hour, 2) + s[h:h+6]
	s = s[h+6:]
	if s != "" && s[0] == '.' {
		n := span(s[1:], isDigit)
		digits := (s[1:1+n] + "000000")[:6]
		if digits != "000000" {
			frac = "." + digits
		}
		s = s[1+n:]
	}
	trimmed := strings.TrimLeft(s, " \t")
	switch {
	case s == "":
		return clock, frac, "", true
	case trimmed == "Z":
		return clock, frac, "+00:00", true
	case trimmed == "" || trimmed[0] != '+' && trimmed[0] != '-':
		return "", "", "", false
	}
	hh, mm, colon := strings.Cut(trimmed[1:], ":")
	if len(hh) < 1 || len(hh) > 2 || span(hh, isDigit) != len(hh) || colon && (len(mm) != 2 || span(mm, isDigit) != 2) {
		return "", "", "", false
	}
	hour, _ = strconv.Atoi(hh)
	if mm == "" {
		mm = "00"
	}
	return clock, frac, trimmed[:1] + pad(hour, 2) + ":" + mm, true
}

// intText returns the decimal digits of a scalar for which isInt holds.
func intText(s string) string {
	if v, ok := smallInt(s); ok {
		return strconv.FormatInt(v, 10)
	}
	if v := bigInt(s); v != nil {
		return v.String()
	}
	return s
}

// maxIntText bounds the digits that are converted: the work is quadratic.
const maxIntText = 10000

func bigInt(s string) *big.Int {
	if len(s) > maxIntText {
		return nil
	}
	u := strings.ReplaceAll(unsign(s), "_", "")
	v := new(big.Int)
	switch {
	case strings.Contains(u, ":"):
		for part := range strings.SplitSeq(u, ":") {
			p, ok := new(big.Int).SetString(part, 10)
			if !ok {
				return nil
			}
			v.Mul(v, big.NewInt(60)).Add(v, p)
		}
	case len(u) > 1 && u[0] == '0':
		base, digits := 8, u[1:]
		if u[1] == 'b' {
			base, digits = 2, u[2:]
		} else if u[1] == 'x' {
			base, digits = 16, u[2:]
		}
		if _, ok := v.SetString(digits, base); !ok {
			return nil
		}
	default:
		if _, ok := v.SetString(u, 10); !ok {
			return nil
		}
	}
	if s[0] == '-' {
		v.Neg(v)
	}
	return v
}

// smallInt is the common case: plain decimal digits.
func smallInt(s string) (int64, bool) {
	if len(s) > 18 || s == "" || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var v int64
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		v = v*10 + int64(s[i]-'0')
	}
	return v, true
}

// Int returns the value of an integer scalar: decimal, octal (010), 0x, 0b,
// base 60 (1:30 is 90), with underscores. ok is false for any other kind and
// for values outside int64.
func (n *Node) Int() (v int64, ok bool) {
	if n == nil || n.Kind != Int {
		return 0, false
	}
	if v, ok := smallInt(n.Text); ok {
		return v, true
	}
	b := bigInt(n.Text)
	if b == nil || !b.IsInt64() {
		return 0, false
	}
	return b.Int64(), true
}

// Float returns the value of a float or an integer scalar.
func (n *Node) Float() (v float64, ok bool) {
	switch {
	case n == nil:
		return 0, false
	case n.Kind == Int:
		b := bigInt(n.Text)
		if b == nil {
			return 0, false
		}
		v, _ = new(big.Float).SetInt(b).Float64()
		return v, true
	case n.Kind == Float:
		return floatValue(n.Text), true
	}
	return 0, false
}

func floatValue(s string) float64 {
	u := strings.ToLower(strings.ReplaceAll(unsign(s), "_", ""))
	sign := 1.0
	if s[0] == '-' {
		sign = -1
	}
	switch u {
	case ".inf":
		return sign * math.Inf(1)
	case ".nan":
		return math.NaN()
	}
	var v float64
	for part := range strings.SplitSeq(u, ":") {
		p, _ := strconv.ParseFloat(part, 64) // out of range gives infinity, as in Python
		v = v*60 + p
	}
	return sign * v
}

// Bool returns the value of a boolean scalar (yes, no, on, off, true, false).
func (n *Node) Bool() (v, ok bool) {
	if n == nil || n.Kind != Bool {
		return false, false
	}
	return boolValue(n.Text), true
}

func boolValue(s string) bool {
	switch s[0] {
	case 'y', 'Y', 't', 'T':
		return true
	}
	return len(s) == 2 && (s[0] == 'o' || s[0] == 'O')
}

// PyText returns what Python's str gives for the value, which is what octoDNS
// makes of a number or boolean where text is wanted: 1.10 is "1.1", on is
// "True", 010 is "8", null is "None". Strings stay as they are; mappings and
// sequences give the empty string.
func (n *Node) PyText() string {
	if n == nil {
		return "None"
	}
	return pyText(n.Kind, n.Text)
}

func pyText(k Kind, s string) string {
	switch k {
	case Null:
		return "None"
	case Bool:
		if boolValue(s) {
			return "True"
		}
		return "False"
	case Int:
		return intText(s)
	case Float:
		return pyFloat(floatValue(s))
	case Timestamp:
		if text, ok := timestamp(s); ok {
			return text
		}
		return s
	case String:
		return s
	}
	return ""
}

// pyFloat is Python's repr of a float: shortest digits, exponents outside
// 1e-5 < x < 1e16, always a point or an exponent.
func pyFloat(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	case math.IsNaN(v):
		return "nan"
	}
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// keyName is the text form of a key: Python's text in lower case for
// anything that is not a string.
func keyName(k Kind, written string) string {
	switch k {
	case String:
		return written
	case Int:
		return intText(written)
	}
	return strings.ToLower(pyText(k, written))
}
