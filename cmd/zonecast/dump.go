package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/zone"
)

type dumpArgs struct {
	selection
	from   string
	format string
	to     string
}

func dumpCommand(a *app) *cobra.Command {
	var args dumpArgs
	cmd := &cobra.Command{
		Use:     "dump [ZONE…]",
		GroupID: "look",
		Short:   "Write what a source or provider holds",
		Long: `Prints zones as one source or provider has them; without --from, as all sources of each
zone together say. Only what is read is opened: other credentials are not needed.

Zones that are not configured can be named, too. With --to, each zone goes into a file of
its own; a file that is there keeps its comments and its order.`,
		Example: `  zonecast dump example.com
  zonecast dump --from route53 --format octodns --to zones
  zonecast dump --from powerdns example.net --format bind`,
		RunE: func(cmd *cobra.Command, list []string) error {
			if err := args.args(list); err != nil {
				return err
			}
			if args.format == "" {
				args.format = "octodns"
				if a.json {
					args.format = "json"
				}
			}
			if err := choice("format", args.format, formats...); err != nil {
				return err
			}
			return a.dump(cmd.Context(), args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&args.from, "from", "", "what to read: the `ID` of a source or provider")
	f.StringVar(&args.format, "format", "", "how to write it (`FORMAT`): json, octodns or bind (default octodns)")
	f.StringVar(&args.to, "to", "", "write a file for each zone into `DIR`")
	f.StringSliceVar(&args.sources, "source", nil, "without --from: only zones that use this source (`ID`)")
	f.StringSliceVar(&args.targets, "target", nil, "without named zones: only zones with this target (`ID`)")
	return cmd
}

func (a *app) dump(ctx context.Context, args dumpArgs) error {
	s, err := a.load()
	if err != nil {
		return err
	}
	defer s.close()
	var zones []*zone.Zone
	var finds []finding.Finding
	if args.from == "" {
		zones, finds, err = s.desired(ctx, args.selection)
	} else {
		zones, finds, err = s.held(ctx, args.from, args.selection)
	}
	finds = slices.Concat(s.findings, finds)
	a.findings(finds)
	if err != nil {
		return err
	}
	if a.bad(finds) {
		return status(exitError)
	}
	if args.to == "" {
		return a.printZones(zones, args.format)
	}
	for _, z := range zones {
		changed, err := a.saveZone(args.to, z, args.format)
		for _, path := range changed {
			a.say("wrote %s", path)
		}
		if err != nil {
			return err
		}
		if len(changed) == 0 {
			a.say("%s is up to date", z.Origin().Unicode())
		}
	}
	return nil
}

// desired loads what the sources say.
func (s *session) desired(ctx context.Context, sel selection) ([]*zone.Zone, []finding.Finding, error) {
	req, err := sel.request(nil)
	if err != nil {
		return nil, nil, err
	}
	loaded, finds := s.planner.Load(ctx, req)
	var out []*zone.Zone
	for _, d := range loaded {
		if d.Err == nil && d.Loaded != nil {
			out = append(out, d.Loaded.Zone)
		}
	}
	return out, finds, nil
}

// held loads what one source or provider holds: the named zones, else the configured ones that
// use it, else all that it lists.
func (s *session) held(ctx context.Context, id string, sel selection) ([]*zone.Zone, []finding.Finding, error) {
	src, err := s.cfg.OpenSource(id)
	if err != nil {
		return nil, nil, err
	}
	names := sel.zones
	if len(names) == 0 {
		if names, err = s.zonesOf(ctx, id, src); err != nil {
			return nil, nil, err
		}
	}
	var out []*zone.Zone
	var finds []finding.Finding
	for _, n := range names {
		l, err := src.Load(ctx, n)
		switch {
		case errors.Is(err, source.ErrNoZone):
			finds = append(finds, finding.Finding{ID: "no-zone", Severity: finding.Error, Zone: n.Unicode(), Text: fmt.Sprintf("%s has no zone %s", id, n.Unicode())})
			continue
		case err != nil:
			for _, f := range finding.Of(err, "source") {
				if f.Zone == "" && f.Place.IsZero() {
					f.Text = fmt.Sprintf("zone %s: %s", n.Unicode(), f.Text)
				}
				finds = append(finds, f)
			}
			continue
		}
		finds = append(finds, l.Findings...)
		out = append(out, l.Zone)
	}
	return out, finds, nil
}

// zonesOf lists the zones of a source or provider: configured ones that use it, else those that it
// lists itself.
func (s *session) zonesOf(ctx context.Context, id string, src source.Source) ([]zone.Name, error) {
	zones, _ := s.cfg.Expand(ctx, config.Selection{Source: func(other string) bool { return other == id }})
	var out []zone.Name
	for _, z := range zones {
		uses := func(r config.Ref) bool { return r.ID == id }
		if slices.ContainsFunc(z.Sources, uses) || slices.ContainsFunc(z.Targets, uses) {
			out = append(out, z.Name)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	for n, err := range src.Zones(ctx) {
		if errors.Is(err, errors.ErrUnsupported) {
			return nil, fmt.Errorf("%s cannot list its zones\n  name them", id)
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		out = append(out, n)
	}
	return out, nil
}
