package conformance_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// A remote is a provider behind HTTP: each call of its methods is a request, and takes effect when
// the request arrives. Writes go in batches where it has a size for them.
type remote struct {
	provider.Provider
	client *httpkit.Client
	batch  int
	// lie, when set, is what is said of a write that failed; else it is the truth.
	lie func(c provider.ChangeSet, err error) (*provider.Receipt, error)
	// trusting takes any answer for one that makes sense, as reading an absent field does.
	trusting bool
}

type effect struct{}

// arrive is the transport at whose end the call takes effect.
type arrive struct{}

func (arrive) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Context().Value(effect{}).(func())()
	return &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"ok":true}`)), Request: r}, nil
}

var errNotOK = errors.New("the answer does not say ok")

func (r remote) call(ctx context.Context, method string, f func()) error {
	var out struct{ OK bool }
	_, err := r.client.Do(context.WithValue(ctx, effect{}, f), httpkit.Request{Op: "call", Method: method, Path: "/"}, &out)
	if err == nil && !out.OK {
		return &provider.Error{Op: "call", Kind: provider.Invalid, Err: errNotOK}
	}
	return err
}

func (r remote) Read(ctx context.Context, ref provider.ZoneRef) (s *provider.Snapshot, err error) {
	sent := r.call(ctx, http.MethodGet, func() { s, err = r.Provider.Read(ctx, ref) })
	if r.trusting && errors.Is(sent, errNotOK) {
		return &provider.Snapshot{Info: s.Info, Revision: s.Revision, Sets: zone.Empty(ref.Origin)}, nil
	}
	if sent != nil {
		return nil, sent
	}
	return s, err
}

func (r remote) Write(ctx context.Context, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
	whole := provider.NewReceipt(c, provider.NotDone)
	size := r.batch
	if size == 0 {
		size = max(len(c.Sets), 1)
	}
	at := *base
	for i := 0; i < max(len(c.Sets), 1); i += size {
		part := provider.ChangeSet{Sets: c.Sets[i:min(i+size, len(c.Sets))], Settings: c.Settings}
		var receipt *provider.Receipt
		var err error
		if sent := r.call(ctx, http.MethodPatch, func() { receipt, err = r.Provider.Write(ctx, &at, part) }); sent != nil {
			if r.lie != nil {
				return r.lie(c, sent)
			}
			receipt, err = provider.NewReceipt(part, httpkit.Outcome(sent)), sent
		}
		if receipt != nil {
			copy(whole.Sets[i:], receipt.Sets)
			copy(whole.Settings, receipt.Settings)
			at.Revision = receipt.Revision
		}
		if err != nil {
			return whole, err
		}
	}
	return whole, nil
}

func (r remote) Capabilities(i provider.ZoneInfo) provider.Capabilities {
	c := r.Provider.Capabilities(i)
	c.Batch = r.batch
	return c
}

// via opens a remote of a provider.
func via(p func() provider.Provider, edit func(*remote)) func(conformance.T, func(http.RoundTripper) http.RoundTripper) provider.Provider {
	return func(_ conformance.T, wrap func(http.RoundTripper) http.RoundTripper) provider.Provider {
		r := remote{Provider: p(), client: &httpkit.Client{Base: "http://memory.test", HTTP: wrap(arrive{}), Tries: 1}}
		if edit != nil {
			edit(&r)
		}
		return r
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
