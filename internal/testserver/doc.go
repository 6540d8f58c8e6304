// Package testserver starts real name servers on the loopback interface for
// tests: BIND, Knot, NSD and PowerDNS, as Debian packages them.
//
// A test hands in zones as zone-file text and gets a running server that
// answers for them on a free port, over UDP and TCP. The server keeps its files
// in a directory of its own, is known to answer before the function returns, and
// is ended when the test ends, however the test process ends. What the server
// logged is shown when the test fails.
//
// Rights are strict by default, as on a real primary: dynamic updates and zone
// transfers need the TSIG key of the options; without a key nobody has them.
//
//	key := testserver.NewKey(t)
//	s := testserver.BIND(t, testserver.BINDOptions{
//		Zones: map[string]string{"example.org.": "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns A 192.0.2.1\n"},
//		TSIG:  key,
//	})
//	// ask s.Addr, update it with key, s.Kill(), s.Restart(t), …
//	t.Log(s.ZoneText(t, "example.org."))
//
// A server that is not installed fails the test with the way to install it.
// With ZONECAST_SKIP_SERVERS=1 in the environment such a test is skipped, with
// that reason.
//
// The package knows nothing of zonecast's own packages, so that it can judge
// them: what it asks a server, it asks with another implementation of DNS.
package testserver
