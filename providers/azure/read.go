package azure

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// own is what a snapshot keeps for Write: the etag and metadata of each record set.
type own map[zone.Key]kept

// smallPages remembers that the service does not take pages as large as were asked for.
type smallPages struct{ atomic.Bool }

// Read implements provider.Provider. The zone's own facts and its record sets are asked for at the
// same time. The service has no snapshot to page through: a list that is not as long as the zone
// says, or that gives a set twice, is read again.
func (p *Provider) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	const op = "read"
	var n, stated int
	for range 3 {
		ctx, cancel := context.WithCancel(ctx)
		var info *zoneFacts
		var infoErr error
		var both sync.WaitGroup
		both.Go(func() {
			if info, infoErr = p.facts(ctx, op, ref.Origin); infoErr != nil {
				cancel()
			}
		})
		sets, err := p.sets(ctx, op, ref.Origin)
		if err != nil {
			cancel()
		}
		both.Wait()
		cancel()
		switch {
		case errors.Is(infoErr, provider.ErrNoZone) || err == nil || errors.Is(err, context.Canceled) && infoErr != nil:
			err = infoErr
		case errors.Is(err, errTwice) && infoErr == nil:
			n = -1
			continue
		}
		if err != nil {
			return nil, err
		}
		if n, stated = len(sets), int(info.count); n == stated {
			return p.snapshot(op, info, sets)
		}
	}
	err := fmt.Errorf("the zone states %d record sets, and the list gives %d", stated, n)
	if n < 0 {
		err = errTwice
	}
	return nil, &provider.Error{
		Op: op, Zone: ref.Origin.String(), Kind: provider.Transient, Err: err,
		Advice: "try again when nobody else writes the zone; record sets of types that the API version 2018-05-01 does not know cannot be read",
	}
}

// errTwice says that pages of a list do not join.
var errTwice = errors.New("the list of record sets changed while it was read: a set came twice")

// sets lists all record sets.
func (p *Provider) sets(ctx context.Context, op string, origin zone.Name) ([]*armdns.RecordSet, error) {
	zoneName, err := bare(origin)
	if err != nil {
		return nil, &provider.Error{Op: op, Zone: origin.String(), Kind: provider.Rejected, Err: err}
	}
	var all []*armdns.RecordSet
	top := int32(p.top)
	if p.small.Load() {
		top = min(top, safePerPage)
	}
	pager := func(c *clients) pager[armdns.RecordSetsClientListByDNSZoneResponse] {
		return c.sets.NewListByDNSZonePager(p.group, zoneName, &armdns.RecordSetsClientListByDNSZoneOptions{Top: &top})
	}
	call := httpkit.Call{Op: op, Zone: origin.String(), Repeatable: true}
	err = pages(ctx, p, call, pager, func(page armdns.RecordSetsClientListByDNSZoneResponse) { all = append(all, page.Value...) })
	if err != nil && len(all) == 0 && top > safePerPage && provider.KindOf(err) == provider.Rejected {
		p.small.Store(true)
		return p.sets(ctx, op, origin)
	}
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(all))
	for _, s := range all {
		if s == nil {
			return nil, invalid(op, origin.String(), errors.New("a record set is null"))
		}
		if k := text(s.Type) + "/" + text(s.Name); seen[k] {
			return nil, errTwice
		} else {
			seen[k] = true
		}
	}
	return all, nil
}

// A pager is one of the SDK's.
type pager[P any] interface {
	More() bool
	NextPage(context.Context) (P, error)
}

// pages follows a list to its end. A page that had to be asked for again is asked for alone.
func pages[P any](ctx context.Context, p *Provider, call httpkit.Call, open func(*clients) pager[P], take func(P)) error {
	var list pager[P]
	for list == nil || list.More() {
		if call.Zone != "" {
			done, err := p.pace(ctx, call.Op, call.Zone, "list")
			if err != nil {
				return err
			}
			defer done()
		}
		var page P
		if err := p.do(ctx, call, func(ctx context.Context, c *clients) (err error) {
			if list == nil {
				list = open(c)
			}
			page, err = list.NextPage(ctx)
			return err
		}); err != nil {
			return err
		}
		take(page)
	}
	return nil
}

// snapshot puts together what was read.
func (p *Provider) snapshot(op string, info *zoneFacts, sets []*armdns.RecordSet) (*provider.Snapshot, error) {
	snap := &provider.Snapshot{Info: info.ZoneInfo}
	b, mine := zone.NewBuilder(info.Origin), make(own, len(sets))
	for _, s := range sets {
		h, err := read(s, info.Origin)
		if err != nil {
			return nil, invalid(op, info.Origin.String(), err)
		}
		switch {
		case h.key.Type == zone.TypeSOA: // the service's own
		case h.foreign != nil:
			snap.Foreign = append(snap.Foreign, *h.foreign)
		default:
			b.Add(*h.set)
			mine[h.key] = h.kept
		}
	}
	var err error
	if snap.Sets, err = b.Zone(); err != nil {
		return nil, invalid(op, info.Origin.String(), err)
	}
	snap.Own = mine
	return snap, nil
}

// set asks for one record set; nil: there is none.
func (p *Provider) set(ctx context.Context, op string, origin zone.Name, k zone.Key) (*held, error) {
	zoneName, err := bare(origin)
	var rel string
	if err == nil {
		rel, err = relative(k.Owner, origin)
	}
	if err != nil {
		return nil, &provider.Error{Op: op, Zone: origin.String(), Kind: provider.Rejected, Err: err}
	}
	var out armdns.RecordSetsClientGetResponse
	err = p.do(ctx, httpkit.Call{Op: op, Zone: origin.String(), Repeatable: true}, func(ctx context.Context, c *clients) (err error) {
		out, err = c.sets.Get(ctx, p.group, zoneName, url.PathEscape(rel), armdns.RecordType(k.Type.String()), nil)
		return err
	})
	if isAbsent(err) && !errors.Is(err, provider.ErrNoZone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	h, err := read(&out.RecordSet, origin)
	if err == nil && h.key != k {
		err = fmt.Errorf("asked for %s, the service gives %s", k, h.key)
	}
	if err != nil {
		return nil, invalid(op, origin.String(), err)
	}
	return &h, nil
}

// some reads some record sets: one by one, or the whole list where that takes fewer calls.
func (p *Provider) some(ctx context.Context, op string, origin zone.Name, keys []zone.Key, size int) (map[zone.Key]held, error) {
	out := make(map[zone.Key]held, len(keys))
	if len(keys) > size/p.top+1 {
		sets, err := p.sets(ctx, op, origin)
		if err != nil {
			if errors.Is(err, errTwice) {
				err = &provider.Error{Op: op, Zone: origin.String(), Kind: provider.Transient, Err: err, Advice: "try again"}
			}
			return nil, err
		}
		for _, s := range sets {
			h, err := read(s, origin)
			if err != nil {
				return nil, invalid(op, origin.String(), err)
			}
			out[h.key] = h
		}
		return out, nil
	}
	for _, k := range keys {
		h, err := p.set(ctx, op, origin, k)
		if err != nil {
			return nil, err
		}
		if h != nil {
			out[k] = *h
		}
	}
	return out, nil
}

// ReadSets implements provider.SetReader.
func (p *Provider) ReadSets(ctx context.Context, ref provider.ZoneRef, keys []zone.Key) ([]zone.RRset, error) {
	got, err := p.some(ctx, "read", ref.Origin, keys, 0)
	if err != nil {
		return nil, err
	}
	var out []zone.RRset
	for _, k := range keys {
		if h, ok := got[k]; ok && h.set != nil && k.Type != zone.TypeSOA {
			out = append(out, *h.set)
		}
	}
	return out, nil
}
