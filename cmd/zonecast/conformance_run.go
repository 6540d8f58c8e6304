package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// An attack is a run of the suite against an account of the configuration.
type attack struct {
	*app
	args conformanceArgs
}

// open opens an account of the configuration anew, with nothing remembered. edit, when set, may
// change the configuration first.
func (t attack) open(id string, edit func(*config.Config, *config.Options)) (provider.Provider, error) {
	path, err := config.Find("", t.config)
	if err != nil {
		return nil, err
	}
	opt := config.Options{Env: t.env}
	if t.debug {
		opt.Trace = t.trace
	}
	if edit != nil {
		edit(nil, &opt)
	}
	cfg, finds := config.Load(path, opt)
	if err := finding.AsError(finds); err != nil {
		return nil, &finding.Problem{Findings: tidy(finds)}
	}
	if edit != nil {
		edit(cfg, nil)
	}
	return cfg.OpenProvider(id)
}

// must opens the account for the suite.
func (t attack) must(r conformance.T, id string, edit func(*config.Config, *config.Options)) provider.Provider {
	p, err := t.open(id, edit)
	if err != nil {
		r.Fatalf("open %s: %v", id, err)
	}
	return p
}

// wrapped gives the account's HTTP calls a transport around the usual one.
func (t attack) wrapped(wrap func(http.RoundTripper) http.RoundTripper) func(*config.Config, *config.Options) {
	base := http.DefaultTransport
	return func(cfg *config.Config, o *config.Options) {
		if o != nil {
			o.HTTP = func() http.RoundTripper { return wrap(base) }
		}
		if cfg != nil {
			base = t.trusting(cfg)
		}
	}
}

// trusting is the usual transport; it trusts the certificates of the account's ca_file, which an
// adapter cannot add to a transport that is wrapped.
func (t attack) trusting(cfg *config.Config) http.RoundTripper {
	for _, e := range cfg.Providers {
		ca, ok := e.Option("ca_file")
		if e.ID != t.args.provider || !ok || ca.Kind != config.Scalar {
			continue
		}
		path := ca.Text
		if beside := filepath.Join(cfg.Dir, path); !filepath.IsAbs(path) {
			if _, err := os.Stat(beside); err == nil {
				path = beside
			}
		}
		if tr, err := httpkit.Transport(nil, httpkit.TLS{CAFile: path}); err == nil {
			return tr
		}
	}
	return http.DefaultTransport
}

// A tally counts calls.
type tally struct {
	next  http.RoundTripper
	calls *atomic.Int64
}

func (c tally) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls.Add(1)
	return c.next.RoundTrip(r)
}

// speaksHTTP reports whether the adapter's calls go through the transport that it is given.
func (t attack) speaksHTTP(ctx context.Context, ref provider.ZoneRef) bool {
	var calls atomic.Int64
	p, err := t.open(t.args.provider, t.wrapped(func(next http.RoundTripper) http.RoundTripper { return tally{next, &calls} }))
	if err != nil {
		return false
	}
	_, err = p.Read(ctx, ref)
	if closer, ok := p.(provider.Closer); ok {
		_ = closer.Close()
	}
	return err == nil && calls.Load() > 0
}

// wrongSecrets gives each secret of the account another value; false when it has none.
func (t attack) wrongSecrets(cfg *config.Config) bool {
	found := false
	for i, e := range cfg.Providers {
		d, ok := provider.Lookup(e.Driver)
		if e.ID != t.args.provider || !ok {
			continue
		}
		for _, o := range d.Options {
			for k, f := range e.Options {
				if o.Secret && f.Value.Kind == config.Scalar && (f.Name == o.Name || slices.Contains(o.Aliases, f.Name)) {
					cfg.Providers[i].Options[k].Value.Text = "zonecast-conformance-wrong"
					found = true
				}
			}
		}
	}
	return found
}

// subject is the account as the suite sees it.
func (t attack) subject(ctx context.Context, p provider.Provider, kept *conformance.Kept) conformance.Subject {
	id := t.args.provider
	s := conformance.Subject{
		Name: fmt.Sprintf("%s (zone %s)", id, kept.Ref.Origin.Unicode()), Short: id,
		Open:  func(r conformance.T) provider.Provider { return t.must(r, id, nil) },
		Fresh: func(conformance.T) provider.ZoneRef { return kept.Ref },
		Kept:  kept, Only: t.args.only, Levels: levels(t.args.levels), Large: t.args.large,
	}
	secrets := false
	if _, err := t.open(id, func(cfg *config.Config, _ *config.Options) { secrets = cfg != nil && t.wrongSecrets(cfg) || secrets }); err == nil && secrets {
		s.WrongKey = func(r conformance.T) provider.Provider {
			return t.must(r, id, func(cfg *config.Config, _ *config.Options) {
				if cfg != nil {
					t.wrongSecrets(cfg)
				}
			})
		}
	}
	if t.speaksHTTP(ctx, kept.Ref) {
		s.Via = func(r conformance.T, wrap func(http.RoundTripper) http.RoundTripper) provider.Provider {
			return t.must(r, id, t.wrapped(wrap))
		}
	}
	if t.args.readOnly != "" {
		s.Narrow = func(r conformance.T) provider.Provider { return t.must(r, t.args.readOnly, nil) }
	}
	if n, err := zone.ParseName(t.args.create); err == nil && t.args.create != "" {
		s.NewOrigin = func(conformance.T) zone.Name { return n }
	}
	if t.args.ask {
		s.Ask, s.Patience = t.asker(ctx, p, kept.Ref), t.args.patience
	}
	return s
}

// asker asks a name server of the zone; nil when it is not known which.
func (t attack) asker(ctx context.Context, p provider.Provider, ref provider.ZoneRef) func(context.Context, zone.Key) (zone.RRset, bool, error) {
	snap, err := p.Read(ctx, ref)
	if err != nil {
		return nil
	}
	if len(snap.Info.Addresses) > 0 {
		return conformance.AskAt(snap.Info.Addresses[0])
	}
	for _, name := range snap.Info.NameServers {
		addrs, err := net.DefaultResolver.LookupHost(ctx, strings.TrimSuffix(name.String(), "."))
		if err == nil && len(addrs) > 0 {
			return conformance.AskAt(net.JoinHostPort(addrs[0], "53"))
		}
	}
	t.say("Nobody can be asked: %s does not say which name servers serve the zone.", t.args.provider)
	return nil
}

// run runs the suite and shows how it goes.
func (t attack) run(ctx context.Context, p provider.Provider, kept *conformance.Kept) *conformance.Report {
	s := t.subject(ctx, p, kept)
	if closer, ok := p.(provider.Closer); ok {
		_ = closer.Close()
	}
	paint, terminal := t.errPaint(), term.Is(file(t.stderr))
	if !t.quiet && terminal {
		s.Began = func(group string, level int) { fmt.Fprintf(t.stderr, "\r\x1b[KL%d %s …", level, group) }
		s.Ended = func(r conformance.Result) {
			fmt.Fprint(t.stderr, "\r\x1b[K")
			switch r.Status {
			case conformance.Failed:
				fmt.Fprintf(t.stderr, "L%d %s %s\n", r.Level, r.Group, paint.Red("failed"))
			case conformance.Passed:
				fmt.Fprintf(t.stderr, "L%d %s %s %s\n", r.Level, r.Group, paint.Green("passed"), paint.Dim(r.Took.Round(time.Millisecond).String()))
			}
		}
	}
	stop := context.AfterFunc(ctx, func() {
		t.say("\nInterrupted. The zone is being put back; its copy is in %s. Do not interrupt again.", kept.Path)
	})
	defer stop()
	rec := conformance.NewRecorder(ctx, "")
	if t.debug {
		rec.Observe = func(name, line string) { t.trace("%s: %s", name, line) }
	}
	defer rec.Close()
	return conformance.Run(rec, s)
}
