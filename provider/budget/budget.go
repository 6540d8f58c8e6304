package budget

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A Class says how much a call matters.
type Class uint8

// Classes of calls. The zero value is what people wait for.
const (
	Normal     Class = iota
	Background       // may wait: leaves the reserve alone
	Urgent           // takes what there is
)

type classKey struct{}

// As returns a context whose calls are of a class.
func As(ctx context.Context, c Class) context.Context { return context.WithValue(ctx, classKey{}, c) }

func classOf(ctx context.Context) Class {
	c, _ := ctx.Value(classKey{}).(Class)
	return c
}

// An Account is the budget of one account. It is safe for concurrent use.
type Account struct {
	limits Limits
	slots  chan struct{} // nil: no limit
	rest   chan struct{} // what background work may hold of slots

	mu      sync.Mutex
	windows []*window
	paused  time.Time // no call before
	factor  float64   // of the rates; below 1 after refusals
	changed time.Time // when factor changed last
	calls   int64
	refused int64
}

// A window is a token bucket that never lets more than Calls through in any span of Per: what it
// may give at once is taken off what flows in.
type window struct {
	Window
	all, background *rate.Limiter
	share           float64
}

// How a budget slows down after a refusal and recovers.
const (
	slowest  = 1.0 / 16
	recovers = 30 * time.Second // without a refusal: one step
	step     = 1.25
)

// New returns the budget of an account that nothing was taken from.
func New(l Limits) *Account {
	if l.Reserve <= 0 || l.Reserve >= 1 {
		l.Reserve = 0.2
	}
	a := &Account{limits: l, factor: 1}
	if l.InFlight > 0 {
		a.slots = make(chan struct{}, l.InFlight)
		a.rest = make(chan struct{}, max(1, l.InFlight-1))
	}
	for _, w := range l.Windows {
		if w.Calls < 1 || w.Per <= 0 {
			continue
		}
		burst := max(1, w.Calls/10)
		x := &window{Window: w, share: 1 - l.Reserve}
		x.all = rate.NewLimiter(x.limit(1), burst)
		x.background = rate.NewLimiter(x.limit(1)*rate.Limit(x.share), burst)
		a.windows = append(a.windows, x)
	}
	return a
}

// limit is the inflow in calls a second.
func (w *window) limit(factor float64) rate.Limit {
	flow := w.Calls - max(1, w.Calls/10)
	return rate.Limit(factor * float64(max(1, flow)) / w.Per.Seconds())
}

// Acquire waits until a call may be made, or gives the error of ctx. The caller calls done when
// the call is over.
func (a *Account) Acquire(ctx context.Context) (done func(), err error) {
	class := classOf(ctx)
	release, err := a.enter(ctx, class)
	if err != nil {
		return nil, err
	}
	if err := a.flow(ctx, class); err != nil {
		release()
		return nil, err
	}
	a.mu.Lock()
	a.calls++
	a.mu.Unlock()
	return release, nil
}

// enter takes a place in flight.
func (a *Account) enter(ctx context.Context, class Class) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if a.slots == nil {
		return func() {}, nil
	}
	held := []chan struct{}{a.slots}
	if class == Background {
		held = []chan struct{}{a.rest, a.slots}
	}
	for i, c := range held {
		select {
		case c <- struct{}{}:
		case <-ctx.Done():
			for _, c := range held[:i] {
				<-c
			}
			return nil, ctx.Err()
		}
	}
	return sync.OnceFunc(func() {
		for _, c := range held {
			<-c
		}
	}), nil
}

// flow waits for every window and for pauses.
func (a *Account) flow(ctx context.Context, class Class) error {
	for _, w := range a.windows {
		// Background work queues where nobody else does.
		if class == Background {
			if err := w.background.Wait(ctx); err != nil {
				return reason(ctx, err)
			}
		}
	}
	for _, w := range a.windows {
		if err := w.all.Wait(ctx); err != nil {
			return reason(ctx, err)
		}
	}
	for {
		a.mu.Lock()
		left := time.Until(a.paused)
		a.mu.Unlock()
		if left <= 0 {
			return ctx.Err()
		}
		t := time.NewTimer(left)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

// reason says why waiting ended: x/time/rate refuses at once when the deadline is too near.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: the account's budget is used up until after the deadline (%w)", context.DeadlineExceeded, err)
}

// Pause lets no call begin for d. A longer pause that was asked for before stays.
func (a *Account) Pause(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if until := time.Now().Add(d); until.After(a.paused) {
		a.paused = until
	}
}

// Refused tells that the service refused a call for being one too many. It asked to wait for
// retryAfter; 0 when it did not say. Rates are halved, down to a sixteenth.
func (a *Account) Refused(retryAfter time.Duration) {
	a.Pause(retryAfter)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused++
	a.scale(max(slowest, a.factor/2))
}

// Went tells that a call was taken. Rates recover in steps as long as no call is refused.
func (a *Account) Went() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.factor < 1 && time.Since(a.changed) >= recovers {
		a.scale(min(1, a.factor*step))
	}
}

// scale is called with mu held.
func (a *Account) scale(factor float64) {
	a.factor, a.changed = factor, time.Now()
	for _, w := range a.windows {
		w.all.SetLimit(w.limit(factor))
		w.background.SetLimit(w.limit(factor) * rate.Limit(w.share))
	}
}

// A State is what a budget looks like to people.
type State struct {
	Limits   Limits
	InFlight int           // calls under way
	Calls    int64         // let through so far
	Refused  int64         // by the service
	Speed    float64       // of the rates: 1 full, less after refusals
	Paused   time.Duration // still to wait; 0: no pause
}

// State returns the state of now.
func (a *Account) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return State{
		Limits: a.limits, InFlight: len(a.slots), Calls: a.calls, Refused: a.refused,
		Speed: a.factor, Paused: max(0, time.Until(a.paused)),
	}
}
