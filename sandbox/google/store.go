package google

import (
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// A managedZone is one with its sets, changes, operations and keys.
type managedZone struct {
	id      string
	name    string
	origin  zone.Name
	private bool
	servers []string
	created time.Time

	mu         sync.Mutex
	gone       bool
	body       settings
	sets       []*record // as lists show them; replaced, never changed in place
	changes    []*change // the newest of them, oldest first
	nextChange int
	operations []*operation
	keys       []*dnsKey
	shown      *zone.Zone // what name servers answer
}

// at returns where the set is, or would be.
func (z *managedZone) at(name zone.Name, t zone.Type) (int, bool) {
	return sort.Find(len(z.sets), func(i int) int { return compare(name, t, z.sets[i]) })
}

func (z *managedZone) find(name zone.Name, t zone.Type) *record {
	if i, ok := z.at(name, t); ok {
		return z.sets[i]
	}
	return nil
}

// all returns the sets of one name.
func (z *managedZone) all(name zone.Name) []*record {
	i := sort.Search(len(z.sets), func(i int) bool { return z.sets[i].name.Compare(name) >= 0 })
	n := 0
	for i+n < len(z.sets) && z.sets[i+n].name == name {
		n++
	}
	return z.sets[i : i+n]
}

// An item is a set of a request and the path of its part there.
type item struct {
	path string
	*record
}

func (r *record) key() zone.Key { return zone.Key{Owner: r.name, Type: r.typ} }

// check says why the deletions and additions cannot be carried out as they are. z.mu is held.
func (z *managedZone) check(adds, dels []item, q Quota) *refusal {
	var all faults
	deleted := make(map[zone.Key]bool, len(dels))
	for _, d := range dels {
		have := z.find(d.name, d.typ)
		switch {
		case have == nil, deleted[d.key()]:
			all.add(notFound(d.path, d.title()))
		case !have.same(d.record):
			all.add(refuse(412, "conditionNotMet", "Precondition not met for '%s'", d.path))
		}
		deleted[d.key()] = true
	}
	added := make(map[zone.Name][]zone.Type, len(adds))
	for _, a := range adds {
		if slices.Contains(added[a.name], a.typ) || !deleted[a.key()] && z.find(a.name, a.typ) != nil {
			all.add(alreadyExists(a.path, a.title()))
		}
		added[a.name] = append(added[a.name], a.typ)
	}
	for _, a := range adds {
		others := slices.Clone(added[a.name])
		for _, have := range z.all(a.name) {
			if !deleted[have.key()] {
				others = append(others, have.typ)
			}
		}
		all.add(z.neighbours(a, others))
	}
	for _, t := range []zone.Type{zone.TypeSOA, zone.TypeNS} {
		if deleted[zone.Key{Owner: z.origin, Type: t}] && !slices.Contains(added[z.origin], t) {
			i := slices.IndexFunc(dels, func(d item) bool { return d.typ == t && d.name == z.origin })
			all.add(apexNeeds(dels[i].path, t))
		}
	}
	if n := len(z.sets) - len(dels) + len(adds); n > q.RRsetsPerManagedZone && len(adds) > len(dels) {
		all.add(exceeded("rrsets per managed zone"))
	}
	return all.first
}

// apexNeeds is the refusal that leaves a zone its SOA and NS.
func apexNeeds(path string, t zone.Type) *refusal {
	return refuse(400, "invalidZoneApex", "The resource record set '%s' is invalid because a zone must contain exactly one resource record set of type '%s' at the apex.", path, t)
}

// neighbours says why an addition cannot be beside the types that its name will have, its own too.
func (z *managedZone) neighbours(a item, types []zone.Type) *refusal {
	for _, t := range types {
		switch {
		case t == a.typ:
		case a.typ == zone.TypeCNAME || t == zone.TypeCNAME:
			return refuse(400, "cnameResourceRecordSetConflict",
				"The resource record set '%s' is invalid because the DNS name '%s' has a resource record set of the type '%s'. A DNS name may have either one CNAME resource record set or resource record sets of other types, but not both.",
				a.path, a.name, t)
		case aliasAgainst(a.typ, t) || aliasAgainst(t, a.typ):
			return refuse(400, "invalid", "The resource record set '%s' is invalid because the DNS name '%s' has a resource record set of the type '%s'.", a.path, a.name, t)
		}
	}
	state := z.body.state()
	switch {
	case a.typ == zone.TypeALIAS && (z.private || state != "off"):
		return refuse(400, "invalid", "The resource record set '%s' is invalid because resource record sets of type 'ALIAS' are for public zones without DNSSEC.", a.path)
	case a.typ == zone.TypeDNSKEY && state != "transfer":
		return refuse(400, "invalid", "The resource record set '%s' is invalid because resource record sets of type 'DNSKEY' are for zones whose DNSSEC state is 'transfer'.", a.path)
	}
	return nil
}

func aliasAgainst(a, b zone.Type) bool {
	return a == zone.TypeALIAS && (b == zone.TypeA || b == zone.TypeAAAA)
}

// apply carries out what check let pass, and returns the change. z.mu is held.
func (z *managedZone) apply(s *Service, adds, dels []item, now time.Time) (*change, *refusal) {
	drop := make(map[zone.Key]bool, len(dels))
	var gone []*record
	for _, d := range dels {
		drop[d.key()] = true
		gone = append(gone, z.find(d.name, d.typ))
	}
	asked := make([]*record, len(adds))
	for i, a := range adds {
		asked[i] = a.record
	}
	add := asked
	if soa := z.bumped(s, adds); soa != nil {
		drop[soa.key()] = true
		add = append(slices.Clip(add), soa)
	}
	before := z.sets
	z.merge(add, drop)
	if no := z.publish(s, add, gone); no != nil {
		z.sets = before
		return nil, no
	}
	c := &change{id: z.nextChange, start: now, adds: asked, dels: gone, done: now.Add(time.Duration(s.panel.Knobs().Propagation))}
	z.nextChange++
	z.remember(c)
	return c, nil
}

// merge replaces the list of sets by one without those to drop and with those to add.
func (z *managedZone) merge(add []*record, drop map[zone.Key]bool) {
	add = slices.SortedFunc(slices.Values(add), func(a, b *record) int { return compare(a.name, a.typ, b) })
	out := make([]*record, 0, len(z.sets)+len(add))
	from := 0
	keep := func(to int) {
		for ; from < to; from++ {
			if len(drop) == 0 || !drop[z.sets[from].key()] {
				out = append(out, z.sets[from])
			}
		}
	}
	for _, a := range add {
		i, _ := z.at(a.name, a.typ)
		keep(i)
		out = append(out, a)
	}
	keep(len(z.sets))
	z.sets = out
}

// What a zone remembers of its changes, lest a long-lived sandbox grows without end.
const (
	maxChanges     = 1000
	maxChangedSets = 200_000
)

func (z *managedZone) remember(c *change) {
	z.changes = append(z.changes, c)
	sets := 0
	for i, c := range slices.Backward(z.changes) {
		if sets += len(c.adds) + len(c.dels); i > 0 && (sets > maxChangedSets || len(z.changes)-i >= maxChanges) {
			z.changes = slices.Clone(z.changes[i:])
			return
		}
	}
}

// firstZoneID makes ids as long as the service's: decimal numbers of 64 bits.
const firstZoneID = 1_204_815_733_920_164_001

func (s *Service) newID() string {
	s.nextID += 7_919_203_941_127 // prime
	return fmt.Sprint(s.nextID)
}
