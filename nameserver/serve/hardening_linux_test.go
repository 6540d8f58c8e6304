package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/observe"
	"github.com/zonecast/zonecast/nameserver/serve"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/zone"
)

// hardened is the variable by which this program knows that it is the child of one of these tests: the
// folder of zones, whom to become, and the system calls that are allowed ("" for all).
const hardened = "ZONECAST_TEST_HARDENED"

// TestHardenedChild is a name server of its own process, for the tests below.
func TestHardenedChild(t *testing.T) {
	dir, rest, ok := strings.Cut(os.Getenv(hardened), "|")
	if !ok {
		t.Skip("it is for other tests")
	}
	user, allowed, _ := strings.Cut(rest, "|")
	if allowed != "" {
		if err := filterCalls(strings.Fields(allowed)); err != nil {
			t.Fatal(err)
		}
	}
	certs, err := socket.LoadCertificates(socket.CertificateFiles{Chain: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")})
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(0)
	if user != "" {
		port = 1021 // needs rights that are gone afterwards
	}
	at := func(s socket.Service, port uint16) socket.Endpoint {
		return socket.Endpoint{Service: s, Addr: netip.AddrPortFrom(netip.MustParseAddr("127.53.53.53"), port)}
	}
	o := serve.Options{
		Content: serve.Content{Folders: folder(dir)}, Certificates: certs, Metrics: "127.0.0.1:0", Poll: 5 * time.Millisecond,
		Endpoints: []socket.Endpoint{at(socket.DNS, port), at(socket.DoT, 0), at(socket.DoH, 0), at(socket.DoQ, 0), at(socket.DoH3, 0)},
	}
	if user == "" { // who may write to the folder
		o.Primaries = []serve.Primary{{Origin: zone.MustName("a.held.example."), From: filepath.Join(dir, "a.example.zone")}}
		o.Store = filepath.Join(dir, "store")
		o.QueryLog = &observe.Log{Path: filepath.Join(dir, "queries")}
		o.Dnstap = &observe.Dnstap{Network: "file", Address: filepath.Join(dir, "dnstap")}
	}
	s, err := serve.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.DropTo(user); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, errno := syscall.AllThreadsSyscall(syscall.SYS_GETPID, 0, 0, 0); errno == syscall.ENOTSUP {
		fmt.Println("cgo")
	}
	for _, e := range s.Endpoints()[:3] {
		fmt.Println("at", e.Addr)
	}
	fmt.Println("at", s.MetricsAddr())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if os.Getenv(hardened+"_SIN") != "" { // what no name server does
		_, _, _ = syscall.Syscall(syscall.SYS_SWAPOFF, 0, 0, 0)
	}
	if err := s.Run(ctx, nil); err != nil {
		t.Fatal(err)
	}
	fmt.Println("ended well")
}

// readable lets other users read the files.
func (h *house) readable() {
	h.Helper()
	files, err := filepath.Glob(filepath.Join(h.dir, "*.zone"))
	if err != nil {
		h.Fatal(err)
	}
	for _, f := range files {
		if err := os.Chmod(f, 0o644); err != nil { //nolint:gosec // that is what it is for
			h.Fatal(err)
		}
	}
}

// A hardenedServer is such a process.
type hardenedServer struct {
	cmd   *exec.Cmd
	out   *bufio.Scanner
	addrs []string // DNS, DoT, DoH, metrics
	house *house
	user  string
	cgo   bool // the system has threads that Go does not know
}

func startHardened(t *testing.T, user, allowed string, more ...string) *hardenedServer {
	t.Helper()
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1")})
	certificateIn(t, h.dir)
	h.readable()
	for dir := h.dir; strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // another user reads it
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestHardenedChild$", "-test.v")
	cmd.Env = append(append(os.Environ(), hardened+"="+h.dir+"|"+user+"|"+allowed), more...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &hardenedServer{cmd: cmd, out: bufio.NewScanner(stdout), house: h, user: user}
	for len(s.addrs) < 4 && s.out.Scan() {
		if addr, ok := strings.CutPrefix(s.out.Text(), "at "); ok {
			s.addrs = append(s.addrs, addr)
		} else if s.out.Text() == "cgo" {
			s.cgo = true
		} else if !strings.HasPrefix(s.out.Text(), "=== ") {
			t.Log(s.out.Text())
		}
	}
	if len(s.addrs) < 4 {
		t.Fatalf("the server does not start: %v", cmd.Wait())
	}
	return s
}

// use asks by every way there is, has a zone replaced, and ends the server, which must end well.
func (s *hardenedServer) use(t *testing.T) {
	t.Helper()
	insecure := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // it is ours
	secure, err := (&tls.Dialer{Config: insecure}).DialContext(t.Context(), "tcp", s.addrs[1])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = secure.Close() }()
	for i, c := range []net.Conn{dial(t, "udp", s.addrs[0]), dial(t, "tcp", s.addrs[0]), secure} {
		if rcode, last, err := ask(c, i > 0, "www.a.example."); err != nil || rcode != 0 || last != 1 {
			t.Errorf("way %d: RCODE %d, address 192.0.2.%d, %v", i, rcode, last, err)
		}
	}
	c := dial(t, "udp", s.addrs[0])
	s.house.write("a.example.zone", text(2, "192.0.2.2"))
	s.house.readable()
	patience.Until(t, "the new zone has come", func() (any, bool) {
		_, last, err := ask(c, false, "www.a.example.")
		if err != nil {
			t.Fatalf("while the new zone comes: %v", err)
		}
		return fmt.Sprintf("192.0.2.%d", last), last == 2
	})
	if s.user == "" {
		if rcode, _, err := ask(c, false, "www.a.held.example."); err != nil || rcode != 0 {
			t.Errorf("a zone of the store: RCODE %d, %v", rcode, err)
		}
	}
	m := dial(t, "tcp", s.addrs[3])
	fmt.Fprintf(m, "GET /metrics HTTP/1.0\r\n\r\n")
	head := make([]byte, 15)
	if _, err := m.Read(head); err != nil || !bytes.HasSuffix(head, []byte("200 OK")) {
		t.Errorf("metrics: %q, %v", head, err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	well := false
	for s.out.Scan() {
		well = well || s.out.Text() == "ended well"
	}
	if err := s.cmd.Wait(); err != nil || !well {
		t.Errorf("ended well: %t, %v", well, err)
	}
}

// TestRightsAreGone looks at all threads of a server that was started as root.
func TestRightsAreGone(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root has rights to give up")
	}
	s := startHardened(t, "nobody", "")
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", s.cmd.Process.Pid))
	if err != nil || len(tasks) < 2 {
		t.Fatalf("%d threads, %v", len(tasks), err)
	}
	want := []string{
		"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapAmb:\t0000000000000000",
		"Uid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534\t65534", "Groups:\t65534 \n",
	}
	if !s.cgo { // see DropTo
		want = append(want, "NoNewPrivs:\t1")
	}
	for _, path := range tasks {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		for _, want := range want {
			if !strings.Contains(string(b), want) {
				t.Errorf("%s lacks %q:\n%s", path, want, b)
			}
		}
	}
	s.use(t)
}

// TestSystemCalls runs a server with those system calls alone that SystemCallFilter=@system-service
// leaves, as the unit in docs/nameserver.md has it. Any other call ends the process.
func TestSystemCalls(t *testing.T) {
	t.Parallel()
	allowed := serviceCalls(t)
	startHardened(t, "", allowed).use(t)
	sinner := startHardened(t, "", allowed, hardened+"_SIN=1")
	for sinner.out.Scan() {
	}
	_ = sinner.cmd.Wait()
	if status, ok := sinner.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGSYS {
		t.Errorf("a call that is not allowed ended with %v; want SIGSYS: the filter does nothing", sinner.cmd.ProcessState)
	}
}

// serviceCalls are the numbers of the system calls in systemd's set @system-service.
func serviceCalls(t *testing.T) string {
	t.Helper()
	header, err := os.ReadFile("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
	if err != nil || runtime.GOARCH != "amd64" {
		t.Skip("the numbers of system calls are not known (linux-libc-dev)")
	}
	number := map[string]string{}
	for line := range strings.Lines(string(header)) {
		if f := strings.Fields(line); len(f) == 3 && strings.HasPrefix(f[1], "__NR_") {
			number[strings.TrimPrefix(f[1], "__NR_")] = f[2]
		}
	}
	var list []string
	seen := map[string]bool{}
	var add func(set string)
	add = func(set string) {
		if seen[set] {
			return
		}
		seen[set] = true
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", "--no-pager", "syscall-filter", set).Output()
		if err != nil {
			t.Skipf("systemd-analyze does not know what %s is: %v", set, err)
		}
		for line := range strings.Lines(string(out)) {
			switch name := strings.TrimSpace(line); {
			case name == set || strings.HasPrefix(name, "#") || name == "":
			case strings.HasPrefix(name, "@"):
				add(name)
			default:
				if n := number[name]; n != "" {
					list = append(list, n)
				}
			}
		}
	}
	add("@system-service")
	if len(list) < 200 {
		t.Skipf("systemd-analyze lists %d system calls only", len(list))
	}
	return strings.Join(list, " ")
}

// filterCalls lets only these system calls pass from now on, for all threads (seccomp(2)).
func filterCalls(numbers []string) error {
	const (
		load, equal, ret        = 0x20, 0x15, 0x06 // BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
		allow, kill             = 0x7fff0000, 0x80000000
		prSetNoNewPrivs         = 38
		sysSeccomp              = 317
		setModeFilter, allTheds = 1, 1
	)
	type instruction struct {
		code   uint16
		jt, jf uint8
		k      uint32
	}
	program := []instruction{{code: load}} // seccomp_data.nr
	for _, n := range numbers {
		var nr uint32
		if _, err := fmt.Sscan(n, &nr); err != nil {
			return err
		}
		program = append(program, instruction{equal, 0, 1, nr}, instruction{code: ret, k: allow})
	}
	program = append(program, instruction{code: ret, k: kill})
	fprog := struct {
		n    uint16
		list *instruction
	}{uint16(len(program)), &program[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	if _, _, errno := syscall.RawSyscall(sysSeccomp, setModeFilter, allTheds, uintptr(unsafe.Pointer(&fprog))); errno != 0 {
		return errno
	}
	return nil
}

// certificateIn writes cert.pem and key.pem.
func certificateIn(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"ns.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o644); err != nil { //nolint:gosec // another user reads it
			t.Fatal(err)
		}
	}
}
