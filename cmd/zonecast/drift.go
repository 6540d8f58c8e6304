package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/plan/view"
)

func driftCommand(a *app) *cobra.Command {
	var sel selection
	cmd := &cobra.Command{
		Use:     "drift [ZONE…]",
		GroupID: "main",
		Short:   "Tell whether targets hold what they should",
		Long: `Reads every target and shows where it differs from what the sources say: changes that
somebody made at a provider, and changes of the sources that were not applied yet.

Exits 0 when there is no difference, 2 when there is one. "zonecast apply" repairs it.`,
		Example: `  zonecast drift
  zonecast drift example.com --target route53
  zonecast drift --quiet || mail -s "DNS has drifted" ops@example.com`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := sel.args(args); err != nil {
				return err
			}
			return a.drift(cmd.Context(), sel)
		},
	}
	sel.flags(cmd.Flags())
	return cmd
}

func (a *app) drift(ctx context.Context, sel selection) error {
	req, err := sel.request(nil)
	if err != nil {
		return err
	}
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
	if a.json {
		err = view.JSON(a.stdout, run.Plans)
	} else if run.Changes() > 0 {
		err = view.Text(a.stdout, run.Plans, a.style(a.stdout))
	}
	switch {
	case err != nil:
		return err
	case a.bad(finds):
		return status(exitError)
	case run.Changes() > 0:
		a.say("\n%s The lines above put it right; `zonecast apply` does that.", a.errPaint().Yellow("Drift:"))
		return status(exitChanges)
	}
	a.say("No drift: %s as the sources say.", isAre(len(run.Plans), "target"))
	return nil
}

// isAre counts with the verb: "1 target is", "2 targets are".
func isAre(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return plural(n, what) + " are"
}
