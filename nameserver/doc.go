// Package nameserver answers DNS questions from zones that it is given: octets in, octets out, with
// no socket, no goroutine and no allocation on the way.
//
// In flow immutable zones (zone.Zone), which Compile turns into arenas without pointers: names in
// one open-addressed table, records in wire form, the usual answers ready to be copied. Zones is the
// set of them; replacing one is a single store, and whoever reads meanwhile keeps what it has. Out
// flow messages as RFC 1034, 1035, 2181, 2308, 3597, 4592 (wildcards), 6604, 6672 (DNAME), 6891
// (EDNS), 7871 (client subnets), 7873 and 9018 (cookies), 8020, 8482 (ANY), 8914 (extended errors), 9460
// (SVCB), 9567 (error reporting), 9619 and 9660 (zone versions) want them. Signatures and denials (RFC
// 4034, 4035, 5155) are data like any other: zones that were signed elsewhere are served as they are, and
// nothing is made up that a signature does not cover.
//
//	c, err := nameserver.Compile(z, nameserver.CompileOptions{})
//	e := &nameserver.Engine{}
//	e.Zones.Put(c)
//	s := e.NewScratch()                                        // one for each thread
//	out := e.Answer(s, query, nameserver.Client{Addr: from}, buf[:0]) // nil: say nothing
//
// Answers that depend on who asks (by place, weight or health) are prepared for: a set that
// CompileOptions.Policy gives a number keeps it beside its records, and Engine.Steer picks records by
// that number, the client or the network that it asks for, and what it knows otherwise. It is called with
// a set that was found anyway, so that a policy costs the look-up of its number; sets without one are not
// concerned.
//
// The package reads no zone file, opens no port and does not transfer zones: nameserver/socket
// listens and asks an Engine.
package nameserver
