package octodns

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
)

// A rule is one of octoDNS's validators.
type rule struct {
	sets  string // names of the sets it belongs to
	types string // record types that it looks at; "" for all
	zone  bool   // looks at whole zones
}

const (
	inLegacy  = "legacy"
	inStrict  = "strict"
	inBest    = "best-practice"
	inBoth    = "legacy strict"
	inAdvised = "strict best-practice"
)

// rules are octoDNS's built-in validators by id.
var rules = map[string]rule{
	"name-rfc":             {sets: inBoth},
	"ttl-rfc":              {sets: inBoth},
	"healthcheck":          {sets: inBoth},
	"cname-root-rfc":       {sets: inBoth, types: "CNAME"},
	"alias-root":           {sets: inBoth, types: "ALIAS"},
	"ip-value-rfc":         {sets: inBoth, types: "A AAAA"},
	"target-value-rfc":     {sets: inBoth, types: "ALIAS CNAME DNAME"},
	"targets-value-rfc":    {sets: inBoth, types: "NS PTR"},
	"chunked-value-rfc":    {sets: inBoth, types: "TXT SPF"},
	"loc-value-rfc":        {sets: inBoth, types: "LOC"},
	"svcb-value-rfc":       {sets: inBoth, types: "SVCB"},
	"https-value-rfc":      {sets: inBoth, types: "HTTPS"},
	"openpgpkey-value-rfc": {sets: inBoth, types: "OPENPGPKEY"},
	"urlfwd-value":         {sets: inBoth, types: "URLFWD"},
	"dynamic":              {sets: inBoth, types: "A AAAA CNAME DNAME"},

	"geo":         {sets: inLegacy, types: "A AAAA"},
	"srv-name":    {sets: inLegacy, types: "SRV"},
	"uri-name":    {sets: inLegacy, types: "URI"},
	"caa-value":   {sets: inLegacy, types: "CAA"},
	"mx-value":    {sets: inLegacy, types: "MX"},
	"sshfp-value": {sets: inLegacy, types: "SSHFP"},
	"srv-value":   {sets: inLegacy, types: "SRV"},
	"uri-value":   {sets: inLegacy, types: "URI"},
	"naptr-value": {sets: inLegacy, types: "NAPTR"},
	"ds-value":    {sets: inLegacy, types: "DS"},
	"tlsa-value":  {sets: inLegacy, types: "TLSA"},

	"srv-name-rfc":         {sets: inStrict, types: "SRV"},
	"uri-name-rfc":         {sets: inStrict, types: "URI"},
	"srv-value-rfc":        {sets: inStrict, types: "SRV"},
	"mx-value-rfc":         {sets: inStrict, types: "MX"},
	"caa-value-rfc":        {sets: inStrict, types: "CAA"},
	"ds-value-rfc":         {sets: inStrict, types: "DS"},
	"sshfp-value-rfc":      {sets: inStrict, types: "SSHFP"},
	"tlsa-value-rfc":       {sets: inStrict, types: "TLSA"},
	"naptr-value-rfc":      {sets: inStrict, types: "NAPTR"},
	"uri-value-rfc":        {sets: inStrict, types: "URI"},
	"spf-record-type":      {sets: inStrict, types: "SPF"},
	"target-value-not-ip":  {sets: inStrict, types: "ALIAS CNAME DNAME"},
	"targets-value-not-ip": {sets: inStrict, types: "NS PTR"},
	"mx-value-not-ip":      {sets: inAdvised, types: "MX"},
	"srv-value-not-ip":     {sets: inAdvised, types: "SRV"},

	"target-value-best-practice":  {sets: inBest, types: "ALIAS CNAME DNAME"},
	"targets-value-best-practice": {sets: inBest, types: "NS PTR"},
	"mx-value-best-practice":      {sets: inBest, types: "MX"},
	"srv-value-best-practice":     {sets: inBest, types: "SRV"},
	"svcb-value-best-practice":    {sets: inBest, types: "SVCB"},
	"https-value-best-practice":   {sets: inBest, types: "HTTPS"},
	"naptr-value-best-practice":   {sets: inBest, types: "NAPTR"},
	"caa-value-best-practice":     {sets: inBest, types: "CAA"},
	"ds-value-best-practice":      {sets: inBest, types: "DS"},
	"sshfp-value-best-practice":   {sets: inBest, types: "SSHFP"},
	"tlsa-value-best-practice":    {sets: inBest, types: "TLSA"},

	"cname-coexistence":               {sets: inBoth, zone: true},
	"root-cname":                      {sets: inStrict, zone: true},
	"no-cname-loop":                   {sets: inStrict, zone: true},
	"dname-coexistence":               {sets: inStrict, zone: true},
	"mx-target-not-cname":             {sets: inStrict, zone: true},
	"ns-target-not-cname":             {sets: inStrict, zone: true},
	"srv-target-not-cname":            {sets: inStrict, zone: true},
	"glue-for-in-zone-ns":             {sets: inStrict, zone: true},
	"cname-target-not-cname":          {sets: inBest, zone: true},
	"cname-target-resolvable-in-zone": {sets: inBest, zone: true},
	"mx-target-resolvable-in-zone":    {sets: inBest, zone: true},
	"srv-target-resolvable-in-zone":   {sets: inBest, zone: true},
	"multi-value-ns":                  {sets: inBest, zone: true},
	"caa-best-practices":              {sets: inBest, zone: true},
	"mail":                            {sets: inBest, zone: true},
}

// IsRule reports whether a finding's id is that of one of octoDNS's own validation rules. The
// other findings of this package are about things that octoDNS does not report.
func IsRule(id string) bool {
	_, ok := rules[id]
	return ok
}

// A RuleSet says which rules run, as "manager.validators" and a zone's "validators" do. The zero
// RuleSet runs the set legacy.
type RuleSet struct {
	Sets    []string            // nil means legacy; an empty list means rules of no set
	Enable  map[string][]string // ids of record rules by type or "*"
	Disable map[string][]string // the same; wins over Sets and Enable
	// EnableZone and DisableZone hold ids of zone rules.
	EnableZone, DisableZone []string

	CAARequired bool             // caa-best-practices: the apex must have CAA
	MailMode    string           // mail: "auto" (also ""), "mail" or "no-mail"
	MinMX       int              // mail: 0 means 2
	SingleMX    []*regexp.Regexp // mail: exchanges that may stand alone
}

// Check returns findings about ids and sets that do not exist: errors where they are to be
// switched on, warnings where they are to be switched off.
func (r RuleSet) Check() []finding.Finding {
	var out []finding.Finding
	unknown := func(what, id string, sev finding.Severity, known []string) {
		f := finding.Finding{ID: "unknown-rule", Severity: sev, Subject: id, Text: fmt.Sprintf("%s %q is unknown", what, id)}
		if near := finding.Nearest(id, known); near != "" {
			f.Fix = fmt.Sprintf("did you mean %q?", near)
		}
		out = append(out, f)
	}
	for _, s := range r.Sets {
		if s != inLegacy && s != inStrict && s != inBest {
			unknown("rule set", s, finding.Error, []string{inLegacy, inStrict, inBest})
		}
	}
	look := func(ids []string, zone bool, sev finding.Severity) {
		for _, id := range ids {
			if strings.HasPrefix(id, "_") && sev == finding.Warning {
				out = append(out, finding.Finding{
					ID: "unknown-rule", Severity: finding.Warning, Subject: id,
					Text: fmt.Sprintf("rule %q cannot be switched off", id),
				})
			} else if have, ok := rules[id]; !ok || have.zone != zone {
				unknown("rule", id, sev, ruleIDs(zone))
			}
		}
	}
	for _, t := range sortedKeys(r.Enable) {
		look(r.Enable[t], false, finding.Error)
	}
	for _, t := range sortedKeys(r.Disable) {
		look(r.Disable[t], false, finding.Warning)
	}
	look(r.EnableZone, true, finding.Error)
	look(r.DisableZone, true, finding.Warning)
	return out
}

func ruleIDs(zone bool) []string {
	var ids []string
	for id, r := range rules {
		if r.zone == zone {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// forType returns the record rules that run for a type.
func (r RuleSet) forType(typ string) map[string]bool {
	on := map[string]bool{}
	for id, have := range rules {
		if !have.zone && r.inSets(have) && (have.types == "" || hasWord(have.types, typ)) {
			on[id] = true
		}
	}
	for _, key := range []string{"*", typ} {
		for _, id := range r.Enable[key] {
			if have := rules[id]; have.types == "" || hasWord(have.types, typ) {
				on[id] = true
			}
		}
	}
	for _, key := range []string{"*", typ} {
		for _, id := range r.Disable[key] {
			delete(on, id)
		}
	}
	return on
}

// forZone returns the zone rules that run.
func (r RuleSet) forZone() map[string]bool {
	on := map[string]bool{}
	for id, have := range rules {
		if have.zone && r.inSets(have) {
			on[id] = true
		}
	}
	for _, id := range r.EnableZone {
		on[id] = true
	}
	for _, id := range r.DisableZone {
		delete(on, id)
	}
	return on
}

func (r RuleSet) inSets(have rule) bool {
	sets := r.Sets
	if sets == nil {
		sets = []string{inLegacy}
	}
	for _, s := range sets {
		if hasWord(have.sets, s) {
			return true
		}
	}
	return false
}

func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}
