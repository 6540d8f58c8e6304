package xfr_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A crowd of transfers that wait in their clients until they are told to go on. It notes who was served
// and who was refused, in order.
type crowd struct {
	desk    *xfr.Desk
	outcome diary
	open    map[string]chan struct{}
}

func newCrowd(t *testing.T, keys ...*wire.Key) *crowd {
	j := &xfr.Journal{}
	put(t, j, hourly(t, 1))
	c := &crowd{desk: deskFor(j), open: map[string]chan struct{}{}}
	c.desk.Keys = wire.NewKeyring(keys...)
	return c
}

// begin has a client ask for the zone.
func (c *crowd) begin(t *testing.T, name, addr string, key *wire.Key) {
	t.Helper()
	hold := make(chan struct{})
	c.open[name] = hold
	q := ask(t, wire.TypeAXFR, 0, key)
	go func() {
		_ = c.desk.Stream(t.Context(), q, xfr.Peer{Addr: netip.MustParseAddrPort(addr)}, func(b []byte) error {
			if wire.RCODE(b[3]&15) == wire.Refused {
				c.outcome.add("-" + name)
				return nil
			}
			c.outcome.add(name)
			<-hold
			return nil
		})
	}()
	synctest.Wait()
}

// end lets a transfer that was begun come to its end.
func (c *crowd) end(name string) {
	close(c.open[name])
	delete(c.open, name)
	synctest.Wait()
}

func (c *crowd) endAll() {
	for len(c.open) > 0 {
		for name := range c.open {
			c.end(name)
		}
	}
}

func (c *crowd) want(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, c.outcome.all()); diff != "" {
		t.Errorf("served and refused (-want +got):\n%s", diff)
	}
}

// One client gets a quarter of all transfers. What it asks for besides waits, while others are served at
// once, and is refused after 10 s.
func TestTransfersOfOneClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.desk.Out.Transfers = 8
		var told []string
		c.desk.Out.Busy = func(p xfr.Peer, origin zone.Name, crowded bool) {
			if crowded {
				told = append(told, p.Addr.Addr().String()+" "+origin.String())
			}
		}
		c.begin(t, "a1", "[2001:db8:0:1::1]:1", nil)
		c.begin(t, "a2", "[2001:db8:0:1::2]:2", nil)
		c.begin(t, "a3", "[2001:db8:0:1:ffff::3]:3", nil) // of the same /64
		c.begin(t, "b1", "[2001:db8:0:2::1]:1", nil)
		c.begin(t, "c1", "192.0.2.1:1", nil)
		c.begin(t, "c2", "[::ffff:192.0.2.1]:2", nil)
		c.begin(t, "c3", "192.0.2.1:3", nil)
		c.begin(t, "d1", "192.0.2.2:1", nil)
		c.want(t, "a1", "a2", "b1", "c1", "c2", "d1")
		if n := c.desk.Out.Counts(); n.Open != 6 || n.Waiting != 2 || n.Busy != 0 {
			t.Errorf("counts %+v; want 6 open, 2 waiting", n)
		}
		c.end("c1")
		later(11 * time.Second)
		c.want(t, "a1", "a2", "b1", "c1", "c2", "d1", "c3", "-a3")
		if n := c.desk.Out.Counts(); n.Open != 6 || n.Waiting != 0 || n.Busy != 1 || n.Refused != 1 {
			t.Errorf("counts %+v; want 6 open, 1 busy", n)
		}
		if want := []string{"2001:db8:0:1:ffff::3 example.org."}; !slices.Equal(told, want) {
			t.Errorf("told of %q, want %q", told, want)
		}
		c.endAll()
		if n := c.desk.Out.Counts(); n.Open != 0 || n.Whole != 7 {
			t.Errorf("counts in the end: %+v", n)
		}
	})
}

// Who goes while it waits was not refused, and takes no place.
func TestTransferIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.desk.Out.Transfers = 1
		c.desk.Out.Busy = func(p xfr.Peer, _ zone.Name, _ bool) { t.Errorf("%s was told of as refused", p.Addr) }
		c.begin(t, "a", "192.0.2.1:1", nil)
		ctx, gone := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- c.desk.Stream(ctx, ask(t, wire.TypeAXFR, 0, nil), xfr.Peer{Addr: netip.MustParseAddrPort("192.0.2.2:1")}, func([]byte) error {
				c.outcome.add("b")
				return nil
			})
		}()
		synctest.Wait()
		gone()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v, want %v", err, context.Canceled)
		}
		c.endAll()
		c.begin(t, "c", "192.0.2.3:1", nil)
		c.endAll()
		c.want(t, "a", "c")
		if n := c.desk.Out.Counts(); n.Busy != 0 || n.Refused != 0 || n.Failed != 1 || n.Whole != 2 || n.Open+n.Waiting != 0 {
			t.Errorf("counts %+v; want 2 whole, 1 failed, and nobody refused", n)
		}
	})
}

// Behind one address, a secondary with a key of its own does not wait until another has had all that it
// asked for; and in a full house a client without any transfer comes before those that have some.
func TestTransfersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loud := &wire.Key{Name: zone.MustName("loud."), Secret: []byte("secret")}
		quiet := &wire.Key{Name: zone.MustName("quiet."), Secret: []byte("secret")}
		c := newCrowd(t, loud, quiet)
		c.desk.Out.Transfers, c.desk.Out.PerClient = 3, 2
		for _, name := range []string{"1", "2", "3", "4", "5"} {
			c.begin(t, "loud"+name, "192.0.2.1:1", loud)
		}
		c.begin(t, "quiet", "192.0.2.1:2", quiet)
		c.begin(t, "unsigned", "192.0.2.1:3", nil)
		c.begin(t, "other1", "192.0.2.2:1", nil)
		c.begin(t, "other2", "192.0.2.2:2", nil)
		c.begin(t, "third", "192.0.2.3:1", nil)
		c.want(t, "loud1", "loud2", "other1")
		c.end("loud1") // the third client has none
		c.want(t, "loud1", "loud2", "other1", "third")
		c.end("third") // both others have one; of the first, it is the turn of another sender, which came before other2
		c.want(t, "loud1", "loud2", "other1", "third", "quiet")
		c.end("other1") // now the second client has none
		c.want(t, "loud1", "loud2", "other1", "third", "quiet", "other2")
		c.end("loud2")
		c.end("unsigned")
		c.end("quiet")
		// Of those who have none the oldest, then the one that has none.
		if got := strings.Join(c.outcome.all()[6:], " "); got != "loud3 unsigned loud4" {
			t.Errorf("then %s, want loud3, unsigned and loud4", got)
		}
		c.endAll()
		if n := c.desk.Out.Counts(); n.Open != 0 || n.Waiting != 0 || n.Whole != 10 {
			t.Errorf("counts in the end: %+v", n)
		}
	})
}
