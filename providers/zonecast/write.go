package zonecast

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

// Write implements provider.Provider.
func (p *Provider) Write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet) (*provider.Receipt, error) {
	began := time.Now()
	r := provider.NewReceipt(changes, provider.NotDone)
	if err := p.refuse(base, changes); err != nil {
		err.Op, err.Zone = "write", base.Info.Origin.String()
		return r, err
	}
	if changes.Empty() {
		r.Revision = base.Revision
		return r, nil
	}
	ctx, calls := httpkit.Counting(ctx)
	err := p.write(ctx, base, changes, r)
	r.Took, r.Calls = time.Since(began), calls.Sent()
	return r, err
}

// refuse tells what the name server would not take, or what it should not be asked.
func (p *Provider) refuse(base *provider.Snapshot, changes provider.ChangeSet) *provider.Error {
	rejected := func(advice, format string, args ...any) *provider.Error {
		return &provider.Error{Kind: provider.Rejected, Err: fmt.Errorf(format, args...), Advice: advice}
	}
	caps := p.Capabilities(base.Info)
	for _, c := range changes.Sets {
		switch k := c.Key(); {
		case k.Type == zone.TypeSOA:
			return rejected("", "%s: the SOA is kept by the name server", k)
		case c.After != nil && !caps.Holds(k.Type):
			return rejected("", "%s: a name server does not hold this type", k)
		case c.After != nil && len(c.After.Data) == 0:
			return rejected("", "%s: an RRset without records", k)
		}
	}
	switch {
	case len(changes.Settings) > 0:
		return rejected("", "a name server has no setting %s", changes.Settings[0].Key)
	case base.Info.Signed && !changes.Empty():
		return rejected("change it where it is signed", "the zone is signed elsewhere: a change would make its signatures false")
	case base.Revision == "" && !changes.Empty():
		return &provider.Error{Kind: provider.Conflict, Err: errors.New("the plan does not tell which version it was made from"), Advice: "plan again"}
	}
	return nil
}

// write sends all changes in one request, which is carried out whole or not at all.
func (p *Provider) write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet, r *provider.Receipt) error {
	origin := base.Info.Origin
	var body bytes.Buffer
	w := api.NewWriter(&body)
	for _, c := range changes.Sets {
		if c.After != nil {
			w.Set(*c.After)
		} else {
			w.Set(zone.RRset{Owner: c.Before.Owner, Type: c.Before.Type})
		}
		if k := c.Key(); k.Owner == origin && k.Type == zone.TypeNS && c.After != nil {
			soa, ok, err := p.soa(ctx, base, c.After.Clean())
			if err != nil {
				return err // of reading; nothing was sent
			}
			if ok {
				w.Set(soa)
			}
		}
	}
	if err := w.End(); err != nil {
		return err
	}
	var out api.Written
	err := p.do(ctx, request{
		op: "write", origin: origin, zone: true, method: http.MethodPatch, path: api.ZonePath(origin, "records"),
		form: api.Sets, body: body.Bytes(), ifMatch: api.ETag(base.Revision), key: rand.Text(), read: readWritten(&out, origin),
	})
	for i := range r.Sets {
		r.Sets[i] = httpkit.Outcome(err)
	}
	if err == nil {
		r.Revision, r.Serial = out.Zone.Revision, out.Zone.Serial
	}
	return err
}

func readWritten(out *api.Written, origin zone.Name) func(string) error {
	return func(body string) error {
		*out = api.Written{}
		if err := asJSON(out)(body); err != nil {
			return err
		}
		return sensible(out.Zone, origin)
	}
}

// soa is the SOA that goes with the first NS of a zone; ok is false where it stays as it is.
func (p *Provider) soa(ctx context.Context, base *provider.Snapshot, ns zone.RRset) (soa zone.RRset, ok bool, err error) {
	k := zone.Key{Owner: base.Info.Origin, Type: zone.TypeSOA}
	if base.Sets != nil {
		soa, ok = base.Sets.Set(k.Owner, k.Type)
	}
	if !ok { // the base of a plan out of a file has no sets
		q := url.Values{"owner": {k.Owner.String()}, "type": {k.Type.String()}}
		err := p.records(ctx, "write", k.Owner, q, func(_ api.Zone, z *zone.Zone, _ int) { soa, ok = z.Set(k.Owner, k.Type) })
		if err != nil {
			return soa, false, err
		}
	}
	soa, ok = named(soa, ns)
	return soa, ok, nil
}

// CreateZone implements provider.ZoneCreator. The new zone has a SOA and the NS of option
// nameservers.
func (p *Provider) CreateZone(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	sets, err := p.newborn.sets(origin)
	if err != nil {
		return nil, &provider.Error{Op: "create zone", Zone: origin.String(), Kind: provider.Rejected, Err: err}
	}
	var body bytes.Buffer
	w := api.NewWriter(&body)
	for _, set := range sets {
		w.Set(set)
	}
	if err := w.End(); err != nil {
		return nil, err
	}
	var out api.Written
	if err := p.do(ctx, request{
		op: "create zone", origin: origin, zone: true, method: http.MethodPut, path: api.ZonePath(origin),
		form: api.Sets, body: body.Bytes(), key: rand.Text(), read: readWritten(&out, origin),
	}); err != nil {
		return nil, err
	}
	return p.Read(ctx, provider.ZoneRef{Origin: origin})
}

// DeleteZone implements provider.ZoneDeleter.
func (p *Provider) DeleteZone(ctx context.Context, ref provider.ZoneRef) error {
	return p.do(ctx, request{
		op: "delete zone", origin: ref.Origin, zone: true, method: http.MethodDelete, path: api.ZonePath(ref.Origin), ifMatch: "*", key: rand.Text(),
	})
}
