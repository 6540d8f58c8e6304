package budget

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

// A Class says how much a call matters.
type Class uint8

// Classes of calls. The zero value is what people wait for.
const (
	Normal     Class = iota // leaves half of the reserve alone
	Background              // may wait: leaves the whole reserve alone, and one place in flight
	Urgent                  // takes what there is, before all others
)

// byRank lists the classes in the order in which they are served.
var byRank = [...]Class{Urgent, Normal, Background}

type classKey struct{}

// As returns a context whose calls are of a class.
func As(ctx context.Context, c Class) context.Context { return context.WithValue(ctx, classKey{}, c) }

func classOf(ctx context.Context) Class {
	c, _ := ctx.Value(classKey{}).(Class)
	return min(c, Urgent)
}

// An Account is the budget of one account. It is safe for concurrent use.
type Account struct {
	limits     Limits
	documented Limits

	mu       sync.Mutex
	windows  []*window
	waiting  [len(byRank)][]*waiter // by Class, the first to come in front
	flying   [len(byRank)]int       // calls under way, by Class
	paused   time.Time              // no call before
	factor   float64                // of the rates; below 1 after refusals
	slowed   time.Time              // when factor fell last
	changed  time.Time              // when factor changed last, or a call was refused
	calls    int64
	refused  int64
	alarm    *time.Timer // calls serve when something may have changed by itself
	alarming time.Time   // when it will; zero: it is not set
}

// A waiter is a call that wants to begin.
type waiter struct {
	begin chan struct{} // closed when it may
}

// How a budget slows down after refusals and recovers.
const (
	slowest  = 1.0 / 16
	burst    = time.Second      // refusals within it count as one: many calls at once are refused at once
	recovers = 30 * time.Second // without a refusal: one step
	step     = 1.25
)

// New returns the budget of an account that nothing was taken from.
func New(l Limits) *Account {
	if l.Reserve <= 0 || l.Reserve >= 1 {
		l.Reserve = 0.2
	}
	a := &Account{limits: l, documented: l, factor: 1}
	for _, w := range l.Windows {
		if w.Calls >= 1 && w.Per > 0 {
			a.windows = append(a.windows, &window{Window: w})
		}
	}
	return a
}

// A Spent is the error of a call that cannot begin before the deadline of its context.
// It is context.DeadlineExceeded too.
type Spent struct {
	Limits Limits
	Wait   time.Duration // until a call may begin, at least
	Paused bool          // because the service asked for it
}

// Error says how long to wait.
func (s *Spent) Error() string {
	if s.Paused {
		return fmt.Sprintf("the service asked to be left alone for %v more", round(s.Wait))
	}
	return fmt.Sprintf("the account's budget (%v) is used up for %v, which is after the deadline", s.Limits, round(s.Wait))
}

// Unwrap returns context.DeadlineExceeded.
func (*Spent) Unwrap() error { return context.DeadlineExceeded }

func round(d time.Duration) time.Duration {
	if d > time.Minute {
		return d.Round(time.Second)
	}
	return d.Round(time.Millisecond)
}

// Acquire waits until a call may be made, or gives the error of ctx, or a *Spent at once when its
// deadline is too near. The caller calls done when the call is over, whatever came of it.
//
// Calls of a class are served in the order in which they came; urgent ones before all others,
// background ones after all others.
func (a *Account) Acquire(ctx context.Context) (done func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	class := classOf(ctx)
	w := &waiter{begin: make(chan struct{})}
	a.mu.Lock()
	if deadline, ok := ctx.Deadline(); ok {
		now := time.Now() // at full speed: rates may recover meanwhile
		if at, known := a.earliest(class, 1, now); known && at.After(deadline) {
			a.mu.Unlock()
			return nil, &Spent{Limits: a.limits, Wait: at.Sub(now), Paused: a.paused.Equal(at)}
		}
	}
	a.waiting[class] = append(a.waiting[class], w)
	a.serve()
	a.mu.Unlock()

	done = sync.OnceFunc(func() { a.over(class) })
	select {
	case <-w.begin:
		return done, nil
	case <-ctx.Done():
	}
	a.mu.Lock()
	left := a.leave(class, w)
	a.mu.Unlock()
	if !left { // it was let through just now; the call is not made, and still counts
		done()
	}
	return nil, ctx.Err()
}

// leave takes a waiter out of its queue; false when it is no longer in it.
func (a *Account) leave(class Class, w *waiter) bool {
	for i, x := range a.waiting[class] {
		if x == w {
			a.waiting[class] = append(a.waiting[class][:i:i], a.waiting[class][i+1:]...)
			a.serve()
			return true
		}
	}
	return false
}

// over notes that a call has ended. From now on it counts in the windows: the service may have
// seen it at any time until now, so a window that begins with its end holds it for certain.
func (a *Account) over(class Class) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.flying[class]--
	now := time.Now()
	for _, w := range a.windows {
		w.add(now)
	}
	a.serve()
}

// serve lets begin what may, and sets the alarm for what may later. It is called with mu held.
func (a *Account) serve() {
	now := time.Now()
	a.recover(now)
	for _, class := range byRank {
		for len(a.waiting[class]) > 0 {
			at, known := a.earliest(class, a.factor, now)
			if !known { // a call that ends will call again, and so may a rate that recovers
				if a.factor < 1 {
					a.wake(now.Add(recovers), now)
				}
				return
			}
			if at.After(now) {
				a.wake(at, now)
				return
			}
			close(a.waiting[class][0].begin)
			a.waiting[class] = a.waiting[class][1:]
			a.flying[class]++
			a.calls++
		}
	}
}

// wake sets the alarm.
func (a *Account) wake(at, now time.Time) {
	if a.factor < 1 { // rates may recover before
		if step := a.changed.Add(recovers); step.Before(at) && step.After(now) {
			at = step
		}
	}
	if a.alarm != nil {
		if a.alarming.Equal(at) {
			return
		}
		a.alarm.Stop()
	}
	a.alarming = at
	a.alarm = time.AfterFunc(at.Sub(now), func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.alarm, a.alarming = nil, time.Time{}
		a.serve()
	})
}

// earliest is when a call of a class may begin, as far as is known now: not known when a call
// under way has to end first. It is called with mu held.
func (a *Account) earliest(class Class, speed float64, now time.Time) (at time.Time, known bool) {
	flying := 0
	for _, n := range a.flying {
		flying += n
	}
	if l := a.limits.InFlight; l > 0 {
		if flying >= l || class == Background && a.flying[Background] >= max(1, l-1) {
			return at, false
		}
	}
	at = now
	if a.paused.After(at) {
		at = a.paused
	}
	for _, w := range a.windows {
		from, known := w.earliest(a.share(w, class), speed, flying, now)
		if !known {
			return at, false
		}
		if from.After(at) {
			at = from
		}
	}
	return at, true
}

// share is how many calls of a window a class may use, all other classes counted with them.
func (a *Account) share(w *window, class Class) int {
	reserve := float64(w.Calls) * a.limits.Reserve
	switch class {
	case Urgent:
		return w.Calls
	case Normal:
		return max(1, w.Calls-int(reserve/2))
	default:
		return max(1, w.Calls-int(math.Ceil(reserve)))
	}
}

// Pause lets no call begin for d. A longer pause that was asked for before stays.
func (a *Account) Pause(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if until := time.Now().Add(d); d > 0 && until.After(a.paused) {
		a.paused = until
	}
}

// Refused tells that the service refused a call for being one too many. It asked to wait for
// retryAfter; 0 when it did not say. Rates are halved, down to a sixteenth; refusals of calls that
// were under way together count as one. Without further refusals the rates recover in steps, from
// a sixteenth to the whole within seven minutes.
func (a *Account) Refused(retryAfter time.Duration) {
	a.Pause(retryAfter)
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.refused++
	a.recover(now)
	if a.slowed.IsZero() || now.Sub(a.slowed) >= burst {
		a.factor, a.slowed = max(slowest, a.factor/2), now
	}
	a.changed = now
}

// Went tells that a call was taken, so that what recovered shows.
func (a *Account) Went() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.recover(time.Now())
}

// recover is called with mu held.
func (a *Account) recover(now time.Time) {
	for a.factor < 1 && now.Sub(a.changed) >= recovers {
		a.factor = min(1, a.factor*step)
		a.changed = a.changed.Add(recovers)
	}
}

// A State is what a budget looks like to people.
type State struct {
	Limits   Limits
	InFlight int           // calls under way
	Waiting  int           // calls that wait to begin
	Calls    int64         // let through so far
	Refused  int64         // by the service
	Speed    float64       // of the rates: 1 full, less after refusals
	Paused   time.Duration // still to wait; 0: no pause
	Used     []int         // of each of Limits.Windows: calls that count now
}

// State returns the state of now.
func (a *Account) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.recover(now)
	s := State{Limits: a.limits, Calls: a.calls, Refused: a.refused, Speed: a.factor, Paused: max(0, a.paused.Sub(now))}
	for class := range byRank {
		s.InFlight += a.flying[class]
		s.Waiting += len(a.waiting[class])
	}
	for _, w := range a.windows {
		w.forget(now)
		s.Used = append(s.Used, w.sum+s.InFlight)
	}
	return s
}

// Wait is how long a call of ctx's class would have to wait if it came now and nobody waited
// before it; 0 when it could begin, or when that depends on calls that are under way.
func (a *Account) Wait(ctx context.Context) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.recover(now)
	at, known := a.earliest(classOf(ctx), a.factor, now)
	if !known {
		return 0
	}
	return at.Sub(now)
}
