package conformance

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// T is what the suite needs of a running test. *testing.T and *Recorder have it.
type T interface {
	Helper()
	Name() string
	Context() context.Context
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any) // does not return
	Skipf(format string, args ...any)  // does not return
	Failed() bool
	Cleanup(f func())
}

// A Runner is a T that can run parts of itself under a name, as testing.T does.
type Runner[S any] interface {
	T
	Run(name string, f func(S)) bool
}

// A Recorder is a T outside of `go test`: it collects what is reported. Observe, when set, is
// called for every line as it comes.
type Recorder struct {
	Observe func(name, line string)

	name     string
	ctx      context.Context
	parent   *Recorder
	mu       sync.Mutex
	lines    []string
	failed   bool
	skipped  bool
	cleanups []func()
}

// NewRecorder returns a Recorder whose Context is ctx.
func NewRecorder(ctx context.Context, name string) *Recorder {
	return &Recorder{name: name, ctx: ctx}
}

// Helper does nothing.
func (r *Recorder) Helper() {}

// Name is the path of names from the outermost Run.
func (r *Recorder) Name() string { return r.name }

// Context ends when the run is to end.
func (r *Recorder) Context() context.Context { return r.ctx }

// Failed reports whether an error was reported here or in a part.
func (r *Recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// Skipped reports whether it ended by Skipf.
func (r *Recorder) Skipped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.skipped
}

// Lines are what was reported, parts included, in order.
func (r *Recorder) Lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// Logf notes a line.
func (r *Recorder) Logf(format string, args ...any) { r.add(r.name, fmt.Sprintf(format, args...)) }

// Errorf notes a line and marks the test as failed.
func (r *Recorder) Errorf(format string, args ...any) {
	r.fail()
	r.add(r.name, "error: "+fmt.Sprintf(format, args...))
}

// Fatalf is Errorf and ends the part that runs.
func (r *Recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// Skipf notes why the part cannot run and ends it.
func (r *Recorder) Skipf(format string, args ...any) {
	r.mu.Lock()
	r.skipped = true
	r.mu.Unlock()
	r.add(r.name, "skipped: "+fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// Cleanup calls f at the end of the part.
func (r *Recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

// Run runs f as a part and waits for it. A panic is a failure of the part alone.
func (r *Recorder) Run(name string, f func(*Recorder)) bool {
	part := &Recorder{name: strings.TrimPrefix(r.name+"/"+name, "/"), ctx: r.ctx, parent: r, Observe: r.Observe}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer part.cleanup()
		defer func() {
			if p := recover(); p != nil {
				part.Errorf("panic: %v", p)
			}
		}()
		f(part)
	}()
	<-done
	return !part.Failed()
}

// Close runs what Cleanup was given at the outermost level.
func (r *Recorder) Close() { r.cleanup() }

func (r *Recorder) cleanup() {
	r.mu.Lock()
	list := r.cleanups
	r.cleanups = nil
	r.mu.Unlock()
	for _, f := range slices.Backward(list) {
		f()
	}
}

func (r *Recorder) fail() {
	for x := r; x != nil; x = x.parent {
		x.mu.Lock()
		x.failed = true
		x.mu.Unlock()
	}
}

func (r *Recorder) add(name, line string) {
	for x := r; x != nil; x = x.parent {
		x.mu.Lock()
		x.lines = append(x.lines, name+": "+line)
		x.mu.Unlock()
	}
	if r.Observe != nil {
		r.Observe(name, line)
	}
}
