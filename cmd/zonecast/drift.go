package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/plan/view"
	"github.com/zonecast/zonecast/store"
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
		s.whose(ctx, run.Plans)
		return status(exitChanges)
	}
	a.say("No drift: %s as the sources say.", isAre(len(run.Plans), "target"))
	return nil
}

// whose tells, for each target with differences, how many were made there behind zonecast's back
// and how many are changes of the sources that wait to be applied.
func (s *session) whose(ctx context.Context, plans []*plan.Plan) {
	p := s.errPaint()
	s.say("")
	for _, pl := range plans {
		if pl.Empty() {
			continue
		}
		there, waiting, version := s.blame(ctx, pl)
		switch {
		case version == 0:
			s.say("%s: nothing was applied there yet.", pl.Target)
		case waiting == 0:
			s.say("%s %s: %s made there since version %d.", p.Yellow("drift:"), pl.Target, wasWere(there, "change"), version)
		case there == 0:
			s.say("%s: %s not applied yet.", pl.Target, waits(waiting))
		default:
			s.say("%s %s: %s made there since version %d; %s not applied yet.", p.Yellow("drift:"), pl.Target, wasWere(there, "change"), version, waits(waiting))
		}
	}
	s.say("The lines above put it right; `zonecast apply` does that.")
}

// blame sorts the changes of a plan: where the version that was applied last holds what is desired,
// the target was changed since; where it does not, the sources were. version is 0 when nothing
// tells.
func (s *session) blame(ctx context.Context, pl *plan.Plan) (there, waiting int, version int64) {
	versions, err := s.planner.Versions(ctx, store.Filter{Zone: &pl.Target.Zone, Provider: pl.Target.Provider, Limit: 50})
	i := slices.IndexFunc(versions, func(v store.Version) bool { return v.Applied() })
	if err != nil || i < 0 {
		return 0, 0, 0
	}
	v, err := s.store.Version(ctx, versions[i].ID)
	if err != nil || v.Want == nil {
		return 0, 0, 0
	}
	for _, c := range pl.Changes.Sets {
		k := c.Key()
		had, ok := v.Want.Set(k.Owner, k.Type)
		if ok == (c.After != nil) && (!ok || had.Equal(*c.After)) {
			there++
		} else {
			waiting++
		}
	}
	return there, waiting, v.ID
}

// wasWere counts with the verb: "1 change was", "2 changes were".
func wasWere(n int, what string) string {
	if n == 1 {
		return "1 " + what + " was"
	}
	return plural(n, what) + " were"
}

// isAre counts with the verb: "1 target is", "2 targets are".
func waits(n int) string {
	if n == 1 {
		return "1 change of the sources is"
	}
	return plural(n, "change") + " of the sources are"
}

func isAre(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return plural(n, what) + " are"
}
