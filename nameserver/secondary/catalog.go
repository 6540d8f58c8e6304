package secondary

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// ErrNothingHeld is wrapped by Accept's error when a catalog keeps nothing back.
var ErrNothingHeld = errors.New("nothing is kept back")

// A catalog is one that is followed. Zones.change guards it.
type catalog struct {
	Catalog
	entry   *entry
	listed  *zone.Zone               // what list was read from
	list    map[zone.Name]xfr.Member // of the newest version; nil: none has come
	clashes map[zone.Name]string     // members that are not taken over, and why
	accept  bool                     // what is held may go

	mu     sync.Mutex
	losing time.Time // since when members are kept that are not listed; zero: there are none
}

func (c *catalog) since() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.losing
}

// setLosing reports whether it was another time before.
func (c *catalog) setLosing(t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.losing
	c.losing = t
	return !was.Equal(t)
}

// setCatalogs takes the catalogs of a configuration. What is the same in both stays the same to the
// pointer, by which the members' entries know it.
func (s *Zones) setCatalogs(ctx context.Context, list []Catalog) {
	old := s.catalogs
	s.catalogs = nil
	for i := range list {
		now := list[i]
		at := slices.IndexFunc(old, func(c *catalog) bool { return c.Origin == now.Origin })
		if at < 0 {
			s.catalogs = append(s.catalogs, &catalog{Catalog: now})
			continue
		}
		c := old[at]
		if reflect.DeepEqual(c.Catalog, now) {
			s.catalogs = append(s.catalogs, c)
			continue
		}
		// Another one goes on with what this one knows.
		s.catalogs = append(s.catalogs, &catalog{
			Catalog: now, listed: c.listed, list: c.list, clashes: c.clashes, accept: c.accept, losing: c.since(),
		})
	}
	for _, e := range s.all() {
		for _, c := range s.catalogs {
			if e.catalog == nil || e.catalog == c || e.catalog.Origin != c.Origin {
				continue
			}
			source, group := c.member(e.groups)
			if reflect.DeepEqual(*source, *e.source) {
				// Nothing is asked anew for that.
				s.adopt(e, c, source, group)
				continue
			}
			s.restart(ctx, e, &entry{origin: e.origin, source: source, catalog: c, id: e.id, groups: e.groups, group: group})
		}
	}
}

// adopt hands a zone to the successor of its catalog.
func (s *Zones) adopt(e *entry, c *catalog, source *Source, group string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.mu.Lock() // for MemberOf
	defer s.mu.Unlock()
	e.catalog, e.source, e.group = c, source, group
}

// recall takes what the disk knows of the catalog.
func (c *catalog) recall(x *stored) {
	if c.list != nil {
		return
	}
	if list, err := c.read(x.zone); err == nil {
		c.list, c.listed = list, x.zone
		c.setLosing(x.note.Losing)
	}
}

// read lists the members of a version.
func (c *catalog) read(z *zone.Zone) (map[zone.Name]xfr.Member, error) {
	members, err := xfr.ReadCatalog(z)
	if err != nil {
		return nil, err
	}
	if n := len(members); n > c.limit() {
		return nil, &xfr.CatalogError{Catalog: c.Origin, Problems: []string{fmt.Sprintf("it has %d members, and %d are allowed", n, c.limit())}}
	}
	list := make(map[zone.Name]xfr.Member, len(members))
	for _, m := range members {
		list[m.Origin] = m
	}
	return list, nil
}

// members starts the members of the catalogs that the disk knows, and drops what belongs to nobody.
func (s *Zones) members(ctx context.Context, stored map[zone.Name]*stored, spread time.Duration) {
	for _, origin := range slices.SortedFunc(maps.Keys(stored), zone.Name.Compare) {
		n := stored[origin].note
		at := slices.IndexFunc(s.catalogs, func(c *catalog) bool { return n.Catalog == c.Origin.String() })
		if at < 0 {
			s.forget(ctx, origin)
			continue
		}
		c := s.catalogs[at]
		source, group := c.member(n.Groups)
		if len(source.Primaries) == 0 {
			continue // apply says so
		}
		e := &entry{origin: origin, source: source, catalog: c, id: n.ID, groups: n.Groups, group: group}
		s.start(e, s.restored(stored, origin), spread)
	}
	for _, c := range s.catalogs {
		if c.list != nil {
			s.apply(ctx, c)
		}
	}
}

// follow makes the members what the catalog's version says, after each step of its zone. It returns
// when it has to be called even if nothing comes; the zero time is never.
func (s *Zones) follow(ctx context.Context, e *entry) time.Time {
	s.change.Lock()
	defer s.change.Unlock()
	c := e.lists
	if c.entry != e || !slices.Contains(s.catalogs, c) { // it was replaced meanwhile
		return time.Time{}
	}
	e.mu.Lock()
	z := e.zone
	e.mu.Unlock()
	switch {
	case z == nil:
		return time.Time{}
	case z != c.listed:
		list, err := c.read(z)
		if err != nil {
			return time.Time{} // publish has let no such version through, but from the disk of before
		}
		c.list, c.listed, c.accept = list, z, false
		s.apply(ctx, c)
	case !c.since().IsZero():
		s.apply(ctx, c)
	}
	if since := c.since(); !since.IsZero() && c.protected() {
		return since.Add(c.grace())
	}
	return time.Time{}
}

// apply makes the members what the list says.
func (s *Zones) apply(ctx context.Context, c *catalog) {
	var gone []*entry
	have := 0
	for _, e := range s.all() {
		if e.catalog != c {
			continue
		}
		have++
		if m, ok := c.list[e.origin]; !ok || m.ID != e.id {
			gone = append(gone, e)
		}
	}
	if !s.holds(ctx, c, have, len(gone)) {
		s.remove(ctx, gone...)
	}
	before := c.clashes
	c.clashes = nil
	for _, origin := range slices.SortedFunc(maps.Keys(c.list), zone.Name.Compare) {
		s.admit(ctx, c, c.list[origin], before)
	}
	// What this catalog has let go another one may have been waiting for.
	for _, other := range s.catalogs {
		if other == c || len(other.clashes) == 0 {
			continue
		}
		waiting := other.clashes
		other.clashes = nil
		for _, origin := range slices.SortedFunc(maps.Keys(waiting), zone.Name.Compare) {
			if m, ok := other.list[origin]; ok {
				s.admit(ctx, other, m, waiting)
			}
		}
	}
}

// holds reports whether members that the catalog does not list any more are kept (Catalog.Grace).
func (s *Zones) holds(ctx context.Context, c *catalog, have, gone int) bool {
	now := time.Now()
	since := c.since()
	say := func(severity finding.Severity, text, fix string) {
		s.say(finding.Finding{ID: "catalog-loss", Severity: severity, Zone: c.Origin.String(), Text: text, Fix: fix})
	}
	until := since.Add(c.grace())
	held := false
	switch {
	case !large(have, len(c.list), gone) || c.grace() < 0:
		since = time.Time{}
	case c.accept:
		say(finding.Info, fmt.Sprintf("%d of %d members go, as was accepted", gone, have), "")
		since = time.Time{}
	case since.IsZero():
		since, held = now, true
		rest := "they stay until that is accepted, as the catalog comes without a signature"
		if c.protected() {
			rest = "they stay until " + now.Add(c.grace()).UTC().Format(time.RFC3339)
		}
		say(finding.Error, fmt.Sprintf("the catalog would take away or reset %d of %d members at once; %s", gone, have, rest),
			"if that is a mistake, correct the catalog at its primary; if it is meant, accept it")
	case c.protected() && !now.Before(until):
		say(finding.Warning, fmt.Sprintf("the catalog has not listed %d of %d members for %s: they go", gone, have, c.grace()), "")
		since = time.Time{}
	default:
		held = true
	}
	if c.setLosing(since) {
		c.entry.save(ctx)
	}
	c.accept = false
	return held
}

// admit makes a member a zone of the catalog, unless it is somebody else's.
func (s *Zones) admit(ctx context.Context, c *catalog, m xfr.Member, said map[zone.Name]string) {
	source, group := c.member(m.Groups)
	next := &entry{origin: m.Origin, source: source, catalog: c, id: m.ID, groups: m.Groups, group: group}
	e := s.entry(m.Origin)
	if why := s.objection(c, e, source, m.Origin); why != "" {
		if c.clashes == nil {
			c.clashes = map[zone.Name]string{}
		}
		c.clashes[m.Origin] = why
		if said[m.Origin] != why {
			s.say(finding.Finding{
				ID: "catalog-clash", Severity: finding.Warning, Zone: m.Origin.String(), Subject: "catalog " + c.Origin.String(),
				Text: fmt.Sprintf("catalog %s lists the zone, which is not taken from it: %s", c.Origin, why),
				Fix:  "remove it from one of them",
			})
		}
		return
	}
	switch {
	case e == nil:
		s.start(next, nil, 0)
	case e.catalog == c && e.id != m.ID:
		// Its reset is held.
	case e.catalog == c && e.source == source && slices.Equal(e.groups, m.Groups):
	case e.id == m.ID:
		s.restart(ctx, e, next)
	default: // RFC 9432, section 4.4.1: another id in the new catalog is a reset
		s.remove(ctx, e)
		s.start(next, nil, 0)
	}
}

// objection says why a member is not taken into a catalog; "" is no reason. A member that another
// catalog lists changes over when that one says so (coo, RFC 9432, section 4.4.1) or lists it no
// more.
func (s *Zones) objection(c *catalog, e *entry, source *Source, origin zone.Name) string {
	switch {
	case e != nil && e.lists != nil:
		return "it is a catalog itself"
	case e != nil && e.catalog == nil:
		return "the configuration has it"
	case len(source.Primaries) == 0:
		return "the configuration names no primary for members without a group that it knows"
	case e != nil && e.catalog != c:
		other := e.catalog
		if m, listed := other.list[origin]; (listed || other.list == nil) && m.Owner != c.Origin {
			return fmt.Sprintf("catalog %s has it and does not hand it over", other.Origin)
		}
	case e == nil && s.Taken != nil:
		if who := s.Taken(origin); who != "" {
			return "it is served from " + who
		}
	}
	return ""
}

// Recheck has the catalogs look again for members that were not taken over, after a zone that is
// served from elsewhere (Taken) has ended.
func (s *Zones) Recheck(ctx context.Context) {
	s.change.Lock()
	defer s.change.Unlock()
	for _, c := range s.catalogs {
		if c.list != nil && len(c.clashes) > 0 {
			s.apply(ctx, c)
		}
	}
}

// Accept lets go what a catalog does not list any more and is still kept (Catalog.Grace). The error
// wraps ErrNoZone or ErrNothingHeld.
func (s *Zones) Accept(origin zone.Name) error {
	s.change.Lock()
	defer s.change.Unlock()
	for _, c := range s.catalogs {
		if c.Origin != origin {
			continue
		}
		if c.since().IsZero() {
			return fmt.Errorf("catalog %s: %w; its members are those that it lists", origin, ErrNothingHeld)
		}
		c.accept = true
		s.queue.hurry(c.entry.task)
		return nil
	}
	return fmt.Errorf("catalog %s: %w", origin, ErrNoZone)
}
