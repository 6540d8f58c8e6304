package shape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

const (
	dynamicKey = "octodns/dynamic"
	geoKey     = "octodns/geo"
)

// steering reduces a dynamic record to what the target can do, as octoDNS does: without support
// the plain values remain; a status that is not known becomes "obey"; rules for subnets become
// rules for places, or go.
func (s *shaper) steering(set zone.RRset, exempt bool) (zone.RRset, bool) {
	changed := false
	if _, has := set.Extra.Value(geoKey); has && !s.caps.Geo {
		set.Extra = set.Extra.Filter(func(k string) bool { return k != geoKey })
		s.note("unsupported-geo", finding.Info, set.Key(), "geo is not supported; the plain values are served everywhere")
		changed = true
	}
	text, has := set.Extra.Value(dynamicKey)
	if !has {
		return set, changed
	}
	k := set.Key()
	if !s.caps.Dynamic {
		s.lacks("unsupported-dynamic", k, exempt, "reduced to its plain values", "dynamic records are not supported (%s)", k)
		set.Extra = set.Extra.Filter(func(k string) bool { return k != dynamicKey })
		return set, true
	}
	if s.caps.DynamicStatus && s.caps.DynamicSubnets {
		return set, changed
	}
	var d dynamic
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&d); err != nil {
		s.say("dynamic-unreadable", finding.Error, k, "", "the dynamic block of %s cannot be read: %v", k, err)
		return set, changed
	}
	edited := false
	if !s.caps.DynamicStatus {
		edited = s.dropStatus(k, &d, exempt)
	}
	if !s.caps.DynamicSubnets {
		edited = s.dropSubnets(k, &d, exempt) || edited
	}
	if edited {
		set.Extra = set.Extra.With(dynamicKey, d.text())
	}
	return set, changed || edited
}

// A dynamic is octoDNS's dynamic block; what is not looked at is carried along.
type dynamic struct {
	Pools map[string]map[string]any `json:"pools"`
	Rules []map[string]any          `json:"rules"`
}

// text is canonical JSON: sorted keys, no blanks, nothing escaped that need not be.
func (d dynamic) text() string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d); err != nil {
		return "{}"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (s *shaper) dropStatus(k zone.Key, d *dynamic, exempt bool) bool {
	var pools []string
	for id, pool := range d.Pools {
		values, _ := pool["values"].([]any)
		for _, v := range values {
			m, _ := v.(map[string]any)
			if st, ok := m["status"]; ok && st != "obey" {
				m["status"] = "obey"
				if !slices.Contains(pools, id) {
					pools = append(pools, id)
				}
			}
		}
	}
	if len(pools) == 0 {
		return false
	}
	slices.Sort(pools)
	s.lacks("unsupported-status", k, exempt, "ignored and the health check decides",
		"the status flag is not supported (%s, pools %s)", k, strings.Join(pools, ", "))
	return true
}

func (s *shaper) dropSubnets(k zone.Key, d *dynamic, exempt bool) bool {
	edited := false
	kept := d.Rules[:0]
	for i, rule := range d.Rules {
		subnets, _ := rule["subnets"].([]any)
		if len(subnets) == 0 {
			kept = append(kept, rule)
			continue
		}
		edited = true
		what := fmt.Sprintf("rule %d of %s", i+1, k)
		if geos, _ := rule["geos"].([]any); len(geos) > 0 {
			s.lacks("unsupported-subnets", k, exempt, "reduced to its geos", "rules for subnets are not supported (%s)", what)
			delete(rule, "subnets")
			kept = append(kept, rule)
			continue
		}
		s.lacks("unsupported-subnets", k, exempt, "left out", "rules for subnets are not supported (%s)", what)
	}
	d.Rules = kept
	if !edited {
		return false
	}
	used := map[string]bool{}
	for _, rule := range d.Rules {
		for id, _ := rule["pool"].(string); id != "" && !used[id]; id, _ = d.Pools[id]["fallback"].(string) {
			used[id] = true
		}
	}
	for id := range d.Pools {
		if !used[id] {
			delete(d.Pools, id)
		}
	}
	return true
}
