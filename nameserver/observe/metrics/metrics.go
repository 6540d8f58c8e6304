package metrics

import (
	"crypto/x509"
	"net/http"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/observe"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// A Source is where figures come from. All functions are called by several goroutines at once, and may
// be nil, as Observer may.
type Source struct {
	Version  string // of the program
	Engine   func() nameserver.Counts
	Sockets  func() socket.Counters
	Observer *observe.Observer
	// Zones are how many are served, by kind: "file", "primary", "secondary" …
	Zones  func() map[string]int
	Former func() int // zones that are answered as they were before a reload
	Files  func() Files
	Reload func() Reload
	// Out is what secondaries did, and Told how many were told of a new version, and could not be.
	Out  func() xfr.Counts
	Told func() (told, untold uint64)
	// In are the zones that are transferred in.
	In func() []Incoming
	// Updates are those of RFC 2136, by what became of them, a word for each: "done", "refused" …
	Updates func() map[string]uint64
	// Certificates are those that are shown to clients.
	Certificates func() []*x509.Certificate
	// Troubled is for how many of the zones that cannot be refreshed there are lines; 0: 20. All of
	// them are counted.
	Troubled int
}

// Files are the zone files in folders.
type Files struct {
	Files, Broken  int
	Scans, Changes uint64        // looks at the folders, and zones that these loaded, replaced or withdrew
	Changed        time.Time     // when they last did
	Took           time.Duration // of the last look
}

// Reload tells of the reloads that were asked for.
type Reload struct {
	Last         time.Time // the zero time: none was
	Good         bool      // the last one found nothing to complain about
	Count, Wrong uint64
}

// Incoming is a zone that is transferred in.
type Incoming struct {
	Origin zone.Name
	xfr.Status
}

// A Page is what Prometheus reads.
type Page struct {
	source   Source
	registry *prometheus.Registry
}

// New makes a page.
func New(s Source) *Page {
	if s.Troubled <= 0 {
		s.Troubled = 20
	}
	p := &Page{source: s, registry: prometheus.NewRegistry()}
	p.registry.MustRegister(p, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return p
}

// Handler answers with the page.
func (p *Page) Handler() http.Handler {
	return promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Describe says nothing: which metrics there are depends on the source.
func (p *Page) Describe(chan<- *prometheus.Desc) {}

// Collect gathers all figures.
func (p *Page) Collect(out chan<- prometheus.Metric) {
	w, s := writer{out}, &p.source
	if s.Engine != nil {
		w.engine(s.Engine())
	}
	w.transports(s)
	if s.Sockets != nil {
		w.sockets(s.Sockets())
	}
	if s.Observer != nil {
		w.observed(s.Observer)
	}
	if s.Zones != nil {
		w.zones(s.Zones())
	}
	if s.Former != nil {
		w.former(s.Former())
	}
	if s.Files != nil {
		w.files(s.Files())
	}
	if s.Reload != nil {
		w.reload(s.Reload())
	}
	w.outgoing(s)
	if s.In != nil {
		w.incoming(s.In(), s.Troubled)
	}
	if s.Updates != nil {
		for result, n := range s.Updates() {
			w.counter("zonecast_updates_total", "Dynamic updates (RFC 2136), by what became of them.", n, "result", result)
		}
	}
	if s.Certificates != nil {
		w.certificates(s.Certificates())
	}
	w.gauge("zonecast_build_info", "The program that runs; always 1.", 1, "version", s.Version, "goversion", runtime.Version())
	w.gauge("zonecast_heap_bytes", "Memory of the heap in use.", heap())
}

// heap asks without stopping the world.
func heap() float64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(s)
	sum := 0.0
	for i := range s {
		if s[i].Value.Kind() == metrics.KindUint64 {
			sum += float64(s[i].Value.Uint64())
		}
	}
	return sum
}

// A writer sends metrics. Labels are names and values in turn.
type writer struct{ out chan<- prometheus.Metric }

func (w writer) counter(name, help string, n uint64, labels ...string) {
	w.one(name, help, prometheus.CounterValue, float64(n), labels)
}

func (w writer) gauge(name, help string, v float64, labels ...string) {
	w.one(name, help, prometheus.GaugeValue, v, labels)
}

func (w writer) one(name, help string, t prometheus.ValueType, v float64, labels []string) {
	d, values := describe(name, help, labels)
	w.out <- prometheus.MustNewConstMetric(d, t, v, values...)
}

func describe(name, help string, labels []string) (*prometheus.Desc, []string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	return prometheus.NewDesc(name, help, names, nil), values
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
