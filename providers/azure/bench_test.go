package azure_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/zonecast/zonecast/provider"
	emulated "github.com/zonecast/zonecast/sandbox/azure"
	"github.com/zonecast/zonecast/zone"
)

// A replay answers a call with what the service answered the first time, so that a benchmark
// measures the adapter and not the emulation.
type replay struct {
	mu   sync.Mutex
	seen map[string][]byte
}

func (r *replay) answer(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	key := req.Method + " " + req.URL.String()
	r.mu.Lock()
	body, ok := r.seen[key]
	r.mu.Unlock()
	if !ok {
		resp, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		body, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		r.seen[key] = body
		r.mu.Unlock()
	}
	return &http.Response{
		StatusCode: 200, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}, nil
}

// BenchmarkRead reads a zone of 10,000 record sets.
func BenchmarkRead(b *testing.B) {
	r, p, snap := fresh(b, emulated.Options{MaxRecordSets: 20_000})
	var want []zone.RRset
	for i := range 10_000 {
		want = append(want, rr(b, fmt.Sprintf("host-%d", i), 300, zone.TypeA, fmt.Sprintf("10.0.%d.%d", i/256, i%256)))
	}
	receipt, err := p.Write(b.Context(), snap, toward(snap, want...))
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("10,000 creates: %d calls in %v", receipt.Calls, receipt.Took)
	before, _ := r.counts()
	mustRead(b, p)
	after, _ := r.counts()
	b.Logf("read of 10,002 record sets: %d calls", after-before)
	replayed := &replay{seen: map[string][]byte{}}
	p = r.open(b, nil, r.by(replayed.answer))
	b.ReportAllocs()
	for b.Loop() {
		snap, err := p.Read(b.Context(), provider.ZoneRef{Origin: example})
		if err != nil {
			b.Fatal(err)
		}
		if snap.Sets.Len() != 10_001 {
			b.Fatalf("%d RRsets", snap.Sets.Len())
		}
	}
}
