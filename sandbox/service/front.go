package service

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Refusals say in a service's own words what a knob makes it say.
type Refusals struct {
	// Throttled says that the call is one too many; wait is 0 when nothing is to be said of when
	// to come again.
	Throttled func(w http.ResponseWriter, r *http.Request, wait time.Duration)
	// Unavailable says that the service has trouble of its own.
	Unavailable func(w http.ResponseWriter, r *http.Request)
}

// maxBody is the most octets of a request that any service takes.
const maxBody = 64 << 20

// Front puts a panel before a service's API: the next handler sees only the calls that the knobs
// let through, each with its whole body read.
func Front(next http.Handler, p *Panel, say Refusals) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A caller that has its answer finds the call counted.
		count := sync.OnceFunc(func() { p.counted(r.Method + " " + pattern(r)) })
		defer count()
		w = &counting{w, count}
		k := p.Knobs()
		if !pause(r, time.Duration(k.Latency)+jitter(time.Duration(k.Jitter))) {
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, "request body: "+err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		switch {
		case k.Outage || k.Fail > 0 && rand.Float64() < k.Fail:
			say.Unavailable(w, r)
			return
		case p.throttled(time.Now()):
			say.Throttled(w, r, time.Duration(k.RetryAfter))
			return
		}
		if k.Lose > 0 && rand.Float64() < k.Lose {
			next.ServeHTTP(&void{header: http.Header{}}, r)
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

func pattern(r *http.Request) string {
	if r.Pattern == "" {
		return "refused"
	}
	// Patterns of a ServeMux may begin with the method.
	for i, c := range r.Pattern {
		if c == ' ' {
			return r.Pattern[i+1:]
		}
	}
	return r.Pattern
}

func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

// pause waits, and reports whether the caller is still there.
func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// A counting writer counts the call before anything of the answer goes out.
type counting struct {
	http.ResponseWriter
	count func()
}

func (c *counting) WriteHeader(status int) {
	c.count()
	c.ResponseWriter.WriteHeader(status)
}

func (c *counting) Write(b []byte) (int, error) {
	c.count()
	return c.ResponseWriter.Write(b)
}

// Unwrap gives http.ResponseController what it wants.
func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// A void takes an answer that nobody will see.
type void struct{ header http.Header }

func (v *void) Header() http.Header         { return v.header }
func (v *void) Write(b []byte) (int, error) { return len(b), nil }
func (v *void) WriteHeader(int)             {}
