package lint

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var org = zone.MustName("example.org.")

// parse reads lines "owner ttl type rdata" into a zone; Place is the number of the line.
func parse(t testing.TB, text string) (*zone.Zone, func(zone.Key) finding.Place) {
	t.Helper()
	sets, place := map[zone.Key]zone.RRset{}, map[zone.Key]finding.Place{}
	for i, line := range strings.Split(text, "\n") {
		f := strings.SplitN(strings.TrimSpace(line), " ", 4)
		if len(f) < 4 {
			continue
		}
		owner, err := zone.ParseNameIn(f[0], org)
		if err != nil {
			t.Fatal(err)
		}
		ttl, err := strconv.ParseUint(f[1], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		typ, err := zone.ParseType(f[2])
		if err != nil {
			t.Fatal(err)
		}
		data, comment, _ := strings.Cut(f[3], " ; silence ")
		d, err := rdata.Parse(typ, data, org)
		if err != nil {
			t.Fatal(err)
		}
		k := zone.Key{Owner: owner, Type: typ}
		set := sets[k]
		set.Owner, set.Type, set.TTL, set.Data = owner, typ, uint32(ttl), append(set.Data, d)
		if id, why, ok := strings.Cut(comment, " "); ok {
			set.Extra = zone.ExtraOf(map[string]string{"octodns": fmt.Sprintf(`{"zonecast":{"silence":{%q:%q}}}`, id, why)})
		}
		sets[k] = set
		if _, ok := place[k]; !ok {
			place[k] = finding.Place{File: "zone", Line: i + 1}
		}
	}
	z, err := zone.Of(org, slices.Collect(maps.Values(sets))...)
	if err != nil {
		t.Fatal(err)
	}
	return z, func(k zone.Key) finding.Place { return place[k] }
}

// Each case is a heading, a zone, a line of dashes, and the findings.
func TestCases(t *testing.T) {
	file := filepath.Join("testdata", "cases.txt")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	seen := map[string]bool{}
	for _, c := range strings.Split("\n"+string(b), "\n# ")[1:] {
		head, rest, _ := strings.Cut(c, "\n")
		in, want, _ := strings.Cut(rest, "----\n")
		z, place := parse(t, in)
		got := ""
		for _, f := range Zone(z, Options{Place: place}) {
			got += f.String() + "\n"
			seen[f.ID] = true
			if _, ok := IDs[f.ID]; !ok {
				t.Errorf("id %s is not listed in IDs", f.ID)
			}
		}
		fmt.Fprintf(&out, "# %s\n%s----\n%s\n", head, in, got)
		if d := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got)); d != "" && !golden.Updating() {
			t.Errorf("%s:\n%s", head, d)
		}
	}
	for id := range IDs {
		if !seen[id] {
			t.Errorf("no case shows %s", id)
		}
	}
	if golden.Updating() {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSilenceByOptions(t *testing.T) {
	t.Parallel()
	z, _ := parse(t, "www 5 A 192.0.2.1")
	fs := Zone(z, Options{Silence: func(id string, k zone.Key) string { return map[string]string{"ttl-low": "drill"}[id] }})
	if len(fs) != 1 || fs[0].Silenced != "drill" {
		t.Errorf("findings are %v; want one, silenced", fs)
	}
}

func FuzzSPF(f *testing.F) {
	f.Add("v=spf1 include:a.example.org ip4:192.0.2.0/24 ~all")
	f.Add("v=spf1 redirect=_spf.example.org a:%{i} -all mx")
	f.Fuzz(func(t *testing.T, policy string) {
		z, err := zone.Of(org, zone.RRset{Owner: org, Type: zone.TypeTXT, TTL: 300, Data: []zone.Data{rdata.TXT(policy)}})
		if err != nil {
			t.Skip()
		}
		Zone(z, Options{})
	})
}

func BenchmarkZone(b *testing.B) {
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "h%d 300 A 192.0.2.%d\nc%d 300 CNAME h%d\n", i, i%250, i, i)
	}
	z, _ := parse(b, text.String())
	b.ReportAllocs()
	for b.Loop() {
		Zone(z, Options{})
	}
}

// Whoever meets an id looks it up in the documentation.
func TestDocumentationHasEveryID(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "findings.md"))
	if err != nil {
		t.Fatal(err)
	}
	for id, text := range IDs {
		if line := fmt.Sprintf("| `%s` | %s |\n", id, text); !strings.Contains(string(b), line) {
			t.Errorf("docs/findings.md lacks %s", line)
		}
	}
}
