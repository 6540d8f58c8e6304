package processor

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// A matcher says whether an RRset is on a list.
type matcher func(z *zone.Zone, set zone.RRset) bool

// A filter keeps what is on its list, or what is not.
type filter struct {
	base
	allow   bool
	target  bool // on what was observed too; otherwise what is filtered gets deleted there
	matches matcher
}

func (f *filter) apply(z *zone.Zone) *zone.Zone {
	return only(z, func(set zone.RRset) bool { return f.matches(z, set) == f.allow })
}

func (f *filter) Source(z *zone.Zone, _ Context) (*zone.Zone, []finding.Finding) {
	return f.apply(z), nil
}

func (f *filter) Target(z *zone.Zone, _ Context) (*zone.Zone, []finding.Finding) {
	if !f.target {
		return z, nil
	}
	return f.apply(z), nil
}

// listFilter makes filters whose list is the option named.
func listFilter(option string, allow bool, match func([]string) (matcher, error)) maker {
	return func(id string, o *reader, _ Env) Processor {
		f := &filter{base: newBase(id, o), allow: allow, target: o.boolean("include_target", true)}
		m, err := match(o.list(option, true))
		if err != nil {
			o.errs = append(o.errs, fmt.Errorf("option %s: %w", option, err))
		}
		f.matches = m
		return f
	}
}

func matchTypes(list []string) (matcher, error) {
	return func(_ *zone.Zone, set zone.RRset) bool { return slices.Contains(list, set.Type.String()) }, nil
}

// patterns are exact texts and /regular expressions/, which may match anywhere in a text.
type patterns struct {
	exact   map[string]bool
	regexps []*regexp.Regexp
}

func parsePatterns(list []string) (p patterns, err error) {
	p.exact = make(map[string]bool, len(list))
	for _, s := range list {
		if len(s) < 2 || s[0] != '/' {
			p.exact[s] = true
			continue
		}
		re, err := regexp.Compile(s[1 : len(s)-1])
		if err != nil {
			return p, fmt.Errorf("%s is no regular expression: %w", s, err)
		}
		p.regexps = append(p.regexps, re)
	}
	return p, nil
}

func (p patterns) match(text string) bool {
	return p.exact[text] || slices.ContainsFunc(p.regexps, func(re *regexp.Regexp) bool { return re.MatchString(text) })
}

func matchNames(list []string) (matcher, error) {
	p, err := parsePatterns(list)
	return func(z *zone.Zone, set zone.RRset) bool { return p.match(relative(set.Owner, z.Origin())) }, err
}

func matchValues(list []string) (matcher, error) {
	p, err := parsePatterns(list)
	return func(z *zone.Zone, set zone.RRset) bool {
		return slices.ContainsFunc(valueTexts(set, z.Origin()), p.match)
	}, err
}

// matchTags looks for all tags among those of a record for Cloudflare or of one of its values.
func matchTags(list []string) (matcher, error) {
	return func(_ *zone.Zone, set zone.RRset) bool {
		text, ok := set.Extra.Value("octodns")
		if !ok {
			return len(list) == 0
		}
		var m struct {
			Cloudflare struct {
				Tags   []string `json:"tags"`
				Values []struct {
					Tags []string `json:"tags"`
				} `json:"values"`
			} `json:"cloudflare"`
		}
		if json.Unmarshal([]byte(text), &m) != nil {
			return false
		}
		tags := m.Cloudflare.Tags
		for _, v := range m.Cloudflare.Values {
			tags = append(tags, v.Tags...)
		}
		return !slices.ContainsFunc(list, func(t string) bool { return !slices.Contains(tags, t) })
	}, nil
}

// networkFilter filters A and AAAA by the networks that their addresses lie in. Other types pass.
func networkFilter(option string, allow bool) maker {
	return func(id string, o *reader, _ Env) Processor {
		var nets []netip.Prefix
		for _, s := range o.list(option, true) {
			p, err := parseNetwork(s)
			if err != nil {
				o.errs = append(o.errs, fmt.Errorf("option %s: %w", option, err))
			}
			nets = append(nets, p)
		}
		return &filter{base: newBase(id, o), allow: true, target: true, matches: func(_ *zone.Zone, set zone.RRset) bool {
			if set.Type != zone.TypeA && set.Type != zone.TypeAAAA {
				return true
			}
			inside := slices.ContainsFunc(set.Data, func(d zone.Data) bool {
				a, ok := netip.AddrFromSlice([]byte(d))
				return ok && slices.ContainsFunc(nets, func(p netip.Prefix) bool { return p.Contains(a) })
			})
			return inside == allow
		}}
	}
}

func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, fmt.Errorf("%q is no network; write one like 192.0.2.0/24", s)
	case p != p.Masked():
		return p, fmt.Errorf("%s has host bits set; write %s", s, p.Masked())
	}
	return p, nil
}

// isApexNS reports whether k is the NS RRset at the apex of z.
func isApexNS(z *zone.Zone, k zone.Key) bool { return k.Type == zone.TypeNS && k.Owner == z.Origin() }

// newIgnoreRootNS takes the apex NS out of sight on both sides.
func newIgnoreRootNS(id string, o *reader, _ Env) Processor {
	return &filter{base: newBase(id, o), allow: false, target: true, matches: func(z *zone.Zone, set zone.RRset) bool {
		return isApexNS(z, set.Key())
	}}
}

// newAWSACM hides the CNAMEs that AWS Certificate Manager validates certificates by.
func newAWSACM(id string, o *reader, _ Env) Processor {
	validations := zone.MustName("acm-validations.aws.")
	return &filter{base: newBase(id, o), allow: false, target: true, matches: func(z *zone.Zone, set zone.RRset) bool {
		if set.Type != zone.TypeCNAME || len(set.Data) == 0 || !strings.HasPrefix(relative(set.Owner, z.Origin()), "_") {
			return false
		}
		target, _, err := zone.NameFromWire([]byte(set.Data[0]))
		return err == nil && target.Below(validations)
	}}
}

// excludeRootNS keeps apex NS out of plans.
type excludeRootNS struct {
	base
	fail bool
}

func newExcludeRootNS(id string, o *reader, _ Env) Processor {
	return &excludeRootNS{base: newBase(id, o), fail: o.boolean("error", true)}
}

func (p *excludeRootNS) Plan(_, desired *zone.Zone, changes []zone.Change, c Context) ([]zone.Change, []finding.Finding) {
	i := slices.IndexFunc(changes, func(ch zone.Change) bool { return isApexNS(desired, ch.Key()) })
	if i < 0 {
		return changes, nil
	}
	f := p.problem("root-ns-excluded", desired, changes[i].Key(), c, "make the source agree with the target, or remove the processor",
		"changes of the apex NS are disallowed")
	if !p.fail {
		f.Severity, f.Fix = finding.Warning, ""
		f.Text += "; the change was left out"
		changes = slices.Delete(slices.Clone(changes), i, i+1)
	}
	return changes, []finding.Finding{f}
}

// zoneName finds records whose names repeat the zone's name, which is hardly ever meant.
type zoneName struct {
	base
	fail, target bool
}

func newZoneName(id string, o *reader, _ Env) Processor {
	return &zoneName{base: newBase(id, o), fail: o.boolean("error", true), target: o.boolean("include_target", true)}
}

func (p *zoneName) apply(z *zone.Zone, c Context) (*zone.Zone, []finding.Finding) {
	suffix := strings.TrimSuffix(z.Origin().String(), ".")
	var found []finding.Finding
	after := only(z, func(set zone.RRset) bool {
		if !strings.HasSuffix(relative(set.Owner, z.Origin()), suffix) || suffix == "" {
			return true
		}
		if !p.fail {
			return false
		}
		found = append(found, p.problem("zone-name-in-record", z, set.Key(), c,
			"take the zone's name off the record's", "the name %q ends with the name of the zone", relative(set.Owner, z.Origin())))
		return true
	})
	return after, found
}

func (p *zoneName) Source(z *zone.Zone, c Context) (*zone.Zone, []finding.Finding) {
	return p.apply(z, c)
}

func (p *zoneName) Target(z *zone.Zone, c Context) (*zone.Zone, []finding.Finding) {
	if !p.target {
		return z, nil
	}
	return p.apply(z, c)
}
