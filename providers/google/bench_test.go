package google_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/provider"
	emulated "github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/zone"
)

// BenchmarkRead is the CPU of reading 10,000 sets, without the service's.
func BenchmarkRead(b *testing.B) {
	c := newCloud(b, emulated.Options{})
	base := c.fresh(b, "bench.example.")
	var pages []string
	sets := []map[string]any{
		{"name": "bench.example.", "type": "SOA", "ttl": 21600, "rrdatas": []string{"ns-cloud-a1.googledomains.com. cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"}},
		{"name": "bench.example.", "type": "NS", "ttl": 21600, "rrdatas": []string{"ns-cloud-a1.googledomains.com."}},
	}
	for i := len(sets); i < 10_000; i++ {
		sets = append(sets, map[string]any{"kind": "dns#resourceRecordSet", "name": fmt.Sprintf("host-%d.bench.example.", i), "type": "A", "ttl": 300, "rrdatas": []string{fmt.Sprintf("10.0.%d.%d", i>>8, i&255)}})
	}
	for i := 0; i < len(sets); i += 1000 {
		page := map[string]any{"kind": "dns#resourceRecordSetsListResponse", "rrsets": sets[i : i+1000]}
		if i+1000 < len(sets) {
			page["nextPageToken"] = fmt.Sprint(len(pages) + 1)
		}
		text, err := json.Marshal(page)
		if err != nil {
			b.Fatal(err)
		}
		pages = append(pages, string(text))
	}
	p := c.open(b, nil, func(conf *provider.Config) {
		conf.HTTP = func() http.RoundTripper {
			return trip(func(r *http.Request) (*http.Response, error) {
				if !strings.HasSuffix(r.URL.Path, "/rrsets") {
					return http.DefaultTransport.RoundTrip(r)
				}
				n := 0
				if token := r.URL.Query().Get("pageToken"); token != "" {
					n = int(token[0] - '0')
				}
				return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(pages[n])), Request: r}, nil
			})
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		snap, err := p.Read(b.Context(), provider.ZoneRef{Origin: zone.MustName("bench.example."), ID: base.Info.ID})
		if err != nil || snap.Sets.Len() != 10_000 {
			b.Fatalf("%v", err)
		}
	}
}
