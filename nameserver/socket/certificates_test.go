package socket

import (
	"crypto/tls"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/patience"
)

// names returns the names of the certificate that a server shows.
func names(t *testing.T, addr netip.AddrPort, ask, protocol string) []string {
	t.Helper()
	c := tls.Client(dial(t, "tcp", addr), &tls.Config{InsecureSkipVerify: true, ServerName: ask, NextProtos: []string{protocol}})
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.ConnectionState().NegotiatedProtocol; got != protocol {
		t.Errorf("protocol %q, want %q", got, protocol)
	}
	return c.ConnectionState().PeerCertificates[0].DNSNames
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, _ := certificate(t, dir, "ns1.example.org", "*.dns.example.org")
	two, _ := certificate(t, dir, "ns2.example.org")
	certs := load(t, one, two)
	s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DoT, DoH), Certificates: certs})
	dot, doh := s.Endpoints()[0].Addr, s.Endpoints()[1].Addr
	for ask, want := range map[string]string{
		"":                  "ns1.example.org",
		"ns1.example.org":   "ns1.example.org",
		"ns2.example.org":   "ns2.example.org",
		"x.dns.example.org": "ns1.example.org",
		"elsewhere.example": "ns1.example.org",
	} {
		if got := names(t, dot, ask, "dot"); got[0] != want {
			t.Errorf("DoT, asked for %q: certificate for %q, want %q", ask, got, want)
		}
		if got := names(t, doh, ask, "h2"); got[0] != want {
			t.Errorf("DoH, asked for %q: certificate for %q, want %q", ask, got, want)
		}
	}

	if changed, err := certs.Reload(); changed || err != nil {
		t.Errorf("nothing has changed: %v, %v", changed, err)
	}
	// A renewal that is half done leaves the old certificate in force.
	fresh, _ := certificate(t, t.TempDir(), "ns3.example.org")
	move := func(from, to string) {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		write(t, to, b)
	}
	move(fresh.Chain, two.Chain)
	if changed, err := certs.Reload(); changed || err == nil || !strings.Contains(err.Error(), two.Chain) {
		t.Errorf("a certificate without its key: %v, %v, want an error about %s", changed, err, two.Chain)
	}
	if got := names(t, dot, "ns2.example.org", "dot"); got[0] != "ns2.example.org" {
		t.Errorf("certificate for %q, want the old one", got)
	}
	before := tls.Client(dial(t, "tcp", dot), &tls.Config{InsecureSkipVerify: true})
	send(t, before, framed(query(t, 1, "example.org.")))
	move(fresh.Key, two.Key)
	if changed, err := certs.Reload(); !changed || err != nil {
		t.Errorf("a renewed certificate: %v, %v", changed, err)
	}
	if got := names(t, dot, "ns3.example.org", "dot"); got[0] != "ns3.example.org" {
		t.Errorf("certificate for %q, want the new one", got)
	}
	// Connections that are there go on.
	readFramed(t, before)
	send(t, before, framed(query(t, 2, "example.org.")))
	readFramed(t, before)
}

func TestCertificatesThatAreNone(t *testing.T) {
	t.Parallel()
	if _, err := LoadCertificates(); err == nil {
		t.Error("no files: no error")
	}
	dir := t.TempDir()
	f, _ := certificate(t, dir, "ns.example.org")
	for _, c := range []CertificateFiles{{Chain: dir + "/none", Key: f.Key}, {Chain: f.Chain, Key: dir + "/none"}, {Chain: f.Key, Key: f.Chain}} {
		if _, err := LoadCertificates(c); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%v: error is %v, want one that names the file", c, err)
		}
	}
}

// A handshake must come to its end within the time for a message.
func TestSlowHandshakesEnd(t *testing.T) {
	t.Parallel()
	f, _ := certificate(t, t.TempDir(), "ns.example.org")
	s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DoT, DoH), Certificates: load(t, f), Limits: Limits{Message: 30 * time.Millisecond}})
	for _, e := range s.Endpoints() {
		c := dial(t, "tcp", e.Addr)
		send(t, c, []byte("\x16\x03\x01\x02\x00\x01"))
		ends(t, c)
	}
	patience.Until(t, "two handshakes have failed", func() (any, bool) { c := s.Counters(); return c, c.Handshakes >= 2 })
	if got := s.Counters().Handshakes; got != 2 {
		t.Errorf("%d failed handshakes, want 2", got)
	}
}

// Whoever asks for the protocol of a challenge sees the certificate, and nothing more.
func TestCertificatesFromElsewhere(t *testing.T) {
	t.Parallel()
	files, pool := certificate(t, t.TempDir(), "ns.example.org")
	pair, err := tls.LoadX509KeyPair(files.Chain, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	certs := CertificatesFrom(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }, "acme-tls/1")
	s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DoT, DoH, DoQ), Certificates: certs})
	for i, protocol := range []string{"dot", "h2"} {
		addr := s.Endpoints()[i].Addr
		if got := names(t, addr, "ns.example.org", protocol); got[0] != "ns.example.org" {
			t.Errorf("%s: certificate for %q", protocol, got)
		}
		c := tls.Client(dial(t, "tcp", addr), &tls.Config{RootCAs: pool, ServerName: "ns.example.org", NextProtos: []string{"acme-tls/1"}})
		if err := c.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		ends(t, c)
	}
	askQUIC(t, dialQUIC(t, s.Endpoints()[2].Addr, pool), query(t, 0, "example.org."))
	if changed, err := certs.Reload(); changed || err != nil {
		t.Errorf("Reload: %v, %v, want nothing", changed, err)
	}
	if got := s.Counters().Handshakes; got != 0 {
		t.Errorf("%d handshakes failed, want none", got)
	}
}
