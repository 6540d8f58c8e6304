package zonefile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// BenchmarkFile reads a file of many records, and writes it with one record changed.
func BenchmarkFile(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		var text strings.Builder
		text.WriteString(small)
		for i := range n {
			fmt.Fprintf(&text, "h%d\t300\tIN\tA\t10.%d.%d.%d\n", i, i>>16, i>>8&255, i&255)
		}
		dir := b.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "example.org."), []byte(text.String()), 0o644); err != nil {
			b.Fatal(err)
		}
		p := open(mute{}, dir, nil)
		b.Run(fmt.Sprintf("read/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Read(b.Context(), ref); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("write/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			base, err := p.Read(b.Context(), ref)
			if err != nil {
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				have, _ := base.Sets.Set(zone.MustName("www.example.org."), zone.TypeA)
				after := set("www.example.org.", 300, zone.TypeA, fmt.Sprintf("192.0.2.%d", i%2+50))
				r, err := p.Write(b.Context(), base, provider.ChangeSet{Sets: []zone.Change{{Before: &have, After: &after}}})
				if err != nil {
					b.Fatal(err)
				}
				if base.Sets, err = base.Sets.With([]zone.Change{{Before: &have, After: &after}}); err != nil {
					b.Fatal(err)
				}
				base.Revision = r.Revision
			}
		})
	}
}
