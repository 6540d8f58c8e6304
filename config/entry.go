package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/provider"
)

// entries reads a section of pluggable entries. Ids must differ within it.
func (d *decoder) entries(n *yaml11.Node, section string, role Role) []Entry {
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml11.Mapping {
		d.wrongType(n, section, "a mapping from id to settings")
		return nil
	}
	out := make([]Entry, 0, len(n.Keys))
	for _, k := range n.Keys {
		if e, ok := d.entry(k, section, role); ok {
			out = append(out, e)
		}
	}
	return out
}

// entry reads one pluggable entry. Keys that it does not know are options of the class.
func (d *decoder) entry(k yaml11.Key, section string, role Role) (Entry, bool) {
	e := Entry{ID: k.Name, Place: place(k.Pos)}
	what := strings.TrimSuffix(section, "s") + " " + clip(k.Name)
	word := "class"
	if d.cfg.Format == Zonecast {
		word = "type"
	}
	if d.cfg.Format == Zonecast && isScalar(k.Value) { // `md: markdown`
		e.Class = k.Value.Text
	} else if k.Value == nil || k.Value.Kind != yaml11.Mapping {
		d.err("missing-class", e.Place, "add "+word+": and its options", "%s has no %s", what, word)
		return e, false
	}
	for _, f := range k.Value.Keys {
		if f.Name == "class" || f.Name == "type" && d.cfg.Format == Zonecast {
			e.Class, _ = d.text(d.expand(f.Value), word)
			break
		}
	}
	if e.Class == "" {
		if role == RoleRule && isNull(k.Value.Get("class")) {
			return e, true // a rule that is named only to be switched
		}
		d.err("missing-class", e.Place, "add "+word+": to it", "%s has no %s", what, word)
		return e, false
	}
	c, ok := lookupClass(e.Class, role)
	if !ok || !sameSection(c.Role, role) {
		d.unknownClass(k, e, role, c, ok)
	}
	e.Known, e.Driver = c, c.Type
	if ok && role != RoleProvider {
		e.Class = c.Name // whoever makes a processor or an output of it knows classes only
	}
	common := d.commonKeys(role)
	settings := k.Value
	if isScalar(settings) {
		settings = nil
	}
	before := len(d.finds)
	mapping(d, settings, what, common, &e, finding.Warning, func(f yaml11.Key) {
		if f.Name == "class" || f.Name == "type" && d.cfg.Format == Zonecast {
			return
		}
		v := value(f.Value)
		if role != RoleProvider {
			v = d.expanded(v)
		}
		e.Options = append(e.Options, Field{f.Name, v, place(f.Pos)})
	})
	if role == RoleProvider {
		d.postpone(&e, d.finds[before:])
	}
	if ok {
		d.rewrite(&e)
		d.options(&e, what)
	}
	return e, true
}

// postpone makes variables that are missing for a provider's own settings an error of opening it:
// who does not touch the provider does not need them.
func (d *decoder) postpone(e *Entry, finds []finding.Finding) {
	for i := range finds {
		if f := &finds[i]; f.ID == "secret-missing" {
			e.unresolved = append(e.unresolved, *f)
			f.Severity = finding.Warning
			d.told[finding.Error]--
			d.told[finding.Warning]++
		}
	}
}

// unknownClass lists what is known, the nearest first.
func (d *decoder) unknownClass(k yaml11.Key, e Entry, role Role, c Class, elsewhere bool) {
	at := e.Place
	for _, word := range []string{"class", "type"} {
		if v := k.Value.Get(word); v != nil {
			at = place(v.Pos)
			break
		}
	}
	switch {
	case elsewhere:
		d.err("wrong-section", at, fmt.Sprintf("it is a %s", c.Role), "class %q is not for this section", clip(e.Class))
		return
	case role == RoleRule:
		d.warn("unknown-rule", at, "the rule is not applied", "validation rule class %q has no counterpart", clip(e.Class))
		return
	case role == RoleSecrets:
		d.warn("secret-handler", at, fmt.Sprintf("write %s/... as exec/COMMAND or file/PATH, or export the values and write env/NAME", clip(e.ID)),
			"secret handler class %q has no counterpart; options that use it cannot be resolved", clip(e.Class))
		return
	}
	near, all := nearestFirst(e.Class, candidates(d.cfg.Format, role))
	fix := "known are " + strings.Join(all, ", ")
	if near != "" {
		fix = "did you mean " + near + "? " + fix
	}
	d.err("unknown-class", at, fix, "%s class %q is unknown", role, clip(e.Class))
}

// rewrite brings classes that are other spellings of a driver to that driver's options.
func (d *decoder) rewrite(e *Entry) {
	set := func(name, text string) {
		if _, ok := e.Option(name); !ok {
			e.Options = append(e.Options, Field{name, Value{Kind: Scalar, Text: text, Place: e.Place, yaml: "string"}, e.Place})
		}
	}
	rename := func(from, to string) {
		for i := range e.Options {
			if e.Options[i].Name == from {
				e.Options[i].Name = to
			}
		}
	}
	switch e.Known.Type {
	case "yaml-split":
		rename("extension", "split_extension")
		set("split_extension", ".")
		set("split_catchall", "true")
		set("disable_zonefile", "true")
		e.Driver = "yaml"
	case "yaml-named":
		e.Driver = "yaml"
	}
	if strings.HasPrefix(e.Class, "octodns_azuredns.") { // never was a package; guides have it
		d.warn("old-class", e.Place, "write "+e.Known.Name, "class %s is taken for %s", e.Class, e.Known.Name)
	}
}

// accepts are the options of an entry's class and of the driver behind it.
func (e Entry) accepts() []provider.Option {
	out := slices.Clone(e.Known.Options)
	add := func(more []provider.Option) {
		for _, o := range more {
			i := slices.IndexFunc(out, func(have provider.Option) bool { return have.Name == o.Name })
			if i < 0 {
				out = append(out, o)
				continue
			}
			o.Aliases = slices.Concat(o.Aliases, out[i].Aliases)
			o.Required = o.Required || out[i].Required
			out[i] = o
		}
	}
	add(e.implemented())
	if e.Known.Type == "yaml-split" { // rewritten: extension is split_extension
		out = slices.DeleteFunc(out, func(o provider.Option) bool { return o.Name == "extension" })
	}
	return out
}

// implemented are the options that have a meaning to what opens the entry.
func (e Entry) implemented() []provider.Option {
	var out []provider.Option
	if s, ok := e.sourceDriver(); ok {
		out = append(out, s.Options...)
	}
	if p, ok := e.providerDriver(); ok {
		out = append(out, p.Options...)
	}
	return out
}

// option finds the option that a name or alias stands for.
func option(options []provider.Option, name string) (provider.Option, bool) {
	i := slices.IndexFunc(options, func(o provider.Option) bool {
		return o.Name == name || slices.Contains(o.Aliases, name)
	})
	if i < 0 {
		return provider.Option{}, false
	}
	return options[i], true
}

// options checks names and types of what was written, settles aliases and places folders.
func (d *decoder) options(e *Entry, what string) {
	options := e.accepts()
	var names []string
	for _, o := range options {
		names = append(names, o.Name)
	}
	for _, k := range d.commonKeys(e.Known.Role) {
		names = append(names, k.name)
	}
	for i := range e.Options {
		f := &e.Options[i]
		o, ok := option(options, f.Name)
		switch {
		case !ok && e.Known.Role == RoleProcessor && f.Name == "lenient":
			continue
		case !ok:
			d.unknownOption(e, f, what, names)
			continue
		case o.Name != f.Name:
			d.warn("option-alias", f.Place, "write "+o.Name, "option %s of %s is taken for %s", f.Name, what, o.Name)
			if _, twice := e.Option(o.Name); twice {
				d.err("option-twice", f.Place, "remove one of them", "%s has both %s and %s", what, f.Name, o.Name)
			}
			f.Name = o.Name
		case o.Ignored != "":
			d.add(finding.Finding{
				ID: "ignored-option", Severity: finding.Info, Place: f.Place,
				Text: fmt.Sprintf("option %s of %s has no effect: %s", f.Name, what, o.Ignored),
			})
		}
		if _, used := option(e.implemented(), o.Name); !used && e.hasDriver() {
			d.warn("unused-option", f.Place, "", "option %s of %s has no effect here", f.Name, what)
		}
		if err := d.checkValue(f.Value, o); err != "" {
			fix := ""
			if o.Kind == provider.NameServer {
				fix = provider.HowToWriteDNSAddress
			}
			d.err("wrong-type", f.Value.Place, fix, "option %s of %s must be %s", f.Name, what, err)
		}
		if o.Kind == provider.Folder && f.Value.Kind == Scalar && !d.cfg.isReference(f.Value.Text) {
			f.Value.Text = d.folder(f.Value, what, f.Name)
		}
	}
	d.missing(e, options, what)
}

func (d *decoder) unknownOption(e *Entry, f *Field, what string, names []string) {
	severity := finding.Warning
	if d.cfg.Format == Zonecast && e.hasDriver() {
		severity = finding.Error
	}
	out := finding.Finding{
		ID: "unknown-option", Severity: severity, Place: f.Place,
		Text: fmt.Sprintf("%s has no option %q", what, clip(f.Name)),
	}
	if severity == finding.Warning {
		out.Text += "; it is ignored"
	}
	if near := finding.Nearest(f.Name, names); near != "" {
		out.Fix = "did you mean " + near + "?"
	} else {
		names = slices.Clone(names)
		slices.Sort(names)
		out.Fix = "the options are " + strings.Join(slices.Compact(names), ", ")
	}
	d.add(out)
}

// missing lists all required options that were not written. Of a class without adapter we know
// the options from documentation only, so there it is a warning.
func (d *decoder) missing(e *Entry, options []provider.Option, what string) {
	var lacks []string
	for _, o := range options {
		if v, ok := e.Option(o.Name); o.Required && (!ok || v.Kind == Null) {
			lacks = append(lacks, o.Name)
		}
	}
	if len(lacks) == 0 {
		return
	}
	f := finding.Finding{
		ID: "missing-option", Severity: finding.Error, Place: e.Place,
		Text: fmt.Sprintf("%s lacks %s", what, strings.Join(lacks, ", ")), Fix: "add " + strings.Join(lacks, ", ") + " to it",
	}
	if !e.hasDriver() && e.Known.Role != RoleProcessor {
		f.Severity = finding.Warning
	}
	d.add(f)
}

// checkValue says what a value must be when it is not that. References are not resolved.
func (d *decoder) checkValue(v Value, o provider.Option) string {
	if v.Kind == Null || v.Kind == Scalar && d.cfg.isReference(v.Text) {
		return ""
	}
	switch o.Kind {
	case provider.List:
		if v.Kind == Map {
			return "a list"
		}
	case provider.Map:
		if v.Kind != Map {
			return "a mapping"
		}
	default:
		if v.Kind == List && o.Kind == provider.Text || v.Kind == Map && o.Kind == provider.Text {
			return "text"
		}
		return wrongScalar(cmp.Or(v.number, v.Text), v.Kind, o.Kind)
	}
	return ""
}

// folder places a relative folder. octoDNS counts from the working directory; where it is not
// there but beside the configuration or above it, that is meant. zonecast.yaml counts from
// its own folder.
func (d *decoder) folder(v Value, what, name string) string {
	dir := v.Text
	if dir == "" || filepath.IsAbs(dir) {
		return dir
	}
	first := filepath.Join(d.cfg.base(), dir)
	if d.cfg.Format == Zonecast || isDir(first) {
		return first
	}
	for _, base := range []string{d.cfg.Dir, filepath.Join(d.cfg.Dir, "..")} {
		if there := filepath.Join(base, dir); there != first && isDir(there) {
			d.warn("folder-elsewhere", v.Place, "run from the folder that it counts from, or write the path in full",
				"%s: %s %s is not in the working directory; %s is used", what, name, clip(dir), there)
			return there
		}
	}
	return first
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
