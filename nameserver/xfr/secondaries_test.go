package xfr_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// A secondary is a real server that fetches example.org from us.
type secondary struct {
	name   string
	rounds int // how often it is told of new versions; NSD waits a second after each
	start  func(t *testing.T, primary string, key *testserver.Key) (addr string, text func() string)
}

var secondaries = []secondary{
	{"BIND", 10, func(t *testing.T, primary string, key *testserver.Key) (string, func() string) {
		s := testserver.BIND(t, testserver.BINDOptions{Secondary: map[string]string{"example.org.": primary}, TSIG: key})
		return s.Addr, func() string { return s.ZoneText(t, "example.org.") }
	}},
	{"Knot", 20, func(t *testing.T, primary string, key *testserver.Key) (string, func() string) {
		s := testserver.Knot(t, testserver.KnotOptions{Secondary: map[string]string{"example.org.": primary}, TSIG: key})
		return s.Addr, func() string { return s.ZoneText(t, "example.org.") }
	}},
	{"NSD", 4, func(t *testing.T, primary string, key *testserver.Key) (string, func() string) {
		s := testserver.NSD(t, testserver.NSDOptions{Secondary: map[string]string{"example.org.": primary}, TSIG: key})
		return s.Addr, func() string { return s.ZoneText(t, "example.org.") }
	}},
	{"PowerDNS", 4, func(t *testing.T, primary string, key *testserver.Key) (string, func() string) {
		addr, s := startPowerDNS(t, primary, key)
		return addr, func() string { return s.ZoneText(t, "example.org.") }
	}},
}

func startPowerDNS(t *testing.T, primary string, key *testserver.Key) (addr string, s *testserver.PowerDNSServer) {
	t.Helper()
	s = testserver.PowerDNS(t, testserver.PowerDNSOptions{
		Zones: map[string]string{"example.org.": ""}, Kind: "Slave", Masters: []string{primary}, TSIG: key,
		Config: "xfr-cycle-interval=1",
	})
	if key != nil {
		err := s.Call(http.MethodPut, "/api/v1/servers/localhost/zones/example.org.",
			map[string]any{"kind": "Slave", "masters": []string{primary}, "slave_tsig_key_ids": []string{key.Name}}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	err := s.Call(http.MethodPost, "/api/v1/servers/localhost/zones/example.org./metadata",
		map[string]any{"kind": "IXFR", "metadata": []string{"1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.Addr, s
}

// static are names that stay, so that changes are shorter than the zone.
var static = fmt.Sprintf("$GENERATE 1-%d static$ A 192.0.2.1\n", 5*edits)

// Real servers fetch the zone whole, then follow random edits by their differences.
func TestSecondariesFollow(t *testing.T) {
	t.Parallel()
	for _, s := range secondaries {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			theirs, ours := dnstest.Key(t)
			z := dnstest.Zone(t, example, apex+static)
			rng := rand.New(rand.NewPCG(1, 2))
			j := &xfr.Journal{}
			if err := j.Put(z); err != nil {
				t.Fatal(err)
			}
			p := startPrimary(t, j, ours, nil)
			addr, text := s.start(t, p.addr, theirs)
			n := startNotifier(t, xfr.Target{Addr: addr, Key: ours})
			if err := n.Changed(z); err != nil {
				t.Fatal(err)
			}
			dnstest.AwaitSerial(t, addr, example, dnstest.Serial(t, z))
			for range s.rounds {
				for range edits / s.rounds {
					z = edit(t, rng, z, oddLabel)
					if err := j.Put(z); err != nil {
						t.Fatal(err)
					}
				}
				if err := n.Changed(z); err != nil {
					t.Fatal(err)
				}
				dnstest.AwaitSerial(t, addr, example, dnstest.Serial(t, z))
			}
			if diff := cmp.Diff(dnstest.Text(t, z), text()); diff != "" {
				t.Errorf("after %d edits (-ours +theirs):\n%s", edits, diff)
			}
			got := p.Out.Counts()
			if got.Whole > 2 || got.Incremental < int64(s.rounds)/2 || got.Refused+got.Failed > 0 {
				t.Errorf("transfers: %+v; want one of the whole zone and about %d of changes", got, s.rounds)
			}
		})
	}
}

// startNotifier runs a Notifier for the time of a test.
func startNotifier(t *testing.T, targets ...xfr.Target) *xfr.Notifier {
	t.Helper()
	n := &xfr.Notifier{Targets: func(zone.Name) []xfr.Target { return targets }, Timeout: 200 * time.Millisecond, Tries: 8}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = n.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return n
}
