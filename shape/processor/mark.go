package processor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// acmeMark is the value by which octoDNS knows challenges that it wrote.
const acmeMark = "*octoDNS*"

// acme keeps challenges that certificate clients wrote, and lets the source have its own beside.
type acme struct{ base }

func newAcme(id string, o *reader, _ Env) Processor { return &acme{newBase(id, o)} }

func isChallenge(z *zone.Zone, set zone.RRset) bool {
	return set.Type == zone.TypeTXT && strings.HasPrefix(relative(set.Owner, z.Origin()), "_acme-challenge")
}

func (p *acme) Source(z *zone.Zone, _ Context) (*zone.Zone, []finding.Finding) {
	return edit(z, func(set zone.RRset) (zone.RRset, bool) {
		if isChallenge(z, set) {
			set.Data = append(slices.Clone(set.Data), textData(acmeMark))
			set = set.Clean()
		}
		return set, true
	}), nil
}

func (p *acme) Target(z *zone.Zone, c Context) (*zone.Zone, []finding.Finding) {
	return only(z, func(set zone.RRset) bool {
		if !isChallenge(z, set) || slices.Contains(texts(set), acmeMark) {
			return true
		}
		if c.Desired == nil {
			return false
		}
		_, ours := c.Desired.Set(set.Owner, set.Type)
		return ours
	}), nil
}

// ownership marks each RRset that zonecast manages with a TXT record, and leaves alone what
// carries no mark.
type ownership struct {
	base
	name, value       string
	ttl               uint32
	replace, takeover bool
}

func newOwnership(id string, o *reader, _ Env) Processor {
	return &ownership{
		base: newBase(id, o), name: o.text("txt_name", "_owner"), value: o.text("txt_value", "*octodns*"),
		ttl: uint32(o.number("txt_ttl", 60)), replace: o.boolean("should_replace", false), takeover: o.boolean("allow_takeover", false),
	}
}

func (p *ownership) named(z *zone.Zone, set zone.RRset) bool {
	return set.Type == zone.TypeTXT && strings.HasPrefix(relative(set.Owner, z.Origin()), p.name)
}

func (p *ownership) marks(z *zone.Zone, set zone.RRset) bool {
	return p.named(z, set) && slices.Equal(texts(set), []string{p.value})
}

func (p *ownership) Source(z *zone.Zone, c Context) (*zone.Zone, []finding.Finding) {
	var changes []zone.Change
	var found []finding.Finding
	for set := range z.All() {
		if p.marks(z, set) {
			continue
		}
		name := p.name + "." + set.Type.String()
		if rel := relative(set.Owner, z.Origin()); rel != "" {
			name += "." + strings.ReplaceAll(rel, "*", "_wildcard")
		}
		owner, err := zone.ParseNameIn(name, z.Origin())
		if err != nil {
			found = append(found, p.problem("ownership-name", z, set.Key(), c, "", "its mark has no name: %v", err))
			continue
		}
		mark := zone.RRset{Owner: owner, Type: zone.TypeTXT, TTL: p.ttl, Data: []zone.Data{textData(p.value)}}
		have, taken := z.Set(owner, zone.TypeTXT)
		switch {
		case !taken:
			changes = append(changes, zone.Change{After: &mark})
		case p.replace || p.marks(z, have):
			changes = append(changes, zone.Change{Before: &have, After: &mark})
		default:
			found = append(found, p.problem("ownership-name", z, have.Key(), c, "rename it, or set should_replace: true",
				"%s stands where the mark of %s belongs", have.Key(), set.Key()))
		}
	}
	return with(z, changes), found
}

// decode returns what a mark is about: "" and "A" for _owner.A.
func (p *ownership) decode(z *zone.Zone, set zone.RRset) (name, typ string) {
	parts := strings.SplitN(relative(set.Owner, z.Origin()), ".", 3)
	if len(parts) > 2 {
		name = strings.ReplaceAll(parts[2], "_wildcard", "*")
	}
	if len(parts) > 1 {
		typ = strings.ToUpper(parts[1])
	}
	return name, typ
}

func (p *ownership) Plan(observed, desired *zone.Zone, changes []zone.Change, c Context) ([]zone.Change, []finding.Finding) {
	type item struct{ name, typ string }
	owned := map[item]bool{}
	foreign := map[item]zone.RRset{}
	for set := range observed.All() {
		if p.marks(observed, set) {
			n, t := p.decode(observed, set)
			owned[item{n, t}] = true
		} else if !p.takeover && p.named(observed, set) {
			n, t := p.decode(observed, set)
			foreign[item{n, t}] = set
		}
	}
	for set := range desired.All() {
		if p.marks(desired, set) {
			n, t := p.decode(desired, set)
			owned[item{n, t}] = true
		}
	}
	var found []finding.Finding
	for set := range observed.All() { // in canonical order, for the findings
		if !p.named(observed, set) {
			continue
		}
		n, t := p.decode(observed, set)
		it := item{n, t}
		if f, ok := foreign[it]; ok && owned[it] && f.Key() == set.Key() {
			found = append(found, p.problem("ownership-foreign", desired, set.Key(), c, "set allow_takeover: true to take it over",
				"refusing to take over %s %s, which %v owns, not %s", set.Owner.Unicode(), t, texts(set), p.value))
		}
	}
	kept := make([]zone.Change, 0, len(changes))
	for _, ch := range changes {
		set := ch.After
		if set == nil {
			set = ch.Before
		}
		rel := relative(set.Owner, desired.Origin())
		if p.marks(desired, *set) || owned[item{rel, strings.ToUpper(set.Type.String())}] || rel == "octodns-meta" {
			kept = append(kept, ch)
		}
	}
	if len(kept) == len(changes) {
		return changes, found
	}
	return kept, found
}

// meta writes a TXT record that tells when, by what and for whom a zone was written.
type meta struct {
	base
	name     string
	ttl      uint32
	values   []string // but the provider
	provider bool
}

func newMeta(id string, o *reader, env Env) Processor {
	p := &meta{base: newBase(id, o), name: o.text("record_name", "meta"), ttl: uint32(o.number("ttl", 60))}
	if o.boolean("include_version", false) {
		p.values = append(p.values, "octodns-version="+env.Version)
	}
	p.provider = o.boolean("include_provider", false)
	if o.boolean("include_time", true) {
		p.values = append(p.values, "time="+env.Now.UTC().Format(time.RFC3339Nano))
	}
	if o.boolean("include_uuid", false) {
		p.values = append(p.values, "uuid="+env.UUID)
	}
	extra := o.mapping("include_extra")
	for _, k := range slices.Sorted(maps.Keys(extra)) {
		v, ok := scalarText(extra[k])
		if !ok {
			o.wrong("include_extra."+k, "text", extra[k])
		}
		p.values = append(p.values, k+"="+v)
	}
	return p
}

// NewMeta returns the processor that manager.include_meta adds: a TXT octodns-meta with the
// provider's name.
func NewMeta(id string) Processor {
	return &meta{base: base{id: id}, name: "octodns-meta", ttl: 60, provider: true}
}

func (p *meta) texts(target string) []string {
	out := slices.Clone(p.values)
	if p.provider {
		out = append(out, "provider="+target)
	}
	return out
}

func (p *meta) Both(desired, _ *zone.Zone, c Context) (*zone.Zone, []finding.Finding) {
	owner, err := zone.ParseNameIn(p.name, desired.Origin())
	values := p.texts(c.Target)
	if err != nil || len(values) == 0 {
		return desired, nil
	}
	set := zone.RRset{Owner: owner, Type: zone.TypeTXT, TTL: p.ttl}
	for _, v := range values {
		set.Data = append(set.Data, textData(v))
	}
	set = set.Clean()
	if _, taken := desired.Set(owner, zone.TypeTXT); taken {
		return desired, []finding.Finding{p.problem("meta-name", desired, set.Key(), c, "choose another record_name", "the source has a TXT at %s already", owner.Unicode())}
	}
	return with(desired, []zone.Change{{After: &set}}), nil
}

// Plan drops a plan that would only write a new time into the record.
func (p *meta) Plan(_, desired *zone.Zone, changes []zone.Change, c Context) ([]zone.Change, []finding.Finding) {
	if len(changes) != 1 || changes[0].Before == nil {
		return changes, nil
	}
	k := changes[0].Key()
	if k.Type != zone.TypeTXT || relative(k.Owner, desired.Origin()) != p.name {
		return changes, nil
	}
	if maps.Equal(keysOf(p.texts(c.Target)), keysOf(texts(*changes[0].Before))) {
		return nil, nil
	}
	return changes, nil
}

// keysOf returns what stands before "=" in each text.
func keysOf(list []string) map[string]bool {
	m := map[string]bool{}
	for _, v := range list {
		k, _, _ := strings.Cut(v, "=")
		m[k] = true
	}
	return m
}

// texts returns each TXT record's text, character-strings joined.
func texts(set zone.RRset) []string {
	out := make([]string, len(set.Data))
	for i, d := range set.Data {
		var b strings.Builder
		for len(d) > 0 {
			n := min(int(d[0]), len(d)-1)
			b.WriteString(string(d[1 : 1+n]))
			d = d[1+n:]
		}
		out[i] = b.String()
	}
	return out
}

// textData makes the RDATA of a TXT record, cut into character-strings of 255 octets.
func textData(text string) zone.Data {
	var b []byte
	for first := true; first || text != ""; first = false {
		n := min(255, len(text))
		b = append(append(b, byte(n)), text[:n]...)
		text = text[n:]
	}
	return zone.Data(b)
}

// spf checks that SPF can be evaluated within the limits of RFC 7208, section 4.6.4.
type spf struct {
	base
	lookup func(string) ([]string, error)
}

func newSPF(id string, o *reader, env Env) Processor {
	return &spf{base: newBase(id, o), lookup: env.LookupTXT}
}

func (p *spf) Source(z *zone.Zone, c Context) (*zone.Zone, []finding.Finding) {
	var found []finding.Finding
	for set := range z.All() {
		if set.Type != zone.TypeTXT || lenientSet(set) {
			continue
		}
		if _, err := p.count(texts(set), 0, map[string]bool{}); err != nil {
			found = append(found, p.problem("spf-lookups", z, set.Key(), c, "", "%s %v", set.Owner.Unicode(), err))
		}
	}
	return z, found
}

const spfLimit = 10

// count adds the look-ups that a record costs to n.
func (p *spf) count(values []string, n int, seen map[string]bool) (int, error) {
	var record string
	for _, v := range values {
		if !strings.HasPrefix(v, "v=spf1 ") {
			continue
		}
		if record != "" {
			return n, fmt.Errorf("has more than one SPF value in the TXT record")
		}
		record = v
	}
	for term := range strings.FieldsSeq(strings.TrimPrefix(record, "v=spf1 ")) {
		term = strings.TrimLeft(term, "+-~?")
		mechanism, arg := term, ""
		if i := strings.IndexAny(term, ":=/"); i >= 0 {
			mechanism, arg = term[:i], term[i+1:]
		}
		switch strings.ToLower(mechanism) {
		case "ptr":
			return n, fmt.Errorf("uses the deprecated ptr mechanism")
		case "a", "mx", "exists", "redirect", "include":
			n++
		default:
			continue
		}
		if n > spfLimit {
			return n, fmt.Errorf("exceeds the %d DNS lookup limit in the SPF record", spfLimit)
		}
		if !strings.EqualFold(mechanism, "include") || p.lookup == nil || strings.Contains(arg, "%") {
			continue
		}
		if seen[arg] {
			return n, fmt.Errorf("includes %s in a circle", arg)
		}
		seen[arg] = true
		values, err := p.lookup(arg)
		if err != nil {
			return n, fmt.Errorf("includes %s, which cannot be looked up: %w", arg, err)
		}
		if n, err = p.count(values, n, seen); err != nil {
			return n, err
		}
		delete(seen, arg)
	}
	return n, nil
}
