package serve

import (
	"cmp"
	"context"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonecast/zonecast/nameserver/observe"
	"github.com/zonecast/zonecast/nameserver/observe/metrics"
)

// A tally counts what Run does beside answering.
type tally struct {
	told, untold, loads, scans atomic.Uint64

	mu     sync.Mutex
	latest Report
	last   time.Time // when something changed
	reload metrics.Reload
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

// reloaded notes that a reload is done, and whether anything was wrong beside the files.
func (t *tally) reloaded(good bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.reload
	r.Last, r.Good = time.Now(), good && t.latest.Broken == 0
	r.Count++
	if !r.Good {
		r.Wrong++
	}
}

func (t *tally) reloads() metrics.Reload {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reload
}

// files tells of the folders.
func (t *tally) files() metrics.Files {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.latest
	return metrics.Files{
		Files: r.Files, Broken: r.Broken, Scans: t.scans.Load(), Changes: t.loads.Load(), Changed: t.last, Took: r.Took,
	}
}

// defaultTopZones is for how many zones there are metrics.
const defaultTopZones = 20

// observer sees what the options want to be seen. Queries are counted when there are metrics.
func (s *Server) observing() *observe.Observer {
	o := observe.Options{Dnstap: s.o.Dnstap, Log: s.o.QueryLog}
	if s.o.Metrics != "" {
		o.Latency, o.TopZones, o.ZoneOf = true, cmp.Or(s.o.TopZones, defaultTopZones), s.engine.Zones.Enclosing
	}
	return observe.New(o)
}

// serveMetrics answers over HTTP until ctx ends.
func (s *Server) serveMetrics(ctx context.Context) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics.New(s.source()).Handler())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("zonecast nameserver; metrics are at /metrics\n"))
	})
	srv := &http.Server{
		Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	_ = srv.Serve(s.metrics)
}

// source is where the figures of the page come from.
func (s *Server) source() metrics.Source {
	src := metrics.Source{
		Version:  s.o.Program,
		Engine:   s.engine.Counts,
		Sockets:  s.sockets.Counters,
		Observer: s.observer,
		Zones:    s.zones.counts,
		Former:   func() int { return len(s.zones.formers()) },
		Files:    s.tally.files,
		Reload:   s.tally.reloads,
		Out:      s.out.Counts,
		Told:     func() (told, untold uint64) { return s.tally.told.Load(), s.tally.untold.Load() },
		In:       s.incoming,
		Updates:  s.updates,
	}
	if src.Version == "" {
		if info, ok := debug.ReadBuildInfo(); ok {
			src.Version = info.Main.Version
		}
	}
	if s.o.Certificates != nil {
		src.Certificates = s.o.Certificates.Leaves
	}
	return src
}

func (s *Server) incoming() []metrics.Incoming {
	var out []metrics.Incoming
	for _, z := range s.secondary.Status() {
		out = append(out, metrics.Incoming{Origin: z.Origin, Status: z.Status})
	}
	return out
}

func (s *Server) updates() map[string]uint64 {
	c := s.held.Counts()
	return map[string]uint64{
		"done": uint64(c.Updates), "void": uint64(c.Void), "again": uint64(c.Again),
		"refused": uint64(c.Refused), "failed": uint64(c.Failed), "edited": uint64(c.Edits),
	}
}
