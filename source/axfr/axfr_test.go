package axfr_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/source/axfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

const text = `@ 3600 SOA ns1 hostmaster 7 7200 900 1209600 300
@ 3600 NS ns1
ns1 300 A 192.0.2.53
* 60 TXT "any \"thing\"" "second"
a\.b 300 TXT "dot"
xn--mnchen-3ya 300 TYPE65400 \# 2 0102
sub 3600 NS ns.sub
ns.sub 3600 AAAA 2001:db8::53
`

var origin = zone.MustName("example.org.")

func options(t *testing.T, addr string, key *testserver.Key) axfr.Options {
	t.Helper()
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	o := axfr.Options{ID: "primary", Host: a.Addr().String(), Port: int(a.Port()), Timeout: 5 * time.Second}
	if key != nil {
		if o.Key, err = wire.NewKey(key.Name, key.Algorithm, key.Secret); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func load(t *testing.T, o axfr.Options, origin zone.Name) (*source.Loaded, error) {
	t.Helper()
	s, err := axfr.Open(o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s.Load(t.Context(), origin)
}

func lines(z *zone.Zone) []string {
	var out []string
	for set := range z.All() {
		for _, d := range set.Data {
			out = append(out, set.Owner.String()+" "+(time.Duration(set.TTL)*time.Second).String()+" "+set.Type.String()+" "+rdata.Text(set.Type, d))
		}
	}
	return out
}

func TestLoadIsWhatTheServerHolds(t *testing.T) {
	t.Parallel()
	zones := map[string]string{"example.org.": text}
	for name, start := range map[string]func(t *testing.T, key *testserver.Key) *testserver.Server{
		"BIND": func(t *testing.T, key *testserver.Key) *testserver.Server {
			return testserver.BIND(t, testserver.BINDOptions{Zones: zones, TSIG: key})
		},
		"Knot": func(t *testing.T, key *testserver.Key) *testserver.Server {
			return testserver.Knot(t, testserver.KnotOptions{Zones: zones, TSIG: key})
		},
		"NSD": func(t *testing.T, key *testserver.Key) *testserver.Server {
			return testserver.NSD(t, testserver.NSDOptions{Zones: zones, TSIG: key})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := testserver.NewKey(t)
			s := start(t, key)
			loaded, err := load(t, options(t, s.Addr, key), origin)
			if err != nil {
				t.Fatalf("load: %v", err)
			}
			want := []string{
				"example.org. 1h0m0s NS ns1.example.org.",
				"example.org. 1h0m0s SOA ns1.example.org. hostmaster.example.org. 7 7200 900 1209600 300",
				`*.example.org. 1m0s TXT "any \"thing\"" "second"`,
				`a\.b.example.org. 5m0s TXT "dot"`,
				"ns1.example.org. 5m0s A 192.0.2.53",
				"sub.example.org. 1h0m0s NS ns.sub.example.org.",
				"ns.sub.example.org. 1h0m0s AAAA 2001:db8::53",
				`xn--mnchen-3ya.example.org. 5m0s TYPE65400 \# 2 0102`,
			}
			if diff := cmp.Diff(want, lines(loaded.Zone)); diff != "" {
				t.Errorf("zone differs (-want +got):\n%s", diff)
			}
			if loaded.Revision != "7" || len(loaded.Findings) > 0 {
				t.Errorf("revision %q, findings %v; want 7 and none", loaded.Revision, loaded.Findings)
			}
			// A zone that is not there, a key that is wrong, and none at all.
			if _, err := load(t, options(t, s.Addr, key), zone.MustName("elsewhere.example.")); err == nil {
				t.Error("a zone that is not there was loaded")
			} else if name != "NSD" && !errors.Is(err, source.ErrNoZone) {
				t.Errorf("error %v does not wrap ErrNoZone", err)
			}
			wrong := *key
			wrong.Secret = "AAAA" + key.Secret[4:]
			for what, k := range map[string]*testserver.Key{"wrong secret": &wrong, "no key": nil} {
				if _, err := load(t, options(t, s.Addr, k), origin); err == nil {
					t.Errorf("%s: the zone was loaded", what)
				} else if strings.Contains(err.Error(), wrong.Secret) {
					t.Errorf("%s: the error shows the secret: %v", what, err)
				}
			}
		})
	}
}

func TestSignedZoneComesWithoutItsSigner(t *testing.T) {
	t.Parallel()
	key := testserver.NewKey(t)
	s := testserver.Knot(t, testserver.KnotOptions{
		Zones: map[string]string{"example.org.": text}, TSIG: key, ZoneOptions: "dnssec-signing: on\nzonemd-generate: zonemd-sha384",
	})
	loaded, err := load(t, options(t, s.Addr, key), origin)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	for set := range loaded.Zone.All() {
		switch set.Type {
		case zone.TypeRRSIG, zone.TypeNSEC, zone.TypeDNSKEY, zone.TypeCDS, zone.TypeCDNSKEY, zone.TypeZONEMD:
			t.Errorf("%s was loaded", set.Key())
		}
	}
	if _, ok := loaded.Zone.Set(zone.MustName("ns1.example.org."), zone.TypeA); !ok {
		t.Error("the zone's own records are missing")
	}
	if len(loaded.Findings) != 1 || loaded.Findings[0].ID != "axfr-dnssec-left-out" || loaded.Findings[0].Severity != finding.Info {
		t.Errorf("findings are %v; want one axfr-dnssec-left-out", loaded.Findings)
	}
	withKeys := options(t, s.Addr, key)
	withKeys.KeepKeys = true
	kept, err := load(t, withKeys, origin)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	if _, ok := kept.Zone.Set(origin, zone.TypeDNSKEY); !ok {
		t.Error("keep_keys: no DNSKEY")
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]axfr.Options{
		"option host is missing":    {ID: "primary"},
		"option port is 70000":      {ID: "primary", Host: "192.0.2.53", Port: 70000},
		"source primary: option po": {ID: "primary", Host: "192.0.2.53", Port: -1},
	} {
		if _, err := axfr.Open(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want %q", err, want)
		}
	}
}

func TestZonesAreThoseOfTheConfiguration(t *testing.T) {
	t.Parallel()
	o := axfr.Options{ID: "primary", Host: "192.0.2.53", Zones: []zone.Name{origin, zone.MustName("bücher.example")}}
	s, err := axfr.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for n, err := range s.Zones(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n.String())
	}
	if want := []string{"example.org.", "xn--bcher-kva.example."}; !slices.Equal(got, want) {
		t.Errorf("zones are %v; want %v", got, want)
	}
	o.Zones = nil
	s, err = axfr.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Zones(t.Context()) {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("error %v does not wrap ErrUnsupported", err)
		}
	}
}
