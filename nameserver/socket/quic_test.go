package socket

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// dialQUIC opens a connection for DNS over QUIC.
func dialQUIC(t testing.TB, addr netip.AddrPort, pool *x509.CertPool) *quic.Conn {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), soon())
	defer cancel()
	c, err := quic.DialAddr(ctx, addr.String(), &tls.Config{RootCAs: pool, ServerName: "ns.example.org", NextProtos: []string{"doq"}}, &quic.Config{MaxIdleTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseWithError(0, "") })
	return c
}

// sendQUIC opens a stream and sends octets; end says that these are all.
func sendQUIC(t testing.TB, c *quic.Conn, b []byte, end bool) *quic.Stream {
	t.Helper()
	str, err := c.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	_ = str.SetDeadline(soon())
	if _, err := str.Write(b); err != nil {
		t.Fatal(err)
	}
	if end {
		_ = str.Close()
	}
	return str
}

// askQUIC asks over a stream of its own and returns the answer's octets to the end of the stream.
func askQUIC(t testing.TB, c *quic.Conn, q []byte) []byte {
	t.Helper()
	b, err := io.ReadAll(sendQUIC(t, c, framed(q), true))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// endsWith waits for the end of a connection and compares the code.
func endsWith(t testing.TB, c *quic.Conn, want quic.ApplicationErrorCode) {
	t.Helper()
	patience.Receive(t, "the end of the connection", c.Context().Done())
	e, ok := errors.AsType[*quic.ApplicationError](context.Cause(c.Context()))
	if !ok || !e.Remote || e.ErrorCode != want {
		t.Fatalf("the connection ended with %v, want code %d", context.Cause(c.Context()), want)
	}
}

func quicServer(t *testing.T, o Options) (*Server, *x509.CertPool, func() error) {
	t.Helper()
	files, pool := certificate(t, t.TempDir(), "ns.example.org")
	o.Certificates = load(t, files)
	if o.Endpoints == nil {
		o.Endpoints = loopback(DoQ)
	}
	s, stop := run(t, o)
	return s, pool, stop
}

func TestQUIC(t *testing.T) {
	t.Parallel()
	e := &echo{}
	s, pool, _ := quicServer(t, Options{Answerer: e})
	c := dialQUIC(t, s.Endpoints()[0].Addr, pool)
	for _, size := range []int{0, 511, 512, 513, 5000, maxMessage} {
		q := query(t, 0, "www.example.org.")
		q = append(q, make([]byte, max(0, size-len(q)))...)
		want := bytes.Clone(q)
		want[2] |= 0x80
		if got := askQUIC(t, c, q); !bytes.Equal(got, framed(want)) {
			t.Errorf("a query of %d octets: an answer of %d, want the query as an answer", len(q), len(got)-prefix)
		}
	}
	from := e.last(t)
	if from.Transport != QUIC || from.Addr.Addr() != netip.MustParseAddr("127.0.0.1") || from.KeepAlive != 0 || from.TLS == nil {
		t.Errorf("the client was %+v, want one from 127.0.0.1 over QUIC without keep-alive", from)
	}
	patience.Until(t, "counted are 6 queries over QUIC on 1 connection", func() (any, bool) {
		got := s.Counters()
		return got, got.QUIC == 6 && got.Connections == 1 && got.Open == 1 && got.Messages == 0
	})
}

// At all addresses, answers leave from the one that was asked.
func TestQUICAtAllAddresses(t *testing.T) {
	t.Parallel()
	s, pool, _ := quicServer(t, Options{Answerer: &echo{}, Endpoints: on(DoQ, "0.0.0.0:0")})
	for _, addr := range []string{"127.0.0.1", "127.0.0.2"} {
		c := dialQUIC(t, netip.AddrPortFrom(netip.MustParseAddr(addr), s.Endpoints()[0].Addr.Port()), pool)
		askQUIC(t, c, query(t, 0, "www.example.org."))
	}
}

// Queries on one connection are answered as they come, in any order.
func TestQUICQueriesDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	s, pool, _ := quicServer(t, Options{Answerer: &echo{}})
	c := dialQUIC(t, s.Endpoints()[0].Addr, pool)
	q := framed(query(t, 0, "slow.example.org."))
	slow := sendQUIC(t, c, q[:10], false)
	for range 200 {
		askQUIC(t, c, query(t, 0, "www.example.org."))
	}
	if _, err := slow.Write(q[10:]); err != nil {
		t.Fatal(err)
	}
	_ = slow.Close()
	if b, err := io.ReadAll(slow); err != nil || len(b) != len(q) {
		t.Errorf("the slow query: %d octets, %v, want %d", len(b), err, len(q))
	}
}

// keepAlive is a query with the option of RFC 7828.
func keepAlive(t testing.TB) []byte {
	t.Helper()
	q := query(t, 0, "example.org.")
	q[11]++
	return append(q, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 8, 0, 12, 0, 0, 0, 11, 0, 0)
}

func TestQUICErrors(t *testing.T) {
	t.Parallel()
	s, pool, _ := quicServer(t, Options{Answerer: &echo{}, Limits: Limits{Message: time.Second}})
	q := query(t, 0, "example.org.")
	answer := bytes.Clone(q)
	answer[2] |= 0x80
	for _, c := range []struct {
		name  string
		sends []byte
		end   bool
	}{
		{"an ID", framed(query(t, 1, "example.org.")), true},
		{"an answer", framed(answer), true},
		{"the option edns-tcp-keepalive", framed(keepAlive(t)), true},
		{"nothing", nil, true},
		{"half a length", framed(q)[:1], true},
		{"half a query", framed(q)[:20], true},
		{"a message shorter than a header", framed(q[:11]), true},
		{"two queries", framed(q, q), true},
		{"two queries, no end", framed(q, q), false},
		{"more octets than any message has", make([]byte, 70000), false},
		{"no end", framed(q), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn := dialQUIC(t, s.Endpoints()[0].Addr, pool)
			sendQUIC(t, conn, c.sends, c.end)
			endsWith(t, conn, doqProtocolError)
		})
	}
	t.Run("a one-way stream", func(t *testing.T) {
		t.Parallel()
		conn := dialQUIC(t, s.Endpoints()[0].Addr, pool)
		if _, err := conn.OpenUniStream(); err == nil {
			t.Error("a one-way stream can be opened, want none")
		}
	})
	t.Run("a query without an answer", func(t *testing.T) {
		t.Parallel()
		conn := dialQUIC(t, s.Endpoints()[0].Addr, pool)
		update := bytes.Clone(q)
		update[2] |= 5 << 3
		_, err := io.ReadAll(sendQUIC(t, conn, framed(update), true))
		if e, ok := errors.AsType[*quic.StreamError](err); !ok || e.ErrorCode != doqInternalError {
			t.Errorf("%v, want the code for internal errors", err)
		}
		askQUIC(t, conn, q) // the connection is good
	})
	t.Run("a query that is given up", func(t *testing.T) {
		t.Parallel()
		conn := dialQUIC(t, s.Endpoints()[0].Addr, pool)
		str := sendQUIC(t, conn, framed(q)[:20], false)
		str.CancelWrite(3)
		_, err := io.ReadAll(str)
		if e, ok := errors.AsType[*quic.StreamError](err); !ok || !e.Remote {
			t.Errorf("%v, want that the server gives it up, too", err)
		}
		askQUIC(t, conn, q)
	})
}

// Unfinished queries of a connection hold no more than so much.
func TestQUICUnfinishedQueriesAreLimited(t *testing.T) {
	t.Parallel()
	s, pool, _ := quicServer(t, Options{Answerer: &echo{}})
	c := dialQUIC(t, s.Endpoints()[0].Addr, pool)
	half := framed(make([]byte, maxMessage))[:40000]
	for range quicUnanswered / len(half) {
		str, err := c.OpenStream()
		if err != nil {
			break
		}
		_ = str.SetDeadline(soon())
		if _, err := str.Write(half); err != nil {
			break // the server has enough
		}
	}
	endsWith(t, c, doqExcessiveLoad)
}

func TestNotOverQUIC(t *testing.T) {
	t.Parallel()
	q := query(t, 0, "example.org.")
	cookie := append(bytes.Clone(q), 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8)
	cookie[11]++
	for _, c := range []struct {
		name string
		m    []byte
		want bool
	}{
		{"a query", q, false},
		{"with a cookie", cookie, false},
		{"with keep-alive", keepAlive(t), true},
		{"with keep-alive, cut", keepAlive(t)[:len(q)+10], false}, // the engine's business
		{"with an ID", query(t, 256, "example.org."), true},
		{"an answer", append(q[:2:2], append([]byte{0x80}, q[3:]...)...), true},
	} {
		if got := notOverQUIC(c.m); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Clients that are refused, idle ones that make room, and those that idle too long.
func TestQUICLimits(t *testing.T) {
	t.Parallel()
	q := query(t, 0, "example.org.")
	t.Run("for one client", func(t *testing.T) {
		t.Parallel()
		s, pool, _ := quicServer(t, Options{Answerer: &echo{}, Endpoints: loopback(DoQ, DNS), Limits: Limits{PerClient: 2}})
		first := dialQUIC(t, s.Endpoints()[0].Addr, pool)
		tcp := dial(t, "tcp", s.Endpoints()[1].Addr)
		send(t, tcp, framed(q))
		readFramed(t, tcp)
		_, err := quic.DialAddr(t.Context(), address(s, 0), &tls.Config{RootCAs: pool, ServerName: "ns.example.org", NextProtos: []string{"doq"}}, nil)
		if e, ok := errors.AsType[*quic.TransportError](err); !ok || e.ErrorCode != quic.ConnectionRefused {
			t.Errorf("one connection too many: %v, want that it is refused", err)
		}
		askQUIC(t, first, q)
		_ = first.CloseWithError(0, "")
		patience.Until(t, "the first connection has ended", func() (any, bool) { c := s.Counters(); return c, c.Open <= 1 })
		askQUIC(t, dialQUIC(t, s.Endpoints()[0].Addr, pool), q)
	})
	t.Run("in all", func(t *testing.T) {
		t.Parallel()
		s, pool, _ := quicServer(t, Options{Answerer: &echo{}, Endpoints: loopback(DoQ, DNS), Limits: Limits{Connections: 1}})
		first := dialQUIC(t, s.Endpoints()[0].Addr, pool)
		askQUIC(t, first, q)
		waitIdle(t, s, 1)
		tcp := dial(t, "tcp", s.Endpoints()[1].Addr)
		send(t, tcp, framed(q))
		readFramed(t, tcp)
		endsWith(t, first, doqExcessiveLoad)
	})
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		s, pool, _ := quicServer(t, Options{Answerer: &echo{}, Limits: Limits{Idle: 2 * time.Second}})
		c := dialQUIC(t, s.Endpoints()[0].Addr, pool)
		askQUIC(t, c, q)
		patience.Receive(t, "the end of the idle connection", c.Context().Done())
		if open := waitForNone(s); open != 0 {
			t.Errorf("%d connections are left", open)
		}
	})
	t.Run("addresses are to be proved", func(t *testing.T) {
		t.Parallel()
		s, pool, _ := quicServer(t, Options{Answerer: &echo{}, Limits: Limits{Connections: 4}})
		shaking := &s.quic[0].shaking
		for _, c := range []struct {
			name   string
			before func()
			retry  bool
		}{
			{"at rest", func() {}, false},
			{"many handshakes", func() { shaking.Add(quicUnproven) }, true},
			{"no handshakes any more", func() { shaking.Add(-quicUnproven) }, false},
			{"connections run short", func() {}, true},
		} {
			c.before()
			before := s.Counters().Retries
			askQUIC(t, dialQUIC(t, s.Endpoints()[0].Addr, pool), q)
			if retry := s.Counters().Retries > before; retry != c.retry {
				t.Errorf("%s: clients have to prove their address: %v, want %v", c.name, retry, c.retry)
			}
		}
	})
	t.Run("balancers", func(t *testing.T) {
		t.Parallel()
		s, pool, _ := quicServer(t, Options{Answerer: &echo{}, ProxyFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
		if c, err := quic.DialAddr(t.Context(), address(s, 0), &tls.Config{RootCAs: pool, ServerName: "ns.example.org", NextProtos: []string{"doq"}}, nil); err == nil {
			_ = c.CloseWithError(0, "")
			t.Error("a balancer is taken for a client")
		}
	})
}

// A transfer is several messages on one stream.
func TestQUICLongAnswers(t *testing.T) {
	t.Parallel()
	x := &transfers{next: make(chan struct{}), sent: make(chan error)}
	s, pool, _ := quicServer(t, Options{Answerer: x})
	c := dialQUIC(t, s.Endpoints()[0].Addr, pool)
	str := sendQUIC(t, c, framed(long(t, 0)), true)
	for range 3 {
		askQUIC(t, c, query(t, 0, "example.org."))
		x.next <- struct{}{}
		if err := patience.Receive(t, "that a message is sent", x.sent); err != nil {
			t.Fatal(err)
		}
		var length [2]byte
		if _, err := io.ReadFull(str, length[:]); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, str, int64(binary.BigEndian.Uint16(length[:]))); err != nil {
			t.Fatal(err)
		}
	}
	str.CancelRead(3)
	if err := patience.Receive(t, "the end of the answer", x.sent); !errors.Is(err, context.Canceled) {
		t.Errorf("when the client gives up: %v, want context.Canceled", err)
	}
	patience.Until(t, "counted are 4 queries, 1 of them long", func() (any, bool) { got := s.Counters(); return got, got.Long == 1 && got.QUIC == 4 })
}

// Queries that have come are answered when the server ends.
func TestQUICDrain(t *testing.T) {
	t.Parallel()
	w, began, letGo := holding()
	s, pool, stop := quicServer(t, Options{Answerer: w, Limits: Limits{Drain: patience.Limit}})
	busy, idle := dialQUIC(t, s.Endpoints()[0].Addr, pool), dialQUIC(t, s.Endpoints()[0].Addr, pool)
	waitIdle(t, s, 2)
	str := sendQUIC(t, busy, framed(query(t, 0, "example.org.")), true)
	patience.Receive(t, "that a query is held", began)
	ended := make(chan error)
	go func() { ended <- stop() }()
	endsWith(t, idle, doqNoError)
	letGo()
	if b, err := io.ReadAll(str); err != nil || len(b) == 0 {
		t.Errorf("%d octets, %v, want an answer", len(b), err)
	}
	if err := patience.Receive(t, "the end of the server", ended); err != nil {
		t.Error(err)
	}
	endsWith(t, busy, doqNoError)
}

func TestHTTP3(t *testing.T) {
	t.Parallel()
	e := &echo{}
	s, pool, _ := quicServer(t, Options{Answerer: e, Endpoints: loopback(DoH3, DoH)})
	h3 := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer func() { _ = h3.Close() }()
	addr := "https://" + address(s, 0)
	client := wire.Client{Transport: wire.HTTPS, HTTP: &http.Client{Transport: h3}, Timeout: patience.Limit}
	for range 3 {
		got, err := client.Exchange(t.Context(), addr+"/dns-query", wire.Query(zone.MustName("www.example.org."), zone.TypeAAAA))
		if err != nil || !got.Response {
			t.Fatal(got, err)
		}
	}
	if from := e.last(t); from.Transport != HTTPS || from.Addr.Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("the client was %+v, want one from 127.0.0.1 over HTTPS", from)
	}
	q := query(t, 0, "example.org.")
	for _, c := range []struct {
		name, method, path, kind string
		body                     []byte
		want                     int
	}{
		{"GET", "GET", "/dns-query?dns=" + base64.RawURLEncoding.EncodeToString(q), "", nil, 200},
		{"HEAD", "HEAD", "/dns-query?dns=" + base64.RawURLEncoding.EncodeToString(q), "", nil, 200},
		{"elsewhere", "POST", "/", messageType, q, 404},
		{"too long", "POST", "/dns-query", messageType, make([]byte, maxMessage+1), 413},
		{"as long as can be", "POST", "/dns-query", messageType, append(bytes.Clone(q), make([]byte, maxMessage-len(q))...), 200},
		{"another method", "PUT", "/dns-query", messageType, q, 405},
		{"no DNS", "POST", "/dns-query", "text/plain", q, 415},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, addr+c.path, bytes.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", c.kind)
		resp, err := h3.RoundTrip(req)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		size := map[string]int{"GET": len(q), "HEAD": 0, "POST": len(c.body)}[c.method]
		if resp.StatusCode != c.want || err != nil || c.want == 200 && len(b) != size {
			t.Errorf("%s: status %d, %d octets, %v, want status %d", c.name, resp.StatusCode, len(b), err, c.want)
		}
		if kind := resp.Header.Get("Content-Type"); c.want == 200 && kind != messageType {
			t.Errorf("%s: type %q", c.name, kind)
		}
	}
	patience.Until(t, "counted are 10 requests, 4 of them bad", func() (any, bool) {
		got := s.Counters()
		return got, got.HTTP3 == 10 && got.Requests == 10 && got.BadRequests == 4
	})
	// Answers over TCP say where HTTP/3 is.
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		var p http.Protocols
		p.SetHTTP1(protocol == "HTTP/1.1")
		p.SetHTTP2(protocol == "HTTP/2.0")
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, Protocols: &p, DisableKeepAlives: true}}
		resp, err := client.Post("https://"+address(s, 1)+"/dns-query", messageType, bytes.NewReader(q))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		want := `h3=":` + strconv.Itoa(int(s.Endpoints()[0].Addr.Port())) + `"; ma=86400`
		if got := resp.Header.Get("Alt-Svc"); got != want || resp.Proto != protocol {
			t.Errorf("%s: Alt-Svc is %q, want %q", resp.Proto, got, want)
		}
	}
}

// Requests that have come are answered when the server ends, and idle connections end with a code
// that says that all is well.
func TestHTTP3Drain(t *testing.T) {
	t.Parallel()
	w, began, letGo := holding()
	s, pool, stop := quicServer(t, Options{Answerer: w, Endpoints: loopback(DoH3), Limits: Limits{Drain: patience.Limit}})
	var conn atomic.Pointer[quic.Conn]
	h3 := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, Dial: func(ctx context.Context, addr string, t *tls.Config, q *quic.Config) (*quic.Conn, error) {
		c, err := quic.DialAddrEarly(ctx, addr, t, q)
		conn.Store(c)
		return c, err
	}}
	defer func() { _ = h3.Close() }()
	answered := make(chan error)
	go func() {
		client := wire.Client{Transport: wire.HTTPS, HTTP: &http.Client{Transport: h3}, Timeout: patience.Limit}
		_, err := client.Exchange(t.Context(), "https://"+address(s, 0)+"/dns-query", wire.Query(zone.MustName("www.example.org."), zone.TypeA))
		answered <- err
	}()
	patience.Receive(t, "that a query is held", began)
	ended := make(chan error)
	go func() { ended <- stop() }()
	awaitDrain(t, s)
	letGo()
	if err := patience.Receive(t, "the answer", answered); err != nil {
		t.Error(err)
	}
	if err := patience.Receive(t, "the end of the server", ended); err != nil {
		t.Error(err)
	}
	endsWith(t, conn.Load(), quic.ApplicationErrorCode(http3.ErrCodeNoError))
}

// Debian's kdig judges what is on the wire.
func TestKdigOverQUIC(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("kdig"); err != nil {
		t.Skip("kdig is not installed")
	}
	s, _, _ := quicServer(t, Options{Answerer: &echo{}})
	port := strconv.Itoa(int(s.Endpoints()[0].Addr.Port()))
	out, err := exec.CommandContext(t.Context(), "kdig", "-p", port, "+quic", "@127.0.0.1", "www.example.org.", "AAAA").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "NOERROR; id: 0") || !strings.Contains(string(out), "QUIC session (QUICv1)") {
		t.Errorf("%v, want an answer with ID 0 in\n%s", err, out)
	}
}

// What is said of a connection that was proved by a certificate decides on transfers.
func TestQUICClientCertificates(t *testing.T) {
	t.Parallel()
	files, pool := certificate(t, t.TempDir(), "secondary.example.org")
	own, err := tls.LoadX509KeyPair(files.Chain, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{}
	s, trusted, _ := quicServer(t, Options{Answerer: e, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool})
	c, err := quic.DialAddr(t.Context(), address(s, 0), &tls.Config{
		RootCAs: trusted, ServerName: "ns.example.org", NextProtos: []string{"doq"}, Certificates: []tls.Certificate{own},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseWithError(0, "") }()
	askQUIC(t, c, query(t, 0, "example.org."))
	if state := e.last(t).TLS; state == nil || len(state.VerifiedChains) != 1 || state.PeerCertificates[0].DNSNames[0] != "secondary.example.org" {
		t.Errorf("of the client is known: %+v, want its certificate", state)
	}
}

// What clients send early can be played back by others; here it is not taken (RFC 9250, section 4.5).
func TestQUICTakesNothingEarly(t *testing.T) {
	t.Parallel()
	s, pool, _ := quicServer(t, Options{Answerer: &echo{}})
	config := &tls.Config{RootCAs: pool, ServerName: "ns.example.org", NextProtos: []string{"doq"}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	for i := range 2 {
		c, err := quic.DialAddrEarly(t.Context(), address(s, 0), config, nil)
		if err != nil {
			t.Fatal(err)
		}
		askQUIC(t, c, query(t, 0, "example.org."))
		state := c.ConnectionState()
		if resumed := i > 0; state.Used0RTT || state.TLS.DidResume != resumed {
			t.Errorf("connection %d: early data taken: %v, resumed: %v, want false and %v", i, state.Used0RTT, state.TLS.DidResume, resumed)
		}
		_ = c.CloseWithError(0, "")
	}
}

func TestQUICInherited(t *testing.T) {
	t.Parallel()
	files, pool := certificate(t, t.TempDir(), "ns.example.org")
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	f, err := u.File()
	_ = u.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	s, _ := run(t, Options{Answerer: &echo{}, Certificates: load(t, files), Inherited: []Inherited{{DoQ, f}}})
	askQUIC(t, dialQUIC(t, s.Endpoints()[0].Addr, pool), query(t, 0, "example.org."))
	if _, err := Listen(Options{Answerer: &echo{}, Inherited: []Inherited{{DoQ, f}}}); err == nil || !strings.Contains(err.Error(), "needs a certificate") {
		t.Errorf("without a certificate: %v", err)
	}
}

func FuzzNotOverQUIC(f *testing.F) {
	f.Add(query(f, 0, "example.org."))
	f.Add(keepAlive(f))
	f.Fuzz(func(t *testing.T, m []byte) {
		if len(m) < header {
			return
		}
		got := notOverQUIC(m)
		if (m[0]|m[1] != 0 || m[2]&0x80 != 0) && !got {
			t.Errorf("%x is taken", m)
		}
		// Whoever parses the message has the same opinion of its options.
		p, err := wire.Unpack(m)
		if err != nil || got && (p.ID != 0 || p.Response) {
			return
		}
		want := p.EDNS != nil && slices.ContainsFunc(p.EDNS.Options, func(o wire.Option) bool { return o.Code == optionKeepAlive })
		if got != want {
			t.Errorf("%x: %v, want %v", m, got, want)
		}
	})
}
