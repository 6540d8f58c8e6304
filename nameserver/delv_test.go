package nameserver_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver"
)

// serveUDP answers at a free port until the test ends.
func serveUDP(t *testing.T, e *nameserver.Engine) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := e.NewScratch()
		buf, out := make([]byte, 65535), make([]byte, 0, 4096)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if b := e.Answer(s, buf[:n], nameserver.Client{Addr: from, MaxUDP: 4096}, out); b != nil {
				_, _ = conn.WriteToUDPAddrPort(b, from)
			}
			s.Flush()
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// program finds a program that tests need; without it the test fails, or is skipped where that is
// wished (see internal/testserver).
func program(t *testing.T, name, deb string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("ZONECAST_SKIP_SERVERS") == "1" {
		t.Skipf("%s is not installed", name)
	}
	t.Fatalf("%s is not installed: apt-get install %s, or set ZONECAST_SKIP_SERVERS=1", name, deb)
	return ""
}

// judged are questions for validators, with what delv has to say.
var judged = []struct{ name, typ, want string }{
	{"signed.example.", "SOA", "; fully validated"},
	{"signed.example.", "DNSKEY", "; fully validated"},
	{"signed.example.", "MX", "; fully validated"},
	{"www.signed.example.", "A", "; fully validated"},
	{"www.signed.example.", "AAAA", "; negative response, fully validated"},
	{"signed.example.", "TXT", "; negative response, fully validated"},
	{"deep.signed.example.", "A", "; negative response, fully validated"},
	{"b.deep.signed.example.", "A", "; negative response, fully validated"},
	{"nothing.signed.example.", "A", "; negative response, fully validated"},
	{"a.b.c.nothing.signed.example.", "A", "; negative response, fully validated"},
	{"0.signed.example.", "A", "; negative response, fully validated"},
	{"zzzz.signed.example.", "A", "; negative response, fully validated"},
	{"x.a.b.deep.signed.example.", "A", "; negative response, fully validated"},
	{"q.wild.signed.example.", "TXT", "; fully validated"},
	{"q.r.wild.signed.example.", "TXT", "; fully validated"},
	{"q.wild.signed.example.", "A", "; negative response, fully validated"},
	{"*.wild.signed.example.", "TXT", "; fully validated"},
	{"q.x.wild.signed.example.", "TXT", "; negative response, fully validated"},
	{"q.aliased.signed.example.", "A", "; fully validated"},
	{"alias.signed.example.", "A", "; fully validated"},
	{"alias.signed.example.", "AAAA", "; fully validated"},
	{"gone.signed.example.", "A", "; fully validated"},
	{"towild.signed.example.", "TXT", "; fully validated"},
	{"host.old.signed.example.", "A", "; fully validated"},
	{"secure.signed.example.", "DS", "; fully validated"},
	{"insecure.signed.example.", "DS", "; negative response"},
	{"c.under.signed.example.", "DS", "; negative response"},
	{"under.signed.example.", "A", "; negative response"},
	{"e.under.signed.example.", "A", "; negative response"},
	{"f.e.under.signed.example.", "A", "; negative response"},
}

// TestDelvValidates lets BIND's validator judge answers and denials of all kinds.
func TestDelvValidates(t *testing.T) {
	t.Parallel()
	delv := program(t, "delv", "bind9-dnsutils")
	for _, way := range signedZones {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			e := signedEngine(t, way)
			e.Cookies = nameserver.NewCookies() // else delv comes by TCP for what a DNAME gave
			at := serveUDP(t, e)
			anchors := filepath.Join(t.TempDir(), "anchors")
			if err := os.WriteFile(anchors, []byte(anchorsOf(t, way)), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, c := range judged {
				want := c.want
				if way == "optout" && strings.HasPrefix(c.name, "q.") && c.typ == "TXT" && want == "; fully validated" {
					want = "; unsigned answer" // what stands between opted-out delegations is no proof (RFC 5155, section 9.2)
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience.Limit)
				out, err := exec.CommandContext(ctx, delv, "@127.0.0.1", "-p", fmt.Sprint(at.Port()), "-a", anchors, "+root=signed.example", c.name, c.typ).CombinedOutput()
				cancel()
				if err != nil || !strings.Contains(string(out), want) {
					t.Errorf("%s %s: %v; want %q in\n%s", c.name, c.typ, err, want, out)
				}
			}
		})
	}
}

// anchorsOf trusts the zone's key-signing key.
func anchorsOf(t *testing.T, way string) string {
	t.Helper()
	for line := range strings.Lines(signedText(t, way)) {
		if _, key, ok := strings.Cut(line, "DNSKEY\t257 3 13 "); ok {
			return "trust-anchors { " + strings.Fields(line)[0] + " static-key 257 3 13 \"" + strings.Join(strings.Fields(key), "") + "\"; };\n"
		}
	}
	t.Fatalf("%s.zone has no DNSKEY of flags 257", way)
	return ""
}
