package socket

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/patience"
)

// readFramed reads one message and returns its id.
func readFramed(t testing.TB, c net.Conn) uint16 {
	t.Helper()
	b, err := readMessage(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < header || b[2]&0x80 == 0 {
		t.Fatalf("no answer: %x", b)
	}
	return binary.BigEndian.Uint16(b)
}

func readMessage(c net.Conn) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(c, b)
	return b, err
}

// ends waits until the server has ended a connection.
func ends(t testing.TB, c net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection does not end")
	}
}

// holding is a worker whose answers wait until they are let go; began is closed when the first one is held.
func holding() (w workerFunc, began <-chan struct{}, letGo func()) {
	first, hold := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(first) })
	return func(dst, query []byte, _ *Client) []byte {
		once()
		<-hold
		dst = append(dst, query...)
		dst[2] |= 0x80
		return dst
	}, first, sync.OnceFunc(func() { close(hold) })
}

// awaitDrain waits until a server is about to end.
func awaitDrain(t testing.TB, s *Server) {
	t.Helper()
	patience.Until(t, "the server is about to end", func() (any, bool) { return s.Counters(), drains(s) })
}

// drains reports whether a server is about to end.
func drains(s *Server) bool {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	if s.streams.closed {
		return true
	}
	for _, p := range s.packets {
		if b, ok := p.(interface{ drained() bool }); ok && b.drained() {
			return true
		}
	}
	return false
}

func TestPipelining(t *testing.T) {
	t.Parallel()
	files, pool := certificate(t, t.TempDir(), "ns.example.org")
	s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DNS, DoT), Certificates: load(t, files)})
	for i, name := range []string{"TCP", "TLS"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, "tcp", s.Endpoints()[i].Addr)
			if i == 1 {
				c = tls.Client(c, &tls.Config{RootCAs: pool, ServerName: "ns.example.org", NextProtos: []string{"dot"}})
			}
			// Queries of all sizes, cut anywhere: a large one fills buffers more than once.
			var all []byte
			const many = 3000
			for id := range uint16(many) {
				q := query(t, id, "www.example.org.")
				if id%500 == 499 {
					q = append(q, make([]byte, maxMessage-len(q))...)
				}
				all = append(all, framed(q)...)
			}
			go func() {
				for n := 1; len(all) > 0; n = n*3%4099 + 1 {
					n = min(n, len(all))
					if _, err := c.Write(all[:n]); err != nil {
						return // the reader below tells
					}
					all = all[n:]
				}
			}()
			for id := range uint16(many) {
				b, err := readMessage(c)
				if err != nil {
					t.Fatal(err)
				}
				if got := binary.BigEndian.Uint16(b); got != id {
					t.Fatalf("answer %d, want %d", got, id)
				}
				if want := id%500 == 499; want != (len(b) == maxMessage) {
					t.Fatalf("answer %d has %d octets", id, len(b))
				}
			}
		})
	}
}

func TestStreamsThatEnd(t *testing.T) {
	t.Parallel()
	limits := Limits{Idle: time.Second, Message: 2 * time.Second} // longer than it takes to send what comes
	q := framed(query(t, 1, "example.org."))
	silent := framed(query(t, 2, "example.org."))
	silent[4] |= 5 << 3 // UPDATE, which echo does not answer
	for _, c := range []struct {
		name  string
		sends []byte
		late  bool
	}{
		{"nothing comes", nil, true},
		{"half a length", q[:1], true},
		{"half a query", q[:20], true},
		{"a whole query and a half", append(q[:len(q):len(q)], q[:20]...), true},
		{"a message shorter than a header", []byte{0, 4, 1, 2, 3, 4}, false},
		{"an empty message", []byte{0, 0}, false},
		{"a message without an answer", silent, false},
		{"TLS where none is", []byte("\x16\x03\x01\x00\xee\x01\x00\x00\xea\x03\x03"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DNS), Limits: limits})
			conn := dial(t, "tcp", s.Endpoints()[0].Addr)
			send(t, conn, c.sends)
			ends(t, conn)
			if open := waitForNone(s); open != 0 {
				t.Errorf("%d connections are left", open)
			}
			if late := s.Counters().Late > 0; late != c.late {
				t.Errorf("counted as late: %v, want %v", late, c.late)
			}
		})
	}
}

// waitForNone gives goroutines the time to end.
func waitForNone(s *Server) uint64 {
	for end := soon(); time.Now().Before(end) && s.Counters().Open > 0; {
		time.Sleep(time.Millisecond)
	}
	return s.Counters().Open
}

// A message must come within its time, however its octets trickle in.
func TestTricklesEnd(t *testing.T) {
	t.Parallel()
	s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DNS), Limits: Limits{Message: 50 * time.Millisecond}})
	c := dial(t, "tcp", s.Endpoints()[0].Addr)
	q := framed(append(query(t, 1, "example.org."), make([]byte, 65000)...)) // at 1 ms or more for each octet
	began := time.Now()
	for i := range q {
		if _, err := c.Write(q[i : i+1]); err != nil {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal("octets are taken one by one for ever")
		}
		time.Sleep(time.Millisecond)
	}
	ends(t, c)
}

// Unfinished messages hold large buffers, of which there are only so many. Short ones go on.
func TestLargeMessagesAreLimited(t *testing.T) {
	t.Parallel()
	s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DNS), Limits: Limits{Large: 2}})
	long := framed(append(query(t, 1, "example.org."), make([]byte, 20000)...))
	var holders []net.Conn
	for range 2 {
		c := dial(t, "tcp", s.Endpoints()[0].Addr)
		send(t, c, long[:10000])
		holders = append(holders, c)
	}
	patience.Until(t, "2 large buffers are in use", func() (any, bool) { n := s.streams.large.Load(); return n, n == 2 })
	third := dial(t, "tcp", s.Endpoints()[0].Addr)
	send(t, third, long)
	ends(t, third)
	patience.Until(t, "one was crowded out", func() (any, bool) { got := s.Counters().Crowded; return got, got == 1 })
	short := dial(t, "tcp", s.Endpoints()[0].Addr)
	var many []byte
	for i := range 100 { // more than a small buffer holds
		many = append(many, framed(query(t, uint16(i), "example.org."))...)
	}
	send(t, short, many)
	for range 100 {
		readFramed(t, short)
	}
	send(t, holders[0], long[10000:])
	readFramed(t, holders[0])
	patience.Until(t, "1 large buffers are in use", func() (any, bool) { n := s.streams.large.Load(); return n, n == 1 })
	fourth := dial(t, "tcp", s.Endpoints()[0].Addr)
	send(t, fourth, long)
	readFramed(t, fourth)
}

func TestReadersThatDoNotRead(t *testing.T) {
	t.Parallel()
	s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DNS), Limits: Limits{Write: 50 * time.Millisecond}})
	c := dial(t, "tcp", s.Endpoints()[0].Addr)
	q := framed(append(query(t, 1, "example.org."), make([]byte, 60000)...))
	for range 10000 { // until buffers are full on both ways
		if _, err := c.Write(q); err != nil {
			break
		}
	}
	patience.Until(t, "counted is one that was late", func() (any, bool) { got := s.Counters(); return got, got.Late == 1 })
}

func TestOneClientsConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DNS), Limits: Limits{PerClient: 2}})
	asks := func(c net.Conn) {
		t.Helper()
		send(t, c, framed(query(t, 1, "example.org.")))
		readFramed(t, c)
	}
	first, second := dial(t, "tcp", s.Endpoints()[0].Addr), dial(t, "tcp", s.Endpoints()[0].Addr)
	asks(first)
	asks(second)
	ends(t, dial(t, "tcp", s.Endpoints()[0].Addr))
	asks(first)
	// Another address is another client.
	other := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	c, err := other.Dial("tcp", address(s, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(soon())
	asks(c)
	// A place that is left can be taken.
	_ = first.Close()
	patience.Until(t, "the first connection has ended", func() (any, bool) { c := s.Counters(); return c, c.Open <= 2 })
	asks(dial(t, "tcp", s.Endpoints()[0].Addr))
	patience.Until(t, "counted are 5 connections, 1 refused", func() (any, bool) { got := s.Counters(); return got, got.Refused == 1 && got.Connections == 5 })
}

func TestTheLongestIdleMakesRoom(t *testing.T) {
	t.Parallel()
	s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DNS), Limits: Limits{Connections: 3}})
	conns := make([]net.Conn, 4)
	for i := range conns {
		conns[i] = dial(t, "tcp", s.Endpoints()[0].Addr)
		send(t, conns[i], framed(query(t, uint16(i), "example.org.")))
		readFramed(t, conns[i])
		waitIdle(t, s, min(i+1, 3))
		if i == 2 { // the first one is not the longest idle one any more
			send(t, conns[0], framed(query(t, 9, "example.org.")))
			readFramed(t, conns[0])
			waitIdle(t, s, 3)
		}
	}
	ends(t, conns[1])
	for _, i := range []int{0, 2, 3} {
		send(t, conns[i], framed(query(t, 10, "example.org.")))
		readFramed(t, conns[i])
	}
	patience.Until(t, "counted are 1 evicted, 3 open", func() (any, bool) {
		got := s.Counters()
		return got, got.Evicted == 1 && got.Refused == 0 && got.Open == 3
	})
}

// waitIdle waits until so many connections are known to be idle: an answer is sent a moment before.
func waitIdle(t testing.TB, s *Server, want int) {
	t.Helper()
	patience.Until(t, fmt.Sprintf("%d connections are idle", want), func() (any, bool) {
		n := 0
		s.streams.mu.Lock()
		defer s.streams.mu.Unlock()
		for st := s.streams.idle.next; st != &s.streams.idle; st = st.next {
			n++
		}
		return n, n == want
	})
}

func TestPatienceShrinks(t *testing.T) {
	t.Parallel()
	s := newStreams(Limits{Connections: 100, PerClient: 1, Idle: 10 * time.Second})
	got := map[int]time.Duration{}
	for n := range 101 {
		got[n] = s.patience()
		s.all[&stream{}] = struct{}{}
	}
	for n, want := range map[int]time.Duration{0: 10 * time.Second, 75: 10 * time.Second, 90: 4 * time.Second, 100: time.Second} {
		if got[n] != want {
			t.Errorf("with %d of 100 connections: %v, want %v", n, got[n], want)
		}
	}
}

func TestClientOfLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b string }{
		{"2001:db8::1", "2001:db8::ffff:1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"fe80::1%eth0", "fe80::2%eth1"},
	} {
		if client(netip.MustParseAddr(c.a)) != client(netip.MustParseAddr(c.b)) {
			t.Errorf("%s and %s are two clients, want one", c.a, c.b)
		}
	}
	for _, c := range []struct{ a, b string }{{"2001:db8::1", "2001:db8:0:1::1"}, {"192.0.2.1", "192.0.2.2"}} {
		if client(netip.MustParseAddr(c.a)) == client(netip.MustParseAddr(c.b)) {
			t.Errorf("%s and %s are one client, want two", c.a, c.b)
		}
	}
}

// A transfers is an echo with long answers: to queries with the opcode NOTIFY it sends messages when
// told so.
type transfers struct {
	echo
	next chan struct{} // one message for each
	sent chan error    // what send said; nil: nobody looks
}

func (*transfers) Long(query []byte, _ *Client) bool { return query[2]>>3&15 == 4 }

func (x *transfers) Stream(ctx context.Context, query []byte, _ Client, send func([]byte) error) error {
	query[2] |= 0x80
	for {
		select {
		case <-x.next:
			err := send(query)
			if x.sent != nil {
				x.sent <- err
			}
			if err != nil {
				return err
			}
		case <-ctx.Done():
			if x.sent != nil {
				x.sent <- ctx.Err()
			}
			return ctx.Err()
		}
	}
}

func long(t *testing.T, id uint16) []byte {
	q := query(t, id, "example.org.")
	q[2] |= 4 << 3
	return q
}

func TestLongAnswersHoldNothingUp(t *testing.T) {
	t.Parallel()
	x := &transfers{next: make(chan struct{}), sent: make(chan error)}
	// It takes longer than a silent connection may live.
	s, _ := run(t, Options{Answerer: x, Endpoints: loopback(DNS), Limits: Limits{Idle: time.Second}})
	c := dial(t, "tcp", s.Endpoints()[0].Addr)
	send(t, c, framed(long(t, 1), query(t, 2, "example.org.")))
	if id := readFramed(t, c); id != 2 {
		t.Fatalf("answer %d came first, want 2, which was asked last", id)
	}
	for range 3 {
		x.next <- struct{}{}
		if err := patience.Receive(t, "that a message is sent", x.sent); err != nil {
			t.Fatal(err)
		}
		if id := readFramed(t, c); id != 1 {
			t.Fatalf("answer %d, want 1", id)
		}
		time.Sleep(1200 * time.Millisecond)
	}
	_ = c.Close()
	if err := patience.Receive(t, "the end of the answer", x.sent); !errors.Is(err, context.Canceled) {
		t.Errorf("when the client has gone: %v, want context.Canceled", err)
	}
	patience.Until(t, "counted are 2 messages, 1 of them long", func() (any, bool) { got := s.Counters(); return got, got.Long == 1 && got.Messages == 2 })
}

func TestLongAnswersAreLimited(t *testing.T) {
	t.Parallel()
	x := &transfers{next: make(chan struct{})} // nobody looks at what send said
	s, _ := run(t, Options{Answerer: x, Endpoints: loopback(DNS), Limits: Limits{Long: 2}})
	c := dial(t, "tcp", s.Endpoints()[0].Addr)
	send(t, c, framed(long(t, 1), long(t, 2), long(t, 3)))
	patience.Until(t, "two long answers are under way", func() (any, bool) { c := s.Counters(); return c, c.Long >= 2 })
	for range 2 {
		x.next <- struct{}{}
		readFramed(t, c)
	}
	patience.Until(t, "two long answers are under way at once", func() (any, bool) { got := s.Counters().Long; return got, got == 2 })
	_ = c.Close()
	close(x.next) // they send until they notice
}

// A server that ends lets long answers come to their end, and does not wait for ever.
func TestDrainOfStreams(t *testing.T) {
	t.Parallel()
	x := &transfers{next: make(chan struct{}), sent: make(chan error, 1)}
	s, err := Listen(Options{Answerer: x, Endpoints: loopback(DNS), Limits: Limits{Drain: 5 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	idle, busy := dial(t, "tcp", s.Endpoints()[0].Addr), dial(t, "tcp", s.Endpoints()[0].Addr)
	send(t, busy, framed(long(t, 1), query(t, 2, "example.org.")))
	readFramed(t, busy)
	send(t, idle, framed(query(t, 3, "example.org.")))
	readFramed(t, idle)
	cancel()
	ends(t, idle)
	send(t, busy, framed(query(t, 4, "example.org."))) // may or may not be answered: it came too late
	x.next <- struct{}{}
	if err := patience.Receive(t, "that a message is sent", x.sent); err != nil {
		t.Fatalf("while the server ends: %v", err)
	}
	if err := patience.Receive(t, "the end of the server", ended); err == nil || !strings.Contains(err.Error(), "1 connections were cut off") {
		t.Errorf("Run: %v, want that one connection was cut off", err)
	}
	if err := patience.Receive(t, "the end of the answer", x.sent); !errors.Is(err, context.Canceled) {
		t.Errorf("the answer that took too long: %v, want context.Canceled", err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("a server runs twice")
	}
}

// Queries that were sent before the end are answered, those in the kernel's hands too.
func TestDrainAnswersPipelinedQueries(t *testing.T) {
	t.Parallel()
	w, began, letGo := holding()
	s, stop := run(t, Options{Answerer: w, Endpoints: loopback(DNS), Limits: Limits{Drain: patience.Limit}})
	c := dial(t, "tcp", s.Endpoints()[0].Addr)
	const many = 5000
	var all []byte
	for id := range uint16(many) {
		all = append(all, framed(query(t, id, "www.example.org."))...)
	}
	send(t, c, all)
	patience.Receive(t, "that a query is held", began)
	ended := make(chan error)
	go func() { ended <- stop() }()
	awaitDrain(t, s)
	letGo()
	for id := range uint16(many) {
		if got := readFramed(t, c); got != id {
			t.Fatalf("answer %d, want %d", got, id)
		}
	}
	ends(t, c)
	if err := patience.Receive(t, "the end of the server", ended); err != nil {
		t.Error(err)
	}
}

// A connection with a transfer on it is not idle, though its client says nothing.
func TestLongAnswersAreNotEvicted(t *testing.T) {
	t.Parallel()
	x := &transfers{next: make(chan struct{}), sent: make(chan error, 10)}
	s, _ := run(t, Options{Answerer: x, Endpoints: loopback(DNS), Limits: Limits{Connections: 2}})
	c := dial(t, "tcp", s.Endpoints()[0].Addr)
	send(t, c, framed(long(t, 1), query(t, 2, "example.org.")))
	readFramed(t, c)
	for id := range uint16(3) {
		other := dial(t, "tcp", s.Endpoints()[0].Addr)
		send(t, other, framed(query(t, id, "example.org.")))
		readFramed(t, other)
		waitIdle(t, s, 1)
	}
	x.next <- struct{}{}
	readFramed(t, c)
	patience.Until(t, "the 2 that were idle are evicted", func() (any, bool) { got := s.Counters(); return got, got.Evicted == 2 })
	_ = c.Close()
}
