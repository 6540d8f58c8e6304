package tinydns

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A reader collects the RRsets of one zone.
type reader struct {
	origin   zone.Name
	arpa     bool
	ttl      uint32
	subzones []zone.Name
	sets     map[zone.Key]*collected
	order    []zone.Key
	finds    []finding.Finding
}

// collected is an RRset in the making.
type collected struct {
	set    zone.RRset
	hasTTL bool // a line gave one; the first counts
	at     finding.Place
}

func newReader(origin zone.Name, ttl uint32, subzones []zone.Name) *reader {
	return &reader{
		origin: origin, ttl: ttl, subzones: subzones, sets: map[zone.Key]*collected{},
		arpa: origin.In(zone.MustName("in-addr.arpa.")) || origin.In(zone.MustName("ip6.arpa.")),
	}
}

// A line is one line of data: its symbol is cut off.
type line struct {
	r      *reader
	at     finding.Place
	fields []string
	owner  zone.Name
}

// field returns field i, "" when the line is shorter.
func (l line) field(i int) string {
	if i < len(l.fields) {
		return l.fields[i]
	}
	return ""
}

// line reads one line. Symbols that stand for no records (locations, SOA, disabled lines) and
// those that nobody knows are skipped, as octoDNS does.
func (r *reader) line(at finding.Place, symbol byte, fields []string) {
	if !strings.ContainsRune("+=^.&C@'36S:", rune(symbol)) {
		return
	}
	l := line{r: r, at: at, fields: fields}
	if r.arpa {
		if strings.ContainsRune("=^6", rune(symbol)) {
			l.pointer()
		}
		return
	}
	var err error
	if l.owner, err = zone.ParseName(fields[0]); err != nil {
		if strings.HasSuffix(strings.TrimSuffix(strings.ToLower(fields[0]), "."), strings.TrimSuffix(r.origin.String(), ".")) {
			r.fail(at, err.Error(), "")
		}
		return
	}
	if !l.owner.In(r.origin) {
		return
	}
	switch symbol {
	case '+', '=':
		l.address(l.field(1), 2)
	case '3', '6':
		l.address6()
	case '.', '&':
		l.nameServer()
	case 'C':
		if n, ok := l.target(l.field(1), ""); ok {
			l.add(l.owner, zone.TypeCNAME, 2, rdata.Name(n))
		}
	case '@':
		l.exchange()
	case '\'':
		l.add(l.owner, zone.TypeTXT, 2, rdata.TXT(unescape(l.field(1))))
	case 'S':
		l.service()
	case ':':
		l.generic()
	}
}

// add puts one record into the zone; the TTL is in field ttl.
func (l line) add(owner zone.Name, t zone.Type, ttl int, d zone.Data) {
	if !l.r.owns(owner, t) {
		return
	}
	k := zone.Key{Owner: owner, Type: t}
	c := l.r.sets[k]
	if c == nil {
		c = &collected{set: zone.RRset{Owner: owner, Type: t, TTL: l.r.ttl}, at: l.at}
		l.r.sets[k] = c
		l.r.order = append(l.r.order, k)
	}
	if s := l.field(ttl); s != "" && !c.hasTTL {
		v, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			l.r.fail(l.at, fmt.Sprintf("TTL %q is no number of seconds", s), "")
			return
		}
		c.set.TTL, c.hasTTL = uint32(v), true
	}
	c.set.Data = append(c.set.Data, d)
}

// target reads a host name; one without a dot gets the usual ending "x.<kind>.<zone>".
func (l line) target(s, kind string) (zone.Name, bool) {
	if s == "" {
		l.r.fail(l.at, "a host name is missing", "")
		return zone.Name{}, false
	}
	if kind != "" && !strings.Contains(s, ".") {
		s += "." + kind + "." + l.r.origin.String()
	}
	n, err := zone.ParseName(s)
	if err != nil {
		l.r.fail(l.at, err.Error(), "")
		return zone.Name{}, false
	}
	return n, true
}

// address adds an A, or nothing for the address 0.0.0.0.
func (l line) address(s string, ttl int) {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() {
		l.r.fail(l.at, fmt.Sprintf("%q is no IPv4 address", s), "")
		return
	}
	if !a.IsUnspecified() {
		l.add(l.owner, zone.TypeA, ttl, rdata.A(a))
	}
}

// glue adds the address that lines for MX, NS and SRV may give for their host.
func (l line) glue(host zone.Name, ttl int) {
	if s := l.field(1); s != "" {
		g := l
		g.owner = host
		g.address(s, ttl)
	}
}

// hexAddr reads an IPv6 address of 32 hexadecimal digits, or in the usual form.
func hexAddr(s string) (netip.Addr, bool) {
	if b, err := hex.DecodeString(s); err == nil && len(b) == 16 {
		return netip.AddrFrom16([16]byte(b)), true
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Is6() && a.Zone() == ""
}

func (l line) address6() {
	a, ok := hexAddr(l.field(1))
	if !ok {
		l.r.fail(l.at, fmt.Sprintf("%q is no IPv6 address", l.field(1)), "write 32 hexadecimal digits")
		return
	}
	l.add(l.owner, zone.TypeAAAA, 2, rdata.A(a))
}

func (l line) nameServer() {
	if n, ok := l.target(l.field(2), "ns"); ok {
		l.glue(n, 3)
		l.add(l.owner, zone.TypeNS, 3, rdata.Name(n))
	}
}

func (l line) exchange() {
	n, ok := l.target(l.field(2), "mx")
	pref, numeric := l.number(3, "distance")
	if !ok || !numeric {
		return
	}
	l.glue(n, 4)
	l.data(zone.TypeMX, 4)(rdata.MX{Preference: pref, Exchange: n}.Data())
}

func (l line) service() {
	n, ok := l.target(l.field(2), "srv")
	port, ok1 := l.number(3, "port")
	priority, ok2 := l.number(4, "priority")
	weight, ok3 := l.number(5, "weight")
	if !ok || !ok1 || !ok2 || !ok3 {
		return
	}
	l.glue(n, 6)
	l.data(zone.TypeSRV, 6)(rdata.SRV{Priority: priority, Weight: weight, Port: port, Target: n}.Data())
}

// data adds a record unless making it went wrong.
func (l line) data(t zone.Type, ttl int) func(zone.Data, error) {
	return func(d zone.Data, err error) {
		if err != nil {
			l.r.fail(l.at, err.Error(), "")
			return
		}
		l.add(l.owner, t, ttl, d)
	}
}

// number reads a field from 0 to 65535; an empty one is 0.
func (l line) number(i int, what string) (uint16, bool) {
	s := l.field(i)
	if s == "" {
		return 0, true
	}
	v, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		l.r.fail(l.at, fmt.Sprintf("%s %q is no number from 0 to 65535", what, s), "")
	}
	return uint16(v), err == nil
}

// generic reads ":fqdn:type:rdata". With a type by name the RDATA is presentation form, as octoDNS
// has it; with a number it is octets with octal escapes, as tinydns has it.
func (l line) generic() {
	if n, err := strconv.ParseUint(l.field(1), 10, 16); err == nil && n > 0 {
		l.data(zone.Type(n), 3)(rdata.Canonical(zone.Type(n), []byte(unescape(l.field(2)))))
		return
	}
	t, err := zone.ParseType(l.field(1))
	if err != nil {
		l.r.fail(l.at, err.Error(), "")
		return
	}
	l.data(t, 3)(rdata.Parse(t, l.field(2), l.r.origin))
}

// pointer reads the PTR of a line in an arpa zone: from its address, or as it is written.
func (l line) pointer() {
	name, value := l.field(0), l.field(1)
	bare := strings.ToLower(strings.TrimSuffix(name, "."))
	if !strings.HasSuffix(bare, ".in-addr.arpa") && !strings.HasSuffix(bare, ".ip6.arpa") {
		a, err := netip.ParseAddr(value)
		if err != nil {
			var ok bool
			if a, ok = hexAddr(value); !ok {
				l.r.fail(l.at, fmt.Sprintf("%q is no address", value), "")
				return
			}
		}
		name, value = reverse(a), name
	}
	owner, err := zone.ParseName(name)
	if err != nil || !owner.In(l.r.origin) {
		return
	}
	if n, ok := l.target(value, ""); ok {
		l.add(owner, zone.TypePTR, 2, rdata.Name(n))
	}
}

// reverse is the name below in-addr.arpa (RFC 1035, section 3.5) or ip6.arpa (RFC 3596).
func reverse(a netip.Addr) string {
	var b strings.Builder
	octets := a.AsSlice()
	for i := len(octets) - 1; i >= 0; i-- {
		if a.Is4() {
			fmt.Fprintf(&b, "%d.", octets[i])
		} else {
			fmt.Fprintf(&b, "%x.%x.", octets[i]&15, octets[i]>>4)
		}
	}
	if a.Is4() {
		return b.String() + "in-addr.arpa."
	}
	return b.String() + "ip6.arpa."
}

// unescape undoes \ooo (an octet in octal digits) and \x (the character x).
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		v, n := 0, 0
		for n < 3 && i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '7' && v*8 < 256 {
			v = v*8 + int(s[i+n]-'0')
			n++
		}
		if n == 0 {
			b = append(b, s[i])
			continue
		}
		b = append(b, byte(v))
		i += n - 1
	}
	return string(b)
}

// zone packs what was collected.
func (r *reader) zone() (*zone.Zone, map[zone.Key]finding.Place) {
	b := zone.NewBuilder(r.origin)
	places := make(map[zone.Key]finding.Place, len(r.sets))
	for _, k := range r.order {
		c := r.sets[k]
		if len(c.set.Data) > 1 && (k.Type == zone.TypeCNAME || k.Type == zone.TypeDNAME) {
			c.set.Data = c.set.Data[:1] // octoDNS takes the first
		}
		b.Add(c.set)
		places[k] = c.at
	}
	z, err := b.Zone()
	if err != nil {
		r.fail(finding.Place{}, err.Error(), "")
		z, _ = zone.Of(r.origin)
	}
	return z, places
}
