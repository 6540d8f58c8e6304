package secondary

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Kind is what zones of this package are stored as.
const Kind = "secondary"

// ErrNoZone is wrapped by errors about zones that are not transferred in here.
var ErrNoZone = errors.New("the zone is not transferred in here")

// Disk keeps versions; journal.DB is one.
type Disk interface {
	Zones(ctx context.Context, kind string) iter.Seq2[journal.Entry, error]
	Put(ctx context.Context, kind string, z *zone.Zone, at time.Time, note []byte) error
	Touch(ctx context.Context, origin zone.Name, at time.Time) error
	// Forget deletes a zone, unless it is there as another kind.
	Forget(ctx context.Context, kind string, origin zone.Name) error
}

// Zones are all zones that are transferred in. Fields are set before Set and then left alone.
// Functions may be called from any goroutine, and must not call methods of Zones but Holds, MemberOf,
// Expire and StatusOf.
type Zones struct {
	// Publish has a version answered from now on. Restore does so at the start with what was on disk;
	// nil: Publish does.
	Publish func(z *zone.Zone) error
	Restore func(e journal.Entry) error
	// Withdraw ends a zone that is ours no more.
	Withdraw func(origin zone.Name)
	// Expired is called when nothing good is there to be answered from (SERVFAIL), until Publish: no
	// version has come yet, or its primaries have not confirmed it for too long. nil: Withdraw.
	Expired func(origin zone.Name)
	Disk    Disk // nil: versions are not kept
	// Taken says who else serves a zone, such as "a zone file", so that no catalog takes it over; ""
	// is nobody. nil: nobody ever does.
	Taken func(origin zone.Name) string
	// Log is told what people should know; may be nil.
	Log    func(finding.Finding)
	Shared *xfr.Shared // bounds of transfers; nil: the usual ones
	// AtOnce is how many zones are asked for at the same time, and AtOnePrimary how many of them at
	// one primary. 0: 256 and 64.
	AtOnce, AtOnePrimary int

	queue queue
	voice voice

	change   sync.Mutex // what changes entries or catalogs takes it first
	loaded   bool
	catalogs []*catalog // in the order of the configuration

	mu      sync.RWMutex // for entries as a map; what change guards is read with either
	entries map[zone.Name]*entry
}

// Set makes c what is transferred in. The first call takes the versions that are on disk, and has
// all of them answered that have not expired meanwhile. Further ones start zones that are new and
// forget those that are gone, on disk too; zones whose primaries change keep their version. An error
// says what cannot be used as it stands, and changes nothing.
func (s *Zones) Set(ctx context.Context, c Config) error {
	if err := c.check(); err != nil {
		return err
	}
	s.change.Lock()
	defer s.change.Unlock()
	var stored map[zone.Name]*stored
	if !s.loaded {
		s.begin()
		var err error
		if stored, err = s.read(ctx); err != nil {
			return err
		}
		s.loaded = true
	}
	spread := time.Duration(len(stored)) * time.Millisecond
	s.setCatalogs(ctx, c.Catalogs)
	wanted := map[zone.Name]bool{}
	for _, cat := range s.catalogs {
		wanted[cat.Origin] = true
	}
	for i := range c.Zones {
		wanted[c.Zones[i].Origin] = true
	}
	s.remove(ctx, slices.DeleteFunc(s.all(), func(e *entry) bool {
		return wanted[e.origin] || e.catalog != nil && slices.Contains(s.catalogs, e.catalog)
	})...)
	for _, cat := range s.catalogs {
		s.configured(ctx, &entry{origin: cat.Origin, source: &cat.Source, lists: cat}, stored, spread)
	}
	for i := range c.Zones {
		z := c.Zones[i]
		s.configured(ctx, &entry{origin: z.Origin, source: &z.Source}, stored, spread)
	}
	s.members(ctx, stored, spread)
	return nil
}

// check finds what cannot be.
func (c *Config) check() error {
	var fs []finding.Finding
	seen := map[zone.Name]bool{}
	one := func(origin zone.Name, s *Source) {
		if seen[origin] {
			fs = append(fs, finding.Finding{
				ID: "secondary-twice", Severity: finding.Error, Zone: origin.String(),
				Text: "the zone is configured twice as one that is transferred in", Fix: "remove one of them",
			})
		}
		seen[origin] = true
		if len(s.Primaries) == 0 {
			fs = append(fs, finding.Finding{
				ID: "secondary-primaries", Severity: finding.Error, Zone: origin.String(),
				Text: "there is no primary that the zone could come from", Fix: "name at least one address",
			})
		}
	}
	for i := range c.Catalogs {
		one(c.Catalogs[i].Origin, &c.Catalogs[i].Source)
	}
	for i := range c.Zones {
		one(c.Zones[i].Origin, &c.Zones[i].Source)
	}
	return finding.AsError(fs)
}

func (s *Zones) begin() {
	s.queue.bound(cmp.Or(max(s.AtOnce, 0), 256), cmp.Or(max(s.AtOnePrimary, 0), 64))
	if s.Shared == nil {
		s.Shared = &xfr.Shared{}
	}
	s.mu.Lock()
	s.entries = map[zone.Name]*entry{}
	s.mu.Unlock()
}

// configured starts a zone of the configuration, or goes on with it.
func (s *Zones) configured(ctx context.Context, e *entry, stored map[zone.Name]*stored, spread time.Duration) {
	old := s.entry(e.origin)
	if old == nil {
		s.start(e, s.restored(stored, e.origin), spread)
		return
	}
	if old.catalog == nil && old.lists == e.lists && reflect.DeepEqual(old.source, e.source) {
		return
	}
	s.restart(ctx, old, e)
}

// Run keeps up with all zones until ctx ends.
func (s *Zones) Run(ctx context.Context) error {
	s.queue.run(ctx)
	return ctx.Err()
}

func (s *Zones) entry(origin zone.Name) *entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.entries[origin]
}

// all returns the zones in order of their names.
func (s *Zones) all() []*entry {
	s.mu.RLock()
	list := slices.Collect(maps.Values(s.entries))
	s.mu.RUnlock()
	slices.SortFunc(list, func(a, b *entry) int { return a.origin.Compare(b.origin) })
	return list
}

// start begins with a zone, and with the version of the disk if there is one.
func (s *Zones) start(e *entry, have *stored, spread time.Duration) {
	first := time.Now()
	if spread > 0 {
		first = first.Add(rand.N(spread))
	}
	e.s = s
	if have != nil {
		e.zone, e.at, e.saved = have.zone, have.at, have.at
	} else {
		s.nothing(e)
	}
	s.launch(e, first)
}

// launch has a zone asked for from a time on.
func (s *Zones) launch(e *entry, first time.Time) {
	e.s = s
	e.task = &task{server: e.source.Primaries[0].Addr, step: e.step, at: -1}
	e.in = &xfr.In{
		Origin: e.origin, Primaries: e.source.Primaries, Have: e.zone, Refreshed: e.at, First: first,
		Publish: e.publish, Confirmed: e.confirmed, Expired: e.expired,
		Notify: e.source.Notify, Limits: e.source.Limits, Shared: s.Shared,
	}
	t := e.task
	e.in.Wake = func() { s.queue.hurry(t) }
	s.mu.Lock()
	s.entries[e.origin] = e
	s.mu.Unlock()
	if e.lists != nil {
		e.lists.entry = e
	}
	s.queue.add(t, time.Now()) // its first step is only a look at the clock
}

// nothing says that a zone cannot be answered.
func (s *Zones) nothing(e *entry) {
	switch {
	case e.lists != nil && !e.lists.Serve:
	case s.Expired != nil:
		s.Expired(e.origin)
	default:
		s.Withdraw(e.origin)
	}
}

// restart lets another entry go on with a zone and its version.
func (s *Zones) restart(ctx context.Context, old, e *entry) {
	next := time.Now()
	if old.source.sameServers(e.source) {
		if at := old.in.Status().Next; at.After(next) {
			next = at
		}
	}
	e.zone, e.at = old.stop()
	s.queue.remove(old.task)
	served := func(x *entry) bool { return x.lists == nil || x.lists.Serve }
	if e.zone != nil && served(old) != served(e) {
		if served(old) {
			s.Withdraw(e.origin)
		} else if err := s.Publish(e.zone); err != nil {
			s.say(finding.Finding{ID: "secondary-publish", Severity: finding.Error, Zone: e.origin.String(), Text: err.Error()})
		}
	}
	s.launch(e, next)
	e.save(ctx) // what is noted of it may be another
}

// remove ends zones and forgets their data, some at a time, as those share what it takes to have it
// on disk.
func (s *Zones) remove(ctx context.Context, list ...*entry) {
	var forgetting errgroup.Group
	forgetting.SetLimit(32)
	for _, e := range list {
		_, _ = e.stop()
		s.queue.remove(e.task)
		if e.lists == nil || e.lists.Serve {
			s.Withdraw(e.origin) // which may ask how long it would have lasted
		}
		s.mu.Lock()
		if s.entries[e.origin] == e {
			delete(s.entries, e.origin)
		}
		s.mu.Unlock()
		if s.Disk != nil {
			forgetting.Go(func() error { s.forget(ctx, e.origin); return nil })
		}
	}
	_ = forgetting.Wait() // what went wrong was told
}

// forget removes a zone from the disk.
func (s *Zones) forget(ctx context.Context, origin zone.Name) {
	if err := s.Disk.Forget(context.WithoutCancel(ctx), Kind, origin); err != nil {
		s.say(finding.Finding{
			ID: "secondary-disk", Severity: finding.Error, Zone: origin.String(),
			Text: fmt.Sprintf("the zone is not served any more, but its data could not be deleted: %v", err),
			Fix:  "it is deleted with the next start",
		})
	}
}

// Notified takes a NOTIFY for any of the zones.
func (s *Zones) Notified(n xfr.Notice) wire.RCODE {
	if e := s.entry(n.Origin); e != nil {
		return e.in.Notified(n)
	}
	return wire.NotAuth
}

// Holds reports whether a zone is transferred in here.
func (s *Zones) Holds(origin zone.Name) bool { return s.entry(origin) != nil }

// MemberOf returns the catalog that lists a zone, and the group by which its primaries were chosen.
// ok is false when no catalog does.
func (s *Zones) MemberOf(origin zone.Name) (catalog zone.Name, group string, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.entries[origin]
	if e == nil || e.catalog == nil {
		return zone.Name{}, "", false
	}
	return e.catalog.Origin, e.group, true
}

// Refresh has the primaries of a zone asked now. The error wraps ErrNoZone.
func (s *Zones) Refresh(origin zone.Name) error {
	e := s.entry(origin)
	if e == nil {
		return fmt.Errorf("zone %s: %w", origin, ErrNoZone)
	}
	e.in.Refresh()
	return nil
}

// Retransfer has a zone fetched whole now, whatever its serial. The error wraps ErrNoZone.
func (s *Zones) Retransfer(origin zone.Name) error {
	e := s.entry(origin)
	if e == nil {
		return fmt.Errorf("zone %s: %w", origin, ErrNoZone)
	}
	e.in.Retransfer()
	return nil
}

// Expire says how long a zone may still be answered if no primary confirms it; ok is false for zones
// that are not transferred in, or have not come yet. It is what xfr.Out.Expire asks for.
func (s *Zones) Expire(origin zone.Name) (left time.Duration, ok bool) {
	e := s.entry(origin)
	if e == nil {
		return 0, false
	}
	st := e.in.Status()
	return max(time.Until(st.Expires), 0), st.Loaded
}

// Zone returns the newest version of a zone; nil when none has come yet. The error wraps ErrNoZone.
func (s *Zones) Zone(origin zone.Name) (*zone.Zone, error) {
	e := s.entry(origin)
	if e == nil {
		return nil, fmt.Errorf("zone %s: %w", origin, ErrNoZone)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.zone, nil
}
