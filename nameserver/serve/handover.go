package serve

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

// When a reload gives a zone to another holder, there is a time in which the old one has let go and the
// new one has nothing to answer from: milliseconds while a file is read, hours when a primary cannot be
// reached. Until the new one publishes, the last version of the old one is answered and transferred.

// A former version is what is answered of a zone in place of what its holder does not have yet.
type former struct {
	holder
	serial  uint32
	journal *xfr.Journal  // nil: it could not be transferred
	access  xfr.Access    // who may transfer it until somebody has the zone
	lasts   time.Duration // without word from a primary, as its SOA says
	until   time.Time     // it is not valid any more; zero: it stays so
	broken  string        // file that it is to come from, when nobody else is to have it
	told    bool
}

// handOver begins a time in which who withdraws a zone leaves its last version to who comes next.
// settled ends it.
func (r *register) handOver() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handing = true
}

// settled ends what handOver has begun; see review.
func (r *register) settled(expected func(h holder) (file string, ok bool)) []finding.Finding {
	r.mu.Lock()
	r.handing = false
	r.mu.Unlock()
	return r.review(time.Now(), expected)
}

// review withdraws former versions of zones that nobody has any more, unless those who are to have
// them are expected to come, ends those that are not valid any more, and tells of both and of new ones.
func (r *register) review(now time.Time, expected func(h holder) (file string, ok bool)) []finding.Finding {
	r.mu.Lock()
	if r.handing || len(r.former) == 0 {
		r.mu.Unlock()
		return nil
	}
	var out []finding.Finding
	gone, over := map[zone.Name]*former{}, map[zone.Name]holder{}
	for origin, f := range r.former {
		e, comes := r.by[origin], true
		if e != nil {
			f.bound(now, e.kind)
		} else {
			f.broken, comes = expected(f.holder)
		}
		switch {
		case !comes:
			r.forget(origin)
			gone[origin] = f
		case e != nil && !f.until.IsZero() && !now.Before(f.until):
			delete(r.former, origin)
			over[origin] = e.holder
			out = append(out, f.ended(origin, e))
		case !f.told:
			f.told = true
			out = append(out, f.begun(origin, e))
		}
	}
	r.mu.Unlock()
	for origin, f := range gone {
		r.zones.Remove(origin)
		r.tellGone(origin, f.holder, f.serial)
	}
	for origin, h := range over {
		r.fail(origin, h)
	}
	return out
}

// bound limits how long a version is answered in place of one that is transferred in: as a secondary
// server would, without word from a primary. What is held here or read from a file needs none.
func (f *former) bound(now time.Time, kind string) {
	if kind == held.Secondary && f.until.IsZero() {
		f.until = now.Add(f.lasts)
	}
}

// begun tells what is answered of a zone, whose holder e has nothing yet; nil is a file that is broken.
func (f *former) begun(origin zone.Name, e *entry) finding.Finding {
	to := f.broken
	if e != nil {
		to = e.String()
	}
	text := fmt.Sprintf("zone %s is to be served from %s, where it is not yet; until then it is answered as it was when served from %s, with serial %d",
		origin, to, f.holder, f.serial)
	if !f.until.IsZero() {
		text += ", but not after " + f.until.UTC().Format(time.RFC3339)
	}
	return finding.Finding{ID: "zones-former", Severity: finding.Warning, Zone: origin.String(), Text: text}
}

func (f *former) ended(origin zone.Name, e *entry) finding.Finding {
	return finding.Finding{
		ID: "zones-former", Severity: finding.Error, Zone: origin.String(),
		Text: fmt.Sprintf("zone %s has not come from %s, and what was answered of it until now, from %s, is not valid any more: it is answered with SERVFAIL", origin, e, f.holder),
		Fix:  "see that the primaries can be reached and have the zone; it comes back by itself",
	}
}

// leave keeps the version that is answered for who comes next.
func (r *register) leave(origin zone.Name, was *entry, left time.Duration, confirmed bool) {
	f := r.former[origin]
	if was.live {
		f = &former{holder: was.holder, serial: was.serial, journal: was.journal, lasts: was.lasts}
		if confirmed {
			f.until = time.Now().Add(left)
		}
		if r.former == nil {
			r.former = map[zone.Name]*former{}
		}
		r.former[origin] = f
	}
	f.told = false
}

// answered tells whether a zone is answered, by its holder or as who was that before left it, and which
// serial the answers have.
func (r *register) answered(origin zone.Name) (live bool, serial uint32) {
	e, f := r.by[origin], r.former[origin]
	switch {
	case e != nil && (e.live || f == nil):
		return e.live, e.serial
	case f != nil:
		return true, f.serial
	}
	return false, 0
}

// formers lists zones that are answered as they were, by name.
func (r *register) formers() []api.Former {
	r.mu.RLock()
	out := make([]api.Former, 0, len(r.former))
	for origin, f := range r.former {
		x := api.Former{Zone: origin, Serial: f.serial, From: f.String(), To: f.broken, Until: f.until.UTC()}
		if e := r.by[origin]; e != nil {
			x.To = e.String()
		}
		out = append(out, x)
	}
	r.mu.RUnlock()
	slices.SortFunc(out, func(a, b api.Former) int { return a.Zone.Compare(b.Zone) })
	return out
}

// expected returns the broken file that a zone may come from which came from one of the same name in a
// folder that is not served any more: what is broken leaves its zone as it was.
func (s *Server) expected(h holder) (file string, ok bool) {
	if h.kind != held.File {
		return "", false
	}
	for path, x := range s.folders.files {
		if x.state == broken && x.missed == 0 && filepath.Base(path) == filepath.Base(h.file) {
			return path, true
		}
	}
	return "", false
}

// yield takes a zone from the file that it comes from, for who is configured to have it.
func (f *Folders) yield(origin zone.Name) {
	z := f.zones[origin]
	if z == nil {
		return
	}
	delete(f.zones, origin)
	if x := f.files[z.path]; x != nil {
		x.state = shadowed // and told so when it is looked at
	}
	f.Withdrawn(origin)
}
