package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zonecast/zonecast/provider/httpkit"
)

// When a provider throttles, plan and apply say for whom they wait, until when and why; an interrupt
// ends the wait at once, and what was left untouched is told.
func TestThrottledRunsSayThatTheyWaitAndEndAtOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range cloudKinds {
		for _, command := range []string{"plan", "apply", "apply --json"} {
			t.Run(kind+" "+command, func(t *testing.T) {
				t.Parallel()
				c := newCloud(t, kind)
				ctx, interrupt := context.WithCancel(t.Context())
				defer interrupt()
				var refused atomic.Int32
				c.say(func(w http.ResponseWriter, r *http.Request) bool {
					if signsIn(r) || command != "plan" && r.Method == http.MethodGet {
						return false
					}
					refused.Add(1)
					w.Header().Set("Retry-After", "55")
					echo(w, kind, http.StatusTooManyRequests)
					return true
				})
				args := append(strings.Fields(command), "-c", c.dir)
				if args[0] == "apply" {
					args = append(args, "--yes", "--no-verify")
				}
				var out, errs watched
				errs.see, errs.f = "waiting until ", interrupt
				began := time.Now()
				code := run(ctx, "zonecast", args, strings.NewReader(""), &out, &errs)
				text := errs.String()
				if took := time.Since(began); took > 50*time.Second {
					t.Errorf("ended after %v, want at once after the interrupt", took)
				}
				if code != exitError || refused.Load() == 0 || !strings.Contains(text, "cloud: waiting until ") || !strings.Contains(text, "the service asks to wait 55s") {
					t.Errorf("exit %d after %d refusals: %s", code, refused.Load(), text)
				}
				switch want := "0 of 1 changes done: stopped by request"; {
				case command == "plan" && !strings.Contains(text, "nothing was written"):
					t.Errorf("the interrupted plan says %q, want that nothing was written", text)
				case command == "apply --json":
					var wait *httpkit.Wait
					for line := range strings.Lines(out.String()) {
						var l applyLine
						if err := json.Unmarshal([]byte(line), &l); err != nil {
							t.Errorf("line %q: %v", line, err)
						}
						if l.Type == "wait" {
							wait = l.Wait
						}
					}
					if wait == nil || wait.Account != "cloud" || time.Until(wait.Until) > time.Minute {
						t.Errorf("JSON tells of wait %+v in %s", wait, out.String())
					}
				case command == "apply" && !strings.Contains(out.String(), want) && !strings.Contains(out.String(), "create zone"):
					t.Errorf("the report is %q, want %q", out.String(), want)
				}
			})
		}
	}
}

// A watched buffer calls f when it has seen a text.
type watched struct {
	mu  sync.Mutex
	b   bytes.Buffer
	see string
	f   func()
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.b.Write(b)
	if w.f != nil && strings.Contains(w.b.String(), w.see) {
		w.f()
	}
	return n, err
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// Of the waits of one account, which mostly are for the same, one is told.
func TestWaitsAreToldOnce(t *testing.T) {
	t.Parallel()
	var got []string
	w := waitTeller{show: func(x httpkit.Wait) { got = append(got, x.Account+" "+x.Why) }}
	now := time.Now()
	for _, x := range []httpkit.Wait{
		{Account: "a", Until: now.Add(time.Minute), Why: "1"},
		{Account: "a", Until: now.Add(time.Minute + time.Second), Why: "2"},
		{Account: "b", Until: now.Add(time.Minute), Why: "3"},
		{Account: "a", Until: now.Add(2 * time.Minute), Why: "4"},
		{Account: "b", Until: now.Add(5 * time.Second), Why: "5"},
		{Account: "c", Why: "6"}, // in line
		{Account: "c", Why: "7"},
		{Account: "c", Until: now.Add(time.Minute), Why: "8"},
	} {
		w.tell(x)
	}
	if text := strings.Join(got, ", "); text != "a 1, b 3, a 4, c 6, c 8" {
		t.Errorf("told %s", text)
	}
}
