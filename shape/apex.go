package shape

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// apex deals with the SOA and the apex NS, which belong to the provider more often than not.
func (s *shaper) apex(z *zone.Zone) {
	soa := zone.Key{Owner: s.origin, Type: zone.TypeSOA}
	if !s.caps.SOA {
		s.leave(z, soa)
	} else if _, ok := z.Set(soa.Owner, soa.Type); !ok {
		s.leave(z, soa)
	}
	k := zone.Key{Owner: s.origin, Type: zone.TypeNS}
	if s.kept[k] {
		return // ignored or excluded by the source
	}
	want, has := z.Set(k.Owner, k.Type)
	if set, touched := s.changes[k]; touched { // a per-target record
		if has = set != nil; has {
			want = *set
		}
	}
	editable := s.caps.ApexNS == provider.ApexNSEditable
	switch s.in.Options.ApexNS {
	case ApexNSLeave:
		s.leave(z, k)
	case ApexNSManaged:
		s.managedNS(z, k, want, has, editable)
	default:
		switch {
		case has && !editable:
			s.lacks("root-ns", k, false, "left as the provider has it", "the apex NS of %s cannot be edited there", s.origin.Unicode())
			s.leave(z, k)
		case !has:
			if editable {
				s.say("root-ns-absent", finding.Info, k, "", "%s: the apex NS of %s can be managed, and the source has none; those there stay",
					s.in.Provider, s.origin.Unicode())
			}
			s.leave(z, k)
		default:
			s.nsTTL(k, want)
		}
	}
}

// leave takes an apex RRset out of the plan.
func (s *shaper) leave(z *zone.Zone, k zone.Key) {
	if _, has := z.Set(k.Owner, k.Type); has || s.changes[k] != nil {
		s.drop(k)
	}
	s.kept[k], s.hidden[k] = true, true
}

// managedNS composes the apex NS of what the zone's providers need and what the source names
// besides: a name that a person wrote is never dropped.
func (s *shaper) managedNS(z *zone.Zone, k zone.Key, want zone.RRset, has, editable bool) {
	observed, seen := s.in.Observed.Sets.Set(k.Owner, k.Type)
	names := make([]zone.Data, 0, len(s.in.Options.NameServers))
	for _, n := range s.in.Options.NameServers {
		names = append(names, zone.Data(n.AppendWire(nil)))
	}
	if !editable {
		if seen {
			s.missingNS(k, observed, names)
		}
		s.leave(z, k)
		return
	}
	if len(names) == 0 && !has {
		s.leave(z, k)
		return
	}
	if len(s.in.Options.Unsure) > 0 && seen {
		names = append(names, without(without(observed.Data, names), want.Data)...)
	}
	if len(names) == 0 {
		s.nsTTL(k, want)
		return
	}
	set := zone.RRset{Owner: k.Owner, Type: k.Type, TTL: s.in.Options.ApexNSTTL, Data: names}
	switch {
	case has:
		set.TTL, set.Extra = want.TTL, want.Extra
		if others := without(want.Data, names); len(others) > 0 {
			set.Data = append(set.Data, others...)
			s.say("apex-ns-others", finding.Info, k, "remove them from the source if nobody answers there any more",
				"%s: the apex NS keep %s, which the source names and no provider of the zone", s.in.Provider, nameList(others))
		}
	case set.TTL == 0 && seen:
		set.TTL = observed.TTL
	case set.TTL == 0:
		set.TTL = 86400
	}
	s.put(set)
	s.nsTTL(k, *s.changes[k])
}

// nsTTL takes the observed TTL where the provider fixes it.
func (s *shaper) nsTTL(k zone.Key, set zone.RRset) {
	if s.caps.ApexNSTTL {
		return
	}
	if observed, ok := s.in.Observed.Sets.Set(k.Owner, k.Type); ok && observed.TTL != set.TTL {
		set.TTL = observed.TTL
		s.put(set)
	}
}

// missingNS tells that a provider's fixed apex NS lack other providers' name servers.
func (s *shaper) missingNS(k zone.Key, observed zone.RRset, names []zone.Data) {
	slices.Sort(names)
	if lacking := without(names, observed.Data); len(lacking) > 0 {
		s.say("apex-ns-fixed", finding.Warning, k, "",
			"%s: the apex NS cannot be edited there and lack %s; resolvers that ask %s learn fewer name servers than the parent names",
			s.in.Provider, nameList(lacking), s.in.Provider)
	}
}

// without returns the data of list that is not in other.
func without(list, other []zone.Data) []zone.Data {
	var out []zone.Data
	for _, d := range list {
		if !slices.Contains(other, d) {
			out = append(out, d)
		}
	}
	return out
}

func nameList(names []zone.Data) string {
	texts := make([]string, len(names))
	for i, d := range names {
		texts[i] = nameText(d)
	}
	return strings.Join(texts, ", ")
}

// aliasIsType reports whether the target has a type ALIAS that may stand at owner.
func (s *shaper) aliasIsType(owner zone.Name) bool {
	return (s.caps.Alias == "ALIAS" || s.caps.Holds(zone.TypeALIAS)) && (!s.caps.AliasApexOnly || owner == s.origin)
}

// alias gives an ALIAS the name that it has at the target, or its addresses. It returns false when
// nothing of it is left to look at.
func (s *shaper) alias(set zone.RRset, exempt bool) (zone.RRset, bool) {
	k := set.Key()
	flattened := s.caps.Alias == "CNAME" && (!s.caps.AliasApexOnly || k.Owner == s.origin)
	below := k.Owner != s.origin && s.caps.Holds(zone.TypeCNAME) && s.lonely(k.Owner)
	switch {
	case flattened || below:
		s.drop(k)
		set.Type = zone.TypeCNAME
		s.put(set)
		if !flattened {
			s.note("alias-as-cname", finding.Info, k, "an ALIAS below the apex is written as CNAME")
		}
		return set, true
	case s.in.Options.Resolve != nil:
		s.drop(k)
		s.flatten(set)
	default:
		s.unsupported(k, exempt)
	}
	return set, false
}

// lonely reports whether nothing but an ALIAS stands at owner.
func (s *shaper) lonely(owner zone.Name) bool {
	for set := range s.in.Desired.At(owner) {
		if set.Type != zone.TypeALIAS {
			return false
		}
	}
	return true
}

// flatten writes the addresses that the target of an ALIAS has now. They are as old as the last
// plan: that is what the warning is for.
func (s *shaper) flatten(set zone.RRset) {
	k := set.Key()
	keys := []zone.Key{{Owner: k.Owner, Type: zone.TypeA}, {Owner: k.Owner, Type: zone.TypeAAAA}}
	fail := func(err error) {
		for _, a := range keys { // what is there stays until the target can be resolved
			s.kept[a] = true
		}
		s.say("alias-unresolved", finding.Error, k, "try again; what the target holds was left alone",
			"%s: the ALIAS at %s cannot be flattened: %v", s.in.Provider, k.Owner.Unicode(), err)
	}
	if len(set.Data) == 0 {
		fail(fmt.Errorf("it has no target"))
		return
	}
	target, _, err := zone.NameFromWire([]byte(set.Data[0]))
	if err != nil {
		fail(err)
		return
	}
	addrs, ttl, err := s.in.Options.Resolve(target)
	if err == nil && len(addrs) == 0 {
		err = fmt.Errorf("%s has no addresses", target)
	}
	if err != nil {
		fail(err)
		return
	}
	sets := [2]zone.RRset{}
	for i, a := range keys {
		sets[i] = zone.RRset{Owner: a.Owner, Type: a.Type, TTL: min(set.TTL, max(ttl, 1))}
	}
	for _, a := range addrs {
		i := 0
		if a = a.Unmap(); a.Is6() {
			i = 1
		}
		sets[i].Data = append(sets[i].Data, zone.Data(a.AsSlice()))
	}
	for i, a := range keys {
		if _, explicit := s.in.Desired.Set(a.Owner, a.Type); explicit {
			s.say("alias-and-address", finding.Error, k, "remove one of them", "%s: %s stands beside the ALIAS that would be flattened into it", s.in.Provider, a)
			continue
		}
		if len(sets[i].Data) > 0 && s.caps.Holds(a.Type) {
			s.put(sets[i])
		}
	}
	s.say("alias-flattened", finding.Warning, k, "apply often, or use a provider with ALIAS",
		"%s: has nothing like ALIAS; %s gets the addresses that %s has now, and they do not follow by themselves",
		s.in.Provider, k.Owner.Unicode(), target.Unicode())
}
