package serve

import (
	"io/fs"
	"syscall"
)

// inodeOf returns when a file's inode changed, in nanoseconds, and its number.
func inodeOf(info fs.FileInfo) (changed int64, inode uint64) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ctim.Nano(), s.Ino
	}
	return 0, 0
}
