package google

import (
	"fmt"
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
	done, no := z.apply(s, adds, dels, c.now)
	if no != nil {
		return nil, no
	}
	return done.view(c.now), nil
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
