package shape_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/shape"
	"github.com/zonecast/zonecast/zone"
)

// anyZone draws a zone with data that shaping looks into.
func anyZone(t *rapid.T, label string) *zone.Zone {
	b := zone.NewBuilder(origin)
	seen := map[zone.Key]bool{}
	for range rapid.IntRange(0, 10).Draw(t, label) {
		owner, _ := zone.ParseNameIn(rapid.SampledFrom([]string{"@", "a", "b", "*"}).Draw(t, "name"), origin)
		r := zone.RRset{
			Owner: owner, Type: rapid.SampledFrom([]zone.Type{zone.TypeA, zone.TypeTXT, zone.TypeNS, zone.TypePTR, zone.TypeALIAS, zone.TypeMX}).Draw(t, "type"),
			TTL: rapid.SampledFrom([]uint32{0, 60, 300, 86400, 604800}).Draw(t, "ttl"),
		}
		pool := []zone.Data{zone.Data(zone.MustName("a.example.").AppendWire(nil)), zone.Data(zone.MustName("b.example.").AppendWire(nil))}
		switch r.Type {
		case zone.TypeA:
			pool = []zone.Data{"\xc0\x00\x02\x01", "\xc0\x00\x02\x02"}
		case zone.TypeTXT:
			pool = []zone.Data{"\x01a\x01b", "\x02ab", "\x00", "\x01c"}
		case zone.TypeMX:
			pool = []zone.Data{"\x00\x0a\x00"}
		}
		r.Data = rapid.SliceOfN(rapid.SampledFrom(pool), 1, 3).Draw(t, "data")
		if r.Type != zone.TypeNS && rapid.Bool().Draw(t, "extra") { // an apex NS that is excluded is not managed any more
			r.Extra = zone.ExtraOf(rapid.SampledFrom([]map[string]string{
				{"comment": "x"},
				{"octodns": `{"excluded":["main"]}`},
				{"octodns": `{"x":1}`},
				{"cloudflare/proxied": "true"},
				{"octodns/dynamic": `{"pools":{"p":{"values":[{"status":"up","value":"192.0.2.1"}]}},"rules":[{"pool":"p"}]}`},
			}).Draw(t, "what"))
		}
		if !seen[r.Key()] {
			seen[r.Key()] = true
			b.Add(r)
		}
	}
	z, err := b.Zone()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func anyCaps(t *rapid.T) provider.Capabilities {
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	c := provider.Capabilities{
		Types:     []zone.Type{zone.TypeA, zone.TypeNS, zone.TypeCNAME},
		ApexNS:    rapid.SampledFrom([]provider.ApexNS{provider.ApexNSHidden, provider.ApexNSReadOnly, provider.ApexNSEditable}).Draw(t, "apex"),
		ApexNSTTL: flag("ns ttl"), Wildcards: flag("wildcards"), MultiValuePTR: flag("ptr"), TXTChunks: flag("chunks"), EmptyTXT: flag("empty"),
		Alias:   rapid.SampledFrom([]string{"", "ALIAS", "CNAME"}).Draw(t, "alias"),
		Dynamic: flag("dynamic"), DynamicStatus: flag("status"),
	}
	if flag("more types") {
		c.Types = append(c.Types, zone.TypeTXT, zone.TypePTR, zone.TypeMX)
	}
	if flag("ttl") {
		c.MinTTL, c.MaxTTL = 60, 86400
	} else if flag("ttls") {
		c.TTLs = []uint32{60, 3600}
	}
	if flag("extras") {
		c.Extras = []string{"octodns*", "comment"}
	}
	return c
}

// What a target holds after an apply, shaped again, is what it holds: nothing is left to do.
func TestShapingWhatATargetReturnedGivesItBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		desired := anyZone(t, "desired")
		in := shape.Input{
			Desired: desired, Provider: "main", Capabilities: anyCaps(t),
			Observed: &provider.Snapshot{Sets: anyZone(t, "observed")},
			Options: shape.Options{
				ApexNS:      rapid.SampledFrom([]shape.ApexNSMode{shape.ApexNSOctoDNS, shape.ApexNSManaged, shape.ApexNSLeave}).Draw(t, "mode"),
				NameServers: []zone.Name{zone.MustName("a.example.")}, JoinedTXT: rapid.Bool().Draw(t, "joined"), OctoDNS: rapid.Bool().Draw(t, "octodns"),
			},
		}
		r, err := shape.Zone(in)
		if err != nil {
			t.Fatal(err)
		}
		changes := difference(in.Observed.Sets, r)
		after, err := in.Observed.Sets.With(changes)
		if err != nil {
			t.Fatal(err)
		}
		in.Observed = &provider.Snapshot{Sets: after}
		if r, err = shape.Zone(in); err != nil {
			t.Fatal(err)
		}
		if left := difference(after, r); len(left) > 0 {
			t.Fatalf("the same desired zone asks for %d changes after an apply: %v", len(left), left[0].Key())
		}
		// A target that was empty returns what was written, and that gives itself back.
		in.Desired, in.Observed = desired, &provider.Snapshot{Sets: zone.Empty(origin)}
		if r, err = shape.Zone(in); err != nil {
			t.Fatal(err)
		}
		if after, err = in.Observed.Sets.With(difference(in.Observed.Sets, r)); err != nil {
			t.Fatal(err)
		}
		in.Desired, in.Observed = after, &provider.Snapshot{Sets: after}
		if r, err = shape.Zone(in); err != nil {
			t.Fatal(err)
		}
		if left := difference(after, r); len(left) > 0 {
			t.Fatalf("what the target returned comes back different: %v", left[0].Key())
		}
	})
}

func difference(observed *zone.Zone, r *shape.Result) []zone.Change {
	var out []zone.Change
	for c := range zone.Diff(observed, r.Zone) {
		if !r.Kept(c.Key()) {
			out = append(out, c)
		}
	}
	return out
}

func TestFilteredIsHiddenUnlessWanted(t *testing.T) {
	t.Parallel()
	set := func(name string) zone.RRset {
		owner, _ := zone.ParseNameIn(name, origin)
		return zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 300, Data: []zone.Data{"\xc0\x00\x02\x01"}}
	}
	observed, _ := zone.Of(origin, set("a"), set("b"), set("c"))
	seen, _ := zone.Of(origin, set("c"))
	desired, _ := zone.Of(origin, set("a"))
	r, err := shape.Zone(shape.Input{
		Desired: desired, Capabilities: fullCaps(), Observed: &provider.Snapshot{Sets: observed}, Seen: seen,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"a": false, "b": true, "c": false} {
		if got := r.Kept(set(name).Key()); got != want {
			t.Errorf("Kept(%s) = %v, want %v", name, got, want)
		}
		if got := r.Hidden(set(name).Key()); got != want {
			t.Errorf("Hidden(%s) = %v, want %v", name, got, want)
		}
	}
}

func TestLastWordComesBeforeLimits(t *testing.T) {
	t.Parallel()
	caps := fullCaps()
	caps.MinTTL = 300
	in := shape.Input{
		Desired: zone.Empty(origin), Capabilities: caps, Observed: &provider.Snapshot{Sets: zone.Empty(origin)},
		Last: func(*zone.Zone) (*zone.Zone, []finding.Finding, error) {
			z, err := zone.Of(origin, zone.RRset{Owner: origin, Type: zone.TypeTXT, TTL: 60, Data: []zone.Data{"\x01a"}})
			return z, []finding.Finding{{ID: "meta"}}, err
		},
	}
	r, err := shape.Zone(in)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := r.Zone.Set(origin, zone.TypeTXT); got.TTL != 300 {
		t.Errorf("TTL = %d, want the limit of 300", got.TTL)
	}
	if !slices.ContainsFunc(r.Findings, func(f finding.Finding) bool { return f.ID == "meta" }) {
		t.Error("findings of the last word are missing")
	}
	in.Last = func(*zone.Zone) (*zone.Zone, []finding.Finding, error) { return nil, nil, errors.New("no") }
	if _, err := shape.Zone(in); err == nil {
		t.Error("an error of the last word was lost")
	}
}

func TestDelegate(t *testing.T) {
	t.Parallel()
	child, ns1, ns2 := zone.MustName("sub.example.org."), zone.MustName("ns1.sub.example.org."), zone.MustName("ns.example.net.")
	d := shape.Delegation{
		Child: child, NameServers: []zone.Name{ns1, ns2},
		Glue: map[zone.Name][]netip.Addr{ns1: {netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53")}, ns2: {netip.MustParseAddr("192.0.2.54")}},
	}
	z, fs, err := shape.Delegate(zone.Empty(origin), d)
	if err != nil || len(fs) > 0 {
		t.Fatalf("findings %v, error %v", fs, err)
	}
	var got []string
	for set := range z.All() {
		got = append(got, fmt.Sprintf("%s %d %d", set.Key(), set.TTL, len(set.Data)))
	}
	want := []string{"sub.example.org. NS 86400 2", "ns1.sub.example.org. A 86400 1", "ns1.sub.example.org. AAAA 86400 1"}
	if !slices.Equal(got, want) {
		t.Errorf("parent holds %q, want %q", got, want)
	}
	if again, _, _ := shape.Delegate(z, d); !again.Equal(z) {
		t.Error("delegating twice changes the zone")
	}
	own, _ := zone.Of(origin, zone.RRset{Owner: child, Type: zone.TypeNS, TTL: 60, Data: []zone.Data{zone.Data(ns2.AppendWire(nil))}})
	z, fs, _ = shape.Delegate(own, d)
	if set, _ := z.Set(child, zone.TypeNS); len(set.Data) != 1 || set.TTL != 60 {
		t.Errorf("a delegation that somebody wrote was changed to %v", set)
	}
	if len(fs) != 1 || fs[0].ID != "delegation-incomplete" {
		t.Errorf("findings %v, want delegation-incomplete", fs)
	}
	d.Glue = nil
	if _, fs, _ = shape.Delegate(zone.Empty(origin), d); len(fs) != 1 || fs[0].ID != "glue-missing" {
		t.Errorf("findings %v, want glue-missing", fs)
	}
}

func TestOrderPutsChildrenFirst(t *testing.T) {
	t.Parallel()
	zones := []zone.Name{zone.MustName("example.org."), zone.MustName("a.b.example.org."), zone.MustName("b.example.org."), zone.MustName("a.example.net.")}
	shape.Order(zones)
	var got []string
	for _, z := range zones {
		got = append(got, z.String())
	}
	want := []string{"a.b.example.org.", "a.example.net.", "b.example.org.", "example.org."}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func BenchmarkZone(b *testing.B) {
	bld := zone.NewBuilder(origin)
	for i := range 100_000 {
		owner, _ := origin.Child(fmt.Sprintf("host-%07d", i))
		bld.Add(zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 300, Data: []zone.Data{zone.Data([]byte{192, 0, 2, byte(i)})}})
	}
	z, err := bld.Zone()
	if err != nil {
		b.Fatal(err)
	}
	for name, low := range map[string]uint32{"nothing to do": 0, "every TTL changes": 600} {
		caps := fullCaps()
		caps.MinTTL = low
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := shape.Zone(shape.Input{Desired: z, Capabilities: caps, Observed: &provider.Snapshot{Sets: z}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Fit has its say where target and desired zone differ, and a difference in metadata that it leaves
// is a change, in octoDNS's configurations too.
func TestFit(t *testing.T) {
	t.Parallel()
	set := func(name, metadata string, ttl uint32) zone.RRset {
		owner, _ := zone.ParseNameIn(name, origin)
		s := zone.RRset{Owner: owner, Type: zone.TypeA, TTL: ttl, Data: []zone.Data{"\xc0\x00\x02\x01"}}
		if metadata != "" {
			s.Extra = zone.ExtraOf(map[string]string{"octodns": metadata})
		}
		return s
	}
	caps := fullCaps()
	caps.Extras = []string{"octodns"}
	observed, _ := zone.Of(origin, set("same", `{"x":1}`, 300), set("changed", `{"x":1}`, 300))
	desired, _ := zone.Of(origin, set("same", `{"x":1,"y":1}`, 900), set("changed", "", 300), set("new", `{"y":1}`, 900))
	var news []bool
	in := shape.Input{
		Desired: desired, Capabilities: caps, Observed: &provider.Snapshot{Sets: observed}, Options: shape.Options{OctoDNS: true},
		Fit: func(want zone.RRset, have *zone.RRset) zone.RRset {
			news = append(news, have == nil)
			if text, _ := want.Extra.Value("octodns"); strings.Contains(text, `"y"`) {
				want.TTL, want.Extra = 300, zone.ExtraOf(map[string]string{"octodns": `{"x":1}`})
			}
			return want
		},
	}
	r, err := shape.Zone(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []zone.RRset{set("same", `{"x":1}`, 300), set("changed", "", 300), set("new", `{"x":1}`, 300)} {
		if got, _ := r.Zone.Set(want.Owner, want.Type); !got.Equal(want) {
			t.Errorf("%s is %v, want %v", want.Owner, got, want)
		}
	}
	if len(news) != 3 || !slices.Contains(news, true) || !slices.Contains(news, false) {
		t.Errorf("Fit was asked %d times (new: %v), want once for each of 3, one of them new", len(news), news)
	}
}
