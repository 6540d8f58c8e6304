package config

import (
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/zone"
)

// A Format is the language that a configuration is written in.
type Format string

// Formats.
const (
	OctoDNS  Format = "octodns"
	Zonecast Format = "zonecast"
)

// A Config is one configuration file, read and checked. It is plain data; the methods that open
// accounts keep what they opened. Nothing of it may be changed after Load.
type Config struct {
	Format  Format
	Path    string // as given to Load
	Dir     string // folder of Path
	WorkDir string // "" means the working directory of the process

	Manager        Manager
	Providers      []Entry // providers and sources, in the order of the file
	Processors     []Entry
	Rules          []Entry // custom validation rules (octoDNS: top-level `validators`)
	SecretHandlers []Entry
	Zones          []Zone // in the order of the file, pattern entries included

	Defaults Policy // of zonecast.yaml; what zones and providers do not say
	Silence  []Silence
	State    string // folder of journal and history, relative to Dir; ".zonecast"
	Verify   Verify

	env     func(string) (string, bool)
	options Options
	mu      sync.Mutex
	opened  map[string]*opened
	byName  []Zone // sorted; guarded by mu
}

// Manager holds what applies to the whole run.
type Manager struct {
	MaxWorkers     int  // zones handled at the same time; 0: the command chooses
	IncludeMeta    bool // add a TXT octodns-meta to every zone and target
	AutoArpa       *AutoArpa
	EnableChecksum bool
	Processors     []Ref
	PostProcessors []Ref
	PlanOutputs    []Entry
	Validators     Validators
	Guards         Guards
}

// AutoArpa are the settings of automatic PTR records.
type AutoArpa struct {
	TTL                   uint32 // seconds
	PopulateShouldReplace bool
	Max                   int // values of one PTR
	InheritTTL            bool
	WildcardReplacement   string // "" leaves records at a bare * out
}

// Validators select rules of validation.
type Validators struct {
	Enabled       []string // names of sets; nil means the default, legacy
	RecordEnable  map[string][]string
	RecordDisable map[string][]string // by type or "*"
	ZoneEnable    []string
	ZoneDisable   []string
	Place         finding.Place
}

// Guards are limits of a plan. What is nil says nothing; Config.Guards puts levels together, and
// what no level says is the guard's own default.
type Guards struct {
	UpdateShare *float64 // share of the existing RRsets that may be updated at once, 0 to 1
	DeleteShare *float64
	ShareFrom   *int // shares count only from this many existing RRsets on
	MaxUpdates  *int
	MaxDeletes  *int
	ReplaceFrom *int     // records in an RRset from which replacing all of them is held; 0: never
	AlwaysAsk   []string // types that always need a yes; empty means none, nil says nothing
	Disabled    []string // ids of guards that never object
}

// A Policy says how desired zones are fitted to targets. What is zero says nothing;
// Config.Policy puts levels together.
type Policy struct {
	ApexNS      ApexNS
	TXT         TXT
	Unsupported Unsupported
	TTLPolicy   *TTLPolicy
	Ownership   *Ownership
}

// An ApexNS says who decides on the NS RRset at the apex.
type ApexNS string

// Ways of deciding.
const (
	ApexManaged ApexNS = "managed" // composed of the name servers of all the zone's providers
	ApexOctoDNS ApexNS = "octodns" // as the source has it; when it has none, left alone
	ApexLeave   ApexNS = "leave"   // never touched, whatever the source has; also written "keep"
)

// A TXT says whether borders of character-strings count.
type TXT string

// Ways of comparing TXT.
const (
	TXTJoined TXT = "joined" // one text, however it is cut
	TXTExact  TXT = "exact"  // borders are kept where the provider keeps them
)

// Unsupported says what becomes of records that a target cannot hold.
type Unsupported string

// What becomes of them.
const (
	UnsupportedError Unsupported = "error"
	UnsupportedDrop  Unsupported = "drop" // left out, with a finding
)

// A TTLBound is a range of TTLs in seconds; 0 means no bound.
type TTLBound struct{ Min, Max uint32 }

// A TTLPolicy bounds TTLs by class of record. A nil bound is that of the guard's default.
type TTLPolicy struct {
	Off            bool
	Volatile       *TTLBound // what is meant to move: dynamic, health-checked, or under Names
	EndPoint       *TTLBound // what clients connect by: A, AAAA, ALIAS, CNAME, HTTPS, SVCB
	Infrastructure *TTLBound // MX, TXT and all others
	ApexNS         *TTLBound
	Names          []string // owner names relative to the zone that are volatile, shell style
	Hold           bool     // a TTL out of bounds holds the plan; otherwise it is a note
}

// Ownership says which records at a target are zonecast's to delete.
type Ownership struct {
	Mode     string   // "all", "created" or "pattern"
	Patterns []string // with "pattern": owner names relative to the zone, shell style
}

// A Silence takes findings out of the count, with a reason.
type Silence struct {
	Finding string // id
	Zone    string // pattern; "" means all
	Name    string // owner name relative to the zone, pattern; "" means all
	Type    string // "" means all
	Reason  string
	Place   finding.Place
}

// Verify says how a write is asked back over DNS.
type Verify struct {
	Off       *bool
	Timeout   time.Duration // 0: the default of apply
	Addresses []string      // "192.0.2.1:53": ask these and not the published name servers
}

// A Ref is an id in a list, with the place where it stands.
type Ref struct {
	ID    string
	Place finding.Place
}

// IDs returns the ids of refs.
func IDs(refs []Ref) []string {
	out := make([]string, len(refs))
	for i, r := range refs {
		out[i] = r.ID
	}
	return out
}

// An Entry is one provider, source, processor, plan output, rule or secret handler.
type Entry struct {
	ID      string
	Class   string  // class or type as written
	Known   Class   // what the class means; zero when unknown
	Driver  string  // name of the provider driver or kind of source; "" when there is none
	Options []Field // without the common ones, in the order of the file
	Place   finding.Place

	// Common options of providers.
	ApplyDisabled  bool
	StrictSupports *bool
	RootNSWarnings *bool
	Guards         Guards
	Policy         Policy
	Verify         Verify
	InFlight       int // calls at once for the account; 0: as the adapter says
	// NameServers are the names that zones of the account are served under; nil: as the adapter says.
	NameServers []zone.Name

	unresolved []finding.Finding // settings whose variables are not set: errors of opening it
}

// Option returns the value of an option.
func (e Entry) Option(name string) (Value, bool) {
	for _, f := range e.Options {
		if f.Name == name {
			return f.Value, true
		}
	}
	return Value{}, false
}

// A Zone is one entry of `zones`.
type Zone struct {
	Name       zone.Name
	Written    string // the key as written; for what Expand made, the key of the pattern entry
	Sources    []Ref
	Targets    []Ref
	Processors []Ref

	Lenient           bool
	AlwaysDryRun      bool
	IgnoreSubzoneAdds bool
	RecordDisable     map[string][]string // validation rules to switch off, by type or "*"
	ZoneDisable       []string
	Guards            Guards
	Policy            Policy

	Alias   zone.Name // the zone that this is a copy of; the root when it is none
	Dynamic bool      // a pattern entry, to be expanded
	Glob    string
	Regex   string
	Place   finding.Place

	pattern        *regexp.Regexp
	missingTargets bool
}

// IsAlias reports whether the zone is a copy of another.
func (z Zone) IsAlias() bool { return !z.Alias.IsRoot() }

// A ValueKind is the shape of a Value.
type ValueKind uint8

// Kinds of values.
const (
	Null ValueKind = iota
	Scalar
	List
	Map
)

// A Value is what was written for an option, secrets still as references. It never prints
// itself: the text may be a secret that somebody wrote into the file.
type Value struct {
	Kind   ValueKind
	Text   string // of a scalar, as written
	List   []Value
	Fields []Field // of a mapping
	Place  finding.Place
	yaml   string // YAML's type of a scalar: "string", "integer", "float", "boolean", "timestamp"
	number string // of an integer, in decimal: 0x10 and 020 are written 16
}

// A Field is one key of a mapping of options.
type Field struct {
	Name  string
	Value Value
	Place finding.Place // of the key
}

// String keeps values out of messages.
func (Value) String() string { return "[redacted]" }

// GoString keeps values out of messages.
func (Value) GoString() string { return "[redacted]" }

// MarshalText keeps values out of JSON and logs.
func (Value) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Entry returns the provider or source with the id.
func (c *Config) Entry(id string) (Entry, bool) { return find(c.Providers, id) }

// Processor returns the processor with the id.
func (c *Config) Processor(id string) (Entry, bool) { return find(c.Processors, id) }

func find(entries []Entry, id string) (Entry, bool) {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.ID == id })
	if i < 0 {
		return Entry{}, false
	}
	return entries[i], true
}

// opened is an account or source that was asked for, open or refused.
type opened struct {
	once     sync.Once
	provider provider.Provider
	source   source.Source
	err      error
}
