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

// Table prints reports side by side as Markdown: capabilities, groups, types. It holds no times, so
// that equal results give equal text.
func Table(reports ...*Report) string {
	var b strings.Builder
	header := func(first string) {
		b.WriteString("| " + first + " |")
		for _, r := range reports {
			b.WriteString(" " + cell(r.Subject) + " |")
		}
		b.WriteString("\n|" + strings.Repeat(" --- |", len(reports)+1) + "\n")
	}
	row := func(first string, text func(*Report) string) {
		b.WriteString("| " + cell(first) + " |")
		for _, r := range reports {
			b.WriteString(" " + cell(text(r)) + " |")
		}
		b.WriteString("\n")
	}
	header("capability")
	for _, c := range described {
		row(c.name, func(r *Report) string { return c.text(r.Capabilities) })
	}
	b.WriteString("\n")
	header("group")
	row("L1 every declared type", everyDeclared)
	for _, name := range groupNames(reports) {
		row(name, func(r *Report) string { return ended(r, name) })
	}
	row("together", together)
	b.WriteString("\nTypes that can be written:\n")
	for _, r := range reports {
		fmt.Fprintf(&b, "- %s: %s\n", r.Subject, typeNames(r.Capabilities))
	}
	for _, r := range reports {
		for _, claim := range r.Unproven {
			fmt.Fprintf(&b, "\n%s claims %s, which no group proved.\n", r.Subject, claim)
		}
	}
	return b.String()
}

var described = []struct {
	name string
	text func(provider.Capabilities) string
}{
	{"types", func(c provider.Capabilities) string { return strconv.Itoa(len(c.Types)) }},
	{"unknown types (RFC 3597)", func(c provider.Capabilities) string { return yes(c.UnknownTypes) }},
	{"NS at the apex", func(c provider.Capabilities) string {
		return map[provider.ApexNS]string{provider.ApexNSHidden: "not shown", provider.ApexNSReadOnly: "read only", provider.ApexNSEditable: "editable"}[c.ApexNS]
	}},
	{"SOA written by zonecast", func(c provider.Capabilities) string { return yes(c.SOA) }},
	{"alias at the apex", func(c provider.Capabilities) string {
		if c.Alias == "" {
			return "no"
		}
		return c.Alias
	}},
	{"TTL", ttlText},
	{"wildcards", func(c provider.Capabilities) string { return yes(c.Wildcards) }},
	{"several PTR at a name", func(c provider.Capabilities) string { return yes(c.MultiValuePTR) }},
	{"borders of TXT strings kept", func(c provider.Capabilities) string { return yes(c.TXTChunks) }},
	{"empty TXT", func(c provider.Capabilities) string { return yes(c.EmptyTXT) }},
	{"extras", func(c provider.Capabilities) string { return strings.Join(c.Extras, " ") }},
	{"compare-and-set", func(c provider.Capabilities) string {
		return map[provider.CompareAndSet]string{provider.NoCompare: "no: " + c.Window, provider.CompareSet: "each set", provider.CompareAll: "the whole zone"}[c.Compare]
	}},
	{"all changes or none", func(c provider.Capabilities) string { return yes(c.Atomic) }},
	{"lists, creates, deletes zones", func(c provider.Capabilities) string {
		return yes(c.ListZones) + ", " + yes(c.CreateZone) + ", " + yes(c.DeleteZone)
	}},
	{"proven against", func(c provider.Capabilities) string { return c.Proof }},
}

func typeNames(c provider.Capabilities) string {
	var names []string
	for _, t := range c.Types {
		names = append(names, t.String())
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func ttlText(c provider.Capabilities) string {
	switch {
	case len(c.TTLs) > 0:
		return strings.Trim(fmt.Sprint(c.TTLs), "[]")
	case c.TTLPerZone:
		return "one for the zone"
	case c.MaxTTL > 0:
		return fmt.Sprintf("%d to %d", c.MinTTL, c.MaxTTL)
	case c.MinTTL > 0:
		return fmt.Sprintf("from %d", c.MinTTL)
	}
	return "any"
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func groupNames(reports []*Report) []string {
	var names []string
	for _, r := range reports {
		for _, x := range r.Results {
			if name := fmt.Sprintf("L%d %s", x.Level, x.Group); !slices.Contains(names, name) && !strings.HasPrefix(x.Group, typeGroup) {
				names = append(names, name)
			}
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return strings.Compare(a[:2], b[:2]) })
	return names
}

// typeGroup begins the names of the groups of single types, which share a row.
const typeGroup = "type "

func everyDeclared(r *Report) string {
	passed, notes := 0, []string{}
	for _, x := range r.Results {
		t, ok := strings.CutPrefix(x.Group, typeGroup)
		switch {
		case !ok || x.Reason == notDeclared:
		case x.Status == Passed:
			passed++
		case x.Status == Skipped:
			notes = append(notes, "– "+t+" ("+x.Reason+")")
		default:
			notes = append(notes, "**"+t+" failed**")
		}
	}
	return strings.Join(append([]string{fmt.Sprintf("%d passed", passed)}, notes...), "; ")
}

func ended(r *Report, name string) string {
	for _, x := range r.Results {
		if fmt.Sprintf("L%d %s", x.Level, x.Group) == name {
			switch x.Status {
			case Passed:
				return "passed"
			case Skipped:
				return "– (" + x.Reason + ")"
			default:
				return "**failed**"
			}
		}
	}
	return ""
}

func together(r *Report) string {
	var n [3]int
	var steps int
	for _, x := range r.Results {
		n[slices.Index([]Status{Passed, Failed, Skipped}, x.Status)]++
		steps += x.Steps
	}
	return fmt.Sprintf("%d passed, %d failed, %d skipped; %d states", n[0], n[1], n[2], steps)
}

func cell(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.ReplaceAll(s, "|", "\\|")
}
