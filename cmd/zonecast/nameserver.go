package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/conf"
	"github.com/zonecast/zonecast/nameserver/serve"
)

type nameserverArgs struct {
	config, store, control       string
	zones, listen, dot, doh, doq []string
	tlsCert, tlsKey              string
	transfer, notify             []string
	metrics, nsid, user          string
	rrl, workers, readyFD        int
	rotate, check                bool
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
		Use:     "nameserver (--zones DIR | --config FILE)",
		GroupID: "serve",
		Short:   "Serve zone files as a name server",
		Long:    nameserverLong,
		Example: `  zonecast nameserver --zones zones
  zonecast nameserver --zones /etc/zones --listen 192.0.2.53 --listen 2001:db8::53 --user nobody
  zonecast nameserver --zones zones --tls-cert cert.pem --tls-key key.pem --dot 8853 --doh 8443
  zonecast nameserver --zones zones --allow-transfer 198.51.100.0/24 --notify 198.51.100.2
  zonecast nameserver --zones zones --metrics 127.0.0.1:9153
  zonecast nameserver --store zones.db --control zonecast.sock
  zonecast nameserver --config /etc/zonecast/nameserver.yaml --check
  zonecast nameserver --config /etc/zonecast/nameserver.yaml --check --json`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.settings(&args, cmd.LocalNonPersistentFlags())
			if err != nil {
				if args.check && a.json {
					return a.checkedJSON(&checked{Findings: finding.Of(err, "nameserver-config")})
				}
				return err
			}
			return a.nameserver(cmd.Context(), &args, c)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&args.config, "config", "c", "", "take everything from this `FILE` (docs/nameserver-config.md)")
	f.BoolVar(&args.check, "check", false, "look at configuration and zone files, say what is wrong (--json: for programs), and end")
	f.StringArrayVar(&args.zones, "zones", nil, "serve the zone files of this `FOLDER` (repeatable)")
	f.StringArrayVar(&args.listen, "listen", nil, "answer at `ADDR[:PORT]`, over UDP and TCP; the port is 53 unless given (repeatable;\ndefault: 127.0.0.1:5300 and [::1]:5300, or the sockets that systemd hands over)")
	f.StringVar(&args.tlsCert, "tls-cert", "", "certificate chain, a PEM `FILE`; adds DNS over TLS, HTTPS and QUIC at the addresses of --listen")
	f.StringVar(&args.tlsKey, "tls-key", "", "its key, a PEM `FILE`")
	f.StringArrayVar(&args.dot, "dot", nil, "`PORT` or ADDR[:PORT] of DNS over TLS, or off (repeatable; default: 853)")
	f.StringArrayVar(&args.doh, "doh", nil, "`PORT` or ADDR[:PORT] of DNS over HTTPS (HTTP/2 and HTTP/3), path /dns-query, or off (repeatable; default: 443)")
	f.StringArrayVar(&args.doq, "doq", nil, "`PORT` or ADDR[:PORT] of DNS over QUIC, or off (repeatable; default: 853)")
	f.StringSliceVar(&args.transfer, "allow-transfer", nil, "let `NETWORKS` transfer zones (AXFR, IXFR), as in 198.51.100.0/24; default: nobody")
	f.StringArrayVar(&args.notify, "notify", nil, "tell the secondary at `ADDR[:PORT]` of new versions (repeatable)")
	f.StringVar(&args.metrics, "metrics", "", "metrics for Prometheus at http://`ADDR:PORT`/metrics")
	f.StringVar(&args.nsid, "nsid", "", "`NAME` of this server, told to those who ask for it (RFC 5001)")
	f.IntVar(&args.rrl, "rrl", 200, "at most so many like `ANSWERS` a second over UDP to one network, of those who may be\nspoofed; loopback is exempt; 0: no limit")
	f.BoolVar(&args.rotate, "rotate", false, "give the records of a set in turning order")
	f.IntVar(&args.workers, "workers", 0, "so many `THREADS` for UDP at each address; default: one for each processor")
	f.StringVar(&args.store, "store", "", "`FILE` of zones that are held here and changed by zonecast apply (SQLite)")
	f.StringVar(&args.control, "control", "", "Unix `SOCKET` by which zonecast apply and zonecast nameserver status, reload … reach it")
	f.StringVar(&args.user, "user", "", "become this user `NAME` once the ports are bound")
	f.IntVar(&args.readyFD, "ready-fd", 0, "write a line break to file descriptor `N` when all zones are loaded")
	cmd.AddCommand(nameserverControlCommands(a)...)
	return cmd
}

// nameserver runs until it is told to end.
func (a *app) nameserver(ctx context.Context, args *nameserverArgs, c *conf.Config) error {
	if args.check {
		return a.checkNameserver(ctx, c)
	}
	o, err := options(c)
	if err != nil {
		return err
	}
	log := newServerLog(a)
	if o.Control != nil {
		o.Control.Log = log.edited
	}
	if args.config != "" {
		o.Again = func() (serve.Content, error) { return a.again(args, c, log) }
	}
	o.Program = version
	o.Report, o.Log, o.Changed = log.report, log.finding, log.changed
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
	if err := serve.DropTo(c.User); err != nil {
		return errors.Join(err, s.Close())
	}
	r, err := s.Load(ctx)
	if ctx.Err() != nil {
		log.say("ended before all zones were loaded")
		return s.Close()
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	served := len(o.Primaries) + len(o.Secondaries) + len(o.Catalogs)
	for _, n := range s.Zones() {
		served += n
	}
	if err := a.mayServe(log, r, served > r.Zones); err != nil {
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

// again reads the configuration file anew, when a reload was asked for. before is what the server was
// started with.
func (a *app) again(args *nameserverArgs, before *conf.Config, log *serverLog) (serve.Content, error) {
	c, findings := a.loadSettings(args)
	log.problems(findings)
	var err error
	if c == nil {
		err = finding.AsError(findings)
	} else {
		var content serve.Content
		if content, err = c.Content(); err == nil {
			if fixed := before.Fixed(c); len(fixed) > 0 {
				log.finding(finding.Finding{
					ID: "zones-reload", Severity: finding.Warning, Place: finding.Place{File: args.config},
					Text: "changes of " + strings.Join(fixed, ", ") + " are not in force before a restart",
				})
			}
			return content, nil
		}
		log.say("%v", err)
	}
	log.say("the configuration stays as it was")
	return serve.Content{}, err
}

// mayServe tells what is wrong with files, and whether it is worse than can be served with. others:
// there are zones that come from no file, and are served whatever files are like.
func (a *app) mayServe(log *serverLog, r serve.Report, others bool) error {
	log.problems(r.Findings)
	if a.bad(r.Findings) && a.strict {
		return errors.New("not started: --strict, and the zone files above need mending")
	}
	if others {
		return nil
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
