package secondary_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/zone"
)

// A hundred thousand zones come from one primary: how long that takes and what it leaves in memory,
// for each zone.
func BenchmarkMany(b *testing.B) {
	const n = 100_000
	s := newServer()
	c := secondary.Config{}
	src := s.source()
	for i := range n {
		origin := name(fmt.Sprintf("z%d.example.", i))
		s.put(version(b, origin, 1))
		c.Zones = append(c.Zones, secondary.Zone{Origin: origin, Source: src})
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	for b.Loop() {
		var all book
		z := zonesFor(&all, nil)
		plain := heap()
		z.Publish = func(*zone.Zone) error { all.mu.Lock(); all.answered[zone.Name{}]++; all.mu.Unlock(); return nil }
		if err := z.Set(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(heap()-plain)/n, "B/waiting")
		began := time.Now()
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = z.Run(ctx) }()
		for {
			all.mu.Lock()
			got := all.answered[zone.Name{}]
			all.mu.Unlock()
			if got == n {
				break
			}
			<-time.After(10 * time.Millisecond)
		}
		b.ReportMetric(float64(time.Since(began))/n, "ns/zone")
		b.ReportMetric(float64(heap()-plain)/n, "B/zone")
		b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
		cancel()
		<-ended
		runtime.KeepAlive(z)
	}
}
