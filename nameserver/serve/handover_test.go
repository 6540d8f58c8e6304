package serve_test

import (
	"context"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/serve"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// A tenant is a server whose content changes by reloads.
type tenant struct {
	*testing.T
	addr   string
	server *serve.Server
	next   atomic.Pointer[serve.Content]
	reload chan struct{}
	ready  chan struct{}

	mu      sync.Mutex
	said    []finding.Finding
	changed []serve.Change // of files
}

func (x *tenant) changes() []serve.Change {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.changed)
}

func newTenant(t *testing.T, c serve.Content) *tenant {
	t.Helper()
	x := &tenant{T: t, reload: make(chan struct{}), ready: make(chan struct{}, 1000)}
	x.next.Store(&c)
	o := serve.Options{
		Content: c, Store: filepath.Join(t.TempDir(), "zones.db"),
		Ready: func() { x.ready <- struct{}{} },
		Again: func() (serve.Content, error) { return *x.next.Load(), nil },
		Report: func(r serve.Report) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.changed = append(x.changed, r.Changes...)
		},
		Log: func(f finding.Finding) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.said = append(x.said, f)
		},
	}
	x.server, x.addr, _ = start(t, o, x.reload)
	patience.Receive(t, "that the server is ready", x.ready)
	return x
}

func (x *tenant) become(c serve.Content) {
	x.Helper()
	x.next.Store(&c)
	x.reload <- struct{}{}
	patience.Receive(x.T, "that the reload is done", x.ready)
}

// heard are the findings of an id, each with its severity.
func (x *tenant) heard(id string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []string
	for _, f := range x.said {
		if f.ID == id {
			out = append(out, f.Severity.String()+": "+f.Text)
		}
	}
	return strings.Join(out, "\n")
}

// watch asks for www.a.example. without pause until stop, over UDP and TCP and by transfers: there is
// always an answer, and never an older one than before.
func (x *tenant) watch() (stop func()) {
	ctx, cancel := context.WithCancel(x.Context())
	var asking sync.WaitGroup
	for i, network := range []string{"udp", "tcp"} {
		c := dial(x.T, network, x.addr)
		asking.Go(func() {
			for newest, n := byte(0), 0; ctx.Err() == nil; n++ {
				rcode, last, err := ask(c, i == 1, "www.a.example.")
				if err != nil || rcode != 0 || last < newest {
					x.Errorf("over %s, after %d answers: RCODE %d, 192.0.2.%d after 192.0.2.%d, %v", network, n, rcode, last, newest, err)
					return
				}
				newest = last
			}
		})
	}
	asking.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			if fetch(x.T, x.addr, "a.example.") == nil && ctx.Err() == nil {
				x.Errorf("transfer %d: refused", n)
				return
			}
		}
	})
	return sync.OnceFunc(func() { cancel(); asking.Wait() })
}

// answers waits until www.a.example. has 192.0.2.last.
func (x *tenant) answers(last byte) {
	x.Helper()
	c := dial(x.T, "udp", x.addr)
	patience.Until(x.T, "a.example. is answered from where it is to be", func() (any, bool) {
		rcode, got, err := ask(c, false, "www.a.example.")
		return []any{rcode, got, err}, err == nil && rcode == 0 && got == last
	})
}

// A zone goes from holder to holder by reloads, through all kinds; who asks meanwhile notices nothing
// but the new content.
func TestHandOversLeaveNoGap(t *testing.T) {
	t.Parallel()
	origin := zone.MustName("a.example.")
	in := func(last byte) []serve.Folder {
		address := netip.AddrFrom4([4]byte{192, 0, 2, last}).String()
		h := newHouse(t, map[string]string{"a.example.zone": text(int(last), address), "b.example.zone": text(1, address)})
		return []serve.Folder{{Dir: h.dir, Policy: everyone}}
	}
	transferred := func(last byte) []serve.Secondary {
		_, addr, _ := start(t, serve.Options{Content: serve.Content{Folders: in(last)}}, nil)
		return []serve.Secondary{{Origin: origin, Primaries: []xfr.Primary{{Addr: addr}}, Policy: everyone}}
	}
	other := newHouse(t, map[string]string{"b.example.zone": text(1, "192.0.2.1")})
	rest := []serve.Folder{{Dir: other.dir, Policy: everyone}}

	x := newTenant(t, serve.Content{Folders: in(1)})
	x.answers(1)
	stop := x.watch()
	defer stop()
	for round := range byte(5) {
		x.become(serve.Content{Folders: in(round*10 + 2)}) // from one folder to another
		x.answers(round*10 + 2)
		x.become(serve.Content{Folders: rest, Secondaries: transferred(round*10 + 3)}) // and out of the folders
		x.answers(round*10 + 3)
		x.become(serve.Content{Folders: in(round*10 + 4)}) // back into one
		x.answers(round*10 + 4)
	}
	// Into the store from a file that stays in its folder, and is left out from then on.
	folders := in(60)
	from := filepath.Join(folders[0].Dir, "a.example.zone")
	x.become(serve.Content{Folders: folders})
	x.answers(60)
	held := []serve.Primary{{Origin: origin, From: from, Policy: everyone}}
	x.become(serve.Content{Folders: folders, Primaries: held})
	if got := x.server.Zones(); got["primary"] != 1 || got["file"] != 1 {
		t.Errorf("%v is served, want one zone that is held here and one of a file", got)
	}
	stop()
	if said := x.heard("zones-former"); strings.Contains(said, "error") {
		t.Errorf("said:\n%s", said)
	}

	// From secondary into the store.
	y := newTenant(t, serve.Content{Secondaries: transferred(70)})
	y.answers(70)
	stop = y.watch()
	last := in(71)
	y.become(serve.Content{Folders: last, Primaries: []serve.Primary{{Origin: origin, From: filepath.Join(last[0].Dir, "a.example.zone"), Policy: everyone}}})
	y.answers(71)
	stop()
	if got := y.server.Zones(); got["primary"] != 1 || got["file"] != 1 {
		t.Errorf("%v is served, want one zone that is held here and one of a file", got)
	}
	for _, c := range y.changes() {
		if c.Origin == origin {
			t.Errorf("the file that is left out had the zone: %+v", c)
		}
	}
}

// When who is to have a zone cannot get it, what was is answered on, and said so.
func TestHandOverThatDoesNotCome(t *testing.T) {
	t.Parallel()
	origin := zone.MustName("a.example.")
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1"), "b.example.zone": text(1, "192.0.2.1")})
	rest := newHouse(t, map[string]string{"b.example.zone": text(1, "192.0.2.1")})
	files := []serve.Folder{{Dir: h.dir, Policy: everyone}}
	x := newTenant(t, serve.Content{Folders: files})
	x.answers(1)
	stop := x.watch()
	defer stop()

	nobody := []serve.Secondary{{Origin: origin, Primaries: []xfr.Primary{{Addr: "127.0.0.1:9"}}, Policy: everyone}}
	x.become(serve.Content{Folders: folder(rest.dir), Secondaries: nobody})
	x.answers(1)
	if said := x.heard("zones-former"); !strings.Contains(said, "warning: zone a.example. is to be served from its primaries, as secondary, where it is not yet; until then it is answered as it was when served from "+h.dir+"/a.example.zone, with serial 1, but not after ") {
		t.Errorf("said %q", said)
	}
	if got := x.server.Zones(); got["secondary"] != 1 {
		t.Errorf("%v is served, want one secondary zone", got)
	}
	// Held here, and nobody has made it yet.
	x.become(serve.Content{Folders: folder(rest.dir), Primaries: []serve.Primary{{Origin: origin, Policy: everyone}}})
	x.answers(1)
	if said := x.heard("zones-former"); !strings.HasSuffix(said, "serial 1") && !strings.Contains(said, "the store, where it is held as primary, where it is not yet") {
		t.Errorf("said %q", said)
	}
	// Read from a folder where its file is broken, and then mended.
	broken := newHouse(t, map[string]string{"a.example.zone": "$TTL 300\n@ SOA (", "b.example.zone": text(1, "192.0.2.1")})
	x.become(serve.Content{Folders: files})
	x.become(serve.Content{Folders: []serve.Folder{{Dir: broken.dir, Policy: everyone}}})
	x.answers(1)
	if said := x.heard("zones-former"); !strings.Contains(said, "is to be served from "+broken.dir+"/a.example.zone, where it is not yet") {
		t.Errorf("said %q", said)
	}
	broken.write("a.example.zone", text(2, "192.0.2.2"))
	x.answers(2)

	stop()

	// What nobody is to have is withdrawn.
	x.become(serve.Content{Folders: folder(rest.dir)})
	if rcode, _, err := ask(dial(t, "udp", x.addr), false, "www.a.example."); err != nil || rcode != 5 {
		t.Errorf("a zone that nobody has: RCODE %d, %v; want REFUSED", rcode, err)
	}
}

// What is answered in place of a secondary zone that does not come ends when its SOA says, and comes back
// with who has the zone then.
func TestFormerVersionExpires(t *testing.T) {
	t.Parallel()
	short := strings.Replace(text(1, "192.0.2.1"), "7200 900 1209600", "1 1 1", 1) // 2 s
	h := newHouse(t, map[string]string{"a.example.zone": short})
	x := newTenant(t, serve.Content{Folders: folder(h.dir)})
	x.answers(1)
	began := time.Now()
	nobody := []serve.Secondary{{Origin: zone.MustName("a.example."), Primaries: []xfr.Primary{{Addr: "127.0.0.1:9"}}}}
	x.become(serve.Content{Secondaries: nobody})
	c := dial(t, "udp", x.addr)
	patience.Until(t, "the zone is answered with SERVFAIL", func() (any, bool) {
		rcode, _, err := ask(c, false, "www.a.example.")
		return []any{rcode, err}, err == nil && rcode == 2
	})
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("it ended after %v, and its SOA says 2 s", took)
	}
	patience.Until(t, "it is said", func() (any, bool) {
		said := x.heard("zones-former")
		return said, strings.Contains(said, "error: zone a.example. has not come from its primaries")
	})
	x.become(serve.Content{Folders: folder(h.dir)})
	x.answers(1)
}
