package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// holders are the accounts that hold each zone.
type holders map[zone.Name][]string

// route gives targets to zones of a zonecast.yaml that name none: the account that holds a zone of
// that name. Two accounts that hold it are reported, never guessed between; so is a zone that
// only exists as part of a larger one, and one whose records belong to a child zone that an
// account holds without its being configured.
func (p *Planner) route(ctx context.Context, zones []config.Zone) ([]config.Zone, holders, []finding.Finding) {
	if !slices.ContainsFunc(zones, p.unrouted) {
		return zones, nil, nil
	}
	held, finds := p.held(ctx)
	out := slices.Clone(zones)
	for i, z := range out {
		if !p.unrouted(z) {
			continue
		}
		f := finding.Finding{Severity: finding.Error, Place: z.Place, Zone: z.Name.Unicode()}
		switch ids := held[z.Name]; len(ids) {
		case 1:
			out[i].Targets = []config.Ref{{ID: ids[0], Place: z.Place}}
			continue
		case 0:
			f.ID, f.Text = "no-target", fmt.Sprintf("zone %s names no targets, and no configured provider holds it", z.Name.Unicode())
			f.Fix = "add targets: with the providers that are to serve it"
			for parent := z.Name.Parent(); !parent.IsRoot(); parent = parent.Parent() {
				if ids := held[parent]; len(ids) > 0 {
					f.Text += fmt.Sprintf("; %s holds %s, of which it would be a part", strings.Join(ids, " and "), parent.Unicode())
					break
				}
			}
		default:
			f.ID, f.Text = "ambiguous-target", fmt.Sprintf("zone %s names no targets, and %s hold it", z.Name.Unicode(), strings.Join(ids, " and "))
			f.Fix = "add targets: with those that are meant; name both to keep them alike"
		}
		finds = append(finds, f)
	}
	return out, held, finds
}

// unrouted reports whether a zone is to be given its targets.
func (p *Planner) unrouted(z config.Zone) bool {
	return p.Config.Format == config.Zonecast && len(z.Targets) == 0 && len(z.Sources) > 0 && !z.IsAlias()
}

// held lists the zones of all accounts that are not only read from.
func (p *Planner) held(ctx context.Context) (holders, []finding.Finding) {
	sources := map[string]bool{}
	for _, z := range p.Config.Zones {
		for _, r := range z.Sources {
			sources[r.ID] = true
		}
	}
	out := holders{}
	var finds []finding.Finding
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, e := range p.Config.Providers {
		if sources[e.ID] || !e.Writable() || !e.HasAdapter() {
			continue
		}
		wg.Go(func() {
			names, err := p.zonesOf(ctx, e.ID)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && !errors.Is(err, errors.ErrUnsupported) {
				finds = append(finds, finding.Finding{
					ID: "no-target", Severity: finding.Error, Place: e.Place, Subject: "provider " + e.ID,
					Text: fmt.Sprintf("the zones of %s cannot be listed, so that zones without targets have none: %v", e.ID, err), Fix: "write targets: for every zone",
				})
			}
			for _, n := range names {
				out[n] = append(out[n], e.ID)
			}
		})
	}
	wg.Wait()
	for _, ids := range out {
		slices.Sort(ids)
	}
	finding.Sort(finds)
	return out, finds
}

func (p *Planner) zonesOf(ctx context.Context, id string) (names []zone.Name, err error) {
	a, err := p.account(id)
	if err != nil {
		return nil, err
	}
	err = a.do(ctx, func() error {
		for info, err := range a.Zones(ctx) {
			if err != nil {
				return err
			}
			names = append(names, info.Origin)
		}
		return nil
	})
	return names, err
}

// misplaced reports records that belong to a longer zone that an account holds: written to the
// shorter one they would never be answered.
func misplaced(d *Desired, held holders, configured func(zone.Name) bool) []finding.Finding {
	if d.Loaded == nil {
		return nil
	}
	var out []finding.Finding
	for child, ids := range held {
		if !child.Below(d.Config.Name) || configured(child) {
			continue
		}
		for set := range d.Loaded.Zone.Under(child) {
			if set.Owner == child && (set.Type == zone.TypeNS || set.Type == zone.TypeDS) {
				continue
			}
			out = append(out, finding.Finding{
				ID: "other-zone", Severity: finding.Error, Place: d.Place(set.Key()), Zone: d.Config.Name.Unicode(), Subject: set.Key().String(),
				Text: fmt.Sprintf("%s belongs to zone %s, which %s holds", set.Key(), child.Unicode(), strings.Join(ids, " and ")),
				Fix:  fmt.Sprintf("configure zone %s and move the record there", child.Unicode()),
			})
		}
	}
	finding.Sort(out)
	return out
}
