package zonecast

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

// A request is one call of the interface.
type request struct {
	op      string
	origin  zone.Name
	zone    bool // origin is meant
	method  string
	path    string
	query   url.Values
	accept  string
	form    string // of body
	body    []byte
	ifMatch string
	key     string // Idempotency-Key of writes
	read    func(body string) error
}

// do makes a call. One that writes carries a key, so that sending it again does no harm; whether
// one whose answer was lost was carried out is said by the error (httpkit.Outcome).
func (p *Provider) do(ctx context.Context, r request) error {
	c := httpkit.Call{Op: r.op, Repeatable: true}
	if r.zone {
		c.Zone = r.origin.String()
	}
	err := p.retry.Do(ctx, c, func(ctx context.Context) error { return p.send(ctx, r) })
	return p.advise(err)
}

func (p *Provider) send(ctx context.Context, r request) error {
	address := p.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return err
	}
	accept := api.JSON
	if r.accept != "" {
		accept = r.accept
	}
	for name, value := range map[string]string{
		"Accept": accept, "Content-Type": r.form, "If-Match": r.ifMatch, "Idempotency-Key": r.key, "User-Agent": "zonecast",
	} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	resp, err := p.gate.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var b strings.Builder // it is in memory already, and its length is known
	b.Grow(int(max(resp.ContentLength, 0)))
	if _, err := io.Copy(&b, resp.Body); err != nil {
		return err
	}
	data := b.String()
	if resp.StatusCode >= 300 {
		return refusalOf(resp, data)
	}
	if r.read == nil {
		if len(data) > 0 {
			return nonsense{errors.New("an answer without content has some")}
		}
		return nil
	}
	if got, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || got != accept {
		return nonsense{fmt.Errorf("the answer is of type %q, not %s", resp.Header.Get("Content-Type"), accept)}
	}
	if err := r.read(data); err != nil {
		return nonsense{err}
	}
	return nil
}

// asJSON reads an answer into v.
func asJSON(v any) func(string) error {
	return func(body string) error {
		if err := json.Unmarshal([]byte(body), v); err != nil {
			return fmt.Errorf("the answer is not the JSON that was expected: %w", err)
		}
		return nil
	}
}

// A nonsense answer is one that makes no sense.
type nonsense struct{ error }

func (n nonsense) Unwrap() error { return n.error }

// A refusal is an answer that is no success.
type refusal struct {
	status int
	after  time.Duration
	said   *api.Problem // nil: it is not of a zonecast name server
}

func (r *refusal) Error() string {
	if r.said == nil {
		return fmt.Sprintf("%d %s", r.status, http.StatusText(r.status))
	}
	return r.said.Detail
}

func refusalOf(resp *http.Response, body string) error {
	r := &refusal{status: resp.StatusCode, after: httpkit.RetryAfter(resp.Header, time.Now())}
	var said api.Problem
	if t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && t == api.ProblemJSON && json.Unmarshal([]byte(body), &said) == nil && said.Kind != "" {
		said.Detail = oneLine(said.Detail)
		r.said = &said
	}
	return r
}

// oneLine makes a stranger's text fit into a message.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))), " ")
	if len(s) > 1000 {
		s = strings.ToValidUTF8(s[:1000], "") + "…"
	}
	return s
}

// classify says what an error of send means.
func classify(err error) *provider.Error {
	if n, ok := errors.AsType[nonsense](err); ok {
		return &provider.Error{Kind: provider.Invalid, Err: n.error, Advice: "check that the address is that of a zonecast name server's control interface, and that its version fits"}
	}
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return nil
	}
	e := &provider.Error{Kind: httpkit.KindOfStatus(r.status), Status: r.status, RetryAfter: r.after, Err: r}
	if r.said == nil {
		if r.status == http.StatusNotFound || r.status == http.StatusMethodNotAllowed {
			e.Kind, e.Advice = provider.Invalid, "something else than a zonecast name server answers there; check the address"
		}
		return e
	}
	switch r.said.Kind {
	case api.NoZone:
		e.Kind, e.Err = provider.Other, provider.ErrNoZone
	case api.Exists:
		e.Kind = provider.Conflict
	case api.Moved:
		e.Kind, e.Advice = provider.Conflict, "plan again"
	case api.ReadOnly, api.Invalid, api.TooLarge, api.Unsupported:
		e.Kind = provider.Rejected
	case api.Malformed, api.Missing:
		e.Kind, e.Advice = provider.Rejected, "the name server may be of another version; `zonecast nameserver status` tells"
	case api.Denied:
		e.Kind, e.Advice = provider.Denied, "the name server's configuration says who may do what (control, clients)"
	case api.Busy:
		e.Kind = provider.Throttled
	}
	return e
}

// advise says what to do about a name server that is not there.
func (p *Provider) advise(err error) error {
	e, ok := errors.AsType[*provider.Error](err)
	if !ok || e.Advice != "" {
		return err
	}
	switch {
	case errors.Is(e.Err, fs.ErrNotExist) && p.local:
		e.Advice = "is the name server running, with control on? Option socket has to be its socket"
	case errors.Is(e.Err, syscall.ECONNREFUSED) && p.local:
		e.Advice = "nobody answers at the socket: the name server that made it is gone; start it"
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		e.Advice = "is the name server running, with control on at this address?"
	}
	return err
}

// refusals turns what keeps a client out before any answer into the answer that it amounts to: the
// name server has not seen the request, and will not see another one either.
type refusals struct {
	http.RoundTripper
	where string
}

// CloseIdleConnections lets go of connections.
func (t refusals) CloseIdleConnections() {
	if c, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (t refusals) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(req)
	if err == nil {
		return resp, nil
	}
	said := ""
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" { // an alert of TLS
		said = fmt.Sprintf("the name server at %s does not take the certificate: %v", t.where, op.Err)
	} else if errors.Is(err, fs.ErrPermission) {
		said = fmt.Sprintf("socket %s: %v; only its owner and group may use it", t.where, syscall.EACCES)
	}
	if said == "" {
		return nil, err
	}
	b, err := json.Marshal(api.Problem{Status: http.StatusForbidden, Kind: api.Denied, Detail: said})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusForbidden, Status: "403 Forbidden", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {api.ProblemJSON}}, Body: io.NopCloser(bytes.NewReader(b)), ContentLength: int64(len(b)),
	}, nil
}
