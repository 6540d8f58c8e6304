package config

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone/octodns"
)

// RuleSet returns the validation rules of a zone: those of the whole configuration less what the
// zone switches off. z may be nil.
func (c *Config) RuleSet(z *Zone) octodns.RuleSet {
	v := c.Manager.Validators
	out := octodns.RuleSet{
		Sets: v.Enabled, Enable: v.RecordEnable, Disable: v.RecordDisable,
		EnableZone: v.ZoneEnable, DisableZone: v.ZoneDisable,
	}
	for _, e := range c.Rules {
		out = custom(out, e)
	}
	if z != nil && z.RecordDisable != nil {
		out.Disable = maps.Clone(out.Disable)
		if out.Disable == nil {
			out.Disable = map[string][]string{}
		}
		for typ, ids := range z.RecordDisable {
			out.Disable[typ] = slices.Concat(out.Disable[typ], ids)
		}
	}
	if z != nil {
		out.DisableZone = slices.Concat(out.DisableZone, z.ZoneDisable)
	}
	return out
}

// custom applies an entry of the section validators: a rule of octoDNS with options of its own.
// Such a rule belongs to no set, so it is on.
func custom(r octodns.RuleSet, e Entry) octodns.RuleSet {
	text := func(name string) string {
		v, _ := e.Option(name)
		return v.Text
	}
	switch e.Known.Type {
	case "mail":
		r.EnableZone = slices.Concat(r.EnableZone, []string{"mail"})
		r.MailMode = text("mode")
		if n, err := strconv.Atoi(text("min_mx")); err == nil {
			r.MinMX = n
		}
		v, _ := e.Option("single_mx_regexes")
		for _, item := range append(v.List, v) {
			if re, err := regexp.Compile(item.Text); err == nil && item.Kind == Scalar {
				r.SingleMX = append(r.SingleMX, re)
			}
		}
	case "caa-best-practices":
		r.EnableZone = slices.Concat(r.EnableZone, []string{"caa-best-practices"})
		r.CAARequired = text("presence") == "required"
	}
	return r
}

// customRules checks the options of the section validators.
func (d *decoder) customRules() {
	for _, e := range d.cfg.Rules {
		v, _ := e.Option("single_mx_regexes")
		for _, item := range append(v.List, v) {
			if _, err := regexp.Compile(item.Text); err != nil && item.Kind == Scalar {
				d.err("regex", item.Place, "look-around and back-references are not supported", "%v", err)
			}
		}
		for name, words := range map[string][]string{"mode": {"auto", "mail", "no-mail"}, "presence": {"optional", "required"}} {
			if v, ok := e.Option(name); ok && e.Known.Name != "" && !slices.Contains(words, v.Text) {
				d.err("unknown-word", v.Place, "write "+strings.Join(words, ", "), "%s of rule %s is %q", name, clip(e.ID), clip(v.Text))
			}
		}
	}
}

// ruleIDs checks that the validation rules that are switched exist.
func (d *decoder) ruleIDs() {
	own := func(id string) bool {
		_, ok := find(d.cfg.Rules, id)
		return ok
	}
	strip := func(ids []string) []string {
		return slices.DeleteFunc(slices.Clone(ids), own)
	}
	stripAll := func(m map[string][]string) map[string][]string {
		out := make(map[string][]string, len(m))
		for k, ids := range m {
			out[k] = strip(ids)
		}
		return out
	}
	look := func(at finding.Place, v Validators) {
		rules := octodns.RuleSet{
			Sets: v.Enabled, Enable: stripAll(v.RecordEnable), Disable: stripAll(v.RecordDisable),
			EnableZone: strip(v.ZoneEnable), DisableZone: strip(v.ZoneDisable),
		}
		for _, f := range rules.Check() {
			f.Place = at
			d.add(f)
		}
	}
	d.customRules()
	look(d.cfg.Manager.Validators.Place, d.cfg.Manager.Validators)
	for _, z := range d.cfg.Zones {
		if z.RecordDisable != nil || z.ZoneDisable != nil {
			look(z.Place, Validators{RecordDisable: z.RecordDisable, ZoneDisable: z.ZoneDisable})
		}
	}
}
