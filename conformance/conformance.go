package conformance

import (
	"context"
	"net/http"
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
	// whether an earlier one was completed. Requests for access tokens do not count. Other subjects
	// must not share the service.
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

	Large  bool   // run groups of 5,000 RRsets and more; in tests: Soak
	Only   string // run the groups whose name contains it
	Levels []int  // run the groups of these levels; none: of all. Claims are checked when all run

	// Keep has the zone that Fresh names put back at the end as it was found, for accounts with
	// one zone that is not the suite's own. Fresh must name the same each time.
	Keep bool
	// Kept is the same for who has called the function Keep, to be asked before anything happens.
	Kept *Kept

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
	Notes  []string      `json:"notes,omitempty"`  // figures for people: "10,000 read: 101 calls"
	Took   time.Duration `json:"took"`
}

// NotDeclared reports whether the group was skipped because the provider does not claim what it
// proves.
func (r Result) NotDeclared() bool {
	return r.Status == Skipped && (r.Reason == notDeclared || r.Reason == typeNotDeclared)
}

// A Report is what a run found out about a subject.
type Report struct {
	Subject      string                `json:"subject"`
	Short        string                `json:"short,omitempty"`
	Capabilities provider.Capabilities `json:"capabilities"`
	Results      []Result              `json:"results"`
	Unproven     []string              `json:"unproven,omitempty"` // claims that no passed group proves
	// Untested are claims that a run on somebody's account had no means to prove.
	Untested []string `json:"untested,omitempty"`
	// NotRestored says why a zone that was to be kept is not as it was found.
	NotRestored string `json:"notRestored,omitempty"`
}

// Failed reports whether a group failed, a claim is unproven, or a zone was not put back.
func (r *Report) Failed() bool {
	return len(r.Unproven) > 0 || r.NotRestored != "" || slices.ContainsFunc(r.Results, func(x Result) bool { return x.Status == Failed })
}
