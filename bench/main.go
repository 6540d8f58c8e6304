package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

func main() {
	if task, ok := os.LookupEnv(childEnv); ok {
		os.Exit(runChild(task))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// A bench is one run of the benchmarks.
type bench struct {
	ctx      context.Context
	dir      string // of inputs and outputs, and of the binary
	zonecast string // the binary to measure
	runs     int
	quick    bool
	only     *regexp.Regexp
	log      io.Writer
	rows     []Row
}

// run is the program without the process around it. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	b := bench{ctx: ctx, log: stderr}
	f.BoolVar(&b.quick, "quick", false, "small sizes, each measured once: whether it works at all")
	f.IntVar(&b.runs, "runs", 5, "how often to measure; the median is told")
	f.StringVar(&b.dir, "dir", "", "`folder` for inputs and outputs (default bench/out)")
	asJSON := f.Bool("json", false, "print the rows as JSON")
	enforce := f.Bool("enforce", false, "exit 1 when a target is missed")
	only := f.String("only", "", "only groups whose name matches this regular `expression`: "+strings.Join(groupNames(), ", "))
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	var err error
	if b.only, err = regexp.Compile(*only); err != nil {
		fmt.Fprintln(stderr, "bench: -only:", err)
		return 2
	}
	if b.quick {
		b.runs = 1
	}
	if err := b.build(); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	for _, g := range groups {
		if b.only.MatchString(g.name) && ctx.Err() == nil {
			g.run(&b)
		}
	}
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "bench: interrupted")
		return 1
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		err = e.Encode(b.rows)
	} else {
		fmt.Fprintf(stdout, "%s\n\n", b.about())
		printTable(stdout, b.rows)
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	for _, r := range b.rows {
		if *enforce && (r.Result == "MISSED" || r.Error != "") {
			return 1
		}
	}
	return 0
}

// groups are all that is measured, in the order of the table.
var groups = []struct {
	name string
	run  func(*bench)
}{
	{"validate", (*bench).validate},
	{"plan", (*bench).noChange},
	{"all-new", (*bench).allNew},
	{"zones", (*bench).manyZones},
	{"calls", (*bench).calls},
	{"cloud updates", (*bench).updates},
	{"cloud distant", (*bench).distant},
	{"cloud account", (*bench).account},
	{"sandbox", (*bench).sandboxes},
	{"diff", (*bench).diff},
	{"zone file", (*bench).zoneFile},
}

func groupNames() []string {
	var names []string
	for _, g := range groups {
		names = append(names, g.name)
	}
	return names
}

// build makes the binary to measure, as users get it.
func (b *bench) build() error {
	root, err := root(b.ctx)
	if err != nil {
		return err
	}
	if b.dir == "" {
		b.dir = filepath.Join(root, "bench", "out")
	}
	if b.dir, err = filepath.Abs(b.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	b.zonecast = filepath.Join(b.dir, "zonecast")
	cmd := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", b.zonecast, "./cmd/zonecast")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if b.quick { // with what "go build ./..." left in the cache
		cmd = exec.CommandContext(b.ctx, "go", "build", "-o", b.zonecast, "./cmd/zonecast")
	}
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("zonecast does not build: %w\n%s", err, out)
	}
	return nil
}

// root is the folder of the module.
func root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("where is the module? run it inside of it: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// about says where the figures are from.
func (b *bench) about() string {
	text := fmt.Sprintf("%s, %d processors", runtime.Version(), runtime.GOMAXPROCS(0))
	if b.quick {
		return text + ", small sizes, one run: no figures to rely on"
	}
	return fmt.Sprintf("%s, median of %d runs; times ours: by user CPU unless the target is on the wall", text, b.runs)
}

// size chooses a size.
func (b *bench) size(full, quick int) int {
	if b.quick {
		return quick
	}
	return full
}

// add judges a row and keeps it. Sizes of -quick have no targets.
func (b *bench) add(r Row, scale float64) {
	if b.quick {
		r.Target = Target{}
		r.Others = slices.DeleteFunc(r.Others, func(o Other) bool { return o.Elsewhere }) // of other sizes
	}
	r.judge(scale)
	b.rows = append(b.rows, r)
	fmt.Fprintf(b.log, "%s: %s %s\n", r.Work, seconds(r.Cost.User), r.Result)
}

// row measures a program and adds the row.
func (b *bench) row(r Row, p program, before func() error) Cost {
	if r.Error == "" {
		c, err := measure(b.ctx, b.runs, p, before)
		if r.Cost = c; err != nil {
			r.Error = err.Error()
		}
	}
	b.add(r, 0)
	return r.Cost
}
