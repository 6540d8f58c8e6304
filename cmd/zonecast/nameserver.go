package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/serve"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
)

type nameserverArgs struct {
	zones, listen, dot, doh []string
	tlsCert, tlsKey         string
	transfer, notify        []string
	metrics, nsid, user     string
	rrl, workers, readyFD   int
	rotate                  bool
}

const nameserverLong = `Serves every zone file (*.zone, *.db, *.txt) of one or more folders as an authoritative
name server. A zone's name is what the file says: the owner of its SOA record, else $ORIGIN,
else the file's name.

Files that change are loaded within two seconds, or at once by SIGHUP; no query is dropped
meanwhile. A broken file leaves its zone as it was and is told with file, line and column. A
zone is withdrawn when its file is gone and others of the folder are in order; a folder that
is gone or empty withdraws nothing.

SIGTERM and Ctrl-C end it when the queries that have arrived are answered. As a service it
takes sockets from systemd and tells it when all zones are loaded; docs/nameserver.md has units.`

func nameserverCommand(a *app) *cobra.Command {
	var args nameserverArgs
	cmd := &cobra.Command{
		Use:     "nameserver --zones DIR",
		GroupID: "serve",
		Short:   "Serve zone files as a name server",
		Long:    nameserverLong,
		Example: `  zonecast nameserver --zones zones
  zonecast nameserver --zones /etc/zones --listen 192.0.2.53 --listen 2001:db8::53 --user nobody
  zonecast nameserver --zones zones --tls-cert cert.pem --tls-key key.pem --dot 8853 --doh 8443
  zonecast nameserver --zones zones --allow-transfer 198.51.100.0/24 --notify 198.51.100.2
  zonecast nameserver --zones zones --metrics 127.0.0.1:9153`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.nameserver(cmd.Context(), args) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&args.zones, "zones", nil, "serve the zone files of this `FOLDER` (repeatable)")
	f.StringArrayVar(&args.listen, "listen", nil, "answer at `ADDR[:PORT]`, over UDP and TCP; the port is 53 unless given (repeatable;\ndefault: 127.0.0.1:5300 and [::1]:5300, or the sockets that systemd hands over)")
	f.StringVar(&args.tlsCert, "tls-cert", "", "certificate chain, a PEM `FILE`; adds DNS over TLS and over HTTPS at the addresses of --listen")
	f.StringVar(&args.tlsKey, "tls-key", "", "its key, a PEM `FILE`")
	f.StringArrayVar(&args.dot, "dot", nil, "`PORT` or ADDR[:PORT] of DNS over TLS, or off (repeatable; default: 853)")
	f.StringArrayVar(&args.doh, "doh", nil, "`PORT` or ADDR[:PORT] of DNS over HTTPS, path /dns-query, or off (repeatable; default: 443)")
	f.StringSliceVar(&args.transfer, "allow-transfer", nil, "let `NETWORKS` transfer zones (AXFR, IXFR), as in 198.51.100.0/24; default: nobody")
	f.StringArrayVar(&args.notify, "notify", nil, "tell the secondary at `ADDR[:PORT]` of new versions (repeatable)")
	f.StringVar(&args.metrics, "metrics", "", "metrics for Prometheus at http://`ADDR:PORT`/metrics")
	f.StringVar(&args.nsid, "nsid", "", "`NAME` of this server, told to those who ask for it (RFC 5001)")
	f.IntVar(&args.rrl, "rrl", 200, "at most so many like `ANSWERS` a second over UDP to one network, of those who may be\nspoofed; loopback is exempt; 0: no limit")
	f.BoolVar(&args.rotate, "rotate", false, "give the records of a set in turning order")
	f.IntVar(&args.workers, "workers", 0, "so many `THREADS` for UDP at each address; default: one for each processor")
	f.StringVar(&args.user, "user", "", "become this user `NAME` once the ports are bound")
	f.IntVar(&args.readyFD, "ready-fd", 0, "write a line break to file descriptor `N` when all zones are loaded")
	return cmd
}

// nameserver runs until it is told to end.
func (a *app) nameserver(ctx context.Context, args nameserverArgs) error {
	o, err := args.options()
	if err != nil {
		return err
	}
	log := newServerLog(a)
	o.Report, o.Log = log.report, log.finding
	o.Reloading = func() { _ = serve.TellReloading(context.WithoutCancel(ctx)) }
	ready := args.ready()
	o.Ready = func() {
		if err := serve.Tell(context.WithoutCancel(ctx), "READY=1", "STATUS="+log.status()); err != nil {
			log.say("%v", err)
		}
		ready(log)
	}
	reload, stopReload := onHangup()
	defer stopReload()

	began := time.Now()
	s, err := serve.Listen(o) //nolint:contextcheck // binding an address does not wait
	if err != nil {
		if advice := serve.Advice(err); advice != "" {
			return usageOf(err, advice)
		}
		return err
	}
	if err := serve.DropTo(args.user); err != nil {
		return errors.Join(err, s.Close())
	}
	r, err := s.Load(ctx)
	if err != nil {
		log.say("ended before all zones were loaded")
		return s.Close()
	}
	if err := a.mayServe(log, r); err != nil {
		return errors.Join(err, s.Close())
	}
	log.start(s, r, time.Since(began))
	said := make(chan struct{})
	running := context.AfterFunc(ctx, func() {
		defer close(said)
		log.say("ending: no new connections; what has arrived is still answered")
		_ = serve.Tell(context.WithoutCancel(ctx), "STOPPING=1")
	})
	err = s.Run(ctx, reload)
	if !running() {
		<-said
	}
	if err != nil {
		return err
	}
	log.say("ended")
	return nil
}

// mayServe tells what is wrong with files, and whether it is worse than can be served with.
func (a *app) mayServe(log *serverLog, r serve.Report) error {
	log.problems(r.Findings)
	if a.bad(r.Findings) && a.strict {
		return errors.New("not started: --strict, and the zone files above need mending")
	}
	if r.Zones == 0 && r.Broken > 0 {
		return errors.New("not started: no zone could be loaded")
	}
	if r.Zones == 0 && slices.ContainsFunc(r.Findings, func(f finding.Finding) bool {
		return f.ID == "zones-folder" && f.Severity == finding.Error
	}) {
		return errors.New("not started: there is nothing to serve")
	}
	return nil
}

// usageOf words an error with what to do about it.
func usageOf(err error, advice string) error {
	return &usageError{text: err.Error(), fix: strings.ReplaceAll(advice, "\n", "\n  ")}
}

// options reads the flags.
func (x *nameserverArgs) options() (serve.Options, error) {
	o := serve.Options{Metrics: x.metrics, NSID: x.nsid, Threads: x.workers, Rotate: x.rotate}
	switch {
	case len(x.zones) == 0:
		return o, usagef("zonecast nameserver --zones FOLDER", "which zones?")
	case (x.tlsCert == "") != (x.tlsKey == ""):
		return o, usagef("give both or none", "--tls-cert and --tls-key belong together")
	case x.tlsCert == "" && len(x.dot)+len(x.doh) > 0:
		return o, usagef("give --tls-cert and --tls-key", "--dot and --doh need a certificate")
	case x.rrl < 0:
		return o, usagef("write --rrl 0 for no limit", "--rrl cannot be %d", x.rrl)
	case x.workers < 0:
		return o, usagef("", "--workers cannot be %d", x.workers)
	}
	if x.rrl > 0 {
		o.Limit = nameserver.NewRateLimit(nameserver.RateLimitOptions{
			PerSecond: x.rrl, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		})
	}
	var policy serve.Policy
	for _, text := range x.transfer {
		p, err := network(text)
		if err != nil {
			return o, usagef("write it like 198.51.100.0/24 or 2001:db8::1", "--allow-transfer %s: %v", text, err)
		}
		policy.Transfer = append(policy.Transfer, xfr.Rule{Addresses: []netip.Prefix{p}})
	}
	for _, text := range x.notify {
		list, err := socket.ParseEndpoints(socket.DNS, text)
		if err != nil || list[0].Addr.Addr().IsUnspecified() {
			return o, usagef("write it like 198.51.100.2 or [2001:db8::2]:53", "--notify %s is no address", text)
		}
		policy.Notify = append(policy.Notify, xfr.Target{Addr: list[0].Addr.String()})
	}
	for _, dir := range x.zones {
		o.Folders = append(o.Folders, serve.Folder{Dir: dir, Policy: policy})
	}
	if x.tlsCert != "" {
		var err error
		if o.Certificates, err = socket.LoadCertificates(socket.CertificateFiles{Chain: x.tlsCert, Key: x.tlsKey}); err != nil {
			return o, err
		}
	}
	var err error
	if o.Inherited, err = serve.Inherited(); err != nil {
		return o, err
	}
	o.Endpoints, err = x.endpoints(len(o.Inherited) > 0)
	return o, err
}

// network reads a network, or a single address.
func network(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// defaultPort is that of --listen when it is not given: it needs no rights.
const defaultPort = 5300

// endpoints are all addresses to bind.
func (x *nameserverArgs) endpoints(inherited bool) ([]socket.Endpoint, error) {
	var out []socket.Endpoint
	for _, text := range x.listen {
		list, err := socket.ParseEndpoints(socket.DNS, text)
		if err != nil {
			return nil, usagef("", "--listen: %v", err)
		}
		out = append(out, list...)
	}
	if len(out) == 0 && !inherited {
		out = []socket.Endpoint{{Service: socket.DNS, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), defaultPort)}}
		if v6 := netip.AddrPortFrom(netip.IPv6Loopback(), defaultPort); hasIPv6() {
			out = append(out, socket.Endpoint{Service: socket.DNS, Addr: v6})
		}
	}
	if x.tlsCert == "" {
		return out, nil
	}
	var addrs []netip.Addr
	for _, e := range out {
		addrs = append(addrs, e.Addr.Addr())
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	for _, more := range []struct {
		service socket.Service
		flag    string
		values  []string
	}{{socket.DoT, "dot", x.dot}, {socket.DoH, "doh", x.doh}} {
		list, err := secure(more.service, more.values, addrs)
		if err != nil {
			return nil, usagef("write a port, an address with or without port, or off", "--%s: %v", more.flag, err)
		}
		out = append(out, list...)
	}
	return out, nil
}

// secure reads the values of --dot or --doh: ports are meant at all addresses of --listen.
func secure(service socket.Service, values []string, addrs []netip.Addr) ([]socket.Endpoint, error) {
	if len(values) == 0 {
		values = []string{strconv.Itoa(int(service.Port()))}
	}
	var out []socket.Endpoint
	for _, v := range values {
		if v == "off" {
			continue
		}
		if port, err := strconv.ParseUint(v, 10, 16); err == nil {
			for _, addr := range addrs {
				out = append(out, socket.Endpoint{Service: service, Addr: netip.AddrPortFrom(addr, uint16(port))})
			}
			continue
		}
		list, err := socket.ParseEndpoints(service, v)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// hasIPv6 reports whether this machine has the loopback address of IPv6.
func hasIPv6() bool {
	addrs, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(addrs, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(net.IPv6loopback)
	})
}

// ready returns what tells whoever gave --ready-fd, once.
func (x *nameserverArgs) ready() func(*serverLog) {
	done := x.readyFD <= 0
	return func(log *serverLog) {
		if done {
			return
		}
		done = true
		f := os.NewFile(uintptr(x.readyFD), "ready-fd")
		if _, err := f.WriteString("\n"); err != nil {
			log.say("--ready-fd %d: %v", x.readyFD, err)
		}
		_ = f.Close()
	}
}

// onHangup returns a channel that has a value after SIGHUP.
func onHangup() (<-chan struct{}, func()) {
	signals, out := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(signals, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-signals:
				select {
				case out <- struct{}{}:
				default: // one is waiting already
				}
			}
		}
	}()
	return out, func() { signal.Stop(signals); close(done) }
}

// A serverLog writes lines for people, with the time unless whoever reads them has it anyway.
type serverLog struct {
	a     *app
	stamp bool
	zones int
}

func newServerLog(a *app) *serverLog {
	journal, _ := a.env("JOURNAL_STREAM")
	return &serverLog{a: a, stamp: journal == ""}
}

func (l *serverLog) line(text string) {
	if l.stamp {
		text = time.Now().Format("2006-01-02 15:04:05 ") + text
	}
	fmt.Fprintln(l.a.stderr, text)
}

func (l *serverLog) say(format string, args ...any) {
	if !l.a.quiet {
		l.line(fmt.Sprintf(format, args...))
	}
}

// most is how many lines of a kind are written at a time.
const most = 50

func (l *serverLog) finding(f finding.Finding) {
	if f.Severity == finding.Error || !l.a.quiet {
		l.line(f.String())
	}
}

func (l *serverLog) problems(fs []finding.Finding) {
	// Errors come first: they may be few among many warnings.
	fs = slices.Clone(fs)
	slices.SortStableFunc(fs, func(a, b finding.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	for i, f := range fs {
		if i == most {
			l.say("… and %d more of them; zonecast validate shows all", len(fs)-most)
			return
		}
		l.finding(f)
	}
}

func (l *serverLog) status() string {
	return plural(l.zones, "zone")
}

// start tells what is served, and where.
func (l *serverLog) start(s *serve.Server, r serve.Report, took time.Duration) {
	l.zones = r.Zones
	l.say("%s from %s loaded in %v%s", plural(r.Zones, "zone"), plural(r.Files, "file"), took.Round(time.Millisecond), l.broken(r))
	for _, e := range s.Endpoints() {
		l.say("%s at %s", e.Service, e.Addr)
	}
	if m := s.MetricsAddr(); m.IsValid() {
		l.say("metrics at http://%s/metrics", m)
	}
}

func (l *serverLog) broken(r serve.Report) string {
	if r.Broken == 0 {
		return ""
	}
	return fmt.Sprintf("; %s cannot be used", plural(r.Broken, "file"))
}

// report tells what a look at the folders has brought.
func (l *serverLog) report(r serve.Report) {
	l.zones = r.Zones
	l.problems(r.Findings)
	for i, c := range r.Changes {
		if i == most {
			l.say("… and %d more zones", len(r.Changes)-most)
			break
		}
		switch {
		case c.Removed:
			l.say("zone %s: withdrawn; %s is gone", c.Origin, c.File)
		case c.New:
			l.say("zone %s: new, serial %d, %s, from %s", c.Origin, c.Serial, plural(c.Sets, "RRset"), c.File)
		default:
			l.say("zone %s: serial %d → %d, %s, from %s", c.Origin, c.Before, c.Serial, plural(c.Sets, "RRset"), c.File)
		}
	}
	l.say("%s served; %d changed%s (%v)", plural(r.Zones, "zone"), len(r.Changes), l.broken(r), r.Took.Round(time.Microsecond))
}
