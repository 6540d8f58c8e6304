//go:build linux && (amd64 || arm64)

package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	connections = 4
	onTheWay    = 64 // queries on their way over each connection
	atOnce      = 16 // queries that are sent together
)

// A streamTask is what the process does that makes the load over connections.
type streamTask struct {
	Transport string
	Port      int
	Names     int
	Group     int // process group of the server
	Time      time.Duration
}

// A streamResult is what it tells.
type streamResult struct {
	Answers uint64
	Took    time.Duration
	CPU     time.Duration // of the server
}

// driveStreams runs the load in a process of its own, on the processor that the servers do not use:
// TLS needs more than one thread.
func driveStreams(ctx context.Context, dir string, t streamTask) (r streamResult, err error) {
	exe, err := os.Executable()
	if err != nil {
		return r, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return r, err
	}
	p, err := launch(ctx, loadCPU, filepath.Join(dir, "load.log"), dir, []string{childEnv + "=load 0 " + string(text)}, exe)
	if err != nil {
		return r, err
	}
	select {
	case <-p.done:
	case <-time.After(t.Time + 30*time.Second):
		p.stop()
	}
	if err := json.Unmarshal([]byte(p.said()), &r); err != nil {
		return r, fmt.Errorf("load: %s", p.said())
	}
	return r, nil
}

// streamLoad is that process.
func streamLoad(text string) error {
	var t streamTask
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	counts, errs := make(chan uint64), make(chan error, connections)
	for i := range connections {
		go func() {
			errs <- t.converse(mathrand.New(mathrand.NewPCG(uint64(i), 1)), counts)
		}()
	}
	// The first quarter warms up.
	var r streamResult
	var start time.Time
	var before time.Duration
	began, measuring := time.Now(), false
	server := process{group: t.Group}
	for {
		select {
		case n := <-counts:
			if measuring {
				r.Answers += n
			}
		case err := <-errs:
			return err
		case <-time.After(10 * time.Second):
			return errors.New("no answers for 10 s")
		}
		switch now := time.Now(); {
		case !measuring && now.Sub(began) > t.Time/4:
			before, start, measuring = server.cpu(), time.Now(), true
		case measuring && now.Sub(start) > t.Time:
			r.Took, r.CPU = time.Since(start), server.cpu()-before
			return json.NewEncoder(os.Stdout).Encode(r)
		}
	}
}

// A talk is a connection with queries and answers on it.
type talk interface {
	ask(query []byte) error // buffered
	flush() error
	answer() ([]byte, error) // the next one
}

// converse keeps queries on their way and tells how many were answered, until something goes wrong.
func (t *streamTask) converse(random *mathrand.Rand, counts chan<- uint64) error {
	c, err := t.dial()
	if err != nil {
		return err
	}
	q := queryFor(work{})
	send := func() error {
		for range atOnce {
			ask(q, random.IntN(t.Names))
			if err := c.ask(q); err != nil {
				return err
			}
		}
		return c.flush()
	}
	for range onTheWay / atOnce {
		if err := send(); err != nil {
			return err
		}
	}
	for {
		for range atOnce {
			a, err := c.answer()
			if err != nil {
				return err
			}
			if len(a) < 12 || a[3]&15 != 0 || a[7] == 0 {
				return fmt.Errorf("wrong answer: %x", a)
			}
		}
		counts <- atOnce
		if err := send(); err != nil {
			return err
		}
	}
}

func (t *streamTask) dial() (talk, error) {
	var d net.Dialer
	c, err := d.DialContext(context.Background(), "tcp", "127.0.0.1:"+strconv.Itoa(t.Port))
	if err != nil {
		return nil, err
	}
	if t.Transport == "TCP" {
		return &framed{bufio.NewReaderSize(c, 1<<16), bufio.NewWriterSize(c, 1<<16), nil}, nil
	}
	protocol := map[string]string{"DoT": "dot", "DoH": "h2"}[t.Transport]
	// Servers have certificates of this program: there is nothing to check.
	secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
	if err := secure.HandshakeContext(context.Background()); err != nil {
		return nil, err
	}
	r, w := bufio.NewReaderSize(secure, 1<<16), bufio.NewWriterSize(secure, 1<<16)
	if t.Transport == "DoH" {
		return newHTTP(r, w)
	}
	return &framed{r, w, nil}, nil
}

// framed is TCP or TLS.
type framed struct {
	r   *bufio.Reader
	w   *bufio.Writer
	buf []byte
}

func (f *framed) ask(q []byte) error {
	_, _ = f.w.Write(binary.BigEndian.AppendUint16(f.w.AvailableBuffer(), uint16(len(q))))
	_, err := f.w.Write(q)
	return err
}

func (f *framed) flush() error { return f.w.Flush() }

func (f *framed) answer() ([]byte, error) {
	length, err := f.r.Peek(2)
	if err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(length))
	_, _ = f.r.Discard(2)
	f.buf = append(f.buf[:0], make([]byte, n)...)
	_, err = io.ReadFull(f.r, f.buf)
	return f.buf, err
}

// http is DNS over HTTPS, with no more of HTTP/2 than that needs: net/http would cost more than the
// servers.
type http struct {
	w      *bufio.Writer
	framer *http2.Framer
	encode *hpack.Encoder
	decode *hpack.Decoder
	block  strings.Builder
	stream uint32
	unread uint32 // octets that the server was not yet told to be read
}

func newHTTP(r *bufio.Reader, w *bufio.Writer) (*http, error) {
	h := &http{w: w, framer: http2.NewFramer(w, r), stream: 1}
	h.framer.SetReuseFrames()
	h.encode = hpack.NewEncoder(&h.block)
	h.decode = hpack.NewDecoder(4096, nil)
	_, _ = w.WriteString(http2.ClientPreface)
	if err := h.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}); err != nil {
		return nil, err
	}
	return h, h.framer.WriteWindowUpdate(0, 1<<28)
}

func (h *http) ask(q []byte) error {
	h.block.Reset()
	for _, f := range [...]hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: "127.0.0.1"},
		{Name: ":path", Value: "/dns-query"},
		{Name: "content-type", Value: "application/dns-message"},
		{Name: "accept", Value: "application/dns-message"},
		{Name: "content-length", Value: strconv.Itoa(len(q))},
	} {
		_ = h.encode.WriteField(f) // a strings.Builder takes all
	}
	if err := h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: h.stream, BlockFragment: []byte(h.block.String()), EndHeaders: true}); err != nil {
		return err
	}
	err := h.framer.WriteData(h.stream, true, q)
	h.stream += 2
	return err
}

func (h *http) flush() error {
	if h.unread > 1<<20 {
		if err := h.framer.WriteWindowUpdate(0, h.unread); err != nil {
			return err
		}
		h.unread = 0
	}
	return h.w.Flush()
}

func (h *http) answer() ([]byte, error) {
	for {
		f, err := h.framer.ReadFrame()
		if err != nil {
			return nil, err
		}
		switch f := f.(type) {
		case *http2.DataFrame:
			h.unread += f.Length
			if len(f.Data()) > 0 { // answers are small: they come in one frame
				return f.Data(), nil
			}
		case *http2.SettingsFrame:
			if !f.IsAck() {
				if err := errors.Join(h.framer.WriteSettingsAck(), h.w.Flush()); err != nil {
					return nil, err
				}
			}
		case *http2.PingFrame:
			if err := errors.Join(h.framer.WritePing(true, f.Data), h.w.Flush()); err != nil {
				return nil, err
			}
		case *http2.HeadersFrame:
			if f.StreamEnded() {
				return nil, errors.New("an answer without a body")
			}
		case *http2.GoAwayFrame, *http2.RSTStreamFrame:
			return nil, fmt.Errorf("the server sends %v", f)
		}
	}
}

// writeCertificate makes tls.crt and tls.key.
func writeCertificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, DNSNames: []string{"bench"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "tls.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		os.WriteFile(filepath.Join(dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o644))
}
