package patience

import (
	"testing"
	"time"
)

// Limit is how long something that must happen may take. It is for time limits
// of tests' own clients too.
const Limit = 2 * time.Minute

const pollEvery = 5 * time.Millisecond

// Until looks again and again until it is so, and fails the test, naming what
// was awaited and what was seen last, when it is not within the Limit. It is for
// the goroutine of the test.
func Until(t testing.TB, what string, look func() (seen any, ok bool)) {
	t.Helper()
	until(t, what, Limit, look)
}

func until(t testing.TB, what string, limit time.Duration, look func() (seen any, ok bool)) {
	t.Helper()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for late := false; ; {
		seen, ok := look()
		switch {
		case ok:
			return
		case late:
			t.Fatalf("%s: not so after %v; seen last: %+v", what, limit, seen)
		}
		select {
		case <-end.C:
			late = true // one more look: the whole machine may have stood still
		case <-tick.C:
		}
	}
}

// Receive takes the next value from a channel, or the zero value of one that is
// closed, and fails the test, naming what was awaited, when none comes within the
// Limit. It is for the goroutine of the test.
func Receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	return receive(t, what, Limit, from)
}

func receive[T any](t testing.TB, what string, limit time.Duration, from <-chan T) T {
	t.Helper()
	end := time.NewTimer(limit)
	defer end.Stop()
	select {
	case v := <-from:
		return v
	case <-end.C:
	}
	select {
	case v := <-from:
		return v
	default:
	}
	t.Fatalf("%s: nothing has come after %v", what, limit)
	panic("unreachable")
}
