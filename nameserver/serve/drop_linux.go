package serve

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"syscall"
	"unsafe"
)

// From linux/prctl.h and linux/capability.h.
const (
	prSetNoNewPrivs   = 38
	prCapAmbient      = 47
	prCapAmbientClear = 4
	capVersion3       = 0x20080522
)

// DropTo gives up all rights of the process that it does not need once its addresses are bound: it
// becomes the named user, "" stays who it is, loses every capability, and neither it nor a child can
// get one again. A build with cgo cannot do that for threads that Go does not know: there the change of
// the user takes the capabilities away, and without one they stay. Releases are built without cgo.
func DropTo(name string) error {
	if name != "" {
		if err := become(name); err != nil {
			return err
		}
	}
	drop := func(what string, errno syscall.Errno) error {
		// A build with cgo has threads that the runtime does not know; old kernels know less.
		if errno == 0 || errno == syscall.ENOTSUP || errno == syscall.EINVAL {
			return nil
		}
		return fmt.Errorf("give up %s: %w", what, errno)
	}
	_, _, ambient := syscall.AllThreadsSyscall6(syscall.SYS_PRCTL, prCapAmbient, prCapAmbientClear, 0, 0, 0, 0)
	_, _, more := syscall.AllThreadsSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0)
	h := struct {
		version uint32
		pid     int32
	}{version: capVersion3}
	var none [6]uint32 // effective, permitted, inheritable; twice 32 bits each
	_, _, caps := syscall.AllThreadsSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&h)), uintptr(unsafe.Pointer(&none)), 0)
	return errors.Join(drop("ambient capabilities", ambient), drop("the way to new privileges", more), drop("capabilities", caps))
}

// become changes the user for all threads.
func become(name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		what string
		err  func() error
	}{
		{"groups", func() error { return syscall.Setgroups([]int{gid}) }},
		{"group", func() error { return syscall.Setgid(gid) }},
		{"user", func() error { return syscall.Setuid(uid) }},
	} {
		if err := step.err(); err != nil {
			return fmt.Errorf("become user %s: set %s: %w", name, step.what, err)
		}
	}
	return nil
}
