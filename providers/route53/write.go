package route53

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

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
	ids, err := p.write(counted, base, changes, r)
	r.Calls = calls.Sent()
	if err == nil {
		if note := p.settle(ctx, ids); note != "" {
			r.Notes = append(r.Notes, note)
		}
	}
	r.Took = time.Since(began)
	return r, err
}

// write sends the batches and returns the ids of those that were taken.
func (p *Provider) write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet, r *provider.Receipt) ([]string, error) {
	ref := base.Info.ZoneRef
	fail := func(kind provider.ErrKind, advice string, err error) error {
		return &provider.Error{Op: "write", Zone: ref.Origin.String(), Kind: kind, Advice: advice, Err: err}
	}
	h, err := p.written(ctx, base)
	if err != nil {
		return nil, err
	}
	if err := p.refuse(h, changes); err != nil {
		return nil, fail(provider.Rejected, "", err)
	}
	w := &writing{p: p, h: h, changes: changes.Sets}
	w.exact, _ = base.Own.(exact)
	w.pin(base.Sets)
	units, err := w.plan()
	if err != nil {
		return nil, fail(provider.Rejected, "", err)
	}
	batches, err := w.batches(units)
	if err != nil {
		return nil, fail(provider.Rejected, "make the set smaller, or change it in two steps", err)
	}
	leave, err := p.busy.enter(ctx, h.id)
	if err != nil {
		return nil, fail(provider.Transient, "", err)
	}
	defer leave()
	if err := w.unchanged(ctx, w.pinned); err != nil {
		return nil, err
	}
	ids, err := w.send(ctx, batches, r)
	if err == nil {
		for i := range r.Sets { // what needed no action is as it is wanted
			r.Sets[i] = provider.Done
		}
	}
	return ids, err
}

// written is the hosted zone that a base is of. Its id alone suffices: the service refuses names
// that are not of the zone.
func (p *Provider) written(ctx context.Context, base *provider.Snapshot) (*hosted, error) {
	ref := base.Info.ZoneRef
	if ref.ID == "" {
		return p.find(ctx, "write", ref)
	}
	h := &hosted{id: bareID(ref.ID), origin: ref.Origin, private: ref.View == provider.PrivateView}
	if base.Info.Kind == provider.Secondary {
		h.service = "another service"
	}
	return h, nil
}

// unchanged reads sets again that are to be overwritten, for UPSERT does so whatever there is.
func (w *writing) unchanged(ctx context.Context, want map[zone.Key]bool) error {
	want = maps.Clone(want)
	maps.DeleteFunc(want, func(_ zone.Key, yes bool) bool { return !yes })
	if len(want) == 0 {
		return nil
	}
	now, err := w.p.some(ctx, "write", w.h, want)
	if err != nil {
		return err
	}
	have := map[zone.Key]zone.RRset{}
	for _, s := range now.all() {
		have[s.Key()] = s
	}
	for _, c := range w.changes {
		if k := c.Key(); want[k] && c.Before != nil {
			if s, ok := have[k]; !ok || s.TTL != c.Before.TTL || !s.SameData(c.Before.Clean()) {
				return &provider.Error{
					Op: "write", Zone: w.h.origin.String(), Kind: provider.Conflict,
					Err: fmt.Errorf("%s is not what the plan was computed from", k), Advice: "plan again",
				}
			}
		}
	}
	return nil
}

// send sends one batch after the other and stops at the first that is not taken.
func (w *writing) send(ctx context.Context, batches [][]action, r *provider.Receipt) (ids []string, err error) {
	for n := 0; n < len(batches); n++ {
		id, err := w.batch(ctx, batches[n])
		if err != nil {
			var again bool
			if again, err = w.otherwise(ctx, batches[n:], err); again {
				n--
				continue
			}
		}
		o := outcome(err)
		for _, a := range batches[n] {
			r.Sets[a.change] = o
		}
		if err != nil {
			return ids, w.where(err, n, batches)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// otherwise looks for another way to say what the service refused, once for each way. err is what
// is wrong if there is none.
func (w *writing) otherwise(ctx context.Context, batches [][]action, refusal error) (again bool, err error) {
	switch {
	case !w.mended && mismatch(refusal):
		// The values may be right and only written differently by the service.
		w.mended = true
		return w.mend(ctx, batches, refusal), refusal
	case !w.known && !w.overwriting && refusedPairs(refusal):
		w.overwriting = true
		pairs := w.pairs(batches[0], refusal)
		err := w.unchanged(ctx, pairs)
		if provider.KindOf(err) == provider.Conflict {
			return false, err
		}
		if err != nil || len(pairs) == 0 {
			return false, refusal
		}
		batches[0] = w.overwrite(batches[0], pairs)
		return true, nil
	}
	return false, refusal
}

// where adds to an error how far the write came.
func (w *writing) where(err error, n int, batches [][]action) error {
	e, ok := errors.AsType[*provider.Error](err)
	if !ok || len(batches) == 1 {
		return err
	}
	out := *e
	out.Err = fmt.Errorf("batch %d of %d, those before it are done, those after it were not sent: %w", n+1, len(batches), e.Err)
	return &out
}

// batch sends one batch, again when the service was not ready for it.
func (w *writing) batch(ctx context.Context, actions []action) (id string, err error) {
	in := &route53.ChangeResourceRecordSetsInput{HostedZoneId: &w.h.id, ChangeBatch: &types.ChangeBatch{Changes: make([]types.Change, len(actions))}}
	for i := range actions {
		in.ChangeBatch.Changes[i] = types.Change{Action: actions[i].do, ResourceRecordSet: &actions[i].set}
	}
	wait := 250 * time.Millisecond
	for range priorTries {
		var out *route53.ChangeResourceRecordSetsOutput
		err = w.p.do(ctx, httpkit.Call{Op: "write", Zone: w.h.origin.String()}, func(ctx context.Context, c *route53.Client) (err error) {
			out, err = c.ChangeResourceRecordSets(ctx, in)
			return err
		})
		if err == nil {
			if out.ChangeInfo == nil || aws.ToString(out.ChangeInfo.Id) == "" {
				return "", invalid("write", w.h.origin.String(), errors.New("the answer does not tell of a change"))
			}
			if out.ChangeInfo.Status == types.ChangeStatusInsync {
				return "", nil
			}
			return bareID(*out.ChangeInfo.Id), nil
		}
		if s := saidIn(err); s == nil || s.code != codePrior {
			return "", err
		}
		why := "the service is still taking in an earlier write of the zone"
		if httpkit.Pause(ctx, wait, httpkit.Wait{Account: w.p.retry.Account, Op: "write", Zone: w.h.origin.String(), Why: why}) != nil {
			return "", err
		}
		wait = min(2*wait, 8*time.Second)
	}
	return "", err
}

// priorTries is how often a batch is sent while an earlier one keeps the zone busy: some 20 s.
const priorTries = 8

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

// mismatch reports whether a batch was refused only because values of a DELETE are not, or not
// written as, the current ones.
func mismatch(err error) bool {
	s := saidIn(err)
	return s != nil && len(s.culprits) > 0 && !slices.ContainsFunc(s.culprits, func(c culprit) bool {
		return !c.stale || !isMismatch(c)
	})
}

func isMismatch(c culprit) bool { return c.owner != "" && strings.Contains(c.why, "do not match") }

// mend reads what is to be deleted and takes over the service's own text of sets that mean the same
// as the plan's. It reports whether that is so for all that the service named.
func (w *writing) mend(ctx context.Context, batches [][]action, refusal error) bool {
	keys := map[zone.Key]bool{}
	for _, b := range batches {
		for _, a := range b {
			if a.do == types.ChangeActionDelete {
				keys[w.changes[a.change].Key()] = true
			}
		}
	}
	now, err := w.p.some(ctx, "write", w.h, keys)
	if err != nil {
		return false
	}
	w.exact = now.raw
	replaced := map[zone.Key]bool{}
	for _, b := range batches {
		for i := range b {
			if b[i].do != types.ChangeActionDelete {
				continue
			}
			if set := w.exactly(&b[i]); set != nil {
				b[i].set = *set
				replaced[w.changes[b[i].change].Key()] = true
			}
		}
	}
	for _, c := range saidIn(refusal).culprits {
		named := false
		for k := range replaced {
			named = named || c.is(k)
		}
		if !named {
			return false
		}
	}
	return true
}

// refusedPairs reports whether a batch was refused for another reason than being stale.
func refusedPairs(err error) bool {
	s := saidIn(err)
	return s != nil && s.code == codeRefused && !slices.ContainsFunc(s.culprits, func(c culprit) bool { return c.stale })
}

// pairs are the sets of a batch that the service named and that are deleted and created anew. A
// saved plan does not tell which sets aliases point to; should the service not let those go, they
// are overwritten.
func (w *writing) pairs(batch []action, refusal error) map[zone.Key]bool {
	out := map[zone.Key]bool{}
	for _, a := range batch {
		c := w.changes[a.change]
		named := slices.ContainsFunc(saidIn(refusal).culprits, func(x culprit) bool { return x.is(c.Key()) })
		if named && c.Updates() && a.do == types.ChangeActionDelete && !c.Key().Type.Vendor() {
			out[c.Key()] = true
		}
	}
	return out
}

// overwrite makes one UPSERT of each DELETE and CREATE.
func (w *writing) overwrite(batch []action, pairs map[zone.Key]bool) []action {
	batch = slices.DeleteFunc(batch, func(a action) bool {
		return a.do == types.ChangeActionDelete && pairs[w.changes[a.change].Key()]
	})
	for i := range batch {
		if pairs[w.changes[batch[i].change].Key()] {
			batch[i].do = types.ChangeActionUpsert
		}
	}
	return batch
}

// exactly is the service's own text of what an action deletes, if it means the same and is another.
func (w *writing) exactly(a *action) *recordSet {
	k := w.changes[a.change].Key()
	for _, raw := range w.exact[k] {
		switch {
		case raw.Type != a.set.Type || sameText(&raw, &a.set):
		case k.Type == aliasType:
			one, err1 := readAlias(&raw, w.h)
			two, err2 := readAlias(&a.set, w.h)
			if err1 == nil && err2 == nil && one == two {
				return &raw
			}
		case w.means(&raw, *w.changes[a.change].Before):
			return &raw
		}
	}
	return nil
}

// sameText reports whether two record sets would be sent alike, the order of values aside.
func sameText(a, b *recordSet) bool {
	if a.AliasTarget != nil || b.AliasTarget != nil {
		return a.AliasTarget != nil && b.AliasTarget != nil && *a.AliasTarget.DNSName == *b.AliasTarget.DNSName
	}
	return slices.Equal(valuesOf(a), valuesOf(b))
}

func valuesOf(s *recordSet) []string {
	out := make([]string, len(s.ResourceRecords))
	for i, v := range s.ResourceRecords {
		out[i] = aws.ToString(v.Value)
	}
	slices.Sort(out)
	return out
}

// settle waits until all name servers have what was written, and says so when that took worth
// mentioning. Waiting is background
// work: writes of other zones go first.
func (p *Provider) settle(ctx context.Context, ids []string) string {
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
	if len(ids) == 0 || p.wait == 0 {
		return ""
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(budget.As(ctx, budget.Background), p.wait)
	defer cancel()
	ctx, calls := httpkit.Counting(ctx)
	polls := func() string {
		unit := "polls"
		if calls.Sent() == 1 {
			unit = "poll"
		}
		return fmt.Sprintf("after %v (%d %s, not counted as calls)", time.Since(began).Round(time.Millisecond), calls.Sent(), unit)
	}
	// The last batch is usually the last to arrive.
	slices.Reverse(ids)
	for _, id := range ids {
		if err := p.inSync(ctx, id); err != nil {
			why := "still PENDING"
			if !errors.Is(err, context.DeadlineExceeded) {
				why = "not known to have arrived: " + err.Error()
			}
			return fmt.Sprintf("change %s is %s %s; name servers usually have it within a minute", id, why, polls())
		}
	}
	if time.Since(began) < worthANote {
		return ""
	}
	return "INSYNC at all name servers " + polls()
}

// worthANote is how long a change has to be on its way for anybody to be told.
const worthANote = time.Second

// inSync asks until a change has arrived everywhere.
func (p *Provider) inSync(ctx context.Context, id string) error {
	for wait := time.Second; ; wait = min(2*wait, 15*time.Second) {
		var out *route53.GetChangeOutput
		if err := p.do(ctx, httpkit.Call{Op: "ask for change " + id, Repeatable: true}, func(ctx context.Context, c *route53.Client) (err error) {
			out, err = c.GetChange(ctx, &route53.GetChangeInput{Id: &id})
			return err
		}); err != nil {
			return err
		}
		if out.ChangeInfo != nil && out.ChangeInfo.Status == types.ChangeStatusInsync {
			return nil
		}
		why := "the change has not reached all name servers (sync_timeout says how long to wait)"
		if err := httpkit.Pause(ctx, wait, httpkit.Wait{Account: p.retry.Account, Op: "write", Why: why}); err != nil {
			return err
		}
	}
}

// A busy lets one write at a time into a hosted zone: the service refuses a batch while it takes
// another in.
type busy struct {
	mu    sync.Mutex
	zones map[string]chan struct{}
}

// enter waits for the zone's turn.
func (b *busy) enter(ctx context.Context, id string) (leave func(), err error) {
	b.mu.Lock()
	if b.zones == nil {
		b.zones = map[string]chan struct{}{}
	}
	turn := b.zones[id]
	if turn == nil {
		turn = make(chan struct{}, 1)
		b.zones[id] = turn
	}
	b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// empty deletes everything but the SOA and NS of the apex. Aliases and sets with an identifier go
// before what they may point to.
func (p *Provider) empty(ctx context.Context, op string, h *hosted) error {
	var actions []action
	if _, err := p.pages(ctx, op, h, nil, func(set *recordSet) (bool, error) {
		owner, err := parseName(aws.ToString(set.Name))
		if err == nil && (owner != h.origin || set.Type != types.RRTypeSoa && set.Type != types.RRTypeNs) {
			actions = append(actions, action{do: types.ChangeActionDelete, set: *set})
		}
		return true, err
	}); err != nil {
		if errors.Is(err, errMoved) {
			err = &provider.Error{Op: op, Zone: h.origin.String(), Kind: provider.Transient, Err: err, Advice: "try again when nobody else writes the zone"}
		}
		return err
	}
	w := &writing{p: p, h: h}
	units := make([]unit, len(actions))
	for i, a := range sorted(actions) {
		units[i].actions = []action{a}
	}
	batches, err := w.batches(units)
	if err != nil {
		return &provider.Error{Op: op, Zone: h.origin.String(), Kind: provider.Rejected, Err: err}
	}
	leave, err := p.busy.enter(ctx, h.id)
	if err != nil {
		return &provider.Error{Op: op, Zone: h.origin.String(), Kind: provider.Transient, Err: err}
	}
	defer leave()
	for _, b := range batches {
		if _, err := w.batch(ctx, b); err != nil {
			return err
		}
	}
	return nil
}
