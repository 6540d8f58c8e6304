package source

import (
	"context"
	"errors"
	"iter"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// ErrNoZone is wrapped by Load when the source has no such zone at all.
var ErrNoZone = errors.New("source has no such zone")

// A Source yields desired zones. It must not change what it reads. Methods are safe for
// concurrent use and obey ctx.
type Source interface {
	// Zones lists the zones that the source has. A source that cannot list yields one error
	// wrapping errors.ErrUnsupported.
	Zones(ctx context.Context) iter.Seq2[zone.Name, error]
	// Load returns the whole zone or an error, never a part of it. Errors in what a person wrote
	// are findings: Loaded.Findings holds warnings; when any of them is of severity Error, Load
	// returns Loaded (with what could be read, for display only) and a *finding.Problem.
	Load(ctx context.Context, origin zone.Name) (*Loaded, error)
}

// A Loaded is a zone as a source gave it.
type Loaded struct {
	Zone     *zone.Zone
	Revision string // commit, serial or hash: equal revisions mean equal zones; "" when unknown
	// Place tells where an RRset was written; it may be nil, and its result zero.
	Place    func(zone.Key) finding.Place
	Findings []finding.Finding
	// Source is the id of the source that an RRset came from; it may be nil.
	Source func(zone.Key) string
}

// Optional, found by type assertion.
type (
	// A Watcher calls changed whenever a zone may have changed, until ctx ends.
	Watcher interface {
		Watch(ctx context.Context, changed func(zone.Name)) error
	}
	// An Amender changes what the sources before it gave, such as merging values into a TXT. Whoever
	// merges the sources of a zone calls Amend with the result so far instead of Load.
	Amender interface {
		Amend(ctx context.Context, sofar *Loaded) (*Loaded, error)
	}
	// An Editor writes changes back to where the zone came from. base is the Revision that the
	// changes were computed from; it refuses when the source has moved.
	Editor interface {
		Edit(ctx context.Context, origin zone.Name, base string, c []zone.Change) (revision string, err error)
	}
)
