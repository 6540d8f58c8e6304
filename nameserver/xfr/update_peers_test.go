package xfr_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// randomUpdate is an update of a few names with all kinds of prerequisites and changes, most of
// which make sense.
func randomUpdate(t *testing.T, rng *rand.Rand) *wire.Message {
	t.Helper()
	m := wire.Update(example)
	types := []zone.Type{zone.TypeA, zone.TypeTXT, zone.TypeCNAME, zone.TypeNS, zone.TypeMX}
	record := func() wire.Record {
		owner := example
		if i := rng.IntN(8); i > 0 {
			owner = zone.MustName(fmt.Sprintf("n%d.example.org.", i))
		}
		r := wire.Record{Owner: owner, Type: types[rng.IntN(len(types))], Class: wire.ClassIN}
		if owner == example && r.Type == zone.TypeCNAME {
			r.Type = zone.TypeTXT
		}
		text := map[zone.Type]string{
			zone.TypeA: "192.0.2.%d", zone.TypeTXT: `"t%d"`, zone.TypeCNAME: "c%d.example.net.",
			zone.TypeNS: "ns%d.example.net.", zone.TypeMX: "10 mx%d.example.net.",
		}[r.Type]
		var err error
		if r.Data, err = rdata.Parse(r.Type, fmt.Sprintf(text, 1+rng.IntN(3)), example); err != nil {
			t.Fatal(err)
		}
		return r
	}
	for range rng.IntN(3) {
		r := record()
		switch rng.IntN(6) {
		case 0:
			r.Class, r.Data = wire.ClassANY, ""
		case 1, 2:
			r.Class, r.Data = wire.ClassNONE, ""
		case 3:
			r.Class, r.Type, r.Data = wire.ClassANY, wire.TypeANY, ""
		case 4:
			r.Class, r.Type, r.Data = wire.ClassNONE, wire.TypeANY, ""
		}
		m.Answers = append(m.Answers, r)
	}
	for range 1 + rng.IntN(4) {
		r := record()
		switch rng.IntN(6) {
		case 0:
			r.Class, r.Data = wire.ClassANY, ""
		case 1:
			r.Class, r.Type, r.Data = wire.ClassANY, wire.TypeANY, ""
		case 2:
			r.Class = wire.ClassNONE
		default:
			r.TTL = uint32(60 * (1 + rng.IntN(2)))
		}
		if rng.IntN(60) == 0 {
			r.Owner = zone.MustName("outside.example.com.")
			m.Answers = nil // RFC 2136 has prerequisites looked at first, BIND looks at names first
		}
		m.Authority = append(m.Authority, r)
	}
	return m
}

// Updates have the same outcome here as at BIND.
func TestUpdateAsBIND(t *testing.T) {
	t.Parallel()
	theirs, ours := dnstest.Key(t)
	s := testserver.BIND(t, testserver.BINDOptions{
		Zones: map[string]string{"example.org.": apex}, TSIG: theirs,
		ZoneOptions: "check-names ignore; check-integrity no; check-mx ignore;",
	})
	z := dnstest.Zone(t, example, apex)
	rng := rand.New(rand.NewPCG(5, 6))
	client := wire.Client{Transport: wire.TCP, Key: ours, Timeout: patience.Limit}
	codes := map[wire.RCODE]int{}
	for i := range 300 {
		m := randomUpdate(t, rng)
		answer, err := client.Exchange(t.Context(), s.Addr, m)
		if err != nil {
			t.Fatal(err)
		}
		next, err := xfr.Update(z, m, xfr.Updating{})
		if got := xfr.RCODEOf(err); got != answer.RCODE {
			t.Fatalf("update %d: %s (%v), BIND says %s\n%s", i, got, err, answer.RCODE, updateText(m))
		}
		codes[answer.RCODE]++
		if err != nil {
			continue
		}
		if diff := cmp.Diff(s.ZoneText(t, "example.org."), dnstest.Text(t, next)); diff != "" {
			t.Fatalf("update %d (-BIND +ours):\n%s\n%s", i, diff, updateText(m))
		}
		z = next
	}
	for _, c := range []wire.RCODE{wire.NoError, wire.NXDomain, wire.YXDomain, wire.NXRRSet, wire.YXRRSet, wire.NotZone} {
		if codes[c] == 0 {
			t.Errorf("no update was answered with %s: %v", c, codes)
		}
	}
}

func updateText(m *wire.Message) string {
	var b strings.Builder
	for name, list := range map[string][]wire.Record{"prerequisite": m.Answers, "update": m.Authority} {
		for _, r := range list {
			fmt.Fprintf(&b, "%s %s %d %s %s %q\n", name, r.Owner, r.TTL, r.Class, r.Type, r.Data)
		}
	}
	return b.String()
}
