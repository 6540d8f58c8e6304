package xfr_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A pipe is a primary without a network, for tests with a clock of their own.
type pipe struct {
	desk *xfr.Desk
	mu   sync.Mutex
	down bool
	asks []time.Duration // when it was asked for its SOA, since began
	zero time.Time
	raw  func(b []byte)                                          // sees each request
	hook func(q *wire.Message) (answer []*wire.Message, ok bool) // before the desk
}

func newPipe(j *xfr.Journal) *pipe {
	p := &pipe{desk: deskFor(j), zero: time.Now()}
	p.desk.Query = func(q []byte, _ xfr.Peer, _ int) []byte {
		return dnstest.SOA(q, func(zone.Name) *zone.Zone { return j.Zone() })
	}
	return p
}

func (p *pipe) set(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

func (p *pipe) asked() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asks)
}

// dial serves one request on the other end of a connection.
func (p *pipe) dial(_ context.Context, network, _ string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if network == "udp" {
		p.asks = append(p.asks, time.Since(p.zero))
	}
	if p.down {
		return nil, errors.New("connection refused")
	}
	return dnstest.Pipe(network, func(request []byte, send func([]byte) error) { p.serve(network, request, send) }), nil
}

func (p *pipe) serve(network string, b []byte, send func([]byte) error) {
	if p.raw != nil {
		p.raw(b)
		return
	}
	if p.hook != nil {
		if q, err := wire.Unpack(b); err == nil {
			if list, ok := p.hook(q); ok {
				for _, m := range list {
					m.ID, m.Response, m.Questions = q.ID, true, q.Questions
					if raw, err := m.Pack(); err != nil || send(raw) != nil {
						return
					}
				}
				return
			}
		}
	}
	if network == "udp" {
		_ = send(p.desk.Datagram(context.Background(), b, home))
		return
	}
	_ = p.desk.Stream(context.Background(), b, home, send)
}

// hourly has timers of an hour, ten minutes and a day.
func hourly(t testing.TB, serial int) *zone.Zone {
	t.Helper()
	return dnstest.Zone(t, example, fmt.Sprintf("@ 3600 SOA ns hostmaster %d 3600 600 86400 300\n@ 3600 NS ns\nns 300 A 192.0.2.%d\n", serial, serial))
}

// follow runs an In against pipes until the test's function returns.
func follow(t *testing.T, in *xfr.In, pipes ...*pipe) {
	t.Helper()
	in.Origin = example
	for i, p := range pipes {
		in.Primaries = append(in.Primaries, xfr.Primary{Addr: fmt.Sprintf("192.0.2.%d:53", i+1), Dial: p.dial})
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- in.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
	synctest.Wait()
}

func put(t testing.TB, j *xfr.Journal, z *zone.Zone) {
	t.Helper()
	if err := j.Put(z); err != nil {
		t.Fatal(err)
	}
}

// later lets time pass in a synctest bubble.
func later(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// A diary is written by one goroutine and read by another.
type diary struct {
	mu   sync.Mutex
	list []string
}

func (d *diary) add(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, s)
}

func (d *diary) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.list)
}

// Refresh, retry and expire as the SOA says.
func TestTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &xfr.Journal{}
		put(t, j, hourly(t, 1))
		p := newPipe(j)
		var events diary
		in := &xfr.In{
			Publish: func(z *zone.Zone) error { events.add(fmt.Sprint("serial ", dnstest.Serial(t, z))); return nil },
			Expired: func() { events.add("expired") },
		}
		follow(t, in, p)
		if got := in.Status(); got.Serial != 1 || !got.Loaded || got.Err != nil || got.Whole != 1 {
			t.Fatalf("at the start: %+v", got)
		}
		put(t, j, hourly(t, 2))
		later(time.Hour)
		if got := in.Status(); got.Serial != 2 || got.Changes != 1 {
			t.Fatalf("after an hour: %+v, want serial 2 by its changes", got)
		}
		if got := p.asked(); len(got) != 1 || got[0] < 54*time.Minute {
			t.Errorf("asked at %v; want once, up to a tenth before an hour", got)
		}
		p.set(true)
		down := len(p.asked())
		later(20 * time.Hour)
		// Up to an hour until the first, then one every nine to ten minutes.
		if n := len(p.asked()) - down; n < 6*19 || n > 7*20 {
			t.Errorf("asked %d times in 20 hours without an answer", n)
		}
		if got := in.Status(); got.Err == nil || got.Expired || len(events.all()) != 2 {
			t.Errorf("after 20 hours without an answer: %+v, %v", got, events.all())
		}
		later(5 * time.Hour)
		if got := in.Status(); !got.Expired || got.Serial != 2 {
			t.Errorf("after a day without an answer: %+v, want expired", got)
		}
		p.set(false)
		later(10 * time.Minute)
		if want := []string{"serial 1", "serial 2", "expired", "serial 2"}; !slices.Equal(events.all(), want) {
			t.Errorf("events %q, want %q", events.all(), want)
		}
	})
}

// Without a version the primaries are asked more and more seldom, but at least every ten minutes.
func TestFirstVersionIsAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &xfr.Journal{}
		put(t, j, hourly(t, 1))
		p := newPipe(j)
		p.set(true)
		in := &xfr.In{Publish: func(*zone.Zone) error { return nil }}
		follow(t, in, p)
		later(2 * time.Hour)
		if got := in.Status(); got.Loaded || got.Err == nil || time.Until(got.Next) > 10*time.Minute {
			t.Errorf("%+v", got)
		}
		p.set(false)
		later(10 * time.Minute)
		if !in.Status().Loaded {
			t.Errorf("%+v; want the zone", in.Status())
		}
	})
}

// NOTIFY brings a version at once, when it comes from a primary and tells something new.
func TestNotified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &xfr.Journal{}
		put(t, j, hourly(t, 1))
		p, second := newPipe(j), newPipe(j)
		in := &xfr.In{Publish: func(*zone.Zone) error { return nil }}
		follow(t, in, p, second)
		put(t, j, hourly(t, 2))
		from := func(ip string) xfr.Sender {
			return xfr.Sender{Peer: xfr.Peer{Addr: netip.AddrPortFrom(netip.MustParseAddr(ip), 4000)}}
		}
		for _, c := range []struct {
			name   string
			notice xfr.Notice
			want   wire.RCODE
			serial uint32
		}{
			{"a stranger", xfr.Notice{Origin: example, From: from("198.51.100.1")}, wire.Refused, 1},
			{"another zone", xfr.Notice{Origin: catalog, From: from("192.0.2.1")}, wire.Refused, 1},
			{"nothing new", xfr.Notice{Origin: example, Serial: 1, HasSerial: true, From: from("192.0.2.1")}, wire.NoError, 1},
			{"the second primary", xfr.Notice{Origin: example, Serial: 2, HasSerial: true, From: from("192.0.2.2")}, wire.NoError, 2},
		} {
			if got := in.Notified(c.notice); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
			synctest.Wait()
			if got := in.Status().Serial; got != c.serial {
				t.Errorf("%s: serial %d, want %d", c.name, got, c.serial)
			}
		}
		if a, b := len(p.asked()), len(second.asked()); a != 0 || b != 1 || in.Status().From != "192.0.2.2:53" {
			t.Errorf("asked %d and %d times, from %s; want only the one that sent the NOTIFY", a, b, in.Status().From)
		}
	})
}

// NOTIFY that somebody makes up have the primary asked once a second at most.
func TestMadeUpNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &xfr.Journal{}
		put(t, j, hourly(t, 1))
		p := newPipe(j)
		in := &xfr.In{Publish: func(*zone.Zone) error { return nil }}
		follow(t, in, p)
		n := xfr.Notice{Origin: example, Serial: 9, HasSerial: true, From: xfr.Sender{Peer: xfr.Peer{Addr: netip.MustParseAddrPort("192.0.2.1:53")}}}
		for range 100 {
			if got := in.Notified(n); got != wire.NoError {
				t.Errorf("NOTIFY: %s", got)
			}
			later(100 * time.Millisecond)
		}
		if got := len(p.asked()); got < 9 || got > 11 {
			t.Errorf("asked %d times in 10 s", got)
		}
		put(t, j, hourly(t, 2))
		in.Notified(n)
		later(time.Second)
		if got := in.Status().Serial; got != 2 {
			t.Errorf("serial %d, want 2", got)
		}
	})
}

// What a primary may do wrong, and what becomes of it: the whole version or none.
func TestBrokenTransfers(t *testing.T) {
	whole := []string{"soa2", "ns", "a2", "soa2"}
	for _, c := range []struct {
		name       string
		ixfr, axfr []string // records of the answer, "|" between messages; nil: as it should be
		serial     uint32
		err        string
	}{
		{"fine", nil, nil, 2, ""},
		{"changes in pieces", []string{"soa2", "|", "soa1", "a1", "|", "soa2", "a2", "|", "soa2"}, []string{"!5"}, 2, ""},
		{"changes that are the zone", whole, []string{"!5"}, 2, ""},
		{"IXFR is not known", []string{"!4"}, nil, 2, ""},
		{"IXFR is refused", []string{"!5"}, nil, 2, ""},
		{"a change that removes nothing", []string{"soa2", "soa1", "a2", "soa2", "a2", "soa2"}, nil, 2, ""},
		{"a change that adds what is there", []string{"soa2", "soa1", "soa2", "a1", "soa2"}, nil, 2, ""},
		{"a change from another version", []string{"soa2", "soa0", "soa2", "a2", "soa2"}, []string{"!5"}, 1, "REFUSED"},
		{"changes that end early", []string{"soa2", "soa1", "a1"}, []string{"soa2", "ns"}, 1, "closed"},
		{"a zone that ends with another SOA", []string{"!4"}, []string{"soa2", "ns", "soa1"}, 1, "another SOA than it began with"},
		{"a record of another zone", []string{"!4"}, []string{"soa2", "ns", "foreign", "soa2"}, 1, "not in zone example.org."},
		{"changes of another zone", []string{"soa2", "soa1", "soa2", "foreign", "soa2"}, []string{"!5"}, 1, "REFUSED"},
		{"an older version", []string{"!4"}, []string{"soa0", "ns", "soa0"}, 1, "serial 0, which is not newer than 1"},
		{"a meta type", []string{"!4"}, []string{"soa2", "ns", "meta", "soa2"}, 1, "type AXFR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &xfr.Journal{}
				put(t, j, hourly(t, 1))
				p := newPipe(j)
				p.hook = func(q *wire.Message) ([]*wire.Message, bool) {
					list := c.ixfr
					switch q.Questions[0].Type {
					case wire.TypeAXFR:
						list = c.axfr
					case zone.TypeSOA:
						return nil, false
					}
					return answerOf(t, list), list != nil
				}
				var got *zone.Zone
				in := &xfr.In{Have: hourly(t, 1), Publish: func(z *zone.Zone) error { got = z; return nil }}
				put(t, j, hourly(t, 2))
				follow(t, in, p)
				s := in.Status()
				if s.Serial != c.serial || c.err == "" && s.Err != nil || c.err != "" && (s.Err == nil || !strings.Contains(s.Err.Error(), c.err)) {
					t.Errorf("%+v; want serial %d and %q", s, c.serial, c.err)
				}
				if c.serial == 2 && (got == nil || !got.Equal(hourly(t, 2))) || c.serial == 1 && got != nil {
					t.Errorf("published %v", got)
				}
			})
		})
	}
}

// answerOf makes messages out of the words of TestBrokenTransfers.
func answerOf(t *testing.T, list []string) []*wire.Message {
	out := []*wire.Message{{}}
	for _, word := range list {
		m := out[len(out)-1]
		var z *zone.Zone
		k := zone.Key{Owner: example, Type: zone.TypeSOA}
		switch word {
		case "|":
			out = append(out, &wire.Message{})
			continue
		case "!4", "!5":
			m.RCODE = wire.RCODE(word[1] - '0')
			continue
		case "foreign":
			m.Answers = append(m.Answers, wire.Record{Owner: zone.MustName("www.example.com."), Type: zone.TypeA, Class: wire.ClassIN, Data: "\x01\x02\x03\x04"})
			continue
		case "meta":
			m.Answers = append(m.Answers, wire.Record{Owner: example, Type: wire.TypeAXFR, Class: wire.ClassIN, Data: "\x01"})
			continue
		case "soa0", "soa1", "soa2":
			z = hourly(t, int(word[3]-'0'))
		case "ns":
			z, k.Type = hourly(t, 2), zone.TypeNS
		case "a1", "a2":
			z, k = hourly(t, int(word[1]-'0')), zone.Key{Owner: zone.MustName("ns.example.org."), Type: zone.TypeA}
		}
		set, ok := z.Set(k.Owner, k.Type)
		if !ok {
			t.Errorf("word %q", word)
		}
		m.Answers = append(m.Answers, wire.Record{Owner: set.Owner, Type: set.Type, Class: wire.ClassIN, TTL: set.TTL, Data: set.Data[0]})
	}
	return out
}

// A version that is refused by who should take it leaves the one before.
func TestRefusedVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &xfr.Journal{}
		put(t, j, hourly(t, 1))
		bad := errors.New("the disk is full")
		in := &xfr.In{Publish: func(z *zone.Zone) error {
			if dnstest.Serial(t, z) == 2 {
				return bad
			}
			return nil
		}}
		follow(t, in, newPipe(j))
		put(t, j, hourly(t, 2))
		in.Refresh()
		synctest.Wait()
		if s := in.Status(); s.Serial != 1 || !errors.Is(s.Err, bad) {
			t.Errorf("%+v; want serial 1 and %v", s, bad)
		}
		put(t, j, hourly(t, 3))
		later(10 * time.Minute)
		if s := in.Status(); s.Serial != 3 || s.Err != nil {
			t.Errorf("%+v; want serial 3", s)
		}
	})
}

// A secondary that does not answer is told again, each time later; a newer version takes over.
func TestNotifierTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(&xfr.Journal{})
		p.set(true)
		var told diary
		n := &xfr.Notifier{
			Targets: func(zone.Name) []xfr.Target { return []xfr.Target{{Addr: "192.0.2.1:53", Dial: p.dial}} },
			Told: func(_ zone.Name, serial uint32, _ xfr.Target, err error) {
				told.add(fmt.Sprintf("%d %v", serial, err == nil))
			},
		}
		p.desk.Notified = func(xfr.Notice) wire.RCODE { return wire.NoError }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = n.Run(ctx) }()
		if err := n.Changed(hourly(t, 1)); err != nil {
			t.Fatal(err)
		}
		later(time.Minute)
		seconds := func() (out []int) {
			for _, d := range p.asked() {
				out = append(out, int(d.Seconds()))
			}
			return out
		}
		if got := seconds(); !slices.Equal(got, []int{0, 1, 3, 7, 15}) || !slices.Equal(told.all(), []string{"1 false"}) {
			t.Errorf("told at %v s, %q; want 0, 1, 3, 7 and 15 s, then given up", got, told.all())
		}
		if err := errors.Join(n.Changed(hourly(t, 2)), n.Changed(hourly(t, 3))); err != nil {
			t.Fatal(err)
		}
		later(2 * time.Second)
		if err := n.Changed(hourly(t, 4)); err != nil {
			t.Fatal(err)
		}
		p.set(false)
		later(time.Minute)
		if !slices.Equal(told.all(), []string{"1 false", "4 true"}) {
			t.Errorf("told %q; want only the newest", told.all())
		}
		cancel()
		<-ended
	})
}

// A zone that changes all the time is told of at once, and then of the newest version now and then.
func TestNotifierRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(&xfr.Journal{})
		var told diary
		n := &xfr.Notifier{
			Rest:    time.Second,
			Targets: func(zone.Name) []xfr.Target { return []xfr.Target{{Addr: "192.0.2.1:53", Dial: p.dial}} },
			Told: func(_ zone.Name, serial uint32, _ xfr.Target, err error) {
				told.add(fmt.Sprintf("%d %v", serial, err == nil))
			},
		}
		p.desk.Notified = func(xfr.Notice) wire.RCODE { return wire.NoError }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = n.Run(ctx) }()
		for i := range 30 { // for three seconds
			if err := n.Changed(hourly(t, i+1)); err != nil {
				t.Fatal(err)
			}
			later(100 * time.Millisecond)
		}
		later(5 * time.Second)
		if want := []string{"1 true", "10 true", "20 true", "30 true"}; !slices.Equal(told.all(), want) {
			t.Errorf("told %q, want %q", told.all(), want)
		}
		cancel()
		<-ended
	})
}
