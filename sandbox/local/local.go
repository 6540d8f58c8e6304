package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A Kind is a kind of name server.
type Kind string

// Kinds.
const (
	BIND     Kind = "bind"
	Knot     Kind = "knot"
	PowerDNS Kind = "powerdns"
)

// Title names the kind for people.
func (k Kind) Title() string {
	return map[Kind]string{BIND: "BIND", Knot: "Knot DNS", PowerDNS: "PowerDNS"}[k]
}

// KeyName is the name of the TSIG key that may update and transfer every zone.
const KeyName = "zonecast."

// programs of each kind.
var programs = map[Kind]string{BIND: "named", Knot: "knotd", PowerDNS: "pdns_server"}

// Installed reports whether this machine has all that the kind needs.
func Installed(k Kind) bool {
	if _, err := program(k); err != nil {
		return false
	}
	if k != PowerDNS {
		return true
	}
	_, err := os.Stat(schema)
	return err == nil
}

// program finds the server's program: Debian keeps it where only root's PATH looks.
func program(k Kind) (string, error) {
	name := programs[k]
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed (no program %s)", k.Title(), name)
}

// Options of a server.
type Options struct {
	Kind Kind
	Dir  string // its own folder; what is in it is replaced
	DNS  string // where it answers: "127.0.0.1:8612"
	API  string // PowerDNS: where its HTTP API listens
	// Key is the secret, base64, of the TSIG key (BIND, Knot), or the API key (PowerDNS).
	Key   string
	Zones []string // origins that BIND and Knot are primaries of from the start
}

// A Server is one that runs. Its methods are safe for concurrent use.
type Server struct {
	opt  Options
	argv []string

	mu   sync.Mutex
	proc *process
}

type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// startLimit is how long a server may take until it answers.
const startLimit = time.Minute

// Start starts a server anew and returns when it answers.
func Start(ctx context.Context, o Options) (*Server, error) {
	path, err := program(o.Kind)
	if err != nil {
		return nil, err
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(o.Dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, "db"), 0o700); err != nil {
		return nil, err
	}
	s := &Server{opt: o}
	var args []string
	switch o.Kind {
	case BIND:
		args, err = o.bind()
	case Knot:
		args, err = o.knot()
	case PowerDNS:
		args, err = o.powerdns(ctx)
	default:
		err = fmt.Errorf("no kind of name server is called %q", o.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Kind.Title(), err)
	}
	s.argv = append([]string{path}, args...)
	if err := s.Resume(ctx); err != nil {
		_ = s.Stop()
		return nil, err
	}
	return s, nil
}

// Resume starts the server again after Stop, with what it had stored, and returns when it answers.
func (s *Server) Resume(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		return nil
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	p := &process{cmd: exec.CommandContext(context.WithoutCancel(ctx), s.argv[0], s.argv[1:]...), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = s.opt.Dir, log, log
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	p.cmd.SysProcAttr = attributes()
	if err := p.start(); err != nil {
		return fmt.Errorf("%s: %w", s.opt.Kind.Title(), err)
	}
	s.proc = p
	return s.wait(ctx, p)
}

func (s *Server) log() string { return filepath.Join(s.opt.Dir, "log") }

// wait returns when the server answers for its zones.
func (s *Server) wait(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return fmt.Errorf("%s ended at once: %s", s.opt.Kind.Title(), s.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer (%w): %s", s.opt.Kind.Title(), err, s.lastWords())
		}
	}
}

// answers asks once.
func (s *Server) answers(ctx context.Context) error {
	if s.opt.Kind == PowerDNS {
		d := net.Dialer{Timeout: time.Second}
		c, err := d.DialContext(ctx, "tcp", s.opt.API)
		if err == nil {
			err = c.Close()
		}
		return err
	}
	client := &wire.Client{Timeout: 500 * time.Millisecond}
	for _, origin := range s.opt.Zones {
		name, err := zone.ParseName(origin)
		if err != nil {
			return err
		}
		m, err := client.Exchange(ctx, s.opt.DNS, wire.Query(name, zone.TypeSOA))
		if err != nil {
			return err
		}
		if len(m.Answers) == 0 {
			return fmt.Errorf("%s for %s", m.RCODE, origin)
		}
	}
	return nil
}

// lastWords are the last lines of the log.
func (s *Server) lastWords() string {
	data, err := os.ReadFile(s.log())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " | ") + " (" + s.log() + ")"
}

// Running reports whether the server runs.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return false
	}
	select {
	case <-s.proc.ended:
		return false
	default:
		return true
	}
}

// Stop ends the server, in order first, then at once, and waits for its end.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.proc
	if p == nil {
		return nil
	}
	s.proc = nil
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	t := time.NewTimer(5 * time.Second)
	defer t.Stop()
	select {
	case <-p.ended:
	case <-t.C:
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	return nil
}
