package secondary

import (
	"fmt"
	"sync"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// Status of a zone.
type Status struct {
	Origin zone.Name
	xfr.Status
	Primaries []string  // addresses
	Catalog   zone.Name // that lists the zone; the root: none does
	Group     string    // of the catalog, by which its primaries were chosen
	Unlisted  bool      // the catalog does not list it any more, and it is kept (Catalog.Grace)
	// Members is how many zones a catalog has, Kept how many of them it does not list any more,
	// and Clashes how many it lists that are not taken from it. Lists says that the zone is a catalog.
	Lists                  bool
	Members, Kept, Clashes int
}

// Status tells how all zones are, in order of their names.
func (s *Zones) Status() []Status {
	s.change.Lock()
	defer s.change.Unlock()
	list := s.all()
	out := make([]Status, 0, len(list))
	members, kept := map[*catalog]int{}, map[*catalog]int{}
	for _, e := range list {
		out = append(out, e.status())
		if e.catalog != nil {
			members[e.catalog]++
			if e.unlisted() {
				kept[e.catalog]++
			}
		}
	}
	for i, e := range list {
		if c := e.lists; c != nil {
			out[i].Lists, out[i].Members, out[i].Kept, out[i].Clashes = true, members[c], kept[c], len(c.clashes)
		}
	}
	return out
}

// StatusOf tells how one zone is; ok is false when it is not transferred in here.
func (s *Zones) StatusOf(origin zone.Name) (st xfr.Status, ok bool) {
	e := s.entry(origin)
	if e == nil {
		return xfr.Status{}, false
	}
	return e.in.Status(), true
}

// unlisted is called with Zones.change.
func (e *entry) unlisted() bool {
	c := e.catalog
	if c == nil || c.list == nil {
		return false
	}
	m, ok := c.list[e.origin]
	return !ok || m.ID != e.id
}

func (e *entry) status() Status {
	st := Status{Origin: e.origin, Status: e.in.Status(), Group: e.group, Unlisted: e.unlisted()}
	for i := range e.source.Primaries {
		st.Primaries = append(st.Primaries, e.source.Primaries[i].Addr)
	}
	if e.catalog != nil {
		st.Catalog = e.catalog.Origin
	}
	return st
}

// A voice tells findings without telling the same of a hundred thousand zones: of each id at most
// sayings a minute, and then how many there were besides.
type voice struct {
	mu   sync.Mutex
	told map[string]*telling
}

type telling struct {
	since   time.Time
	n, more int
}

const sayings = 20

func (v *voice) filter(f finding.Finding, now time.Time) (out []finding.Finding) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.told == nil {
		v.told = map[string]*telling{}
	}
	t := v.told[f.ID]
	if t == nil {
		t = &telling{since: now}
		v.told[f.ID] = t
	}
	if now.Sub(t.since) >= time.Minute {
		if t.more > 0 {
			out = append(out, finding.Finding{ID: f.ID, Severity: f.Severity, Text: fmt.Sprintf("and %d more zones have the like", t.more)})
		}
		*t = telling{since: now}
	}
	if t.n >= sayings {
		t.more++
		return out
	}
	t.n++
	return append(out, f)
}

func (s *Zones) say(f finding.Finding) {
	if s.Log == nil {
		return
	}
	for _, f := range s.voice.filter(f, time.Now()) {
		s.Log(f)
	}
}
