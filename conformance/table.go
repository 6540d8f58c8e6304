package conformance

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/provider"
)

// notClaims are fields of Capabilities that say no "yes": kinds of text, hints and limits that
// only lower what is claimed.
var notClaims = []string{"Types", "UnknownTypes", "Window", "InFlight", "Proof", "Docs", "ApexNS", "Compare"}

// unproven lists the claims that no group proved.
func unproven(c provider.Capabilities, s Subject, proven map[string]bool) []string {
	var out []string
	need := func(claim, field string) {
		if !proven[claim] && s.Elsewhere[claim] == "" && s.Elsewhere[field] == "" {
			out = append(out, claim)
		}
	}
	for _, t := range c.Types {
		need("Types/"+t.String(), "Types")
	}
	if c.UnknownTypes {
		need("UnknownTypes", "UnknownTypes")
	}
	if c.ApexNS != provider.ApexNSHidden {
		need("ApexNS", "ApexNS")
	}
	if c.Compare != provider.NoCompare {
		need("Compare", "Compare")
	} else {
		need("Window", "Window") // that it is declared, and that what is touched is read again
	}
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; !slices.Contains(notClaims, name) && !v.Field(i).IsZero() {
			need(name, name)
		}
	}
	return out
}

var described = []struct {
	name string
	text func(provider.Capabilities) string
}{
	{"types", func(c provider.Capabilities) string { return strconv.Itoa(len(c.Types)) }},
	{"unknown types (RFC 3597)", func(c provider.Capabilities) string { return yes(c.UnknownTypes) }},
	{"NS at the apex", func(c provider.Capabilities) string {
		return map[provider.ApexNS]string{provider.ApexNSHidden: no, provider.ApexNSReadOnly: "read only", provider.ApexNSEditable: "editable"}[c.ApexNS]
	}},
	{"SOA written by zonecast", func(c provider.Capabilities) string { return yes(c.SOA) }},
	{"alias at the apex", func(c provider.Capabilities) string {
		if c.Alias == "" {
			return no
		}
		return c.Alias
	}},
	{"TTL", ttlText},
	{"wildcards", func(c provider.Capabilities) string { return yes(c.Wildcards) }},
	{"several PTR at a name", func(c provider.Capabilities) string { return yes(c.MultiValuePTR) }},
	{"borders of TXT strings kept", func(c provider.Capabilities) string { return yes(c.TXTChunks) }},
	{"empty TXT", func(c provider.Capabilities) string { return yes(c.EmptyTXT) }},
	{"extras", func(c provider.Capabilities) string {
		if len(c.Extras) == 0 {
			return no
		}
		return strings.Join(c.Extras, " ")
	}},
	{"steering", func(c provider.Capabilities) string { return yes(c.Dynamic || c.Geo) }},
	{"compare-and-set", func(c provider.Capabilities) string {
		return map[provider.CompareAndSet]string{provider.NoCompare: no, provider.CompareSet: "set", provider.CompareAll: "zone"}[c.Compare]
	}},
	{"all changes or none", func(c provider.Capabilities) string { return yes(c.Atomic) }},
	{"changes in one request", func(c provider.Capabilities) string {
		if c.Batch == 0 {
			return no
		}
		return strconv.Itoa(c.Batch)
	}},
	{"lists zones", func(c provider.Capabilities) string { return yes(c.ListZones) }},
	{"creates zones", func(c provider.Capabilities) string { return yes(c.CreateZone) }},
	{"deletes zones", func(c provider.Capabilities) string { return yes(c.DeleteZone) }},
}

func typeNames(c provider.Capabilities) string {
	var names []string
	for _, t := range c.Types {
		names = append(names, t.String())
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// seconds shortens the largest TTL that there is (RFC 2181, section 8).
func seconds(n uint32) string {
	if n == 1<<31-1 {
		return "max"
	}
	return strconv.FormatUint(uint64(n), 10)
}

func ttlText(c provider.Capabilities) string {
	switch {
	case len(c.TTLs) > 0:
		return strings.Trim(fmt.Sprint(c.TTLs), "[]")
	case c.TTLPerZone:
		return "one"
	case c.MaxTTL > 0:
		return fmt.Sprintf("%d–%s", c.MinTTL, seconds(c.MaxTTL))
	case c.MinTTL > 0:
		return fmt.Sprintf("≥ %d", c.MinTTL)
	}
	return "any"
}

// Marks of the tables.
const (
	no      = "–" // a capability that is not there
	passed  = "✓"
	failed  = "**✗**"
	skipped = "○" // with the number of the reason
	silent  = "·" // not declared, so not attacked
)

func yes(b bool) string {
	if b {
		return "✓"
	}
	return no
}
