package secondary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// An entry is one zone that is transferred in. When how it is fetched changes, another entry takes
// its place, with its version.
type entry struct {
	s      *Zones
	origin zone.Name
	source *Source
	in     *xfr.In
	task   *task

	lists   *catalog // nil: it is no catalog
	catalog *catalog // that lists it; nil: the configuration does
	id      string   // in the catalog
	groups  []string
	group   string // of Catalog.Groups

	mu      sync.Mutex
	gone    bool
	cancel  context.CancelFunc // of the step that is under way
	zone    *zone.Zone
	at      time.Time // what the expire timer counts from
	saved   time.Time // at as the disk has it
	unsaved bool      // the disk has another version or note
	failing bool      // as was said last
	older   string
}

var errGone = errors.New("the zone is not transferred in any more")

var errNoNS = errors.New("the primary's version has no NS records at its apex, so nobody could serve it; see what became of the zone there")

// stop ends whatever happens to the zone and returns its version.
func (e *entry) stop() (z *zone.Zone, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = true
	if e.cancel != nil {
		e.cancel()
	}
	return e.zone, e.at
}

// step does what is due.
func (e *entry) step(ctx context.Context) time.Time {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.mu.Lock()
	e.cancel = cancel
	gone := e.gone
	e.mu.Unlock()
	if gone {
		return never
	}
	next := e.in.Step(ctx)
	e.mu.Lock()
	e.cancel, gone = nil, e.gone
	e.mu.Unlock()
	if gone {
		return never
	}
	if ctx.Err() == nil {
		e.observe()
		if e.lists != nil {
			if until := e.s.follow(ctx, e); !until.IsZero() && until.Before(next) {
				next = until
			}
		}
	}
	return next
}

// publish takes a version that has come.
func (e *entry) publish(z *zone.Zone) error {
	if e.lists != nil {
		// A version that is broken leaves the one before (RFC 9432, section 5.1).
		if _, err := e.lists.read(z); err != nil {
			e.s.say(finding.Finding{
				ID: "catalog-broken", Severity: finding.Error, Zone: e.origin.String(), Text: err.Error(),
				Fix: "correct the catalog at its primary; it is asked again by the retry timer and with each NOTIFY",
			})
			return err
		}
	} else if _, ok := z.Set(e.origin, zone.TypeNS); !ok {
		// What is left of a zone whose file or database was lost at the primary.
		return errNoNS
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone {
		return errGone
	}
	if e.lists == nil || e.lists.Serve {
		if err := e.s.Publish(z); err != nil {
			return err
		}
	}
	if e.zone != z {
		e.zone, e.unsaved = z, true
	}
	return nil
}

// confirmed notes that the version is the primaries'. How long that lasts is written down for each
// hundredth of the time that it may last, so that a start after a crash takes it for a little older
// than it is, never for younger.
func (e *entry) confirmed(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at = at
	if e.gone || e.s.Disk == nil || !e.unsaved && at.Sub(e.saved) < xfr.Lasts(e.zone)/100 {
		return
	}
	e.write(context.Background())
}

// save writes down what is known of a zone that has a version.
func (e *entry) save(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone || e.s.Disk == nil || e.zone == nil {
		return
	}
	e.unsaved = true
	e.write(context.WithoutCancel(ctx))
}

// write is called with the lock. Trouble with the disk does not keep a version from being answered:
// the primaries have it.
func (e *entry) write(ctx context.Context) {
	var err error
	if e.unsaved {
		err = e.s.Disk.Put(ctx, Kind, e.zone, e.at, e.note())
	} else {
		err = e.s.Disk.Touch(ctx, e.origin, e.at)
	}
	if err != nil {
		e.s.say(finding.Finding{
			ID: "secondary-disk", Severity: finding.Error, Zone: e.origin.String(),
			Text: fmt.Sprintf("the version is answered but could not be kept on disk: %v", err),
			Fix:  "see that the disk has room and can be written; it is tried again with the next refresh",
		})
		return
	}
	e.unsaved, e.saved = false, e.at
}

// expired is called when the version must not be answered any more.
func (e *entry) expired() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone {
		return
	}
	e.s.nothing(e)
	f := finding.Finding{
		ID: "secondary-expired", Severity: finding.Error, Zone: e.origin.String(),
		Text: fmt.Sprintf("no primary has confirmed the zone since %s, longer than its SOA allows: it is not answered any more",
			e.at.UTC().Format(time.RFC3339)),
		Fix: "see that the primaries can be reached and have the zone; it comes back by itself",
	}
	if e.lists != nil {
		f.Text = fmt.Sprintf("no primary has confirmed the catalog since %s, longer than its SOA allows; its members stay as they are",
			e.at.UTC().Format(time.RFC3339))
	}
	e.s.say(f)
}

// observe tells what has changed since the step before.
func (e *entry) observe() {
	st := e.in.Status()
	e.mu.Lock()
	was, older, primary := e.failing, e.older, e.source.Primaries[0].Addr
	e.failing, e.older = st.Err != nil, st.Older
	e.mu.Unlock()
	switch {
	case st.Err != nil && !was:
		rest := "nothing of it is here yet"
		if st.Loaded && !st.Expired {
			rest = fmt.Sprintf("serial %d is answered until %s", st.Serial, st.Expires.UTC().Format(time.RFC3339))
		}
		e.s.say(finding.Finding{
			ID: "secondary-refresh", Severity: finding.Warning, Zone: e.origin.String(), Subject: primary,
			Text: fmt.Sprintf("%v; %s", st.Err, rest),
		})
	case st.Err == nil && was:
		e.s.say(finding.Finding{
			ID: "secondary-refresh", Severity: finding.Info, Zone: e.origin.String(),
			Text: fmt.Sprintf("the primaries answer again; serial %d", st.Serial),
		})
	}
	if st.Older != "" && st.Older != older {
		e.s.say(finding.Finding{
			ID: "secondary-older", Severity: finding.Warning, Zone: e.origin.String(), Subject: st.Older,
			Text: fmt.Sprintf("primary %s has serial %d, which is older than %d; ours stays", st.Older, st.OlderSerial, st.Serial),
			Fix:  "raise the serial at the primary beyond ours, or have the zone transferred anew",
		})
	}
}

// A note is what the disk keeps with a zone.
type note struct {
	Catalog string   `json:"catalog,omitempty"` // that lists it
	ID      string   `json:"id,omitempty"`
	Groups  []string `json:"groups,omitempty"`
	// Losing is since when members are kept that the catalog does not list any more.
	Losing time.Time `json:"losing,omitzero"`
}

func (e *entry) note() []byte {
	var n note
	switch {
	case e.catalog != nil:
		n = note{Catalog: e.catalog.Origin.String(), ID: e.id, Groups: e.groups}
	case e.lists != nil:
		n.Losing = e.lists.since()
	default:
		return nil
	}
	b, err := json.Marshal(n)
	if err != nil {
		return nil // a struct of texts can always be written
	}
	return b
}
