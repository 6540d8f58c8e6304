package httpkit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
)

// A Client speaks to one service with one account's credentials. It is safe for concurrent use;
// fields are not changed after the first request.
type Client struct {
	Account string            // id in the configuration, for those who watch waits
	Base    string            // "https://dns.example/api/v1", without a final slash
	Auth    Auth              // nil: none
	HTTP    http.RoundTripper // nil: http.DefaultTransport
	Budget  *budget.Account   // nil: no limits
	Trace   func(format string, args ...any)

	Limit    int64         // octets of an answer; 0: 256 MiB
	Timeout  time.Duration // of one try, its whole answer included; 0: 30 s
	Tries    int           // of one request at most; 0: 4
	MaxPause time.Duration // that is waited when the service asks for it; 0: 60 s
	// Message finds the service's own words in the body of a refusal; nil or "" means that the
	// fields "error", "message", "detail" and "errors" are looked for.
	Message func(body []byte) string
	// Agent is the User-Agent; "": "zonecast".
	Agent string
	// Where is for advice.
	Where Where
}

// A Request is one request.
type Request struct {
	Op     string // for messages: "read", "write"
	Zone   string // for messages: origin
	Method string // "": GET
	Path   string // after Base, escaped
	Query  url.Values
	Body   any // sent as JSON; nil: none
	// Repeatable says that sending it twice does no harm, so that a lost answer is no trouble. GET
	// and HEAD always are.
	Repeatable bool
	// Absent is for requests that are not repeatable, such as a POST that creates something: it
	// reads whether what they make is not there. After a lost answer the request is sent again only
	// when Absent says true; when it says false, the error wraps ErrCarriedOut, and Outcome is Done.
	// nil: the request is not sent again then.
	Absent func(context.Context) (bool, error)

	address string // instead of Base, Path and Query: where a page was said to be
}

// A Response is what came back beside the body.
type Response struct {
	Status int
	Header http.Header
	Calls  int // tries that it took
}

// Do sends a request, repeats it where that may be done, and decodes the answer into out (nil:
// the body is not wanted). The Response is never nil; it counts the calls of failures too.
func (c *Client) Do(ctx context.Context, r Request, out any) (*Response, error) {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = json.Marshal(r.Body); err != nil {
			return &Response{}, c.error(r, provider.Other, 0, err)
		}
	}
	var resp *Response
	p := patience{wait: Wait{Account: c.Account, Op: r.Op, Zone: r.Zone}, tries: c.Tries, maxPause: c.MaxPause, tracef: c.tracef}
	if !r.reads() {
		p.absent = r.Absent
	}
	renewed := false
	failed := p.try(ctx, r.Method+" "+r.Path, func(n int) *failure {
		var f *failure
		resp, f = c.try(ctx, r, body, out)
		resp.Calls = n
		if f != nil && f.Status == http.StatusUnauthorized {
			f.again = f.again && !renewed
			renewed = true
		}
		return f
	})
	if failed != nil {
		c.Where.advise(failed.Error)
		return resp, failed.Error
	}
	return resp, nil
}

func (r Request) reads() bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Repeatable
}

// try sends the request once.
func (c *Client) try(ctx context.Context, r Request, body []byte, out any) (*Response, *failure) {
	resp := &Response{}
	done, err := acquire(ctx, c.Budget, Wait{Account: c.Account, Op: r.Op, Zone: r.Zone}, c.MaxPause, c.tracef)
	if e := spent(err); e != nil {
		e.Op, e.Zone = r.Op, r.Zone
		return resp, &failure{Error: e}
	} else if err != nil {
		return resp, &failure{Error: c.error(r, provider.Transient, 0, err)}
	}
	defer done()
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var wire sending
	req, err := c.request(httptrace.WithClientTrace(ctx, wire.trace()), r, body)
	if e, ok := errors.AsType[*provider.Error](err); ok { // of obtaining a token: nothing was sent
		f := *e
		f.Op, f.Zone, f.Err = r.Op, r.Zone, &Broken{err: c.clean(e.Err), unsent: true}
		if f.Status >= 500 {
			f.Status = 0 // of another service, and says nothing of this request
		}
		return resp, &failure{Error: &f, again: f.Kind == provider.Transient}
	} else if err != nil {
		return resp, &failure{Error: c.error(r, provider.Other, 0, err)}
	}
	count(ctx)
	began := time.Now()
	answer, err := c.transport().RoundTrip(req)
	if err != nil {
		c.tracef("%s %s: %v (%v)", r.Method, req.URL, err, time.Since(began).Round(time.Millisecond))
		return resp, c.broken(ctx, r, err, wire.certainlyNot(err))
	}
	defer func() { _ = answer.Body.Close() }()
	resp.Status, resp.Header = answer.StatusCode, answer.Header
	data, err := readBounded(answer.Body, c.Limit)
	c.tracef("%s %s: %s, %d octets (%v)", r.Method, req.URL, answer.Status, len(data), time.Since(began).Round(time.Millisecond))
	if answer.StatusCode >= 300 {
		f := c.refusal(r, answer, data)
		if t, ok := c.Auth.(*Tokens); ok && answer.StatusCode == http.StatusUnauthorized {
			t.forget(req)
			f.again = true // with another token; Do sees to it that it is once
		}
		return resp, f
	}
	if c.Budget != nil {
		c.Budget.Went()
	}
	if errors.Is(err, errTooLong) {
		return resp, &failure{Error: c.error(r, provider.Invalid, resp.Status, err)}
	}
	if err != nil {
		return resp, c.broken(ctx, r, fmt.Errorf("the answer broke off: %w", err), false)
	}
	if out == nil {
		if html(data) {
			return resp, &failure{Error: c.nonsense(r, resp.Status, errHTML)}
		}
		return resp, nil
	}
	if err := decode(data, out); err != nil {
		return resp, &failure{Error: c.nonsense(r, resp.Status, err)}
	}
	return resp, nil
}

func (c *Client) request(ctx context.Context, r Request, body []byte) (*http.Request, error) {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, c.address(r), reader)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	agent := c.Agent
	if agent == "" {
		agent = "zonecast"
	}
	req.Header.Set("User-Agent", agent)
	if c.Auth != nil {
		if err := c.Auth.Apply(req); err != nil {
			return nil, err
		}
	}
	return req, nil
}

// address is where a request goes.
func (c *Client) address(r Request) string {
	switch {
	case r.address != "":
		return r.address
	case len(r.Query) > 0:
		return c.Base + r.Path + "?" + r.Query.Encode()
	}
	return c.Base + r.Path
}

// transport speaks without following redirects: they would carry the credentials elsewhere.
func (c *Client) transport() http.RoundTripper {
	if c.HTTP != nil {
		return c.HTTP
	}
	return http.DefaultTransport
}

func (c *Client) tracef(format string, args ...any) {
	if c.Trace == nil {
		return
	}
	c.Trace("%s", c.redact(fmt.Sprintf(format, args...)))
}

var errTooLong = errors.New("the answer is too long")

func readBounded(body io.Reader, limit int64) ([]byte, error) {
	if limit == 0 {
		limit = 256 << 20
	}
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: more than %d octets", errTooLong, limit)
	}
	return data, err
}

// A sending watches how far a request got.
type sending struct{ dialled, wrote atomic.Bool }

func (s *sending) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { s.dialled.Store(true) },
		WroteHeaders: func() { s.wrote.Store(true) },
	}
}
