//go:build unix

package journal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/zone"
)

// small is a zone of 10 records.
func small(b testing.TB, i int) *zone.Zone {
	b.Helper()
	text := apex
	for n := range 8 {
		text += fmt.Sprintf("h%d 300 A 192.0.2.%d\n", n, n)
	}
	return dnstest.Zone(b, zone.MustName(fmt.Sprintf("zone%d.example.", i)), text)
}

// BenchmarkPut is one version of a small zone after the other, by one writer or many at once, each
// with a zone of its own.
func BenchmarkPut(b *testing.B) {
	for _, writers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			d, err := Open(b.Context(), filepath.Join(b.TempDir(), "zones.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer shut(b, d)
			var next atomic.Int64
			b.SetParallelism(max(1, writers/2)) // of two processors
			b.RunParallel(func(pb *testing.PB) {
				i := int(next.Add(1))
				rng := rand.New(rand.NewPCG(uint64(i), 1))
				z := small(b, i)
				for pb.Next() {
					if err := d.Put(b.Context(), "primary", z, time.Now(), nil); err != nil {
						b.Error(err)
						return
					}
					z = edited(b, rng, z)
				}
			})
		})
	}
}

// BenchmarkLargeZone is one small change of a zone of a million records.
func BenchmarkLargeZone(b *testing.B) {
	d, err := Open(b.Context(), filepath.Join(b.TempDir(), "zones.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer shut(b, d)
	z := large(b, 1_000_000)
	began := time.Now()
	if err := d.Put(b.Context(), "primary", z, time.Now(), nil); err != nil {
		b.Fatal(err)
	}
	first := time.Since(began)
	rng := rand.New(rand.NewPCG(1, 1))
	before := written(b)
	for b.Loop() {
		z = edited(b, rng, z)
		if err := d.Put(b.Context(), "primary", z, time.Now(), nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(first.Seconds(), "s/first")
	b.ReportMetric(float64(written(b)-before)/float64(b.N), "octets-written/op")
}

// written is how much this process has given to disks.
func written(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Oublock * 512
}

// BenchmarkOpen reads everything at the start, as a name server does.
func BenchmarkOpen(b *testing.B) {
	for _, c := range []struct {
		name string
		fill func(d *DB) error
	}{
		{"zones=100000", func(d *DB) error {
			return parallel(100_000, 500, func(i int) error { return d.Put(context.Background(), "primary", small(b, i), time.Now(), nil) })
		}},
		{"records=1000000", func(d *DB) error {
			return d.Put(context.Background(), "primary", large(b, 1_000_000), time.Now(), nil)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "zones.db")
			d, err := Open(b.Context(), path)
			if err != nil {
				b.Fatal(err)
			}
			if err := c.fill(d); err != nil {
				b.Fatal(err)
			}
			if err := d.Close(); err != nil {
				b.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				d, err := Open(b.Context(), path)
				if err != nil {
					b.Fatal(err)
				}
				for _, err := range d.Zones(b.Context(), "primary") {
					if err != nil {
						b.Fatal(err)
					}
				}
				if err := d.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(info.Size())/1e6, "MB")
		})
	}
}

func parallel(n, at int, f func(i int) error) error {
	errs := make(chan error, at)
	var next atomic.Int64
	for range at {
		go func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					errs <- nil
					return
				}
				if err := f(i); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	for range at {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}
