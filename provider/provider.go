package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// A Provider is one account at a DNS service. Methods are safe for concurrent use and obey ctx.
type Provider interface {
	// Capabilities depend on the zone: plan, kind (public, private, secondary), settings.
	Capabilities(ZoneInfo) Capabilities
	// Zones lists the zones of the account. An error ends the sequence. A service that cannot
	// list yields one error wrapping errors.ErrUnsupported.
	Zones(ctx context.Context) iter.Seq2[ZoneInfo, error]
	// Read returns everything that the provider holds for the zone, records that it cannot
	// express included (as Foreign), or an error wrapping ErrNoZone. It never returns a part.
	Read(ctx context.Context, ref ZoneRef) (*Snapshot, error)
	// Write carries out changes that were computed from base. It refuses with an Error of kind
	// Conflict where it can tell that the zone has moved since. The receipt tells for each change
	// whether it is Done, NotDone or Unknown; it never guesses. A receipt comes back together with
	// an error whenever anything may have been sent; a nil receipt means that nothing was.
	Write(ctx context.Context, base *Snapshot, changes ChangeSet) (*Receipt, error)
}

// Optional methods, found by type assertion.
type (
	// A SetReader reads some sets again just before a write, where no compare-and-set exists.
	// Sets that are absent are left out.
	SetReader interface {
		ReadSets(ctx context.Context, ref ZoneRef, keys []zone.Key) ([]zone.RRset, error)
	}
	// A ZoneCreator can create a zone that Read has said to be absent. It returns the base for
	// the first Write: what the service put into the new zone by itself.
	ZoneCreator interface {
		CreateZone(ctx context.Context, origin zone.Name) (*Snapshot, error)
	}
	// A ZoneDeleter can remove a zone with everything in it.
	ZoneDeleter interface {
		DeleteZone(ctx context.Context, ref ZoneRef) error
	}
	// A Verifier checks credentials and reachability without changing anything, and says in one
	// line whom it found ("PowerDNS 4.7.3, 12 zones").
	Verifier interface {
		Verify(ctx context.Context) (string, error)
	}
	// A Closer lets go of connections when the account is no longer used.
	Closer interface{ Close() error }
	// A Fitter says what a service makes of RRsets where Capabilities cannot: options of its own in
	// their one form, a TTL that they imply. Fit returns want as Read would give it back once it was
	// written; have is what Read gave, nil for nothing. Owner and type stay. It does no I/O.
	Fitter interface {
		Fit(info ZoneInfo, want zone.RRset, have *zone.RRset) zone.RRset
	}
)

// A ZoneRef names one zone of an account; accounts may hold several of one origin.
type ZoneRef struct {
	Origin zone.Name `json:"origin"`
	ID     string    `json:"id,omitempty"`   // the provider's own, where it has one
	View   string    `json:"view,omitempty"` // "" for the public view
}

// A Kind says who may write a zone at the provider.
type Kind string

// Kinds of zones.
const (
	Primary   Kind = "primary"   // written here; also PowerDNS's "native"
	Secondary Kind = "secondary" // transferred from elsewhere: writing is refused
	Private   Kind = "private"   // answered only inside a network
)

// A ZoneInfo is what a provider says of a zone without its records.
type ZoneInfo struct {
	ZoneRef
	Kind       Kind   `json:"kind,omitempty"`
	Serial     uint32 `json:"serial,omitempty"`
	DefaultTTL uint32 `json:"defaultTTL,omitempty"` // seconds; 0 where the provider has none
	// NameServers are those that the provider assigns to the zone. Where the name servers are
	// whatever the apex NS RRset says, as for a server of one's own, it is empty.
	NameServers []zone.Name `json:"nameServers,omitempty"`
	Disabled    bool        `json:"disabled,omitempty"` // held, but not answered
	Signed      bool        `json:"signed,omitempty"`   // the provider signs it (DNSSEC)
	// Addresses are where the provider's name servers for the zone can be asked directly
	// ("192.0.2.1:53"), where the adapter knows better than the DNS, as for a local server.
	Addresses []string `json:"addresses,omitempty"`
}

// A Snapshot is a zone as observed. It is immutable; Sets is never nil.
type Snapshot struct {
	Info     ZoneInfo   `json:"info"`
	Revision string     `json:"revision,omitempty"` // etag, serial, change id; "" where the provider has none
	Sets     *zone.Zone `json:"-"`
	Settings Settings   `json:"settings,omitempty"`
	Foreign  []Foreign  `json:"foreign,omitempty"`
	// Missing reports that the zone did not exist; Sets is then empty and apply creates the zone.
	Missing bool `json:"missing,omitempty"`
	// Own is for the adapter alone: what its Write wants to know of its Read, such as record ids.
	// It is not saved: adapters must be able to write from a Snapshot without it.
	Own any `json:"-"`
}

// Settings of a zone that are no records: kind, DNSSEC, apex mode, transfers, health checks.
// Keys are "<what>" or "<provider>/<what>", values canonical text.
type Settings map[string]string

// A Foreign is something held at the provider that is not ours or that RRsets cannot express
// (a disabled record, a traffic policy, a page rule). It is never written and never deleted.
type Foreign struct {
	Key  zone.Key        `json:"key,omitzero"` // what it stands at, where it stands at a name
	Kind string          `json:"kind"`         // what it is, for people: "disabled record"
	Text string          `json:"text"`         // one line for people
	Raw  json.RawMessage `json:"raw,omitempty"`
	// Owns reports that the owner and type are taken by it: a plan must not create an RRset there.
	Owns bool `json:"owns,omitempty"`
}

// A ChangeSet is what a plan holds, a journal keeps and Write carries out.
type ChangeSet struct {
	Sets     []zone.Change   `json:"sets,omitempty"`
	Settings []SettingChange `json:"settings,omitempty"`
}

// Empty reports whether there is nothing to do.
func (c ChangeSet) Empty() bool { return len(c.Sets) == 0 && len(c.Settings) == 0 }

// Len counts the changes.
func (c ChangeSet) Len() int { return len(c.Sets) + len(c.Settings) }

// A SettingChange changes one setting; "" means absent.
type SettingChange struct {
	Key    string `json:"key"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// An Outcome says what became of one change.
type Outcome uint8

// Outcomes. The zero Outcome is NotDone.
const (
	NotDone Outcome = iota // certainly not carried out
	Done                   // certainly carried out
	Unknown                // may or may not have been: a read will tell
)

// String returns "done", "not done" or "unknown".
func (o Outcome) String() string {
	switch o {
	case Done:
		return "done"
	case Unknown:
		return "unknown"
	default:
		return "not done"
	}
}

// MarshalText implements encoding.TextMarshaler.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Outcome) UnmarshalText(b []byte) error {
	switch string(b) {
	case "done":
		*o = Done
	case "unknown":
		*o = Unknown
	default:
		*o = NotDone
	}
	return nil
}

// A Receipt is what a provider said to a write.
type Receipt struct {
	Sets     []Outcome     `json:"sets,omitempty"`     // one for each ChangeSet.Sets
	Settings []Outcome     `json:"settings,omitempty"` // one for each ChangeSet.Settings
	Revision string        `json:"revision,omitempty"` // of the zone after the write, where it is known
	Serial   uint32        `json:"serial,omitempty"`   // SOA serial after the write, where it is known
	Took     time.Duration `json:"took,omitempty"`
	Calls    int           `json:"calls,omitempty"` // requests that were sent
	Notes    []string      `json:"notes,omitempty"` // for people: "reload command printed …"
}

// NewReceipt returns a receipt with the same outcome for all changes.
func NewReceipt(c ChangeSet, o Outcome) *Receipt {
	r := &Receipt{Sets: make([]Outcome, len(c.Sets)), Settings: make([]Outcome, len(c.Settings))}
	for i := range r.Sets {
		r.Sets[i] = o
	}
	for i := range r.Settings {
		r.Settings[i] = o
	}
	return r
}

// Count returns how many changes have the outcome.
func (r *Receipt) Count(o Outcome) int {
	n := 0
	for _, list := range [][]Outcome{r.Sets, r.Settings} {
		for _, x := range list {
			if x == o {
				n++
			}
		}
	}
	return n
}

// CountZones says how many zones an account holds, for the line that Verifier returns: "1 zone",
// "12 zones".
func CountZones(n int) string {
	if n == 1 {
		return "1 zone"
	}
	return fmt.Sprintf("%d zones", n)
}
