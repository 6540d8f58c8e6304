package conformance

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// sets reads a state written as zone-file lines "owner ttl TYPE rdata", names relative to the
// zone. TTLs become the nearest that the provider has. Types that it does not hold are left out.
func (e *env) sets(text string) []zone.RRset {
	e.Helper()
	var out []zone.RRset
	at := map[zone.Key]int{}
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if l == "" {
			continue
		}
		owner, rest, _ := strings.Cut(l, " ")
		ttl, rest, _ := strings.Cut(strings.TrimSpace(rest), " ")
		mnemonic, value, _ := strings.Cut(strings.TrimSpace(rest), " ")
		n, err := strconv.ParseUint(ttl, 10, 32)
		if err != nil {
			e.Fatalf("the suite's line %q: TTL: %v", l, err)
		}
		t, err := zone.ParseType(mnemonic)
		if err != nil {
			e.Fatalf("the suite's line %q: %v", l, err)
		}
		if !e.caps.Holds(t) {
			continue
		}
		k := zone.Key{Owner: e.name(owner), Type: t}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, zone.RRset{Owner: k.Owner, Type: t, TTL: e.ttl(uint32(n))})
		}
		out[i].Data = append(out[i].Data, e.data(t, value))
	}
	for i := range out {
		out[i] = e.fit(out[i])
	}
	return out
}

// name reads an owner name relative to the zone.
func (e *env) name(s string) zone.Name {
	e.Helper()
	n, err := zone.ParseNameIn(s, e.origin)
	if err != nil {
		e.Fatalf("the suite's name %q: %v", s, err)
	}
	return n
}

// data reads RDATA in presentation form, names relative to the zone.
func (e *env) data(t zone.Type, text string) zone.Data {
	e.Helper()
	d, err := rdata.Parse(t, text, e.origin)
	if err != nil {
		e.Fatalf("the suite's %s %s: %v", t, text, err)
	}
	return d
}

// fit sorts an RRset and takes away what the provider does not hold: too many records, a second
// PTR.
func (e *env) fit(set zone.RRset) zone.RRset {
	most := e.caps.MaxRecords
	if set.Type == zone.TypePTR && !e.caps.MultiValuePTR {
		most = 1
	}
	if most > 0 && len(set.Data) > most {
		set.Data = set.Data[:most]
	}
	return set.Clean()
}

// ttl is the TTL nearest to t that the provider has.
func (e *env) ttl(t uint32) uint32 {
	if e.caps.TTLPerZone {
		t = 3600
	}
	t = max(t, e.caps.MinTTL)
	if e.caps.MaxTTL > 0 {
		t = min(t, e.caps.MaxTTL)
	}
	if len(e.caps.TTLs) == 0 {
		return t
	}
	best := e.caps.TTLs[0]
	for _, x := range e.caps.TTLs {
		if apart(x, t) < apart(best, t) {
			best = x
		}
	}
	return best
}

func apart(a, b uint32) uint32 { return max(a, b) - min(a, b) }

// line prints an RRset on one line, cut where it gets long.
func line(set zone.RRset) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %s", set.Owner, set.TTL, set.Type)
	for i, d := range set.Data {
		if i == 8 {
			fmt.Fprintf(&b, " | … %d records", len(set.Data))
			break
		}
		if i > 0 {
			b.WriteString(" |")
		}
		s := rdata.Text(set.Type, d)
		if len(s) > 300 {
			s = s[:300] + fmt.Sprintf("… (%d characters)", len(s))
		}
		b.WriteString(" " + s)
	}
	if !set.Extra.IsZero() {
		b.WriteString(" {" + set.Extra.String() + "}")
	}
	return b.String()
}

// txtData is the RDATA of a TXT from its strings, none longer than 255 octets.
func txtData(parts ...string) zone.Data {
	var b []byte
	for _, p := range parts {
		b = append(append(b, byte(len(p))), p...)
	}
	return zone.Data(b)
}

// txtText joins the strings of a TXT.
func txtText(d zone.Data) string {
	var b strings.Builder
	for len(d) > 0 {
		n := min(int(d[0])+1, len(d))
		b.WriteString(string(d[1:n]))
		d = d[n:]
	}
	return b.String()
}

// chunked cuts a text into strings of at most n octets; an empty text is one empty string.
func chunked(s string, n int) []string {
	var out []string
	for len(s) > n {
		out = append(out, s[:n])
		s = s[n:]
	}
	return append(out, s)
}
