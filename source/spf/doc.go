// Package spf is a source of one SPF policy (RFC 7208) at the apex of every zone that names it,
// as octodns_spf.SpfSource has it.
//
// In flow lists of mechanisms, out flows a TXT RRset. As an Amender it joins an apex TXT that
// earlier sources gave: it adds its value to the others, and merges with an SPF value that is
// there already where MergingEnabled says so. It asks no DNS.
//
//	src := spf.New(spf.Options{ID: "spf", Includes: []string{"_spf.example.net"}})
//	loaded, err := src.Load(ctx, zone.MustName("example.org.")) // "v=spf1 include:_spf.example.net -all"
package spf
