package yaml11

import (
	"cmp"
	"math"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Order is the order that the keys of every mapping must have.
type Order uint8

const (
	NoOrder      Order = iota // any
	NaturalOrder              // digits compare as numbers: a2 before a10
	SimpleOrder               // by code point
)

// Compare orders two string keys: negative when a comes first, 0 when either
// order will do (in natural order a1 and a01 are equal).
func Compare(order Order, a, b string) int {
	switch order {
	case NaturalOrder:
		return compareNatural(nfd(a), nfd(b))
	case SimpleOrder:
		return strings.Compare(a, b) // UTF-8 sorts by code point
	}
	return 0
}

// CompareKeys orders two keys as they were read. In natural order a key that
// is not a string counts as a number with empty text before it, null lowest.
func CompareKeys(order Order, a, b Key) int {
	if order != NaturalOrder || textual(a.Kind) && textual(b.Kind) {
		return Compare(order, a.Name, b.Name)
	}
	return compareNumeric(a, b)
}

// KeysInOrder reports whether b may follow a.
func KeysInOrder(order Order, a, b Key) bool { return CompareKeys(order, a, b) <= 0 }

// textual reports kinds that sort by their text.
func textual(k Kind) bool { return k == String || k == Timestamp }

// compareNumeric compares two keys of which one at least is not a string.
func compareNumeric(a, b Key) int {
	an, arest, aok := leadingNumber(a)
	bn, brest, bok := leadingNumber(b)
	switch {
	case aok && bok:
		if c := cmp.Compare(an, bn); c != 0 {
			return c
		}
		return compareNatural(arest, brest)
	case aok: // b is text that begins without a digit, or is empty
		if b.Name == "" {
			return 1
		}
		return -1
	case bok:
		if a.Name == "" {
			return -1
		}
		return 1
	}
	return compareNatural(nfd(a.Name), nfd(b.Name))
}

// leadingNumber returns the number with which the sort key of k begins and
// the text after it.
func leadingNumber(k Key) (v float64, rest string, ok bool) {
	n := Node{Kind: k.Kind, Text: k.Written}
	switch k.Kind {
	case Null:
		return math.Inf(-1), "", true
	case Bool:
		if boolValue(k.Written) {
			return 1, "", true
		}
		return 0, "", true
	case Int, Float:
		v, _ := n.Float()
		return v, "", true
	}
	d := span(k.Name, isDigit)
	if d == 0 {
		return 0, "", false
	}
	n = Node{Kind: Int, Text: strings.TrimLeft(k.Name[:d-1], "0") + k.Name[d-1:d]}
	v, _ = n.Float()
	return v, nfd(k.Name[d:]), true
}

func nfd(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return norm.NFD.String(s)
		}
	}
	return s
}

// compareNatural compares the alternating sequences text, number, text, …
// without building them. A key that begins with a digit has an empty text
// first; the empty key has the empty sequence.
func compareNatural(a, b string) int {
	for {
		if a == "" || b == "" {
			return cmp.Compare(len(a), len(b))
		}
		at, bt := textRun(a), textRun(b)
		if c := strings.Compare(a[:at], b[:bt]); c != 0 {
			return c
		}
		a, b = a[at:], b[bt:]
		if a == "" || b == "" {
			return cmp.Compare(len(a), len(b))
		}
		ad, bd := span(a, isDigit), span(b, isDigit)
		if c := compareDigits(a[:ad], b[:bd]); c != 0 {
			return c
		}
		a, b = a[ad:], b[bd:]
	}
}

func textRun(s string) int {
	return span(s, func(c byte) bool { return !isDigit(c) })
}

func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}
