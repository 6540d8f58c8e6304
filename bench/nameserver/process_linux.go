//go:build amd64 || arm64

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// Processors. The load must not disturb the server.
const (
	serverCPU = 0
	loadCPU   = 1
)

// pin binds the calling thread, which is locked, and what it starts to one processor.
func pin(cpu int) error { return affinity(1 << cpu) }

// unpin lets the thread run everywhere again.
func unpin() error { return affinity(^uint64(0)) }

func affinity(mask uint64) error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask))); errno != 0 {
		return os.NewSyscallError("sched_setaffinity", errno)
	}
	return nil
}

// A process is a running server with all its processes: they are one process group.
type process struct {
	cmd   *exec.Cmd
	group int
	log   string
	began time.Time
	done  chan struct{}
}

// launch starts a program on one processor.
func launch(ctx context.Context, cpu int, logFile, dir string, env []string, args ...string) (*process, error) {
	p := &process{log: logFile, done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), args[0], args[1:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The child inherits the processor of this thread, and ends with it (Pdeathsig).
		runtime.LockOSThread()
		if err := pin(cpu); err != nil {
			started <- err
			return
		}
		p.began = time.Now()
		err := p.cmd.Start()
		if err == nil {
			p.group = p.cmd.Process.Pid
		}
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
			close(p.done)
		}
		// The thread is pinned: it ends here, because it is still locked.
	}()
	return p, <-started
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) stop() {
	_ = syscall.Kill(-p.group, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
	}
	_ = syscall.Kill(-p.group, syscall.SIGKILL)
	<-p.done
}

// said is the end of what the server logged.
func (p *process) said() string {
	b, _ := os.ReadFile(p.log)
	return string(bytes.TrimSpace(b[max(0, len(b)-2000):]))
}

// each calls f with the folder in /proc of every process of the group.
func (p *process) each(f func(dir string)) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if group, err := syscall.Getpgid(pid); err == nil && group == p.group {
			f(dir)
		}
	}
}

// cpu is the time that all threads have run for, as the scheduler counted it.
func (p *process) cpu() (sum time.Duration) {
	p.each(func(dir string) {
		threads, _ := filepath.Glob(dir + "/task/*/schedstat")
		for _, name := range threads {
			b, _ := os.ReadFile(name)
			ran, _, _ := strings.Cut(string(b), " ")
			ns, _ := strconv.ParseInt(ran, 10, 64)
			sum += time.Duration(ns)
		}
	})
	return sum
}

// memory is what the processes hold, pages that they share counted once.
func (p *process) memory() (sum int64) {
	p.each(func(dir string) {
		b, _ := os.ReadFile(dir + "/smaps_rollup")
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
				kib, _ := strconv.ParseInt(f[1], 10, 64)
				sum += kib << 10
			}
		}
	})
	return sum
}

// spent is the time that all processes have run for, threads that have ended included.
func (p *process) spent() (sum time.Duration) {
	p.each(func(dir string) {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		const sched = 2 // the scheduler's count; what a clock of another process is called: clock_getcpuclockid(3)
		var t syscall.Timespec
		if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, uintptr(^pid<<3|sched), uintptr(unsafe.Pointer(&t)), 0); errno == 0 {
			sum += time.Duration(t.Nano())
		}
	})
	return sum
}

// peak is the most that the processes held, each at its own time; pages that they share count for
// each.
func (p *process) peak() (sum int64) {
	p.each(func(dir string) {
		b, _ := os.ReadFile(dir + "/status")
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
				kib, _ := strconv.ParseInt(f[1], 10, 64)
				sum += kib << 10
			}
		}
	})
	return sum
}

var errMissing = errors.New("not installed")

// find finds a program, also where ordinary users have no path to.
func find(name string) (string, error) {
	for _, name := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is %w", name, errMissing)
}
