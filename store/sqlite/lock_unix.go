//go:build unix

package sqlite

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/plan"
)

// Lock takes the target's lock; see apply.Locker. The lock is one of the operating system
// (flock) on a file of the target's own, which says who holds it; the system lets go of it when
// the process ends, however it ends.
func (s *Store) Lock(ctx context.Context, t plan.Target, holder string) (apply.Lease, error) {
	sum := sha256.Sum256([]byte(t.Provider + "\x00" + t.Zone.Key() + "\x00" + t.View))
	f, err := os.OpenFile(filepath.Join(s.dir, "locks", fmt.Sprintf("%x", sum[:12])), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return apply.Lease{}, err
	}
	waited := false
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return apply.Lease{}, fmt.Errorf("lock of %s: %w", t, err)
		}
		waited = true
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			_, who := readLock(f)
			f.Close()
			return apply.Lease{}, fmt.Errorf("%s is being written by %s; nothing was done here, run again when it has ended", t, who)
		}
	}
	fence, _ := readLock(f)
	fence++
	text := fmt.Sprintf("%d run %s, process %d, since %s", fence, holder, os.Getpid(), time.Now().UTC().Format(time.RFC3339))
	if err := rewrite(f, text); err != nil {
		f.Close()
		return apply.Lease{}, fmt.Errorf("lock of %s: %w", t, err)
	}
	return apply.Lease{Fence: fence, Waited: waited, Unlock: func() { f.Close() }}, nil
}

// alone waits until no other process is between alone and what it returns, for the same file.
func alone(ctx context.Context, file string) (done func(), err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", file, err)
		}
		timer := time.NewTimer(5 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			f.Close()
			return nil, ctx.Err()
		}
	}
}

func readLock(f *os.File) (fence uint64, who string) {
	b := make([]byte, 512)
	n, _ := f.ReadAt(b, 0)
	num, who, _ := strings.Cut(string(b[:n]), " ")
	fence, _ = strconv.ParseUint(num, 10, 64)
	if who == "" {
		who = "another run"
	}
	return fence, who
}

func rewrite(f *os.File, text string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(text), 0)
	return err
}
