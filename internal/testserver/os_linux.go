package testserver

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes the lock of a file, creating it if need be. It reports false
// when another holder has it. The lock ends with the file or the process.
func lockFile(name string) (*os.File, bool, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, true, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, false, nil
	}
	return nil, false, err
}

// processAttributes make a server die with the thread that started it, so that
// a test binary that panics or is killed leaves no server behind. The server
// leads a process group, because NSD consists of several processes.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// kill ends a server and all its processes at once.
func kill(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
