//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package atomicfile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// LockName is the usual name of the file that writers of a folder lock.
const LockName = ".zonecast.lock"

// Lock takes the lock of a file, which is made where it is not there, and waits for it until ctx
// ends. The lock ends with unlock or with the process, so a crash leaves none.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return take(ctx, f, syscall.LOCK_EX)
}

// RLock waits until no writer holds the lock of a file and keeps writers out until unlock. Where
// the file is not there, or is not to be read, nobody has to be waited for.
func RLock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	return take(ctx, f, syscall.LOCK_SH)
}

func take(ctx context.Context, f *os.File, how int) (func(), error) {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, err
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			_ = f.Close()
			return nil, ctx.Err()
		}
	}
}

// adopt gives a file to the owner of another, where that is allowed. A name server that reads its
// files as their group goes on doing so.
func adopt(f *os.File, old fs.FileInfo) error {
	if old == nil {
		return nil
	}
	if st, ok := old.Sys().(*syscall.Stat_t); ok && (int(st.Uid) != os.Getuid() || int(st.Gid) != os.Getgid()) {
		_ = f.Chown(int(st.Uid), int(st.Gid)) // only root may: others leave a file of their own
		return f.Chmod(old.Mode().Perm())     // giving a file away can take bits off its mode
	}
	return nil
}
