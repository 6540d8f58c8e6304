package zone

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// ownerName makes names whose keys have much in common, and some with octets that keys escape.
func ownerName(t *rapid.T) Name {
	n := org
	for range rapid.IntRange(0, 3).Draw(t, "labels") {
		label := rapid.SampledFrom([]string{"a", "b", "aaaaaaaa", "aaaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaab", "\x00", "\x01", "a\x00", "*", "zz"}).Draw(t, "label")
		n, _ = n.Child(label)
	}
	return n
}

// What comes in any order is the same zone as what comes sorted.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sets := map[Key]RRset{}
		for range rapid.IntRange(0, 300).Draw(t, "sets") {
			r := RRset{Owner: ownerName(t), Type: rapid.SampledFrom([]Type{TypeA, TypeTXT, TypeMX, TypeALIAS, vendorBit + 7}).Draw(t, "type"), TTL: 1, Data: []Data{"b", "a"}}
			sets[r.Key()] = r
		}
		var sorted []RRset
		for _, r := range sets {
			sorted = append(sorted, r)
		}
		slices.SortFunc(sorted, func(a, b RRset) int { return a.Key().Compare(b.Key()) })
		want, err := Of(org, sorted...)
		if err != nil {
			t.Fatal(err)
		}
		mixed := slices.Clone(sorted)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		got, err := Of(org, mixed...)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Equal(want) || got.Hash() != want.Hash() || got.Len() != len(sorted) {
			t.Fatalf("got %q, want %q", lines(got), lines(want))
		}
		if len(mixed) > 0 {
			if _, err := Of(org, append(mixed, mixed[len(mixed)/2])...); err == nil {
				t.Fatal("an RRset twice was accepted")
			}
		}
		i := 0
		for r := range want.Scan() {
			if !r.Equal(sorted[i].Clean()) {
				t.Fatalf("Scan yields %v; want %v", r, sorted[i])
			}
			i++
		}
	})
}

// Many RRsets take the way by counting octets.
func TestManyInAnyOrder(t *testing.T) {
	t.Parallel()
	var sets []RRset
	for i := range 20000 {
		sets = append(sets, set(fmt.Sprintf("host%d.%d", i, i%7), TypeA, 60, "1234"))
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
	got := mustZone(t, sets...)
	slices.SortFunc(sets, func(a, b RRset) int { return cmp.Compare(a.Owner.key, b.Owner.key) })
	if want := mustZone(t, sets...); !got.Equal(want) {
		t.Error("the order makes a difference")
	}
}

// The borders of chunks are those of FNV-1a, whatever came before.
func TestBorder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPacker(org)
		for range rapid.IntRange(1, 20).Draw(t, "owners") {
			owner, typ := ownerName(t), rapid.OneOf(rapid.Uint32(), rapid.Uint32Range(1, 300)).Draw(t, "type")
			h := fnv.New32a()
			h.Write([]byte(owner.key))
			h.Write([]byte{byte(typ), byte(typ >> 8), byte(typ >> 16), byte(typ >> 24)})
			v := h.Sum32()
			if got, want := p.border(owner.key, common(p.owner, owner.key), Type(typ)), (v^v>>15)%chunkEvery == 0; got != want {
				t.Fatalf("border(%q, %d) = %v; want %v", owner.key, typ, got, want)
			}
		}
	})
}

func BenchmarkBuildOrder(b *testing.B) {
	for _, order := range []string{"sorted", "mixed"} {
		var sets []RRset
		for i := range 1_000_000 {
			sets = append(sets, set(fmt.Sprintf("host%07d", i), TypeA, 60, "1234"))
		}
		if order == "mixed" {
			rand.New(rand.NewPCG(1, 1)).Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
		}
		b.Run(order, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Of(org, sets...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
