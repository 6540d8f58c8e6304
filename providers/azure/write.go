package azure

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Write implements provider.Provider.
func (p *Provider) Write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet) (*provider.Receipt, error) {
	began := time.Now()
	r := provider.NewReceipt(changes, provider.NotDone)
	ctx, calls := httpkit.Counting(ctx)
	err := p.write(ctx, base, changes, r)
	r.Calls, r.Took = calls.Sent(), time.Since(began)
	return r, err
}

// A writing is one Write.
type writing struct {
	p        *Provider
	origin   zone.Name
	zoneName string
	jobs     []job // one for each change
	receipt  *provider.Receipt

	mu    sync.Mutex
	tried int
	first error // the first refusal: nothing begins after it
	at    zone.Key
	more  int // refusals besides
}

// A job is a change as it is sent.
type job struct {
	zone.Change
	rel  string           // owner as paths have it
	set  armdns.RecordSet // of After
	kept kept             // of Before
}

func (p *Provider) write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet, r *provider.Receipt) error {
	w := &writing{p: p, origin: base.Info.Origin, receipt: r}
	fail := func(kind provider.ErrKind, err error) error {
		return &provider.Error{Op: "write", Zone: w.origin.String(), Kind: kind, Err: err}
	}
	if len(changes.Settings) > 0 {
		return fail(provider.Rejected, errors.New("zones of Azure DNS have no settings that zonecast writes"))
	}
	if err := w.prepare(base.Info, changes.Sets); err != nil {
		return fail(provider.Rejected, err)
	}
	if err := w.compare(ctx, base); err != nil {
		return err
	}
	w.run(ctx)
	return w.verdict()
}

// prepare translates all changes before anything is sent, and tells all that is wrong.
func (w *writing) prepare(info provider.ZoneInfo, changes []zone.Change) error {
	var err error
	if w.zoneName, err = bare(w.origin); err != nil {
		return err
	}
	var wrong []error
	w.jobs = make([]job, len(changes))
	for i, c := range changes {
		j := &w.jobs[i]
		j.Change = c
		k := c.Key()
		var err error
		switch {
		case !k.Owner.In(w.origin):
			err = errors.New("it is not in the zone")
		case k.Type == zone.TypeSOA:
			err = errors.New("the SOA is the service's")
		case !slices.Contains(types, k.Type):
			err = fmt.Errorf("Azure DNS has no records of type %s", k.Type)
		default:
			if j.rel, err = relative(k.Owner, w.origin); err == nil {
				err = assignedStay(info, c)
			}
		}
		if err == nil && c.After != nil {
			j.set, err = write(*c.After)
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", k, err))
		}
	}
	return errors.Join(wrong...)
}

// assignedStay refuses to take the zone's own name servers out of its NS.
func assignedStay(info provider.ZoneInfo, c zone.Change) error {
	if k := c.Key(); k.Type != zone.TypeNS || k.Owner != info.Origin {
		return nil
	}
	if c.After == nil {
		return errors.New("the NS of a zone cannot be deleted")
	}
	for _, n := range info.NameServers {
		if !slices.Contains(c.After.Data, rdata.Name(n)) {
			return fmt.Errorf("name server %s is the zone's own and cannot be taken away", n)
		}
	}
	return nil
}

// compare finds the etag of each set that is there. Where the snapshot does not have them, as one
// that comes from a saved plan, the sets are read again and must be what the plan takes them for.
func (w *writing) compare(ctx context.Context, base *provider.Snapshot) error {
	mine, _ := base.Own.(own)
	var need []zone.Key
	for i := range w.jobs {
		j := &w.jobs[i]
		if j.Before == nil {
			continue
		}
		k, ok := mine[j.Key()]
		if ok {
			j.kept = k
		} else {
			need = append(need, j.Key())
		}
	}
	if len(need) == 0 {
		return nil
	}
	size := 0
	if base.Sets != nil {
		size = base.Sets.Len()
	}
	now, err := w.p.some(ctx, "write", w.origin, need, size)
	if err != nil {
		return err
	}
	for i := range w.jobs {
		j := &w.jobs[i]
		if j.Before == nil || j.kept.etag != "" {
			continue
		}
		h, ok := now[j.Key()]
		if !ok || h.set == nil || !same(*h.set, *j.Before) {
			return &provider.Error{
				Op: "write", Zone: w.origin.String(), Kind: provider.Conflict,
				Err: fmt.Errorf("%s is not what the plan was computed from", j.Key()), Advice: "plan again",
			}
		}
		j.kept = h.kept
	}
	return nil
}

// same reports whether two RRsets are one to the service.
func same(a, b zone.RRset) bool { return a.TTL == b.TTL && a.Clean().SameData(b.Clean()) }

// units are the changes in the order that they may run in: those of one unit after each other. A
// CNAME stands alone at its name, so what goes there goes before what comes.
func (w *writing) units() [][]int {
	var units [][]int
	at := map[zone.Name]int{}
	lone := map[zone.Name]bool{}
	for i := range w.jobs {
		if k := w.jobs[i].Key(); k.Type == zone.TypeCNAME {
			lone[k.Owner] = true
		}
	}
	for i := range w.jobs {
		owner := w.jobs[i].Key().Owner
		n, ok := at[owner]
		if ok && lone[owner] {
			units[n] = append(units[n], i)
			continue
		}
		at[owner] = len(units)
		units = append(units, []int{i})
	}
	for _, u := range units {
		slices.SortStableFunc(u, func(a, b int) int { return w.rank(a) - w.rank(b) })
	}
	return units
}

func (w *writing) rank(i int) int {
	if w.jobs[i].After == nil {
		return 0
	}
	return 1
}

// run sends the changes side by side. After the first refusal nothing more begins.
func (w *writing) run(ctx context.Context) {
	units := w.units()
	next := make(chan []int, len(units))
	for _, u := range units {
		next <- u
	}
	close(next)
	var all sync.WaitGroup
	for range min(len(units), Documented.InFlight) {
		all.Go(func() {
			for u := range next {
				for _, i := range u {
					if !w.begins() {
						return
					}
					err := w.send(ctx, &w.jobs[i])
					w.ended(i, err)
				}
			}
		})
	}
	all.Wait()
}

// begins reports whether another change may begin.
func (w *writing) begins() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first == nil {
		w.tried++
	}
	return w.first == nil
}

func (w *writing) ended(i int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.receipt.Sets[i] = outcome(err)
	switch {
	case err == nil || w.receipt.Sets[i] == provider.Done:
	case w.first == nil:
		w.first, w.at = err, w.jobs[i].Key()
	default:
		w.more++
	}
}

// verdict is the error of the whole write: the first refusal, and how far it came.
func (w *writing) verdict() error {
	e, ok := errors.AsType[*provider.Error](w.first)
	if !ok {
		return w.first
	}
	out := *e
	if len(w.jobs) == 1 {
		out.Err = fmt.Errorf("%s: %w", w.at, e.Err)
		return &out
	}
	how := fmt.Sprintf("%d of %d changes are done", w.receipt.Count(provider.Done), len(w.jobs))
	if n := w.receipt.Count(provider.Unknown); n > 0 {
		how += fmt.Sprintf(", of %d it is not known", n)
	}
	if n := len(w.jobs) - w.tried; n > 0 {
		how += fmt.Sprintf(", %d were not tried", n)
	}
	if w.more > 0 {
		how += fmt.Sprintf(", %d more went wrong", w.more)
	}
	out.Err = fmt.Errorf("%s: %w (%s)", w.at, e.Err, how)
	return &out
}

// send carries one change out, under the condition that the set is as it was read.
func (w *writing) send(ctx context.Context, j *job) error {
	what, f := "put", w.put
	if j.After == nil {
		what, f = "delete", w.delete
	}
	done, err := w.p.pace(ctx, "write", w.origin.String(), what)
	if err != nil {
		if e, ok := errors.AsType[*provider.Error](err); ok {
			e.Err = notMade{e.Err}
		}
		return err
	}
	defer done()
	call := httpkit.Call{Op: "write", Zone: w.origin.String(), Absent: func(ctx context.Context) (bool, error) { return w.undone(ctx, j) }}
	return w.p.do(ctx, call, func(ctx context.Context, c *clients) error { return f(ctx, c, j) })
}

func (w *writing) put(ctx context.Context, c *clients, j *job) error {
	var o armdns.RecordSetsClientCreateOrUpdateOptions
	if j.Before == nil {
		o.IfNoneMatch = new("*")
	} else {
		o.IfMatch = &j.kept.etag
		j.set.Properties.Metadata = j.kept.metadata // a PUT replaces it
	}
	out, err := c.sets.CreateOrUpdate(ctx, w.p.group, w.zoneName, url.PathEscape(j.rel), armdns.RecordType(j.Key().Type.String()), j.set, &o)
	if err == nil && text(out.Etag) == "" {
		return nonsense{errors.New("it does not say what was written")}
	}
	return err
}

func (w *writing) delete(ctx context.Context, c *clients, j *job) error {
	_, err := c.sets.Delete(ctx, w.p.group, w.zoneName, url.PathEscape(j.rel), armdns.RecordType(j.Key().Type.String()), &armdns.RecordSetsClientDeleteOptions{IfMatch: &j.kept.etag})
	return err
}

// undone reads, after an answer was lost, whether a change was not carried out. What is neither as
// before nor as wanted is somebody else's, and tells nothing.
func (w *writing) undone(ctx context.Context, j *job) (bool, error) {
	h, err := w.p.set(ctx, "write", w.origin, j.Key())
	switch {
	case err != nil:
		return false, err
	case h == nil && j.Before == nil:
		return true, nil
	case h == nil && j.After == nil:
		return false, nil
	case h != nil && j.Before != nil && h.kept.etag == j.kept.etag:
		return true, nil
	case h != nil && h.set != nil && j.After != nil && same(*h.set, *j.After):
		return false, nil
	}
	return false, fmt.Errorf("%s is neither as it was nor as it should be", j.Key())
}
