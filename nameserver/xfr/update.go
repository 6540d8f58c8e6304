package xfr

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A Grant lets who signs with a key change some of a zone by dynamic updates. Conditions without
// entries are met by everything, Key excepted: without a key nobody may change anything.
type Grant struct {
	Key   zone.Name
	Zones []zone.Name
	// Names are owner names that may be changed. A name that begins with a wildcard label stands for
	// everything below the rest of it, "*.dyn.example.org." for all names below dyn.example.org.
	Names []zone.Name
	Types []zone.Type
	Deny  bool // what fits may not be changed
}

// Grants say who may change what: the first that fits decides, and what none fits may not be
// changed.
type Grants []Grant

// Allow reports whether the holder of a key may change an RRset of a zone. The type ANY is asked for
// when all RRsets of a name go.
func (g Grants) Allow(key, origin, owner zone.Name, t zone.Type) bool {
	for _, x := range g {
		if x.fits(key, origin, owner, t) {
			return !x.Deny
		}
	}
	return false
}

// For returns what Updating.Allow asks, for an update of a zone from a sender.
func (g Grants) For(from Sender, origin zone.Name) func(owner zone.Name, t zone.Type) bool {
	key, ok := from.Session.Key()
	return func(owner zone.Name, t zone.Type) bool { return ok && g.Allow(key, origin, owner, t) }
}

func (g *Grant) fits(key, origin, owner zone.Name, t zone.Type) bool {
	if g.Key != key || len(g.Zones) > 0 && !slices.Contains(g.Zones, origin) {
		return false
	}
	if len(g.Types) > 0 && !slices.Contains(g.Types, t) {
		// To delete whatever is there touches a type that must not be touched, for sure or maybe.
		if !g.Deny || t != wire.TypeANY {
			return false
		}
	}
	return len(g.Names) == 0 || slices.ContainsFunc(g.Names, func(n zone.Name) bool {
		return n == owner || n.IsWildcard() && owner.Below(n.Parent())
	})
}

// Updating says how updates are carried out.
type Updating struct {
	// Allow says whether an RRset may be changed; nil: all may. It is asked with the type ANY when
	// all RRsets of a name go.
	Allow func(owner zone.Name, t zone.Type) bool
	// Serial returns the serial of the new version. It is not asked when the update brings a SOA of
	// its own that goes forward. nil: one more.
	Serial func(old uint32) uint32
}

// An UpdateError says why an update was not carried out.
type UpdateError struct {
	RCODE  wire.RCODE
	Reason string
}

// Error gives the reason.
func (e *UpdateError) Error() string { return e.Reason }

// RCODEOf is how an error of Update is answered.
func RCODEOf(err error) wire.RCODE {
	if err == nil {
		return wire.NoError
	}
	if e, ok := errors.AsType[*UpdateError](err); ok {
		return e.RCODE
	}
	return wire.ServFail
}

func refusal(rcode wire.RCODE, format string, args ...any) error {
	return &UpdateError{rcode, fmt.Sprintf(format, args...)}
}

// Update carries out a dynamic update (RFC 2136, section 3) and returns the version that comes out of
// it: z itself when nothing changes, which is not an error. Errors are *UpdateError; z stays
// what it was in any case, as does the message.
func Update(z *zone.Zone, m *wire.Message, o Updating) (*zone.Zone, error) {
	if err := checkZoneSection(z, m); err != nil {
		return nil, err
	}
	if err := checkPrerequisites(z, m.Answers); err != nil {
		return nil, err
	}
	if err := scan(z.Origin(), m.Authority, o.Allow); err != nil {
		return nil, err
	}
	soa, serial, err := soaOf(z)
	if err != nil {
		return nil, refusal(wire.ServFail, "%v", err)
	}
	e := editor{base: z, origin: z.Origin(), sets: map[zone.Key]*zone.RRset{}}
	for _, r := range m.Authority {
		e.apply(r)
	}
	changes := e.changes()
	if len(changes) == 0 {
		return z, nil
	}
	out, err := z.With(changes)
	if err != nil {
		return nil, refusal(wire.ServFail, "%v", err)
	}
	_, now, err := soaOf(out)
	if err != nil {
		return nil, refusal(wire.ServFail, "%v", err)
	}
	if Newer(now, serial) { // section 3.6: the requestor has set it
		return out, nil
	}
	next := Increment.Next(serial, time.Time{})
	if o.Serial != nil {
		next = o.Serial(serial)
	}
	if !Newer(next, serial) {
		return nil, refusal(wire.ServFail, "serial %d does not come after %d", next, serialAt(soa.Data[0]))
	}
	return WithSerial(out, next)
}

func checkZoneSection(z *zone.Zone, m *wire.Message) error {
	switch {
	case m.Opcode != wire.OpUpdate || len(m.Questions) != 1 || m.Questions[0].Type != zone.TypeSOA:
		return refusal(wire.FormErr, "the zone section is not one SOA question")
	case m.Questions[0].Class != wire.ClassIN || m.Questions[0].Name != z.Origin():
		return refusal(wire.NotAuth, "the update is for %s, not for %s", m.Questions[0].Name, z.Origin())
	}
	return nil
}

// checkPrerequisites compares the zone with what the update builds on (RFC 2136, section 3.2).
func checkPrerequisites(z *zone.Zone, list []wire.Record) error {
	values := map[zone.Key][]zone.Data{}
	for _, r := range list {
		if r.TTL != 0 {
			return refusal(wire.FormErr, "prerequisite %s has a TTL", r.Key())
		}
		if !r.Owner.In(z.Origin()) {
			return refusal(wire.NotZone, "prerequisite %s is not in the zone", r.Key())
		}
		all := r.Type == wire.TypeANY
		_, exists := z.Set(r.Owner, r.Type)
		if all {
			exists = z.Has(r.Owner)
		}
		switch {
		case (r.Class == wire.ClassANY || r.Class == wire.ClassNONE) && r.Data != "",
			!all && r.Type.Meta(), r.Class == wire.ClassIN && all:
			return refusal(wire.FormErr, "prerequisite %s of class %s makes no sense", r.Key(), r.Class)
		case r.Class == wire.ClassANY && all && !exists:
			return refusal(wire.NXDomain, "%s does not exist", r.Owner)
		case r.Class == wire.ClassANY && !exists:
			return refusal(wire.NXRRSet, "%s does not exist", r.Key())
		case r.Class == wire.ClassNONE && all && exists:
			return refusal(wire.YXDomain, "%s exists", r.Owner)
		case r.Class == wire.ClassNONE && exists:
			return refusal(wire.YXRRSet, "%s exists", r.Key())
		case r.Class == wire.ClassIN:
			values[r.Key()] = append(values[r.Key()], r.Data)
		case r.Class != wire.ClassANY && r.Class != wire.ClassNONE:
			return refusal(wire.FormErr, "prerequisite %s is of class %s", r.Key(), r.Class)
		}
	}
	for k, data := range values {
		have, _ := z.Set(k.Owner, k.Type)
		if !have.SameData(zone.RRset{Data: data}.Clean()) {
			return refusal(wire.NXRRSet, "%s is not as expected", k)
		}
	}
	return nil
}

// scan looks through the update section before anything is done (RFC 2136, section 3.4.1).
func scan(origin zone.Name, list []wire.Record, allow func(zone.Name, zone.Type) bool) error {
	for _, r := range list {
		if !r.Owner.In(origin) {
			return refusal(wire.NotZone, "%s is not in the zone", r.Key())
		}
		all := r.Type == wire.TypeANY
		var bad bool
		switch r.Class {
		case wire.ClassIN:
			bad = all || r.Type.Meta() || r.Type == 0 || r.Data == ""
		case wire.ClassANY:
			bad = r.TTL != 0 || r.Data != "" || r.Type.Meta() && !all
		case wire.ClassNONE:
			bad = r.TTL != 0 || all || r.Type.Meta()
		default:
			bad = true
		}
		if bad {
			return refusal(wire.FormErr, "update of %s of class %s makes no sense", r.Key(), r.Class)
		}
	}
	for _, r := range list {
		if allow != nil && !allow(r.Owner, r.Type) {
			return refusal(wire.Refused, "the key may not change %s", r.Key())
		}
	}
	return nil
}

// An editor applies updates one after the other.
type editor struct {
	base   *zone.Zone
	origin zone.Name
	sets   map[zone.Key]*zone.RRset // as they are by now; nil: there is none
	order  []zone.Key
}

func (e *editor) set(k zone.Key) *zone.RRset {
	if s, ok := e.sets[k]; ok {
		return s
	}
	if s, ok := e.base.Set(k.Owner, k.Type); ok {
		return &s
	}
	return nil
}

func (e *editor) put(k zone.Key, s *zone.RRset) {
	if _, ok := e.sets[k]; !ok {
		e.order = append(e.order, k)
	}
	if s != nil && len(s.Data) == 0 {
		s = nil
	}
	e.sets[k] = s
}

// at are the types that a name has by now.
func (e *editor) at(owner zone.Name) []zone.Type {
	var types []zone.Type
	for s := range e.base.At(owner) {
		if _, touched := e.sets[s.Key()]; !touched {
			types = append(types, s.Type)
		}
	}
	for k, s := range e.sets {
		if k.Owner == owner && s != nil {
			types = append(types, k.Type)
		}
	}
	return types
}

// apply carries out one record of the update section (RFC 2136, section 3.4.2).
func (e *editor) apply(r wire.Record) {
	apex := r.Owner == e.origin
	switch {
	case r.Class == wire.ClassIN:
		e.add(r)
	case r.Class == wire.ClassANY && r.Type == wire.TypeANY:
		for _, t := range e.at(r.Owner) {
			if !apex || t != zone.TypeSOA && t != zone.TypeNS {
				e.put(zone.Key{Owner: r.Owner, Type: t}, nil)
			}
		}
	case apex && (r.Type == zone.TypeSOA || r.Type == zone.TypeNS && r.Class == wire.ClassANY):
		return // an apex keeps its SOA and its NS
	case r.Class == wire.ClassANY:
		if e.set(r.Key()) != nil {
			e.put(r.Key(), nil)
		}
	default:
		e.remove(r)
	}
}

func (e *editor) remove(r wire.Record) {
	s := e.set(r.Key())
	if s == nil || !slices.Contains(s.Data, r.Data) {
		return
	}
	if r.Owner == e.origin && r.Type == zone.TypeNS && len(s.Data) == 1 {
		return // section 3.4.2.4: the last NS stays
	}
	left := *s
	left.Data = slices.DeleteFunc(slices.Clone(s.Data), func(d zone.Data) bool { return d == r.Data })
	e.put(r.Key(), &left)
}

func (e *editor) add(r wire.Record) {
	s := e.set(r.Key())
	switch r.Type {
	case zone.TypeSOA:
		if s == nil || r.Owner != e.origin || len(r.Data) < 22 || !Newer(serialAt(r.Data), serialAt(s.Data[0])) {
			return
		}
		after := *s
		after.TTL, after.Data = r.TTL, []zone.Data{r.Data}
		e.put(r.Key(), &after)
		return
	case zone.TypeCNAME:
		if slices.ContainsFunc(e.at(r.Owner), besidesCNAME) {
			return
		}
		s = replaced(s) // section 3.4.2.2: it takes the place of another one
	case zone.TypeDNAME:
		s = replaced(s)
	default:
		if !mayBesideCNAME(r.Type) && e.set(zone.Key{Owner: r.Owner, Type: zone.TypeCNAME}) != nil {
			return
		}
	}
	after := zone.RRset{Owner: r.Owner, Type: r.Type, TTL: r.TTL, Data: []zone.Data{r.Data}}
	if s != nil {
		after.Extra = s.Extra
		after.Data = append(slices.Clone(s.Data), r.Data)
	}
	after = after.Clean()
	e.put(r.Key(), &after)
}

// replaced is a set without its records.
func replaced(s *zone.RRset) *zone.RRset {
	if s == nil {
		return nil
	}
	empty := *s
	empty.Data = nil
	return &empty
}

// mayBesideCNAME reports whether a type may stand beside a CNAME (RFC 2181, section 10.1; RFC 4034,
// section 2.5).
func mayBesideCNAME(t zone.Type) bool {
	return t == zone.TypeRRSIG || t == zone.TypeNSEC || t == 25 // KEY
}

func besidesCNAME(t zone.Type) bool { return t != zone.TypeCNAME && !mayBesideCNAME(t) }

// changes are the differences to the zone.
func (e *editor) changes() []zone.Change {
	var list []zone.Change
	for _, k := range e.order {
		c := zone.Change{After: e.sets[k]}
		if before, ok := e.base.Set(k.Owner, k.Type); ok {
			c.Before = &before
		}
		if c.Before == nil && c.After == nil || c.Before != nil && c.After != nil && c.Before.Equal(*c.After) {
			continue
		}
		list = append(list, c)
	}
	return list
}
