package httpkit

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
)

// A Gate is the transport of a client library that others wrote (an SDK). Each call takes its
// share of the account's budget, is counted and traced; answers are read whole and bounded, so
// that one that breaks off is an error of the call and not of some decoder. Every error of a Gate
// is a *Broken, which Retry finds inside whatever the library wraps around it.
type Gate struct {
	Account string            // id in the configuration, for those who watch waits
	HTTP    http.RoundTripper // nil: http.DefaultTransport
	Budget  *budget.Account   // nil: no limits
	Trace   func(format string, args ...any)
	// Secrets are texts that must not be seen in traces and messages.
	Secrets []string
	Limit   int64 // octets of an answer; 0: 256 MiB
	// Check says what is wrong with a successful answer as a whole (a proxy's web page); nil: nothing.
	Check func(header http.Header, body []byte) error
}

// Client returns an HTTP client for the library: redirects are not followed, they would carry the
// credentials elsewhere.
func (g *Gate) Client() *http.Client {
	return &http.Client{Transport: g, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// RoundTrip implements http.RoundTripper.
func (g *Gate) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	done, err := acquire(ctx, g.Budget, Wait{Account: g.Account}, 0, g.tracef)
	if err != nil {
		closeBody(req)
		return nil, g.broken(ctx, err, true)
	}
	defer done()
	count(ctx)
	next := g.HTTP
	if next == nil {
		next = http.DefaultTransport
	}
	var wire sending
	began := time.Now()
	answer, err := next.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, wire.trace())))
	if err != nil {
		g.tracef("%s %s: %v (%v)", req.Method, req.URL, err, time.Since(began).Round(time.Millisecond))
		return nil, g.broken(ctx, err, wire.certainlyNot(err))
	}
	data, err := readBounded(answer.Body, g.Limit)
	_ = answer.Body.Close()
	g.tracef("%s %s: %s, %d octets (%v)", req.Method, req.URL, answer.Status, len(data), time.Since(began).Round(time.Millisecond))
	if errors.Is(err, errTooLong) {
		return nil, &Broken{err: err, nonsense: true}
	}
	// What a refusal says does not matter when it breaks off: its status tells.
	if err != nil && answer.StatusCode < 300 {
		return nil, g.broken(ctx, fmt.Errorf("the answer broke off: %w", err), false)
	}
	if answer.StatusCode < 300 {
		if g.Check != nil {
			if err := g.Check(answer.Header, data); err != nil {
				return nil, &Broken{err: err, nonsense: true}
			}
		}
		if g.Budget != nil {
			g.Budget.Went()
		}
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return answer, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

func (g *Gate) tracef(format string, args ...any) {
	if g.Trace != nil {
		g.Trace("%s", redact(fmt.Sprintf(format, args...), g.Secrets))
	}
}

func (g *Gate) broken(ctx context.Context, err error, unsent bool) *Broken {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	b := &Broken{err: err, unsent: unsent}
	b.setUp = setUpAdvice(err)
	if s := redact(err.Error(), g.Secrets); s != err.Error() {
		b.err = cleaned{s, err}
	}
	return b
}

// NotHTML is a Check for services that never answer with a web page.
func NotHTML(_ http.Header, body []byte) error {
	if html(body) {
		return errHTML
	}
	return nil
}

// A Broken is a call that has no usable answer.
type Broken struct {
	err      error
	unsent   bool   // the service certainly never saw it
	nonsense bool   // there is an answer, and it makes no sense
	setUp    string // what to do about a connection that another try does not mend
}

// Error says what happened.
func (b *Broken) Error() string { return b.err.Error() }

// Unwrap returns the cause.
func (b *Broken) Unwrap() error { return b.err }

func (b *Broken) kind(repeatable bool) provider.ErrKind {
	switch {
	case b.nonsense:
		return provider.Invalid
	case b.unsent || repeatable:
		return provider.Transient
	}
	return provider.Lost
}

func (b *Broken) advice(repeatable bool) string {
	switch {
	case b.nonsense:
		return nonsenseAdvice
	case b.setUp != "":
		return b.setUp
	case b.unsent || repeatable:
		return ""
	}
	return lostAdvice
}

const (
	nonsenseAdvice  = "check that the address is that of the API and that no proxy answers in its place"
	untrustedAdvice = "the server's certificate is signed by nobody that this machine trusts"
	otherNameAdvice = "the server's certificate is for another name; check the address"
	plainAdvice     = "the server speaks no TLS at this port; check the address: its port, and whether it begins with http"
	lostAdvice      = "read the zone to see what was carried out"
)

// setUpAdvice says what to do about a connection that the server's set-up, or the address, keeps
// from coming about; "" where another try may succeed.
func setUpAdvice(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return untrustedAdvice
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return otherNameAdvice
	}
	// net/http has no type for it: its transport puts this text in the place of tls.RecordHeaderError
	// when the answer looks like HTTP.
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return plainAdvice
	}
	return ""
}

func brokenIn(err error) *Broken {
	b, _ := errors.AsType[*Broken](err)
	return b
}

// Calls counts the requests that were sent on behalf of a context.
type Calls struct{ n atomic.Int64 }

// Sent is the number of requests so far, repetitions included.
func (c *Calls) Sent() int { return int(c.n.Load()) }

type callsKey struct{}

func count(ctx context.Context) {
	if c, ok := ctx.Value(callsKey{}).(*Calls); ok {
		c.n.Add(1)
	}
}

// Counting returns a context whose requests through a Gate or a Client are counted.
func Counting(ctx context.Context) (context.Context, *Calls) {
	c := &Calls{}
	return context.WithValue(ctx, callsKey{}, c), c
}
