package cloudflare

import (
	"encoding/json"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/zonecast/zonecast/zone"
)

// fields are what a request says about a record; nil is not said. Unknown fields are ignored.
type fields struct {
	ID       *string         `json:"id"`
	Name     *string         `json:"name"`
	Type     *string         `json:"type"`
	Content  *string         `json:"content"`
	Data     *object         `json:"data"`
	Priority *float64        `json:"priority"`
	TTL      *float64        `json:"ttl"`
	Proxied  json.RawMessage `json:"proxied"`
	Comment  json.RawMessage `json:"comment"`
	Tags     *[]string       `json:"tags"`
	Settings *recordSettings `json:"settings"`
}

// incoming is a record on its way in.
type incoming struct {
	zone     *hosted
	name     zone.Name
	kind     zone.Type
	content  string
	data     object
	priority uint16
	given    string
}

// build makes a record from fields; old is what a PATCH starts from, nil otherwise.
func (z *hosted) build(f fields, old *record, now time.Time) (*record, *refusal) {
	r := &record{ttl: 1, created: now, modified: now, commented: now, tagged: now}
	if old != nil {
		copied := *old
		r = &copied
		r.modified = now
	}
	in := incoming{zone: z, kind: r.kind, name: r.name}
	for _, step := range []func(fields, *record, *incoming, *record) *refusal{
		in.identify, in.value, z.fitTTL, z.fitNotes,
	} {
		if no := step(f, r, &in, old); no != nil {
			return nil, no
		}
	}
	if r.comment != "" && (old == nil || old.comment != r.comment) {
		r.commented = now
	}
	if old == nil || !slices.Equal(old.tags, r.tags) {
		r.tagged = now
	}
	return r, nil
}

// identify reads type and name.
func (*incoming) identify(f fields, r *record, in *incoming, old *record) *refusal {
	if f.Type != nil {
		t, err := zone.ParseType(*f.Type)
		if err != nil || formOf(t).read == nil {
			return refuse(9020, "Invalid DNS record type %.40q.", *f.Type)
		}
		in.kind, r.kind = t, t
	} else if old == nil {
		return refuse(9020, "type is a required field.")
	}
	if f.Name != nil {
		n, ok := in.zone.owner(*f.Name)
		if !ok {
			return invalid(9000, "DNS name is invalid.")
		}
		in.name, r.name = n, n
	} else if old == nil {
		return invalid(9000, "DNS name is invalid.")
	}
	return nil
}

// owner reads the name of a record: complete, or relative to the zone. "@" is the zone.
func (z *hosted) owner(s string) (zone.Name, bool) {
	if s == "@" {
		return z.origin, true
	}
	n, err := zone.ParseName(s)
	if err != nil || n.IsRoot() || !hostname(n) {
		return zone.Name{}, false
	}
	if n.In(z.origin) {
		return n, true
	}
	n, err = zone.ParseName(strings.TrimSuffix(s, ".") + "." + z.name)
	return n, err == nil
}

// value reads content or data and priority, unless a PATCH leaves them alone.
func (*incoming) value(f fields, r *record, in *incoming, old *record) *refusal {
	how := formOf(in.kind)
	if f.Priority != nil {
		if *f.Priority < 0 || *f.Priority > 65535 || *f.Priority != math.Trunc(*f.Priority) {
			return refuse(9104, "priority must be a number from 0 to 65535.")
		}
		in.priority = uint16(*f.Priority)
	}
	if old != nil {
		was := formOf(old.kind).show(old) // the type may change as well
		if f.Content == nil {
			f.Content = &was.content
		}
		if f.Data == nil && was.data != nil && old.kind == in.kind {
			raw, err := json.Marshal(was.data)
			var o object
			if err != nil || json.Unmarshal(raw, &o) != nil {
				return refuse(9103, "data is invalid.")
			}
			f.Data = &o
		}
		if f.Priority == nil && was.priority != nil {
			in.priority = *was.priority
		}
		if f.Priority == nil && was.priority == nil && how.priority {
			return refuse(9100, "priority is a required field.")
		}
	} else if how.priority && f.Priority == nil {
		return refuse(9100, "priority is a required field.")
	}
	switch {
	case how.structured && f.Data == nil:
		return refuse(9101, "data is a required field.")
	case how.structured:
		in.data = *f.Data
	case f.Content == nil:
		return refuse(9207, "content is a required field.")
	default:
		in.content = strings.TrimSpace(*f.Content)
	}
	var no *refusal
	r.data, no = how.read(in)
	r.given = in.given
	return no
}

// fitTTL reads proxied and TTL: a proxied record's is automatic
// (https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/).
func (z *hosted) fitTTL(f fields, r *record, _ *incoming, _ *record) *refusal {
	if f.Proxied != nil && string(f.Proxied) != "null" {
		if json.Unmarshal(f.Proxied, &r.proxied) != nil {
			return invalid(9003, "Invalid 'proxied' value, must be a boolean")
		}
	}
	if f.TTL != nil {
		low := z.plan.minTTL()
		if t := *f.TTL; t != 1 && (t < float64(low) || t > maxTTL || t != math.Trunc(t)) {
			return refuse(9021, "Invalid TTL. Must be between %d and %d seconds, or 1 for Automatic.", low, maxTTL)
		}
		r.ttl = uint32(*f.TTL)
	}
	if !r.proxied {
		return nil
	}
	if !proxiable(r.kind) {
		return refuse(9004, "This record type cannot be proxied.")
	}
	if content := r.content(); r.kind != zone.TypeCNAME && !proxyTarget(content) {
		return refuse(9003, "Target %s is not allowed for a proxied record.", content)
	}
	r.ttl = 1
	return nil
}

// proxyTarget reports whether Cloudflare would fetch from an address: not from itself, not from
// nowhere.
func proxyTarget(s string) bool {
	a, err := netip.ParseAddr(s)
	if err != nil || a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() {
		return false
	}
	return !slices.ContainsFunc(cloudflareRanges, func(p netip.Prefix) bool { return p.Contains(a) })
}

var tagForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}(:[^\n\r]{0,100})?$`)

// fitNotes reads comment, tags and settings
// (https://developers.cloudflare.com/dns/manage-dns-records/reference/record-attributes/).
func (z *hosted) fitNotes(f fields, r *record, _ *incoming, _ *record) *refusal {
	if f.Comment != nil {
		r.comment = ""
		if json.Unmarshal(f.Comment, &r.comment) != nil { // null leaves it empty
			return refuse(9301, "comment must be text.")
		}
	}
	if n := utf8.RuneCountInString(r.comment); n > z.plan.comment() {
		return invalid(9302, "DNS record comment has %d characters, exceeding the limit of %d.", n, z.plan.comment())
	}
	if strings.ContainsFunc(r.comment, func(c rune) bool { return !unicode.IsGraphic(c) }) {
		return invalid(9303, "DNS record comment has characters that are not allowed.")
	}
	if f.Tags != nil {
		if n := len(*f.Tags); n > z.plan.tags() {
			return invalid(9300, "DNS record has %d tags, exceeding the quota of %d.", n, z.plan.tags())
		}
		r.tags = slices.Clone(*f.Tags)
		for _, t := range r.tags {
			if !tagForm.MatchString(t) {
				return invalid(9304, "DNS record tag %.60q is invalid.", t)
			}
		}
		slices.Sort(r.tags)
		r.tags = slices.Compact(r.tags)
	}
	if f.Settings != nil {
		r.set = *f.Settings
	}
	switch {
	case on(r.set.IPv4Only) && on(r.set.IPv6Only):
		return refuse(9305, "ipv4_only and ipv6_only exclude each other.")
	case on(r.set.Flatten) && r.kind != zone.TypeCNAME:
		return refuse(9305, "flatten_cname is for CNAME records.")
	case on(r.set.Flatten) && (r.proxied || z.plan == Free):
		return refuse(9305, "flatten_cname is not available for this record.")
	}
	return nil
}
