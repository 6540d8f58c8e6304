package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

const text = `@ 3600 SOA ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300
@ 3600 NS ns1.example.net.
www 300 A 192.0.2.1
`

func parse(t testing.TB, origin, text string) *zone.Zone {
	t.Helper()
	return dnstest.Zone(t, zone.MustName(origin), text)
}

// A server is a control interface over a socket.
type server struct {
	t       testing.TB
	zones   *held.Zones
	path    string
	client  *http.Client
	publish func(*zone.Zone) // called by Publish; may be nil

	told chan control.Entry // the first entries of the log; what nobody reads is only in log
	mu   sync.Mutex
	log  []control.Entry
}

func newServer(t testing.TB, edit func(*control.Options, *control.Unix)) *server {
	t.Helper()
	dir := t.TempDir()
	db, err := journal.Open(t.Context(), filepath.Join(dir, "zones.db"))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, path: filepath.Join(dir, "s"), told: make(chan control.Entry, 100)}
	s.zones = &held.Zones{
		DB: db, Withdraw: func(zone.Name) {},
		Publish: func(z *zone.Zone) error {
			if s.publish != nil {
				s.publish(z)
			}
			return nil
		},
		Other: func(origin zone.Name) (*zone.Zone, string) {
			if origin == zone.MustName("file.example.") {
				return parse(t, "file.example.", text), held.File
			}
			return nil, ""
		},
		Others: func() []held.Info { return []held.Info{held.InfoOf(parse(t, "file.example.", text), held.File)} },
		Taken:  func(origin zone.Name) (string, bool) { return "a file", origin == zone.MustName("file.example.") },
	}
	for _, origin := range []string{"example.org.", "example.net."} {
		if _, err := s.zones.Create(t.Context(), parse(t, origin, text)); err != nil {
			t.Fatal(err)
		}
	}
	o := control.Options{
		Backend: s.zones, Version: "1.2.3", Versions: s.zones.Versions, Restore: s.zones.Restore,
		Addresses: func() []string { return []string{"192.0.2.53:53"} },
		Log: func(e control.Entry) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.log = append(s.log, e)
			select {
			case s.told <- e:
			default: // a test that waits for nothing may write more often than there is room for
			}
		},
	}
	unix := &control.Unix{Path: s.path}
	if edit != nil {
		edit(&o, unix)
	}
	c, err := control.Listen(o, unix, nil)
	if err != nil {
		t.Fatal(err)
	}
	running(t, c, func() { _ = db.Close() })
	s.client = &http.Client{Transport: api.UnixTransport(s.path), Timeout: patience.Limit}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// running lets a server run until the test ends.
func running(t testing.TB, c *control.Server, after func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := patience.Receive(t, "the end of the server", ended); err != nil {
			t.Errorf("Run: %v", err)
		}
		after()
	})
}

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) problem(t testing.TB) api.Problem {
	t.Helper()
	var p api.Problem
	if a.header.Get("Content-Type") != api.ProblemJSON || json.Unmarshal([]byte(a.body), &p) != nil || p.Status != a.status || p.Detail == "" {
		t.Fatalf("status %d, %s: %s; want a problem", a.status, a.header.Get("Content-Type"), a.body)
	}
	return p
}

// do sends a request; header are names and values.
func (s *server) do(method, path, body string, header ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, api.UnixBase+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var b bytes.Buffer
	if _, err := io.Copy(&b, resp.Body); err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, b.String()}
}

// json sends a request that is to succeed and reads its answer.
func (s *server) json(out any, method, path, body string, header ...string) answer {
	s.t.Helper()
	a := s.do(method, path, body, header...)
	if a.status >= 300 {
		s.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), out); err != nil {
		s.t.Fatalf("%s %s: %v in %s", method, path, err, a.body)
	}
	return a
}

// refuses demands a problem of a kind, and that zone example.org. is what it was.
func (s *server) refuses(kind, method, path, body string, header ...string) api.Problem {
	s.t.Helper()
	before := s.zone("example.org.")
	p := s.do(method, path, body, header...).problem(s.t)
	if p.Kind != kind {
		s.t.Errorf("%s %s: problem %s, %q; want %s", method, path, p.Kind, p.Detail, kind)
	}
	if !s.zone("example.org.").Equal(before) {
		s.t.Errorf("%s %s was refused, but the zone was changed", method, path)
	}
	return p
}

func (s *server) zone(origin string) *zone.Zone {
	s.t.Helper()
	z, _, err := s.zones.Zone(zone.MustName(origin))
	if err != nil {
		s.t.Fatal(err)
	}
	return z
}

func (s *server) entries() []control.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]control.Entry(nil), s.log...)
}

var errDown = errors.New("no disk")
