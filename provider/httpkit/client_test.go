package httpkit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// A script answers request n with its n-th entry, and the last one for ever.
type answer func(*http.Request) (*http.Response, error)

type script []answer

type player struct {
	script script
	seen   []*http.Request
}

func (p *player) RoundTrip(r *http.Request) (*http.Response, error) {
	p.seen = append(p.seen, r)
	return p.script[min(len(p.seen), len(p.script))-1](r)
}

func says(status int, body string, header ...string) answer {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

func breaks(err error) answer {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func cut(body string) answer {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{}, Body: io.NopCloser(io.MultiReader(strings.NewReader(body), failing{}))}, nil
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

var dial = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

func TestWhatIsRepeatedAndWhatComesOfIt(t *testing.T) {
	t.Parallel()
	ok := says(200, `{"a":1}`)
	for _, c := range []struct {
		name    string
		method  string
		script  script
		calls   int
		kind    provider.ErrKind
		fails   bool
		outcome provider.Outcome
		waited  time.Duration // at least
	}{
		{name: "read", method: "GET", script: script{ok}, calls: 1, outcome: provider.Done},
		{name: "read after 503", method: "GET", script: script{says(503, ""), ok}, calls: 2, outcome: provider.Done},
		{name: "read after a lost answer", method: "GET", script: script{breaks(io.ErrUnexpectedEOF), ok}, calls: 2, outcome: provider.Done},
		{name: "read after a cut answer", method: "GET", script: script{cut(`{"a"`), ok}, calls: 2, outcome: provider.Done},
		{name: "read, always 500", method: "GET", script: script{says(500, "")}, calls: 4, fails: true, kind: provider.Transient, outcome: provider.Unknown},
		{name: "write after 429", method: "PATCH", script: script{says(429, "", "Retry-After", "7"), ok}, calls: 2, outcome: provider.Done, waited: 7 * time.Second},
		{name: "write, long pause asked", method: "PATCH", script: script{says(429, "", "Retry-After", "3600"), ok}, calls: 1, fails: true, kind: provider.Throttled, outcome: provider.NotDone},
		{name: "write never sent", method: "PATCH", script: script{breaks(dial), ok}, calls: 2, outcome: provider.Done},
		{name: "write lost", method: "PATCH", script: script{breaks(io.ErrUnexpectedEOF), ok}, calls: 1, fails: true, kind: provider.Lost, outcome: provider.Unknown},
		{name: "write, answer cut", method: "PATCH", script: script{cut(`{"a"`), ok}, calls: 1, fails: true, kind: provider.Lost, outcome: provider.Unknown},
		{name: "write, 502", method: "PATCH", script: script{says(502, ""), ok}, calls: 1, fails: true, kind: provider.Transient, outcome: provider.Unknown},
		{name: "write, web page", method: "PATCH", script: script{says(200, "\n <html>")}, calls: 1, fails: true, kind: provider.Invalid, outcome: provider.Unknown},
		{name: "web page", method: "GET", script: script{says(200, "<!DOCTYPE html>")}, calls: 1, fails: true, kind: provider.Invalid, outcome: provider.Unknown},
		{name: "half of JSON", method: "GET", script: script{says(200, `{"a":`)}, calls: 1, fails: true, kind: provider.Invalid, outcome: provider.Unknown},
		{name: "JSON twice", method: "GET", script: script{says(200, `{"a":1}{}`)}, calls: 1, fails: true, kind: provider.Invalid, outcome: provider.Unknown},
		{name: "nothing", method: "GET", script: script{says(200, ``)}, calls: 1, fails: true, kind: provider.Invalid, outcome: provider.Unknown},
		{name: "too long", method: "GET", script: script{says(200, `{"a":`+strings.Repeat(" ", 2000)+`1}`)}, calls: 1, fails: true, kind: provider.Invalid, outcome: provider.Unknown},
		{name: "redirect", method: "GET", script: script{says(302, "", "Location", "https://elsewhere.example/")}, calls: 1, fails: true, kind: provider.Invalid, outcome: provider.Unknown},
		{name: "401", method: "PATCH", script: script{says(401, `{"error":"no"}`)}, calls: 1, fails: true, kind: provider.Denied},
		{name: "403", method: "PATCH", script: script{says(403, "")}, calls: 1, fails: true, kind: provider.Denied},
		{name: "404", method: "PATCH", script: script{says(404, "")}, calls: 1, fails: true, kind: provider.Other},
		{name: "409", method: "PATCH", script: script{says(409, "")}, calls: 1, fails: true, kind: provider.Conflict},
		{name: "412", method: "PATCH", script: script{says(412, "")}, calls: 1, fails: true, kind: provider.Conflict},
		{name: "422", method: "PATCH", script: script{says(422, "")}, calls: 1, fails: true, kind: provider.Rejected},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &player{script: c.script}
				client := &httpkit.Client{Base: "https://dns.example", HTTP: p, Limit: 1000}
				var out struct{ A int }
				began := time.Now()
				resp, err := client.Do(t.Context(), httpkit.Request{Op: "try", Method: c.method, Path: "/x", Body: map[string]int{"b": 2}}, &out)
				if (err != nil) != c.fails || c.fails && provider.KindOf(err) != c.kind {
					t.Errorf("error %v of kind %q; want failure %v of kind %q", err, provider.KindOf(err), c.fails, c.kind)
				}
				if len(p.seen) != c.calls || resp.Calls != c.calls {
					t.Errorf("%d calls, %d counted; want %d", len(p.seen), resp.Calls, c.calls)
				}
				if got := httpkit.Outcome(err); got != c.outcome {
					t.Errorf("outcome %q, want %q", got, c.outcome)
				}
				if !c.fails && out.A != 1 {
					t.Errorf("decoded %+v", out)
				}
				if took := time.Since(began); took < c.waited || took > 2*time.Minute {
					t.Errorf("waited %v, want at least %v", took, c.waited)
				}
			})
		})
	}
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &player{script: script{says(503, "")}}
		client := &httpkit.Client{Base: "https://dns.example", HTTP: p}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		began := time.Now()
		_, err := client.Do(ctx, httpkit.Request{Op: "read", Path: "/"}, nil)
		if err == nil || time.Since(began) > time.Second {
			t.Errorf("err %v after %v; want the last error soon after the cancellation", err, time.Since(began))
		}
	})
}

func TestHangingServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }
		client := &httpkit.Client{Base: "https://dns.example", HTTP: &player{script: script{hang}}, Timeout: 10 * time.Second, Tries: 1}
		began := time.Now()
		_, err := client.Do(t.Context(), httpkit.Request{Op: "write", Method: "POST", Path: "/"}, nil)
		if provider.KindOf(err) != provider.Lost || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v, want a lost answer that wraps the deadline", err)
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("gave up after %v, want 10s", took)
		}
	})
}

func TestBudgetIsAskedAndTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(budget.Limits{Windows: []budget.Window{{Calls: 10, Per: time.Second}}, InFlight: 1})
		p := &player{script: script{says(429, "", "Retry-After", "5"), says(200, "{}")}}
		client := &httpkit.Client{Base: "https://dns.example", HTTP: p, Budget: b}
		began := time.Now()
		if _, err := client.Do(t.Context(), httpkit.Request{Path: "/"}, &struct{}{}); err != nil {
			t.Fatal(err)
		}
		if s := b.State(); s.Refused != 1 || s.Calls != 2 || s.InFlight != 0 {
			t.Errorf("budget %+v, want 2 calls, 1 refused, none in flight", s)
		}
		if took := time.Since(began); took < 5*time.Second {
			t.Errorf("took %v, want at least the 5s asked for", took)
		}
	})
}

func TestALongPauseIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(budget.Limits{InFlight: 8})
		p := &player{script: script{says(429, "", "Retry-After", "3600")}}
		client := &httpkit.Client{Base: "https://dns.example", HTTP: p, Budget: b}
		for n := range 3 {
			_, err := client.Do(t.Context(), httpkit.Request{Op: "write", Method: "POST", Path: "/"}, nil)
			e, ok := errors.AsType[*provider.Error](err)
			if !ok || e.Kind != provider.Throttled || e.RetryAfter != time.Hour || httpkit.Outcome(err) != provider.NotDone {
				t.Errorf("call %d: %v, want throttled for an hour and not done", n+1, err)
			}
		}
		retry, gate := &httpkit.Retry{Budget: b, Classify: classify}, &httpkit.Gate{HTTP: p, Budget: b}
		err := retry.Do(t.Context(), httpkit.Call{Op: "write"}, func(ctx context.Context) error { return post(ctx, gate) })
		want := "write: throttled: "
		if provider.KindOf(err) != provider.Throttled || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "left alone for 1h0m0s more") {
			t.Errorf("through a gate: %v, want throttled for an hour", err)
		}
		if len(p.seen) != 1 {
			t.Errorf("%d calls were sent, want the first alone", len(p.seen))
		}
	})
}

func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	const key = "s3cr3t/key+1"
	var trace strings.Builder
	for name, auth := range map[string]httpkit.Auth{
		"header": httpkit.Header("X-API-Key", key), "bearer": httpkit.Bearer(key), "basic": httpkit.Basic("user", key),
	} {
		p := &player{script: script{says(422, `{"error":"the key `+key+` is odd"}`)}}
		client := &httpkit.Client{
			Base: "https://dns.example", HTTP: p, Auth: auth,
			Trace: func(f string, a ...any) { fmt.Fprintf(&trace, f+"\n", a...) },
		}
		_, err := client.Do(t.Context(), httpkit.Request{Op: "read", Path: "/x", Query: map[string][]string{"k": {key}}}, nil)
		if err == nil || !strings.Contains(err.Error(), "[redacted]") {
			t.Errorf("%s: error %v", name, err)
		}
		all := fmt.Sprint(err) + trace.String()
		for _, s := range []string{key, "s3cr3t", "dXNlcjpzM2NyM3Qva2V5KzE="} {
			if strings.Contains(all, s) {
				t.Errorf("%s: %q is shown in:\n%s", name, s, all)
			}
		}
		if got := p.seen[0].Header.Get("X-API-Key") + p.seen[0].Header.Get("Authorization"); got == "" {
			t.Errorf("%s: no credentials were sent", name)
		}
	}
	secret := httpkit.Secret(key)
	shown, _ := json.Marshal(struct{ S httpkit.Secret }{secret})
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", secret)
	if all := fmt.Sprintf("%s %v %#v %s %s", secret, secret, secret, shown, log.String()); strings.Contains(all, "s3cr3t") {
		t.Errorf("a Secret is shown: %s", all)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"error":"Domain 'x' exists"}`:                   "422: Domain 'x' exists",
		`{"error":"a","errors":["b","c"]}`:                "422: a; b; c",
		`{"errors":[{"code":9,"message":"bad content"}]}`: "422: bad content",
		`{"detail":"d"}`:                                  "422: d",
		"plain\ntext\x1b[31m":                             "422: plain text [31m",
		`<html>sorry</html>`:                              "422 Unprocessable Entity",
		``:                                                "422 Unprocessable Entity",
		strings.Repeat("x", 900):                          "422: " + strings.Repeat("x", 500) + "…",
	} {
		client := &httpkit.Client{Base: "https://dns.example", HTTP: &player{script: script{says(422, body)}}}
		_, err := client.Do(t.Context(), httpkit.Request{Op: "write", Zone: "example.org.", Method: "POST", Path: "/"}, nil)
		if got := fmt.Sprint(err); got != "write example.org.: rejected: "+want {
			t.Errorf("%q reads %q, want %q", body, got, want)
		}
	}
}

func TestRealTransport(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.Header.Get("X-API-Key") != "k-e-y" || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(401)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close() // the request was seen; the answer never comes
		}
	}))
	defer srv.Close()
	client := &httpkit.Client{Base: srv.URL, Auth: httpkit.Header("X-API-Key", "k-e-y")}
	_, err := client.Do(t.Context(), httpkit.Request{Op: "write", Method: "PATCH", Path: "/", Body: 1}, nil)
	if provider.KindOf(err) != provider.Lost || calls.Load() != 1 {
		t.Errorf("err = %v after %d calls; want a lost answer after one", err, calls.Load())
	}
	srv.Close()
	_, err = (&httpkit.Client{Base: srv.URL, Tries: 1}).Do(t.Context(), httpkit.Request{Op: "write", Method: "PATCH", Path: "/"}, nil)
	if provider.KindOf(err) != provider.Transient || httpkit.Outcome(err) != provider.NotDone {
		t.Errorf("err = %v, outcome %q; want transient and not done", err, httpkit.Outcome(err))
	}
}

func FuzzAnswers(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `{"error":"x"}`, `{"errors":[{"message":"m"}]}`, "<html>", "", "\xff\x00", `[[[[`} {
		f.Add(200, []byte(s), "1")
		f.Add(429, []byte(s), "Wed, 21 Oct 2015 07:28:00 GMT")
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, retry string) {
		client := &httpkit.Client{Base: "https://dns.example", HTTP: &player{script: script{says(status, string(body), "Retry-After", retry)}}, Tries: 1, Limit: 1 << 20}
		var out map[string]any
		if _, err := client.Do(t.Context(), httpkit.Request{Op: "read", Path: "/"}, &out); err != nil {
			if s := err.Error(); strings.ContainsAny(s, "\n\x1b\x00") || len(s) > 2000 {
				t.Errorf("message is not one clean line: %q", s)
			}
		}
	})
}
