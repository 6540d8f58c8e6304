package cloudflare

import (
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// A record is one DNS record. It never changes: a change puts another in its place.
type record struct {
	id      string
	name    zone.Name
	kind    zone.Type
	data    zone.Data // RDATA; MX and URI with their priority
	given   string    // NAPTR: the replacement as it was written
	ttl     uint32    // 1 is automatic
	proxied bool
	comment string
	tags    []string // sorted
	set     recordSettings
	meta    Meta
	locked  bool

	created, modified, commented, tagged time.Time
}

// recordSettings are a record's own settings.
type recordSettings struct {
	IPv4Only *bool `json:"ipv4_only,omitempty"`
	IPv6Only *bool `json:"ipv6_only,omitempty"`
	Flatten  *bool `json:"flatten_cname,omitempty"`
}

func (a recordSettings) equal(b recordSettings) bool {
	return on(a.IPv4Only) == on(b.IPv4Only) && on(a.IPv6Only) == on(b.IPv6Only) && on(a.Flatten) == on(b.Flatten)
}

func on(b *bool) bool { return b != nil && *b }

// Meta is what Cloudflare says about a record that a product of its own keeps.
type Meta struct {
	AutoAdded    bool `json:"auto_added,omitempty"`
	ReadOnly     bool `json:"read_only,omitempty"`
	EmailRouting bool `json:"email_routing,omitempty"`
	Tunnel       bool `json:"managed_by_argo_tunnel,omitempty"`
	Apps         bool `json:"managed_by_apps,omitempty"`
	// Worker is the id of a Worker that the name is a custom domain of.
	Worker string `json:"origin_worker_id,omitempty"`
}

// recordView is a record in the API
// (https://developers.cloudflare.com/api/resources/dns/subresources/records/).
type recordView struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Type      string         `json:"type"`
	Content   string         `json:"content"`
	Priority  *uint16        `json:"priority,omitempty"`
	Proxiable bool           `json:"proxiable"`
	Proxied   bool           `json:"proxied"`
	TTL       uint32         `json:"ttl"`
	Locked    bool           `json:"locked,omitempty"` // the older way of meta.read_only
	Data      any            `json:"data,omitempty"`
	Settings  recordSettings `json:"settings"`
	Meta      Meta           `json:"meta"`
	Comment   *string        `json:"comment"`
	Tags      []string       `json:"tags"`
	Created   string         `json:"created_on"`
	Modified  string         `json:"modified_on"`
	Commented string         `json:"comment_modified_on,omitempty"`
	Tagged    string         `json:"tags_modified_on,omitempty"`
}

func (r *record) view() recordView {
	f := formOf(r.kind).show(r)
	v := recordView{
		ID: r.id, Name: undotted(r.name), Type: r.kind.String(), Content: f.content, Priority: f.priority, Data: f.data,
		Proxiable: proxiable(r.kind), Proxied: r.proxied, TTL: r.ttl, Locked: r.locked, Settings: r.set, Meta: r.meta,
		Tags: r.tags, Created: stamp(r.created), Modified: stamp(r.modified),
	}
	if r.kind == zone.TypeCNAME && v.Settings.Flatten == nil {
		v.Settings.Flatten = new(false)
	}
	if v.Tags == nil {
		v.Tags = []string{}
	} else if len(v.Tags) > 0 {
		v.Tagged = stamp(r.tagged)
	}
	if r.comment != "" {
		v.Comment, v.Commented = &r.comment, stamp(r.commented)
	}
	return v
}

// content is what the API shows as the record's content.
func (r *record) content() string { return formOf(r.kind).show(r).content }

// undotted is a name as the API writes it: without the final dot, the root as ".".
func undotted(n zone.Name) string {
	if n.IsRoot() {
		return "."
	}
	return strings.TrimSuffix(n.String(), ".")
}

func proxiable(t zone.Type) bool {
	return t == zone.TypeA || t == zone.TypeAAAA || t == zone.TypeCNAME
}

func (r *record) same(x *record) bool {
	return r.name == x.name && r.kind == x.kind && r.data == x.data
}

// identical reports whether the records agree in all that a user can set.
func (r *record) identical(x *record) bool {
	return r.same(x) && r.ttl == x.ttl && r.proxied == x.proxied && r.comment == x.comment &&
		slices.Equal(r.tags, x.tags) && r.set.equal(x.set)
}
