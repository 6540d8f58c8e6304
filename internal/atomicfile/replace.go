package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Replace puts data in the place of a file at once, and makes that last. A file that did not exist
// gets mode 0644.
func Replace(path string, data []byte) error {
	dir, err := Swap(path, data)
	if err != nil {
		return err
	}
	return SyncDir(dir)
}

// Swap is Replace without making the new name last: who replaces many files of a folder calls
// SyncDir once, at the end, for each folder that Swap returns.
func Swap(path string, data []byte) (dir string, err error) {
	// A link stays one: what it points to is replaced.
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	mode := fs.FileMode(0o644)
	old, err := os.Stat(path)
	if err == nil {
		mode = old.Mode().Perm()
	}
	dir = filepath.Dir(path)
	// One name for all tries: what a crash left behind is overwritten, not collected.
	temp := filepath.Join(dir, tempName(filepath.Base(path)))
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return dir, err
	}
	err = errors.Join(f.Chmod(mode), adopt(f, old))
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		// The kernel stamps files with a clock that lags by some milliseconds. BIND does not load a file
		// that seems older than its last look at it.
		now := time.Now()
		err = os.Chtimes(temp, now, now)
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
	}
	return dir, err
}

// tempName is hidden, and no longer than file systems allow (255 octets).
func tempName(base string) string {
	const suffix = ".zonecast-new"
	return "." + base[:min(len(base), 254-len(suffix))] + suffix
}

// SyncDir makes what was renamed and removed in a folder last.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
