package metrics

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/observe"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// get returns the page, without what the runtime says of itself.
func get(t *testing.T, s Source) (ours, all string) {
	t.Helper()
	rec := httptest.NewRecorder()
	New(s).Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	all = rec.Body.String()
	var b strings.Builder
	for line := range strings.Lines(all) {
		if strings.Contains(line, "zonecast_") {
			b.WriteString(line)
		}
	}
	return b.String(), all
}

func at(hour int) time.Time { return time.Date(2026, 1, 2, hour, 0, 0, 0, time.UTC) }

// full is a source of everything.
func full() Source {
	counts := nameserver.Counts{Queries: 10, Answers: 9, Ignored: 1, Truncated: 2, Limited: 3, Slipped: 4, DNSSEC: 5, Cookies: 6}
	counts.ByRCODE = [16]uint64{0: 7, 3: 2, 14: 1, 15: 1}
	counts.ByType = [256]uint64{0: 1, 1: 5, 28: 3, 255: 1}
	var incoming []Incoming
	for i := range 30 {
		z := Incoming{zone.MustName(fmt.Sprintf("z%02d.example.", i)), xfr.Status{Loaded: true, Serial: uint32(i), Refreshed: at(1 + i%20), Next: at(23), Expires: at(24), Whole: 1, Changes: 2}}
		switch {
		case i == 7:
			z.Expired, z.Err, z.Failed = true, errors.New("nobody answers"), 9
		case i == 8:
			z.Status = xfr.Status{Err: errors.New("nobody answers"), Failed: 3, Next: at(5)}
		case i == 9:
			z.Older = "192.0.2.1:53"
		case i >= 20:
			z.Err, z.Failed = errors.New("nobody answers"), 1
		}
		incoming = append(incoming, z)
	}
	return Source{
		Version: "1.2.3",
		Engine:  func() nameserver.Counts { return counts },
		Sockets: func() socket.Counters {
			return socket.Counters{Datagrams: 100, Answers: 99, Messages: 20, Requests: 3, Connections: 5, Open: 1}
		},
		Zones:  func() map[string]int { return map[string]int{"file": 3, "secondary": 30} },
		Former: func() int { return 1 },
		Files: func() Files {
			return Files{Files: 4, Broken: 1, Scans: 100, Changes: 5, Changed: at(1), Took: 2 * time.Millisecond}
		},
		Reload: func() Reload { return Reload{Last: at(2), Good: false, Count: 3, Wrong: 1} },
		Out: func() xfr.Counts {
			return xfr.Counts{Whole: 1, Incremental: 2, Refused: 3, Records: 400, Busy: 2, Open: 4, Waiting: 1}
		},
		Told:    func() (uint64, uint64) { return 5, 1 },
		In:      func() []Incoming { return incoming },
		Updates: func() map[string]uint64 { return map[string]uint64{"done": 2, "refused": 1} },
		Certificates: func() []*x509.Certificate {
			return []*x509.Certificate{
				{DNSNames: []string{"ns.example.org"}, NotAfter: at(9)},
				{DNSNames: []string{"ns.example.org"}, NotAfter: at(8)},
				{Subject: pkix.Name{CommonName: "old"}, NotAfter: at(7)},
			}
		},
		Troubled: 4,
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	got, all := get(t, full())
	got = regexp.MustCompile(`goversion="[^"]*"`).ReplaceAllString(got, `goversion="go"`)
	got = regexp.MustCompile(`(?m)^zonecast_heap_bytes .*`).ReplaceAllString(got, `zonecast_heap_bytes 1`)
	path := filepath.Join("testdata", "page.txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("the page has changed (-want +got):\n%s", d)
	}
	for _, name := range []string{"process_start_time_seconds", "go_goroutines", "process_resident_memory_bytes", "process_open_fds"} {
		if !strings.Contains(all, "\n"+name+" ") {
			t.Errorf("the page lacks %s", name)
		}
	}
	problems, err := promlint.New(strings.NewReader(got)).Lint()
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// A server with next to nothing has a page, too.
func TestEmpty(t *testing.T) {
	t.Parallel()
	got, _ := get(t, Source{})
	if !strings.Contains(got, "zonecast_build_info") || strings.Contains(got, "zonecast_dns") {
		t.Errorf("%s", got)
	}
}

// The page stays small, however many zones there are and whatever is asked.
func TestBounded(t *testing.T) {
	t.Parallel()
	s := full()
	s.Troubled = 0
	var many []Incoming
	for i := range 10000 {
		many = append(many, Incoming{Origin: zone.MustName(fmt.Sprintf("z%d.example.", i))})
	}
	s.In = func() []Incoming { return many }
	got, _ := get(t, s)
	if n := strings.Count(got, "zonecast_secondary_zone_serial{"); n != 20 {
		t.Errorf("%d zones have lines, want 20", n)
	}
	if !strings.Contains(got, `zonecast_secondary_zones{state="awaiting"} 10000`) {
		t.Error("not all zones are counted")
	}
}

// TestObserved has queries answered, and finds them on the page.
func TestObserved(t *testing.T) {
	t.Parallel()
	o := observe.New(observe.Options{
		Latency: true, TopZones: 3,
		ZoneOf: func(q []byte) (zone.Name, bool) { n, _, err := zone.NameFromWire(q); return n, err == nil },
		Log:    &observe.Log{Writer: &strings.Builder{}},
	})
	w := o.Wrap(silent{}).Worker()
	for i, name := range []string{"a.example.", "b.example.", "a.example."} {
		q := zone.MustName(name).AppendWire([]byte{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		w.Answer(nil, append(q, 0, 1, 0, 1), &socket.Client{Transport: socket.Transport(1 + i%2)})
		w.(socket.Flusher).Flush()
	}
	got, _ := get(t, Source{Observer: o, Sockets: func() socket.Counters { return socket.Counters{Messages: 77} }})
	for _, want := range []string{
		`zonecast_dns_queries_total{transport="udp"} 0`, `zonecast_dns_queries_total{transport="tcp"} 2`, `zonecast_dns_queries_total{transport="tls"} 1`,
		`zonecast_zone_queries_total{zone="a.example."} 2`, `zonecast_zone_queries_total{zone="b.example."} 1`,
		`zonecast_dns_query_seconds_bucket{transport="tcp",le="+Inf"} 2`, `zonecast_dns_query_seconds_count{transport="tls"} 1`,
		`zonecast_dns_query_seconds_bucket{transport="tls",le="1.048576"} 1`, `zonecast_query_log_connected 0`,
	} {
		if !slices.Contains(strings.Split(got, "\n"), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

type silent struct{}

func (silent) Worker() socket.Worker                        { return silent{} }
func (silent) Answer([]byte, []byte, *socket.Client) []byte { return nil }
