package envvar

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Options say what is published where.
type Options struct {
	ID       string
	Variable string
	Name     string        // owner name relative to the zone; "" or "@" is the apex
	TTL      uint32        // seconds; 0 means 60
	Place    finding.Place // where the source is configured
	Env      func(string) (string, bool)
}

// Source is one variable.
type Source struct{ o Options }

// New returns the source.
func New(o Options) *Source {
	if o.TTL == 0 {
		o.TTL = 60
	}
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	return &Source{o}
}

// Zones says that a variable belongs to no zone in particular.
func (s *Source) Zones(context.Context) iter.Seq2[zone.Name, error] {
	return func(yield func(zone.Name, error) bool) {
		yield(zone.Name{}, fmt.Errorf("source %s: an environment variable lists no zones: %w", s.o.ID, errors.ErrUnsupported))
	}
}

// Load returns a zone with the one record.
func (s *Source) Load(_ context.Context, origin zone.Name) (*source.Loaded, error) {
	value, ok := s.o.Env(s.o.Variable)
	if !ok {
		return s.refuse(origin, fmt.Sprintf("environment variable %s of source %s is not set", s.o.Variable, s.o.ID), "set it")
	}
	owner, err := zone.ParseNameIn(s.o.Name, origin)
	if err != nil {
		return s.refuse(origin, fmt.Sprintf("source %s: %v", s.o.ID, err), "")
	}
	if !owner.In(origin) {
		return s.refuse(origin, fmt.Sprintf("source %s: name %q is not in zone %s", s.o.ID, s.o.Name, origin), "write it relative to the zone")
	}
	// octoDNS writes a semicolon as \; in its text form.
	z, err := zone.Of(origin, zone.RRset{
		Owner: owner, Type: zone.TypeTXT, TTL: s.o.TTL,
		Data: []zone.Data{rdata.TXT(strings.ReplaceAll(value, `\;`, ";"))},
	})
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", s.o.ID, err)
	}
	return &source.Loaded{
		Zone: z, Revision: z.Hash().String(),
		Place:  func(zone.Key) finding.Place { return s.o.Place },
		Source: func(zone.Key) string { return s.o.ID },
	}, nil
}

func (s *Source) refuse(origin zone.Name, text, fix string) (*source.Loaded, error) {
	empty, err := zone.Of(origin)
	if err != nil {
		return nil, err
	}
	f := finding.Finding{
		ID: "envvar", Severity: finding.Error, Place: s.o.Place, Zone: origin.String(), Text: text, Fix: fix,
	}
	return &source.Loaded{Zone: empty, Findings: []finding.Finding{f}}, f.Err()
}
