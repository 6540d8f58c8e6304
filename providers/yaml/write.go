package yaml

import (
	"context"
	"fmt"
	"time"

	"github.com/zonecast/zonecast/internal/atomicfile"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// Write implements provider.Provider.
func (p *Provider) Write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet) (*provider.Receipt, error) {
	began := time.Now()
	origin := base.Info.Origin
	r := provider.NewReceipt(changes, provider.NotDone)
	err := p.refuse(origin, changes)
	if err != nil {
		err = &provider.Error{Kind: provider.Rejected, Err: err}
	} else {
		err = p.write(ctx, base, changes, r)
	}
	r.Took = time.Since(began)
	return r, fail("write", origin, err)
}

// refuse tells which change the files cannot hold.
func (p *Provider) refuse(origin zone.Name, changes provider.ChangeSet) error {
	caps := p.Capabilities(provider.ZoneInfo{})
	for _, c := range changes.Sets {
		switch k := c.Key(); {
		case p.fixedRootNS && k.Owner == origin && k.Type == zone.TypeNS:
			return fmt.Errorf("%s: supports_root_ns is false", k)
		case c.After != nil && !caps.Holds(k.Type):
			return fmt.Errorf("%s: octoDNS has no type %s", k, k.Type)
		case c.After != nil && len(c.After.Data) == 0 && c.After.Extra.IsZero():
			return fmt.Errorf("%s: an RRset without records", k)
		}
	}
	if len(changes.Settings) > 0 {
		return fmt.Errorf("a zone file has no setting %s", changes.Settings[0].Key)
	}
	return nil
}

// write compares and replaces the files under the lock, and tells in r what became of it.
func (p *Provider) write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet, r *provider.Receipt) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	origin := base.Info.Origin
	if _, err := p.files(origin); err != nil { // the folder of the lock may not be there
		return err
	}
	unlock, err := atomicfile.Lock(ctx, p.lockFile())
	if err != nil {
		return err
	}
	defer unlock()
	h, err := p.load(ctx, origin)
	if err != nil {
		return err
	}
	if h.revision != base.Revision {
		return &provider.Error{
			Kind: provider.Conflict, Err: fmt.Errorf("the files of the zone in %s were changed since the plan was made", p.layout.Directory),
			Advice: "plan again",
		}
	}
	next, err := h.zone.With(whole(changes.Sets))
	if err != nil {
		return &provider.Error{Kind: provider.Conflict, Err: err, Advice: "plan again"}
	}
	if err := alone(next, changes.Sets); err != nil {
		return &provider.Error{Kind: provider.Rejected, Err: err}
	}
	if len(changes.Sets) == 0 {
		r.Revision = h.revision
		return nil
	}
	ops, notes, err := p.operations(h, next)
	if err != nil {
		return err
	}
	done, err := p.carryOut(ctx, ops)
	r.Calls, r.Notes = done, notes
	if err != nil {
		if done > 0 || ctx.Err() == nil {
			p.tell(context.WithoutCancel(ctx), origin, changes, r)
		}
		if done > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("%d of %d files were changed; run the same command again to continue", done, len(ops)))
		}
		return err
	}
	for i := range r.Sets {
		r.Sets[i] = provider.Done
	}
	if !h.includes { // else a file may have lost its include
		for _, op := range ops {
			if h.files[op.Path] = op.Content; op.Remove {
				delete(h.files, op.Path)
			}
		}
		r.Revision = revision(h.files)
	}
	return nil
}

// tell reads what a write that stopped half-way has left, and says for each change what it is.
func (p *Provider) tell(ctx context.Context, origin zone.Name, changes provider.ChangeSet, r *provider.Receipt) {
	h, err := p.load(ctx, origin)
	for i, c := range whole(changes.Sets) {
		if err != nil {
			r.Sets[i] = provider.Unknown
			continue
		}
		have, ok := h.zone.Set(c.Key().Owner, c.Key().Type)
		is := func(want *zone.RRset) bool { return ok == (want != nil) && (!ok || have.Equal(*want)) }
		switch {
		case is(c.After):
			r.Sets[i] = provider.Done
		case !is(c.Before):
			r.Sets[i] = provider.Unknown
		}
	}
}

// whole joins the strings of each new TXT: to octoDNS they are one text, cut into strings of 255
// octets where it goes to the wire.
func whole(changes []zone.Change) []zone.Change {
	out := make([]zone.Change, len(changes))
	for i, c := range changes {
		if out[i] = c; c.After == nil || c.After.Type != zone.TypeTXT && c.After.Type != zone.TypeSPF {
			continue
		}
		after := *c.After
		after.Data = make([]zone.Data, len(c.After.Data))
		for j, d := range c.After.Data {
			after.Data[j] = joined(d)
		}
		after = after.Clean()
		out[i].After = &after
	}
	return out
}

// joined cuts the text of a TXT anew (RFC 1035, section 3.3.14).
func joined(d zone.Data) zone.Data {
	var text []byte
	for rest := d; len(rest) > 0; {
		n := int(rest[0]) + 1
		if n > len(rest) {
			return d // not ours to mend
		}
		text = append(text, rest[1:n]...)
		rest = rest[n:]
	}
	var out []byte
	for len(text) > 255 {
		out = append(append(out, 255), text[:255]...)
		text = text[255:]
	}
	return zone.Data(append(append(out, byte(len(text))), text...))
}

// alone refuses what makes octoDNS refuse the whole zone: a CNAME beside other records.
func alone(z *zone.Zone, changes []zone.Change) error {
	for _, c := range changes {
		owner := c.Key().Owner
		if _, ok := z.Set(owner, zone.TypeCNAME); !ok || c.After == nil {
			continue
		}
		for set := range z.At(owner) {
			if set.Type != zone.TypeCNAME {
				return fmt.Errorf("%s has a CNAME and a %s; octoDNS refuses such zones", owner, set.Type)
			}
		}
	}
	return nil
}
