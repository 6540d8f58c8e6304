package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// childEnv names, in a child process, what it has to do: a task and its arguments.
const childEnv = "ZONECAST_BENCH_TASK"

// A stopwatch measures the part of a child's work between start and stop.
type stopwatch struct {
	start Cost
	at    time.Time
	part  *Cost
}

func (s *stopwatch) Start() { s.start, s.at = usage(), time.Now() }

func (s *stopwatch) Stop() {
	now := usage()
	s.part = &Cost{User: now.User - s.start.User, Sys: now.Sys - s.start.Sys, Wall: time.Since(s.at)}
}

// usage is what this process has used so far.
func usage() Cost {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return Cost{}
	}
	return costOf(&u)
}

// tasks are what children do. A task that does not start the stopwatch is measured whole.
var tasks = map[string]func(ctx context.Context, w *stopwatch, args []string) error{
	"yaml":    parseYAML,
	"calls":   slowCalls,
	"emulate": emulate,
	"1by1":    oneByOne,
	"diff":    diffZones,
	"read":    readZoneFile,
	"lint":    lintZoneFile,
	"rewrite": rewriteZoneFile,
}

// child is the program that does a task.
func child(task string, args ...string) program {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return program{args: []string{self}, env: []string{childEnv + "=" + strings.Join(append([]string{task}, args...), " ")}}
}

// runChild does what the environment asks for and returns the exit code.
func runChild(task string) int {
	name, args, _ := strings.Cut(task, " ")
	f, ok := tasks[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "no such task: %s\n", name)
		return 1
	}
	var w stopwatch
	if err := f(context.Background(), &w, strings.Fields(args)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if w.part != nil {
		parent := os.NewFile(3, "parent") // the first of ExtraFiles
		if err := json.NewEncoder(parent).Encode(w.part); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}
