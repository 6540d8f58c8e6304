package secondary

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// ProducerKind is what catalogs that are made here are stored as.
const ProducerKind = "catalog"

// A Producer makes a catalog zone (RFC 9432) of the zones that this server is a primary for, so that
// secondaries set them up by themselves. Fields are set before the first call and then left alone.
type Producer struct {
	Origin zone.Name
	// Policy says which serial follows on another. Without a Disk use UnixTime: the serial then goes
	// forward over a start, too.
	Policy xfr.SerialPolicy
	// Zones lists what is served as primary, in any order. The catalog itself is left out.
	Zones func() []zone.Name
	// Stays says of a member that Zones lists no more whether it is kept all the same, as it is not
	// known to have gone on purpose: whoever follows the catalog throws away what is not listed. nil:
	// none is.
	Stays func(origin zone.Name) bool
	// Groups name what secondaries know members by (section 4.4.2). A member has those of all rules
	// that fit.
	Groups  []GroupRule
	Publish func(z *zone.Zone) error
	Disk    Disk // keeps the newest version, for its serial; nil: it is not kept

	mu     sync.Mutex
	newest *zone.Zone
	shown  *zone.Zone // what was published last
	loaded bool
}

// A GroupRule puts zones into a group: those that are named, and with "*." in front everything below
// a name; "*." alone is every zone.
type GroupRule struct {
	Group string
	Zones []zone.Name
}

func (r *GroupRule) fits(origin zone.Name) bool {
	return slices.ContainsFunc(r.Zones, func(n zone.Name) bool {
		return n == origin || n.IsWildcard() && origin.Below(n.Parent())
	})
}

// Zone returns the newest version; nil when none was made yet.
func (p *Producer) Zone() *zone.Zone {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.newest
}

// Update makes the catalog what Zones lists. Where the list is as it was, there is no new version;
// the first call publishes in any case. Call it after zones have come or gone; it is safe for any
// goroutine. The error leaves the version before.
func (p *Producer) Update(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.loaded {
		if err := p.load(ctx); err != nil {
			return err
		}
		p.loaded = true
	}
	z, err := p.next(time.Now())
	if err != nil {
		return err
	}
	if z == p.shown {
		return nil
	}
	// On disk first: a serial that anybody has seen must never come again with another content.
	if z != p.newest && p.Disk != nil {
		if err := p.Disk.Put(context.WithoutCancel(ctx), ProducerKind, z, time.Now(), nil); err != nil {
			return fmt.Errorf("catalog zone %s: the new version could not be kept, so the one before stays: %w", p.Origin, err)
		}
	}
	p.newest = z
	if err := p.Publish(z); err != nil {
		return fmt.Errorf("catalog zone %s: %w", p.Origin, err)
	}
	p.shown = z
	return nil
}

func (p *Producer) load(ctx context.Context) error {
	if p.Disk == nil {
		return nil
	}
	for e, err := range p.Disk.Zones(ctx, ProducerKind) {
		if err != nil {
			return fmt.Errorf("catalog zone %s: %w", p.Origin, err)
		}
		if e.Zone.Origin() == p.Origin {
			p.newest = e.Zone
		}
	}
	return nil
}

// Restored returns what the disk has of the catalog, for its differences; ok is false when that is
// nothing.
func (p *Producer) Restored(ctx context.Context) (e journal.Entry, ok bool, err error) {
	if p.Disk == nil {
		return e, false, nil
	}
	for e, err := range p.Disk.Zones(ctx, ProducerKind) {
		if err != nil || e.Zone.Origin() == p.Origin {
			return e, err == nil, err
		}
	}
	return e, false, nil
}

// next makes the version of now, and returns the newest when that says the same.
func (p *Producer) next(now time.Time) (*zone.Zone, error) {
	var members []xfr.Member
	for _, origin := range append(p.Zones(), p.staying()...) {
		if origin == p.Origin {
			continue
		}
		m := xfr.Member{Origin: origin}
		for i := range p.Groups {
			if p.Groups[i].fits(origin) && !slices.Contains(m.Groups, p.Groups[i].Group) {
				m.Groups = append(m.Groups, p.Groups[i].Group)
			}
		}
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b xfr.Member) int { return a.Origin.Compare(b.Origin) })
	members = slices.CompactFunc(members, func(a, b xfr.Member) bool { return a.Origin == b.Origin })
	if p.newest == nil {
		return xfr.NewCatalog(p.Origin, p.Policy.Next(0, now), members)
	}
	old, err := xfr.SerialOf(p.newest)
	if err != nil {
		return nil, err
	}
	z, err := xfr.NewCatalog(p.Origin, old, members)
	if err != nil {
		return nil, err
	}
	if z.Equal(p.newest) {
		return p.newest, nil
	}
	return xfr.WithSerial(z, p.Policy.Next(old, now))
}

// staying are members of the newest version that stay whether Zones lists them or not.
func (p *Producer) staying() []zone.Name {
	if p.Stays == nil || p.newest == nil {
		return nil
	}
	members, err := xfr.ReadCatalog(p.newest)
	if err != nil {
		return nil // it was not made here
	}
	var out []zone.Name
	for _, m := range members {
		if p.Stays(m.Origin) {
			out = append(out, m.Origin)
		}
	}
	return out
}
