//go:build !linux

package local

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }

func (p *process) start() error {
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = p.cmd.Wait() // it ends by our signal; its log tells if not
		close(p.ended)
	}()
	return nil
}
