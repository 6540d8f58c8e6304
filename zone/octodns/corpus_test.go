package octodns_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

// TestCorpus compares with what octoDNS itself made of a folder of real repositories. It runs
// where ZONECAST_CORPUS names such a folder: DIR/expected/*.json beside the repositories.
func TestCorpus(t *testing.T) {
	root := os.Getenv("ZONECAST_CORPUS")
	if root == "" {
		t.Skip("ZONECAST_CORPUS is not set")
	}
	files, err := filepath.Glob(filepath.Join(root, "expected", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no expectations in %s: %v", root, err)
	}
	for _, f := range files {
		var want corpusFile
		data, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(data, &want)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, z := range want.Zones {
			if z.Skipped == "" {
				t.Run(filepath.Base(f)+"/"+z.Zone, func(t *testing.T) { z.check(t, filepath.Join(root, want.Source), want.Config) })
			}
		}
	}
}

type corpusFile struct {
	Source, Config string
	Zones          []corpusZone
}

type corpusZone struct {
	Zone, Skipped string
	Lenient       bool
	Sources       []string
	Legacy        struct {
		Verdict string
		Records []any
	}
	Strict struct {
		Verdict, Error string
	} `json:"strict_best_practice_not_lenient"`
}

func (z corpusZone) check(t *testing.T, repo, config string) {
	conf, _ := os.ReadFile(filepath.Join(repo, config))
	root, _ := yaml11.Parse(config, conf, yaml11.Options{})
	source := root.Get("providers").Get(z.Sources[0])
	opt := octodns.Options{Order: yaml11.NaturalOrder, Lenient: z.Lenient}
	if v, ok := source.Get("enforce_order").Bool(); ok && !v {
		opt.Order = yaml11.NoOrder
	}
	if v, ok := source.Get("default_ttl").Int(); ok {
		opt.DefaultTTL = uint32(v)
	}
	if v, ok := source.Get("escaped_semicolons").Bool(); ok && !v {
		opt.RawSemicolons = true
	}
	layout := octodns.Layout{Directory: filepath.Join(repo, source.Get("directory").PyText())}
	if strings.Contains(source.Get("class").PyText(), "Split") {
		layout.SplitExtension = "."
		if e := source.Get("extension"); e != nil {
			layout.SplitExtension = e.PyText()
		}
		layout.DisableZonefile = true
	}
	origin := zone.MustName(z.Zone)
	paths, err := layout.Files(origin, os.ReadDir)
	if err != nil {
		t.Fatal(err)
	}
	load := func(opt octodns.Options) *octodns.Loaded {
		c := octodns.NewCollector(origin, opt)
		for _, p := range paths {
			data, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			c.File(p, data)
		}
		return c.Zone()
	}
	got := load(opt)
	for _, f := range got.Findings {
		if f.Severity == finding.Error {
			t.Errorf("%s: %v", z.Legacy.Verdict, f)
		} else {
			t.Log(f)
		}
	}
	compareRecords(t, got.Zone, z.Legacy.Records)
	roundTrip(t, got.Zone, opt)

	opt.Lenient = false
	opt.Rules.Sets = []string{"strict", "best-practice"}
	strict := load(opt)
	found := append(strict.Findings, octodns.ZoneCheck{Rules: opt.Rules, Place: strict.Places.Of}.Run(strict.Zone)...)
	var have []string
	for _, f := range found {
		if f.Severity == finding.Error {
			have = append(have, f.ID)
			t.Log(f)
		}
	}
	var want []string
	for _, m := range regexp.MustCompile(`via: (\S+)`).FindAllStringSubmatch(z.Strict.Error, -1) {
		want = append(want, m[1])
	}
	sort.Strings(have)
	sort.Strings(want)
	if !slices.Equal(have, want) {
		t.Errorf("strict rules: got %v, want %v\n%s", have, want, z.Strict.Error)
	}
}

func compareRecords(t *testing.T, z *zone.Zone, want []any) {
	t.Helper()
	var got []any
	for set := range z.All() {
		rec, err := octodns.Normal(set, z.Origin())
		if err != nil {
			t.Fatal(err)
		}
		data, _ := json.Marshal(rec)
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	key := func(v any) string { m := v.(map[string]any); return m["name"].(string) + " " + m["type"].(string) }
	for _, l := range [][]any{got, want} {
		sort.Slice(l, func(i, j int) bool { return key(l[i]) < key(l[j]) })
	}
	if !reflect.DeepEqual(got, want) {
		g, _ := json.MarshalIndent(got, "", " ")
		w, _ := json.MarshalIndent(want, "", " ")
		t.Errorf("records differ\ngot %s\nwant %s", g, w)
	}
}

func roundTrip(t *testing.T, z *zone.Zone, opt octodns.Options) {
	t.Helper()
	data, fs := octodns.Write(z, opt)
	for _, f := range fs {
		t.Error(f)
	}
	back := octodns.Read("written.yaml", data, z.Origin(), opt)
	if !back.Zone.Equal(z) || finding.AsError(back.Findings) != nil {
		t.Errorf("writing and reading changes the zone: %v\n%s", back.Findings, data)
	}
}
