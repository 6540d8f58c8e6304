package nameserver_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/zone"
)

// TestNoAllocation holds for every kind of answer over UDP, with everything switched on.
func TestNoAllocation(t *testing.T) {
	unsigned := engine(t, map[string]string{"example.org.": dnstest.Example, "example.net.": dnstest.ExampleNet})
	engines := map[string]*nameserver.Engine{"unsigned": unsigned}
	for _, way := range signedZones {
		engines[way] = signedEngine(t, way)
	}
	engines["services"] = serviceEngine(t, "nsec3")
	for way, e := range engines {
		e.NSID, e.Rotate, e.ClientSubnet, e.Reports = "ns1", true, true, reports(t, "er.elsewhere.example.")
		e.Cookies = nameserver.NewCookies()
		e.Limit = nameserver.NewRateLimit(nameserver.RateLimitOptions{PerSecond: 5, Size: 1024})
		s := e.NewScratch()
		names := signedNames()
		switch way {
		case "unsigned":
			names = tricky()
		case "services":
			names = nil
			for name := range serviceLacks {
				names = append(names, name+"service.example.")
			}
		}
		dst := make([]byte, 0, 4096)
		for _, name := range names {
			for _, typ := range []uint16{dns.TypeA, dns.TypeMX, dns.TypeNS, dns.TypeDS, dns.TypeTXT, dns.TypeANY, dns.TypeRRSIG, dns.TypeSRV, dns.TypeHTTPS} {
				q := query(t, name, typ, dnssec, func(m *dns.Msg) {
					m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"}, raw(t, 8, "00011800c00002"), raw(t, 19, "")}
				})
				if n := testing.AllocsPerRun(5, func() { e.Answer(s, q, client, dst) }); n != 0 {
					t.Errorf("%s: %s %s: %v allocations", way, name, dns.TypeToString[typ], n)
				}
			}
		}
	}
}

// many is a zone of n names with an address each.
func many(tb testing.TB, n int) *zone.Zone {
	tb.Helper()
	origin := zone.MustName("bench.example.")
	b := zone.NewBuilder(origin)
	b.Add(zone.RRset{Owner: origin, Type: zone.TypeSOA, TTL: 3600, Data: []zone.Data{zone.Data("\x02ns" + string(origin.AppendWire(nil)) + "\x02hm" + string(origin.AppendWire(nil)) + strings.Repeat("\x00\x00\x01\x00", 5))}})
	b.Add(zone.RRset{Owner: origin, Type: zone.TypeNS, TTL: 3600, Data: []zone.Data{zone.Data("\x02ns" + string(origin.AppendWire(nil)))}})
	for i := range n {
		owner, err := origin.Child(fmt.Sprintf("n%07d", i))
		if err != nil {
			tb.Fatal(err)
		}
		b.Add(zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 300, Data: []zone.Data{zone.Data([]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}})
	}
	z, err := b.Zone()
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

func BenchmarkCompile(b *testing.B) {
	z := many(b, 1_000_000)
	b.ReportAllocs()
	for b.Loop() {
		c, err := nameserver.Compile(z, nameserver.CompileOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(c.Size())/1e6, "MB")
	}
}

// BenchmarkAnswer asks for names in random order, with EDNS and a cookie, everything switched on.
func BenchmarkAnswer(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		c, err := nameserver.Compile(many(b, n), nameserver.CompileOptions{})
		if err != nil {
			b.Fatal(err)
		}
		e := &nameserver.Engine{NSID: "ns1", Cookies: nameserver.NewCookies(), Limit: nameserver.NewRateLimit(nameserver.RateLimitOptions{PerSecond: 1000000})}
		e.Zones.Put(c)
		for _, kind := range []string{"there", "absent"} {
			queries := make([][]byte, 65536)
			r := rand.New(rand.NewPCG(1, 2))
			for i := range queries {
				name := fmt.Sprintf("n%07d.bench.example.", r.IntN(n))
				if kind == "absent" {
					name = "x" + name
				}
				queries[i] = query(b, name, dns.TypeA, withEDNS)
			}
			b.Run(fmt.Sprintf("%d/%s", n, kind), func(b *testing.B) {
				s := e.NewScratch()
				s.Now = time.Now().UnixNano()
				dst := make([]byte, 0, 1232)
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					e.Answer(s, queries[i&65535], client, dst)
					i++
				}
			})
		}
	}
	runtime.GC()
}

func BenchmarkSigned(b *testing.B) {
	for _, way := range signedZones {
		e := signedEngine(b, way)
		for _, name := range []string{"www.signed.example.", "nothing.signed.example.", "a.insecure.signed.example.", "q.wild.signed.example."} {
			b.Run(way+"/"+name, func(b *testing.B) {
				s := e.NewScratch()
				q := query(b, name, dns.TypeA, dnssec)
				dst := make([]byte, 0, 1232)
				b.ReportAllocs()
				for b.Loop() {
					e.Answer(s, q, client, dst)
				}
			})
		}
	}
}
