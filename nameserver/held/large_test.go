package held_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
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
	large := manyNames(b, 1_000_000)
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

// manyNames is a zone with an address for each of so many names.
func manyNames(t testing.TB, n int) *zone.Zone {
	t.Helper()
	b := zone.NewBuilder(example)
	for set := range dnstest.Zone(t, example, apex).All() {
		b.Add(set)
	}
	for i := range n {
		owner, err := example.Child(fmt.Sprintf("n%07d", i))
		if err != nil {
			t.Fatal(err)
		}
		b.Add(zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 300, Data: []zone.Data{zone.Data([]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}})
	}
	z, err := b.Zone()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestUpdateLarge updates a zone that is large enough to be patched, and asks for what has come of it.
func TestUpdateLarge(t *testing.T) {
	t.Parallel()
	_, key := dnstest.Key(t)
	s := start(t, options{addr: "127.0.0.1:0", keys: []*wire.Key{key}, policy: func(zone.Name) held.Policy {
		return held.Policy{Grants: xfr.Grants{{Key: key.Name}}}
	}})
	if _, err := s.Create(t.Context(), manyNames(t, 2000)); err != nil {
		t.Fatal(err)
	}
	sends := wire.Client{Transport: wire.TCP, Key: key, Timeout: patience.Limit}
	asks := wire.Client{Transport: wire.TCP, Timeout: patience.Limit}
	for i := range 50 {
		name, text := fmt.Sprintf("h%d", i%7), fmt.Sprintf(`"%d"`, i)
		added := record(t, name, 60, zone.TypeTXT, text)
		m := wire.Update(example)
		m.Authority = []wire.Record{{Owner: added.Owner, Type: zone.TypeTXT, Class: wire.ClassANY}, added}
		if answer, err := sends.Exchange(t.Context(), s.addr, m); err != nil || answer.RCODE != wire.NoError {
			t.Fatalf("update %d: %v, %v", i, answer, err)
		}
		answer, err := asks.Exchange(t.Context(), s.addr, wire.Query(added.Owner, zone.TypeTXT))
		if err != nil || len(answer.Answers) != 1 || answer.Answers[0].Data != added.Data {
			t.Fatalf("after update %d: %v, %v; want %s TXT %s", i, answer, err, name, text)
		}
		answer, err = asks.Exchange(t.Context(), s.addr, wire.Query(example, zone.TypeSOA))
		if err != nil || len(answer.Answers) != 1 || answer.Answers[0].Data[len(answer.Answers[0].Data)-17] != byte(i+2) {
			t.Fatalf("after update %d: %v, %v; want serial %d", i, answer, err, i+2)
		}
	}
}
