package serve

import (
	"syscall"
	"unsafe"
)

// monotonic is CLOCK_MONOTONIC in microseconds.
func monotonic() int64 {
	var t syscall.Timespec
	const clockMonotonic = 1
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return 0
	}
	return t.Nano() / 1000
}
