package cloudflare_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/provider"
	sandbox "github.com/zonecast/zonecast/sandbox/cloudflare"
)

// recorded gives one answer for each request that it has seen before, so that a benchmark measures
// the adapter and not the emulation.
type recorded struct{ answers map[string]string }

func (c *recorded) RoundTrip(r *http.Request) (*http.Response, error) {
	key := r.Method + " " + r.URL.String()
	if body, ok := c.answers[key]; ok {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return answered(r, http.StatusOK, body), nil
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	c.answers[key] = string(body)
	return answered(r, resp.StatusCode, string(body)), nil
}

// replayed is a site whose reads come from memory.
func replayed(b *testing.B, text string) *site {
	b.Helper()
	w := newWorld(b, sandbox.Options{Records: 200_000})
	s := newSite(b, w, sandbox.Enterprise, nil)
	s.become(text)
	s.p = w.open(b, func(c *provider.Config) {
		c.HTTP = func() http.RoundTripper { return &recorded{map[string]string{}} }
	})
	s.read() // everything is remembered from here on
	return s
}

func BenchmarkRead10000Records(b *testing.B) {
	s := replayed(b, addresses(10000, 1))
	b.ReportAllocs()
	for b.Loop() {
		s.read()
	}
}

// Updates of a zone: the reading of the zone before the write, the batches and their answers.
func BenchmarkWrite2000Updates(b *testing.B) {
	s := replayed(b, addresses(2000, 1))
	base := s.read()
	changes := s.plan(base, addresses(2000, 2))
	write := func() {
		r, err := s.p.Write(b.Context(), base, changes)
		if err != nil || r.Count(provider.Done) != 2000 {
			b.Fatalf("%v", err)
		}
	}
	write()
	b.ReportAllocs()
	for b.Loop() {
		write()
	}
}

func BenchmarkFit(b *testing.B) {
	w := newWorld(b, sandbox.Options{})
	s := newSite(b, w, sandbox.Enterprise, nil)
	origin := s.ref.Origin
	info := s.read().Info
	z := lines(b, origin, strings.ReplaceAll(addresses(1, 1), "\n", "")+` <<{"cloudflare":{"proxied":true,"comment":"x"}}`)
	b.ReportAllocs()
	for b.Loop() {
		for set := range z.All() {
			s.p.(provider.Fitter).Fit(info, set, nil)
		}
	}
}
