package xfr

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A Member is a zone that a catalog lists (RFC 9432).
type Member struct {
	Origin zone.Name
	// ID is the label that names the member within the catalog. A member whose label changes has been
	// set up anew, and what is kept of it is thrown away (section 5.6). "": MemberID.
	ID     string
	Groups []string // properties that consumers may know (section 4.4.2), in any order
	// Owner is the catalog that is to take the member over (section 4.4.1); the root: none.
	Owner zone.Name
}

// MemberID is the label of a member that has none of its own: the same for the same zone, always.
func MemberID(origin zone.Name) string {
	sum := sha256.Sum256(origin.AppendWire(nil))
	return hex.EncodeToString(sum[:20])
}

// catalogTTL is that of a catalog's records, which nobody caches.
const catalogTTL = 0

// A CatalogError lists what makes a zone no catalog. A consumer then goes on with the members that
// it had (RFC 9432, section 5.1).
type CatalogError struct {
	Catalog  zone.Name
	Problems []string
}

// Error lists the problems.
func (e *CatalogError) Error() string {
	return fmt.Sprintf("catalog zone %s is broken: %s; its members stay as they were", e.Catalog, strings.Join(e.Problems, "; "))
}

// NewCatalog makes a catalog zone of members, which come in any order. Nobody asks a catalog zone
// questions: its NS says so, and its timers are for secondaries (section 4.1).
func NewCatalog(origin zone.Name, serial uint32, members []Member) (*zone.Zone, error) {
	x := catalogMaker{origin: origin, sets: map[zone.Key]*zone.RRset{}}
	invalid := zone.MustName("invalid.")
	soa, err := rdata.SOA{MName: invalid, RName: invalid, Serial: serial, Refresh: 3600, Retry: 600, Expire: 2147483646}.Data()
	if err != nil {
		return nil, err
	}
	x.put(origin, zone.TypeSOA, soa)
	x.put(origin, zone.TypeNS, rdata.Name(invalid))
	x.text(origin, "version", "2")
	zones := x.child(origin, "zones")
	byID := map[string]zone.Name{}
	for _, m := range members {
		if m.ID == "" {
			m.ID = MemberID(m.Origin)
		}
		at := x.child(zones, strings.ToLower(m.ID))
		if other, dup := byID[at.Key()]; dup {
			x.fail("members %s and %s have the same id %q", other, m.Origin, m.ID)
		}
		byID[at.Key()] = m.Origin
		x.put(at, zone.TypePTR, rdata.Name(m.Origin))
		for _, g := range m.Groups {
			x.text(at, "group", g)
		}
		if !m.Owner.IsRoot() {
			x.put(x.child(at, "coo"), zone.TypePTR, rdata.Name(m.Owner))
		}
	}
	if err := errors.Join(x.errs...); err != nil {
		return nil, fmt.Errorf("catalog zone %s: %w", origin, err)
	}
	sets := make([]zone.RRset, 0, len(x.sets))
	for _, s := range x.sets {
		sets = append(sets, *s)
	}
	return zone.Of(origin, sets...)
}

type catalogMaker struct {
	origin zone.Name
	sets   map[zone.Key]*zone.RRset
	errs   []error
}

func (x *catalogMaker) fail(format string, args ...any) {
	x.errs = append(x.errs, fmt.Errorf(format, args...))
}

func (x *catalogMaker) child(n zone.Name, label string) zone.Name {
	c, err := n.Child(label)
	if err != nil {
		x.fail("%q: %w", label, err)
	}
	return c
}

func (x *catalogMaker) put(owner zone.Name, t zone.Type, d zone.Data) {
	k := zone.Key{Owner: owner, Type: t}
	if x.sets[k] == nil {
		x.sets[k] = &zone.RRset{Owner: owner, Type: t, TTL: catalogTTL}
	}
	x.sets[k].Data = append(x.sets[k].Data, d)
}

func (x *catalogMaker) text(at zone.Name, label, value string) {
	d, err := rdata.TXTStrings(value)
	if err != nil {
		x.fail("%s %q: %w", label, value, err)
		return
	}
	x.put(x.child(at, label), zone.TypeTXT, d)
}

// ReadCatalog lists the members of a catalog zone, by id. Records that it does not know mean nothing
// (section 4.5). An error is a *CatalogError, which has all reasons.
func ReadCatalog(z *zone.Zone) ([]Member, error) {
	r := catalogReader{err: CatalogError{Catalog: z.Origin()}, origins: map[zone.Name]string{}}
	version, _ := z.Origin().Child("version")
	switch texts, ok := z.Set(version, zone.TypeTXT); {
	case !ok:
		r.problem("it has no %s TXT, which tells the version of its format", version)
	case len(texts.Data) != 1:
		r.problem("%s has %d TXT records instead of one", version, len(texts.Data))
	case rdata.TXTJoined(texts.Data[0]) != "2" && rdata.TXTJoined(texts.Data[0]) != "1":
		r.problem("its format is of version %q; known are 1 and 2", rdata.TXTJoined(texts.Data[0]))
	}
	zones, _ := z.Origin().Child("zones")
	r.depth = zones.Labels() + 1
	for set := range z.Under(zones) {
		if set.Owner != zones {
			r.take(set)
		}
	}
	if len(r.err.Problems) > 0 {
		return nil, &r.err
	}
	// Properties without a member mean nothing.
	return slices.DeleteFunc(r.members, func(m Member) bool { return m.Origin == noOrigin }), nil
}

// noOrigin marks a member whose PTR has not been seen: nothing else has this name.
var noOrigin = zone.MustName("no-such-member.invalid.")

type catalogReader struct {
	err     CatalogError
	depth   int // labels of a member's name in the catalog
	members []Member
	origins map[zone.Name]string
}

func (r *catalogReader) problem(format string, args ...any) {
	if len(r.err.Problems) < 20 {
		r.err.Problems = append(r.err.Problems, fmt.Sprintf(format, args...))
	}
}

// take takes the next RRset; those of a member come together, its PTR before its properties.
func (r *catalogReader) take(set zone.RRset) {
	extra := set.Owner.Labels() - r.depth
	id := set.Owner.Label(extra)
	if n := len(r.members); n == 0 || r.members[n-1].ID != id {
		r.members = append(r.members, Member{ID: id, Origin: noOrigin})
	}
	m := &r.members[len(r.members)-1]
	switch {
	case extra == 0 && set.Type == zone.TypePTR:
		r.member(m, set)
	case extra == 1 && set.Owner.Label(0) == "group" && set.Type == zone.TypeTXT:
		for _, d := range set.Data {
			m.Groups = append(m.Groups, rdata.TXTJoined(d))
		}
	case extra == 1 && set.Owner.Label(0) == "coo" && set.Type == zone.TypePTR:
		if len(set.Data) != 1 {
			r.problem("%s has %d PTR records instead of one", set.Owner, len(set.Data))
			return
		}
		owner, err := rdata.NameOf(set.Data[0])
		if err != nil {
			r.problem("%s: %v", set.Owner, err)
		}
		m.Owner = owner
	}
}

func (r *catalogReader) member(m *Member, set zone.RRset) {
	if len(set.Data) != 1 {
		r.problem("%s has %d PTR records instead of one", set.Owner, len(set.Data))
		return
	}
	origin, err := rdata.NameOf(set.Data[0])
	if err != nil {
		r.problem("%s: %v", set.Owner, err)
		return
	}
	if other, dup := r.origins[origin]; dup {
		r.problem("%s is listed twice, as %s and %s", origin, other, m.ID)
	}
	r.origins[origin] = m.ID
	m.Origin = origin
}
