package httpkit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// A maker is a service that makes one thing by POST; each answer of its script says what becomes
// of the n-th request.
type maker struct {
	tries, made, reads int
	script             []string
	readFails          bool
	late               bool // the first request takes effect only when the second has arrived
}

func (m *maker) RoundTrip(r *http.Request) (*http.Response, error) {
	step := m.script[min(m.tries, len(m.script)-1)]
	m.tries++
	if m.late && m.tries == 2 {
		m.made++
	}
	switch step {
	case "lost before":
		return nil, io.ErrUnexpectedEOF
	case "lost after":
		m.made++
		return nil, io.ErrUnexpectedEOF
	case "502":
		return says(502, "")(r)
	case "502 after":
		m.made++
		return says(502, "")(r)
	case "409":
		return says(409, `{"error":"exists"}`)(r)
	case "429":
		return says(429, "")(r)
	case "429 long":
		return says(429, "", "Retry-After", "3600")(r)
	case "page after":
		m.made++
		return says(200, "<html>")(r)
	case "page before":
		return says(200, "<html>")(r)
	}
	m.made++
	return says(200, `{}`)(r)
}

func (m *maker) absent(context.Context) (bool, error) {
	m.reads++
	if m.readFails {
		return false, errors.New("no")
	}
	return m.made == 0, nil
}

func TestACreateIsRepeatedOnlyWhenAReadShowsItAbsent(t *testing.T) {
	t.Parallel()
	type script = []string
	for _, c := range []struct {
		name      string
		maker     maker
		tries     int
		made      int
		reads     int
		outcome   provider.Outcome
		carried   bool
		succeeded bool
	}{
		{name: "answered", maker: maker{script: script{"ok"}}, tries: 1, made: 1, outcome: provider.Done, succeeded: true},
		{name: "lost on the way there", maker: maker{script: script{"lost before", "ok"}}, tries: 2, made: 1, reads: 1, outcome: provider.Done, succeeded: true},
		{name: "lost on the way back", maker: maker{script: script{"lost after", "ok"}}, tries: 1, made: 1, reads: 1, outcome: provider.Done, carried: true},
		{name: "502, nothing done", maker: maker{script: script{"502", "ok"}}, tries: 2, made: 1, reads: 1, outcome: provider.Done, succeeded: true},
		{name: "502, done", maker: maker{script: script{"502 after", "ok"}}, tries: 1, made: 1, reads: 1, outcome: provider.Done, carried: true},
		{name: "web page, done", maker: maker{script: script{"page after", "ok"}}, tries: 1, made: 1, reads: 1, outcome: provider.Done, carried: true},
		{name: "web page, not done", maker: maker{script: script{"page before", "ok"}}, tries: 1, reads: 1, outcome: provider.Unknown},
		{name: "always lost", maker: maker{script: script{"lost before"}}, tries: 4, reads: 4, outcome: provider.Unknown},
		{name: "the last try is done", maker: maker{script: script{"502", "502", "502", "lost after"}}, tries: 4, made: 1, reads: 4, outcome: provider.Done, carried: true},
		{name: "cannot be read", maker: maker{script: script{"lost after", "ok"}, readFails: true}, tries: 1, made: 1, reads: 1, outcome: provider.Unknown},
		{name: "arrives late, second says it exists", maker: maker{script: script{"lost before", "409"}, late: true}, tries: 2, made: 1, reads: 2, outcome: provider.Done, carried: true},
		{name: "exists before", maker: maker{script: script{"409"}}, tries: 1, outcome: provider.NotDone},
		{name: "throttled", maker: maker{script: script{"429", "ok"}}, tries: 2, made: 1, outcome: provider.Done, succeeded: true},
		{name: "lost, then throttled for long", maker: maker{script: script{"lost before", "429 long"}}, tries: 2, reads: 1, outcome: provider.Unknown},
	} {
		check := func(t *testing.T, m *maker, err error) {
			t.Helper()
			if m.tries != c.tries || m.made != c.made || m.reads != c.reads {
				t.Errorf("%d tries, %d made, %d reads; want %d, %d, %d", m.tries, m.made, m.reads, c.tries, c.made, c.reads)
			}
			if got := httpkit.Outcome(err); got != c.outcome || (err == nil) != c.succeeded {
				t.Errorf("outcome %q of %v; want %q, success %v", got, err, c.outcome, c.succeeded)
			}
			if errors.Is(err, httpkit.ErrCarriedOut) != c.carried {
				t.Errorf("error %v; wants to say that it was carried out: %v", err, c.carried)
			}
		}
		t.Run("client/"+c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := c.maker
				client := &httpkit.Client{Base: "https://dns.example", HTTP: &m}
				_, err := client.Do(t.Context(), httpkit.Request{Op: "create zone", Method: "POST", Path: "/zones", Absent: m.absent}, nil)
				check(t, &m, err)
			})
		})
		t.Run("retry/"+c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := c.maker
				gate := &httpkit.Gate{HTTP: &m, Check: httpkit.NotHTML}
				retry := &httpkit.Retry{Classify: classify}
				err := retry.Do(t.Context(), httpkit.Call{Op: "create zone", Absent: m.absent}, func(ctx context.Context) error { return post(ctx, gate) })
				check(t, &m, err)
			})
		})
	}
}

// A status is how a client library says that it was refused.
type status struct {
	code  int
	after time.Duration
}

func (s status) Error() string { return fmt.Sprintf("refused: %d", s.code) }

func classify(err error) *provider.Error {
	if s, ok := errors.AsType[status](err); ok {
		return &provider.Error{Kind: httpkit.KindOfStatus(s.code), Status: s.code, RetryAfter: s.after}
	}
	return nil
}

func post(ctx context.Context, gate *httpkit.Gate) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://dns.example/zones", nil)
	if err != nil {
		return err
	}
	answer, err := gate.Client().Do(req)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode >= 300 {
		return status{answer.StatusCode, httpkit.RetryAfter(answer.Header, time.Now())}
	}
	return nil
}

func TestARepeatedWriteThatStaysLostIsUnknown(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]script{
		"lost four times":        {breaks(io.ErrUnexpectedEOF)},
		"lost, then throttled":   {breaks(io.ErrUnexpectedEOF), says(429, "", "Retry-After", "3600")},
		"lost, then not sent":    {breaks(io.ErrUnexpectedEOF), breaks(dial)},
		"lost, then refused":     {breaks(io.ErrUnexpectedEOF), says(409, "")},
		"failed, then throttled": {says(503, ""), says(429, "", "Retry-After", "3600")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := &httpkit.Client{Base: "https://dns.example", HTTP: &player{script: s}}
				_, err := client.Do(t.Context(), httpkit.Request{Op: "write", Method: "PUT", Path: "/set", Repeatable: true}, nil)
				if got := httpkit.Outcome(err); got != provider.Unknown {
					t.Errorf("outcome %q of %v, want unknown", got, err)
				}
			})
		})
	}
}

func TestTheBudgetIsWaitedForOutsideOfTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		account := budget.New(budget.Limits{Windows: []budget.Window{{Calls: 1, Per: time.Hour}}})
		hang := func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }
		p := &player{script: script{says(200, "{}"), says(200, "{}"), hang}}
		gate := &httpkit.Gate{HTTP: p, Budget: account}
		retry := &httpkit.Retry{Budget: account, Timeout: 30 * time.Second, Tries: 1, Classify: classify}
		do := func(ctx context.Context) error {
			return retry.Do(ctx, httpkit.Call{Op: "write"}, func(ctx context.Context) error { return post(ctx, gate) })
		}
		began := time.Now()
		for n := range 2 {
			if err := do(t.Context()); err != nil {
				t.Errorf("call %d: %v", n+1, err)
			}
		}
		if took := time.Since(began); took != time.Hour {
			t.Errorf("two calls took %v, want the hour that the budget asks for", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := do(ctx)
		e, ok := errors.AsType[*provider.Error](err)
		if !ok || e.Kind != provider.Throttled || e.RetryAfter != time.Hour || httpkit.Outcome(err) != provider.NotDone || len(p.seen) != 2 {
			t.Errorf("beyond the deadline: %v after %d calls; want to be told of an hour to wait, and nothing sent", err, len(p.seen))
		}
		err = do(t.Context())
		if provider.KindOf(err) != provider.Lost || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want a lost answer that wraps the deadline", err)
		}
		if took := time.Since(began); took != 2*time.Hour+30*time.Second {
			t.Errorf("the hanging call ended after %v, want the hour's wait and its own 30s", took)
		}
	})
}

// A service that takes a request and never answers is asked twice, not four times.
func TestSilenceIsNotWaitedForFourTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		silent := answer(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		p := &player{script: script{silent}}
		client := &httpkit.Client{Base: "https://dns.example", HTTP: p}
		began := time.Now()
		_, err := client.Do(t.Context(), httpkit.Request{Op: "read", Path: "/x"}, nil)
		if provider.KindOf(err) != provider.Transient || len(p.seen) != 2 || time.Since(began) > 62*time.Second {
			t.Errorf("%d calls in %v, error %v; want 2 within about a minute", len(p.seen), time.Since(began), err)
		}
	})
}
