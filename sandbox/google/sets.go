package google

import (
	"fmt"
	"net/http"
	"sort"

	"github.com/zonecast/zonecast/zone"
)

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
	if _, no := z.apply(s, adds, dels, c.now); no != nil {
		return nil, no
	}
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
