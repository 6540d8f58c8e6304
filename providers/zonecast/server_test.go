package zonecast_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/zone"
)

// A server is a name server as it is joined in a process: zones on disk, answers over UDP and TCP,
// the control interface.
type server struct {
	dns     string // where it answers
	control *control.Server
	zones   *held.Zones
	stop    func() // ends it and waits
	// hold, when set, is called before a version is published.
	hold atomic.Pointer[func()]
}

// serve starts a name server that keeps its zones in a folder. dns is where it answers.
func serve(ctx context.Context, dir, dns string, unix *control.Unix, over *control.TLS) (*server, error) {
	db, err := journal.Open(ctx, filepath.Join(dir, "zones.db"))
	if err != nil {
		return nil, err
	}
	engine := &nameserver.Engine{}
	s := &server{}
	s.zones = &held.Zones{
		DB: db,
		Publish: func(z *zone.Zone) error {
			if f := s.hold.Load(); f != nil {
				(*f)()
			}
			c, err := nameserver.Compile(z, nameserver.CompileOptions{})
			if err == nil {
				engine.Zones.Put(c)
			}
			return err
		},
		Withdraw: func(origin zone.Name) { engine.Zones.Remove(origin) },
	}
	if err := s.zones.Load(ctx); err != nil {
		return nil, err
	}
	sockets, err := socket.Listen(socket.Options{
		Answerer:  socket.Engine(engine, nil),
		Endpoints: []socket.Endpoint{{Service: socket.DNS, Addr: netip.MustParseAddrPort(dns)}}, Threads: 1,
	})
	if err != nil {
		return nil, err
	}
	s.dns = sockets.Endpoints()[0].Addr.String()
	s.control, err = control.Listen(control.Options{
		Backend: s.zones, Version: "test", Addresses: func() []string { return []string{s.dns} },
		Versions: s.zones.Versions, Restore: s.zones.Restore,
	}, unix, over)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { _ = sockets.Run(ctx) })
	running.Go(func() { _ = s.control.Run(ctx) })
	s.stop = sync.OnceFunc(func() { cancel(); running.Wait(); _ = db.Close() })
	return s, nil
}

// start starts a name server for a test.
func start(t testing.TB, unix *control.Unix, over *control.TLS) *server {
	t.Helper()
	s, err := serve(t.Context(), t.TempDir(), "127.0.0.1:0", unix, over)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

// processVar makes the test's binary a name server: "folder dns-address socket".
const processVar = "ZONECAST_TEST_NAMESERVER"

func TestMain(m *testing.M) {
	if text := os.Getenv(processVar); text != "" {
		f := strings.Fields(text)
		s, err := serve(context.Background(), f[0], f[1], &control.Unix{Path: f[2]}, nil)
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		fmt.Println("ready", s.dns)
		_, _ = io.Copy(io.Discard, os.Stdin) // until whoever started it is gone
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A process is a name server that can be killed.
type process struct {
	dir, socket, dns string
	cmd              *exec.Cmd
	stdin            io.Closer
}

func startProcess(t testing.TB) *process {
	t.Helper()
	p := &process{dir: t.TempDir(), dns: "127.0.0.1:0"}
	p.socket = filepath.Join(p.dir, "control.sock")
	p.run(t)
	t.Cleanup(p.kill)
	return p
}

func (p *process) run(t testing.TB) {
	t.Helper()
	for range 50 { // the address may just be freed
		p.cmd = exec.Command(os.Args[0])
		p.cmd.Env = append(os.Environ(), processVar+"="+strings.Join([]string{p.dir, p.dns, p.socket}, " "))
		p.cmd.Stderr = os.Stderr
		stdout, err := p.cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if p.stdin, err = p.cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		if dns, ok := strings.CutPrefix(strings.TrimSpace(line), "ready "); ok {
			p.dns = dns
			return
		}
		_ = p.cmd.Wait()
		if !strings.Contains(line, "in use") {
			t.Fatalf("name server: %s", line)
		}
	}
	t.Fatalf("the name server does not start")
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.stdin.Close()
}

// An authority makes certificates.
type authority struct {
	dir, file string
	cert      *x509.Certificate
	key       *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key, a.file, _ = a.issue(t, "authority", func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	return a
}

var numbers atomic.Int64

func (a *authority) issue(t testing.TB, name string, edit func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey, string, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(numbers.Add(1)), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if edit != nil {
		edit(c)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(suffix, kind string, b []byte) string {
		path := filepath.Join(a.dir, name+suffix)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key, write(".pem", "CERTIFICATE", der), write(".key", "PRIVATE KEY", secret)
}

// pair makes a certificate and returns the files.
func (a *authority) pair(t testing.TB, name string) (cert, key string) {
	t.Helper()
	_, _, cert, key = a.issue(t, name, nil)
	return cert, key
}
