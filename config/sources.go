package config

import (
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/registry"
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

var sourceDrivers registry.Registry[SourceDriver]

// RegisterSource makes a kind of source known. It panics when the name or a class is taken.
func RegisterSource(d SourceDriver) {
	if d.Open == nil {
		panic("config: source " + d.Name + " has no Open")
	}
	sourceDrivers.Add("config: source", d.Name, d.Classes, d)
}

// lookupSource finds a kind of source by name or class.
func lookupSource(nameOrClass string) (SourceDriver, bool) { return sourceDrivers.Lookup(nameOrClass) }

// Sources returns all kinds of sources, sorted by name.
func Sources() []SourceDriver { return sourceDrivers.All() }

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
