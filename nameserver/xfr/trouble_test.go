package xfr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
)

// quick is apex with timers that let a secondary come again at once.
var quick = strings.Replace(apex, " 7200 900 ", " 1 1 ", 1)

// A secondary with another secret, or with a key that we do not know, gets nothing.
func TestWrongKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, s := range secondaries {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			theirs, ours := dnstest.Key(t)
			wrong := *theirs
			other, _ := dnstest.Key(t)
			wrong.Secret = other.Secret
			j := &xfr.Journal{}
			if err := j.Put(dnstest.Zone(t, example, quick)); err != nil {
				t.Fatal(err)
			}
			p := startPrimary(t, j, ours, nil)
			addr, _ := s.start(t, p.addr, &wrong)
			patience.Until(t, "the secondary was turned away", func() (any, bool) { return p.Out.Counts(), p.badSignatures.Load() > 0 })
			if dnstest.Answer(addr, example) == "1" || p.Out.Counts().Whole > 0 {
				t.Errorf("the zone went out to who does not have the key: %+v", p.Out.Counts())
			}
		})
	}
}

// We take nothing from a primary that does not have the key, and say why.
func TestWrongKeyIsNotBelieved(t *testing.T) {
	t.Parallel()
	theirs, _ := dnstest.Key(t)
	_, wrong := dnstest.Key(t)
	s := testserver.BIND(t, testserver.BINDOptions{Zones: map[string]string{"example.org.": apex}, TSIG: theirs})
	r := newReplica(t)
	r.run(t, xfr.Primary{Addr: s.Addr, Key: wrong})
	patience.Until(t, "a round has failed", func() (any, bool) { st := r.Status(); return st, st.Err != nil })
	e, ok := errors.AsType[*wire.SignatureError](r.Status().Err)
	if !ok || !e.Remote || e.Code != wire.BadKey || r.zone() != nil {
		t.Errorf("error %v, zone %v; want BADKEY and no zone", r.Status().Err, r.zone())
	}
}

// A version that nobody was told of comes with the next refresh.
func TestLostNotifyIsHealed(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T, primary string, key *testserver.Key) heldBy{
		"BIND": func(t *testing.T, primary string, key *testserver.Key) heldBy {
			return testserver.BIND(t, testserver.BINDOptions{
				Secondary: map[string]string{"example.org.": primary}, TSIG: key,
				ZoneOptions: "min-refresh-time 1; min-retry-time 1;",
			})
		},
		"Knot": func(t *testing.T, primary string, key *testserver.Key) heldBy {
			return testserver.Knot(t, testserver.KnotOptions{
				Secondary: map[string]string{"example.org.": primary}, TSIG: key,
				ZoneOptions: "refresh-min-interval: 2\nretry-min-interval: 2",
			})
		},
		"NSD": func(t *testing.T, primary string, key *testserver.Key) heldBy {
			return testserver.NSD(t, testserver.NSDOptions{
				Secondary: map[string]string{"example.org.": primary}, TSIG: key,
				ZoneOptions: "\tmin-refresh-time: 1\n\tmin-retry-time: 1\n",
			})
		},
		"PowerDNS": func(t *testing.T, primary string, key *testserver.Key) heldBy {
			_, s := startPowerDNS(t, primary, key)
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theirs, ours := dnstest.Key(t)
			z := dnstest.Zone(t, example, quick)
			j := &xfr.Journal{}
			if err := j.Put(z); err != nil {
				t.Fatal(err)
			}
			p := startPrimary(t, j, ours, nil)
			s := start(t, p.addr, theirs)
			dnstest.AwaitSerial(t, addrOf(s), example, 1)
			next := dnstest.Zone(t, example, strings.Replace(quick, " 1 1 1 ", " 2 1 1 ", 1)+"www 300 A 192.0.2.80\n")
			if err := j.Put(next); err != nil {
				t.Fatal(err)
			}
			dnstest.AwaitSerial(t, addrOf(s), example, 2)
			if diff := cmp.Diff(dnstest.Text(t, next), s.ZoneText(t, "example.org.")); diff != "" {
				t.Errorf("after the refresh (-ours +theirs):\n%s", diff)
			}
		})
	}
}

// heldBy is a real server that holds a zone.
type heldBy interface {
	ZoneText(t testing.TB, origin string) string
}

func addrOf(s heldBy) string {
	if p, ok := s.(*testserver.PowerDNSServer); ok {
		return p.Addr
	}
	return s.(*testserver.Server).Addr
}
