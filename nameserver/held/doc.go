// Package held keeps the zones that a name server is primary for and that are edited there: by
// dynamic updates (RFC 2136) and by whoever the control interface lets in. Each edit makes a new
// version of its zone, which goes to disk first and is answered from then on, so that a version
// that anybody has seen is never lost.
//
// In come updates in wire form (Update), and changes of RRsets with the revision that they were
// computed from (Change). Out go complete zones, by Publish. Versions are kept with their time and
// who made them as far back as the journal reaches; Restore makes an old one the newest.
//
//	zones := &held.Zones{DB: db, Publish: server.Publish, Withdraw: server.Withdraw, Policy: policy}
//	err := zones.Load(ctx)
//	desk := &xfr.Desk{Update: zones.Update, …}
//
// The package opens no sockets and signs nothing. Zones that are served from files or transferred
// in are not its business: they are refused with the reason (Taken).
package held
