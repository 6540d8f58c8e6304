package cloudflare

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// The bounds of per_page for records
// (https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/list/).
const (
	recordPage    = 100
	maxRecordPage = 5_000_000
)

// listRecords answers GET /zones/{id}/dns_records. The sorted list is kept until the zone changes, so
// that turning pages costs a page each.
func (s *Service) listRecords(c call) (answer, *refusal) {
	p, no := pagingOf(c.query, recordPage, 1, maxRecordPage)
	if no != nil {
		return answer{}, no
	}
	keep, no := recordFilter(c.query, c.zone)
	if no != nil {
		return answer{}, no
	}
	found, no := c.zone.sorted(c.query.Get("order"), c.query.Get("direction"), keep)
	if no != nil {
		return answer{}, no
	}
	part, info := cut(found, p)
	if part == nil {
		part = []*record{}
	}
	return answer{result: slices.Clone(part), info: info}, nil
}

// sorted lists the records that pass keep. By default they come by type.
func (z *hosted) sorted(order, direction string, keep *filter) ([]*record, *refusal) {
	order, direction = cmp.Or(order, "type"), cmp.Or(direction, "asc")
	key, ok := orders[order]
	if !ok || direction != "asc" && direction != "desc" {
		return nil, refuse(6007, "Malformed URL parameter: order or direction")
	}
	by := func(a, b *record) int {
		n := cmp.Or(key(a, b), strings.Compare(a.name.Key(), b.name.Key()),
			cmp.Compare(a.kind, b.kind), strings.Compare(string(a.data), string(b.data)), strings.Compare(a.id, b.id))
		if direction == "desc" {
			return -n
		}
		return n
	}
	if keep.all() {
		if ordering := order + " " + direction; z.order == nil || z.ordering != ordering {
			z.order, z.ordering = make([]*record, 0, len(z.records)), ordering
			for _, r := range z.records {
				z.order = append(z.order, r)
			}
			slices.SortFunc(z.order, by)
		}
		return z.order, nil
	}
	var found []*record
	if keep.owner != nil {
		for _, r := range z.byName[*keep.owner] {
			if keep.test(r) {
				found = append(found, r)
			}
		}
	} else {
		for _, r := range z.records {
			if keep.test(r) {
				found = append(found, r)
			}
		}
	}
	slices.SortFunc(found, by)
	return found, nil
}

var orders = map[string]func(a, b *record) int{
	"type":    func(a, b *record) int { return strings.Compare(a.kind.String(), b.kind.String()) },
	"name":    func(a, b *record) int { return strings.Compare(undotted(a.name), undotted(b.name)) },
	"content": func(a, b *record) int { return strings.Compare(a.content(), b.content()) },
	"ttl":     func(a, b *record) int { return cmp.Compare(a.ttl, b.ttl) },
	"proxied": func(a, b *record) int { return cmp.Compare(truth(a.proxied), truth(b.proxied)) },
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A filter chooses records.
type filter struct {
	tests []func(*record) bool
	owner *zone.Name // when all have this name
	any   bool
}

func (f *filter) all() bool { return len(f.tests) == 0 }

func (f *filter) test(r *record) bool { return combined(f.tests, f.any)(r) }

// matchers are the suffixes of filters; all ignore case.
var matchers = map[string]func(value, want string) bool{
	"":            func(v, w string) bool { return v == w },
	".exact":      func(v, w string) bool { return v == w },
	".contains":   strings.Contains,
	".startswith": strings.HasPrefix,
	".endswith":   strings.HasSuffix,
}

func recordFilter(q url.Values, z *hosted) (*filter, *refusal) {
	f := &filter{any: q.Get("match") == "any"}
	add := func(t func(*record) bool) { f.tests = append(f.tests, t) }
	for field, value := range map[string]func(*record) string{
		"name":    func(r *record) string { return undotted(r.name) },
		"content": (*record).content,
		"comment": func(r *record) string { return r.comment },
	} {
		for suffix, matches := range matchers {
			want := strings.ToLower(q.Get(field + suffix))
			if want == "" {
				continue
			}
			if field == "name" && (suffix == "" || suffix == ".exact") {
				want = plain(want)
				if n, err := zone.ParseName(want); err == nil && !f.any {
					f.owner = &n
				}
			}
			add(func(r *record) bool { return matches(strings.ToLower(value(r)), want) })
		}
	}
	if q.Has("comment.present") {
		add(func(r *record) bool { return r.comment != "" })
	}
	if q.Has("comment.absent") {
		add(func(r *record) bool { return r.comment == "" })
	}
	if t := q.Get("type"); t != "" {
		kind, err := zone.ParseType(t)
		if err != nil || formOf(kind).read == nil {
			return nil, refuse(9020, "Invalid DNS record type %.40q.", t)
		}
		add(func(r *record) bool { return r.kind == kind })
	}
	switch p := q.Get("proxied"); p {
	case "":
	case "true", "false":
		add(func(r *record) bool { return r.proxied == (p == "true") })
	default:
		return nil, invalid(9003, "Invalid 'proxied' value, must be a boolean")
	}
	if words := strings.ToLower(q.Get("search")); words != "" {
		add(func(r *record) bool {
			return strings.Contains(strings.ToLower(undotted(r.name)+" "+r.content()+" "+r.comment), words)
		})
	}
	if tags := tagTests(q); len(tags) > 0 {
		add(combined(tags, q.Get("tag_match") == "any"))
	}
	return f, nil
}

// tagTests are the filters of tags: by presence, or "name:value" compared in a way.
func tagTests(q url.Values) []func(*record) bool {
	var tests []func(*record) bool
	has := func(r *record, name string, matches func(string) bool) bool {
		return slices.ContainsFunc(r.tags, func(t string) bool {
			n, v, _ := strings.Cut(strings.ToLower(t), ":")
			return n == name && matches(v)
		})
	}
	always := func(string) bool { return true }
	for _, n := range q["tag.present"] {
		tests = append(tests, func(r *record) bool { return has(r, strings.ToLower(n), always) })
	}
	for _, n := range q["tag.absent"] {
		tests = append(tests, func(r *record) bool { return !has(r, strings.ToLower(n), always) })
	}
	for suffix, matches := range matchers {
		for _, want := range q["tag"+suffix] {
			n, v, _ := strings.Cut(strings.ToLower(want), ":")
			tests = append(tests, func(r *record) bool { return has(r, n, func(x string) bool { return matches(x, v) }) })
		}
	}
	return tests
}
