package rfc2136_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var origin = zone.MustName("example.org.")

// sets reads lines "owner ttl type rdata"; lines of one owner and type make one RRset.
func sets(t *testing.T, text string) []zone.RRset {
	t.Helper()
	var out []zone.RRset
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 4)
		if len(f) < 4 {
			continue
		}
		owner, err := zone.ParseNameIn(f[0], origin)
		if err != nil {
			t.Fatal(err)
		}
		typ, err := zone.ParseType(f[2])
		if err != nil {
			t.Fatal(err)
		}
		d, err := rdata.Parse(typ, f[3], origin)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		set := zone.RRset{Owner: owner, Type: typ, Data: []zone.Data{d}}
		if _, err := fmt.Sscan(f[1], &set.TTL); err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(out, func(s zone.RRset) bool { return s.Key() == set.Key() }); i >= 0 {
			out[i].Data = append(out[i].Data, d)
			continue
		}
		out = append(out, set)
	}
	for i := range out {
		out[i] = out[i].Clean()
	}
	return out
}

func read(t *testing.T, p provider.Provider) *provider.Snapshot {
	t.Helper()
	snap, err := p.Read(t.Context(), provider.ZoneRef{Origin: origin})
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return snap
}

// to is what turns a snapshot into the given sets; the SOA stays.
func to(t *testing.T, snap *provider.Snapshot, want []zone.RRset) provider.ChangeSet {
	t.Helper()
	if soa, ok := snap.Sets.Set(origin, zone.TypeSOA); ok {
		want = append(slices.Clip(want), soa)
	}
	z, err := zone.Of(origin, want...)
	if err != nil {
		t.Fatal(err)
	}
	return provider.ChangeSet{Sets: slices.Collect(zone.Diff(snap.Sets, z))}
}

// held prints what the account holds, without the SOA.
func held(t *testing.T, p provider.Provider) string {
	t.Helper()
	var b strings.Builder
	for set := range read(t, p).Sets.All() {
		if set.Type == zone.TypeSOA {
			continue
		}
		for _, d := range set.Data {
			fmt.Fprintf(&b, "%s %d %s %s\n", set.Owner.Relative(origin), set.TTL, set.Type, rdata.Text(set.Type, d))
		}
	}
	return b.String()
}

const ns = "@ 3600 NS ns1.example.net.\n@ 3600 NS ns2.example.net.\n"

// TestStates brings a zone from one state to the next; every state is read back.
func TestStates(t *testing.T) {
	t.Parallel()
	states := []string{
		ns + "www 300 A 192.0.2.1\nwww 300 A 192.0.2.2\nmail 300 AAAA 2001:db8::1\n",
		ns + "www 300 A 192.0.2.2\nwww 300 A 192.0.2.3\n",
		ns + "www 60 A 192.0.2.2\nwww 60 A 192.0.2.3\n",            // TTL alone
		ns + "www 60 CNAME target.example.net.\n",                  // type
		ns + "www 60 CNAME other.example.net.\n",                   //
		ns + "www 3600 TXT \"was a CNAME\"\nwww 60 A 192.0.2.1\n",  // and back
		"@ 3600 NS ns1.example.net.\n",                             // fewer at the apex
		"@ 600 NS ns1.example.net.\n",                              // TTL of a single one
		"@ 900 NS ns3.example.net.\n@ 900 NS ns4.example.net.\n",   // all others, and the TTL
		"@ 300 NS ns4.example.net.\n@ 300 NS ns5.example.net.\n",   // some others, and the TTL
		"@ 3600 NS ns5.example.net.\n@ 3600 NS ns4.example.net.\n", // TTL alone
		ns + "* 300 A 192.0.2.1\nsub 300 NS ns.sub\nns.sub 300 A 192.0.2.9\nsub 300 DS 1 13 2 BE74359954660069D5C63D200C39F5603827D7DD02B56F120EE9F3A86764247C\n",
		ns + "old 300 DNAME new.example.net.\nx 0 TYPE65400 \\# 0\n", //
		ns,
	}
	each(t, apex, func(t *testing.T, s *testserver.Server, key *testserver.Key) {
		p := open(t, s.Addr, key)
		for i, state := range states {
			snap := read(t, p)
			c := to(t, snap, sets(t, state))
			r, err := p.Write(t.Context(), snap, c)
			if err != nil {
				t.Fatalf("state %d: write: %v", i, err)
			}
			if r.Count(provider.Done) != len(c.Sets) {
				t.Errorf("state %d: receipt %v; want all done", i, r.Sets)
			}
			after := read(t, p)
			if again := to(t, after, sets(t, state)); !again.Empty() {
				t.Fatalf("state %d: planning again wants %v; the server holds\n%s", i, again.Sets, held(t, p))
			}
			if r.Serial != after.Info.Serial || r.Revision != after.Revision || r.Serial == snap.Info.Serial {
				t.Errorf("state %d: receipt says serial %d, revision %s; the zone has %d, %s, and had %d", i, r.Serial, r.Revision, after.Info.Serial, after.Revision, snap.Info.Serial)
			}
		}
	})
}

// TestZoneThatMovedRefuses: whatever somebody else changed meanwhile, nothing of ours is written.
func TestZoneThatMovedRefuses(t *testing.T) {
	t.Parallel()
	const before = ns + "www 300 A 192.0.2.1\nother 300 A 192.0.2.1\n"
	ours := before + "new 300 A 192.0.2.9\n" + "www 300 TXT \"ours\"\n"
	for _, c := range []struct{ name, theirs string }{
		{"the same set", ns + "www 300 A 192.0.2.7\nother 300 A 192.0.2.1\n"},
		{"another set", before + "else 300 A 192.0.2.7\n"},
		{"the name that we create", before + "new 300 A 192.0.2.7\n"},
		{"only a TTL", ns + "www 300 A 192.0.2.1\nother 60 A 192.0.2.1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			each(t, apex, func(t *testing.T, s *testserver.Server, key *testserver.Key) {
				p, q := open(t, s.Addr, key), open(t, s.Addr, key)
				snap := read(t, p)
				if _, err := p.Write(t.Context(), snap, to(t, snap, sets(t, before))); err != nil {
					t.Fatal(err)
				}
				snap = read(t, p)
				if _, err := q.Write(t.Context(), snap, to(t, snap, sets(t, c.theirs))); err != nil {
					t.Fatal(err)
				}
				want := held(t, q)
				for _, saved := range []bool{false, true} {
					base := *snap
					if saved { // as a saved plan has it
						base.Own, base.Sets = nil, zone.Empty(origin)
					}
					r, err := p.Write(t.Context(), &base, to(t, snap, sets(t, ours)))
					if provider.KindOf(err) != provider.Conflict {
						t.Errorf("saved %v: error %v; want a conflict", saved, err)
					}
					if r != nil && r.Count(provider.NotDone) != len(r.Sets) {
						t.Errorf("saved %v: receipt %v; want nothing done", saved, r.Sets)
					}
					if diff := cmp.Diff(want, held(t, q)); diff != "" {
						t.Errorf("saved %v: the zone was changed (-before +after):\n%s", saved, diff)
					}
				}
			})
		})
	}
}

// TestWriterBesidesACNAME: servers drop in silence what may not stand beside a CNAME, so it must
// come back as a conflict even where the SOA is not compared.
func TestWriterBesidesACNAME(t *testing.T) {
	t.Parallel()
	each(t, apex, func(t *testing.T, s *testserver.Server, key *testserver.Key) {
		p := open(t, s.Addr, key)
		base := *read(t, p)
		base.Revision, base.Own = "", nil // no SOA to compare
		for _, c := range []struct{ theirs, ours string }{
			{"a 300 TXT \"x\"", "a 300 CNAME b"},
			{"c 300 CNAME b", "c 300 TXT \"x\""},
		} {
			theirs, ours := sets(t, c.theirs), sets(t, c.ours)
			if _, err := p.Write(t.Context(), &base, provider.ChangeSet{Sets: []zone.Change{{After: &theirs[0]}}}); err != nil {
				t.Fatal(err)
			}
			r, err := p.Write(t.Context(), &base, provider.ChangeSet{Sets: []zone.Change{{After: &ours[0]}}})
			if provider.KindOf(err) != provider.Conflict || r.Count(provider.NotDone) != 1 {
				t.Errorf("%s beside %s: error %v, receipt %v; want a conflict", c.ours, c.theirs, err, r)
			}
		}
	})
}

// TestRejected: what can never be taken is refused before anything is sent.
func TestRejected(t *testing.T) {
	t.Parallel()
	p := open(t, "127.0.0.1:1", nil) // nobody is there to be asked
	base := &provider.Snapshot{Info: provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: origin}}, Sets: zone.Empty(origin)}
	apexNS := sets(t, ns)[0]
	good := sets(t, "www 300 A 192.0.2.1")[0]
	big := zone.RRset{Owner: good.Owner, Type: zone.TypeTXT, TTL: 300}
	for i := range 300 {
		big.Data = append(big.Data, zone.Data("\xff"+strings.Repeat(string(rune('a'+i%26)), 250)+fmt.Sprintf("%05d", i)))
	}
	extra := good
	extra.Extra = zone.ExtraOf(map[string]string{"octodns/dynamic": "{}"})
	for _, c := range []struct {
		name   string
		change zone.Change
		want   string
	}{
		{"no apex NS", zone.Change{Before: &apexNS}, "ignore the deletion of all apex NS"},
		{"SOA", zone.Change{After: &zone.RRset{Owner: origin, Type: zone.TypeSOA, Data: []zone.Data{"x"}}}, "owns the SOA"},
		{"ALIAS", zone.Change{After: &zone.RRset{Owner: origin, Type: zone.TypeALIAS, Data: []zone.Data{"\x00"}}}, "type ALIAS"},
		{"RRSIG", zone.Change{After: &zone.RRset{Owner: origin, Type: zone.TypeRRSIG, Data: []zone.Data{"\x00"}}}, "type RRSIG"},
		{"another zone", zone.Change{After: &zone.RRset{Owner: zone.MustName("example.net."), Type: zone.TypeA, Data: []zone.Data{"abcd"}}}, "not in zone"},
		{"too large", zone.Change{After: &big}, "one update message holds"},
		{"extra", zone.Change{After: &extra}, "octodns/dynamic"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{After: &good}, c.change}})
			if provider.KindOf(err) != provider.Rejected || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want a rejection that says %q", err, c.want)
			}
			if r != nil {
				t.Errorf("receipt %v; want none", r)
			}
		})
	}
}

// TestRRsetNearTheLimit: the values before and after do not fit into one message together.
func TestRRsetNearTheLimit(t *testing.T) {
	t.Parallel()
	each(t, apex, func(t *testing.T, s *testserver.Server, key *testserver.Key) {
		p := open(t, s.Addr, key)
		state := func(from, n int) []zone.RRset {
			set := zone.RRset{Owner: zone.MustName("big.example.org."), Type: zone.TypeTXT, TTL: 300}
			for i := range n {
				set.Data = append(set.Data, zone.Data("\xff"+strings.Repeat("x", 250)+fmt.Sprintf("%05d", from+i)))
			}
			return append(sets(t, ns), set.Clean())
		}
		for _, want := range [][]zone.RRset{state(0, 200), state(100, 200), state(1000, 200)} {
			snap := read(t, p)
			if _, err := p.Write(t.Context(), snap, to(t, snap, want)); err != nil {
				t.Fatalf("write: %v", err)
			}
			if again := to(t, read(t, p), want); !again.Empty() {
				t.Fatalf("planning again wants %d changes", len(again.Sets))
			}
		}
	})
}

// TestKilledInTheMiddle: a receipt never calls done what is lost, nor not done what is there.
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	each(t, apex, func(t *testing.T, s *testserver.Server, key *testserver.Key) {
		p := open(t, s.Addr, key)
		for round := range 3 {
			var b strings.Builder
			b.WriteString(ns)
			for i := range 5000 {
				fmt.Fprintf(&b, "h%d 300 A 192.0.%d.%d\n", i, round, i%250)
			}
			snap := read(t, p)
			c := to(t, snap, sets(t, b.String()))
			var r *provider.Receipt
			var err error
			var wg sync.WaitGroup
			wg.Go(func() { r, err = p.Write(t.Context(), snap, c) })
			// The kill comes when the server has taken some of it.
			for range 50 {
				_, ok, _ := ask(t.Context(), s.Addr, c.Sets[round*len(c.Sets)/4].Key())
				if ok {
					break
				}
			}
			s.Kill()
			wg.Wait()
			s.Restart(t)
			t.Logf("round %d: %v; %d done, %d not, %d unknown", round, err, r.Count(provider.Done), r.Count(provider.NotDone), r.Count(provider.Unknown))
			after := read(t, p)
			for i, change := range c.Sets {
				have, ok := after.Sets.Set(change.Key().Owner, change.Key().Type)
				is := func(want *zone.RRset) bool { return ok == (want != nil) && (!ok || have.Equal(*want)) }
				if r.Sets[i] == provider.Done && !is(change.After) || r.Sets[i] == provider.NotDone && !is(change.Before) {
					t.Fatalf("round %d: receipt says %q of %s, but the server holds %v", round, r.Sets[i], change.Key(), have)
				}
			}
			if r.Count(provider.Done) < len(c.Sets) && !errors.Is(err, provider.ErrNoZone) && provider.KindOf(err) != provider.Lost && provider.KindOf(err) != provider.Transient {
				t.Errorf("round %d: error %v; want one that says to look again", round, err)
			}
		}
	})
}
