package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

func wrongCredentials(e *env) {
	e.step("at first", e.sets("www 300 A 192.0.2.1")...)
	base := e.read()
	p := e.s.WrongKey(e.T)
	e.closeAtEnd(p)
	if _, err := p.Read(e.Context(), e.ref); err != nil && provider.KindOf(err) != provider.Denied {
		e.Errorf("read with wrong credentials: kind %q, want %q: %v", provider.KindOf(err), provider.Denied, err)
	}
	changes := e.plan(base, e.sets("www 300 A 192.0.2.66\nnew 300 A 192.0.2.67"))
	r, err := p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
	e.refused("write with wrong credentials", base, changes, r, err, provider.Denied)
	if v, ok := p.(provider.Verifier); ok {
		if text, err := v.Verify(e.Context()); err == nil {
			e.Errorf("Verify with wrong credentials says %q; want an error of kind %q", text, provider.Denied)
		}
	}
}

// staleSnapshot writes from a snapshot after the same set was changed by somebody else. Every
// adapter sees that: by the provider's compare-and-set, or by reading the touched sets again.
func staleSnapshot(e *env) {
	e.step("at first", e.sets("www 300 A 192.0.2.1\nkeep 300 A 192.0.2.2")...)
	stale := e.read()
	e.step("by somebody else", e.sets("www 300 A 192.0.2.50\nkeep 300 A 192.0.2.2\nadded 300 A 192.0.2.3")...)
	for _, c := range []struct{ name, state string }{
		{"change of a set that was changed", "www 300 A 192.0.2.9\nkeep 300 A 192.0.2.2"},
		{"deletion of a set that was changed", "keep 300 A 192.0.2.2"},
		{"creation of a set that was created", "www 300 A 192.0.2.1\nkeep 300 A 192.0.2.2\nadded 300 A 192.0.2.4"},
	} {
		now := e.read()
		changes := e.plan(stale, e.sets(c.state))
		r, err := e.open().Write(e.Context(), stale, provider.ChangeSet{Sets: changes})
		e.refused(c.name, now, changes, r, err, provider.Conflict)
	}
	e.staleElsewhere(stale)
}

// staleElsewhere writes from the stale snapshot to a set that nobody has changed since.
func (e *env) staleElsewhere(stale *provider.Snapshot) {
	e.Helper()
	now := e.read()
	changes := e.plan(stale, e.sets("www 300 A 192.0.2.1\nkeep 300 A 192.0.2.77"))
	r, err := e.p.Write(e.Context(), stale, provider.ChangeSet{Sets: changes})
	if e.caps.Compare == provider.CompareAll {
		e.refused("change of another set", now, changes, r, err, provider.Conflict)
		return
	}
	if err != nil && provider.KindOf(err) != provider.Conflict {
		e.Errorf("change of another set: %v", err)
	}
	e.honest("change of another set", e.read(), changes, r, err)
	if e.caps.Compare == provider.NoCompare && e.caps.Window == "" {
		e.Errorf("Compare is not declared, and Window does not say what can happen")
	}
}

// allOrNothing writes a plan of which one change cannot be carried out.
func allOrNothing(e *env) {
	e.step("at first", e.sets("www 300 A 192.0.2.1\nlast 300 A 192.0.2.2")...)
	base := e.read()
	good := e.plan(base, e.sets("www 300 A 192.0.2.9\nlast 300 A 192.0.2.2\nnew 300 A 192.0.2.3"))
	for name, bad := range e.impossible() {
		changes := append([]zone.Change{{After: &bad}}, good...)
		changes = append(changes[1:], changes[0])
		r, err := e.p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
		e.refused(name, base, changes, r, err, provider.Rejected, provider.Conflict)
	}
}

// impossible are RRsets that no authoritative server takes.
func (e *env) impossible() map[string]zone.RRset {
	return map[string]zone.RRset{
		"CNAME beside an address": {
			Owner: e.name("last"), Type: zone.TypeCNAME, TTL: e.ttl(300), Data: []zone.Data{e.data(zone.TypeCNAME, "www.example.net.")},
		},
		"a type that is not declared": {
			Owner: e.name("zzz"), Type: zone.TypeURLFWD + 7, TTL: e.ttl(300), Data: []zone.Data{"x"},
		},
	}
}

// A fault is what happens to one call.
type fault struct {
	name  string
	reply func(real func() (*http.Response, error), req *http.Request) (*http.Response, error)
}

func status(code int, header ...string) func(func() (*http.Response, error), *http.Request) (*http.Response, error) {
	return func(_ func() (*http.Response, error), req *http.Request) (*http.Response, error) {
		return reply(req, code, `{"error":"not now"}`, append([]string{"Content-Type", "application/json"}, header...)...), nil
	}
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

var faults = []fault{
	{"429 with Retry-After", status(http.StatusTooManyRequests, "Retry-After", "0")},
	{"429 alone", status(http.StatusTooManyRequests)},
	{"503", status(http.StatusServiceUnavailable)},
	{"500", status(http.StatusInternalServerError)},
	{"never sent", func(func() (*http.Response, error), *http.Request) (*http.Response, error) {
		return nil, errors.New("connection refused")
	}},
	{"answer lost", func(real func() (*http.Response, error), _ *http.Request) (*http.Response, error) {
		if resp, err := real(); err == nil {
			_ = resp.Body.Close()
		}
		return nil, io.ErrUnexpectedEOF
	}},
	{"body cut off", func(real func() (*http.Response, error), _ *http.Request) (*http.Response, error) {
		resp, err := real()
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if len(body) < 2 || err != nil { // nothing to cut: the answer is lost as a whole
			return nil, io.ErrUnexpectedEOF
		}
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), broken{}))
		return resp, nil
	}},
	{"HTML with 200", func(_ func() (*http.Response, error), req *http.Request) (*http.Response, error) {
		return reply(req, 200, "<!DOCTYPE html><title>Sign in</title>", "Content-Type", "text/html"), nil
	}},
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A breaker makes the n-th call fail, counted from 1.
type breaker struct {
	next http.RoundTripper
	f    fault
	mu   sync.Mutex
	n    int
	seen int
}

func (b *breaker) RoundTrip(req *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.seen++
	hit := b.seen == b.n
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

// faultsOfCalls lets every single call of read and write fail in every way. Whatever comes out
// must be true, and the next plan must finish the work.
func faultsOfCalls(e *env) {
	const most = 20
	for _, f := range faults {
		for n := 1; n <= most; n++ {
			e.step("at first", e.sets("www 300 A 192.0.2.1\nold 300 TXT \"x\"")...)
			b := &breaker{f: f, n: n}
			p := e.s.Via(e.T, func(next http.RoundTripper) http.RoundTripper { b.next = next; return b })
			e.closeAtEnd(p)
			name := fmt.Sprintf("%s at call %d", f.name, n)
			want := e.sets("www 300 A 192.0.2.9\nnew 300 TXT \"y\"")
			base, err := p.Read(e.Context(), e.ref)
			if err == nil {
				if err := sound(base, e.origin); err != nil {
					e.Errorf("%s: read: %v", name, err)
					break
				}
				changes := e.plan(base, want)
				r, err := p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
				e.honest(name, e.read(), changes, r, err)
			} else if errors.Is(err, provider.ErrNoZone) {
				e.Errorf("%s: read takes a fault for a missing zone: %v", name, err)
			}
			e.finish(name+", then once more", want...)
			if b.seen < n {
				break // there was no n-th call
			}
		}
	}
}

// serverKilled kills the server in the middle of a write, earlier and later.
func serverKilled(e *env) {
	for i, after := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
		e.step("empty")
		base := e.read()
		want := e.addresses(300, 300)
		changes := e.plan(base, want)
		p := e.open()
		type end struct {
			r   *provider.Receipt
			err error
		}
		ended := make(chan end, 1)
		ctx, cancel := context.WithTimeout(e.Context(), 30*time.Second)
		go func() {
			r, err := p.Write(ctx, base, provider.ChangeSet{Sets: changes})
			ended <- end{r, err}
		}()
		if pause(ctx, after) == nil {
			e.s.Kill(e.T)
		}
		x := <-ended
		cancel()
		name := fmt.Sprintf("killed after %v (run %d)", after, i+1)
		e.honest(name, e.read(), changes, x.r, x.err)
		e.finish(name+", then once more", want...)
	}
}
