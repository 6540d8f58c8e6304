package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
)

// A fault is what happens to a call.
type fault struct {
	name string
	// reply answers the call; real carries it out.
	reply func(real func() (*http.Response, error), req *http.Request) (*http.Response, error)
}

type realCall = func() (*http.Response, error)

// refuses is a fault that answers in place of the service.
func refuses(name string, code int, header ...string) fault {
	return fault{name, func(_ realCall, req *http.Request) (*http.Response, error) {
		return reply(req, code, `{"error":"not now"}`, append([]string{"Content-Type", "application/json"}, header...)...), nil
	}}
}

// loses is a fault that carries the call out and loses the answer in a way of its own.
func loses(name string, lost func(*http.Request) (*http.Response, error)) fault {
	return fault{name, func(real realCall, req *http.Request) (*http.Response, error) {
		if resp, err := real(); err == nil {
			_ = resp.Body.Close()
		}
		return lost(req)
	}}
}

// spoils is a fault that carries the call out and changes the body of the answer. An answer
// without a body is lost as a whole.
func spoils(name string, body func([]byte) io.Reader) fault {
	return fault{name, func(real realCall, _ *http.Request) (*http.Response, error) {
		resp, err := real()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if len(data) < 2 || err != nil {
			return nil, io.ErrUnexpectedEOF
		}
		resp.ContentLength = -1
		resp.Header.Del("Content-Length")
		resp.Body = io.NopCloser(body(data))
		return resp, nil
	}}
}

func reply(req *http.Request, code int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{
		StatusCode: code, Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}
}

// timeout is what net/http gives for a call that took too long.
type timeout struct{}

func (timeout) Error() string   { return "net/http: timeout awaiting response headers" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }
func (timeout) Unwrap() error   { return os.ErrDeadlineExceeded }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// faults are what can happen to a single call.
var faults = []fault{
	refuses("429 with Retry-After", http.StatusTooManyRequests, "Retry-After", "0"),
	refuses("429 alone", http.StatusTooManyRequests),
	refuses("503", http.StatusServiceUnavailable),
	refuses("500", http.StatusInternalServerError),
	refuses("credentials expired", http.StatusUnauthorized),
	{"never sent", func(realCall, *http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }},
	loses("answer lost", func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }),
	loses("connection reset after it took effect", func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}),
	loses("time-out after it took effect", func(*http.Request) (*http.Response, error) { return nil, timeout{} }),
	loses("502 after it took effect", func(req *http.Request) (*http.Response, error) {
		return reply(req, http.StatusBadGateway, "<html><h1>502 Bad Gateway</h1></html>", "Content-Type", "text/html"), nil
	}),
	spoils("body cut off", func(b []byte) io.Reader { return io.MultiReader(bytes.NewReader(b[:len(b)/2]), broken{}) }),
	spoils("half a body that ends like a whole one", func(b []byte) io.Reader { return bytes.NewReader(b[:len(b)/2]) }),
	spoils("empty object", func([]byte) io.Reader { return strings.NewReader("{}") }),
	{"HTML with 200", func(_ realCall, req *http.Request) (*http.Response, error) {
		return reply(req, 200, "<!DOCTYPE html><title>Sign in</title>", "Content-Type", "text/html"), nil
	}},
}

// A breaker makes calls fail: the n-th, counted from 1, or all from there on.
type breaker struct {
	next http.RoundTripper
	f    fault
	n    int
	on   bool // and all after it

	mu   sync.Mutex
	seen int
	off  bool // calls are counted no more and go through
}

func (b *breaker) RoundTrip(req *http.Request) (*http.Response, error) {
	b.mu.Lock()
	if !b.off {
		b.seen++
	}
	hit := !b.off && (b.seen == b.n || b.on && b.seen > b.n)
	b.mu.Unlock()
	if !hit {
		return b.next.RoundTrip(req)
	}
	resp, err := b.f.reply(func() (*http.Response, error) { return b.next.RoundTrip(req) }, req)
	if req.Body != nil {
		_ = req.Body.Close()
	}
	return resp, err
}

// calls is how many calls were seen.
func (b *breaker) calls() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen
}
