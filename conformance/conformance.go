package conformance

import (
	"context"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// A Subject is what the suite attacks. Open and Fresh are needed; every further function makes
// further groups possible.
type Subject struct {
	Name  string // for people: "powerdns against PowerDNS 4.7.3"
	Short string // heads a column of the table: "powerdns"; "": the first word of Name

	// Open opens the account anew: nothing may be remembered from an earlier one.
	Open func(T) provider.Provider
	// Fresh names a zone that the suite may fill, empty and change as it likes. It may be the same
	// one each time: the suite empties it before each group. Different ones let several zones be
	// written at once; the suite asks for at most MaxFresh.
	Fresh func(T) provider.ZoneRef

	// Ask asks a name server of the subject for an RRset; ok is false when there is none. The suite
	// asks again for up to Patience until the answer is as planned.
	Ask      func(ctx context.Context, k zone.Key) (set zone.RRset, ok bool, err error)
	Patience time.Duration // 0: 5 s
	// After is called after each write that changed something and before the server is asked, for
	// servers that must be told to look.
	After func(T)

	// Kill ends the server at once, in the middle of what it does, and starts it again with what it
	// had stored. It returns when the server answers.
	Kill func(T)
	// WrongKey opens the account with credentials that are wrong.
	WrongKey func(T) provider.Provider
	// Expired opens the account with credentials that were right and are so no more.
	Expired func(T) provider.Provider
	// Narrow opens the account with credentials that may read and must not write.
	Narrow func(T) provider.Provider
	// Via opens the account with its HTTP transport wrapped, so that the suite can lose, break and
	// refuse single calls.
	Via func(t T, wrap func(http.RoundTripper) http.RoundTripper) provider.Provider
	// NewOrigin names a zone that does not exist yet, for creating and deleting zones.
	NewOrigin func(T) zone.Name

	// Stated asks the service, not the adapter, how much it says that a zone holds.
	Stated func(T, provider.ZoneRef) Count
	// Plant puts things into a zone that the adapter did not make and that are not its own to
	// change: what RRsets cannot express, what another tool wrote. They are taken away by T.Cleanup.
	Plant func(T, provider.ZoneRef) []Planted
	// Calls is how many requests the service has seen until now, and how many of them only asked
	// whether an earlier one was completed. Other subjects must not share the service.
	Calls func() (all, polls int)
	// Page is how many RRsets or records, whichever the service counts, one page of a list holds; 0:
	// lists have no pages.
	Page int
	// Switches gives two values for settings that the adapter changes ("dnssec": {"on", "off"}); the
	// run leaves the first.
	Switches map[string][2]string

	// Extras gives two values for keys of zone.Extra that the provider claims to keep.
	Extras map[string][2]string
	// Values replaces the suite's own values of a type, each an RRset of RDATA in presentation
	// form: for providers that check more than the type's syntax. An empty list is an error.
	Values map[zone.Type][][]string
	// Unsupported are groups that the provider is documented not to do, by name, with the reason:
	// the group is skipped and the reason shown in the table. "group/step" names one step of a
	// group: there the write must be refused as Rejected, and change nothing.
	Unsupported map[string]string
	// Elsewhere says for capabilities, by name of the field, where they are proven when no group
	// of the suite does it.
	Elsewhere map[string]string

	Large  bool   // run groups of 5,000 RRsets and more
	Only   string // run the groups whose name contains it
	Levels []int  // run the groups of these levels; none: of all. Claims are checked when all run

	// Began and Ended, when set, are told of each group.
	Began func(group string, level int)
	Ended func(Result)
}

// A Count is how much a service says that a zone holds, as it counts: zero is not stated.
type Count struct{ Sets, Records int }

// A Planted is something that was put into a zone behind the adapter's back.
type Planted struct {
	Name string   // for people: "a weighted record"
	Key  zone.Key // where it stands
	// Set is what Read must show, for what an RRset can express. Nil: Read must show a Foreign at
	// Key, and no RRset that a plan could delete.
	Set *zone.RRset
	// State is the thing as the service holds it, "" when it is gone; nil: what Read shows of it
	// is compared.
	State func(T) string
}

// MaxFresh is the largest number of zones that a run asks Fresh for.
const MaxFresh = 64

// A Status is how a group ended.
type Status string

// Ends of a group.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// A Result is how one group ended.
type Result struct {
	Group  string        `json:"group"`
	Level  int           `json:"level"`
	Status Status        `json:"status"`
	Reason string        `json:"reason,omitempty"` // why skipped, or the first error
	Steps  int           `json:"steps"`            // states that were planned, written and read back
	Took   time.Duration `json:"took"`
}

// A Report is what a run found out about a subject.
type Report struct {
	Subject      string                `json:"subject"`
	Capabilities provider.Capabilities `json:"capabilities"`
	Results      []Result              `json:"results"`
	Unproven     []string              `json:"unproven,omitempty"` // claims that no passed group proves
}

// Failed reports whether a group failed or a claim is unproven.
func (r *Report) Failed() bool {
	return len(r.Unproven) > 0 || slices.ContainsFunc(r.Results, func(x Result) bool { return x.Status == Failed })
}

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
	report := &Report{Subject: s.Name}
	proven := map[string]bool{}
	for _, g := range groups(s) {
		if s.Only != "" && !matches(g.name, s.Only) {
			continue
		}
		res := Result{Group: g.name, Level: g.level}
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
		if e != nil {
			res.Steps = e.steps
			if e.known {
				report.Capabilities = e.caps
			}
			if res.Status == Passed {
				for _, claim := range slices.Concat(g.proves, e.proved) {
					proven[claim] = true
				}
			}
		}
		res.Took = time.Since(began)
		report.Results = append(report.Results, res)
	}
	if s.Only == "" {
		report.Unproven = unproven(report.Capabilities, s, proven)
		for _, claim := range report.Unproven {
			t.Errorf("%s: capability %s is claimed, but no group that passed proves it", s.Name, claim)
		}
	}
	if dir := os.Getenv(ReportsVar); dir != "" && s.Only == "" {
		if err := report.Save(dir); err != nil {
			t.Errorf("report: %v", err)
		}
	}
	return report
}
