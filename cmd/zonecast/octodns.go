package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
}

// octoFlags are the flags of all of octoDNS's commands.
type octoFlags struct {
	config, loggingConfig, syslogDevice, syslogFacility string
	debug, quiet, stdoutLog, syslog, version            bool

	doit, force, all, lenient, split                          bool
	checksum, outputDir, outputProvider, zone, ignore, format string
	sources, targets, a, b                                    []string
	concurrency                                               int
	timeout                                                   float64
}

// An octoTool is one call of an octoDNS command.
type octoTool struct {
	*app
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
	t := &octoTool{app: a, log: a.stderr}
	stdout, stderr := a.stdout, a.stderr
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.SortFlags = false
	fs.StringVar(&t.octoFlags.config, "config-file", "", "the main configuration `file`")
	fs.BoolVar(&t.octoFlags.debug, "debug", false, "log more")
	fs.BoolVar(&t.octoFlags.quiet, "quiet", false, "log only warnings, errors and the plan")
	fs.BoolVar(&t.stdoutLog, "log-stream-stdout", false, "log to standard output instead of standard error")
	fs.BoolVar(&t.syslog, "log-syslog", false, "log to syslog too")
	fs.StringVar(&t.syslogDevice, "syslog-device", "", "accepted; the system's syslog socket is used")
	fs.StringVar(&t.syslogFacility, "syslog-facility", "local0", "accepted; user is used")
	fs.StringVar(&t.loggingConfig, "logging-config", "", "accepted; has no effect")
	fs.BoolVar(&t.version, "version", false, "print the version")
	tool.flags(&t.octoFlags, fs)
	fs.Usage = func() { fmt.Fprintf(stderr, "usage: %s\n\n%s", tool.usage, fs.FlagUsages()) }
	if err := fs.Parse(nargs(args)); err != nil {
		if err == pflag.ErrHelp {
			return 0
		}
		fs.Usage()
		fmt.Fprintf(stderr, "%s: error: %v\n", name, err)
		return 2
	}
	t.args = fs.Args()
	if t.version {
		fmt.Fprintf(stdout, "%s: zonecast %s\n", name, version)
		return 0
	}
	if t.octoFlags.config == "" {
		fs.Usage()
		fmt.Fprintf(stderr, "%s: error: the following arguments are required: --config-file\n", name)
		return 2
	}
	if t.stdoutLog {
		t.log = stdout
	}
	if t.syslog {
		if w, err := openSyslog(name); err == nil {
			t.log = io.MultiWriter(t.log, w)
		} else {
			fmt.Fprintf(stderr, "%s: syslog cannot be reached: %v\n", name, err)
		}
	}
	return tool.run(ctx, t)
}

// nargs spells lists as octoDNS's argument parser takes them (--a one two --b three) in the way
// that pflag does (--a one --a two --b three).
func nargs(args []string) []string {
	lists := []string{"--a", "--b", "--source", "--target"}
	var out []string
	list := ""
	taken := 0
	for i, arg := range args {
		switch {
		case arg == "--":
			return append(out, args[i:]...)
		case strings.HasPrefix(arg, "-"):
			list, taken = "", 0
			if slices.Contains(lists, arg) {
				list = arg
				continue
			}
			out = append(out, arg)
		case list != "" && (taken == 0 || list == "--a" || list == "--b"):
			out = append(out, list, arg)
			taken++
		default:
			out = append(out, arg)
		}
	}
	if list != "" && taken == 0 {
		out = append(out, list)
	}
	return out
}

func (t *octoTool) badUsage(format string, args ...any) int {
	fmt.Fprintf(t.stderr, "error: "+format+"\n", args...)
	return 2
}

// load reads the configuration; false after an error, which has been told.
func (t *octoTool) open() bool {
	cfg, fs := config.Load(t.octoFlags.config, config.Options{Env: t.env})
	t.cfg = cfg
	t.tell(fs)
	return finding.AsError(fs) == nil
}

// tell logs findings; when quiet, only warnings and errors.
func (t *octoTool) tell(fs []finding.Finding) {
	for _, f := range fs {
		if t.octoFlags.quiet && f.Severity == finding.Info {
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
	st, serr := sqlite.Open(ctx, t.cfg.StateDir())
	if serr == nil {
		defer st.Close()
		p.Store = st
	}
	req := flow.Request{Zones: names, Sources: t.sources, Targets: t.targets}
	if t.force {
		req.Allow = []plan.Allowance{{Guard: "*", Reason: "--force"}}
	}
	run := p.Plan(ctx, req)
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
	if t.checksum != "" && t.checksum != sum {
		fmt.Fprintf(t.log, "error: checksum=%s does not match computed=%s; nothing was written\n", t.checksum, sum)
		return 1
	}
	if !t.doit && t.checksum == "" {
		return bool2exit(broken)
	}
	if t.cfg.Manager.EnableChecksum && t.checksum == "" && sum != "" {
		fmt.Fprintln(t.log, "error: a checksum is required (enable_checksum); nothing was written. Run again with --checksum "+sum)
		return 1
	}
	if run.Held() {
		fmt.Fprintln(t.log, "error: thresholds are exceeded, force required; nothing was written")
		return 1
	}
	if serr != nil {
		fmt.Fprintln(t.log, "error:", serr)
		return 1
	}
	return t.apply(ctx, p, run, broken)
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
		w, done, err := t.output(e)
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

// output opens where a plan output writes to.
func (t *octoTool) output(e config.Entry) (io.Writer, func() error, error) {
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
