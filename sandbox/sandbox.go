package sandbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/zonecast/zonecast/sandbox/azure"
	"github.com/zonecast/zonecast/sandbox/cloudflare"
	"github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/sandbox/local"
	"github.com/zonecast/zonecast/sandbox/names"
	"github.com/zonecast/zonecast/sandbox/route53"
	"github.com/zonecast/zonecast/sandbox/service"
)

// A Sandbox is one that runs.
type Sandbox struct {
	dir     string
	project Project

	mu      sync.Mutex
	running map[string]*running
	closers []func() error
}

// A running service is an emulated one or a real server.
type running struct {
	kind string
	emul service.Service // nil for a real server
	real *local.Server

	mu      sync.Mutex // of turning
	stopped bool       // a real server whose outage was asked for
}

// Start starts what Prepare described, and returns when everything answers. knobs are by kind.
func Start(ctx context.Context, dir string, knobs map[string]service.Knobs) (*Sandbox, error) {
	p, err := Load(dir)
	if err != nil {
		return nil, err
	}
	if err := certificate(dir); err != nil {
		return nil, err
	}
	s := &Sandbox{dir: dir, project: p, running: map[string]*running{}}
	for kind := range knobs {
		if !slices.Contains(p.Kinds, kind) {
			return nil, fmt.Errorf("%s does not run in this sandbox; %s do", kind, strings.Join(p.Kinds, ", "))
		}
	}
	if err := s.start(ctx, knobs); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Sandbox) start(ctx context.Context, knobs map[string]service.Knobs) error {
	if err := s.serve(ctx, s.project.Control(), s.control(), nil); err != nil {
		return fmt.Errorf("control API: %w", err)
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, kind := range s.project.Kinds {
		g.Go(func() error {
			r, err := s.bringUp(gctx, kind)
			if err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
			s.mu.Lock()
			s.running[kind] = r
			s.mu.Unlock()
			if k, ok := knobs[kind]; ok {
				return r.turn(gctx, func(x *service.Knobs) { *x = k })
			}
			return nil
		})
	}
	return g.Wait()
}

func (s *Sandbox) bringUp(ctx context.Context, kind string) (*running, error) {
	p := s.project
	if Real(kind) {
		secret := map[string]string{PowerDNS: PowerDNSKey}[kind]
		if secret == "" {
			secret = TSIGSecret
		}
		key, err := os.ReadFile(filepath.Join(s.dir, secret))
		if err != nil {
			return nil, err
		}
		server, err := local.Start(ctx, local.Options{
			Kind: local.Kind(kind), Dir: filepath.Join(s.dir, kind), DNS: p.DNS(kind), API: p.API(kind),
			Key: strings.TrimSpace(string(key)), Zones: p.Zones,
		})
		if err != nil {
			return nil, err
		}
		s.atEnd(server.Stop)
		return &running{kind: kind, real: server}, nil
	}
	svc, config, err := s.emulate(kind)
	if err != nil {
		return nil, err
	}
	if err := s.serve(ctx, p.API(kind), svc, config); err != nil {
		return nil, err
	}
	ns, err := names.Listen(p.DNS(kind), svc.Names()) //nolint:contextcheck // to listen takes no time
	if err != nil {
		return nil, taken(err)
	}
	s.atEnd(ns.Close)
	return &running{kind: kind, emul: svc}, nil
}

// emulate makes an emulated service; its API speaks TLS when the configuration is not nil.
func (s *Sandbox) emulate(kind string) (service.Service, *tls.Config, error) {
	panel := &service.Panel{}
	switch kind {
	case Route53:
		return route53.New(route53.Options{Panel: panel}), nil, nil
	case Cloudflare:
		return cloudflare.New(cloudflare.Options{Panel: panel}), nil, nil
	case Google:
		// As a project that asked Google for more name servers in one NS set than the usual eight: here
		// a zone has those of seven providers.
		svc := google.New(google.Options{Panel: panel, Quota: google.Quota{NameserversPerDelegation: 40}})
		file, err := svc.Credentials("http://" + s.project.API(kind))
		if err != nil {
			return nil, nil, err
		}
		return svc, nil, os.WriteFile(filepath.Join(s.dir, GoogleFile), file, 0o600)
	case Azure:
		// Microsoft's SDK sends credentials over TLS alone.
		pair, err := tls.LoadX509KeyPair(filepath.Join(s.dir, CAFile), filepath.Join(s.dir, caKey))
		if err != nil {
			return nil, nil, err
		}
		return azure.New(azure.Options{Panel: panel}), &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
	}
	return nil, nil, fmt.Errorf("no service is called %q", kind)
}

// serve serves HTTP at an address until Close.
func (s *Sandbox) serve(ctx context.Context, address string, h http.Handler, config *tls.Config) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return taken(err)
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0),
	}
	s.atEnd(srv.Close)
	go func() {
		if config != nil {
			_ = srv.ServeTLS(l, "", "")
		} else {
			_ = srv.Serve(l)
		}
	}()
	return nil
}

// taken explains the one error of listening that people meet.
func taken(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; another sandbox may be running (end it, or prepare this one with another --base-port)", err)
	}
	return err
}

func (s *Sandbox) atEnd(f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closers = append(s.closers, f)
}

// Close ends everything.
func (s *Sandbox) Close() error {
	s.mu.Lock()
	list := s.closers
	s.closers = nil
	s.mu.Unlock()
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, f := range list {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Project is what the sandbox was prepared with.
func (s *Sandbox) Project() Project { return s.project }

// service returns a running service by name.
func (s *Sandbox) service(kind string) (*running, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.running[kind]
	return r, ok
}

// turn changes knobs. A real server has two: it can be out, and dark, which are the same.
func (r *running) turn(ctx context.Context, f func(*service.Knobs)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.emul != nil {
		k := r.emul.Panel().Knobs()
		f(&k)
		if err := k.Check(); err != nil {
			return err
		}
		r.emul.Panel().Turn(f)
		return nil
	}
	was := service.Knobs{Outage: r.stopped, Dark: r.stopped}
	k := was
	f(&k)
	rest := k
	rest.Outage, rest.Dark = false, false
	if rest != (service.Knobs{}) {
		return fmt.Errorf("%s is a real server: it can only be stopped and started (outage, dark)", local.Kind(r.kind).Title())
	}
	// Either knob turned to another side than before decides.
	out := r.stopped
	if k.Outage != was.Outage {
		out = k.Outage
	} else if k.Dark != was.Dark {
		out = k.Dark
	}
	if out == r.stopped {
		return nil
	}
	if out {
		if err := r.real.Stop(); err != nil {
			return err
		}
	} else if err := r.real.Resume(ctx); err != nil {
		return err
	}
	r.stopped = out
	return nil
}
