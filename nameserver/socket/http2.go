package socket

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// HTTP/2 for nothing but DNS: a query is answered where it was read, without a goroutine, a channel
// or a map for it, and answers to queries that arrived together leave together. net/http needs three
// times the processor time.
const (
	h2FrameHead  = 9       // octets
	h2Frame      = 16384   // octets of a frame: the least that everyone must take
	h2Headers    = 16384   // octets of a request's header block
	h2Pieces     = 16      // frames of one
	h2Body       = 1 << 17 // window of a stream: more than a message has, so that too long ones are seen
	h2Unanswered = 1 << 20 // window of a connection: what all unfinished requests may hold
	h2Unsent     = 1 << 20 // answers that wait for the client's window
)

// An h2 is a connection with requests and answers.
type h2 struct {
	web    *web
	st     *stream
	conn   net.Conn
	client Client

	r      *bufio.Reader
	w      *bufio.Writer
	framer *http2.Framer
	decode *hpack.Decoder
	encode *hpack.Encoder
	block  bytes.Buffer      // of the answer's headers
	known  map[uint32][]byte // headers of good answers by freshness, as they are once the table has them
	length [16]byte
	worker Worker // while there is something to answer
	spare  []byte // for answers

	open    map[uint32]*h2Request // whose end has not come
	last    uint32                // the newest stream
	head    h2Request             // being decoded
	partial []byte                // header block whose end has not come
	pieces  int
	trailer bool   // it is not the head of a request
	leaving bool   // the client was told to send no more
	unread  uint32 // octets that the client was not yet told to be consumed
	since   time.Time

	window  int64 // what the client takes, over the connection
	initial int64 // over a new stream
	unsent  []h2Answer
	size    int // of unsent, in octets
}

// An h2Request is a request that is arriving.
type h2Request struct {
	id                 uint32
	method, path, kind string
	ended              bool
	window             int64 // what the client takes of the answer
	body               []byte
}

// An h2Answer waits for the client's window.
type h2Answer struct {
	id     uint32
	window int64
	data   []byte
}

// An h2Error ends the connection; the client is told the code.
type h2Error http2.ErrCode

func (e h2Error) Error() string { return http2.ErrCode(e).String() }

// converseHTTP2 answers until the end of a connection.
func (w *web) converseHTTP2(st *stream, conn net.Conn) {
	h := &h2{
		web: w, st: st, conn: conn, client: Client{Addr: st.from, Transport: HTTPS, Local: w.server.o.local(st.LocalAddr())},
		open: map[uint32]*h2Request{}, window: 65535, initial: 65535,
	}
	h.r, h.w = bufio.NewReaderSize(conn, 4<<10), bufio.NewWriterSize(deadlined{conn, w.server.o.Limits.Write}, 4<<10)
	h.framer = http2.NewFramer(h.w, h.r)
	h.framer.SetReuseFrames()
	h.framer.SetMaxReadFrameSize(h2Frame)
	h.encode = hpack.NewEncoder(&h.block)
	h.decode = hpack.NewDecoder(4096, h.field)
	h.decode.SetMaxStringLength(h2Headers)
	err := h.greet()
	for err == nil {
		err = h.next()
	}
	code := http2.ErrCodeNo
	if e, ok := errors.AsType[h2Error](err); ok {
		code = http2.ErrCode(e)
	} else if e, ok := errors.AsType[http2.ConnectionError](err); ok {
		code = http2.ErrCode(e)
	} else if errors.Is(err, http2.ErrFrameTooLarge) {
		code = http2.ErrCodeFrameSize
	}
	h.giveBack()
	_ = h.framer.WriteGoAway(h.last, code, nil)
	_ = h.w.Flush()
}

// deadlined gives each write its time.
type deadlined struct {
	net.Conn
	limit time.Duration
}

func (d deadlined) Write(b []byte) (int, error) {
	_ = d.SetWriteDeadline(time.Now().Add(d.limit))
	return d.Conn.Write(b)
}

func (h *h2) greet() error {
	h.st.expectWithin(h.web.server.o.Limits.Message)
	preface := make([]byte, len(http2.ClientPreface))
	for n := 0; n < len(preface); {
		m, err := h.r.Read(preface[n:])
		if n += m; err != nil {
			return err
		}
	}
	if string(preface) != http2.ClientPreface {
		return h2Error(http2.ErrCodeProtocol)
	}
	err := h.framer.WriteSettings(
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: uint32(h.web.server.o.Limits.Requests)},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: h2Body},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: h2Headers})
	if err != nil {
		return err
	}
	return h.framer.WriteWindowUpdate(0, h2Unanswered-65535)
}

// next reads a frame and does what it asks for.
func (h *h2) next() error {
	waits := !h.whole()
	if waits {
		if err := h.settle(); err != nil {
			return err
		}
	}
	f, err := h.framer.ReadFrame()
	if waits {
		h.st.work()
	}
	if err != nil {
		if e, ok := errors.AsType[http2.StreamError](err); ok {
			return h.reset(e.StreamID, e.Code)
		}
		if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() && (len(h.open) > 0 || len(h.unsent) > 0) {
			h.web.server.streams.tally.late.Add(1)
		}
		return err
	}
	if c, ok := f.(*http2.ContinuationFrame); ok != (h.partial != nil) || ok && c.StreamID != h.head.id {
		return h2Error(http2.ErrCodeProtocol)
	}
	switch f := f.(type) {
	case *http2.HeadersFrame:
		return h.headers(f)
	case *http2.ContinuationFrame:
		return h.headerBlock(f.HeaderBlockFragment(), f.HeadersEnded())
	case *http2.DataFrame:
		return h.data(f)
	case *http2.SettingsFrame:
		return h.settings(f)
	case *http2.WindowUpdateFrame:
		return h.windowUpdate(f.StreamID, int64(f.Increment))
	case *http2.PingFrame:
		if !f.IsAck() {
			return h.framer.WritePing(true, f.Data)
		}
	case *http2.RSTStreamFrame:
		if f.StreamID > h.last {
			return h2Error(http2.ErrCodeProtocol)
		}
		h.forget(f.StreamID)
	case *http2.PushPromiseFrame:
		return h2Error(http2.ErrCodeProtocol)
	}
	return nil
}

// whole reports whether the next frame can be read without waiting.
func (h *h2) whole() bool {
	if h.r.Buffered() < h2FrameHead {
		return false
	}
	b, err := h.r.Peek(3)
	return err == nil && h.r.Buffered() >= h2FrameHead+(int(b[0])<<16|int(b[1])<<8|int(b[2]))
}

// giveBack returns the worker; idle connections need none.
func (h *h2) giveBack() {
	if h.worker != nil {
		h.web.server.giveBack(h.worker)
		h.worker = nil
	}
}

// settle sends what is to be sent and sets the time for what comes next.
func (h *h2) settle() error {
	h.giveBack()
	if h.unread > h2Unanswered/4 {
		if err := h.framer.WriteWindowUpdate(0, h.unread); err != nil {
			return err
		}
		h.unread = 0
	}
	if h.st.ending.Load() && !h.leaving {
		h.leaving = true
		if err := h.framer.WriteGoAway(h.last, http2.ErrCodeNo, nil); err != nil {
			return err
		}
	}
	if err := h.w.Flush(); err != nil {
		return err
	}
	limits := &h.web.server.o.Limits
	if len(h.open) == 0 && len(h.unsent) == 0 && h.partial == nil && h.r.Buffered() == 0 {
		h.since = time.Time{}
		h.st.rest()
		h.st.expectWithin(h.web.server.streams.patience())
		return nil
	}
	if h.since.IsZero() {
		h.since = time.Now()
	}
	h.st.expectWithin(limits.Message - time.Since(h.since))
	return nil
}

func (h *h2) headers(f *http2.HeadersFrame) error {
	h.trailer = h.open[f.StreamID] != nil
	if !h.trailer {
		if f.StreamID%2 == 0 {
			return h2Error(http2.ErrCodeProtocol)
		}
		h.trailer = f.StreamID <= h.last // of a request that was refused or given up
		h.last = max(h.last, f.StreamID)
	}
	h.head = h2Request{id: f.StreamID, ended: f.StreamEnded(), window: h.initial}
	h.pieces = 0
	return h.headerBlock(f.HeaderBlockFragment(), f.HeadersEnded())
}

// headerBlock takes a piece of the request's headers. Whatever becomes of the request, they are
// decoded: the table of names and values is the connection's.
func (h *h2) headerBlock(b []byte, ended bool) error {
	if h.pieces++; h.pieces > h2Pieces || len(h.partial)+len(b) > h2Headers {
		return h2Error(http2.ErrCodeEnhanceYourCalm)
	}
	if !ended {
		h.partial = append(h.partial, b...)
		if h.partial == nil {
			h.partial = []byte{}
		}
		return nil
	}
	if h.partial != nil {
		b = append(h.partial, b...)
		h.partial = nil
	}
	if _, err := h.decode.Write(b); err != nil {
		return h2Error(http2.ErrCodeCompression)
	}
	if err := h.decode.Close(); err != nil {
		return h2Error(http2.ErrCodeCompression)
	}
	id := h.head.id
	switch {
	case h.trailer:
		q := h.open[id]
		if q == nil {
			return nil
		}
		if q.ended = h.head.ended; !q.ended {
			return h.reset(id, http2.ErrCodeProtocol)
		}
		h.unread += uint32(len(q.body))
		return h.finish(q)
	case h.head.method == "" || h.head.path == "":
		return h.reset(id, http2.ErrCodeProtocol)
	case h.head.ended:
		return h.finish(&h.head)
	case len(h.open) >= h.web.server.o.Limits.Requests:
		return h.reset(id, http2.ErrCodeRefusedStream)
	}
	q := h.head
	h.open[id] = &q
	return nil
}

// field takes a header. What is of no use here is not kept.
func (h *h2) field(f hpack.HeaderField) {
	if h.trailer {
		return
	}
	switch f.Name {
	case ":method":
		h.head.method = f.Value
	case ":path":
		h.head.path = f.Value
	case "content-type":
		h.head.kind = f.Value
	}
}

func (h *h2) data(f *http2.DataFrame) error {
	q := h.open[f.StreamID]
	if q == nil {
		if f.StreamID > h.last {
			return h2Error(http2.ErrCodeProtocol)
		}
		h.unread += f.Length // of a request that was refused or given up
		return nil
	}
	h.unread += f.Length - uint32(len(f.Data())) // padding
	if q.ended = f.StreamEnded(); q.ended && q.body == nil {
		q.body = f.Data() // all of it: no copy
		h.unread += uint32(len(f.Data()))
		err := h.finish(q)
		q.body = nil
		return err
	}
	q.body = append(q.body, f.Data()...)
	if len(q.body) > maxMessage || q.ended {
		h.unread += uint32(len(q.body))
		return h.finish(q)
	}
	return nil
}

// finish answers a request.
func (h *h2) finish(q *h2Request) error {
	delete(h.open, q.id)
	h.since = time.Time{} // there is progress
	tally := &h.web.server.streams.tally
	tally.requests.Add(1)
	query, status := h.query(q)
	var answer []byte
	if status == http.StatusOK {
		if h.worker == nil {
			h.worker = h.web.server.borrow()
		}
		if h.spare == nil {
			h.spare = make([]byte, 0, 4096)
		}
		answer = h.worker.Answer(h.spare, query, &h.client)
		if answer == nil {
			status = http.StatusBadRequest
		}
	}
	if status == http.StatusOK {
		h.goodHead(freshness(answer))
	} else {
		tally.badRequests.Add(1)
		h.block.Reset()
		h.write(":status", strconv.Itoa(status))
		if status == http.StatusMethodNotAllowed {
			h.write("allow", "GET, HEAD, POST")
		}
		answer = []byte(http.StatusText(status) + "\n")
		h.write("content-type", "text/plain")
		clear(h.known) // the table may have changed
	}
	h.lengthHead(len(answer))
	if q.method == http.MethodHead {
		answer = nil
	}
	err := h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: q.id, BlockFragment: h.block.Bytes(), EndHeaders: true, EndStream: len(answer) == 0})
	if err == nil && len(answer) > 0 {
		err = h.send(q, answer)
	}
	if err == nil && !q.ended { // what is still to come is of no interest
		err = h.reset(q.id, http2.ErrCodeNo)
	}
	return err
}

// query takes the DNS message out of a request, or says with which status to refuse it.
func (h *h2) query(q *h2Request) ([]byte, int) {
	path, rest, _ := strings.Cut(q.path, "?")
	if path != h.web.server.o.Path {
		return nil, http.StatusNotFound
	}
	return dnsMessage(q.method, rest, q.kind, func() ([]byte, int) {
		if len(q.body) > maxMessage {
			return nil, http.StatusRequestEntityTooLarge
		}
		return q.body, http.StatusOK
	}, nil)
}

func (h *h2) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	err := f.ForeachSetting(func(s http2.Setting) error {
		if s.Valid() != nil {
			return h2Error(http2.ErrCodeProtocol)
		}
		switch s.ID {
		case http2.SettingHeaderTableSize:
			h.encode.SetMaxDynamicTableSizeLimit(min(s.Val, 4096))
			clear(h.known)
		case http2.SettingInitialWindowSize:
			by := int64(s.Val) - h.initial
			h.initial = int64(s.Val)
			for _, q := range h.open {
				q.window += by
			}
			for i := range h.unsent {
				h.unsent[i].window += by
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := h.framer.WriteSettingsAck(); err != nil {
		return err
	}
	return h.resume()
}

// reset ends a stream without an answer, or what follows one.
func (h *h2) reset(id uint32, code http2.ErrCode) error {
	if code != http2.ErrCodeNo {
		h.forget(id)
	}
	return h.framer.WriteRSTStream(id, code)
}

// forget drops what is kept for a stream.
func (h *h2) forget(id uint32) {
	if q := h.open[id]; q != nil {
		h.unread += uint32(len(q.body))
		delete(h.open, id)
	}
	kept := h.unsent[:0]
	for _, a := range h.unsent {
		if a.id == id {
			h.size -= len(a.data)
			continue
		}
		kept = append(kept, a)
	}
	clear(h.unsent[len(kept):])
	h.unsent = kept
}
