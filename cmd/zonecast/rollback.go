package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/flow"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/zone"
)

type rollbackArgs struct {
	applyFlags
	zone    zone.Name
	to      int64
	targets []string
}

func rollbackCommand(a *app) *cobra.Command {
	var args rollbackArgs
	cmd := &cobra.Command{
		Use:     "rollback ZONE",
		GroupID: "past",
		Short:   "Put a zone back to an earlier version",
		Long: `Makes a plan that leads back to what an earlier version said, at all targets of the
zone, and carries it out as apply does: guards look at it, it is shown, and it asks.

Without --to it goes back to the state before the newest one. The sources stay as they are:
put them right too, or the next apply brings the newer state back.`,
		Example: `  zonecast rollback example.com
  zonecast history example.com && zonecast rollback example.com --to 12
  zonecast rollback example.com --to 12 --yes --allow always-ask --reason "mail outage"`,
		Args: exactly(1, "name one zone"),
		RunE: func(cmd *cobra.Command, list []string) error {
			var err error
			if args.zone, err = zone.ParseName(list[0]); err != nil {
				return usagef("write it like example.com.", "%q is no zone: %v", list[0], err)
			}
			if err := args.check(); err != nil {
				return err
			}
			return a.rollback(cmd.Context(), args)
		},
	}
	f := cmd.Flags()
	f.Int64Var(&args.to, "to", 0, "the `VERSION` to go back to (see history)")
	f.StringSliceVar(&args.targets, "target", nil, "only this target (`ID` of a provider; repeatable)")
	args.applyFlags.flags(f)
	return cmd
}

func (a *app) rollback(ctx context.Context, args rollbackArgs) error {
	allow, err := args.pairs()
	if err != nil {
		return err
	}
	s, err := a.openForWriting(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	v, err := s.planner.Rollback(ctx, args.zone, args.to)
	switch {
	case errors.Is(err, store.ErrNoVersion):
		return fmt.Errorf("there is no version %d\n  `zonecast history %s` lists them", args.to, args.zone.Unicode())
	case err != nil:
		return err
	}
	was := v.Wish
	if was == nil {
		was = v.Want
	}
	if was == nil {
		return fmt.Errorf("version %d did not keep the whole zone, and cannot be gone back to", v.ID)
	}
	why := fmt.Sprintf("rollback to %d", v.ID)
	s.say("Back to version %d, which was written to %s on %s.\n", v.ID, v.Target, v.Began.Local().Format(timeLayout))
	if v.Wish == nil {
		s.app.findings([]finding.Finding{{
			ID: "rollback-shaped", Severity: finding.Warning,
			Text: fmt.Sprintf("version %d kept the zone as %s was to hold it; at other targets it may differ in what they cannot hold", v.ID, v.Target.Provider),
		}})
	}
	if reason := args.reason(); reason != "" {
		why += ": " + reason
	}
	x := args.applyFlags
	x.reasons = []string{why}
	run := s.planner.Plan(ctx, flow.Request{
		Zones: []zone.Name{args.zone}, Targets: args.targets, Allow: allow,
		Instead: map[zone.Name]*source.Loaded{args.zone: {Zone: was, Revision: fmt.Sprintf("version %d", v.ID)}},
	})
	if err := s.carryOut(ctx, run, x); err != nil {
		return err
	}
	if run.Changes() > 0 {
		s.say("  The sources still say otherwise: put them right, or the next apply brings the newer state back.")
	}
	return nil
}
