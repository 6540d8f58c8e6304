package control

import (
	"net"
	"syscall"
)

// peer asks the system who is at the other end of a Unix socket.
func peer(c *net.UnixConn) credential {
	raw, err := c.SyscallConn()
	if err != nil {
		return credential{}
	}
	var out credential
	err = raw.Control(func(fd uintptr) {
		if u, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			out = credential{uid: u.Uid, gid: u.Gid, ok: true}
		}
	})
	if err != nil {
		return credential{}
	}
	return out
}
