package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// ordinary is a zone such as a small company has.
const ordinary = `
	@ 3600 MX 10 mail
	@ 3600 MX 20 mx2.example.net.
	@ 3600 TXT "v=spf1 mx include:_spf.example.net -all"
	@ 3600 CAA 0 issue "ca.example.net"
	@ 300 A 192.0.2.10
	@ 300 AAAA 2001:db8::10
	www 300 CNAME web.example.net.
	mail 3600 A 192.0.2.25
	mail 3600 AAAA 2001:db8::25
	api 300 A 192.0.2.11
	api 300 A 192.0.2.12
	_dmarc 3600 TXT "v=DMARC1; p=reject"
	s1._domainkey 3600 CNAME s1.dkim.example.net.
	_imaps._tcp 3600 SRV 0 1 993 mail
	deep.er.down.in.the.tree 3600 A 192.0.2.13
`

func readFidelity(e *env) {
	e.step("a whole zone at once", e.sets(ordinary)...)
	first := e.read()
	second := e.readBy(e.open())
	if d := slices.Collect(zone.Diff(e.shape(first.Sets), e.shape(second.Sets))); len(d) > 0 {
		e.Errorf("two reads with nothing between them differ:\n%s", show(d))
	}
	if first.Revision != second.Revision {
		e.Errorf("two reads with nothing between them give revisions %q and %q", first.Revision, second.Revision)
	}
	for i, ref := range []provider.ZoneRef{first.Info.ZoneRef, {Origin: e.origin, View: e.ref.View}} {
		snap, err := e.p.Read(e.Context(), ref)
		if err != nil {
			e.Errorf("read with reference %d (%+v): %v", i, ref, err)
		} else if !snap.Sets.Equal(first.Sets) {
			e.Errorf("read with reference %d (%+v) gives another zone", i, ref)
		}
	}
	e.readAgain(first)
	e.step("the zone emptied")
}

// readAgain compares ReadSets with what Read gave.
func (e *env) readAgain(snap *provider.Snapshot) {
	e.Helper()
	sr, ok := e.p.(provider.SetReader)
	if !ok {
		return
	}
	absent := zone.Key{Owner: e.name("not-there"), Type: zone.TypeA}
	keys := []zone.Key{absent}
	for set := range e.shape(snap.Sets).All() {
		keys = append(keys, set.Key())
	}
	got, err := sr.ReadSets(e.Context(), e.ref, keys)
	if err != nil {
		e.Errorf("ReadSets: %v", err)
		return
	}
	z, err := zone.Of(e.origin, got...)
	if err != nil {
		e.Errorf("ReadSets: %v", err)
		return
	}
	if d := slices.Collect(zone.Diff(e.shape(snap.Sets), e.shape(z))); len(d) > 0 {
		e.Errorf("ReadSets gives something else than Read:\n%s", show(d))
	}
}

func missingZone(e *env) {
	origin := zone.MustName("there-is-no-such-zone.zonecast-conformance.test.")
	if e.s.NewOrigin != nil {
		origin = e.s.NewOrigin(e.T)
	}
	snap, err := e.p.Read(e.Context(), provider.ZoneRef{Origin: origin})
	if !errors.Is(err, provider.ErrNoZone) {
		e.Errorf("reading %s, which does not exist, gives snapshot %v and error %v; want ErrNoZone", origin, snap, err)
	}
}

func listZones(e *env) {
	found := 0
	for info, err := range e.p.Zones(e.Context()) {
		if err != nil {
			e.Fatalf("zones: %v", err)
		}
		if info.Origin == e.origin && info.View == e.ref.View {
			found++
		}
	}
	if found != 1 {
		e.Errorf("zone %s is listed %d times", e.origin, found)
	}
	for _, err := range e.p.Zones(e.Context()) {
		if err != nil {
			e.Errorf("zones, listed again: %v", err)
		}
		break // whoever stops listening must not be called again
	}
}

func everyType(e *env, t zone.Type) {
	lists, ok := e.s.Values[t]
	if !ok {
		lists = values[t]
	}
	if len(lists) == 0 {
		e.Fatalf("there are no values for type %s", t)
	}
	owner := e.owner(t)
	state := func(list []string, ttl uint32) []zone.RRset {
		e.Helper()
		set := zone.RRset{Owner: e.name(owner), Type: t, TTL: e.ttl(ttl)}
		for _, v := range list {
			set.Data = append(set.Data, e.data(t, v))
		}
		return append(e.sets(beside[t]), e.fit(set))
	}
	for i, list := range lists {
		name := "create"
		if i > 0 {
			name = fmt.Sprintf("change to values %d", i+1)
		}
		e.step(name, state(list, 3600)...)
	}
	e.step("TTL alone", state(lists[len(lists)-1], 7200)...)
	e.step("delete")
	if t.Known() {
		e.proved = append(e.proved, "Types/"+t.String())
	} else {
		e.proved = append(e.proved, "UnknownTypes", "Types/"+t.String())
	}
}

func ttlAlone(e *env) {
	for _, t := range e.ttls() {
		set := e.sets("www 300 A 192.0.2.1")
		for i := range set {
			set[i].TTL = t
		}
		e.step(fmt.Sprintf("TTL %d", t), set...)
	}
}

// ttls are the TTLs to try: the borders of what is declared, and usual ones between.
func (e *env) ttls() []uint32 {
	if len(e.caps.TTLs) > 0 {
		return e.caps.TTLs
	}
	var out []uint32
	for _, t := range []uint32{0, 1, 60, 300, 3600, 86400, 604800, 1<<31 - 1} {
		if e.caps.MaxTTL == 0 && t > 604800 {
			continue // no limit known: no claim that it can
		}
		if t = e.ttl(t); !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

func changeOfType(e *env) {
	for _, s := range []struct{ name, state string }{
		{"A and TXT", "www 300 A 192.0.2.1\nwww 300 TXT \"note\""},
		{"to CNAME", "www 300 CNAME web.example.net."},
		{"to A and AAAA", "www 300 A 192.0.2.1\nwww 300 AAAA 2001:db8::1"},
		{"to CNAME again", "www 300 CNAME other.example.net."},
		{"to MX", "www 300 MX 10 mail.example.net."},
		{"to a delegation", "www 3600 NS ns1.example.net."},
		{"to CNAME a third time", "www 3600 CNAME web.example.net."},
		{"a name above with data, the name below gone", "a.b.www 300 A 192.0.2.1"},
		{"the name above alone", "www 300 A 192.0.2.1"},
	} {
		e.step(s.name, e.sets(s.state)...)
	}
}

// changed is ordinary with something of each kind of change.
const changed = `
	@ 3600 MX 10 mail2
	@ 7200 TXT "v=spf1 mx include:_spf.example.net -all"
	@ 300 A 192.0.2.10
	@ 300 AAAA 2001:db8::11
	www 300 A 192.0.2.80
	mail 3600 CNAME mail2
	mail2 3600 A 192.0.2.26
	api 300 A 192.0.2.12
	api 300 A 192.0.2.14
	new 60 TXT "one"
	new 60 TXT "two"
	deep.er.down.in.the.tree 3600 TXT "was an address"
	x.deep.er.down.in.the.tree 3600 A 192.0.2.13
`

func manyKinds(e *env) {
	e.step("at first", e.sets(ordinary)...)
	e.step("created, changed, retyped and deleted at once", e.sets(changed)...)
	e.step("back again", e.sets(ordinary)...)
}

// severalPlans does the same in as many plans as there are changes. After each, planning again
// demands the others and nothing else.
func severalPlans(e *env) {
	e.step("at first", e.sets(ordinary)...)
	want := e.sets(changed)
	left := e.plan(e.read(), want)
	slices.SortStableFunc(left, func(a, b zone.Change) int { return deletesFirst(a) - deletesFirst(b) })
	for len(left) > 0 {
		name := "the change of " + left[0].Key().String() + " alone"
		e.write(name, e.read(), left[:1])
		left = left[1:]
		e.steps++
		again := e.plan(e.read(), want)
		for _, c := range again {
			if !slices.ContainsFunc(left, func(l zone.Change) bool { return l.Key() == c.Key() }) {
				e.Fatalf("%s: planning again wants what was not left to do:\n%s", name, show([]zone.Change{c}))
			}
		}
		if len(again) != len(left) {
			e.Fatalf("%s: planning again wants %d changes; %d are left to do:\n%s", name, len(again), len(left), show(left))
		}
	}
	e.settled("all of them", want, nil)
}

func deletesFirst(c zone.Change) int {
	if c.Deletes() {
		return 0
	}
	return 1
}

// owner is where values of a type stand.
func (e *env) owner(t zone.Type) string {
	if t == zone.TypeALIAS && e.caps.AliasApexOnly {
		return "@"
	}
	return cmp.Or(owners[t], "type-"+strings.ToLower(t.String()))
}

// allTypesAtOnce has every type in one plan, that the suite can put beside the others.
func allTypesAtOnce(e *env) {
	var first, last []zone.RRset
	for _, t := range slices.Sorted(allTypes(e.s)) {
		if _, refused := e.s.Unsupported[typeGroup+t.String()]; refused || !e.caps.Holds(t) || e.owner(t) == "@" {
			continue
		}
		lists := e.s.Values[t]
		if len(lists) == 0 {
			lists = values[t]
		}
		owner := e.owner(t)
		for i, out := range []*[]zone.RRset{&first, &last} {
			set := zone.RRset{Owner: e.name(owner), Type: t, TTL: e.ttl(uint32(3600 * (i + 1)))}
			for _, v := range lists[i*(len(lists)-1)] {
				set.Data = append(set.Data, e.data(t, v))
			}
			*out = append(append(*out, e.sets(beside[t])...), e.fit(set))
		}
	}
	e.step("created", first...)
	e.step("changed", last...)
	e.step("deleted")
}

// refusedSettings writes a setting that nobody knows, beside a set that is good: it must be
// refused, not dropped.
func refusedSettings(e *env) {
	e.step("at first", e.sets("www 300 A 192.0.2.1")...)
	base := e.read()
	changes := provider.ChangeSet{
		Sets:     e.plan(base, e.sets("www 300 A 192.0.2.9")),
		Settings: []provider.SettingChange{{Key: "zonecast/there-is-no-such-setting", After: "on"}},
	}
	r, err := e.p.Write(e.Context(), base, changes)
	if r != nil && r.Count(provider.NotDone) == changes.Len() {
		r = provider.NewReceipt(provider.ChangeSet{Sets: changes.Sets}, provider.NotDone)
	}
	e.refused("a setting that nobody knows", base, changes.Sets, r, err, provider.Rejected)
}

// savedPlan writes from a snapshot as a saved plan gives it: without what is not saved.
func savedPlan(e *env) {
	e.step("at first", e.sets(ordinary)...)
	base := e.read()
	want := e.sets("www 300 A 192.0.2.99\nfresh 300 TXT \"x\"")
	changes := e.plan(base, want)
	saved := &provider.Snapshot{Info: base.Info, Revision: base.Revision, Settings: base.Settings, Sets: zone.Empty(e.origin)}
	e.write("from a saved plan", saved, changes)
	e.settled("from a saved plan", want, changes)
}

// refusedTypes writes what the capabilities do not declare: it must be refused, not dropped.
func refusedTypes(e *env) {
	e.step("at first", e.sets("www 300 A 192.0.2.1")...)
	tried := 0
	for _, x := range []struct {
		t    zone.Type
		text string
	}{
		{zone.TypeALIAS, "target.example.net."},
		{zone.TypeHINFO, `"PC" "Linux"`},
		{zone.TypeLOC, "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m"},
		{zone.TypeURI, `10 1 "https://www.example.net/"`},
		{zone.TypeTLSA, "3 1 1 8755CDAA8FE24EF16CC0F2C918063185E433FAAF1415664911D9E30A924138C4"},
		{65285, `\# 2 0102`},
		{zone.TypeURLFWD, "/ https://www.example.net/ 301 2 0"},
	} {
		if e.caps.Holds(x.t) {
			continue
		}
		tried++
		base := e.read()
		set := zone.RRset{Owner: e.name("refused"), Type: x.t, TTL: e.ttl(300), Data: []zone.Data{e.data(x.t, x.text)}}
		good := zone.RRset{Owner: e.name("zz-beside"), Type: zone.TypeA, TTL: e.ttl(300), Data: []zone.Data{"\xc0\x00\x02\x05"}}
		changes := []zone.Change{{After: &set}, {After: &good}}
		r, err := e.p.Write(e.Context(), base, provider.ChangeSet{Sets: changes})
		e.refused(x.t.String(), base, changes, r, err, provider.Rejected)
	}
	if tried == 0 {
		e.Skipf("every type is declared")
	}
}
