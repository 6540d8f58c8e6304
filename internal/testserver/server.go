package testserver

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A Server is a name server that a test started. Its methods are for the
// goroutine of the test; the server itself may be asked from any.
type Server struct {
	Addr string // "127.0.0.1:port", UDP and TCP
	Dir  string // configuration, zone files, journals, log

	kind    kind
	zones   []string // origins that must answer before the server counts as ready
	ports   []port
	argv    []string
	process atomic.Pointer[process] // killed from other goroutines than the test's
	admin   Key                     // may transfer every zone; only for ZoneText
}

// A kind is what the servers differ in.
type kind struct {
	name   string // as people say it: "BIND"
	binary string
	ports  int // how many; the first is for DNS
	// configure writes the files into s.Dir and gives the arguments.
	configure func(s *Server) (args []string, err error)
	// ready is asked beside the SOA queries, where DNS is not all; may be nil.
	ready func(s *Server) error
	// zoneFile is the place of a zone's text below Dir; nil where there is none.
	zoneFile func(origin string) string
	// journals are patterns below Dir of what a server keeps beside zone files.
	journals []string
}

// start brings up a server of a kind for some zones and ends it with the test.
func start(t testing.TB, k kind, origins []string) *Server {
	t.Helper()
	binary := program(t, k.binary)
	s := &Server{kind: k, admin: newKey("testserver")}
	for _, origin := range origins {
		s.zones = append(s.zones, dns.CanonicalName(origin))
	}
	// Not t.TempDir: it holds the test's name, and the path of a control socket
	// must stay below 108 bytes.
	dir, err := os.MkdirTemp("", "zonecast-"+k.binary+"-")
	if err != nil {
		t.Fatalf("%s: %v", k.name, err)
	}
	s.Dir = dir
	t.Cleanup(func() { s.close(t) })

	const tries = 4
	for try := 1; ; try++ {
		if err = s.bringUp(binary); err == nil {
			return s
		}
		if try == tries || !s.portTaken() {
			t.Fatalf("%s does not answer: %v; its log is below", k.name, err)
		}
		_ = s.logFile().truncate()
	}
}

// bringUp takes ports, configures and starts.
func (s *Server) bringUp(binary string) error {
	s.releasePorts()
	for range s.kind.ports {
		p, err := reserve()
		if err != nil {
			return err
		}
		s.ports = append(s.ports, p)
	}
	s.Addr = s.ports[0].addr()
	args, err := s.kind.configure(s)
	if err != nil {
		return err
	}
	s.argv = append([]string{binary}, args...)
	return s.run()
}

// run starts the configured server and waits until it answers.
func (s *Server) run() error {
	log, err := s.logFile().open()
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	p, err := launch(s.argv, s.Dir, log)
	if err != nil {
		return err
	}
	s.process.Store(p)
	if err := s.wait(); err != nil {
		p.kill()
		return err
	}
	return nil
}

// wait polls until every zone is answered over UDP and TCP.
func (s *Server) wait() error {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	var last error
	for {
		select {
		case <-s.process.Load().done:
			return fmt.Errorf("it ended at once (last try: %w)", orNone(last))
		case <-limit.C:
			return fmt.Errorf("not ready after %v: %w", startLimit, orNone(last))
		case <-poll.C:
		}
		if last = s.answers(); last == nil {
			return nil
		}
		if s.portTaken() {
			return last
		}
	}
}

func orNone(err error) error {
	if err == nil {
		return fmt.Errorf("none")
	}
	return err
}

// answers tells whether the server is up: SOA of every zone, over both
// transports for the first one; any answer at all when there is no zone.
func (s *Server) answers() error {
	if s.kind.ready != nil {
		if err := s.kind.ready(s); err != nil {
			return err
		}
	}
	if len(s.zones) == 0 {
		_, err := ask("udp", s.Addr, ".", dns.TypeSOA, impatient)
		return err
	}
	for i, origin := range s.zones {
		networks := []string{"udp"}
		if i == 0 {
			networks = append(networks, "tcp")
		}
		for _, network := range networks {
			m, err := ask(network, s.Addr, origin, dns.TypeSOA, impatient)
			if err != nil {
				return err
			}
			if m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 {
				return fmt.Errorf("SOA of %s over %s: %s with %d records", origin, network, dns.RcodeToString[m.Rcode], len(m.Answer))
			}
		}
	}
	return nil
}

// Stop ends the server in its orderly way, as a system's shutdown does. It may
// be called on a server that has ended.
func (s *Server) Stop() {
	if p := s.process.Load(); p != nil {
		p.stop()
	}
}

// Kill ends the server at once, in the middle of what it does.
func (s *Server) Kill() {
	if p := s.process.Load(); p != nil {
		p.kill()
	}
}

// Running tells whether the server's process is there.
func (s *Server) Running() bool {
	p := s.process.Load()
	return p != nil && p.running()
}

// Restart stops the server if it runs and starts it again with the same
// address, files and data. It returns when the server answers again.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	if err := s.run(); err != nil {
		t.Fatalf("%s does not answer after a restart: %v; its log is below", s.kind.name, err)
	}
}

// Reload asks the server to read its configuration and zone files again
// (SIGHUP). It does not wait: the server goes on answering meanwhile.
func (s *Server) Reload(t testing.TB) {
	t.Helper()
	if !s.Running() {
		t.Fatalf("%s: reload: the server does not run", s.kind.name)
	}
	if err := s.process.Load().os.Signal(syscall.SIGHUP); err != nil {
		t.Fatalf("%s: reload: %v", s.kind.name, err)
	}
}

// Rewrite replaces the whole content of a zone behind everyone's back, as an
// administrator does with an editor: it stops the server, drops its journals,
// writes the zone file and starts again. PowerDNS has no zone files: there, use
// the API.
func (s *Server) Rewrite(t testing.TB, origin, text string) {
	t.Helper()
	if s.kind.zoneFile == nil {
		t.Fatalf("%s keeps no zone files; change the zone through its API", s.kind.name)
	}
	if !slices.Contains(s.zones, dns.CanonicalName(origin)) {
		t.Fatalf("%s: rewrite %s: no such zone; there are %s", s.kind.name, origin, strings.Join(s.zones, " "))
	}
	s.Stop()
	for _, pattern := range s.kind.journals {
		names, err := filepath.Glob(filepath.Join(s.Dir, pattern))
		if err != nil {
			t.Fatalf("%s: %v", s.kind.name, err)
		}
		for _, name := range names {
			if err := os.RemoveAll(name); err != nil {
				t.Fatalf("%s: %v", s.kind.name, err)
			}
		}
	}
	if err := s.writeZone(s.kind.zoneFile(origin), origin, text); err != nil {
		t.Fatalf("%s: rewrite %s: %v", s.kind.name, origin, err)
	}
	s.Restart(t)
}

// Log is what the server wrote so far.
func (s *Server) Log() string { return s.logFile().read() }

// close is the end of the test: the server has nothing left to save.
func (s *Server) close(t testing.TB) {
	s.Kill()
	s.releasePorts()
	if t.Failed() {
		t.Logf("log of %s on %s:\n%s", s.kind.name, s.Addr, tail(s.Log(), 16_000))
	}
	if err := os.RemoveAll(s.Dir); err != nil {
		t.Errorf("%s: %v", s.kind.name, err)
	}
}

func (s *Server) releasePorts() {
	for _, p := range s.ports {
		p.release()
	}
	s.ports = nil
}

var portTaken = regexp.MustCompile(`(?i)address (already )?in use`)

// portTaken tells whether the server found its port occupied. BIND goes on
// without listening then, so the process alone does not tell.
func (s *Server) portTaken() bool { return portTaken.MatchString(s.Log()) }

// write puts a file below the server's directory.
func (s *Server) write(name, text string) error {
	path := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// writeZone puts a zone file below the server's directory. The text may be
// relative to the origin and without $TTL.
func (s *Server) writeZone(name, origin, text string) error {
	return s.write(name, fmt.Sprintf("$ORIGIN %s\n$TTL 3600\n%s\n", dns.CanonicalName(origin), text))
}

// origins of some zones in a fixed order.
func origins(zones map[string]string) []string { return slices.Sorted(maps.Keys(zones)) }

// zoneFileName is a file name for a zone; the root zone has one too, and so has
// a classless reverse zone with its slash (RFC 2317).
func zoneFileName(origin string) string {
	return strings.ReplaceAll(dns.CanonicalName(origin), "/", "_") + "zone"
}

// A logFile is the path of a server's log.
type logFile string

func (s *Server) logFile() logFile { return logFile(filepath.Join(s.Dir, "log")) }

func (l logFile) open() (*os.File, error) {
	return os.OpenFile(string(l), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
}

func (l logFile) truncate() error { return os.Truncate(string(l), 0) }

func (l logFile) read() string {
	b, err := os.ReadFile(string(l))
	if err != nil {
		return "(no log: " + err.Error() + ")"
	}
	return string(b)
}
