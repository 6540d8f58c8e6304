package serve

import (
	"fmt"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// What a scan tells of files that it has read, beside what has changed.

// explain tells why a file is not served, and what is in its place.
func (s *scan) explain(x *file, fs []finding.Finding) {
	what := "nothing is served from this file"
	if origin, ok := s.zoneOf(x); ok {
		what = fmt.Sprintf("zone %s is served as it was, with serial %d", origin, s.zones[origin].serial)
	}
	for i, f := range fs {
		if f.Severity == finding.Error {
			fs[i].Text += "; " + what
			break
		}
	}
	s.report.Findings = append(s.report.Findings, fs...)
}

// double tells that a file is left out, since its zone is served from elsewhere: another file, or what
// Claim says.
func (s *scan) double(x *file, origin zone.Name, from string) {
	f := finding.Finding{
		ID: "zones-double", Severity: finding.Error, Zone: origin.String(), Place: finding.Place{File: x.path},
		Text: fmt.Sprintf("zone %s is already served from %s; this file is left out", origin, from), Fix: "remove one of them",
	}
	if s.files[from] != nil {
		f.Related = []finding.Place{{File: from}}
	}
	s.find(f)
}

// moved tells that a file has become that of another zone.
func (s *scan) moved(x *file, origin zone.Name) {
	old := s.zones[x.origin]
	if old == nil || old.path != x.path {
		return
	}
	old.left = true
	if s.now {
		return // leave withdraws it
	}
	s.find(finding.Finding{
		ID: "zones-origin", Severity: finding.Warning, Zone: origin.String(), Place: finding.Place{File: x.path},
		Text: fmt.Sprintf("the file was that of zone %s and is that of %s now; both are served", x.origin, origin),
		Fix:  "if the old one is to go, reload (SIGHUP)",
	})
}

// serial tells of serials that secondaries would not follow.
func (s *scan) serial(x *file, c Change) {
	var text string
	switch {
	case c.Serial == c.Before:
		text = fmt.Sprintf("zone %s has changed, and its serial is still %d; secondaries will not notice", c.Origin, c.Serial)
	case int32(c.Serial-c.Before) < 0: // RFC 1982
		text = fmt.Sprintf("the serial of zone %s went back from %d to %d; secondaries keep what they have", c.Origin, c.Before, c.Serial)
	default:
		return
	}
	s.find(finding.Finding{
		ID: "zones-serial", Severity: finding.Warning, Zone: c.Origin.String(),
		Place: finding.Place{File: x.path}, Text: text, Fix: "raise it with every change",
	})
}
