package config

import (
	"cmp"
	"slices"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/provider"
)

// policyKeys are the keys of a policy; they stand directly below defaults, a provider or a zone.
var policyKeys = []key[Policy]{
	{"apex_ns", "who decides on NS at the apex: managed (all the zone's providers), octodns (the source), leave", formEnum(ApexManaged, ApexOctoDNS, ApexLeave, "keep"), func(d *decoder, n *yaml11.Node, p *Policy) {
		if p.ApexNS = enum(d, n, "apex_ns", ApexManaged, ApexOctoDNS, ApexLeave, "keep"); p.ApexNS == "keep" {
			p.ApexNS = ApexLeave
		}
	}},
	{"txt", "whether borders of character-strings count: joined (no), exact (yes)", formEnum(TXTJoined, TXTExact), func(d *decoder, n *yaml11.Node, p *Policy) {
		p.TXT = enum(d, n, "txt", TXTJoined, TXTExact)
	}},
	{"unsupported", "what becomes of records that a provider cannot hold", formEnum(UnsupportedError, UnsupportedDrop), func(d *decoder, n *yaml11.Node, p *Policy) {
		p.Unsupported = enum(d, n, "unsupported", UnsupportedError, UnsupportedDrop)
	}},
	{"ttl_policy", "bounds of TTLs by class of record; false for none", form{"oneOf": []form{formBool(), formRef("ttlPolicy")}}, func(d *decoder, n *yaml11.Node, p *Policy) {
		d.ttlPolicy(n, p)
	}},
	{"ownership", "what may be deleted: all, created (by zonecast), or patterns of names", form{"oneOf": []form{
		formEnum("all", "created"),
		{"type": "array", "items": formText()},
		{"type": "object", "properties": form{"pattern": formTexts()}, "required": []string{"pattern"}, "additionalProperties": false},
	}}, func(d *decoder, n *yaml11.Node, p *Policy) {
		p.Ownership = d.ownership(n)
	}},
}

// policyOf gives the policy keys to a mapping that holds a Policy.
func policyOf[T any](of func(*T) *Policy) []key[T] {
	out := make([]key[T], len(policyKeys))
	for i, k := range policyKeys {
		out[i] = key[T]{k.name, k.help, k.form, func(d *decoder, n *yaml11.Node, to *T) { k.read(d, n, of(to)) }}
	}
	return out
}

func (d *decoder) ttlPolicy(n *yaml11.Node, p *Policy) {
	t := &TTLPolicy{}
	switch n.Kind {
	case yaml11.Null:
		return
	case yaml11.Mapping:
		mapping(d, n, "ttl_policy", ttlKeys, t, finding.Error, nil)
	default:
		on, ok := d.truth(n, "ttl_policy")
		if !ok {
			return
		}
		t.Off = !on
	}
	p.TTLPolicy = t
}

var ttlKeys = []key[TTLPolicy]{
	{"volatile", "seconds at most, for what is meant to move (60)", formRef("ttlBound"), func(d *decoder, n *yaml11.Node, t *TTLPolicy) {
		t.Volatile = d.bound(n, "ttl_policy.volatile", true)
	}},
	{"end_point", "seconds at least, for addresses and CNAME (300)", formRef("ttlBound"), func(d *decoder, n *yaml11.Node, t *TTLPolicy) {
		t.EndPoint = d.bound(n, "ttl_policy.end_point", false)
	}},
	{"infrastructure", "seconds at least, for MX, TXT and others (3600)", formRef("ttlBound"), func(d *decoder, n *yaml11.Node, t *TTLPolicy) {
		t.Infrastructure = d.bound(n, "ttl_policy.infrastructure", false)
	}},
	{"apex_ns", "seconds at least, for NS at the apex (86400)", formRef("ttlBound"), func(d *decoder, n *yaml11.Node, t *TTLPolicy) {
		t.ApexNS = d.bound(n, "ttl_policy.apex_ns", false)
	}},
	{"volatile_names", "owner names relative to the zone that are volatile, shell style", formTexts(), func(d *decoder, n *yaml11.Node, t *TTLPolicy) {
		t.Names = d.texts(n, "ttl_policy.volatile_names")
	}},
	{"hold", "hold the plan, instead of a note in it", formBool(), func(d *decoder, n *yaml11.Node, t *TTLPolicy) {
		t.Hold, _ = d.truth(n, "ttl_policy.hold")
	}},
}

// bound reads seconds, or min and max.
func (d *decoder) bound(n *yaml11.Node, what string, upper bool) *TTLBound {
	b := &TTLBound{}
	if n.Kind == yaml11.Mapping {
		mapping(d, n, what, boundKeys, b, finding.Error, nil)
		if b.Max != 0 && b.Min > b.Max {
			d.err("out-of-range", place(n.Pos), "", "%s: min %d is over max %d", what, b.Min, b.Max)
		}
		return b
	}
	v, ok := d.whole(n, what, 0, 1<<31-1)
	switch {
	case !ok:
		return nil
	case upper:
		b.Max = uint32(v)
	default:
		b.Min = uint32(v)
	}
	return b
}

var boundKeys = []key[TTLBound]{
	{"min", "seconds", formInt(0), func(d *decoder, n *yaml11.Node, b *TTLBound) {
		v, _ := d.whole(n, "min", 0, 1<<31-1)
		b.Min = uint32(v)
	}},
	{"max", "seconds", formInt(0), func(d *decoder, n *yaml11.Node, b *TTLBound) {
		v, _ := d.whole(n, "max", 0, 1<<31-1)
		b.Max = uint32(v)
	}},
}

// ownership reads all, created, a list of patterns, or a mapping with them.
func (d *decoder) ownership(n *yaml11.Node) *Ownership {
	switch n.Kind {
	case yaml11.Null:
		return nil
	case yaml11.Sequence:
		return &Ownership{Mode: "pattern", Patterns: d.texts(n, "ownership")}
	case yaml11.Mapping:
		o := &Ownership{Mode: "pattern"}
		mapping(d, n, "ownership", ownershipKeys, o, finding.Error, nil)
		return o
	}
	if mode := enum(d, n, "ownership", "all", "created"); mode != "" {
		return &Ownership{Mode: mode}
	}
	return nil
}

var ownershipKeys = []key[Ownership]{
	{"pattern", "owner names relative to the zone, shell style", formTexts(), func(d *decoder, n *yaml11.Node, o *Ownership) {
		o.Patterns = d.texts(n, "ownership.pattern")
	}},
}

// address reads "192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53" or "ns1.example.net:53" and
// returns it with a port.
func (d *decoder) address(n *yaml11.Node) string {
	s, ok := d.text(d.expand(n), "an item of verify.addresses")
	if !ok {
		return ""
	}
	a, err := provider.DNSAddress(s)
	if err != nil {
		d.err("address", place(n.Pos), provider.HowToWriteDNSAddress, "%q of verify.addresses %v", clip(s), err)
		return ""
	}
	return a
}

// Guards returns what holds for plans of a zone at a target: what the zone says, else the
// target, else the whole configuration. z may be nil. Fields that stay nil were said nowhere.
func (c *Config) Guards(z *Zone, target string) Guards {
	levels := []Guards{c.Manager.Guards}
	if e, ok := c.Entry(target); ok {
		levels = append(levels, e.Guards)
	}
	if z != nil {
		levels = append(levels, z.Guards)
	}
	var out Guards
	for _, g := range levels {
		out.UpdateShare = cmp.Or(g.UpdateShare, out.UpdateShare)
		out.DeleteShare = cmp.Or(g.DeleteShare, out.DeleteShare)
		out.ShareFrom = cmp.Or(g.ShareFrom, out.ShareFrom)
		out.MaxUpdates = cmp.Or(g.MaxUpdates, out.MaxUpdates)
		out.MaxDeletes = cmp.Or(g.MaxDeletes, out.MaxDeletes)
		out.ReplaceFrom = cmp.Or(g.ReplaceFrom, out.ReplaceFrom)
		if g.AlwaysAsk != nil {
			out.AlwaysAsk = slices.Clone(g.AlwaysAsk)
		}
		if g.Disabled != nil {
			out.Disabled = slices.Clone(g.Disabled)
		}
	}
	return out
}

// Policy returns how a zone is fitted to a target: what the zone says, else the target, else
// defaults. z may be nil. Only TTLPolicy and Ownership may stay nil; they are the guards' own
// defaults then.
func (c *Config) Policy(z *Zone, target string) Policy {
	out := Policy{ApexNS: ApexManaged, TXT: TXTJoined, Unsupported: UnsupportedError}
	if c.Format == OctoDNS {
		out.ApexNS = ApexOctoDNS
	}
	levels := []Policy{c.Defaults}
	if e, ok := c.Entry(target); ok {
		p := e.Policy
		if e.StrictSupports != nil && !*e.StrictSupports {
			p.Unsupported = UnsupportedDrop
		}
		levels = append(levels, p)
	}
	if z != nil {
		levels = append(levels, z.Policy)
	}
	for _, p := range levels {
		out.ApexNS = cmp.Or(p.ApexNS, out.ApexNS)
		out.TXT = cmp.Or(p.TXT, out.TXT)
		out.Unsupported = cmp.Or(p.Unsupported, out.Unsupported)
		out.TTLPolicy = cmp.Or(p.TTLPolicy, out.TTLPolicy)
		out.Ownership = cmp.Or(p.Ownership, out.Ownership)
	}
	return out
}

// VerifyAt returns how writes at a target are asked back: what the target says, else verify.
func (c *Config) VerifyAt(target string) Verify {
	out := c.Verify
	if e, ok := c.Entry(target); ok {
		out.Off = cmp.Or(e.Verify.Off, out.Off)
		out.Timeout = cmp.Or(e.Verify.Timeout, out.Timeout)
		if e.Verify.Addresses != nil {
			out.Addresses = e.Verify.Addresses
		}
	}
	return out
}
