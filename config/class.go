package config

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
)

// A Role says in which section of a configuration a class belongs.
type Role string

// Roles.
const (
	RoleProvider   Role = "provider" // can be written to, and read as a source
	RoleSource     Role = "source"   // can only be read
	RoleProcessor  Role = "processor"
	RolePlanOutput Role = "plan output"
	RoleSecrets    Role = "secret handler"
	RoleRule       Role = "validator"
)

// A Class is one class name of octoDNS, or one type of zonecast.yaml, and what it means here.
type Class struct {
	Name    string // the class as octoDNS has it today
	Type    string // `type` in zonecast.yaml: the name of the driver or kind of source
	Role    Role
	Options []provider.Option // what octoDNS's class takes, without the common options
	Preset  map[string]string // options that the class implies
}

// Classes returns every class that is known, sorted by name.
func Classes() []Class { return slices.Clone(table().all) }

// byClass holds all classes by name.
type classTable struct {
	all  []Class
	name map[string]int
}

var table = sync.OnceValue(func() *classTable {
	t := &classTable{name: map[string]int{}}
	for line := range strings.Lines(classText) {
		if line = strings.TrimSpace(line); line != "" {
			t.add(line)
		}
	}
	slices.SortFunc(t.all, func(a, b Class) int { return cmp.Compare(a.Name, b.Name) })
	for i, c := range t.all {
		t.name[c.Name] = i
	}
	return t
})

// add reads one line of classText: "role class type option…".
func (t *classTable) add(line string) {
	words := strings.Fields(line)
	c := Class{Role: roleLetters[words[0]], Name: words[1], Type: words[2]}
	for _, w := range words[3:] {
		if name, ok := strings.CutPrefix(w, "@"); ok {
			options := t.all[slices.IndexFunc(t.all, func(c Class) bool { return c.Name == name })].Options
			c.Options = append(c.Options, options...)
			continue
		}
		if k, v, ok := strings.Cut(w, "="); ok {
			if c.Preset == nil {
				c.Preset = map[string]string{}
			}
			c.Preset[k] = v
			continue
		}
		c.Options = append(c.Options, parseOption(w))
	}
	t.all = append(t.all, c)
}

// parseOption reads "name:kind!*|alias": kind is a letter, ! marks a secret, * a required option.
func parseOption(w string) provider.Option {
	names := strings.Split(w, "|")
	head, marks, _ := strings.Cut(names[0], ":")
	o := provider.Option{Name: head, Aliases: names[1:], Kind: provider.Text}
	for _, m := range marks {
		switch m {
		case 'i':
			o.Kind = provider.Int
		case 'f':
			o.Kind = provider.Float
		case 'b':
			o.Kind = provider.Bool
		case 'l':
			o.Kind = provider.List
		case 'm':
			o.Kind = provider.Map
		case 'd':
			o.Kind = provider.Folder
		case '!':
			o.Secret = true
		case '*':
			o.Required = true
		}
	}
	return o
}

var roleLetters = map[string]Role{
	"P": RoleProvider, "S": RoleSource, "R": RoleProcessor,
	"O": RolePlanOutput, "K": RoleSecrets, "V": RoleRule,
}

// canonical brings historic spellings of a class to the one of today: octodns.provider.X.Y and
// octodns.source.X.Y became octodns_X.Y when providers moved into packages of their own.
func canonical(class string) string {
	t := table()
	if _, ok := t.name[class]; ok {
		return class
	}
	if now, ok := renamed[class]; ok {
		return now
	}
	for _, old := range []string{"octodns.provider.", "octodns.source."} {
		rest, ok := strings.CutPrefix(class, old)
		if !ok {
			continue
		}
		if module, name, ok := strings.Cut(rest, "."); ok {
			if to, ok := movedModules[module]; ok {
				module = to
			}
			if now := "octodns_" + module + "." + name; known(now) {
				return now
			}
		}
	}
	return class
}

func known(class string) bool { _, ok := table().name[class]; return ok }

// movedModules are modules whose package got another name when it moved out of octoDNS.
var movedModules = map[string]string{
	"fastdns": "edgedns", "etc_hosts": "etchosts", "axfr": "bind", "rfc2136": "bind", "azuredns": "azure",
}

// renamed are single classes with another name today.
var renamed = map[string]string{
	"octodns.provider.fastdns.AkamaiProvider":     "octodns_edgedns.AkamaiProvider",
	"octodns.provider.azuredns.AzureProvider":     "octodns_azure.AzureProvider",
	"octodns_azuredns.AzureProvider":              "octodns_azure.AzureProvider",
	"octodns_azuredns.AzurePrivateProvider":       "octodns_azure.AzurePrivateProvider",
	"octodns.source.axfr.AxfrSource":              "octodns_bind.AxfrSource",
	"octodns.source.axfr.ZoneFileSource":          "octodns_bind.ZoneFileSource",
	"octodns_axfr.AxfrSource":                     "octodns_bind.AxfrSource",
	"octodns_axfr.ZoneFileSource":                 "octodns_bind.ZoneFileSource",
	"octodns_bind.BindProvider":                   "octodns_bind.Rfc2136Provider",
	"octodns.processor.spf.SpfDnsLookupProcessor": "octodns_spf.SpfDnsLookupProcessor",
	"octodns_spf.processor.SpfDnsLookupProcessor": "octodns_spf.SpfDnsLookupProcessor",
}

// lookupClass finds what a class or type means for a role. Types are accepted in octoDNS's
// configuration too, and classes in zonecast.yaml: both name the same thing.
func lookupClass(written string, role Role) (Class, bool) {
	t := table()
	if i, ok := t.name[canonical(written)]; ok {
		return t.all[i], true
	}
	for _, c := range t.all {
		if c.Type == written && sameSection(c.Role, role) {
			return c, true
		}
	}
	if role == RoleProvider {
		if d, ok := provider.Lookup(written); ok {
			return Class{Name: written, Type: d.Name, Role: RoleProvider, Options: d.Options}, true
		}
		if d, ok := lookupSource(written); ok {
			return Class{Name: written, Type: d.Name, Role: RoleSource, Options: d.Options}, true
		}
	}
	return Class{}, false
}

// sameSection reports whether classes of both roles stand in one section.
func sameSection(a, b Role) bool {
	return a == b || a == RoleSource && b == RoleProvider || a == RoleProvider && b == RoleSource
}

// candidates are the names that somebody may have meant for a role, in the words of the format.
func candidates(f Format, role Role) []string {
	var out []string
	for _, c := range table().all {
		if !sameSection(c.Role, role) {
			continue
		}
		if f == Zonecast {
			out = append(out, c.Type)
		} else {
			out = append(out, c.Name)
		}
	}
	if role == RoleProvider { // adapters of third parties have no class
		for _, d := range provider.Drivers() {
			if !slices.ContainsFunc(table().all, func(c Class) bool { return c.Type == d.Name }) {
				out = append(out, d.Name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// nearestFirst sorts names so that those nearest to what was typed come first.
func nearestFirst(typed string, names []string) (near string, sorted []string) {
	near = finding.Nearest(typed, names)
	if near == "" { // the last part often is right while the package is not
		_, last, _ := cutLast(typed, ".")
		for _, n := range names {
			if _, l, ok := cutLast(n, "."); ok && strings.EqualFold(l, last) {
				near = n
				break
			}
		}
	}
	sorted = slices.Clone(names)
	if near != "" {
		sorted = slices.DeleteFunc(sorted, func(s string) bool { return s == near })
		sorted = slices.Insert(sorted, 0, near)
	}
	return near, sorted
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, s, false
}
