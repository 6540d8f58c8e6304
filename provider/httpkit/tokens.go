package httpkit

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zonecast/zonecast/provider"
)

// A Grant is a credential that a service gave for some time.
type Grant struct {
	Header string        // that carries it, such as "Authorization" or "Cookie"
	Value  Secret        // of the header
	TTL    time.Duration // 0: not known; then it is kept until the service refuses it
}

// Tokens are credentials that have to be obtained: by a login (Session) or by OAuth 2 (OAuth). They
// are kept, renewed before they end, once for all who wait, and once more when the service answers
// 401. It is safe for concurrent use.
type Tokens struct {
	obtain func(context.Context) (Grant, error)
	own    []string // secrets that were there before

	mu     sync.Mutex
	grant  Grant
	until  time.Time // renewed from then on; zero: not by time
	flight *flight   // nil: nobody obtains one
	seen   []string  // secrets that were obtained, the newest last
}

type flight struct {
	done  chan struct{}
	grant Grant
	err   error
}

// Session logs in with a call of its own. secrets are what login sends and nobody must see.
func Session(login func(context.Context) (Grant, error), secrets ...Secret) *Tokens {
	t := &Tokens{obtain: login}
	for _, s := range secrets {
		t.own = append(t.own, string(s))
	}
	return t
}

// Cookies is the value of the header Cookie that gives back what an answer has set.
func Cookies(answer http.Header) Secret {
	var parts []string
	for _, c := range (&http.Response{Header: answer}).Cookies() {
		if c.MaxAge >= 0 && c.Value != "" {
			parts = append(parts, c.Name+"="+c.Value)
		}
	}
	return Secret(strings.Join(parts, "; "))
}

// Apply implements Auth. It obtains a token when there is none that still holds.
func (t *Tokens) Apply(r *http.Request) error {
	g, err := t.current(r.Context())
	if err != nil {
		return err
	}
	r.Header.Set(g.Header, string(g.Value))
	return nil
}

// Secrets implements Auth: those that were there before, and those that were obtained.
func (t *Tokens) Secrets() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(slices.Clone(t.own), t.seen...)
}

func (t *Tokens) current(ctx context.Context) (Grant, error) {
	t.mu.Lock()
	if t.grant.Header != "" && (t.until.IsZero() || time.Now().Before(t.until)) {
		defer t.mu.Unlock()
		return t.grant, nil
	}
	f := t.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		t.flight = f
		// Others may wait for it: it does not end with the call that began it.
		go t.fetch(context.WithoutCancel(ctx), f)
	}
	t.mu.Unlock()
	select {
	case <-f.done:
		return f.grant, f.err
	case <-ctx.Done():
		return Grant{}, context.Cause(ctx)
	}
}

// fetch obtains a token and tells all who wait.
func (t *Tokens) fetch(ctx context.Context, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	f.grant, f.err = t.obtain(ctx)
	if f.err == nil && (f.grant.Header == "" || f.grant.Value == "") {
		f.err = errors.New("the service gave no token")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flight = nil
	if f.err == nil {
		t.grant, t.until = f.grant, time.Time{}
		if ttl := f.grant.TTL; ttl > 0 {
			t.until = time.Now().Add(ttl - min(5*time.Minute, ttl/10))
		}
		t.remember(string(f.grant.Value))
	}
	close(f.done)
}

// remember keeps what must not be shown, the last few.
func (t *Tokens) remember(value string) {
	t.seen = append(t.seen, value)
	if _, bare, ok := strings.Cut(value, " "); ok { // "Bearer x", "a=1; b=2"
		t.seen = append(t.seen, bare)
	}
	for part := range strings.SplitSeq(value, "; ") {
		if _, v, ok := strings.Cut(part, "="); ok {
			t.seen = append(t.seen, v)
		}
	}
	if extra := len(t.seen) - 64; extra > 0 {
		t.seen = slices.Delete(t.seen, 0, extra)
	}
}

// forget drops the token that a request was refused with, unless it was replaced meanwhile.
func (t *Tokens) forget(r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.grant.Header != "" && r.Header.Get(t.grant.Header) == string(t.grant.Value) {
		t.grant = Grant{}
	}
}

// An OAuth2 is how a token is obtained from an authorization server: with a client's credentials
// (RFC 6749, section 4.4), or with a signed assertion (RFC 7523, section 2.1) when Key is set.
type OAuth2 struct {
	TokenURL string
	HTTP     http.RoundTripper // nil: http.DefaultTransport
	Scope    string

	ClientID string
	Secret   Secret
	InBody   bool // client and secret go into the form, not into Basic

	Key               crypto.Signer // RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA)
	KeyID             string
	Issuer, Subject   string
	Audience          string            // "": TokenURL
	Claims            map[string]string // more of them, such as Google's "scope"
	AssertionLifetime time.Duration     // 0: one hour
}

// OAuth obtains tokens as o says and sends them as RFC 6750 has it.
func OAuth(o OAuth2) *Tokens {
	t := &Tokens{obtain: o.obtain}
	if o.Secret != "" {
		t.own = Basic(formEscape(o.ClientID), Secret(formEscape(string(o.Secret)))).Secrets()
		t.own = append(t.own, string(o.Secret))
	}
	return t
}

// tokenError is the refusal of an authorization server.
func tokenError(kind provider.ErrKind, status int, format string, args ...any) error {
	e := &provider.Error{Kind: kind, Status: status, Err: fmt.Errorf("token: "+format, args...)}
	if kind == provider.Denied {
		e.Advice = deniedAdvice
	}
	return e
}
