package socket

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// soon is a deadline that only a failure reaches.
func soon() time.Time { return time.Now().Add(patience.Limit) }

func dial(t testing.TB, network string, addr netip.AddrPort) net.Conn {
	t.Helper()
	c, err := net.Dial(network, addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(soon())
	return c
}

func send(t testing.TB, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// receive reads one datagram and returns its id.
func receive(t testing.TB, c net.Conn) (id uint16, size int) {
	t.Helper()
	b := make([]byte, 65535)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if n < header || b[2]&0x80 == 0 {
		t.Fatalf("%d octets that are no answer: %x", n, b[:n])
	}
	return binary.BigEndian.Uint16(b), n
}

// Both ways to read datagrams do the same.
var packetWays = map[string]func(context.Context, netip.AddrPort, *Options) (packetSocket, error){
	"of this system": listenPacket,
	"portable":       listenPortable,
}

// serving starts one socket.
func serving(t *testing.T, listen func(context.Context, netip.AddrPort, *Options) (packetSocket, error), o Options, addr string, w Worker) packetSocket {
	t.Helper()
	if o.Answerer == nil {
		o.Answerer = &echo{}
	}
	o.Endpoints = on(DNS, addr)
	o, err := o.prepared()
	if err != nil {
		t.Fatal(err)
	}
	p, err := listen(t.Context(), netip.MustParseAddrPort(addr), &o)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { p.serve(t.Context(), w) })
	t.Cleanup(func() { p.drain(); wg.Wait(); p.close() })
	return p
}

func TestPackets(t *testing.T) {
	t.Parallel()
	for name, listen := range packetWays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &echo{}
			p := serving(t, listen, Options{}, "127.0.0.1:0", e)
			c := dial(t, "udp", p.addr())

			const many = 150 // more than one call takes
			for i := range uint16(many) {
				send(t, c, query(t, i, "www.example.org."))
			}
			seen := map[uint16]bool{}
			for range many {
				id, _ := receive(t, c)
				seen[id] = true
			}
			if len(seen) != many {
				t.Errorf("%d different answers, want %d", len(seen), many)
			}
			if got := e.last(t); got.Addr != addrPort(c.LocalAddr()) || got.Transport != UDP {
				t.Errorf("the client is %+v, want %s", got, c.LocalAddr())
			}

			// What deserves no answer holds nothing up.
			silent := query(t, 1, "example.org.")
			silent[2] |= byte(wire.OpUpdate) << 3
			long := append(query(t, 2, "example.org."), make([]byte, 60000)...)
			for _, b := range [][]byte{silent, long, {}, make([]byte, header-1)} {
				send(t, c, b)
			}
			most := query(t, 3, "example.org.")
			most = append(most, make([]byte, MaxDatagram-len(most))...)
			send(t, c, most)
			if id, size := receive(t, c); id != 3 || size != MaxDatagram {
				t.Errorf("answer %d of %d octets, want 3 of %d", id, size, MaxDatagram)
			}
			patience.Until(t, "all is counted", func() (any, bool) { // a moment after it was answered
				var got Counters
				p.counts().add(&got)
				return got, got.Datagrams == many+5 && got.Answers <= many+1 && got.Cut == 1 && got.Unsent == 0
			})
		})
	}
}

// The answer comes from the address that was asked, also where the socket has all of them.
func TestPacketsFromTheRightAddress(t *testing.T) {
	t.Parallel()
	for name, listen := range packetWays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "portable" {
				t.Skip("the standard library cannot; the documentation says to listen on each address")
			}
			for _, c := range []struct{ listen, ask string }{
				{"0.0.0.0:0", "127.0.0.1"},
				{"0.0.0.0:0", "127.1.2.3"},
				{"[::]:0", "::1"},
				{"[::1]:0", "::1"},
			} {
				if strings.Contains(c.ask, ":") && !hasIPv6() {
					t.Logf("%s: no IPv6 here", c.ask)
					continue
				}
				p := serving(t, listen, Options{}, c.listen, &echo{})
				// A connected socket takes answers from no other address.
				conn := dial(t, "udp", netip.AddrPortFrom(netip.MustParseAddr(c.ask), p.addr().Port()))
				for i := range uint16(3) {
					send(t, conn, query(t, i, "example.org."))
					if id, _ := receive(t, conn); id != i {
						t.Errorf("%s asked on a socket of %s: answer %d, want %d", c.ask, c.listen, id, i)
					}
				}
			}
		})
	}
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// What arrived before the end is answered.
func TestDrainAnswersWhatHasArrived(t *testing.T) {
	t.Parallel()
	w, began, letGo := holding()
	s, stop := run(t, Options{Answerer: w, Endpoints: loopback(DNS), Threads: 1, Limits: Limits{Drain: patience.Limit}})
	c := dial(t, "udp", s.Endpoints()[0].Addr)
	const many = 150
	for i := range uint16(many) {
		send(t, c, query(t, i, "example.org."))
	}
	patience.Receive(t, "that a query is held", began)
	ended := make(chan error)
	go func() { ended <- stop() }()
	awaitDrain(t, s) // let the end come while queries are in the kernel's hands
	letGo()
	for range many {
		receive(t, c)
	}
	if err := patience.Receive(t, "the end of the server", ended); err != nil {
		t.Error(err)
	}
	if _, err := net.DialTimeout("tcp", s.Endpoints()[0].Addr.String(), time.Second); err == nil {
		t.Error("the ended server still takes connections")
	}
}

// A workerFunc is an Answerer whose workers are all the same function.
type workerFunc func(dst, query []byte, from *Client) []byte

func (f workerFunc) Worker() Worker                                { return f }
func (f workerFunc) Answer(dst, query []byte, from *Client) []byte { return f(dst, query, from) }

// A batcher answers whole batches with an id in place of the first two octets.
type batcher struct{ largest int }

func (b *batcher) Answer(_, _ []byte, _ *Client) []byte { panic("the batch is to be answered") }

func (b *batcher) AnswerBatch(batch []Packet) {
	b.largest = max(b.largest, len(batch))
	for i := range batch {
		p := &batch[i]
		if bytes.Contains(p.Query, []byte("silent")) {
			continue
		}
		p.Answer = append(p.Dst, p.Query...)
		p.Answer[2] |= 0x80
	}
}

func TestBatchWorker(t *testing.T) {
	t.Parallel()
	if !canShare {
		t.Skip("datagrams come one by one here")
	}
	b := &batcher{}
	p := serving(t, listenPacket, Options{}, "127.0.0.1:0", b)
	c := dial(t, "udp", p.addr())
	for i := range uint16(50) {
		send(t, c, query(t, 1000+i, "silent.example.org."))
		send(t, c, query(t, i, "www.example.org."))
	}
	for range 50 {
		if id, _ := receive(t, c); id >= 1000 {
			t.Errorf("query %d has an answer", id)
		}
	}
}

func TestPacketsBehindABalancer(t *testing.T) {
	t.Parallel()
	for name, listen := range packetWays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &echo{}
			p := serving(t, listen, Options{ProxyFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, "127.0.0.1:0", e)
			c := dial(t, "udp", p.addr())
			q := query(t, 7, "example.org.")
			from := netip.MustParseAddrPort("198.51.100.7:4711")
			send(t, c, q) // without a header: not answered
			send(t, c, append(proxyHeader(from), q...))
			if id, size := receive(t, c); id != 7 || size != len(q) {
				t.Errorf("answer %d of %d octets, want 7 of %d", id, size, len(q))
			}
			if got := e.last(t).Addr; got != from {
				t.Errorf("the client is %s, want %s", got, from)
			}
			send(t, c, append(localHeader(), q...))
			receive(t, c)
			if got := e.last(t).Addr; got != addrPort(c.LocalAddr()) {
				t.Errorf("the client is %s, want the balancer %s", got, c.LocalAddr())
			}
			var counters Counters
			p.counts().add(&counters)
			if counters.BadProxy != 1 {
				t.Errorf("bad headers: %d, want 1", counters.BadProxy)
			}
		})
	}
}

func TestUDPOverIPv6(t *testing.T) {
	t.Parallel()
	if !hasIPv6() {
		t.Skip("no IPv6 here")
	}
	e := &echo{}
	s, _ := run(t, Options{Answerer: e, Endpoints: on(DNS, "[::1]:0")})
	for _, transport := range []wire.Transport{wire.UDP, wire.TCP} {
		c := wire.Client{Transport: transport, Timeout: patience.Limit}
		if _, err := c.Exchange(t.Context(), address(s, 0), wire.Query(zone.MustName("example.org."), zone.TypeSOA)); err != nil {
			t.Fatal(err)
		}
		if got := e.last(t).Addr.Addr(); got != netip.IPv6Loopback() {
			t.Errorf("over %s the client is %s, want ::1", transport, got)
		}
	}
}
