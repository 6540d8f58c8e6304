package socket

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// An echo answers every query with itself, its QR bit set. Queries whose opcode is UPDATE get no
// answer. It remembers who asked.
type echo struct {
	mu      sync.Mutex
	clients []Client
	workers int
}

func (e *echo) Worker() Worker {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.workers++
	return e
}

func (e *echo) Answer(dst, query []byte, from *Client) []byte {
	e.mu.Lock()
	e.clients = append(e.clients, *from)
	e.mu.Unlock()
	if query[2]>>3&15 == uint8(wire.OpUpdate) {
		return nil
	}
	dst = append(dst, query...)
	dst[2] |= 0x80
	return dst
}

// last is who asked last.
func (e *echo) last(t *testing.T) Client {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.clients) == 0 {
		t.Fatal("nobody has asked")
	}
	return e.clients[len(e.clients)-1]
}

func (e *echo) asked() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.clients)
}

// run starts a server and ends it with the test. The function that is returned ends it before.
func run(t *testing.T, o Options) (*Server, func() error) {
	t.Helper()
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- s.Run(ctx) }()
	stop := sync.OnceValue(func() error { cancel(); return <-result })
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s, stop
}

func on(service Service, addr string) []Endpoint {
	return []Endpoint{{service, netip.MustParseAddrPort(addr)}}
}

func loopback(services ...Service) []Endpoint {
	var all []Endpoint
	for _, s := range services {
		all = append(all, on(s, "127.0.0.1:0")...)
	}
	return all
}

func address(s *Server, i int) string { return s.Endpoints()[i].Addr.String() }

// certificate writes a self-signed certificate for names and returns its files and the pool that
// trusts it.
func certificate(t *testing.T, dir string, names ...string) (CertificateFiles, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	f := CertificateFiles{Chain: filepath.Join(dir, names[0]+".crt"), Key: filepath.Join(dir, names[0]+".key")}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(t, f.Chain, chain)
	write(t, f.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(chain)
	return f, pool
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, files ...CertificateFiles) *Certificates {
	t.Helper()
	c, err := LoadCertificates(files...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// query is a packed query with an id.
func query(t testing.TB, id uint16, name string) []byte {
	t.Helper()
	m := wire.Query(zone.MustName(name), zone.TypeA)
	m.ID = id
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func framed(messages ...[]byte) []byte {
	var b []byte
	for _, m := range messages {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(m))), m...)
	}
	return b
}

func TestEveryTransport(t *testing.T) {
	t.Parallel()
	files, pool := certificate(t, t.TempDir(), "ns.example.org")
	e := &echo{}
	s, _ := run(t, Options{Answerer: e, Endpoints: loopback(DNS, DoT, DoH, DoHPlain), Certificates: load(t, files), Threads: 2})
	trust := &tls.Config{RootCAs: pool}
	over := func(t *http.Transport) *http.Client { return &http.Client{Transport: t} }
	var h2, h2c http.Protocols
	h2.SetHTTP2(true)
	h2c.SetUnencryptedHTTP2(true)
	for _, c := range []struct {
		name   string
		client wire.Client
		addr   string
		want   Transport
	}{
		{"UDP", wire.Client{Timeout: patience.Limit}, address(s, 0), UDP},
		{"TCP", wire.Client{Transport: wire.TCP, Timeout: patience.Limit}, address(s, 0), TCP},
		{"TLS", wire.Client{Transport: wire.TLS, TLS: trust, Timeout: patience.Limit}, address(s, 1), TLS},
		{"HTTP/1.1 over TLS", wire.Client{Transport: wire.HTTPS, HTTP: over(&http.Transport{TLSClientConfig: trust}), Timeout: patience.Limit}, "https://" + address(s, 2) + "/dns-query", HTTPS},
		{"HTTP/2", wire.Client{Transport: wire.HTTPS, HTTP: over(&http.Transport{TLSClientConfig: trust, Protocols: &h2}), Timeout: patience.Limit}, "https://" + address(s, 2) + "/dns-query", HTTPS},
		{"HTTP/1.1", wire.Client{Transport: wire.HTTPS, HTTP: over(&http.Transport{}), Timeout: patience.Limit}, "http://" + address(s, 3) + "/dns-query", HTTPS},
		{"HTTP/2 without TLS", wire.Client{Transport: wire.HTTPS, HTTP: over(&http.Transport{Protocols: &h2c}), Timeout: patience.Limit}, "http://" + address(s, 3) + "/dns-query", HTTPS},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.client.Exchange(t.Context(), c.addr, wire.Query(zone.MustName("www.example.org."), zone.TypeAAAA))
			if err != nil {
				t.Fatal(err)
			}
			if !got.Response || len(got.Questions) != 1 || got.Questions[0].Type != zone.TypeAAAA {
				t.Errorf("answer: %v", got)
			}
			from := e.last(t)
			if from.Transport != c.want || from.Addr.Addr() != netip.MustParseAddr("127.0.0.1") {
				t.Errorf("the client was %+v, want one from 127.0.0.1 over %s", from, c.want)
			}
			if keepAlive := from.KeepAlive > 0; keepAlive != (c.want == TCP || c.want == TLS) {
				t.Errorf("keep-alive over %s: %d", c.want, from.KeepAlive)
			}
			if c.client.HTTP != nil {
				c.client.HTTP.CloseIdleConnections()
			}
		})
	}
}

// Debian's clients are the judges of what is on the wire.
func TestRealClients(t *testing.T) {
	t.Parallel()
	files, _ := certificate(t, t.TempDir(), "ns.example.org")
	s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DNS, DoT, DoH), Certificates: load(t, files)})
	port := func(i int) string { return strconv.Itoa(int(s.Endpoints()[i].Addr.Port())) }
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"dig over UDP", []string{"dig", "-p", port(0), "+noedns", "+norec"}, "NOERROR"},
		{"dig over TCP, two queries on one connection", []string{"dig", "-p", port(0), "+noedns", "+tcp", "+keepopen", "@127.0.0.1", "www.example.org.", "AAAA"}, "NOERROR"},
		{"dig over TLS", []string{"dig", "-p", port(1), "+noedns", "+tls"}, "(TLS)"},
		{"dig over HTTPS", []string{"dig", "-p", port(2), "+noedns", "+https"}, "(HTTPS)"},
		{"dig over HTTPS with GET", []string{"dig", "-p", port(2), "+noedns", "+https-get"}, "(HTTPS-GET)"},
		{"kdig over UDP", []string{"kdig", "-p", port(0)}, "NOERROR"},
		{"kdig over TCP", []string{"kdig", "-p", port(0), "+tcp"}, "NOERROR"},
		{"kdig over TLS", []string{"kdig", "-p", port(1), "+tls"}, "TLS session"},
		{"kdig over HTTPS", []string{"kdig", "-p", port(2), "+https"}, "HTTP session (HTTP/2-POST)"},
		{"kdig over HTTPS with GET", []string{"kdig", "-p", port(2), "+https-get"}, "HTTP session (HTTP/2-GET)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(c.args[0]); err != nil {
				t.Skipf("%s is not installed", c.args[0])
			}
			args := append(c.args[1:], "@127.0.0.1", "example.org.", "A")
			out, err := exec.CommandContext(t.Context(), c.args[0], args...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) || !strings.Contains(string(out), "NOERROR") {
				t.Errorf("%s: %v, want %q in\n%s", strings.Join(args, " "), err, c.want, out)
			}
		})
	}
}

func TestListenRefusesAnAddressInUse(t *testing.T) {
	t.Parallel()
	for _, threads := range []int{1, 3} {
		s, _ := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DNS), Threads: threads})
		other, err := Listen(Options{Answerer: &echo{}, Endpoints: s.Endpoints(), Threads: threads})
		if err == nil {
			_ = other.Close()
			t.Fatalf("a second server listens on %s", address(s, 0))
		}
		if want := "listen on " + address(s, 0); !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "in use") {
			t.Errorf("error is %q, want %q and the reason in it", err, want)
		}
	}
}

func TestListenRefusesAUDPPortInUse(t *testing.T) {
	t.Parallel()
	p, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	for _, threads := range []int{1, 2} {
		if s, err := Listen(Options{Answerer: &echo{}, Endpoints: []Endpoint{{DNS, addrPort(p.LocalAddr())}}, Threads: threads}); err == nil {
			_ = s.Close()
			t.Errorf("with %d threads, a server listens on a port that is taken over UDP", threads)
		}
	}
}

// A new process takes over while the old one still answers.
func TestShare(t *testing.T) {
	t.Parallel()
	if !canShare {
		t.Skip("sockets share no port here")
	}
	old, stopOld := run(t, Options{Answerer: &echo{}, Endpoints: loopback(DNS), Share: true})
	e := &echo{}
	run(t, Options{Answerer: e, Endpoints: old.Endpoints(), Share: true})
	if err := stopOld(); err != nil {
		t.Fatal(err)
	}
	for _, transport := range []wire.Transport{wire.UDP, wire.TCP} {
		c := wire.Client{Transport: transport, Timeout: patience.Limit}
		if _, err := c.Exchange(t.Context(), address(old, 0), wire.Query(zone.MustName("example.org."), zone.TypeSOA)); err != nil {
			t.Error(err)
		}
	}
	if e.asked() != 2 {
		t.Errorf("the new server was asked %d times, want 2", e.asked())
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Endpoints: loopback(DNS)}, "nobody answers"},
		{Options{Answerer: &echo{}}, "no address"},
		{Options{Answerer: &echo{}, Endpoints: []Endpoint{{}}}, "no valid address"},
		{Options{Answerer: &echo{}, Endpoints: loopback(DoT)}, "DNS over TLS at 127.0.0.1:0 needs a certificate"},
		{Options{Answerer: &echo{}, Endpoints: loopback(DoQ)}, "DNS over QUIC at 127.0.0.1:0 needs a certificate"},
		{Options{Answerer: &echo{}, Endpoints: loopback(DoH3)}, "DNS over HTTP/3 at 127.0.0.1:0 needs a certificate"},
		{Options{Answerer: &echo{}, Endpoints: on(DoQ, "127.0.0.1:53"), Certificates: CertificatesFrom(nil)}, "DNS over QUIC at 127.0.0.1:53: that port is for DNS without"},
		{Options{Answerer: &echo{}, Endpoints: on(DoQ, "192.0.2.1:0"), Certificates: CertificatesFrom(nil)}, "listen on 192.0.2.1:0 for DNS over QUIC"},
		{Options{Answerer: &echo{}, Endpoints: on(DNS, "192.0.2.1:0")}, "listen on 192.0.2.1:0"},
	} {
		s, err := Listen(c.o)
		if err == nil {
			_ = s.Close()
			t.Errorf("no error, want %q", c.want)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %q, want %q in it", err, c.want)
		}
	}
}

func TestParseEndpoints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"192.0.2.53", "192.0.2.53:53"},
		{"192.0.2.53:5353", "192.0.2.53:5353"},
		{"2001:db8::53", "[2001:db8::53]:53"},
		{"[2001:db8::53]", "[2001:db8::53]:53"},
		{"[2001:db8::53]:5353", "[2001:db8::53]:5353"},
		{":5353", "0.0.0.0:5353 [::]:5353"},
		{"localhost:53", ""},
		{":65536", ""},
		{"192.0.2.53:", ""},
		{"", ""},
	} {
		got, err := ParseEndpoints(DNS, c.in)
		var text []string
		for _, e := range got {
			text = append(text, e.Addr.String())
		}
		if strings.Join(text, " ") != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%q: got %v, %v, want %q", c.in, text, err, c.want)
		}
	}
	for service, want := range map[Service]string{
		DNS: "DNS at 192.0.2.53:53", DoT: "DNS over TLS at 192.0.2.53:853", DoH: "DNS over HTTPS at 192.0.2.53:443",
		DoHPlain: "DNS over HTTP at 192.0.2.53:80", DoQ: "DNS over QUIC at 192.0.2.53:853", DoH3: "DNS over HTTP/3 at 192.0.2.53:443",
	} {
		got, err := ParseEndpoints(service, "192.0.2.53")
		if err != nil || len(got) != 1 || got[0].Service != service || fmt.Sprint(service, " at ", got[0].Addr) != want {
			t.Errorf("%v, %v, want %s", got, err, want)
		}
	}
}
