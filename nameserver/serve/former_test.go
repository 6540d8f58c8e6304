package serve

import (
	"strings"
	"testing"
	"time"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// A zone goes from holder to holder, and the next one has nothing: how long what was is valid depends on
// both.
func TestFormerVersionsLast(t *testing.T) {
	t.Parallel()
	origin := zone.MustName("a.example.")
	res, err := zonefile.Parse([]byte("$TTL 300\n@ SOA ns1.example.net. h.example.net. 7 60 60 3600 300\n@ NS ns1.example.net.\n"), zonefile.Options{Origin: origin, HasOrigin: true})
	if err != nil {
		t.Fatal(err)
	}
	file, primary, secondary := holder{held.File, "z/a.zone"}, holder{kind: held.Primary}, holder{kind: held.Secondary}
	for _, c := range []struct {
		name     string
		from, to holder
		broken   string        // file that it may come from, where nobody claims it
		lasts    time.Duration // from now; 0: it stays, below 0: it goes at once
	}{
		{"a file becomes secondary", file, secondary, "", time.Hour},
		{"what is held here becomes secondary", primary, secondary, "", time.Hour},
		{"a secondary zone, confirmed 50 minutes ago, becomes one of the store", secondary, primary, "", 10 * time.Minute},
		{"a secondary zone becomes one of a catalog that is made", secondary, holder{kind: catalog}, "", 10 * time.Minute},
		{"a file becomes one of the store", file, primary, "", 0},
		{"a file that is broken where it is now", file, holder{}, "y/a.zone", 0},
		{"nobody's", file, holder{}, "", -1},
	} {
		gone := 0
		r := &register{
			zones: &nameserver.Zones{}, policy: func(holder, zone.Name) Policy { return Policy{} },
			expire: func(zone.Name) (time.Duration, bool) { return 10 * time.Minute, true },
			changed: func(_ holder, x Change) {
				if x.Removed {
					gone++
				}
			},
		}
		if err := r.publish(c.from, res.Zone, nil); err != nil {
			t.Fatal(err)
		}
		was := r.zones.Find(origin)
		r.handOver()
		r.withdraw(origin, c.from.kind)
		if r.zones.Find(origin) != was || gone != 0 || r.serial(origin) != 7 {
			t.Errorf("%s: while the reload is under way it is not answered as it was", c.name)
		}
		if c.to != (holder{}) {
			if _, ok := r.claim(origin, c.to); !ok {
				t.Fatalf("%s: the name is not free", c.name)
			}
			if c.to == secondary {
				r.fail(origin, c.to) // nothing has come yet
			}
		}
		expected := func(holder) (string, bool) { return c.broken, c.broken != "" }
		said := r.settled(expected)
		if c.lasts < 0 {
			if r.zones.Find(origin) != nil || gone != 1 || len(said) != 0 {
				t.Errorf("%s: it is answered, or was told of as withdrawn %d times: %v", c.name, gone, said)
			}
			continue
		}
		if len(said) != 1 || !strings.Contains(said[0].Text, "answered as it was when served from "+c.from.String()) || c.broken != "" && !strings.Contains(said[0].Text, c.broken) {
			t.Errorf("%s: said %v", c.name, said)
		}
		if list := r.formers(); len(list) != 1 || list[0].Serial != 7 || list[0].To == "" {
			t.Errorf("%s: former versions %+v", c.name, list)
		}
		now := time.Now()
		before, after := now.Add(c.lasts-time.Minute), now.Add(c.lasts+time.Minute)
		if c.lasts == 0 {
			before, after = now, now.Add(1000*time.Hour)
		}
		if said := r.review(before, expected); len(said) != 0 || r.zones.Find(origin) != was {
			t.Errorf("%s: at %v: %v", c.name, before.Sub(now), said)
		}
		said = r.review(after, expected)
		if ended := r.zones.Find(origin) != was; ended != (c.lasts > 0) || ended != (len(said) == 1) || r.zones.Find(origin) == nil {
			t.Errorf("%s: at %v: ended %t, said %v", c.name, after.Sub(now), ended, said)
		}
		to := c.to
		if to == (holder{}) {
			to = holder{held.File, c.broken}
		}
		if err := r.publish(to, res.Zone, nil); err != nil || len(r.formers()) != 0 || r.counts()[to.kind] != 1 {
			t.Errorf("%s: in the end: %v, %v, %v", c.name, err, r.formers(), r.counts())
		}
	}
}
