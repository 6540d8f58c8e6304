package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

type conformanceArgs struct {
	provider string
	zone     string
	only     string
	levels   []int
	large    bool
	list     bool
	report   string

	yes        bool
	force      bool
	maxRecords int
	save       string
	restore    string

	ask      bool
	patience time.Duration
	create   string
	readOnly string
}

func conformanceCommand(a *app) *cobra.Command {
	var args conformanceArgs
	cmd := &cobra.Command{
		Use:     "conformance PROVIDER --zone ZONE",
		GroupID: "look",
		Short:   "Prove an adapter against a real account, in a zone for trying",
		Long: `Runs the suite that every adapter passes in zonecast's own tests against an account of the
configuration. It reads, writes, breaks connections, writes as two at once, and tells for each
group of attacks whether the adapter stood them.

The zone is emptied for that, and put back as it was found at the end: also after a failure,
and after Ctrl-C. Take one that nobody needs. It is saved to a file first; when the process was
killed, --restore FILE puts it back. A zone with more than --max-records records, or with things
that zonecast could not put back, is not touched without --force.

What the service refuses, such as a name, a type or more records than the account's plan has, is
shown and is no failure. Groups that need more than an account are skipped: --create, --read-only
and --large give some of it.

Exits 0 when all is well, 1 when something failed, 3 when the zone was not touched, 4 when the
zone could not be put back.`,
		Example: `  zonecast conformance route53 --zone try.example.net
  zonecast conformance powerdns --zone try.example.net --level 0 --level 1 --yes
  zonecast conformance cloudflare --zone try.example.net --only TXT --report report.md
  zonecast conformance cloudflare --restore /tmp/zonecast-kept-try.example.net-1.json
  zonecast conformance --list`,
		Args:              atMost(1),
		ValidArgsFunction: a.completeIDs,
		RunE: func(cmd *cobra.Command, list []string) error {
			if args.list {
				return a.conformanceList(args)
			}
			if len(list) == 0 {
				return usagef("name a provider of the configuration", "conformance does not know which account to attack")
			}
			args.provider = list[0]
			if args.restore != "" {
				return a.conformanceRestore(cmd.Context(), args)
			}
			return a.conformance(cmd.Context(), args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&args.zone, "zone", "", "the `ZONE` to empty, use and put back")
	f.StringVar(&args.only, "only", "", "only groups whose name contains `TEXT`")
	f.IntSliceVar(&args.levels, "level", nil, "only groups of level `N`, 0 to 7 (repeatable)")
	f.BoolVar(&args.large, "large", false, "also 5,000 RRsets and more: long, and perhaps not free of charge")
	f.StringVar(&args.report, "report", "", "write a report to `FILE`: JSON when it ends in .json, else Markdown")
	f.BoolVar(&args.list, "list", false, "list the groups and do nothing")
	f.BoolVar(&args.yes, "yes", false, "do not ask for the zone's name")
	f.BoolVar(&args.force, "force", false, "start although the zone is large or cannot be put back whole")
	f.IntVar(&args.maxRecords, "max-records", 200, "leave a zone with more than `N` records alone")
	f.StringVar(&args.save, "save", "", "save the zone to this new `FILE` (default: one in the folder for temporary files)")
	f.StringVar(&args.restore, "restore", "", "put a zone back that was saved to `FILE`, and do nothing else")
	f.BoolVar(&args.ask, "ask", false, "ask the provider's name servers for every change")
	f.DurationVar(&args.patience, "patience", 2*time.Minute, "with --ask: the `DURATION` that name servers may take to follow")
	f.StringVar(&args.create, "create", "", "a `ZONE` that does not exist and may be created and deleted")
	f.StringVar(&args.readOnly, "read-only", "", "the `ID` of the same account with credentials that may only read")
	return cmd
}

func (a *app) conformanceList(args conformanceArgs) error {
	list := conformance.Groups(conformance.Subject{Only: args.only, Levels: args.levels})
	if a.json {
		return a.printJSON(map[string]any{"groups": list})
	}
	var types int
	rows := [][]string{{"level", "group", "proves the capability"}}
	for _, g := range list {
		proves := strings.Join(g.Proves, " ")
		if strings.HasPrefix(g.Group, "type ") { // a group for each type: one line tells of all
			if types++; types > 1 {
				continue
			}
			proves = "Types: one group for each type that the adapter declares"
		}
		rows = append(rows, []string{fmt.Sprintf("L%d", g.Level), g.Group, proves})
	}
	for _, row := range rows {
		if types > 1 && strings.HasPrefix(row[1], "type ") {
			row[1] = fmt.Sprintf("type … (%d)", types)
		}
	}
	a.table(rows)
	a.say("\nLevels: 0 reading, 1 types and plans, 2 edges of text and names, 3 many records, 4 faults and wrong\n" +
		"rights, 5 several at once, 6 zones and apex NS, 7 very large zones.")
	return nil
}

func (a *app) conformance(ctx context.Context, args conformanceArgs) error {
	if args.zone == "" {
		return usagef("add --zone ZONE, one that nobody needs", "conformance does not know which zone it may empty")
	}
	origin, err := zone.ParseName(args.zone)
	if err != nil {
		return usagef("write it like example.com.", "%q is no zone: %v", args.zone, err)
	}
	for _, l := range args.levels {
		if l < 0 || l > 7 {
			return usagef("levels are 0 to 7; `zonecast conformance --list` shows them", "there is no level %d", l)
		}
	}
	t := attack{app: a, args: args}
	p, err := t.open(args.provider, nil)
	if err != nil {
		return err
	}
	kept, err := conformance.Keep(ctx, p, provider.ZoneRef{Origin: origin}, conformance.KeepOptions{
		File: args.save, Account: args.provider, MaxRecords: args.maxRecords, Force: args.force, Now: time.Now(),
	})
	if refusal, ok := errors.AsType[*conformance.Refusal](err); ok {
		a.refusal(refusal)
		return status(exitRefused)
	}
	if errors.Is(err, provider.ErrNoZone) {
		return fmt.Errorf("%s has no zone %s: nothing was written\n  create it there first, with `zonecast apply` or by hand; it may be empty", args.provider, origin.Unicode())
	}
	if err != nil {
		return err
	}
	if err := a.confirmZone(ctx, args, kept); err != nil {
		_ = os.Remove(kept.Path)
		return err
	}
	a.say("Zone %s is saved in %s and will be put back.", origin.Unicode(), kept.Path)
	report := t.run(ctx, p, kept)
	return a.conformanceEnd(ctx, args, report, kept)
}

func (a *app) refusal(r *conformance.Refusal) {
	fmt.Fprintf(a.stderr, "%s zone %s is not touched:\n", a.errPaint().Yellow("refused:"), term.Clean(r.Zone.Unicode()))
	for _, why := range r.Reasons {
		fmt.Fprintf(a.stderr, "  %s\n", term.Clean(why))
	}
	fmt.Fprintf(a.stderr, "  Take a zone that nobody needs; --force starts all the same.\n")
}

// confirmZone has somebody type the name of the zone that will be emptied.
func (a *app) confirmZone(ctx context.Context, args conformanceArgs, k *conformance.Kept) error {
	if args.yes {
		return nil
	}
	name := k.Ref.Origin.Unicode()
	if !a.interactive() {
		return errors.New("nothing was written: standard input is no terminal, so nobody can be asked\n  add --yes to start without asking")
	}
	fmt.Fprintf(a.stderr, "Zone %s at %s holds %s. %s\n", a.errPaint().Bold(term.Clean(name)), term.Clean(args.provider), plural(len(k.Text), "record"),
		"It is emptied now, filled and emptied many times, and put back at the end;\nuntil then nobody who asks for it gets the right answer.")
	fmt.Fprint(a.stderr, "Type the zone's name to start: ")
	line, err := a.typed(ctx)
	if err != nil {
		return err
	}
	if n, err := zone.ParseName(line); line == "" || err != nil || n != k.Ref.Origin {
		return errors.New("nothing was written: that is not the zone's name")
	}
	return nil
}

// conformanceEnd shows what was found out and returns the exit code.
func (a *app) conformanceEnd(ctx context.Context, args conformanceArgs, r *conformance.Report, k *conformance.Kept) error {
	if args.report != "" {
		if err := saveReport(args.report, r); err != nil {
			fmt.Fprintf(a.stderr, "%s the report was not written: %v\n", a.errPaint().Red("error:"), err)
		}
	}
	if a.json {
		if err := a.printJSON(r); err != nil {
			return err
		}
	} else {
		a.writeConformance(r)
	}
	if r.NotRestored != "" {
		fmt.Fprintf(a.stderr, "%s %s\n  `zonecast conformance %s --restore %s` tries again.\n", a.errPaint().Red("error:"), term.Clean(r.NotRestored), args.provider, k.Path)
		return status(exitPartial)
	}
	a.say("Zone %s is as it was found.", k.Ref.Origin.Unicode())
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; the groups that are missing were not run")
	case r.Failed():
		return status(exitError)
	}
	return nil
}

func saveReport(path string, r *conformance.Report) error {
	if strings.HasSuffix(path, ".json") {
		data, err := r.JSON()
		if err != nil {
			return err
		}
		return os.WriteFile(path, data, 0o644)
	}
	return os.WriteFile(path, []byte(conformance.Table(r)), 0o644)
}

// writeConformance prints one line for each group that had something to say.
func (a *app) writeConformance(r *conformance.Report) {
	p := a.outPaint()
	rows := [][]string{{"level", "group", "result", "states", "took", ""}}
	var failed, refused []conformance.Result
	var passed, skipped, undeclared int
	for _, x := range r.Results {
		result, why := p.Green("passed"), strings.Join(x.Notes, "; ")
		if n := len(x.Refused()); n > 0 {
			refused, why = append(refused, x), plural(n, "state")+" refused, see below"
		}
		switch x.Status {
		case conformance.Passed:
			passed++
		case conformance.Failed:
			result, failed = p.Red("failed"), append(failed, x)
		default:
			if x.NotDeclared() {
				undeclared++
				continue
			}
			skipped++
			result = p.Dim("skipped")
			if why == "" {
				why = x.Reason
			}
		}
		rows = append(rows, []string{fmt.Sprintf("L%d", x.Level), x.Group, result, fmt.Sprint(x.Steps), x.Took.Round(time.Millisecond).String(), term.Clean(firstOf(why))})
	}
	a.table(rows)
	for _, x := range failed {
		fmt.Fprintf(a.stdout, "\n%s %s\n", p.Red("failed:"), x.Group)
		for line := range strings.Lines(x.Reason) {
			fmt.Fprintf(a.stdout, "  %s\n", term.Clean(strings.TrimRight(line, "\n")))
		}
	}
	a.writeRefused(refused)
	for _, claim := range r.Unproven {
		fmt.Fprintf(a.stdout, "\n%s capability %s is claimed, and no group that passed proves it\n", p.Red("failed:"), claim)
	}
	if len(r.Untested) > 0 {
		fmt.Fprintf(a.stdout, "\nclaimed, and not tested for lack of means: %s\n", strings.Join(r.Untested, ", "))
	}
	fmt.Fprintf(a.stdout, "\n%d passed, %d failed, %d skipped", passed, len(failed), skipped)
	if undeclared > 0 {
		fmt.Fprintf(a.stdout, "; %s left out, for the adapter does not declare what they prove", plural(undeclared, "group"))
	}
	fmt.Fprintln(a.stdout)
}

// writeRefused shows what the service refused, as far as it fits on a screen.
func (a *app) writeRefused(list []conformance.Result) {
	if len(list) == 0 {
		return
	}
	const most = 4
	width := max(80, cmp.Or(a.width(), 160)) - 4
	fmt.Fprintf(a.stdout, "\n%s which is no failure: names, sizes or types that it does not take, or not on this account.\n", a.outPaint().Yellow("refused by the service,"))
	for _, x := range list {
		fmt.Fprintf(a.stdout, "  %s\n", x.Group)
		texts := x.Refused()
		for i, text := range texts {
			if i == most {
				fmt.Fprintf(a.stdout, "    … and %d more; --report FILE has all of them\n", len(texts)-most)
				break
			}
			fmt.Fprintf(a.stdout, "    %s\n", term.Cut(term.Clean(text), width))
		}
	}
}

func firstOf(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// conformanceRestore puts back what an earlier run saved and could not put back.
func (a *app) conformanceRestore(ctx context.Context, args conformanceArgs) error {
	k, err := conformance.LoadKept(args.restore)
	if err != nil {
		return err
	}
	if k.Account != args.provider && !args.force {
		return usagef("name that one, or add --force", "%s was saved from %s, not from %s", args.restore, k.Account, args.provider)
	}
	if args.zone != "" {
		if n, err := zone.ParseName(args.zone); err != nil || n != k.Ref.Origin {
			return usagef("leave --zone out", "%s holds zone %s, not %s", args.restore, k.Ref.Origin.Unicode(), args.zone)
		}
	}
	p, err := (attack{app: a, args: args}).open(args.provider, nil)
	if err != nil {
		return err
	}
	if closer, ok := p.(provider.Closer); ok {
		defer func() { _ = closer.Close() }()
	}
	if !args.yes {
		if !a.interactive() {
			return errors.New("nothing was written: standard input is no terminal, so nobody can be asked\n  add --yes to start without asking")
		}
		yes, err := a.ask(ctx, fmt.Sprintf("Make zone %s at %s what it was on %s (%s)?", k.Ref.Origin.Unicode(), term.Clean(args.provider), k.Saved.Format(time.DateTime), plural(len(k.Text), "record")))
		if err != nil {
			return err
		}
		if !yes {
			return errors.New("nothing was written")
		}
	}
	if err := k.Restore(ctx, p); err != nil {
		fmt.Fprintf(a.stderr, "%s %v\n", a.errPaint().Red("error:"), err)
		return status(exitPartial)
	}
	a.say("Zone %s is as it was saved. %s is not needed any more.", k.Ref.Origin.Unicode(), args.restore)
	return nil
}

// levels are those of a list, sorted.
func levels(list []int) []int { return slices.Compact(slices.Sorted(slices.Values(list))) }
