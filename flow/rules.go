package flow

import (
	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/lint"
	"github.com/zonecast/zonecast/zone/octodns"
)

// zoneRules runs what looks at a whole zone. An octoDNS configuration gets octoDNS's rules and
// their verdict; a zonecast.yaml gets zone/lint.
func (p *Planner) zoneRules(d *Desired, req Request) []finding.Finding {
	if p.Config.Format != config.OctoDNS {
		return p.Lint(d, req)
	}
	check := octodns.ZoneCheck{
		Rules: p.Config.RuleSet(&d.Config), Lenient: d.Config.Lenient || req.Lenient,
		Place: d.Place, Subzones: p.Config.Subzones(d.Config.Name),
	}
	return p.judged(check.Run(d.Loaded.Zone), d.Config, req)
}

// Lint looks for mistakes that no format forbids. In a lenient zone or run, and under an octoDNS
// configuration, which accepts them, they are warnings.
func (p *Planner) Lint(d *Desired, req Request) []finding.Finding {
	if d.Loaded == nil || d.Loaded.Zone == nil {
		return nil
	}
	soft := p.Config.Format == config.OctoDNS || d.Config.Lenient || req.Lenient
	fs := lint.Zone(d.Loaded.Zone, lint.Options{
		Place: d.Place,
		Silence: func(id string, k zone.Key) string {
			return p.silenced(finding.Finding{ID: id, Subject: k.String()}, d.Config.Name)
		},
	})
	for i := range fs {
		if soft && fs[i].Severity == finding.Error {
			fs[i].Severity = finding.Warning
		}
	}
	return fs
}
