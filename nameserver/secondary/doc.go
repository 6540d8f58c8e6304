// Package secondary keeps many zones that are transferred in from their primaries: those of the
// configuration, and the members of catalog zones (RFC 9432), which come and go as their catalogs
// say. It also makes the catalog that other servers follow (Producer).
//
// In comes a Config, at the start and with each reload, and NOTIFY messages. Out go complete
// versions by Publish, and the names of zones that cannot be answered: Expired where the zone is
// ours and nothing good is there, Withdraw where it is ours no more. Versions are kept on Disk, so
// that after a start each zone is answered at once unless its primaries have been silent for too
// long meanwhile (RFC 1035, section 3.3.13).
//
//	zones := &secondary.Zones{Publish: server.Publish, Withdraw: server.Withdraw, Disk: db}
//	err := zones.Set(ctx, config)
//	go zones.Run(ctx)
//	desk.Notified = zones.Notified
//
// Zones have no goroutine of their own: those that are due are asked for by a bounded number of
// them, and never too many at one primary.
//
// A catalog is followed as it says, with one exception, as absence is no deletion: see Catalog.Grace.
//
// The package answers no questions and never changes what a primary sent.
package secondary
