package httpkit

import (
	"context"
	"fmt"
	"time"

	"github.com/zonecast/zonecast/provider/budget"
)

// LongWait is how long a pause has to be for a Watching context to be told of it.
const LongWait = 3 * time.Second

// A Wait is a long pause before a call: the service asked for it, or the account's limits do.
type Wait struct {
	Account string    `json:"provider,omitempty"` // id in the configuration
	Op      string    `json:"op,omitempty"`
	Zone    string    `json:"zone,omitempty"`
	Until   time.Time `json:"until,omitzero"` // at the earliest; zero: in a queue, nobody knows
	Why     string    `json:"why"`
}

// A watcher is told of waits, and ends them.
type watcher struct {
	tell func(Wait)
	stop context.Context //nolint:containedctx // it outlives the contexts that are derived without its end
}

type watcherKey struct{}

// Watching returns a context whose calls tell of their long waits, as they begin, and whose long waits
// end when ctx does: also those of calls that go on for a while after it, as writes in flight do
// (context.WithoutCancel). tell is called from several goroutines.
func Watching(ctx context.Context, tell func(Wait)) context.Context {
	return context.WithValue(ctx, watcherKey{}, &watcher{tell, ctx})
}

func watcherOf(ctx context.Context) *watcher {
	w, _ := ctx.Value(watcherKey{}).(*watcher)
	return w
}

// Pause waits for d, or until ctx ends or whoever watches long waits wants no more of them. w says for
// whom and why; Until is filled in.
func Pause(ctx context.Context, d time.Duration, w Wait) error {
	var stop <-chan struct{}
	if v := watcherOf(ctx); v != nil && d >= LongWait {
		if err := v.stop.Err(); err != nil {
			return err
		}
		w.Until = time.Now().Add(d)
		v.tell(w)
		stop = v.stop.Done()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-stop:
		return context.Canceled
	}
}

// Acquire takes a call's share of a budget as budget.Account.Acquire does. A long wait is told, and
// ended, as those of Pause.
func Acquire(ctx context.Context, b *budget.Account, w Wait) (done func(), err error) {
	v := watcherOf(ctx)
	if v == nil {
		return b.Acquire(ctx)
	}
	tell := func() {
		s, w := b.State(), w
		w.Why = fmt.Sprintf("the account's limits (%v) are used up", s.Limits)
		if s.Paused > 0 {
			w.Why = "the service asked to be left alone"
		}
		if wait := b.Wait(ctx); wait >= LongWait {
			w.Until = time.Now().Add(wait)
		} else {
			w.Why = fmt.Sprintf("in line with %d other calls, as the account's limits are (%v)", max(1, s.Waiting+s.InFlight-1), s.Limits)
		}
		v.tell(w)
	}
	if b.Wait(ctx) >= LongWait {
		tell()
	} else {
		later := time.AfterFunc(LongWait, tell) // calls that are under way, or waited before
		defer later.Stop()
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(v.stop, func() { //nolint:contextcheck // the run's, which may end before ctx
		if b.Wait(ctx) >= LongWait {
			cancel()
		}
	})()
	return b.Acquire(waiting)
}
