// Package live reads the zones that a provider serves as a source: for dumps, comparisons,
// imports, and for keeping one provider like another.
//
// In flows a provider.Provider, out flow source.Loaded zones. The SOA RRset is left out, for
// every provider has its own; what the provider holds but RRsets cannot express comes as
// findings. It never writes.
//
//	src := live.New("powerdns", p, live.Options{KeepApexNS: true})
//	loaded, err := src.Load(ctx, zone.MustName("example.org."))
package live
