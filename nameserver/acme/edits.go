package acme

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/zone"
)

// An Editor has zones that can be edited; a *held.Zones is one.
type Editor interface {
	Holds(origin zone.Name) bool
	Zone(origin zone.Name) (*zone.Zone, held.Info, error)
	Change(ctx context.Context, origin zone.Name, base string, changes []zone.Change) (held.Info, error)
}

// Edits answers challenges by edits of the zones that names lie in, which are held here. Secondaries
// learn of them as of every edit.
type Edits struct {
	Zones Editor
	// Settle is how long secondaries may need for a new version; 0: there are none.
	Settle time.Duration
}

// moves is how often others may be faster with an edit of the same zone.
const moves = 10

// challengeTTL is how long resolvers may keep what answers a challenge, in seconds.
const challengeTTL = 60

// Present is for Options.Present.
func (e *Edits) Present(ctx context.Context, owner zone.Name, value string) error {
	err := e.edit(ctx, owner, func(data []zone.Data) []zone.Data { return append(data, text(value)) })
	if err != nil || e.Settle <= 0 {
		return err
	}
	wait := time.NewTimer(e.Settle)
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}

// CleanUp is for Options.CleanUp.
func (e *Edits) CleanUp(ctx context.Context, owner zone.Name, value string) error {
	// Whoever gave up may not leave it behind.
	ctx = context.WithoutCancel(ctx)
	return e.edit(ctx, owner, func(data []zone.Data) []zone.Data {
		return slices.DeleteFunc(data, func(d zone.Data) bool { return d == text(value) })
	})
}

// text is a TXT record of one string.
func text(value string) zone.Data { return zone.Data(append([]byte{byte(len(value))}, value...)) }

// edit changes the TXT records at a name. Records that others have there stay.
func (e *Edits) edit(ctx context.Context, owner zone.Name, change func([]zone.Data) []zone.Data) error {
	origin, ok := e.zone(owner)
	if !ok {
		return fmt.Errorf("no zone is held here that %s lies in", owner)
	}
	ctx = held.WithActor(ctx, "acme")
	for try := 1; ; try++ {
		z, info, err := e.Zones.Zone(origin)
		if err != nil {
			return err
		}
		c := zone.Change{}
		before, ok := z.Set(owner, zone.TypeTXT)
		after := zone.RRset{Owner: owner, Type: zone.TypeTXT, TTL: challengeTTL}
		if ok {
			c.Before, after.TTL, after.Extra = &before, before.TTL, before.Extra
		}
		after.Data = change(slices.Clone(before.Data))
		slices.Sort(after.Data)
		if after.Data = slices.Compact(after.Data); len(after.Data) > 0 {
			c.After = &after
		}
		if c.Before == nil && c.After == nil {
			return nil
		}
		_, err = e.Zones.Change(ctx, origin, info.Revision, []zone.Change{c})
		if !errors.Is(err, held.ErrMoved) || try == moves {
			return err
		}
	}
}

// zone is the closest zone that is held here.
func (e *Edits) zone(owner zone.Name) (zone.Name, bool) {
	for n := owner; ; n = n.Parent() {
		if e.Zones.Holds(n) {
			return n, true
		}
		if n.IsRoot() {
			return n, false
		}
	}
}
