package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
)

// A decoder turns nodes into a Config and collects what is wrong on the way.
type decoder struct {
	cfg   *Config
	finds []finding.Finding
	told  [finding.Error + 1]int // by severity, those included that were not kept
}

// A key is one key of a mapping: how it is read, and what editors are told of it. The same table
// drives reading, the search for the nearest key, and the JSON Schema.
type key[T any] struct {
	name string
	help string
	form form
	read func(d *decoder, n *yaml11.Node, to *T)
}

// mapping reads the keys of n. Keys that are in no table go to other; when other is nil they are
// reported, with the given severity.
func mapping[T any](d *decoder, n *yaml11.Node, what string, keys []key[T], to *T, unknown finding.Severity, other func(yaml11.Key)) {
	if n == nil || n.Kind == yaml11.Null {
		return
	}
	if n.Kind != yaml11.Mapping {
		d.wrongType(n, what, "a mapping")
		return
	}
	for _, k := range n.Keys {
		i := slices.IndexFunc(keys, func(x key[T]) bool { return x.name == k.Name })
		switch {
		case i >= 0:
			keys[i].read(d, k.Value, to)
		case other != nil:
			other(k)
		default:
			names := make([]string, len(keys))
			for i, x := range keys {
				names[i] = x.name
			}
			d.unknownKey(k, what, names, unknown)
		}
	}
}

// maxFindings bounds what is told of each severity: nobody reads more.
const maxFindings = 2000

func (d *decoder) add(f finding.Finding) {
	if d.told[f.Severity]++; d.told[f.Severity] <= maxFindings {
		d.finds = append(d.finds, f)
	}
}

func (d *decoder) err(id string, p finding.Place, fix, format string, args ...any) {
	d.add(finding.Finding{ID: id, Severity: finding.Error, Place: p, Text: fmt.Sprintf(format, args...), Fix: fix})
}

func (d *decoder) warn(id string, p finding.Place, fix, format string, args ...any) {
	d.add(finding.Finding{ID: id, Severity: finding.Warning, Place: p, Text: fmt.Sprintf(format, args...), Fix: fix})
}

// unknownKey reports a key that means nothing here, with the nearest one that does.
func (d *decoder) unknownKey(k yaml11.Key, what string, names []string, severity finding.Severity) {
	f := finding.Finding{
		ID: "unknown-key", Severity: severity, Place: place(k.Pos),
		Text: fmt.Sprintf("%s has no key %q", what, clip(k.Name)),
	}
	if near := finding.Nearest(k.Name, names); near != "" {
		f.Fix = "did you mean " + near + "?"
	} else {
		slices.Sort(names)
		f.Fix = "the keys are " + strings.Join(names, ", ")
	}
	if severity == finding.Warning {
		f.Text += "; it is ignored"
	}
	d.add(f)
}

func (d *decoder) wrongType(n *yaml11.Node, what, want string) {
	d.err("wrong-type", place(n.Pos), "", "%s must be %s, not %s", what, want, article(n.Kind))
}

func article(k yaml11.Kind) string {
	switch k {
	case yaml11.Null:
		return "empty"
	case yaml11.Int:
		return "an integer"
	case yaml11.String:
		return "other text"
	}
	return "a " + k.String()
}

func place(p yaml11.Pos) finding.Place { return finding.Place{File: p.File, Line: p.Line, Col: p.Col} }

// clip keeps text from a file short in messages.
func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:77], "") + "..."
	}
	return s
}

func isNull(n *yaml11.Node) bool { return n == nil || n.Kind == yaml11.Null }

func isScalar(n *yaml11.Node) bool {
	return n != nil && n.Kind != yaml11.Mapping && n.Kind != yaml11.Sequence && n.Kind != yaml11.Null
}

// text reads a scalar of any type as it was written.
func (d *decoder) text(n *yaml11.Node, what string) (string, bool) {
	if !isScalar(n) {
		d.wrongType(n, what, "text")
		return "", false
	}
	return n.Text, true
}

// truth reads a boolean; quoted ones are taken for what they say.
func (d *decoder) truth(n *yaml11.Node, what string) (v, ok bool) {
	if v, ok := n.Bool(); ok {
		return v, true
	}
	if n.Kind == yaml11.String {
		if v, err := strconv.ParseBool(strings.ToLower(n.Text)); err == nil {
			return v, true
		}
	}
	d.wrongType(n, what, "true or false")
	return false, false
}

// whole reads a number from low to high.
func (d *decoder) whole(n *yaml11.Node, what string, low, high int64) (int64, bool) {
	v, ok := n.Int()
	if !ok && n.Kind == yaml11.String {
		var err error
		v, err = strconv.ParseInt(strings.TrimSpace(n.Text), 10, 64)
		ok = err == nil
	}
	if !ok {
		d.wrongType(n, what, "a whole number")
		return 0, false
	}
	if v < low || v > high {
		d.err("out-of-range", place(n.Pos), "", "%s is %d; it must be from %d to %d", what, v, low, high)
		return 0, false
	}
	return v, true
}

// share reads a fraction from 0 to 1, or a percentage with a sign ("30%").
func (d *decoder) share(n *yaml11.Node, what string) *float64 {
	v, ok := n.Float()
	if !ok && n.Kind == yaml11.String {
		text, percent := strings.CutSuffix(strings.TrimSpace(n.Text), "%")
		f, err := strconv.ParseFloat(text, 64)
		if ok = err == nil; ok && percent {
			f /= 100
		}
		v = f
	}
	if !ok {
		d.wrongType(n, what, "a fraction such as 0.3")
		return nil
	}
	if !(v >= 0) {
		d.err("out-of-range", place(n.Pos), "write a fraction such as 0.3", "%s is %v; it must not be negative", what, v)
		return nil
	}
	if v > 1 {
		d.warn("out-of-range", place(n.Pos), "write a fraction: 0.3 means 30 %", "%s is %v, more than the whole zone, so it never holds anything back", what, v)
	}
	return &v
}

// duration reads "30s", "2m" or a number of seconds.
func (d *decoder) duration(n *yaml11.Node, what string) (time.Duration, bool) {
	if v, ok := n.Int(); ok && v >= 0 && v < 1<<31 {
		return time.Duration(v) * time.Second, true
	}
	if n.Kind == yaml11.String {
		if v, err := time.ParseDuration(n.Text); err == nil && v >= 0 {
			return v, true
		}
	}
	d.wrongType(n, what, `a duration such as "60s"`)
	return 0, false
}

// items returns the elements of a list; a single scalar is a list of one.
func (d *decoder) items(n *yaml11.Node, what string) []*yaml11.Node {
	switch {
	case isNull(n):
		return nil
	case n.Kind == yaml11.Sequence:
		return n.Items
	case isScalar(n):
		return []*yaml11.Node{n}
	}
	d.wrongType(n, what, "a list")
	return nil
}

// texts reads a list of text. The result is not nil unless n is null.
func (d *decoder) texts(n *yaml11.Node, what string) []string {
	if isNull(n) {
		return nil
	}
	out := []string{}
	for _, item := range d.items(n, what) {
		if s, ok := d.text(item, "an item of "+what); ok {
			out = append(out, s)
		}
	}
	return out
}

// refs reads a list of ids. The result is not nil unless n is null.
func (d *decoder) refs(n *yaml11.Node, what string) []Ref {
	if isNull(n) {
		return nil
	}
	out := []Ref{}
	seen := map[string]bool{}
	for _, item := range d.items(n, what) {
		id, ok := d.text(item, "an item of "+what)
		if !ok {
			continue
		}
		if seen[id] {
			d.warn("repeated-id", place(item.Pos), "remove one of them", "%s names %q twice", what, clip(id))
			continue
		}
		seen[id] = true
		out = append(out, Ref{id, place(item.Pos)})
	}
	return out
}

// enum reads one of a few words.
func enum[T ~string](d *decoder, n *yaml11.Node, what string, words ...T) T {
	s, ok := d.text(n, what)
	if !ok {
		return ""
	}
	names := make([]string, len(words))
	for i, w := range words {
		if string(w) == s {
			return w
		}
		names[i] = string(w)
	}
	fix := "write " + strings.Join(names, ", ")
	if near := finding.Nearest(s, names); near != "" {
		fix = "did you mean " + near + "?"
	}
	d.err("unknown-word", place(n.Pos), fix, "%s is %q", what, clip(s))
	return ""
}

// types reads a list of RRset types.
func (d *decoder) types(n *yaml11.Node, what string) []string {
	if isNull(n) {
		return nil
	}
	out := []string{}
	for _, item := range d.items(n, what) {
		s, ok := d.text(item, "an item of "+what)
		if !ok {
			continue
		}
		t, err := zone.ParseType(s)
		if err != nil {
			d.err("unknown-type", place(item.Pos), "", "%s: %v", what, err)
			continue
		}
		out = append(out, t.String())
	}
	return out
}

// lists reads a mapping of names to lists of text.
func (d *decoder) lists(n *yaml11.Node, what string) map[string][]string {
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml11.Mapping {
		d.wrongType(n, what, "a mapping")
		return nil
	}
	out := make(map[string][]string, len(n.Keys))
	for _, k := range n.Keys {
		out[k.Name] = d.texts(k.Value, what+"."+clip(k.Name))
	}
	return out
}

// value keeps a node as the value of an option.
func value(n *yaml11.Node) Value {
	v := Value{Place: place(n.Pos)}
	switch n.Kind {
	case yaml11.Null:
	case yaml11.Sequence:
		v.Kind = List
		for _, item := range n.Items {
			v.List = append(v.List, value(item))
		}
	case yaml11.Mapping:
		v.Kind = Map
		for _, k := range n.Keys {
			v.Fields = append(v.Fields, Field{k.Name, value(k.Value), place(k.Pos)})
		}
	default:
		v.Kind, v.Text, v.yaml = Scalar, n.Text, n.Kind.String()
		if i, ok := n.Int(); ok {
			v.number = strconv.FormatInt(i, 10)
		}
	}
	return v
}
