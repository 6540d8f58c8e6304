//go:build unix

package zonefile

import (
	"os/exec"
	"syscall"
)

// alone puts a command into a process group of its own: an interrupt at the terminal is meant for
// zonecast, which lets writes in flight finish, the reload among them.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
