// Package dnstest holds what tests of zones and name servers have in common:
// zones from text and back, random versions of a zone, who answers with which
// serial, TSIG keys in the form of name servers and in that of package wire, a
// connection without a network, folders in memory, and a table of questions with
// the answers that every way to serve the same zones must give.
//
// What it reads from servers and writes for comparison, it reads and writes with
// another implementation of DNS than the one that is tested, as
// internal/testserver does.
//
//	z := dnstest.Zone(t, example, "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\n")
//	ours, theirs := dnstest.Key(t)
//	dnstest.AwaitSerial(t, server.Addr, example, 1)
//	if got := server.ZoneText(t, "example."); got != dnstest.Text(t, z) { … }
//
// It knows zones and package wire, and none of the rooms that serve, transfer or
// keep zones: their tests import it, and nothing but tests does.
package dnstest
