package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A Cost is what one process, or a part of it, needed.
type Cost struct {
	User time.Duration `json:"user_ns"`
	Sys  time.Duration `json:"sys_ns"`
	Wall time.Duration `json:"wall_ns"`
	RSS  int64         `json:"rss_bytes"` // the most at any moment
}

// A program is a process to measure.
type program struct {
	args []string
	env  []string // beside those of this process
	dir  string
	exit int    // the code that it has to end with, so that a failure is not taken for speed
	out  string // file for its standard output; "" discards it

	after func() error // nil: nothing is to be seen to after each run
}

// measure runs the program several times and returns the median of each figure. before, when not
// nil, sets the stage for each run.
func measure(ctx context.Context, runs int, p program, before func() error) (Cost, error) {
	costs := make([]Cost, 0, runs)
	for range runs {
		if before != nil {
			if err := before(); err != nil {
				return Cost{}, err
			}
		}
		c, err := p.run(ctx)
		if err == nil && p.after != nil {
			err = p.after()
		}
		if err != nil {
			return Cost{}, err
		}
		costs = append(costs, c)
	}
	return median(costs), nil
}

// run runs the program once.
//
// The kernel hands the peak memory of the process that starts another one on to it (exec(2) keeps
// the mark of the memory that is replaced). So this process stays small: generators stream, and
// what needs memory runs in a child.
func (p program) run(ctx context.Context) (Cost, error) {
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), p.env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if p.out != "" {
		f, err := os.Create(p.out)
		if err != nil {
			return Cost{}, err
		}
		defer f.Close()
		cmd.Stdout = f
	}
	// A child tells over this pipe what the part of it cost that is to be measured.
	told, tell, err := os.Pipe()
	if err != nil {
		return Cost{}, err
	}
	defer told.Close()
	defer tell.Close()
	cmd.ExtraFiles = []*os.File{tell}
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	if failed, ok := errors.AsType[*exec.ExitError](err); ok && failed.ExitCode() == p.exit {
		err = nil
	}
	if err == nil && cmd.ProcessState.ExitCode() != p.exit {
		err = fmt.Errorf("exited with %d, not %d", cmd.ProcessState.ExitCode(), p.exit)
	}
	if err != nil {
		return Cost{}, fmt.Errorf("%s: %w\n%s", strings.Join(p.args, " "), err, last(stderr.String(), 10))
	}
	c := costOf(cmd.ProcessState.SysUsage().(*syscall.Rusage))
	c.Wall = wall
	tell.Close()
	var part Cost
	if json.NewDecoder(told).Decode(&part) == nil {
		c.User, c.Sys, c.Wall = part.User, part.Sys, part.Wall
	}
	return c, nil
}

// costOf reads the kernel's account; Linux counts memory in KiB.
func costOf(u *syscall.Rusage) Cost {
	return Cost{User: time.Duration(u.Utime.Nano()), Sys: time.Duration(u.Stime.Nano()), RSS: u.Maxrss * 1024}
}

// median returns the median of each figure.
func median(costs []Cost) Cost {
	return Cost{
		User: middle(costs, func(c Cost) time.Duration { return c.User }),
		Sys:  middle(costs, func(c Cost) time.Duration { return c.Sys }),
		Wall: middle(costs, func(c Cost) time.Duration { return c.Wall }),
		RSS:  middle(costs, func(c Cost) int64 { return c.RSS }),
	}
}

func middle[T cmp.Ordered](costs []Cost, of func(Cost) T) T {
	all := make([]T, 0, len(costs))
	for _, c := range costs {
		all = append(all, of(c))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// last returns the last n lines of a text.
func last(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
