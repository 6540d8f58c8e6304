package config

import (
	"maps"
	"slices"
	"sync"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

// A SourceDriver opens one kind of source.
type SourceDriver struct {
	Name    string // what `type:` says in zonecast.yaml
	Title   string
	Classes []string // octoDNS classes that are read by it, providers among them
	Options []provider.Option
	// Open does no I/O: what cannot be read is an error of Load or Zones.
	Open func(SourceConfig) (source.Source, error)
}

// A SourceConfig is what a source is opened from.
type SourceConfig struct {
	provider.Config
	// Subzones returns the configured zones below a zone.
	Subzones func(origin zone.Name) []zone.Name
	// Zone returns the configuration of a zone; false when it is not configured by name.
	Zone func(origin zone.Name) (Zone, bool)
	// Rules returns the validation rules of a zone.
	Rules func(origin zone.Name) octodns.RuleSet
	// Providers are the ids of all providers, for values that are written per provider.
	Providers []string
	Options   Options       // that the configuration was loaded with
	Format    Format        // of the configuration
	Place     finding.Place // of the entry
	Env       func(name string) (string, bool)
}

var registry struct {
	sync.RWMutex
	drivers map[string]SourceDriver
	classes map[string]string
}

// RegisterSource makes a kind of source known. It panics when the name or a class is taken.
func RegisterSource(d SourceDriver) {
	registry.Lock()
	defer registry.Unlock()
	if registry.drivers == nil {
		registry.drivers, registry.classes = map[string]SourceDriver{}, map[string]string{}
	}
	if _, dup := registry.drivers[d.Name]; dup || d.Name == "" || d.Open == nil {
		panic("config: source " + d.Name + " registered twice, or without name or Open")
	}
	registry.drivers[d.Name] = d
	for _, c := range d.Classes {
		if have, dup := registry.classes[c]; dup {
			panic("config: class " + c + " is claimed by sources " + have + " and " + d.Name)
		}
		registry.classes[c] = d.Name
	}
}

// lookupSource finds a kind of source by name or class.
func lookupSource(nameOrClass string) (SourceDriver, bool) {
	registry.RLock()
	defer registry.RUnlock()
	if name, ok := registry.classes[nameOrClass]; ok {
		nameOrClass = name
	}
	d, ok := registry.drivers[nameOrClass]
	return d, ok
}

// Sources returns all kinds of sources, sorted by name.
func Sources() []SourceDriver {
	registry.RLock()
	defer registry.RUnlock()
	out := make([]SourceDriver, 0, len(registry.drivers))
	for _, name := range slices.Sorted(maps.Keys(registry.drivers)) {
		out = append(out, registry.drivers[name])
	}
	return out
}

// sourceDriver finds the kind of source that reads the entry.
func (e Entry) sourceDriver() (SourceDriver, bool) {
	for _, name := range []string{e.Class, e.Known.Name, e.Driver} {
		if d, ok := lookupSource(name); ok && name != "" {
			return d, true
		}
	}
	return SourceDriver{}, false
}

// providerDriver finds the adapter that the entry can be written with.
func (e Entry) providerDriver() (provider.Driver, bool) {
	if e.Known.Role == RoleSource {
		return provider.Driver{}, false
	}
	for _, name := range []string{e.Class, e.Known.Name, e.Driver} {
		if d, ok := provider.Lookup(name); ok && name != "" {
			return d, true
		}
	}
	return provider.Driver{}, false
}

// hasDriver reports whether anything can open the entry.
func (e Entry) hasDriver() bool {
	_, s := e.sourceDriver()
	_, p := e.providerDriver()
	return s || p
}

// Writable reports whether the entry is of a kind that can be a target, whether or not there is
// an adapter for it yet.
func (e Entry) Writable() bool {
	_, ok := e.providerDriver()
	return ok || e.Known.Role == RoleProvider
}

// HasAdapter reports whether zonecast can write to providers of this kind.
func (e Entry) HasAdapter() bool { _, ok := e.providerDriver(); return ok }
