// Package source holds the contract of everything that desired zones can come from: files in
// git, folders of zone files, zone transfer, another provider.
//
// A Source yields whole zones or errors, never parts: absence of data is never taken for a wish
// to delete. What a person wrote wrong comes back as findings with a place. The kinds of sources
// live below: source/octodns, source/bind, source/axfr; config joins names to them.
//
//	loaded, err := src.Load(ctx, zone.MustName("example.org."))
//	for set := range loaded.Zone.All() { … }
package source
