package patience

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A strict one notes why a test failed.
type strict struct {
	testing.TB
	said string
}

func (s *strict) Helper() {}

func (s *strict) Fatalf(format string, args ...any) {
	s.said = fmt.Sprintf(format, args...)
	panic(s)
}

// failing returns what a function fails its test with; "": it does not.
func failing(t *testing.T, f func(t testing.TB)) string {
	s := &strict{TB: t}
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(s) {
				panic(r)
			}
		}()
		f(s)
	}()
	return s.said
}

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, looks := time.Now(), 0
		said := failing(t, func(t testing.TB) {
			Until(t, "the tenth look", func() (any, bool) { looks++; return looks, looks == 10 })
		})
		if took := time.Since(began); said != "" || looks != 10 || took > time.Second {
			t.Errorf("%d looks, %v, %q; want ten in no time", looks, took, said)
		}
		began = time.Now()
		said = failing(t, func(t testing.TB) {
			Until(t, "the zone has come", func() (any, bool) { return "serial 7", false })
		})
		if took := time.Since(began); took != Limit || said != "the zone has come: not so after 2m0s; seen last: serial 7" {
			t.Errorf("after %v: %q", took, said)
		}
	})
}

// What became so while the machine stood still is seen.
func TestUntilLooksOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		said := failing(t, func(t testing.TB) {
			Until(t, "it", func() (any, bool) {
				late := time.Since(began) > 0
				<-time.After(2 * Limit)
				return nil, late
			})
		})
		if said != "" {
			t.Error(said)
		}
	})
}

func TestReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := make(chan int)
		go func() {
			<-time.After(Limit - time.Second)
			c <- 7
			<-time.After(Limit + Limit/2)
			close(c)
		}()
		if got := Receive(t, "seven", c); got != 7 {
			t.Errorf("got %d, want 7", got)
		}
		if said := failing(t, func(t testing.TB) { Receive(t, "the end", c) }); !strings.Contains(said, "the end: nothing has come after 2m0s") {
			t.Errorf("said %q", said)
		}
		if got := Receive(t, "the end", c); got != 0 {
			t.Errorf("a closed channel gives %d", got)
		}
	})
}
