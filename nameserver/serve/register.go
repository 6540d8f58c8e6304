package serve

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// A Policy says what holds for a zone beside its content. The zero Policy lets nobody do anything.
type Policy struct {
	Transfer xfr.Access   // who may transfer it
	Notify   []xfr.Target // who is told of new versions
}

func (p *Policy) quiet() bool { return len(p.Transfer) == 0 && len(p.Notify) == 0 }

// catalog is the kind of zones that are made here to list others.
const catalog = "catalog"

// A holder is what a zone is served from.
type holder struct {
	kind string // held.Primary, held.Secondary, held.File or catalog
	file string // of a zone file
}

// String names a holder as what follows on "served from".
func (h holder) String() string {
	switch h.kind {
	case held.File:
		return h.file
	case held.Primary:
		return "the store, where it is held as primary"
	case held.Secondary:
		return "its primaries, as secondary"
	}
	return "this server, as the catalog that it makes"
}

// A register knows what each zone is served from, and makes versions public: they are answered,
// kept for who may transfer them, and told to secondaries. A zone has one holder at a time.
type register struct {
	zones  *nameserver.Zones
	policy func(h holder, origin zone.Name) Policy
	notify *xfr.Notifier // nil: nobody is told anything
	limit  int64         // of each journal, in octets
	// listed is called when a zone came or went, and changed with each version; both may be nil.
	listed  func()
	changed func(h holder, c Change)

	// expire says how long a zone that is transferred in is still valid.
	expire func(origin zone.Name) (left time.Duration, ok bool)

	mu      sync.RWMutex
	by      map[zone.Name]*entry
	former  map[zone.Name]*former // what is answered in place of what holders do not have yet
	handing bool                  // a reload is under way
	ended   map[zone.Name]bool    // that were answered since the start, and were withdrawn
}

// An entry is one zone of a register.
type entry struct {
	holder
	live    bool
	serial  uint32
	lasts   time.Duration // without word from a primary, as the SOA says
	journal *xfr.Journal  // nil: not kept
}

// claim has a zone served from h from now on. When it is served from something else, that is
// returned with ok false.
func (r *register) claim(origin zone.Name, h holder) (other holder, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.by[origin]; e != nil {
		if e.kind != h.kind {
			return e.holder, false
		}
		e.holder = h
		return h, true
	}
	if r.by == nil {
		r.by = map[zone.Name]*entry{}
	}
	r.by[origin] = &entry{holder: h}
	return h, true
}

// taken names who else than kind serves a zone, "" for nobody.
func (r *register) taken(origin zone.Name, kind string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if e := r.by[origin]; e != nil && e.kind != kind {
		return e.String()
	}
	return ""
}

// publish makes a version public. c is the version made ready, nil when it is not yet.
func (r *register) publish(h holder, z *zone.Zone, c *nameserver.Compiled) error {
	origin := z.Origin()
	if other, ok := r.claim(origin, h); !ok {
		return fmt.Errorf("zone %s is already served from %s", origin, other)
	}
	if c == nil {
		var err error
		if c, err = nameserver.Recompile(r.zones.Find(origin), z, nameserver.CompileOptions{}); err != nil {
			return err
		}
	}
	p := r.policy(h, origin)
	j, err := r.keep(z, &p)
	if err != nil {
		return err
	}
	if r.zones.Find(origin) != c {
		r.zones.Put(c)
	}
	r.mu.Lock()
	e := r.by[origin]
	if e == nil { // withdrawn meanwhile
		left := r.former[origin] != nil // to who comes next
		r.mu.Unlock()
		if !left {
			r.zones.Remove(origin)
		}
		return nil
	}
	was, before := r.answered(origin)
	change := Change{
		Origin: origin, File: h.file, Kind: h.kind, New: !was, Serial: held.SerialOf(z), Before: before,
		Names: c.Names(), Sets: c.Sets(), Signed: c.Signed(),
	}
	fresh := !e.live
	e.live, e.journal, e.serial, e.lasts = true, j, change.Serial, xfr.Lasts(z)
	delete(r.ended, origin)
	delete(r.former, origin)
	r.mu.Unlock()
	if fresh && r.listed != nil {
		r.listed()
	}
	if r.changed != nil {
		r.changed(h, change)
	}
	if r.notify != nil && len(p.Notify) > 0 {
		return r.notify.Changed(z)
	}
	return nil
}

// keep takes a version down for those who transfer it.
func (r *register) keep(z *zone.Zone, p *Policy) (*xfr.Journal, error) {
	j := r.journal(z.Origin())
	if p.quiet() && j == nil {
		return nil, nil
	}
	if j == nil {
		j = &xfr.Journal{Limit: r.limit}
	}
	if j.Put(z) == nil {
		return j, nil
	}
	// Its serial does not go forward. Who holds the zone tells of it.
	return j, j.Reset(z)
}

// restore gives a zone the versions that were kept elsewhere, before it is published.
func (r *register) restore(h holder, origin zone.Name, j *xfr.Journal) {
	if p := r.policy(h, origin); p.quiet() {
		return
	}
	if _, ok := r.claim(origin, h); !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.by[origin].journal = j
}

// A place is a zone and what it is served from.
type place struct {
	holder
	origin zone.Name
}

// unkept are zones that are answered, may be transferred, and have no version that could be.
func (r *register) unkept() []place {
	r.mu.RLock()
	var out []place
	for origin, e := range r.by {
		if e.live && e.journal == nil {
			out = append(out, place{e.holder, origin})
		}
	}
	r.mu.RUnlock()
	return slices.DeleteFunc(out, func(x place) bool {
		p := r.policy(x.holder, x.origin)
		return p.quiet()
	})
}

// admit keeps the version that is answered for those who transfer it. z that is another one is left
// alone: it is published in a moment.
func (r *register) admit(h holder, z *zone.Zone) error {
	j := &xfr.Journal{Limit: r.limit}
	if err := j.Put(z); err != nil {
		return err
	}
	origin := z.Origin()
	r.mu.Lock()
	e := r.by[origin]
	if e == nil || e.holder != h || !e.live || e.journal != nil || e.serial != held.SerialOf(z) {
		r.mu.Unlock()
		return nil
	}
	e.journal = j
	r.mu.Unlock()
	if p := r.policy(h, origin); r.notify != nil && len(p.Notify) > 0 {
		return r.notify.Changed(z)
	}
	return nil
}

// withdraw has a zone no longer answered, and its name free. While a reload is under way its last
// version is answered on, until it is known who has it now.
func (r *register) withdraw(origin zone.Name, kind string) {
	var left time.Duration
	confirmed := false
	if kind == held.Secondary && r.expire != nil {
		left, confirmed = r.expire(origin)
	}
	access := r.access(origin)
	r.mu.Lock()
	e := r.by[origin]
	if e == nil || e.kind != kind {
		r.mu.Unlock()
		return
	}
	live, serial := r.answered(origin)
	was := *e
	delete(r.by, origin)
	if r.handing && live {
		r.leave(origin, &was, left, confirmed)
		r.former[origin].access = access
		r.mu.Unlock()
		return
	}
	if live {
		r.forget(origin)
	}
	r.mu.Unlock()
	r.zones.Remove(origin)
	if live {
		r.tellGone(origin, was.holder, serial)
	} else if r.listed != nil {
		r.listed()
	}
}

// forget notes that a zone is not answered any more.
func (r *register) forget(origin zone.Name) {
	delete(r.former, origin)
	if r.ended == nil {
		r.ended = map[zone.Name]bool{}
	}
	r.ended[origin] = true
}

// tellGone tells that a zone is not answered any more.
func (r *register) tellGone(origin zone.Name, h holder, serial uint32) {
	if r.listed != nil {
		r.listed()
	}
	if r.changed != nil {
		r.changed(h, Change{Origin: origin, File: h.file, Kind: h.kind, Removed: true, Serial: serial, Before: serial})
	}
}

// release lets go the names of zones of a kind that are claimed and not answered, but for those to
// keep.
func (r *register) release(kind string, keep func(origin zone.Name) bool) {
	var list []zone.Name
	r.mu.RLock()
	for origin, e := range r.by {
		if e.kind == kind && !e.live && !keep(origin) {
			list = append(list, origin)
		}
	}
	r.mu.RUnlock()
	for _, origin := range list {
		access := r.access(origin)
		r.mu.Lock()
		if e := r.by[origin]; e != nil && e.kind == kind && !e.live {
			delete(r.by, origin)
			if f := r.former[origin]; f != nil {
				f.access = access
			}
		}
		r.mu.Unlock()
	}
}

// fail has a zone answered with SERVFAIL until it is published, unless a former version is answered.
func (r *register) fail(origin zone.Name, h holder) {
	if _, ok := r.claim(origin, h); !ok {
		return
	}
	c, err := nameserver.Failing(origin)
	if err != nil {
		return // a zone of one record can be made ready
	}
	r.mu.Lock()
	e := r.by[origin]
	if e == nil {
		r.mu.Unlock()
		return
	}
	was := e.live
	e.live, e.journal = false, nil
	if r.former[origin] != nil {
		r.mu.Unlock()
		return
	}
	r.mu.Unlock()
	r.zones.Put(c)
	if was && r.listed != nil {
		r.listed()
	}
}

// journal returns the versions of a zone that others may fetch, nil when there are none.
func (r *register) journal(origin zone.Name) *xfr.Journal {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if e := r.by[origin]; e != nil && e.journal != nil {
		return e.journal
	}
	if f := r.former[origin]; f != nil {
		return f.journal
	}
	return nil
}

// wasEnded reports whether a zone was answered since the start, and was withdrawn.
func (r *register) wasEnded(origin zone.Name) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.ended[origin]
}

// access says who may transfer a zone.
func (r *register) access(origin zone.Name) xfr.Access {
	h, ok := r.holder(origin)
	for ok {
		list := r.policy(h, origin).Transfer
		r.mu.RLock()
		now, still := r.holds(origin)
		if f := r.former[origin]; f != nil && r.by[origin] == nil && r.handing {
			list = f.access // nobody has it at this moment
		}
		r.mu.RUnlock()
		if now == h && still {
			return list
		}
		h, ok = now, still // a reload has given it to another one meanwhile
	}
	return nil
}

// targets are those who are told of a zone.
func (r *register) targets(origin zone.Name) []xfr.Target {
	h, ok := r.holder(origin)
	if !ok {
		return nil
	}
	return r.policy(h, origin).Notify
}

// serial is that of the version that is answered.
func (r *register) serial(origin zone.Name) uint32 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, serial := r.answered(origin)
	return serial
}

func (r *register) holder(origin zone.Name) (holder, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.holds(origin)
}

// holds is holder for who has the lock.
func (r *register) holds(origin zone.Name) (holder, bool) {
	if e := r.by[origin]; e != nil {
		return e.holder, true
	}
	if f := r.former[origin]; f != nil {
		h := f.holder
		h.file = cmp.Or(f.broken, h.file)
		return h, true
	}
	return holder{}, false
}

// tell tells the secondaries of a zone once more.
func (r *register) tell(origin zone.Name) error {
	if h, ok := r.holder(origin); !ok {
		return fmt.Errorf("zone %s: %w", origin, held.ErrNoZone)
	} else if len(r.policy(h, origin).Notify) == 0 || r.notify == nil {
		return fmt.Errorf("zone %s has no secondary that is to be told; name it by notify", origin)
	}
	if j := r.journal(origin); j != nil && j.Zone() != nil {
		return r.notify.Changed(j.Zone())
	}
	return fmt.Errorf("zone %s has no version that could be told: %w", origin, held.ErrNoZone)
}

// live are the zones that are answered, in order, by kind.
func (r *register) live(kinds ...string) []zone.Name {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var out []zone.Name
	r.each(func(origin zone.Name, kind string) {
		if slices.Contains(kinds, kind) {
			out = append(out, origin)
		}
	})
	slices.SortFunc(out, zone.Name.Compare)
	return out
}

// counts are the zones that are answered, by kind.
func (r *register) counts() map[string]int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := map[string]int{}
	r.each(func(_ zone.Name, kind string) { out[cmp.Or(kind, held.File)]++ })
	return out
}

// each gives f the zones that are answered.
func (r *register) each(f func(origin zone.Name, kind string)) {
	for origin, e := range r.by {
		if e.live || r.former[origin] != nil {
			f(origin, e.kind)
		}
	}
	for origin, x := range r.former {
		if r.by[origin] == nil {
			f(origin, x.kind)
		}
	}
}
