package httpkit_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// The error of a call that was one too many says how long the service asked to wait, and what was
// done about it.
func TestThrottledErrorsSayWhatWasDone(t *testing.T) {
	t.Parallel()
	many := func(header ...string) script {
		var s script
		for range 9 {
			s = append(s, says(429, `{"error":"too many"}`, header...))
		}
		return s
	}
	for name, x := range map[string]struct {
		script script
		limit  time.Duration // of the context; 0: none
		want   []string
	}{
		"longer than is waited for": {
			many("Retry-After", "3600"), 0,
			[]string{"read example.org.: throttled: 429: too many (asked once; the service asks to wait 1h0m0s, and zonecast waits 1m0s at most); run the command again in 1h0m0s"},
		},
		"again and again": {many("Retry-After", "7"), 0, []string{"(asked 4 times in 21s; the service asks to wait 7s); run the command again in 7s"}},
		"without a word":  {many(), 0, []string{"(asked 4 times in ", "; the service does not say how long to wait); run the command again later"}},
		"out of time":     {many("Retry-After", "20"), 30 * time.Second, []string{"(asked 2 times in 20s; the service asks to wait 20s)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if x.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, x.limit)
					defer cancel()
				}
				c := &httpkit.Client{Base: "https://dns.example", HTTP: &player{script: x.script}}
				_, err := c.Do(ctx, httpkit.Request{Op: "read", Zone: "example.org.", Path: "/"}, &struct{}{})
				if provider.KindOf(err) != provider.Throttled {
					t.Fatalf("error %v, want one of kind throttled", err)
				}
				for _, want := range x.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error %q, want %q in it", err, want)
					}
				}
			})
		})
	}
}
