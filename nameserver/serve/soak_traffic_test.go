//go:build soak

package serve_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/zonecast/zonecast/nameserver/socket"
)

func insecure(protocols ...string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: protocols} //nolint:gosec // the server is ours
}

// questions returns the control questions in an order of their own.
func (s *soak) questions(r *rand.Rand) []*known {
	list := slices.Collect(maps.Values(s.control))
	r.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
	return list
}

// numbered is a question with an ID.
func numbered(k *known, id uint16) []byte {
	q := bytes.Clone(k.query)
	binary.BigEndian.PutUint16(q, id)
	return q
}

func (s *soak) controlUDP(ctx context.Context) {
	r := rand.New(rand.NewPCG(1, 1))
	c := s.open(ctx, "udp", s.addrs[socket.DNS])
	defer func() { _ = c.Close() }()
	buf := make([]byte, 65536)
	for ctx.Err() == nil {
		for _, k := range s.questions(r) {
			id := uint16(r.Uint32())
			if _, err := c.Write(numbered(k, id)); err != nil {
				s.Error(err)
				return
			}
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			n, err := c.Read(buf)
			for err == nil && n >= 2 && binary.BigEndian.Uint16(buf) != id { // of a question given up
				n, err = c.Read(buf)
			}
			if err != nil {
				s.lost.Add(1)
				continue
			}
			s.judge(k, id, buf[:n], false, "UDP")
		}
	}
}

// controlStream asks many questions at once over one connection, and takes another one now and then.
func (s *soak) controlStream(service socket.Service) func(context.Context) {
	return func(ctx context.Context) {
		r := rand.New(rand.NewPCG(2, uint64(service)))
		for ctx.Err() == nil {
			c := s.open(ctx, "tcp", s.addrs[service])
			if c == nil {
				return
			}
			if service == socket.DoT {
				c = tls.Client(c, insecure("dot"))
			}
			for range 20 {
				if ctx.Err() == nil && !s.pipeline(c, r, service.String()) {
					break
				}
			}
			_ = c.Close()
		}
	}
}

func (s *soak) pipeline(c net.Conn, r *rand.Rand, way string) bool {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	list := s.questions(r)
	var out []byte
	for i, k := range list {
		q := numbered(k, uint16(i))
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(q))), q...)
	}
	if _, err := c.Write(out); err != nil {
		s.Errorf("%s: %v", way, err)
		return false
	}
	for range list {
		got, err := frame(c)
		if err != nil {
			s.Errorf("%s: %v", way, err)
			return false
		}
		id := binary.BigEndian.Uint16(got)
		if int(id) >= len(list) {
			s.Errorf("%s: an answer with ID %d", way, id)
			return false
		}
		s.judge(list[id], id, got, true, way)
	}
	return true
}

// frame reads a message behind its length.
func frame(c io.Reader) ([]byte, error) {
	var l [2]byte
	if _, err := io.ReadFull(c, l[:]); err != nil {
		return nil, err
	}
	b := make([]byte, max(2, int(binary.BigEndian.Uint16(l[:]))))
	_, err := io.ReadFull(c, b)
	return b, err
}

func (s *soak) controlHTTPS(ctx context.Context) {
	r := rand.New(rand.NewPCG(3, 3))
	h := web()
	defer h.CloseIdleConnections()
	for ctx.Err() == nil {
		for _, k := range s.questions(r) {
			id := uint16(r.Uint32())
			got, status, err := s.post(ctx, h, numbered(k, id))
			if over(ctx) {
				return
			}
			if err != nil || status != http.StatusOK {
				s.Errorf("HTTPS: status %d, %v", status, err)
				return
			}
			s.judge(k, id, got, true, "HTTPS")
		}
	}
}

func web() *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: insecure(), ForceAttemptHTTP2: true}}
}

func (s *soak) post(ctx context.Context, h *http.Client, body []byte) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+s.addrs[socket.DoH]+"/dns-query", bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Content-Type", "application/dns-message")
	resp, err := h.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return b, resp.StatusCode, err
}

// mutant is a message that has been tampered with, sometimes only a little.
func (s *soak) mutant(r *rand.Rand, seeds []*known) []byte {
	b := bytes.Clone(seeds[r.IntN(len(seeds))].query)
	for range 1 + r.IntN(4) {
		switch at := r.IntN(len(b)); r.IntN(9) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = byte(r.Uint32())
		case 2:
			b = b[:at+1]
		case 3:
			b = append(b, seeds[r.IntN(len(seeds))].query[12:]...)
		case 4:
			b = slices.Insert(b, at, byte(r.Uint32()), byte(r.Uint32()))
		case 5: // a pointer
			binary.BigEndian.PutUint16(append(b, 0, 0)[at:], uint16(0xC000|r.IntN(64)))
		case 6: // a count
			if len(b) > 12 {
				b[4+r.IntN(8)] = byte(r.IntN(4))
			}
		case 7: // an opcode: NOTIFY, UPDATE
			if len(b) > 12 {
				b[2] = byte(r.IntN(16) << 3)
			}
		case 8: // a type: SIG(0), TSIG, IXFR, AXFR
			if len(b) > 16 {
				b[len(b)-3] = byte(249 + r.IntN(5))
			}
		}
	}
	return b
}

func (s *soak) mutateUDP(ctx context.Context) {
	r, seeds := rand.New(rand.NewPCG(4, 4)), s.questions(rand.New(rand.NewPCG(0, 4)))
	c := s.open(ctx, "udp", s.addrs[socket.DNS])
	defer func() { _ = c.Close() }()
	buf := make([]byte, 65536)
	for ctx.Err() == nil {
		for range 32 {
			_, _ = c.Write(s.mutant(r, seeds))
			s.mutated.Add(1)
		}
		_ = c.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
		for {
			if _, err := c.Read(buf); err != nil {
				break
			}
			s.answered.Add(1)
		}
	}
}

// mutateStream sends mutated messages with right and wrong lengths, in pieces, and leaves in the middle.
func (s *soak) mutateStream(service socket.Service) func(context.Context) {
	return func(ctx context.Context) {
		r, seeds := rand.New(rand.NewPCG(5, uint64(service))), s.questions(rand.New(rand.NewPCG(0, 5)))
		for ctx.Err() == nil {
			c := s.open(ctx, "tcp", s.addrs[service])
			if c == nil {
				return
			}
			if service == socket.DoT && r.IntN(10) > 0 { // sometimes it says nothing of TLS
				c = tls.Client(c, insecure("dot"))
			}
			s.abuse(ctx, c, r, seeds)
			_ = c.Close()
			pause(ctx, time.Millisecond)
		}
	}
}

func (s *soak) abuse(ctx context.Context, c net.Conn, r *rand.Rand, seeds []*known) {
	for range 1 + r.IntN(30) {
		m := s.mutant(r, seeds)
		l := len(m)
		if r.IntN(20) == 0 {
			l = r.IntN(65536)
		}
		out := append(binary.BigEndian.AppendUint16(nil, uint16(l)), m...)
		if r.IntN(4) == 0 { // in two pieces
			at := r.IntN(len(out))
			if _, err := c.Write(out[:at]); err != nil {
				return
			}
			out = out[at:]
		}
		if _, err := c.Write(out); err != nil {
			return
		}
		s.mutated.Add(1)
		if r.IntN(3) > 0 { // otherwise it does not listen
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
			if _, err := frame(c); err == nil {
				s.answered.Add(1)
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// mutateHTTPS sends mutated messages as a browser would, by GET and POST.
func (s *soak) mutateHTTPS(ctx context.Context) {
	r, seeds := rand.New(rand.NewPCG(6, 6)), s.questions(rand.New(rand.NewPCG(0, 6)))
	h := web()
	defer h.CloseIdleConnections()
	for ctx.Err() == nil {
		m := s.mutant(r, seeds)
		s.mutated.Add(1)
		if r.IntN(2) == 0 {
			if _, status, err := s.post(ctx, h, m); err == nil && status == http.StatusOK {
				s.answered.Add(1)
			}
			continue
		}
		text := base64.RawURLEncoding.EncodeToString(m)
		if r.IntN(4) == 0 {
			text = text[:r.IntN(len(text))] + "%" + text
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+s.addrs[socket.DoH]+"/dns-query?dns="+text, nil)
		if err != nil {
			continue
		}
		if resp, err := h.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			s.answered.Add(1)
		}
	}
}

// mutateFrames sends what looks like HTTP/2 for a while.
func (s *soak) mutateFrames(ctx context.Context) {
	r := rand.New(rand.NewPCG(7, 7))
	for ctx.Err() == nil {
		raw := s.open(ctx, "tcp", s.addrs[socket.DoH])
		if raw == nil {
			return
		}
		c := tls.Client(raw, insecure("h2"))
		_ = c.SetDeadline(time.Now().Add(50 * time.Millisecond))
		out := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
		for range r.IntN(20) {
			payload := make([]byte, r.IntN(40))
			for i := range payload {
				payload[i] = byte(r.Uint32())
			}
			out = append(out, 0, 0, byte(len(payload)), byte(r.IntN(11)), byte(r.IntN(64)), 0, 0, 0, byte(r.IntN(6)))
			out = append(out, payload...)
			s.mutated.Add(1)
		}
		_, _ = c.Write(out)
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
}

// mutateQUIC sends mutated messages over streams of a connection, some of which it leaves open.
func (s *soak) mutateQUIC(ctx context.Context) {
	r, seeds := rand.New(rand.NewPCG(8, 8)), s.questions(rand.New(rand.NewPCG(0, 8)))
	for ctx.Err() == nil {
		c, err := quic.DialAddr(ctx, s.addrs[socket.DoQ], insecure("doq"), nil)
		if err != nil {
			pause(ctx, 50*time.Millisecond)
			continue
		}
		for range 1 + r.IntN(20) {
			st, err := c.OpenStream()
			if err != nil {
				break
			}
			m := s.mutant(r, seeds)
			_ = st.SetDeadline(time.Now().Add(20 * time.Millisecond))
			_, _ = st.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...))
			s.mutated.Add(1)
			if r.IntN(5) > 0 {
				_ = st.Close()
			}
			if _, err := frame(st); err == nil {
				s.answered.Add(1)
			}
		}
		_ = c.CloseWithError(0, "")
	}
}
