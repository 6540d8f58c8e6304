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
	told map[string]time.Time // by account: until when
	show func(httpkit.Wait)
}

// moreWait is by how much a wait has to last longer than the one that was told to be told too.
const moreWait = 10 * time.Second

// tell is called from many goroutines.
func (w *waitTeller) tell(x httpkit.Wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last, ok := w.told[x.Account]; ok && time.Now().Before(last) && x.Until.Before(last.Add(moreWait)) {
		return
	}
	if w.told == nil {
		w.told = map[string]time.Time{}
	}
	w.told[x.Account] = x.Until
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
	return term.Clean(fmt.Sprintf("%s: waiting until %s (%s)%s: %s", x.Account, x.Until.Local().Format("15:04:05"), duration(max(0, time.Until(x.Until)).Round(time.Second)), what, x.Why))
}
