package shape

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// adapt takes away what the target must not or cannot hold and translates what it calls by
// another name.
func (s *shaper) adapt(z *zone.Zone) (*zone.Zone, error) {
	for set := range z.All() {
		s.adaptSet(set)
	}
	s.apex(z)
	return s.applied(z)
}

// adaptSet deals with one RRset. What it says nothing of stays as it is.
func (s *shaper) adaptSet(set zone.RRset) {
	var m metadata
	if !set.Extra.IsZero() {
		var err error
		if m, err = parseMetadata(set.Extra); err != nil {
			s.say("octodns-metadata", finding.Error, set.Key(), "", "the octodns: mapping of %s cannot be read: %v", set.Key(), err)
			s.kept[set.Key()] = true
			return
		}
		if m.leaves(s.in.Provider) {
			s.kept[set.Key()] = true
			s.drop(set.Key())
			return
		}
		var gone bool
		if set, gone = s.override(set); gone {
			return
		}
	}
	k := set.Key()
	if k.Owner == s.origin && (k.Type == zone.TypeSOA || k.Type == zone.TypeNS) {
		return // apex does these
	}
	exempt := len(m.Excluded) > 0 || len(m.Included) > 0
	switch {
	case k.Owner.IsWildcard() && !s.caps.Wildcards:
		s.lacks("unsupported-wildcard", k, exempt, "left out", "wildcards are not supported (%s)", k)
		s.drop(k)
		return
	case k.Type == zone.TypeALIAS && !s.aliasIsType(k.Owner):
		var ok bool
		if set, ok = s.alias(set, exempt); !ok {
			return
		}
	case k.Type == zone.TypeALIAS: // the target has it, whatever it calls it
	case !s.caps.Holds(k.Type):
		s.unsupported(k, exempt)
		return
	case len(set.Data) == 0 && !set.Extra.IsZero() && s.opaque(set):
		s.lacks("unreadable-values", k, exempt, "left out", "the values of %s cannot be sent because they could not be understood", k)
		s.drop(k)
		return
	}
	if !set.Extra.IsZero() {
		if steered, changed := s.steering(set, exempt); changed {
			set = steered
			s.put(set)
		}
	}
	s.limits(set, exempt)
}

// unsupported leaves out an RRset of a type that the target lacks.
func (s *shaper) unsupported(k zone.Key, exempt bool) {
	s.lacks("unsupported-type", k, exempt, "left out",
		"%s RRsets are not supported (%s)", k.Type, k.Owner.Unicode())
	s.drop(k)
}

// opaque reports whether values are there that only the target's own format could hold.
func (s *shaper) opaque(set zone.RRset) bool {
	_, has := set.Extra.Value("octodns/values")
	return has && !s.caps.HoldsExtra("octodns/values")
}

// limits deals with how many records and which texts an RRset may have.
func (s *shaper) limits(set zone.RRset, exempt bool) {
	k := set.Key()
	if k.Type == zone.TypePTR && len(set.Data) > 1 && !s.caps.MultiValuePTR {
		first := slices.MinFunc(set.Data, func(a, b zone.Data) int { return strings.Compare(nameText(a), nameText(b)) })
		s.lacks("multi-value-ptr", k, exempt, "reduced to "+nameText(first), "PTR RRsets hold one record only, and %s has %d", k.Owner, len(set.Data))
		set.Data = []zone.Data{first}
		s.put(set)
	}
	if s.caps.MaxRecords > 0 && len(set.Data) > s.caps.MaxRecords {
		s.say("too-many-records", finding.Error, k, "take some away, or exclude the record from "+s.in.Provider,
			"%s: an RRset holds at most %d records, and %s has %d", s.in.Provider, s.caps.MaxRecords, k, len(set.Data))
	}
	if k.Type == zone.TypeTXT && !s.caps.EmptyTXT && slices.ContainsFunc(set.Data, func(d zone.Data) bool { return joined(d) == "" }) {
		s.lacks("empty-txt", k, exempt, "left out", "TXT with an empty text is not supported (%s)", k.Owner.Unicode())
		if set.Data = slices.DeleteFunc(slices.Clone(set.Data), func(d zone.Data) bool { return joined(d) == "" }); len(set.Data) == 0 {
			s.drop(k)
		} else {
			s.put(set)
		}
	}
}

func nameText(d zone.Data) string {
	n, _, err := zone.NameFromWire([]byte(d))
	if err != nil {
		return fmt.Sprintf("%q", string(d))
	}
	return n.String()
}

// metadata are the parts of octoDNS's "octodns:" mapping that say which targets a record is for.
type metadata struct {
	Ignored  bool     `json:"ignored"`
	Excluded []string `json:"excluded"`
	Included []string `json:"included"`
}

func parseMetadata(e zone.Extra) (m metadata, err error) {
	text, ok := e.Value("octodns")
	if !ok || !strings.Contains(text, `"ignored"`) && !strings.Contains(text, `cluded"`) {
		return m, nil
	}
	err = json.Unmarshal([]byte(text), &m)
	return m, err
}

// leaves reports whether the target's RRset is to be left alone.
func (m metadata) leaves(provider string) bool {
	return m.Ignored || slices.Contains(m.Excluded, provider) ||
		len(m.Included) > 0 && !slices.Contains(m.Included, provider)
}
