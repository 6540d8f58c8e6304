package cloudflare

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
	"github.com/zonecast/zonecast/zone/rdata"
)

// autoTTL is what Cloudflare makes of an automatic TTL, in seconds
// (https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/).
const autoTTL = 300

// A note is what people keep with one record.
type note struct {
	comment string
	tags    []string // sorted
}

func (n note) equal(m note) bool { return n.comment == m.comment && slices.Equal(n.tags, m.tags) }

// extras are Cloudflare's options of an RRset, as octoDNS writes them below "octodns: cloudflare:".
type extras struct {
	Proxied bool      `json:"proxied"`
	AutoTTL bool      `json:"auto-ttl"`
	Comment *string   `json:"comment"`
	Tags    *[]string `json:"tags"`
	Values  []struct {
		Value   any       `json:"value"`
		Comment *string   `json:"comment"`
		Tags    *[]string `json:"tags"`
	} `json:"values"`

	byValue map[zone.Data]int // of Values
}

// extrasOf reads the options of an RRset; what makes no sense is no option.
func extrasOf(set zone.RRset, origin zone.Name) extras {
	var m struct {
		Cloudflare extras `json:"cloudflare"`
	}
	text, ok := set.Extra.Value(octodns.ExtraOctodns)
	if !ok || !strings.Contains(text, `"cloudflare"`) {
		return extras{}
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&m) != nil {
		return extras{}
	}
	x := m.Cloudflare
	x.Proxied = x.Proxied && proxiable(set.Type)
	x.AutoTTL = x.AutoTTL || x.Proxied // as octoDNS has it
	if len(x.Values) > 0 {
		x.byValue = map[zone.Data]int{}
	}
	for i, v := range x.Values {
		r := octodns.Record{Name: set.Owner.Relative(origin), Type: set.Type.String(), Values: []any{v.Value}}
		if one, err := r.Set(origin); err == nil && len(one.Data) == 1 {
			x.byValue[plain(set.Type, one.Data[0])] = i
		}
	}
	return x
}

// plain cuts texts as Read does: borders between strings do not count.
func plain(t zone.Type, d zone.Data) zone.Data {
	if t == zone.TypeTXT || t == zone.TypeSPF {
		return rdata.TXT(rdata.TXTJoined(d))
	}
	return d
}

// note is what the options say of one value: its own entry counts before that of the set.
func (x *extras) note(t zone.Type, d zone.Data) note {
	comment, tags := x.Comment, x.Tags
	if i, ok := x.byValue[plain(t, d)]; ok {
		if v := x.Values[i]; v.Comment != nil {
			comment = v.Comment
		}
		if v := x.Values[i]; v.Tags != nil {
			tags = v.Tags
		}
	}
	var n note
	if comment != nil {
		n.comment = *comment
	}
	if tags != nil {
		n.tags = tidy(*tags)
	}
	return n
}

// mentions reports whether the options say anything of comments, and of tags.
func (x *extras) mentions() (comments, tags bool) {
	comments, tags = x.Comment != nil, x.Tags != nil
	for _, v := range x.Values {
		comments, tags = comments || v.Comment != nil, tags || v.Tags != nil
	}
	return comments, tags
}

func tidy(tags []string) []string {
	if len(tags) == 0 {
		return nil
	}
	tags = slices.Clone(tags)
	slices.Sort(tags)
	return slices.Compact(tags)
}

// extraOf writes options in their one form: what is not set is left out, notes that all records
// share stand once, others by value. notes belong to set.Data.
func extraOf(set zone.RRset, origin zone.Name, proxied, auto bool, notes []note) zone.Extra {
	m := map[string]any{}
	if auto {
		m["auto-ttl"] = true
	}
	if proxied {
		m["proxied"] = true
	}
	put := func(m map[string]any, n note) {
		if n.comment != "" {
			m["comment"] = n.comment
		}
		if len(n.tags) > 0 {
			m["tags"] = n.tags
		}
	}
	if len(notes) > 0 && !slices.ContainsFunc(notes, func(n note) bool { return !n.equal(notes[0]) }) {
		put(m, notes[0])
	} else if list := notesByValue(set, origin, notes, put); len(list) > 0 {
		m["values"] = list
	}
	if len(m) == 0 {
		return zone.Extra{}
	}
	return zone.ExtraOf(map[string]string{octodns.ExtraOctodns: canonical(map[string]any{"cloudflare": m})})
}

func notesByValue(set zone.RRset, origin zone.Name, notes []note, put func(map[string]any, note)) []any {
	var list []any
	for i, n := range notes {
		if n.equal(note{}) {
			continue
		}
		one := zone.RRset{Owner: set.Owner, Type: set.Type, TTL: set.TTL, Data: set.Data[i : i+1]}
		r, err := octodns.Normal(one, origin)
		if err != nil || len(r.Values) != 1 {
			continue // octoDNS has no form for the value: it cannot be named
		}
		entry := map[string]any{"value": r.Values[0]}
		put(entry, n)
		list = append(list, entry)
	}
	return list
}

// canonical is JSON with sorted keys, without blanks and HTML's escapes.
func canonical(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return "" // it is made of texts, truth values and what octodns.Normal gives
	}
	return strings.TrimSpace(b.String())
}

// pairs says which value a value that is gone becomes: those that come stand in for those that go,
// in order. A record that is changed keeps its id, and its notes where nothing else is said.
func pairs(before, after []zone.Data) map[zone.Data]zone.Data {
	gone, come := minus(before, after), minus(after, before)
	out := map[zone.Data]zone.Data{}
	for i := range min(len(gone), len(come)) {
		out[come[i]] = gone[i]
	}
	return out
}

func minus(a, b []zone.Data) []zone.Data {
	var out []zone.Data
	for _, d := range a {
		if _, found := slices.BinarySearch(b, d); !found {
			out = append(out, d)
		}
	}
	return out
}

// Fit implements provider.Fitter: the options of octoDNS's files in their one form, the TTL of
// records whose TTL is automatic, comments and tags that nobody spoke of as they are, and the name
// servers that Cloudflare answers at the apex whatever one writes there.
func (p *Provider) Fit(info provider.ZoneInfo, want zone.RRset, have *zone.RRset) zone.RRset {
	if want.Owner == info.Origin && want.Type == zone.TypeNS && len(info.NameServers) > 0 {
		for _, n := range info.NameServers {
			if d := rdata.Name(n); !slices.Contains(want.Data, d) {
				want.Data = append(slices.Clone(want.Data), d)
			}
		}
		want.Extra = zone.Extra{}
		return want.Clean()
	}
	if want.Extra.IsZero() && (have == nil || have.Extra.IsZero()) {
		return want
	}
	want = want.Clean()
	x := extrasOf(want, info.Origin)
	var old extras
	var from map[zone.Data]zone.Data
	if have != nil {
		old = extrasOf(*have, info.Origin)
		from = pairs(have.Clean().Data, want.Data)
	}
	comments, tags := x.mentions()
	notes := make([]note, len(want.Data))
	for i, d := range want.Data {
		notes[i] = x.note(want.Type, d)
		was := d
		if f, ok := from[d]; ok {
			was = f
		}
		kept := old.note(want.Type, was)
		if !comments {
			notes[i].comment = kept.comment
		}
		if !tags {
			notes[i].tags = kept.tags
		}
	}
	if x.AutoTTL {
		want.TTL = p.automatic()
	}
	want.Extra = extraOf(want, info.Origin, x.Proxied, x.AutoTTL, notes)
	return want
}

// automatic is the TTL that an automatic one is shown as.
func (p *Provider) automatic() uint32 { return max(autoTTL, p.minTTL) }
