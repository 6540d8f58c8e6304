package secondary_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A peer is a real server that is the primary of example.org, with the timers of apex, and tells us
// of new versions.
type peer struct {
	addr    string
	change  func() // serial 2, with www
	text    func() string
	changes bool // it answers IXFR with changes
}

// static is what does not change, so that changes are shorter than the zone.
var static = func() string {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "h%d 300 A 192.0.2.1\n", i)
	}
	return b.String()
}()

// second is the version that change makes.
var second = strings.Replace(apex, " 1 7200", " 2 7200", 1) + static + "www 300 A 192.0.2.80\n"

func addWWW(t *testing.T, addr string, key *testserver.Key) func() {
	return func() {
		t.Helper()
		m := wire.Update(org)
		m.Authority = []wire.Record{{Owner: name("www.example.org."), Type: zone.TypeA, Class: wire.ClassIN, TTL: 300, Data: "\xc0\x00\x02\x50"}}
		update(t, addr, key, m)
	}
}

var peers = map[string]func(t *testing.T, us string, key *testserver.Key) peer{
	"BIND": func(t *testing.T, us string, key *testserver.Key) peer {
		s := testserver.BIND(t, testserver.BINDOptions{
			Zones: map[string]string{"example.org.": apex + static}, TSIG: key,
			ZoneOptions: fmt.Sprintf("notify explicit; notify-delay 0; also-notify { 127.0.0.1 port %s key %q; };", port(t, us), key.Name),
		})
		return peer{s.Addr, addWWW(t, s.Addr, key), func() string { return s.ZoneText(t, "example.org.") }, true}
	},
	"Knot": func(t *testing.T, us string, key *testserver.Key) peer {
		s := testserver.Knot(t, testserver.KnotOptions{
			Zones: map[string]string{"example.org.": apex + static}, TSIG: key, ZoneOptions: "notify: us",
			Config: fmt.Sprintf("remote:\n  - id: us\n    address: 127.0.0.1@%s\n    key: %q\n", port(t, us), key.Name),
		})
		return peer{s.Addr, addWWW(t, s.Addr, key), func() string { return s.ZoneText(t, "example.org.") }, true}
	},
	// It works out what has changed when it reads a zone file again.
	"NSD": func(t *testing.T, us string, key *testserver.Key) peer {
		s := testserver.NSD(t, testserver.NSDOptions{
			Zones: map[string]string{"example.org.": apex + static}, TSIG: key,
			ZoneOptions: fmt.Sprintf("\tnotify: 127.0.0.1@%s %s\n\tstore-ixfr: yes\n\tcreate-ixfr: yes\n", port(t, us), key.Name),
		})
		return peer{s.Addr, func() {
			files, err := filepath.Glob(filepath.Join(s.Dir, "example.org*"))
			if err != nil || len(files) != 1 {
				t.Fatalf("zone files %q, %v", files, err)
			}
			if err := os.WriteFile(files[0], []byte("$ORIGIN example.org.\n"+second), 0o600); err != nil {
				t.Fatal(err)
			}
			s.Reload(t)
		}, func() string { return s.ZoneText(t, "example.org.") }, true}
	},
	"PowerDNS": func(t *testing.T, us string, key *testserver.Key) peer {
		s := testserver.PowerDNS(t, testserver.PowerDNSOptions{
			Zones: map[string]string{"example.org.": apex + static}, Kind: "Master", TSIG: key,
			Config: "xfr-cycle-interval=1\nalso-notify=127.0.0.1:" + port(t, us) + "\nonly-notify=",
		})
		return peer{s.Addr, func() {
			record := func(content string) []map[string]any { return []map[string]any{{"content": content}} }
			err := s.Call(http.MethodPatch, "/api/v1/servers/localhost/zones/example.org.", map[string]any{"rrsets": []map[string]any{
				{"name": "www.example.org.", "type": "A", "ttl": 300, "changetype": "REPLACE", "records": record("192.0.2.80")},
				{"name": "example.org.", "type": "SOA", "ttl": 3600, "changetype": "REPLACE", "records": record("ns1.example.edu. hostmaster.example.edu. 2 7200 900 1209600 300")},
			}}, nil)
			if err != nil {
				t.Fatal(err)
			}
		}, func() string { return s.AXFR(t, "example.org.", key) }, false}
	},
}

// Each primary's NOTIFY, signed or not, wakes us: the refresh timer is two hours. What came is what
// the primary has.
func TestNotifyOfPrimaries(t *testing.T) {
	t.Parallel()
	for kind, start := range peers {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			theirs, ours := dnstest.Key(t)
			n := startNode(t, ours)
			p := start(t, n.addr, theirs)
			set(t, n.Zones, secondary.Config{Zones: []secondary.Zone{{Origin: org, Source: secondary.Source{Primaries: []xfr.Primary{{Addr: p.addr, Key: ours}}}}}})
			dnstest.Await(t, n.addr, org, "1")
			p.change()
			dnstest.Await(t, n.addr, org, "2")
			z, err := n.Zone(org)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(p.text(), dnstest.Text(t, z)); diff != "" {
				t.Errorf("(-%s +ours):\n%s", kind, diff)
			}
			if diff := cmp.Diff(dnstest.Text(t, dnstest.Zone(t, org, second)), dnstest.Text(t, z)); diff != "" {
				t.Errorf("(-want +ours):\n%s", diff)
			}
			if st := n.Status()[0]; (st.Whole == 1 && st.Changes == 1) != p.changes {
				t.Errorf("%d transfers of the whole zone, %d of changes", st.Whole, st.Changes)
			}
		})
	}
}

// A primary that does not know our key, or knows another secret, gives us nothing, and we say why.
func TestPrimariesRefuseWrongKeys(t *testing.T) {
	t.Parallel()
	for kind, start := range peers {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			theirs, _ := dnstest.Key(t)
			_, unknown := dnstest.Key(t)
			forged := *unknown
			forged.Name = name(theirs.Name)
			n := startNode(t, unknown)
			p := start(t, n.addr, theirs)
			for what, key := range map[string]*wire.Key{"an unknown key": unknown, "another secret": &forged, "no key": nil} {
				set(t, n.Zones, secondary.Config{})
				set(t, n.Zones, secondary.Config{Zones: []secondary.Zone{{Origin: org, Source: secondary.Source{Primaries: []xfr.Primary{{Addr: p.addr, Key: key}}}}}})
				patience.Until(t, what+": a round is over", func() (any, bool) { st := n.Status()[0]; return st, st.Loaded || st.Err != nil })
				if st := n.Status()[0]; st.Loaded || dnstest.Answer(n.addr, org) != "SERVFAIL" {
					t.Errorf("%s: the zone came: %+v", what, st)
				} else if kind != "NSD" && key != nil && !strings.Contains(st.Err.Error(), "BAD") && !strings.Contains(st.Err.Error(), "knows the key") {
					t.Errorf("%s: error %v; want the reason", what, st.Err)
				}
			}
		})
	}
}

// One test of what happens with a primary in the course of time: it is set back to an older serial,
// is away for longer than the zone lasts, and comes back; in the end it falls silent in the middle of
// a transfer.
func TestPrimaryInTrouble(t *testing.T) {
	t.Parallel()
	short := func(serial, expire int, more string) string {
		return fmt.Sprintf("@ 3600 SOA ns1.example.edu. hostmaster.example.edu. %d 1 1 %d 300\n@ 3600 NS ns1.example.edu.\n$GENERATE 1-500 h$ 300 A 192.0.2.1\n%s", serial, expire, more)
	}
	theirs, ours := dnstest.Key(t)
	n := startNode(t, ours)
	s := testserver.BIND(t, testserver.BINDOptions{Zones: map[string]string{"example.org.": short(5, 1209600, "")}, TSIG: theirs})
	var silent atomic.Bool
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, addr)
		if err == nil && network == "tcp" && silent.Load() {
			return &deaf{Conn: c, left: 500}, nil
		}
		return c, err
	}
	src := secondary.Source{Primaries: []xfr.Primary{{Addr: s.Addr, Key: ours, Dial: dial, Timeout: time.Second}}}
	set(t, n.Zones, secondary.Config{Zones: []secondary.Zone{{Origin: org, Source: src}}})
	dnstest.Await(t, n.addr, org, "5")

	s.Rewrite(t, "example.org.", short(3, 3, ""))
	patience.Until(t, "the older serial was seen", func() (any, bool) { st := n.Status()[0]; return st, st.Older == s.Addr })
	if dnstest.Answer(n.addr, org) != "5" {
		t.Errorf("answered is %s, want the newer version", dnstest.Answer(n.addr, org))
	}
	if err := n.Retransfer(org); err != nil {
		t.Error(err)
	}
	dnstest.Await(t, n.addr, org, "3")

	s.Stop()
	dnstest.Await(t, n.addr, org, "SERVFAIL")
	if st := n.Status()[0]; !st.Expired || st.Err == nil {
		t.Errorf("status %+v", st)
	}
	s.Restart(t)
	dnstest.Await(t, n.addr, org, "3")

	silent.Store(true)
	s.Rewrite(t, "example.org.", short(7, 1209600, "new 300 A 192.0.2.2\n"))
	patience.Until(t, "a transfer has failed", func() (any, bool) {
		err := n.Status()[0].Err
		return err, err != nil && strings.Contains(err.Error(), "transfer") && strings.Contains(err.Error(), "no answer in time")
	})
	if got := dnstest.Answer(n.addr, org); got != "3" && got != "SERVFAIL" { // it may last no longer than 3 s
		t.Errorf("in the middle of a transfer answered is %s", got)
	}
	silent.Store(false)
	dnstest.Await(t, n.addr, org, "7")
	z, err := n.Zone(org)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.ZoneText(t, "example.org."), dnstest.Text(t, z)); diff != "" {
		t.Errorf("(-BIND +ours):\n%s", diff)
	}
}

// A deaf connection hears no more than so many octets, and does not say so.
type deaf struct {
	net.Conn
	left int
}

func (d *deaf) Read(p []byte) (int, error) {
	if d.left <= 0 {
		var nothing [1]byte
		for { // until the deadline, or until it is closed
			if _, err := d.Conn.Read(nothing[:]); err != nil {
				return 0, err
			}
		}
	}
	n, err := d.Conn.Read(p[:min(len(p), d.left)])
	d.left -= n
	return n, err
}
