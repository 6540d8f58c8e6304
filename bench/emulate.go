package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/zonecast/zonecast/sandbox/cloudflare"
	"github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/sandbox/names"
	"github.com/zonecast/zonecast/sandbox/route53"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
)

// A stage is one emulated provider at fixed addresses, whose service can be replaced by a new one.
type stage struct {
	kind string
	plan cloudflare.Plan
	dir  string // of Google's credentials
	api  string // URL
	dns  string // address of its name servers

	mu  sync.Mutex
	svc service.Service
}

// fresh begins anew: without zones, without calls, in good order. Quotas are out of the way.
func (s *stage) fresh() error {
	var svc service.Service
	switch s.kind {
	case "route53":
		svc = route53.New(route53.Options{Zones: 1 << 20, Sets: 1 << 20})
	case "cloudflare":
		svc = cloudflare.New(cloudflare.Options{Plan: s.plan, Records: 1 << 20})
	case "google":
		g := google.New(google.Options{Quota: google.Quota{RRsetsPerManagedZone: 1 << 20, NameserversPerDelegation: 32}})
		file, err := g.Credentials(s.api)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.dir, googleFile), file, 0o600); err != nil {
			return err
		}
		svc = g
	default:
		return fmt.Errorf("no emulation is called %q", s.kind)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.svc = svc
	return nil
}

const googleFile = "google.json"

func (s *stage) now() service.Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.svc
}

// ServeHTTP is the API.
func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.now().ServeHTTP(w, r) }

// Find and Dark are what the name servers ask.
func (s *stage) Find(n zone.Name) (*zone.Zone, bool) { return s.now().Names().Find(n) }
func (s *stage) Dark() bool                          { return s.now().Names().Dark() }

// open listens at addresses of loopback that are free.
func (s *stage) open(ctx context.Context) error {
	api, err := serveHTTP(ctx, s)
	if err != nil {
		return err
	}
	s.api = api
	ns, err := names.Listen("127.0.0.1:0", s) //nolint:contextcheck // to listen takes no time
	if err != nil {
		return err
	}
	s.dns = ns.Addr()
	return s.fresh()
}

// serveHTTP serves until the process ends and returns its URL.
func serveHTTP(ctx context.Context, h http.Handler) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }() // it ends with the process
	return "http://" + l.Addr().String(), nil
}

// An address is where a stage answers.
type address struct{ API, DNS string }

// emulate runs emulated providers in a process of their own, so that neither their time nor their
// memory is taken for zonecast's, until standard input ends. Arguments: kinds, the plan of
// Cloudflare's zones, a folder for credentials. The first line of output tells the addresses.
func emulate(ctx context.Context, _ *stopwatch, args []string) error {
	stages := map[string]*stage{}
	at := map[string]address{}
	for kind := range strings.SplitSeq(args[0], ",") {
		s := &stage{kind: kind, plan: cloudflare.Plan(args[1]), dir: args[2]}
		if err := s.open(ctx); err != nil {
			return err
		}
		stages[kind], at[kind] = s, address{s.api, s.dns}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /fresh", func(w http.ResponseWriter, _ *http.Request) {
		for _, s := range stages {
			if err := s.fresh(); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		}
	})
	mux.HandleFunc("POST /latency/{time}", func(w http.ResponseWriter, r *http.Request) {
		d, err := time.ParseDuration(r.PathValue("time"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for _, s := range stages {
			s.now().Panel().Turn(func(k *service.Knobs) { k.Latency = service.Duration(d) })
		}
	})
	mux.HandleFunc("POST /calls", func(w http.ResponseWriter, _ *http.Request) { // and forgets them
		out := map[string]map[string]int64{}
		for kind, s := range stages {
			out[kind] = s.now().Panel().Calls()
			s.now().Panel().Forget()
		}
		_ = json.NewEncoder(w).Encode(out)
	})
	control, err := serveHTTP(ctx, mux)
	if err != nil {
		return err
	}
	at[controlName] = address{API: control}
	if err := json.NewEncoder(os.Stdout).Encode(at); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

const controlName = "control"

// A theatre is a running child that emulates providers.
type theatre struct {
	at  map[string]address
	dir string
	cmd *exec.Cmd
	in  io.Closer
}

// emulated starts emulations.
func (b *bench) emulated(kinds, plan, dir string) (*theatre, error) {
	p := child("emulate", kinds, plan, dir)
	t := &theatre{dir: dir, cmd: exec.CommandContext(b.ctx, p.args[0], p.args[1:]...)}
	t.cmd.Env = append(os.Environ(), p.env...)
	t.cmd.Stderr = os.Stderr
	in, err := t.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	t.in = in
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &t.at)
	}
	if err != nil {
		t.close()
		return nil, fmt.Errorf("emulations of %s do not start: %w", kinds, err)
	}
	return t, nil
}

func (t *theatre) close() {
	_ = t.in.Close()
	_ = t.cmd.Wait()
}

// ask makes a call of the emulations' control.
func (t *theatre) ask(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.at[controlName].API+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return errors.New(strings.TrimSpace(string(body)))
	case into != nil:
		return json.Unmarshal(body, into)
	}
	return nil
}

func (t *theatre) latency(ctx context.Context, d time.Duration) error {
	return t.ask(ctx, "/latency/"+d.String(), nil)
}

// made are the calls since the last question, by provider and operation.
func (t *theatre) made(ctx context.Context) (map[string]map[string]int64, error) {
	var out map[string]map[string]int64
	return out, t.ask(ctx, "/calls", &out)
}

// stanza is what a configuration says of an emulated provider; more is added to it.
func (t *theatre) stanza(kind, more string) string {
	a := t.at[kind]
	switch kind {
	case "route53":
		more = fmt.Sprintf("access_key_id: %s, secret_access_key: %s, endpoint: %q, ", route53.DefaultKeyID, route53.DefaultSecret, a.API) + more
	case "cloudflare":
		more = fmt.Sprintf("token: %s, account_id: %s, api_url: %q, ", cloudflare.DefaultToken, cloudflare.DefaultAccountID, a.API+cloudflare.Prefix) + more
	case "google":
		more = fmt.Sprintf("project: %s, credentials_file: %q, endpoint: %q, ", google.DefaultProject, filepath.Join(t.dir, googleFile), a.API) + more
	}
	return fmt.Sprintf("{type: %s, dns_address: %q, limits: \"off\", %s}", kind, a.DNS, more)
}
