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

	"github.com/zonecast/zonecast/sandbox"
)

// sandboxes measures "zonecast sandbox": how long it takes from the start of the process until its
// control API shows every service, and how much memory it ever had, before and after its demo zone
// was applied to every provider.
func (b *bench) sandboxes() {
	var emulated []string
	for _, k := range sandbox.Kinds() {
		if !sandbox.Real(k) {
			emulated = append(emulated, k)
		}
	}
	for _, v := range []struct {
		name  string
		kinds []string
	}{
		{fmt.Sprintf("sandbox of %d emulated providers", len(emulated)), emulated},
		{"sandbox of all: " + titles(sandbox.Available()), sandbox.Available()},
	} {
		var costs, full, others []Cost // full: after the demo zone
		var err error
		for range b.runs {
			var m sandboxCost
			// Another process may take a port between our looking for free ones and using them.
			for range 5 {
				if m, err = b.sandbox(v.kinds); err == nil || !strings.Contains(err.Error(), "address already in use") {
					break
				}
			}
			if err != nil {
				break
			}
			costs, full, others = append(costs, m.start), append(full, m.full), append(others, m.others)
		}
		limits := Target{Wall: 500 * time.Millisecond, RSS: 100 * mib}
		first := Row{Work: v.name + ": started", Target: limits, Error: text(err)}
		second := Row{Work: v.name + ": with its demo zone at all, until it ended", Target: Target{RSS: limits.RSS}, Error: text(err)}
		if err == nil {
			first.Cost, second.Cost = median(costs), median(full)
			if real := median(others).RSS; real > 0 {
				second.Note = "the real servers have " + memory(real) + " besides"
			}
		}
		b.add(first, 0)
		b.add(second, 0)
	}
}

func titles(kinds []string) string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = sandbox.Status{Name: k}.Title()
	}
	return strings.Join(out, ", ")
}

type sandboxCost struct {
	start, full Cost
	others      Cost // memory of the servers that it started
}

// sandbox starts one in a new project, fills it, and ends it.
func (b *bench) sandbox(kinds []string) (m sandboxCost, err error) {
	dir, err := b.fresh("sandbox")
	if err != nil {
		return m, err
	}
	init := program{args: []string{b.zonecast, "init", dir, "--sandbox"}, env: []string{"NO_COLOR=1"}}
	if _, err := init.run(b.ctx); err != nil {
		return m, err
	}
	p, err := sandbox.Load(filepath.Join(dir, ".sandbox"))
	if err != nil {
		return m, err
	}
	// What init wrote beside the ports is made again: a first start counts.
	if err := os.RemoveAll(filepath.Join(dir, ".sandbox")); err != nil {
		return m, err
	}
	cmd := exec.CommandContext(b.ctx, b.zonecast, "sandbox", "--base-port", strconv.Itoa(p.BasePort), "--only", strings.Join(kinds, ","))
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it ends its servers
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return m, err
	}
	defer func() {
		err = errors.Join(err, cmd.Process.Signal(os.Interrupt), cmd.Wait())
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, last(stderr.String(), 10))
		}
		if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			whole := costOf(u) // of its servers too
			m.full.User, m.full.Sys = whole.User, whole.Sys
		}
	}()
	if err := shows(b.ctx, p.Control(), len(kinds)); err != nil {
		return m, err
	}
	m.start.Wall = time.Since(began)
	if m.start.RSS, err = peak(cmd.Process.Pid); err != nil {
		return m, err
	}
	m.start.User, m.start.Sys = spent(cmd.Process.Pid)

	apply := b.command(filepath.Join(dir, "zonecast.yaml"), 0, "apply", "--yes", "--quiet", "--target", strings.Join(kinds, ","))
	if _, err := apply.run(b.ctx); err != nil {
		return m, err
	}
	if m.full.RSS, err = peak(cmd.Process.Pid); err != nil {
		return m, err
	}
	for _, child := range children(cmd.Process.Pid) {
		n, err := peak(child)
		if err != nil {
			return m, err
		}
		m.others.RSS += n
	}
	return m, nil
}

// shows waits until a sandbox's control API shows n services.
func shows(ctx context.Context, control string, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		list, err := sandbox.Remote{Control: control}.Services(ctx)
		if err == nil && len(list) == n {
			return nil
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the sandbox shows %d of %d services (%w)", len(list), n, err)
		}
	}
}

// peak is the most memory that a process ever had, as Linux tells: proc_pid_status(5), VmHWM. It is
// that of the program itself, without what it inherited. Elsewhere it is not known.
func peak(pid int) (int64, error) {
	if runtime.GOOS != "linux" {
		return 0, nil
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, errors.New("the kernel does not tell VmHWM")
}

// spent is the processor time of a process so far, in ticks of 10 ms: proc_pid_stat(5).
func spent(pid int) (user, sys time.Duration) {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(data), ") ")
	if f := strings.Fields(rest); len(f) > 12 {
		u, _ := strconv.Atoi(f[11])
		s, _ := strconv.Atoi(f[12])
		user, sys = time.Duration(u)*10*time.Millisecond, time.Duration(s)*10*time.Millisecond
	}
	return user, sys
}

// children are the processes that a process started.
func children(pid int) []int {
	var out []int
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		data, _ := os.ReadFile(f) // it may have ended
		_, rest, _ := strings.Cut(string(data), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			if n, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}
