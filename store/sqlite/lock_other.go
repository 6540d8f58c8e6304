//go:build !unix

package sqlite

import (
	"context"
	"fmt"
	"sync"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/plan"
)

// locks keeps runs of one process apart. Where the system has no flock, two processes are kept
// apart only by the providers' own compare-and-set.
var locks struct {
	sync.Mutex
	held  map[string]chan struct{}
	fence uint64
}

// Lock takes the target's lock; see apply.Locker.
func (s *Store) Lock(ctx context.Context, t plan.Target, _ string) (apply.Lease, error) {
	key, waited := s.dir+"\x00"+t.String(), false
	for {
		locks.Lock()
		busy, taken := locks.held[key]
		if !taken {
			if locks.held == nil {
				locks.held = map[string]chan struct{}{}
			}
			free := make(chan struct{})
			locks.held[key] = free
			locks.fence++
			fence := locks.fence
			locks.Unlock()
			return apply.Lease{Fence: fence, Waited: waited, Unlock: func() {
				locks.Lock()
				delete(locks.held, key)
				locks.Unlock()
				close(free)
			}}, nil
		}
		locks.Unlock()
		waited = true
		select {
		case <-busy:
		case <-ctx.Done():
			return apply.Lease{}, fmt.Errorf("%s is being written by another run; nothing was done here", t)
		}
	}
}

var settingUp sync.Mutex

// alone keeps runs of one process apart.
func alone(context.Context, string) (done func(), err error) {
	settingUp.Lock()
	return settingUp.Unlock, nil
}
