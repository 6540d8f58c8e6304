//go:build !unix

package zonefile

import "os/exec"

// alone has nothing to do where terminals do not signal groups of processes.
func alone(*exec.Cmd) {}
