package route53_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/zonecast/zonecast/provider"
	emulated "github.com/zonecast/zonecast/sandbox/route53"
	"github.com/zonecast/zonecast/zone"
)

// A replay answers a call with what the service answered the first time, so that a benchmark
// measures the adapter and not the emulation.
type replay struct {
	next http.RoundTripper
	seen map[string][]byte
}

func (r *replay) RoundTrip(req *http.Request) (*http.Response, error) {
	key := req.Method + " " + req.URL.String()
	body, ok := r.seen[key]
	if !ok {
		resp, err := r.next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		body, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}
		r.seen[key] = body
	}
	return &http.Response{
		StatusCode: 200, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"text/xml"}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}, nil
}

// BenchmarkRead reads a zone of 10,000 record sets.
func BenchmarkRead(b *testing.B) {
	c := newCloud(b, emulated.Options{Sets: 20_000})
	origin := zone.MustName("example.org.")
	p := c.open(b, nil)
	snap, err := p.CreateZone(b.Context(), origin)
	if err != nil {
		b.Fatal(err)
	}
	for i := range 10 {
		sets := make([]types.ResourceRecordSet, 1000)
		for j := range sets {
			sets[j] = plain(fmt.Sprintf("host-%d-%d.example.org.", i, j), types.RRTypeA, 300, fmt.Sprintf("10.0.%d.%d", i, j%256))
		}
		c.change(b, snap.Info.ID, types.ChangeActionCreate, sets...)
	}
	r := &replay{next: http.DefaultTransport, seen: map[string][]byte{}}
	p = c.open(b, nil, func(conf *provider.Config) { conf.HTTP = func() http.RoundTripper { return r } })
	b.ReportAllocs()
	for b.Loop() {
		snap, err := p.Read(b.Context(), provider.ZoneRef{Origin: origin})
		if err != nil {
			b.Fatal(err)
		}
		if snap.Sets.Len() != 10_002 {
			b.Fatalf("%d RRsets", snap.Sets.Len())
		}
	}
}
