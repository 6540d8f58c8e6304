// Package zonecast keeps zones at a zonecast name server, by its control interface: over the Unix
// socket of a name server on the same machine, or from anywhere over TLS where both sides show
// certificates. The interface is documented in package api below.
//
// A zone is read in one request, in a compact form that carries RDATA octet by octet, and written
// in one: the name server compares the revision that the plan was made from, makes all changes or
// none, keeps the new version on its disk and answers from it when the request returns. A request
// whose answer was lost is sent again with the same key and has no second effect.
//
// The SOA belongs to the name server, which counts its serial up. Zones that it reads from files
// or transfers in are read and never written; signatures of zones that were signed elsewhere are
// foreign.
//
//	p, err := zonecast.Open(provider.Config{ID: "ns1", Values: map[string]provider.Value{
//		"socket": {Text: "/run/zonecast/nameserver.sock"},
//	}})
package zonecast
