package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

func wrongCredentials(e *env)   { e.shutOut("wrong credentials", e.s.WrongKey(e.T)) }
func expiredCredentials(e *env) { e.shutOut("expired credentials", e.s.Expired(e.T)) }

// shutOut lets an account that is not let in read, write and verify.
func (e *env) shutOut(who string, p provider.Provider) {
	e.Helper()
	e.closeAtEnd(p)
	e.step("at first", e.sets("www 300 A 192.0.2.1")...)
	base := e.read()
	if _, err := p.Read(e.Context(), e.ref); err != nil && provider.KindOf(err) != provider.Denied {
		e.Errorf("read with %s: kind %q, want %q: %v", who, provider.KindOf(err), provider.Denied, err)
	}
	changes := e.plan(base, e.sets("www 300 A 192.0.2.66\nnew 300 A 192.0.2.67"))
	r, err := p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
	e.refused("write with "+who, base, changes, r, err, provider.Denied)
	if v, ok := p.(provider.Verifier); ok {
		if text, err := v.Verify(e.Context()); err == nil {
			e.Errorf("Verify with %s says %q; want an error of kind %q", who, text, provider.Denied)
		}
	}
}

// narrowCredentials may read and not write.
func narrowCredentials(e *env) {
	e.step("at first", e.sets(ordinary)...)
	base := e.read()
	p := e.s.Narrow(e.T)
	e.closeAtEnd(p)
	seen := e.readBy(p)
	if d := slices.Collect(zone.Diff(e.shape(base.Sets), e.shape(seen.Sets))); len(d) > 0 {
		e.Errorf("read with credentials that may read gives another zone:\n%s", show(d))
	}
	for _, from := range []*provider.Snapshot{seen, base} {
		for _, c := range []struct{ name, state string }{
			{"create", ordinary + "\nnew 300 A 192.0.2.67"},
			{"change", strings.Replace(ordinary, "192.0.2.10", "192.0.2.66", 1)},
			{"delete", strings.Replace(ordinary, "www 300 CNAME web.example.net.", "", 1)},
		} {
			changes := e.plan(from, e.sets(c.state))
			r, err := p.Write(e.Context(), from, provider.ChangeSet{Sets: changes})
			e.refused(c.name+" with credentials that may not write", base, changes, r, err, provider.Denied)
		}
	}
}

// staleSnapshot writes from a snapshot after the same set was changed by somebody else. Every
// adapter sees that: by the provider's compare-and-set, or by reading the touched sets again.
func staleSnapshot(e *env) {
	e.step("at first", e.sets("www 300 A 192.0.2.1\nkeep 300 A 192.0.2.2")...)
	stale := e.read()
	e.step("by somebody else", e.sets("www 300 A 192.0.2.50\nkeep 300 A 192.0.2.2\nadded 300 A 192.0.2.3")...)
	for _, c := range []struct{ name, state string }{
		{"change of a set that was changed", "www 300 A 192.0.2.9\nkeep 300 A 192.0.2.2"},
		{"deletion of a set that was changed", "keep 300 A 192.0.2.2"},
		{"creation of a set that was created", "www 300 A 192.0.2.1\nkeep 300 A 192.0.2.2\nadded 300 A 192.0.2.4"},
	} {
		now := e.read()
		changes := e.plan(stale, e.sets(c.state))
		r, err := e.open().Write(e.Context(), stale, provider.ChangeSet{Sets: changes})
		e.refused(c.name, now, changes, r, err, provider.Conflict)
	}
	e.staleElsewhere(stale)
}

// createdTwice creates what somebody else has created in the meantime, exactly so. Either answer
// is right, that it is there or that the zone has moved; it must be there once.
func createdTwice(e *env) {
	e.step("at first", e.sets("www 300 A 192.0.2.1")...)
	more := e.stated()
	base := e.read()
	want := e.sets("www 300 A 192.0.2.1\nnew 300 A 192.0.2.2\nnew 300 A 192.0.2.3\nmx 300 MX 10 mail.example.net.")
	changes := e.plan(base, want)
	e.step("by somebody else", want...)
	r, err := e.open().Write(e.Context(), base, provider.ChangeSet{Sets: changes})
	if err != nil && provider.KindOf(err) != provider.Conflict {
		e.Errorf("created a second time: kind %q, want none or %q: %v", provider.KindOf(err), provider.Conflict, err)
	}
	if err == nil && (r == nil || r.Count(provider.Done) != len(changes)) {
		e.Errorf("created a second time: no error, but the receipt says %+v", r)
	}
	e.settled("created a second time", want, nil)
	if now := e.stated(); now != more {
		e.Errorf("created a second time: the service states %s than are read, before it was %s: there are duplicates", now, more)
	}
}

// stated is how much more the service states than is read, where it can be asked.
func (e *env) stated() Count {
	e.Helper()
	if e.s.Stated == nil {
		return Count{}
	}
	return e.uncounted(e.read())
}

// staleElsewhere writes from the stale snapshot to a set that nobody has changed since.
func (e *env) staleElsewhere(stale *provider.Snapshot) {
	e.Helper()
	now := e.read()
	changes := e.plan(stale, e.sets("www 300 A 192.0.2.1\nkeep 300 A 192.0.2.77"))
	r, err := e.p.Write(e.Context(), stale, provider.ChangeSet{Sets: changes})
	if e.caps.Compare == provider.CompareAll {
		e.refused("change of another set", now, changes, r, err, provider.Conflict)
		return
	}
	if err != nil && provider.KindOf(err) != provider.Conflict {
		e.Errorf("change of another set: %v", err)
	}
	e.honest("change of another set", e.read(), changes, r, err)
	if e.caps.Compare == provider.NoCompare && e.caps.Window == "" {
		e.Errorf("Compare is not declared, and Window does not say what can happen")
	}
}

// allOrNothing writes a plan of which one change cannot be carried out.
func allOrNothing(e *env) {
	e.step("at first", e.sets("www 300 A 192.0.2.1\nlast 300 A 192.0.2.2")...)
	base := e.read()
	good := e.plan(base, e.sets("www 300 A 192.0.2.9\nlast 300 A 192.0.2.2\nnew 300 A 192.0.2.3"))
	for name, bad := range e.impossible() {
		changes := append([]zone.Change{{After: &bad}}, good...)
		changes = append(changes[1:], changes[0])
		r, err := e.p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
		e.refused(name, base, changes, r, err, provider.Rejected, provider.Conflict)
	}
}

// impossible are RRsets that no authoritative server takes.
func (e *env) impossible() map[string]zone.RRset {
	return map[string]zone.RRset{
		"CNAME beside an address": {
			Owner: e.name("last"), Type: zone.TypeCNAME, TTL: e.ttl(300), Data: []zone.Data{e.data(zone.TypeCNAME, "www.example.net.")},
		},
		"a type that is not declared": {
			Owner: e.name("zzz"), Type: zone.TypeURLFWD + 7, TTL: e.ttl(300), Data: []zone.Data{"x"},
		},
	}
}

// serverKilled kills the server in the middle of a write, earlier and later.
func serverKilled(e *env) {
	for i, after := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
		e.step("empty")
		base := e.read()
		want := e.addresses(300, 300)
		changes := e.plan(base, want)
		p := e.open()
		type end struct {
			r   *provider.Receipt
			err error
		}
		ended := make(chan end, 1)
		ctx, cancel := context.WithTimeout(e.Context(), 30*time.Second)
		go func() {
			r, err := p.Write(ctx, base, provider.ChangeSet{Sets: changes})
			ended <- end{r, err}
		}()
		if pause(ctx, after) == nil {
			e.s.Kill(e.T)
		}
		x := <-ended
		cancel()
		name := fmt.Sprintf("killed after %v (run %d)", after, i+1)
		e.honest(name, e.read(), changes, x.r, x.err)
		e.finish(name+", then once more", want...)
	}
}
