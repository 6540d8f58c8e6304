package socket

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

func TestHTTP(t *testing.T) {
	t.Parallel()
	s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DoHPlain), Path: "/q"})
	q := query(t, 0, "example.org.")
	get := base64.RawURLEncoding.EncodeToString(q)
	unanswered := bytes.Clone(q)
	unanswered[2] |= 5 << 3
	for _, c := range []struct {
		name, method, path, kind string
		body                     []byte
		want                     int
	}{
		{"GET", "GET", "/q?dns=" + get, "", nil, 200},
		{"GET, padded", "GET", "/q?dns=" + get + "==", "", nil, 200},
		{"HEAD", "HEAD", "/q?dns=" + get, "", nil, 200},
		{"POST", "POST", "/q", messageType, q, 200},
		{"POST, the type with a parameter", "POST", "/q", "Application/DNS-Message; x=y", q, 200},
		{"elsewhere", "POST", "/dns-query", messageType, q, 404},
		{"the start page", "GET", "/", "", nil, 404},
		{"no question", "GET", "/q", "", nil, 400},
		{"no base64", "GET", "/q?dns=%21%21", "", nil, 400},
		{"too short a message", "POST", "/q", messageType, q[:11], 400},
		{"a message without an answer", "POST", "/q", messageType, unanswered, 400},
		{"JSON", "POST", "/q", "application/dns-json", q, 415},
		{"no type", "POST", "/q", "", q, 415},
		{"too long a message", "POST", "/q", messageType, make([]byte, 65536), 413},
		{"too long a message in the URL", "GET", "/q?dns=" + strings.Repeat("A", 87400), "", nil, 414},
		{"another method", "PUT", "/q", messageType, q, 405},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+address(s, 0)+c.path, bytes.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if c.kind != "" {
				req.Header.Set("Content-Type", c.kind)
			}
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != c.want || err != nil {
				t.Fatalf("status %d, %v, want %d", resp.StatusCode, err, c.want)
			}
			if c.want != 200 {
				return
			}
			if kind := resp.Header.Get("Content-Type"); kind != messageType {
				t.Errorf("type %q", kind)
			}
			if length := resp.Header.Get("Content-Length"); length != strconv.Itoa(len(q)) {
				t.Errorf("length %s, want %d", length, len(q))
			}
			want := bytes.Clone(q)
			want[2] |= 0x80
			if c.method != "HEAD" && !bytes.Equal(body, want) {
				t.Errorf("answer %x, want %x", body, want)
			}
		})
	}
}

// pack is an answer to a question for www.example.org with records of these TTLs.
func pack(t testing.TB, m *wire.Message) []byte {
	t.Helper()
	m.Response = true
	m.Questions = []wire.Question{{Name: zone.MustName("www.example.org."), Type: zone.TypeA, Class: wire.ClassIN}}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFreshness(t *testing.T) {
	t.Parallel()
	name := zone.MustName("www.example.org.")
	a := func(ttl uint32) wire.Record {
		return wire.Record{Owner: name, Type: zone.TypeA, Class: wire.ClassIN, TTL: ttl, Data: zone.Data("\xc0\x00\x02\x01")}
	}
	soa := func(ttl, minimum uint32) wire.Record {
		data := append([]byte("\x00\x00"), make([]byte, 16)...)
		return wire.Record{Owner: zone.MustName("example.org."), Type: zone.TypeSOA, Class: wire.ClassIN, TTL: ttl, Data: zone.Data(binary.BigEndian.AppendUint32(data, minimum))}
	}
	for _, c := range []struct {
		name string
		m    *wire.Message
		want uint32
	}{
		{"the least of the answer", &wire.Message{Answers: []wire.Record{a(300), a(60), a(3600)}}, 60},
		{"authority and additional do not count", &wire.Message{Answers: []wire.Record{a(300)}, Additional: []wire.Record{a(1)}}, 300},
		{"negative: the SOA's TTL", &wire.Message{RCODE: wire.NXDomain, Authority: []wire.Record{soa(60, 300)}}, 60},
		{"negative: the SOA's minimum", &wire.Message{Authority: []wire.Record{soa(3600, 300)}}, 300},
		{"TTL 0", &wire.Message{Answers: []wire.Record{a(0)}}, 0},
		{"a TTL beyond 2^31 means 0 (RFC 2181, section 8)", &wire.Message{Answers: []wire.Record{a(1 << 31)}}, 0},
		{"refused", &wire.Message{RCODE: wire.Refused}, 0},
		{"a referral", &wire.Message{Authority: []wire.Record{a(300)}}, 0},
		{"truncated", &wire.Message{Truncated: true, Answers: []wire.Record{a(300)}}, 0},
	} {
		if got := freshness(pack(t, c.m)); got != c.want {
			t.Errorf("%s: %d s, want %d", c.name, got, c.want)
		}
	}
}

func FuzzFreshness(f *testing.F) {
	f.Add(query(f, 1, "example.org."))
	f.Add(pack(f, &wire.Message{Answers: []wire.Record{{Owner: zone.MustName("www.example.org."), Type: zone.TypeA, Class: wire.ClassIN, TTL: 300, Data: "\xc0\x00\x02\x01"}}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		began := time.Now()
		if got := freshness(b); got > 1<<31-1 {
			t.Errorf("%d is no TTL", got)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%d octets took %v", len(b), took)
		}
	})
}

// Requests that are being answered are finished; idle connections end.
func TestDrainOfHTTP(t *testing.T) {
	t.Parallel()
	w, began, letGo := holding()
	s, stop := run(t, Options{Answerer: w, Endpoints: loopback(DoHPlain), Limits: Limits{Drain: patience.Limit}})
	idle, err := net.Dial("tcp", address(s, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	_ = idle.SetDeadline(soon())
	c := dial(t, "tcp", s.Endpoints()[0].Addr)
	send(t, c, []byte("GET /dns-query?dns="+base64.RawURLEncoding.EncodeToString(query(t, 0, "example.org."))+" HTTP/1.1\r\nHost: x\r\n\r\n"))
	patience.Receive(t, "that a query is held", began)
	ended := make(chan error)
	go func() { ended <- stop() }()
	awaitDrain(t, s)
	letGo()
	b, err := io.ReadAll(c)
	if err != nil || !bytes.HasPrefix(b, []byte("HTTP/1.1 200 ")) {
		t.Errorf("%v, %q", err, b)
	}
	ends(t, idle)
	if err := patience.Receive(t, "the end of the server", ended); err != nil {
		t.Error(err)
	}
}
