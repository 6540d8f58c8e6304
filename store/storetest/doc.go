// Package storetest is the definition of a correct store: every implementation passes Run.
//
// In flows a function that opens a fresh store, out flow failed tests. It says what a journal that
// survived a crash must still hold, that an older generation is refused after a newer one, that a
// target has one writer at a time, and that versions come back as they were written. It knows no
// implementation.
package storetest
