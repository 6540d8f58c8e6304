package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// A TB is what a Tape needs of *testing.T.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Options of a Tape.
type Options struct {
	Update  bool              // record anew; else play
	HTTP    http.RoundTripper // that is recorded; nil: http.DefaultTransport
	Secrets []string          // texts that must not be in the file
	Host    string            // kept in place of the true host; "": "service.example"
}

// An Exchange is one request and its answer.
type Exchange struct {
	Method string              `json:"method"`
	URL    string              `json:"url"` // the host is Options.Host
	Body   string              `json:"body,omitempty"`
	Status int                 `json:"status"`
	Header map[string][]string `json:"header,omitempty"`
	Answer string              `json:"answer,omitempty"`
}

// A Tape is a transport that records or plays.
type Tape struct {
	o  Options
	tb TB

	mu    sync.Mutex
	tape  []Exchange
	next  int
	wrong bool // told of a difference already
}

const (
	redacted = "[redacted]"
	longest  = 16 << 20 // octets of a body
)

// kept are the headers of answers that a client may look at. All others stay out of the file.
var kept = []string{"Content-Type", "Link", "Retry-After", "Location", "Etag", "X-Total-Count"}

// Open returns a tape. When the test ends, one that recorded is written, and one that played must
// have been played to its end.
func Open(tb TB, path string, o Options) *Tape {
	tb.Helper()
	if o.HTTP == nil {
		o.HTTP = http.DefaultTransport
	}
	if o.Host == "" {
		o.Host = "service.example"
	}
	t := &Tape{o: o, tb: tb}
	if o.Update {
		tb.Cleanup(func() { t.write(path) })
		return t
	}
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &t.tape)
	}
	if err != nil {
		tb.Fatalf("the tape cannot be read: %v; record it with -update", err)
	}
	tb.Cleanup(func() {
		if left := len(t.tape) - t.next; left > 0 && !t.wrong {
			tb.Errorf("%s: %d of %d exchanges were not asked for; the next is %s", path, left, len(t.tape), t.tape[t.next].line())
		}
	})
	return t
}

func (t *Tape) write(path string) {
	data, err := json.MarshalIndent(t.tape, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, append(data, '\n'), 0o644)
	}
	if err != nil {
		t.tb.Errorf("the tape cannot be written: %v", err)
	}
}

// RoundTrip implements http.RoundTripper.
func (t *Tape) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := read(r.Body)
	if err != nil {
		return nil, err
	}
	x := Exchange{Method: r.Method, URL: t.clean(t.at(r.URL)), Body: t.clean(string(body))}
	if t.o.Update {
		return t.record(r, body, x)
	}
	return t.play(r, x)
}

func read(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(io.LimitReader(body, longest+1))
	if len(data) > longest {
		return nil, fmt.Errorf("the body is longer than %d octets", longest)
	}
	return data, err
}

// at is the address with the host that the file has.
func (t *Tape) at(u *url.URL) string {
	c := *u
	c.Scheme, c.Host, c.User = "https", t.o.Host, nil
	return c.String()
}

// clean takes secrets out of a text, plain and as they look in a URL.
func (t *Tape) clean(s string) string {
	for _, secret := range t.o.Secrets {
		if secret == "" {
			continue
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			s = strings.ReplaceAll(s, form, redacted)
		}
	}
	return s
}

// record sends a request on and keeps it with its answer. What has no answer is not kept.
func (t *Tape) record(r *http.Request, body []byte, x Exchange) (*http.Response, error) {
	sent := r.Clone(r.Context())
	if r.Body != nil {
		sent.Body = io.NopCloser(bytes.NewReader(body))
	}
	answer, err := t.o.HTTP.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	data, err := read(answer.Body)
	if err != nil {
		return nil, err
	}
	x.Status, x.Answer = answer.StatusCode, t.clean(string(data))
	for name, values := range answer.Header {
		if !slices.Contains(kept, name) {
			continue
		}
		if x.Header == nil {
			x.Header = map[string][]string{}
		}
		for _, v := range values {
			x.Header[name] = append(x.Header[name], t.clean(strings.ReplaceAll(v, r.URL.Host, t.o.Host)))
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tape = append(t.tape, x)
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return answer, nil
}

// play gives the answer of the next exchange, if it is of this request.
func (t *Tape) play(r *http.Request, x Exchange) (*http.Response, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.next >= len(t.tape):
		return nil, t.differs("%s %s: nothing more is on the tape", x.Method, x.URL)
	case t.tape[t.next].line() != x.line():
		return nil, t.differs("exchange %d: %s was asked, on the tape is %s", t.next+1, x.line(), t.tape[t.next].line())
	case !sameBody(t.tape[t.next].Body, x.Body):
		return nil, t.differs("exchange %d, %s: the body is\n%s\non the tape is\n%s", t.next+1, x.line(), x.Body, t.tape[t.next].Body)
	}
	was := t.tape[t.next]
	t.next++
	h := http.Header{}
	for name, values := range was.Header {
		for _, v := range values {
			h.Add(name, strings.ReplaceAll(v, t.o.Host, r.URL.Host))
		}
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", was.Status, http.StatusText(was.Status)), StatusCode: was.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: r,
		Body: io.NopCloser(strings.NewReader(was.Answer)), ContentLength: int64(len(was.Answer)),
	}, nil
}

func (t *Tape) differs(format string, args ...any) error {
	t.wrong = true
	err := fmt.Errorf(format, args...)
	t.tb.Errorf("%v", err)
	return errors.Join(errors.New("not as recorded"), err)
}

func (x Exchange) line() string { return x.Method + " " + x.URL }

// sameBody compares JSON as JSON, and all else as text.
func sameBody(a, b string) bool {
	var x, y bytes.Buffer
	if json.Compact(&x, []byte(a)) == nil && json.Compact(&y, []byte(b)) == nil {
		return bytes.Equal(x.Bytes(), y.Bytes())
	}
	return a == b
}
