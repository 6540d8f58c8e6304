package xfr_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// A zone that Knot signs goes through us to NSD, record by record the same: signatures have the TTL
// of what they cover, however many TTLs a name has.
func TestSignedZonePassesThrough(t *testing.T) {
	t.Parallel()
	theirs, ours := dnstest.Key(t)
	text := strings.Replace(apex, " 7200 900 ", " 1 1 ", 1) + "www 60 A 192.0.2.80\nwww 7200 TXT \"x\"\n*.wild 120 MX 10 www\n"
	for _, denial := range []string{"nsec3: off", "nsec3: on"} {
		t.Run(denial, func(t *testing.T) {
			t.Parallel()
			knot := testserver.Knot(t, testserver.KnotOptions{
				Zones: map[string]string{"example.org.": text}, TSIG: theirs,
				Config:      "policy:\n  - id: signed\n    " + denial + "\n",
				ZoneOptions: "dnssec-signing: on\ndnssec-policy: signed",
			})
			j := &xfr.Journal{}
			in := newReplica(t, ours)
			publish := in.Publish
			in.Publish = func(z *zone.Zone) error {
				if err := j.Put(z); err != nil {
					return err
				}
				return publish(z)
			}
			in.run(t, xfr.Primary{Addr: knot.Addr, Key: ours})
			patience.Until(t, "the zone has come", func() (any, bool) { return in.Status(), in.zone() != nil })
			p := startPrimary(t, j, ours, nil)
			nsd := testserver.NSD(t, testserver.NSDOptions{Secondary: map[string]string{"example.org.": p.addr}, TSIG: theirs})
			dnstest.AwaitSerial(t, nsd.Addr, example, dnstest.Serial(t, in.zone()))
			same := func(what string) {
				t.Helper()
				want, got := knot.ZoneText(t, "example.org."), nsd.ZoneText(t, "example.org.")
				if !strings.Contains(want, "RRSIG") {
					t.Fatal("Knot has not signed the zone")
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-Knot +NSD):\n%s", what, diff)
				}
			}
			same("the whole zone")
			next := dnstest.Zone(t, example, text+"new 30 AAAA 2001:db8::1\nwww 3600 HINFO a b\n")
			byUpdate(t, knot.Addr, theirs)(dnstest.Zone(t, example, text), next)
			before := dnstest.Serial(t, in.zone())
			patience.Until(t, "the change has come", func() (any, bool) { return in.Status(), dnstest.Serial(t, in.zone()) != before })
			n := startNotifier(t, xfr.Target{Addr: nsd.Addr, Key: ours})
			if err := n.Changed(in.zone()); err != nil {
				t.Fatal(err)
			}
			dnstest.AwaitSerial(t, nsd.Addr, example, dnstest.Serial(t, in.zone()))
			same("after a change")
			if c := p.Out.Counts(); c.Incremental != 1 || in.Status().Changes < 1 {
				t.Errorf("transfers: %+v, %+v; want the change as a change", c, in.Status())
			}
		})
	}
}
