//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package atomicfile

import (
	"context"
	"io/fs"
	"os"
	"sync"
)

// LockName is the usual name of the file that writers of a folder lock.
const LockName = ".zonecast.lock"

// locks of this process: elsewhere there are no locks that end with a process.
var locks sync.Map

// Lock takes the lock that has the name of a file, in this process alone, and waits for it until
// ctx ends.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	c, _ := locks.LoadOrStore(path, make(chan struct{}, 1))
	slot := c.(chan struct{})
	select {
	case slot <- struct{}{}:
		return func() { <-slot }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// RLock is Lock: readers wait for each other too.
func RLock(ctx context.Context, path string) (unlock func(), err error) { return Lock(ctx, path) }

func adopt(*os.File, fs.FileInfo) error { return nil }
