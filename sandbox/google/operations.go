package google

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sort"
	"time"
)

// An operation is what was done to a managed zone itself.
type operation struct {
	id, typ, user string
	start         time.Time
	before, after *zoneView
}

type operationView struct {
	Kind        string `json:"kind"`
	ID          string `json:"id"`
	StartTime   string `json:"startTime"`
	Status      string `json:"status"`
	Type        string `json:"type"`
	User        string `json:"user"`
	ZoneContext struct {
		OldValue *zoneView `json:"oldValue,omitempty"`
		NewValue *zoneView `json:"newValue,omitempty"`
	} `json:"zoneContext"`
}

func (o *operation) view(now time.Time) operationView {
	v := operationView{Kind: "dns#operation", ID: o.id, StartTime: stamp(o.start), Status: "pending", Type: o.typ, User: o.user}
	if now.After(o.start) {
		v.Status = "done"
	}
	v.ZoneContext.OldValue, v.ZoneContext.NewValue = o.before, o.after
	return v
}

// maxOperations is the most that a zone remembers.
const maxOperations = 200

// operate remembers an operation; z.mu is held.
func (z *managedZone) operate(c *call, typ string, before *zoneView) *operation {
	after := z.view()
	o := &operation{id: c.URL.Query().Get("clientOperationId"), typ: typ, user: c.caller, start: c.now, before: before, after: &after}
	if o.id == "" || len(o.id) > 63 || z.operation(o.id) != nil {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		o.id = hex.EncodeToString(b[:])
	}
	z.operations = append(z.operations, o)
	if len(z.operations) > maxOperations {
		z.operations = slices.Clone(z.operations[1:])
	}
	return o
}

func (z *managedZone) operation(id string) *operation {
	for _, o := range z.operations {
		if o.id == id {
			return o
		}
	}
	return nil
}

func (s *Service) operationGet(c *call) (any, *refusal) {
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	defer z.mu.Unlock()
	if o := z.operation(c.PathValue("operation")); o != nil {
		return o.view(c.now), nil
	}
	return nil, notFound("parameters.operation", c.PathValue("operation"))
}

func (s *Service) operationList(c *call) (any, *refusal) {
	most, no := s.limit(c)
	if no != nil {
		return nil, no
	}
	last, given, no := pageStart(c)
	if no != nil {
		return nil, no
	}
	by := c.FormValue("sortBy")
	if by != "" && by != "startTime" && by != "id" {
		return nil, invalid("parameters.sortBy", by)
	}
	z, no := s.zone(c)
	if no != nil {
		return nil, no
	}
	defer z.mu.Unlock()
	list := slices.Clone(z.operations)
	if by == "id" {
		sort.Slice(list, func(i, j int) bool { return list[i].id < list[j].id })
	}
	if given {
		i := slices.IndexFunc(list, func(o *operation) bool { return o.id == last })
		list = list[i+1:]
	}
	answer := struct {
		Kind          string          `json:"kind"`
		Operations    []operationView `json:"operations"`
		NextPageToken string          `json:"nextPageToken,omitempty"`
	}{Kind: "dns#managedZoneOperationsListResponse", Operations: []operationView{}}
	for _, o := range list {
		if n := len(answer.Operations); n == most {
			answer.NextPageToken = pageToken(answer.Operations[n-1].ID)
			break
		}
		answer.Operations = append(answer.Operations, o.view(c.now))
	}
	return answer, nil
}
