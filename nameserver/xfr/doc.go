// Package xfr moves zones between name servers: AXFR (RFC 5936), IXFR (RFC 1995), NOTIFY (RFC
// 1996), dynamic updates (RFC 2136), catalog zones (RFC 9432), with TSIG (RFC 8945) and over TLS
// (RFC 9103).
//
// It works on values. A Journal takes the versions of a zone one by one and knows the differences
// between them. Out answers who asks for them. In keeps up with the primaries of a zone and hands
// each version that came completely to a function. Notifier tells secondaries of new versions.
// Update makes a new version out of a message. A Desk is the door to all of them: it takes requests
// in wire form, checks who sent them, and signs what goes back.
//
//	journal := &xfr.Journal{}
//	err := journal.Put(z)
//	desk := &xfr.Desk{
//		Keys: wire.NewKeyring(key),
//		Out: &xfr.Out{
//			Journal: func(origin zone.Name) *xfr.Journal { … },
//			Access:  func(zone.Name) xfr.Access { return xfr.Access{{Keys: []zone.Name{key.Name}}} },
//		},
//	}
//	err = desk.Stream(ctx, request, peer, send)
//
// The package listens to nothing: whoever has the sockets hands it requests. It keeps nothing on
// disk, and never changes a zone's serial unless it is told a policy.
package xfr
