package octodns

import (
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
)

// plain reads records that hold nothing but a type, a TTL and blameless values of the common
// types; no rule has anything to say about them. It declines all others: ok is false, and nothing
// is reported. FuzzFastEqualsSlow holds both ways to the same results.
func (e *entry) plain(n *yaml11.Node) (set zone.RRset, ok bool) {
	if !e.clean {
		return set, false
	}
	var typ, ttl, value, values *yaml11.Node
	for i := range n.Keys {
		switch k := &n.Keys[i]; k.Name {
		case "type":
			typ = k.Value
		case "ttl":
			ttl = k.Value
		case "value":
			value = k.Value
		case "values":
			values = k.Value
		default:
			return set, false
		}
	}
	if typ == nil || typ.Kind != yaml11.String || value != nil && values != nil {
		return set, false
	}
	set.Owner, set.TTL = e.owner, e.c.ttl
	if ttl != nil {
		v, ok := ttl.Int()
		if !ok || v < 0 || v > math.MaxInt32 {
			return set, false
		}
		set.TTL = uint32(v)
	}
	var one func(*yaml11.Node) (zone.Data, bool)
	switch typ.Text {
	case "A":
		set.Type, one = zone.TypeA, plainIPv4
	case "AAAA":
		set.Type, one = zone.TypeAAAA, plainIPv6
	case "CNAME":
		set.Type, one = zone.TypeCNAME, plainTarget
		if e.owner == e.c.origin || values != nil || value != nil && value.Kind != yaml11.String {
			return set, false
		}
	case "NS":
		set.Type, one = zone.TypeNS, plainTarget
	case "MX":
		set.Type, one = zone.TypeMX, plainMX
	case "TXT":
		set.Type, one = zone.TypeTXT, plainTXT
		if e.c.opt.RawSemicolons {
			one = plainRawTXT
		}
	default:
		return set, false
	}
	if values != nil {
		value = values
	}
	set.Data, ok = plainValues(value, one)
	return set, ok
}

// plainValues reads one value or a list without repetitions.
func plainValues(n *yaml11.Node, one func(*yaml11.Node) (zone.Data, bool)) ([]zone.Data, bool) {
	switch {
	case n == nil:
		return nil, false
	case n.Kind != yaml11.Sequence:
		d, ok := one(n)
		if !ok {
			return nil, false
		}
		return []zone.Data{d}, true
	case len(n.Items) == 0:
		return nil, false
	}
	data := make([]zone.Data, len(n.Items))
	for i, item := range n.Items {
		d, ok := one(item)
		if !ok {
			return nil, false
		}
		data[i] = d
	}
	if len(data) > 1 {
		slices.Sort(data)
		for i := 1; i < len(data); i++ {
			if data[i-1] == data[i] {
				return nil, false
			}
		}
	}
	return data, true
}

func plainIPv4(n *yaml11.Node) (zone.Data, bool) {
	if n.Kind != yaml11.String || len(n.Text) > 15 {
		return "", false
	}
	a, err := netip.ParseAddr(n.Text)
	if err != nil || !a.Is4() {
		return "", false
	}
	b := a.As4()
	return zone.Data(b[:]), true
}

func plainIPv6(n *yaml11.Node) (zone.Data, bool) {
	if n.Kind != yaml11.String {
		return "", false
	}
	a, err := netip.ParseAddr(n.Text)
	if err != nil || !a.Is6() || a.Zone() != "" {
		return "", false
	}
	b := a.As16()
	return zone.Data(b[:]), true
}

func plainTarget(n *yaml11.Node) (zone.Data, bool) {
	if n.Kind != yaml11.String {
		return "", false
	}
	var buf [256]byte
	b, ok := appendPlainName(buf[:0], n.Text)
	return zone.Data(b), ok
}

// appendPlainName appends the wire form of a host name with at least two labels of letters,
// digits, - and _, a final dot, and a last label that is no number.
func appendPlainName(b []byte, s string) ([]byte, bool) {
	if len(s) < 4 || len(s) > 254 || s[len(s)-1] != '.' {
		return nil, false
	}
	labels, start, digits := 0, 0, true
	at := len(b)
	b = append(b, 0)
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c == '-', c == '_':
			digits = false
		case c >= '0' && c <= '9':
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
			digits = false
		case c == '.':
			l := i - start
			if l == 0 || l > 63 || s[start] == '-' || s[i-1] == '-' {
				return nil, false
			}
			b[at] = byte(l)
			labels++
			if i == len(s)-1 && digits {
				return nil, false
			}
			at, start, digits = len(b), i+1, true
			c = 0
		default:
			return nil, false
		}
		b = append(b, c)
	}
	return b, labels >= 2
}

func plainMX(n *yaml11.Node) (zone.Data, bool) {
	if n.Kind != yaml11.Mapping || len(n.Keys) != 2 {
		return "", false
	}
	pref, host := n.Get("preference"), n.Get("exchange")
	if pref == nil {
		pref = n.Get("priority")
	}
	if host == nil {
		host = n.Get("value")
	}
	v, ok := pref.Int()
	if !ok || v < 0 || v > math.MaxUint16 || host == nil || host.Kind != yaml11.String {
		return "", false
	}
	var buf [258]byte
	b, ok := appendPlainName(append(buf[:0], byte(v>>8), byte(v)), host.Text)
	return zone.Data(b), ok
}

func plainTXT(n *yaml11.Node) (zone.Data, bool)    { return plainText(n, true) }
func plainRawTXT(n *yaml11.Node) (zone.Data, bool) { return plainText(n, false) }

// plainText reads printable ASCII without quotes, whose semicolons are written the right way.
func plainText(n *yaml11.Node, escaped bool) (zone.Data, bool) {
	s := n.Text
	if n.Kind != yaml11.String || s == "" || len(s) > 16384 {
		return "", false
	}
	odd := false
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~' || c == '"':
			return "", false
		case c == '\\':
			if !escaped || i+1 == len(s) || s[i+1] != ';' {
				return "", false
			}
			odd = true
		case c == ';' && escaped && (i == 0 || s[i-1] != '\\'):
			return "", false
		}
	}
	if odd {
		s = strings.ReplaceAll(s, `\;`, ";")
	}
	return textData(s), true
}

// textData cuts text into strings of 255 octets.
func textData(s string) zone.Data {
	b := make([]byte, 0, len(s)+1+len(s)/255)
	for {
		n := min(len(s), 255)
		b = append(append(b, byte(n)), s[:n]...)
		if s = s[n:]; s == "" {
			return zone.Data(b)
		}
	}
}
