// Package journal keeps the zones of a name server on disk, in one SQLite file: of each zone the
// newest version, and the differences that led to it from older ones, as far back as a limit in
// octets allows. So a name server that starts again answers what it answered before, and goes on
// serving incremental transfers (RFC 1995) to secondaries that were a few versions behind.
//
// In come versions of zones, each by a Write that is on disk when it returns, whatever happens to
// the process then. The difference to the version before is computed here and is all that is
// written, but for now and then, when the differences have grown to half of the zone: then the zone
// is written whole, as a new place to start from. Writes that come at the same time share one flush
// to disk. Out come the zones at the start (Zones), and older versions on request (Version).
//
//	db, err := journal.Open(ctx, "/var/lib/zonecast/zones.db")
//	for e, err := range db.Zones(ctx, "primary") { … }
//	err = db.Put(ctx, "primary", z, time.Now(), nil)
//
// All that is read back carries a checksum; a zone that is damaged is an error for this zone, and
// the others are there. One process at a time has the file.
//
// The package answers nothing and does not know what a valid zone is, but that it has a SOA record.
package journal
