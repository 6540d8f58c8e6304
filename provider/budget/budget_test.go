package budget_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
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
		if s := exceeded(deSEC, at); s != "" {
			t.Error(s)
		}
		if took := at[len(at)-1].Sub(at[0]); took > 25*time.Hour {
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

// exceeded tells of the first window that the times of calls exceed: at is when the service saw them.
func exceeded(limits budget.Limits, at []time.Time) string {
	at = slices.SortedFunc(slices.Values(at), time.Time.Compare)
	for _, w := range limits.Windows {
		first := 0
		for i, x := range at {
			for x.Sub(at[first]) >= w.Per {
				first++
			}
			if n := i - first + 1; n > w.Calls {
				return fmt.Sprintf("%d calls within %v from %v on; at most %d are allowed", n, w.Per, at[first], w.Calls)
			}
		}
	}
	return ""
}

// A run of two days at deSEC's four windows: background work that never ends, people's work at
// times, and an urgent call every hour. The service sees each call at some time while it is under
// way, and calls take from nothing to two seconds.
func TestSharesOfFourWindows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := budget.New(deSEC)
		var mu sync.Mutex
		var seen []time.Time
		classes := map[budget.Class]int{}
		random := rand.New(rand.NewPCG(1, 2))
		call := func(ctx context.Context, class budget.Class) bool {
			done, err := a.Acquire(budget.As(ctx, class))
			if err != nil {
				return false
			}
			mu.Lock()
			before, after := time.Duration(random.Int64N(1e9)), time.Duration(random.Int64N(1e9))
			mu.Unlock()
			time.Sleep(before)
			mu.Lock()
			seen = append(seen, time.Now())
			classes[class]++
			mu.Unlock()
			time.Sleep(after)
			done()
			return true
		}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for call(ctx, budget.Background) {
				}
			})
		}
		for range 5 { // an apply of 20 changes every four hours
			wg.Go(func() {
				for ctx.Err() == nil {
					time.Sleep(4 * time.Hour)
					for range 4 {
						call(ctx, budget.Normal)
					}
				}
			})
		}
		var longest time.Duration
		for range 48 {
			time.Sleep(time.Hour)
			began := time.Now()
			call(t.Context(), budget.Urgent)
			longest = max(longest, time.Since(began))
		}
		stop()
		wg.Wait()
		if s := exceeded(deSEC, seen); s != "" {
			t.Error(s)
		}
		// 15 a minute is the shortest window that background work can fill up: its calls end within seconds.
		if longest > 5*time.Second {
			t.Errorf("an urgent call took %v beside background work; want no waiting for longer windows", longest)
		}
		if classes[budget.Urgent] != 48 || classes[budget.Background] < 300 {
			t.Errorf("calls by class: %v; want 48 urgent ones and at least 300 in the background in two days", classes)
		}
	})
}

func TestUrgentGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := budget.New(budget.Limits{Windows: []budget.Window{{Calls: 1, Per: time.Minute}}})
		acquire(t, t.Context(), a)
		var mu sync.Mutex
		var order []budget.Class
		var wg sync.WaitGroup
		for _, class := range []budget.Class{budget.Background, budget.Normal, budget.Normal, budget.Urgent} {
			wg.Go(func() {
				done, err := a.Acquire(budget.As(t.Context(), class))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, class)
				mu.Unlock()
				done()
			})
			synctest.Wait()
		}
		wg.Wait()
		if want := []budget.Class{budget.Urgent, budget.Normal, budget.Normal, budget.Background}; !slices.Equal(order, want) {
			t.Errorf("served in the order %v, want %v", order, want)
		}
	})
}

// People's work leaves half of the reserve of a day to what is urgent.
func TestNormalLeavesRoomForUrgent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := budget.New(budget.Limits{Windows: []budget.Window{{Calls: 300, Per: 24 * time.Hour}}})
		for _, c := range []struct {
			class budget.Class
			calls int // until none is left for the class
		}{{budget.Background, 240}, {budget.Normal, 30}, {budget.Urgent, 30}} {
			ctx, cancel := context.WithTimeout(budget.As(t.Context(), c.class), time.Hour)
			defer cancel()
			n := 0
			var err error
			for ; n < 1000; n++ {
				var done func()
				if done, err = a.Acquire(ctx); err != nil {
					break
				}
				done()
			}
			spent, ok := errors.AsType[*budget.Spent](err)
			if n != c.calls || !ok || spent.Wait != 24*time.Hour || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("class %d made %d calls until %v; want %d until the budget is spent for a day", c.class, n, err, c.calls)
			}
		}
		if got := a.State().Used; !slices.Equal(got, []int{300}) {
			t.Errorf("used %v, want all 300", got)
		}
	})
}

func TestRefusalsSlowDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := budget.New(budget.Limits{Windows: []budget.Window{{Calls: 8, Per: time.Second}}})
		for range 8 {
			acquire(t, t.Context(), a)
		}
		for range 4 { // slowed down to a sixteenth: one call in two seconds
			time.Sleep(time.Second)
			a.Refused(0)
		}
		var at []time.Duration
		began := time.Now()
		for range 6 {
			acquire(t, t.Context(), a)
			at = append(at, time.Since(began))
		}
		// The last of the eight was four seconds before.
		want := []time.Duration{0, 2 * time.Second, 4 * time.Second, 6 * time.Second, 8 * time.Second, 10 * time.Second}
		if !slices.Equal(at, want) {
			t.Errorf("at a sixteenth of 8/1s calls began at %v, want %v", at, want)
		}
		time.Sleep(10 * time.Minute)
		if got := a.State().Speed; got != 1 {
			t.Errorf("after ten quiet minutes without a call the speed is %v, want 1", got)
		}
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
			a.Refused(0) // at once: they count as one
		}
		if got := a.State(); got.Speed != 0.3125 || got.Refused != 11 {
			t.Errorf("after refusals of calls under way together: %+v, want half of the 0.625 that it had come back to", got)
		}
		for range 10 {
			time.Sleep(time.Second)
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
