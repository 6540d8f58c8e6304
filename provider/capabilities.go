package provider

import (
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// An ApexNS says what a provider lets one do with the NS RRset at the apex.
type ApexNS uint8

// Ways of treating the apex NS RRset. The zero value is the least.
const (
	ApexNSHidden   ApexNS = iota // neither shown nor editable
	ApexNSReadOnly               // shown as a record, fixed by the provider
	ApexNSEditable               // an RRset like any other
)

// A CompareAndSet says how a provider guards a write against one that came between.
type CompareAndSet uint8

// Grades of protection. The zero value is the least.
const (
	NoCompare  CompareAndSet = iota // sets are read again just before the write; Window says what remains
	CompareSet                      // each RRset is compared by the provider
	CompareAll                      // the whole zone is compared by the provider
)

// Capabilities are what a provider can hold and how it takes writes. The zero value of each
// field means "no" or "not known": what no public documentation confirms is not claimed.
type Capabilities struct {
	Types        []zone.Type // types that can be written
	UnknownTypes bool        // RFC 3597 types can be written too
	VendorTypes  bool        // types of every vendor ("Vendor/NAME") are kept, as octoDNS files do
	ApexNS       ApexNS
	ApexNSTTL    bool // the TTL of the apex NS RRset can be changed
	SOA          bool // the SOA RRset is written by zonecast; else the provider owns it

	// Alias is the type or option that does what ALIAS means: "" none; "ALIAS" a pseudo-type of
	// that name is in Types; "CNAME" a CNAME at the apex is flattened by the provider.
	Alias         string
	AliasApexOnly bool

	MinTTL, MaxTTL uint32   // seconds; 0: no limit known
	TTLs           []uint32 // when not empty: the only TTLs that exist
	TTLPerZone     bool     // one TTL for all records of the zone

	Wildcards     bool
	MultiValuePTR bool
	MaxRecords    int  // records in one RRset; 0: no limit known
	TXTChunks     bool // borders between character-strings of TXT are kept; else TXT is one text
	EmptyTXT      bool // TXT with an empty string can be held

	// Extras are the keys of zone.Extra that the provider holds and gives back; a key ending in
	// "*" stands for all that begin so. Everything else is taken away before comparing.
	Extras []string
	// Steering: dynamic records are held as such.
	Dynamic, DynamicStatus, DynamicSubnets, Geo bool

	Compare CompareAndSet
	Window  string // with NoCompare: what can still happen, for people
	Atomic  bool   // all changes of a zone take effect together or not at all
	Batch   int    // changes that go into one request; 0: no batches

	ListZones, CreateZone, DeleteZone bool
	Transfers                         bool // can be fed by AXFR from a primary

	InFlight int    // calls at once that make sense for the account; 0: 4
	Proof    string // "simulated", "real server", or "live 2026-11-21"
	Docs     map[string]string
	// Docs links a field's name to the public page that confirms it.
}

// Holds reports whether RRsets of type t can be written.
func (c Capabilities) Holds(t zone.Type) bool {
	return slices.Contains(c.Types, t) || c.UnknownTypes && t.OnWire() && !t.Known() || c.VendorTypes && t.Vendor()
}

// HoldsExtra reports whether the provider keeps the Extra key.
func (c Capabilities) HoldsExtra(key string) bool {
	for _, p := range c.Extras {
		if prefix, ok := strings.CutSuffix(p, "*"); ok && strings.HasPrefix(key, prefix) || p == key {
			return true
		}
	}
	return false
}
