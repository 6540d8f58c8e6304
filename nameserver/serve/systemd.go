package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/nameserver/socket"
)

// firstInherited is SD_LISTEN_FDS_START of sd_listen_fds(3).
const firstInherited = 3

// Inherited returns the sockets that systemd has handed over (sd_listen_fds(3)), and takes the
// variables that say so out of the environment. Names that begin with "dot" or "doh"
// (FileDescriptorName=) make a socket one for TLS or HTTPS, "doh-plain" one for HTTP without TLS.
func Inherited() ([]socket.Inherited, error) {
	pid, count, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	if pid != strconv.Itoa(os.Getpid()) || count == "" {
		return nil, nil
	}
	for _, v := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(v)
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 1000 {
		return nil, fmt.Errorf("LISTEN_FDS=%q is no number of sockets", count)
	}
	list := strings.Split(names, ":")
	var out []socket.Inherited
	for i := range n {
		name := ""
		if i < len(list) {
			name = list[i]
		}
		out = append(out, socket.Inherited{
			Service: serviceOf(name),
			File:    os.NewFile(uintptr(firstInherited+i), fmt.Sprintf("socket %d (%q) of systemd", firstInherited+i, name)),
		})
	}
	return out, nil
}

func serviceOf(name string) socket.Service {
	switch {
	case strings.HasPrefix(name, "doh-plain"):
		return socket.DoHPlain
	case strings.HasPrefix(name, "doh"):
		return socket.DoH
	case strings.HasPrefix(name, "dot"):
		return socket.DoT
	}
	return socket.DNS
}

// Tell sends the state of the service to systemd (sd_notify(3)): lines such as "READY=1". Without
// systemd it does nothing.
func Tell(ctx context.Context, lines ...string) error {
	addr := os.Getenv("NOTIFY_SOCKET")
	if addr == "" {
		return nil
	}
	if strings.HasPrefix(addr, "@") {
		addr = "\x00" + addr[1:]
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unixgram", addr)
	if err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	_, err = c.Write([]byte(strings.Join(lines, "\n")))
	return errors.Join(err, c.Close())
}

// TellReloading says that a reload begins, at the time of the clock that systemd wants it to be told.
func TellReloading(ctx context.Context) error {
	return Tell(ctx, "RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(monotonic(), 10))
}
