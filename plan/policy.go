package plan

import (
	"math"
	"slices"

	"github.com/zonecast/zonecast/zone"
)

// A Policy says which guards look at plans and where their limits are. The zero Policy has no
// guards; DefaultPolicy and OctoDNSPolicy are what configurations start from.
type Policy struct {
	// UpdateShare and DeleteShare are the fractions of the observed RRsets that one plan may
	// update or delete; more than that is objected to. nil: no limit.
	UpdateShare, DeleteShare *float64
	// ShareFrom is the number of observed RRsets from which shares count: in a zone of three, one
	// is a third.
	ShareFrom int
	// UpdateCount and DeleteCount are absolute limits; 0: none.
	UpdateCount, DeleteCount int
	// ReplaceFrom is the number of records in an RRset from which replacing all of them at once is
	// objected to, and of records in the zone from which losing more than half of all values is;
	// 0: never.
	ReplaceFrom int
	// Empty objects to emptying the zone, removing all RRsets of a type (EmptyFrom and more), and
	// to RRsets without records.
	Empty     bool
	EmptyFrom int
	// AlwaysAsk are types whose every change in an existing zone wants a yes.
	AlwaysAsk []zone.Type
	// RootNS objects to every change of the apex NS of an existing zone, as octoDNS does.
	RootNS bool
	// ApexNS objects to an apex NS RRset from which all name servers of a provider vanish.
	ApexNS bool
	// TTL bounds TTLs of what is created or changed; nil: no bounds.
	TTL *TTLPolicy
	// Ownership says what may be deleted.
	Ownership Ownership
	// Delegated objects to removing what makes up a zone that the parent still delegates.
	Delegated bool
	// SourceShrunk objects to deleting what a source lost although its files did not change.
	SourceShrunk bool
	// OctoDNS phrases objections as octoDNS does, for logs that people and scripts know.
	OctoDNS bool
}

// An Ownership says what plans may delete or take values from.
type Ownership struct {
	// Mode is "" or "all": everything; "created": what zonecast created (Facts.Created tells);
	// "pattern": what Owns says.
	Mode string
	// Owns reports whether the RRset is zonecast's, in mode "pattern".
	Owns func(zone.Key) bool
	// Patterns is how Owns was written, for messages.
	Patterns string
}

// A TTLBound is the range of TTLs of a class of records, in seconds; 0: no bound.
type TTLBound struct{ Min, Max uint32 }

// A TTLPolicy bounds TTLs by class of record. A record is of the first class that it fits:
// apex NS; volatile (dynamic, health-checked, or by Volatile); infrastructure (all types but those
// that clients connect by); end points (A, AAAA, ALIAS, CNAME, DNAME, HTTPS, SVCB).
type TTLPolicy struct {
	Volatile, EndPoint, Infrastructure, ApexNS TTLBound
	// IsVolatile tells further RRsets that change often; nil: none.
	IsVolatile func(zone.Key) bool
	// Hold makes a TTL outside its bounds hold the plan; otherwise it is a note.
	Hold bool
}

// DefaultTTLPolicy has ceilings where an answer must be able to move quickly and floors where
// short TTLs only cost: volatile records at most 60, end points at least 300, infrastructure such
// as MX and TXT at least 3600, apex NS at least 86400 seconds.
func DefaultTTLPolicy() *TTLPolicy {
	return &TTLPolicy{
		Volatile:       TTLBound{Max: 60},
		EndPoint:       TTLBound{Min: 300},
		Infrastructure: TTLBound{Min: 3600},
		ApexNS:         TTLBound{Min: 86400},
	}
}

// DefaultPolicy is what a zonecast.yaml starts from.
func DefaultPolicy() Policy {
	return Policy{
		UpdateShare: new(0.3), DeleteShare: new(0.3), ShareFrom: 10,
		UpdateCount: 0, DeleteCount: 1000,
		ReplaceFrom: 5,
		Empty:       true, EmptyFrom: 5,
		AlwaysAsk: []zone.Type{zone.TypeMX, zone.TypeNS, zone.TypeSOA, zone.TypeDS},
		ApexNS:    true,
		TTL:       DefaultTTLPolicy(),
		Delegated: true, SourceShrunk: true,
	}
}

// OctoDNSPolicy objects to what octoDNS refuses without --force, and to one thing more: emptying
// a zone, which octoDNS does without a word where the zone has fewer than ten records. A source
// file that was cut to nothing must not take a domain away.
func OctoDNSPolicy() Policy {
	return Policy{
		UpdateShare: new(0.3), DeleteShare: new(0.3), ShareFrom: 10, RootNS: true, OctoDNS: true,
		Empty: true, EmptyFrom: math.MaxInt,
	}
}

// DefaultGuards returns the guards that a policy asks for, in the order in which they speak.
func DefaultGuards(p Policy) []Guard {
	var gs []Guard
	add := func(on bool, id string, check checkFunc) {
		if on {
			gs = append(gs, guard{id: id, policy: p, check: check})
		}
	}
	add(p.UpdateShare != nil, "update-share", updateShare)
	add(p.DeleteShare != nil, "delete-share", deleteShare)
	add(p.UpdateCount > 0, "update-count", updateCount)
	add(p.DeleteCount > 0, "delete-count", deleteCount)
	add(p.ReplaceFrom > 0, "replace-all", replaceAll)
	add(p.Empty, "empty-zone", emptyZone)
	add(p.Empty, "empty-type", emptyType)
	add(p.RootNS, "root-ns", rootNS)
	add(p.ApexNS, "apex-ns", apexNS)
	add(len(p.AlwaysAsk) > 0, "always-ask", alwaysAsk)
	add(p.TTL != nil, "ttl-policy", ttlPolicy)
	add(p.Ownership.Mode != "" && p.Ownership.Mode != "all", "ownership", ownership)
	add(p.Delegated, "delegated", delegated)
	add(p.SourceShrunk, "source-shrunk", sourceShrunk)
	return gs
}

// GuardIDs are the ids that DefaultGuards and Compute can object with, sorted: what --allow takes.
func GuardIDs() []string {
	ids := []string{
		"update-share", "delete-share", "update-count", "delete-count", "replace-all", "empty-zone",
		"empty-type", "root-ns", "apex-ns", "always-ask", "ttl-policy", "ownership", "delegated",
		"source-shrunk", ForeignInTheWay,
	}
	slices.Sort(ids)
	return ids
}
