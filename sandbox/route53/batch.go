package route53

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// A batch is a change batch on its way: the names that it touches, as they are after the changes
// so far. The zone itself stays as it was until commit.
type batch struct {
	z        *hostedZone
	s        *Service
	at       map[zone.Name][]*recordSet
	seen     map[string][]action
	refs     map[group]int // how many aliases more or less lead to a group
	size     int
	problems []string
}

// changeSets carries out the changes of a batch, all or none
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html).
// The caller holds z.busy.
func (s *Service) changeSets(z *hostedZone, requests []*request) error {
	if err := withinLimits(requests); err != nil {
		return err
	}
	if err := s.knownHealthChecks(requests); err != nil {
		return err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	b := &batch{
		z: z, s: s, at: map[zone.Name][]*recordSet{}, seen: map[string][]action{}, refs: map[group]int{}, size: len(z.order),
	}
	for _, q := range requests {
		b.apply(q)
	}
	b.whole()
	if len(b.problems) > 0 {
		return invalidBatch(b.problems...)
	}
	return b.commit()
}

// withinLimits counts as the service counts: what an UPSERT holds is counted twice
// (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests).
func withinLimits(requests []*request) error {
	records, chars := 0, 0
	for _, q := range requests {
		times := 1
		if q.action == upsert {
			times = 2
		}
		records += times * len(q.set.values)
		chars += times * q.chars
	}
	var problems []string
	if records > batchRecords {
		problems = append(problems, fmt.Sprintf("Number of records limit of %d exceeded.", batchRecords))
	}
	if chars > batchChars {
		problems = append(problems, fmt.Sprintf("RDATA character limit of %d exceeded.", batchChars))
	}
	if len(problems) > 0 {
		return invalidBatch(problems...)
	}
	return nil
}

func (s *Service) knownHealthChecks(requests []*request) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, q := range requests {
		if id := q.set.health; id != "" && q.action != remove && s.health[id] == nil {
			return refuse(http.StatusNotFound, "NoSuchHealthCheck", "No health check exists with the specified ID %s", id)
		}
	}
	return nil
}

// maxProblems bounds an answer.
const maxProblems = 1000

func (b *batch) refuse(format string, args ...any) {
	if len(b.problems) < maxProblems {
		b.problems = append(b.problems, fmt.Sprintf(format, args...))
	}
}

// sets are the sets of a name as they are now.
func (b *batch) sets(n zone.Name) []*recordSet {
	if list, ok := b.at[n]; ok {
		return list
	}
	return b.z.at[n]
}

func (b *batch) find(key string, n zone.Name) *recordSet {
	for _, s := range b.sets(n) {
		if s.key == key {
			return s
		}
	}
	return nil
}

// apply tries one change after those before it.
func (b *batch) apply(q *request) {
	if len(q.problems) > 0 {
		for _, p := range q.problems {
			b.refuse("%s", p)
		}
		return
	}
	set := q.set
	if !set.name.In(b.z.name) {
		b.refuse("RRSet with DNS name %s is not permitted in zone %s", nameText(set.name), nameText(b.z.name))
		return
	}
	if !b.allowed(q) {
		b.refuse("The request contains an invalid set of changes for a resource record set '%s %s'", set.typ, nameText(set.name))
		return
	}
	old := b.find(set.key, set.name)
	switch q.action {
	case remove:
		b.remove(set, old)
		return
	case create:
		if old != nil {
			b.refuse("Tried to create resource record set %s but it already exists", set.title())
			return
		}
	}
	if b.permitted(set, old) {
		b.put(set, old)
	}
}

// allowed reports whether a set may be changed once more in this batch: a set is changed once, or
// deleted and then created.
func (b *batch) allowed(q *request) bool {
	before := b.seen[q.set.key]
	b.seen[q.set.key] = append(before, q.action)
	return len(before) == 0 || len(before) == 1 && before[0] == remove && q.action == create
}

func (b *batch) remove(set, old *recordSet) {
	switch {
	case old == nil:
		b.refuse("Tried to delete resource record set %s but it was not found", set.title())
	case !old.same(set):
		b.refuse("Tried to delete resource record set %s but the values provided do not match the current values", set.title())
	default:
		b.put(nil, old)
	}
}

// put replaces old by set; either may be nil.
func (b *batch) put(set, old *recordSet) {
	some := set
	if some == nil {
		some = old
	}
	n := some.name
	list := slices.Clone(b.sets(n))
	if old != nil {
		list = slices.DeleteFunc(list, old.sameKey)
		b.size--
		b.leads(old, -1)
	}
	if set != nil {
		i, _ := slices.BinarySearchFunc(list, set, byKey)
		list = slices.Insert(list, i, set)
		b.size++
		b.leads(set, 1)
	}
	b.at[n] = list
}

func (b *batch) leads(s *recordSet, n int) {
	if s.alias != nil && s.alias.zoneID == b.z.id {
		b.refs[group{s.alias.name, s.typ}] += n
	}
}

// whole checks what must hold after all changes.
func (b *batch) whole() {
	soa, ns := false, false
	for _, s := range b.sets(b.z.name) {
		soa = soa || s.typ == zone.TypeSOA
		ns = ns || s.typ == zone.TypeNS
	}
	if !soa {
		b.refuse("A HostedZone must contain exactly one SOA record.")
	}
	if !ns {
		b.refuse("A HostedZone must contain at least one NS record for the zone itself.")
	}
	if b.size > b.s.opt.Sets {
		b.refuse("Exceeded limit MAX_RRSETS_BY_ZONE for zone: %s", b.z.id)
	}
	for _, n := range slices.SortedFunc(maps.Keys(b.at), zone.Name.Compare) {
		b.sameTTLs(b.at[n])
	}
	b.targets()
}

// targets checks that everything is there to which an alias of the zone leads. Unconfirmed: that a
// set cannot go while an alias targets it.
func (b *batch) targets() {
	touched := map[group]bool{}
	for g := range b.refs {
		touched[g] = true
	}
	for n := range b.at {
		for _, s := range b.z.at[n] {
			touched[s.group()] = true
		}
	}
	for _, g := range slices.SortedFunc(maps.Keys(touched), group.compare) {
		if len(b.z.refs[g])+b.refs[g] > 0 && !b.has(g) {
			b.refuse("Resource record set [name='%s', type='%s'] cannot be deleted because an alias targets it", nameText(g.name), g.typ)
		}
	}
}

func (b *batch) has(g group) bool {
	return slices.ContainsFunc(b.sets(g.name), func(s *recordSet) bool { return s.typ == g.typ })
}

// commit makes the batch the state of the zone and shows it.
func (b *batch) commit() error {
	z := b.z
	var gone, come []*recordSet
	for n, list := range b.at {
		for _, s := range z.at[n] {
			if !slices.Contains(list, s) {
				gone = append(gone, s)
			}
		}
		for _, s := range list {
			if !slices.Contains(z.at[n], s) {
				come = append(come, s)
			}
		}
	}
	changed := map[group]bool{}
	for _, s := range gone {
		z.unrefer(s)
		changed[s.group()] = true
	}
	for _, s := range come {
		z.refer(s)
		changed[s.group()] = true
	}
	z.order = merge(z.order, gone, come)
	for n, list := range b.at {
		if len(list) == 0 {
			delete(z.at, n)
		} else {
			z.at[n] = list
		}
	}
	return b.s.show(z, changed)
}

func (z *hostedZone) refer(s *recordSet) {
	if s.alias != nil && s.alias.zoneID == z.id {
		g := group{s.alias.name, s.typ}
		z.refs[g] = append(z.refs[g], s)
	}
}

func (z *hostedZone) unrefer(s *recordSet) {
	if s.alias == nil || s.alias.zoneID != z.id {
		return
	}
	g := group{s.alias.name, s.typ}
	z.refs[g] = slices.DeleteFunc(z.refs[g], func(x *recordSet) bool { return x == s })
	if len(z.refs[g]) == 0 {
		delete(z.refs, g)
	}
}

// merge returns a sorted list without the sets that are gone and with those that have come. It
// copies what lies between in one piece each.
func merge(order, gone, come []*recordSet) []*recordSet {
	slices.SortFunc(gone, byKey)
	slices.SortFunc(come, byKey)
	out := make([]*recordSet, 0, len(order)+len(come)-len(gone))
	for len(gone) > 0 || len(come) > 0 {
		var key string
		if len(come) == 0 || len(gone) > 0 && gone[0].key <= come[0].key {
			key = gone[0].key
		} else {
			key = come[0].key
		}
		i, found := slices.BinarySearchFunc(order, key, func(s *recordSet, k string) int { return strings.Compare(s.key, k) })
		out = append(out, order[:i]...)
		order = order[i:]
		if len(gone) > 0 && gone[0].key == key {
			gone = gone[1:]
			if found {
				order = order[1:]
			}
		}
		if len(come) > 0 && come[0].key == key {
			out = append(out, come[0])
			come = come[1:]
		}
	}
	return append(out, order...)
}
