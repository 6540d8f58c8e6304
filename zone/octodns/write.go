package octodns

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Ids of what writing cannot do.
const (
	idUnsupported = "unsupported-type"
	idInexact     = "inexact"
)

// Write returns the zone as one octoDNS zone file. Reading it with the same options gives an
// equal zone. The findings tell of types that octoDNS lacks, which are left out unless
// Options.AllTypes is set.
//
// What the format has no place for goes below octodns.zonecast, which octoDNS carries along.
func Write(z *zone.Zone, opt Options) ([]byte, []finding.Finding) {
	w := newWriter(z.Origin(), opt)
	names := w.names(z)
	if len(names) == 0 {
		return []byte("--- {}\n"), w.findings
	}
	out := []byte("---\n")
	for _, n := range names {
		out = append(out, w.entry(n.text, n.sets)...)
	}
	return out, w.findings
}

// A writer turns RRsets into text.
type writer struct {
	opt      Options
	origin   zone.Name
	base     zone.Name // what names are relative to
	ttl      uint32    // that goes without saying
	order    yaml11.Order
	findings []finding.Finding
}

func newWriter(origin zone.Name, opt Options) *writer {
	order := opt.Order
	if order == yaml11.NoOrder {
		order = yaml11.NaturalOrder // nobody is hurt by an order
	}
	return &writer{opt: opt, origin: origin, base: origin, ttl: opt.ttl(), order: order}
}

// A named is all records of one name.
type named struct {
	text string
	sets []zone.RRset
}

// names groups the RRsets of a zone by name, in the order of the file.
func (w *writer) names(z *zone.Zone) []named {
	var out []named
	for set := range z.All() {
		if !w.supported(set) {
			continue
		}
		if n := len(out); n > 0 && out[n-1].sets[0].Owner == set.Owner {
			out[n-1].sets = append(out[n-1].sets, set)
			continue
		}
		out = append(out, named{recordName(set.Owner, w.base, true), []zone.RRset{set}})
	}
	slices.SortStableFunc(out, func(a, b named) int {
		return cmp.Or(yaml11.Compare(w.order, a.text, b.text), strings.Compare(a.text, b.text))
	})
	return out
}

// supported reports whether a type can be written, and leaves a finding if not.
func (w *writer) supported(set zone.RRset) bool {
	if _, ok := kinds[set.Type.String()]; ok || set.Type.Vendor() || w.opt.AllTypes {
		return true
	}
	f := finding.Finding{
		ID: idUnsupported, Severity: finding.Warning, Zone: w.origin.String(), Subject: set.Key().String(),
		Text: fmt.Sprintf("%s is left out: octoDNS has no type %s", set.Key(), set.Type),
	}
	if set.Type == zone.TypeSOA {
		f.Severity = finding.Info // providers make their own
	}
	w.findings = append(w.findings, f)
	return false
}

// entry returns the text of all records of a name.
func (w *writer) entry(name string, sets []zone.RRset) []byte {
	records := make([]map[string]any, 0, len(sets))
	sets = slices.Clone(sets)
	slices.SortFunc(sets, byType)
	for _, set := range sets {
		records = append(records, w.fields(name, set))
	}
	return w.render(name, records, len(records) != 1)
}

func byType(a, b zone.RRset) int { return strings.Compare(a.Type.String(), b.Type.String()) }

// fields returns the fields of a record that reads back as the RRset.
func (w *writer) fields(name string, set zone.RRset) map[string]any {
	r := w.record(set, false, false)
	if !w.blameless(name, set) {
		r = w.proven(name, set, r)
	}
	return r
}

func (w *writer) render(name string, records []map[string]any, list bool) []byte {
	b := append([]byte(nil), yaml11.Quote(name)...)
	b = append(b, ':')
	if !list {
		return w.block(append(b, '\n'), records[0], 2, false)
	}
	b = append(b, '\n')
	for _, r := range records {
		b = append(b, "- "...)
		b = w.block(b, r, 2, true)
	}
	return b
}

// blameless reports records that surely read back as they are.
func (w *writer) blameless(name string, set zone.RRset) bool {
	if !set.Extra.IsZero() || name != "" && !plainName(name) || set.TTL > math.MaxInt32 || len(set.Data) == 0 {
		return false
	}
	for _, d := range set.Data {
		switch set.Type {
		case zone.TypeA, zone.TypeAAAA:
		case zone.TypeCNAME, zone.TypeNS, zone.TypeMX:
			if set.Type == zone.TypeMX {
				d = d[min(2, len(d)):]
			}
			n, _, err := zone.NameFromWire([]byte(d))
			if err != nil || hostProblem(n.String()) != "" || set.Type == zone.TypeCNAME && (name == "" || len(set.Data) != 1) {
				return false
			}
		case zone.TypeTXT:
			v, err := decodeText(d, false)
			if err != nil {
				return false
			}
			s := v.(string)
			if s == "" || textData(strings.ReplaceAll(s, `\;`, ";")) != d || strings.Count(s, `\`) != strings.Count(s, ";") {
				return false
			}
			for i := range len(s) {
				if s[i] < ' ' || s[i] > '~' || s[i] == '"' {
					return false
				}
			}
		default:
			return false
		}
	}
	return true
}

// proven reads the record back and adds what it takes to make that give the same RRset.
func (w *writer) proven(name string, set zone.RRset, r map[string]any) map[string]any {
	fits := func(r map[string]any) bool { return w.reads(name, set, r, false) }
	if fits(r) {
		return r
	}
	for _, how := range [][2]bool{{true, false}, {false, true}, {true, true}} {
		if better := w.record(set, how[0], how[1]); fits(better) {
			return better
		}
	}
	w.findings = append(w.findings, finding.Finding{
		ID: idInexact, Severity: finding.Warning, Zone: w.origin.String(), Subject: set.Key().String(),
		Text: fmt.Sprintf("%s cannot be written so that it reads back exactly", set.Key()),
	})
	return r
}

// reads reports whether a record reads back as the RRset; without lenient, in octoDNS too.
func (w *writer) reads(name string, set zone.RRset, r map[string]any, lenient bool) bool {
	opt := w.opt
	opt.Order, opt.Lenient, opt.Rules = yaml11.NoOrder, lenient, RuleSet{}
	c := w.collector(opt)
	problems := yaml11.Entries("", w.render(name, []map[string]any{r}, false), yaml11.Options{}, func(k yaml11.Key) bool {
		c.entry(k)
		return true
	})
	for _, p := range problems {
		if !p.Warning {
			return false
		}
	}
	if finding.AsError(c.findings) != nil || len(c.sets) != 1 {
		return false
	}
	for _, f := range c.findings { // octoDNS must read it too
		if f.ID == idOdd && !lenient && !marked(r) {
			return false
		}
	}
	return c.sets[0].Equal(set)
}

// collector returns one for a record of the file that is being written.
func (w *writer) collector(opt Options) *Collector {
	c := NewCollector(w.origin, opt)
	c.base, c.ttl = w.base, w.ttl
	c.places.files = []string{""}
	return c
}

// marked reports fields that make octoDNS lenient about the record.
func marked(r map[string]any) bool {
	octo, _ := r["octodns"].(map[string]any)
	return octo["lenient"] == true
}

// record returns the fields of a record. lenient marks it so that octoDNS accepts what its rules
// reject; exact adds the RDATA.
func (w *writer) record(set zone.RRset, lenient, exact bool) map[string]any {
	rec, _ := Normal(set, w.base)
	m := map[string]any{"type": rec.Type}
	if set.TTL != w.ttl {
		m["ttl"] = number(int64(set.TTL))
	}
	values := rec.Values
	if set.Type == zone.TypeTXT || set.Type == zone.TypeSPF {
		values = w.texts(values)
	}
	switch {
	case len(values) == 1 && values[0] != "":
		m["value"] = values[0]
	case len(values) > 0:
		m["values"] = values
	}
	own := map[string]any{}
	extra := map[string]any{}
	for k, v := range set.Extra.All() {
		if k == ExtraOctodns || k == ExtraDynamic || k == ExtraGeo || k == ExtraValues || strings.HasPrefix(k, ExtraTarget) {
			continue
		}
		extra[k] = v
	}
	if len(extra) > 0 {
		own["extra"] = extra
	}
	octo := maps.Clone(rec.Octodns)
	if octo == nil {
		octo = map[string]any{}
	}
	if lenient && octo["lenient"] != true {
		own["lenient"] = true // it was not there before
		octo["lenient"] = true
	}
	if exact {
		var data []any
		for _, d := range set.Data {
			data = append(data, rdata.Text(set.Type, d))
		}
		own["rdata"] = data
	}
	if len(own) > 0 {
		octo[ownKey] = own
	}
	if len(octo) > 0 {
		m["octodns"] = octo
	}
	if rec.Dynamic != nil {
		m["dynamic"] = rec.Dynamic
	}
	if rec.Geo != nil {
		m["geo"] = rec.Geo
	}
	if len(rec.Targets) > 0 {
		m["providers"] = w.targets(rec)
	}
	return m
}

// targets leaves out what the records for single providers share with the record.
func (w *writer) targets(rec Record) map[string]any {
	out := map[string]any{}
	for id, v := range rec.Targets {
		m, ok := v.(map[string]any)
		if !ok {
			out[id] = v
			continue
		}
		m = maps.Clone(m)
		typ := m["type"]
		if typ == rec.Type {
			delete(m, "type")
		}
		if m["ttl"] == number(int64(rec.TTL)) {
			delete(m, "ttl")
		}
		if typ == "TXT" || typ == "SPF" {
			for _, f := range []string{"value", "values"} {
				if l, ok := m[f].([]any); ok {
					m[f] = w.texts(l)
				} else if m[f] != nil {
					m[f] = w.texts([]any{m[f]})[0]
				}
			}
		}
		out[id] = m
	}
	return out
}

// texts writes the values of a TXT so that octoDNS's reading of quotes and semicolons gives them back.
func (w *writer) texts(values []any) []any {
	out := make([]any, len(values))
	for i, v := range values {
		s, ok := v.(string)
		if !ok {
			out[i] = v
			continue
		}
		if strings.HasPrefix(s, `"`) {
			s = `"` + s + `"`
		}
		if w.opt.RawSemicolons {
			s = strings.ReplaceAll(s, `\;`, ";")
		}
		out[i] = s
	}
	return out
}

// block writes a mapping that is not empty. With inline the first key stands on the current line.
func (w *writer) block(b []byte, m map[string]any, indent int, inline bool) []byte {
	keys := sortedKeys(m)
	slices.SortStableFunc(keys, func(x, y string) int { return yaml11.Compare(w.order, x, y) })
	for _, k := range keys {
		if !inline {
			b = pad(b, indent)
		}
		inline = false
		b = append(append(b, yaml11.Quote(k)...), ':')
		b = w.value(b, m[k], indent)
	}
	return b
}

// value writes what stands behind "key:" or below it.
func (w *writer) value(b []byte, v any, indent int) []byte {
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 0 {
			return w.block(append(b, '\n'), v, indent+2, false)
		}
	case []any:
		if len(v) > 0 {
			return w.list(append(b, '\n'), v, indent)
		}
	}
	return append(scalar(append(b, ' '), v), '\n')
}

func (w *writer) list(b []byte, items []any, indent int) []byte {
	for _, item := range items {
		b = append(pad(b, indent), '-', ' ')
		switch v := item.(type) {
		case map[string]any:
			if len(v) > 0 {
				b = w.block(b, v, indent+2, true)
				continue
			}
		case []any:
			if len(v) > 0 {
				b = append(b[:len(b)-1], '\n')
				b = w.list(b, v, indent+2)
				continue
			}
		}
		b = append(scalar(b, item), '\n')
	}
	return b
}

func pad(b []byte, indent int) []byte {
	for range indent {
		b = append(b, ' ')
	}
	return b
}

func scalar(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(b, yaml11.Quote(v)...)
	case verbatim:
		return append(b, v...)
	case json.Number:
		s := string(v)
		if i := strings.IndexAny(s, "eE"); i >= 0 && !strings.Contains(s, ".") {
			s = s[:i] + ".0" + s[i:] // YAML 1.1 wants a point in a float
		}
		return append(b, s...)
	case bool:
		if v {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case map[string]any:
		return append(b, "{}"...)
	case []any:
		return append(b, "[]"...)
	}
	return append(b, "null"...)
}
