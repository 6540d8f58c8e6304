package held_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// BenchmarkLoad publishes 100,000 zones of 10 records at the start.
func BenchmarkLoad(b *testing.B) {
	path := filepath.Join(b.TempDir(), "zones.db")
	db, err := journal.Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	var running sync.WaitGroup
	text := apex
	for i := range 6 {
		text += fmt.Sprintf("h%d 300 A 192.0.2.%d\n", i, i)
	}
	for w := range 500 {
		running.Go(func() {
			for i := range 200 {
				z := dnstest.Zone(b, zone.MustName(fmt.Sprintf("z%d-%d.org.", w, i)), text)
				if err := db.Put(b.Context(), held.Primary, z, time.Now(), nil); err != nil {
					b.Error(err)
				}
			}
		})
	}
	running.Wait()
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		db, err := journal.Open(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		e := &nameserver.Engine{}
		s := &held.Zones{DB: db, Publish: func(z *zone.Zone) error {
			c, err := nameserver.Compile(z, nameserver.CompileOptions{})
			if err == nil {
				e.Zones.Put(c)
			}
			return err
		}}
		if err := s.Load(b.Context()); err != nil {
			b.Fatal(err)
		}
		if n := e.Zones.Count(); n != 100_000 {
			b.Errorf("%d zones, want 100,000", n)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpdate is one client after the other that adds a record over TCP, signed, until it is on
// disk and answered; with many clients at once they share flushes to disk.
func BenchmarkUpdate(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			_, key := dnstest.Key(b)
			s := start(b, options{addr: "127.0.0.1:0", keys: []*wire.Key{key}, policy: func(zone.Name) held.Policy {
				return held.Policy{Grants: xfr.Grants{{Key: key.Name}}}
			}})
			if _, err := s.Create(b.Context(), dnstest.Zone(b, example, apex)); err != nil {
				b.Fatal(err)
			}
			work := make(chan int)
			var running sync.WaitGroup
			for range clients {
				running.Go(func() {
					c := wire.Client{Transport: wire.TCP, Key: key, Timeout: patience.Limit}
					for i := range work {
						m := wire.Update(example)
						m.Authority = []wire.Record{record(b, fmt.Sprintf("h%d", i%1000), 60, zone.TypeTXT, fmt.Sprintf(`"%d"`, i/1000))}
						if answer, err := c.Exchange(b.Context(), s.addr, m); err != nil || answer.RCODE != wire.NoError {
							b.Errorf("%v, %v", answer, err)
						}
					}
				})
			}
			i := 0
			for b.Loop() {
				work <- i
				i++
			}
			close(work)
			running.Wait()
		})
	}
}
