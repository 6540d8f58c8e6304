package local

import (
	"runtime"
	"syscall"
)

// attributes make the kernel end the server when the sandbox dies without ending it, and keep the
// terminal's Ctrl-C from reaching it: the sandbox ends its servers itself.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// start starts the process. Its death signal comes when the thread that started it ends, so that
// thread stays with it.
func (p *process) start() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // it ends by our signal; its log tells if not
			close(p.ended)
		}
	}()
	return <-started
}
