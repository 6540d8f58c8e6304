package plan_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

var origin = zone.MustName("example.org.")

// anyZone draws a small zone; names and types collide often, and RDATA is any octets.
func anyZone(t *rapid.T, label string) *zone.Zone {
	keys := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) zone.Key {
		n := rapid.SampledFrom([]string{"@", "a", "b", "*", "x.y", "_tcp", "xn--bcher-kva"}).Draw(t, "name")
		owner, err := zone.ParseNameIn(n, origin)
		if err != nil {
			t.Fatal(err)
		}
		return zone.Key{Owner: owner, Type: rapid.SampledFrom([]zone.Type{zone.TypeA, zone.TypeTXT, zone.TypeMX, zone.TypeNS, 65280}).Draw(t, "type")}
	}), 0, 12, func(k zone.Key) zone.Key { return k }).Draw(t, label)
	b := zone.NewBuilder(origin)
	for _, k := range keys {
		r := zone.RRset{Owner: k.Owner, Type: k.Type, TTL: rapid.Uint32Range(0, 3).Draw(t, "ttl")}
		for _, s := range rapid.SliceOfN(rapid.SampledFrom([]string{"\xc0\x00\x02\x01", "\x01a", "\xff\x00", ""}), 1, 3).Draw(t, "data") {
			r.Data = append(r.Data, zone.Data(s))
		}
		if rapid.Bool().Draw(t, "extra") {
			r.Extra = zone.ExtraOf(map[string]string{"comment": rapid.SampledFrom([]string{"x", "\xff\xfe", "base16:00", ""}).Draw(t, "value")})
		}
		b.Add(r)
	}
	z, err := b.Zone()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func anyInput(t *rapid.T) plan.Input {
	kept := map[zone.Key]bool{}
	for _, n := range rapid.SliceOf(rapid.SampledFrom([]string{"@", "a", "*"})).Draw(t, "kept") {
		owner, _ := zone.ParseNameIn(n, origin)
		kept[zone.Key{Owner: owner, Type: zone.TypeA}] = true
	}
	return plan.Input{
		Target:   plan.Target{Provider: "main", Driver: "test", Zone: origin},
		Observed: &provider.Snapshot{Sets: anyZone(t, "observed"), Settings: provider.Settings{"kind": "primary"}},
		Desired:  anyZone(t, "desired"), Kept: func(k zone.Key) bool { return kept[k] },
		Guards: plan.DefaultGuards(plan.DefaultPolicy()),
		Notes:  []finding.Finding{{ID: "x", Text: "a note"}},
		Made:   time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC),
	}
}

func TestChangesLeadFromObservedToDesired(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput(t)
		p := plan.Compute(in)
		after, err := in.Observed.Sets.With(p.Changes.Sets)
		if err != nil {
			t.Fatal(err)
		}
		for c := range zone.Diff(after, in.Desired) {
			if !in.Kept(c.Key()) {
				t.Fatalf("%s differs after the plan", c.Key())
			}
		}
		if !slices.IsSortedFunc(p.Changes.Sets, func(a, b zone.Change) int { return a.Key().Compare(b.Key()) }) {
			t.Fatal("changes are not in canonical order")
		}
		in.Observed = &provider.Snapshot{Sets: after, Settings: in.Observed.Settings}
		if again := plan.Compute(in); len(again.Changes.Sets) != 0 {
			t.Fatalf("planning again gives %d changes, want none", len(again.Changes.Sets))
		}
	})
}

func TestSavedPlansComeBackTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput(t)
		p := plan.Compute(in)
		if q := plan.Compute(in); q.ID != p.ID {
			t.Fatalf("equal inputs gave %s and %s", p.ID, q.ID)
		}
		var file bytes.Buffer
		if err := plan.Encode(&file, []*plan.Plan{p}); err != nil {
			t.Fatal(err)
		}
		text := file.String()
		got, err := plan.Decode(&file)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		for i, c := range p.Changes.Sets {
			d := got[0].Changes.Sets[i]
			if (c.Before == nil) != (d.Before == nil) || c.Before != nil && !c.Before.Equal(*d.Before) ||
				(c.After == nil) != (d.After == nil) || c.After != nil && !c.After.Equal(*d.After) {
				t.Fatalf("change of %s came back as another", c.Key())
			}
		}
		var again bytes.Buffer
		if err := plan.Encode(&again, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text, again.String()); diff != "" {
			t.Fatalf("after saving (-want +got):\n%s", diff)
		}
	})
}

func TestIdentityCoversEverythingThatMatters(t *testing.T) {
	t.Parallel()
	set := func(name, data string) zone.RRset {
		owner, _ := zone.ParseNameIn(name, origin)
		return zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 300, Data: []zone.Data{zone.Data(data)}}
	}
	base := func() plan.Input {
		observed, _ := zone.Of(origin, set("www", "\xc0\x00\x02\x01"))
		desired, _ := zone.Of(origin, set("www", "\xc0\x00\x02\x02"))
		return plan.Input{
			Target:   plan.Target{Provider: "main", Driver: "test", Zone: origin},
			Observed: &provider.Snapshot{Sets: observed}, Desired: desired,
		}
	}
	want := plan.Compute(base()).ID
	for name, change := range map[string]func(*plan.Input){
		"target":  func(in *plan.Input) { in.Target.Provider = "other" },
		"view":    func(in *plan.Input) { in.Target.View = "inside" },
		"setting": func(in *plan.Input) { in.Observed.Settings = provider.Settings{"kind": "secondary"} },
		"missing": func(in *plan.Input) { in.Observed.Missing = true },
		"unrelated RRset": func(in *plan.Input) {
			in.Observed.Sets, _ = zone.Of(origin, set("www", "\xc0\x00\x02\x01"), set("x", "\x01\x01\x01\x01"))
			in.Desired, _ = zone.Of(origin, set("www", "\xc0\x00\x02\x02"), set("x", "\x01\x01\x01\x01"))
		},
		"data": func(in *plan.Input) { in.Desired, _ = zone.Of(origin, set("www", "\xc0\x00\x02\x03")) },
		"kept": func(in *plan.Input) { in.Kept = func(zone.Key) bool { return true } },
	} {
		in := base()
		change(&in)
		if got := plan.Compute(in).ID; got == want {
			t.Errorf("another %s has the same identity", name)
		}
	}
	in := base()
	in.Generation, in.Revision, in.Made = 9, "abc", time.Now()
	if got := plan.Compute(in).ID; got != want {
		t.Error("generation, revision or time are part of the identity")
	}
}

func TestAlteredPlansAreRefused(t *testing.T) {
	t.Parallel()
	observed, _ := zone.Of(origin, zone.RRset{Owner: origin, Type: zone.TypeA, TTL: 300, Data: []zone.Data{"\xc0\x00\x02\x01"}})
	p := plan.Compute(plan.Input{
		Target: plan.Target{Provider: "main", Zone: origin}, Observed: &provider.Snapshot{Sets: observed}, Desired: zone.Empty(origin),
		Guards: plan.DefaultGuards(plan.DefaultPolicy()),
	})
	var file bytes.Buffer
	if err := plan.Encode(&file, []*plan.Plan{p}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"another address":   {"192.0.2.1", "192.0.2.7", "altered"},
		"objections gone":   {`"held": [`, `"notes": [`, "altered"},
		"another target":    {`"provider": "main"`, `"provider": "other"`, "altered"},
		"unknown field":     {`"existing"`, `"exsting"`, "unknown field"},
		"another format":    {"zonecast-plan", "terraform", "not a plan file"},
		"a newer version":   {`"version": 1`, `"version": 2`, "make the plan again"},
		"not JSON":          {"{", "<", "not a plan file"},
		"a cut-off file":    {file.String()[200:], "", "not a plan file"},
		"another identity":  {p.ID, strings.Repeat("0", 64), "altered"},
		"an unreadable set": {`"192.0.2.1"`, `"192.0.2.x"`, "altered"},
	} {
		text := strings.Replace(file.String(), c.old, c.new, 1)
		if text == file.String() {
			t.Fatalf("%s: nothing was altered", name)
		}
		_, err := plan.Decode(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.want)
		}
		if c.want == "altered" && !errors.Is(err, plan.ErrAltered) {
			t.Errorf("%s: %v does not wrap ErrAltered", name, err)
		}
	}
}

func TestWhatWasObservedIsSavedButItsRRsets(t *testing.T) {
	t.Parallel()
	want := &provider.Snapshot{
		Info:     provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: origin, ID: "Z1"}, Kind: provider.Primary, Serial: 7, NameServers: []zone.Name{zone.MustName("ns1.example.net.")}},
		Revision: "7", Sets: zone.Empty(origin), Settings: provider.Settings{"kind": "native"}, Missing: true,
		Foreign: []provider.Foreign{
			{Kind: "page rule", Text: "all of the zone", Raw: []byte(`{"a":"<b>"}`)},
			{Key: zone.Key{Owner: zone.MustName("www.example.org.")}, Kind: "policy", Text: "at a name"},
			{Key: zone.Key{Owner: zone.MustName("www.example.org."), Type: zone.TypeA}, Kind: "disabled record", Owns: true},
		},
	}
	var file bytes.Buffer
	if err := plan.Encode(&file, []*plan.Plan{plan.Compute(plan.Input{Target: plan.Target{Zone: origin}, Observed: want, Desired: zone.Empty(origin)})}); err != nil {
		t.Fatal(err)
	}
	plans, err := plan.Decode(&file)
	if err != nil {
		t.Fatal(err)
	}
	got := plans[0].Base
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b zone.Name) bool { return a == b }), cmp.Comparer(func(a, b *zone.Zone) bool { return a.Equal(b) })); diff != "" {
		t.Errorf("base (-want +got):\n%s", diff)
	}
}

func FuzzDecode(f *testing.F) {
	var file bytes.Buffer
	observed, _ := zone.Of(origin, zone.RRset{Owner: origin, Type: zone.TypeTXT, TTL: 300, Data: []zone.Data{"\x01a"}})
	p := plan.Compute(plan.Input{Target: plan.Target{Zone: origin}, Observed: &provider.Snapshot{Sets: observed}, Desired: zone.Empty(origin)})
	if err := plan.Encode(&file, []*plan.Plan{p}); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add([]byte(`{"format":"zonecast-plan","version":1,"plans":[{"changes":[{"before":{"records":["\\# 3 00"]}}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		plans, err := plan.Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := plan.Encode(&out, plans); err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Decode(&out); err != nil {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
	})
}

func TestFilterHasAWordBeforeGuards(t *testing.T) {
	t.Parallel()
	observed, _ := zone.Of(origin, zone.RRset{Owner: origin, Type: zone.TypeMX, TTL: 300, Data: []zone.Data{"\x00\x0a\x00"}})
	in := plan.Input{
		Target: plan.Target{Zone: origin}, Observed: &provider.Snapshot{Sets: observed}, Desired: zone.Empty(origin),
		Guards: plan.DefaultGuards(plan.DefaultPolicy()), Allow: []plan.Allowance{{Guard: "*"}},
		Filter: func([]zone.Change) ([]zone.Change, []finding.Finding) {
			return nil, []finding.Finding{{ID: "no", Severity: finding.Error, Text: "not this one"}}
		},
	}
	p := plan.Compute(in)
	if len(p.Changes.Sets) != 0 || len(p.Held) != 1 || p.Held[0].ID != "no" {
		t.Errorf("changes %d, held %v; want none, and the filter's objection in spite of *", len(p.Changes.Sets), p.Held)
	}
}

func bigZone(tb testing.TB, n int, last byte) *zone.Zone {
	tb.Helper()
	b := zone.NewBuilder(origin)
	for i := range n {
		owner, err := origin.Child(fmt.Sprintf("host-%07d", i))
		if err != nil {
			tb.Fatal(err)
		}
		b.Add(zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 300, Data: []zone.Data{zone.Data([]byte{192, 0, byte(i), last})}})
	}
	z, err := b.Zone()
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

func BenchmarkCompute(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		old, other := bigZone(b, n, 1), bigZone(b, n, 2)
		for name, in := range map[string]plan.Input{
			"new":       {Observed: &provider.Snapshot{Sets: zone.Empty(origin)}, Desired: old},
			"same":      {Observed: &provider.Snapshot{Sets: bigZone(b, n, 1)}, Desired: old},
			"different": {Observed: &provider.Snapshot{Sets: other}, Desired: old},
		} {
			in.Target = plan.Target{Provider: "main", Zone: origin}
			in.Guards = plan.DefaultGuards(plan.DefaultPolicy())
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					plan.Compute(in)
				}
			})
		}
	}
}
