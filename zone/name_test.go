package zone

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	for _, c := range []struct{ in, want, err string }{
		{in: "example.org.", want: "example.org."},
		{in: "WWW.Example.ORG", want: "www.example.org."},
		{in: ".", want: "."},
		{in: "*.example.org", want: "*.example.org."},
		{in: `a\.b.example`, want: `a\.b.example.`},
		{in: `a\046b.example`, want: `a\.b.example.`},
		{in: `\000\001\255.example`, want: `\000\001\255.example.`},
		{in: `sp\032ace.example`, want: `sp\032ace.example.`},
		{in: "straße.de", want: "xn--strae-oqa.de."},
		{in: "BÜCHER.example", want: "xn--bcher-kva.example."},
		{in: "_dmarc.example", want: "_dmarc.example."},
		{in: "0/25.2.0.192.in-addr.arpa", want: "0/25.2.0.192.in-addr.arpa."},
		{in: long + ".org", want: long + ".org."},
		{in: strings.Repeat(long+".", 3) + strings.Repeat("b", 61), want: strings.Repeat(long+".", 3) + strings.Repeat("b", 61) + "."},
		{in: strings.Repeat(long+".", 3) + strings.Repeat("b", 62), err: "255 octets"},
		{in: long + "a.org", err: "63 octets"},
		{in: "a..b", err: "empty label"},
		{in: ".a", err: "empty label"},
		{in: `a\`, err: "bad escape"},
		{in: `a\25`, err: "bad escape"},
		{in: `a\256`, err: "over 255"},
		{in: "a\xffb.org", err: "UTF-8"},
	} {
		n, err := ParseName(c.in)
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("ParseName(%q) = %v, %v; want an error with %q", c.in, n, err, c.err)
		case c.err == "" && err != nil:
			t.Errorf("ParseName(%q): %v", c.in, err)
		case c.err == "" && n.String() != c.want:
			t.Errorf("ParseName(%q) = %s; want %s", c.in, n, c.want)
		}
	}
}

// The order is that of RFC 4034, section 6.1, its example included.
func TestCompareIsCanonicalOrder(t *testing.T) {
	t.Parallel()
	want := []string{"example.", "a.example.", "yljkjljk.a.example.", "z.a.example.", "zabc.a.example.", "z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b string) int { return MustName(a).Compare(MustName(b)) })
	if !slices.Equal(got, want) {
		t.Errorf("order is %q; want %q", got, want)
	}
}

func TestRelations(t *testing.T) {
	t.Parallel()
	org, www, tricky := MustName("example.org."), MustName("a.www.example.org."), MustName("xexample.org.")
	if !www.In(org) || !www.Below(org) || org.Below(org) || !org.In(org) || tricky.In(org) {
		t.Error("In and Below are wrong")
	}
	if got := www.Parent().String(); got != "www.example.org." {
		t.Errorf("Parent = %s", got)
	}
	if got := www.Relative(org); got != "a.www" {
		t.Errorf("Relative = %q; want a.www", got)
	}
	if got := org.Relative(org); got != "@" {
		t.Errorf("Relative of the origin = %q; want @", got)
	}
	if got := tricky.Relative(org); got != "xexample.org." {
		t.Errorf("Relative of a stranger = %q", got)
	}
	if !MustName("*.x.").IsWildcard() || MustName("a*.x.").IsWildcard() || !MustName("*.").IsWildcard() {
		t.Error("IsWildcard is wrong")
	}
	if got := MustName("xn--bcher-kva.example.").Unicode(); got != "bücher.example." {
		t.Errorf("Unicode = %q", got)
	}
	if got := www.Label(0) + www.Label(3); got != "aorg" {
		t.Errorf("Label = %q", got)
	}
}

func anyName() *rapid.Generator[Name] {
	label := rapid.SliceOfN(rapid.Byte(), 1, 12)
	return rapid.Custom(func(t *rapid.T) Name {
		n := Root
		for range rapid.IntRange(0, 6).Draw(t, "labels") {
			c, err := n.Child(string(label.Draw(t, "label")))
			if err != nil {
				t.Fatal(err)
			}
			n = c
		}
		return n
	})
}

func TestNameRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, m := anyName().Draw(t, "n"), anyName().Draw(t, "m")
		if back, err := ParseName(n.String()); err != nil || back != n {
			t.Fatalf("ParseName(%s) = %s, %v", n, back, err)
		}
		wire := n.AppendWire(nil)
		if len(wire) != n.WireLen() {
			t.Fatalf("WireLen(%s) = %d; want %d", n, n.WireLen(), len(wire))
		}
		if back, used, err := NameFromWire(append(wire, 7)); err != nil || back != n || used != len(wire) {
			t.Fatalf("NameFromWire(%s) = %s, %d, %v", n, back, used, err)
		}
		if back, err := NameFromKey(n.Key()); err != nil || back != n {
			t.Fatalf("NameFromKey(%s) = %s, %v", n, back, err)
		}
		if got, want := n.Compare(m), compareByLabels(n, m); got != want {
			t.Fatalf("Compare(%s, %s) = %d; want %d", n, m, got, want)
		}
		if m.IsRoot() {
			return
		}
		if back, err := ParseNameIn(n.Relative(m), m); err != nil || back != n {
			t.Fatalf("ParseNameIn(%s, %s) = %s, %v; want %s", n.Relative(m), m, back, err, n)
		}
	})
}

// compareByLabels is RFC 4034, section 6.1 word by word.
func compareByLabels(n, m Name) int {
	return slices.Compare(n.split(), m.split())
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"example.org.", `a\.b\000.x`, "bücher.example", "xn--a", "*", "@", `\`, "a..b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			return
		}
		if back, err := ParseName(n.String()); err != nil || back != n {
			t.Fatalf("ParseName(%q) = %s, read back as %s, %v", s, n, back, err)
		}
		if back, err := ParseName(n.Unicode()); err != nil || back != n {
			t.Fatalf("ParseName(%q).Unicode() = %s, read back as %s, %v", s, n.Unicode(), back, err)
		}
	})
}

func FuzzNameFromWire(f *testing.F) {
	f.Add([]byte("\x03www\x07example\x03org\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, used, err := NameFromWire(b)
		if err != nil {
			return
		}
		if got := n.AppendWire(nil); len(got) != used {
			t.Fatalf("%x used %d octets, written back as %x", b, used, got)
		}
	})
}

// Names that are read the short way are those of the long way.
func TestPlainNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		origin := anyName().Draw(t, "origin")
		var names Names
		var got, want []Name
		for range 20 {
			text := rapid.OneOf(
				rapid.StringMatching(`[-_*A-Za-z0-9.]{0,12}`),
				rapid.StringMatching(`[a-z]{60,66}(\.[a-z]{60,63}){0,4}\.?`),
				rapid.StringMatching(`[-_*A-Za-z0-9.@\\"( é]{0,6}`),
			).Draw(t, "text")
			n, ok := names.Plain(text, origin)
			if !ok {
				continue
			}
			long, err := ParseNameIn(text, origin)
			if err != nil {
				t.Fatalf("Plain(%q, %s) = %s; ParseNameIn says %v", text, origin, n, err)
			}
			got, want = append(got, n), append(want, long)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
	var names Names
	for _, text := range []string{"www", "a.b.C.", "_dmarc", "*.x", strings.Repeat("a", 63)} {
		if _, ok := names.Plain(text, org); !ok {
			t.Errorf("Plain(%q) takes the long way", text)
		}
	}
}
