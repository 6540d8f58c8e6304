package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/acme"
	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/observe"
	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// restAfterNotify is how long secondaries are left alone after they were told of a version: under
// updates there may be hundreds of versions in a second.
const restAfterNotify = 500 * time.Millisecond

// A Server is a name server whose addresses are bound.
type Server struct {
	o        Options
	engine   *nameserver.Engine
	sockets  *socket.Server
	folders  Folders
	zones    *register
	content  atomic.Pointer[Content]
	before   atomic.Pointer[Content] // while a reload is under way: what was served before
	metrics  net.Listener            // nil: none
	observer *observe.Observer

	db        *journal.DB // nil: no store
	held      *held.Zones
	secondary *secondary.Zones
	producing sync.Mutex // guards producers
	producers []producing
	loaded    atomic.Bool
	// incomplete: there are files or folders that cannot be read, and zones may be missing for it.
	incomplete atomic.Bool
	control    *control.Server // nil: none
	acme       *acme.Manager   // nil: none
	reloads    chan reloading
	listed     chan struct{} // has a value after zones have come or gone

	notify *xfr.Notifier
	out    *xfr.Out
	tally  tally

	strangers strangers
	badCert   string // what was said of certificates last
}

// Listen binds all addresses. Whoever does not go on to Run calls Close.
func Listen(o Options) (*Server, error) {
	if o.Cookies == nil {
		o.Cookies = nameserver.NewCookies()
	}
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	s := &Server{o: o, engine: &nameserver.Engine{
		MaxUDP: o.MaxUDP, NSID: o.NSID, Version: o.Version, Hostname: o.Hostname, Rotate: o.Rotate, Cookies: o.Cookies, Limit: o.Limit,
		Reports: o.Reports, ClientSubnet: o.ClientSubnet,
	}}
	s.content.Store(&o.Content)
	s.listed, s.reloads = make(chan struct{}, 1), make(chan reloading)
	s.zones = &register{zones: &s.engine.Zones, policy: s.policy, limit: o.Journal}
	s.notify = &xfr.Notifier{Targets: s.zones.targets, Told: s.told, Rest: restAfterNotify}
	s.zones.notify, s.zones.listed, s.zones.changed = s.notify, s.relist, s.changed
	s.wire()
	s.zones.expire = s.secondary.Expire
	s.out = &xfr.Out{
		Journal: s.zones.journal, Access: s.zones.access, Transfers: o.Transfers, PerClient: o.TransfersPerClient,
		Serves: func(origin zone.Name) bool { return s.engine.Zones.Find(origin) != nil },
		Expire: s.secondary.Expire,
		Denied: s.denied, Busy: s.busy,
	}
	s.folders = Folders{Zones: &s.engine.Zones, Claim: s.claimFile, Published: s.publishFile, Withdrawn: s.withdrawFile}
	for _, f := range o.Folders {
		s.folders.Dirs = append(s.folders.Dirs, f.Dir)
	}
	s.observer = s.observing()
	if err := s.bind(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// bind takes all addresses.
func (s *Server) bind() error {
	if err := s.obtain(); err != nil {
		return err
	}
	o := &s.o
	var err error
	s.sockets, err = socket.Listen(socket.Options{
		Answerer: s.observer.Wrap(socket.Engine(s.engine, s.desk())), Endpoints: o.Endpoints, Inherited: o.Inherited,
		Threads: o.Threads, Certificates: o.Certificates, ClientAuth: o.ClientAuth, ClientCAs: o.ClientCAs,
		Path: o.Path, ProxyFrom: o.ProxyFrom, Locals: o.Dnstap != nil, Limits: o.Limits,
	})
	if err != nil {
		return err
	}
	if o.Metrics != "" {
		var lc net.ListenConfig
		if s.metrics, err = lc.Listen(context.Background(), "tcp", o.Metrics); err != nil {
			return fmt.Errorf("listen on %s for metrics: %w", o.Metrics, cause(err))
		}
	}
	return s.listenControl()
}

func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// told is called when a secondary was told of a version, or could not be.
func (s *Server) told(origin zone.Name, serial uint32, t xfr.Target, err error) {
	if err == nil {
		s.tally.told.Add(1)
		return
	}
	s.tally.untold.Add(1)
	severity := finding.Warning
	if e, ok := errors.AsType[*wire.RCODEError](err); ok && e.RCODE == wire.NotAuth {
		severity = finding.Info // it has not set the zone up yet, as when a catalog lists it in a moment
	}
	s.log(finding.Finding{
		ID: "zones-notify", Severity: severity, Zone: origin.String(), Subject: t.Addr,
		Text: fmt.Sprintf("secondary %s was not told of zone %s, serial %d: %v; it will find out by its refresh timer", t.Addr, origin, serial, err),
	})
}

func (s *Server) log(f finding.Finding) {
	if s.o.Log != nil {
		s.o.Log(f)
	}
}

// Zones counts the zones that are answered, by what they are served from: "file", "primary" (held
// here), "secondary", "catalog" (made here).
func (s *Server) Zones() map[string]int { return s.zones.counts() }

// Endpoints are the addresses that are bound.
func (s *Server) Endpoints() []socket.Endpoint { return s.sockets.Endpoints() }

// MetricsAddr is where metrics are; the zero value when they are not.
func (s *Server) MetricsAddr() netip.AddrPort {
	if s.metrics == nil {
		return netip.AddrPort{}
	}
	a, _ := netip.ParseAddrPort(s.metrics.Addr().String())
	return a
}

// Close frees the addresses of a server that was never run.
func (s *Server) Close() error {
	var err error
	if s.sockets != nil {
		err = s.sockets.Close()
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	if s.control != nil {
		err = errors.Join(err, s.control.Close())
	}
	if s.acme != nil {
		err = errors.Join(err, s.acme.Close())
	}
	if s.metrics != nil {
		err = errors.Join(err, s.metrics.Close())
	}
	return err
}

// changed tells of versions that no look at the folders tells of.
func (s *Server) changed(h holder, c Change) {
	if h.kind != held.File && s.o.Changed != nil && s.loaded.Load() {
		s.o.Changed(c)
	}
}

// relist has the catalogs made anew soon.
func (s *Server) relist() {
	select {
	case s.listed <- struct{}{}:
	default: // somebody said so already
	}
}

// Load opens the store and reads all zones. The report is not given to Options.Report.
func (s *Server) Load(ctx context.Context) (Report, error) {
	if err := s.open(ctx); err != nil {
		return Report{}, err
	}
	r := s.folders.Scan(ctx, true)
	s.tally.scanned(&r)
	s.looked()
	if r.Bytes > tidyAbove {
		debug.FreeOSMemory()
	}
	s.listNow(ctx)
	s.loaded.Store(true)
	return r, ctx.Err()
}

// tidyAbove is from how many octets of zone files on the memory that reading took is given back at
// once: it is a multiple of what is served.
const tidyAbove = 8 << 20

// Run answers until ctx ends, and then what has arrived. A value in reload has everything looked at
// and read again at once.
func (s *Server) Run(ctx context.Context, reload <-chan struct{}) error {
	work, stop := context.WithCancel(ctx)
	defer stop()
	var others sync.WaitGroup
	defer others.Wait()
	if s.metrics != nil {
		others.Go(func() { s.serveMetrics(work) })
	}
	others.Go(func() { _ = s.notify.Run(work) })
	others.Go(func() { _ = s.secondary.Run(work) })
	others.Go(func() { s.list(work) })
	others.Go(func() { s.watch(work, reload) })
	if s.acme != nil {
		others.Go(func() { s.renewing(work) })
	}
	if s.control != nil {
		others.Go(func() {
			if err := s.control.Run(work); err != nil {
				s.log(finding.Finding{ID: "zones-control", Severity: finding.Error, Text: err.Error()})
			}
		})
	}
	// What was asked last is to be seen, too.
	observing, enough := context.WithCancel(context.WithoutCancel(ctx))
	defer enough()
	others.Go(func() { s.observer.Run(observing) })
	err := s.sockets.Run(ctx)
	enough()
	stop()
	others.Wait()
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

// watch looks at the folders again and again.
func (s *Server) watch(ctx context.Context, reload <-chan struct{}) {
	s.ready()
	timer := time.NewTimer(s.o.Poll)
	defer timer.Stop()
	certificates := time.NewTicker(time.Minute)
	defer certificates.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-certificates.C:
			s.renew()
			continue
		case <-reload:
			s.reload(ctx)
		case r := <-s.reloads:
			r.done <- s.reload(ctx)
		case <-timer.C:
		}
		took := s.scan(ctx)
		// A look at very many files costs: it must stay a small part of the time.
		timer.Reset(max(s.o.Poll, 20*took))
	}
}

func (s *Server) ready() {
	if s.o.Ready != nil {
		s.o.Ready()
	}
}

// scan looks at the folders, without being asked to.
func (s *Server) scan(ctx context.Context) time.Duration {
	r := s.look(ctx, false)
	s.tell(s.zones.review(time.Now(), s.expected))
	if !r.Quiet() {
		s.report(ctx, r)
	}
	return r.Took
}

func (s *Server) look(ctx context.Context, now bool) Report {
	r := s.folders.Scan(ctx, now)
	s.tally.scanned(&r)
	s.looked()
	if r.Bytes > tidyAbove {
		debug.FreeOSMemory()
	}
	return r
}

func (s *Server) report(ctx context.Context, r Report) {
	if ctx.Err() == nil && s.o.Report != nil {
		s.o.Report(r)
	}
}

func (s *Server) tell(fs []finding.Finding) {
	for _, f := range fs {
		s.log(f)
	}
}

// again exchanges what is served, when a reload was asked for. An error has been told. waiting are
// names that something else still has, which perhaps goes with the look at the folders that follows.
func (s *Server) again(ctx context.Context) (waiting []zone.Name, err error) {
	if s.o.Again == nil {
		return nil, nil
	}
	c, err := s.o.Again()
	if err != nil {
		return nil, err
	}
	if err := s.reachable(&c); err != nil {
		s.log(finding.Finding{ID: "zones-reload", Severity: finding.Error, Text: err.Error()})
		return nil, err
	}
	s.before.Store(s.content.Load()) // first: no look-up finds the new content without the former
	s.content.Store(&c)
	waiting = s.reserve(&c, false)
	var dirs []string
	for _, f := range c.Folders {
		dirs = append(dirs, f.Dir)
	}
	s.folders.Only(dirs)
	err = s.set(ctx)
	if err != nil {
		s.log(finding.Finding{ID: "zones-reload", Severity: finding.Error, Text: err.Error() + "; what is transferred in stays as it was"})
	} else if len(waiting) > 0 {
		s.reserve(&c, false) // before files can take what is free now
	}
	s.relist()
	return waiting, err
}

// reachable says which folders that are new cannot be read: with a name that is wrong, all zones of the
// folder that it takes the place of would go.
func (s *Server) reachable(c *Content) error {
	var errs []error
	for _, f := range c.Folders {
		if slices.Contains(s.folders.Dirs, filepath.Clean(f.Dir)) {
			continue // it may be missing for a while
		}
		if d, err := os.Open(f.Dir); err != nil {
			errs = append(errs, fmt.Errorf("folder %s cannot be read: %w; everything stays as it was", f.Dir, cause(err)))
		} else {
			_ = d.Close()
		}
	}
	return errors.Join(errs...)
}

// renew reads the certificates again.
func (s *Server) renew() {
	if s.o.Certificates == nil {
		return
	}
	changed, err := s.o.Certificates.Reload()
	switch {
	case err != nil && err.Error() != s.badCert:
		s.badCert = err.Error()
		s.log(finding.Finding{ID: "zones-certificate", Severity: finding.Error, Text: err.Error() + "; the one before stays in use"})
	case err == nil && changed:
		s.log(finding.Finding{ID: "zones-certificate", Text: "the certificate was read again; new connections get it"})
		s.badCert = ""
	}
}

// Advice says what to do about an error of Listen; "" when nothing general can be said.
func Advice(err error) string {
	switch {
	case errors.Is(err, syscall.EACCES):
		return "ports below 1024 need rights: run it as a service (docs/nameserver.md), as root with --user NAME, or allow it once:\n" +
			"  sudo setcap cap_net_bind_service=+ep $(command -v zonecast); or choose another port, as in --listen 127.0.0.1:5300"
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program listens there, perhaps systemd-resolved or another name server; sudo ss -lnptu names it"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have that address; ip address lists those that it has"
	}
	return ""
}
