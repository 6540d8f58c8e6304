// Package axfr is the source of zones that a name server hands out by zone transfer (RFC 5936),
// with a TSIG key where the server wants one.
//
// In comes an origin, out comes the whole zone as it was transferred, SOA included, with the
// serial as its revision. What the server's DNSSEC signer made (RRSIG, NSEC, NSEC3, and the keys
// of a signed zone) is left out, and a finding says so: another signer cannot use it.
//
// A name server does not tell which zones it holds: the source lists those that it is told.
//
//	s, err := axfr.Open(axfr.Options{ID: "primary", Host: "192.0.2.53", Key: key})
//	loaded, err := s.Load(ctx, zone.MustName("example.org."))
package axfr
