package budget_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/provider/budget"
)

// deSEC's limits of writes, from its documentation.
var deSEC = budget.Limits{Windows: []budget.Window{
	{Calls: 2, Per: time.Second}, {Calls: 15, Per: time.Minute}, {Calls: 100, Per: time.Hour}, {Calls: 300, Per: 24 * time.Hour},
}}

func acquire(t *testing.T, ctx context.Context, a *budget.Account) {
	t.Helper()
	done, err := a.Acquire(ctx)
	if err != nil {
		t.Fatalf("acquire: %v", err)
	}
	done()
}

func TestNoWindowIsEverExceeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := budget.New(deSEC)
		var at []time.Time
		for range 320 {
			acquire(t, t.Context(), a)
			at = append(at, time.Now())
		}
		for _, w := range deSEC.Windows {
			for i := range at {
				n := 0
				for _, x := range at[i:] {
					if x.Sub(at[i]) < w.Per {
						n++
					}
				}
				if n > w.Calls {
					t.Fatalf("%d calls within %v of call %d; at most %d are allowed", n, w.Per, i, w.Calls)
				}
			}
		}
		if took := at[len(at)-1].Sub(at[0]); took > 30*time.Hour {
			t.Errorf("320 calls took %v: the budget is far from used", took)
		}
	})
}

func TestBackgroundLeavesRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := budget.New(budget.Limits{Windows: []budget.Window{{Calls: 10, Per: time.Second}}, InFlight: 4})
		ctx, stop := context.WithCancel(budget.As(t.Context(), budget.Background))
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				for {
					done, err := a.Acquire(ctx)
					if err != nil {
						return
					}
					done()
				}
			})
		}
		time.Sleep(time.Minute) // of the bubble: background work has used up what it may
		began := time.Now()
		for range 10 {
			acquire(t, budget.As(t.Context(), budget.Urgent), a)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("10 urgent calls beside background work took %v", took)
		}
		stop()
		wg.Wait()
	})
}

func TestInFlightIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := budget.New(budget.Limits{InFlight: 2})
		first, err := a.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		acquired := func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			done, err := a.Acquire(ctx)
			if err == nil {
				done()
			}
			return err
		}
		second, err := a.Acquire(budget.As(t.Context(), budget.Background))
		if err != nil {
			t.Fatal(err)
		}
		if err := acquired(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("third of two calls: error %v, want the deadline", err)
		}
		first()
		first() // a second done has no effect
		if err := acquired(budget.As(t.Context(), budget.Background)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("background took the last place: error %v", err)
		}
		if err := acquired(t.Context()); err != nil {
			t.Errorf("a free place was not given: %v", err)
		}
		second()
		if got := a.State(); got.InFlight != 0 || got.Calls != 3 {
			t.Errorf("state %+v, want none in flight and 3 calls", got)
		}
	})
}

func TestPauseAndRecovery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := budget.New(budget.Limits{Windows: []budget.Window{{Calls: 100, Per: time.Second}}})
		a.Refused(30 * time.Second)
		a.Pause(time.Second) // shorter: the longer one stays
		if got := a.State(); got.Speed != 0.5 || got.Paused != 30*time.Second || got.Refused != 1 {
			t.Errorf("after a refusal: %+v", got)
		}
		began := time.Now()
		acquire(t, t.Context(), a)
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("waited %v, want the 30s that the service asked for", took)
		}
		for range 10 {
			a.Refused(0)
		}
		if got := a.State().Speed; got != 1.0/16 {
			t.Errorf("after many refusals the speed is %v, want 1/16", got)
		}
		for range 100 {
			time.Sleep(time.Minute)
			a.Went()
		}
		if got := a.State().Speed; got != 1 {
			t.Errorf("after a long time without refusal the speed is %v, want 1", got)
		}
	})
}

func TestCancelledAcquireGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := budget.New(budget.Limits{Windows: []budget.Window{{Calls: 1, Per: time.Hour}}, InFlight: 1})
		acquire(t, t.Context(), a)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := a.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the deadline", err)
		}
		if got := a.State().InFlight; got != 0 {
			t.Errorf("%d places are still taken", got)
		}
	})
}

func TestLimitsRead(t *testing.T) {
	t.Parallel()
	for want, l := range map[string]budget.Limits{
		"off":                                    {},
		"2/1s, 15/1m":                            {Windows: deSEC.Windows[:2]},
		"4 at once":                              {InFlight: 4},
		"2/1s, 15/1m, 100/1h, 300/1d; 4 at once": {Windows: deSEC.Windows, InFlight: 4},
	} {
		if got := l.String(); got != want {
			t.Errorf("%+v reads %q, want %q", l, got, want)
		}
	}
}
