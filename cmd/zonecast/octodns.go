package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/flow"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/plan/view"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/store/sqlite"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

// octoTools are the names under which the binary behaves as octoDNS's commands do: the same
// flags, the same exit codes (0, 1 for errors, 2 for bad usage), so that a pipeline that calls
// them keeps working.
var octoTools = map[string]struct {
	usage string
	flags func(*octoFlags, *pflag.FlagSet)
	run   func(context.Context, *octoTool) int
}{
	"octodns-sync":     {"octodns-sync --config-file FILE [--doit] [--force] [zone …]", syncFlags, octoSync},
	"octodns-validate": {"octodns-validate --config-file FILE [--all]", validateFlags, octoValidate},
	"octodns-dump":     {"octodns-dump --config-file FILE --output-dir DIR [--lenient] [--split] ZONE|'*' SOURCE …", dumpFlags, octoDump},
	"octodns-compare":  {"octodns-compare --config-file FILE --a SOURCE … --b SOURCE … --zone ZONE", compareFlags, octoCompare},
	"octodns-report":   {"octodns-report --config-file FILE --zone ZONE --source SOURCE … SERVER …", reportFlags, octoReport},
	"octodns-versions": {"octodns-versions --config-file FILE", func(*octoFlags, *pflag.FlagSet) {}, octoVersions},
	"octodns-schema":   {"octodns-schema [--kind zone|config] [--indent N] [--output FILE]", schemaFlags, octoSchema},
}

// octoFlags are the flags of all of octoDNS's commands.
type octoFlags struct {
	config, loggingConfig, syslogDevice, syslogFacility string
	debug, quiet, stdoutLog, syslog, version            bool

	doit, force, all, lenient, split                                        bool
	checksum, outputDir, outputProvider, zone, ignore, format, kind, output string
	indent                                                                  int
	sources, targets, a, b                                                  []string
	concurrency                                                             int
	timeout                                                                 float64
}

// An octoTool is one call of an octoDNS command.
type octoTool struct {
	*app
	name string
	octoFlags
	args []string
	log  io.Writer
	cfg  *config.Config
}

func init() {
	for name := range octoTools {
		dropIns[name] = func(ctx context.Context, a *app, args []string) int { return runOctoDNS(ctx, a, name, args) }
	}
}

// runOctoDNS runs the command that name says.
func runOctoDNS(ctx context.Context, a *app, name string, args []string) int {
	tool := octoTools[name]
	t := &octoTool{app: a, name: name, log: a.stderr}
	fs := t.flagSet()
	tool.flags(&t.octoFlags, fs)
	usage := func(w io.Writer) { fmt.Fprintf(w, "usage: %s\n", tool.usage) }
	list, err := octoArgs(fs, args)
	if err == nil {
		err = fs.Parse(list)
	}
	switch {
	case errors.Is(err, pflag.ErrHelp):
		usage(a.stdout)
		fmt.Fprintf(a.stdout, "\n%s", fs.FlagUsages())
		return exitOK
	case err != nil:
		usage(a.stderr)
		return t.badUsage("%v", err)
	case t.version:
		fmt.Fprintf(a.stdout, "%s: zonecast %s\n", name, thisBuild().Version)
		return exitOK
	case t.octoFlags.config == "" && name != "octodns-schema":
		usage(a.stderr)
		return t.badUsage("the following arguments are required: --config-file")
	}
	t.args = fs.Args()
	if t.stdoutLog {
		t.log = a.stdout
	}
	if t.syslog {
		if w, err := openSyslog(name); err == nil {
			t.log = io.MultiWriter(t.log, w)
		} else {
			fmt.Fprintf(a.stderr, "%s: syslog cannot be reached: %v\n", name, err)
		}
	}
	return tool.run(ctx, t)
}

// flagSet are the flags of all commands.
func (t *octoTool) flagSet() *pflag.FlagSet {
	fs := pflag.NewFlagSet(t.name, pflag.ContinueOnError)
	fs.SortFlags = false
	fs.Usage = func() {}
	fs.StringVar(&t.octoFlags.config, "config-file", "", "the main configuration `file`")
	fs.BoolVar(&t.octoFlags.debug, "debug", false, "log more")
	fs.BoolVar(&t.octoFlags.quiet, "quiet", false, "log only warnings, errors and the plan")
	fs.BoolVar(&t.stdoutLog, "log-stream-stdout", false, "log to standard output instead of standard error")
	fs.BoolVar(&t.syslog, "log-syslog", false, "log to syslog too")
	fs.StringVar(&t.syslogDevice, "syslog-device", "", "accepted; the system's syslog socket is used")
	fs.StringVar(&t.syslogFacility, "syslog-facility", "local0", "accepted; user is used")
	fs.StringVar(&t.loggingConfig, "logging-config", "", "accepted; has no effect")
	fs.BoolVar(&t.version, "version", false, "print the version")
	return fs
}

// octoArgs spells a command line of Python's argparse, which octoDNS uses, in the way that pflag
// reads it: flags may be cut short as long as they stay clear, and lists may follow a flag
// (--a one two --b three becomes --a one --a two --b three).
func octoArgs(fs *pflag.FlagSet, args []string) ([]string, error) {
	var out []string
	list, taken := "", 0
	end := func() error {
		if list != "" && taken == 0 {
			return fmt.Errorf("argument %s: expected at least one argument", list)
		}
		list, taken = "", 0
		return nil
	}
	for i, arg := range args {
		switch {
		case arg == "--":
			return append(out, args[i:]...), end()
		case strings.HasPrefix(arg, "--"):
			if err := end(); err != nil {
				return nil, err
			}
			full, err := fullFlag(fs, arg)
			if err != nil {
				return nil, err
			}
			if (full == "--a" || full == "--b") && fs.Lookup("a") != nil {
				list = full
				continue
			}
			out = append(out, full)
		case list != "":
			out = append(out, list, arg)
			taken++
		default:
			out = append(out, arg)
		}
	}
	return out, end()
}

// fullFlag completes a flag that was cut short.
func fullFlag(fs *pflag.FlagSet, arg string) (string, error) {
	name, value, has := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
	if fs.Lookup(name) != nil || name == "help" {
		return arg, nil
	}
	var hits []string
	fs.VisitAll(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, name) {
			hits = append(hits, f.Name)
		}
	})
	switch {
	case len(hits) == 0:
		return "", fmt.Errorf("unrecognized arguments: %s", arg)
	case len(hits) > 1:
		return "", fmt.Errorf("ambiguous option: --%s could match --%s", name, strings.Join(hits, ", --"))
	case has:
		return "--" + hits[0] + "=" + value, nil
	}
	return "--" + hits[0], nil
}

func (t *octoTool) badUsage(format string, args ...any) int {
	fmt.Fprintf(t.stderr, t.name+": error: "+format+"\n", args...)
	return 2
}

// open reads the configuration; false after an error, which has been told.
func (t *octoTool) open() bool {
	opt := config.Options{Env: t.env, Lenient: t.octoFlags.lenient}
	if t.octoFlags.debug {
		opt.Trace = func(format string, args ...any) { // rooms below redact what they hand over
			fmt.Fprintf(t.log, "debug: %s\n", term.Clean(fmt.Sprintf(format, args...)))
		}
	}
	cfg, fs := config.Load(t.octoFlags.config, opt)
	t.cfg = cfg
	t.tell(fs)
	return finding.AsError(fs) == nil
}

// tell logs findings; when quiet, only warnings and errors.
func (t *octoTool) tell(fs []finding.Finding) {
	for _, f := range tidy(fs) {
		if f.Silenced != "" || t.octoFlags.quiet && f.Severity == finding.Info {
			continue
		}
		fmt.Fprintln(t.log, f)
	}
}

func (t *octoTool) logf(format string, args ...any) {
	if !t.octoFlags.quiet {
		fmt.Fprintf(t.log, format+"\n", args...)
	}
}

// zones reads zone arguments; they must be spelled with a final dot, as in the configuration.
func (t *octoTool) zones() ([]zone.Name, error) {
	var out []zone.Name
	for _, arg := range t.args {
		if !strings.HasSuffix(arg, ".") {
			return nil, fmt.Errorf("invalid zone name %q: missing ending dot", arg)
		}
		n, err := zone.ParseName(arg)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func syncFlags(o *octoFlags, fs *pflag.FlagSet) {
	fs.BoolVar(&o.doit, "doit", false, "apply; without it the plan is only shown")
	fs.BoolVar(&o.force, "force", false, "apply even if thresholds are exceeded")
	fs.StringVar(&o.checksum, "checksum", "", "apply only if the plans have this `checksum`")
	fs.StringArrayVar(&o.sources, "source", nil, "only zones that use this `source`")
	fs.StringArrayVar(&o.targets, "target", nil, "only this `target`")
}

// octoSync plans, shows, and applies when told to.
func octoSync(ctx context.Context, t *octoTool) int {
	names, err := t.zones()
	if err != nil {
		return t.badUsage("%v", err)
	}
	if !t.open() {
		return 1
	}
	defer t.cfg.Close()
	if t.cfg.Manager.AutoArpa != nil && (len(t.sources) > 0 || len(t.targets) > 0) {
		fmt.Fprintln(t.log, "error: with auto_arpa all zones have to be planned together; leave --source and --target out")
		return 1
	}
	p := &flow.Planner{Config: t.cfg, Run: runID()}
	serr := t.openState(ctx, p)
	if p.Store != nil {
		defer p.Store.Close()
	}
	req := flow.Request{Zones: names, Sources: t.sources, Targets: t.targets}
	if t.force {
		req.Allow = []plan.Allowance{{Guard: "*", Reason: "--force"}}
	}
	run := p.Plan(ctx, req)
	slices.SortStableFunc(run.Plans, func(a, b *plan.Plan) int { // octoDNS: long names first
		return len(b.Target.Zone.String()) - len(a.Target.Zone.String())
	})
	t.tell(run.Findings)
	if err := t.show(run.Plans); err != nil {
		fmt.Fprintln(t.log, "error:", err)
		return 1
	}
	for _, pl := range run.Plans {
		t.tell(pl.Held)
	}
	broken := finding.AsError(run.Findings) != nil || run.Held()
	sum := checksum(run.Plans)
	if t.cfg.Manager.EnableChecksum && sum != "" {
		fmt.Fprintf(t.log, "checksum=%s\n", sum)
	}
	refuse := func(format string, args ...any) int {
		fmt.Fprintf(t.log, "error: "+format+"; nothing was written\n", args...)
		return 1
	}
	switch {
	case sum == "" || !t.doit && t.checksum == "":
		return bool2exit(broken)
	case t.checksum != "" && t.checksum != sum:
		return refuse("checksum=%s does not match computed=%s: something has changed since it was shown", t.checksum, sum)
	case t.cfg.Manager.EnableChecksum && t.checksum == "":
		return refuse("enable_checksum is set: look at the plan and run again with --checksum %s", sum)
	case run.Held():
		return refuse("a plan is held, force required")
	case serr != nil:
		return refuse("%v: the journal of writes is kept there", serr)
	}
	return t.apply(ctx, p, run, broken)
}

// openState opens the journal, and tells what became of writes that an earlier run began and did
// not finish. A run that only plans makes no folder for it.
func (t *octoTool) openState(ctx context.Context, p *flow.Planner) error {
	dir := t.cfg.StateDir()
	if _, err := os.Stat(dir); err != nil && !t.doit && t.checksum == "" {
		return nil
	}
	st, err := sqlite.Open(ctx, dir)
	if err != nil {
		return err
	}
	p.Store = st
	left, err := p.Recover(ctx)
	for _, l := range left {
		fmt.Fprintln(t.log, (&session{app: t.app}).leftover(l))
	}
	if err != nil {
		fmt.Fprintln(t.log, "warning: the journal could not be read:", err)
	}
	return nil
}

func bool2exit(bad bool) int {
	if bad {
		return 1
	}
	return 0
}

// apply writes what may be written and tells what became of each target.
func (t *octoTool) apply(ctx context.Context, p *flow.Planner, run *flow.Run, broken bool) int {
	plans := slices.DeleteFunc(slices.Clone(run.Plans), func(pl *plan.Plan) bool { return pl.Empty() || pl.DryRun != "" })
	report, err := p.Apply(ctx, plans, flow.ApplyOptions{Actor: t.actor(), Reason: "octodns-sync"}, nil)
	if err != nil {
		fmt.Fprintln(t.log, "error:", err)
		broken = true
	}
	total := 0
	if report != nil {
		for _, r := range report.Results {
			done := 0
			if r.Receipt != nil {
				done = r.Receipt.Count(provider.Done)
			}
			total += done
			if r.State != "done" && r.State != "unchanged" {
				fmt.Fprintf(t.log, "error: %s: %s: %s\n", r.Target, r.State, r.Error)
				broken = broken || r.State != "unseen"
			}
		}
	}
	t.logf("sync: %d total changes", total)
	return bool2exit(broken)
}

// checksum identifies a set of plans: it covers targets, zones, observed states and changes.
func checksum(plans []*plan.Plan) string {
	var ids []string
	for _, p := range plans {
		if !p.Empty() {
			ids = append(ids, p.Target.String()+" "+p.ID)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	slices.Sort(ids)
	sum := sha256.Sum256([]byte(strings.Join(ids, "\n")))
	return hex.EncodeToString(sum[:])
}

// show renders plans where manager.plan_outputs says; by default in the log.
func (t *octoTool) show(plans []*plan.Plan) error {
	v := view.OctoDNS{Class: func(tg plan.Target) string {
		e, _ := t.cfg.Entry(tg.Provider)
		return e.Class[strings.LastIndexByte(e.Class, '.')+1:]
	}}
	if len(t.cfg.Manager.PlanOutputs) == 0 {
		return v.Logger(t.log, plans)
	}
	for _, e := range t.cfg.Manager.PlanOutputs {
		w, done, err := t.openOutput(e)
		if err != nil {
			return err
		}
		switch e.Class[strings.LastIndexByte(e.Class, '.')+1:] {
		case "PlanJson":
			v.Indent = indent(e)
			err = v.JSON(w, plans)
		case "PlanMarkdown":
			err = v.Markdown(w, plans)
		case "PlanHtml":
			err = v.HTML(w, plans)
		default:
			err = v.Logger(t.log, plans)
		}
		if cerr := done(); err == nil {
			err = cerr
		}
		if err != nil {
			return fmt.Errorf("plan output %s: %w", e.ID, err)
		}
	}
	return nil
}

func indent(e config.Entry) string {
	switch n := e.Tree()["indent"].(type) {
	case int64:
		return strings.Repeat(" ", int(min(max(n, 0), 16)))
	case string:
		return n
	}
	return ""
}

// openOutput opens where a plan output writes to.
func (t *octoTool) openOutput(e config.Entry) (io.Writer, func() error, error) {
	name, _ := e.Tree()["output_filename"].(string)
	if name == "" {
		return t.stdout, func() error { return nil }, nil
	}
	f, err := os.Create(filepath.Clean(name))
	if err != nil {
		return nil, nil, fmt.Errorf("plan output %s: %w", e.ID, err)
	}
	return f, f.Close, nil
}

func validateFlags(o *octoFlags, fs *pflag.FlagSet) {
	fs.BoolVar(&o.all, "all", false, "show all violations instead of stopping at the first zone")
}

// octoValidate loads everything that files say. As in octoDNS, a violation that leniency turned
// into a warning is not clean either; warnings about what octoDNS accepts in silence are.
func octoValidate(ctx context.Context, t *octoTool) int {
	if !t.open() {
		return 1
	}
	defer t.cfg.Close()
	p := &flow.Planner{Config: t.cfg}
	zones, fs := p.Load(ctx, flow.Request{Lenient: t.all})
	finding.Sort(fs)
	t.tell(fs)
	bad := slices.ContainsFunc(fs, func(f finding.Finding) bool {
		return f.Silenced == "" && (f.Severity == finding.Error || f.Severity == finding.Warning && octodns.IsRule(f.ID))
	})
	if !bad {
		t.logf("%d zones are valid", len(zones))
	}
	return bool2exit(bad)
}
