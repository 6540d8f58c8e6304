package shape

import (
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

// override puts the record that was written for this target alone in place of the common one.
// gone reports that the target is to hold none. A per-target record may be of another type.
func (s *shaper) override(set zone.RRset) (out zone.RRset, gone bool) {
	if _, has := set.Extra.Value(octodns.ExtraTarget + s.in.Provider); !has {
		return set, false
	}
	k := set.Key()
	out, ok, err := octodns.TargetSet(set, s.in.Provider, s.origin)
	switch {
	case err != nil:
		s.say("target-record", finding.Error, k, "", "%v", err)
		s.kept[k] = true
		return set, true
	case !ok:
		s.drop(k)
		return set, true
	}
	if out = out.Clean(); out.Key() != k {
		s.drop(k)
	}
	s.put(out)
	return out, false
}
