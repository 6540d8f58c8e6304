package octodns

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zonecast/zonecast/internal/yaml11"
)

// Inside this package a value of any shape is a tree of nil, bool, json.Number, string, []any
// and map[string]any. Numbers stay text, so that 1.0 does not become 1 on the way to a file.

// canonical returns the tree as JSON with sorted keys and without blanks.
func canonical(v any) string { return string(appendJSON(nil, v)) }

func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case json.Number:
		return append(b, v...)
	case string:
		return appendJSONString(b, v)
	case []any:
		b = append(b, '[')
		for i, x := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, x)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for i, k := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSONString(b, k), ':')
			b = appendJSON(b, v[k])
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c < 0x20 || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(b, `\ufffd`...)
			} else {
				b = append(b, s[i:i+n]...)
			}
			i += n
			continue
		}
		i++
	}
	return append(b, '"')
}

// parseJSON is the inverse of canonical. What is no JSON gives nil and false.
func parseJSON(s string) (any, bool) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || d.More() {
		return nil, false
	}
	return v, true
}

// tree turns a node of a document into a tree.
func tree(n *yaml11.Node) any {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case yaml11.Mapping:
		m := make(map[string]any, len(n.Keys))
		for i := range n.Keys {
			m[n.Keys[i].Name] = tree(n.Keys[i].Value)
		}
		return m
	case yaml11.Sequence:
		l := make([]any, len(n.Items))
		for i, item := range n.Items {
			l[i] = tree(item)
		}
		return l
	case yaml11.Null:
		return nil
	case yaml11.Bool:
		v, _ := n.Bool()
		return v
	case yaml11.Int:
		if text := n.PyText(); validNumber(text) {
			return json.Number(text)
		}
		return n.Text
	case yaml11.Float:
		if v, ok := n.Float(); ok && !math.IsInf(v, 0) && !math.IsNaN(v) {
			return json.Number(n.PyText())
		}
		return n.Text
	}
	return n.PyText()
}

func validNumber(s string) bool { return json.Valid([]byte(s)) }

// number makes a tree of an integer.
func number(v int64) json.Number { return json.Number(strconv.FormatInt(v, 10)) }

// A Record is one record in octoDNS's normal form: structured values have octoDNS's field names,
// text has "\;" for each semicolon, values are sorted as octoDNS sorts them.
type Record struct {
	Name    string         // relative to the zone, A-labels; "" for the apex
	Type    string         // "A", "Route53Provider/ALIAS"
	TTL     uint32         // seconds
	Values  []any          // each a string, or map[string]any with json.Number for numbers
	Octodns map[string]any // the "octodns:" mapping; nil when there is none
	Dynamic map[string]any // nil when the record is not dynamic
	Geo     map[string]any // nil when there is none
	Targets map[string]any // by provider id: the record it should hold, or nil for none
}

// MarshalJSON writes the fields in alphabetical order, "value" for one value and "values" for
// several, as octoDNS's dumps have them.
func (r Record) MarshalJSON() ([]byte, error) {
	m := r.fields()
	m["name"], m["type"] = r.Name, r.Type
	var b bytes.Buffer
	b.Write(appendJSON(nil, m))
	return b.Bytes(), nil
}

// Data returns what describes the record besides name and type: ttl, value or values, octodns,
// dynamic and geo, as plans in JSON show it.
func (r Record) Data() json.RawMessage {
	m := r.fields()
	delete(m, "providers")
	return appendJSON(nil, m)
}

func (r Record) fields() map[string]any {
	m := map[string]any{"ttl": number(int64(r.TTL))}
	valuesInto(m, r.Type, r.Values)
	if r.Octodns != nil {
		m["octodns"] = r.Octodns
	}
	if r.Dynamic != nil {
		m["dynamic"] = r.Dynamic
	}
	if r.Geo != nil {
		m["geo"] = r.Geo
	}
	if len(r.Targets) > 0 {
		m["providers"] = r.Targets
	}
	return m
}

// valuesInto sets "value" or "values". Empty values are left out, as octoDNS does.
func valuesInto(m map[string]any, typ string, values []any) {
	kept := make([]any, 0, len(values))
	for _, v := range values {
		if v != "" && v != nil {
			kept = append(kept, v)
		}
	}
	switch len(kept) {
	case 0:
		if len(values) != 1 && !kinds[typ].single {
			m["values"] = []any{}
		}
	case 1:
		m["value"] = kept[0]
	default:
		m["values"] = kept
	}
}
