package xfr_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A brittle connection breaks at a call.
type brittle struct {
	net.Conn
	left *atomic.Int64
}

var errBroken = errors.New("the cable was pulled")

func (b *brittle) breaks() bool {
	if b.left.Add(-1) != 0 {
		return false
	}
	_ = b.Close()
	return true
}

func (b *brittle) Read(p []byte) (int, error) {
	if b.breaks() {
		return 0, errBroken
	}
	return b.Conn.Read(p)
}

func (b *brittle) Write(p []byte) (int, error) {
	if b.breaks() {
		n, _ := b.Conn.Write(p[:len(p)/2])
		return n, errBroken
	}
	return b.Conn.Write(p)
}

func (b *brittle) SetDeadline(t time.Time) error {
	if b.breaks() {
		return errBroken
	}
	return b.Conn.SetDeadline(t)
}

// Wherever a connection breaks, there is the version before or the new one, whole, and the next
// round heals it.
func TestBreakAtEveryCall(t *testing.T) {
	t.Parallel()
	old := dnstest.Zone(t, example, apex+"$GENERATE 1-100 old$ A 192.0.2.1\n")
	next, err := xfr.WithSerial(dnstest.Zone(t, example, apex+"$GENERATE 1-100 old$ A 192.0.2.1\n$GENERATE 1-30 new$ A 192.0.2.2\n"), 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, whole := range []bool{false, true} {
		broke, n := true, int64(1)
		for ; broke; n++ {
			if n > 1000 {
				t.Fatal("no end of calls")
			}
			synctest.Test(t, func(t *testing.T) {
				j := &xfr.Journal{}
				put(t, j, old)
				put(t, j, next)
				p := newPipe(j)
				p.desk.Out.MessageSize = 200
				var left atomic.Int64
				left.Store(n)
				var newest atomic.Pointer[zone.Zone]
				in := &xfr.In{
					Origin: example, Have: old, Publish: func(z *zone.Zone) error { newest.Store(z); return nil },
					Primaries: []xfr.Primary{{Addr: "192.0.2.1:53", NoIXFR: whole, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
						if left.Load() <= 0 {
							return p.dial(ctx, network, addr)
						}
						c, err := p.dial(ctx, network, addr)
						return &brittle{c, &left}, err
					}}},
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { defer close(ended); _ = in.Run(ctx) }()
				later(time.Minute)
				s := in.Status()
				if s.Err != nil && (s.Serial != 1 || newest.Load() != nil) || s.Err == nil && (s.Serial != 2 || !newest.Load().Equal(next)) {
					t.Errorf("call %d: %+v, published %v", n, s, newest.Load())
				}
				broke = left.Load() <= 0
				later(15 * time.Minute) // the retry timer
				if s := in.Status(); s.Serial != 2 || newest.Load() == nil || !newest.Load().Equal(next) {
					t.Errorf("call %d, healed: %+v", n, s)
				}
				cancel()
				<-ended
			})
		}
		if n < 20 {
			t.Errorf("a transfer of %d calls is none of many messages", n)
		}
	}
}

// Wherever the client of a transfer goes, the next one is served.
func TestClientGoesAtEveryMessage(t *testing.T) {
	t.Parallel()
	j := &xfr.Journal{}
	put(t, j, dnstest.Zone(t, example, apex+"$GENERATE 1-300 h$ A 192.0.2.1\n"))
	d := deskFor(j)
	d.Out.MessageSize = 512
	d.Out.Transfers = 1
	q := request(t, example, 0, wire.TypeAXFR)
	all := len(stream(t, d, q))
	for n := range all {
		sent := 0
		err := d.Stream(t.Context(), q, home, func([]byte) error {
			if sent++; sent > n {
				return errBroken
			}
			return nil
		})
		if !errors.Is(err, errBroken) || sent != n+1 {
			t.Errorf("after %d messages: error %v, %d sent", n, err, sent)
		}
	}
	if got := len(stream(t, d, q)); got != all {
		t.Errorf("%d messages, want %d", got, all)
	}
}
