// Package sqlite keeps a store in one SQLite file, by default .zonecast/state.db beside the
// configuration. The folder ignores itself in git. Deleting it loses history and nothing else.
//
// One connection writes, several read (WAL). Writes that come at the same time share one
// transaction and so one flush to disk: a run over hundreds of targets would otherwise wait for
// the disk twice per target. Locks of targets are locks of the operating system on files in
// .zonecast/locks, so that a process that was killed holds nothing.
//
//	st, err := sqlite.Open(ctx, ".zonecast")
package sqlite
