package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

type checkFunc func(Policy, *Input, *Plan) []finding.Finding

// A guard is one function with its limits.
type guard struct {
	id     string
	policy Policy
	check  checkFunc
}

// ID implements Guard.
func (g guard) ID() string { return g.id }

// Check implements Guard. It fills in what all objections share.
func (g guard) Check(in *Input, p *Plan) []finding.Finding {
	found := g.check(g.policy, in, p)
	for i := range found {
		f := &found[i]
		f.ID, f.Zone = g.id, in.zoneText()
		if f.Subject == "" {
			f.Subject = "target " + in.Target.String()
		}
		if g.policy.OctoDNS {
			f.Fix = "look at the plan, then run again with --force"
		} else if f.Severity == finding.Error {
			allow := fmt.Sprintf("allow it once with --allow %s --reason TEXT", g.id)
			if f.Fix != "" {
				allow = f.Fix + ", or " + allow
			}
			f.Fix = allow
		}
	}
	return found
}

func object(text string, args ...any) []finding.Finding {
	return []finding.Finding{{Severity: finding.Error, Text: fmt.Sprintf(text, args...)}}
}

// objectFix is object with advice that goes before how to allow it.
func objectFix(fix, text string, args ...any) []finding.Finding {
	return []finding.Finding{{Severity: finding.Error, Text: fmt.Sprintf(text, args...), Fix: fix}}
}

// A tally counts RRsets and remembers the first few by name, for messages.
type tally struct {
	n     int
	first []string
	at    []zone.Key
}

const tallyNames = 3

func (t *tally) add(k zone.Key, text string) {
	if t.n++; len(t.first) < tallyNames {
		t.first = append(t.first, text)
		t.at = append(t.at, k)
	}
}

// String returns "a, b, c and 12 more".
func (t *tally) String() string {
	s := strings.Join(t.first, ", ")
	if more := t.n - len(t.first); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// place is where the first one was written.
func (t *tally) place(in *Input) finding.Place {
	if len(t.at) == 0 {
		return finding.Place{}
	}
	return in.place(t.at[0])
}

func (t *tally) sets() string {
	if t.n == 1 {
		return "1 RRset"
	}
	return fmt.Sprintf("%d RRsets", t.n)
}

func keyText(k zone.Key) string { return k.Owner.Unicode() + " " + k.Type.String() }

func updateShare(pol Policy, in *Input, p *Plan) []finding.Finding {
	_, n, _ := p.Counts()
	return share(pol, p, in, n, *pol.UpdateShare, "updates", "updated")
}

func deleteShare(pol Policy, in *Input, p *Plan) []finding.Finding {
	_, _, n := p.Counts()
	return share(pol, p, in, n, *pol.DeleteShare, "deletes", "deleted")
}

// share compares as octoDNS does: strictly greater, only from ShareFrom observed RRsets on.
func share(pol Policy, p *Plan, in *Input, n int, limit float64, what, done string) []finding.Finding {
	if p.Existing == 0 || p.Existing < pol.ShareFrom {
		return nil
	}
	part := float64(n) / float64(p.Existing)
	if part <= limit {
		return nil
	}
	if pol.OctoDNS {
		return object("[%s] Too many %s, %.2f%% is over %.2f%% (%d/%d), force required",
			in.zoneText(), what, part*100, limit*100, n, p.Existing)
	}
	return object("%d of %d RRsets would be %s: %.2f %%, and the limit is %.2f %%", n, p.Existing, done, part*100, limit*100)
}

func updateCount(pol Policy, _ *Input, p *Plan) []finding.Finding {
	if _, n, _ := p.Counts(); n > pol.UpdateCount {
		return object("%d RRsets would be updated, and the limit is %d", n, pol.UpdateCount)
	}
	return nil
}

func deleteCount(pol Policy, _ *Input, p *Plan) []finding.Finding {
	if _, _, n := p.Counts(); n > pol.DeleteCount {
		return object("%d RRsets would be deleted, and the limit is %d", n, pol.DeleteCount)
	}
	return nil
}

// replaceAll sees what shares of RRsets do not: one RRset with fifty addresses is one update, and
// a few such RRsets may be most of what the zone says.
func replaceAll(pol Policy, in *Input, p *Plan) []finding.Finding {
	var whole tally
	lost := 0
	for _, c := range p.Changes.Sets {
		if c.Before == nil {
			continue
		}
		gone := vanished(c)
		if !c.Updates() {
			continue // deletions have guards of their own
		}
		if len(c.Before.Data) > 1 {
			lost += gone
		}
		if gone == len(c.Before.Data) && gone >= pol.ReplaceFrom {
			whole.add(c.Key(), fmt.Sprintf("%s (%d records)", keyText(c.Key()), gone))
		}
	}
	if whole.n > 0 {
		f := object("no value stays the same in %s", &whole)
		f[0].Place = whole.place(in)
		return f
	}
	if lost < pol.ReplaceFrom || lost*2 <= p.Existing {
		return nil // every RRset has a value, so that this settles it without counting
	}
	all := 0
	for set := range in.Observed.Sets.All() {
		if k := set.Key(); !in.skips(k) {
			all += len(set.Data)
		}
	}
	if all < max(10, 2*pol.ReplaceFrom) || lost*2 <= all {
		return nil
	}
	return object("%d of the %d values in the zone would be replaced or vanish: %.0f %%, and the limit is 50 %%",
		lost, all, 100*float64(lost)/float64(all))
}

// vanished counts the values of Before that After has not.
func vanished(c zone.Change) int {
	if c.After == nil {
		return len(c.Before.Data)
	}
	n := 0
	for _, d := range c.Before.Data {
		if _, ok := slices.BinarySearch(c.After.Data, d); !ok {
			n++
		}
	}
	return n
}

// emptyZone objects when nothing but the apex SOA and NS would remain.
func emptyZone(_ Policy, in *Input, p *Plan) []finding.Finding {
	if !empties(in, p) {
		return nil
	}
	_, _, n := p.Counts()
	return objectFix("check that the source is complete",
		"the zone would be emptied: all %d RRsets besides the apex NS and SOA would be deleted", n)
}

// empties reports whether the plan leaves nothing but the apex SOA and NS of a zone that held more.
func empties(in *Input, p *Plan) bool {
	creates, updates, deletes := p.Counts()
	if deletes == 0 {
		return false
	}
	origin := in.Desired.Origin()
	bare := func(k zone.Key) bool {
		return k.Owner == origin && (k.Type == zone.TypeNS || k.Type == zone.TypeSOA)
	}
	if creates > 0 || updates > 0 {
		for _, c := range p.Changes.Sets {
			if c.After != nil && !bare(c.Key()) {
				return false
			}
		}
	}
	held, gone := 0, 0
	for _, c := range p.Changes.Sets {
		if c.Deletes() && !bare(c.Key()) {
			gone++
		}
	}
	if gone == 0 {
		return false
	}
	for set := range in.Observed.Sets.All() {
		if !bare(set.Key()) {
			if held++; held > gone {
				return false
			}
		}
	}
	return held == gone
}

// emptyType objects when a type vanishes from the zone, and to RRsets that would be left without
// any record.
func emptyType(pol Policy, in *Input, p *Plan) []finding.Finding {
	if empties(in, p) {
		return nil // said already
	}
	var bare tally
	gone, types := map[zone.Type]int{}, []zone.Type(nil)
	for _, c := range p.Changes.Sets {
		k := c.Key()
		if c.Deletes() {
			if gone[k.Type]++; gone[k.Type] == 1 {
				types = append(types, k.Type)
			}
		} else if len(c.After.Data) == 0 && c.After.Extra.IsZero() {
			bare.add(k, keyText(k))
		}
	}
	var out []finding.Finding
	slices.Sort(types)
	for _, t := range types {
		if gone[t] < max(1, pol.EmptyFrom) || hasType(in.Desired, t) {
			continue
		}
		if held := countType(in, t); held == gone[t] {
			out = append(out, objectFix("check that the source is complete",
				"all %d %s RRsets of the zone would be deleted", held, t)...)
		}
	}
	if bare.n > 0 {
		f := object("%s would have no records: %s", bare.sets(), &bare)
		f[0].Place = bare.place(in)
		out = append(out, f...)
	}
	return out
}

func hasType(z *zone.Zone, t zone.Type) bool {
	for set := range z.All() {
		if set.Type == t {
			return true
		}
	}
	return false
}

func countType(in *Input, t zone.Type) int {
	n := 0
	for set := range in.Observed.Sets.All() {
		if set.Type == t {
			n++
		}
	}
	return n
}
