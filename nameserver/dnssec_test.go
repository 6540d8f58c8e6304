package nameserver_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// The same zone, signed in three ways. The signatures are good until 2060.
var signedZones = []string{"nsec", "nsec3", "optout"}

func signedText(t testing.TB, way string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + way + ".zone")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func signedEngine(t testing.TB, way string) *nameserver.Engine {
	t.Helper()
	e := &nameserver.Engine{}
	e.Zones.Put(compiledSigned(t, way))
	return e
}

func compiledSigned(t testing.TB, way string) *nameserver.Compiled {
	t.Helper()
	res, err := zonefile.Parse([]byte(signedText(t, way)), zonefile.Options{Origin: zone.MustName("signed.example."), HasOrigin: true, File: way + ".zone"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := nameserver.Compile(res.Zone, nameserver.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// signedNames are names of the signed zones, and names beside, above and below them.
func signedNames() []string {
	var list []string
	for _, n := range []string{
		"", "www.", "ns1.", "mail.", "deep.", "b.deep.", "a.b.deep.", "x.b.deep.", "x.a.b.deep.", "alias.", "gone.", "towild.",
		"wild.", "q.wild.", "q.r.wild.", "*.wild.", "q.*.wild.", "x.wild.", "q.x.wild.", "aliased.", "q.aliased.", "*.aliased.", "a.*.aliased.", "b.*.aliased.",
		"secure.", "a.secure.", "ns.secure.", "insecure.", "a.insecure.", "ns.insecure.", "under.", "c.under.", "x.c.under.", "b.under.", "e.under.", "d.e.under.", "f.e.under.",
		"old.", "host.old.", "x.y.old.", "new.", "_tcp.", "_sip._tcp.", "nothing.", "a.nothing.", "zzzz.", "0.",
	} {
		list = append(list, n+"signed.example.")
	}
	return list
}

// TestPeersProveTheSame wants answers, signatures and proofs that at least two of three peers give.
// They disagree on questions for RRSIG, where Knot gives one record, and on NSEC of a wildcard.
func TestPeersProveTheSame(t *testing.T) {
	t.Parallel()
	for _, way := range signedZones {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			peers := peersOf(t, map[string]string{"signed.example.": signedText(t, way)})
			e := signedEngine(t, way)
			for _, name := range signedNames() {
				for _, typ := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeNS, dns.TypeDS, dns.TypeCNAME, dns.TypeNSEC, dns.TypeDNSKEY, dns.TypeNSEC3PARAM, dns.TypeRRSIG, dns.TypeSOA, dns.TypeSRV, dns.TypeMX} {
					q := query(t, name, typ, dnssec)
					mine := e.Answer(e.NewScratch(), slices.Clone(q), client, nil)
					got := ask(t, e, q, wide)
					var others []string
					for _, p := range peers {
						m, size := p.ask(t, q)
						if m.Truncated {
							continue
						}
						if part(m) != part(got) {
							others = append(others, fmt.Sprintf("%s: %s", p.name, part(m)))
						} else if p.name == "Knot" && dnstest.Show(m) == dnstest.Show(got) && len(mine) > size {
							t.Errorf("%s %s: %d octets, Knot needs %d", name, dns.TypeToString[typ], len(mine), size)
						}
					}
					if len(others) > 1 {
						t.Errorf("%s %s: %d differ\n%s\n%s", name, dns.TypeToString[typ], len(others), part(got), strings.Join(others, "\n"))
					}
				}
			}
		})
	}
}
