package service

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"
)

// A Service is one emulated provider. It is safe for concurrent use.
type Service interface {
	http.Handler // its API
	Panel() *Panel
	Names() *Names
}

// Knobs are what one may turn on a running service. The zero value is a service in good order,
// fast, and without limits of calls.
type Knobs struct {
	Latency Duration `json:"latency"` // before each answer of the API
	Jitter  Duration `json:"jitter"`  // up to this much more
	// Limits switches the documented limits of calls on, each service's own.
	Limits bool `json:"limits"`
	// Throttle lets so many calls through in any second and refuses the others as the service
	// does, asking to wait for RetryAfter (0: without asking); 0 throttles nothing.
	Throttle   int      `json:"throttle"`
	RetryAfter Duration `json:"retryAfter"`
	// Fail is the share of calls, 0 to 1, that are refused with 503 and have no effect.
	Fail float64 `json:"fail"`
	// Lose is the share of calls, 0 to 1, that are carried out and whose answer never arrives.
	Lose   float64 `json:"lose"`
	Outage bool    `json:"outage"` // the API refuses everything with 503
	Dark   bool    `json:"dark"`   // the name servers answer nothing
	// Propagation is how long an accepted change takes to the name servers.
	Propagation Duration `json:"propagation"`
}

// Check says what is senseless about the knobs.
func (k Knobs) Check() error {
	for name, d := range map[string]Duration{"latency": k.Latency, "jitter": k.Jitter, "retryAfter": k.RetryAfter, "propagation": k.Propagation} {
		if d < 0 || time.Duration(d) > time.Hour {
			return fmt.Errorf("%s is %v; write a time from 0s to 1h", name, time.Duration(d))
		}
	}
	for name, share := range map[string]float64{"fail": k.Fail, "lose": k.Lose} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("%s is %v; write a share from 0 to 1", name, share)
		}
	}
	if k.Throttle < 0 {
		return fmt.Errorf("throttle is %d; write a number of calls a second, 0 for no limit", k.Throttle)
	}
	return nil
}

// A Duration is a time in JSON as people write it: "150ms".
type Duration time.Duration

// MarshalJSON writes "150ms".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads "150ms".
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("write a time such as \"150ms\", not %s", b)
	}
	t, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("write a time such as \"150ms\", not %q", s)
	}
	*d = Duration(t)
	return nil
}

// A Panel holds the knobs of one service and counts its calls. The zero value is ready.
type Panel struct {
	mu    sync.Mutex
	knobs Knobs
	calls map[string]int64
	took  []time.Time // calls of the last second, while throttled
}

// Knobs are as they stand now.
func (p *Panel) Knobs() Knobs {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.knobs
}

// Turn changes knobs.
func (p *Panel) Turn(f func(*Knobs)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.knobs)
}

// Calls counts the calls of the API so far by method and pattern of the path ("GET /zones/{id}");
// what no handler saw is "GET refused". An emulation without a ServeMux sets Request.Pattern itself.
func (p *Panel) Calls() map[string]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.calls)
}

// Total is the number of all calls so far.
func (p *Panel) Total() int64 {
	var n int64
	for _, c := range p.Calls() {
		n += c
	}
	return n
}

// Forget sets the counters back.
func (p *Panel) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = nil
}

func (p *Panel) counted(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls == nil {
		p.calls = map[string]int64{}
	}
	if len(p.calls) > 1000 { // methods of strangers
		what = "other"
	}
	p.calls[what]++
}

// throttled reports whether a call is one too many, and takes its place if not.
func (p *Panel) throttled(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.knobs.Throttle == 0 {
		p.took = nil
		return false
	}
	for len(p.took) > 0 && now.Sub(p.took[0]) >= time.Second {
		p.took = p.took[1:]
	}
	if len(p.took) >= p.knobs.Throttle {
		return true
	}
	p.took = append(p.took, now)
	return false
}
