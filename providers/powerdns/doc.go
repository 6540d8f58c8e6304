// Package powerdns keeps zones at a PowerDNS Authoritative Server by its HTTP API
// (https://doc.powerdns.com/authoritative/http-api/).
//
// A zone is read in one request and written in one: PowerDNS carries out all RRsets of a PATCH in
// one transaction. It has no compare-and-set; the touched RRsets are read again just before the
// PATCH, and what may come between is declared as the window.
//
// What people keep in PowerDNS beside records stays: disabled records go back with every REPLACE
// of their RRset, comments are not touched, LUA records and whatever cannot be read as an RRset is
// foreign. Zones of kind Slave, Secondary and Consumer, and presigned zones, are read but never
// written.
//
//	p, err := powerdns.Open(provider.Config{ID: "pdns", Values: map[string]provider.Value{
//		"host": {Text: "127.0.0.1"}, "api_key": {Text: key},
//	}})
package powerdns
