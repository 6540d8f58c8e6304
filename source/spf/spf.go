package spf

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Options are the mechanisms of the policy, in the order in which they are written.
type Options struct {
	ID             string
	A              []string
	MX             []string
	IP4            []string
	IP6            []string
	Includes       []string
	Exists         []string
	SoftFail       bool // end in ~all and not in -all
	MergingEnabled bool
	TTL            uint32 // seconds; 0 means 3600
	Place          finding.Place
}

// Source is one policy.
type Source struct {
	o      Options
	policy policy
}

var _ source.Amender = (*Source)(nil)

// New returns the source.
func New(o Options) *Source {
	if o.TTL == 0 {
		o.TTL = 3600
	}
	soft := o.SoftFail
	return &Source{o, policy{lists: [...][]string{o.A, o.MX, o.IP4, o.IP6, o.Includes, o.Exists}, soft: &soft}}
}

// mechanisms are the names of policy.lists.
var mechanisms = [...]string{"a", "mx", "ip4", "ip6", "include", "exists"}

// A policy is an SPF value taken apart.
type policy struct {
	lists [len(mechanisms)][]string
	soft  *bool // nil: it does not end in all
}

// String writes the value.
func (p policy) String() string {
	var b strings.Builder
	b.WriteString("v=spf1")
	for i, list := range p.lists {
		for _, v := range list {
			b.WriteString(" " + mechanisms[i])
			if v != "" {
				b.WriteString(":" + v)
			}
		}
	}
	switch {
	case p.soft == nil:
	case *p.soft:
		b.WriteString(" ~all")
	default:
		b.WriteString(" -all")
	}
	return b.String()
}

// parse takes a value apart. Only what String writes is understood: anything else could be lost
// by merging.
func parse(value string) (policy, error) {
	var p policy
	words := strings.Fields(value)
	for _, w := range words[1:] {
		if rest := strings.TrimLeft(w, "+-~?"); rest == "all" {
			soft := strings.HasPrefix(w, "~")
			p.soft = &soft
			continue
		}
		name, v, _ := strings.Cut(w, ":")
		i := slices.Index(mechanisms[:], name)
		if i < 0 {
			return p, fmt.Errorf("mechanism %q cannot be merged", w)
		}
		p.lists[i] = append(p.lists[i], v)
	}
	return p, nil
}

// merge unites two policies; if either is soft, the result is.
func (p policy) merge(q policy) policy {
	var out policy
	for i := range p.lists {
		for _, v := range slices.Concat(p.lists[i], q.lists[i]) {
			if !slices.Contains(out.lists[i], v) {
				out.lists[i] = append(out.lists[i], v)
			}
		}
	}
	if out.soft = p.soft; out.soft == nil {
		out.soft = q.soft
	} else if q.soft != nil && *q.soft {
		out.soft = q.soft
	}
	return out
}

// Zones lists no zones: a policy never is the origin of one.
func (s *Source) Zones(context.Context) iter.Seq2[zone.Name, error] {
	return func(func(zone.Name, error) bool) {}
}

// Load returns a zone with the policy alone.
func (s *Source) Load(ctx context.Context, origin zone.Name) (*source.Loaded, error) {
	empty, err := zone.Of(origin)
	if err != nil {
		return nil, err
	}
	return s.Amend(ctx, &source.Loaded{Zone: empty})
}

// Amend puts the policy into what other sources gave.
func (s *Source) Amend(_ context.Context, sofar *source.Loaded) (*source.Loaded, error) {
	origin := sofar.Zone.Origin()
	if have, ok := sofar.Zone.Set(origin, zone.TypeSPF); ok {
		return s.refuse(sofar, have, "there is an SPF RRset at the apex", "write it as TXT (RFC 7208, section 3.1)")
	}
	set := zone.RRset{Owner: origin, Type: zone.TypeTXT, TTL: s.o.TTL, Data: []zone.Data{rdata.TXT(s.policy.String())}}
	change := zone.Change{After: &set}
	if have, ok := sofar.Zone.Set(origin, zone.TypeTXT); ok {
		change.Before = &have
		set = have
		set.Data = slices.Clone(have.Data)
		i := slices.IndexFunc(set.Data, func(d zone.Data) bool { return strings.HasPrefix(rdata.TXTJoined(d), "v=spf1") })
		switch {
		case i < 0:
			set.Data = append(set.Data, rdata.TXT(s.policy.String()))
		case !s.o.MergingEnabled:
			return s.refuse(sofar, have, "the TXT at the apex has an SPF value already", "set merging_enabled: true, or remove one of them")
		default:
			other, err := parse(rdata.TXTJoined(set.Data[i]))
			if err != nil {
				return s.refuse(sofar, have, err.Error(), "write the whole policy in one source")
			}
			set.Data[i] = rdata.TXT(other.merge(s.policy).String())
		}
		set = set.Clean()
	}
	z, err := sofar.Zone.With([]zone.Change{change})
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", s.o.ID, err)
	}
	out := *sofar
	out.Zone, out.Revision = z, z.Hash().String()
	key := set.Key()
	created := change.Before == nil
	out.Source = func(k zone.Key) string {
		if k == key || sofar.Source == nil {
			return s.o.ID
		}
		return sofar.Source(k)
	}
	out.Place = func(k zone.Key) finding.Place {
		if k == key && created || sofar.Place == nil {
			return s.o.Place
		}
		return sofar.Place(k)
	}
	return &out, nil
}

// refuse reports an SPF that is in the way, where it was written.
func (s *Source) refuse(sofar *source.Loaded, set zone.RRset, text, fix string) (*source.Loaded, error) {
	f := finding.Finding{
		ID: "spf-source", Severity: finding.Error, Place: s.o.Place, Zone: sofar.Zone.Origin().String(),
		Subject: set.Key().String(), Text: "source " + s.o.ID + ": " + text, Fix: fix,
	}
	if sofar.Place != nil {
		if at := sofar.Place(set.Key()); !at.IsZero() {
			f.Related = []finding.Place{s.o.Place}
			f.Place = at
		}
	}
	out := *sofar
	out.Findings = append(slices.Clone(sofar.Findings), f)
	return &out, f.Err()
}
