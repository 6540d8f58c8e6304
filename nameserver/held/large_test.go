package held_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// BenchmarkUpdateLarge is BenchmarkUpdate with one client in a zone of a million names.
func BenchmarkUpdateLarge(b *testing.B) {
	_, key := dnstest.Key(b)
	s := start(b, options{addr: "127.0.0.1:0", keys: []*wire.Key{key}, policy: func(zone.Name) held.Policy {
		return held.Policy{Grants: xfr.Grants{{Key: key.Name}}}
	}})
	z := zone.NewBuilder(example)
	for set := range dnstest.Zone(b, example, apex).All() {
		z.Add(set)
	}
	for i := range 1_000_000 {
		owner, err := example.Child(fmt.Sprintf("n%07d", i))
		if err != nil {
			b.Fatal(err)
		}
		z.Add(zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 300, Data: []zone.Data{zone.Data([]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}})
	}
	large, err := z.Zone()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Create(b.Context(), large); err != nil {
		b.Fatal(err)
	}
	c := wire.Client{Transport: wire.TCP, Key: key, Timeout: time.Minute}
	i := 0
	for b.Loop() {
		i++
		m := wire.Update(example)
		m.Authority = []wire.Record{record(b, fmt.Sprintf("h%d", i%1000), 60, zone.TypeTXT, fmt.Sprintf(`"%d"`, i/1000))}
		if answer, err := c.Exchange(b.Context(), s.addr, m); err != nil || answer.RCODE != wire.NoError {
			b.Fatalf("%v, %v", answer, err)
		}
	}
}
