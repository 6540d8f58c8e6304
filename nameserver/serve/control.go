package serve

import (
	"context"
	"fmt"
	"slices"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

// Control says by which ways a running server is looked after; see package control.
type Control struct {
	Unix *control.Unix // nil: none
	TLS  *control.TLS  // nil: none
	// Log is told of each write and action; may be nil.
	Log func(control.Entry)
}

// listenControl binds the control interface.
func (s *Server) listenControl() error {
	c := s.o.Control
	if c == nil || c.Unix == nil && c.TLS == nil {
		return nil
	}
	var err error
	s.control, err = control.Listen(control.Options{
		Backend: s.held, Version: s.o.Program, Addresses: s.addresses, Counters: s.counters, Log: c.Log,
		Transfer: s.transferState, Formers: s.zones.formers, Reload: s.reloadNow,
		Refresh:    s.refresh(s.secondary.Refresh),
		Retransfer: s.refresh(s.secondary.Retransfer),
		Accept:     s.refresh(s.secondary.Accept),
		Notify:     s.zones.tell,
		Versions:   s.held.Versions, Restore: s.held.Restore, Recall: s.held.Recall,
	}, c.Unix, c.TLS)
	return err
}

// ControlAt is where the control interface listens: a socket's path, an address, both or nothing.
func (s *Server) ControlAt() []string {
	var out []string
	if s.control == nil {
		return nil
	}
	if path := s.control.Socket(); path != "" {
		out = append(out, path)
	}
	if a := s.control.Addr(); a.IsValid() {
		out = append(out, a.String())
	}
	return out
}

// addresses are where questions are answered over UDP and TCP.
func (s *Server) addresses() []string {
	var out []string
	for _, e := range s.sockets.Endpoints() {
		if e.Service == socket.DNS {
			out = append(out, e.Addr.String())
		}
	}
	return out
}

// counters are the figures that people ask for first; the metrics have them all.
func (s *Server) counters() map[string]uint64 {
	c, n, o := s.engine.Counts(), s.sockets.Counters(), s.out.Counts()
	return map[string]uint64{
		"queries": c.Queries, "answers": c.Answers, "nxdomain": c.ByRCODE[3], "servfail": c.ByRCODE[2], "refused": c.ByRCODE[5],
		"truncated": c.Truncated, "limited": c.Limited + c.Slipped, "connections": n.Open,
		"axfr": uint64(o.Whole), "ixfr": uint64(o.Incremental), "transfers refused": uint64(o.Refused),
	}
}

func (s *Server) transferState(origin zone.Name) (xfr.Status, bool) {
	return s.secondary.StatusOf(origin)
}

// refresh words the error for zones that are not transferred in.
func (s *Server) refresh(f func(zone.Name) error) func(zone.Name) error {
	return func(origin zone.Name) error {
		if s.secondary.Holds(origin) {
			return f(origin)
		}
		if h, ok := s.zones.holder(origin); ok {
			return &notTransferred{place{h, origin}}
		}
		return fmt.Errorf("zone %s: %w", origin, held.ErrNoZone)
	}
}

// A notTransferred error is of who wants primaries to be asked of a zone that has none.
type notTransferred struct{ place }

func (e *notTransferred) Error() string {
	return fmt.Sprintf("zone %s is not transferred in; it is served from %s", e.origin, e.holder)
}

func (e *notTransferred) Unwrap() error { return held.ErrReadOnly }

// A reloading is somebody's wish for a reload; done gets what it brought.
type reloading struct{ done chan reloaded }

// A reloaded is what it brought; kept says that the configuration stays as it was.
type reloaded struct {
	Report
	kept bool
}

// reloadNow has everything read again, and waits for it.
func (s *Server) reloadNow(ctx context.Context) (api.Reload, error) {
	r := reloading{make(chan reloaded, 1)}
	select {
	case s.reloads <- r:
	case <-ctx.Done():
		return api.Reload{}, ctx.Err()
	}
	select {
	case report := <-r.done:
		out := api.Reload{Changed: len(report.Changes), Broken: report.Broken, Kept: report.kept}
		for _, n := range s.zones.counts() {
			out.Zones += n
		}
		for _, f := range report.Findings {
			out.Findings = append(out.Findings, f.String())
		}
		return out, nil
	case <-ctx.Done():
		return api.Reload{}, ctx.Err()
	}
}

// reload reads files, configuration and certificates again.
func (s *Server) reload(ctx context.Context) reloaded {
	if s.o.Reloading != nil {
		s.o.Reloading()
	}
	s.observer.Reopen()
	s.renew()
	if s.control != nil {
		if err := s.control.Reload(); err != nil {
			s.log(finding.Finding{ID: "zones-control", Severity: finding.Error, Text: err.Error() + "; the control interface stays as it was"})
		}
	}
	s.zones.handOver()
	waiting, problem := s.again(ctx)
	r := s.look(ctx, true)
	if problem == nil {
		if problem = s.settle(ctx, waiting); problem != nil {
			s.log(finding.Finding{ID: "zones-reload", Severity: finding.Error, Text: problem.Error()})
		}
	}
	s.tell(s.zones.settled(s.expected))
	s.before.Store(nil)
	// What has another holder now is told of by that.
	r.Changes = slices.DeleteFunc(r.Changes, func(c Change) bool {
		_, has := s.zones.holder(c.Origin)
		return c.Removed && has
	})
	s.report(ctx, r)
	if problem != nil {
		r.Findings = append(r.Findings, finding.Of(problem, "zones-reload")...)
	}
	s.tally.reloaded(problem == nil && s.badCert == "")
	s.ready()
	return reloaded{r, problem != nil}
}
