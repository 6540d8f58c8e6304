package octodns

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
)

// seeds are the zone files of testdata, and input that no reader likes.
func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{
		"", "---", "[]", "a: [b", "a: &a [*a]", "a: !include b", "'': {type: A, value: []}", "$TTL: 99999999999999999999d\n", "\\: {type: A}",
		"a: {type: TXT, values: [[], {}, ~]}", "a: {type: CAA, value: {tag: [], value: {}}}", "a: {type: A, dynamic: {pools: [], rules: {}}}",
	} {
		f.Add([]byte(s))
	}
}

func noFiles(string) ([]byte, error) { return nil, errors.New("no files here") }

// FuzzRead wants no panic, and what was read without errors to survive writing and reading.
func FuzzRead(f *testing.F) {
	seeds(f)
	origin := zone.MustName("example.com.")
	f.Fuzz(func(t *testing.T, data []byte) {
		opt := Options{ReadFile: noFiles, ProviderIDs: []string{"cloudflare"}}
		l := Read("fuzz.yaml", data, origin, opt)
		ZoneCheck{Rules: RuleSet{Sets: []string{"strict", "best-practice"}}, Place: l.Places.Of}.Run(l.Zone)
		for set := range l.Zone.All() {
			if _, err := Normal(set, origin); err != nil {
				t.Errorf("%s: %v", set.Key(), err)
			}
			if l.Places.Of(set.Key()).IsZero() {
				t.Errorf("%s has no place", set.Key())
			}
		}
		if finding.AsError(l.Findings) != nil {
			return
		}
		out, fs := Write(l.Zone, opt)
		for _, f := range fs {
			t.Errorf("writing: %v\n%s", f, out)
		}
		if back := Read("fuzz.yaml", out, origin, opt); !back.Zone.Equal(l.Zone) || finding.AsError(back.Findings) != nil {
			t.Errorf("writing and reading changes the zone: %v\n%s", back.Findings, out)
		}
	})
}

// FuzzFastEqualsSlow wants the short cut for plain records to give what the general way gives.
func FuzzFastEqualsSlow(f *testing.F) {
	seeds(f)
	f.Add([]byte("a: {type: TXT, value: 'x\\; y'}\nb: {type: MX, value: {priority: 1, value: A.B.C.}}\nc: {type: CNAME, value: a-.b.}"))
	origin := zone.MustName("example.com.")
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, sets := range [][]string{nil, {"strict", "best-practice"}} {
			opt := Options{ReadFile: noFiles, Order: yaml11.NaturalOrder, Rules: RuleSet{Sets: sets}}
			fast := NewCollector(origin, opt)
			fast.File("fuzz.yaml", data)
			slow := NewCollector(origin, opt)
			slow.slow = true
			slow.File("fuzz.yaml", data)
			a, b := fast.Zone(), slow.Zone()
			if !a.Zone.Equal(b.Zone) {
				t.Errorf("zones differ")
			}
			if diff := cmp.Diff(lines(a.Findings), lines(b.Findings)); diff != "" {
				t.Errorf("findings differ (-fast +slow):\n%s", diff)
			}
		}
	})
}

func lines(fs []finding.Finding) string {
	var b strings.Builder
	for _, f := range fs {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}
