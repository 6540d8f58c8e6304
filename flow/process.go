package flow

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/shape/processor"
	"github.com/zonecast/zonecast/zone"
)

// autoArpaSource is the id of the source that automatic PTR records come from.
const autoArpaSource = "auto-arpa"

// A Lookup asks the DNS. Nil fields ask the system's resolver.
type Lookup struct {
	TXT       func(ctx context.Context, name string) ([]string, error)
	Addresses func(ctx context.Context, name string) ([]netip.Addr, error)
	NS        func(ctx context.Context, name string) ([]string, error)
}

const lookupTime = 5 * time.Second

func (l Lookup) txt(name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	if l.TXT != nil {
		return l.TXT(ctx, name)
	}
	return net.DefaultResolver.LookupTXT(ctx, name)
}

func (l Lookup) addresses(n zone.Name) ([]netip.Addr, uint32, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	if l.Addresses != nil {
		a, err := l.Addresses(ctx, n.String())
		return a, 300, err
	}
	a, err := net.DefaultResolver.LookupNetIP(ctx, "ip", n.String())
	return a, 300, err
}

// delegated reports whether the parent of the zone still points to name servers; nil when that
// could not be found out.
func (l Lookup) delegated(ctx context.Context, n zone.Name) *bool {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	var found bool
	if l.NS != nil {
		ns, err := l.NS(ctx, n.String())
		if err != nil {
			return nil
		}
		found = len(ns) > 0
		return &found
	}
	ns, err := net.DefaultResolver.LookupNS(ctx, n.String())
	if err != nil {
		return nil
	}
	found = len(ns) > 0
	return &found
}

// processors makes the processors of a zone: the manager's, the zone's own, the manager's
// post-processors, and the marker of include_meta last.
func (p *Planner) processors(d *Desired) []processor.Processor {
	m := p.Config.Manager
	var out []processor.Processor
	env := processor.Env{Now: time.Now(), UUID: p.Run, Version: "zonecast", LookupTXT: p.Lookup.txt}
	for _, r := range slices.Concat(m.Processors, d.Config.Processors, m.PostProcessors) {
		e, ok := p.Config.Processor(r.ID)
		if !ok {
			continue // config said so
		}
		proc, err := processor.New(e.ID, e.Class, e.Tree(), env)
		if err != nil {
			d.fail(finding.Finding{ID: "processor", Severity: finding.Error, Place: e.Place, Text: err.Error()})
			continue
		}
		out = append(out, proc)
	}
	if m.IncludeMeta {
		proc, err := processor.New("include-meta", "octodns.processor.meta.MetaProcessor", processor.Options{
			"record_name": "octodns-meta", "include_time": false, "include_provider": true, "ttl": 60,
		}, env)
		if err != nil {
			d.fail(finding.Of(err, "processor")...)
		} else {
			out = append(out, proc)
		}
	}
	return out
}

// newArpa returns what collects addresses for automatic PTR records, nil when they are off.
func (p *Planner) newArpa() (*processor.Arpa, error) {
	a := p.Config.Manager.AutoArpa
	if a == nil {
		return nil, nil
	}
	o := processor.Options{
		"ttl": int(a.TTL), "populate_should_replace": a.PopulateShouldReplace, "max_auto_arpa": a.Max, "inherit_ttl": a.InheritTTL,
	}
	if a.WildcardReplacement != "" {
		o["wildcard_replacement"] = a.WildcardReplacement
	}
	return processor.NewArpa(o)
}

// judged gives findings of a zone their weight: silenced ones are marked, and in a lenient run
// or zone violations of rules are warnings already when they come from the source.
func (p *Planner) judged(fs []finding.Finding, z config.Zone, _ Request) []finding.Finding {
	out := slices.Clone(fs)
	for i := range out {
		if out[i].Silenced == "" {
			out[i].Silenced = p.silenced(out[i], z.Name)
		}
	}
	return out
}

// silenced returns the configuration's reason for not counting a finding. Subject begins with
// owner name and type where a finding is about an RRset.
func (p *Planner) silenced(f finding.Finding, origin zone.Name) string {
	owner, typ := zone.Name{}, ""
	if name, rest, ok := strings.Cut(f.Subject, " "); ok {
		owner, _ = zone.ParseName(name)
		typ, _, _ = strings.Cut(rest, " ")
	}
	for _, s := range p.Config.Silence {
		if s.Finding != f.ID || s.Type != "" && s.Type != typ {
			continue
		}
		if s.Zone != "" && !config.Match(s.Zone, origin.Unicode()) && !config.Match(s.Zone, origin.String()) {
			continue
		}
		if s.Name != "" && !config.Match(s.Name, owner.Relative(origin)) {
			continue
		}
		return s.Reason
	}
	return ""
}

// replaces reports whether records of the source take the place of earlier sources' records.
func (p *Planner) replaces(id string) bool {
	e, _ := p.Config.Entry(id)
	v, ok := e.Option("populate_should_replace")
	return ok && v.Kind == config.Scalar && slices.Contains([]string{"true", "True", "TRUE", "yes", "Yes", "on", "On"}, v.Text)
}

// failure words what kept a target from being planned. Findings that err carries know better
// where the fault is.
func failure(t string, err error) []finding.Finding {
	if p, ok := errors.AsType[*finding.Problem](err); ok {
		return p.Findings
	}
	return []finding.Finding{{ID: "target", Severity: finding.Error, Subject: "target " + t, Text: provider.Redact(fmt.Sprintf("%s: %v", t, err))}}
}
