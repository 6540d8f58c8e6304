package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/plan/view"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

func compareCommand(a *app) *cobra.Command {
	var soa bool
	cmd := &cobra.Command{
		Use:     "compare A B [ZONE…]",
		GroupID: "look",
		Short:   "Show how two sources, providers or files differ",
		Long: `Shows what turns A into B. Each side is the id of a source or provider, a zone file
(octoDNS YAML when its name ends in .yaml), "desired" for what the sources of each zone say
together, or "live" for what its first target holds.

SOA records are left out unless --soa, and metadata does not count. Exits 0 when both are
the same, 2 when they differ.`,
		Example: `  zonecast compare desired route53
  zonecast compare route53 powerdns example.com
  zonecast compare old.zone zones/example.com.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return &usageError{text: "compare needs two sides", fix: "such as `zonecast compare desired route53`", help: cmd.CommandPath()}
			}
			var sel selection
			if err := sel.args(args[2:]); err != nil {
				return err
			}
			return a.compare(cmd.Context(), args[0], args[1], sel, soa)
		},
	}
	cmd.Flags().BoolVar(&soa, "soa", false, "compare SOA records, too")
	return cmd
}

// A side is one of the two things to compare.
type side struct {
	name  string
	zones map[zone.Name]*zone.Zone
}

func (a *app) compare(ctx context.Context, from, to string, sel selection, soa bool) error {
	var s *session
	names := sel.zones
	for _, arg := range []string{from, to} {
		if isFile(arg) || s != nil {
			continue
		}
		var err error
		if s, err = a.load(); err != nil {
			return err
		}
		defer s.close()
	}
	sides := make([]side, 2)
	args := []string{from, to}
	// Files first: they say which zone it is about.
	order := []int{0, 1}
	if !isFile(from) && isFile(to) {
		order = []int{1, 0}
	}
	for _, i := range order {
		zones, finds, err := a.side(ctx, s, args[i], names)
		a.findings(finds)
		if err != nil {
			return err
		}
		if a.bad(finds) {
			return status(exitError)
		}
		sides[i] = side{args[i], map[zone.Name]*zone.Zone{}}
		for _, z := range zones {
			sides[i].zones[z.Origin()] = z
			if isFile(args[i]) && !slices.Contains(names, z.Origin()) {
				names = append(names, z.Origin())
			}
		}
	}
	plans := comparePlans(sides[0], sides[1], soa)
	changes := 0
	for _, p := range plans {
		changes += p.Changes.Len()
	}
	if a.json {
		if err := view.JSON(a.stdout, plans); err != nil {
			return err
		}
	} else if changes > 0 {
		if err := view.Text(a.stdout, plans, a.style(a.stdout)); err != nil {
			return err
		}
	} else {
		a.say("No difference in %s.", plural(len(plans), "zone"))
	}
	if changes > 0 {
		return status(exitChanges)
	}
	return nil
}

func isFile(arg string) bool {
	info, err := os.Stat(arg)
	return err == nil && info.Mode().IsRegular() || err != nil && strings.ContainsAny(arg, "/\\")
}

// side loads one side.
func (a *app) side(ctx context.Context, s *session, arg string, names []zone.Name) ([]*zone.Zone, []finding.Finding, error) {
	if isFile(arg) {
		var origin *zone.Name
		if len(names) == 1 {
			origin = &names[0]
		}
		z, finds, err := readZoneFile(arg, origin)
		if err != nil {
			return nil, finds, err
		}
		return []*zone.Zone{z}, finds, nil
	}
	sel := selection{zones: names}
	_, isEntry := s.cfg.Entry(arg)
	switch {
	case isEntry:
		return s.held(ctx, arg, sel)
	case arg == "desired":
		return s.desired(ctx, sel)
	case arg == "live":
		return s.live(ctx, sel)
	}
	var ids []string
	for _, e := range s.cfg.Providers {
		ids = append(ids, e.ID)
	}
	ids = append(ids, "desired", "live")
	fix := "name a file, or one of " + strings.Join(ids, ", ")
	if near := finding.Nearest(arg, ids); near != "" {
		fix = "did you mean " + near + "?"
	}
	return nil, nil, usagef(fix, "there is no source, provider or file %q", arg)
}

// live loads each zone from its first target.
func (s *session) live(ctx context.Context, sel selection) ([]*zone.Zone, []finding.Finding, error) {
	req, _ := sel.request(nil)
	zones, finds := s.planner.Select(ctx, req)
	var out []*zone.Zone
	for _, z := range zones {
		if len(z.Targets) == 0 {
			finds = append(finds, finding.Finding{ID: "no-target", Severity: finding.Error, Place: z.Place, Text: fmt.Sprintf("zone %s has no target", z.Name.Unicode())})
			continue
		}
		got, fs, err := s.held(ctx, z.Targets[0].ID, selection{zones: []zone.Name{z.Name}})
		finds = append(finds, fs...)
		if err != nil {
			return nil, finds, err
		}
		out = append(out, got...)
	}
	return out, finds, nil
}

// comparePlans makes a plan for each zone of either side that turns a into b.
func comparePlans(a, b side, soa bool) []*plan.Plan {
	var names []zone.Name
	for n := range a.zones {
		names = append(names, n)
	}
	for n := range b.zones {
		names = append(names, n)
	}
	slices.SortFunc(names, zone.Name.Compare)
	var out []*plan.Plan
	for _, n := range slices.Compact(names) {
		old, now := a.zones[n], b.zones[n]
		if old == nil {
			old = zone.Empty(n)
		}
		if now == nil {
			now = zone.Empty(n)
		}
		p := &plan.Plan{
			Target: plan.Target{Provider: b.name + ", compared with " + a.name, Zone: n},
			Base:   &provider.Snapshot{Info: provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: n}}, Sets: old},
		}
		for c := range zone.Diff(old, now) {
			if k := c.Key(); k.Type == zone.TypeSOA && k.Owner == n && !soa {
				continue
			}
			if c.Updates() && answers(*c.Before).Equal(answers(*c.After)) {
				continue
			}
			p.Changes.Sets = append(p.Changes.Sets, c)
		}
		out = append(out, p)
	}
	return out
}

// answers is the set without what is written about it but makes no difference to who asks for it:
// as in octoDNS, metadata does not count.
func answers(r zone.RRset) zone.RRset {
	r.Extra = r.Extra.Filter(func(key string) bool {
		return key == octodns.ExtraDynamic || key == octodns.ExtraGeo
	})
	return r
}
