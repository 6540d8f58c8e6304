package route53

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// What one ChangeResourceRecordSets request may hold (Developer Guide, "Quotas", "Maximums on
// ChangeResourceRecordSets requests"): an UPSERT counts twice in both.
const (
	maxElements   = 1000  // ResourceRecord elements, alias records included
	maxCharacters = 32000 // in all Value elements together
	maxValue      = 4000  // characters of one Value
)

// An action is one change element of a batch.
type action struct {
	change  int // index into ChangeSet.Sets
	do      types.ChangeAction
	set     recordSet
	targets *zone.Key // an alias to a set of the same zone: that set
}

// size is what an action counts.
func (a *action) size() (elements, characters int) {
	elements = len(a.set.ResourceRecords)
	if a.set.AliasTarget != nil {
		elements = 1
	}
	for _, v := range a.set.ResourceRecords {
		characters += len(aws.ToString(v.Value))
	}
	if a.do == types.ChangeActionUpsert {
		elements, characters = 2*elements, 2*characters
	}
	return elements, characters
}

// A unit is what has to go into one batch: all changes of an owner, so that a CNAME takes the place
// of other types at once.
type unit struct {
	owner   zone.Name
	actions []action
}

func (u *unit) size() (elements, characters int) {
	for i := range u.actions {
		e, c := u.actions[i].size()
		elements, characters = elements+e, characters+c
	}
	return elements, characters
}

// A writing is one Write under way.
type writing struct {
	p       *Provider
	h       *hosted
	changes []zone.Change
	exact   exact // how the service wrote what is to be deleted
	// pinned are sets that must not be gone between a DELETE and the CREATE that follows: the NS of
	// the apex, of which the service demands at least one record, and the targets of aliases that
	// stay. They are read again and overwritten by UPSERT.
	pinned map[zone.Key]bool
	known  bool // the base tells what aliases there are

	mended, overwriting bool // ways that were tried after a refusal
}

// pin finds the pinned sets.
func (w *writing) pin(base *zone.Zone) {
	w.pinned = map[zone.Key]bool{}
	changed := map[zone.Key]bool{}
	for _, c := range w.changes {
		changed[c.Key()] = c.Updates()
	}
	apex := zone.Key{Owner: w.h.origin, Type: zone.TypeNS}
	w.pinned[apex] = changed[apex]
	if base == nil || base.Len() == 0 {
		return
	}
	w.known = true
	for set := range base.All() {
		if set.Type != aliasType {
			continue
		}
		for _, d := range set.Data {
			if a, err := parseAlias(d); err == nil {
				if k := a.key(w.h.origin); k != nil && changed[*k] {
					w.pinned[*k] = true
				}
			}
		}
	}
}

// key is the set of the same zone that an alias points to; nil: none.
func (a alias) key(origin zone.Name) *zone.Key {
	name, same, err := a.target(origin)
	t, terr := zone.ParseType(a.Type)
	if err != nil || terr != nil || !same {
		return nil
	}
	return &zone.Key{Owner: name, Type: t}
}

// plan turns the changes into units, in an order that keeps targets of aliases there: created
// before the alias, deleted after it.
func (w *writing) plan() ([]unit, error) {
	var units []unit
	at := map[zone.Name]int{}
	for i, c := range w.changes {
		actions, err := w.actions(i, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Key(), err)
		}
		if len(actions) == 0 {
			continue
		}
		owner := c.Key().Owner
		n, ok := at[owner]
		if !ok {
			n = len(units)
			at[owner], units = n, append(units, unit{owner: owner})
		}
		units[n].actions = append(units[n].actions, actions...)
	}
	return inOrder(units, at), nil
}

// actions are what one change becomes.
func (w *writing) actions(i int, c zone.Change) ([]action, error) {
	k := c.Key()
	if k.Type == aliasType {
		return w.aliasActions(i, c)
	}
	if c.Before != nil && c.After != nil && c.Before.TTL == c.After.TTL && c.Before.SameData(*c.After) {
		return nil, nil
	}
	var before, after *recordSet
	var err error
	if c.Before != nil {
		if raw := w.exact[k]; len(raw) == 1 && w.means(&raw[0], *c.Before) {
			before = &raw[0]
		} else if before, err = plainSet(*c.Before); err != nil {
			return nil, err
		}
	}
	if c.After != nil {
		if after, err = plainSet(*c.After); err != nil {
			return nil, err
		}
	}
	if before != nil && after != nil {
		if w.pinned[k] {
			return []action{{change: i, do: types.ChangeActionUpsert, set: *after}}, nil
		}
		both := []action{{change: i, do: types.ChangeActionDelete, set: *before}, {change: i, do: types.ChangeActionCreate, set: *after}}
		u := unit{actions: both}
		if e, n := u.size(); e <= w.p.maxElements && n <= maxCharacters {
			return both, nil
		}
		// Both do not fit into one batch: the set is overwritten rather than gone for a while.
		w.pinned[k] = true
		return []action{{change: i, do: types.ChangeActionUpsert, set: *after}}, nil
	}
	if before != nil {
		return []action{{change: i, do: types.ChangeActionDelete, set: *before}}, nil
	}
	return []action{{change: i, do: types.ChangeActionCreate, set: *after}}, nil
}

// means reports whether the service's text says the same as an RRset.
func (w *writing) means(raw *recordSet, set zone.RRset) bool {
	r := newReading(w.h)
	if _, err := r.add(raw); err != nil || len(r.sets) != 1 {
		return false
	}
	return r.sets[0].TTL == set.TTL && r.sets[0].SameData(set.Clean())
}

// plainSet writes an RRset for the API.
func plainSet(set zone.RRset) (*recordSet, error) {
	out := &recordSet{Name: aws.String(nameText(set.Owner)), Type: types.RRType(set.Type.String()), TTL: aws.Int64(int64(set.TTL))}
	if len(set.Data) == 0 {
		return nil, errors.New("there are no records")
	}
	out.ResourceRecords = make([]types.ResourceRecord, len(set.Data))
	for i, d := range set.Data {
		text := valueText(set.Type, d)
		switch {
		case strings.HasPrefix(text, `\#`), undocumented(set.Type, text):
			return nil, errors.New("the data has no form that Route 53 documents")
		case len(text) > maxValue:
			return nil, fmt.Errorf("a value has %d characters as Route 53 writes it, and it takes %d", len(text), maxValue)
		}
		out.ResourceRecords[i].Value = &text
	}
	return out, nil
}

// undocumented reports whether nobody says what the escapes in a value mean: in service parameters
// they are decimal by RFC 9460, and octal everywhere else at Route 53.
func undocumented(t zone.Type, text string) bool {
	return (t == zone.TypeSVCB || t == zone.TypeHTTPS) && strings.Contains(text, `\`)
}

// aliasActions are what a change of aliases becomes: each type is a record set of its own.
func (w *writing) aliasActions(i int, c zone.Change) ([]action, error) {
	before, err := aliases(c.Before)
	if err != nil {
		return nil, err
	}
	after, err := aliases(c.After)
	if err != nil {
		return nil, err
	}
	owner := c.Key().Owner
	var out []action
	for _, t := range slices.Sorted(maps.Keys(before)) {
		if a, stays := after[t]; stays && a == before[t] {
			continue
		}
		set, err := w.exactAlias(owner, before[t])
		if err != nil {
			return nil, err
		}
		out = append(out, action{change: i, do: types.ChangeActionDelete, set: *set, targets: before[t].key(w.h.origin)})
	}
	for _, t := range slices.Sorted(maps.Keys(after)) {
		if a, was := before[t]; was && a == after[t] {
			continue
		}
		set, err := after[t].recordSet(owner, w.h)
		if err != nil {
			return nil, err
		}
		out = append(out, action{change: i, do: types.ChangeActionCreate, set: *set, targets: after[t].key(w.h.origin)})
	}
	return out, nil
}

// exactAlias is an alias as the service wrote it, where that is known, else as it would be written.
func (w *writing) exactAlias(owner zone.Name, a alias) (*recordSet, error) {
	for _, raw := range w.exact[zone.Key{Owner: owner, Type: aliasType}] {
		if d, err := readAlias(&raw, w.h); err == nil && string(raw.Type) == a.Type {
			if have, err := parseAlias(d); err == nil && have == a {
				return &raw, nil
			}
		}
	}
	return a.recordSet(owner, w.h)
}

// inOrder sorts units so that what an alias needs goes before or with it.
func inOrder(units []unit, at map[zone.Name]int) []unit {
	needs := make([][]int, len(units)) // units that go before
	edges := false
	for n := range units {
		for _, a := range units[n].actions {
			if a.targets == nil {
				continue
			}
			m, ok := at[a.targets.Owner]
			if !ok || m == n {
				continue
			}
			edges = true
			if a.do == types.ChangeActionDelete {
				needs[m] = append(needs[m], n)
			} else {
				needs[n] = append(needs[n], m)
			}
		}
	}
	if !edges {
		return units
	}
	out := make([]unit, 0, len(units))
	state := make([]byte, len(units)) // 1: being placed, 2: placed
	var place func(int)
	place = func(n int) {
		if state[n] != 0 {
			return // placed, or a circle: inside one batch the order of actions settles it
		}
		state[n] = 1
		for _, m := range needs[n] {
			place(m)
		}
		state[n] = 2
		out = append(out, units[n])
	}
	for n := range units {
		place(n)
	}
	return out
}

// batches fills requests with units. A unit that is too large for one is cut between changes.
func (w *writing) batches(units []unit) ([][]action, error) {
	var out [][]action
	var now []action
	elements, characters := 0, 0
	flush := func() {
		if len(now) > 0 {
			out = append(out, sorted(now))
		}
		now, elements, characters = nil, 0, 0
	}
	put := func(actions []action, e, c int) {
		if elements+e > w.p.maxElements || characters+c > maxCharacters {
			flush()
		}
		now = append(now, actions...)
		elements, characters = elements+e, characters+c
	}
	for _, u := range units {
		e, c := u.size()
		if e <= w.p.maxElements && c <= maxCharacters {
			put(u.actions, e, c)
			continue
		}
		u.actions = sorted(u.actions)
		for len(u.actions) > 0 {
			one := unit{actions: slices.DeleteFunc(slices.Clone(u.actions), func(a action) bool { return a.change != u.actions[0].change })}
			first := u.actions[0].change
			u.actions = slices.DeleteFunc(u.actions, func(a action) bool { return a.change == first })
			e, c := one.size()
			if e > w.p.maxElements || c > maxCharacters {
				return nil, fmt.Errorf("%s: the change has %d records and %d characters as Route 53 counts them, and a request takes %d and %d",
					w.changes[first].Key(), e, c, w.p.maxElements, maxCharacters)
			}
			put(one.actions, e, c)
		}
	}
	flush()
	return out, nil
}

// sorted orders the actions of a batch, which the service goes through one after the other: aliases
// are deleted before what they point to, deletions make room for creations, and targets are created
// before the aliases to them.
func sorted(actions []action) []action {
	slices.SortStableFunc(actions, func(a, b action) int { return rank(a) - rank(b) })
	return actions
}

func rank(a action) int {
	isAlias := a.set.AliasTarget != nil
	switch {
	case a.do == types.ChangeActionDelete && isAlias:
		return 0
	case a.do == types.ChangeActionDelete:
		return 1
	case !isAlias:
		return 2
	}
	return 3
}

// refuse tells which change the service cannot hold.
func (p *Provider) refuse(h *hosted, changes provider.ChangeSet) error {
	if h.service != "" {
		return fmt.Errorf("the hosted zone was made by %s and is changed by it alone", h.service)
	}
	caps := p.Capabilities(provider.ZoneInfo{})
	for _, c := range changes.Sets {
		switch k := c.Key(); {
		case k.Type == zone.TypeSOA:
			return fmt.Errorf("%s: Route 53 keeps the SOA itself", k)
		case !caps.Holds(k.Type):
			return fmt.Errorf("%s: Route 53 does not hold this type", k)
		}
	}
	if len(changes.Settings) > 0 {
		return fmt.Errorf("setting %s cannot be changed by this adapter", changes.Settings[0].Key)
	}
	return nil
}
