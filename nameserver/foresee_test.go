package nameserver_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/nameserver"
)

// TestForesee wants the same answers whether the engine knew of the questions before or not, whatever
// becomes of those that it was told of.
func TestForesee(t *testing.T) {
	t.Parallel()
	c, err := nameserver.Compile(many(t, 20000), nameserver.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e := &nameserver.Engine{Limit: nameserver.NewRateLimit(nameserver.RateLimitOptions{PerSecond: 1e6, Size: 64})}
	e.Zones.Put(c)
	buffers := make([][]byte, nameserver.Batch+10)
	told, plain := e.NewScratch(), e.NewScratch()
	n := 0
	for round := range 6 {
		for i := range buffers {
			n++
			buffers[i] = append(buffers[i][:0], query(t, fmt.Sprintf("N%07d.bench.example.", n*7), dns.TypeA, withEDNS)...)
			if round != 4 { // then buffers have something else in them than what was told
				e.Foresee(told, buffers[i], client.Addr.Addr())
			}
		}
		e.Foresee(told, []byte("short"), client.Addr.Addr())
		for i, q := range buffers {
			if round == 3 && i > 20 {
				break // some are never answered
			}
			if round == 2 && i%2 == 0 {
				continue
			}
			got, want := e.Answer(told, q, client, nil), e.Answer(plain, q, client, nil)
			if !bytes.Equal(got, want) || got[7] != 1 {
				t.Fatalf("round %d, query %d: % x, want % x", round, i, got, want)
			}
		}
	}
}
