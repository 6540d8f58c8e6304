package socket

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// messageType is the media type of RFC 8484.
const messageType = "application/dns-message"

// A web answers DNS over HTTPS (RFC 8484) at one door. It is a net.Listener of connections that the
// server has admitted.
type web struct {
	server *Server
	door   *door
	http   http.Server
	secure bool
	tls    *tls.Config
	ctx    context.Context
	altSvc string // where HTTP/3 is; "": nowhere

	conns chan net.Conn
	over  chan struct{}
	once  sync.Once
}

type streamKey struct{}

func (s *Server) newWeb(ctx context.Context, d *door) *web {
	w := &web{server: s, door: d, ctx: ctx, secure: d.service == DoH, conns: make(chan net.Conn), over: make(chan struct{})}
	l := &s.o.Limits
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(!w.secure)
	w.http = http.Server{
		Handler:           w,
		Protocols:         &protocols,
		ReadHeaderTimeout: l.Message,
		ReadTimeout:       l.Message,
		WriteTimeout:      l.Message + l.Write,
		IdleTimeout:       l.Idle,
		MaxHeaderBytes:    100 << 10, // the longest message in a GET, and headers
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: l.Requests, WriteByteTimeout: l.Write},
		ErrorLog:          log.New(io.Discard, "", 0), // strangers' mistakes
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, streamKey{}, streamOf(c))
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			switch st := streamOf(c); {
			case st == nil:
			case state == http.StateNew:
				st.fresh.Store(true)
			case state == http.StateIdle:
				st.rest()
			case state == http.StateActive:
				st.fresh.Store(false)
				st.work()
			}
		},
	}
	if w.secure {
		w.tls = s.o.Certificates.config(append([]string{"h2", "http/1.1"}, s.o.Certificates.protocols...)...)
		w.altSvc = s.altSvc(Endpoint{d.service, addrPort(d.listener.Addr())})
	}
	return w
}

// streamOf finds the stream below TLS.
func streamOf(c net.Conn) *stream {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	st, _ := c.(*stream)
	return st
}

func (w *web) serve() {
	_ = w.http.Serve(w)
}

// end lets requests finish, for as long as ctx allows.
func (w *web) end(ctx context.Context) {
	late := time.AfterFunc(grace, w.server.streams.closeFresh)
	defer late.Stop()
	if w.http.Shutdown(ctx) != nil {
		_ = w.http.Close()
	}
}

// admit answers over a connection with HTTP/2, and hands others to the HTTP server.
func (w *web) admit(st *stream) {
	var c net.Conn = st
	if w.secure {
		secure, err := w.server.handshake(w.ctx, st, w.tls)
		if err != nil {
			_ = st.Close()
			return
		}
		if secure.ConnectionState().NegotiatedProtocol == "h2" {
			w.converseHTTP2(st, secure)
			_ = secure.Close()
			return
		}
		c = secure
	}
	select {
	case w.conns <- c:
	case <-w.over:
		_ = st.Close()
	}
}

// Accept is the next admitted connection.
func (w *web) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.over:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (w *web) Close() error {
	w.once.Do(func() { close(w.over) })
	return nil
}

// Addr is where the connections come in.
func (w *web) Addr() net.Addr { return w.door.listener.Addr() }

// ServeHTTP answers one request.
func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	tally := &w.server.streams.tally
	tally.requests.Add(1)
	lentQuery := lentReads.Get().(*[bigRead]byte)
	defer lentReads.Put(lentQuery)
	query, status := w.query(rw, r, lentQuery[:])
	if status != http.StatusOK {
		tally.badRequests.Add(1)
		http.Error(rw, http.StatusText(status), status)
		return
	}
	from := Client{Transport: HTTPS}
	if st, ok := r.Context().Value(streamKey{}).(*stream); ok && st != nil {
		from.Addr, from.Local = st.from, w.server.o.local(st.LocalAddr())
	}
	if w.altSvc != "" {
		rw.Header()["Alt-Svc"] = []string{w.altSvc}
	}
	w.server.answerHTTP(rw, query, &from)
}

// answerHTTP answers a request whose query was found.
func (s *Server) answerHTTP(rw http.ResponseWriter, query []byte, from *Client) {
	lent := lentWrites.Get().(*[]byte)
	defer lentWrites.Put(lent)
	worker := s.borrow()
	answer := worker.Answer((*lent)[:0], query, from)
	s.giveBack(worker)
	if answer == nil {
		s.streams.tally.badRequests.Add(1)
		http.Error(rw, "no DNS query", http.StatusBadRequest)
		return
	}
	h := rw.Header()
	h["Content-Type"] = []string{messageType}
	h["Content-Length"] = []string{strconv.Itoa(len(answer))}
	h["Cache-Control"] = []string{"max-age=" + strconv.FormatUint(uint64(freshness(answer)), 10)}
	_, _ = rw.Write(answer) // the client is gone or has the answer
}

// query takes the DNS message out of a request, or says with which status to refuse it.
func (w *web) query(rw http.ResponseWriter, r *http.Request, buf []byte) ([]byte, int) {
	if r.URL.Path != w.server.o.Path {
		return nil, http.StatusNotFound
	}
	query, status := dnsMessage(r.Method, r.URL.RawQuery, r.Header.Get("Content-Type"), func() ([]byte, int) {
		n, err := io.ReadFull(r.Body, buf[:maxMessage+1])
		switch {
		case err == nil:
			return nil, http.StatusRequestEntityTooLarge
		case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return nil, http.StatusBadRequest
		}
		return buf[:n], http.StatusOK
	}, buf)
	if status == http.StatusMethodNotAllowed {
		rw.Header().Set("Allow", "GET, HEAD, POST")
	}
	return query, status
}

// dnsMessage finds the message of a request: in the variable dns of the URL's query (RFC 8484,
// section 4.1), or in the body. buf has room for what is decoded; nil makes some.
func dnsMessage(method, rawQuery, kind string, body func() ([]byte, int), buf []byte) (query []byte, status int) {
	switch method {
	case http.MethodGet, http.MethodHead:
		values, err := url.ParseQuery(rawQuery)
		if err != nil {
			return nil, http.StatusBadRequest
		}
		text := strings.TrimRight(values.Get("dns"), "=")
		n := base64.RawURLEncoding.DecodedLen(len(text))
		if n > maxMessage {
			return nil, http.StatusRequestURITooLong
		}
		if len(buf) < n {
			buf = make([]byte, n)
		}
		if n, err = base64.RawURLEncoding.Decode(buf, []byte(text)); err != nil {
			return nil, http.StatusBadRequest
		}
		query = buf[:n]
	case http.MethodPost:
		if kind, _, _ := strings.Cut(kind, ";"); !strings.EqualFold(strings.TrimSpace(kind), messageType) {
			return nil, http.StatusUnsupportedMediaType
		}
		if query, status = body(); status != http.StatusOK {
			return nil, status
		}
	default:
		return nil, http.StatusMethodNotAllowed
	}
	if len(query) < header {
		return nil, http.StatusBadRequest
	}
	return query, http.StatusOK
}

// freshness is how many seconds a cache of HTTP may keep an answer: no longer than any record in it
// (RFC 8484, section 5.1). What is no plain answer is not kept.
func freshness(m []byte) uint32 {
	if len(m) < header || m[2]&0x02 != 0 || m[3]&0x0f != 0 && m[3]&0x0f != 3 {
		return 0 // not whole, truncated, or neither NOERROR nor NXDOMAIN
	}
	at := header
	for range binary.BigEndian.Uint16(m[4:]) {
		if at = skipName(m, at) + 4; at > len(m) {
			return 0
		}
	}
	answers := int(binary.BigEndian.Uint16(m[6:]))
	least, any := uint32(math.MaxUint32), false
	for i := range answers + int(binary.BigEndian.Uint16(m[8:])) {
		at = skipName(m, at)
		if at+10 > len(m) {
			return 0
		}
		rtype, ttl := binary.BigEndian.Uint16(m[at:]), binary.BigEndian.Uint32(m[at+4:])
		at += 10 + int(binary.BigEndian.Uint16(m[at+8:]))
		if at > len(m) {
			return 0
		}
		if i >= answers && rtype == typeSOA && at >= 4 { // a negative answer (RFC 2308, section 5)
			ttl = min(ttl, binary.BigEndian.Uint32(m[at-4:]))
		}
		if i < answers || rtype == typeSOA {
			least, any = min(least, ttl), true
		}
	}
	if !any || least > math.MaxInt32 {
		return 0
	}
	return least
}

const typeSOA = 6

// skipName returns the offset behind a name, or one beyond the message's end.
func skipName(m []byte, at int) int {
	for at < len(m) {
		switch n := int(m[at]); {
		case n == 0:
			return at + 1
		case n >= 0xc0:
			return at + 2
		default:
			at += 1 + n
		}
	}
	return len(m) + 1
}
