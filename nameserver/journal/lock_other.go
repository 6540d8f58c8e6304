//go:build !unix

package journal

import (
	"path/filepath"
	"sync"
)

var locks struct {
	sync.Mutex
	held map[string]bool
}

// lock keeps two users of one file apart within this process. Where the system has no flock, other
// processes are kept away by nothing.
func lock(path string) (unlock func(), err error) {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	locks.Lock()
	defer locks.Unlock()
	if locks.held[path] {
		return nil, &inUseError{path, "this process"}
	}
	if locks.held == nil {
		locks.held = map[string]bool{}
	}
	locks.held[path] = true
	return func() {
		locks.Lock()
		defer locks.Unlock()
		delete(locks.held, path)
	}, nil
}
