package secondary_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// With the real thing on disk: versions, members and the differences for those who transfer from us
// are there after a start, though no primary is.
func TestJournalOnDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zones.db")
	open := func() *journal.DB {
		t.Helper()
		db, err := journal.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	var b book
	s := newServer(version(t, org, 1), version(t, net1, 7), list(t, cat, 1, "example.org."))
	c := secondary.Config{
		Zones:    []secondary.Zone{{Origin: net1, Source: s.source()}},
		Catalogs: []secondary.Catalog{{Origin: cat, Source: s.source(), Members: s.source()}},
	}
	db := open()
	z := zonesFor(&b, db)
	set(t, z, c)
	stop := run(t, z)
	patience.Until(t, "all have come", func() (any, bool) { return &b, b.String() == "example.net. 7, example.org. 1" })
	s.put(version(t, org, 2))
	if err := z.Refresh(org); err != nil {
		t.Fatal(err)
	}
	patience.Until(t, "the next has come", func() (any, bool) { return &b, b.String() == "example.net. 7, example.org. 2" })
	stop()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s.set(true)
	db = open()
	defer func() { _ = db.Close() }()
	z = zonesFor(&b, db)
	b.answered = map[zone.Name]uint32{}
	deltas := 0
	publish := z.Publish
	z.Restore = func(e journal.Entry) error {
		deltas += len(e.Deltas)
		j := &xfr.Journal{}
		if err := j.Restore(e.Zone, e.Deltas); err != nil {
			return err
		}
		if time.Since(e.At) > time.Minute {
			t.Errorf("zone %s is of %s", e.Zone.Origin(), e.At)
		}
		return publish(e.Zone)
	}
	set(t, z, c)
	b.want(t, "after a start", "example.net. 7, example.org. 2")
	if deltas != 1 {
		t.Errorf("%d differences are on disk, want 1", deltas)
	}
}

// A zone that others hold under the name of ours is not forgotten with ours: what is on disk is theirs.
func TestForgetsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	db, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "zones.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Put(t.Context(), "primary", version(t, org, 30), time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	var b book
	s := newServer(version(t, org, 1), version(t, net1, 7))
	z := zonesFor(&b, db)
	set(t, z, secondary.Config{Zones: []secondary.Zone{{Origin: org, Source: s.source()}, {Origin: net1, Source: s.source()}}})
	set(t, z, secondary.Config{})
	if kind, ok := db.Kind(org); !ok || kind != "primary" {
		t.Errorf("after a secondary zone of its name was taken out of the configuration, the zone that is held is there: %t, as %q", ok, kind)
	}
	if _, ok := db.Kind(net1); ok {
		t.Error("the secondary zone was not forgotten")
	}
}
