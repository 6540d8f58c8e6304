package secondary

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// A queue has each of many tasks stepped when it is due, a bounded number of them at a time, and of
// those that ask the same server fewer still, so that a server that is slow holds up no others.
type queue struct {
	atOnce, perServer int

	mu      sync.Mutex
	tasks   tasks
	waiting map[string][]*task // due, but their server has enough to do
	busy    map[string]int     // by server
	running int
	wake    chan struct{}
}

// A task is one zone in a queue.
type task struct {
	server string
	// step does what is due, and returns when it is to be called next; never is the end.
	step func(ctx context.Context) time.Time

	due     time.Time
	at      int  // in the heap; -1: it is not there
	running bool // or waiting
	again   bool // woken while it ran
	ended   bool
}

// never is when nothing is to be done any more.
var never = time.Time{}

func (q *queue) init() {
	if q.wake == nil {
		q.wake = make(chan struct{}, 1)
		q.waiting, q.busy = map[string][]*task{}, map[string]int{}
	}
}

// bound says how many tasks are stepped at once; before, none are.
func (q *queue) bound(atOnce, perServer int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.atOnce, q.perServer = atOnce, perServer
}

// add puts a task in.
func (q *queue) add(t *task, due time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.init()
	t.due = due
	heap.Push(&q.tasks, t)
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// hurry has a task stepped now, or again when it is running.
func (q *queue) hurry(t *task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.init()
	switch {
	case t.ended:
	case t.running:
		t.again = true
	case t.at >= 0:
		t.due = time.Now()
		heap.Fix(&q.tasks, t.at)
		q.signal()
	}
}

// remove takes a task out. One that is running is not stepped again.
func (q *queue) remove(t *task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !t.ended && !t.running && t.at >= 0 {
		heap.Remove(&q.tasks, t.at)
	}
	t.ended = true
}

// run steps tasks until ctx ends, and returns when none is running any more.
func (q *queue) run(ctx context.Context) {
	q.mu.Lock()
	q.init()
	q.mu.Unlock()
	var running sync.WaitGroup
	defer running.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-q.wake:
		}
		for {
			t, wait := q.next(time.Now())
			if t == nil {
				timer.Reset(wait)
				break
			}
			running.Go(func() {
				next := t.step(ctx)
				q.done(t, next)
			})
		}
	}
}

// next takes a task out that is due, or tells how long to wait for one.
func (q *queue) next(now time.Time) (t *task, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.running < q.atOnce && len(q.tasks) > 0 {
		t := q.tasks[0]
		if wait := t.due.Sub(now); wait > 0 {
			return nil, wait
		}
		heap.Pop(&q.tasks)
		t.running = true
		if q.busy[t.server] >= q.perServer {
			q.waiting[t.server] = append(q.waiting[t.server], t)
			continue
		}
		q.busy[t.server]++
		q.running++
		return t, 0
	}
	return nil, time.Hour // until somebody wakes
}

// done puts a task back, and one that waits for the same server to the front.
func (q *queue) done(t *task, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	if q.busy[t.server]--; q.busy[t.server] == 0 {
		delete(q.busy, t.server)
	}
	q.release(t.server)
	t.running = false
	if next.IsZero() {
		t.ended = true
	}
	if !t.ended {
		if t.again {
			next = time.Now()
		}
		t.again, t.due = false, next
		heap.Push(&q.tasks, t)
	}
	q.signal()
}

// release lets the next task go that waits for a server.
func (q *queue) release(server string) {
	for list := q.waiting[server]; len(list) > 0; {
		t := list[0]
		list = list[1:]
		if q.waiting[server] = list; len(list) == 0 {
			delete(q.waiting, server)
		}
		t.running = false
		if t.ended {
			continue
		}
		heap.Push(&q.tasks, t) // its due time has passed, so that it comes before others
		return
	}
}

// tasks are a heap by due time.
type tasks []*task

func (h tasks) Len() int           { return len(h) }
func (h tasks) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h tasks) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push is for container/heap.
func (h *tasks) Push(x any) {
	t := x.(*task)
	t.at = len(*h)
	*h = append(*h, t)
}

// Pop is for container/heap.
func (h *tasks) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.at = -1
	return t
}
