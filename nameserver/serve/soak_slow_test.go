//go:build soak && linux

package serve_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSlowConnections measures what thousands of connections cost a server that never end what they
// began to say: as many as it takes (5000 in all), from 60 clients. What the kernel keeps for them is
// not in the figure.
func TestSlowConnections(t *testing.T) {
	for _, c := range []struct {
		name  string
		conns int
		to    int // of hardenedServer.addrs
		say   []byte
		most  int // MB
	}{
		{"one octet over TCP", 4900, 0, []byte{0}, 80},
		{"60,000 octets of 65,535 over TCP", 4900, 0, append([]byte{0xFF, 0xFF}, make([]byte, 60000)...), 450},
		{"a handshake over TLS, and one octet", 2000, 1, []byte{0}, 200},
	} {
		s := startHardened(t, "", "")
		before := resident(t, s)
		conns := make([]net.Conn, c.conns)
		var dialing sync.WaitGroup
		began := time.Now()
		for part := range 60 {
			dialing.Go(func() {
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 9, 9, byte(part+1))}, Timeout: 10 * time.Second}
				for i := part; i < len(conns); i += 60 {
					conn, err := d.DialContext(t.Context(), "tcp", s.addrs[c.to])
					if err != nil {
						t.Error(err)
						return
					}
					if c.to == 1 {
						conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // it is ours
					}
					_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
					if _, err := conn.Write(c.say); err != nil {
						t.Error(err)
					}
					conns[i] = conn
				}
			})
		}
		dialing.Wait()
		took := time.Since(began)
		most := 0
		for range 10 { // they are read while we look
			most = max(most, resident(t, s))
			time.Sleep(50 * time.Millisecond)
		}
		// Who asks properly still gets an answer: over UDP, and over TCP in a place that is left.
		for i, ask1 := range []net.Conn{dial(t, "udp", s.addrs[0]), dial(t, "tcp", s.addrs[0])} {
			if rcode, _, err := ask(ask1, i > 0, "www.a.example."); err != nil || rcode != 0 {
				t.Errorf("%s: RCODE %d, %v", c.name, rcode, err)
			}
		}
		t.Logf("%d connections with %s (opened in %v): %d MB before, %d MB with them, %.1f kB for each",
			c.conns, c.name, took.Round(time.Millisecond), before/1000, most/1000, float64(most-before)/float64(c.conns))
		if (most-before)/1000 > c.most {
			t.Errorf("%s: %d MB more, want at most %d", c.name, (most-before)/1000, c.most)
		}
		for _, conn := range conns {
			if conn != nil {
				_ = conn.Close()
			}
		}
		s.use(t)
	}
}

// resident is the memory of a process, in kB.
func resident(t *testing.T, s *hardenedServer) (kB int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(bytes.TrimSpace(b))) {
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kB); err == nil {
			return kB
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
