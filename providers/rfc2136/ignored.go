package rfc2136

import (
	"context"
	"fmt"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// ignored looks for CNAMEs that took the place of other records in a message just carried out.
// Knot (seen with 3.2) drops such a CNAME in a zone that it signs, because the signatures of what
// was deleted in the same message still count as other data; it answers NOERROR all the same. A
// CNAME that is not there is sent again by itself.
func (a *account) ignored(ctx context.Context, origin zone.Name, changes []zone.Change, list []unit, r *provider.Receipt) error {
	m := wire.Update(origin)
	var again []int
	for _, u := range list {
		if u.replaced < 0 {
			continue
		}
		set := changes[u.replaced].After
		there, err := a.there(ctx, origin, set)
		r.Calls++
		if err != nil {
			r.Sets[u.replaced] = provider.Unknown
			return err
		}
		if there {
			continue
		}
		again = append(again, u.replaced)
		m.Answers = append(m.Answers, wire.Record{Owner: set.Owner, Type: zone.TypeCNAME, Class: wire.ClassNONE})
		m.Authority = append(m.Authority, wire.Record{Owner: set.Owner, Type: zone.TypeCNAME, Class: wire.ClassIN, TTL: set.TTL, Data: set.Data[0]})
	}
	if len(again) == 0 {
		return nil
	}
	outcome, err := a.send(ctx, origin, m)
	r.Calls++
	for _, i := range again {
		r.Sets[i] = outcome
	}
	if err != nil {
		return err
	}
	for _, i := range again {
		set := changes[i].After
		there, err := a.there(ctx, origin, set)
		r.Calls++
		if err == nil && !there {
			err = &provider.Error{
				Kind: provider.Rejected, Op: "write", Zone: origin.String(),
				Err: fmt.Errorf("%s: the server says that it took the CNAME, but does not hold it", set.Owner),
			}
		}
		if err != nil {
			r.Sets[i] = provider.Unknown
			return err
		}
	}
	r.Notes = append(r.Notes, fmt.Sprintf("%d CNAME needed a message of their own after what they replace was gone", len(again)))
	return nil
}

func (a *account) there(ctx context.Context, origin zone.Name, set *zone.RRset) (bool, error) {
	d, err := a.one(ctx, origin, set.Key())
	return err == nil && d == set.Data[0], err
}
