package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/flow"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// applyFlags are what apply and rollback share: how plans are carried out.
type applyFlags struct {
	allowances
	yes       bool
	skipHeld  bool
	onFailure string
	noVerify  bool
	verifyFor time.Duration
	wait      time.Duration
}

func (x *applyFlags) flags(f *pflag.FlagSet) {
	f.BoolVarP(&x.yes, "yes", "y", false, "do not ask")
	x.allowances.flags(f)
	f.BoolVar(&x.skipHeld, "skip-held", false, "leave out what guards hold, and do the rest")
	f.StringVar(&x.onFailure, "on-failure", "continue", "what to do (`WHAT`) when a target fails: continue with the others,\nor compensate: put those already written back")
	f.BoolVar(&x.noVerify, "no-verify", false, "do not ask the name servers for the result")
	f.DurationVar(&x.verifyFor, "verify-timeout", 0, "how long to ask them (`DURATION`), for each target; default as configured")
	f.DurationVar(&x.wait, "wait", time.Minute, "how long to wait (`DURATION`) for a target that another run writes to")
}

func (x *applyFlags) check() error {
	return choice("on-failure", x.onFailure, "continue", "compensate")
}

func (x *applyFlags) options(a *app) flow.ApplyOptions {
	return flow.ApplyOptions{
		Actor: a.actor(), Reason: x.reason(), NoVerify: x.noVerify, VerifyFor: x.verifyFor,
		Compensate: x.onFailure == "compensate", LockFor: x.wait,
	}
}

type applyArgs struct {
	selection
	applyFlags
	file    string
	lenient bool
}

func applyCommand(a *app) *cobra.Command {
	var args applyArgs
	cmd := &cobra.Command{
		Use:     "apply [ZONE… | FILE]",
		GroupID: "main",
		Short:   "Plan, ask, and write to all targets at once",
		Long: `Makes a plan, shows it, asks, and carries it out at all targets side by side. Then each
target's own name servers are asked until they answer the new data.

With the FILE of a saved plan it does exactly that plan. If a target has moved since, it
refuses, says what is different, shows the new plan, and exits 1.

While a guard holds any plan, nothing at all is written and the exit code is 3. Allow the
objection once with --allow GUARD --reason TEXT, or leave those targets out with --skip-held.

A provider that was filled with a zone joins the apex NS of the others when it answers: where
apex_ns is managed, the same run plans that, shows it, asks, and writes it. With --json its
lines say "round": 2; the last report is that of the run, with the exit code and the findings.

A target that fails does not stop the others. Exits 4 when some targets were written and
others not; the same command again continues. Every write is journaled first, so that it may
be interrupted at any point.`,
		Example: `  zonecast apply
  zonecast apply --yes example.com --target route53
  zonecast apply change.plan --yes
  zonecast apply --allow delete-share --reason "old office is gone, ticket 4711"
  zonecast apply --yes --on-failure compensate`,
		RunE: func(cmd *cobra.Command, list []string) error {
			if len(list) == 1 && isPlanFile(list[0]) {
				args.file = list[0]
				if len(args.targets)+len(args.sources) > 0 {
					return usagef("plan again with them", "a saved plan is applied as it is; --target and --source do not go with it")
				}
			} else if err := args.args(list); err != nil {
				return err
			}
			if err := args.check(); err != nil {
				return err
			}
			return a.apply(cmd.Context(), args)
		},
	}
	args.selection.flags(cmd.Flags())
	args.applyFlags.flags(cmd.Flags())
	cmd.Flags().BoolVar(&args.lenient, "lenient", false, "violations of validation rules are warnings")
	return cmd
}

// isPlanFile reports whether an argument is a file, or looks like one, and is not a zone.
func isPlanFile(arg string) bool {
	if info, err := os.Stat(arg); err == nil {
		return info.Mode().IsRegular()
	}
	return strings.ContainsAny(arg, `/\`) || slices.Contains([]string{".plan", ".json"}, filepath.Ext(arg))
}

func (a *app) apply(ctx context.Context, args applyArgs) error {
	req, err := args.request(&args.allowances)
	if err != nil {
		return err
	}
	req.Lenient, a.lenient = args.lenient, args.lenient
	s, err := a.openForWriting(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if args.file != "" {
		return s.applyFile(ctx, args, req)
	}
	run := s.planner.Plan(ctx, req)
	return s.carryOut(ctx, run, args.applyFlags)
}

// openForWriting opens configuration and state and tells of interrupted runs.
func (a *app) openForWriting(ctx context.Context) (*session, error) {
	s, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	if s.storeErr != nil {
		s.close()
		return nil, fmt.Errorf("%w\n  nothing is written without a journal", s.storeErr)
	}
	if err := s.leftovers(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// applyFile carries out a saved plan, or refuses because a target has moved.
func (s *session) applyFile(ctx context.Context, args applyArgs, req flow.Request) error {
	saved, err := readPlan(args.file)
	if err != nil {
		return err
	}
	for _, p := range saved {
		allowSaved(p, req.Allow)
	}
	ready, finds := s.planner.Refresh(ctx, slices.DeleteFunc(slices.Clone(saved), (*plan.Plan).Empty))
	if finding.AsError(finds) == nil {
		return s.carryOut(ctx, &flow.Run{Plans: ready, Findings: finds}, args.applyFlags)
	}
	s.app.findings(finds)
	for _, p := range saved {
		if !slices.Contains(req.Zones, p.Target.Zone) {
			req.Zones = append(req.Zones, p.Target.Zone)
		}
		if !slices.Contains(req.Targets, p.Target.Provider) {
			req.Targets = append(req.Targets, p.Target.Provider)
		}
	}
	run := s.planner.Plan(ctx, req)
	s.app.findings(withoutNotes(run.Findings, run.Plans))
	s.say("\n%s is not applied: nothing was written. What would have to change now:\n", args.file)
	if err := s.newApplyView().plans(run.Plans); err != nil {
		return err
	}
	return status(exitError)
}

func readPlan(path string) ([]*plan.Plan, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("plan %s does not exist", path)
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	plans, err := plan.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return plans, nil
}

// allowSaved lets objections pass that were still held when the plan was saved.
func allowSaved(p *plan.Plan, allow []plan.Allowance) {
	var held []finding.Finding
	for _, f := range p.Held {
		i := slices.IndexFunc(allow, func(al plan.Allowance) bool { return al.Guard == f.ID || al.Guard == "*" })
		if i < 0 || !slices.Contains(plan.GuardIDs(), f.ID) {
			held = append(held, f)
			continue
		}
		f.Silenced = allow[i].Reason
		p.Allowed = append(p.Allowed, f)
	}
	p.Held = held
}

// oneRound shows plans, asks, applies and reports, and goes on with a second round where name servers
// are new.
func (s *session) oneRound(ctx context.Context, run *flow.Run, x applyFlags) error {
	finds := slices.Concat(s.findings, run.Findings)
	s.app.findings(withoutNotes(finds, run.Plans))
	out := s.newApplyView()
	plans, held := writable(run.Plans)
	if !s.quiet || !x.yes || held > 0 { // whoever answers, or has to act, sees what it is about
		if err := out.plans(run.Plans); err != nil {
			return err
		}
	}
	broken := finding.AsError(finds) != nil
	switch {
	case ctx.Err() != nil:
		return errUnread
	case broken && (len(plans) == 0 || selectionFailed(finds)):
		return status(exitError)
	case s.strict && s.bad(finds):
		return errors.New("nothing was written: with --strict, warnings count")
	case held > 0 && !x.skipHeld:
		s.say("\n%s a guard holds %s; nothing was written.\n  Allow what is right once with --allow GUARD --reason TEXT; --skip-held does the rest without.",
			s.errPaint().Red("refused:"), plural(held, "plan"))
		return status(exitRefused)
	case len(plans) == 0 && held > 0:
		return status(exitRefused)
	case len(plans) == 0:
		return nil
	}
	if !x.yes {
		if err := s.confirm(ctx, plans, broken); err != nil {
			return err
		}
	}
	s.end = ending{failed: run.Failed, findings: finds, code: func(r *apply.Report) int {
		return exitOf(s.over(reportExit(r, run.Failed), held, broken))
	}}
	report, err := out.run(ctx, func(observe func(apply.Event)) (*apply.Report, error) {
		return s.planner.Apply(ctx, plans, x.options(s.app), observe)
	}, plans, s.end)
	if err != nil {
		return fmt.Errorf("the journal could not be kept: %w\n  what was written is in the report above; the next run reads the targets again", err)
	}
	code := reportExit(report, run.Failed)
	if zones := joining(report, run.Plans); len(zones) > 0 && code == exitOK && ctx.Err() == nil {
		if err := s.followUp(ctx, zones, run.Plans, x); err != nil {
			return s.half(err)
		}
	}
	return s.over(code, held, broken)
}

// over is the end of a round whose report alone would end with code.
func (s *session) over(code, held int, broken bool) error {
	if code == exitOK && held > 0 {
		code = exitRefused
	}
	if code == exitOK && broken {
		code = exitPartial
	}
	return exit(code)
}

// joining lists the zones whose apex NS cannot be complete yet: a provider was filled in this run,
// and its name servers are not in all of the others' apex NS. plans are all of the run, those that
// asked for nothing too.
func joining(r *apply.Report, plans []*plan.Plan) []zone.Name {
	var zones []zone.Name
	for i := range r.Results {
		res := &r.Results[i]
		z := res.Target.Zone
		if !res.Filled() || !res.Plan.JoinNS || slices.Contains(zones, z) {
			continue
		}
		// Where all plans want one and the same apex NS, and no service added to it, nothing is left.
		wanted, _ := apexNS(res.Plan)
		if len(res.NewServers()) > 0 || slices.ContainsFunc(plans, func(p *plan.Plan) bool {
			ns, ok := apexNS(p)
			return ok && p.Target.Zone == z && !ns.SameData(wanted)
		}) {
			zones = append(zones, z)
		}
	}
	return zones
}

func apexNS(p *plan.Plan) (zone.RRset, bool) {
	if p.Want == nil {
		return zone.RRset{}, false
	}
	return p.Want.Set(p.Target.Zone, zone.TypeNS)
}

// followUp plans zones again that a provider was filled with in this run, and carries that out when
// the apex NS is all that is left to do: a provider joins the others' once it answers. Anything else waits for the next run.
func (s *session) followUp(ctx context.Context, zones []zone.Name, before []*plan.Plan, x applyFlags) error {
	req := flow.Request{Zones: zones}
	for _, p := range before {
		if slices.Contains(zones, p.Target.Zone) && !slices.Contains(req.Targets, p.Target.Provider) {
			req.Targets = append(req.Targets, p.Target.Provider)
		}
	}
	s.round++
	run := s.planner.Plan(ctx, req)
	s.end = ending{failed: run.Failed, findings: s.end.findings}
	if ctx.Err() != nil {
		return errUnread
	}
	s.end.findings = slices.Concat(s.end.findings, run.Findings)
	if len(run.Failed) > 0 {
		s.app.findings(slices.DeleteFunc(run.Findings, func(f finding.Finding) bool { return f.Severity != finding.Error }))
	}
	var plans []*plan.Plan
	for _, p := range run.Plans {
		apexOnly := !p.Base.Missing && len(p.Changes.Settings) == 0 && !slices.ContainsFunc(p.Changes.Sets, func(c zone.Change) bool {
			return c.Key() != zone.Key{Owner: p.Target.Zone, Type: zone.TypeNS}
		})
		if apexOnly && !p.Empty() && len(p.Held) == 0 && p.DryRun == "" {
			plans = append(plans, p)
		}
	}
	switch {
	case len(plans) == 0 && len(run.Failed) > 0:
		return status(exitError)
	case len(plans) == 0:
		return nil
	}
	if !s.json { // there, "round" of each line says so
		fmt.Fprintf(s.stdout, "\nThe new name servers of %s answer now and join the apex NS.\n\n", plural(len(zones), "zone"))
	}
	return s.oneRound(ctx, &flow.Run{Plans: plans, Failed: run.Failed}, x)
}

// half is the end of a run whose first round was written and whose second was not, or not everywhere.
func (s *session) half(err error) error {
	code, ok := errors.AsType[status](err)
	switch {
	case errors.Is(err, errUnread):
		fmt.Fprintf(s.stderr, "\n%s what the report above says is written; the new name servers have not joined the apex NS everywhere.\n", s.errPaint().Yellow("interrupted:"))
	case ok && code == exitError:
		fmt.Fprintln(s.stderr, "\nWhat the reports above say is written; the new name servers have not joined the apex NS everywhere.")
	default:
		return err
	}
	fmt.Fprintln(s.stderr, "  The same command again continues: it reads every target and plans what is left.")
	return status(exitPartial)
}

// writable leaves out plans that ask for nothing or are only shown, and counts those held.
func writable(plans []*plan.Plan) (out []*plan.Plan, held int) {
	for _, p := range plans {
		switch {
		case p.Empty() || p.DryRun != "":
		case len(p.Held) > 0:
			held++
		default:
			out = append(out, p)
		}
	}
	return out, held
}

// selectionFailed reports whether what was asked for does not exist: then nothing is done, since
// the rest is not what was meant.
func selectionFailed(finds []finding.Finding) bool {
	return slices.ContainsFunc(finds, func(f finding.Finding) bool {
		return f.Severity == finding.Error && (f.ID == "unknown-zone" || f.ID == "unknown-provider")
	})
}

// confirm asks whether to go on.
func (s *session) confirm(ctx context.Context, plans []*plan.Plan, broken bool) error {
	if !s.interactive() {
		return errors.New("nothing was written: standard input is no terminal, so nobody can be asked\n  add --yes to apply without asking")
	}
	n := 0
	for _, p := range plans {
		n += p.Changes.Len()
	}
	question := fmt.Sprintf("\nApply %s to %s?", plural(n, "change"), plural(len(plans), "target"))
	if broken {
		question = fmt.Sprintf("\nSome zones or targets could not be planned. Apply %s to the other %s?", plural(n, "change"), plural(len(plans), "target"))
	}
	yes, err := s.ask(ctx, s.errPaint().Bold(question))
	if err != nil {
		return err
	}
	if !yes {
		s.say("Nothing was written.")
		return status(exitError)
	}
	return nil
}

// reportExit says how a run ended. failed are targets that could not even be planned.
func reportExit(r *apply.Report, failed []plan.Target) int {
	done, other := 0, len(failed)
	for _, res := range r.Results {
		switch res.State {
		case apply.Unchanged:
		case apply.DoneState:
			done++
		case apply.Unseen:
			done, other = done+1, other+1
		case apply.Refused, apply.Compensated:
			other++
		default:
			if r := res.Receipt; r != nil && r.Count(provider.NotDone) < len(r.Sets) {
				done++ // a part of it, or nobody knows
			}
			other++
		}
	}
	switch {
	case other == 0:
		return exitOK
	case done > 0:
		return exitPartial
	default:
		return exitError
	}
}
