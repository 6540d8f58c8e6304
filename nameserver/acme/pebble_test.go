package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// A pebble is a running authority of Let's Encrypt's test server, which looks names up at a name
// server of ours and really validates.
type pebble struct {
	directory string
	caFile    string
	roots     *x509.CertPool // that its certificates end in
}

// startPebble starts one that reaches us at these ports.
func startPebble(t *testing.T, dns netip.AddrPort, httpPort, tlsPort uint16) *pebble {
	t.Helper()
	path, err := exec.LookPath("pebble")
	if err != nil {
		if os.Getenv("ZONECAST_SKIP_SERVERS") == "1" {
			t.Skip("pebble is not installed, and ZONECAST_SKIP_SERVERS=1 allows to skip what needs it")
		}
		t.Fatal("pebble is not installed; run scripts/setup-debian, or set ZONECAST_SKIP_SERVERS=1 to skip tests that need it")
	}
	dir := t.TempDir()
	caFile := serverCertificate(t, dir)
	var said []byte
	for range 3 { // another process may take a port between our look and its
		acme, manage := testserver.Port(t), testserver.Port(t)
		config, err := json.Marshal(map[string]any{"pebble": map[string]any{
			"listenAddress": fmt.Sprintf("127.0.0.1:%d", acme), "managementListenAddress": fmt.Sprintf("127.0.0.1:%d", manage),
			"certificate": filepath.Join(dir, "server.crt"), "privateKey": filepath.Join(dir, "server.key"),
			"httpPort": httpPort, "tlsPort": tlsPort,
		}})
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "config.json"), config)
		log, err := os.Create(filepath.Join(dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cmd := exec.CommandContext(ctx, path, "-config", filepath.Join(dir, "config.json"), "-dnsserver", dns.String())
		cmd.Stdout, cmd.Stderr = log, log
		// Not PEBBLE_VA_ALWAYS_VALID: it shall look.
		cmd.Env = []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_AUTHZREUSE=0", "PATH=" + os.Getenv("PATH")}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		t.Cleanup(func() { cancel(); <-ended; _ = log.Close() })
		p := &pebble{directory: fmt.Sprintf("https://127.0.0.1:%d/dir", acme), caFile: caFile}
		if p.ready(t, fmt.Sprintf("https://127.0.0.1:%d/roots/0", manage), ended) {
			return p
		}
		said, _ = os.ReadFile(log.Name())
	}
	t.Fatalf("pebble does not start:\n%s", said)
	return nil
}

// ready waits until the authority answers, and asks for its root.
func (p *pebble) ready(t *testing.T, roots string, ended <-chan struct{}) bool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(read(t, p.caFile))
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for limit := time.Now().Add(patience.Limit); time.Now().Before(limit); {
		select {
		case <-ended:
			return false
		case <-time.After(10 * time.Millisecond):
		}
		resp, err := client.Get(roots)
		if err != nil {
			continue
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		p.roots = x509.NewCertPool()
		if err == nil && p.roots.AppendCertsFromPEM(b) {
			return true
		}
	}
	return false
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// serverCertificate makes the certificate of the authority's own door.
func serverCertificate(t *testing.T, dir string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "server.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	write(t, filepath.Join(dir, "server.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return filepath.Join(dir, "server.crt")
}

// An engine with the zone of the names.
func engine(t *testing.T) *nameserver.Engine {
	t.Helper()
	e := &nameserver.Engine{}
	res, err := zonefile.Parse([]byte(`$ORIGIN example.test.
$TTL 60
@   SOA ns1 hostmaster 1 3600 900 86400 60
@   NS  ns1
ns0 A   127.0.0.1
ns1 A   127.0.0.1
ns2 A   127.0.0.1
ns3 A   127.0.0.1
ns4 A   127.0.0.1
`), zonefile.Options{File: "example.test.zone"})
	if err != nil || res.Zone == nil {
		t.Fatal(err, res.Findings)
	}
	publish(t, e, res.Zone)
	return e
}

func publish(t *testing.T, e *nameserver.Engine, z *zone.Zone) {
	t.Helper()
	c, err := nameserver.Compile(z, nameserver.CompileOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	e.Zones.Put(c)
}

// listen starts a server and returns its endpoints.
func listen(t *testing.T, o socket.Options) []socket.Endpoint {
	t.Helper()
	s, err := socket.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := patience.Receive(t, "the end of Run", ended); err != nil {
			t.Error(err)
		}
	})
	return s.Endpoints()
}

func at(services ...socket.Service) (all []socket.Endpoint) {
	for _, s := range services {
		all = append(all, socket.Endpoint{Service: s, Addr: netip.MustParseAddrPort("127.0.0.1:0")})
	}
	return all
}

// A diary keeps findings.
type diary struct {
	mu  sync.Mutex
	all []finding.Finding
}

func (l *diary) add(f finding.Finding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, f)
}

// await waits for so many findings of a kind and returns the newest.
func (l *diary) await(t *testing.T, id string, count int) finding.Finding {
	t.Helper()
	var f finding.Finding
	patience.Until(t, fmt.Sprintf("finding %s for the %d. time", id, count), func() (any, bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		n := 0
		for _, g := range l.all {
			if g.ID == id {
				n, f = n+1, g
			}
		}
		return slices.Clone(l.all), n >= count
	})
	return f
}

// shown is the certificate that an endpoint shows to a client that trusts roots.
func shown(t *testing.T, addr netip.AddrPort, protocol, name string, roots *x509.CertPool) (*x509.Certificate, error) {
	t.Helper()
	d := tls.Dialer{Config: &tls.Config{ServerName: name, NextProtos: []string{protocol}, RootCAs: roots, InsecureSkipVerify: roots == nil}}
	c, err := d.DialContext(t.Context(), "tcp", addr.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// eventually tries until a certificate is shown that check likes: a certificate is told of a moment
// before it is in use.
func eventually(t *testing.T, addr netip.AddrPort, protocol, host string, roots *x509.CertPool, check func(*x509.Certificate) bool) *x509.Certificate {
	t.Helper()
	var shows *x509.Certificate
	patience.Until(t, "the certificate that is awaited is shown", func() (any, bool) {
		c, err := shown(t, addr, protocol, host, roots)
		if err != nil {
			return err, false
		}
		shows = c
		return fmt.Sprintf("serial %d, valid from %v", c.SerialNumber, c.NotBefore), check(c)
	})
	return shows
}

// manage runs a Manager until the test ends or stop is called.
func manage(t *testing.T, m *Manager) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := patience.Receive(t, "the end of Run", ended); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func TestEveryChallenge(t *testing.T) {
	t.Parallel()
	for i, challenge := range []string{"DNS-01", "TLS-ALPN-01", "TLS-ALPN-01 at DNS over TLS", "HTTP-01"} {
		t.Run(challenge, func(t *testing.T) {
			t.Parallel()
			host := fmt.Sprintf("ns%d.example.test", i) // challenges for one name meet inside a process
			e := engine(t)
			dns := listen(t, socket.Options{Answerer: socket.Engine(e, nil), Endpoints: at(socket.DNS)})[0].Addr
			var managed atomic.Pointer[Manager] // its authority has to know the server's port
			certificates := socket.CertificatesFrom(func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
				return managed.Load().GetCertificate(h)
			}, "acme-tls/1")
			secure := listen(t, socket.Options{
				Answerer: socket.Engine(e, nil), Endpoints: at(socket.DoT, socket.DoH, socket.DoQ), Certificates: certificates,
			})
			dot, doh := secure[0].Addr, secure[1].Addr
			tlsPort := doh.Port()
			if strings.HasSuffix(challenge, "TLS") {
				tlsPort = dot.Port()
			}
			httpPort := testserver.Port(t)
			p := startPebble(t, dns, httpPort, tlsPort)
			l := &diary{}
			o := Options{Names: []string{host}, Folder: filepath.Join(t.TempDir(), "kept"), Directory: p.directory, CAFile: p.caFile, Report: l.add, renewal: 1.5}
			switch challenge {
			case "DNS-01":
				z := &Zones{
					Publish:  func(z *zone.Zone) error { publish(t, e, z); return nil },
					Withdraw: func(n zone.Name) { e.Zones.Remove(n) },
				}
				o.Present, o.CleanUp = z.Present, z.CleanUp
			case "HTTP-01":
				o.HTTP = fmt.Sprintf("127.0.0.1:%d", httpPort)
			default:
				o.TLSALPN = true
			}
			m, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			managed.Store(m)
			// Until there is one, clients get a certificate that nobody vouches for.
			if _, err := shown(t, dot, "dot", host, p.roots); err == nil {
				t.Fatal("the first certificate is trusted")
			}
			if c, err := shown(t, dot, "dot", host, nil); err != nil || c.DNSNames[0] != host {
				t.Fatal(c, err)
			}
			stop := manage(t, m)
			f := l.await(t, "acme-obtained", 1)
			if f.Severity != finding.Info || f.Subject != host || !strings.Contains(f.Text, "it is good until 20") {
				t.Errorf("finding: %+v", f)
			}
			first := eventually(t, dot, "dot", host, p.roots, func(*x509.Certificate) bool { return true })
			eventually(t, doh, "h2", host, p.roots, func(c *x509.Certificate) bool { return c.Equal(first) })
			// A client that names nobody, or somebody else, gets it, too.
			for _, name := range []string{"", "localhost", "elsewhere.example"} {
				if c, err := shown(t, dot, "dot", name, nil); err != nil || !c.Equal(first) {
					t.Errorf("asked for %q: another certificate, %v", name, err)
				}
			}
			if e.Zones.Count() != 1 {
				t.Errorf("%d zones are left, want that the challenge's is gone", e.Zones.Count())
			}

			// A certificate that ends soon is renewed.
			if err := m.cache.RenewManagedCertificates(t.Context()); err != nil {
				t.Fatal(err)
			}
			if f := l.await(t, "acme-obtained", 2); !strings.Contains(f.Text, "was renewed") {
				t.Errorf("finding: %+v", f)
			}
			second := eventually(t, dot, "dot", host, p.roots, func(c *x509.Certificate) bool { return !c.Equal(first) })
			stop()

			// After a start it is there at once.
			again, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = again.Close() }()
			managed.Store(again)
			if c, err := shown(t, dot, "dot", host, p.roots); err != nil || !c.Equal(second) {
				t.Errorf("after a start there is another certificate, %v", err)
			}
		})
	}
}

// An authority that cannot see that a name is ours: people are told, and handshakes go on.
func TestAuthorityThatSaysNo(t *testing.T) {
	t.Parallel()
	e := engine(t)
	dns := listen(t, socket.Options{Answerer: socket.Engine(e, nil), Endpoints: at(socket.DNS)})[0].Addr
	p := startPebble(t, dns, testserver.Port(t), testserver.Port(t)) // nobody is at these ports
	l := &diary{}
	m, err := Open(Options{Names: []string{"ns4.example.test"}, Folder: t.TempDir(), Directory: p.directory, CAFile: p.caFile, TLSALPN: true, Report: l.add})
	if err != nil {
		t.Fatal(err)
	}
	dot := listen(t, socket.Options{
		Answerer: socket.Engine(e, nil), Endpoints: at(socket.DoT), Certificates: socket.CertificatesFrom(m.GetCertificate, m.Protocols()...),
	})[0].Addr
	manage(t, m)
	f := l.await(t, "acme-failed", 1)
	if f.Severity != finding.Error || f.Subject != "ns4.example.test" || !strings.Contains(f.Text, "no certificate for ns4.example.test: ") || f.Fix == "" {
		t.Errorf("finding: %+v", f)
	}
	if c, err := shown(t, dot, "dot", "ns4.example.test", nil); err != nil || c.DNSNames[0] != "ns4.example.test" {
		t.Errorf("%v, %v, want our own certificate", c, err)
	}
}
