package route53

import (
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// parseName reads a name as the API writes them: ASCII, \NNN in octal for other characters, with
// or without a final dot, letters in any case
// (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html). A backslash
// that three octal digits do not follow stands for itself. problem is empty when the name is good.
func parseName(s string) (n zone.Name, problem string) {
	if s == "" {
		return n, "DomainNameEmpty (Domain name is empty)"
	}
	if s == "." {
		return zone.Root, ""
	}
	wire := make([]byte, 0, 256)
	label := make([]byte, 0, 64)
	flush := func() string {
		if len(label) == 0 {
			return "DomainLabelEmpty (Domain label is empty)"
		}
		if len(label) > 63 {
			return "DomainLabelTooLong (Domain label is too long)"
		}
		wire = append(append(wire, byte(len(label))), label...)
		label = label[:0]
		return ""
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '.' {
			if problem = flush(); problem != "" {
				return n, problem
			}
			continue
		}
		if c <= ' ' || c >= 0x7f {
			return n, "UnsupportedCharacter (Value contains unsupported characters)"
		}
		if code, ok := octal(s[i:]); ok {
			c = code
			i += 3
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		label = append(label, c)
		if len(wire)+len(label) > 255 {
			return n, "DomainNameTooLong (Domain name is too long)"
		}
	}
	if !strings.HasSuffix(s, ".") || len(label) > 0 {
		if problem = flush(); problem != "" {
			return n, problem
		}
	}
	n, _, err := zone.NameFromWire(append(wire, 0))
	if err != nil {
		return n, "DomainNameTooLong (Domain name is too long)"
	}
	return n, ""
}

// octal reads \NNN.
func octal(s string) (byte, bool) {
	if len(s) < 4 || s[0] != '\\' || s[1] > '3' {
		return 0, false
	}
	var code int
	for _, c := range []byte(s[1:4]) {
		if c < '0' || c > '7' {
			return 0, false
		}
		code = code<<3 | int(c-'0')
	}
	return byte(code), true
}

// nameText writes a name as the API returns it: everything but a to z, 0 to 9, - and _ as \NNN in
// octal, so that a wildcard is \052.
func nameText(n zone.Name) string {
	b := make([]byte, 0, 64)
	for i := range n.Labels() {
		b = append(appendLabel(b, n.Label(i)), '.')
	}
	if len(b) == 0 {
		return "."
	}
	return string(b)
}

// sortKey is the name with its labels reversed, by which lists are ordered: com.example.www.
func sortKey(n zone.Name) string {
	b := make([]byte, 0, 64)
	for i := n.Labels() - 1; i >= 0; i-- {
		b = append(appendLabel(b, n.Label(i)), '.')
	}
	return string(b)
}

func appendLabel(b []byte, label string) []byte {
	for i := range len(label) {
		switch c := label[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
			b = append(b, c)
		default:
			b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		}
	}
	return b
}
