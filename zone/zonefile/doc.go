// Package zonefile reads and writes master files (RFC 1035, section 5), as BIND, Knot, NSD and
// PowerDNS take them.
//
// In flow octets, out flows a zone.Zone with the place of every RRset and with findings: all
// problems with file, line, column and the offending text, not only the first. Reading knows $ORIGIN,
// $TTL, $INCLUDE (kept inside one folder), $GENERATE (bounded), TTL units, owner, TTL and class left
// out in any way, escapes, parentheses, U-labels in names, RFC 3597, and the pseudo-types that
// PowerDNS and zonecast put into files. Only class IN is taken. Time and memory are bounded by the
// size of the input, whatever it holds. RRsets are packed as they are read, so that a sorted file
// costs little more than the zone that comes out; a line in the most common form is read without
// looking at it twice (quick.go), and what comes out is the same as by the general way.
//
// Writing gives one canonical text for a zone, made for small diffs: the SOA first, then the apex,
// then names in canonical order; each line stands alone, with owner and TTL written out, and its
// columns start at multiples of eight that depend on that line's owner only, so that a changed
// record changes its own line and no other. Rewrite changes a file that a person keeps: comments,
// order and untouched lines stay byte for byte.
//
// Extra of RRsets has no place in a master file and is not written.
//
//	res, err := zonefile.Read(f, zonefile.Options{File: "example.org.zone", Root: root.FS()})
//	for _, f := range res.Findings { fmt.Println(f) }
//	err = zonefile.Write(w, res.Zone, zonefile.WriteOptions{})
//
// The package opens no files but those that $INCLUDE names in Options.Root.
package zonefile
