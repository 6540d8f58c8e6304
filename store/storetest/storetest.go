package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/zone"
)

// Run runs the suite. open opens the same store again and again: what one handle has written,
// the next one must see. Closing is the suite's business.
func Run(t *testing.T, fresh func(t *testing.T) (open func() store.Store)) {
	for name, f := range map[string]func(*testing.T, func() store.Store){
		"journal survives a crash":      testCrash,
		"generations fence":             testFence,
		"generations grow with content": testGenerations,
		"history and versions":          testHistory,
		"what was created":              testCreated,
		"entries that are amended":      testAmend,
		"locks":                         testLocks,
		"many at once":                  testMany,
		"closed":                        testClosed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, fresh(t))
		})
	}
}

var (
	org    = zone.MustName("example.org.")
	target = plan.Target{Provider: "knot", Driver: "rfc2136", Zone: org}
)

func txt(owner, text string) *zone.RRset {
	n, err := zone.ParseNameIn(owner, org)
	if err != nil {
		panic(err)
	}
	return &zone.RRset{Owner: n, Type: zone.TypeTXT, TTL: 60, Data: []zone.Data{zone.Data(fmt.Sprintf("%c%s", len(text), text)), "\x02\xff\x00"}, Extra: zone.ExtraOf(map[string]string{"comment": owner, "raw": "\xfe"})}
}

func entry(t *testing.T, generation uint64, changes ...zone.Change) apply.Entry {
	t.Helper()
	want, err := zone.Of(org, *txt("www", fmt.Sprint(generation)))
	if err != nil {
		t.Fatal(err)
	}
	return apply.Entry{
		Run: "r1", Target: target, PlanID: "p1", Generation: generation, Observed: "o", Desired: "d",
		Changes: provider.ChangeSet{Sets: changes}, Want: want, Wish: want, Before: zone.Empty(org), Actor: "me@here", Reason: "because",
		Sources: []string{"config"}, Revision: "abc", Began: time.Now(),
	}
}

func begin(t *testing.T, s store.Store, e apply.Entry) int64 {
	t.Helper()
	id, err := s.Begin(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func openEntries(t *testing.T, s store.Store) []apply.Entry {
	t.Helper()
	var out []apply.Entry
	for e, err := range s.Open(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func testCrash(t *testing.T, open func() store.Store) {
	s := open()
	e := entry(t, 1, zone.Change{After: txt("a", "x")})
	id := begin(t, s, e)
	// The process dies here: the handle is not closed, and another one is opened.
	again := open()
	defer s.Close()
	defer again.Close()
	got := openEntries(t, again)
	if len(got) != 1 || got[0].ID != id || got[0].Target != target || !got[0].Want.Equal(e.Want) || !got[0].Before.Equal(e.Before) ||
		len(got[0].Changes.Sets) != 1 || !got[0].Changes.Sets[0].After.Equal(*txt("a", "x")) {
		t.Fatalf("open entries are %+v; want the one that was begun", got)
	}
	if err := again.Resolve(t.Context(), id, "applied"); err != nil {
		t.Fatal(err)
	}
	if got := openEntries(t, again); len(got) != 0 {
		t.Errorf("%d entries are open after Resolve", len(got))
	}
	if err := again.Resolve(t.Context(), id, "applied"); err == nil {
		t.Error("an entry was resolved twice")
	}
	if err := s.Finish(t.Context(), id, nil, nil); err == nil {
		t.Error("an entry that was resolved could be finished")
	}
}

func testFence(t *testing.T, open func() store.Store) {
	s := open()
	defer s.Close()
	begin(t, s, entry(t, 5))
	begin(t, s, entry(t, 5))
	begin(t, s, entry(t, 6))
	if _, err := s.Begin(t.Context(), entry(t, 5)); !errors.Is(err, apply.ErrStale) {
		t.Errorf("an older generation: %v; want ErrStale", err)
	}
	other := entry(t, 1)
	other.Target.Provider = "bind"
	begin(t, s, other)
	if got := len(openEntries(t, s)); got != 4 {
		t.Errorf("%d entries; want 4", got)
	}
}

func testGenerations(t *testing.T, open func() store.Store) {
	s := open()
	defer s.Close()
	net := zone.MustName("example.net.")
	for _, c := range []struct {
		org, net         string
		wantOrg, wantNet uint64
	}{{"a", "x", 1, 1}, {"a", "y", 1, 2}, {"b", "y", 2, 2}, {"a", "y", 3, 2}} {
		got, err := s.Generations(t.Context(), map[zone.Name]string{org: c.org, net: c.net})
		if err != nil || got[org] != c.wantOrg || got[net] != c.wantNet {
			t.Fatalf("Generations(%s, %s) = %v, %v; want %d, %d", c.org, c.net, got, err, c.wantOrg, c.wantNet)
		}
	}
}

func testHistory(t *testing.T, open func() store.Store) {
	s := open()
	defer s.Close()
	e := entry(t, 1, zone.Change{After: txt("a", "x")}, zone.Change{Before: txt("b", "x"), After: txt("b", "y")}, zone.Change{Before: txt("c", "x")})
	id := begin(t, s, e)
	r := provider.NewReceipt(e.Changes, provider.Done)
	r.Serial = 7
	if err := s.Finish(t.Context(), id, r, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Verified(t.Context(), id, apply.Verification{Checked: 3, Visible: 3}); err != nil {
		t.Fatal(err)
	}
	failed := begin(t, s, entry(t, 2))
	if err := s.Finish(t.Context(), failed, nil, errors.New("no luck")); err != nil {
		t.Fatal(err)
	}
	unknown := begin(t, s, entry(t, 3, zone.Change{After: txt("a", "x")}))
	if err := s.Finish(t.Context(), unknown, &provider.Receipt{Sets: []provider.Outcome{provider.Unknown}}, errors.New("lost")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for v, err := range s.History(t.Context(), store.Filter{Zone: &org}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %s %q %d/%d/%d", v.ID, v.Outcome, v.Error, v.Creates, v.Updates, v.Deletes))
		if v.ID == id && (v.Receipt == nil || v.Receipt.Serial != 7 || v.Verification == nil || v.Verification.Visible != 3 || v.Ended.Before(v.Began)) {
			t.Errorf("version is %+v", v)
		}
	}
	want := fmt.Sprintf("%d unknown \"lost\" 1/0/0, %d failed \"no luck\" 0/0/0, %d done \"\" 1/1/1", unknown, failed, id)
	if strings.Join(got, ", ") != want {
		t.Errorf("history is %s; want %s", strings.Join(got, ", "), want)
	}
	v, err := s.Version(t.Context(), id)
	if err != nil || !v.Applied() || !v.Want.Equal(e.Want) || !v.Wish.Equal(e.Wish) || len(v.Changes.Sets) != 3 || v.Reason != "because" || v.Sources[0] != "config" {
		t.Errorf("Version = %+v, %v", v, err)
	}
	if _, err := s.Version(t.Context(), 999); !errors.Is(err, store.ErrNoVersion) {
		t.Errorf("Version(999) = %v; want ErrNoVersion", err)
	}
	for _, f := range []store.Filter{{Provider: "bind"}, {Before: id}} {
		for v, err := range s.History(t.Context(), f) {
			if err != nil {
				t.Fatal(err)
			}
			t.Errorf("History(%+v) yields version %d", f, v.ID)
		}
	}
}

func testCreated(t *testing.T, open func() store.Store) {
	s := open()
	defer s.Close()
	e := entry(t, 1, zone.Change{After: txt("a", "x")}, zone.Change{After: txt("b", "x")}, zone.Change{Before: txt("c", "x"), After: txt("c", "y")})
	id := begin(t, s, e)
	r := provider.NewReceipt(e.Changes, provider.Done)
	r.Sets[1] = provider.NotDone
	if err := s.Finish(t.Context(), id, r, errors.New("half")); err != nil {
		t.Fatal(err)
	}
	check := func(want string) {
		t.Helper()
		made, err := s.Created(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, n := range []string{"a", "b", "c"} {
			if made(txt(n, "").Key()) {
				got += n
			}
		}
		if got != want {
			t.Errorf("created are %q; want %q", got, want)
		}
	}
	check("a")
	e = entry(t, 1, zone.Change{Before: txt("a", "x")})
	id = begin(t, s, e)
	if err := s.Finish(t.Context(), id, provider.NewReceipt(e.Changes, provider.Done), nil); err != nil {
		t.Fatal(err)
	}
	check("")
}

func testAmend(t *testing.T, open func() store.Store) {
	s := open()
	defer s.Close()
	e := entry(t, 1, zone.Change{After: txt("a", "x")})
	id := begin(t, s, e)
	want, err := zone.Of(org, *txt("a", "y"), *txt("www", "z"))
	if err != nil {
		t.Fatal(err)
	}
	sent := provider.ChangeSet{Sets: []zone.Change{{After: txt("a", "y")}, {Before: txt("b", "x")}}}
	if err := s.Amend(t.Context(), id, sent, want); err != nil {
		t.Fatal(err)
	}
	if got := openEntries(t, s); len(got) != 1 || !got[0].Want.Equal(want) || len(got[0].Changes.Sets) != 2 || !got[0].Changes.Sets[0].After.Equal(*txt("a", "y")) {
		t.Errorf("open entries are %+v; want what was amended", got)
	}
	if err := s.Finish(t.Context(), id, provider.NewReceipt(sent, provider.Done), nil); err != nil {
		t.Fatal(err)
	}
	v, err := s.Version(t.Context(), id)
	if err != nil || !v.Want.Equal(want) || !v.Wish.Equal(e.Wish) || v.Creates != 1 || v.Deletes != 1 {
		t.Errorf("Version = %+v, %v; want what was amended", v, err)
	}
	for _, id := range []int64{id, 999} {
		if err := s.Amend(t.Context(), id, e.Changes, e.Want); !errors.Is(err, store.ErrNoVersion) {
			t.Errorf("Amend(%d) of an entry that is not open: %v; want ErrNoVersion", id, err)
		}
	}
}

func testLocks(t *testing.T, open func() store.Store) {
	s := open()
	defer s.Close()
	a, err := s.Lock(t.Context(), target, "r1")
	if err != nil || a.Waited {
		t.Fatal(a, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Lock(ctx, target, "r2"); err == nil {
		t.Fatal("a target was locked twice")
	}
	other := target
	other.Provider = "bind"
	o, err := s.Lock(t.Context(), other, "r2")
	if err != nil || o.Waited {
		t.Fatal("another target waits", err)
	}
	o.Unlock()
	got := make(chan apply.Lease)
	go func() {
		b, err := s.Lock(t.Context(), target, "r2")
		if err != nil {
			t.Error(err)
		}
		got <- b
	}()
	select {
	case <-got:
		t.Fatal("a target was locked twice")
	case <-time.After(20 * time.Millisecond):
	}
	a.Unlock()
	b := <-got
	if !b.Waited || b.Fence <= a.Fence {
		t.Errorf("second lease is %+v after %+v; want a greater fence, waited", b, a)
	}
	b.Unlock()
}

func testMany(t *testing.T, open func() store.Store) {
	s := open()
	defer s.Close()
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			e := entry(t, 1)
			e.Target.Provider = fmt.Sprint("p", i)
			if i%10 == 0 { // one that is refused must not take others of its batch with it
				e.Generation = 9
				begin(t, s, e)
				e.Generation = 1
				if _, err := s.Begin(t.Context(), e); !errors.Is(err, apply.ErrStale) {
					t.Errorf("Begin = %v; want ErrStale", err)
				}
				return
			}
			id := begin(t, s, e)
			if err := s.Finish(t.Context(), id, nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(openEntries(t, s)); got != 10 {
		t.Errorf("%d entries are open; want 10", got)
	}
}

func testClosed(t *testing.T, open func() store.Store) {
	s := open()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(t.Context(), entry(t, 1)); err == nil {
		t.Error("a closed store takes entries")
	}
}
