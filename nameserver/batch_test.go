package nameserver_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/zone"
)

// BenchmarkBatch answers batches as they come from a socket: with the look-ups foreseen, and with the
// processor's caches used by somebody else in between, as the kernel does. Told is the time for a
// query, in the median and in the best tenth.
func BenchmarkBatch(b *testing.B) {
	for _, size := range []struct {
		name  string
		names int
		zones bool // each name is a zone
	}{
		{"1,000 names", 1000, false},
		{"1,000,000 names", 1_000_000, false},
		{"100,000 zones", 100_000, true},
	} {
		b.Run(size.name, func(b *testing.B) {
			e := &nameserver.Engine{
				NSID: "ns1", Cookies: nameserver.NewCookies(),
				Limit: nameserver.NewRateLimit(nameserver.RateLimitOptions{PerSecond: 1 << 30}),
			}
			if size.zones {
				putZones(b, e, size.names)
			} else {
				c, err := nameserver.Compile(many(b, size.names), nameserver.CompileOptions{})
				if err != nil {
					b.Fatal(err)
				}
				e.Zones.Put(c)
			}
			benchmarkBatch(b, e, size.names)
		})
	}
}

func benchmarkBatch(b *testing.B, e *nameserver.Engine, names int) {
	b.Helper()
	const room = 1232
	s, r := e.NewScratch(), rand.New(rand.NewPCG(1, 2))
	out, others := make([]byte, nameserver.Batch*room), make([]byte, 256<<10)
	queries := make([][]byte, nameserver.Batch)
	for i := range queries {
		queries[i] = query(b, "n0000000.bench.example.", dns.TypeA)
	}
	var took []time.Duration
	for b.Loop() {
		for _, q := range queries {
			copy(q[13:21], fmt.Appendf(nil, "n%07d", r.IntN(names)))
		}
		for i := 0; i < len(others); i += 64 {
			others[i]++
		}
		began := time.Now()
		s.Now = began.UnixNano()
		for _, q := range queries {
			e.Foresee(s, q, client.Addr.Addr())
		}
		for i, q := range queries {
			if a := e.Answer(s, q, client, out[i*room:i*room:(i+1)*room]); len(a) < 12 || a[7] != 1 {
				b.Fatalf("the answer to % x is % x", q, a)
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	perQuery := func(share int) float64 {
		return float64(took[len(took)*share/100].Nanoseconds()) / nameserver.Batch
	}
	b.ReportMetric(perQuery(50), "median-ns")
	b.ReportMetric(perQuery(10), "best-ns")
}

// putZones adds zones with an address at the apex and some names more.
func putZones(b *testing.B, e *nameserver.Engine, n int) {
	b.Helper()
	for i := range n {
		origin := zone.MustName(fmt.Sprintf("n%07d.bench.example.", i))
		e.Zones.Put(compiled(b, origin.String(), "@ SOA ns1 hm 1 7200 900 1209600 300\n@ NS ns1\n@ A 192.0.2.1\nns1 A 192.0.2.2\nwww A 192.0.2.3\nmail A 192.0.2.4\n"))
	}
}
