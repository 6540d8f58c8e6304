package service

import (
	"slices"
	"sync"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// Names are the zones that a service's name servers show: what its API accepted, some time later.
// A service may hold several zones of one origin; its name servers all answer at one address here,
// so the one that was published first is shown until it is withdrawn.
type Names struct {
	panel *Panel

	mu     sync.Mutex
	shown  map[string]*zone.Zone       // by id
	byName map[zone.Name][]string      // ids by origin, oldest first
	due    map[string][]pendingVersion // by id, in order of publishing
}

// A pendingVersion is one that is on its way to the name servers; z is nil when the zone is gone.
type pendingVersion struct {
	at time.Time
	z  *zone.Zone
}

// NewNames returns Names that show no zone. The panel says how long changes take and whether the
// name servers answer at all.
func NewNames(p *Panel) *Names {
	return &Names{panel: p, shown: map[string]*zone.Zone{}, byName: map[zone.Name][]string{}, due: map[string][]pendingVersion{}}
}

// Publish shows a zone, under the id that the service knows it by, after the time that the panel
// says. A later version never appears before an earlier one.
func (n *Names) Publish(id string, z *zone.Zone) { n.put(id, z) }

// Withdraw takes a zone away, after the same time.
func (n *Names) Withdraw(id string) { n.put(id, nil) }

func (n *Names) put(id string, z *zone.Zone) {
	delay := time.Duration(n.panel.Knobs().Propagation)
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle(id, now)
	if delay <= 0 {
		delete(n.due, id)
		n.show(id, z)
		return
	}
	at := now.Add(delay)
	queue := n.due[id]
	if len(queue) > 0 && queue[len(queue)-1].at.After(at) {
		at = queue[len(queue)-1].at
	}
	n.due[id] = append(queue, pendingVersion{at, z})
}

// settle shows what is due; mu is held.
func (n *Names) settle(id string, now time.Time) {
	queue := n.due[id]
	for len(queue) > 0 && !queue[0].at.After(now) {
		n.show(id, queue[0].z)
		queue = queue[1:]
	}
	if len(queue) == 0 {
		delete(n.due, id)
	} else {
		n.due[id] = queue
	}
}

// show is called with mu held.
func (n *Names) show(id string, z *zone.Zone) {
	if old := n.shown[id]; old != nil && (z == nil || z.Origin() != old.Origin()) {
		ids := slices.DeleteFunc(n.byName[old.Origin()], func(x string) bool { return x == id })
		if len(ids) == 0 {
			delete(n.byName, old.Origin())
		} else {
			n.byName[old.Origin()] = ids
		}
		delete(n.shown, id)
	}
	if z == nil {
		return
	}
	if n.shown[id] == nil {
		n.byName[z.Origin()] = append(n.byName[z.Origin()], id)
	}
	n.shown[id] = z
}

// Dark reports whether the name servers answer nothing.
func (n *Names) Dark() bool { return n.panel.Knobs().Dark }

// Find returns the zone that a name server answers a question for name from: the one with the
// longest origin. ok is false when none encloses it.
func (n *Names) Find(name zone.Name) (z *zone.Zone, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.due) > 0 {
		now := time.Now()
		for id := range n.due {
			n.settle(id, now)
		}
	}
	for {
		if ids := n.byName[name]; len(ids) > 0 {
			return n.shown[ids[0]], true
		}
		if name.IsRoot() {
			return nil, false
		}
		name = name.Parent()
	}
}

// Count returns how many zones are shown.
func (n *Names) Count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.shown)
}
