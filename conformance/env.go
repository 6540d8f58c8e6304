package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// An env is what one group works in: an account, and a zone that was emptied.
type env struct {
	T
	ctx      context.Context
	s        Subject
	group    string
	level    int
	p        provider.Provider
	ref      provider.ZoneRef
	origin   zone.Name
	caps     provider.Capabilities
	known    bool // caps were asked for
	steps    int
	notes    []string    // figures for the report
	oneByOne *sync.Mutex // held by each call of an account that goes through a breaker; nil: none is
	proved   []string    // claims that the group proves by what it found, beside group.proves
}

// newEnv opens the account and empties a zone.
func newEnv(t T, s Subject, g group) *env {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest(s, g))
	t.Cleanup(cancel)
	e := &env{T: t, ctx: ctx, s: s, group: g.name, level: g.level, p: s.Open(t)}
	e.closeAtEnd(e.p)
	e.ref = s.Fresh(t)
	e.origin = e.ref.Origin
	base := e.read()
	e.caps, e.known = e.p.Capabilities(base.Info), true
	if g.need != nil {
		if why := g.need(e); why != "" {
			t.Skipf("%s", why)
		}
	}
	e.step("empty zone")
	return e
}

// longest is how long a group may take, so that an adapter that waits for ever is a failure of the
// group that it waits in.
func longest(s Subject, g group) time.Duration {
	if g.level == 7 || s.Kept != nil { // services far away may be slow
		return time.Hour
	}
	return 4 * time.Minute
}

// Context ends when the group has taken too long.
func (e *env) Context() context.Context { return e.ctx }

func (e *env) closeAtEnd(p provider.Provider) {
	if c, ok := p.(provider.Closer); ok {
		e.Cleanup(func() {
			if err := c.Close(); err != nil {
				e.Logf("close: %v", err)
			}
		})
	}
}

// open opens the account once more, as another process would.
func (e *env) open() provider.Provider {
	e.Helper()
	p := e.s.Open(e.T)
	e.closeAtEnd(p)
	return p
}

// in is the same env for another zone.
func (e *env) in(ref provider.ZoneRef) *env {
	f := *e
	f.ref, f.origin, f.steps, f.proved, f.notes = ref, ref.Origin, 0, nil, nil
	return &f
}

func (e *env) read() *provider.Snapshot {
	e.Helper()
	return e.readBy(e.p)
}

// readBy reads the zone and checks what every snapshot owes.
func (e *env) readBy(p provider.Provider) *provider.Snapshot {
	e.Helper()
	snap, err := e.look(p)
	if err != nil {
		e.Fatalf("%v", err)
	}
	return snap
}

// look is readBy for those who go on after an error.
func (e *env) look(p provider.Provider) (*provider.Snapshot, error) {
	snap, err := p.Read(e.Context(), e.ref)
	if err == nil {
		err = sound(snap, e.origin)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", e.origin, err)
	}
	return snap, nil
}

// sound tells what is wrong with a snapshot by itself.
func sound(s *provider.Snapshot, origin zone.Name) error {
	switch {
	case s == nil:
		return errors.New("neither snapshot nor error")
	case s.Sets == nil:
		return errors.New("Snapshot.Sets is nil")
	case s.Sets.Origin() != origin:
		return fmt.Errorf("Snapshot.Sets is of zone %s", s.Sets.Origin())
	case s.Info.Origin != origin:
		return fmt.Errorf("Snapshot.Info is of zone %s", s.Info.Origin)
	case s.Missing:
		return errors.New("an existing zone is reported as missing")
	}
	for set := range s.Sets.All() {
		if len(set.Data) == 0 && set.Extra.IsZero() {
			return fmt.Errorf("%s has no records", set.Key())
		}
	}
	return nil
}

// shape takes away what the suite does not manage: the SOA, and how a TXT is cut into strings
// where the provider does not keep it.
func (e *env) shape(z *zone.Zone) *zone.Zone {
	e.Helper()
	b := zone.NewBuilder(z.Origin())
	for set := range z.All() {
		if set.Type == zone.TypeSOA {
			continue
		}
		set.Extra = set.Extra.Filter(e.caps.HoldsExtra)
		b.Add(e.joined(set))
	}
	out, err := b.Zone()
	if err != nil {
		e.Fatalf("shape: %v", err)
	}
	return out
}

// joined cuts TXT into strings of 255 octets where borders do not count.
func (e *env) joined(set zone.RRset) zone.RRset {
	if e.caps.TXTChunks || set.Type != zone.TypeTXT && set.Type != zone.TypeSPF {
		return set
	}
	set.Data = slices.Clone(set.Data)
	for i, d := range set.Data {
		set.Data[i] = txtData(chunked(txtText(d), 255)...)
	}
	return set.Clean()
}

// desired is the whole zone that a step wants: sets, and the apex as it was observed where sets
// do not say otherwise.
func (e *env) desired(base *provider.Snapshot, sets []zone.RRset) *zone.Zone {
	e.Helper()
	b := zone.NewBuilder(e.origin)
	have := map[zone.Key]bool{}
	for _, s := range sets {
		have[s.Key()] = true
		b.Add(e.joined(s))
	}
	for _, f := range base.Foreign {
		if set, ok := base.Sets.Set(f.Key.Owner, f.Key.Type); ok && f.Owns && !have[f.Key] && f.Key.Type != zone.TypeSOA {
			have[f.Key] = true
			b.Add(set)
		}
	}
	if e.s.Kept != nil { // what cannot be put back is not taken away either
		for set := range base.Sets.All() {
			if k := set.Key(); !have[k] && k.Type != zone.TypeSOA && k.Type != zone.TypeNS && !e.caps.Holds(k.Type) {
				have[k] = true
				b.Add(set)
			}
		}
	}
	ns := zone.Key{Owner: e.origin, Type: zone.TypeNS}
	if set, ok := base.Sets.Set(ns.Owner, ns.Type); ok && !have[ns] {
		set.Extra = set.Extra.Filter(e.caps.HoldsExtra)
		b.Add(set)
	}
	z, err := b.Zone()
	if err != nil {
		e.Fatalf("the suite's own state is no zone: %v", err)
	}
	return z
}

// plan is the difference between what was observed and the state of sets.
func (e *env) plan(base *provider.Snapshot, sets []zone.RRset) []zone.Change {
	e.Helper()
	return slices.Collect(zone.Diff(e.shape(base.Sets), e.desired(base, sets)))
}

// step brings the zone to a state and demands that planning again finds nothing to do.
func (e *env) step(name string, sets ...zone.RRset) {
	e.Helper()
	if why, ok := e.s.Unsupported[e.group+"/"+name]; ok {
		base := e.read()
		changes := e.plan(base, sets)
		r, err := e.p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
		e.refused(name+" (documented as refused: "+why+")", base, changes, r, err, provider.Rejected)
		return
	}
	if err := e.attempt(name, sets); err != nil && !e.mayRefuse(name, err) {
		e.Fatalf("%v", err)
	}
}

// refusedHere begins the reason of a group that ended because the service refused a state.
const refusedHere = "refused by the service: "

// mayRefuse reports whether a state was refused by a service of which nobody has said what it is
// documented to refuse, as on somebody's account: names, sizes, what the plan that is paid for does
// not include. That is no failure as long as the zone can be emptied again. An edge (L2) is noted,
// and the group goes on; any other group ends there, skipped.
func (e *env) mayRefuse(name string, err error) bool {
	e.Helper()
	if e.s.Kept == nil || provider.KindOf(err) != provider.Rejected {
		return false
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	text = strings.TrimPrefix(text, name+": write: ")
	text = strings.TrimPrefix(text, "write "+e.origin.String()+": ")
	text = strings.TrimPrefix(text, "rejected: ")
	if e.attempt("after "+name+" was refused", nil) != nil {
		return false
	}
	if e.level != 2 {
		e.Skipf("%s%s", refusedHere, text)
	}
	e.note("%s%s", refusedNote, text)
	return true
}

// attempt is step without the end of the group when it fails.
func (e *env) attempt(name string, sets []zone.RRset) error {
	e.Helper()
	base, err := e.look(e.p)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	changes := e.plan(base, sets)
	if len(changes) > 0 {
		if _, err := e.written(name, base, changes); err != nil {
			return err
		}
	}
	return e.reached(name, sets, changes)
}

// finish is step after trouble: what may be tried again is, as apply does.
func (e *env) finish(name string, sets ...zone.RRset) {
	e.Helper()
	for range 20 {
		base := e.read()
		changes := e.plan(base, sets)
		if len(changes) == 0 {
			break
		}
		r, err := e.p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
		if err == nil {
			break
		}
		switch provider.KindOf(err) {
		case provider.Conflict, provider.Transient, provider.Throttled, provider.Lost:
			// An earlier request may still have been on its way.
		default:
			if e.mayRefuse(name, err) {
				return
			}
			e.Fatalf("%s: write: %v (receipt: %s)", name, err, told(r))
		}
		if pause(e.Context(), 50*time.Millisecond) != nil {
			e.Fatalf("%s: cancelled", name)
		}
	}
	e.settled(name, sets, nil)
}

// write carries changes out and demands that all are done.
func (e *env) write(name string, base *provider.Snapshot, changes []zone.Change) *provider.Receipt {
	e.Helper()
	r, err := e.written(name, base, changes)
	if err != nil {
		e.Fatalf("%v", err)
	}
	return r
}

func (e *env) written(name string, base *provider.Snapshot, changes []zone.Change) (*provider.Receipt, error) {
	r, err := e.p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
	if err != nil {
		return r, fmt.Errorf("%s: write: %w\n%s", name, err, show(changes))
	}
	if err := wholeReceipt(r, changes); err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	for i, o := range r.Sets {
		if o != provider.Done {
			return r, fmt.Errorf("%s: write gave no error, but says %q of\n%s", name, o, show(changes[i:i+1]))
		}
	}
	return r, nil
}

func wholeReceipt(r *provider.Receipt, changes []zone.Change) error {
	if r == nil {
		return errors.New("write gave neither receipt nor error")
	}
	if len(r.Sets) != len(changes) {
		return fmt.Errorf("receipt tells of %d changes; %d were given", len(r.Sets), len(changes))
	}
	return nil
}

// told is how many changes a receipt calls what.
func told(r *provider.Receipt) string {
	if r == nil {
		return "none"
	}
	return fmt.Sprintf("%d done, %d not done, %d unknown", r.Count(provider.Done), r.Count(provider.NotDone), r.Count(provider.Unknown))
}

// settled demands that the zone is in the state of sets: read anew, and asked over DNS.
func (e *env) settled(name string, sets []zone.RRset, changes []zone.Change) {
	e.Helper()
	if err := e.reached(name, sets, changes); err != nil {
		e.Fatalf("%v", err)
	}
}

func (e *env) reached(name string, sets []zone.RRset, changes []zone.Change) error {
	e.Helper()
	e.steps++
	after, err := e.look(e.p)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if again := e.plan(after, sets); len(again) > 0 {
		return fmt.Errorf("%s: planning again after the write wants\n%s", name, show(again))
	}
	if e.s.After != nil && len(changes) > 0 {
		e.s.After(e.T)
	}
	synthesised := slices.ContainsFunc(sets, func(s zone.RRset) bool { return s.Owner.IsWildcard() })
	for _, c := range changes {
		if c.After != nil || !synthesised { // a wildcard may answer for what was deleted
			if err := e.served(name, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// served asks a name server for what a change made.
func (e *env) served(name string, c zone.Change) error {
	k := c.Key()
	if e.s.Ask == nil || !k.Type.OnWire() {
		return nil
	}
	deadline := time.Now().Add(e.s.Patience)
	for wait := time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		why := e.answers(k, c.After)
		if why == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: the provider holds %s as planned, but its name server %s", name, k, why)
		}
		if pause(e.Context(), wait) != nil {
			return fmt.Errorf("%s: cancelled while the name server %s", name, why)
		}
	}
}

// note adds a figure to the report.
func (e *env) note(format string, args ...any) {
	e.notes = append(e.notes, fmt.Sprintf(format, args...))
}

func (e *env) answers(k zone.Key, want *zone.RRset) string {
	got, ok, err := e.s.Ask(e.Context(), k)
	switch {
	case err != nil:
		return fmt.Sprintf("gives no answer: %v", err)
	case want == nil && ok:
		return "still answers " + line(got)
	case want == nil:
		return ""
	case !ok:
		return "does not answer it"
	case got.TTL != want.TTL || !e.joined(got.Clean()).SameData(e.joined(*want)):
		return "answers " + line(got) + ", not " + line(*want)
	}
	return ""
}

// honest compares what a receipt says with what a read shows.
func (e *env) honest(name string, after *provider.Snapshot, changes []zone.Change, r *provider.Receipt, err error) {
	e.Helper()
	if r == nil {
		r = provider.NewReceipt(provider.ChangeSet{Sets: changes}, provider.NotDone)
		if err == nil {
			e.Errorf("%s: write gave neither receipt nor error", name)
			return
		}
	}
	if len(r.Sets) != len(changes) {
		e.Errorf("%s: receipt tells of %d changes; %d were given", name, len(r.Sets), len(changes))
		return
	}
	now := e.shape(after.Sets)
	whole := true
	for i, c := range changes {
		have, ok := now.Set(c.Key().Owner, c.Key().Type)
		is := func(want *zone.RRset) bool { return ok == (want != nil) && (!ok || have.Equal(e.joined(*want))) }
		truth := is(c.After) && r.Sets[i] != provider.NotDone || is(c.Before) && r.Sets[i] != provider.Done
		if !truth {
			e.Errorf("%s: receipt says %q (error: %v) of\n%sbut a read shows %s", name, r.Sets[i], err, show(changes[i:i+1]), found(have, ok))
		}
		whole = whole && r.Sets[i] == provider.Done
	}
	if err == nil && !whole {
		e.Errorf("%s: write gave no error although not everything is done", name)
	}
}

func found(set zone.RRset, ok bool) string {
	if !ok {
		return "nothing there"
	}
	return line(set)
}

// refused demands that a write was refused with one of the kinds and nothing was changed.
func (e *env) refused(name string, before *provider.Snapshot, changes []zone.Change, r *provider.Receipt, err error, kinds ...provider.ErrKind) {
	e.Helper()
	if err == nil {
		e.Errorf("%s: write gave no error; wanted one of kind %v", name, kinds)
	} else if !slices.Contains(kinds, provider.KindOf(err)) {
		e.Errorf("%s: error of kind %q; wanted %v: %v", name, provider.KindOf(err), kinds, err)
	}
	if r != nil && r.Count(provider.NotDone) != len(changes) {
		e.Errorf("%s: refused, but the receipt says %v", name, r.Sets)
	}
	after := e.read()
	if diff := slices.Collect(zone.Diff(e.shape(before.Sets), e.shape(after.Sets))); len(diff) > 0 {
		e.Errorf("%s: refused, but the zone was changed:\n%s", name, show(diff))
	}
}

// pause waits, or gives the error of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// show prints changes in zone-file lines, not more than a screen of them.
func show(changes []zone.Change) string {
	var b strings.Builder
	for i, c := range changes {
		if i == 12 {
			fmt.Fprintf(&b, "  … and %d more\n", len(changes)-i)
			break
		}
		if c.Before != nil {
			b.WriteString("  - " + line(*c.Before) + "\n")
		}
		if c.After != nil {
			b.WriteString("  + " + line(*c.After) + "\n")
		}
	}
	return b.String()
}
