package socket

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// An h2Client writes frames as it likes.
type h2Client struct {
	*http2.Framer
	t     *testing.T
	conn  net.Conn
	block bytes.Buffer
	enc   *hpack.Encoder
}

func dialHTTP2(t *testing.T, s *Server, settings ...http2.Setting) *h2Client {
	t.Helper()
	c := tls.Client(dial(t, "tcp", s.Endpoints()[0].Addr), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	send(t, c, []byte(http2.ClientPreface))
	h := &h2Client{Framer: http2.NewFramer(c, c), t: t, conn: c}
	h.enc = hpack.NewEncoder(&h.block)
	h.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.AllowIllegalWrites = true
	h.ok(h.WriteSettings(settings...))
	return h
}

func (h *h2Client) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// fields encodes headers, given as names and values.
func (h *h2Client) fields(f ...string) []byte {
	h.block.Reset()
	for i := 0; i < len(f); i += 2 {
		h.ok(h.enc.WriteField(hpack.HeaderField{Name: f[i], Value: f[i+1]}))
	}
	return bytes.Clone(h.block.Bytes())
}

func (h *h2Client) post() []byte {
	return h.fields(":method", "POST", ":scheme", "https", ":authority", "x", ":path", "/dns-query", "content-type", messageType)
}

func (h *h2Client) ask(id uint32, q []byte) {
	h.t.Helper()
	h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: h.post(), EndHeaders: true}))
	h.ok(h.WriteData(id, true, q))
}

// until reads frames up to one that is told by its text, and returns all texts before it.
func (h *h2Client) until(want string) string {
	h.t.Helper()
	var all strings.Builder
	for {
		f, err := h.ReadFrame()
		if err != nil {
			h.t.Fatalf("%v, after %s; want %s", err, all.String(), want)
		}
		text := tell(f)
		fmt.Fprintln(&all, text)
		if text == want {
			return all.String()
		}
	}
}

func tell(f http2.Frame) string {
	id := strconv.Itoa(int(f.Header().StreamID))
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		return "status " + id + " " + f.PseudoValue("status")
	case *http2.DataFrame:
		text := "data " + id + " " + strconv.Itoa(len(f.Data()))
		if f.StreamEnded() {
			text += " end"
		}
		return text
	case *http2.RSTStreamFrame:
		return "reset " + id + " " + f.ErrCode.String()
	case *http2.GoAwayFrame:
		return "away " + f.ErrCode.String()
	case *http2.PingFrame:
		return "ping " + string(f.Data[:])
	case *http2.SettingsFrame:
		return fmt.Sprintf("settings ack=%v", f.IsAck())
	}
	return f.Header().Type.String()
}

func h2Server(t *testing.T, l Limits) *Server {
	t.Helper()
	files, _ := certificate(t, t.TempDir(), "ns.example.org")
	s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DoH), Certificates: load(t, files), Limits: l})
	return s
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	s := h2Server(t, Limits{Requests: 3})
	q := query(t, 0, "example.org.")
	size := strconv.Itoa(len(q))
	for _, c := range []struct {
		name string
		do   func(h *h2Client)
		want []string
	}{
		{"one after the other", func(h *h2Client) { h.ask(1, q); h.ask(3, q) }, []string{"status 1 200", "data 1 " + size + " end", "status 3 200", "data 3 " + size + " end"}},
		{"interleaved, in pieces, with padding", func(h *h2Client) {
			for _, id := range []uint32{1, 3} {
				h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: h.post(), EndHeaders: true, PadLength: 7}))
				h.ok(h.WriteDataPadded(id, false, q[:5], make([]byte, 9)))
			}
			h.ok(h.WriteData(3, true, q[5:]))
			h.ok(h.WriteData(1, false, q[5:]))
			h.ok(h.WriteData(1, true, nil))
		}, []string{"status 3 200", "data 3 " + size + " end", "status 1 200", "data 1 " + size + " end"}},
		{"headers in pieces", func(h *h2Client) {
			b := h.post()
			h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:3]}))
			h.ok(h.WriteContinuation(1, false, b[3:9]))
			h.ok(h.WriteContinuation(1, true, b[9:]))
			h.ok(h.WriteData(1, true, q))
		}, []string{"status 1 200", "data 1 " + size + " end"}},
		{"trailers", func(h *h2Client) {
			h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.post(), EndHeaders: true}))
			h.ok(h.WriteData(1, false, q))
			h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.fields("x", ":path"), EndHeaders: true, EndStream: true}))
		}, []string{"status 1 200", "data 1 " + size + " end"}},
		{"no path", func(h *h2Client) {
			h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.fields(":method", "GET"), EndHeaders: true, EndStream: true}))
			h.ask(3, q)
		}, []string{"reset 1 PROTOCOL_ERROR", "status 3 200"}},
		{"elsewhere", func(h *h2Client) {
			h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.fields(":method", "GET", ":path", "/"), EndHeaders: true, EndStream: true}))
		}, []string{"status 1 404", "data 1 10 end"}},
		{"too long a message", func(h *h2Client) {
			h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.post(), EndHeaders: true}))
			for range 5 {
				h.ok(h.WriteData(1, false, make([]byte, h2Frame)))
			}
			h.ask(3, q)
		}, []string{"status 1 413", "reset 1 NO_ERROR", "status 3 200"}},
		{"more requests at once than allowed", func(h *h2Client) {
			for id := uint32(1); id <= 7; id += 2 {
				h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: h.post(), EndHeaders: true}))
			}
			for id := uint32(1); id <= 7; id += 2 {
				h.ok(h.WriteData(id, true, q))
			}
		}, []string{"reset 7 REFUSED_STREAM", "status 1 200", "status 5 200", "data 5 " + size + " end"}},
		{"a request given up", func(h *h2Client) {
			h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.post(), EndHeaders: true}))
			h.ok(h.WriteData(1, false, q))
			h.ok(h.WriteRSTStream(1, http2.ErrCodeCancel))
			h.ok(h.WriteData(1, true, q)) // was on its way
			h.ask(3, q)
		}, []string{"status 3 200"}},
		{"ping", func(h *h2Client) { h.ok(h.WritePing(false, [8]byte([]byte("12345678")))) }, []string{"ping 12345678"}},
		{"a stream of the server's", func(h *h2Client) { h.ask(2, q) }, []string{"away PROTOCOL_ERROR"}},
		{"data before headers", func(h *h2Client) { h.ok(h.WriteData(1, true, q)) }, []string{"away PROTOCOL_ERROR"}},
		{"headers that are no HPACK", func(h *h2Client) {
			h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, EndHeaders: true}))
		}, []string{"away COMPRESSION_ERROR"}},
		{"headers without end", func(h *h2Client) {
			h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.post()}))
			for range h2Pieces {
				h.ok(h.WriteContinuation(1, false, nil))
			}
		}, []string{"away ENHANCE_YOUR_CALM"}},
		{"something between pieces of headers", func(h *h2Client) {
			h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.post()}))
			h.ok(h.WritePing(false, [8]byte{}))
		}, []string{"away PROTOCOL_ERROR"}},
		{"a frame too large", func(h *h2Client) { send(h.t, h.conn, []byte{0, h2Frame >> 8, 1, byte(http2.FrameData), 0, 0, 0, 0, 1}) }, []string{"away FRAME_SIZE_ERROR"}},
		{"a window beyond its limit", func(h *h2Client) { h.ok(h.WriteWindowUpdate(0, 1<<31-1)) }, []string{"away FLOW_CONTROL_ERROR"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := dialHTTP2(t, s)
			h.t = t
			h.until("settings ack=true")
			c.do(h)
			for _, want := range c.want {
				h.until(want)
			}
		})
	}
}

// What the client does not take waits, in order, and not without end.
func TestHTTP2Windows(t *testing.T) {
	t.Parallel()
	s := h2Server(t, Limits{})
	q := query(t, 0, "example.org.")
	h := dialHTTP2(t, s, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10})
	h.until("settings ack=true")
	h.ask(1, q)
	h.until("data 1 10")
	h.ask(3, q)
	h.until("data 3 10")
	h.ok(h.WriteWindowUpdate(3, 1<<16))
	h.until(fmt.Sprintf("data 3 %d end", len(q)-10))
	h.ok(h.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 11}))
	h.until("data 1 1")
	h.ok(h.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 16}))
	h.until(fmt.Sprintf("data 1 %d end", len(q)-11))

	// The window of the connection: 65535 octets, of which some were used.
	big := append(bytes.Clone(q), make([]byte, 30000)...)
	for id := uint32(5); id < 13; id += 2 {
		h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: h.post(), EndHeaders: true}))
		h.ok(h.WriteData(id, false, big[:h2Frame]))
		h.ok(h.WriteData(id, true, big[h2Frame:]))
	}
	h.until(fmt.Sprintf("data 7 %d end", len(big)-h2Frame))
	h.until("status 11 200")
	h.ok(h.WriteRSTStream(9, http2.ErrCodeCancel)) // it makes room for the other
	h.ok(h.WriteWindowUpdate(0, 1<<20))
	h.until(fmt.Sprintf("data 11 %d end", len(big)-h2Frame))

	// A client that only asks is left.
	h = dialHTTP2(t, s, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	h.until("settings ack=true")
	go func() {
		for id := uint32(1); id < 2000; id += 2 {
			block := h.post()
			if h.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true}) != nil || h.WriteData(id, true, q) != nil {
				return
			}
		}
	}()
	answered := 0
	for {
		f, err := h.ReadFrame()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the connection goes on")
		}
		if err != nil || tell(f) == "away ENHANCE_YOUR_CALM" { // which may be lost: the client goes on sending
			break
		}
		if strings.HasPrefix(tell(f), "status") {
			answered++
		}
	}
	if most := 250 + 2; answered > most {
		t.Errorf("%d answers wait for a client that takes none, want at most %d", answered, most)
	}
}

// A busy connection lives on beyond the time for a message; one that stalls in a request does not.
func TestHTTP2Times(t *testing.T) {
	t.Parallel()
	s := h2Server(t, Limits{Message: 2 * time.Second})
	q := query(t, 0, "example.org.")
	h := dialHTTP2(t, s)
	h.until("settings ack=true")
	id := uint32(1)
	h.ok(h.WriteWindowUpdate(0, 1<<30))
	h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: h.post(), EndHeaders: true}))
	for began := time.Now(); time.Since(began) < 3*time.Second; id += 2 { // one is always open
		h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: id + 2, BlockFragment: h.post(), EndHeaders: true}))
		h.ok(h.WriteData(id, true, q))
		h.until(fmt.Sprintf("data %d %d end", id, len(q)))
	}
	h.until("away NO_ERROR")
	patience.Until(t, "counted is one that was late", func() (any, bool) { got := s.Counters(); return got, got.Late == 1 })
	s = h2Server(t, Limits{Idle: time.Second})
	idle := dialHTTP2(t, s)
	idle.until("away NO_ERROR")
	if got := s.Counters(); got.Late != 0 {
		t.Errorf("an idle connection counts as late")
	}
}

func TestHTTP2Drain(t *testing.T) {
	t.Parallel()
	files, _ := certificate(t, t.TempDir(), "ns.example.org")
	s, err := Listen(Options{Answerer: &echo{}, Endpoints: loopback(DoH), Certificates: load(t, files)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	q := query(t, 0, "example.org.")
	h := dialHTTP2(t, s)
	h.ask(1, q)
	h.until(fmt.Sprintf("data 1 %d end", len(q)))
	cancel()
	h.until("away NO_ERROR")
	ends(t, h.conn)
	if err := patience.Receive(t, "the end of the server", ended); err != nil {
		t.Error(err)
	}
}

// FuzzHTTP2 sends any octets behind the preface.
func FuzzHTTP2(f *testing.F) {
	var b bytes.Buffer
	w := http2.NewFramer(&b, nil)
	_ = w.WriteSettings()
	_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x83, 0x87, 0x44, 0x0a, '/', 'd', 'n', 's', '-', 'q', 'u', 'e', 'r', 'y'}, EndHeaders: true})
	_ = w.WriteData(1, true, query(f, 1, "example.org."))
	_ = w.WriteWindowUpdate(0, 100)
	_ = w.WriteRSTStream(1, http2.ErrCodeCancel)
	f.Add(b.Bytes())
	s, err := Listen(Options{Answerer: &echo{}, Endpoints: loopback(DNS)})
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	f.Fuzz(func(t *testing.T, b []byte) {
		client, server := net.Pipe()
		web := s.newWeb(t.Context(), &door{DoHPlain, s.doors[0].listener})
		done := make(chan struct{})
		go func() {
			web.converseHTTP2(&stream{Conn: server, streams: s.streams}, server)
			_ = server.Close()
			close(done)
		}()
		go func() {
			_ = client.SetDeadline(soon())
			_, _ = client.Write(append([]byte(http2.ClientPreface), b...))
			_ = client.Close()
		}()
		buf := make([]byte, 4096)
		for {
			if _, err := client.Read(buf); err != nil {
				break
			}
		}
		patience.Receive(t, "the end of the connection", done)
	})
}

// Headers say the same to every client, however small its table is and whatever else it was told.
func TestHTTP2Headers(t *testing.T) {
	t.Parallel()
	files, _ := certificate(t, t.TempDir(), "ns.example.org")
	// The answer has the query's ID as its TTL.
	w := workerFunc(func(dst, query []byte, _ *Client) []byte {
		ttl := uint32(binary.BigEndian.Uint16(query))
		return append(dst, pack(t, &wire.Message{Answers: []wire.Record{
			{Owner: zone.MustName("www.example.org."), Type: zone.TypeA, Class: wire.ClassIN, TTL: ttl, Data: "\xc0\x00\x02\x01"},
		}})...)
	})
	s, _ := run(t, Options{Answerer: w, Endpoints: loopback(DoH, DoH3), Certificates: load(t, files)})
	for _, size := range []uint32{4096, 0, 40, 100, 150, 200, 300, 1000} {
		for _, kinds := range []int{1, 2, 5, 40, 400} {
			t.Run(fmt.Sprintf("table of %d, %d TTLs", size, kinds), func(t *testing.T) {
				t.Parallel()
				h := dialHTTP2(t, s, http2.Setting{ID: http2.SettingHeaderTableSize, Val: size})
				h.ReadMetaHeaders = hpack.NewDecoder(min(size, 4096), nil)
				id := uint32(1)
				for i := range 150 {
					path, ttl, want := "/dns-query", (i*i+i/7)%kinds, "200"
					if i%50 == 49 {
						path, want = "/"+strconv.Itoa(i), "404"
					}
					block := h.fields(":method", "POST", ":scheme", "https", ":authority", "x", ":path", path, "content-type", messageType)
					h.ok(h.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true}))
					h.ok(h.WriteData(id, true, query(t, uint16(ttl), "www.example.org.")))
					got, length := map[string]string{}, 0
					for ended := false; !ended; {
						f, err := h.ReadFrame()
						h.ok(err)
						switch f := f.(type) {
						case *http2.MetaHeadersFrame:
							for _, field := range f.Fields {
								got[field.Name] = field.Value
							}
						case *http2.DataFrame:
							length += len(f.Data())
							ended = f.StreamEnded()
						}
					}
					if got[":status"] != want || got["content-length"] != strconv.Itoa(length) {
						t.Fatalf("answer %d of %d octets: %v, want status %s", i, length, got, want)
					}
					if want == "200" && (got["cache-control"] != "max-age="+strconv.Itoa(ttl) || got["content-type"] != messageType || !strings.HasPrefix(got["alt-svc"], "h3=")) {
						t.Fatalf("answer %d: %v, want max-age=%d", i, got, ttl)
					}
					id += 2
				}
			})
		}
	}
}
