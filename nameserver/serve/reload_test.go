package serve_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/serve"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

var everyone = serve.Policy{Transfer: xfr.Access{xfr.Everyone}}

// fetch transfers a zone; nil: that is refused, or as the log of the test says.
func fetch(t *testing.T, addr, origin string) (z *zone.Zone) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit)
	defer cancel()
	in := &xfr.In{
		Origin: zone.MustName(origin), Primaries: []xfr.Primary{{Addr: addr}},
		Publish: func(got *zone.Zone) error { z = got; return nil },
	}
	in.Step(ctx)
	if z == nil {
		t.Logf("%s is not transferred: %v", origin, in.Status().Err)
	}
	return z
}

// A name goes from what has it to what is configured to have it in one reload, and who may transfer
// a zone since then can, though it did not change.
func TestReloadHandsOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"a.example.zone": text(7, "192.0.2.1"), "b.example.zone": text(1, "192.0.2.1")})
	away := t.TempDir()
	origin := zone.MustName("a.example.")
	files := serve.Content{Folders: folder(h.dir)}
	var next atomic.Pointer[serve.Content]
	reload := make(chan struct{})
	ready := make(chan struct{}, 100)
	o := serve.Options{Content: files, Store: filepath.Join(t.TempDir(), "zones.db"), Ready: func() { ready <- struct{}{} }}
	o.Again = func() (serve.Content, error) { return *next.Load(), nil }
	s, addr, _ := start(t, o, reload)
	patience.Receive(t, "that the server is ready", ready)
	again := func(c serve.Content) {
		t.Helper()
		next.Store(&c)
		reload <- struct{}{}
		patience.Receive(t, "that the server is ready", ready)
	}
	if z := fetch(t, addr, "b.example."); z != nil {
		t.Error("b.example. was transferred though nobody may")
	}
	open := serve.Content{Folders: []serve.Folder{{Dir: h.dir, Policy: everyone}}}
	again(open)
	patience.Until(t, "b.example., which did not change, can be transferred since the reload", func() (any, bool) { z := fetch(t, addr, "b.example."); return z, z != nil })

	from := filepath.Join(away, "a.zone")
	if err := os.Rename(filepath.Join(h.dir, "a.example.zone"), from); err != nil {
		t.Fatal(err)
	}
	open.Primaries = []serve.Primary{{Origin: origin, From: from, Policy: everyone}}
	again(open)
	if got := s.Zones(); got["primary"] != 1 || got["file"] != 1 {
		t.Errorf("after one reload %v is served, want one zone of a file and one that is held", got)
	}
	patience.Until(t, "a.example. can be transferred", func() (any, bool) { z := fetch(t, addr, "a.example."); return z, z != nil })

	// A folder that is not there does not take away the zones of the one that it takes the place of.
	typo := open
	typo.Folders = folder(h.dir + "x")
	again(typo)
	if got := s.Zones(); got["primary"] != 1 || got["file"] != 1 {
		t.Errorf("after a reload with a folder that is not there %v is served, want one zone of a file and one that is held", got)
	}

	// By mistake it is to come from elsewhere; then not any more. The store still has it.
	open.Primaries = nil
	open.Secondaries = []serve.Secondary{{Origin: origin, Primaries: []xfr.Primary{{Addr: "127.0.0.1:9"}}}}
	again(open)
	open.Secondaries = nil
	again(open)
	_, err := os.Stat(o.Store)
	if got := s.Zones(); err != nil || got["primary"] != 1 {
		t.Errorf("%v is served, %v; want the zone that is held", got, err)
	}
}

// The catalog of a server that was started while a file is broken and a folder is not there still
// lists all zones: those who follow it would throw them away.
func TestCatalogKeepsWhatIsMissing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1"), "b.example.zone": text(1, "192.0.2.1"), "c.example.zone": text(1, "192.0.2.1")})
	g := newHouse(t, map[string]string{"d.example.zone": text(1, "192.0.2.1")})
	o := serve.Options{
		Store: filepath.Join(t.TempDir(), "zones.db"),
		Content: serve.Content{
			Folders: []serve.Folder{{Dir: h.dir}, {Dir: g.dir}},
			Produce: []serve.Produce{{Origin: zone.MustName("catalog.example."), Policy: everyone}},
		},
	}
	listed := func(addr string) string {
		z := fetch(t, addr, "catalog.example.")
		if z == nil {
			return "nothing"
		}
		members, err := xfr.ReadCatalog(z)
		if err != nil {
			t.Error(err)
		}
		var out []string
		for _, m := range members {
			out = append(out, m.Origin.Label(0))
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	_, addr, end := start(t, o, nil)
	if got := listed(addr); got != "a b c d" {
		t.Errorf("the catalog lists %q, want a b c d", got)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}

	h.write("a.example.zone", "broken (")
	away := g.dir + ".away"
	if err := os.Rename(g.dir, away); err != nil {
		t.Fatal(err)
	}
	_, addr, end = start(t, o, nil)
	if got := listed(addr); got != "a b c d" {
		t.Errorf("started with a broken file and without a folder, the catalog lists %q, want a b c d", got)
	}
	h.remove("b.example.zone") // which is meant
	patience.Until(t, "the zone that was taken out is not listed", func() (any, bool) { got := listed(addr); return got, got == "a c d" })
	if err := os.Rename(away, g.dir); err != nil {
		t.Fatal(err)
	}
	h.remove("a.example.zone")
	patience.Until(t, "with all in order the catalog lists what is there", func() (any, bool) { got := listed(addr); return got, got == "c d" })
	if err := end(); err != nil {
		t.Fatal(err)
	}
}
