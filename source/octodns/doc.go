// Package octodns is octoDNS's YamlProvider and SplitYamlProvider as a source: a directory of
// zone files, read with the codec of zone/octodns.
//
// In flow the options of a provider in an octoDNS configuration, out flow whole zones with the
// place of every record and findings. Merge joins what several sources say about a zone, and
// CheckSubzones keeps records of a configured sub-zone out of its parent, as octoDNS does. The
// rules that look at a whole zone are not run here, because processors come first: see
// ZoneCheck in zone/octodns. The package reads files and never writes any.
//
//	src := octodns.New(octodns.Options{ID: "config", Directory: "zones"})
//	loaded, err := src.Load(ctx, zone.MustName("example.org."))
package octodns
