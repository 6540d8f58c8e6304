// Package transfer fetches whole zones by AXFR and sorts what comes: the RRsets that people
// write, the SOA, and what the server's own DNSSEC signer maintains.
//
// In comes a server's address and an origin, out comes a zone or an error, never a part. The
// source of zones by AXFR and the adapter for RFC 2136 both read this way.
//
// Left out are records that a signer makes and that nobody should copy into another zone: RRSIG,
// NSEC, NSEC3, NSEC3PARAM, ZONEMD, the markers that BIND keeps as TYPE65534, and in a signed zone
// DNSKEY, CDS and CDNSKEY at the apex, whose private keys stay with the signer.
//
//	z, err := transfer.Fetch(ctx, &wire.Client{Key: key}, "192.0.2.53:53", origin, transfer.Options{})
//	for set := range z.Sets.All() { … }
package transfer
