package httpkit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// A log keeps waits.
type waitLog struct {
	mu   sync.Mutex
	list []httpkit.Wait
}

func (l *waitLog) tell(w httpkit.Wait) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, w)
}

func (l *waitLog) all() []httpkit.Wait {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

// Long waits are told as they begin: for whom, until when and why. Short ones are not.
func TestLongWaitsAreTold(t *testing.T) {
	t.Parallel()
	windows := []budget.Window{{Calls: 1, Per: 40 * time.Second}}
	for name, x := range map[string]struct {
		script script
		limits budget.Limits
		calls  int
		want   []string // seconds from the start, and a part of why
	}{
		"short":           {script{says(429, "", "Retry-After", "2"), says(200, "{}")}, budget.Limits{}, 1, nil},
		"throttled":       {script{says(429, "", "Retry-After", "50"), says(200, "{}")}, budget.Limits{}, 1, []string{"50s the service asks to wait 50s"}},
		"out of order":    {script{says(503, "", "Retry-After", "20"), says(200, "{}")}, budget.Limits{}, 1, []string{"20s temporary trouble, and the service asks to wait 20s"}},
		"limits are used": {script{says(200, "{}"), says(200, "{}")}, budget.Limits{Windows: windows}, 2, []string{"40s the account's limits (1/40s) are used up"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var l waitLog
				ctx, began := httpkit.Watching(t.Context(), l.tell), time.Now()
				c := &httpkit.Client{Account: "cf", Base: "https://dns.example", HTTP: &player{script: x.script}, Budget: budget.New(x.limits)}
				for range x.calls {
					if _, err := c.Do(ctx, httpkit.Request{Op: "read", Zone: "example.org.", Path: "/"}, &struct{}{}); err != nil {
						t.Fatal(err)
					}
				}
				got := l.all()
				if len(got) != len(x.want) {
					t.Fatalf("told of %v, want %v", got, x.want)
				}
				for i, w := range got {
					text := w.Until.Sub(began).String() + " " + w.Why
					after, why, _ := strings.Cut(x.want[i], " ")
					if !strings.HasPrefix(text, after+" ") || !strings.Contains(text, why) || w.Account != "cf" || w.Zone != "example.org." || w.Op != "read" {
						t.Errorf("told of %+v (%s), want %s", w, text, x.want[i])
					}
				}
			})
		})
	}
}

// The end of a run ends long waits at once, also of calls that may go on for a while after it.
func TestTheEndOfARunEndsLongWaits(t *testing.T) {
	t.Parallel()
	spent := budget.Limits{Windows: []budget.Window{{Calls: 1, Per: time.Hour}}}
	for name, x := range map[string]struct {
		script script
		limits budget.Limits
		calls  int
		kind   provider.ErrKind
	}{
		"throttled":        {script{says(429, "", "Retry-After", "50")}, budget.Limits{}, 1, provider.Throttled},
		"limits used up":   {script{says(200, "{}")}, spent, 2, provider.Transient},
		"paused by others": {script{says(429, "", "Retry-After", "50")}, budget.Limits{InFlight: 4}, 2, provider.Throttled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				run, interrupt := context.WithCancel(t.Context())
				ctx := context.WithoutCancel(httpkit.Watching(run, func(httpkit.Wait) {}))
				c := &httpkit.Client{Base: "https://dns.example", HTTP: &player{script: x.script}, Budget: budget.New(x.limits)}
				errs := make([]error, x.calls)
				began := time.Now()
				var wg sync.WaitGroup
				for i := range errs {
					wg.Go(func() {
						_, errs[i] = c.Do(ctx, httpkit.Request{Op: "write", Method: "POST", Path: "/"}, nil)
					})
					synctest.Wait()
				}
				time.Sleep(time.Second)
				interrupt()
				wg.Wait()
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("the calls ended after %v, want at once after the second that they had", took)
				}
				err := errors.Join(errs...)
				if provider.KindOf(err) != x.kind {
					t.Errorf("error %v, want one of kind %v", err, x.kind)
				}
				for _, err := range errs {
					if err != nil && httpkit.Outcome(err) != provider.NotDone {
						t.Errorf("outcome of %v is %v, want not done", err, httpkit.Outcome(err))
					}
				}
			})
		})
	}
}

// A wait in a queue whose length nobody knows is told once it is long.
func TestAWaitBehindOthersIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l waitLog
		ctx := httpkit.Watching(t.Context(), l.tell)
		b := budget.New(budget.Limits{InFlight: 1})
		first, err := httpkit.Acquire(ctx, b, httpkit.Wait{Account: "cf"})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(10*time.Second, first)
		second, err := httpkit.Acquire(ctx, b, httpkit.Wait{Account: "cf"})
		if err != nil {
			t.Fatal(err)
		}
		second()
		if got := l.all(); len(got) != 1 || got[0].Account != "cf" || !got[0].Until.IsZero() || !strings.Contains(got[0].Why, "in line with 1 other calls") {
			t.Errorf("told of %+v, want one wait in line for cf", got)
		}
	})
}
