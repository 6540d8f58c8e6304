package wire

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// answerTo is a proper answer to a packed request, changed by f.
func answerTo(t testing.TB, raw []byte, f func(*Message)) []byte {
	t.Helper()
	m, err := Unpack(raw)
	if err != nil {
		t.Errorf("request: %v", err)
		return nil
	}
	m.Response, m.TSIG = true, nil
	if f != nil {
		f(m)
	}
	b, err := m.Pack()
	if err != nil {
		t.Errorf("answer: %v", err)
	}
	return b
}

// serve listens on one port for UDP and TCP. A handler gives the messages to send back; nil ends
// a connection.
func serve(t *testing.T, udp, tcp func(req []byte) [][]byte) string {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			_ = l.Close()
			continue // another test has the port
		}
		var wg sync.WaitGroup
		wg.Go(func() { serveUDP(p, udp) })
		wg.Go(func() { serveTCP(l, tcp) })
		t.Cleanup(func() { _ = l.Close(); _ = p.Close(); wg.Wait() })
		return l.Addr().String()
	}
	t.Fatal("no port is free for UDP and TCP")
	return ""
}

func serveUDP(p net.PacketConn, handle func([]byte) [][]byte) {
	buf := make([]byte, MaxSize)
	for {
		n, from, err := p.ReadFrom(buf)
		if err != nil {
			return
		}
		if handle == nil {
			continue
		}
		for _, b := range handle(buf[:n]) {
			_, _ = p.WriteTo(b, from)
		}
	}
}

func serveTCP(l net.Listener, handle func([]byte) [][]byte) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		req, err := readFrame(c)
		if err == nil && handle != nil {
			for _, b := range handle(req) {
				_, _ = writeFrame(c, b)
			}
		}
		_ = c.Close()
	}
}

var question = Query(zone.MustName("www.example.org."), zone.TypeA)

func TestTruncatedAnswerComesOverTCP(t *testing.T) {
	t.Parallel()
	addr := serve(t,
		func(req []byte) [][]byte {
			b := answerTo(t, req, func(m *Message) { m.Truncated = true })
			return [][]byte{b[:len(b)-3]} // some servers cut inside a record
		},
		func(req []byte) [][]byte {
			return [][]byte{answerTo(t, req, func(m *Message) { m.Answers = []Record{record(t, "www.example.org.", 60, zone.TypeA, "192.0.2.1")} })}
		})
	c := Client{Timeout: 5 * time.Second}
	m, err := c.Exchange(t.Context(), addr, question)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Answers) != 1 || m.Truncated {
		t.Errorf("answer is %v; want the one over TCP", m)
	}
}

func TestForeignDatagramsAreIgnored(t *testing.T) {
	t.Parallel()
	addr := serve(t, func(req []byte) [][]byte {
		other := answerTo(t, req, func(m *Message) { m.Questions[0].Name = zone.MustName("evil.example.") })
		id := answerTo(t, req, nil)
		id[0] ^= 1
		return [][]byte{[]byte("x"), req, id, other, answerTo(t, req, func(m *Message) { m.RCODE = NXDomain })}
	}, nil)
	c := Client{Timeout: 5 * time.Second}
	m, err := c.Exchange(t.Context(), addr, question)
	if err != nil || m.RCODE != NXDomain {
		t.Errorf("answer %v, error %v; want NXDOMAIN", m, err)
	}
}

func TestQueryIsSentAgainUpdateIsNot(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[Opcode]int{}
	addr := serve(t, func(req []byte) [][]byte {
		m, err := Unpack(req)
		if err != nil {
			t.Error(err)
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if seen[m.Opcode]++; seen[m.Opcode] < 2 {
			return nil
		}
		return [][]byte{answerTo(t, req, nil)}
	}, nil)
	c := Client{Timeout: 100 * time.Millisecond}
	if _, err := c.Exchange(t.Context(), addr, question); err != nil {
		t.Errorf("query: %v", err)
	}
	_, err := c.Exchange(t.Context(), addr, Update(zone.MustName("example.org.")))
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.Sent || !strings.Contains(e.Error(), "update example.org. at "+addr+": no answer in time") {
		t.Errorf("update: error %v; want one that was sent, without answer", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if seen[OpUpdate] != 1 {
		t.Errorf("the update was sent %d times", seen[OpUpdate])
	}
}

func TestWhetherAnythingWasSent(t *testing.T) {
	t.Parallel()
	closed := serve(t, nil, func([]byte) [][]byte { return nil })
	garbage := serve(t, nil, func([]byte) [][]byte { return [][]byte{[]byte("<html>502 Bad Gateway</html>")} })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	for _, c := range []struct {
		name, addr string
		sent       bool
		want       string
	}{
		{"nobody listens", nobody, false, "connection refused"},
		{"closed", closed, true, "closed the connection"},
		{"no DNS", garbage, true, "malformed message"},
		{"no address", "127.0.0.1", false, "missing port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client := Client{Transport: TCP, Timeout: 5 * time.Second}
			_, err := client.Exchange(t.Context(), c.addr, Update(zone.MustName("example.org.")))
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Sent != c.sent || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v (sent: %v); want %q, sent: %v", err, ok && e.Sent, c.want, c.sent)
			}
		})
	}
}

func TestCancellationEndsAWait(t *testing.T) {
	t.Parallel()
	for _, transport := range []Transport{UDP, TCP} {
		started := make(chan struct{}, 1)
		hang := make(chan struct{})
		defer close(hang)
		handle := func([]byte) [][]byte { started <- struct{}{}; <-hang; return nil }
		addr := serve(t, handle, handle)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-started; cancel() }()
		c := Client{Transport: transport, Timeout: time.Minute, Tries: 1}
		began := time.Now()
		_, err := c.Exchange(ctx, addr, question)
		if !errors.Is(err, context.Canceled) || time.Since(began) > 20*time.Second {
			t.Errorf("%s: error %v after %v; want a cancellation at once", transport, err, time.Since(began))
		}
	}
}

func TestHTTPS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		handle func(t *testing.T, w http.ResponseWriter, req []byte)
		want   string
	}{
		{"answer", func(t *testing.T, w http.ResponseWriter, req []byte) {
			w.Header().Set("Content-Type", "application/dns-message")
			_, _ = w.Write(answerTo(t, req, nil))
		}, ""},
		{"HTML with 200", func(_ *testing.T, w http.ResponseWriter, _ []byte) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>")
		}, "content type"},
		{"500", func(_ *testing.T, w http.ResponseWriter, _ []byte) { w.WriteHeader(500) }, "500"},
		{"endless", func(_ *testing.T, w http.ResponseWriter, _ []byte) {
			w.Header().Set("Content-Type", "application/dns-message")
			for range 3 {
				_, _ = w.Write(make([]byte, MaxSize))
			}
		}, "more than a message"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				req, err := io.ReadAll(r.Body)
				if err != nil || r.Method != http.MethodPost || binary.BigEndian.Uint16(req) != 0 {
					t.Errorf("request %s with error %v and id %x; want POST and id 0", r.Method, err, req[:2])
				}
				c.handle(t, w, req)
			}))
			defer s.Close()
			client := Client{Transport: HTTPS, HTTP: s.Client(), Timeout: 5 * time.Second}
			_, err := client.Exchange(t.Context(), s.URL+"/dns-query", question)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v; want %q", err, c.want)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	certified := httptest.NewUnstartedServer(nil) // for its certificate, of example.com and 127.0.0.1
	certified.StartTLS()
	defer certified.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		serveTCP(l, func(req []byte) [][]byte { return [][]byte{answerTo(t, req, nil)} })
	})
	defer wg.Wait()
	defer func() { _ = l.Close() }()
	roots := certified.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	c := Client{Transport: TLS, Timeout: 5 * time.Second, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	if _, err := c.Exchange(t.Context(), l.Addr().String(), question); err != nil {
		t.Errorf("exchange: %v", err)
	}
	c.TLS = nil
	_, err = c.Exchange(t.Context(), l.Addr().String(), question)
	if e, ok := errors.AsType[*Error](err); !ok || e.Sent || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v; want one about the certificate, nothing sent", err)
	}
}

func TestTraceTellsNoSecret(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	addr := serve(t, nil, func(req []byte) [][]byte { return [][]byte{answerTo(t, req, nil)} })
	c := Client{Transport: TCP, Timeout: 5 * time.Second, Key: testKey(t, ""), Trace: func(f string, args ...any) {
		for _, a := range args {
			b.WriteString(strings.TrimSpace(strings.Join([]string{f, toText(a)}, " ")) + "\n")
		}
	}}
	if _, err := c.Exchange(t.Context(), addr, question); err == nil {
		t.Error("an unsigned answer was accepted")
	}
	if text := b.String(); !strings.Contains(text, "www.example.org.") || strings.Contains(text, "0123456789abcdef") {
		t.Errorf("trace is %q", text)
	}
}

func toText(v any) string {
	switch v := v.(type) {
	case error:
		return v.Error()
	case string:
		return v
	}
	return ""
}
