package azure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// own is what a snapshot keeps for Write: the etag and metadata of each record set.
type own map[zone.Key]kept

// smallPages remembers that the service does not take pages as large as were asked for.
type smallPages struct{ atomic.Bool }

// Read implements provider.Provider. The service has no snapshot to page through: a list that is
// not as long as the zone says, or that gives a set twice, is read again. That the number follows
// changes at once is not documented: a list that is longer is taken in the end, one that is shorter
// is not.
func (p *Provider) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	const op, tries = "read", 3
	if _, err := bare(ref.Origin); err != nil {
		return nil, &provider.Error{Op: op, Zone: ref.Origin.String(), Err: provider.ErrNoZone}
	}
	var why error
	for n := range tries {
		if n > 0 {
			if err := sleep(ctx, time.Duration(n*n)*400*time.Millisecond); err != nil {
				break
			}
		}
		facts, sets, err := p.readOnce(ctx, op, ref.Origin)
		switch {
		case errors.Is(err, errTwice):
			why = err
		case err != nil:
			return nil, err
		case len(sets) == facts.count || len(sets) > facts.count && n == tries-1:
			return p.snapshot(op, facts, sets)
		default:
			why = fmt.Errorf("the zone states %d record sets, and the list gives %d", facts.count, len(sets))
		}
	}
	return nil, &provider.Error{
		Op: op, Zone: ref.Origin.String(), Kind: provider.Transient, Err: why,
		Advice: "try again when nobody else writes the zone; record sets of types that the API version " + apiVersion + " does not know cannot be read",
	}
}

// readOnce asks for the zone's own facts and its record sets at the same time.
func (p *Provider) readOnce(ctx context.Context, op string, origin zone.Name) (*zoneFacts, []recordSet, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var facts *zoneFacts
	var first error // of both, the one that came first: it ended the other
	once, both := sync.Once{}, sync.WaitGroup{}
	ended := func(err error) {
		if err != nil {
			once.Do(func() { first = err })
			cancel()
		}
	}
	both.Go(func() {
		var err error
		facts, err = p.facts(ctx, op, origin)
		ended(err)
	})
	sets, err := p.sets(ctx, op, origin)
	ended(err)
	both.Wait()
	return facts, sets, first
}

// errTwice says that pages of a list do not join.
var errTwice = errors.New("the list of record sets changed while it was read: a set came twice")

// snapshot puts together what was read.
func (p *Provider) snapshot(op string, info *zoneFacts, sets []recordSet) (*provider.Snapshot, error) {
	snap := &provider.Snapshot{Info: info.ZoneInfo}
	b, mine := zone.NewBuilder(info.Origin), make(own, len(sets))
	for i := range sets {
		h, err := read(&sets[i], info.Origin)
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
		for i := range sets {
			h, err := read(&sets[i], origin)
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
	got, err := p.some(ctx, "read", ref.Origin, keys, 10*p.top) // the size of the zone is not known
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
