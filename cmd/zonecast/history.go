package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/zone"
)

func historyCommand(a *app) *cobra.Command {
	var target string
	var limit int
	cmd := &cobra.Command{
		Use:     "history [ZONE]",
		GroupID: "past",
		Short:   "List what was written, when, by whom and why",
		Example: `  zonecast history
  zonecast history example.com --target route53 --limit 5
  zonecast history --json`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return usagef("write how many versions to list", "--limit cannot be %d", limit)
			}
			f := store.Filter{Provider: target, Limit: limit}
			if len(args) == 1 {
				n, err := zone.ParseName(args[0])
				if err != nil {
					return usagef("write it like example.com.", "%q is no zone: %v", args[0], err)
				}
				f.Zone = &n
			}
			return a.history(cmd.Context(), f)
		},
	}
	cmd.Flags().StringVar(&target, "target", "", "only this target (`ID` of a provider)")
	cmd.Flags().IntVar(&limit, "limit", 20, "at most so many versions (`N`), newest first")
	return cmd
}

// errNoState is why there is no history.
func (s *session) needStore() error {
	if s.storeErr != nil {
		return s.storeErr
	}
	return nil
}

func (a *app) history(ctx context.Context, f store.Filter) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.needStore(); err != nil {
		return err
	}
	versions, err := s.planner.Versions(ctx, f)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if a.json {
		list := make([]versionJSON, len(versions))
		for i := range versions {
			list[i] = versionOf(&versions[i])
		}
		return a.printJSON(map[string]any{"versions": list})
	}
	if len(versions) == 0 {
		a.say("Nothing was written yet.")
		return nil
	}
	return a.writeHistory(versions)
}

func showCommand(a *app) *cobra.Command {
	var zoneToo bool
	cmd := &cobra.Command{
		Use:     "show VERSION",
		GroupID: "past",
		Short:   "Show one version: what it changed, and the zone after it",
		Example: `  zonecast show 12
  zonecast show 12 --zone > example.com.zone
  zonecast show 12 --json`,
		Args: exactly(1, "name a version; `zonecast history` lists them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := versionID(args[0])
			if err != nil {
				return err
			}
			return a.show(cmd.Context(), id, zoneToo)
		},
	}
	cmd.Flags().BoolVar(&zoneToo, "zone", false, "print the whole zone as it was after the version, as a zone file")
	return cmd
}

func versionID(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 1 {
		return 0, usagef("`zonecast history` lists them", "%q is no version", s)
	}
	return id, nil
}

func (a *app) show(ctx context.Context, id int64, zoneToo bool) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.needStore(); err != nil {
		return err
	}
	v, err := s.store.Version(ctx, id)
	if errors.Is(err, store.ErrNoVersion) {
		return fmt.Errorf("there is no version %d\n  `zonecast history` lists them", id)
	} else if err != nil {
		return err
	}
	switch {
	case a.json:
		out := versionOf(v)
		out.Changes = changesJSON(v)
		if zoneToo && v.Want != nil {
			out.Zone = zoneJSON(v.Want)
		}
		return a.printJSON(out)
	case zoneToo:
		if v.Want == nil {
			return fmt.Errorf("version %d did not keep the whole zone", id)
		}
		return a.printZones([]*zone.Zone{v.Want}, "bind")
	}
	return a.writeVersion(v)
}

// versionJSON is a version in JSON.
type versionJSON struct {
	ID         int64           `json:"id"`
	Run        string          `json:"run"`
	Provider   string          `json:"provider"`
	Target     string          `json:"zone"`
	Began      time.Time       `json:"began"`
	Ended      *time.Time      `json:"ended,omitempty"`
	Outcome    string          `json:"outcome"`
	Error      string          `json:"error,omitempty"`
	Actor      string          `json:"actor"`
	Reason     string          `json:"reason,omitempty"`
	Sources    []string        `json:"sources,omitempty"`
	Revision   string          `json:"revision,omitempty"`
	Plan       string          `json:"plan"`
	Generation uint64          `json:"generation"`
	Creates    int             `json:"creates"`
	Updates    int             `json:"updates"`
	Deletes    int             `json:"deletes"`
	Changes    json.RawMessage `json:"changes,omitempty"`
	Zone       any             `json:"records,omitempty"`
}

func versionOf(v *store.Version) versionJSON {
	out := versionJSON{
		ID: v.ID, Run: v.Run, Provider: v.Target.Provider, Target: v.Target.Zone.String(), Began: v.Began,
		Outcome: v.Outcome, Error: v.Error, Actor: v.Actor, Reason: v.Reason, Sources: v.Sources, Revision: v.Revision,
		Plan: v.PlanID, Generation: v.Generation, Creates: v.Creates, Updates: v.Updates, Deletes: v.Deletes,
	}
	if !v.Ended.IsZero() {
		out.Ended = &v.Ended
	}
	return out
}
