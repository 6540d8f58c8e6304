package control_test

import (
	"context"
	"fmt"

	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/zone"
)

// shown is a Backend of a name server that holds no zones of its own: all of its zones are of files
// or of primaries, and are only shown.
type shown struct {
	List func() []held.Info // sorted by name
	// Find returns a zone and its kind, nil when there is none.
	Find func(origin zone.Name) (z *zone.Zone, kind string)
}

var _ control.Backend = shown{}

// Zones implements Backend.
func (s shown) Zones() []held.Info { return s.List() }

// Zone implements Backend.
func (s shown) Zone(origin zone.Name) (*zone.Zone, held.Info, error) {
	z, kind := s.Find(origin)
	if z == nil {
		return nil, held.Info{}, fmt.Errorf("zone %s: %w", origin, held.ErrNoZone)
	}
	return z, held.InfoOf(z, kind), nil
}

// Create implements Backend.
func (s shown) Create(context.Context, *zone.Zone) (held.Info, error) {
	return held.Info{}, fmt.Errorf("%w: %w", held.ErrReadOnly, errDown)
}

// Change implements Backend.
func (s shown) Change(_ context.Context, origin zone.Name, _ string, _ []zone.Change) (held.Info, error) {
	_, info, err := s.Zone(origin)
	if err == nil {
		err = fmt.Errorf("zone %s: %w: %w", origin, held.ErrReadOnly, errDown)
	}
	return info, err
}

// Delete implements Backend.
func (s shown) Delete(ctx context.Context, origin zone.Name, _ string) error {
	_, err := s.Change(ctx, origin, "", nil)
	return err
}
