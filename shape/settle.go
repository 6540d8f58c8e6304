package shape

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// settle evens out what would show as a difference and is none.
func (s *shaper) settle(z *zone.Zone) (*zone.Zone, error) {
	perZone := uint32(0)
	if s.caps.TTLPerZone {
		perZone = s.in.Observed.Info.DefaultTTL
	}
	limited := s.caps.MinTTL > 0 || s.caps.MaxTTL > 0 || len(s.caps.TTLs) > 0 || perZone > 0
	z, err := rewrite(z, func(set zone.RRset) zone.RRset {
		if limited {
			set.TTL = s.ttl(set, perZone)
		}
		if !set.Extra.IsZero() {
			set.Extra = s.extra(set.Extra)
		}
		return set
	})
	if err != nil {
		return nil, err
	}
	for c := range zone.Diff(s.in.Observed.Sets, z) { // only where both differ
		if c.After == nil || c.Before == nil && s.in.Fit == nil {
			continue
		}
		after := *c.After
		if s.in.Fit != nil {
			after = s.in.Fit(after, c.Before)
		}
		if c.Before != nil {
			s.adopt(&after, *c.Before)
		}
		if !after.Equal(*c.After) {
			s.put(after)
		}
	}
	return s.applied(z)
}

// rewrite passes every RRset through f, which changes neither owner nor type. As long as nothing
// changes nothing is copied.
func rewrite(z *zone.Zone, f func(zone.RRset) zone.RRset) (*zone.Zone, error) {
	var b *zone.Builder
	n := 0
	for set := range z.All() {
		after := f(set)
		if b == nil && (after.TTL != set.TTL || after.Extra != set.Extra) {
			b = zone.NewBuilder(z.Origin())
			before := 0
			for same := range z.All() {
				if before++; before > n {
					break
				}
				b.Add(same)
			}
		}
		if b != nil {
			b.Add(after)
		}
		n++
	}
	if b == nil {
		return z, nil
	}
	return b.Zone()
}

// ttl returns the TTL that the target will make of the RRset's.
func (s *shaper) ttl(set zone.RRset, perZone uint32) uint32 {
	ttl := set.TTL
	switch {
	case perZone > 0:
		ttl = perZone
	case len(s.caps.TTLs) > 0:
		if !slices.Contains(s.caps.TTLs, ttl) {
			ttl = nearestTTL(s.caps.TTLs, ttl)
		}
	default:
		ttl = max(ttl, s.caps.MinTTL)
		if s.caps.MaxTTL > 0 {
			ttl = min(ttl, s.caps.MaxTTL)
		}
	}
	if ttl != set.TTL && !set.Type.Vendor() {
		pair := [2]uint32{set.TTL, ttl}
		if r := s.clamped[pair]; r != nil {
			r.n++
			return ttl
		}
		s.clamped[pair] = s.note("ttl-clamped", finding.Info, set.Key(), fmt.Sprintf("TTL %d becomes %d there", set.TTL, ttl))
	}
	return ttl
}

// nearestTTL prefers the longest TTL that is not longer than asked for: caches may forget too
// early, never too late.
func nearestTTL(list []uint32, ttl uint32) uint32 {
	best, found := slices.Min(list), false
	for _, t := range list {
		if t <= ttl && (!found || t > best) {
			best, found = t, true
		}
	}
	return best
}

// extra keeps the keys that the target gives back.
func (s *shaper) extra(e zone.Extra) zone.Extra {
	return e.Filter(func(k string) bool {
		switch {
		case strings.HasPrefix(k, "target/"):
			return false
		case k == dynamicKey && !s.caps.Dynamic, k == geoKey && !s.caps.Geo:
			return false
		}
		return s.caps.HoldsExtra(k)
	})
}

// adopt takes the observed way of saying the same.
func (s *shaper) adopt(set *zone.RRset, have zone.RRset) {
	text := set.Type == zone.TypeTXT || set.Type == zone.TypeSPF
	if text && (s.in.Options.JoinedTXT || !s.caps.TXTChunks) {
		set.Data = adoptChunks(set.Data, have.Data)
	}
	if set.Type.Vendor() && slices.Equal(set.Data, have.Data) && set.Extra == have.Extra {
		set.TTL = have.TTL // vendor types such as Route 53's ALIAS have no TTL of their own
	}
	if have.Extra.IsZero() && set.Extra.IsZero() {
		return
	}
	for k, v := range have.Extra.All() {
		if k != "comment" && !strings.HasPrefix(k, "comment/") {
			continue
		}
		if _, said := set.Extra.Value(k); !said { // nobody asked for the comment to go
			set.Extra = set.Extra.With(k, v)
		}
	}
	if s.in.Options.OctoDNS && s.in.Fit == nil && set.TTL == have.TTL && slices.Equal(set.Data, have.Data) &&
		withoutMetadata(set.Extra) == withoutMetadata(have.Extra) {
		set.Extra = have.Extra
	}
}

func withoutMetadata(e zone.Extra) zone.Extra {
	return e.Filter(func(k string) bool { return k != "octodns" })
}

// adoptChunks replaces each text by the observed one that reads the same but is cut otherwise.
func adoptChunks(want, have []zone.Data) []zone.Data {
	if slices.Equal(want, have) {
		return want
	}
	byText := make(map[string]zone.Data, len(have))
	for _, d := range have {
		byText[joined(d)] = d
	}
	out, changed := slices.Clone(want), false
	for i, d := range want {
		if same, ok := byText[joined(d)]; ok && same != d {
			out[i], changed = same, true
		}
	}
	if !changed {
		return want
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// joined is the text of a TXT record without the borders between its character-strings
// (RFC 1035, section 3.3.14).
func joined(d zone.Data) string {
	if len(d) > 0 && int(d[0]) == len(d)-1 {
		return string(d[1:])
	}
	var b strings.Builder
	for len(d) > 0 {
		n := min(int(d[0]), len(d)-1)
		b.WriteString(string(d[1 : 1+n]))
		d = d[1+n:]
	}
	return b.String()
}
