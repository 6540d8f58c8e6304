package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// rootNS is octoDNS's rule: any change of the apex NS of a zone that exists.
func rootNS(pol Policy, in *Input, p *Plan) []finding.Finding {
	if in.Observed.Missing {
		return nil
	}
	for _, c := range p.Changes.Sets {
		k := c.Key()
		if k.Type != zone.TypeNS || k.Owner != in.Desired.Origin() {
			continue
		}
		f := object("the apex NS of an existing zone would change; a wrong one takes the whole zone off the net")
		if pol.OctoDNS {
			f = object("Root NS record change, force required")
		}
		f[0].Place, f[0].Subject = in.place(k), k.String()
		return f
	}
	return nil
}

// apexNS objects to an apex NS RRset that one of the zone's providers drops out of.
func apexNS(_ Policy, in *Input, p *Plan) []finding.Finding {
	origin := in.Desired.Origin()
	i := slices.IndexFunc(p.Changes.Sets, func(c zone.Change) bool {
		return c.Key() == zone.Key{Owner: origin, Type: zone.TypeNS}
	})
	if i < 0 || p.Changes.Sets[i].Before == nil {
		return nil
	}
	c := p.Changes.Sets[i]
	if c.After == nil {
		return objectFix("write the name servers into the source", "the apex NS RRset would be deleted")
	}
	var out []finding.Finding
	for _, account := range slices.Sorted(maps.Keys(in.Facts.NameServers)) {
		before, after := holdsAny(c.Before, in.Facts.NameServers[account]), holdsAny(c.After, in.Facts.NameServers[account])
		if len(before) == 0 || len(after) > 0 {
			continue
		}
		out = append(out, finding.Finding{
			Severity: finding.Error, Place: in.place(c.Key()), Subject: c.Key().String(),
			Text: fmt.Sprintf("no name server of %s would remain in the apex NS: %s would go",
				account, strings.Join(before, ", ")),
			Fix: "add them back if " + account + " is to go on answering for the zone",
		})
	}
	return out
}

// holdsAny returns those of names that are in an NS RRset.
func holdsAny(set *zone.RRset, names []zone.Name) []string {
	var out []string
	for _, n := range names {
		if _, ok := slices.BinarySearch(set.Data, zone.Data(n.AppendWire(nil))); ok {
			out = append(out, n.String())
		}
	}
	return out
}

// alwaysAsk wants a yes for each change of some types. A zone that is new has nothing to lose.
func alwaysAsk(pol Policy, in *Input, p *Plan) []finding.Finding {
	if in.Observed.Missing || !SaysAnything(in.Observed.Sets) {
		return nil
	}
	var seen tally
	for _, c := range p.Changes.Sets {
		k := c.Key()
		if !slices.Contains(pol.AlwaysAsk, k.Type) || !pol.OctoDNS && onlyJoins(in, c) {
			continue
		}
		verb := "update"
		switch {
		case c.Creates():
			verb = "create"
		case c.Deletes():
			verb = "delete"
		}
		seen.add(k, verb+" "+keyText(k))
	}
	if seen.n == 0 {
		return nil
	}
	f := object("a type that always wants a yes would change (%s)", &seen)
	f[0].Place = seen.place(in)
	return f
}

// onlyJoins reports whether a change adds nothing but name servers of the zone's own providers to
// the apex NS: no name server goes, and each that comes answers for the zone already.
func onlyJoins(in *Input, c zone.Change) bool {
	if c.Key() != (zone.Key{Owner: in.Desired.Origin(), Type: zone.TypeNS}) || c.After == nil {
		return false
	}
	var before []zone.Data // none in a zone file that had no apex NS yet
	if c.Before != nil {
		if before = c.Before.Data; c.Before.TTL != c.After.TTL {
			return false
		}
	}
	ours := map[zone.Data]bool{}
	for account, names := range in.Facts.NameServers {
		if !in.Facts.Serving[account] {
			continue
		}
		for _, n := range names {
			ours[zone.Data(n.AppendWire(nil))] = true
		}
	}
	for _, d := range before {
		if !slices.Contains(c.After.Data, d) {
			return false
		}
	}
	for _, d := range c.After.Data {
		if !ours[d] && !slices.Contains(before, d) {
			return false
		}
	}
	return true
}

// SaysAnything reports whether a zone holds more than the SOA and NS of its apex.
func SaysAnything(z *zone.Zone) bool {
	for set := range z.All() {
		if set.Owner != z.Origin() || set.Type != zone.TypeNS && set.Type != zone.TypeSOA {
			return true
		}
	}
	return false
}

// classes of records, for TTLs.
type ttlClass uint8

const (
	apexNSClass ttlClass = iota
	volatileClass
	infrastructureClass
	endPointClass
)

func (c ttlClass) String() string {
	return [...]string{"the apex NS", "volatile records", "infrastructure records", "end points"}[c]
}

func (t *TTLPolicy) classify(origin zone.Name, set *zone.RRset) (ttlClass, TTLBound) {
	if set.Owner == origin && set.Type == zone.TypeNS {
		return apexNSClass, t.ApexNS
	}
	if t.IsVolatile != nil && t.IsVolatile(set.Key()) || steered(set) {
		return volatileClass, t.Volatile
	}
	switch set.Type {
	case zone.TypeA, zone.TypeAAAA, zone.TypeCNAME, zone.TypeDNAME, zone.TypeALIAS, zone.TypeHTTPS, zone.TypeSVCB:
		return endPointClass, t.EndPoint
	}
	return infrastructureClass, t.Infrastructure
}

// steered reports whether answers are picked by health or place.
func steered(set *zone.RRset) bool {
	if set.Extra.IsZero() {
		return false
	}
	for k := range set.Extra.All() {
		if k == "octodns/dynamic" || k == "octodns/geo" || k == "steering" {
			return true
		}
	}
	return false
}

// ttlPolicy looks at what is created or given another TTL; what was there before is let be.
func ttlPolicy(pol Policy, in *Input, p *Plan) []finding.Finding {
	type bucket struct {
		class ttlClass
		low   bool
	}
	var seen map[bucket]*tally
	bounds := map[bucket]uint32{}
	for _, c := range p.Changes.Sets {
		if c.After == nil || c.Updates() && c.Before.TTL == c.After.TTL || c.After.Type == zone.TypeSOA {
			continue
		}
		class, bound := pol.TTL.classify(in.Desired.Origin(), c.After)
		b, limit := bucket{class: class}, bound.Max
		switch {
		case c.After.TTL < bound.Min:
			b.low, limit = true, bound.Min
		case bound.Max == 0 || c.After.TTL <= bound.Max:
			continue
		}
		if seen == nil {
			seen = map[bucket]*tally{}
		}
		if seen[b] == nil {
			seen[b] = &tally{}
		}
		bounds[b] = limit
		seen[b].add(c.Key(), "")
		if t := seen[b]; t.n <= tallyNames {
			t.first[t.n-1] = fmt.Sprintf("%s has %d", keyText(c.Key()), c.After.TTL)
		}
	}
	var out []finding.Finding
	for class := apexNSClass; class <= endPointClass; class++ {
		for _, low := range []bool{true, false} {
			b := bucket{class, low}
			t := seen[b]
			if t == nil {
				continue
			}
			word := "above"
			if low {
				word = "below"
			}
			severity := finding.Warning
			if pol.TTL.Hold {
				severity = finding.Error
			}
			out = append(out, finding.Finding{
				Severity: severity, Place: t.place(in),
				Text: fmt.Sprintf("the TTL of %s is %s the %d seconds of the policy for %s: %s", t.sets(), word, bounds[b], class, t),
				Fix:  "change the TTL or the ttl_policy",
			})
		}
	}
	return out
}

// ownership objects to taking away what is not zonecast's.
func ownership(pol Policy, in *Input, p *Plan) []finding.Finding {
	owns := pol.Ownership.Owns
	why := "the patterns of ownership do not cover it"
	if pol.Ownership.Patterns != "" {
		why = "ownership is " + pol.Ownership.Patterns
	}
	if pol.Ownership.Mode == "created" {
		owns, why = in.Facts.Created, "zonecast did not create it"
	}
	var seen tally
	for _, c := range p.Changes.Sets {
		if c.Before == nil || vanished(c) == 0 && !c.Deletes() || owns != nil && owns(c.Key()) {
			continue
		}
		seen.add(c.Key(), keyText(c.Key()))
	}
	if seen.n == 0 {
		return nil
	}
	return objectFix("take the record over into the source", "values of %s would be taken away although %s: %s", seen.sets(), why, &seen)
}

// delegated objects to ending a zone that the world is still sent to.
func delegated(_ Policy, in *Input, p *Plan) []finding.Finding {
	if in.Facts.Delegated == nil || !*in.Facts.Delegated || !empties(in, p) {
		return nil
	}
	return objectFix("remove the delegation at the parent and wait for its TTL",
		"the zone would be emptied although its parent %s still delegates it", in.Target.Zone.Parent().Unicode())
}

// sourceShrunk objects to deletions that nobody wrote.
func sourceShrunk(_ Policy, in *Input, p *Plan) []finding.Finding {
	if in.Facts.SourceUnchanged == nil || !*in.Facts.SourceUnchanged {
		return nil
	}
	had := in.Facts.Applied
	if had == nil {
		had = in.Facts.Created
	}
	var seen tally
	for _, c := range p.Changes.Sets {
		if k := c.Key(); c.Deletes() && (had == nil || had(k)) {
			seen.add(k, keyText(k))
		}
	}
	if seen.n == 0 {
		return nil
	}
	return objectFix("check that the source can be read completely",
		"%s would be deleted although the source's files have not changed since they were applied: %s", seen.sets(), &seen)
}
