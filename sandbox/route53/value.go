package route53

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// shapes are the fields of each type's value, in order: w a word, n a name, s a string in
// quotation marks; + one or more of the last, * any words to the end
// (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html).
var shapes = map[zone.Type]string{
	zone.TypeA: "w", zone.TypeAAAA: "w", zone.TypeCNAME: "n", zone.TypeNS: "n", zone.TypePTR: "n",
	zone.TypeMX: "wn", zone.TypeSRV: "wwwn", zone.TypeTXT: "s+", zone.TypeSPF: "s+",
	zone.TypeCAA: "wws", zone.TypeNAPTR: "wwsssn", zone.TypeDS: "wwww+", zone.TypeTLSA: "wwww+",
	zone.TypeSSHFP: "www+", zone.TypeSOA: "nnwwwww", zone.TypeSVCB: "wn*", zone.TypeHTTPS: "wn*",
}

// recordTypes are the record types of the service, by the name that it has for them.
var (
	recordTypes = typesByName()
	typeNames   = slices.Sorted(maps.Keys(recordTypes))
)

func typesByName() map[string]zone.Type {
	m := map[string]zone.Type{}
	for t := range shapes {
		m[t.String()] = t
	}
	return m
}

const maxValue = 4000 // characters

// A field is a part of a value between blanks.
type field struct {
	text   string // of a string: the octets that it stands for
	quoted bool
	raw    string
}

// parseValue reads a value into RDATA. problem is the service's own name for what is wrong, with
// its explanation in parentheses.
func parseValue(t zone.Type, value string) (d zone.Data, problem string) {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c >= 0x7f {
			return "", "UnsupportedCharacter (Value contains unsupported characters)"
		}
	}
	fields, problem := split(value)
	if problem != "" {
		return "", problem
	}
	switch {
	case t == zone.TypeA || t == zone.TypeAAAA:
		return parseAddress(t, value)
	case len(fields) == 0:
		return "", "RRDATANotSingleField (Value is empty)"
	}
	parts, problem := arrange(t, fields)
	if problem != "" {
		return "", problem
	}
	d, err := rdata.Parse(t, strings.Join(parts, " "), zone.Root)
	if err != nil {
		return "", "InvalidRRDATA (" + err.Error() + ")"
	}
	return d, ""
}

func parseAddress(t zone.Type, value string) (zone.Data, string) {
	a, err := netip.ParseAddr(value)
	switch {
	case t == zone.TypeA && (err != nil || !a.Is4()):
		return "", "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"
	case t == zone.TypeAAAA && (err != nil || a.Is4() || a.Zone() != ""):
		return "", "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"
	}
	return rdata.A(a), ""
}

// arrange turns fields into what rdata reads: names and strings with the escapes of RFC 1035.
func arrange(t zone.Type, fields []field) (parts []string, problem string) {
	shape := shapes[t]
	wrong := t.String() + "RRDATAWrongFieldCount (" + t.String() + " record doesn't have the right number of fields)"
	if shape == "n" {
		wrong = "RRDATANotSingleField (Value contains spaces)"
	}
	least := strings.TrimRight(shape, "+*")
	open := len(least) < len(shape)
	if len(fields) < len(least) || len(fields) > len(least) && !open {
		return nil, wrong
	}
	for i, f := range fields {
		kind := byte('w')
		switch {
		case i < len(least):
			kind = least[i]
		case strings.HasSuffix(shape, "+"):
			kind = least[len(least)-1]
		}
		switch {
		case kind == 's' && !f.quoted:
			return nil, "InvalidCharacterString (Value should be enclosed in quotation marks)"
		case kind == 's' && len(f.text) > 255:
			return nil, "CharacterStringTooLong (Value is too long)"
		case kind == 's':
			parts = append(parts, quote(f.text))
		case kind == 'n':
			n, problem := parseName(f.raw)
			if problem != "" {
				return nil, problem
			}
			parts = append(parts, n.String())
		default:
			parts = append(parts, f.raw)
		}
	}
	return parts, ""
}

// split takes a value apart at blanks outside quotation marks. In strings, \NNN is octal and \X
// stands for X.
func split(value string) (fields []field, problem string) {
	for i := 0; i < len(value); {
		switch value[i] {
		case ' ', '\t':
			i++
		case '"':
			f, n, ok := str(value[i:])
			if !ok {
				return nil, "InvalidCharacterString (Value should be enclosed in quotation marks)"
			}
			fields = append(fields, f)
			i += n
		default:
			n := word(value[i:])
			fields = append(fields, field{text: value[i : i+n], raw: value[i : i+n]})
			i += n
		}
	}
	return fields, ""
}

// word returns the length of a word, which may hold a string, as in alpn="h2,h3".
func word(s string) int {
	in := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"':
			in = !in
		case !in && (c == ' ' || c == '\t'):
			return i
		}
	}
	return len(s)
}

func str(s string) (f field, n int, ok bool) {
	b := make([]byte, 0, 64)
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return field{text: string(b), quoted: true, raw: s[:i+1]}, i + 1, true
		case '\\':
			if code, ok := octal(s[i:]); ok {
				b = append(b, code)
				i += 3
				continue
			}
			if i++; i < len(s) {
				b = append(b, s[i])
			}
		default:
			b = append(b, c)
		}
	}
	return f, 0, false
}

// quote writes octets as a string of a zone file (RFC 1035, section 5.1).
func quote(s string) string {
	b := make([]byte, 0, len(s)+2)
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7f:
			b = append(b, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}
