// Package tinydns reads zones out of tinydns-data files (https://cr.yp.to/djbdns/tinydns-data.html,
// with the usual extensions for AAAA and SRV), as octoDNS's TinyDnsFileSource does.
//
// In flows a folder, every file of which may hold lines of any zone; out flow the RRsets whose
// owner is in the zone that is asked for. Lines of other zones and of configured sub-zones are
// skipped. Timestamps and locations are ignored. The package never writes, and cannot list
// zones: nothing in the files says where one begins.
//
//	src := tinydns.New(tinydns.Options{ID: "legacy", Directory: "./tinydns"})
//	loaded, err := src.Load(ctx, zone.MustName("example.org."))
package tinydns
