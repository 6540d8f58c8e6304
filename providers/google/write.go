package google

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"google.golang.org/api/dns/v1"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// Write implements provider.Provider.
func (p *Provider) Write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet) (*provider.Receipt, error) {
	began := time.Now()
	r := provider.NewReceipt(changes, provider.NotDone)
	counted, calls := httpkit.Counting(ctx)
	m, ids, err := p.write(counted, base, changes, r)
	r.Calls = calls.Sent()
	if note := p.settle(ctx, m, ids); note != "" {
		r.Notes = append(r.Notes, note)
	}
	r.Took = time.Since(began)
	return r, err
}

// write sends the changes and returns the ids of those that are pending.
func (p *Provider) write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet, r *provider.Receipt) (*managed, []string, error) {
	const op = "write"
	fail := func(kind provider.ErrKind, err error) error {
		return &provider.Error{Op: op, Zone: base.Info.Origin.String(), Kind: kind, Err: err}
	}
	m, info, err := p.written(ctx, op, base)
	if err != nil {
		return nil, nil, err
	}
	if err := p.refuse(info, changes); err != nil {
		return m, nil, fail(provider.Rejected, err)
	}
	have, _ := base.Own.(exact)
	units, err := plan(changes.Sets, have)
	if err != nil {
		return m, nil, fail(provider.Rejected, err)
	}
	w := &writing{p: p, op: op, m: m, changes: changes.Sets}
	ids, err := w.send(ctx, batches(units, p.batch), func(change int, o provider.Outcome) { r.Sets[change] = o })
	if errors.Is(err, provider.ErrNoZone) {
		p.directory.forget(m.origin)
	}
	err = cameBetween(err, base.Sets, changes.Sets)
	if err == nil {
		for i := range r.Sets { // what needed no call is as it is wanted
			r.Sets[i] = provider.Done
		}
	}
	return m, ids, err
}

// written is the managed zone that a base is of. Its id alone suffices: ids are never given twice,
// and the service refuses names that are not of the zone.
func (p *Provider) written(ctx context.Context, op string, base *provider.Snapshot) (*managed, provider.ZoneInfo, error) {
	ref := base.Info.ZoneRef
	if ref.ID == "" {
		m, err := p.find(ctx, op, ref)
		if err != nil {
			return nil, provider.ZoneInfo{}, err
		}
		return m, p.info(m), nil
	}
	if !properName.MatchString(ref.ID) {
		return nil, provider.ZoneInfo{}, &provider.Error{Op: op, Zone: ref.Origin.String(), Kind: provider.Rejected, Err: fmt.Errorf("%q is no managed zone's id", ref.ID)}
	}
	return &managed{id: ref.ID, name: ref.ID, origin: ref.Origin, private: ref.View == provider.PrivateView}, base.Info, nil
}

// A writing is one Write under way.
type writing struct {
	p       *Provider
	op      string
	m       *managed
	changes []zone.Change
}

// send sends one batch after the other and stops at the first that is not taken.
func (w *writing) send(ctx context.Context, batches [][]piece, set func(int, provider.Outcome)) (ids []string, err error) {
	mended := false
	for n := 0; n < len(batches); n++ {
		id, err := w.batch(ctx, batches[n])
		if err != nil && !mended && mismatch(err) {
			// The values may be right and only held in other words or another order.
			mended = true
			if w.mend(ctx, batches[n:]) {
				n--
				continue
			}
		}
		o := outcome(err)
		for _, one := range batches[n] {
			set(one.change, o)
		}
		if err != nil {
			return ids, where(err, n, len(batches))
		}
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// where adds to an error how far the write came.
func where(err error, n, all int) error {
	e, ok := errors.AsType[*provider.Error](err)
	if !ok || all == 1 {
		return err
	}
	out := *e
	out.Err = fmt.Errorf("change %d of %d, those before it are done, those after it were not sent: %w", n+1, all, e.Err)
	return &out
}

// batch sends one change and returns its id, "" when it is done already.
func (w *writing) batch(ctx context.Context, pieces []piece) (id string, err error) {
	in := &dns.Change{}
	for i := range pieces {
		if set := pieces[i].del; set != nil {
			in.Deletions = append(in.Deletions, set)
		}
		if set := pieces[i].add; set != nil {
			in.Additions = append(in.Additions, set)
		}
	}
	var out *dns.Change
	err = w.p.do(ctx, httpkit.Call{Op: w.op, Zone: w.m.origin.String()}, func(ctx context.Context, c caller) (err error) {
		out, err = c.Changes.Create(c.project, w.m.id, in).Context(ctx).Do()
		return err
	})
	if s := saidIn(err); s != nil {
		s.message = named(s.message, in)
	}
	switch {
	case err != nil:
		return "", err
	case out.Id == "" || out.Status == "":
		return "", invalid(w.op, w.m.origin.String(), errors.New("the answer does not tell of a change"))
	case out.Status == statusDone:
		return "", nil
	}
	return out.Id, nil
}

// statusDone is the status of a change that was sent to all name servers.
const statusDone = "done"

// byIndex is how a refusal may name a part of the request.
var byIndex = regexp.MustCompile(`(additions|deletions)\[(\d{1,6})\]`)

// named puts owner and type beside the numbers of a refusal.
func named(message string, in *dns.Change) string {
	return byIndex.ReplaceAllStringFunc(message, func(s string) string {
		m := byIndex.FindStringSubmatch(s)
		list := in.Additions
		if m[1] == "deletions" {
			list = in.Deletions
		}
		if i, err := strconv.Atoi(m[2]); err == nil && i < len(list) {
			return fmt.Sprintf("%s (%s %s)", s, list[i].Name, list[i].Type)
		}
		return s
	})
}

// mismatch reports whether a change was refused only because deletions do not match.
func mismatch(err error) bool {
	s := saidIn(err)
	return s != nil && s.only(reasonMismatch)
}

// cameBetween makes a conflict of a refusal that is about a CNAME beside other types, when the plan
// itself puts none there: somebody else must have.
func cameBetween(err error, base *zone.Zone, changes []zone.Change) error {
	s := saidIn(err)
	if s == nil || !s.only(reasonCNAME) || base == nil {
		return err
	}
	after := map[zone.Name]map[zone.Type]bool{} // what the plan has at the names that it changes
	for _, c := range changes {
		k := c.Key()
		if after[k.Owner] == nil {
			after[k.Owner] = map[zone.Type]bool{}
			for set := range base.At(k.Owner) {
				after[k.Owner][set.Type] = true
			}
		}
		if after[k.Owner][k.Type] = true; c.Deletes() {
			delete(after[k.Owner], k.Type)
		}
	}
	for _, types := range after {
		if types[zone.TypeCNAME] && len(types) > 1 {
			return err
		}
	}
	e, ok := errors.AsType[*provider.Error](err)
	if !ok {
		return err
	}
	out := *e
	out.Kind, out.Advice = provider.Conflict, advices[reasonMismatch]
	return &out
}

// mend reads what is to be deleted and takes over the service's own words where they mean the same
// as the plan's. It reports whether sending again makes sense: nothing of it has another meaning,
// and some words are new.
func (w *writing) mend(ctx context.Context, batches [][]piece) bool {
	keys := map[zone.Key]bool{}
	for _, b := range batches {
		for _, one := range b {
			if one.del != nil {
				keys[w.changes[one.change].Key()] = true
			}
		}
	}
	now, err := w.p.some(ctx, w.op, w.m, keys)
	if err != nil {
		return false
	}
	there := map[zone.Key]zone.RRset{}
	for _, s := range now.sets {
		there[s.Key()] = s
	}
	better := false
	for n, b := range batches {
		for _, one := range b {
			if one.del == nil {
				continue
			}
			before := w.changes[one.change].Before.Clean()
			have, ok := there[before.Key()]
			same := ok && have.TTL == before.TTL && have.SameData(before)
			if !same && n == 0 {
				return false // it has moved
			}
			texts, other := now.exact[before.Key()]
			if !other {
				texts = values(before)
			}
			if same && !slices.Equal(texts, one.del.Rrdatas) {
				one.del.Rrdatas, better = texts, true
			}
		}
	}
	return better
}

// settle waits until the service has sent to its name servers what was written, and says so when
// that took worth mentioning. Waiting is background work: writes of other zones go first.
func (p *Provider) settle(ctx context.Context, m *managed, ids []string) string {
	if len(ids) == 0 || p.wait == 0 {
		return ""
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(budget.As(ctx, budget.Background), p.wait)
	defer cancel()
	ctx, calls := httpkit.Counting(ctx)
	polls := func() string {
		return fmt.Sprintf("after %v (%d polls, not counted as calls)", time.Since(began).Round(time.Millisecond), calls.Sent())
	}
	// The last change is usually the last to be done.
	for _, id := range slices.Backward(ids) {
		if err := p.done(ctx, m, id); err != nil {
			why := "still pending"
			if !errors.Is(err, context.DeadlineExceeded) {
				why = "not known to be done: " + err.Error()
			}
			return fmt.Sprintf("change %s is %s %s; name servers usually have it within a minute", id, why, polls())
		}
	}
	if time.Since(began) < worthANote {
		return ""
	}
	return "done: sent to all name servers " + polls()
}

// worthANote is how long a change has to be on its way for anybody to be told.
const worthANote = time.Second

// done asks until a change is done.
func (p *Provider) done(ctx context.Context, m *managed, id string) error {
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		var out *dns.Change
		if err := p.do(ctx, httpkit.Call{Op: "ask for change " + id, Zone: m.origin.String(), Repeatable: true}, func(ctx context.Context, c caller) (err error) {
			out, err = c.Changes.Get(c.project, m.id, id).Context(ctx).Do()
			return err
		}); err != nil {
			return err
		}
		if out.Status == statusDone {
			return nil
		}
		if err := httpkit.Pause(ctx, wait, httpkit.Wait{Account: p.retry.Account, Op: "write", Zone: m.origin.String(), Why: "the change is still pending"}); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// empty deletes everything but the SOA and NS of the apex, with the service's own words.
func (p *Provider) empty(ctx context.Context, op string, m *managed) error {
	var units [][]piece
	if err := p.pages(ctx, op, m, "", "", func(page []*recordSet) error {
		for _, set := range page {
			owner, err := zone.ParseName(set.Name)
			if err != nil {
				return err
			}
			if owner == m.origin && (set.Type == "SOA" || set.Type == "NS") {
				continue
			}
			set.ForceSendFields = []string{"Ttl"}
			units = append(units, []piece{{del: set}})
		}
		return nil
	}); err != nil {
		return err
	}
	w := &writing{p: p, op: op, m: m}
	for _, b := range batches(units, p.batch) {
		if _, err := w.batch(ctx, b); err != nil {
			return err
		}
	}
	return nil
}
