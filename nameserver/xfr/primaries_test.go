package xfr_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A replica is an In that runs, and what it has published.
type replica struct {
	*xfr.In
	addr string // where it takes NOTIFY

	mu       sync.Mutex
	runs     bool
	newest   *zone.Zone
	versions int
}

func (r *replica) zone() *zone.Zone {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newest
}

// newReplica makes a replica that listens for NOTIFY, before its primaries are known.
func newReplica(t *testing.T, keys ...*wire.Key) *replica {
	t.Helper()
	r := &replica{}
	r.In = &xfr.In{Origin: example, Publish: func(z *zone.Zone) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.newest = z
		r.versions++
		return nil
	}}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = packets.LocalAddr().String()
	desk := &xfr.Desk{Keys: wire.NewKeyring(keys...), Notified: func(n xfr.Notice) wire.RCODE {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.runs {
			return wire.Refused
		}
		return r.Notified(n)
	}}
	var running sync.WaitGroup
	running.Go(func() { serveDatagrams(context.Background(), packets, desk, func([]byte) {}) })
	t.Cleanup(func() { _ = packets.Close(); running.Wait() })
	return r
}

// run keeps the replica up for the time of the test.
func (r *replica) run(t *testing.T, primaries ...xfr.Primary) {
	t.Helper()
	r.Primaries = primaries
	r.mu.Lock()
	r.runs = true
	r.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
}

// updateFor is the dynamic update that makes b out of a, SOA left out.
func updateFor(a, b *zone.Zone) *wire.Message {
	m := wire.Update(a.Origin())
	for c := range zone.Diff(a, b) {
		k := c.Key()
		if k.Type == zone.TypeSOA {
			continue
		}
		m.Authority = append(m.Authority, wire.Record{Owner: k.Owner, Type: k.Type, Class: wire.ClassANY})
		if c.After == nil {
			continue
		}
		for _, d := range c.After.Data {
			m.Authority = append(m.Authority, wire.Record{Owner: k.Owner, Type: k.Type, Class: wire.ClassIN, TTL: c.After.TTL, Data: d})
		}
	}
	return m
}

// upstream is a real server that we fetch example.org from.
type upstream struct {
	name    string
	rounds  int
	odd     string
	changes bool // it answers IXFR with changes
	start   func(t *testing.T, text, notify string, key *testserver.Key) (addr string, text0 func() string, change func(a, b *zone.Zone))
}

func byUpdate(t *testing.T, addr string, key *testserver.Key) func(a, b *zone.Zone) {
	k, err := wire.NewKey(key.Name, key.Algorithm, key.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return func(a, b *zone.Zone) {
		c := wire.Client{Transport: wire.TCP, Key: k, Timeout: patience.Limit}
		m, err := c.Exchange(t.Context(), addr, updateFor(a, b))
		if err != nil || m.RCODE != wire.NoError {
			t.Fatalf("update: %v, %v", m, err)
		}
	}
}

var upstreams = []upstream{
	// NOTIFY wakes us.
	{"BIND", 10, oddLabel, true, func(t *testing.T, text, notify string, key *testserver.Key) (string, func() string, func(a, b *zone.Zone)) {
		_, port, _ := net.SplitHostPort(notify)
		s := testserver.BIND(t, testserver.BINDOptions{
			Zones: map[string]string{"example.org.": text}, TSIG: key,
			ZoneOptions: fmt.Sprintf("check-names ignore; check-integrity no; notify explicit; notify-delay 0; also-notify { 127.0.0.1 port %s key %q; };", port, key.Name),
		})
		return s.Addr, func() string { return s.ZoneText(t, "example.org.") }, byUpdate(t, s.Addr, key)
	}},
	// No NOTIFY comes; the refresh timer of the SOA does it.
	{"BIND without NOTIFY", 4, oddLabel, true, func(t *testing.T, text, _ string, key *testserver.Key) (string, func() string, func(a, b *zone.Zone)) {
		s := testserver.BIND(t, testserver.BINDOptions{
			Zones: map[string]string{"example.org.": strings.Replace(text, " 7200 900 ", " 1 1 ", 1)}, TSIG: key,
			ZoneOptions: "check-names ignore; check-integrity no; notify no;",
		})
		return s.Addr, func() string { return s.ZoneText(t, "example.org.") }, byUpdate(t, s.Addr, key)
	}},
	{"Knot", 4, oddLabel, true, func(t *testing.T, text, _ string, key *testserver.Key) (string, func() string, func(a, b *zone.Zone)) {
		s := testserver.Knot(t, testserver.KnotOptions{
			Zones: map[string]string{"example.org.": strings.Replace(text, " 7200 900 ", " 1 1 ", 1)}, TSIG: key,
			ZoneOptions: "journal-max-depth: 1000",
		})
		return s.Addr, func() string { return s.ZoneText(t, "example.org.") }, byUpdate(t, s.Addr, key)
	}},
	{"NSD", 3, oddLabel, false, func(t *testing.T, text, _ string, key *testserver.Key) (string, func() string, func(a, b *zone.Zone)) {
		short := func(s string) string { return strings.Replace(s, " 7200 900 ", " 1 1 ", 1) }
		s := testserver.NSD(t, testserver.NSDOptions{Zones: map[string]string{"example.org.": short(text)}, TSIG: key})
		return s.Addr, func() string { return s.ZoneText(t, "example.org.") }, func(_, b *zone.Zone) {
			s.Rewrite(t, "example.org.", short(strings.ReplaceAll(dnstest.Text(t, b), "\t7200 900 ", " 7200 900 ")))
		}
	}},
	// Its API takes no names that need escapes.
	{"PowerDNS", 4, "_a._b", false, func(t *testing.T, text, _ string, key *testserver.Key) (string, func() string, func(a, b *zone.Zone)) {
		s := testserver.PowerDNS(t, testserver.PowerDNSOptions{
			Zones: map[string]string{"example.org.": strings.Replace(text, " 7200 900 ", " 1 1 ", 1)}, TSIG: key,
		})
		return s.Addr, func() string { return s.AXFR(t, "example.org.", key) }, func(a, b *zone.Zone) { patchPowerDNS(t, s, a, b) }
	}},
}

// patchPowerDNS makes b out of a by the API, the serial included.
func patchPowerDNS(t *testing.T, s *testserver.PowerDNSServer, a, b *zone.Zone) {
	t.Helper()
	type record struct {
		Content  string `json:"content"`
		Disabled bool   `json:"disabled"`
	}
	type rrset struct {
		Name       string   `json:"name"`
		Type       string   `json:"type"`
		TTL        uint32   `json:"ttl"`
		ChangeType string   `json:"changetype"`
		Records    []record `json:"records"`
	}
	var sets []rrset
	for c := range zone.Diff(a, b) {
		k := c.Key()
		set := rrset{Name: k.Owner.String(), Type: k.Type.String(), ChangeType: "DELETE"}
		if c.After != nil {
			set.ChangeType, set.TTL = "REPLACE", c.After.TTL
			for _, d := range c.After.Data {
				text := rdata.Text(k.Type, d)
				if k.Type == zone.TypeSOA {
					text = strings.Replace(text, " 7200 900 ", " 1 1 ", 1)
				}
				set.Records = append(set.Records, record{Content: text})
			}
		}
		sets = append(sets, set)
	}
	err := s.Call(http.MethodPatch, "/api/v1/servers/localhost/zones/example.org.", map[string]any{"rrsets": sets}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// We fetch the zone from real servers and follow random edits.
func TestWeFollow(t *testing.T) {
	t.Parallel()
	for _, u := range upstreams {
		t.Run(u.name, func(t *testing.T) {
			t.Parallel()
			theirs, ours := dnstest.Key(t)
			r := newReplica(t, ours)
			text := apex + static
			z := dnstest.Zone(t, example, text)
			addr, now, change := u.start(t, dnstest.Text(t, z), r.addr, theirs)
			r.run(t, xfr.Primary{Addr: addr, Key: ours})
			patience.Until(t, "the zone has come", func() (any, bool) { return r.Status(), r.zone() != nil })
			rng := rand.New(rand.NewPCG(3, 4))
			for range u.rounds {
				before := z
				for range edits / u.rounds {
					next := edit(t, rng, z, u.odd)
					if u.changes {
						change(z, next)
					}
					z = next
				}
				if !u.changes {
					change(before, z)
				}
				want := now()
				patience.Until(t, "the changes have come", func() (any, bool) { return r.Status(), dnstest.Text(t, r.zone()) == want })
			}
			_, wantRest, _ := strings.Cut(dnstest.Text(t, z), "\n")
			_, rest, _ := strings.Cut(dnstest.Text(t, r.zone()), "\n")
			if diff := cmp.Diff(wantRest, rest); diff != "" {
				t.Errorf("after %d edits (-want +got):\n%s", edits, diff)
			}
			s := r.Status()
			if u.changes && (s.Whole != 1 || s.Changes < u.rounds) || s.Err != nil || s.Expired || time.Since(s.Refreshed) > time.Minute {
				t.Errorf("status: %+v", s)
			}
		})
	}
}
