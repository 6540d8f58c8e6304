package secondary_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

var (
	org  = name("example.org.")
	net1 = name("example.net.")
)

// Zones of the configuration come, change their primaries without a gap, and go with their data.
func TestZonesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b book
		d, s := newDisk(), newServer(version(t, org, 1), version(t, net1, 7))
		z := zonesFor(&b, d)
		both := secondary.Config{Zones: []secondary.Zone{{Origin: org, Source: s.source()}, {Origin: net1, Source: s.source()}}}
		set(t, z, both)
		b.want(t, "before anything came", "example.net. expired, example.org. expired")
		stop := run(t, z)
		synctest.Wait()
		b.want(t, "at the start", "example.net. 7, example.org. 1")
		s.put(version(t, org, 2))
		if got := z.Notified(xfr.Notice{Origin: org, Serial: 2, HasSerial: true, From: xfr.Sender{Peer: xfr.Peer{Addr: home.Addr}}}); got != wire.Refused {
			t.Errorf("NOTIFY of a stranger: %s", got)
		}
		if err := z.Refresh(org); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		b.want(t, "after Refresh", "example.net. 7, example.org. 2")
		if left, ok := z.Expire(org); left != 24*time.Hour || !ok {
			t.Errorf("it lasts %s, %v; want a day", left, ok)
		}
		// Another primary: the version stays while that one is down, and Next is now.
		other := newServer(version(t, org, 3))
		other.set(true)
		moved := other.source()
		moved.Primaries[0].Addr = "192.0.2.2:53"
		set(t, z, secondary.Config{Zones: []secondary.Zone{{Origin: org, Source: moved}}})
		synctest.Wait()
		b.want(t, "with another primary", "example.org. 2")
		if got, want := d.String(), "example.org. 2"; got != want {
			t.Errorf("on disk are %q, want %q", got, want)
		}
		other.set(false)
		later(11 * time.Minute)
		b.want(t, "when that one is up", "example.org. 3")
		if err := z.Refresh(net1); !errors.Is(err, secondary.ErrNoZone) {
			t.Errorf("Refresh of a zone that has gone: %v", err)
		}
		if _, ok := z.Expire(net1); ok {
			t.Error("a zone that has gone lasts")
		}
		st := z.Status()
		if len(st) != 1 || st[0].Origin != org || st[0].Serial != 3 || st[0].Err != nil || st[0].From != "192.0.2.2:53" || st[0].Changes+st[0].Whole != 1 {
			t.Errorf("status %+v", st)
		}
		stop()
	})
}

// After a start each zone is answered from the disk at once unless it has expired meanwhile, and its
// primaries are asked soon.
func TestStartFromDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b book
		d, s := newDisk(), newServer(version(t, org, 1))
		c := secondary.Config{Zones: []secondary.Zone{{Origin: org, Source: s.source()}}}
		z := zonesFor(&b, d)
		set(t, z, c)
		stop := run(t, z)
		later(90 * time.Minute) // one refresh
		stop()
		s.set(true)
		for _, step := range []struct {
			down     time.Duration
			want     string
			then     string
			findings int
		}{
			{20 * time.Hour, "example.org. 1", "example.org. 1", 0},
			{4 * time.Hour, "", "example.org. expired", 1}, // it was confirmed up to an hour and a half before it was stopped
		} {
			later(step.down)
			z = zonesFor(&b, d)
			set(t, z, c)
			b.want(t, fmt.Sprint("after ", step.down), step.want)
			stop = run(t, z)
			later(time.Second)
			b.want(t, fmt.Sprint("and a second after ", step.down), step.then)
			if got := b.said("secondary-expired"); len(got) != step.findings {
				t.Errorf("after %s: findings %q", step.down, got)
			}
			stop()
		}
		// It has come back, unchanged.
		s.set(false)
		z = zonesFor(&b, d)
		set(t, z, c)
		stop = run(t, z)
		later(time.Second)
		b.want(t, "when the primary is back", "example.org. 1")
		// What is configured no more is not left on the disk.
		stop()
		z = zonesFor(&b, d)
		set(t, z, secondary.Config{})
		if got := d.String(); got != "" {
			t.Errorf("on disk are %q", got)
		}
	})
}

// A disk that is full does not keep versions from being answered, and is told.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b book
		d, s := newDisk(), newServer(version(t, org, 1))
		d.err = errors.New("no space left")
		z := zonesFor(&b, d)
		set(t, z, secondary.Config{Zones: []secondary.Zone{{Origin: org, Source: s.source()}}})
		stop := run(t, z)
		synctest.Wait()
		b.want(t, "with a full disk", "example.org. 1")
		if got := b.said("secondary-disk"); len(got) != 1 || !strings.Contains(got[0], "no space left") {
			t.Errorf("findings %q", got)
		}
		d.mu.Lock()
		d.err = nil
		d.mu.Unlock()
		later(time.Hour)
		if got, want := d.String(), "example.org. 1"; got != want {
			t.Errorf("after the next refresh on disk are %q, want %q", got, want)
		}
		stop()
	})
}

// A primary that was set back keeps nobody from being answered; Retransfer takes what it has.
func TestOlderSerial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b book
		d, s := newDisk(), newServer(version(t, org, 9))
		z := zonesFor(&b, d)
		set(t, z, secondary.Config{Zones: []secondary.Zone{{Origin: org, Source: s.source()}}})
		stop := run(t, z)
		synctest.Wait()
		s.put(version(t, org, 4))
		later(3 * time.Hour)
		b.want(t, "with an older serial", "example.org. 9")
		if got := b.said("secondary-older"); len(got) != 1 || !strings.Contains(got[0], "serial 4, which is older than 9") {
			t.Errorf("findings %q", got)
		}
		if err := z.Retransfer(org); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		b.want(t, "after Retransfer", "example.org. 4")
		if st := z.Status()[0]; st.Whole != 2 || st.Older != "" {
			t.Errorf("status %+v", st)
		}
		if got, want := d.String(), "example.org. 4"; got != want {
			t.Errorf("on disk are %q, want %q", got, want)
		}
		stop()
	})
}

// What is left of a zone that was lost at its primary does not take the place of ours.
func TestNoNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b book
		s := newServer(version(t, org, 9))
		z := zonesFor(&b, newDisk())
		set(t, z, secondary.Config{Zones: []secondary.Zone{{Origin: org, Source: s.source()}}})
		stop := run(t, z)
		synctest.Wait()
		next := version(t, org, 10)
		soa, _ := next.Set(org, zone.TypeSOA)
		lost, err := zone.Of(org, soa)
		if err != nil {
			t.Fatal(err)
		}
		s.put(lost)
		later(2 * time.Hour)
		b.want(t, "with a primary that has the SOA alone", "example.org. 9")
		if st := z.Status()[0]; st.Err == nil || !strings.Contains(st.Err.Error(), "no NS records") {
			t.Errorf("status tells %v, want that there are no NS records", st.Err)
		}
		s.put(version(t, org, 11))
		later(2 * time.Hour)
		b.want(t, "when the primary is in order", "example.org. 11")
		stop()
	})
}

// A primary that is silent is not asked by each of many zones, and zones that have another get on.
func TestSilentPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 3000
		var b book
		dead, good := newServer(), newServer()
		dead.set(true)
		var c secondary.Config
		for i := range n {
			origin := name(fmt.Sprintf("z%d.example.", i))
			src := dead.source()
			if i%2 == 0 {
				good.put(version(t, origin, 1))
				src.Primaries = append(src.Primaries, xfr.Primary{Addr: "192.0.2.2:53", Dial: good.dial})
			}
			c.Zones = append(c.Zones, secondary.Zone{Origin: origin, Source: src})
		}
		z := zonesFor(&b, nil)
		set(t, z, c)
		stop := run(t, z)
		later(time.Minute)
		if got := b.count(); got != n/2 {
			t.Errorf("%d zones are answered after a minute, want %d", got, n/2)
		}
		// 64 at once at first, then about 64 each ten seconds.
		if got := dead.questions(); got > 10*64*3 {
			t.Errorf("the silent primary was asked %d times in a minute by %d zones", got, n)
		}
		if got := b.said("secondary-refresh"); len(got) == 0 || len(got) > 60 {
			t.Errorf("%d findings for %d zones; want some, not one for each", len(got), n)
		}
		stop()
	})
}

func TestConfigThatCannotBe(t *testing.T) {
	t.Parallel()
	var b book
	s := newServer(version(t, org, 1))
	z := zonesFor(&b, nil)
	err := z.Set(t.Context(), secondary.Config{
		Zones:    []secondary.Zone{{Origin: org, Source: s.source()}, {Origin: net1}},
		Catalogs: []secondary.Catalog{{Origin: org, Source: s.source()}},
	})
	for _, want := range []string{"configured twice", "no primary"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	if z.Holds(org) {
		t.Error("a configuration that cannot be was taken")
	}
}

// What cannot be answered leaves the version before.
func TestRefusedVersionIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b book
		d, s := newDisk(), newServer(version(t, org, 1))
		z := zonesFor(&b, d)
		set(t, z, secondary.Config{Zones: []secondary.Zone{{Origin: org, Source: s.source()}}})
		stop := run(t, z)
		synctest.Wait()
		b.mu.Lock()
		b.bad = map[zone.Name]error{org: errors.New("it cannot be compiled")}
		b.mu.Unlock()
		s.put(version(t, org, 2))
		later(time.Hour)
		b.want(t, "after a version that was refused", "example.org. 1")
		if got, want := d.String(), "example.org. 1"; got != want {
			t.Errorf("on disk are %q, want %q", got, want)
		}
		if got := b.said("secondary-refresh"); len(got) != 1 || !strings.Contains(got[0], "it cannot be compiled; the version before stays; serial 1 is answered until") {
			t.Errorf("findings %q", got)
		}
		stop()
	})
}
