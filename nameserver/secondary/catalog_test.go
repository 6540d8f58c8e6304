package secondary_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/zone"
)

var (
	cat  = name("cat.example.")
	cat2 = name("cat2.example.")
)

// follower is a server with a catalog, and Zones that follow it.
type follower struct {
	t *testing.T
	book
	*server
	*secondary.Zones
	disk *disk
	c    secondary.Config
}

func follow(t *testing.T, s *server, c ...secondary.Catalog) *follower {
	f := &follower{t: t, server: s, disk: newDisk(), c: secondary.Config{Catalogs: c}}
	f.Zones = zonesFor(&f.book, f.disk)
	set(t, f.Zones, f.c)
	return f
}

// publishes has the server publish a version of the catalog, which is asked for.
func (f *follower) publishes(z *zone.Zone) {
	f.t.Helper()
	f.put(z)
	if err := f.Refresh(z.Origin()); err != nil {
		f.t.Fatal(err)
	}
	synctest.Wait()
}

// expect compares what is answered and, as nothing here is lost on the way, what is on disk.
func (f *follower) expect(when, want string) {
	f.t.Helper()
	f.want(f.t, when, want)
}

func (f *follower) finding(id, text string) {
	f.t.Helper()
	got := f.said(id)
	if text == "" && len(got) > 0 || text != "" && (len(got) != 1 || !strings.Contains(got[0], text)) {
		f.t.Errorf("findings %q; want %q", got, text)
	}
}

func TestCatalogIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(version(t, org, 1), version(t, net1, 7), list(t, cat, 1, "example.org.=a"))
		f := follow(t, s, secondary.Catalog{Origin: cat, Source: s.source(), Members: s.source()})
		stop := run(t, f.Zones)
		synctest.Wait()
		f.expect("at the start", "example.org. 1")
		f.publishes(list(t, cat, 2, "example.org.=a", "example.net.=b"))
		f.expect("with a second member", "example.net. 7, example.org. 1")
		if got, want := f.disk.String(), "cat.example. 2, example.net. 7, example.org. 1"; got != want {
			t.Errorf("on disk are %q, want %q", got, want)
		}
		// A broken version changes nothing.
		broken, err := zone.Of(cat, setOf(t, list(t, cat, 3), cat, zone.TypeSOA), setOf(t, list(t, cat, 3), cat, zone.TypeNS))
		if err != nil {
			t.Fatal(err)
		}
		f.publishes(broken)
		f.expect("after a broken version", "example.net. 7, example.org. 1")
		f.finding("catalog-broken", "no version.cat.example. TXT")
		// Another id: the zone is set up anew, even with an older serial.
		s.put(version(t, net1, 3))
		f.publishes(list(t, cat, 4, "example.org.=a", "example.net.=c"))
		f.expect("after a reset", "example.net. 3, example.org. 1")
		f.publishes(list(t, cat, 5, "example.net.=c"))
		f.expect("without the first", "example.net. 3")
		if got, want := f.disk.String(), "cat.example. 5, example.net. 3"; got != want {
			t.Errorf("on disk are %q, want %q", got, want)
		}
		st := f.Status()
		if len(st) != 2 || !st[0].Lists || st[0].Members != 1 || st[1].Catalog != cat || st[1].Serial != 3 {
			t.Errorf("status %+v", st)
		}
		// After a start all is there at once, though the primary is not.
		stop()
		s.set(true)
		f.Zones = zonesFor(&f.book, f.disk)
		set(t, f.Zones, f.c)
		f.expect("after a start", "example.net. 3")
		stop = run(t, f.Zones)
		later(time.Hour)
		f.expect("an hour after a start", "example.net. 3")
		// Without the catalog there are no members.
		set(t, f.Zones, secondary.Config{})
		f.expect("without the catalog", "")
		if got := f.disk.String(); got != "" {
			t.Errorf("on disk are %q", got)
		}
		stop()
	})
}

func setOf(t *testing.T, z *zone.Zone, owner zone.Name, k zone.Type) zone.RRset {
	t.Helper()
	set, ok := z.Set(owner, k)
	if !ok {
		t.Fatalf("no %s %s", owner, k)
	}
	return set
}

// Members with a group come from that group's primaries, and change over when the group does.
func TestGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newServer(version(t, org, 1), list(t, cat, 1, "example.org."))
		b := newServer(version(t, org, 5))
		other := b.source()
		other.Primaries[0].Addr = "192.0.2.2:53"
		f := follow(t, a, secondary.Catalog{Origin: cat, Source: a.source(), Members: a.source(), Groups: []secondary.Group{{Name: "b", Source: other}}})
		stop := run(t, f.Zones)
		synctest.Wait()
		f.expect("without a group", "example.org. 1")
		f.publishes(list(t, cat, 2, "example.org.+b"))
		f.expect("with a group", "example.org. 5")
		if st := f.Status()[1]; st.Group != "b" || st.From != "192.0.2.2:53" || st.Changes+st.Whole != 1 {
			t.Errorf("status %+v", st)
		}
		// A reload of the same configuration asks nobody.
		before := b.questions()
		set(t, f.Zones, f.c)
		synctest.Wait()
		if got := b.questions(); got != before {
			t.Errorf("asked %d times after a reload", got-before)
		}
		// Another setting of the catalog asks nobody for its members either, and it goes on.
		f.c.Catalogs[0].Grace = time.Hour
		set(t, f.Zones, f.c)
		synctest.Wait()
		if st := f.Status()[1]; b.questions() != before || st.Catalog != cat || st.Group != "b" {
			t.Errorf("asked %d times after another setting; %+v", b.questions()-before, st)
		}
		f.publishes(list(t, cat, 3, "example.org."))
		f.expect("without the group again", "example.org. 5") // that primary has an older serial
		f.publishes(list(t, cat, 4))
		f.expect("without members", "")
		stop()
	})
}

// What somebody else has is not taken over, and said once; it is when that one lets it go.
func TestClashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(version(t, org, 1), version(t, net1, 7), list(t, cat, 1, "example.org.", "example.net.", "cat2.example."), list(t, cat2, 1, "example.org."))
		c := secondary.Catalog{Origin: cat, Source: s.source(), Members: s.source()}
		c2 := c
		c2.Origin = cat2
		f := &follower{t: t, server: s, disk: newDisk(), c: secondary.Config{Catalogs: []secondary.Catalog{c, c2}}}
		f.Zones = zonesFor(&f.book, f.disk)
		file := true
		f.Taken = func(origin zone.Name) string {
			if origin == net1 && file {
				return "a zone file"
			}
			return ""
		}
		set(t, f.Zones, f.c)
		stop := run(t, f.Zones)
		later(time.Second)
		f.expect("with a file", "example.org. 1")
		said := strings.Join(f.said("catalog-clash"), "\n")
		for _, want := range []string{"served from a zone file", "catalog cat.example. has it and does not hand it over", "it is a catalog itself"} {
			if !strings.Contains(said, want) && !strings.Contains(strings.ReplaceAll(said, "cat2.example. has", "cat.example. has"), want) {
				t.Errorf("findings %s; want %q", said, want)
			}
		}
		owner := f.Status()[2].Catalog
		file = false
		f.Recheck(t.Context())
		synctest.Wait()
		f.expect("when the file has gone", "example.net. 7, example.org. 1")
		// The owner hands it over: the version stays, as the id is the same.
		heir := cat2
		if owner == cat2 {
			heir = cat
		}
		s.put(version(t, org, 2))
		transfers := func() int { st := f.Status()[3]; return st.Whole + st.Changes }
		f.publishes(list(t, owner, 2, "example.org.>"+heir.String(), "example.net."))
		if st := f.Status()[3]; st.Origin != org || st.Catalog != heir || transfers() != 0 {
			t.Errorf("after it was handed over: %+v", st)
		}
		// The configuration takes it.
		c3 := f.c
		c3.Zones = []secondary.Zone{{Origin: org, Source: s.source()}}
		set(t, f.Zones, c3)
		f.publishes(list(t, heir, 2))
		if st := f.Status()[len(f.Status())-1]; st.Origin != org || !st.Catalog.IsRoot() {
			t.Errorf("after the configuration took it: %+v", st)
		}
		stop()
	})
}

// many is the names of n members.
func many(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("m%02d.example.", i))
	}
	return out
}

// Much that goes at once is kept for a time, or until somebody accepts it.
func TestLossIsHeld(t *testing.T) {
	for _, c := range []struct {
		name     string
		signed   bool
		have     int // members
		left     int
		grace    time.Duration
		accept   bool
		restart  bool
		atOnce   int // answered at once
		tomorrow int
		finding  string
	}{
		{"all, signed", true, 12, 0, 0, false, false, 12, 0, "take away or reset 12 of 12"},
		{"all, signed, with a start between", true, 12, 0, 0, false, true, 12, 0, "take away or reset 12 of 12"},
		{"most, signed", true, 12, 5, 0, false, false, 12, 5, "take away or reset 7 of 12"},
		{"all, unsigned", false, 12, 0, 0, false, false, 12, 12, "until that is accepted"},
		{"all, unsigned, with a start between", false, 12, 0, 0, false, true, 12, 12, "until that is accepted"},
		{"all, accepted", false, 12, 0, 0, true, false, 0, 0, "take away or reset 12 of 12"},
		{"half", false, 12, 6, 0, false, false, 6, 6, ""},
		{"all of three", false, 3, 0, 0, false, false, 0, 0, ""},
		{"all of four", true, 4, 0, time.Hour, false, false, 4, 0, "take away or reset 4 of 4"},
		{"all, without grace", false, 12, 0, -1, false, false, 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(list(t, cat, 1, many(0, c.have)...))
				for _, m := range many(0, c.have+1) {
					s.put(version(t, name(m), 1))
				}
				src := s.source()
				if c.signed {
					src = s.signed()
				}
				f := follow(t, s, secondary.Catalog{Origin: cat, Source: src, Members: src, Grace: c.grace})
				stop := run(t, f.Zones)
				later(time.Second)
				// What comes is followed at once.
				left := append(many(0, c.left), many(c.have, c.have+1)...)
				if c.left == 0 {
					left = nil
				}
				f.publishes(list(t, cat, 2, left...))
				if c.accept {
					if err := f.Accept(cat); err != nil {
						t.Error(err)
					}
				} else if err := f.Accept(name("other.")); !errors.Is(err, secondary.ErrNoZone) {
					t.Errorf("Accept of no catalog: %v", err)
				}
				if c.restart {
					stop()
					f.Zones = zonesFor(&f.book, f.disk)
					set(t, f.Zones, f.c)
					stop = run(t, f.Zones)
				}
				later(time.Second)
				extra := 0
				if left != nil {
					extra = 1
				}
				if got := f.count(); got != c.atOnce+extra {
					t.Errorf("%d zones at once, want %d: %s", got, c.atOnce+extra, &f.book)
				}
				if st := f.Status()[0]; !c.restart && st.Kept != c.atOnce-c.left {
					t.Errorf("%d are kept, want %d", st.Kept, c.atOnce-c.left)
				}
				if !c.restart && !c.accept {
					f.finding("catalog-loss", c.finding)
				}
				later(23 * time.Hour)
				if got := f.count(); c.grace == 0 && got != c.atOnce+extra {
					t.Errorf("%d zones after 23 hours, want %d", got, c.atOnce+extra)
				}
				later(2 * time.Hour)
				if got := f.count(); got != c.tomorrow+extra {
					t.Errorf("%d zones after a day, want %d: %s", got, c.tomorrow+extra, &f.book)
				}
				if err := f.Accept(cat); (c.tomorrow == c.left) != errors.Is(err, secondary.ErrNothingHeld) {
					t.Errorf("Accept after a day: %v", err)
				}
				stop()
			})
		})
	}
}

// A list that comes back is as if nothing had been.
func TestLossThatWasAMistake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(list(t, cat, 1, many(0, 12)...))
		for _, m := range many(0, 12) {
			s.put(version(t, name(m), 1))
		}
		f := follow(t, s, secondary.Catalog{Origin: cat, Source: s.signed(), Members: s.signed()})
		stop := run(t, f.Zones)
		later(time.Second)
		f.publishes(list(t, cat, 2))
		f.publishes(list(t, cat, 3, many(0, 12)...))
		puts := f.count()
		later(48 * time.Hour)
		if got := f.count(); got != 12 || puts != 12 {
			t.Errorf("%d zones, then %d; want 12", puts, got)
		}
		for _, st := range f.Status()[1:] {
			if st.Whole != 1 || st.Unlisted {
				t.Errorf("%+v; want one transfer", st)
			}
		}
		stop()
	})
}

func TestTooManyMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(list(t, cat, 1, "example.org."), version(t, org, 1))
		f := follow(t, s, secondary.Catalog{Origin: cat, Source: s.source(), Members: s.source(), Limit: 3})
		stop := run(t, f.Zones)
		synctest.Wait()
		f.publishes(list(t, cat, 2, many(0, 4)...))
		f.expect("with too many", "example.org. 1")
		f.finding("catalog-broken", "it has 4 members, and 3 are allowed")
		stop()
	})
}
