package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/source/live"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

// OpenProvider opens the account with the id, resolving its secrets. It is opened once; later
// calls return the same. It does no I/O beyond what secrets need.
func (c *Config) OpenProvider(id string) (provider.Provider, error) {
	o := c.slot("provider " + id)
	o.once.Do(func() { o.provider, o.err = c.openProvider(id) })
	return o.provider, o.err
}

// OpenSource opens the source with the id: one of the kinds of sources, or any provider read as
// one. It is opened once; later calls return the same.
func (c *Config) OpenSource(id string) (source.Source, error) {
	o := c.slot("source " + id)
	o.once.Do(func() { o.source, o.err = c.openSource(id) })
	return o.source, o.err
}

func (c *Config) slot(key string) *opened {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.opened[key]
	if o == nil {
		o = &opened{}
		c.opened[key] = o
	}
	return o
}

// Close lets go of everything that was opened. The Config can still be read, and opens anew.
func (c *Config) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, o := range c.opened {
		o.once.Do(func() { o.err = errors.New("closed") }) // waits for whoever is opening it
		for _, x := range []any{o.provider, o.source} {
			if closer, ok := x.(io.Closer); ok {
				errs = append(errs, closer.Close())
			}
		}
	}
	clear(c.opened)
	return errors.Join(errs...)
}

// ids are the ids of all providers and sources.
func (c *Config) ids() []string {
	ids := make([]string, len(c.Providers))
	for i, e := range c.Providers {
		ids[i] = e.ID
	}
	return ids
}

// missingEntry says that nothing has the id, and what is near.
func (c *Config) missingEntry(kind, id string) error {
	ids := c.ids()
	f := finding.Finding{
		ID: "unknown-" + kind, Severity: finding.Error, Place: finding.Place{File: c.Path},
		Text: fmt.Sprintf("%s %q is not configured", kind, clip(id)),
	}
	if near := finding.Nearest(id, ids); near != "" {
		f.Fix = "did you mean " + near + "?"
	} else {
		f.Fix = "configured are " + strings.Join(ids, ", ")
	}
	return f.Err()
}

func (c *Config) openProvider(id string) (provider.Provider, error) {
	e, ok := c.Entry(id)
	if !ok {
		return nil, c.missingEntry("provider", id)
	}
	if !e.Writable() {
		return nil, finding.Finding{
			ID: "not-writable", Severity: finding.Error, Place: e.Place,
			Text: fmt.Sprintf("%s (%s) is a source and cannot be written to", id, e.Class), Fix: "use it under sources",
		}.Err()
	}
	if err := finding.AsError(e.unresolved); err != nil {
		return nil, err
	}
	d, ok := e.providerDriver()
	if !ok {
		return nil, noAdapter(e).Err()
	}
	pc, err := c.resolved(e, d.Options)
	if err != nil {
		return nil, err
	}
	p, err := d.Open(pc)
	if err != nil {
		return nil, openError(e, err)
	}
	return p, nil
}

func (c *Config) openSource(id string) (source.Source, error) {
	e, ok := c.Entry(id)
	if !ok {
		return nil, c.missingEntry("source", id)
	}
	d, ok := e.sourceDriver()
	if !ok {
		if !e.Writable() {
			return nil, noAdapter(e).Err()
		}
		p, err := c.OpenProvider(id)
		if err != nil {
			return nil, err
		}
		return live.New(id, p, live.Options{KeepApexNS: c.Policy(nil, id).ApexNS != ApexLeave}), nil
	}
	pc, err := c.resolved(e, d.Options)
	if err != nil {
		return nil, err
	}
	s, err := d.Open(SourceConfig{
		Config: pc, Subzones: c.Subzones, Zone: c.Zone, Providers: c.ids(),
		Rules: func(n zone.Name) octodns.RuleSet {
			if z, ok := c.Zone(n); ok {
				return c.RuleSet(&z)
			}
			return c.RuleSet(nil)
		},
		Options: c.options, Format: c.Format, Place: e.Place, Env: c.env,
	})
	if err != nil {
		return nil, openError(e, err)
	}
	return s, nil
}

// noAdapter says that a known class cannot be opened yet.
func noAdapter(e Entry) finding.Finding {
	f := finding.Finding{
		ID: "no-adapter", Severity: finding.Error, Place: e.Place, Subject: "provider " + e.ID,
		Text: fmt.Sprintf("there is no adapter yet for %s (%s)", e.ID, e.Class),
	}
	var have []string
	for _, d := range provider.Drivers() {
		have = append(have, d.Name)
	}
	if len(have) > 0 {
		f.Fix = "adapters exist for " + strings.Join(have, ", ")
	}
	return f
}

// openError puts the place of the entry before what its driver says.
func openError(e Entry, err error) error {
	if p, ok := errors.AsType[*finding.Problem](err); ok {
		return p
	}
	return &finding.Problem{Findings: []finding.Finding{{
		ID: "open", Severity: finding.Error, Place: e.Place, Text: provider.Redact(err.Error()),
	}}}
}

// resolved puts together what a driver opens an account from. All troubles are reported at once.
func (c *Config) resolved(e Entry, options []provider.Option) (provider.Config, error) {
	pc := provider.Config{
		ID: e.ID, Values: map[string]provider.Value{}, Dir: c.Dir, WorkDir: c.WorkDir,
		HTTP: c.options.HTTP, Trace: c.options.Trace, ProviderIDs: c.ids(),
	}
	var bad []finding.Finding
	for _, f := range e.Options {
		o, ok := option(options, f.Name)
		if !ok || f.Value.Kind == Null {
			continue
		}
		v, err := c.value(f.Value, o)
		if err != nil {
			bad = append(bad, finding.Finding{
				ID: "option", Severity: finding.Error, Place: f.Value.Place,
				Text: fmt.Sprintf("option %s of %s: %v", f.Name, e.ID, err),
			})
			continue
		}
		pc.Values[o.Name] = v
	}
	var lacks []string
	for _, o := range options {
		if _, ok := e.Option(o.Name); o.Required && !ok {
			lacks = append(lacks, o.Name)
		}
	}
	if len(lacks) > 0 {
		bad = append(bad, finding.Finding{
			ID: "missing-option", Severity: finding.Error, Place: e.Place,
			Text: fmt.Sprintf("provider %s lacks %s", e.ID, strings.Join(lacks, ", ")),
		})
	}
	return pc, finding.AsError(bad)
}

// base is where relative folders count from.
func (c *Config) base() string {
	if c.Format == Zonecast {
		return c.Dir
	}
	return c.WorkDir
}

// value resolves and checks one value.
func (c *Config) value(v Value, o provider.Option) (provider.Value, error) {
	out := provider.Value{Place: v.Place}
	switch v.Kind {
	case Scalar:
		s, err := c.resolve(v.Text, o)
		if err != nil {
			return out, err
		}
		if out.Text, err = token(s, o); err != nil {
			return out, err
		}
		if o.Kind == provider.Int || o.Kind == provider.Float {
			out.Text = cmp.Or(v.number, strings.TrimSpace(out.Text))
		}
		if o.Kind == provider.Folder && c.isReference(v.Text) && !filepath.IsAbs(out.Text) {
			out.Text = filepath.Join(c.base(), out.Text) // those written out were placed on loading
		}
		if o.Kind == provider.List {
			out.List = []string{out.Text}
			return out, nil
		}
		if want := wrongScalar(out.Text, v.Kind, o.Kind); want != "" {
			if o.Kind == provider.NameServer {
				want += "; " + provider.HowToWriteDNSAddress
			}
			return out, fmt.Errorf("its value must be %s", want)
		}
	case List:
		if o.Kind != provider.List {
			return out, fmt.Errorf("its value must be %s, not a list", cmp.Or(o.Kind, provider.Text))
		}
		out.List = []string{}
		for _, item := range v.List { // octoDNS resolves no references inside lists
			if item.Kind != Scalar {
				return out, errors.New("its items must be text")
			}
			out.List = append(out.List, item.Text)
		}
	case Map:
		if o.Kind != provider.Map {
			return out, fmt.Errorf("its value must be %s, not a mapping", cmp.Or(o.Kind, provider.Text))
		}
		out.Map = map[string]string{}
		for _, f := range v.Fields {
			if f.Value.Kind != Scalar {
				return out, fmt.Errorf("its value for %q must be text", clip(f.Name))
			}
			s, err := c.resolve(f.Value.Text, o)
			if err != nil {
				return out, fmt.Errorf("%s: %w", clip(f.Name), err)
			}
			if out.Map[f.Name], err = token(s, o); err != nil {
				return out, fmt.Errorf("%s: %w", clip(f.Name), err)
			}
		}
	}
	return out, nil
}

// wrongScalar says what a scalar must be for an option when it is not that.
func wrongScalar(text string, k ValueKind, want provider.OptionKind) string {
	switch want {
	case provider.Int:
		if _, err := strconv.Atoi(strings.TrimSpace(text)); k != Scalar || err != nil {
			return "a whole number"
		}
	case provider.Float:
		if _, err := strconv.ParseFloat(strings.TrimSpace(text), 64); k != Scalar || err != nil {
			return "a number"
		}
	case provider.Bool:
		words := []string{"true", "false", "yes", "no", "on", "off", "1", "0"}
		if k != Scalar || !slices.Contains(words, strings.ToLower(text)) {
			return "true or false"
		}
	case provider.Folder:
		if k != Scalar {
			return "a folder"
		}
	case provider.NameServer:
		if k != Scalar {
			return "the address of a name server"
		}
		if _, err := provider.DNSAddress(text); err != nil && text != "" {
			return "the address of a name server, and " + err.Error()
		}
	}
	return ""
}
