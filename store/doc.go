// Package store holds the contract of what is kept between runs: the journal of writes, the
// versions of every zone at every target (which are the journal's finished entries with their
// zones), generations, what zonecast created, and locks of targets.
//
// In come entries from apply; out come history, versions to roll back to, and open entries after
// a crash. store/sqlite keeps them in one file beside the configuration; deleting it loses only
// history. store/storetest is the definition of correct: every implementation passes it.
//
// The package knows no provider and decides nothing.
//
//	for v, err := range st.History(ctx, store.Filter{Zone: &origin, Limit: 20}) { … }
package store
