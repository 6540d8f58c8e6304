package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// A waitTeller tells a person what a run is waiting for when a call to a provider pauses for long. Of the
// calls of one account, which mostly wait for the same, one is told.
type waitTeller struct {
	mu   sync.Mutex
	told map[string]toldWait // by account
	show func(httpkit.Wait)
}

// A toldWait is the last wait of an account that was told.
type toldWait struct{ at, until time.Time }

// Within toldFor of one wait, another is told only when it is to last longer by moreWait.
const (
	toldFor  = 30 * time.Second
	moreWait = 10 * time.Second
)

// tell is called from many goroutines.
func (w *waitTeller) tell(x httpkit.Wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if last, ok := w.told[x.Account]; ok && now.Before(last.at.Add(toldFor)) && !x.Until.After(last.until.Add(moreWait)) {
		return
	}
	if w.told == nil {
		w.told = map[string]toldWait{}
	}
	until := x.Until
	if until.IsZero() {
		until = now
	}
	w.told[x.Account] = toldWait{now, until}
	w.show(x)
}

// instead shows waits by f until the returned function is called.
func (w *waitTeller) instead(f func(httpkit.Wait)) (back func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.show
	w.show = f
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.show = was
	}
}

// watch makes long waits for providers known: a line on standard error, unless a view shows them in
// another way.
func (a *app) watch(ctx context.Context) context.Context {
	a.waits.show = a.sayWait
	return httpkit.Watching(ctx, a.waits.tell)
}

func (a *app) sayWait(x httpkit.Wait) {
	a.say("%s  %s", time.Now().Local().Format("15:04:05"), waitText(x))
}

// waitText says for whom a run waits, until when, and why.
func waitText(x httpkit.Wait) string {
	what := x.Op
	if x.Zone != "" {
		what += " " + x.Zone
	}
	if what != "" {
		what = " to " + what
	}
	when := ""
	if !x.Until.IsZero() {
		when = fmt.Sprintf(" until %s (%s)", x.Until.Local().Format("15:04:05"), duration(max(0, time.Until(x.Until)).Round(time.Second)))
	}
	return term.Clean(fmt.Sprintf("%s: waiting%s%s: %s", x.Account, when, what, x.Why))
}
