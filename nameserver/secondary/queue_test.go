package secondary

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Tasks are stepped when they are due, so many at a time and so many at one server; what is woken
// while it runs runs again, and what is removed does not.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{atOnce: 6, perServer: 2}
		var mu sync.Mutex
		busy, most, runs := map[string]int{}, map[string]int{}, map[*task]int{}
		add := func(server string, n int) (list []*task) {
			for range n {
				x := &task{server: server, at: -1}
				x.step = func(context.Context) time.Time {
					mu.Lock()
					for _, k := range []string{server, ""} {
						busy[k]++
						most[k] = max(most[k], busy[k])
					}
					runs[x]++
					mu.Unlock()
					<-time.After(time.Second)
					mu.Lock()
					defer mu.Unlock()
					busy[server]--
					busy[""]--
					return time.Now().Add(time.Hour)
				}
				q.add(x, time.Now().Add(time.Minute))
				list = append(list, x)
			}
			return list
		}
		a := add("a", 10)
		add("b", 5)
		add("c", 1)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); q.run(ctx) }()
		count := func() (n int) {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range runs {
				n += r
			}
			return n
		}
		started := func(x *task) bool {
			mu.Lock()
			defer mu.Unlock()
			return runs[x] > 0
		}
		at := func(d time.Duration, want int) {
			t.Helper()
			<-time.After(d)
			synctest.Wait()
			if got := count(); got != want {
				t.Errorf("%d steps, want %d", got, want)
			}
		}
		at(59*time.Second, 0)
		at(1500*time.Millisecond, 5) // two of a, two of b, one of c
		idle := slices.IndexFunc(a, func(x *task) bool { return !started(x) })
		q.remove(a[idle]) // it waits
		a = slices.Delete(a, idle, idle+1)
		at(10*time.Second, 15)
		if most["a"] != 2 || most["b"] != 2 || most[""] > 6 {
			t.Errorf("at once: %v", most)
		}
		q.hurry(a[0])
		at(500*time.Millisecond, 16)
		q.hurry(a[0]) // it runs
		at(2*time.Second, 17)
		q.remove(a[1]) // it is in the heap
		q.hurry(a[1])
		at(2*time.Hour+time.Minute, 17+14*2)
		cancel()
		<-ended
	})
}
