package config

import (
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
)

// octoKeys are the top-level keys of octoDNS. Others are allowed there, to park anchors.
var octoKeys = []key[Config]{
	{"manager", "settings of the whole run", formRef("manager"), func(d *decoder, n *yaml11.Node, c *Config) {
		mapping(d, n, "manager", managerKeys, &c.Manager, finding.Warning, nil)
	}},
	{"providers", "sources and targets by id", formRef("entries"), func(d *decoder, n *yaml11.Node, c *Config) {
		c.Providers = d.entries(n, "providers", RoleProvider)
	}},
	{"processors", "processors by id", formRef("entries"), func(d *decoder, n *yaml11.Node, c *Config) {
		c.Processors = d.entries(n, "processors", RoleProcessor)
	}},
	{"validators", "validation rules by id", formRef("entries"), func(d *decoder, n *yaml11.Node, c *Config) {
		c.Rules = d.entries(n, "validators", RoleRule)
	}},
	{"secret_handlers", "where values of the form id/rest come from", formRef("entries"), func(d *decoder, n *yaml11.Node, c *Config) {
		c.SecretHandlers = d.entries(n, "secret_handlers", RoleSecrets)
	}},
	{"zones", "zones by name, with a final dot", formRef("zones"), func(d *decoder, n *yaml11.Node, c *Config) {
		c.Zones = d.zones(n, octoZoneKeys)
	}},
}

// octodns reads a main configuration of octoDNS.
func (d *decoder) octodns(root *yaml11.Node) {
	names := make([]string, len(octoKeys))
	for i, k := range octoKeys {
		names[i] = k.name
	}
	mapping(d, root, "the configuration", octoKeys, d.cfg, finding.Warning, func(k yaml11.Key) {
		if near := finding.Nearest(k.Name, names); near != "" && root.Get(near) == nil {
			d.unknownKey(k, "the configuration", names, finding.Warning)
		}
	})
	for _, required := range []string{"providers", "zones"} {
		if !has(root, required) {
			d.err("missing-key", finding.Place{File: d.cfg.Path, Line: 1, Col: 1}, "add "+required+":",
				"the configuration has no %s", required)
		}
	}
}

func has(n *yaml11.Node, name string) bool {
	for _, k := range n.Keys {
		if k.Name == name {
			return true
		}
	}
	return false
}

var managerKeys = []key[Manager]{
	{"max_workers", "zones read and planned at the same time", formInt(1), func(d *decoder, n *yaml11.Node, m *Manager) {
		if v, ok := d.whole(d.expand(n), "max_workers", 1, 10_000); ok {
			m.MaxWorkers = int(v)
		}
	}},
	{"include_meta", "add a TXT octodns-meta to every zone and target", formBool(), func(d *decoder, n *yaml11.Node, m *Manager) {
		m.IncludeMeta, _ = d.truth(n, "include_meta")
	}},
	{"auto_arpa", "make PTR records from addresses", form{"oneOf": []form{formBool(), formRef("autoArpa")}}, readAutoArpa},
	{"enable_checksum", "compute and require a checksum of the plan", formBool(), func(d *decoder, n *yaml11.Node, m *Manager) {
		m.EnableChecksum, _ = d.truth(n, "enable_checksum")
	}},
	{"processors", "processors that run before those of a zone", formTexts(), func(d *decoder, n *yaml11.Node, m *Manager) {
		m.Processors = d.refs(n, "processors")
	}},
	{"post_processors", "processors that run after those of a zone", formTexts(), func(d *decoder, n *yaml11.Node, m *Manager) {
		m.PostProcessors = d.refs(n, "post_processors")
	}},
	{"plan_outputs", "where plans are shown", formRef("entries"), func(d *decoder, n *yaml11.Node, m *Manager) {
		m.PlanOutputs = d.entries(n, "plan_outputs", RolePlanOutput)
	}},
	{"validators", "which validation rules apply", formRef("validators"), func(d *decoder, n *yaml11.Node, m *Manager) {
		m.Validators = d.validators(n)
	}},
	{"update_pcent_threshold", "share of a zone that may be updated at once", formShare(), func(d *decoder, n *yaml11.Node, m *Manager) {
		m.Guards.UpdateShare = d.share(n, "update_pcent_threshold")
	}},
	{"delete_pcent_threshold", "share of a zone that may be deleted at once", formShare(), func(d *decoder, n *yaml11.Node, m *Manager) {
		m.Guards.DeleteShare = d.share(n, "delete_pcent_threshold")
	}},
	{"always_ask", "types whose changes always need a yes", formAsk(), func(d *decoder, n *yaml11.Node, m *Manager) {
		d.alwaysAsk(n, &m.Guards)
	}},
	{"for", "with always_ask: the types", formTexts(), func(d *decoder, n *yaml11.Node, m *Manager) {
		d.askFor(n, &m.Guards)
	}},
}

var autoArpaKeys = []key[AutoArpa]{
	{"ttl", "TTL of the PTR records, in seconds", formInt(0), func(d *decoder, n *yaml11.Node, a *AutoArpa) {
		if v, ok := d.whole(n, "auto_arpa.ttl", 0, 1<<31-1); ok {
			a.TTL = uint32(v)
		}
	}},
	{"populate_should_replace", "PTR records replace those of other sources", formBool(), func(d *decoder, n *yaml11.Node, a *AutoArpa) {
		a.PopulateShouldReplace, _ = d.truth(n, "auto_arpa.populate_should_replace")
	}},
	{"max_auto_arpa", "names of one address at most", formInt(1), func(d *decoder, n *yaml11.Node, a *AutoArpa) {
		if v, ok := d.whole(n, "auto_arpa.max_auto_arpa", 1, 1<<20); ok {
			a.Max = int(v)
		}
	}},
	{"inherit_ttl", "take the TTL of the address record", formBool(), func(d *decoder, n *yaml11.Node, a *AutoArpa) {
		a.InheritTTL, _ = d.truth(n, "auto_arpa.inherit_ttl")
	}},
	{"wildcard_replacement", "what stands for the * of a wildcard", formText(), func(d *decoder, n *yaml11.Node, a *AutoArpa) {
		if !isNull(n) {
			a.WildcardReplacement, _ = d.text(n, "auto_arpa.wildcard_replacement")
		}
	}},
}

func readAutoArpa(d *decoder, n *yaml11.Node, m *Manager) {
	a := AutoArpa{TTL: 3600, Max: 999}
	switch {
	case isNull(n):
	case n.Kind == yaml11.Mapping:
		mapping(d, n, "auto_arpa", autoArpaKeys, &a, finding.Warning, nil)
		m.AutoArpa = &a
	default:
		if on, _ := d.truth(n, "auto_arpa"); on {
			m.AutoArpa = &a
		}
	}
}

// DefaultAlwaysAsk are the types whose changes need a yes when `always_ask` names none.
var DefaultAlwaysAsk = []string{"MX", "NS", "SOA", "DS"}

func formAsk() form {
	return form{"oneOf": []form{formBool(), {"type": "array", "items": formText()}, {
		"type": "object", "additionalProperties": false,
		"properties": form{"for": formTexts(), "types": formTexts(), "enabled": formBool()},
	}}}
}

// alwaysAsk reads true, false, a list of types, or a mapping with `for`.
func (d *decoder) alwaysAsk(n *yaml11.Node, g *Guards) {
	switch n.Kind {
	case yaml11.Null:
	case yaml11.Sequence:
		g.AlwaysAsk = d.types(n, "always_ask")
	case yaml11.Mapping:
		if g.AlwaysAsk == nil {
			g.AlwaysAsk = DefaultAlwaysAsk
		}
		for _, k := range n.Keys {
			switch k.Name {
			case "for", "types":
				g.AlwaysAsk = d.types(k.Value, "always_ask."+k.Name)
			case "enabled":
				if on, ok := d.truth(k.Value, "always_ask.enabled"); ok && !on {
					g.AlwaysAsk = []string{}
					return
				}
			default:
				d.unknownKey(k, "always_ask", []string{"for", "types", "enabled"}, finding.Warning)
			}
		}
	default:
		on, ok := d.truth(n, "always_ask")
		switch {
		case ok && !on:
			g.AlwaysAsk = []string{}
		case ok && g.AlwaysAsk == nil:
			g.AlwaysAsk = DefaultAlwaysAsk
		}
	}
}

// askFor reads the types of an `always_ask: true` beside it.
func (d *decoder) askFor(n *yaml11.Node, g *Guards) {
	if off := g.AlwaysAsk != nil && len(g.AlwaysAsk) == 0; !off {
		g.AlwaysAsk = d.types(n, "for")
	}
}

// validators reads the selection of rules, with the deprecated keys that stood for record rules.
func (d *decoder) validators(n *yaml11.Node) Validators {
	v := Validators{}
	if isNull(n) {
		return v
	}
	v.Place = place(n.Pos)
	if n.Kind != yaml11.Mapping {
		d.wrongType(n, "validators", "a mapping")
		return v
	}
	mapping(d, n, "validators", validatorKeys, &v, finding.Warning, nil)
	for _, old := range []string{"validators", "disable_validators"} {
		if has(n, old) && n.Get("record").Get(old) != nil {
			d.err("both-forms", place(n.Get(old).Pos), "keep record."+old, "validators has both %s and record.%s", old, old)
		}
	}
	return v
}

var validatorKeys = []key[Validators]{
	{"enabled", "sets of rules: legacy, strict, best-practice", form{"type": "array", "items": formText()}, func(d *decoder, n *yaml11.Node, v *Validators) {
		if !isNull(n) && n.Kind != yaml11.Sequence {
			d.wrongType(n, "validators.enabled", "a list")
			return
		}
		v.Enabled = d.texts(n, "validators.enabled")
	}},
	{"record", "rules of records", formRef("recordRules"), func(d *decoder, n *yaml11.Node, v *Validators) {
		mapping(d, n, "validators.record", recordRuleKeys, v, finding.Warning, nil)
	}},
	{"zone", "rules of zones", formRef("zoneRules"), func(d *decoder, n *yaml11.Node, v *Validators) {
		mapping(d, n, "validators.zone", zoneRuleKeys, v, finding.Warning, nil)
	}},
	recordRuleKeys[0], recordRuleKeys[1],
}

var recordRuleKeys = []key[Validators]{
	{"validators", "record rules to switch on, by type or '*'", formLists(), func(d *decoder, n *yaml11.Node, v *Validators) {
		v.RecordEnable = d.lists(n, "validators")
	}},
	{"disable_validators", "record rules to switch off, by type or '*'", formLists(), func(d *decoder, n *yaml11.Node, v *Validators) {
		v.RecordDisable = d.lists(n, "disable_validators")
	}},
}

var zoneRuleKeys = []key[Validators]{
	{"validators", "zone rules to switch on", formTexts(), func(d *decoder, n *yaml11.Node, v *Validators) {
		v.ZoneEnable = d.texts(n, "validators.zone.validators")
	}},
	{"disable_validators", "zone rules to switch off", formTexts(), func(d *decoder, n *yaml11.Node, v *Validators) {
		v.ZoneDisable = d.texts(n, "validators.zone.disable_validators")
	}},
}
