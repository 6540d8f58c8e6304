package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// BenchmarkEntry keeps a write of one change in a zone of n RRsets, from Begin to Finish, many
// targets at once as a run does.
func BenchmarkEntry(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, err := Open(b.Context(), b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			origin := zone.MustName("example.org.")
			build := zone.NewBuilder(origin)
			for i := range n {
				build.Add(zone.RRset{Owner: zone.MustName(fmt.Sprintf("h%d.example.org.", i)), Type: zone.TypeA, TTL: 300, Data: []zone.Data{"\xc0\x00\x02\x01"}})
			}
			z, err := build.Zone()
			if err != nil {
				b.Fatal(err)
			}
			set, _ := z.Set(zone.MustName("h0.example.org."), zone.TypeA)
			changes := provider.ChangeSet{Sets: []zone.Change{{After: &set}}}
			e := apply.Entry{
				Run: "bench", Target: plan.Target{Provider: "a", Zone: origin}, Generation: 1, Changes: changes,
				Want: z, Wish: z, Before: zone.Empty(origin), Actor: "bench", Began: time.Now(),
			}
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					id, err := s.Begin(b.Context(), e)
					if err == nil {
						err = s.Finish(b.Context(), id, provider.NewReceipt(changes, provider.Done), nil)
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
