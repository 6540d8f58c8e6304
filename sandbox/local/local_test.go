package local_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/sandbox/local"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// need skips or fails a test whose server is not installed.
func need(t *testing.T, kind local.Kind) {
	t.Helper()
	switch {
	case local.Installed(kind):
	case os.Getenv("ZONECAST_SKIP_SERVERS") == "1":
		t.Skipf("%s is not installed, and ZONECAST_SKIP_SERVERS=1 allows to skip what needs it", kind.Title())
	default:
		t.Fatalf("%s is not installed; run scripts/setup-debian, or set ZONECAST_SKIP_SERVERS=1 to skip what needs it", kind.Title())
	}
}

func TestServersStartStopAndResume(t *testing.T) {
	t.Parallel()
	const origin = "example.org."
	for _, kind := range []local.Kind{local.BIND, local.Knot} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			need(t, kind)
			const secret = "c2FuZGJveCBrZXkgb2YgYSB0ZXN0IHdpdGggMzIgYnl0"
			o := local.Options{Kind: kind, Dir: filepath.Join(t.TempDir(), "s"), DNS: free(t), Key: secret, Zones: []string{origin}}
			s, err := local.Start(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Stop() }()
			key, err := wire.NewKey(local.KeyName, "hmac-sha256", secret)
			if err != nil {
				t.Fatal(err)
			}
			update := func(n byte) {
				t.Helper()
				u := wire.Update(zone.MustName(origin))
				u.Authority = []wire.Record{{Owner: zone.MustName("www.example.org."), Type: zone.TypeA, Class: wire.ClassIN, TTL: 60, Data: zone.Data([]byte{192, 0, 2, n})}}
				if m, err := (&wire.Client{Key: key, Transport: wire.TCP, Timeout: patience.Limit}).Exchange(t.Context(), o.DNS, u); err != nil || m.RCODE != wire.NoError {
					t.Fatalf("update %d: %v, %v", n, m, err)
				}
			}
			// More than Knot's journal has changes (journal-max-depth, 20 as it comes).
			for n := range byte(30) {
				update(n)
			}
			if err := s.Stop(); err != nil || s.Running() {
				t.Fatalf("after Stop: running %v, error %v", s.Running(), err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			ask := wire.Query(zone.MustName("www.example.org."), zone.TypeA)
			if m, err := (&wire.Client{}).Exchange(ctx, o.DNS, ask); err == nil {
				t.Errorf("a stopped server answers %v", m)
			}
			if err := s.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			if m, err := (&wire.Client{Timeout: 20 * time.Second, Tries: 6}).Exchange(t.Context(), o.DNS, ask); err != nil || len(m.Answers) != 30 {
				t.Errorf("after Resume: %v, %v; want the 30 records that were added", m, err)
			}
			update(30)
		})
	}
}

func TestPowerDNS(t *testing.T) {
	t.Parallel()
	need(t, local.PowerDNS)
	o := local.Options{Kind: local.PowerDNS, Dir: filepath.Join(t.TempDir(), "s"), DNS: free(t), API: free(t), Key: "of-this-test"}
	s, err := local.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	for key, want := range map[string]int{"of-this-test": 200, "another": 401} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+o.API+"/api/v1/servers/localhost/zones", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-API-Key", key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("with key %q: %s, want %d", key, resp.Status, want)
		}
	}
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	need(t, local.PowerDNS)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	o := local.Options{Kind: local.PowerDNS, Dir: filepath.Join(t.TempDir(), "s"), DNS: l.Addr().String(), API: free(t), Key: "k"}
	s, err := local.Start(t.Context(), o)
	if err == nil {
		_ = s.Stop()
		t.Fatal("PowerDNS starts at an address that is taken")
	}
	t.Log(err)
}
