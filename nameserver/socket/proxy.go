package socket

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"
)

// The PROXY protocol, version 2: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
const (
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n"
	proxyFixed     = 16   // octets before the addresses
	proxyMax       = 2048 // octets of addresses and TLVs that are taken: the standard needs 536, certificates' names may need more
)

var errProxy = errors.New("no valid header of PROXY protocol version 2")

// parseProxy reads the header at the front of b. It returns the client, which is invalid when the
// balancer speaks for itself (LOCAL, or an address that is not IP), and the header's length. A
// header that is not there whole is an error.
func parseProxy(b []byte) (client netip.AddrPort, n int, err error) {
	if len(b) < proxyFixed {
		return client, 0, errProxy
	}
	n, err = proxyLength(b)
	if err != nil || len(b) < n {
		return client, 0, errProxy
	}
	command, family, addrs := b[12]&0x0f, b[13]>>4, b[proxyFixed:n]
	switch {
	case command == 0: // LOCAL: a health check
		return client, n, nil
	case command != 1:
		return client, 0, errProxy
	case family == 1: // IPv4: source, destination, their ports
		if len(addrs) < 12 {
			return client, 0, errProxy
		}
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(addrs)), binary.BigEndian.Uint16(addrs[8:])), n, nil
	case family == 2: // IPv6
		if len(addrs) < 36 {
			return client, 0, errProxy
		}
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(addrs)).Unmap(), binary.BigEndian.Uint16(addrs[32:])), n, nil
	case family == 0, family == 3: // unspecified, Unix: the balancer's own address has to do
		return client, n, nil
	}
	return client, 0, errProxy
}

// proxyLength is the length of the whole header that begins with these 16 octets.
func proxyLength(b []byte) (int, error) {
	n := int(binary.BigEndian.Uint16(b[14:]))
	if string(b[:12]) != proxySignature || b[12]>>4 != 2 || n > proxyMax {
		return 0, errProxy
	}
	return proxyFixed + n, nil
}

// proxied reports whether what comes from an address must begin with a PROXY header.
func proxied(from []netip.Prefix, a netip.Addr) bool {
	return len(from) > 0 && slices.ContainsFunc(from, func(p netip.Prefix) bool { return p.Contains(a.Unmap().WithZone("")) })
}

// readProxy takes the header off a connection, not an octet more, and returns the client; the
// balancer itself when that is the client.
func readProxy(c net.Conn, limit time.Duration) (netip.AddrPort, error) {
	if err := c.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return netip.AddrPort{}, err
	}
	b := make([]byte, proxyFixed, proxyFixed+proxyMax)
	if _, err := io.ReadFull(c, b); err != nil {
		return netip.AddrPort{}, err
	}
	n, err := proxyLength(b)
	if err != nil {
		return netip.AddrPort{}, err
	}
	b = b[:n]
	if _, err := io.ReadFull(c, b[proxyFixed:]); err != nil {
		return netip.AddrPort{}, err
	}
	client, _, err := parseProxy(b)
	if err == nil && !client.IsValid() {
		client = addrPort(c.RemoteAddr())
	}
	return client, err
}
