package octodns

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// A ZoneCheck runs the rules that look at a whole zone. octoDNS runs them on the zone after all
// sources are merged and the processors of the source step have run.
type ZoneCheck struct {
	Rules   RuleSet
	Lenient bool // the zone or the run is lenient
	// Place tells where records were written; it may be nil.
	Place func(zone.Key) finding.Place
	// Subzones are configured zones below this one: targets in them are not in-zone.
	Subzones []zone.Name
}

// A zoneChecker looks at one zone.
type zoneChecker struct {
	ZoneCheck
	z   *zone.Zone
	on  map[string]bool
	out []finding.Finding
}

// Run returns what the rules have against z, in order of places.
func (c ZoneCheck) Run(z *zone.Zone) []finding.Finding {
	k := zoneChecker{ZoneCheck: c, z: z, on: c.Rules.forZone()}
	if len(k.on) == 0 {
		return nil
	}
	onlyCoexistence := len(k.on) == 1 && k.on["cname-coexistence"]
	var group []zone.RRset
	flush := func() {
		if len(group) > 1 || !onlyCoexistence {
			k.name(group)
		}
		group = group[:0]
	}
	for set := range z.All() {
		if len(group) > 0 && group[0].Owner != set.Owner {
			flush()
		}
		group = append(group, set)
	}
	if len(group) > 0 {
		flush()
	}
	if k.on["no-cname-loop"] {
		k.loops()
	}
	if k.on["mail"] {
		k.mail()
	}
	if _, ok := z.Set(z.Origin(), zone.TypeCAA); !ok && c.Rules.CAARequired && k.on["caa-best-practices"] {
		k.bad("caa-best-practices", fmt.Sprintf("zone %q has no CAA record at the apex", k.show(z.Origin())), "")
	}
	finding.Sort(k.out)
	return k.out
}

// bad reports a violation that involves the given records.
func (k *zoneChecker) bad(id, text, fix string, sets ...zone.RRset) {
	if !k.on[id] {
		return
	}
	f := finding.Finding{ID: id, Severity: finding.Error, Zone: k.z.Origin().String(), Text: text, Fix: fix}
	lenient := len(sets) > 0
	for i, s := range sets {
		lenient = lenient && IsLenient(s)
		if i == 0 {
			f.Subject = s.Key().String()
		}
		if k.Place == nil {
			continue
		}
		switch at := k.Place(s.Key()); {
		case at.IsZero():
		case f.Place.IsZero():
			f.Place = at
		default:
			f.Related = append(f.Related, at)
		}
	}
	if lenient || k.Lenient {
		f.Severity = finding.Warning
	}
	k.out = append(k.out, f)
}

func (k *zoneChecker) show(n zone.Name) string { return n.Unicode() }

// name looks at all records of one name.
func (k *zoneChecker) name(sets []zone.RRset) {
	byType := func(t zone.Type) *zone.RRset {
		if i := slices.IndexFunc(sets, func(s zone.RRset) bool { return s.Type == t }); i >= 0 {
			return &sets[i]
		}
		return nil
	}
	apex := sets[0].Owner == k.z.Origin()
	owner := k.show(sets[0].Owner)
	cname, alias, dname := byType(zone.TypeCNAME), byType(zone.TypeALIAS), byType(zone.TypeDNAME)
	if cname != nil && len(sets) > 1 {
		k.bad("cname-coexistence", fmt.Sprintf("CNAME record %q cannot coexist with other records at the same name: %s", owner, others(sets, zone.TypeCNAME)),
			"", involved(*cname, sets)...)
	}
	if cname != nil && apex {
		k.bad("root-cname", fmt.Sprintf("CNAME record %q at the apex is not allowed", owner), "use ALIAS", *cname)
	}
	if a, aaaa := byType(zone.TypeA), byType(zone.TypeAAAA); alias != nil && (a != nil || aaaa != nil) {
		k.bad("cname-coexistence", fmt.Sprintf("ALIAS record %q cannot coexist with A or AAAA at the same name", owner), "", involved(*alias, sets)...)
	}
	if dname != nil {
		k.dname(involved(*dname, sets), cname != nil, byType(zone.TypeNS) != nil && !apex)
	}
	for _, s := range sets {
		k.set(s)
	}
}

func others(sets []zone.RRset, t zone.Type) string {
	var names []string
	for _, s := range sets {
		if s.Type != t {
			names = append(names, s.Type.String())
		}
	}
	return strings.Join(names, ", ")
}

// involved puts first in front of the others.
func involved(first zone.RRset, sets []zone.RRset) []zone.RRset {
	out := []zone.RRset{first}
	for _, s := range sets {
		if s.Type != first.Type {
			out = append(out, s)
		}
	}
	return out
}

// dname looks at the records at a DNAME, which comes first, and at what is below it (RFC 6672,
// section 2.4).
func (k *zoneChecker) dname(node []zone.RRset, cname, ns bool) {
	const id = "dname-coexistence"
	dname := node[0]
	owner := k.show(dname.Owner)
	if cname {
		k.bad(id, fmt.Sprintf("DNAME record %q cannot coexist with a CNAME at the same name", owner), "", node...)
	}
	if ns {
		k.bad(id, fmt.Sprintf("DNAME record %q cannot coexist with NS below the apex", owner), "", node...)
	}
	if !k.on[id] {
		return
	}
	for s := range k.z.Under(dname.Owner) {
		if s.Owner != dname.Owner {
			k.bad(id, fmt.Sprintf("record %q is below the DNAME record %q", k.show(s.Owner), owner), "", s)
		}
	}
}

// set looks at one RRset and what it points at.
func (k *zoneChecker) set(s zone.RRset) {
	owner := k.show(s.Owner)
	switch s.Type {
	case zone.TypeCNAME, zone.TypeALIAS:
		for t := range k.targets(s) {
			if s.Type == zone.TypeCNAME && k.cnameAt(t) {
				k.bad("cname-target-not-cname", fmt.Sprintf("CNAME record %q points to target %q which is also a CNAME", owner, k.show(t)), "", s)
			}
			k.exists("cname-target-resolvable-in-zone", s, t)
		}
	case zone.TypeMX:
		for t := range k.targets(s) {
			if k.cnameAt(t) {
				k.bad("mx-target-not-cname", fmt.Sprintf("MX record %q points to exchange %q which is a CNAME", owner, k.show(t)), "", s)
			}
			k.exists("mx-target-resolvable-in-zone", s, t)
		}
	case zone.TypeSRV:
		for t := range k.targets(s) {
			if k.cnameAt(t) {
				k.bad("srv-target-not-cname", fmt.Sprintf("SRV record %q points to target %q which is a CNAME", owner, k.show(t)), "", s)
			}
			k.exists("srv-target-resolvable-in-zone", s, t)
		}
	case zone.TypeNS:
		k.ns(s, owner)
	case zone.TypeCAA:
		k.caa(s, owner)
	}
}

func (k *zoneChecker) ns(s zone.RRset, owner string) {
	if len(s.Data) < 2 {
		k.bad("multi-value-ns", fmt.Sprintf("NS record %q should have at least 2 values, found %d", owner, len(s.Data)), "", s)
	}
	for t := range k.targets(s) {
		if k.cnameAt(t) {
			k.bad("ns-target-not-cname", fmt.Sprintf("NS record %q points to target %q which is a CNAME", owner, k.show(t)), "", s)
		}
		if !k.inZone(t) {
			continue
		}
		_, a := k.z.Set(t, zone.TypeA)
		_, aaaa := k.z.Set(t, zone.TypeAAAA)
		if !a && !aaaa {
			k.bad("glue-for-in-zone-ns", fmt.Sprintf("NS record %q points to in-zone target %q that has neither A nor AAAA", owner, k.show(t)), "", s)
		}
	}
}

func (k *zoneChecker) caa(s zone.RRset, owner string) {
	const id = "caa-best-practices"
	if !k.on[id] {
		return
	}
	tags := map[string]bool{}
	values, _ := Normal(s, k.z.Origin())
	for _, v := range values.Values {
		if m, ok := v.(map[string]any); ok {
			tag, _ := m["tag"].(string)
			tags[tag] = true
		}
	}
	switch {
	case !tags["issue"] && !tags["issuewild"]:
		k.bad(id, fmt.Sprintf("CAA record %q has neither issue nor issuewild", owner), "", s)
	case !tags["issuewild"]:
		k.bad(id, fmt.Sprintf("CAA record %q has issue but no issuewild", owner), "", s)
	}
}

// targets yields the names that a record points at, but not the root.
func (k *zoneChecker) targets(s zone.RRset) func(func(zone.Name) bool) {
	skip := map[zone.Type]int{zone.TypeMX: 2, zone.TypeSRV: 6}[s.Type]
	return func(yield func(zone.Name) bool) {
		for _, d := range s.Data {
			if len(d) <= skip {
				continue
			}
			n, _, err := zone.NameFromWire([]byte(d[skip:]))
			if err == nil && !n.IsRoot() && !yield(n) {
				return
			}
		}
	}
}

func (k *zoneChecker) inZone(n zone.Name) bool {
	return n.In(k.z.Origin()) && !slices.ContainsFunc(k.Subzones, n.In)
}

func (k *zoneChecker) cnameAt(n zone.Name) bool {
	if !k.inZone(n) {
		return false
	}
	_, ok := k.z.Set(n, zone.TypeCNAME)
	return ok
}

// exists wants an in-zone target to have records of its own. octoDNS does not count wildcards.
func (k *zoneChecker) exists(id string, s zone.RRset, target zone.Name) {
	if !k.on[id] || !k.inZone(target) || k.z.Has(target) {
		return
	}
	k.bad(id, fmt.Sprintf("%s record %q points to in-zone target %q that does not exist", s.Type, k.show(s.Owner), k.show(target)), "", s)
}

// loops follows the chains of CNAME and ALIAS records. Each loop is reported once.
func (k *zoneChecker) loops() {
	const id = "no-cname-loop"
	position := map[zone.Name]int{} // on the path that is being followed, from 1; -1 when done with
	for s := range k.z.All() {
		if s.Type != zone.TypeCNAME && s.Type != zone.TypeALIAS {
			continue
		}
		var path []zone.RRset
		at, ok := s, true
		for ok && position[at.Owner] == 0 {
			path = append(path, at)
			position[at.Owner] = len(path)
			at, ok = k.next(at)
		}
		if first := position[at.Owner]; ok && first > 0 {
			ring := path[first-1:]
			k.bad(id, "CNAME records form a loop: "+k.ring(ring), "", ring...)
		}
		for _, p := range path {
			position[p.Owner] = -1
		}
	}
}

// next returns the CNAME or ALIAS record that s points at.
func (k *zoneChecker) next(s zone.RRset) (zone.RRset, bool) {
	for t := range k.targets(s) {
		for _, typ := range []zone.Type{zone.TypeCNAME, zone.TypeALIAS} {
			if to, ok := k.z.Set(t, typ); ok {
				return to, true
			}
		}
	}
	return zone.RRset{}, false
}

// ring shows the names of a loop, the first of them again at its end.
func (k *zoneChecker) ring(sets []zone.RRset) string {
	var names []string
	for i, s := range sets {
		if i == 10 {
			names = append(names, fmt.Sprintf("(%d more)", len(sets)-i))
			break
		}
		names = append(names, k.show(s.Owner))
	}
	return strings.Join(append(names, k.show(sets[0].Owner)), " -> ")
}
