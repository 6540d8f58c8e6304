package xfr_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

var catalog = zone.MustName("catalog.example.")

// The catalog of RFC 9432, appendix A, read and made.
func TestCatalogRoundTrip(t *testing.T) {
	t.Parallel()
	text := `$TTL 0
@ SOA invalid. invalid. 1625079950 3600 600 2147483646 0
@ NS invalid.
version TXT "2"
nj2xg5b.zones PTR example.com.
nvxxezj.zones PTR example.net.
group.nvxxezj.zones TXT "operator-x-foo"
nfwxa33.zones PTR example.org.
coo.nfwxa33.zones PTR newcatz.invalid.
group.nfwxa33.zones TXT "operator-y-bar" "!"
metrics.vcyk.ext.nfwxa33.zones A 192.0.2.1
something.ext TXT "is ignored"
group.nobody.zones TXT "is ignored too"
`
	members, err := xfr.ReadCatalog(dnstest.Zone(t, catalog, text))
	want := []xfr.Member{
		{Origin: zone.MustName("example.org."), ID: "nfwxa33", Groups: []string{"operator-y-bar!"}, Owner: zone.MustName("newcatz.invalid.")},
		{Origin: zone.MustName("example.com."), ID: "nj2xg5b"},
		{Origin: zone.MustName("example.net."), ID: "nvxxezj", Groups: []string{"operator-x-foo"}},
	}
	if diff := cmp.Diff(want, members, cmp.Comparer(func(a, b zone.Name) bool { return a == b })); diff != "" || err != nil {
		t.Errorf("read (-want +got): %v\n%s", err, diff)
	}
	z, err := xfr.NewCatalog(catalog, 7, members)
	if err != nil {
		t.Fatal(err)
	}
	again, err := xfr.ReadCatalog(z)
	if err != nil || !slices.EqualFunc(members, again, func(a, b xfr.Member) bool {
		return a.Origin == b.Origin && a.ID == b.ID && slices.Equal(a.Groups, b.Groups) && a.Owner == b.Owner
	}) {
		t.Errorf("made and read again: %v, %v", again, err)
	}
	if dnstest.Serial(t, z) != 7 {
		t.Errorf("serial %d, want 7", dnstest.Serial(t, z))
	}
}

func TestCatalogThatIsNone(t *testing.T) {
	t.Parallel()
	const head = "$TTL 0\n@ SOA invalid. invalid. 1 3600 600 2147483646 0\n@ NS invalid.\n"
	for _, c := range []struct{ name, text, want string }{
		{"no version", head + "a.zones PTR example.org.\n", "no version.catalog.example. TXT"},
		{"two versions", head + "version TXT 1\nversion TXT 2\n", "has 2 TXT records"},
		{"version of the future", head + "version TXT 3\n", `version "3"`},
		{"two zones under one id", head + "version TXT 2\na.zones PTR example.org.\na.zones PTR example.net.\n", "a.zones.catalog.example. has 2 PTR records"},
		{"one zone under two ids", head + "version TXT 2\na.zones PTR example.org.\nb.zones PTR example.org.\n", "example.org. is listed twice, as a and b"},
		{"two owners", head + "version TXT 2\na.zones PTR example.org.\ncoo.a.zones PTR x.\ncoo.a.zones PTR y.\n", "coo.a.zones.catalog.example. has 2 PTR"},
	} {
		members, err := xfr.ReadCatalog(dnstest.Zone(t, catalog, c.text))
		if e, ok := errors.AsType[*xfr.CatalogError](err); !ok || len(e.Problems) != 1 || !strings.Contains(err.Error(), c.want) || members != nil {
			t.Errorf("%s: %v, error %v; want %q", c.name, members, err, c.want)
		}
	}
	if _, err := xfr.NewCatalog(catalog, 1, []xfr.Member{{Origin: example, ID: "a"}, {Origin: catalog, ID: "A"}}); err == nil {
		t.Error("two members with one id were taken")
	}
}

// Real servers set up the members of our catalog, and drop one that goes.
func TestServersReadOurCatalog(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T, primary string, key *testserver.Key) *testserver.Server{
		"BIND": func(t *testing.T, primary string, key *testserver.Key) *testserver.Server {
			_, port, _ := strings.Cut(primary, ":")
			return testserver.BIND(t, testserver.BINDOptions{
				Secondary: map[string]string{"catalog.example.": primary}, TSIG: key,
				Options: fmt.Sprintf("catalog-zones { zone \"catalog.example\" default-primaries { 127.0.0.1 port %s key %q; } min-update-interval 0; };", port, key.Name),
			})
		},
		"Knot": func(t *testing.T, primary string, key *testserver.Key) *testserver.Server {
			return testserver.Knot(t, testserver.KnotOptions{
				Secondary: map[string]string{"catalog.example.": primary}, TSIG: key,
				Config:      "template:\n  - id: member\n    master: primary0\n    acl: [admin, notify]\n",
				ZoneOptions: "catalog-role: interpret\ncatalog-template: member",
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theirs, ours := dnstest.Key(t)
			members := []xfr.Member{{Origin: example}, {Origin: zone.MustName("example.net.")}}
			list, a, b := &xfr.Journal{}, &xfr.Journal{}, &xfr.Journal{}
			put := func(j *xfr.Journal, z *zone.Zone, err error) *zone.Zone {
				t.Helper()
				if err == nil {
					err = j.Put(z)
				}
				if err != nil {
					t.Fatal(err)
				}
				return z
			}
			put(a, dnstest.Zone(t, example, apex), nil)
			put(b, dnstest.Zone(t, members[1].Origin, apex), nil)
			z, err := xfr.NewCatalog(catalog, 1, members)
			put(list, z, err)
			p := startPrimary(t, list, ours, nil, a, b)
			s := start(t, p.addr, theirs)
			dnstest.AwaitSerial(t, s.Addr, example, 1)
			dnstest.AwaitSerial(t, s.Addr, members[1].Origin, 1)
			z, err = xfr.NewCatalog(catalog, 2, members[:1])
			put(list, z, err)
			n := startNotifier(t, xfr.Target{Addr: s.Addr, Key: ours})
			if err := n.Changed(z); err != nil {
				t.Fatal(err)
			}
			patience.Until(t, "the member has gone", func() (any, bool) {
				got := dnstest.Answer(s.Addr, members[1].Origin)
				return got, got != "1"
			})
			if dnstest.Answer(s.Addr, example) != "1" {
				t.Error("the member that stays has gone too")
			}
		})
	}
}

// We read the catalog that Knot makes of its zones.
func TestWeReadKnotsCatalog(t *testing.T) {
	t.Parallel()
	theirs, ours := dnstest.Key(t)
	knot := testserver.Knot(t, testserver.KnotOptions{
		Zones: map[string]string{"example.org.": apex, "example.net.": apex}, TSIG: theirs,
		ZoneOptions: "catalog-role: member\ncatalog-zone: catalog.example.\ncatalog-group: g",
		Config:      "zone:\n  - domain: catalog.example.\n    catalog-role: generate\n    acl: [admin, holder]\n",
	})
	r := newReplica(t)
	r.Origin = catalog
	r.run(t, xfr.Primary{Addr: knot.Addr, Key: ours})
	patience.Until(t, "the catalog has come", func() (any, bool) { return r.Status(), r.zone() != nil })
	members, err := xfr.ReadCatalog(r.zone())
	var got []string
	for _, m := range members {
		got = append(got, m.Origin.String()+" "+strings.Join(m.Groups, ","))
	}
	slices.Sort(got)
	if want := []string{"example.net. g", "example.org. g"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("members %q, error %v; want %q", got, err, want)
	}
}
