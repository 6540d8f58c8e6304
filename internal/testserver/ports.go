package testserver

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Ports are taken from below the range that systems give to outgoing
// connections (32768 and up on Linux, 49152 and up elsewhere), so that no
// connection of another test can sit on a port between our look and the
// server's bind.
const (
	firstPort = 20000
	lastPort  = 31999
)

// A port is free for UDP and TCP on 127.0.0.1 and reserved for this process.
type port struct {
	number int
	lock   *os.File // nil where the system has no file locks
}

// Port reserves a port that nobody has, over UDP or TCP on the loopback interface,
// until the test ends: for servers that cannot be told to choose one, and for
// tests of what happens at a port. No other test gets it, and no connection.
func Port(t testing.TB) uint16 {
	t.Helper()
	p, err := reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.release)
	return uint16(p.number)
}

func (p port) String() string { return strconv.Itoa(p.number) }

// addr is the port's address on the loopback interface.
func (p port) addr() string { return net.JoinHostPort("127.0.0.1", p.String()) }

// release gives the port back. A process that dies releases its ports too.
func (p port) release() {
	if p.lock != nil {
		_ = p.lock.Close()
	}
}

// reserve finds a free port. Packages are tested side by side in several
// processes, and BIND and Knot bind UDP with SO_REUSEPORT: two servers can hold
// one port without any error, each getting half of the queries. So looking is
// not enough, and each port in use is locked by a file that all processes of
// this user know.
func reserve() (port, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("zonecast-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return port{}, err
	}
	for range 200 {
		p := port{number: firstPort + rand.IntN(lastPort-firstPort+1)}
		lock, ok, err := lockFile(filepath.Join(dir, p.String()))
		if err != nil {
			return port{}, err
		}
		if !ok {
			continue
		}
		p.lock = lock
		if p.free() {
			return p, nil
		}
		p.release()
	}
	return port{}, fmt.Errorf("no free port between %d and %d in 200 tries", firstPort, lastPort)
}

func (p port) free() bool {
	u, err := net.ListenPacket("udp4", p.addr())
	if err != nil {
		return false
	}
	defer func() { _ = u.Close() }()
	l, err := net.Listen("tcp4", p.addr())
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}
