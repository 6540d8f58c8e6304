package zone

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var org = MustName("example.org.")

func set(owner string, t Type, ttl uint32, data ...string) RRset {
	n, err := ParseNameIn(owner, org)
	if err != nil {
		panic(err)
	}
	r := RRset{Owner: n, Type: t, TTL: ttl}
	for _, d := range data {
		r.Data = append(r.Data, Data(d))
	}
	return r
}

func mustZone(t testing.TB, sets ...RRset) *Zone {
	t.Helper()
	z, err := Of(org, sets...)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func lines(z *Zone) []string {
	var out []string
	for r := range z.All() {
		out = append(out, fmt.Sprintf("%s %d %s %q %s", r.Owner, r.TTL, r.Type, r.Data, r.Extra))
	}
	return out
}

func TestZoneSortsAndFinds(t *testing.T) {
	t.Parallel()
	z := mustZone(t,
		set("www", TypeA, 300, "\x02", "\x01", "\x02"),
		set("@", TypeNS, 3600, "b", "a"),
		set("a", TypeTXT, 60, "t"),
		set("www", TypeAAAA, 300, "x"),
		set("www", TypeMX, 300, "y"),
		set("b.www", TypeA, 300, "z"))
	want := []string{
		`example.org. 3600 NS ["a" "b"] `,
		`a.example.org. 60 TXT ["t"] `,
		`www.example.org. 300 A ["\x01" "\x02"] `,
		`www.example.org. 300 MX ["y"] `,
		`www.example.org. 300 AAAA ["x"] `,
		`b.www.example.org. 300 A ["z"] `,
	}
	if d := cmp.Diff(want, lines(z)); d != "" {
		t.Error(d)
	}
	www := MustName("www.example.org.")
	if s, ok := z.Set(www, TypeAAAA); !ok || s.Data[0] != "x" {
		t.Errorf("Set(www, AAAA) = %v, %v", s, ok)
	}
	if _, ok := z.Set(www, TypeTXT); ok {
		t.Error("Set(www, TXT) exists")
	}
	if got := len(slices.Collect(z.At(www))); got != 3 {
		t.Errorf("At(www) has %d sets; want 3", got)
	}
	if got := len(slices.Collect(z.Under(www))); got != 4 {
		t.Errorf("Under(www) has %d sets; want 4", got)
	}
	if !z.Has(www) || z.Has(MustName("w.example.org.")) || z.Len() != 6 {
		t.Error("Has or Len is wrong")
	}
}

func TestZoneRefuses(t *testing.T) {
	t.Parallel()
	for want, sets := range map[string][]RRset{
		"not in zone":        {{Owner: MustName("example.com."), Type: TypeA}},
		"cannot be in a":     {{Owner: org, Type: 255}},
		"was added twice":    {set("a", TypeA, 1, "x"), set("a", TypeA, 2, "y")},
		"longer than 65535":  {set("a", TypeTXT, 1, strings.Repeat("x", 65536))},
		"b.example.org. TXT": {set("b", TypeTXT, 1, "x"), set("c", TypeTXT, 1, "x"), set("b", TypeTXT, 1, "x")},
	} {
		if _, err := Of(org, sets...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Of = %v; want an error with %q", err, want)
		}
	}
}

func TestWithRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	a, b := set("a", TypeA, 1, "x"), set("a", TypeA, 2, "x")
	z := mustZone(t, a)
	other := set("b", TypeA, 1, "x")
	for name, c := range map[string][]Change{
		"creates what is there": {{After: &b}},
		"deletes what is not":   {{Before: &other}},
		"from another state":    {{Before: &b, After: &a}},
		"twice":                 {{Before: &a, After: &b}, {Before: &a}},
		"nothing":               {{}},
		"renames":               {{Before: &a, After: &other}},
	} {
		if _, err := z.With(c); err == nil {
			t.Errorf("%s: With accepted it", name)
		}
	}
}

func anySets() *rapid.Generator[[]RRset] {
	one := rapid.Custom(func(t *rapid.T) RRset {
		r := set(fmt.Sprintf("n%d", rapid.IntRange(0, 400).Draw(t, "owner")), rapid.SampledFrom([]Type{TypeA, TypeTXT, TypeMX}).Draw(t, "type"),
			rapid.Uint32Range(0, 3).Draw(t, "ttl"), rapid.StringN(0, 3, 9).Draw(t, "data"))
		if rapid.Bool().Draw(t, "extra?") {
			r.Extra = ExtraOf(map[string]string{"k": rapid.StringN(0, 2, 5).Draw(t, "extra")})
		}
		return r
	})
	return rapid.SliceOfNDistinct(one, 0, 300, RRset.Key)
}

// Whatever way a zone was made, equal content means equal chunks, an equal hash and no diff;
// applying the diff of two zones to the first gives the second.
func TestDiffAndWithAreInverse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		x, y := anySets().Draw(rt, "x"), anySets().Draw(rt, "y")
		a, b := mustZone(t, x...), mustZone(t, y...)
		changes := slices.Collect(Diff(a, b))
		if !slices.IsSortedFunc(changes, func(c, d Change) int { return c.Key().Compare(d.Key()) }) {
			rt.Fatal("changes are not in canonical order")
		}
		got, err := a.With(changes)
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(lines(b), lines(got)); d != "" {
			rt.Fatal(d)
		}
		if !got.Equal(b) || got.Hash() != b.Hash() {
			rt.Fatal("same records, but not equal")
		}
		if (len(changes) == 0) != (a.Hash() == b.Hash()) {
			rt.Fatal("hash and diff disagree")
		}
		if got.Len() != b.Len() {
			rt.Fatalf("Len = %d; want %d", got.Len(), b.Len())
		}
		for c := range Diff(got, b) {
			rt.Fatalf("still differs: %v", c)
		}
	})
}

func TestEditSharesChunks(t *testing.T) {
	t.Parallel()
	z := big(t, 20_000, 300)
	s, _ := z.Set(MustName("h10000.example.org."), TypeA)
	after := s
	after.TTL = 60
	y, err := z.With([]Change{{Before: &s, After: &after}})
	if err != nil {
		t.Fatal(err)
	}
	shared := 0
	have := map[*chunk]bool{}
	for _, c := range z.chunks {
		have[c] = true
	}
	for _, c := range y.chunks {
		if have[c] {
			shared++
		}
	}
	if shared < len(z.chunks)-2 {
		t.Errorf("%d of %d chunks are shared after one edit", shared, len(z.chunks))
	}
	if got := len(slices.Collect(Diff(z, y))); got != 1 {
		t.Errorf("%d changes; want 1", got)
	}
}

func big(t testing.TB, n int, ttl uint32) *Zone {
	t.Helper()
	b := NewBuilder(org)
	for i := range n {
		b.Add(set(fmt.Sprintf("h%d", i), TypeA, ttl, string([]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})))
	}
	z, err := b.Zone()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func BenchmarkDiff(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		x, y, z := big(b, n, 300), big(b, n, 300), big(b, n, 60)
		b.Run(fmt.Sprintf("equal/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for range Diff(x, y) {
					b.Fatal("differs")
				}
			}
		})
		b.Run(fmt.Sprintf("all-different/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				got := 0
				for range Diff(x, z) {
					got++
				}
				if got != n {
					b.Fatalf("%d changes", got)
				}
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	sets := make([]RRset, 100_000)
	for i := range sets {
		sets[i] = set(fmt.Sprintf("h%d", i), TypeA, 300, string([]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Of(org, sets...); err != nil {
			b.Fatal(err)
		}
	}
}

func TestExtra(t *testing.T) {
	t.Parallel()
	e := ExtraOf(map[string]string{"b": "2", "a": strings.Repeat("x", 300)})
	if v, ok := e.Value("b"); !ok || v != "2" {
		t.Errorf("Value(b) = %q, %v", v, ok)
	}
	if e.With("b", "2") != e || e.With("c", "") == e {
		t.Error("With is wrong")
	}
	if f := e.Filter(func(k string) bool { return k == "b" }); f.String() != `b="2"` {
		t.Errorf("Filter = %s", f)
	}
	b, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var back Extra
	if err := back.UnmarshalJSON(b); err != nil || back != e {
		t.Errorf("JSON round trip = %s, %v", back, err)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Type{"a": TypeA, "HTTPS": TypeHTTPS, "TYPE65": TypeHTTPS, "type65534": 65534, "ALIAS": TypeALIAS} {
		if got, err := ParseType(in); err != nil || got != want {
			t.Errorf("ParseType(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	v, err := ParseType("Route53Provider/ALIAS")
	if err != nil || !v.Vendor() || v.OnWire() || v.String() != "Route53Provider/ALIAS" {
		t.Errorf("vendor type = %v, %v", v, err)
	}
	if _, err := ParseType("CNAMEE"); err == nil || !strings.Contains(err.Error(), "did you mean CNAME?") {
		t.Errorf("ParseType(CNAMEE) = %v; want a suggestion", err)
	}
	if got := Type(65534).String(); got != "TYPE65534" {
		t.Errorf("String = %s", got)
	}
}
