package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// check looks at what ties entries and zones together.
func (d *decoder) check() {
	c := d.cfg
	d.duplicates()
	c.index(c.static())
	d.defaultSource()
	providers, processors := map[string]Entry{}, map[string]Entry{}
	for _, e := range c.Providers {
		providers[e.ID] = e
	}
	for _, e := range c.Processors {
		processors[e.ID] = e
	}
	told := map[string]bool{}
	for i := range c.Zones {
		z := &c.Zones[i]
		d.aliased(z)
		for _, r := range z.Sources {
			d.source(z, r, providers)
		}
		for _, f := range c.targets(z, providers) {
			if f.ID == "secret-missing" || repeats(f, told) { // the former was told on reading it
				continue
			}
			f.Severity = min(f.Severity, finding.Warning)
			if f.ID == "not-writable" {
				f.Severity = finding.Error
			}
			d.add(f)
		}
		d.processorRefs("zone "+clip(z.Written), z.Processors, processors)
	}
	d.processorRefs("manager", c.Manager.Processors, processors)
	d.processorRefs("manager", c.Manager.PostProcessors, processors)
	d.ruleIDs()
}

// duplicates reports zones that are written twice, such as in Unicode and as A-labels.
func (d *decoder) duplicates() {
	first := map[zone.Name]*Zone{}
	d.cfg.Zones = slices.DeleteFunc(d.cfg.Zones, func(z Zone) bool {
		if z.Dynamic {
			return false
		}
		have, dup := first[z.Name]
		if dup {
			d.add(finding.Finding{
				ID: "zone-twice", Severity: finding.Error, Place: z.Place, Zone: z.Name.String(), Related: []finding.Place{have.Place},
				Text: fmt.Sprintf("zone %s is configured already as %s at %s", clip(z.Written), clip(have.Written), have.Place),
				Fix:  "keep one of them",
			})
			return true
		}
		first[z.Name] = &z
		return false
	})
}

// defaultSource gives a meaning to a source named "config" that nothing defines: guides leave
// its definition out, and their zones lie in zones/ beside the configuration or above it.
func (d *decoder) defaultSource() {
	c := d.cfg
	if _, ok := c.Entry("config"); ok {
		return
	}
	var used *Ref
	for _, z := range c.Zones {
		if i := slices.IndexFunc(z.Sources, func(r Ref) bool { return r.ID == "config" }); i >= 0 && used == nil {
			used = &z.Sources[i]
		}
	}
	if used == nil {
		return
	}
	for _, dir := range []string{filepath.Join(c.Dir, "zones"), filepath.Join(c.Dir, "..", "zones"), filepath.Join(c.WorkDir, "zones")} {
		if !isDir(dir) {
			continue
		}
		class, _ := lookupClass("octodns.provider.yaml.YamlProvider", RoleProvider)
		option := func(name, text string) Field {
			return Field{name, Value{Kind: Scalar, Text: text, Place: used.Place, yaml: "string"}, used.Place}
		}
		c.Providers = append(c.Providers, Entry{
			ID: "config", Class: class.Name, Known: class, Driver: class.Type, Place: used.Place,
			Options: []Field{option("directory", dir), option("enforce_order", "false")},
		})
		d.warn("implied-source", used.Place, "define it under providers with class octodns.provider.yaml.YamlProvider",
			`source "config" is not defined; the YAML files in %s are taken`, dir)
		return
	}
}

// source checks one source of a zone.
func (d *decoder) source(z *Zone, r Ref, providers map[string]Entry) {
	if _, ok := providers[r.ID]; ok {
		return
	}
	if _, ok := d.cfg.Entry(r.ID); ok || r.ID == "auto-arpa" && d.cfg.Manager.AutoArpa != nil {
		return
	}
	f := finding.Finding{
		ID: "unknown-source", Severity: finding.Error, Place: r.Place, Zone: z.Name.String(),
		Text: fmt.Sprintf("source %q of zone %s is not defined", clip(r.ID), clip(z.Written)),
	}
	if r.ID == "auto-arpa" {
		f.Fix = "set auto_arpa: true"
	} else {
		f.Fix = d.cfg.definedIDs(r.ID)
	}
	if r.ID == "config" {
		f.Fix += "; without a definition it means the YAML files in zones/ beside or above the configuration"
	}
	d.add(f)
}

// definedIDs helps somebody who wrote an id that does not exist.
func (c *Config) definedIDs(typed string) string {
	ids := c.ids()
	if near := finding.Nearest(typed, ids); near != "" {
		return "did you mean " + near + "?"
	}
	if len(ids) == 0 {
		return "define it under providers"
	}
	return "define it under providers, or use one of " + clip(strings.Join(ids, ", "))
}

// targets reports what keeps the targets of a zone from being written, as errors.
func (c *Config) targets(z *Zone, providers map[string]Entry) []finding.Finding {
	if z.IsAlias() {
		return nil
	}
	if z.missingTargets {
		return []finding.Finding{{
			ID: "missing-targets", Severity: finding.Error, Place: z.Place, Zone: z.Name.String(),
			Text: fmt.Sprintf("zone %s has no targets", clip(z.Written)), Fix: "add targets: with the ids of providers",
		}}
	}
	var out []finding.Finding
	for _, r := range z.Targets {
		e, ok := providers[r.ID]
		switch {
		case !ok:
			out = append(out, finding.Finding{
				ID: "unknown-target", Severity: finding.Error, Place: r.Place, Zone: z.Name.String(), Subject: "target " + clip(r.ID),
				Text: fmt.Sprintf("target %q of zone %s is not defined", clip(r.ID), clip(z.Written)), Fix: c.definedIDs(r.ID),
			})
		case e.Known.Name == "": // its class is unknown, which was told
		case !e.Writable():
			out = append(out, finding.Finding{
				ID: "not-writable", Severity: finding.Error, Place: r.Place, Zone: z.Name.String(), Subject: "target " + clip(r.ID),
				Text: fmt.Sprintf("target %s of zone %s is a source (%s) and cannot be written to", clip(r.ID), clip(z.Written), e.Class),
			})
		case !e.HasAdapter():
			out = append(out, noAdapter(e))
		default:
			out = append(out, e.unresolved...)
		}
	}
	return out
}

// repeats reports whether something about a provider has been told already: once for each
// provider, not once for each zone.
func repeats(f finding.Finding, told map[string]bool) bool {
	if f.ID != "no-adapter" && f.ID != "secret-missing" {
		return false
	}
	key := f.Place.String() + f.ID
	again := told[key]
	told[key] = true
	return again
}

// RequireTargets returns, as errors, what Load only warned of because reading and validating do
// not need it: targets of these zones that are missing, not defined, or without adapter.
func (c *Config) RequireTargets(zones ...Zone) []finding.Finding {
	providers := map[string]Entry{}
	for _, e := range c.Providers {
		providers[e.ID] = e
	}
	told := map[string]bool{}
	var out []finding.Finding
	for i := range zones {
		for _, f := range c.targets(&zones[i], providers) {
			if !repeats(f, told) {
				out = append(out, f)
			}
		}
	}
	finding.Sort(out)
	return out
}

// aliased checks the zone that an alias points to.
func (d *decoder) aliased(z *Zone) {
	if !z.IsAlias() {
		return
	}
	other, ok := d.cfg.Zone(z.Alias)
	f := finding.Finding{ID: "alias", Severity: finding.Error, Place: z.Place, Zone: z.Name.String()}
	switch {
	case z.Alias == z.Name && !z.Dynamic:
		f.Text, f.Fix = fmt.Sprintf("zone %s is an alias of itself", clip(z.Written)), "name another zone"
	case !ok:
		f.Text, f.Fix = fmt.Sprintf("zone %s is an alias of %s, which is not configured", clip(z.Written), z.Alias.Unicode()), "configure that zone"
	case other.IsAlias():
		f.Text = fmt.Sprintf("zone %s is an alias of %s, which is an alias itself", clip(z.Written), z.Alias.Unicode())
		f.Fix = fmt.Sprintf("write alias: %s", other.Alias.Unicode())
	default:
		return
	}
	d.add(f)
}

func (d *decoder) processorRefs(what string, refs []Ref, processors map[string]Entry) {
	ids := make([]string, 0, len(processors))
	for _, e := range d.cfg.Processors {
		ids = append(ids, e.ID)
	}
	for _, r := range refs {
		if _, ok := processors[r.ID]; ok {
			continue
		}
		fix := "define it under processors"
		if near := finding.Nearest(r.ID, ids); near != "" {
			fix = "did you mean " + near + "?"
		}
		d.err("unknown-processor", r.Place, fix, "processor %q of %s is not defined", clip(r.ID), what)
	}
}
