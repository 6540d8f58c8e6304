// Package zone holds the values that everything else talks about: names, RRsets, zones and the
// difference between two zones (RFC 1034, RFC 2181, terms of RFC 9499).
//
// All of them are immutable values. A Name compares with ==, sorts in canonical DNS order
// (RFC 4034, section 6.1) and works as a map key. RDATA is canonical wire bytes, so that
// equality, diff, hashing and storing are the same few lines for every type, unknown ones
// (RFC 3597) included; what a type means is known only to zone/rdata (parsing and printing),
// zone/zonefile and zone/lint. What DNS cannot say about an RRset (provider options, steering
// policies, comments) rides along as Extra, which zone compares but never interprets.
//
// A Zone is stored packed in chunks whose borders depend only on content. Two zones with the
// same history share chunks; two zones built independently still have byte-equal chunks
// wherever they have equal records, so Diff compares memory before it compares records.
//
//	b := zone.NewBuilder(zone.MustName("example.org."))
//	b.Add(zone.RRset{Owner: zone.MustName("www.example.org."), Type: zone.TypeA, TTL: 300,
//		Data: []zone.Data{"\xc0\x00\x02\x01"}})
//	z, err := b.Zone()
//	z2, err := z.With(changes)
//	for c := range zone.Diff(z, z2) { … }
//
// The package does no I/O and knows no provider.
package zone
