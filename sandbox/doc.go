// Package sandbox runs providers on loopback, for trying zonecast and for demonstrations without
// an account: emulated Route 53, Cloudflare, Azure DNS and Google Cloud DNS, each with name servers
// that show what its API holds, and real BIND, Knot and PowerDNS where they are installed.
//
//	err := sandbox.Prepare(dir, sandbox.Project{BasePort: 8500, Kinds: sandbox.Available(), Zones: []string{"example.com."}})
//	s, err := sandbox.Start(ctx, dir, nil)
//	defer s.Close()
//
// A folder, .sandbox in a project, remembers ports and credentials, so that a project's
// configuration stays right from one start to the next. What the providers hold lives in memory
// and is gone when the sandbox ends. Knobs (service.Knobs) are turned at the start or at any time
// by the control API: GET / shows everything, PATCH /services/NAME turns knobs.
//
// It never listens anywhere but on loopback and never talks to a real provider.
package sandbox
