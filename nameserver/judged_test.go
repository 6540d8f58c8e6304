package nameserver_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Generated zones use few labels, so that names meet: wildcards, empty non-terminals, delegations
// and DNAMEs above and below each other, aliases that lead somewhere.
var (
	labels  = rapid.SampledFrom([]string{"a", "b", "c", "*", "www", "ns"})
	origins = []zone.Name{zone.MustName("example."), zone.MustName("a.example."), zone.MustName("test.")}
	types   = []zone.Type{zone.TypeA, zone.TypeAAAA, zone.TypeNS, zone.TypeCNAME, zone.TypeDNAME, zone.TypeMX, zone.TypeTXT, zone.TypeDS, zone.TypeSRV, zone.TypeHTTPS}
)

func genName(t *rapid.T, below zone.Name, depth int) zone.Name {
	n := below
	for range rapid.IntRange(0, depth).Draw(t, "depth") {
		n, _ = n.Child(labels.Draw(t, "label"))
	}
	return n
}

func genData(t *rapid.T, typ zone.Type) zone.Data {
	target := genName(t, rapid.SampledFrom(origins).Draw(t, "in"), 3)
	flat := string(target.AppendWire(nil))
	n := string(rune('0' + rapid.IntRange(0, 3).Draw(t, "n")))
	switch typ {
	case zone.TypeA:
		return zone.Data("\xc0\x00\x02" + n)
	case zone.TypeAAAA:
		return zone.Data("\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + n)
	case zone.TypeMX:
		return zone.Data("\x00" + n + flat)
	case zone.TypeSRV:
		return zone.Data("\x00\x01\x00\x01\x00" + n + flat)
	case zone.TypeHTTPS:
		return zone.Data("\x00\x01" + flat)
	case zone.TypeTXT:
		return zone.Data("\x01" + n)
	case zone.TypeDS:
		return zone.Data("\x30\x39\x0d\x02" + strings.Repeat(n, 32))
	}
	return zone.Data(flat)
}

func genZone(t *rapid.T, origin zone.Name) *zone.Zone {
	sets := map[zone.Key]zone.RRset{}
	put := func(owner zone.Name, typ zone.Type, data ...zone.Data) {
		sets[zone.Key{Owner: owner, Type: typ}] = zone.RRset{Owner: owner, Type: typ, TTL: 300, Data: data}
	}
	soa, err := rdata.Parse(zone.TypeSOA, "ns hostmaster 1 7200 900 1209600 60", origin)
	if err != nil {
		t.Fatal(err)
	}
	put(origin, zone.TypeSOA, soa)
	for range rapid.IntRange(0, 12).Draw(t, "sets") {
		owner := genName(t, origin, 4)
		typ := rapid.SampledFrom(types).Draw(t, "type")
		if typ == zone.TypeCNAME && owner == origin {
			continue
		}
		data := []zone.Data{genData(t, typ)}
		if typ != zone.TypeCNAME && typ != zone.TypeDNAME && rapid.Bool().Draw(t, "second") {
			data = append(data, genData(t, typ))
		}
		put(owner, typ, data...)
	}
	for k := range sets { // what no zone may have
		for above := k.Owner; above != origin; above = above.Parent() {
			if _, ok := sets[zone.Key{Owner: above.Parent(), Type: zone.TypeDNAME}]; ok {
				delete(sets, k)
			}
		}
		if _, ok := sets[zone.Key{Owner: k.Owner, Type: zone.TypeCNAME}]; ok && k.Type != zone.TypeCNAME {
			delete(sets, k)
		}
		if _, ok := sets[zone.Key{Owner: k.Owner, Type: zone.TypeNS}]; ok && k.Type == zone.TypeDNAME && k.Owner != origin {
			delete(sets, k)
		}
	}
	var list []zone.RRset
	for _, s := range sets {
		list = append(list, s)
	}
	z, err := zone.Of(origin, list...)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// section prints records, sorted.
func section(list []wire.Record) []string {
	var out []string
	for _, r := range list {
		out = append(out, fmt.Sprintf("%s %d %s %s", r.Owner, r.TTL, r.Type, rdata.Text(r.Type, r.Data)))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestOracleAnswersTheSame compares the engine, which is built to be fast, with one that is built to be
// plain. They may differ in what is optional: additional records.
func TestOracleAnswersTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		plain := oracle{}
		e := &nameserver.Engine{MaxUDP: 65535, Rotate: rapid.Bool().Draw(t, "rotate")}
		noReady := rapid.Bool().Draw(t, "nothing ready")
		for _, origin := range origins {
			if rapid.Bool().Draw(t, "held") {
				z := genZone(t, origin)
				plain[origin] = z
				c, err := nameserver.Compile(z, nameserver.CompileOptions{NoReady: noReady})
				if err != nil {
					t.Fatal(err)
				}
				e.Zones.Put(c)
			}
		}
		s := e.NewScratch()
		for range 10 {
			name := genName(t, rapid.SampledFrom(origins).Draw(t, "in"), 5)
			q := wire.Query(name, rapid.SampledFrom(append(types, zone.TypeSOA, wire.TypeANY)).Draw(t, "asked"))
			q.EDNS.Size = 65535
			msg, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			out := e.Answer(s, msg, nameserver.Client{Addr: netip.MustParseAddrPort("192.0.2.1:53")}, make([]byte, 0, 65535))
			got, err := wire.Unpack(out)
			if err != nil {
				t.Fatalf("%s: % x: %v", q, out, err)
			}
			compare(t, q, got, plain.answer(q))
		}
	})
}

func compare(t *rapid.T, q, got, want *wire.Message) {
	if len(want.Answers) >= 16 {
		return // a loop: the oracle goes round more often
	}
	if got.RCODE != want.RCODE || got.Authoritative != want.Authoritative {
		t.Fatalf("%s: %s, authoritative %t; want %s, %t\n%q\n%q", q, got.RCODE, got.Authoritative, want.RCODE, want.Authoritative, section(got.Answers), section(want.Answers))
	}
	if g, w := section(got.Answers), section(want.Answers); !slices.Equal(g, w) {
		t.Fatalf("%s: answers\n%q\nwant\n%q", q, g, w)
	}
	if g, w := section(got.Authority), section(want.Authority); !slices.Equal(g, w) {
		t.Fatalf("%s: authority\n%q\nwant\n%q", q, g, w)
	}
	have := section(got.Additional)
	for _, r := range section(want.Additional) {
		if !slices.Contains(have, r) {
			t.Fatalf("%s: additional\n%q\nlack %s", q, have, r)
		}
	}
}
