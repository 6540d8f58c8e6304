package rfc2136

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A unit is all changes of one owner name. It is never split: a CNAME and what it replaces must
// go and come in one message.
type unit struct {
	changes  []int // indices into the change set
	prereqs  []wire.Record
	updates  []wire.Record
	size     int // upper bound of the octets that it adds to a message
	replaced int // index of the CNAME that takes the place of other records; -1: there is none
	phase    int // 0 creates and changes, 1 what points at other names, 2 only deletes
}

// units translates a change set. The order of phases lets a name exist before something points
// at it, and go after, where the change set needs several messages.
func units(origin zone.Name, changes []zone.Change, limit int) ([]unit, error) {
	byOwner := map[zone.Name][]int{}
	var owners []zone.Name
	for i, c := range changes {
		if err := check(origin, c); err != nil {
			return nil, err
		}
		o := c.Key().Owner
		if _, ok := byOwner[o]; !ok {
			owners = append(owners, o)
		}
		byOwner[o] = append(byOwner[o], i)
	}
	out := make([]unit, 0, len(owners))
	for _, o := range owners {
		u := newUnit(origin, changes, byOwner[o], false)
		if u.size > limit {
			// The values that are to be there no more need not be listed twice: the message says
			// that the sets exist, and leaves comparing them to the SOA.
			u = newUnit(origin, changes, byOwner[o], true)
		}
		if u.size > limit {
			return nil, fmt.Errorf("the changes of %s need %d octets; one update message holds %d", o, u.size, limit)
		}
		out = append(out, u)
	}
	slices.SortStableFunc(out, func(x, y unit) int { return cmp.Compare(x.phase, y.phase) })
	return out, nil
}

// check tells why a change cannot be carried out at all.
func check(origin zone.Name, c zone.Change) error {
	if c.Before == nil && c.After == nil {
		return fmt.Errorf("a change without before and after")
	}
	k := c.Key()
	switch {
	case !k.Owner.In(origin):
		return fmt.Errorf("%s is not in zone %s", k.Owner, origin)
	case k.Type == zone.TypeSOA:
		return fmt.Errorf("%s: the server counts the serial and owns the SOA", k.Owner)
	case c.After != nil && !holds(k.Type):
		return fmt.Errorf("%s: type %s is not written by dynamic update", k.Owner, k.Type)
	case !k.Type.OnWire() || k.Type.Meta():
		return fmt.Errorf("%s: type %s cannot be sent in an update", k.Owner, k.Type)
	case c.After == nil && k.Type == zone.TypeNS && k.Owner == origin:
		return fmt.Errorf("%s: servers ignore the deletion of all apex NS records (RFC 2136, section 3.4.2.4)", k.Owner)
	case c.After != nil && len(c.After.Data) == 0:
		return fmt.Errorf("%s: no records", k)
	case c.After != nil && !c.After.Extra.IsZero():
		return fmt.Errorf("%s: a name server cannot hold %s", k, c.After.Extra)
	}
	return nil
}

func newUnit(origin zone.Name, changes []zone.Change, which []int, lean bool) unit {
	u := unit{changes: which, phase: 2, replaced: -1}
	var before, after bool // CNAME
	var creates, deletes bool
	for _, i := range which {
		c := changes[i]
		isCNAME := c.Key().Type == zone.TypeCNAME
		before = before || isCNAME && c.Before != nil
		after = after || isCNAME && c.After != nil
		creates = creates || !isCNAME && c.Creates()
		deletes = deletes || c.Deletes()
		u.require(c, lean)
		switch {
		case c.After == nil:
		case points(c.After.Type):
			u.phase = min(u.phase, 1)
		default:
			u.phase = 0
		}
	}
	owner := changes[which[0]].Key().Owner
	if after && !before && deletes {
		u.replaced = which[slices.IndexFunc(which, func(i int) bool { return changes[i].Key().Type == zone.TypeCNAME })]
	}
	// A server ignores in silence a CNAME beside other data and other data beside a CNAME
	// (RFC 2136, section 3.4.2.2), so what would be ignored is made a condition.
	if after && !before && !deletes {
		u.prereqs = append(u.prereqs[:0], wire.Record{Owner: owner, Type: wire.TypeANY, Class: wire.ClassNONE})
	}
	if creates && !before && !after {
		u.prereqs = append(u.prereqs, wire.Record{Owner: owner, Type: zone.TypeCNAME, Class: wire.ClassNONE})
	}
	for _, i := range which {
		u.remove(origin, changes[i])
	}
	for _, i := range which {
		u.add(origin, changes[i])
	}
	u.measure(origin)
	return u
}

// points reports whether records of the type name another owner that should be there first.
func points(t zone.Type) bool {
	switch t {
	case zone.TypeCNAME, zone.TypeDNAME, zone.TypeNS, zone.TypeMX, zone.TypeSRV, zone.TypeDS:
		return true
	}
	return false
}

// require adds the condition that an RRset is what the change was computed from (section 2.4).
// TTLs cannot be compared this way.
func (u *unit) require(c zone.Change, lean bool) {
	k := c.Key()
	switch {
	case c.Before == nil:
		u.prereqs = append(u.prereqs, wire.Record{Owner: k.Owner, Type: k.Type, Class: wire.ClassNONE})
	case lean:
		u.prereqs = append(u.prereqs, wire.Record{Owner: k.Owner, Type: k.Type, Class: wire.ClassANY})
	default:
		for _, d := range c.Before.Data {
			u.prereqs = append(u.prereqs, wire.Record{Owner: k.Owner, Type: k.Type, Class: wire.ClassIN, Data: d})
		}
	}
}

// remove deletes what a change takes away (section 2.5): the whole RRset where its TTL changes or
// nothing of it stays, else single records.
func (u *unit) remove(origin zone.Name, c zone.Change) {
	switch {
	case c.Before == nil || c.Key() == apexNS(origin):
	case whole(c):
		u.update(c.Before, wire.ClassANY, "")
	default:
		u.removeSingly(c)
	}
}

func (u *unit) removeSingly(c zone.Change) {
	for _, d := range c.Before.Data {
		if !slices.Contains(c.After.Data, d) {
			u.update(c.Before, wire.ClassNONE, d)
		}
	}
}

// add adds what a change brings.
func (u *unit) add(origin zone.Name, c zone.Change) {
	switch {
	case c.After == nil:
	case c.Before != nil && c.Key() == apexNS(origin):
		u.changeApexNS(origin, c)
	default:
		all := c.Before == nil || whole(c)
		for _, d := range c.After.Data {
			if all || !slices.Contains(c.Before.Data, d) {
				u.update(c.After, wire.ClassIN, d)
			}
		}
	}
}

// changeApexNS changes the one RRset that can neither be deleted as a whole nor lose its last
// record (sections 3.4.2.3 and 3.4.2.4): new records come first. A new TTL means that records
// which stay are taken out one by one and put back, because Knot keeps the old TTL of a record
// that is added again; where there is but one, another stands in for it meanwhile.
func (u *unit) changeApexNS(origin zone.Name, c zone.Change) {
	var stay []zone.Data
	for _, d := range c.After.Data {
		if slices.Contains(c.Before.Data, d) {
			stay = append(stay, d)
		} else {
			u.update(c.After, wire.ClassIN, d)
		}
	}
	if c.Before.TTL != c.After.TTL {
		var standIn zone.Data
		if len(c.Before.Data) == 1 && len(c.After.Data) == len(stay) {
			standIn = "\x08zonecast\x07invalid\x00"
			u.update(c.After, wire.ClassIN, standIn)
		}
		for _, d := range stay {
			u.update(c.Before, wire.ClassNONE, d)
			u.update(c.After, wire.ClassIN, d)
		}
		if standIn != "" {
			u.update(c.After, wire.ClassNONE, standIn)
		}
	}
	u.removeSingly(c)
}

// update appends one instruction about an RRset: add d (class IN), delete d (NONE), delete all (ANY).
func (u *unit) update(set *zone.RRset, class wire.Class, d zone.Data) {
	r := wire.Record{Owner: set.Owner, Type: set.Type, Class: class, Data: d}
	if class == wire.ClassIN {
		r.TTL = set.TTL
	}
	u.updates = append(u.updates, r)
}

func apexNS(origin zone.Name) zone.Key { return zone.Key{Owner: origin, Type: zone.TypeNS} }

// whole reports whether the RRset is deleted as a whole, to be added anew.
func whole(c zone.Change) bool {
	if c.After == nil || c.Before.TTL != c.After.TTL {
		return true
	}
	return !slices.ContainsFunc(c.Before.Data, func(d zone.Data) bool { return slices.Contains(c.After.Data, d) })
}

// measure bounds the unit's octets: the origin is always in the question, so an owner needs the
// labels before it and a pointer at most.
func (u *unit) measure(origin zone.Name) {
	u.size = 0
	for _, r := range slices.Concat(u.prereqs, u.updates) {
		u.size += r.Owner.WireLen() - origin.WireLen() + 2 + 10 + len(r.Data)
	}
}
