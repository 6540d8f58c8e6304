package names

import (
	"slices"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/zone"
)

// maxChain is how many aliases the engine follows.
const maxChain = 16

// excerpt gives an engine that answers a question as if it had all zones whole: it has of them what
// the answer can depend on. So a zone is never made ready as a whole, however large it is and however
// often its owner changes it.
func excerpt(zones Zones, name zone.Name, t zone.Type) *nameserver.Engine {
	x := excerpting{zones: zones, parts: map[zone.Name]map[zone.Key]zone.RRset{}, whole: map[zone.Name]*zone.Zone{}}
	x.asked = append(x.asked, name)
	for i := 0; i < len(x.asked) && i <= maxChain; i++ {
		x.ask(x.asked[i], t)
	}
	e := new(nameserver.Engine)
	for origin, sets := range x.parts {
		z := x.whole[origin]
		if !denies(z) {
			b := zone.NewBuilder(origin)
			for _, set := range sets {
				b.Add(set)
			}
			var err error
			if z, err = b.Zone(); err != nil {
				continue // cannot be: it is part of a zone
			}
		}
		// A zone without SOA is not served.
		if c, err := nameserver.Compile(z, nameserver.CompileOptions{NoReady: true}); err == nil {
			e.Zones.Put(c)
		}
	}
	return e
}

// denies tells whether a zone has proof of what is absent, which may be anywhere in it.
func denies(z *zone.Zone) bool {
	for set := range z.At(z.Origin()) {
		if set.Type == zone.TypeNSEC || set.Type == zone.TypeNSEC3PARAM {
			return true
		}
	}
	return false
}

// An excerpting collects what one answer can depend on.
type excerpting struct {
	zones Zones
	asked []zone.Name // the question's name and those that aliases lead to
	whole map[zone.Name]*zone.Zone
	parts map[zone.Name]map[zone.Key]zone.RRset // by origin
}

// ask takes what an answer for a name needs.
func (x *excerpting) ask(name zone.Name, t zone.Type) {
	z, ok := x.zones.Find(name)
	if !ok {
		return
	}
	x.in(z, name)
	if t == zone.TypeDS && z.Origin() == name && !name.IsRoot() { // is asked for above the cut
		if above, ok := x.zones.Find(name.Parent()); ok {
			x.in(above, name)
		}
	}
}

// in takes from one zone what is at a name and above it, and where that leads to.
func (x *excerpting) in(z *zone.Zone, name zone.Name) {
	x.take(z, name, func(set zone.RRset) {
		here := set.Owner == name || set.Owner.IsWildcard()
		switch {
		case set.Type == zone.TypeDNAME && set.Owner != name:
			x.follow(set.Data[0], name, set.Owner)
		case set.Type == zone.TypeCNAME && here:
			x.follow(set.Data[0], name, name)
		case here || set.Type == zone.TypeNS && set.Owner != z.Origin():
			x.addresses(z, set)
		}
	})
}

// follow has the target of an alias asked for as well. What name has in front of above, target gets
// (RFC 6672, section 2.2).
func (x *excerpting) follow(target zone.Data, name, above zone.Name) {
	to, _, err := zone.NameFromWire([]byte(target))
	for i := name.Labels() - above.Labels() - 1; i >= 0 && err == nil; i-- {
		to, err = to.Child(name.Label(i))
	}
	if err == nil && !slices.Contains(x.asked, to) {
		x.asked = append(x.asked, to)
	}
}

// addresses takes what a zone has at the names in an RRset, for the additional section.
func (x *excerpting) addresses(z *zone.Zone, set zone.RRset) {
	skip, ok := map[zone.Type]int{zone.TypeNS: 0, zone.TypeMX: 2, zone.TypeSRV: 6, zone.TypeSVCB: 2, zone.TypeHTTPS: 2}[set.Type]
	if !ok {
		return
	}
	for _, d := range set.Data {
		if len(d) <= skip {
			continue
		}
		if to, _, err := zone.NameFromWire([]byte(d[skip:])); err == nil {
			x.take(z, to, func(zone.RRset) {})
		}
	}
}

// take takes what is at a name and above it, with the wildcards there, and calls f with each RRset.
func (x *excerpting) take(z *zone.Zone, name zone.Name, f func(zone.RRset)) {
	if !name.In(z.Origin()) {
		return
	}
	x.whole[z.Origin()] = z
	if x.parts[z.Origin()] == nil {
		x.parts[z.Origin()] = map[zone.Key]zone.RRset{}
	}
	for x.at(z, name, f); name != z.Origin(); {
		name = name.Parent()
		x.at(z, name, f)
		if star, err := name.Child("*"); err == nil {
			x.at(z, star, f)
		}
	}
}

// at takes the RRsets of a name, or, when there are none, one below: the name exists all the same.
func (x *excerpting) at(z *zone.Zone, name zone.Name, f func(zone.RRset)) {
	part, none := x.parts[z.Origin()], true
	for set := range z.Under(name) {
		if !set.Type.OnWire() {
			continue
		}
		if set.Owner != name {
			if none {
				part[set.Key()] = set
			}
			return
		}
		part[set.Key()], none = set, false
		f(set)
	}
}
