package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
)

// zoneKeys are what both formats know of a zone.
var zoneKeys = []key[Zone]{
	{"sources", "ids of the sources, merged in this order", orNull(formTexts()), func(d *decoder, n *yaml11.Node, z *Zone) {
		z.Sources = d.refs(n, "sources")
	}},
	{"targets", "ids of the providers that the zone is written to", orNull(formTexts()), func(d *decoder, n *yaml11.Node, z *Zone) {
		z.Targets = d.refs(n, "targets")
	}},
	{"processors", "ids of processors", orNull(formTexts()), func(d *decoder, n *yaml11.Node, z *Zone) {
		z.Processors = d.refs(n, "processors")
	}},
	{"lenient", "violations of rules are warnings", formBool(), func(d *decoder, n *yaml11.Node, z *Zone) {
		z.Lenient, _ = d.truth(n, "lenient")
	}},
	{"ignore_subzone_adds", "drop records that belong to a configured sub-zone", formBool(), func(d *decoder, n *yaml11.Node, z *Zone) {
		z.IgnoreSubzoneAdds, _ = d.truth(n, "ignore_subzone_adds")
	}},
	{"validators", "validation rules to switch off", formRef("disabledRules"), func(d *decoder, n *yaml11.Node, z *Zone) {
		v := d.validators(n)
		z.RecordDisable, z.ZoneDisable = v.RecordDisable, v.ZoneDisable
		if v.Enabled != nil || v.RecordEnable != nil || v.ZoneEnable != nil {
			d.warn("zone-rules", place(n.Pos), "enable rules under manager: validators", "a zone can only switch rules off; what it enables is ignored")
		}
	}},
	{"glob", "of a pattern entry: names that it takes, shell style", formText(), func(d *decoder, n *yaml11.Node, z *Zone) {
		z.Glob, _ = d.text(n, "glob")
	}},
	{"regex", "of a pattern entry: names that it takes", formText(), func(d *decoder, n *yaml11.Node, z *Zone) {
		d.regex(n, z)
	}},
	{"alias", "the zone that this is a copy of", formText(), func(d *decoder, n *yaml11.Node, z *Zone) {
		if s, ok := d.text(n, "alias"); ok {
			z.Alias, _ = d.zoneName(s, place(n.Pos))
		}
	}},
}

// octoZoneKeys are the keys of a zone in octoDNS, and the shorthands that people write.
var octoZoneKeys = append(zoneKeys[:len(zoneKeys):len(zoneKeys)], []key[Zone]{
	{"always-dry-run", "plan and show, never apply", formBool(), readDryRun},
	{"always_dry_run", "plan and show, never apply", formBool(), readDryRun},
	{"update_pcent_threshold", "share that may be updated at once", formShare(), func(d *decoder, n *yaml11.Node, z *Zone) {
		z.Guards.UpdateShare = d.share(n, "update_pcent_threshold")
	}},
	{"delete_pcent_threshold", "share that may be deleted at once", formShare(), func(d *decoder, n *yaml11.Node, z *Zone) {
		z.Guards.DeleteShare = d.share(n, "delete_pcent_threshold")
	}},
	{"always_ask", "types whose changes always need a yes", formAsk(), func(d *decoder, n *yaml11.Node, z *Zone) {
		d.alwaysAsk(n, &z.Guards)
	}},
	{"for", "with always_ask: the types", formTexts(), func(d *decoder, n *yaml11.Node, z *Zone) {
		d.askFor(n, &z.Guards)
	}},
}...)

func readDryRun(d *decoder, n *yaml11.Node, z *Zone) {
	z.AlwaysDryRun, _ = d.truth(n, "always-dry-run")
}

// zones reads the section `zones`.
func (d *decoder) zones(n *yaml11.Node, keys []key[Zone]) []Zone {
	if isNull(n) {
		return nil
	}
	if n.Kind == yaml11.Sequence && d.cfg.Format == Zonecast { // only names
		var out []Zone
		for _, item := range n.Items {
			if s, ok := d.text(item, "a zone"); ok {
				out = d.zone(out, yaml11.Key{Name: s, Pos: item.Pos}, keys)
			}
		}
		return out
	}
	if n.Kind != yaml11.Mapping {
		d.wrongType(n, "zones", "a mapping from zone name to settings")
		return nil
	}
	out := make([]Zone, 0, len(n.Keys))
	for _, k := range n.Keys {
		out = d.zone(out, k, keys)
	}
	return out
}

// zone reads one zone and appends it when its name can be used.
func (d *decoder) zone(to []Zone, k yaml11.Key, keys []key[Zone]) []Zone {
	z := Zone{Written: k.Name, Place: place(k.Pos)}
	what := "zone " + clip(k.Name)
	ok := true
	if strings.HasPrefix(k.Name, "*") {
		z.Dynamic = true
	} else {
		z.Name, ok = d.zoneName(k.Name, z.Place)
	}
	if isNull(k.Value) && d.cfg.Format == OctoDNS {
		d.err("missing-sources", z.Place, "add sources: and targets:", "%s has no settings", what)
		return to
	}
	// octoDNS passes over what it does not know. In zonecast.yaml a misspelt guard must not be lost.
	unknown := finding.Warning
	if d.cfg.Format == Zonecast {
		unknown = finding.Error
	}
	mapping(d, k.Value, what, keys, &z, unknown, nil)
	if k.Value != nil && k.Value.Kind == yaml11.Mapping {
		z.missingTargets = !has(k.Value, "targets")
		d.shape(k.Value, &z, what)
	} else {
		z.missingTargets = true
	}
	if !ok {
		return to
	}
	return append(to, z)
}

// shape checks which keys of a zone go together.
func (d *decoder) shape(n *yaml11.Node, z *Zone, what string) {
	if !z.Dynamic && (z.Glob != "" || z.Regex != "") {
		d.warn("pattern-key", z.Place, "begin the key with *", "%s has glob or regex but is no pattern entry; they are ignored", what)
	}
	if z.Glob != "" && z.Regex != "" {
		d.warn("pattern-key", z.Place, "keep one of them", "%s has glob and regex; regex is ignored", what)
	}
	if !has(n, "alias") {
		if !has(n, "sources") && d.cfg.Format == OctoDNS {
			d.err("missing-sources", z.Place, "add sources: with the ids of providers", "%s has no sources", what)
		}
		return
	}
	if z.Dynamic {
		d.err("alias-pattern", z.Place, "write one entry for each alias", "%s is a pattern and an alias", what)
	}
	for _, other := range []string{"sources", "targets"} {
		if has(n, other) && !isNull(n.Get(other)) {
			d.warn("alias-keys", z.Place, "remove "+other, "%s is an alias; its %s are ignored", what, other)
		}
	}
}

// zoneName reads the name of a zone. In octoDNS it must end in a dot.
func (d *decoder) zoneName(s string, at finding.Place) (zone.Name, bool) {
	switch {
	case s == "":
		d.err("zone-name", at, "write a name such as example.com.", "the zone name is empty")
	case strings.Contains(s, ".."):
		d.err("zone-name", at, "remove one dot", "zone name %q has two dots in a row", clip(s))
	case strings.ContainsAny(s, " \t"):
		d.err("zone-name", at, "remove the blanks", "zone name %q contains blanks", clip(s))
	case !strings.HasSuffix(s, ".") && d.cfg.Format == OctoDNS:
		d.err("zone-name", at, fmt.Sprintf("write %q", clip(s)+"."), "zone name %q does not end in a dot", clip(s))
	default:
		n, err := zone.ParseName(s)
		switch {
		case err != nil:
			d.err("zone-name", at, "", "zone %v", err)
		case n.IsRoot():
			d.err("zone-name", at, "", "the root zone cannot be managed")
		default:
			return n, true
		}
	}
	return zone.Name{}, false
}

// regex reads a pattern in the syntax of Go, which has no look-around and no back-references.
func (d *decoder) regex(n *yaml11.Node, z *Zone) {
	s, ok := d.text(n, "regex")
	if !ok {
		return
	}
	z.Regex = s
	re, err := regexp.Compile(s)
	if err != nil {
		d.err("regex", place(n.Pos), "look-around and back-references are not supported", "%v", err)
		return
	}
	z.pattern = re
}
