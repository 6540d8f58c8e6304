package secondary_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A producer is a real server with a catalog of its zones.
type producer struct {
	addr string
	// drop takes example.net out of the catalog; regroup puts example.org into another group; nil where
	// the server cannot.
	drop func()
}

const memberOrg, memberNet = "a1.zones.cat.example.", "b2.zones.cat.example."

var producers = map[string]func(t *testing.T, us string, key *testserver.Key) producer{
	// BIND's catalogs are zones that somebody writes.
	"BIND": func(t *testing.T, us string, key *testserver.Key) producer {
		s := testserver.BIND(t, testserver.BINDOptions{
			Zones: map[string]string{
				"example.org.": apex, "example.net.": apex,
				"cat.example.": "@ 0 SOA invalid. invalid. 1 3600 600 2147483646 0\n@ 0 NS invalid.\nversion 0 TXT \"2\"\n" +
					"a1.zones 0 PTR example.org.\ngroup.a1.zones 0 TXT \"g\"\nb2.zones 0 PTR example.net.\n",
			},
			TSIG:        key,
			ZoneOptions: fmt.Sprintf("notify explicit; notify-delay 0; also-notify { 127.0.0.1 port %s key %q; };", port(t, us), key.Name),
		})
		return producer{s.Addr, func() {
			m := wire.Update(cat)
			m.Authority = []wire.Record{{Owner: name(memberNet), Type: zone.TypePTR, Class: wire.ClassANY}}
			update(t, s.Addr, key, m)
		}}
	},
	"Knot": func(t *testing.T, us string, key *testserver.Key) producer {
		s := testserver.Knot(t, testserver.KnotOptions{
			Zones: map[string]string{"example.org.": apex, "example.net.": apex}, TSIG: key,
			ZoneOptions: "catalog-role: member\ncatalog-zone: cat.example.\ncatalog-group: g",
			Config: fmt.Sprintf("remote:\n  - id: us\n    address: 127.0.0.1@%s\n    key: %q\n", port(t, us), key.Name) +
				"zone:\n  - domain: cat.example.\n    catalog-role: generate\n    acl: [admin, holder]\n    notify: us\n",
		})
		return producer{addr: s.Addr}
	},
	"PowerDNS": func(t *testing.T, us string, key *testserver.Key) producer {
		s := testserver.PowerDNS(t, testserver.PowerDNSOptions{
			Zones: map[string]string{"example.org.": apex, "example.net.": apex, "cat.example.": ""}, Kind: "Master", TSIG: key,
			Config: "xfr-cycle-interval=1\nalso-notify=127.0.0.1:" + port(t, us) + "\nonly-notify=",
		})
		call := func(method, path string, in any) {
			t.Helper()
			if err := s.Call(method, "/api/v1/servers/localhost/zones/"+path, in, nil); err != nil {
				t.Fatal(err)
			}
		}
		call(http.MethodPut, "cat.example.", map[string]any{"kind": "Producer"})
		call(http.MethodPut, "example.org.", map[string]any{"catalog": "cat.example."})
		call(http.MethodPut, "example.net.", map[string]any{"catalog": "cat.example."})
		return producer{s.Addr, func() { call(http.MethodPut, "example.net.", map[string]any{"catalog": ""}) }}
	},
}

func update(t *testing.T, addr string, key *testserver.Key, m *wire.Message) {
	t.Helper()
	k, err := wire.NewKey(key.Name, key.Algorithm, key.Secret)
	if err != nil {
		t.Fatal(err)
	}
	c := wire.Client{Transport: wire.TCP, Key: k, Timeout: patience.Limit}
	a, err := c.Exchange(t.Context(), addr, m)
	if err != nil || a.RCODE != wire.NoError {
		t.Fatalf("update: %v, %v", a, err)
	}
}

// We follow the catalogs that real servers make: members come, are answered, and go.
func TestWeFollowCatalogs(t *testing.T) {
	t.Parallel()
	for kind, start := range producers {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			theirs, ours := dnstest.Key(t)
			n := startNode(t, ours)
			p := start(t, n.addr, theirs)
			src := secondary.Source{Primaries: []xfr.Primary{{Addr: p.addr, Key: ours}}}
			set(t, n.Zones, secondary.Config{Catalogs: []secondary.Catalog{{Origin: cat, Source: src, Members: src}}})
			patience.Until(t, "the members have come", func() (any, bool) {
				// A producer that was just started may fill its catalog a little later.
				_ = n.Refresh(cat)
				got := []string{dnstest.Answer(n.addr, org), dnstest.Answer(n.addr, net1)}
				return got, slices.Equal(got, []string{"1", "1"})
			})
			for _, st := range n.Status() {
				if st.Err != nil || !st.Lists && st.Catalog != cat {
					t.Errorf("%+v", st)
				}
			}
			if p.drop == nil {
				return
			}
			p.drop()
			patience.Until(t, "the member has gone", func() (any, bool) {
				_ = n.Refresh(cat)
				got := dnstest.Answer(n.addr, net1)
				return got, got == "REFUSED"
			})
			if dnstest.Answer(n.addr, org) != "1" {
				t.Error("the member that stays has gone too")
			}
		})
	}
}

// Real servers follow the catalog that we make of our zones.
func TestCatalogsAreFollowed(t *testing.T) {
	t.Parallel()
	for kind, start := range map[string]func(t *testing.T, primary string, key *testserver.Key) string{
		"BIND": func(t *testing.T, primary string, key *testserver.Key) string {
			return testserver.BIND(t, testserver.BINDOptions{
				Secondary: map[string]string{"cat.example.": primary}, TSIG: key,
				Options: fmt.Sprintf("catalog-zones { zone \"cat.example\" default-primaries { 127.0.0.1 port %s key %q; } min-update-interval 0; };", port(t, primary), key.Name),
			}).Addr
		},
		"Knot": func(t *testing.T, primary string, key *testserver.Key) string {
			return testserver.Knot(t, testserver.KnotOptions{
				Secondary: map[string]string{"cat.example.": primary}, TSIG: key,
				Config:      "template:\n  - id: member\n    master: primary0\n    acl: [admin, notify]\n",
				ZoneOptions: "catalog-role: interpret\ncatalog-template: member",
			}).Addr
		},
		"PowerDNS": func(t *testing.T, primary string, key *testserver.Key) string {
			s := testserver.PowerDNS(t, testserver.PowerDNSOptions{
				Zones: map[string]string{"cat.example.": ""}, Kind: "Slave", Masters: []string{primary}, TSIG: key,
				Config: "xfr-cycle-interval=1",
			})
			// Members are fetched with the catalog's key where none is named for them.
			err := s.Call(http.MethodPut, "/api/v1/servers/localhost/zones/cat.example.",
				map[string]any{"kind": "Consumer", "masters": []string{primary}, "slave_tsig_key_ids": []string{key.Name}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return s.Addr
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			theirs, ours := dnstest.Key(t)
			n := startNode(t, ours)
			if kind == "PowerDNS" { // 4.7 has no way to name a key for members
				n.mu.Lock()
				n.open = map[zone.Name]bool{org: true, net1: true}
				n.mu.Unlock()
			}
			zones := []zone.Name{org, net1}
			for _, o := range zones {
				n.put(t, dnstest.Zone(t, o, apex))
			}
			p := &secondary.Producer{Origin: cat, Zones: func() []zone.Name { return zones }, Publish: n.publish}
			if err := p.Update(t.Context()); err != nil {
				t.Fatal(err)
			}
			addr := start(t, n.addr, theirs)
			n.tells(ours, addr)
			dnstest.AwaitSerial(t, addr, org, 1)
			dnstest.AwaitSerial(t, addr, net1, 1)
			zones = zones[:1]
			if err := p.Update(t.Context()); err != nil {
				t.Fatal(err)
			}
			patience.Until(t, "the member has gone", func() (any, bool) {
				got := dnstest.Answer(addr, net1)
				return got, got != "1" && got != "nothing"
			})
			if got := dnstest.Answer(addr, org); got != "1" {
				t.Errorf("the member that stays is answered with %s", got)
			}
		})
	}
}
