package cloudflare

import (
	"context"
	"sync"
)

// turns are those of the writers of this process, by zone. Cloudflare has no compare-and-set; of
// two writers that queue up, the later one reads what the earlier one wrote.
var turns queue

// A queue lets one in at a time for each name.
type queue struct {
	mu      sync.Mutex
	waiting map[string]*turn
}

type turn struct {
	free chan struct{} // holds a token while nobody is in
	n    int           // who is in or waits
}

// take waits for one's turn, or gives the error of ctx. Whoever was let in calls leave.
func (q *queue) take(ctx context.Context, name string) (leave func(), err error) {
	q.mu.Lock()
	t := q.waiting[name]
	if t == nil {
		if q.waiting == nil {
			q.waiting = map[string]*turn{}
		}
		t = &turn{free: make(chan struct{}, 1)}
		t.free <- struct{}{}
		q.waiting[name] = t
	}
	t.n++
	q.mu.Unlock()
	gone := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if t.n--; t.n == 0 {
			delete(q.waiting, name)
		}
	}
	select {
	case <-ctx.Done():
		gone()
		return nil, ctx.Err()
	case <-t.free:
		return func() { t.free <- struct{}{}; gone() }, nil
	}
}
