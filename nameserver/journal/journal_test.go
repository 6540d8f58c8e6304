package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

var example = zone.MustName("example.org.")

const apex = `@ 3600 SOA ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300
@ 3600 NS ns1.example.net.
`

func open(t testing.TB, path string) *DB {
	t.Helper()
	d, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func shut(t testing.TB, d *DB) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// all is what a DB yields of a kind.
func all(t testing.TB, d *DB, kind string) []Entry {
	t.Helper()
	var list []Entry
	for e, err := range d.Zones(t.Context(), kind) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// edited returns a version with some random changes and the next serial.
func edited(t testing.TB, rng *rand.Rand, z *zone.Zone) *zone.Zone {
	t.Helper()
	var sets []zone.RRset
	for range 1 + rng.IntN(4) {
		set := zone.RRset{Type: zone.TypeA, TTL: uint32(60 * (1 + rng.IntN(2)))}
		var err error
		if set.Owner, err = z.Origin().Child(fmt.Sprintf("h%d", rng.IntN(30))); err != nil {
			t.Fatal(err)
		}
		switch rng.IntN(6) {
		case 0:
			set.Type = zone.TypeALIAS
			set.Data = []zone.Data{"\x03www\x07example\x03net\x00"}
		case 1:
			if set.Type, err = zone.VendorType("Test/THING"); err != nil {
				t.Fatal(err)
			}
			set.Data = []zone.Data{zone.Data(fmt.Sprint(rng.IntN(9)))}
		case 2:
			set.Extra = zone.ExtraOf(map[string]string{"test/proxied": fmt.Sprint(rng.IntN(3)), "comment": strings.Repeat("c", rng.IntN(300))})
			fallthrough
		default:
			for range 1 + rng.IntN(8) {
				set.Data = append(set.Data, zone.Data([]byte{192, 0, 2, byte(rng.IntN(12))}))
			}
		}
		sets = append(sets, set)
	}
	next, err := xfr.WithSerial(dnstest.Changed(t, z, func() bool { return rng.IntN(3) == 0 }, sets...), dnstest.Serial(t, z)+1)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// large is a zone of n records.
func large(b testing.TB, n int) *zone.Zone {
	b.Helper()
	soa, _ := dnstest.Zone(b, example, apex).Set(example, zone.TypeSOA)
	out := zone.NewBuilder(example)
	out.Add(soa)
	for i := range n {
		out.Add(zone.RRset{Owner: zone.MustName(fmt.Sprintf("h%d.example.org.", i)), Type: zone.TypeA, TTL: 300, Data: []zone.Data{"\xc0\x00\x02\x01"}})
	}
	z, err := out.Zone()
	if err != nil {
		b.Fatal(err)
	}
	return z
}

// What was written is there after opening again: the zone, its history, and what secondaries need.
func TestVersionsStay(t *testing.T) {
	t.Parallel()
	for _, limit := range []int64{0, -1, 3000, 20000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dnstest.Folder(t), "zones.db")
			rng := rand.New(rand.NewPCG(7, uint64(limit)))
			d := open(t, path)
			d.Limit = func(zone.Name) int64 { return limit }
			z := dnstest.Zone(t, example, apex)
			var model []*zone.Zone // by serial - 1
			log := &xfr.Journal{Limit: limit}
			at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
			for i := range 200 {
				by := fmt.Sprintf("update %d", i)
				if err := d.Write(t.Context(), Version{Kind: "primary", Zone: z, At: at, Note: []byte(by), By: by}); err != nil {
					t.Fatal(err)
				}
				if err := log.Put(z); err != nil {
					t.Fatal(err)
				}
				model = append(model, z)
				z = edited(t, rng, z)
				if rng.IntN(20) > 0 {
					continue
				}
				shut(t, d)
				d = open(t, path)
				d.Limit = func(zone.Name) int64 { return limit }
				check(t, d, model, limit, log, by)
			}
			check(t, d, model, limit, log, "update 199")
			shut(t, d)
		})
	}
}

// check compares what is on disk with what was written.
func check(t *testing.T, d *DB, model []*zone.Zone, limit int64, log *xfr.Journal, note string) {
	t.Helper()
	list := all(t, d, "primary")
	newest := model[len(model)-1]
	if len(list) != 1 || !list[0].Zone.Equal(newest) {
		t.Fatalf("serial %d: the zone is another one", dnstest.Serial(t, newest))
	}
	e := list[0]
	if want := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC); !e.At.Equal(want) || string(e.Note) != note || e.Kind != "primary" {
		t.Errorf("At %s, Note %q, Kind %q; want %s, %q, primary", e.At, e.Note, e.Kind, want, note)
	}
	again := &xfr.Journal{Limit: limit}
	if err := again.Restore(e.Zone, e.Deltas); err != nil {
		t.Fatal(err)
	}
	have, want := again.Serials(), log.Serials()
	if limit != 0 {
		// On disk differences take other room than in memory, and are dropped some at a time.
		n := min(len(have), len(want))
		have, want = have[len(have)-n:], want[len(want)-n:]
		if limit > 0 && n < 4 {
			t.Errorf("%d versions are known, want more", n)
		}
	} else if again.Size() != log.Size() {
		t.Errorf("differences have %d octets, want %d", again.Size(), log.Size())
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("serials (-want +got):\n%s", diff)
	}
	past, err := d.Versions(t.Context(), example)
	if err != nil {
		t.Fatal(err)
	}
	octets := 0
	for i, p := range past {
		if want := dnstest.Serial(t, newest) - uint32(i); p.Serial != want || p.By != fmt.Sprintf("update %d", want-1) {
			t.Errorf("version %d is serial %d by %q, want %d", i, p.Serial, p.By, want)
		}
		z, err := d.Version(t.Context(), example, p.Serial)
		if err != nil || !z.Equal(model[p.Serial-1]) {
			t.Fatalf("version %d is another one (%v)", p.Serial, err)
		}
		octets += p.Octets
	}
	whole, _ := newest.MarshalBinary()
	if needed := max(0, limit) + int64(len(whole))/2 + 2*atLeast; limit != 0 && int64(octets) > needed {
		t.Errorf("differences take %d octets, limit %d", octets, limit)
	}
	if limit == 0 && len(past) != len(model) {
		t.Errorf("%d versions are known, want %d", len(past), len(model))
	}
	if _, err := d.Version(t.Context(), example, 4711); !errors.Is(err, ErrNoVersion) {
		t.Errorf("an unknown version: %v", err)
	}
}

// A zone is replaced whole, touched, goes to another kind and away.
func TestLifeOfAZone(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := filepath.Join(dnstest.Folder(t), "deeper", "zones.db")
	d := open(t, path)
	var text strings.Builder
	text.WriteString(apex)
	for i := range 2000 {
		fmt.Fprintf(&text, "h%d 300 A 192.0.2.1\n", i)
	}
	big, small := dnstest.Zone(t, example, text.String()), dnstest.Zone(t, example, apex)
	at := time.Unix(1000, 0).UTC()
	steps := []struct {
		name string
		do   func() error
		want Entry
	}{
		{"new", func() error { return d.Put(ctx, "secondary", small, at, nil) }, Entry{Zone: small, Kind: "secondary", At: at}},
		{"touched", func() error { return d.Touch(ctx, example, at.Add(1)) }, Entry{Zone: small, Kind: "secondary", At: at.Add(1)}},
		{"the same again", func() error { return d.Put(ctx, "secondary", small, at, []byte("n")) }, Entry{Zone: small, Kind: "secondary", At: at, Note: []byte("n")}},
		{"replaced whole", func() error { return d.Put(ctx, "secondary", big, at, nil) }, Entry{Zone: big, Kind: "secondary", At: at}},
		{"another kind", func() error {
			if err := d.Put(ctx, "primary", small, at, nil); !errors.Is(err, ErrKind) {
				return fmt.Errorf("another kind by mistake: %w", err)
			}
			return nil
		}, Entry{Zone: big, Kind: "secondary", At: at}},
		{"another kind in its place", func() error {
			return d.Write(ctx, Version{Kind: "primary", Zone: small, At: at, Replace: true})
		}, Entry{Zone: small, Kind: "primary", At: at}},
		{"forgotten as what it is not", func() error { return d.Forget(ctx, "secondary", example) }, Entry{Zone: small, Kind: "primary", At: at}},
		{"gone", func() error { return d.Forget(ctx, "primary", example) }, Entry{}},
		{"gone twice", func() error { return d.Delete(ctx, example) }, Entry{}},
		{"back", func() error { return d.Put(ctx, "primary", big, at, nil) }, Entry{Zone: big, Kind: "primary", At: at}},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		for range 2 { // as it is, and read from the disk
			var got Entry
			for _, kind := range []string{"primary", "secondary"} {
				for _, e := range all(t, d, kind) {
					got = e
				}
			}
			got.Deltas = nil
			opt := cmp.Comparer(func(a, b *zone.Zone) bool { return (a == nil) == (b == nil) && (a == nil || a.Equal(b)) })
			if diff := cmp.Diff(s.want, got, opt); diff != "" {
				t.Errorf("%s (-want +got):\n%s", s.name, diff)
			}
			shut(t, d)
			d = open(t, path)
		}
	}
	other := zone.MustName("example.net.")
	if err := d.Touch(ctx, other, at); !errors.Is(err, ErrNoZone) {
		t.Errorf("touching nothing: %v", err)
	}
	if _, err := d.Versions(ctx, other); !errors.Is(err, ErrNoZone) {
		t.Errorf("versions of nothing: %v", err)
	}
	if err := d.Put(ctx, "primary", zone.Empty(other), at, nil); !errors.Is(err, xfr.ErrNoSOA) {
		t.Errorf("a zone without SOA: %v", err)
	}
	if kind, ok := d.Kind(other); ok {
		t.Errorf("%s is there as %s", other, kind)
	}
	shut(t, d)
	if err := d.Put(ctx, "primary", small, at, nil); err == nil {
		t.Error("a closed file takes a zone")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read the file: %v %v", info.Mode(), err)
	}
}

// Differences that do not lead to the zone one after the other are of no use to secondaries.
func TestRestoreTakesWhatFits(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	z := dnstest.Zone(t, example, apex)
	var list []xfr.Difference
	for range 6 {
		next := edited(t, rng, z)
		list = append(list, differences(example, [][]edit{editsOf(z, next)})...)
		z = next
	}
	other := append(slices.Clone(list[2].Deleted), list[2].Deleted...)
	for i := range other {
		other[i].Owner = zone.MustName("example.com.")
	}
	for _, c := range []struct {
		name  string
		list  []xfr.Difference
		limit int64
		want  []uint32
	}{
		{"all", list, 0, []uint32{1, 2, 3, 4, 5, 6, 7}},
		{"none", nil, 0, []uint32{7}},
		{"the oldest are missing", list[3:], 0, []uint32{4, 5, 6, 7}},
		{"the newest is missing", list[:5], 0, []uint32{7}},
		{"one in between is missing", slices.Delete(slices.Clone(list), 3, 4), 0, []uint32{5, 6, 7}},
		{"one is of another zone", slices.Replace(slices.Clone(list), 2, 3, xfr.Difference{Deleted: other, Added: other}), 0, []uint32{4, 5, 6, 7}},
		{"one is empty", slices.Replace(slices.Clone(list), 4, 5, xfr.Difference{}), 0, []uint32{6, 7}},
		{"one goes back", append(slices.Clone(list[:5]), xfr.Difference{Deleted: list[5].Added, Added: list[5].Deleted}), 0, []uint32{7}},
		{"no limit to speak of", list, -1, []uint32{7}},
		{"no room", list, 10, []uint32{7}},
	} {
		j := &xfr.Journal{Limit: c.limit}
		if err := j.Restore(z, c.list); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, j.Serials()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	if err := (&xfr.Journal{}).Restore(zone.Empty(example), nil); !errors.Is(err, xfr.ErrNoSOA) {
		t.Errorf("a zone without SOA: %v", err)
	}
}

// Several versions in one write are all there or none, and the history has each.
func TestSeveralVersions(t *testing.T) {
	t.Parallel()
	d := open(t, filepath.Join(dnstest.Folder(t), "zones.db"))
	defer shut(t, d)
	rng := rand.New(rand.NewPCG(1, 2))
	z := dnstest.Zone(t, example, apex)
	var list []Version
	for i := range 5 {
		list = append(list, Version{Kind: "primary", Zone: z, By: fmt.Sprint(i)})
		z = edited(t, rng, z)
	}
	if err := d.Write(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
	past, err := d.Versions(t.Context(), example)
	if err != nil || len(past) != 5 {
		t.Fatalf("versions: %v (%v), want five", past, err)
	}
	for _, v := range list {
		got, err := d.Version(t.Context(), example, dnstest.Serial(t, v.Zone))
		if err != nil || !got.Equal(v.Zone) {
			t.Errorf("version %s: another one (%v)", v.By, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Put(ctx, "primary", z, time.Now(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a write that is not wanted any more: %v", err)
	}
	if got := all(t, d, "primary")[0].Zone; !got.Equal(list[4].Zone) {
		t.Error("what was not written has become a version")
	}
}

// Many writers at once: each zone gets all of its versions.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	path := filepath.Join(dnstest.Folder(t), "zones.db")
	d := open(t, path)
	var running sync.WaitGroup
	for i := range 40 {
		running.Go(func() {
			origin := zone.MustName(fmt.Sprintf("z%d.example.", i%20))
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			z := dnstest.Zone(t, origin, apex)
			for range 20 {
				var err error
				switch {
				case i >= 20: // it disturbs
					err = d.Touch(t.Context(), origin, time.Now())
					if errors.Is(err, ErrNoZone) {
						err = nil
					}
				default:
					err = d.Put(t.Context(), "primary", z, time.Now(), nil)
					z = edited(t, rng, z)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	for range 2 {
		list := all(t, d, "primary")
		if len(list) != 20 || !slices.IsSortedFunc(list, func(a, b Entry) int { return a.Zone.Origin().Compare(b.Zone.Origin()) }) {
			t.Errorf("%d zones, or not in order", len(list))
		}
		for _, e := range list {
			if got := dnstest.Serial(t, e.Zone); got != 20 {
				t.Errorf("%s: serial %d, want 20", e.Zone.Origin(), got)
			}
		}
		shut(t, d)
		d = open(t, path)
	}
	shut(t, d)
}

// A small change of a large zone costs little, and the file does not grow without end.
func TestSmallChangeOfLargeZone(t *testing.T) {
	t.Parallel()
	d := open(t, filepath.Join(dnstest.Folder(t), "zones.db"))
	defer shut(t, d)
	z := large(t, 50_000)
	if err := d.Put(t.Context(), "primary", z, time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	before := d.zones[example].row
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		z = edited(t, rng, z)
		if err := d.Put(t.Context(), "primary", z, time.Now(), nil); err != nil {
			t.Fatal(err)
		}
	}
	after := d.zones[example].row
	if after.base != before.base || after.since > 100*4096 {
		t.Errorf("100 small changes: %+v, before %+v; want differences of less than 4 KiB each", after, before)
	}
}
