//go:build !linux

package testserver

import (
	"os"
	"syscall"
)

// lockFile locks nothing here: ports are only looked at, and a server that
// loses the race for one is started again on another.
func lockFile(string) (*os.File, bool, error) { return nil, true, nil }

func processAttributes() *syscall.SysProcAttr { return nil }

func kill(p *os.Process) { _ = p.Kill() }
