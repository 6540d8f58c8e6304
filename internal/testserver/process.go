package testserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// How long a server may take to answer, and to end when asked to. Both are far
// above what they take (well below a second), for slow machines under load.
const (
	startLimit = 90 * time.Second
	stopLimit  = 10 * time.Second
	pollEvery  = 5 * time.Millisecond
)

// A process is a running server.
type process struct {
	os   *os.Process
	done chan struct{} // closed when it has ended
}

// launch starts a program that logs to the given file.
func launch(argv []string, dir string, log *os.File) (*process, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = processAttributes()

	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The death signal of processAttributes comes when the starting thread
		// ends; so this thread stays with the process for as long as it runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		p.os = cmd.Process
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // a server ends by our signal; its log tells if not
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// stop asks the process to end and waits; one that stays is killed.
func (p *process) stop() {
	if !p.running() {
		return
	}
	_ = p.os.Signal(syscall.SIGTERM)
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-p.done:
	case <-limit.C:
		p.kill()
	}
}

// kill ends the process at once and waits until it is gone.
func (p *process) kill() {
	if p.running() {
		kill(p.os)
		<-p.done
	}
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// program finds a server's binary. A missing one fails the test, or skips it
// where ZONECAST_SKIP_SERVERS=1 says so.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := findProgram(name)
	if err == nil {
		return path
	}
	if os.Getenv("ZONECAST_SKIP_SERVERS") == "1" {
		t.Skipf("%s is not installed, and ZONECAST_SKIP_SERVERS=1 allows to skip what needs it", name)
	}
	t.Fatalf("%s is not installed; run scripts/setup-debian, or set ZONECAST_SKIP_SERVERS=1 to skip tests that need a server", name)
	return ""
}

// findProgram looks in the folders of system daemons too, which are missing in
// the PATH of ordinary users.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", err
}

// tail is the end of a log, at most about max bytes of whole lines.
func tail(log string, limit int) string {
	if len(log) <= limit {
		return log
	}
	log = log[len(log)-limit:]
	if _, rest, ok := strings.Cut(log, "\n"); ok {
		log = rest
	}
	return "…\n" + log
}
