package live

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/zone"
)

// Options say what of a provider's zone is taken. The zero value leaves the apex NS out.
type Options struct {
	KeepApexNS bool
	KeepSOA    bool
}

// Source is a provider, read.
type Source struct {
	id string
	p  provider.Provider
	o  Options
}

// New returns the source with the id that reads p. Closing p is the caller's business.
func New(id string, p provider.Provider, o Options) *Source { return &Source{id, p, o} }

// Zones lists the zones of the account.
func (s *Source) Zones(ctx context.Context) iter.Seq2[zone.Name, error] {
	return func(yield func(zone.Name, error) bool) {
		for info, err := range s.p.Zones(ctx) {
			if err != nil {
				yield(zone.Name{}, fmt.Errorf("source %s: %w", s.id, err))
				return
			}
			if !yield(info.Origin, nil) {
				return
			}
		}
	}
}

// Load reads one zone.
func (s *Source) Load(ctx context.Context, origin zone.Name) (*source.Loaded, error) {
	snap, err := s.p.Read(ctx, provider.ZoneRef{Origin: origin})
	if errors.Is(err, provider.ErrNoZone) || err == nil && snap.Missing {
		return nil, fmt.Errorf("source %s: zone %s: %w", s.id, origin, source.ErrNoZone)
	}
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", s.id, err)
	}
	sets := snap.Sets
	if drop := s.drop(sets); len(drop) > 0 {
		if sets, err = sets.With(drop); err != nil {
			return nil, fmt.Errorf("source %s: %w", s.id, err)
		}
	}
	at := finding.Place{File: "provider " + s.id}
	l := &source.Loaded{
		Zone: sets, Revision: snap.Revision,
		Place:  func(zone.Key) finding.Place { return at },
		Source: func(zone.Key) string { return s.id },
	}
	if l.Revision == "" {
		l.Revision = sets.Hash().String()
	}
	for _, f := range snap.Foreign {
		l.Findings = append(l.Findings, finding.Finding{
			ID: "foreign", Severity: finding.Warning, Place: at, Zone: origin.String(), Subject: f.Kind,
			Text: f.Kind + " is not read: " + f.Text,
		})
	}
	return l, nil
}

// drop returns the changes that take away what is not asked for.
func (s *Source) drop(z *zone.Zone) []zone.Change {
	var out []zone.Change
	for set := range z.At(z.Origin()) {
		if set.Type == zone.TypeSOA && !s.o.KeepSOA || set.Type == zone.TypeNS && !s.o.KeepApexNS {
			out = append(out, zone.Change{Before: &set})
		}
	}
	return out
}
