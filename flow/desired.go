package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/shape/processor"
	"github.com/zonecast/zonecast/source"
	octosource "github.com/zonecast/zonecast/source/octodns"
	"github.com/zonecast/zonecast/zone"
)

// A Desired is what the sources say of one configured zone, after the processors' source step.
type Desired struct {
	Config     config.Zone
	Loaded     *source.Loaded // nil when nothing could be read
	Findings   []finding.Finding
	Err        error // why nothing may be planned from it; its text is among Findings
	Processors []processor.Processor
}

// Place tells where an RRset was written.
func (d *Desired) Place(k zone.Key) finding.Place {
	if d.Loaded == nil || d.Loaded.Place == nil {
		return finding.Place{}
	}
	return d.Loaded.Place(k)
}

// From tells which source an RRset came from.
func (d *Desired) From(k zone.Key) string {
	if d.Loaded == nil || d.Loaded.Source == nil {
		return ""
	}
	return d.Loaded.Source(k)
}

func isNoZone(err error) bool { return errors.Is(err, provider.ErrNoZone) }

// Select expands patterns and returns the zones that the request is about, in the order of the
// configuration.
func (p *Planner) Select(ctx context.Context, req Request) ([]config.Zone, []finding.Finding) {
	sel := config.Selection{}
	if len(req.Sources) > 0 {
		sel.Source = func(id string) bool { return slices.Contains(req.Sources, id) }
	}
	zones, finds := p.Config.Expand(ctx, sel)
	var names []string
	known := map[zone.Name]bool{}
	for _, z := range zones {
		known[z.Name] = true
		names = append(names, z.Name.Unicode())
	}
	for _, n := range req.Zones {
		if !known[n] {
			f := finding.Finding{ID: "unknown-zone", Severity: finding.Error, Text: fmt.Sprintf("zone %s is not configured in %s", n.Unicode(), p.Config.Path)}
			if near := finding.Nearest(n.Unicode(), names); near != "" {
				f.Fix = "did you mean " + near + "?"
			} else {
				f.Fix = "`zonecast zones` lists them"
			}
			finds = append(finds, f)
		}
	}
	for _, id := range slices.Concat(req.Sources, req.Targets) {
		if _, ok := p.Config.Entry(id); !ok {
			var ids []string
			for _, e := range p.Config.Providers {
				ids = append(ids, e.ID)
			}
			f := finding.Finding{ID: "unknown-provider", Severity: finding.Error, Text: fmt.Sprintf("%q is not configured in %s", id, p.Config.Path), Fix: "configured are " + strings.Join(ids, ", ")}
			if near := finding.Nearest(id, ids); near != "" {
				f.Fix = "did you mean " + near + "?"
			}
			finds = append(finds, f)
		}
	}
	uses := func(z config.Zone) bool {
		if len(req.Sources) == 0 {
			return true
		}
		if z.IsAlias() {
			z, _ = p.Config.Zone(z.Alias)
		}
		return slices.ContainsFunc(z.Sources, func(r config.Ref) bool { return slices.Contains(req.Sources, r.ID) })
	}
	var out []config.Zone
	for _, z := range zones {
		if (len(req.Zones) == 0 || slices.Contains(req.Zones, z.Name)) && uses(z) {
			if z.IsAlias() {
				if of, ok := p.Config.Zone(z.Alias); ok { // an alias has the targets and processors of its zone
					z.Targets, z.Processors = of.Targets, of.Processors
				}
			}
			out = append(out, z)
		}
	}
	return out, finds
}

// Load loads zones and runs the processors' source step: what validate and dump need.
func (p *Planner) Load(ctx context.Context, req Request) ([]*Desired, []finding.Finding) {
	zones, finds := p.Select(ctx, req)
	loaded := p.load(ctx, zones, req)
	for _, d := range loaded {
		finds = append(finds, d.Findings...)
	}
	return loaded, finds
}

// load loads zones at once: first those with sources, then the reverse zones that automatic PTR
// records go to, then aliases, which are copies.
func (p *Planner) load(ctx context.Context, zones []config.Zone, req Request) []*Desired {
	out := make([]*Desired, len(zones))
	byName := map[zone.Name]*Desired{}
	arpa, aerr := p.newArpa()
	each := func(take func(config.Zone) bool, f func(config.Zone) *Desired) {
		var wg sync.WaitGroup
		gate := make(chan struct{}, req.parallel())
		for i, z := range zones {
			if out[i] != nil || !take(z) {
				continue
			}
			gate <- struct{}{}
			wg.Go(func() {
				defer func() { <-gate }()
				out[i] = f(z)
			})
		}
		wg.Wait()
	}
	reverse := func(z config.Zone) bool { return p.Config.Manager.AutoArpa != nil && z.Name.In(arpaZone) }
	each(func(z config.Zone) bool { return !z.IsAlias() && !reverse(z) }, func(z config.Zone) *Desired { return p.one(ctx, z, req, nil) })
	if arpa != nil {
		for _, d := range out {
			if d != nil && d.Loaded != nil {
				arpa.Collect(d.Loaded.Zone)
			}
		}
	}
	each(func(z config.Zone) bool { return !z.IsAlias() }, func(z config.Zone) *Desired {
		d := p.one(ctx, z, req, arpa)
		if aerr != nil {
			d.fail(finding.Of(aerr, "auto-arpa")...)
		}
		return d
	})
	for _, d := range out {
		if d != nil {
			byName[d.Config.Name] = d
		}
	}
	each(config.Zone.IsAlias, func(z config.Zone) *Desired { return p.alias(z, byName[z.Alias]) })
	return out
}

var arpaZone = zone.MustName("arpa.")

// fail adds findings and notes that nothing may be planned when one of them is an error.
func (d *Desired) fail(fs ...finding.Finding) {
	for i := range fs {
		if fs[i].Zone == "" {
			fs[i].Zone = d.Config.Name.Unicode()
		}
	}
	d.Findings = append(d.Findings, fs...)
	if err := finding.AsError(fs); err != nil {
		d.Err = errors.Join(d.Err, err)
	}
}

// one loads one zone from its sources.
func (p *Planner) one(ctx context.Context, z config.Zone, req Request, arpa *processor.Arpa) *Desired {
	d := &Desired{Config: z}
	d.Processors = p.processors(d)
	if l, ok := req.Instead[z.Name]; ok {
		d.Loaded = l
		return d
	}
	var parts []octosource.Part
	for _, r := range z.Sources {
		if r.ID == autoArpaSource && p.Config.Manager.AutoArpa != nil {
			continue // filled in below
		}
		l, amended, err := p.loadFrom(ctx, r, z.Name, parts)
		if amended {
			parts = nil // they are in l
		}
		fs := finding.Of(err, "source")
		if err == nil {
			fs = l.Findings
		} else if l != nil {
			fs = merged(l.Findings, fs)
		}
		for i := range fs {
			if fs[i].Place.IsZero() {
				fs[i].Place = r.Place
			}
		}
		d.fail(p.judged(fs, z, req)...)
		if l != nil && l.Zone != nil {
			part := *l
			part.Findings = nil // told already
			parts = append(parts, octosource.Part{ID: r.ID, Loaded: &part, Replace: p.replaces(r.ID)})
		}
	}
	if len(parts) == 0 && d.Err == nil && arpa == nil {
		if len(z.Sources) > 0 {
			d.fail(finding.Finding{ID: "no-source", Severity: finding.Error, Place: z.Place, Text: fmt.Sprintf("zone %s: no source gave anything", z.Name.Unicode())})
		}
		return d
	}
	d.Loaded = octosource.Merge(z.Name, parts)
	d.fail(p.judged(d.Loaded.Findings, z, req)...)
	if arpa != nil && slices.ContainsFunc(z.Sources, func(r config.Ref) bool { return r.ID == autoArpaSource }) {
		filled, fs := arpa.Fill(d.Loaded.Zone)
		d.with(filled)
		d.fail(fs...)
	}
	p.sourceStep(d, req)
	return d
}

// merged is both lists without what both have.
func merged(a, b []finding.Finding) []finding.Finding {
	out := slices.Clone(a)
	for _, f := range b {
		if !slices.ContainsFunc(a, func(g finding.Finding) bool { return g.String() == f.String() }) {
			out = append(out, f)
		}
	}
	return out
}

func (p *Planner) loadFrom(ctx context.Context, r config.Ref, origin zone.Name, sofar []octosource.Part) (l *source.Loaded, amended bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("zonecast has a fault in reading source %s: %v; nothing was written", r.ID, v)
		}
	}()
	s, err := p.Config.OpenSource(r.ID)
	if err != nil {
		return nil, false, err
	}
	if a, ok := s.(source.Amender); ok && len(sofar) > 0 {
		l, err = a.Amend(ctx, octosource.Merge(origin, sofar))
		amended = l != nil
	} else {
		l, err = s.Load(ctx, origin)
	}
	if l != nil && l.Source == nil {
		l.Source = func(zone.Key) string { return r.ID }
	}
	return l, amended, err
}

// with replaces the zone and keeps what is known of places.
func (d *Desired) with(z *zone.Zone) {
	if d.Loaded.Zone != z {
		l := *d.Loaded
		l.Zone = z
		d.Loaded = &l
	}
}

// sourceStep runs the processors on the desired zone.
func (p *Planner) sourceStep(d *Desired, req Request) {
	c := processor.Context{Lenient: d.Config.Lenient || req.Lenient, Place: d.Place, From: d.From}
	for _, proc := range d.Processors {
		z, fs := proc.Source(d.Loaded.Zone, c)
		d.with(z)
		d.fail(fs...)
	}
	d.fail(p.zoneRules(d, req)...)
}

// alias makes a copy of another zone: names move with the origin, values stay as they are.
func (p *Planner) alias(z config.Zone, of *Desired) *Desired {
	d := &Desired{Config: z}
	d.Processors = p.processors(d)
	switch {
	case of == nil:
		d.fail(finding.Finding{
			ID: "alias", Severity: finding.Error, Place: z.Place,
			Text: fmt.Sprintf("zone %s cannot be planned without zone %s, of which it is an alias", z.Name.Unicode(), z.Alias.Unicode()), Fix: "name both, or neither",
		})
		return d
	case of.Err != nil || of.Loaded == nil:
		d.fail(finding.Finding{
			ID: "alias", Severity: finding.Error, Place: z.Place,
			Text: fmt.Sprintf("zone %s is an alias of %s, which could not be loaded", z.Name.Unicode(), z.Alias.Unicode()),
		})
		return d
	}
	b := zone.NewBuilder(z.Name)
	for set := range of.Loaded.Zone.All() {
		owner, err := rebase(set.Owner, z.Alias, z.Name)
		if err != nil {
			d.fail(finding.Finding{ID: "alias", Severity: finding.Error, Place: of.Place(set.Key()), Text: fmt.Sprintf("%s in %s: %v", set.Owner.Unicode(), z.Name.Unicode(), err)})
			continue
		}
		set.Owner = owner
		b.Add(set)
	}
	copied, err := b.Zone()
	if err != nil {
		d.fail(finding.Of(err, "alias")...)
		return d
	}
	back := func(k zone.Key) zone.Key {
		k.Owner, _ = rebase(k.Owner, z.Name, z.Alias)
		return k
	}
	d.Loaded = &source.Loaded{
		Zone: copied, Revision: of.Loaded.Revision,
		Place:  func(k zone.Key) finding.Place { return of.Place(back(k)) },
		Source: func(k zone.Key) string { return of.From(back(k)) },
	}
	return d
}

// rebase moves a name from below one origin to the same place below another.
func rebase(n, from, to zone.Name) (zone.Name, error) {
	return zone.NameFromKey(to.Key() + strings.TrimPrefix(n.Key(), from.Key()))
}
