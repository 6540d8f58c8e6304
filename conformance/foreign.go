package conformance

import (
	"fmt"
	"slices"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// statedCount compares how much the service says that a zone holds with how much was read.
func statedCount(e *env) {
	before := e.uncounted(e.read())
	for _, c := range []struct {
		name string
		sets []zone.RRset
	}{
		{"an ordinary zone", e.sets(ordinary)},
		{"several records in a set", e.sets("www 300 A 192.0.2.1\nwww 300 A 192.0.2.2\nwww 300 A 192.0.2.3\nwww 300 TXT \"a\"\n* 300 TXT \"b\"")},
		{"300 sets", e.addresses(300, 300)},
		{"nothing", nil},
	} {
		e.step(c.name, c.sets...)
		if after := e.uncounted(e.read()); after != before {
			e.Errorf("%s: the service states %s than were read, in the empty zone %s", c.name, after, before)
		}
	}
}

// String says by how much more is stated than was read.
func (c Count) String() string {
	return fmt.Sprintf("%d more RRsets and %d more records", c.Sets, c.Records)
}

// uncounted is how much more the service states than a read shows: things such as its own SOA,
// of which there are always as many.
func (e *env) uncounted(snap *provider.Snapshot) Count {
	e.Helper()
	c := e.s.Stated(e.T, snap.Info.ZoneRef)
	var read Count
	for set := range snap.Sets.All() {
		read.Sets++
		read.Records += len(set.Data)
	}
	var more Count
	if c.Sets > 0 {
		more.Sets = c.Sets - read.Sets
	}
	if c.Records > 0 {
		more.Records = c.Records - read.Records
	}
	return more
}

// foreignThings plants what is not ours. It must be read as what it is, and must survive whatever
// is written beside it, at its name, and in its place.
func foreignThings(e *env) {
	state := e.sets("www 300 A 192.0.2.1\nmail 3600 MX 10 mx.example.net.")
	e.step("at first", state...)
	before := e.read()
	planted := e.s.Plant(e.T, e.ref)
	if len(planted) == 0 {
		e.Fatalf("Subject.Plant planted nothing")
	}
	now := e.read()
	var ours []zone.RRset // planted as RRsets: from here on they are part of what is desired
	for _, x := range planted {
		if x.Set == nil {
			continue
		}
		set, ok := now.Sets.Set(x.Key.Owner, x.Key.Type)
		if !ok {
			set = *x.Set
		}
		ours = append(ours, set)
	}
	marks := e.marks(planted, now)
	e.shown(planted, now)
	e.notInTheirPlace(planted, before)
	e.unharmed("a write in their place that was planned before", planted, marks)
	for _, s := range []struct {
		name string
		sets []zone.RRset
	}{
		{"another set changed", e.sets("www 300 A 192.0.2.9\nmail 3600 MX 10 mx.example.net.")},
		{"a set at the same name", append(e.besideThem(planted), state...)},
		{"the set at the same name gone", state},
		{"nothing of ours", nil},
	} {
		e.step(s.name, slices.Concat(s.sets, ours)...)
		e.unharmed(s.name, planted, marks)
	}
}

// shown demands that each planted thing is read as what it is.
func (e *env) shown(planted []Planted, snap *provider.Snapshot) {
	e.Helper()
	for _, x := range planted {
		set, ok := snap.Sets.Set(x.Key.Owner, x.Key.Type)
		at := slices.IndexFunc(snap.Foreign, func(f provider.Foreign) bool { return f.Key == x.Key })
		switch {
		case x.Set != nil && !ok:
			e.Errorf("%s: %s was dropped: Read shows no such RRset", x.Name, x.Key)
		case x.Set != nil && !e.joined(set).SameData(e.joined(*x.Set)):
			e.Errorf("%s: Read shows %s, not %s", x.Name, line(set), line(*x.Set))
		case x.Set == nil && at < 0:
			e.Errorf("%s: %s was dropped: Read shows it neither as Foreign nor otherwise", x.Name, x.Key)
		case x.Set == nil && ok && !snap.Foreign[at].Owns:
			e.Errorf("%s: Read shows %s as an RRset of ours, too: a plan would delete it", x.Name, x.Key)
		case x.Set == nil && (snap.Foreign[at].Kind == "" || snap.Foreign[at].Text == ""):
			e.Errorf("%s: the Foreign at %s has no words for people: %+v", x.Name, x.Key, snap.Foreign[at])
		}
	}
}

// marks are the states of the planted things, to be compared later.
func (e *env) marks(planted []Planted, snap *provider.Snapshot) []string {
	e.Helper()
	out := make([]string, len(planted))
	for i, x := range planted {
		out[i] = e.mark(x, snap)
		if out[i] == "" {
			e.Fatalf("%s: Subject.Plant planted it, but it is not there", x.Name)
		}
	}
	return out
}

func (e *env) mark(x Planted, snap *provider.Snapshot) string {
	if x.State != nil {
		return x.State(e.T)
	}
	s := fmt.Sprint(x.Key, " ")
	if set, ok := snap.Sets.Set(x.Key.Owner, x.Key.Type); ok {
		s += line(set)
	}
	for _, f := range snap.Foreign {
		if f.Key == x.Key {
			s += f.Kind + f.Text + string(f.Raw)
		}
	}
	return s
}

// unharmed demands that the planted things are as they were planted.
func (e *env) unharmed(after string, planted []Planted, marks []string) {
	e.Helper()
	snap := e.read()
	e.shown(planted, snap)
	for i, x := range planted {
		if got := e.mark(x, snap); got != marks[i] {
			e.Errorf("%s: %s was harmed:\n  was %s\n  is  %s", after, x.Name, marks[i], got)
		}
	}
}

// notInTheirPlace writes, from a snapshot of before the planting, RRsets to where the planted
// things stand now.
func (e *env) notInTheirPlace(planted []Planted, before *provider.Snapshot) {
	e.Helper()
	for _, x := range planted {
		lists := e.s.Values[x.Key.Type]
		if len(lists) == 0 {
			lists = values[x.Key.Type]
		}
		if !e.caps.Holds(x.Key.Type) || len(lists) == 0 || x.Key.Owner == e.origin && x.Key.Type == zone.TypeNS {
			continue
		}
		if _, ok := before.Sets.Set(x.Key.Owner, x.Key.Type); ok {
			continue
		}
		set := zone.RRset{Owner: x.Key.Owner, Type: x.Key.Type, TTL: e.ttl(300), Data: []zone.Data{e.data(x.Key.Type, lists[0][0])}}
		changes := []zone.Change{{After: &set}}
		now := e.read()
		r, err := e.p.Write(e.Context(), before, provider.ChangeSet{Sets: changes})
		e.refused("creating "+x.Key.String()+" in the place of "+x.Name, now, changes, r, err, provider.Conflict, provider.Rejected)
	}
}

// besideThem are RRsets of another type at the names of the planted things, where the DNS allows
// that.
func (e *env) besideThem(planted []Planted) []zone.RRset {
	var out []zone.RRset
	for _, x := range planted {
		taken := func(y Planted) bool {
			return y.Key.Owner == x.Key.Owner && (y.Key.Type == zone.TypeTXT || y.Key.Type == zone.TypeCNAME || y.Key.Type == zone.TypeNS)
		}
		known := func(s zone.RRset) bool { return s.Owner == x.Key.Owner }
		if e.caps.Holds(zone.TypeTXT) && !slices.ContainsFunc(planted, taken) && !slices.ContainsFunc(out, known) {
			out = append(out, zone.RRset{Owner: x.Key.Owner, Type: zone.TypeTXT, TTL: e.ttl(300), Data: []zone.Data{txtData("beside it")}})
		}
	}
	return out
}
