package config_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/zone"
)

// noEnv has no variables: loading must need none.
func noEnv(string) (string, bool) { return "", false }

func TestFindingsOfBadConfigurations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			_, finds := config.Load(file, config.Options{Env: noEnv, WorkDir: "testdata"})
			var b strings.Builder
			for _, f := range finds {
				fmt.Fprintln(&b, f)
			}
			if strings.Contains(b.String(), "literal-secret") {
				t.Errorf("a finding shows a secret:\n%s", b.String())
			}
			golden.Compare(t, strings.TrimSuffix(file, ".yaml")+".txt", b.String())
		})
	}
}

func load(t *testing.T, path, text string) (*config.Config, []finding.Finding) {
	t.Helper()
	cfg, finds := config.Parse(path, []byte(text), config.Options{Env: noEnv})
	return cfg, finds
}

func loadClean(t *testing.T, file string) *config.Config {
	t.Helper()
	cfg, finds := config.Load(file, config.Options{Env: noEnv})
	for _, f := range finds {
		if f.Severity == finding.Error {
			t.Errorf("unexpected: %v", f)
		}
	}
	return cfg
}

func TestLoadOctoDNS(t *testing.T) {
	t.Parallel()
	cfg := loadClean(t, "testdata/good/octodns.yaml")
	if cfg.Format != config.OctoDNS {
		t.Errorf("format = %q, want octodns", cfg.Format)
	}
	z, ok := cfg.Zone(zone.MustName("example.com."))
	if !ok || !z.AlwaysDryRun || !z.IgnoreSubzoneAdds {
		t.Errorf("zone example.com. = %+v, %v; want always-dry-run and ignore_subzone_adds", z, ok)
	}
	g := cfg.Guards(&z, "r53")
	if g.UpdateShare == nil || *g.UpdateShare != 0.2 {
		t.Errorf("update share at r53 = %v, want the zone's 0.2", g.UpdateShare)
	}
	if g.DeleteShare == nil || *g.DeleteShare != 0.1 {
		t.Errorf("delete share at r53 = %v, want the target's 0.1", g.DeleteShare)
	}
	if diff := cmp.Diff([]string{"MX", "NS", "SOA"}, g.AlwaysAsk); diff != "" {
		t.Errorf("always ask (-want +got):\n%s", diff)
	}
	if p := cfg.Policy(&z, "cf"); p.Unsupported != config.UnsupportedDrop || p.ApexNS != config.ApexOctoDNS {
		t.Errorf("policy at cf = %+v, want dropped types and octoDNS's apex NS", p)
	}
	if p := cfg.Policy(&z, "r53"); p.Unsupported != config.UnsupportedError {
		t.Errorf("unsupported at r53 = %q, want error", p.Unsupported)
	}
	split, _ := cfg.Entry("split")
	for name, want := range map[string]string{"split_extension": ".tst", "split_catchall": "true", "disable_zonefile": "true"} {
		if v, _ := split.Option(name); v.Text != want {
			t.Errorf("split: %s = %q, want %q", name, v.Text, want)
		}
	}
	want := []zone.Name{zone.MustName("sub.example.com.")}
	if diff := cmp.Diff(want, cfg.Subzones(zone.MustName("example.com.")), cmp.Comparer(func(a, b zone.Name) bool { return a == b })); diff != "" {
		t.Errorf("sub-zones (-want +got):\n%s", diff)
	}
}

func TestLoadZonecast(t *testing.T) {
	t.Parallel()
	cfg := loadClean(t, "testdata/good/zonecast.yaml")
	if cfg.Format != config.Zonecast {
		t.Fatalf("format = %q, want zonecast", cfg.Format)
	}
	org, _ := cfg.Zone(zone.MustName("example.org."))
	if diff := cmp.Diff([]string{"knot", "pdns"}, config.IDs(org.Targets)); diff != "" {
		t.Errorf("targets of example.org (-want +got):\n%s", diff)
	}
	net, _ := cfg.Zone(zone.MustName("example.net."))
	if g := cfg.Guards(&net, "knot"); *g.DeleteShare != 0.5 || *g.MaxDeletes != 100 || g.AlwaysAsk == nil || len(g.AlwaysAsk) != 0 {
		t.Errorf("guards of example.net = %+v, want the zone's delete share, the common max, no types", g)
	}
	if diff := cmp.Diff([]string{"MX", "NS", "SOA", "DS", "CAA"}, cfg.Guards(&org, "knot").AlwaysAsk); diff != "" {
		t.Errorf("always ask of example.org (-want +got):\n%s", diff)
	}
	if p := cfg.Policy(&org, "pdns"); p.ApexNS != config.ApexManaged || p.Unsupported != config.UnsupportedDrop || p.Ownership.Mode != "created" || p.TTLPolicy.EndPoint.Max != 3600 || p.TTLPolicy.Volatile.Max != 60 {
		t.Errorf("policy of example.org at pdns = %+v", p)
	}
	if p := cfg.Policy(&net, "knot"); p.ApexNS != config.ApexLeave {
		t.Errorf("apex_ns of example.net = %q, want leave", p.ApexNS)
	}
	if v := cfg.VerifyAt("knot"); v.Timeout.String() != "30s" || len(v.Addresses) != 1 {
		t.Errorf("verify at knot = %+v", v)
	}
	if v := cfg.VerifyAt("pdns"); v.Timeout.String() != "1m0s" {
		t.Errorf("verify at pdns = %+v", v)
	}
	if r53, _ := cfg.Entry("r53"); !r53.ApplyDisabled {
		t.Error("dry_run of r53 is lost")
	}
	files, _ := cfg.Entry("files")
	if v, _ := files.Option("directory"); v.Text != filepath.FromSlash("testdata/good/zones") {
		t.Errorf("directory = %q, want it to count from the file", v.Text)
	}
}

func TestTargetsAreNeededOnlyToWrite(t *testing.T) {
	t.Parallel()
	cfg, finds := load(t, "octodns.yaml", `
providers:
  config: {class: octodns.provider.yaml.YamlProvider, directory: .}
  cf: {class: octodns_cloudflare.CloudflareProvider, token: env/UNSET}
zones:
  a.example.: {sources: [config]}
  b.example.: {sources: [config], targets: [elsewhere]}
  c.example.: {sources: [config], targets: [cf]}
  d.example.: {sources: [config], targets: [cf]}
`)
	var ids []string
	for _, f := range finds {
		if f.Severity != finding.Warning {
			t.Errorf("want warnings only, got %v", f)
		}
		ids = append(ids, f.ID)
	}
	if diff := cmp.Diff([]string{"no-adapter", "missing-targets", "unknown-target"}, ids); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	for _, f := range cfg.RequireTargets(cfg.Zones...) {
		if f.Severity != finding.Error {
			t.Errorf("to write, want errors, got %v", f)
		}
	}
	if got := len(cfg.RequireTargets(cfg.Zones...)); got != 3 {
		t.Errorf("RequireTargets gave %d findings, want 3", got)
	}
	if _, err := cfg.OpenProvider("cf"); err == nil || !strings.Contains(err.Error(), "no adapter yet") {
		t.Errorf("OpenProvider(cf) = %v, want: no adapter yet", err)
	}
}

func TestImpliedSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "zones"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "config"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config", "production.yaml")
	text := "providers: {}\nzones:\n  example.com.: {sources: [config], targets: []}\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, finds := config.Load(path, config.Options{Env: noEnv, WorkDir: t.TempDir()})
	if len(finds) != 1 || finds[0].ID != "implied-source" || finds[0].Severity != finding.Warning {
		t.Fatalf("findings = %v, want one warning implied-source", finds)
	}
	e, ok := cfg.Entry("config")
	if v, _ := e.Option("directory"); !ok || v.Text != filepath.Join(dir, "zones") {
		t.Errorf("config reads %q, want the folder zones above", v.Text)
	}
}

func TestFolderElsewhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, d := range []string{"config", "zones"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	text := "providers:\n  z: {class: octodns.provider.yaml.YamlProvider, directory: ./zones}\nzones: {}\n"
	path := filepath.Join(dir, "config", "octodns.yaml")
	for _, c := range []struct {
		workDir string
		ids     []string
	}{{dir, nil}, {t.TempDir(), []string{"folder-elsewhere"}}} {
		cfg, finds := config.Parse(path, []byte(text), config.Options{Env: noEnv, WorkDir: c.workDir})
		var ids []string
		for _, f := range finds {
			ids = append(ids, f.ID)
		}
		if diff := cmp.Diff(c.ids, ids); diff != "" {
			t.Errorf("from %s (-want +got):\n%s", c.workDir, diff)
		}
		e, _ := cfg.Entry("z")
		if v, _ := e.Option("directory"); v.Text != filepath.Join(dir, "zones") {
			t.Errorf("from %s: directory = %q, want %q", c.workDir, v.Text, filepath.Join(dir, "zones"))
		}
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, "octodns.yaml", `
providers:
  one: {class: octodns.provider.yaml.YamlProvider, directory: .}
  two: {class: octodns.provider.yaml.YamlProvider, directory: .}
  env: {class: octodns.source.envvar.EnvVarSource, variable: V, name: v}
zones:
  '*g': {glob: 'a*.example.', sources: [one, two], targets: []}
  bücher.example.: {sources: [two], targets: []}
  '*r': {regex: 'b', sources: [one], targets: []}
  '*env': {sources: [env], targets: []}
  '*': {sources: [one], targets: []}
`)
	names := map[string][]string{
		"one": {"a.example.", "b.example.", "xn--bcher-kva.example.", "c.example."},
		"two": {"a2.b.example.", "a.example."},
	}
	asked := map[string]int{}
	list := func(_ context.Context, id string) iter.Seq2[zone.Name, error] {
		return func(yield func(zone.Name, error) bool) {
			asked[id]++
			if id == "env" {
				yield(zone.Name{}, errors.ErrUnsupported)
				return
			}
			for _, n := range names[id] {
				if !yield(zone.MustName(n), nil) {
					return
				}
			}
		}
	}
	got := func(zones []config.Zone) []string {
		var out []string
		for _, z := range zones {
			out = append(out, z.Name.Unicode()+" "+z.Written)
		}
		return out
	}
	zones, finds := cfg.Expand(t.Context(), config.Selection{List: list})
	want := []string{"a.example. *g", "a2.b.example. *g", "bücher.example. bücher.example.", "b.example. *r", "c.example. *"}
	if diff := cmp.Diff(want, got(zones)); diff != "" {
		t.Errorf("zones (-want +got):\n%s", diff)
	}
	if len(finds) != 1 || finds[0].ID != "zone-pattern" || !strings.Contains(finds[0].Text, "cannot list") {
		t.Errorf("findings = %v, want one about env", finds)
	}
	if diff := cmp.Diff(map[string]int{"one": 1, "two": 1, "env": 1}, asked); diff != "" {
		t.Errorf("sources were asked (-want +got):\n%s", diff)
	}
	if _, ok := cfg.Zone(zone.MustName("c.example.")); !ok {
		t.Error("a zone that Expand found is not known afterwards")
	}
	zones, finds = cfg.Expand(t.Context(), config.Selection{List: list, Source: func(id string) bool { return id == "two" }})
	if diff := cmp.Diff([]string{"a.example. *g", "a2.b.example. *g", "bücher.example. bücher.example."}, got(zones)); diff != "" || finds != nil {
		t.Errorf("zones of source two (-want +got):\n%s%v", diff, finds)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true},
		{"*.internal.", "a.b.internal.", true},
		{"*.internal.", "internal.", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"[a-c]x", "bx", true},
		{"[!a-c]x", "bx", false},
		{"[]]", "]", true},
		{"[a", "[a", true},
		{"*a*b*c", "xxaxxbxxc", true},
		{"*a*b*c", "xxaxxcxxb", false},
		{strings.Repeat("*a", 30) + "b", strings.Repeat("a", 5000), false},
		{"ü?", "üx", true},
	} {
		if got := config.Match(c.pattern, c.s); got != c.want {
			t.Errorf("Match(%q, %.20q) = %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
}

// Match is the same as a regular expression made of the pattern.
func TestMatchIsRegular(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`([ab.*?]|\[!?[ab]+\]){0,8}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[abc.]{0,12}`).Draw(t, "s")
		re := regexp.MustCompile(`^` + strings.NewReplacer(".", `\.`, "*", ".*", "?", ".", "!", "^").Replace(pattern) + `$`)
		if got, want := config.Match(pattern, s), re.MatchString(s); got != want {
			t.Errorf("Match(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	})
}

func TestHostileInputIsOneError(t *testing.T) {
	t.Parallel()
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	for name, c := range map[string]struct{ text, id string }{
		"alias bomb": {bomb, "alias-bomb"},
		"too deep":   {"a: " + strings.Repeat("[", 500) + strings.Repeat("]", 500), "too-deep"},
		"binary":     {"zones: \x00\x01", "yaml-syntax"},
		"truncated":  {"zones: {a.: {sources: [", "yaml-syntax"},
		"not UTF-8":  {"zones: \xff\xfe", "yaml-syntax"},
	} {
		_, finds := load(t, "octodns.yaml", c.text)
		if len(finds) != 1 || finds[0].ID != c.id || finds[0].Severity != finding.Error {
			t.Errorf("%s: findings = %.300v, want one error %s", name, fmt.Sprint(finds), c.id)
		}
	}
	if _, finds := config.Load(os.DevNull, config.Options{Env: noEnv}); len(finds) != 1 || finds[0].ID != "config-unreadable" {
		t.Errorf("a device: %v, want one error", finds)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := config.Find(dir, ""); err == nil || !strings.Contains(err.Error(), "config/production.yaml") || !strings.Contains(err.Error(), dir) {
		t.Errorf("Find in an empty folder = %v, want an error with the places", err)
	}
	if _, err := config.Find(dir, filepath.Join(dir, "no.yaml")); err == nil {
		t.Error("Find of a file that is missing gave no error")
	}
	write := func(name string) string {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{"dns/octodns-config.yaml", "octodns.yaml", "config/production.yaml", "zonecast.yaml"} {
		want := write(name) // each is found before the ones so far
		for _, flag := range []string{"", dir} {
			if got, err := config.Find(dir, flag); got != want || err != nil {
				t.Errorf("Find(flag %q) = %q, %v; want %q", flag, got, err, want)
			}
		}
	}
	if got, err := config.Find(dir, filepath.Join(dir, "octodns.yaml")); err != nil || got != filepath.Join(dir, "octodns.yaml") {
		t.Errorf("Find with a file = %q, %v", got, err)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("providers: {}\nzones:\n  a.example.:\n    sources: []\n    targets: [t0")
	for i := range 20_000 {
		fmt.Fprintf(&b, ", t%d", i+1)
	}
	b.WriteString("]\n")
	_, finds := load(t, "octodns.yaml", b.String())
	if n := len(finds); n != 2001 || finds[n-1].ID != "more" || !strings.Contains(finds[n-1].Text, "18001 more") {
		t.Errorf("%d findings, the last %v; want 2000 and how many more", n, finds[n-1])
	}
}

func TestOptionsOfProcessorsComeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	text := `
providers: {}
processors:
  clamp: {class: octodns.processor.clamp.TtlClampProcessor, min_ttl: env/MIN, max_ttl: env/MAX/86400}
  meta: {class: octodns.processor.meta.MetaProcessor, include_extra: {build: env/BUILD, list: [env/BUILD]}}
  names: {class: octodns.processor.filter.NameRejectlistFilter, rejectlist: [env/BUILD]}
zones: {}
`
	cfg, finds := config.Parse("octodns.yaml", []byte(text), config.Options{Env: env(map[string]string{"MIN": "60", "BUILD": "00123"})})
	if len(finds) != 0 {
		t.Errorf("findings = %v, want none", finds)
	}
	got := map[string]any{}
	for _, e := range cfg.Processors {
		got[e.ID] = e.Tree()
	}
	want := map[string]any{
		"clamp": map[string]any{"min_ttl": int64(60), "max_ttl": int64(86400)},
		"meta":  map[string]any{"include_extra": map[string]any{"build": "00123", "list": []any{"env/BUILD"}}},
		"names": map[string]any{"rejectlist": []any{"env/BUILD"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	_, finds = load(t, "octodns.yaml", text)
	if len(finds) != 2 || finds[0].ID != "secret-missing" || finds[0].Severity != finding.Error {
		t.Errorf("without the variables: %v, want two errors", finds)
	}
}
