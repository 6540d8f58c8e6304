package conformance

import (
	"os"
	"slices"
	"time"

	"github.com/zonecast/zonecast/provider"
)

// Run attacks the subject with every group and returns what it found out. Failures are reported
// to t as well.
func Run[S Runner[S]](t S, s Subject) *Report {
	t.Helper()
	if s.Open == nil || s.Fresh == nil {
		t.Fatalf("conformance: a subject needs Open and Fresh")
	}
	if s.Patience == 0 {
		s.Patience = 5 * time.Second
	}
	report := &Report{Subject: s.Name, Short: s.Short}
	if s.Keep && s.Kept == nil {
		s.Kept = kept(t, s)
	}
	if s.Kept != nil {
		defer func() { report.restore(t, s) }() // also when a group ends everything by a panic
	}
	proven := map[string]bool{}
	for _, g := range groups(s) {
		if !s.wants(g) {
			continue
		}
		if s.Began != nil {
			s.Began(g.name, g.level)
		}
		res, claims := runGroup(t, s, g, report)
		for _, claim := range claims {
			proven[claim] = true
		}
		report.Results = append(report.Results, res)
		if s.Kept != nil && res.Status == Skipped && !res.NotDeclared() {
			for _, claim := range g.claims() { // for lack of means, of which people have fewer than tests
				proven[claim] = true
				report.Untested = append(report.Untested, claim)
			}
		}
		if s.Ended != nil {
			s.Ended(res)
		}
	}
	if s.Kept != nil && s.whole() {
		for _, claim := range untried(report.Capabilities, s) {
			proven[claim] = true
			report.Untested = append(report.Untested, claim)
		}
	}
	if s.whole() && t.Context().Err() == nil {
		report.Unproven = unproven(report.Capabilities, s, proven)
		for _, claim := range report.Unproven {
			t.Errorf("%s: capability %s is claimed, but no group that passed proves it", s.Name, claim)
		}
	}
	if dir := os.Getenv(ReportsVar); dir != "" && s.whole() {
		if err := report.Save(dir); err != nil {
			t.Errorf("report: %v", err)
		}
	}
	return report
}

// untried lists claims of types that the suite has no values for: those of a provider's own.
func untried(c provider.Capabilities, s Subject) []string {
	known := slices.Collect(allTypes(s))
	var out []string
	for _, t := range c.Types {
		if !slices.Contains(known, t) {
			out = append(out, "Types/"+t.String())
		}
	}
	return out
}

// wants reports whether the group is among those that the subject asks for.
func (s Subject) wants(g group) bool {
	return (s.Only == "" || matches(g.name, s.Only)) && (len(s.Levels) == 0 || slices.Contains(s.Levels, g.level))
}

// whole reports whether all groups were asked for.
func (s Subject) whole() bool { return s.Only == "" && len(s.Levels) == 0 }

// runGroup runs one group and returns how it ended and the claims that it proved.
func runGroup[S Runner[S]](t S, s Subject, g group, report *Report) (Result, []string) {
	t.Helper()
	res := Result{Group: g.name, Level: g.level}
	if err := t.Context().Err(); err != nil {
		res.Status, res.Reason = Skipped, "not run: "+err.Error()
		return res, nil
	}
	began := time.Now()
	w := &watched{}
	var e *env
	t.Run(g.name, func(t S) {
		w.T = t
		if why, ok := s.Unsupported[g.name]; ok {
			w.Skipf("%s", why)
		}
		e = newEnv(w, s, g)
		g.run(e)
		w.finish()
	})
	res.Status, res.Reason = w.end()
	res.Took = time.Since(began)
	if e == nil {
		return res, nil
	}
	res.Steps, res.Notes = e.steps, e.notes
	if e.known {
		report.Capabilities = e.caps
	}
	if res.Status != Passed {
		return res, nil
	}
	return res, slices.Concat(g.proves, e.proved)
}

// A Listed is a group as Groups lists it.
type Listed struct {
	Group  string   `json:"group"`
	Level  int      `json:"level"`
	Proves []string `json:"proves,omitempty"` // capabilities, by name of the field
}

// Groups lists the groups that Run runs for the subject, in order.
func Groups(s Subject) []Listed {
	var out []Listed
	for _, g := range groups(s) {
		if s.wants(g) {
			out = append(out, Listed{g.name, g.level, g.proves})
		}
	}
	return out
}
