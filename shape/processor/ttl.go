package processor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// clamp moves TTLs into a range.
type clamp struct {
	base
	min, max uint32
}

func newClamp(id string, o *reader, _ Env) Processor {
	low, high := o.number("min_ttl", 300), o.number("max_ttl", 86400)
	if low > high || low < 0 {
		o.errs = append(o.errs, fmt.Errorf("min_ttl %d is not lower than max_ttl %d", low, high))
	}
	return &clamp{base: newBase(id, o), min: uint32(low), max: uint32(high)}
}

func (p *clamp) Source(z *zone.Zone, _ Context) (*zone.Zone, []finding.Finding) {
	return edit(z, func(set zone.RRset) (zone.RRset, bool) {
		set.TTL = max(p.min, min(p.max, set.TTL))
		return set, true
	}), nil
}

// restriction refuses TTLs outside a range.
type restriction struct {
	base
	min, max uint32
	allowed  []uint32
}

func newRestriction(id string, o *reader, _ Env) Processor {
	p := &restriction{base: newBase(id, o), min: uint32(o.number("min_ttl", 1)), max: uint32(o.number("max_ttl", 604800))}
	for _, s := range o.list("allowed_ttls", false) {
		n, ok := wholeNumber(s)
		if !ok || n < 0 {
			o.wrong("allowed_ttls", "a list of whole numbers", s)
		}
		p.allowed = append(p.allowed, uint32(n))
	}
	return p
}

func (p *restriction) Source(z *zone.Zone, c Context) (*zone.Zone, []finding.Finding) {
	var found []finding.Finding
	for set := range z.All() {
		var why string
		switch {
		case len(p.allowed) > 0:
			if !slices.Contains(p.allowed, set.TTL) {
				why = fmt.Sprintf("ttl=%d not an allowed value, allowed_ttls=%v", set.TTL, p.allowed)
			}
		case set.TTL < p.min:
			why = fmt.Sprintf("ttl=%d too low, min_ttl=%d", set.TTL, p.min)
		case set.TTL > p.max:
			why = fmt.Sprintf("ttl=%d too high, max_ttl=%d", set.TTL, p.max)
		}
		if why != "" && !lenientSet(set) {
			found = append(found, p.problem("ttl-restriction", z, set.Key(), c, "change the TTL, or mark the record lenient", "%s %s", set.Owner.Unicode(), why))
		}
	}
	return z, found
}

// lenientSet reports whether the record says "octodns: {lenient: true}".
func lenientSet(set zone.RRset) bool {
	text, ok := set.Extra.Value("octodns")
	if !ok || !strings.Contains(text, `"lenient"`) {
		return false
	}
	var m struct {
		Lenient bool `json:"lenient"`
	}
	return json.Unmarshal([]byte(text), &m) == nil && m.Lenient
}

// ttlToProxy turns a magic TTL into Cloudflare's proxying, for sources that cannot say it.
type ttlToProxy struct {
	base
	ttl uint32
}

func newTTLToProxy(id string, o *reader, _ Env) Processor {
	return &ttlToProxy{base: newBase(id, o), ttl: uint32(o.number("ttl", 0))}
}

func (p *ttlToProxy) Source(z *zone.Zone, _ Context) (*zone.Zone, []finding.Finding) {
	return edit(z, func(set zone.RRset) (zone.RRset, bool) {
		if set.TTL != p.ttl {
			return set, true
		}
		cf := map[string]any{"auto-ttl": true}
		switch set.Type {
		case zone.TypeA, zone.TypeAAAA, zone.TypeALIAS, zone.TypeCNAME:
			cf["proxied"] = true
		}
		set.TTL = 1
		set.Extra = setMetadata(set.Extra, "cloudflare", cf)
		return set, true
	}), nil
}

// setMetadata sets one key of the octodns: mapping.
func setMetadata(e zone.Extra, key string, v any) zone.Extra {
	m := map[string]any{}
	if text, ok := e.Value("octodns"); ok {
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if dec.Decode(&m) != nil || m == nil {
			m = map[string]any{}
		}
	}
	m[key] = v
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(m) != nil {
		return e
	}
	return e.With("octodns", strings.TrimSpace(b.String()))
}

// proxyCNAME sends proxied names to Cloudflare's edge from zones at other providers.
type proxyCNAME struct{ base }

func newProxyCNAME(id string, o *reader, _ Env) Processor { return &proxyCNAME{newBase(id, o)} }

func (p *proxyCNAME) Both(desired, _ *zone.Zone, c Context) (*zone.Zone, []finding.Finding) {
	if c.Driver == "cloudflare" {
		return desired, nil
	}
	edge := zone.MustName("cdn.cloudflare.net.")
	var found []finding.Finding
	after := edit(desired, func(set zone.RRset) (zone.RRset, bool) {
		switch set.Type {
		case zone.TypeALIAS, zone.TypeA, zone.TypeAAAA, zone.TypeCNAME:
		default:
			return set, true
		}
		if !proxied(set.Extra) {
			return set, true
		}
		target, err := zone.ParseName(strings.TrimSuffix(set.Owner.String(), ".") + "." + edge.String())
		if err != nil {
			found = append(found, p.problem("proxy-cname", desired, set.Key(), c, "", "%s has no name at Cloudflare's edge: %v", set.Owner, err))
			return set, true
		}
		out := zone.RRset{Owner: set.Owner, Type: zone.TypeCNAME, TTL: set.TTL, Data: []zone.Data{zone.Data(target.AppendWire(nil))}}
		if set.Owner == desired.Origin() {
			out.Type = zone.TypeALIAS
		}
		return out, true
	})
	return after, found
}

func proxied(e zone.Extra) bool {
	text, ok := e.Value("octodns")
	if !ok || !strings.Contains(text, `"proxied"`) {
		return false
	}
	var m struct {
		Cloudflare struct {
			Proxied bool `json:"proxied"`
		} `json:"cloudflare"`
	}
	return json.Unmarshal([]byte(text), &m) == nil && m.Cloudflare.Proxied
}

// trailingDots has nothing to do: targets are absolute as soon as they are read. What octoDNS's
// processor repairs shows only where the text as written is kept.
type trailingDots struct{ base }

func newTrailingDots(id string, o *reader, _ Env) Processor { return &trailingDots{newBase(id, o)} }

func (p *trailingDots) Source(z *zone.Zone, _ Context) (*zone.Zone, []finding.Finding) {
	return edit(z, func(set zone.RRset) (zone.RRset, bool) {
		switch set.Type {
		case zone.TypeALIAS, zone.TypeCNAME, zone.TypeDNAME, zone.TypeNS, zone.TypePTR, zone.TypeMX, zone.TypeSRV:
			if len(set.Data) > 0 && !set.Extra.IsZero() {
				set.Extra = set.Extra.Filter(func(k string) bool { return k != "octodns/values" })
			}
		}
		return set, true
	}), nil
}
