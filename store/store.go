package store

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// ErrNoVersion is wrapped when a version that was asked for does not exist.
var ErrNoVersion = errors.New("no such version")

// A Store keeps what lasts. Methods are safe for concurrent use, from several processes too.
type Store interface {
	apply.Journal
	apply.Locker

	// Generations returns a number for each desired state, given as the hash of its zone: the same
	// number as before when the state is the one last seen, a greater one otherwise.
	Generations(ctx context.Context, desired map[zone.Name]string) (map[zone.Name]uint64, error)
	// History yields versions, newest first.
	History(ctx context.Context, f Filter) iter.Seq2[Version, error]
	// Version returns one version with its zones, or an error wrapping ErrNoVersion.
	Version(ctx context.Context, id int64) (*Version, error)
	// Created tells which RRsets of the target exist because zonecast created them.
	Created(ctx context.Context, t plan.Target) (func(zone.Key) bool, error)
	Close() error
}

// A Filter narrows a History. Zero fields do not narrow.
type Filter struct {
	Zone     *zone.Name
	Provider string
	Before   int64 // only versions with a smaller id
	Limit    int   // 0: 100
}

// A Version is one entry of the journal as history: what was written where, by whom, and why.
// Want and Before are filled by Store.Version only.
type Version struct {
	ID         int64
	Run        string
	Target     plan.Target
	PlanID     string
	Generation uint64
	Began      time.Time
	Ended      time.Time // zero while open
	// Outcome is "open" while begun and not finished, "done", "failed", "unknown", or what Resolve
	// was given.
	Outcome            string
	Error              string
	Actor              string
	Reason             string
	Sources            []string
	Revision           string
	Creates            int
	Updates            int
	Deletes            int
	Receipt            *provider.Receipt
	Verification       *apply.Verification
	Changes            provider.ChangeSet // filled by Store.Version only
	Want, Wish, Before *zone.Zone
}

// Applied reports whether all of the version was written.
func (v *Version) Applied() bool { return v.Outcome == "done" || v.Outcome == "applied" }
