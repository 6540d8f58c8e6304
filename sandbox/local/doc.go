// Package local runs real name servers for the sandbox, where they are installed: BIND and Knot,
// which take dynamic updates, and PowerDNS with its HTTP API. They listen on loopback, keep
// everything below one folder, and end with the sandbox.
//
//	s, err := local.Start(ctx, local.Options{Kind: local.Knot, Dir: dir, DNS: "127.0.0.1:8612", Key: secret, Zones: []string{"example.com."}})
//	defer s.Stop()
//
// What a server held is gone when it starts anew: the sandbox is for trying.
package local
