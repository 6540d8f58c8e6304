package apply

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// An Entry of the journal is one write that is about to be sent.
type Entry struct {
	ID         int64
	Run        string // identity of the run that writes
	Target     plan.Target
	PlanID     string
	Generation uint64
	Observed   string             // hash of the state that the write was computed from
	Desired    string             // hash of the state that it leads to
	Changes    provider.ChangeSet // what is sent
	Want       *zone.Zone         // whole desired zone; kept as a version when the write succeeds
	Wish       *zone.Zone         // desired zone before it was shaped for the target; nil when unknown
	Before     *zone.Zone         // whole zone before; for rollback and compensation
	Actor      string             // who ran it: user@host
	Reason     string             // reasons of allowances, "rollback to 12", ""
	Sources    []string
	Revision   string // of the source
	Began      time.Time
}

// A Journal keeps writes before they are sent. store has the methods.
type Journal interface {
	// Begin keeps the entry durably before the first byte is sent. It refuses, with an error that
	// wraps ErrStale, an entry whose Generation is lower than one already begun for the target.
	Begin(ctx context.Context, e Entry) (id int64, err error)
	// Amend puts changes, and what the zone is to hold, in the place of those of an open entry: what is
	// sent differs from what was planned where a new zone's own name servers join its apex NS.
	Amend(ctx context.Context, id int64, c provider.ChangeSet, want *zone.Zone) error
	// Finish closes the entry with what the provider said; err is the error of the write, or nil.
	Finish(ctx context.Context, id int64, r *provider.Receipt, err error) error
	// Verified adds what verification saw to a finished entry.
	Verified(ctx context.Context, id int64, v Verification) error
	// Open yields entries begun and never finished, by this or an earlier run.
	Open(ctx context.Context) iter.Seq2[Entry, error]
	// Resolve closes an open entry of an earlier run after the truth was read: outcome says what
	// the provider holds now ("applied", "not applied", "partly applied", "superseded").
	Resolve(ctx context.Context, id int64, outcome string) error
}

// A Locker keeps two runs from writing to the same target at once on this machine.
type Locker interface {
	// Lock waits until the target is free or ctx ends; then the error says who holds it.
	Lock(ctx context.Context, target plan.Target, holder string) (Lease, error)
}

// A Lease is a lock held.
type Lease struct {
	Fence  uint64 // greater than that of every earlier holder
	Waited bool   // somebody else held it meanwhile: what was observed before may be old
	Unlock func()
}

// ErrStale is wrapped by Journal.Begin for a write of an older generation than one begun before.
var ErrStale = errors.New("a newer state of the zone was already written to this target")

// A Verifier asks the target's own name servers for what was changed.
type Verifier interface {
	// Verify asks until every changed RRset is answered as planned or ctx ends. It never returns an
	// error: what could not be seen is part of the result.
	Verify(ctx context.Context, p *plan.Plan, done []zone.Change, observe func(seen, total int)) Verification
}

// A Verification is what was seen over DNS after a write.
type Verification struct {
	Servers []Server      `json:"servers,omitempty"`
	Checked int           `json:"checked"`           // RRsets asked for
	Visible int           `json:"visible"`           // of those: seen as planned at every server
	Took    time.Duration `json:"took"`              // from the provider's receipt until all was visible
	Missing []string      `json:"missing,omitempty"` // what was not: "www.example.org. A at 192.0.2.1: still 192.0.2.9"
	Skipped string        `json:"skipped,omitempty"` // why nothing was asked: "target serves no DNS"
	Notes   []string      `json:"notes,omitempty"`   // RRsets that could not be compared, and why
}

// A Server is one name server that was asked.
type Server struct {
	Name    string        `json:"name,omitempty"` // ns1.example.net.
	Addr    string        `json:"addr"`           // 192.0.2.1:53
	Visible time.Duration `json:"visible"`        // time until all was visible there; 0 when it never was
	Error   string        `json:"error,omitempty"`
}

// A State is what a target is at the end of a run, or on its way there.
type State string

// States of a target.
const (
	Waiting     State = "waiting"     // for the account, the lock or another target
	Writing     State = "writing"     //
	Verifying   State = "verifying"   //
	DoneState   State = "done"        // written, and verified where that was asked for
	Unseen      State = "unseen"      // written, but the name servers did not answer it in time
	Unchanged   State = "unchanged"   // nothing to do
	Failed      State = "failed"      // not written, or partly: see Result
	UnknownEnd  State = "unknown"     // outcome unknown even after reading back
	Refused     State = "refused"     // a guard objected, the state had moved, a newer generation was there
	NotStarted  State = "not started" // the run was cancelled before
	Compensated State = "put back"    // written, then put back because another target failed
)

// An Event tells an observer of a run what happens. Events of one target come in order.
type Event struct {
	Time   time.Time   `json:"time"`
	Target plan.Target `json:"target"`
	State  State       `json:"state"`
	Done   int         `json:"done"`  // changes carried out, or RRsets visible while verifying
	Total  int         `json:"total"` // of so many
	Text   string      `json:"text,omitempty"`
}

// A Result is what became of one plan.
type Result struct {
	Plan         *plan.Plan         `json:"-"`
	Target       plan.Target        `json:"target"`
	PlanID       string             `json:"plan"`
	State        State              `json:"state"`
	Entry        int64              `json:"entry,omitempty"` // of the journal
	Receipt      *provider.Receipt  `json:"receipt,omitempty"`
	Verification *Verification      `json:"verification,omitempty"`
	Attempts     int                `json:"attempts,omitempty"`
	Took         time.Duration      `json:"took"`
	Err          error              `json:"-"`
	base         *provider.Snapshot // as last read or made: a new zone's name servers are known only there
	Error        string             `json:"error,omitempty"`
}

// Filled reports whether the run filled a zone that was missing or held nothing but its apex: its
// provider answers for it from now on.
func (res *Result) Filled() bool {
	if res.Plan == nil || res.Plan.Base == nil || res.State != DoneState && res.State != Unseen {
		return false
	}
	return res.Plan.Base.Missing || res.Plan.Base.Sets != nil && !plan.SaysAnything(res.Plan.Base.Sets)
}

// NewServers are the name servers that the provider gave a zone which this run created; nil when the
// zone was there before, or when its name servers are whatever its apex NS RRset says.
func (res *Result) NewServers() []zone.Name {
	if res.Plan == nil || res.Plan.Base == nil || !res.Plan.Base.Missing || res.base == nil || res.base.Missing {
		return nil
	}
	return res.base.Info.NameServers
}

// A Report is what became of a run.
type Report struct {
	Run       string        `json:"run"`
	Results   []Result      `json:"results"` // in the order of the plans
	Took      time.Duration `json:"took"`
	Cancelled bool          `json:"cancelled,omitempty"`
}
