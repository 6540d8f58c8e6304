package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/flow"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/plan/view"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/store/sqlite"
)

// An app is what commands share: the streams and the flags that all of them have.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) (string, bool)

	waits  waitTeller
	config string // -c
	json   bool
	quiet  bool
	debug  bool
	strict bool
	// lenient makes violations of rules warnings: --lenient of plan and apply.
	lenient bool
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *app {
	return &app{stdin: stdin, stdout: stdout, stderr: &lockedWriter{w: stderr}, env: os.LookupEnv}
}

// A lockedWriter keeps lines of several goroutines apart.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// file returns the file that a stream is, nil when it is none.
func file(stream any) *os.File {
	if l, ok := stream.(*lockedWriter); ok {
		stream = l.w
	}
	f, _ := stream.(*os.File)
	return f
}

func (a *app) style(w io.Writer) view.Style {
	f := file(w)
	return view.Style{Colour: term.Colour(f, a.env), Width: term.Width(f, a.env)}
}

func (a *app) outPaint() term.Paint { return term.Paint{On: term.Colour(file(a.stdout), a.env)} }
func (a *app) errPaint() term.Paint { return term.Paint{On: term.Colour(file(a.stderr), a.env)} }

// width is that of the terminal that results go to; 0: they go to none.
func (a *app) width() int { return term.Width(file(a.stdout), a.env) }

// say tells something that is no result, unless --quiet.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

// findings prints findings that count on standard error, each once; --quiet leaves errors.
func (a *app) findings(fs []finding.Finding) {
	_ = view.Findings(a.stderr, slices.DeleteFunc(tidy(fs), func(f finding.Finding) bool {
		return f.Silenced != "" || a.quiet && f.Severity < finding.Error
	}), a.style(a.stderr))
}

// tidy returns findings sorted and without repetitions. Of what was told twice, as a warning of
// reading and as an error of planning, the error stays.
func tidy(fs []finding.Finding) []finding.Finding {
	out := slices.Clone(fs)
	for i := range out {
		out[i].Text, out[i].Fix = provider.Redact(out[i].Text), provider.Redact(out[i].Fix)
	}
	finding.Sort(out) // errors before warnings of the same place
	told := map[string]bool{}
	return slices.DeleteFunc(out, func(f finding.Finding) bool {
		f.Severity = finding.Info
		line := f.String()
		again := told[line]
		told[line] = true
		return again
	})
}

// bad reports whether findings stop a command: errors, and with --strict warnings.
func (a *app) bad(fs []finding.Finding) bool {
	worst, any := finding.Worst(fs)
	return any && (worst == finding.Error || a.strict && worst == finding.Warning)
}

// A session is a configuration that was read, with the state beside it.
type session struct {
	*app
	cfg      *config.Config
	planner  *flow.Planner
	findings []finding.Finding // warnings of the configuration
	store    *sqlite.Store     // nil when it was not asked for or could not be opened
	storeErr error
	round    int // of plans and writes after the first: new name servers join the apex NS
	end      ending
	told     *int // the exit code of the last report in JSON; nil: there is none
}

// load reads the configuration. Errors in it are an error here; warnings are kept for the command.
func (a *app) load() (*session, error) {
	path, err := config.Find("", a.config)
	if err != nil {
		return nil, err
	}
	opt := config.Options{Env: a.env, Lenient: a.lenient}
	if a.debug {
		opt.Trace = a.trace
		a.trace("configuration %s", path)
	}
	cfg, finds := config.Load(path, opt)
	if err := finding.AsError(finds); err != nil {
		if cfg != nil {
			cfg.Close()
		}
		return nil, &finding.Problem{Findings: tidy(finds)}
	}
	return &session{
		app: a, cfg: cfg, findings: finds,
		planner: &flow.Planner{Config: cfg, Run: runID()},
	}, nil
}

// open is load with the state opened too. Without state, plans can be made and nothing applied.
func (a *app) open(ctx context.Context) (*session, error) {
	s, err := a.load()
	if err != nil {
		return nil, err
	}
	st, err := sqlite.Open(ctx, s.cfg.StateDir())
	if err != nil {
		s.storeErr = err
	} else {
		s.store, s.planner.Store = st, st
	}
	return s, nil
}

func (s *session) close() {
	if s.store != nil {
		s.store.Close()
	}
	s.cfg.Close()
}

// trace prints one line of the --debug trace. Rooms below redact what they hand over; URLs are
// looked at once more, whoever made them.
func (a *app) trace(format string, args ...any) {
	fmt.Fprintf(a.stderr, "debug: %s %s\n", time.Now().Format("15:04:05.000"), term.Clean(provider.Redact(fmt.Sprintf(format, args...))))
}

// runID names a run for journal, locks and history.
func runID() string {
	b := make([]byte, 3)
	rand.Read(b)
	return time.Now().UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b)
}

// actor is who runs the command, for journal and history.
func (a *app) actor() string {
	if v, ok := a.env("ZONECAST_ACTOR"); ok && v != "" {
		return v // pipelines know better than the system who asked for it
	}
	name := ""
	for _, variable := range []string{"SUDO_USER", "USER", "LOGNAME"} {
		if v, ok := a.env(variable); ok && name == "" {
			name = v
		}
	}
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
	}
	host, _ := os.Hostname()
	return cmp.Or(name, "unknown") + "@" + cmp.Or(host, "localhost")
}

// interactive reports whether somebody can answer a question.
func (a *app) interactive() bool { return term.Is(file(a.stdin)) }

// errUnread ends a question that nobody answered.
var errUnread = errors.New("interrupted; nothing was written")

// ask puts a question on standard error and reports whether the answer is yes.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	line, err := a.typed(ctx)
	return slices.Contains([]string{"y", "Y", "yes", "Yes", "YES"}, line), err
}

// typed is the first word of the line that somebody types, "" when there is none; errUnread when ctx
// ends first.
func (a *app) typed(ctx context.Context) (string, error) {
	answer := make(chan string, 1)
	go func() { // left behind when ctx ends first: the process is about to end then
		var line string
		_, _ = fmt.Fscanln(a.stdin, &line) // no answer is no
		answer <- line
	}()
	select {
	case line := <-answer:
		return line, nil
	case <-ctx.Done():
		fmt.Fprintln(a.stderr)
		return "", errUnread
	}
}
