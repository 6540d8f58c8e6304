package names

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// held are zones by origin.
type held map[zone.Name]*zone.Zone

func (h held) Dark() bool { return false }

func (h held) Find(name zone.Name) (*zone.Zone, bool) {
	for {
		if z, ok := h[name]; ok || name.IsRoot() {
			return z, ok
		}
		name = name.Parent()
	}
}

// generate makes zones of few labels, so that names meet: wildcards, empty non-terminals, delegations
// and DNAMEs above and below each other, aliases that lead somewhere.
func generate(t *rapid.T) held {
	h := held{}
	for _, origin := range []string{"example.", "a.example.", "test."} {
		if !rapid.Bool().Draw(t, "held") {
			continue
		}
		var b strings.Builder
		b.WriteString("$TTL 300\n@ SOA ns hostmaster 1 7200 900 1209600 60\n")
		for range rapid.IntRange(0, 12).Draw(t, "records") {
			owner, target := name(t, ""), name(t, rapid.SampledFrom([]string{"example.", "a.example.", "test."}).Draw(t, "in"))
			fmt.Fprintf(&b, "%s %s\n", owner, strings.ReplaceAll(rapid.SampledFrom([]string{
				"A 192.0.2.1", "A 192.0.2.2", "AAAA 2001:db8::1", "TXT x", "NS !", "NS !", "CNAME !", "DNAME !", "MX 1 !", "SRV 1 1 1 !", "HTTPS 1 !", "HTTPS 0 !", "SVCB 1 .", "DS 1 13 2 00",
			}).Draw(t, "record"), "!", target))
		}
		at := zone.MustName(origin)
		res, err := zonefile.Parse([]byte(b.String()), zonefile.Options{Origin: at, HasOrigin: true})
		if err == nil && res.Zone != nil { // else an alias beside other data, or the like
			h[at] = res.Zone
		}
	}
	return h
}

func name(t *rapid.T, below string) string {
	n := below
	for range rapid.IntRange(0, 4).Draw(t, "depth") {
		n = rapid.SampledFrom([]string{"a", "b", "c", "*", "www", "ns"}).Draw(t, "label") + "." + n
	}
	if below == "" {
		n = strings.TrimSuffix(n, ".")
		if n == "" {
			return "@"
		}
	}
	return n
}

// TestExcerptAnswersAsTheWhole lets the engine answer from an excerpt and from whole zones: octet by
// octet the same comes out.
func TestExcerptAnswersAsTheWhole(t *testing.T) {
	t.Parallel()
	from := nameserver.Client{Addr: netip.MustParseAddrPort("192.0.2.1:53"), Stream: true}
	rapid.Check(t, func(t *rapid.T) {
		h := generate(t)
		whole := &nameserver.Engine{}
		for _, z := range h {
			c, err := nameserver.Compile(z, nameserver.CompileOptions{NoReady: true})
			if err != nil {
				t.Fatal(err)
			}
			whole.Zones.Put(c)
		}
		s := whole.NewScratch()
		for range 10 {
			asked := zone.MustName(name(t, rapid.SampledFrom([]string{"example.", "a.example.", "test."}).Draw(t, "in")))
			typ := rapid.SampledFrom([]zone.Type{
				zone.TypeA, zone.TypeAAAA, zone.TypeNS, zone.TypeCNAME, zone.TypeDNAME, zone.TypeMX, zone.TypeTXT,
				zone.TypeDS, zone.TypeSRV, zone.TypeHTTPS, zone.TypeSVCB, zone.TypeSOA, wire.TypeANY,
			}).Draw(t, "type")
			q, err := wire.Query(asked, typ).Pack()
			if err != nil {
				t.Fatal(err)
			}
			want := whole.Answer(s, q, from, nil)
			got := excerpt(h, asked, typ).Answer(s, q, from, nil)
			if !bytes.Equal(got, want) {
				t.Fatalf("%s %s:\n%swant\n%s", asked, typ, hex.Dump(got), hex.Dump(want))
			}
		}
	})
}

// large makes a zone of n hosts.
func large(t testing.TB, n int) *zone.Zone {
	t.Helper()
	var text strings.Builder
	text.WriteString("$TTL 300\n@ SOA ns hostmaster 1 7200 900 1209600 60\n@ NS ns\n@ NS ns.example.net.\nns A 192.0.2.53\n")
	for i := range n {
		fmt.Fprintf(&text, "h%d A 192.0.2.1\n", i)
	}
	return dnstest.Zone(t, zone.MustName("example."), text.String())
}

// asking returns a worker for one zone, and a question that it can answer.
func asking(t testing.TB, z *zone.Zone) (*worker, []byte) {
	t.Helper()
	q, err := wire.Query(zone.MustName("h7.example."), zone.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return answerer{held{z.Origin(): z}, new(nameserver.Engine)}.Worker().(*worker), q
}

// An answer costs the same however many names a zone has, so that it does not matter how often the zone
// changes. Nothing else runs meanwhile: the test is not parallel.
func TestLargeZonesCostNoMore(t *testing.T) {
	cost := func(n int) uint64 {
		w, q := asking(t, large(t, n))
		buf := make([]byte, 0, 4096)
		const times = 200
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range times {
			if w.Answer(buf, q, new(socket.Client)) == nil {
				t.Fatal("no answer")
			}
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / times
	}
	small, big := cost(10), cost(50_000)
	if big > 2*small {
		t.Errorf("an answer from 50,000 names takes %d octets of memory, one from 10 names %d", big, small)
	}
}

func BenchmarkAnswer(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		z := large(b, n)
		w, q := asking(b, z)
		buf := make([]byte, 0, 4096)
		b.Run(fmt.Sprintf("%d names", n), func(b *testing.B) {
			for b.Loop() {
				if w.Answer(buf, q, new(socket.Client)) == nil {
					b.Fatal("no answer")
				}
			}
		})
		b.Run(fmt.Sprintf("%d names, whole", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := nameserver.Compile(z, nameserver.CompileOptions{NoReady: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
