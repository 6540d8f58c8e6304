package serve

import (
	"fmt"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// Configured says what a zone is configured as, in words that follow on "served from"; "" when it is
// not.
func (c *Content) Configured(origin zone.Name) string {
	for i := range c.Primaries {
		if c.Primaries[i].Origin == origin {
			return holder{kind: held.Primary}.String()
		}
	}
	for i := range c.Secondaries {
		if c.Secondaries[i].Origin == origin {
			return holder{kind: held.Secondary}.String()
		}
	}
	for i := range c.Catalogs {
		if c.Catalogs[i].Origin == origin {
			return holder{kind: held.Secondary}.String()
		}
	}
	return ""
}

// Check says what is wrong or odd about content that can be told without serving it: files that zones
// begin with, names in grants that lie elsewhere, keys that are good for reading only.
func (c *Content) Check() []finding.Finding {
	out := xfr.KeyFindings(c.Keys)
	for i := range c.Primaries {
		p := &c.Primaries[i]
		if p.From != "" {
			if _, err := readZone(p.From, p.Origin); err != nil {
				out = append(out, finding.Finding{
					ID: "zones-held", Severity: finding.Error, Zone: p.Origin.String(), Place: finding.Place{File: p.From},
					Text: fmt.Sprintf("zone %s cannot begin with this file: %v", p.Origin, err),
				})
			}
		}
		for _, g := range p.Update {
			for _, n := range g.Names {
				if !n.In(p.Origin) {
					out = append(out, finding.Finding{
						ID: "zones-held", Severity: finding.Warning, Zone: p.Origin.String(),
						Text: fmt.Sprintf("zone %s: key %s may update %s, which is not in the zone", p.Origin, g.Key, n),
					})
				}
			}
		}
	}
	return out
}
