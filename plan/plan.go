package plan

import (
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// A Target is one zone at one provider account.
type Target struct {
	Provider string    `json:"provider"` // the account's name in the configuration
	Driver   string    `json:"driver"`   // the kind of provider: "powerdns"
	Zone     zone.Name `json:"zone"`
	View     string    `json:"view,omitempty"`
}

// String returns "provider/zone".
func (t Target) String() string {
	s := t.Provider + "/" + t.Zone.Unicode()
	if t.View != "" {
		s += "@" + t.View
	}
	return s
}

// A Plan says how one target gets from what was observed to what is desired. It is data: it can
// be saved, shown and applied later, and it alone decides what apply does.
type Plan struct {
	Target     Target `json:"target"`
	Generation uint64 `json:"generation"` // of the desired state; apply refuses older ones than it has written
	// ID covers target, observed and desired state and changes. It is not a secret and no signature.
	ID       string `json:"id"`
	Observed string `json:"observed"` // hash of the observed zone and settings
	Desired  string `json:"desired"`  // hash of the desired zone, as shaped for the target
	Revision string `json:"revision"` // of the source

	// Base is what the changes were computed from. It goes to Provider.Write; only Info, Revision,
	// Settings and Missing of it are saved.
	Base *provider.Snapshot `json:"base"`
	// Want is the whole desired zone for the target, for history and rollback. It is not saved with
	// the plan: apply needs the changes only.
	Want *zone.Zone `json:"-"`
	// Wish is the desired zone before it was shaped for the target: what a rollback goes back to.
	// It is not saved with the plan either.
	Wish *zone.Zone `json:"-"`

	Changes provider.ChangeSet `json:"changes"`
	// Held are objections of guards that have not been allowed. A plan with any is not applied.
	Held []finding.Finding `json:"held,omitempty"`
	// Allowed are objections that somebody allowed, with the reason in Silenced.
	Allowed []finding.Finding `json:"allowed,omitempty"`
	// Notes tell what else a reader should know: losses of shaping, records left out.
	Notes []finding.Finding `json:"notes,omitempty"`
	// DryRun says why the plan is shown but never applied ("always-dry-run"); "" when it may be.
	DryRun string `json:"dryRun,omitempty"`

	// JoinNS says that the apex NS are managed: the name servers that a service gives to a zone when
	// it is created, which no plan can know, join the apex NS that are written there.
	JoinNS bool `json:"joinNS,omitempty"`

	Existing int       `json:"existing"` // RRsets observed, without SOA
	Sources  []string  `json:"sources,omitempty"`
	Made     time.Time `json:"made,omitzero"` // for people; no part of the ID
	// From tells which source an RRset came from, for output; it may be nil and is not saved.
	From func(zone.Key) string `json:"-"`
	// Where tells where an RRset was written; it may be nil and is not saved.
	Where func(zone.Key) finding.Place `json:"-"`
}

// Empty reports whether the target is as desired.
func (p *Plan) Empty() bool { return p.Changes.Empty() && !p.Base.Missing }

// Counts returns how many RRsets are created, updated and deleted.
func (p *Plan) Counts() (creates, updates, deletes int) {
	for _, c := range p.Changes.Sets {
		switch {
		case c.Creates():
			creates++
		case c.Deletes():
			deletes++
		default:
			updates++
		}
	}
	return creates, updates, deletes
}

// A Guard looks at a plan and objects, or not. It never changes the plan. Facts that it needs
// (delegation at the parent, ownership, what git says of the source) are gathered into Input
// before.
type Guard interface {
	ID() string // "delete-share", "apex-ns", …: stable, used to allow it once
	Check(*Input, *Plan) []finding.Finding
}

// An Input is all that a plan is computed from.
type Input struct {
	Target     Target
	Generation uint64
	Revision   string
	Observed   *provider.Snapshot
	Desired    *zone.Zone // shaped for the target
	// Kept are RRsets that must stay as they are: ignored, excluded, foreign, not managed.
	// Neither created, updated nor deleted.
	Kept func(zone.Key) bool
	// Hidden are those of the Kept that are not even counted: what a filter took out of sight, the
	// apex NS and SOA that belong to the provider. It may be nil.
	Hidden func(zone.Key) bool
	// Capabilities of the target for this zone.
	Capabilities provider.Capabilities
	// Filter has a word on the changes before the guards see them; nil: none. It returns those that
	// remain, in their order. Errors among its findings hold the plan and cannot be allowed.
	Filter  func([]zone.Change) ([]zone.Change, []finding.Finding)
	Guards  []Guard
	Facts   Facts
	Allow   []Allowance
	Notes   []finding.Finding
	DryRun  string
	Sources []string
	From    func(zone.Key) string
	Where   func(zone.Key) finding.Place
	Made    time.Time
}

// An Allowance lets a guard's objection pass once.
type Allowance struct {
	Guard  string // id of the guard; "*" allows all (octoDNS's --force)
	Reason string
}

// Facts are what guards want to know beyond the two states. Zero means not known.
type Facts struct {
	// NameServers are the apex NS that each provider of the zone needs, by account name.
	NameServers map[string][]zone.Name
	// Serving are the accounts that hold more of the zone than its apex already.
	Serving map[string]bool
	// Created reports whether zonecast created the RRset at this target; nil when ownership is "all".
	Created func(zone.Key) bool
	// Delegated reports that the parent still delegates the zone.
	Delegated *bool
	// Applied reports whether the version that zonecast applied last held the RRset; nil: not known.
	Applied func(zone.Key) bool
	// SourceUnchanged says that the source's files have not changed since the last applied version
	// (git knows); then records that vanished did not vanish because somebody deleted them.
	SourceUnchanged *bool
	// Serving are the zones that are planned in the same run, with the delegation still to be written.
	Children []zone.Name
}
