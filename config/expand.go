package config

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// A Selection narrows what Expand does. The zero Selection takes everything.
type Selection struct {
	// Source reports whether a source takes part in the run; nil: all do.
	Source func(id string) bool
	// List lists the zones of a source; nil: those of OpenSource(id).
	List func(ctx context.Context, id string) iter.Seq2[zone.Name, error]
}

// Expand returns all zones of the configuration, with every pattern entry replaced by the zones
// that its sources list and that no other entry has: a zone with an entry of its own always
// keeps it. Each source is asked once. A source that cannot be listed is an error finding, and
// the zones of that entry are left out.
func (c *Config) Expand(ctx context.Context, sel Selection) ([]Zone, []finding.Finding) {
	if sel.List == nil {
		sel.List = c.list
	}
	taken := map[zone.Name]bool{}
	for _, z := range c.Zones {
		if !z.Dynamic {
			taken[z.Name] = true
		}
	}
	listed := map[string]listing{}
	var out []Zone
	var finds []finding.Finding
	for _, z := range c.Zones {
		if !z.Dynamic {
			out = append(out, z)
			continue
		}
		names, err := c.candidates(ctx, z, sel, listed)
		if err != nil {
			finds = append(finds, finding.Finding{
				ID: "zone-pattern", Severity: finding.Error, Place: z.Place,
				Text: fmt.Sprintf("zones of %s are not known: %v", clip(z.Written), err),
			})
			continue
		}
		for _, n := range names {
			if taken[n] || !z.takes(n) {
				continue
			}
			taken[n] = true
			one := z
			one.Name, one.Dynamic = n, false
			out = append(out, one)
		}
	}
	c.index(out)
	return out, finds
}

// A listing is what one source listed.
type listing struct {
	names []zone.Name
	err   error
}

func (c *Config) list(ctx context.Context, id string) iter.Seq2[zone.Name, error] {
	return func(yield func(zone.Name, error) bool) {
		s, err := c.OpenSource(id)
		if err != nil {
			yield(zone.Name{}, err)
			return
		}
		s.Zones(ctx)(yield)
	}
}

// candidates unites the lists of an entry's sources, sorted.
func (c *Config) candidates(ctx context.Context, z Zone, sel Selection, listed map[string]listing) ([]zone.Name, error) {
	eligible := slices.ContainsFunc(z.Sources, func(r Ref) bool { return sel.Source == nil || sel.Source(r.ID) })
	if !eligible {
		return nil, nil
	}
	var all []zone.Name
	for _, r := range z.Sources {
		l, ok := listed[r.ID]
		if !ok {
			for n, err := range sel.List(ctx, r.ID) {
				if err != nil {
					l.err = fmt.Errorf("source %s: %w", r.ID, err)
					if errors.Is(err, errors.ErrUnsupported) {
						l.err = fmt.Errorf("source %s cannot list its zones; write each zone under zones", r.ID)
					}
					break
				}
				l.names = append(l.names, n)
			}
			listed[r.ID] = l
		}
		if l.err != nil {
			return nil, l.err
		}
		all = append(all, l.names...)
	}
	slices.SortFunc(all, zone.Name.Compare)
	return slices.Compact(all), nil
}

// takes reports whether a pattern entry matches a name, in either of its forms.
func (z Zone) takes(n zone.Name) bool {
	forms := []string{n.String(), n.Unicode()}
	switch {
	case z.Glob != "":
		glob := strings.ToLower(z.Glob)
		return Match(glob, forms[0]) || Match(glob, forms[1])
	case z.Regex != "":
		return z.pattern != nil && (z.pattern.MatchString(forms[0]) || z.pattern.MatchString(forms[1]))
	}
	return true
}

// Match reports whether a shell-style pattern matches the whole of s: * stands for any text, dots
// included, ? for one character, [ab], [a-c] and [!a] for one of a set.
func Match(pattern, s string) bool {
	p, t := []rune(pattern), []rune(s)
	pi, ti := 0, 0
	star, mark := -1, 0
	for ti < len(t) {
		if pi < len(p) && p[pi] == '*' {
			star, mark = pi, ti
			pi++
			continue
		}
		if n := matchOne(p[pi:], t[ti]); n > 0 {
			pi, ti = pi+n, ti+1
			continue
		}
		if star < 0 {
			return false
		}
		mark++ // let the last star take one character more
		pi, ti = star+1, mark
	}
	for pi < len(p) && p[pi] == '*' {
		pi++
	}
	return pi == len(p)
}

// matchOne matches one character and returns how much of the pattern that took, 0 for no match.
func matchOne(p []rune, c rune) int {
	switch {
	case len(p) == 0:
		return 0
	case p[0] == '?':
		return 1
	case p[0] != '[':
		if p[0] == c {
			return 1
		}
		return 0
	}
	i := 1
	not := i < len(p) && p[i] == '!'
	if not {
		i++
	}
	end := i
	if end < len(p) && p[end] == ']' { // a bracket that comes first is a member
		end++
	}
	for end < len(p) && p[end] != ']' {
		end++
	}
	if end >= len(p) { // no set after all
		if c == '[' {
			return 1
		}
		return 0
	}
	found := false
	for j := i; j < end; j++ {
		if j+2 < end && p[j+1] == '-' {
			found = found || p[j] <= c && c <= p[j+2]
			j += 2
			continue
		}
		found = found || p[j] == c
	}
	if found != not {
		return end + 1
	}
	return 0
}

// static returns the zones that are configured by name.
func (c *Config) static() []Zone {
	return slices.DeleteFunc(slices.Clone(c.Zones), func(z Zone) bool { return z.Dynamic })
}

// index remembers zones for Zone and Subzones, in canonical order.
func (c *Config) index(zones []Zone) {
	sorted := slices.Clone(zones)
	slices.SortFunc(sorted, func(a, b Zone) int { return a.Name.Compare(b.Name) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byName = sorted
}

// named returns the zones that are known by name, and where the name is or would be.
func (c *Config) named(n zone.Name) ([]Zone, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	zones := c.byName
	return zones, sort.Search(len(zones), func(i int) bool { return zones[i].Name.Compare(n) >= 0 })
}

// Zone returns the zone with the name: one that is configured, or that Expand found.
func (c *Config) Zone(n zone.Name) (Zone, bool) {
	zones, i := c.named(n)
	if i == len(zones) || zones[i].Name != n {
		return Zone{}, false
	}
	return zones[i], true
}

// Subzones returns all zones of the configuration below a zone, in canonical order.
func (c *Config) Subzones(origin zone.Name) []zone.Name {
	zones, i := c.named(origin)
	var out []zone.Name
	for ; i < len(zones) && zones[i].Name.In(origin); i++ {
		if zones[i].Name != origin {
			out = append(out, zones[i].Name)
		}
	}
	return out
}
