package route53

import (
	"fmt"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Route 53 escapes octets as a backslash and three octal digits, in names and in values, where
// RFC 1035 (section 5.1) has decimal ones.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html#TXTFormat

// fromOctal writes Route 53's escapes as presentation form has them.
func fromOctal(s string) string {
	at := strings.IndexByte(s, '\\')
	if at < 0 {
		return s
	}
	var b strings.Builder
	for ; at >= 0; at = strings.IndexByte(s, '\\') {
		b.WriteString(s[:at])
		s = s[at:]
		switch {
		case len(s) >= 4 && s[1] >= '0' && s[1] <= '3' && octalDigit(s[2]) && octalDigit(s[3]):
			fmt.Fprintf(&b, `\%03d`, (s[1]-'0')<<6|(s[2]-'0')<<3|(s[3]-'0'))
			s = s[4:]
		case len(s) >= 2:
			b.WriteString(s[:2])
			s = s[2:]
		default:
			b.WriteString(s)
			s = ""
		}
	}
	b.WriteString(s)
	return b.String()
}

func octalDigit(c byte) bool { return c >= '0' && c <= '7' }

// toOctal writes presentation form with Route 53's escapes. Inside quotes \" and \\ stay; outside,
// where names are, every escaped octet becomes octal.
func toOctal(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\\' && i+3 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			n := int(s[i+1]-'0')*100 + int(s[i+2]-'0')*10 + int(s[i+3]-'0')
			fmt.Fprintf(&b, `\%03o`, n)
			i += 3
			continue
		case c == '\\' && i+1 < len(s):
			i++
			if quoted {
				b.WriteByte(c)
				b.WriteByte(s[i])
			} else {
				fmt.Fprintf(&b, `\%03o`, s[i])
			}
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// parseName reads a name as the API writes it.
func parseName(s string) (zone.Name, error) { return zone.ParseName(fromOctal(s)) }

// nameText writes a name as the API takes it: letters, digits, hyphens and underscores as they
// are, an asterisk as the whole leftmost label as the wildcard that it is, all else in octal.
func nameText(n zone.Name) string {
	if n.IsRoot() {
		return "."
	}
	b := make([]byte, 0, n.WireLen()+8)
	for i := range n.Labels() {
		label := n.Label(i)
		if i == 0 && label == "*" {
			b = append(b, "*."...)
			continue
		}
		for _, c := range []byte(label) {
			if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
				b = append(b, c)
			} else {
				b = fmt.Appendf(b, `\%03o`, c)
			}
		}
		b = append(b, '.')
	}
	return string(b)
}

// parseValue reads a value. Names without a final dot are complete: Route 53 takes them so, and its
// console writes them so.
func parseValue(t zone.Type, s string) (zone.Data, error) {
	return rdata.Parse(t, fromOctal(s), zone.Root)
}

// valueText writes a value.
func valueText(t zone.Type, d zone.Data) string { return toOctal(rdata.Text(t, d)) }
