package conformance_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// A remote is Memory behind HTTP: each call is one request, and takes effect when the request
// arrives.
type remote struct {
	*conformance.Memory
	client *httpkit.Client
	lie    func(err error) provider.Outcome // what is said of a write that failed; nil: the truth
}

type effect struct{}

// arrive is the transport at whose end the call takes effect.
type arrive struct{}

func (arrive) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Context().Value(effect{}).(func())()
	return &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"ok":true}`)), Request: r}, nil
}

func (r remote) call(ctx context.Context, method string, f func()) error {
	var out struct{ OK bool }
	_, err := r.client.Do(context.WithValue(ctx, effect{}, f), httpkit.Request{Op: "call", Method: method, Path: "/"}, &out)
	return err
}

func (r remote) Read(ctx context.Context, ref provider.ZoneRef) (s *provider.Snapshot, err error) {
	if err := r.call(ctx, http.MethodGet, func() { s, err = r.Memory.Read(ctx, ref) }); err != nil {
		return nil, err
	}
	return s, err
}

func (r remote) Write(ctx context.Context, base *provider.Snapshot, c provider.ChangeSet) (receipt *provider.Receipt, err error) {
	sent := r.call(ctx, http.MethodPatch, func() { receipt, err = r.Memory.Write(ctx, base, c) })
	if sent == nil {
		return receipt, err
	}
	if r.lie != nil {
		return provider.NewReceipt(c, r.lie(sent)), sent
	}
	return provider.NewReceipt(c, httpkit.Outcome(sent)), sent
}

// overHTTP is a subject whose accounts are remote.
func overHTTP(lie func(error) provider.Outcome) conformance.Subject {
	var m *conformance.Memory
	s := subject(func(mem *conformance.Memory) provider.Provider { m = mem; return mem })
	s.Via = func(_ conformance.T, wrap func(http.RoundTripper) http.RoundTripper) provider.Provider {
		return remote{m, &httpkit.Client{Base: "http://memory.test", HTTP: wrap(arrive{}), Tries: 1}, lie}
	}
	s.Only = "faults of single calls"
	return s
}

func TestHonestFaultsPass(t *testing.T) {
	t.Parallel()
	if r := conformance.Run(t, overHTTP(nil)); r.Results[0].Status != conformance.Passed || r.Results[0].Steps < 20 {
		t.Errorf("result %+v, want many steps passed", r.Results)
	}
}

func TestLiesAboutFaultsAreCaught(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(error) provider.Outcome{
		"a failed write is not done": func(error) provider.Outcome { return provider.NotDone },
		"a failed write is done":     func(error) provider.Outcome { return provider.Done },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := conformance.NewRecorder(t.Context(), "suite")
			r := conformance.Run(rec, overHTTP(lie))
			rec.Close()
			if !r.Failed() || !strings.Contains(strings.Join(rec.Lines(), "\n"), "receipt says") {
				t.Errorf("not caught:\n%s", strings.Join(rec.Lines(), "\n"))
			}
		})
	}
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	rec := conformance.NewRecorder(t.Context(), "all")
	var seen []string
	rec.Observe = func(name, line string) { seen = append(seen, name+": "+line) }
	var order []string
	rec.Cleanup(func() { order = append(order, "outer") })
	ok := rec.Run("part", func(r *conformance.Recorder) {
		r.Cleanup(func() { order = append(order, "second") })
		r.Cleanup(func() { order = append(order, "first") })
		r.Run("skips", func(r *conformance.Recorder) { r.Skipf("no %s", "reason"); order = append(order, "never") })
		r.Run("panics", func(*conformance.Recorder) { panic("oh") })
		r.Fatalf("it is %d", 7)
		order = append(order, "never")
	})
	rec.Close()
	if ok || !rec.Failed() {
		t.Error("a failed part is reported as passed")
	}
	if got := strings.Join(order, " "); got != "first second outer" {
		t.Errorf("order %q, want \"first second outer\"", got)
	}
	want := "all/part/skips: skipped: no reason\nall/part/panics: error: panic: oh\nall/part: error: it is 7"
	if got := strings.Join(rec.Lines(), "\n"); got != want || strings.Join(seen, "\n") != want {
		t.Errorf("lines:\n%s\nwant:\n%s", got, want)
	}
}
