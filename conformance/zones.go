package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

func apexNS(e *env) {
	base := e.read()
	set, ok := base.Sets.Set(e.origin, zone.TypeNS)
	if !ok {
		e.Fatalf("the NS of the apex are declared as visible, but are not read")
	}
	if e.caps.ApexNS == provider.ApexNSReadOnly {
		other := set
		other.Data = []zone.Data{e.data(zone.TypeNS, "ns-x.example.net.")}
		changes := []zone.Change{{Before: &set, After: &other}}
		r, err := e.p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
		e.refused("change of the NS, which are declared as fixed", base, changes, r, err, provider.Rejected, provider.Conflict)
		return
	}
	if !e.caps.Holds(zone.TypeNS) {
		e.Fatalf("the NS of the apex are declared as editable, but NS is not in Types")
	}
	kept := set
	more := set
	more.Data = append(slices.Clone(set.Data), e.data(zone.TypeNS, "ns-added.example.net."))
	e.step("one more", e.fit(more))
	other := set
	other.Data = []zone.Data{e.data(zone.TypeNS, "ns-x.example.net."), e.data(zone.TypeNS, "ns-y.example.com.")}
	e.step("all others", e.fit(other))
	e.step("as before", kept)
}

func apexNSTTL(e *env) {
	base := e.read()
	set, ok := base.Sets.Set(e.origin, zone.TypeNS)
	if !ok {
		e.Fatalf("the TTL of the apex NS is declared as editable, but they are not read")
	}
	kept := set
	for _, t := range []uint32{7200, 86400} {
		set.TTL = e.ttl(t)
		e.step("TTL alone", set)
	}
	e.step("as before", kept)
}

// createAndDelete makes a zone, fills it and removes it.
func createAndDelete(e *env) {
	c, ok := e.p.(provider.ZoneCreator)
	if !ok || !e.caps.CreateZone {
		e.Fatalf("CreateZone is not declared: zones to delete cannot be made")
	}
	origin := e.s.NewOrigin(e.T)
	ref := provider.ZoneRef{Origin: origin, View: e.ref.View}
	if _, err := e.p.Read(e.Context(), ref); !errors.Is(err, provider.ErrNoZone) {
		e.Fatalf("read of the zone to be made: %v; want ErrNoZone", err)
	}
	base, err := c.CreateZone(e.Context(), origin)
	if err != nil {
		e.Fatalf("create zone %s: %v", origin, err)
	}
	if err := sound(base, origin); err != nil {
		e.Fatalf("create zone %s: %v", origin, err)
	}
	e.deleteAtEnd(ref)
	f := e.in(base.Info.ZoneRef)
	f.s.Ask = nil // nobody has been told to serve it
	state := f.sets(ordinary)
	f.write("first write", base, f.plan(base, state))
	f.settled("first write", state, nil)
	if _, err := c.CreateZone(e.Context(), origin); err == nil {
		e.Errorf("creating %s a second time gave no error", origin)
	} else if kind := provider.KindOf(err); kind != provider.Conflict && kind != provider.Rejected {
		e.Errorf("creating %s a second time: kind %q, want %q: %v", origin, kind, provider.Conflict, err)
	}
	f.settled("after the second try to create it", state, nil)
	e.steps += f.steps
	if e.caps.DeleteZone {
		e.deleteZone(base.Info.ZoneRef)
	}
}

// deleteAtEnd takes away a zone that the group made and could not delete itself.
func (e *env) deleteAtEnd(ref provider.ZoneRef) {
	d, ok := e.p.(provider.ZoneDeleter)
	if !ok || !e.caps.DeleteZone {
		return
	}
	e.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Context()), time.Minute)
		defer cancel()
		if snap, err := e.p.Read(ctx, ref); err == nil {
			if err := d.DeleteZone(ctx, snap.Info.ZoneRef); err != nil {
				e.Logf("zone %s was made and could not be deleted: %v", ref.Origin, err)
			}
		}
	})
}

func (e *env) deleteZone(ref provider.ZoneRef) {
	e.Helper()
	d, ok := e.p.(provider.ZoneDeleter)
	if !ok {
		e.Fatalf("DeleteZone is declared, but the provider has no such method")
	}
	if err := d.DeleteZone(e.Context(), ref); err != nil {
		e.Fatalf("delete zone %s: %v", ref.Origin, err)
	}
	if _, err := e.p.Read(e.Context(), ref); !errors.Is(err, provider.ErrNoZone) {
		e.Errorf("read of %s after its deletion: %v; want ErrNoZone", ref.Origin, err)
	}
	if err := d.DeleteZone(e.Context(), ref); !errors.Is(err, provider.ErrNoZone) {
		e.Errorf("deleting %s a second time: %v; want ErrNoZone", ref.Origin, err)
	}
}

// switches turns settings of the zone on and off, alone and beside RRsets. Each is left at the
// first of its values.
func switches(e *env) {
	for _, key := range slices.Sorted(maps.Keys(e.s.Switches)) {
		on, off := e.s.Switches[key][0], e.s.Switches[key][1]
		for i, to := range []string{on, off, on, off, on} {
			name := fmt.Sprintf("%s to %s (%d)", key, to, i+1)
			state := e.sets(fmt.Sprintf("www 300 A 192.0.2.%d", i/2)) // every other time without a change of it
			e.switched(name, key, to, state)
		}
		base := e.read()
		changes := provider.ChangeSet{Settings: []provider.SettingChange{{Key: key, Before: on, After: "neither on nor off"}}}
		if r, err := e.p.Write(e.Context(), base, changes); provider.KindOf(err) != provider.Rejected {
			e.Errorf("%s to a value that there is not: receipt %+v, error %v; want kind %q", key, r, err, provider.Rejected)
		}
		if got := e.read().Settings[key]; got != on {
			e.Errorf("%s was refused another value and is %q now, not %q", key, got, on)
		}
	}
}

func (e *env) switched(name, key, to string, state []zone.RRset) {
	e.Helper()
	base := e.read()
	have, ok := base.Settings[key]
	if !ok {
		e.Fatalf("%s: Snapshot.Settings has no %q, only %v", name, key, base.Settings)
	}
	changes := provider.ChangeSet{Sets: e.plan(base, state)}
	if have != to {
		changes.Settings = []provider.SettingChange{{Key: key, Before: have, After: to}}
	}
	if !changes.Empty() {
		r, err := e.p.Write(e.Context(), base, changes)
		if err != nil {
			e.Fatalf("%s: write: %v", name, err)
		}
		if len(r.Settings) != len(changes.Settings) || r.Count(provider.Done) != changes.Len() {
			e.Fatalf("%s: write gave no error, but the receipt says %v of RRsets and %v of settings", name, r.Sets, r.Settings)
		}
	}
	after := e.readBy(e.open())
	if got := after.Settings[key]; got != to {
		e.Fatalf("%s: written as done, but a read shows %q", name, got)
	}
	e.settled(name, state, changes.Sets)
}
