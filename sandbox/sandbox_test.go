package sandbox_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/sandbox"
	"github.com/zonecast/zonecast/sandbox/cloudflare"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// bases hands out ports once, since tests run side by side.
var bases sync.Mutex

func start(t *testing.T, kinds []string, knobs map[string]service.Knobs) (*sandbox.Sandbox, string) {
	t.Helper()
	bases.Lock()
	defer bases.Unlock()
	dir := filepath.Join(t.TempDir(), ".sandbox")
	base, err := sandbox.FreeBase(t.Context(), 13000)
	if err != nil {
		t.Fatal(err)
	}
	if err := sandbox.Prepare(dir, sandbox.Project{BasePort: base, Kinds: kinds, Zones: []string{"example.com."}}); err != nil {
		t.Fatal(err)
	}
	s, err := sandbox.Start(t.Context(), dir, knobs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, dir
}

// missing are the real servers among some kinds that this machine lacks. That fails the test unless
// ZONECAST_SKIP_SERVERS=1 allows to do without them.
func missing(t *testing.T, kinds ...string) []string {
	t.Helper()
	lacks := slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return slices.Contains(sandbox.Available(), k) })
	if len(lacks) > 0 && os.Getenv("ZONECAST_SKIP_SERVERS") != "1" {
		t.Fatalf("%v cannot run here; run scripts/setup-debian, or set ZONECAST_SKIP_SERVERS=1 to do without", lacks)
	}
	return lacks
}

func TestEverythingRuns(t *testing.T) {
	t.Parallel()
	missing(t, sandbox.Kinds()...)
	kinds := sandbox.Available()
	s, dir := start(t, kinds, map[string]service.Knobs{sandbox.Cloudflare: {Latency: service.Duration(time.Millisecond)}})
	remote := sandbox.Remote{Control: s.Project().Control()}
	list, err := remote.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, st := range list {
		names = append(names, st.Name)
	}
	if !slices.Equal(names, kinds) {
		t.Errorf("services %v, want %v", names, kinds)
	}
	if got := time.Duration(list[1].Knobs.Latency); got != time.Millisecond {
		t.Errorf("Cloudflare starts with a latency of %v, want 1ms", got)
	}
	// Real servers hold their zone; emulated ones refuse until it is created.
	for kind, want := range map[string]wire.RCODE{sandbox.BIND: wire.NoError, sandbox.Knot: wire.NoError, sandbox.Route53: wire.Refused, sandbox.Google: wire.Refused} {
		if !slices.Contains(kinds, kind) {
			continue
		}
		m, err := (&wire.Client{Timeout: 20 * time.Second, Tries: 6}).Exchange(t.Context(), s.Project().DNS(kind), wire.Query(zone.MustName("example.com."), zone.TypeSOA))
		if err != nil || m.RCODE != want {
			t.Errorf("%s: answer %v, error %v; want %v", kind, m, err, want)
		}
	}
	files := []string{sandbox.AWSSecret, sandbox.CFToken, sandbox.AzureSecret, sandbox.GoogleFile, sandbox.TSIGSecret, sandbox.PowerDNSKey, sandbox.CAFile}
	for _, f := range files {
		if info, err := os.Stat(filepath.Join(dir, f)); err != nil || info.Size() == 0 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, error %v; want a file that only its owner reads", f, info, err)
		}
	}
}

func TestKnobsOverTheControlAPI(t *testing.T) {
	t.Parallel()
	if lacks := missing(t, sandbox.Knot); lacks != nil {
		t.Skipf("%v is not installed", lacks)
	}
	s, _ := start(t, []string{sandbox.Cloudflare, sandbox.Knot}, nil)
	remote := sandbox.Remote{Control: s.Project().Control()}
	verify := func() int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Project().URL(sandbox.Cloudflare)+"/user/tokens/verify", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+cloudflare.DefaultToken)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	answers := func(want bool) bool {
		limit := 400 * time.Millisecond
		if want {
			limit = patience.Limit
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		m, err := (&wire.Client{}).Exchange(ctx, s.Project().DNS(sandbox.Knot), wire.Query(zone.MustName("example.com."), zone.TypeSOA))
		return err == nil && m.RCODE == wire.NoError
	}
	for _, c := range []struct {
		name  string
		kind  string
		knobs map[string]any
		fails string
		want  int  // status of Cloudflare's API
		knot  bool // answers
	}{
		{"nothing turned", sandbox.Cloudflare, map[string]any{}, "", 200, true},
		{"outage", sandbox.Cloudflare, map[string]any{"outage": true}, "", 503, true},
		{"another knob leaves it", sandbox.Cloudflare, map[string]any{"latency": "1ms"}, "", 503, true},
		{"unknown knob", sandbox.Cloudflare, map[string]any{"outage": false, "speed": 1}, "speed", 503, true},
		{"senseless value", sandbox.Cloudflare, map[string]any{"fail": 7}, "fail is 7; write a share from 0 to 1", 503, true},
		{"back in order", sandbox.Cloudflare, map[string]any{"outage": false}, "", 200, true},
		{"a real server cannot be slow", sandbox.Knot, map[string]any{"latency": "1s"}, "Knot DNS is a real server", 200, true},
		{"a real server is out", sandbox.Knot, map[string]any{"outage": true}, "", 200, false},
		{"and comes back", sandbox.Knot, map[string]any{"outage": false}, "", 200, true},
		{"dark is out", sandbox.Knot, map[string]any{"dark": true}, "", 200, false},
		{"and comes back again", sandbox.Knot, map[string]any{"dark": false}, "", 200, true},
		{"nobody of that name", sandbox.Azure, map[string]any{"dark": false}, `"azure" does not run in this sandbox`, 200, true},
	} {
		_, err := remote.Turn(t.Context(), c.kind, c.knobs)
		if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.fails)
		}
		if got := verify(); got != c.want {
			t.Errorf("%s: Cloudflare answers %d, want %d", c.name, got, c.want)
		}
		if got := answers(c.knot); got != c.knot {
			t.Errorf("%s: Knot answers: %v, want %v", c.name, got, c.knot)
		}
	}
}

func TestControlAPIRefusesOtherOrigins(t *testing.T) {
	t.Parallel()
	s, _ := start(t, []string{sandbox.Route53}, nil)
	for _, c := range []struct{ name, host, origin, site, body, want string }{
		{"a page of another origin", "", "https://evil.example", "cross-site", `{"outage":true}`, "403 Forbidden"},
		{"a page of a name that points here", "evil.example", "http://evil.example", "same-origin", `{"outage":true}`, "403 Forbidden"},
		{"two objects", "", "", "", `{"outage":true} {"outage":true}`, "400 Bad Request"},
		{"a person", "localhost", "", "", `{"outage":false}`, "200 OK"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, "http://"+s.Project().Control()+"/services/route53", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		for name, value := range map[string]string{"Origin": c.origin, "Sec-Fetch-Site": c.site} {
			if value != "" {
				req.Header.Set(name, value)
			}
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.Status != c.want || s.Status()[0].Knobs.Outage {
			t.Errorf("%s: got %s, outage %v; want %s", c.name, resp.Status, s.Status()[0].Knobs.Outage, c.want)
		}
	}
}

func TestWhatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	taken := l.Addr().(*net.TCPAddr).Port
	for _, c := range []struct {
		name    string
		project sandbox.Project
		want    string
	}{
		{"port taken", sandbox.Project{BasePort: taken}, "another sandbox may be running"},
		{"port too high", sandbox.Project{BasePort: 65530}, "choose one from 1024 to 65515"},
		{"unknown kind", sandbox.Project{BasePort: 8500, Kinds: []string{"aws"}}, `no service is called "aws"`},
		{"the same kind twice", sandbox.Project{BasePort: 8500, Kinds: []string{"azure", "azure"}}, "service azure is named twice"},
		{"no zone name", sandbox.Project{BasePort: 8500, Zones: []string{"exa mple"}}, `zone "exa mple"`},
	} {
		dir := filepath.Join(t.TempDir(), "s")
		err := sandbox.Prepare(dir, c.project)
		if err == nil {
			var s *sandbox.Sandbox
			if s, err = sandbox.Start(t.Context(), dir, nil); err == nil {
				_ = s.Close()
			}
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestFolderKeepsItsCredentials(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "s")
	p := sandbox.Project{BasePort: 8500, Kinds: []string{sandbox.Route53}}
	read := func() string {
		var all string
		for _, f := range []string{sandbox.TSIGSecret, sandbox.PowerDNSKey, sandbox.CAFile} {
			b, err := os.ReadFile(filepath.Join(dir, f))
			if err != nil {
				t.Fatal(err)
			}
			all += string(b)
		}
		return all
	}
	if err := sandbox.Prepare(dir, p); err != nil {
		t.Fatal(err)
	}
	before := read()
	p.Kinds = append(p.Kinds, sandbox.Knot)
	if err := sandbox.Prepare(dir, p); err != nil {
		t.Fatal(err)
	}
	if read() != before {
		t.Error("preparing again changes credentials that a configuration refers to")
	}
	if got, err := sandbox.Load(dir); err != nil || len(got.Kinds) != 2 {
		t.Errorf("loaded %+v, error %v", got, err)
	}
}
