//go:build amd64 || arm64

package socket

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
)

// From linux/in.h, linux/in6.h and linux/socket.h; package syscall lacks them.
const (
	soReusePort      = 15
	ipPMTUDiscOmit   = 5
	ipv6MTUDiscover  = 23
	ipv6PMTUDiscOmit = 5
	ipv6RecvPktinfo  = 49
	msgWaitForOne    = 0x10000
)

// canShare says that several threads may each have a socket at one address.
const canShare = true

var listenPacket = listenBatched

// openPacket opens and binds a UDP socket.
func openPacket(addr netip.AddrPort, o *Options, share bool) (int, error) {
	family := syscall.AF_INET
	if addr.Addr().Unmap().Is6() {
		family = syscall.AF_INET6
	}
	fd, err := syscall.Socket(family, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("listen on %s over UDP: %w", addr, os.NewSyscallError("socket", err))
	}
	if err := setUp(fd, addr, o, share); err != nil {
		_ = syscall.Close(fd)
		return -1, fmt.Errorf("listen on %s over UDP: %w", addr, err)
	}
	return fd, nil
}

func setUp(fd int, addr netip.AddrPort, o *Options, share bool) error {
	type option struct{ level, name, value int }
	// Answers are small enough for every path, so that path MTUs, which anyone may claim, need not
	// be believed: smaller fragments help to slip forged ones in.
	options := []option{{syscall.IPPROTO_IP, syscall.IP_MTU_DISCOVER, ipPMTUDiscOmit}}
	v6 := addr.Addr().Unmap().Is6()
	if v6 {
		options = []option{{syscall.IPPROTO_IPV6, ipv6MTUDiscover, ipv6PMTUDiscOmit}, {syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 1}}
	}
	if addr.Addr().IsUnspecified() {
		if v6 {
			options = append(options, option{syscall.IPPROTO_IPV6, ipv6RecvPktinfo, 1})
		} else {
			options = append(options, option{syscall.IPPROTO_IP, syscall.IP_PKTINFO, 1})
		}
	}
	if share {
		options = append(options, option{syscall.SOL_SOCKET, soReusePort, 1})
	}
	for _, opt := range options {
		if err := syscall.SetsockoptInt(fd, opt.level, opt.name, opt.value); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	// Who may exceed net.core.rmem_max does, the others get what is allowed.
	if syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, o.ReceiveBuffer) != nil {
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, o.ReceiveBuffer)
	}
	if err := syscall.Bind(fd, sockaddr(addr)); err != nil {
		return os.NewSyscallError("bind", err)
	}
	return nil
}

func sockaddr(addr netip.AddrPort) syscall.Sockaddr {
	a, port := addr.Addr().Unmap(), int(addr.Port())
	if a.Is4() {
		return &syscall.SockaddrInet4{Port: port, Addr: a.As4()}
	}
	return &syscall.SockaddrInet6{Port: port, Addr: a.As16(), ZoneId: zoneID(a.Zone())}
}

func localAddr(fd int) (netip.AddrPort, error) {
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), nil
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)), nil
	}
	return netip.AddrPort{}, fmt.Errorf("a socket of no IP address: %T", sa)
}

// unused tells whether nobody listens at an address. A socket that shares its port would not notice
// another one that does so too.
func unused(addr netip.AddrPort, o *Options) error {
	fd, err := openPacket(addr, o, false)
	if err == nil {
		_ = syscall.Close(fd)
	}
	return err
}

// zoneID is the number of the interface in an address like fe80::1%eth0.
func zoneID(name string) uint32 {
	if name == "" {
		return 0
	}
	if i, err := net.InterfaceByName(name); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(name, 10, 32)
	return uint32(n)
}

// streamControl readies a listening socket. One that is not shared refuses an address in use.
func streamControl(share bool) func(network, address string, c syscall.RawConn) error {
	if !share {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) {
			err = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soReusePort, 1))
		}); e != nil {
			return e
		}
		return err
	}
}
