package conformance

import (
	"reflect"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// A group attacks one side of an adapter.
type group struct {
	name   string
	level  int               // L0 reading … L7 size
	proves []string          // capabilities, by name of the field; a type as "Types/MX"
	need   func(*env) string // why it cannot run, or ""
	run    func(*env)
}

// claims are what the group proves when it passes, the type of a group of one type included.
func (g group) claims() []string {
	if t, ok := strings.CutPrefix(g.name, typeGroup); ok {
		return append(slices.Clone(g.proves), "Types/"+t)
	}
	return g.proves
}

func matches(name, only string) bool { return strings.Contains(name, only) }

// groups are all groups, in rising difficulty.
func groups(s Subject) []group {
	list := []group{
		{name: "read fidelity", level: 0, run: readFidelity},
		{name: "stated count", level: 0, need: given(s.Stated != nil, "Stated"), run: statedCount},
		{name: "foreign things", level: 0, need: given(s.Plant != nil, "Plant"), run: foreignThings},
		{name: "missing zone", level: 0, run: missingZone},
		{name: "list zones", level: 0, proves: []string{"ListZones"}, need: claims("ListZones"), run: listZones},
	}
	for _, t := range slices.Sorted(allTypes(s)) {
		list = append(list, group{
			name: typeGroup + t.String(), level: 1,
			need: func(e *env) string {
				if !e.caps.Holds(t) {
					return notDeclared
				}
				return ""
			},
			run: func(e *env) { everyType(e, t) },
		})
	}
	return append(list,
		group{name: "TTL alone", level: 1, proves: []string{"MinTTL", "MaxTTL", "TTLs", "TTLPerZone"}, run: ttlAlone},
		group{name: "change of type", level: 1, run: changeOfType},
		group{name: "many changes in one plan", level: 1, run: manyKinds},
		group{name: "many changes in several plans", level: 1, run: severalPlans},
		group{name: "every type in one plan", level: 1, run: allTypesAtOnce},
		group{name: "saved plan", level: 1, run: savedPlan},
		group{name: "refused types", level: 1, run: refusedTypes},
		group{name: "refused settings", level: 1, run: refusedSettings},
		group{name: "wildcards", level: 2, proves: []string{"Wildcards"}, need: claims("Wildcards"), run: wildcards},
		group{name: "apex", level: 2, run: apex},
		group{name: "long TXT", level: 2, need: holds(zone.TypeTXT), run: longTXT},
		group{name: "odd TXT", level: 2, need: holds(zone.TypeTXT), run: oddTXT},
		group{name: "TXT in several strings", level: 2, proves: []string{"TXTChunks"}, need: claims("TXTChunks"), run: chunkedTXT},
		group{name: "empty TXT", level: 2, proves: []string{"EmptyTXT"}, need: claims("EmptyTXT"), run: emptyTXT},
		group{name: "Unicode names", level: 2, run: unicodeNames},
		group{name: "letter case", level: 2, run: letterCase},
		group{name: "long names", level: 2, run: longNames},
		group{name: "odd names", level: 2, run: oddNames},
		group{name: "names that say nothing", level: 2, run: nullNames},
		group{name: "service parameters", level: 2, need: holds(zone.TypeSVCB, zone.TypeHTTPS), run: serviceParameters},
		group{name: "several PTR", level: 2, proves: []string{"MultiValuePTR"}, need: claims("MultiValuePTR"), run: severalPTR},
		group{name: "alias at the apex", level: 2, proves: []string{"Alias", "AliasApexOnly"}, need: claims("Alias"), run: alias},
		group{name: "extras", level: 2, proves: []string{"Extras"}, need: claims("Extras"), run: extras},
		group{name: "random records", level: 2, run: randomRecords},
		group{name: "round trips of edges", level: 2, run: roundTrips},
		group{name: "records in one set", level: 3, proves: []string{"MaxRecords"}, run: recordsInOneSet},
		group{name: "borders of batches", level: 3, proves: []string{"Batch"}, need: claims("Batch"), run: batchBorders},
		group{name: "borders of pages", level: 3, need: given(s.Page > 0, "Page"), run: pageBorders},
		group{name: "1,200 sets", level: 3, run: func(e *env) { manySets(e, 1200) }},
		group{name: "5,000 sets", level: 3, need: given(s.Large, "Large"), run: func(e *env) { manySets(e, 5000) }},
		group{name: "wrong credentials", level: 4, need: given(s.WrongKey != nil, "WrongKey"), run: wrongCredentials},
		group{name: "expired credentials", level: 4, need: given(s.Expired != nil, "Expired"), run: expiredCredentials},
		group{name: "narrow credentials", level: 4, need: given(s.Narrow != nil, "Narrow"), run: narrowCredentials},
		group{name: "stale snapshot", level: 4, proves: []string{"Compare", "Window"}, run: staleSnapshot},
		group{name: "changed at the last moment", level: 4, need: given(s.Via != nil, "Via"), run: lastMoment},
		group{name: "created twice", level: 4, run: createdTwice},
		group{name: "all or nothing", level: 4, proves: []string{"Atomic"}, need: claims("Atomic"), run: allOrNothing},
		group{name: "faults of single calls", level: 4, need: given(s.Via != nil, "Via"), run: faultsOfCalls},
		group{name: "trouble that lasts", level: 4, need: given(s.Via != nil, "Via"), run: troubleThatLasts},
		group{name: "throttled for long", level: 4, need: given(s.Via != nil, "Via"), run: throttledForLong},
		group{name: "fault in the middle of a write", level: 4, need: given(s.Via != nil, "Via"), run: faultInTheMiddle},
		group{name: "server killed", level: 4, need: given(s.Kill != nil, "Kill"), run: serverKilled},
		group{name: "cancelled before", level: 5, run: cancelledBefore},
		group{name: "cancelled in the middle", level: 5, run: cancelledInTheMiddle},
		group{name: "two writers, one set", level: 5, run: twoWritersOneSet},
		group{name: "two writers, two sets", level: 5, run: twoWritersTwoSets},
		group{name: "one account, many callers", level: 5, run: manyCallers},
		group{name: "several zones at once", level: 5, run: severalZones},
		group{name: "apex NS", level: 6, proves: []string{"ApexNS"}, need: claims("ApexNS"), run: apexNS},
		group{name: "TTL of the apex NS", level: 6, proves: []string{"ApexNSTTL"}, need: claims("ApexNSTTL"), run: apexNSTTL},
		group{name: "switches", level: 6, need: given(len(s.Switches) > 0, "Switches"), run: switches},
		group{name: "create and delete zones", level: 6, proves: []string{"CreateZone", "DeleteZone"}, need: creates, run: createAndDelete},
		group{name: "10,000 sets in few calls", level: 7, need: needs(given(s.Large, "Large"), given(s.Calls != nil, "Calls")), run: func(e *env) { boundedCalls(e, 10_000) }},
		group{name: "100,000 sets in few calls", level: 7, need: needs(given(s.Large, "Large"), given(s.Calls != nil, "Calls")), run: func(e *env) { boundedCalls(e, 100_000) }},
	)
}

// allTypes are the types that the suite or the subject has values for.
func allTypes(s Subject) func(func(zone.Type) bool) {
	return func(yield func(zone.Type) bool) {
		for t := range values {
			if !yield(t) {
				return
			}
		}
		for t := range s.Values {
			if _, dup := values[t]; !dup && !yield(t) {
				return
			}
		}
	}
}

// Reasons for skipping what a provider does not claim.
const (
	notDeclared     = "not declared"
	typeNotDeclared = "type not declared"
)

// claims needs a capability by its field's name.
func claims(field string) func(*env) string {
	return func(e *env) string {
		if reflect.ValueOf(e.caps).FieldByName(field).IsZero() {
			return notDeclared
		}
		return ""
	}
}

// needs joins what a group needs.
func needs(list ...func(*env) string) func(*env) string {
	return func(e *env) string {
		for _, need := range list {
			if why := need(e); why != "" {
				return why
			}
		}
		return ""
	}
}

// holds needs one of the types.
func holds(types ...zone.Type) func(*env) string {
	return func(e *env) string {
		if slices.ContainsFunc(types, e.caps.Holds) {
			return ""
		}
		return typeNotDeclared
	}
}

// means says, for fields of Subject, what a run goes without that has none.
var means = map[string]string{
	"Stated":    "nothing states how much a zone holds",
	"Plant":     "nothing of others could be put into the zone",
	"Page":      "the size of a page is not known",
	"Large":     "large zones were not asked for",
	"WrongKey":  "no credentials that could be wrong",
	"Expired":   "no credentials that have expired",
	"Narrow":    "no credentials that may only read",
	"Via":       "no HTTP calls that could be broken",
	"Kill":      "no server that could be killed",
	"Switches":  "no settings that could be switched",
	"Calls":     "nothing counts calls",
	"NewOrigin": "no zone that may be created",
	"Extras":    "no provider options to try",
}

// given needs something of the subject.
func given(ok bool, field string) func(*env) string {
	return func(*env) string { return unless(ok, means[field]) }
}

func creates(e *env) string {
	if !e.caps.CreateZone && !e.caps.DeleteZone {
		return notDeclared
	}
	return unless(e.s.NewOrigin != nil, means["NewOrigin"])
}

func unless(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}
