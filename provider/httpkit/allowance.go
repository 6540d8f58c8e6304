package httpkit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
)

// An allowance is the time that one try of a Retry may take. It does not run while a Gate below
// waits for the account's budget: who waits in line has not been let down by the service.
type allowance struct {
	timeout  time.Duration
	maxPause time.Duration
	timer    *time.Timer
}

type allowanceKey struct{}

func withAllowance(ctx context.Context, timeout, maxPause time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	a := &allowance{timeout: timeout, maxPause: maxPause, timer: time.AfterFunc(timeout, func() { cancel(context.DeadlineExceeded) })}
	return context.WithValue(ctx, allowanceKey{}, a), func() {
		a.timer.Stop()
		cancel(nil)
	}
}

// acquire takes a call's share of a budget (nil: none). A pause that the service asked for and that
// is longer than maxPause is not waited for: the answer is that of the call that was told.
func acquire(ctx context.Context, b *budget.Account, w Wait, maxPause time.Duration, tracef func(string, ...any)) (done func(), err error) {
	if b == nil {
		return func() {}, nil
	}
	if a, ok := ctx.Value(allowanceKey{}).(*allowance); ok {
		maxPause = a.maxPause
		if a.timer.Stop() {
			defer a.timer.Reset(a.timeout)
		}
	}
	if maxPause == 0 {
		maxPause = time.Minute
	}
	if s := b.State(); s.Paused > maxPause {
		return nil, &budget.Spent{Limits: s.Limits, Wait: s.Paused, Paused: true}
	}
	if wait := b.Wait(ctx); wait >= time.Second {
		tracef("waiting %v or more for the account's budget (%v)", wait.Round(time.Second), b.State().Limits)
	}
	return Acquire(ctx, b, w)
}

// spent is the failure of a call that its account's budget does not allow in time; nil when err
// says something else.
func spent(err error) *provider.Error {
	s, ok := errors.AsType[*budget.Spent](err)
	if !ok {
		return nil
	}
	return &provider.Error{
		Kind: provider.Throttled, RetryAfter: s.Wait, Err: err,
		Advice: fmt.Sprintf("run the command again in %v; what the account may do is shown by `zonecast providers show`", s.Wait.Round(time.Second)),
	}
}
