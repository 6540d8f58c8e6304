package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/flow"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/plan/view"
)

type planArgs struct {
	selection
	allowances
	out      string
	format   string
	detailed bool
	lenient  bool
}

func planCommand(a *app) *cobra.Command {
	var args planArgs
	cmd := &cobra.Command{
		Use:     "plan [ZONE…]",
		GroupID: "main",
		Short:   "Show what would change, and where",
		Long: `Compares what the sources say with what each target holds and shows the difference.
Nothing is written.

Guards look at each plan; what they hold is marked, with the flag that allows it once.
A plan saved with --out can be looked at by somebody else and carried out later, exactly
as it is, by "zonecast apply FILE".

Exits 0, with --detailed-exitcode 2 when there are changes, and 1 when a zone or target
could not be planned.`,
		Example: `  zonecast plan
  zonecast plan example.com --target route53
  zonecast plan --out change.plan
  zonecast plan --format markdown > comment.md
  zonecast plan --allow delete-share --reason "old office is gone"`,
		RunE: func(cmd *cobra.Command, list []string) error {
			if err := args.args(list); err != nil {
				return err
			}
			if a.json && !cmd.Flags().Changed("format") {
				args.format = "json"
			}
			if err := choice("format", args.format, "text", "json", "markdown", "html"); err != nil {
				return err
			}
			return a.plan(cmd.Context(), args)
		},
	}
	f := cmd.Flags()
	args.selection.flags(f)
	f.StringVar(&args.out, "out", "", "save the plan to `FILE`, for apply")
	f.StringVar(&args.format, "format", "text", "how to print it (`FORMAT`): text, json, markdown or html")
	f.BoolVar(&args.detailed, "detailed-exitcode", false, "exit 2 when there are changes")
	f.BoolVar(&args.lenient, "lenient", false, "violations of validation rules are warnings")
	args.allowances.flags(f)
	return cmd
}

func (a *app) plan(ctx context.Context, args planArgs) error {
	req, err := args.request(&args.allowances)
	if err != nil {
		return err
	}
	req.Lenient, a.lenient = args.lenient, args.lenient
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	s.warnNoStore()
	if err := s.leftovers(ctx); err != nil {
		return err
	}
	run := s.planner.Plan(ctx, req)
	finds := slices.Concat(s.findings, run.Findings)
	a.findings(withoutNotes(finds, run.Plans))
	if ctx.Err() != nil {
		return errUnread
	}
	if args.out != "" {
		if err := savePlan(args.out, run.Plans); err != nil {
			return err
		}
	}
	if err := a.showPlans(run.Plans, args.format); err != nil {
		return err
	}
	if args.out != "" {
		a.say("\nSaved to %s; `zonecast apply %s` does exactly this.", args.out, args.out)
	}
	switch {
	case a.bad(finds):
		return status(exitError)
	case args.detailed && run.Changes() > 0:
		return status(exitChanges)
	}
	return nil
}

// withoutNotes leaves out findings that the plans show themselves.
func withoutNotes(finds []finding.Finding, plans []*plan.Plan) []finding.Finding {
	shown := map[string]bool{}
	for _, p := range plans {
		for _, f := range p.Notes {
			shown[f.String()] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(finds), func(f finding.Finding) bool { return shown[f.String()] })
}

// showPlans prints plans as the result.
func (a *app) showPlans(plans []*plan.Plan, format string) error {
	switch format {
	case "json":
		return view.JSON(a.stdout, plans)
	case "markdown":
		return view.Markdown(a.stdout, plans)
	case "html":
		return view.HTML(a.stdout, plans)
	}
	return view.Text(a.stdout, plans, a.style(a.stdout))
}

// savePlan writes a plan file, whole or not at all. Plans may hold what is not public yet, so
// that only the owner can read them.
func savePlan(path string, plans []*plan.Plan) error {
	err := replaceFile(path, 0o600, func(w io.Writer) error { return plan.Encode(w, plans) })
	if err != nil {
		return fmt.Errorf("the plan could not be saved: %w", err)
	}
	return nil
}

// replaceFile writes a file beside the old one and puts it in its place.
func replaceFile(path string, mode os.FileMode, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s was not written: there is no folder %s", path, filepath.Dir(path))
	} else if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone after the rename
	defer f.Close()
	b := bufio.NewWriter(f)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// warnNoStore tells once that there is no state.
func (s *session) warnNoStore() {
	if s.storeErr != nil {
		s.app.findings([]finding.Finding{{
			ID: "state", Severity: finding.Warning,
			Text: s.storeErr.Error(), Fix: "plans can be made without it, but nothing can be applied",
		}})
	}
}

// leftovers looks at writes that an earlier run began and did not finish, and tells what became
// of them.
func (s *session) leftovers(ctx context.Context) error {
	left, err := s.planner.Recover(ctx)
	for _, l := range left {
		fmt.Fprintln(s.stderr, s.leftover(l)) // --quiet too: it is about data
	}
	if err != nil {
		return fmt.Errorf("the journal could not be read: %w", err)
	}
	return nil
}

func (s *session) leftover(l flow.Leftover) string {
	p, e := s.errPaint(), l.Entry
	text := fmt.Sprintf("%s the run of %s by %s ended while it wrote %s to %s",
		p.Yellow("interrupted:"), e.Began.Local().Format("2006-01-02 15:04:05"), e.Actor, plural(e.Changes.Len(), "change"), e.Target)
	switch {
	case l.Outcome == "":
		return fmt.Sprintf("%s\n  what is there now could not be read: %v", text, l.Err)
	case l.Err != nil:
		return fmt.Sprintf("%s\n  read back: %s; the journal could not be closed: %v", text, p.Bold(l.Outcome), l.Err)
	}
	return fmt.Sprintf("%s\n  read back: %s; planning goes on from what is there", text, p.Bold(l.Outcome))
}
