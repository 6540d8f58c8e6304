package google

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A change is one that was accepted.
type change struct {
	id          int
	start, done time.Time
	adds, dels  []*record
}

type changeView struct {
	Kind      string              `json:"kind"`
	ID        string              `json:"id"`
	StartTime string              `json:"startTime"`
	Status    string              `json:"status"`
	Additions []resourceRecordSet `json:"additions,omitempty"`
	Deletions []resourceRecordSet `json:"deletions,omitempty"`
}

// view shows a change; a change that was only just made is always pending.
func (c *change) view(now time.Time) changeView {
	v := changeView{Kind: "dns#change", ID: strconv.Itoa(c.id), StartTime: stamp(c.start), Status: "pending"}
	if now.After(c.start) && !now.Before(c.done) || c.id == 0 {
		v.Status = "done"
	}
	for _, r := range c.adds {
		v.Additions = append(v.Additions, r.view())
	}
	for _, r := range c.dels {
		v.Deletions = append(v.Deletions, r.view())
	}
	return v
}

const inChange = "entity.change"

// changeCreate carries out a change, the whole or nothing:
// https://cloud.google.com/dns/docs/reference/rest/v1/changes/create.
func (s *Service) changeCreate(c *call) (any, *refusal) {
	var in struct {
		Additions []*resourceRecordSet `json:"additions"`
		Deletions []*resourceRecordSet `json:"deletions"`
		Kind      string               `json:"kind"`
		ID        string               `json:"id"`
		StartTime string               `json:"startTime"`
		Status    string               `json:"status"`
		IsServing bool                 `json:"isServing"`
	}
	if no := decode(c.Request, inChange, &in); no != nil {
		return nil, no
	}
	if len(in.Additions)+len(in.Deletions) == 0 {
		return nil, required(inChange)
	}
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	z.mu.Unlock() // the origin stays; reading the request's sets takes a while
	q := s.opts.Quota
	var over faults
	if len(in.Additions) > q.RRsetAdditionsPerChange {
		over.add(exceeded("additions per change"))
	}
	if len(in.Deletions) > q.RRsetDeletionsPerChange {
		over.add(exceeded("deletions per change"))
	}
	if size := size(in.Additions) + size(in.Deletions); size > q.TotalRRdataSizePerChange {
		over.add(exceeded("total rrdata size per change"))
	}
	if over.first != nil {
		return nil, over.first
	}
	rd := reader{origin: z.origin, quota: q}
	dels := rd.readAll(inChange+".deletions", in.Deletions)
	adds := rd.readAll(inChange+".additions", in.Additions)
	if rd.all.first != nil {
		return nil, rd.all.first
	}
	if z, no = s.zone(c); no != nil {
		return nil, no
	}
	defer z.mu.Unlock()
	if no := z.check(adds, dels, q); no != nil {
		return nil, no
	}
	return z.apply(s, adds, dels, c.now).view(c.now), nil
}

// size counts the octets of rrdata in a request.
func size(sets []*resourceRecordSet) int {
	n := 0
	for _, set := range sets {
		if set == nil {
			continue
		}
		for _, text := range set.RRdatas {
			n += len(text)
		}
		n += set.RoutingPolicy.octets()
	}
	return n
}

func (rd *reader) readAll(path string, sets []*resourceRecordSet) []item {
	items := make([]item, 0, len(sets))
	for i, in := range sets {
		at := fmt.Sprintf("%s[%d]", path, i)
		if in != nil && in.Name != "" {
			at = path + "[" + clip(in.Name) + "][" + clip(in.Type) + "]"
		}
		if r := rd.read(at, in); r != nil {
			items = append(items, item{at, r})
		}
	}
	return items
}

// bumped returns the SOA with the next serial number, if the service is to count and the request
// did not set the SOA itself. z.mu is held.
func (z *managedZone) bumped(s *Service, adds []item) *record {
	old := z.find(z.origin, zone.TypeSOA)
	if !s.opts.BumpSerial || old == nil || slices.ContainsFunc(adds, func(a item) bool { return a.typ == zone.TypeSOA }) {
		return nil
	}
	soa, err := rdata.SOAOf(old.data[0])
	if err != nil {
		return nil
	}
	soa.Serial++
	d, err := soa.Data()
	if err != nil {
		return nil
	}
	return &record{name: old.name, typ: old.typ, ttl: old.ttl, text: []string{rdata.Text(old.typ, d)}, data: []zone.Data{d}}
}

func (s *Service) changeGet(c *call) (any, *refusal) {
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	defer z.mu.Unlock()
	text := c.PathValue("changeId")
	if id, err := strconv.Atoi(text); err == nil && strconv.Itoa(id) == text {
		if i, ok := z.change(id); ok {
			return z.changes[i].view(c.now), nil
		}
	}
	return nil, notFound("parameters.changeId", text)
}

func (z *managedZone) change(id int) (int, bool) {
	return sort.Find(len(z.changes), func(i int) int { return id - z.changes[i].id })
}

func (s *Service) changeList(c *call) (any, *refusal) {
	most, no := s.limit(c)
	if no != nil {
		return nil, no
	}
	last, given, no := pageStart(c)
	if no != nil {
		return nil, no
	}
	if by := c.FormValue("sortBy"); by != "" && by != "changeSequence" {
		return nil, invalid("parameters.sortBy", by)
	}
	order := c.FormValue("sortOrder")
	if order != "" && order != "ascending" && order != "descending" {
		return nil, invalid("parameters.sortOrder", order)
	}
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	defer z.mu.Unlock()
	list := z.changes
	at := 0
	if given {
		id, err := strconv.Atoi(last)
		if err != nil {
			return nil, invalid("parameters.pageToken", c.FormValue("pageToken"))
		}
		at, _ = z.change(id)
		if order != "descending" {
			at++
		}
	}
	switch {
	case order == "descending" && given:
		list = list[:min(at, len(list))]
	case order != "descending":
		list = list[min(at, len(list)):]
	}
	answer := struct {
		Kind          string       `json:"kind"`
		Changes       []changeView `json:"changes"`
		NextPageToken string       `json:"nextPageToken,omitempty"`
	}{Kind: "dns#changesListResponse", Changes: []changeView{}}
	// Changes carry their sets: a page ends early when it grows too long.
	for sets := 0; len(list) > 0; {
		i := 0
		if order == "descending" {
			i = len(list) - 1
		}
		one := list[i]
		if n := len(answer.Changes); n == most || n > 0 && sets > maxPageSets {
			answer.NextPageToken = pageToken(answer.Changes[n-1].ID)
			break
		}
		sets += len(one.adds) + len(one.dels)
		answer.Changes = append(answer.Changes, one.view(c.now))
		if list = list[1:]; order == "descending" {
			list = z.changes[:len(list)]
		}
	}
	return answer, nil
}

const maxPageSets = 20_000

// setCreate, setPatch and setDelete are changes of one set that answer with the set.
func (s *Service) setCreate(c *call) (any, *refusal) {
	var in resourceRecordSet
	if no := decode(c.Request, inSet, &in); no != nil {
		return nil, no
	}
	return s.setChange(c, func(z *managedZone, rd *reader) (add, del *record) {
		return rd.read(inSet, &in), nil
	})
}

const inSet = "entity.rrset"

func (s *Service) setPatch(c *call) (any, *refusal) {
	var in struct {
		resourceRecordSet
		Name *string `json:"name"`
		Type *string `json:"type"`
	}
	if no := decode(c.Request, inSet, &in); no != nil {
		return nil, no
	}
	return s.setChange(c, func(z *managedZone, rd *reader) (add, del *record) {
		if del = z.named(c, rd); del == nil {
			return nil, nil
		}
		now := del.view()
		if in.Name != nil {
			now.Name = *in.Name
		}
		if in.Type != nil {
			now.Type = *in.Type
		}
		if in.TTL != nil {
			now.TTL = in.TTL
		}
		switch {
		case in.RRdatas != nil && in.RoutingPolicy != nil:
			now.RRdatas, now.RoutingPolicy = in.RRdatas, in.RoutingPolicy
		case in.RRdatas != nil:
			now.RRdatas, now.RoutingPolicy = in.RRdatas, nil
		case in.RoutingPolicy != nil:
			now.RRdatas, now.RoutingPolicy = nil, in.RoutingPolicy
		}
		return rd.read(inSet, &now), del
	})
}

func (s *Service) setDelete(c *call) (any, *refusal) {
	return s.setChange(c, func(z *managedZone, rd *reader) (add, del *record) { return nil, z.named(c, rd) })
}

// named finds the set that the path names; z.mu is held.
func (z *managedZone) named(c *call, rd *reader) *record {
	name, typ := c.PathValue("name"), c.PathValue("type")
	n, err := zone.ParseName(name)
	t := types[typ]
	if err == nil && t != 0 {
		if have := z.find(n, t); have != nil {
			return have
		}
	}
	rd.all.add(notFound("parameters.name", fmt.Sprintf("%s (%s)", name, typ)))
	return nil
}

func (s *Service) setChange(c *call, prepare func(*managedZone, *reader) (add, del *record)) (any, *refusal) {
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	defer z.mu.Unlock()
	rd := &reader{origin: z.origin, quota: s.opts.Quota}
	add, del := prepare(z, rd)
	if rd.all.first != nil {
		return nil, rd.all.first
	}
	var adds, dels []item
	if add != nil {
		adds = []item{{inSet, add}}
	}
	if del != nil {
		dels = []item{{inSet, del}}
	}
	if no := z.check(adds, dels, s.opts.Quota); no != nil {
		return nil, no
	}
	z.apply(s, adds, dels, c.now)
	if add == nil {
		return struct{}{}, nil
	}
	return add.view(), nil
}

func (s *Service) setGet(c *call) (any, *refusal) {
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	defer z.mu.Unlock()
	rd := &reader{}
	if r := z.named(c, rd); r != nil {
		return r.view(), nil
	}
	return nil, rd.all.first
}

// setList lists sets, or those of one name, or the one of a name and a type:
// https://cloud.google.com/dns/docs/reference/rest/v1/resourceRecordSets/list.
func (s *Service) setList(c *call) (any, *refusal) {
	most, no := s.limit(c)
	if no != nil {
		return nil, no
	}
	last, given, no := pageStart(c)
	if no != nil {
		return nil, no
	}
	name, typ := c.FormValue("name"), c.FormValue("type")
	switch {
	case c.FormValue("filter") != "":
		return nil, refuse(http.StatusBadRequest, "invalid", "Invalid value for 'parameters.filter': not emulated")
	case typ != "" && name == "":
		return nil, required("parameters.name")
	case typ != "" && types[typ] == 0:
		return nil, invalid("parameters.type", typ)
	}
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	list := z.sets
	if name != "" {
		n, err := zone.ParseName(name)
		if err != nil || !plainName(name) {
			z.mu.Unlock()
			return nil, invalid("parameters.name", name)
		}
		list = z.all(n)
	}
	z.mu.Unlock() // lists are replaced, never changed
	if given {
		i, no := after(list, last)
		if no != nil {
			return nil, invalid("parameters.pageToken", c.FormValue("pageToken"))
		}
		list = list[i:]
	}
	answer := struct {
		Kind          string              `json:"kind"`
		RRsets        []resourceRecordSet `json:"rrsets"`
		NextPageToken string              `json:"nextPageToken,omitempty"`
	}{Kind: "dns#resourceRecordSetsListResponse", RRsets: make([]resourceRecordSet, 0, min(most, len(list)))}
	var previous *record
	for _, r := range list {
		if typ != "" && r.typ != types[typ] {
			continue
		}
		if len(answer.RRsets) == most {
			answer.NextPageToken = pageToken(previous.typ.String() + " " + previous.name.String())
			break
		}
		previous = r
		answer.RRsets = append(answer.RRsets, r.view())
	}
	return answer, nil
}

// after finds the first set behind the one that a page token names.
func after(list []*record, last string) (int, error) {
	var typ, name string
	if _, err := fmt.Sscanf(last, "%s %s", &typ, &name); err != nil {
		return 0, err
	}
	n, err := zone.ParseName(name)
	if err != nil {
		return 0, err
	}
	i, found := sort.Find(len(list), func(i int) int { return compare(n, types[typ], list[i]) })
	if found {
		i++
	}
	return i, nil
}
