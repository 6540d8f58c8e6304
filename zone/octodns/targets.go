package octodns

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
)

// perProvider takes what stands for single providers out of a value that is a mapping from
// provider ids to what they should hold, and returns the value for all others ("default").
func (r *reading) perProvider(n *yaml11.Node) *yaml11.Node {
	if n.Kind != yaml11.Mapping || len(n.Keys) == 0 || len(r.c.opt.ProviderIDs) == 0 {
		return n
	}
	var rest *yaml11.Node
	for i := range n.Keys {
		name := n.Keys[i].Name
		switch {
		case name == "default":
			rest = n.Keys[i].Value
		case !slices.Contains(r.c.opt.ProviderIDs, name):
			return n
		}
	}
	for i := range n.Keys {
		if n.Keys[i].Name != "default" {
			r.readTarget(n.Keys[i].Name, n.Keys[i].Value)
		}
	}
	return rest
}

// onlyProviders reports a record that is nothing but a mapping from provider ids (and "default")
// to records.
func (c *Collector) onlyProviders(n *yaml11.Node) bool {
	for i := range n.Keys {
		k := n.Keys[i]
		if k.Name != "default" && !slices.Contains(c.opt.ProviderIDs, k.Name) || k.Value.Kind != yaml11.Mapping {
			return false
		}
	}
	return len(n.Keys) > 0
}

// joined makes one record of such a mapping: the default, or the first where there is none, with
// the others below "providers". Without a default, providers that are not named hold nothing.
func (c *Collector) joined(n *yaml11.Node) *yaml11.Node {
	base, others := n.Get("default"), &yaml11.Node{Kind: yaml11.Mapping, Pos: n.Pos}
	for i := range n.Keys {
		if k := n.Keys[i]; k.Name != "default" {
			others.Keys = append(others.Keys, k)
		}
	}
	if base == nil {
		base = n.Keys[0].Value
		for _, id := range c.opt.ProviderIDs {
			if n.Get(id) == nil {
				others.Keys = append(others.Keys, yaml11.Key{Name: id, Pos: n.Pos, Value: &yaml11.Node{Pos: n.Pos}})
			}
		}
	}
	out := &yaml11.Node{Kind: yaml11.Mapping, Pos: n.Pos}
	for _, k := range base.Keys {
		if k.Name != "health_check" { // belongs to the provider
			out.Keys = append(out.Keys, k)
		}
	}
	out.Keys = append(out.Keys, yaml11.Key{Name: "providers", Pos: n.Pos, Value: others})
	return out
}

// readTargets reads a mapping from provider ids to records.
func (r *reading) readTargets(n *yaml11.Node) {
	if n.Kind != yaml11.Mapping {
		if n.Kind != yaml11.Null {
			r.hazard(idTarget, fmt.Sprintf("providers is %s, not a mapping from provider to record, and is ignored", article(n.Kind)), "")
		}
		return
	}
	for i := range n.Keys {
		id := n.Keys[i].Name
		if ids := r.c.opt.ProviderIDs; ids != nil && !slices.Contains(ids, id) {
			fix := ""
			if near := nearest(id, ids); near != "" {
				fix = fmt.Sprintf("did you mean %q?", near)
			}
			r.hazard(idTarget, fmt.Sprintf("no provider is called %q; the record meant for it is used nowhere", clip(id)), fix)
		}
		r.readTarget(id, n.Keys[i].Value)
	}
}

// readTarget reads the record that one provider should hold: a mapping with the fields of a
// record, of which type and ttl may be missing; a plain value or list; or null for no record.
func (r *reading) readTarget(id string, n *yaml11.Node) {
	key := ExtraTarget + id
	var record *yaml11.Node
	switch {
	case n.Kind == yaml11.Null:
		r.extra[key] = "null"
		return
	case n.Kind == yaml11.Mapping && (n.Get("value") != nil || n.Get("values") != nil || n.Get("type") != nil):
		record = n
	default:
		record = &yaml11.Node{Kind: yaml11.Mapping, Pos: n.Pos, Keys: []yaml11.Key{{Name: "values", Pos: n.Pos, Value: n}}}
		if kinds[r.typ].single {
			record.Keys[0].Name = "value"
		}
	}
	sub := reading{entry: r.entry, node: record, extra: map[string]string{}}
	sub.typ, sub.num, sub.lenient = r.typ, r.num, r.lenient
	if t := record.Get("type"); t != nil {
		sub.typ = ""
		sub.readType()
		if sub.typ == "" {
			return
		}
	}
	sub.on, sub.esc = r.c.rulesFor(sub.typ), r.esc
	sub.ttl = r.ttl
	if t := record.Get("ttl"); t != nil {
		sub.readTTL(t)
	}
	sub.checkOwner(recordName(r.owner, r.c.origin, false), r.err == nil && r.owner == r.c.origin)
	values, _ := sub.readValues(sub.items())
	sortValues(sub.typ, values)
	out := map[string]any{"type": sub.typ, "ttl": number(int64(sub.ttl))}
	valuesInto(out, sub.typ, values)
	for i := range record.Keys {
		switch k := record.Keys[i]; k.Name {
		case "type", "ttl", "value", "values":
		case "health_check":
			out[k.Name] = tree(k.Value)
			r.hazard(idHealth, fmt.Sprintf("health_check for provider %s is kept, but not yet applied", id), "")
		case "octodns":
			out[k.Name] = tree(k.Value)
		default:
			out[k.Name] = tree(k.Value)
			r.hazard(idUnknown, fmt.Sprintf("field %q of the record for provider %s is unknown and ignored", clip(k.Name), id), "")
		}
	}
	for _, x := range sub.reasons {
		r.reasons = append(r.reasons, reason{x.id, "for provider " + id + ": " + x.text, x.fix})
	}
	for _, x := range sub.hazards {
		r.hazards = append(r.hazards, reason{x.id, "for provider " + id + ": " + x.text, x.fix})
	}
	r.extra[key] = canonical(out)
}

// TargetSet returns what the provider with the given id should hold where the source says set:
// the record written for that provider, or set itself. ok is false when the provider should hold
// nothing. The result carries no "target/" keys.
func TargetSet(set zone.RRset, id string, origin zone.Name) (out zone.RRset, ok bool, err error) {
	own, has := set.Extra.Value(ExtraTarget + id)
	set.Extra = set.Extra.Filter(func(key string) bool { return !strings.HasPrefix(key, ExtraTarget) })
	if !has {
		return set, true, nil
	}
	v, good := parseJSON(own)
	if good && v == nil {
		return zone.RRset{}, false, nil
	}
	m, isMap := v.(map[string]any)
	if !good || !isMap {
		return set, true, fmt.Errorf("%s: the record for provider %s cannot be read", set.Key(), id)
	}
	rec := Record{Name: recordName(set.Owner, origin, false), TTL: set.TTL}
	rec.Type, _ = m["type"].(string)
	if n, ok := m["ttl"].(json.Number); ok {
		ttl, _ := n.Int64()
		rec.TTL = uint32(ttl)
	}
	switch {
	case m["values"] != nil:
		rec.Values, _ = m["values"].([]any)
	case m["value"] != nil:
		rec.Values = []any{m["value"]}
	}
	rec.Octodns, _ = m["octodns"].(map[string]any)
	out, err = rec.Set(origin)
	return out, true, err
}

// Set is the inverse of Normal.
func (r Record) Set(origin zone.Name) (zone.RRset, error) {
	owner, err := ownerOf(r.Name, origin)
	if err != nil {
		return zone.RRset{}, fmt.Errorf("record %q: %w", r.Name, err)
	}
	t, err := zone.ParseType(r.Type)
	if err != nil {
		return zone.RRset{}, fmt.Errorf("record %q: %w", r.Name, err)
	}
	set := zone.RRset{Owner: owner, Type: t, TTL: r.TTL}
	values := slices.Clone(r.Values)
	sortValues(r.Type, values)
	for _, v := range values {
		if d, err := encode(t, v); err == nil {
			set.Data = append(set.Data, d)
		}
	}
	set = set.Clean()
	extra := map[string]string{}
	if !gives(set, values) {
		extra[ExtraValues] = canonical(values)
	}
	for key, m := range map[string]map[string]any{ExtraOctodns: r.Octodns, ExtraDynamic: r.Dynamic, ExtraGeo: r.Geo} {
		if m != nil {
			extra[key] = canonical(m)
		}
	}
	for id, m := range r.Targets {
		extra[ExtraTarget+id] = canonical(m)
	}
	set.Extra = zone.ExtraOf(extra)
	return set, nil
}

// Normal returns an RRset of the zone at origin in octoDNS's normal form.
func Normal(set zone.RRset, origin zone.Name) (Record, error) {
	r := Record{Name: recordName(set.Owner, origin, false), Type: set.Type.String(), TTL: set.TTL}
	for k, v := range set.Extra.All() {
		m, _ := parseJSON(v)
		switch k {
		case ExtraOctodns:
			r.Octodns, _ = m.(map[string]any)
		case ExtraDynamic:
			r.Dynamic, _ = m.(map[string]any)
		case ExtraGeo:
			r.Geo, _ = m.(map[string]any)
		case ExtraValues:
			r.Values, _ = m.([]any)
		default:
			if id, ok := strings.CutPrefix(k, ExtraTarget); ok {
				if r.Targets == nil {
					r.Targets = map[string]any{}
				}
				r.Targets[id] = m
			}
		}
	}
	if r.Values != nil {
		return r, nil
	}
	values, err := dataValues(set.Type, set.Data)
	if err != nil {
		r.Values = shownValues(set.Type, set.Data)
		return r, fmt.Errorf("%s: %w", set.Key(), err)
	}
	r.Values = values
	return r, nil
}

// IsLenient reports whether the record carries octodns.lenient.
func IsLenient(set zone.RRset) bool {
	v, ok := set.Extra.Value(ExtraOctodns)
	if !ok || !strings.Contains(v, `"lenient":true`) {
		return false
	}
	m, _ := parseJSON(v)
	octo, _ := m.(map[string]any)
	l, _ := octo["lenient"].(bool)
	return l
}
