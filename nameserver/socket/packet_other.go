//go:build !linux || (!amd64 && !arm64)

package socket

import (
	"net/netip"
	"syscall"
)

// canShare says that only one thread has a socket at an address.
const canShare = false

var listenPacket = listenPortable

// unused is not needed where no socket shares its port.
func unused(netip.AddrPort, *Options) error { return nil }

// streamControl readies a listening socket: nothing is to be done.
func streamControl(bool) func(network, address string, c syscall.RawConn) error { return nil }
