package processor

import (
	"fmt"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
	"github.com/zonecast/zonecast/zone/rdata"
)

// valueTexts are the values of an RRset as filters compare them: octoDNS's own text for values
// that are one text (TXT has "\;" for semicolons), presentation form for those with fields.
func valueTexts(set zone.RRset, origin zone.Name) []string {
	rec, err := octodns.Normal(set, origin)
	if err != nil {
		rec.Values = nil
	}
	var out []string
	for _, v := range rec.Values {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	if len(out) == len(rec.Values) && len(out) > 0 {
		return out
	}
	out = out[:0]
	for _, d := range set.Data {
		out = append(out, rdata.Text(set.Type, d))
	}
	return out
}

// templating fills fields of Python's format syntax in values, for each target anew.
type templating struct {
	base
	dots    bool
	context map[string]any
}

func newTemplating(id string, o *reader, _ Env) Processor {
	return &templating{base: newBase(id, o), dots: o.boolean("trailing_dots", true), context: o.mapping("context")}
}

// templated are the fields of structured values that may hold templates, as octoDNS has them.
var templated = map[zone.Type][]string{
	zone.TypeMX: {"exchange"}, zone.TypeSRV: {"target"}, zone.TypeSVCB: {"targetname"}, zone.TypeHTTPS: {"targetname"},
	zone.TypeCAA: {"value"}, zone.TypeNAPTR: {"service", "regexp", "replacement"}, zone.TypeURI: {"target"},
	zone.TypeURLFWD: {"path", "target"}, zone.TypeDS: {"digest"}, zone.TypeSSHFP: {"fingerprint"},
	zone.TypeTLSA: {"certificate_association_data"},
}

// untemplated are types whose values are no text to octoDNS.
func untemplated(t zone.Type) bool {
	switch t {
	case zone.TypeA, zone.TypeAAAA, zone.TypeLOC, zone.TypeSOA:
		return true
	}
	return t.Vendor()
}

func (p *templating) Both(desired, _ *zone.Zone, c Context) (*zone.Zone, []finding.Finding) {
	shared := p.zoneFields(desired)
	var found []finding.Finding
	after := edit(desired, func(set zone.RRset) (zone.RRset, bool) {
		if untemplated(set.Type) || !mayTemplate(set) {
			return set, true
		}
		out, err := p.fill(set, desired.Origin(), shared, c)
		if err != nil {
			found = append(found, p.problem("template", desired, set.Key(), c, "", `invalid record "%s", %v`, set.Owner, err))
			return set, true
		}
		return out, true
	})
	return after, found
}

// mayTemplate is a quick look for braces, which nearly no RRset has.
func mayTemplate(set zone.RRset) bool {
	for _, d := range set.Data {
		for i := range len(d) {
			if d[i] == '{' || d[i] == '}' {
				return true
			}
		}
	}
	_, kept := set.Extra.Value(octodns.ExtraValues)
	return kept
}

func (p *templating) dotted(name string) string {
	if p.dots || name == "" {
		return name
	}
	return name[:len(name)-1]
}

func (p *templating) zoneFields(z *zone.Zone) map[string]any {
	decoded := p.dotted(z.Origin().Unicode())
	m := map[string]any{
		"zone_name": decoded, "zone_decoded_name": decoded, "zone_encoded_name": p.dotted(z.Origin().String()),
		"zone_num_records": z.Len(),
	}
	for k, v := range p.context {
		m[k] = v
	}
	return m
}

func (p *templating) fill(set zone.RRset, origin zone.Name, shared map[string]any, c Context) (zone.RRset, error) {
	rec, err := octodns.Normal(set, origin)
	if err != nil {
		return set, nil //nolint:nilerr // values that have no fields have no templates
	}
	decoded := p.dotted(set.Owner.Unicode())
	fields := map[string]any{
		"record_name": decodedName(set.Owner, origin), "record_decoded_name": decodedName(set.Owner, origin),
		"record_encoded_name": relative(set.Owner, origin),
		"record_fqdn":         decoded, "record_decoded_fqdn": decoded, "record_encoded_fqdn": p.dotted(set.Owner.String()),
		"record_type": set.Type.String(), "record_ttl": int(set.TTL), "record_source_id": nil,
	}
	if c.From != nil {
		if id := c.From(set.Key()); id != "" {
			fields["record_source_id"] = id
		}
	}
	for k, v := range shared {
		fields[k] = v
	}
	changed := false
	fillText := func(text string) (string, error) {
		out, err := format(text, fields)
		if strings.HasSuffix(text, "}.") && strings.HasSuffix(out, "..") && names(set.Type) {
			out = out[:len(out)-1] // "mx.{zone_name}" as it was written, made absolute when it was read
		}
		if out != text && names(set.Type) && set.Type != zone.TypeNAPTR {
			out = strings.ToLower(out)
		}
		changed = changed || out != text
		return out, err
	}
	values := make([]any, len(rec.Values))
	for i, v := range rec.Values {
		if values[i], err = fillValue(set.Type, v, fillText); err != nil {
			return set, err
		}
	}
	if !changed {
		return set, nil
	}
	rec.Values = values
	out, err := rec.Set(origin)
	if err != nil {
		return set, err
	}
	if _, unread := out.Extra.Value(octodns.ExtraValues); unread && len(out.Data) < len(values) {
		return set, fmt.Errorf("what the template gives, %v, is no %s", values, set.Type)
	}
	return keepExtra(out, set), nil
}

// names reports whether templates of the type stand in names.
func names(t zone.Type) bool {
	switch t {
	case zone.TypeALIAS, zone.TypeCNAME, zone.TypeDNAME, zone.TypeNS, zone.TypePTR, zone.TypeMX, zone.TypeSRV,
		zone.TypeSVCB, zone.TypeHTTPS, zone.TypeNAPTR:
		return true
	}
	return false
}

// keepExtra gives out the keys of Extra that octoDNS's normal form does not carry.
func keepExtra(out, set zone.RRset) zone.RRset {
	for k, v := range set.Extra.All() {
		if _, has := out.Extra.Value(k); !has && k != octodns.ExtraValues {
			out.Extra = out.Extra.With(k, v)
		}
	}
	return out
}

func fillValue(t zone.Type, v any, fill func(string) (string, error)) (any, error) {
	switch v := v.(type) {
	case string:
		return fill(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = x
		}
		for _, k := range templated[t] {
			text, ok := out[k].(string)
			if !ok {
				continue
			}
			filled, err := fill(text)
			if err != nil {
				return nil, err
			}
			out[k] = filled
		}
		return out, nil
	}
	return v, nil
}

// decodedName is the relative name with U-labels.
func decodedName(owner, origin zone.Name) string {
	full, suffix := owner.Unicode(), origin.Unicode()
	switch {
	case owner == origin:
		return ""
	case origin.IsRoot():
		return full[:len(full)-1]
	}
	return full[:len(full)-len(suffix)-1]
}
