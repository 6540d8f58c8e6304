// Package octodns translates between octoDNS zone files and zones, as octoDNS 1.22 does
// (https://github.com/octodns/octodns/blob/main/docs/records.md).
//
// In flow the bytes of YAML files, out flow a *zone.Zone, the place of every record and
// findings. A Collector takes the files of one zone one after the other; Normal gives a record
// back in octoDNS's normal form; Write and Rewrite make files of a zone; CheckZone runs the rules
// that look at a whole zone; Layout knows which files hold a zone. The package does no I/O.
//
// RRset.Data is always wire form, whatever the text was ("www.example.com" and
// "www.example.com." are the same target). What the wire cannot say is kept in RRset.Extra:
//
//	octodns              the "octodns:" mapping, as canonical JSON
//	octodns/dynamic      the "dynamic:" mapping in normal form
//	octodns/geo          the "geo:" mapping in normal form
//	octodns/values       the list of values in normal form, only where Data does not give them back
//	target/ID            the record that provider ID should hold instead, or null for none
//
// Any other key is written below octodns.zonecast and comes back from there.
//
//	c := octodns.NewCollector(origin, octodns.Options{Order: yaml11.NaturalOrder})
//	c.File("zones/example.org.yaml", data)
//	loaded := c.Zone()
//	for set := range loaded.Zone.All() {
//		rec, err := octodns.Normal(set, origin)
//	}
package octodns
