package secondary

import (
	"slices"
	"time"

	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A Source is where zones come from and how.
type Source struct {
	Primaries []xfr.Primary // see xfr.In
	Notify    xfr.Access    // who else may send NOTIFY
	Limits    wire.Limits   // of each transfer
}

// A Zone is one that the configuration names.
type Zone struct {
	Origin zone.Name
	Source
}

// DefaultMembers is the Limit of a Catalog that names none.
const DefaultMembers = 200_000

// DefaultGrace is the Grace of a Catalog that names none.
const DefaultGrace = 24 * time.Hour

// A Catalog is a zone that lists other zones (RFC 9432).
type Catalog struct {
	Origin zone.Name
	Source // of the catalog

	Members Source  // of the zones that it lists
	Groups  []Group // of members that have a group: the first that fits decides
	// Limit is how many members there may be. A version that has more is taken for a broken one: the
	// one before stays. 0: DefaultMembers.
	Limit int
	// Grace is for versions that would take away very much at once: all of more than three members,
	// or more than half of ten or more. BIND and Knot follow them within seconds; more often than
	// not they come of a script that went wrong at the producer. What such a version adds is
	// followed at once. What it takes away is kept for this time, which a finding says at once, and
	// again when it is over; then it goes, unless a later version lists it again. Accept lets it go
	// before. Transfers that are neither signed nor over TLS take nothing away without Accept. 0:
	// DefaultGrace; below 0: everything is followed at once, as other servers do.
	Grace time.Duration
	// Serve has the catalog published like any other zone, for secondaries of this server.
	Serve bool
}

// A Group has members of a catalog transferred in another way.
type Group struct {
	Name string
	Source
}

// A Config is everything that is transferred in.
type Config struct {
	Zones    []Zone
	Catalogs []Catalog
}

// protected reports whether nobody but the primaries can have made what comes from them.
func (s *Source) protected() bool {
	return len(s.Primaries) > 0 && !slices.ContainsFunc(s.Primaries, func(p xfr.Primary) bool { return p.Key == nil && p.TLS == nil })
}

// sameServers reports whether both name the same primaries in the same order.
func (s *Source) sameServers(t *Source) bool {
	return slices.EqualFunc(s.Primaries, t.Primaries, func(a, b xfr.Primary) bool { return a.Addr == b.Addr })
}

// member returns where a member comes from.
func (c *Catalog) member(groups []string) (s *Source, group string) {
	for i := range c.Groups {
		if slices.Contains(groups, c.Groups[i].Name) {
			return &c.Groups[i].Source, c.Groups[i].Name
		}
	}
	return &c.Members, ""
}

func (c *Catalog) limit() int {
	if c.Limit > 0 {
		return c.Limit
	}
	return DefaultMembers
}

func (c *Catalog) grace() time.Duration {
	if c.Grace == 0 {
		return DefaultGrace
	}
	return c.Grace
}

// large reports whether so much would go at once that it is held for some time.
func large(have, want, gone int) bool {
	return gone > 3 && want == 0 || have >= 10 && 2*gone > have
}
