// Package patience waits, for tests, until something has happened that another
// goroutine, process or machine does.
//
// It waits long: a test that something happens must hold on a machine that is
// twenty times slower than its author's, with all other tests running beside it.
// A wait costs only what the thing takes, so that a long limit costs a failing
// test alone. One that ends without success says what was awaited and what was
// seen last, which is what a person needs who has nothing but the log of a run.
//
//	patience.Until(t, "the zone has come", func() (any, bool) {
//		s := in.Status()
//		return s, s.Serial == 2
//	})
//	err := patience.Receive(t, "the end of the server", ended)
//
// It is no clock: what is about durations is tested in a bubble of
// testing/synctest, where time costs nothing. Only tests import it.
package patience
