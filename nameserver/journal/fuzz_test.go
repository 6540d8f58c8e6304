package journal

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/zone"
)

// Octets of the disk never panic, and what is read is what would be written again.
func FuzzDecodeEdits(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 1))
	z := dnstest.Zone(f, example, apex)
	for range 20 {
		next := edited(f, rng, z)
		b := encodeEdits(editsOf(z, next))
		f.Add(b[:len(b)-4])
		z = next
	}
	f.Add([]byte{formatEdits, 0xff, 0xff, 0xff, 0xff, 0x0f})
	base := z
	f.Fuzz(func(t *testing.T, b []byte) {
		sealed := seal(bytes.Clone(b)) // a fuzzer finds no checksums
		list, err := decodeEdits(sealed)
		if err != nil {
			return
		}
		again, err := decodeEdits(encodeEdits(list))
		if err != nil || len(again) != len(list) {
			t.Fatalf("written again: %d edits, %v; want %d", len(again), err, len(list))
		}
		for _, back := range []bool{false, true} {
			r := replay{base: base}
			if r.apply(list, back) == nil {
				_, _ = r.zone()
			}
		}
		_ = differences(example, [][]edit{list})
		s := stored{origin: example, base: 1, newest: 2, versions: []storedVersion{{2, sealed}}}
		s.parts, _ = base.MarshalBinary()
		_, _, _ = s.zone()
	})
}

// A whole zone from the disk never panics.
func FuzzParts(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 1))
	z := dnstest.Zone(f, example, apex)
	for range 5 {
		z = edited(f, rng, z)
		b, err := z.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := stored{origin: example, base: 1, newest: 1, parts: b}
		z, _, err := s.zone()
		if err == nil && z.Origin() != example {
			t.Errorf("a zone %s for %s", z.Origin(), example)
		}
		if _, err := unseal(b); err == nil && len(b) < 4 {
			t.Error("a checksum out of nothing")
		}
	})
}

// Edits lead from one version to the next, and back.
func TestEditsBothWays(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(8, 9))
	z := dnstest.Zone(t, example, apex)
	for range 500 {
		next := edited(t, rng, z)
		list, err := decodeEdits(encodeEdits(editsOf(z, next)))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			from, to *zone.Zone
			back     bool
		}{{z, next, false}, {next, z, true}} {
			r := replay{base: c.from}
			if err := r.apply(list, c.back); err != nil {
				t.Fatal(err)
			}
			if got, err := r.zone(); err != nil || !got.Equal(c.to) {
				t.Fatalf("back %v: another zone (%v)", c.back, err)
			}
		}
		r := replay{base: z}
		if err := r.apply(list, true); err == nil {
			t.Fatal("edits fit a zone that they do not lead to")
		}
		z = next
	}
}
