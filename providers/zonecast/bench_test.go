package zonecast_test

import (
	"fmt"
	"testing"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// filled is a name server with a zone of n addresses.
func filled(b *testing.B, n int) (*server, provider.Provider) {
	b.Helper()
	s, path := local(b)
	z := zone.NewBuilder(example)
	for _, set := range []zone.RRset{
		nsSet("ns1.example.net."),
		{Owner: example, Type: zone.TypeSOA, TTL: 60, Data: []zone.Data{mustParse(zone.TypeSOA, "ns1.example.net. h.example.net. 1 2 3 4 5")}},
	} {
		z.Add(set)
	}
	for i := range n {
		z.Add(address(fmt.Sprintf("host-%07d.example.org.", i), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)))
	}
	done, err := z.Zone()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.zones.Create(b.Context(), done); err != nil {
		b.Fatal(err)
	}
	return s, open(b, map[string]string{"socket": path}, nil)
}

func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1, 10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, p := filled(b, n)
			b.ReportAllocs()
			for b.Loop() {
				snap, err := p.Read(b.Context(), provider.ZoneRef{Origin: example})
				if err != nil || snap.Sets.Len() != n+2 {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWriteOne(b *testing.B) {
	for _, n := range []int{1, 10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, p := filled(b, n)
			base, err := p.Read(b.Context(), provider.ZoneRef{Origin: example})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				www := address("www.example.org.", fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
				next := *base
				r, err := p.Write(b.Context(), &next, provider.ChangeSet{Sets: []zone.Change{{After: &www}}})
				if err != nil {
					b.Fatal(err)
				}
				base = &provider.Snapshot{Info: base.Info, Revision: r.Revision, Sets: base.Sets}
			}
		})
	}
}

func BenchmarkWriteAll(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		b.StopTimer()
		_, p := filled(b, 0)
		base, err := p.Read(b.Context(), provider.ZoneRef{Origin: example})
		if err != nil {
			b.Fatal(err)
		}
		changes := make([]zone.Change, n)
		for i := range changes {
			set := address(fmt.Sprintf("host-%07d.example.org.", i), "192.0.2.1")
			changes[i].After = &set
		}
		b.StartTimer()
		if _, err := p.Write(b.Context(), base, provider.ChangeSet{Sets: changes}); err != nil {
			b.Fatal(err)
		}
	}
}
