package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
)

// version is set by the linker: -X main.version=….
var version = "unknown"

// dropIns are the commands of other tools that the binary answers to by its own name, such as
// octodns-sync. They have their own flags and exit codes.
var dropIns = map[string]func(ctx context.Context, a *app, args []string) int{}

func main() {
	// The first interrupt ends ctx: writes in flight finish. After it, signals do what they do by
	// default, so that a second one ends the process at once; the journal survives that.
	//
	// A reader of our output that goes away must not end a run that is writing.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[0], os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program without the process around it. It returns the exit code.
func run(ctx context.Context, argv0 string, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	a := newApp(stdin, stdout, stderr)
	defer func() {
		if v := recover(); v != nil {
			a.fault(v, slices.Contains(args, "--debug"))
			code = exitError
		}
	}()
	ctx = a.watch(ctx)
	name := strings.TrimSuffix(filepath.Base(argv0), ".exe")
	if dropIn, ok := dropIns[name]; ok {
		return dropIn(ctx, a, args)
	}
	root := newRoot(a) //nolint:contextcheck // commands take it from ExecuteContext
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return a.failed(root.ExecuteContext(ctx))
}

// failed says what went wrong, unless that was said already, and returns the exit code.
func (a *app) failed(err error) int {
	if err == nil {
		return exitOK
	}
	if s, ok := errors.AsType[status](err); ok {
		return int(s)
	}
	if p, ok := errors.AsType[*finding.Problem](err); ok {
		a.findings(p.Findings)
		return exitError
	}
	if !errors.Is(err, syscall.EPIPE) { // whoever read the output has seen enough
		fmt.Fprintf(a.stderr, "%s %s\n", a.errPaint().Red("error:"), provider.Redact(err.Error()))
	}
	return exitError
}

// fault tells of a fault in zonecast itself.
func (a *app) fault(v any, trace bool) {
	fmt.Fprintf(a.stderr, "%s zonecast has a fault and stopped: %v\n", a.errPaint().Red("error:"), v)
	fmt.Fprintf(a.stderr, "  Writes that were under way are in the journal; the next run reads back what became of them.\n")
	fmt.Fprintf(a.stderr, "  Please report it with the command line, `zonecast version` (%s) and what --debug prints.\n", version)
	if trace {
		fmt.Fprintf(a.stderr, "%s", debug.Stack())
	}
}
