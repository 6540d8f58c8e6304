// Package control is the interface by which a running name server is looked after: who uses it sees
// zones and states, edits the zones that are held there, and has files read again, secondaries
// refreshed, NOTIFY sent and old versions restored. It is HTTP with JSON (providers/zonecast/api),
// over a Unix socket or over TLS where both sides show certificates; nothing else.
//
// In come requests; out go calls of a Backend, which holds the zones, and of the functions of
// Options. Who may use it is said by the socket's owner and mode, by the authority of the clients'
// certificates, and for each client by rules (Client): only reading, only some zones. Each write is
// told (Options.Log), with who, what, and the serials before and after.
//
//	s, err := control.Listen(control.Options{Backend: zones, Log: audit}, control.Unix{Path: path}, nil)
//	…
//	err = s.Run(ctx) // until ctx ends; what is under way is finished
//
// A request is bounded in size, in time and in number. A write is carried out as a whole or not at
// all, also when whoever asked for it is gone; sent again with the same Idempotency-Key it gets the
// same answer and has no second effect, over a crash too where zones are kept (Options.Recall).
//
// The package answers no DNS, keeps nothing on disk, and knows no passwords.
package control
