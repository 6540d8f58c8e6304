package socket

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// http3Protocol is DNS over HTTP/3 (RFC 8484 and RFC 9114). Clients need three one-way streams:
// control and both of QPACK; those of kinds unknown to us end by themselves.
func (s *Server) http3Protocol() quicProtocol {
	return quicProtocol{
		alpn: http3.NextProtoH3,
		none: quic.ApplicationErrorCode(http3.ErrCodeNoError), excess: quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad),
		uni:  8,
		open: s.openHTTP3,
	}
}

func (s *Server) openHTTP3(l *quicLink) func(*quic.Stream) {
	h := &h3{quicLink: l, client: Client{Addr: l.st.from, Transport: HTTPS, Local: s.o.local(l.conn.Load().LocalAddr())}}
	// Goodbye (GOAWAY) is not said: what comes before the end is answered, and what comes after it
	// was not looked at and can be asked again.
	server := &http3.Server{Handler: h, MaxHeaderBytes: 100 << 10}
	c := l.conn.Load()
	raw, err := server.NewRawServerConn(c)
	if err != nil {
		l.close(quic.ApplicationErrorCode(http3.ErrCodeInternalError))
		return func(*quic.Stream) {}
	}
	l.beside.Go(func() {
		for {
			str, err := c.AcceptUniStream(context.Background())
			if err != nil {
				return
			}
			l.beside.Go(func() { raw.HandleUnidirectionalStream(str) })
		}
	})
	message := s.o.Limits.Message
	return func(str *quic.Stream) {
		now := time.Now()
		_ = str.SetReadDeadline(now.Add(message))
		_ = str.SetWriteDeadline(now.Add(message + s.o.Limits.Write))
		raw.HandleRequestStream(str)
	}
}

// An h3 is a connection over HTTP/3.
type h3 struct {
	*quicLink
	client Client
}

// ServeHTTP answers one request.
func (h *h3) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s := h.door.server
	tally := &s.streams.tally
	tally.requests.Add(1)
	tally.http3.Add(1)
	query, status := h.query(r)
	if status != http.StatusOK {
		tally.badRequests.Add(1)
		if status == http.StatusMethodNotAllowed {
			rw.Header().Set("Allow", "GET, HEAD, POST")
		}
		http.Error(rw, http.StatusText(status), status)
		return
	}
	s.answerHTTP(rw, query, &h.client)
}

func (h *h3) query(r *http.Request) ([]byte, int) {
	if r.URL.Path != h.door.server.o.Path {
		return nil, http.StatusNotFound
	}
	return dnsMessage(r.Method, r.URL.RawQuery, r.Header.Get("Content-Type"), func() ([]byte, int) {
		b, err := h.readAll(r.Body, maxMessage)
		switch {
		case len(b) > maxMessage:
			return nil, http.StatusRequestEntityTooLarge
		case errors.Is(err, errFull):
			h.close(quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad))
			return nil, http.StatusServiceUnavailable
		case !errors.Is(err, io.EOF):
			return nil, http.StatusBadRequest
		}
		return b, http.StatusOK
	}, nil)
}

// altSvc says in answers over TCP where HTTP/3 is (RFC 7838): at the same address.
func (s *Server) altSvc(at Endpoint) string {
	for _, e := range s.bound {
		if e.Service == DoH3 && at.Service == DoH && e.Addr.Addr() == at.Addr.Addr() {
			return `h3=":` + strconv.Itoa(int(e.Addr.Port())) + `"; ma=86400`
		}
	}
	return ""
}
