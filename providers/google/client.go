package google

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"

	"google.golang.org/api/dns/v1"
	"google.golang.org/api/option"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// Provider is one project of Google Cloud.
type Provider struct {
	account
	transport       http.RoundTripper
	gate, tokenGate *httpkit.Gate
	metadataGate    *httpkit.Gate // answers are text, too
	retry, signIn   *httpkit.Retry
	budget          *budget.Account
	trace           func(format string, args ...any)
	where, tokenAt  httpkit.Where // of the API, and of who gives tokens
	session         session
	directory       directory
	refusals        atomic.Int32 // for being too many, one after the other

	connecting sync.Mutex
	client     *dns.Service // nil until the first call
}

var (
	_ provider.SetReader   = (*Provider)(nil)
	_ provider.ZoneCreator = (*Provider)(nil)
	_ provider.ZoneDeleter = (*Provider)(nil)
	_ provider.Verifier    = (*Provider)(nil)
	_ provider.Closer      = (*Provider)(nil)
)

// A caller is the client library together with the project that calls are about.
type caller struct {
	*dns.Service
	project string
}

// do makes one call. Signing in is a call of its own: when it goes wrong, the call itself was
// certainly not made. A token that the service no longer takes is replaced once.
func (p *Provider) do(ctx context.Context, c httpkit.Call, f func(context.Context, caller) error) error {
	for again := false; ; again = true {
		var in signedIn
		if err := p.signIn.Do(ctx, httpkit.Call{Op: c.Op, Zone: c.Zone, Repeatable: true}, func(ctx context.Context) (err error) {
			in, err = p.session.enter(ctx, p)
			return err
		}); err != nil {
			return unsent(err)
		}
		if in.project == "" {
			return unsent(&provider.Error{
				Op: c.Op, Zone: c.Zone, Kind: provider.Denied,
				Err: errors.New("the credentials do not tell the project"), Advice: "set the option project",
			})
		}
		client, err := p.connect(ctx)
		if err != nil {
			return unsent(&provider.Error{Op: c.Op, Zone: c.Zone, Kind: provider.Other, Err: errors.New(p.clean(err.Error()))})
		}
		err = p.retry.Do(ctx, c, func(ctx context.Context) error {
			var broken error
			err := f(context.WithValue(ctx, brokenKey{}, &broken), caller{client, in.project})
			if err != nil && broken != nil {
				return broken
			}
			return err
		})
		if err == nil {
			p.refusals.Store(0)
		}
		if again || in.fresh || !tokenRefused(err) || !c.Repeatable && httpkit.Outcome(err) != provider.NotDone {
			return err
		}
		p.session.leave(in.token)
	}
}

// tokenRefused reports whether the service does not know a token, or no more.
func tokenRefused(err error) bool {
	e, ok := errors.AsType[*provider.Error](err)
	return ok && e.Status == http.StatusUnauthorized
}

// connect makes the client.
func (p *Provider) connect(ctx context.Context) (*dns.Service, error) {
	p.connecting.Lock()
	defer p.connecting.Unlock()
	if p.client == nil {
		// A client of our own has no retries, no credentials and no transport of the library's.
		client := &http.Client{Transport: bearer{p}, CheckRedirect: p.gate.Client().CheckRedirect}
		s, err := dns.NewService(ctx, option.WithHTTPClient(client), option.WithEndpoint(p.endpoint))
		if err != nil {
			return nil, err
		}
		s.UserAgent = "zonecast"
		p.client = s
	}
	return p.client, nil
}

// bearer puts the session's token on each request, below it is the gate.
type bearer struct{ p *Provider }

func (b bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+b.p.session.current())
	resp, err := b.p.gate.RoundTrip(req)
	if broken, ok := req.Context().Value(brokenKey{}).(*error); ok && err != nil {
		*broken = err
	}
	return resp, err
}

// brokenKey is where a call keeps the gate's error: the client library puts the context's in its
// place, which does not tell whether the request was sent.
type brokenKey struct{}

// isJSON is the check of a successful answer as a whole: an object, or nothing.
func isJSON(_ http.Header, body []byte) error {
	if len(body) == 0 || body[0] == '{' && json.Valid(body) {
		return nil
	}
	if err := httpkit.NotHTML(nil, body); err != nil {
		return err
	}
	return errors.New("the answer is not the JSON that was expected")
}

// An unsentError is one of a call that was certainly not made.
type unsentError struct{ err *provider.Error }

func (u unsentError) Error() string { return u.err.Error() }
func (u unsentError) Unwrap() error { return u.err }

func unsent(err error) error {
	if e, ok := errors.AsType[*provider.Error](err); ok {
		return unsentError{e}
	}
	return err
}

// outcome says what became of a write that ended with err.
func outcome(err error) provider.Outcome {
	if _, ok := errors.AsType[unsentError](err); ok {
		return provider.NotDone
	}
	return httpkit.Outcome(err)
}
