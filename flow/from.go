package flow

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// From loads zones from the sources or providers with the given ids instead of those that the
// configuration names, merged in that order and passed through the zones' processors: what dump
// and compare read. Zones that are named need not be configured; without names it is all zones
// that the sources list. Nothing of the zones' targets is opened.
func (p *Planner) From(ctx context.Context, ids []string, req Request) ([]*Desired, []finding.Finding) {
	var finds []finding.Finding
	var refs []config.Ref
	for _, id := range ids {
		refs = append(refs, config.Ref{ID: id})
		if _, err := p.Config.OpenSource(id); err != nil {
			finds = append(finds, finding.Of(err, "source")...)
		}
	}
	if finding.AsError(finds) != nil {
		return nil, finds
	}
	_, more := p.Config.Expand(ctx, config.Selection{}) // so that zones and sub-zones are known
	if len(req.Zones) > 0 {
		more = nil // patterns that cannot be expanded do not matter to zones that are named
	}
	finds = append(finds, more...)
	names := req.Zones
	if len(names) == 0 {
		for _, id := range ids {
			src, err := p.Config.OpenSource(id)
			if err != nil {
				continue
			}
			for n, err := range src.Zones(ctx) {
				if err != nil {
					finds = append(finds, finding.Finding{ID: "source", Severity: finding.Error, Text: fmt.Sprintf("the zones of %s cannot be listed: %v", id, err), Fix: "name the zones"})
					break
				}
				names = append(names, n)
			}
		}
		slices.SortFunc(names, zone.Name.Compare)
		names = slices.Compact(names)
	}
	out := make([]*Desired, len(names))
	var wg sync.WaitGroup
	gate := make(chan struct{}, req.parallel())
	for i, n := range names {
		z, ok := p.Config.Zone(n)
		if !ok {
			z = config.Zone{Name: n, Written: n.String()}
		}
		z.Sources, z.Alias = refs, zone.Root
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			out[i] = p.one(ctx, z, req, nil)
		})
	}
	wg.Wait()
	for _, d := range out {
		finds = append(finds, d.Findings...)
	}
	return out, finds
}
