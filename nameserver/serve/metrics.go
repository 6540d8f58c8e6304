package serve

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// A tally counts what Run does beside answering.
type tally struct {
	told, untold, loads, scans atomic.Uint64

	mu     sync.Mutex
	latest Report
	last   time.Time // when something changed
}

func (t *tally) scanned(r *Report) {
	t.scans.Add(1)
	t.loads.Add(uint64(len(r.Changes)))
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(r.Changes) > 0 {
		t.last = time.Now()
	}
	t.latest = Report{Zones: r.Zones, Files: r.Files, Broken: r.Broken, Took: r.Took}
}

// started is when the process began, nearly.
var started = time.Now()

// serveMetrics answers over HTTP until ctx ends.
func (s *Server) serveMetrics(ctx context.Context) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(s.Metrics())
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("zonecast nameserver; metrics are at /metrics\n"))
	})
	srv := &http.Server{
		Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	_ = srv.Serve(s.metrics)
}

// Metrics is the text that Prometheus reads (text format 0.0.4).
func (s *Server) Metrics() []byte {
	var m page
	c, n := s.engine.Counts(), s.sockets.Counters()
	m.head("zonecast_dns_queries_total", "counter", "Queries received, by transport. tcp is TCP and TLS, https DNS over HTTPS.")
	m.value("zonecast_dns_queries_total", `transport="udp"`, n.Datagrams)
	m.value("zonecast_dns_queries_total", `transport="tcp"`, n.Messages)
	m.value("zonecast_dns_queries_total", `transport="https"`, n.Requests)
	m.head("zonecast_dns_answers_total", "counter", "Answers from zones, by RCODE.")
	for i, count := range c.ByRCODE {
		if count > 0 || i < 6 {
			m.value("zonecast_dns_answers_total", `rcode="`+rcode(i)+`"`, count)
		}
	}
	m.head("zonecast_dns_questions_total", "counter", "Questions answered, by type; types above 255 are OTHER.")
	for i, count := range c.ByType {
		if count > 0 {
			m.value("zonecast_dns_questions_total", `type="`+typeName(i)+`"`, count)
		}
	}
	for _, v := range []struct {
		name, help string
		n          uint64
	}{
		{"dns_ignored_total", "Messages that got no answer because they are no queries.", c.Ignored},
		{"dns_truncated_total", "Answers over UDP that did not fit and say so.", c.Truncated},
		{"dns_limited_total", "Answers not given because of the rate limit.", c.Limited},
		{"dns_slipped_total", "Answers given empty and truncated because of the rate limit.", c.Slipped},
		{"dns_dnssec_total", "Queries with DO.", c.DNSSEC},
		{"dns_cookies_total", "Queries with a valid server cookie.", c.Cookies},
		{"dns_udp_sent_total", "Answers over UDP that the kernel took.", n.Answers},
		{"dns_udp_unsent_total", "Answers over UDP that the kernel did not take.", n.Unsent},
		{"dns_udp_cut_total", "Datagrams that were longer than what is taken.", n.Cut},
		{"dns_busy_total", "Requests over UDP left alone because too many were under way.", n.Busy},
		{"dns_connections_total", "Connections accepted.", n.Connections},
		{"dns_connections_refused_total", "Connections ended at once because their client had too many.", n.Refused},
		{"dns_connections_evicted_total", "Idle connections that made room for others.", n.Evicted},
		{"dns_connections_late_total", "Connections ended because a message did not come or was not taken in time.", n.Late},
		{"dns_tls_failures_total", "TLS handshakes that failed.", n.Handshakes},
		{"dns_https_bad_requests_total", "Requests over HTTPS that are no DNS queries.", n.BadRequests},
		{"notify_sent_total", "Secondaries that were told of a new version.", s.tally.told.Load()},
		{"notify_failed_total", "Secondaries that could not be told of a new version.", s.tally.untold.Load()},
		{"zone_changes_total", "Zones that were loaded, replaced or withdrawn.", s.tally.loads.Load()},
		{"zone_scans_total", "Looks at the folders of zone files.", s.tally.scans.Load()},
	} {
		m.head("zonecast_"+v.name, "counter", v.help)
		m.value("zonecast_"+v.name, "", v.n)
	}
	m.gauge("zonecast_dns_connections", "Connections that are open.", float64(n.Open))
	s.transferMetrics(&m)
	s.zoneMetrics(&m)
	return m.Bytes()
}

func (s *Server) transferMetrics(m *page) {
	if s.out == nil {
		return
	}
	o := s.out.Counts()
	m.head("zonecast_transfers_total", "counter", "Requests for transfers, by what became of them.")
	for _, v := range []struct {
		result string
		n      int64
	}{{"axfr", o.Whole}, {"ixfr", o.Incremental}, {"current", o.Current}, {"refused", o.Refused}, {"failed", o.Failed}} {
		m.value("zonecast_transfers_total", `result="`+v.result+`"`, uint64(v.n))
	}
	m.head("zonecast_transfer_records_total", "counter", "Records sent in transfers.")
	m.value("zonecast_transfer_records_total", "", uint64(o.Records))
}

func (s *Server) zoneMetrics(m *page) {
	s.tally.mu.Lock()
	r, last := s.tally.latest, s.tally.last
	s.tally.mu.Unlock()
	m.gauge("zonecast_zones", "Zones that are served.", float64(s.engine.Zones.Count()))
	m.gauge("zonecast_zone_files", "Zone files in the folders.", float64(r.Files))
	m.gauge("zonecast_zone_files_broken", "Zone files that cannot be used; the zones are served as they were.", float64(r.Broken))
	m.gauge("zonecast_zones_changed_timestamp_seconds", "When zones last changed.", seconds(last))
	m.gauge("zonecast_zone_scan_seconds", "How long the last look at the folders took.", r.Took.Seconds())
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	m.gauge("zonecast_heap_bytes", "Memory of the heap in use.", float64(mem.HeapInuse))
	m.gauge("process_start_time_seconds", "When the process began.", seconds(started))
	m.gauge("go_goroutines", "Goroutines.", float64(runtime.NumGoroutine()))
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// A page is a text of metrics.
type page struct{ bytes.Buffer }

func (p *page) head(name, kind, help string) {
	fmt.Fprintf(p, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (p *page) value(name, labels string, n uint64) {
	if labels != "" {
		labels = "{" + labels + "}"
	}
	fmt.Fprintf(p, "%s%s %d\n", name, labels, n)
}

func (p *page) gauge(name, help string, v float64) {
	p.head(name, "gauge", help)
	fmt.Fprintf(p, "%s %s\n", name, strconv.FormatFloat(v, 'f', -1, 64))
}

// rcodes are the names of RCODEs as nameserver.Counts has them.
var rcodes = []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN"}

func rcode(i int) string {
	switch {
	case i < len(rcodes):
		return rcodes[i]
	case i == 14:
		return "BADVERS"
	case i == 15:
		return "BADCOOKIE"
	}
	return strconv.Itoa(i)
}

// metas are types that no record has.
var metas = []string{"IXFR", "AXFR", "MAILB", "MAILA", "ANY"}

func typeName(i int) string {
	switch t := zone.Type(i); {
	case i == 0:
		return "OTHER"
	case i >= 251 && i < 251+len(metas):
		return metas[i-251]
	case slices.Contains([]int{41, 249, 250}, i):
		return map[int]string{41: "OPT", 249: "TKEY", 250: "TSIG"}[i]
	default:
		return t.String()
	}
}
