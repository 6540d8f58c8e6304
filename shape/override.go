package shape

import (
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// override puts the record that was written for this target alone in place of the common one.
// gone reports that the target is to hold none.
func (s *shaper) override(set zone.RRset) (out zone.RRset, gone bool, err error) {
	text, has := set.Extra.Value("target/" + s.in.Provider)
	if !has {
		return set, false, nil
	}
	k := set.Key()
	if strings.TrimSpace(text) == "null" {
		s.drop(k)
		return set, true, nil
	}
	return set, false, nil
}
