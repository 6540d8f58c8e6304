package config_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// fake is a provider that keeps what it was opened with.
type fake struct {
	provider.Provider
	c      provider.Config
	closed *atomic.Int32
}

func (f *fake) Close() error { f.closed.Add(1); return nil }

func (f *fake) Zones(context.Context) iter.Seq2[provider.ZoneInfo, error] {
	return func(yield func(provider.ZoneInfo, error) bool) {
		yield(provider.ZoneInfo{ZoneRef: provider.ZoneRef{Origin: zone.MustName("example.org.")}}, nil)
	}
}

func (f *fake) Read(_ context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	soa, err := rdata.Parse(zone.TypeSOA, "ns1.example.org. hostmaster.example.org. 1 7200 900 1209600 300", ref.Origin)
	if err != nil {
		return nil, err
	}
	z, err := zone.Of(ref.Origin,
		zone.RRset{Owner: ref.Origin, Type: zone.TypeSOA, TTL: 300, Data: []zone.Data{soa}},
		zone.RRset{Owner: ref.Origin, Type: zone.TypeNS, TTL: 300, Data: []zone.Data{rdata.Name(zone.MustName("ns1.example.org."))}},
		zone.RRset{Owner: ref.Origin, Type: zone.TypeTXT, TTL: 300, Data: []zone.Data{rdata.TXT("v=spf1 -all")}},
	)
	return &provider.Snapshot{Sets: z}, err
}

var (
	opens  atomic.Int32
	closed atomic.Int32
)

func init() {
	provider.Register(provider.Driver{
		Name: "fake", Classes: []string{"fakes.FakeProvider"},
		Options: []provider.Option{
			{Name: "token", Required: true, Secret: true},
			{Name: "key", Secret: true, Token: true},
			{Name: "keys", Kind: provider.Map, Secret: true, Token: true},
			{Name: "account", Aliases: []string{"login"}},
			{Name: "retries", Kind: provider.Int},
			{Name: "factor", Kind: provider.Float},
			{Name: "sandbox", Kind: provider.Bool},
			{Name: "regions", Kind: provider.List},
			{Name: "passwords", Kind: provider.Map, Secret: true},
			{Name: "directory", Kind: provider.Folder},
		},
		Open: func(c provider.Config) (provider.Provider, error) {
			opens.Add(1)
			return &fake{c: c, closed: &closed}, nil
		},
	})
}

func env(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

func TestOpenResolvesOptions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"token": "from-file\n", "credential": "from-systemd\r\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	vars := map[string]string{"TOKEN": "00123", "RETRIES": " 7 ", "CREDENTIALS_DIRECTORY": dir, "EMPTY": ""}
	for _, c := range []struct {
		name, options string
		want          provider.Value
		option        string
	}{
		{"leading zeros stay", "token: env/TOKEN", provider.Value{Text: "00123"}, "token"},
		{"unquoted octal stays", "token: x, account: 00123", provider.Value{Text: "00123"}, "account"},
		{"default with slashes", "token: env/NOPE/a/b", provider.Value{Text: "a/b"}, "token"},
		{"empty variable", "token: env/EMPTY/default", provider.Value{Text: ""}, "token"},
		{"file beside the configuration", "token: file/token", provider.Value{Text: "from-file"}, "token"},
		{"systemd credential", "token: cred/credential", provider.Value{Text: "from-systemd"}, "token"},
		{"command", "token: exec/printf 'a b\\n'", provider.Value{Text: "a b"}, "token"},
		{"path that is no reference", "token: x, account: some/path", provider.Value{Text: "some/path"}, "account"},
		{"file is no reference for what is not secret", "token: x, account: file/path", provider.Value{Text: "file/path"}, "account"},
		{"number from the environment", "token: x, retries: env/RETRIES", provider.Value{Text: "7"}, "retries"},
		{"folder from the environment", "token: x, directory: env/TOKEN", provider.Value{Text: "00123"}, "directory"},
		{"number in another base", "token: x, retries: 0x10", provider.Value{Text: "16"}, "retries"},
		{"float", "token: x, factor: 1.50", provider.Value{Text: "1.50"}, "factor"},
		{"truth", "token: x, sandbox: yes", provider.Value{Text: "yes"}, "sandbox"},
		{"list", "token: x, regions: [a, b/c, env/TOKEN]", provider.Value{List: []string{"a", "b/c", "env/TOKEN"}}, "regions"},
		{"list of one", "token: x, regions: a", provider.Value{Text: "a", List: []string{"a"}}, "regions"},
		{"map with references", "token: x, passwords: {a.example.: env/TOKEN}", provider.Value{Map: map[string]string{"a.example.": "00123"}}, "passwords"},
		{"alias", "token: x, login: me", provider.Value{Text: "me"}, "account"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := "providers:\n  p: {class: fakes.FakeProvider, " + c.options + "}\nzones: {}\n"
			cfg, finds := config.Parse(filepath.Join(dir, "octodns.yaml"), []byte(text), config.Options{Env: env(vars)})
			if err := finding.AsError(finds); err != nil {
				t.Fatal(err)
			}
			p, err := cfg.OpenProvider("p")
			if err != nil {
				t.Fatal(err)
			}
			got := p.(*fake).c.Values[c.option]
			got.Place = finding.Place{}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("option %s (-want +got):\n%s", c.option, diff)
			}
		})
	}
}

func TestOpenErrorsNeverShowValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, options, want string }{
		{"unset variable", "token: env/UNSET", "UNSET is not set"},
		{"missing file", "token: file/nowhere", "nowhere"},
		{"directory", "token: file/.", "is not a file"},
		{"empty file", "token: file//dev/null", "/dev/null is empty"},
		{"a list for text", "token: [s3cret]", "must be text, not a list"},
		{"a mapping for text", "token: {a: s3cret}", "must be text, not a mapping"},
		{"failing command", "token: 'exec/echo s3cret; exit 3'", "exit status 3"},
		{"endless command", "token: exec/yes s3cret", "more than"},
		{"silent command", "token: exec/true", "prints nothing"},
		{"a command that prints an empty line", "token: exec/echo", "prints nothing"},
		{"no credentials", "token: cred/x", "CREDENTIALS_DIRECTORY"},
		{"wrong type behind a reference", "token: x, retries: env/SECRET", "whole number"},
		{"unknown handler", "token: vault/s3cret/path", "vault"},
		{"missing", "retries: 3", "lacks token"},
		{"list of mappings", "token: x, regions: [{a: s3cret}]", "must be text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := "secret_handlers:\n  vault: {class: octodns_vault.VaultSecrets}\nproviders:\n  p: {class: fakes.FakeProvider, " + c.options + "}\nzones: {}\n"
			cfg, finds := config.Parse(filepath.Join(t.TempDir(), "octodns.yaml"), []byte(text), config.Options{Env: env(map[string]string{"SECRET": "s3cret"})})
			_, err := cfg.OpenProvider("p")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want it to say %q", err, c.want)
			}
			if all := fmt.Sprint(err, finds); strings.Contains(all, "s3cret") {
				t.Errorf("the secret is shown: %s", all)
			}
		})
	}
}

// Keys that go into headers are checked before a request would fail for them; the error says where
// the option stands, and never the value.
func TestKeysThatNoHeaderCanHave(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"fine": "s3cret\n", "dos": "s3cret\r\n", "two": "s3cret\ns3cret\n", "twice": "s3cret\n\n", "bom": "\ufeffs3cret\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	vars := map[string]string{
		"FINE": "s3cret", "LINE": "s3cret\n", "INSIDE": "s3c\nret", "RETURN": "s3c\rret", "SPACE": " s3cret", "TAB": "s3cret\t",
		"NUL": "s3c\x00ret", "DEL": "s3cret\x7f", "NOTHING": " \n ", "HARD": "s3cret\u00a0", "WIDE": "s3crét",
	}
	const line, around, control = "has a line end inside", "before or after it", "has a control character inside"
	for value, want := range map[string]string{
		"env/FINE": "=s3cret", "env/LINE": "=s3cret", "file/fine": "=s3cret", "file/dos": "=s3cret", "env/WIDE": "=s3crét",
		`"s3cret\n"`: "=s3cret", "exec/echo s3cret": "=s3cret",
		"env/INSIDE": line, "env/RETURN": line, "file/twice": "=s3cret", "file/two": line, `"s3c\nret"`: line,
		"env/SPACE": around, "env/TAB": around, "file/bom": around, "env/HARD": around, `" s3cret"`: around,
		"env/NUL": control, `"s3c\eret"`: control, "env/NOTHING": "nothing but white space",
		"env/DEL": control,
	} {
		for _, option := range []string{"key: " + value, "keys: {a: " + value + "}"} {
			text := "providers:\n  p:\n    class: fakes.FakeProvider\n    token: x\n    " + option + "\nzones: {}\n"
			cfg, finds := config.Parse(filepath.Join(dir, "octodns.yaml"), []byte(text), config.Options{Env: env(vars)})
			if err := finding.AsError(finds); err != nil {
				t.Fatal(err)
			}
			name, _, _ := strings.Cut(option, ":")
			p, err := cfg.OpenProvider("p")
			if right, ok := strings.CutPrefix(want, "="); ok {
				if err != nil {
					t.Errorf("%s: %v", option, err)
				} else if v := p.(*fake).c.Values[name]; v.Text+v.Map["a"] != right {
					t.Errorf("%s gives %q, want %q", option, v.Text+v.Map["a"], right)
				}
				continue
			}
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "octodns.yaml:5:") || !strings.Contains(err.Error(), "option "+name+" of p") {
				t.Errorf("%s: error = %v\nwant octodns.yaml:5, the option, and %q", option, err, want)
			}
			if strings.Contains(fmt.Sprint(err), "s3c") {
				t.Errorf("%s: the value is shown: %v", option, err)
			}
		}
	}
}

func TestNothingPrintsSecrets(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, "octodns.yaml", "providers:\n  p: {class: fakes.FakeProvider, token: s3cret, passwords: {a: s3cret}}\nzones: {}\n")
	entry, _ := cfg.Entry("p")
	p, err := cfg.OpenProvider("p")
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("opened", "entry", entry, "account", p.(*fake).c)
	asJSON, err := json.Marshal(entry.Options)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		fmt.Sprint(entry), fmt.Sprintf("%+v", entry), fmt.Sprintf("%#v", entry.Options), string(asJSON), log.String(), fmt.Sprint(p.(*fake).c),
	} {
		if strings.Contains(text, "s3cret") {
			t.Errorf("the secret is shown: %s", text)
		}
	}
}

func TestOpenIsCachedAndClosed(t *testing.T) {
	cfg, _ := load(t, "octodns.yaml", "providers:\n  p: {class: fakes.FakeProvider, token: x}\nzones: {}\n")
	before, closedBefore := opens.Load(), closed.Load()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := cfg.OpenProvider("p"); err != nil {
				t.Error(err)
			}
			if _, err := cfg.OpenSource("p"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := opens.Load() - before; n != 1 {
		t.Errorf("opened %d times, want once", n)
	}
	if err := cfg.Close(); err != nil {
		t.Error(err)
	}
	if n := closed.Load() - closedBefore; n != 1 {
		t.Errorf("closed %d times, want once", n)
	}
}

func TestProviderAsSource(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, "octodns.yaml", "providers:\n  p: {class: fakes.FakeProvider, token: x}\nzones: {}\n")
	src, err := cfg.OpenSource("p")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := src.Load(t.Context(), zone.MustName("example.org."))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for set := range loaded.Zone.All() {
		got = append(got, set.Key().String())
	}
	if diff := cmp.Diff([]string{"example.org. NS", "example.org. TXT"}, got); diff != "" {
		t.Errorf("sets (-want +got):\n%s", diff)
	}
}

func TestOpenUnknown(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, "octodns.yaml", "providers:\n  main: {class: fakes.FakeProvider, token: x}\n  v: {class: octodns.source.envvar.EnvVarSource, variable: X, name: x}\nzones: {}\n")
	if _, err := cfg.OpenProvider("mian"); err == nil || !strings.Contains(err.Error(), "did you mean main?") {
		t.Errorf("error = %v, want the nearest id", err)
	}
	if _, err := cfg.OpenProvider("v"); err == nil || !strings.Contains(err.Error(), "cannot be written to") {
		t.Errorf("error = %v, want: cannot be written to", err)
	}
}

func TestMissingVariableOfASettingHoldsUpOnlyItsProvider(t *testing.T) {
	t.Parallel()
	cfg, finds := load(t, "octodns.yaml", "providers:\n  p: {class: fakes.FakeProvider, token: x, apply_disabled: env/DRY}\nzones:\n  a.example.: {sources: [p], targets: [p]}\n  b.example.: {sources: [p], targets: [p]}\n")
	if len(finds) != 1 || finds[0].Severity != finding.Warning {
		t.Errorf("findings = %v, want one warning", finds)
	}
	if _, err := cfg.OpenProvider("p"); err == nil || !strings.Contains(err.Error(), "DRY is not set") {
		t.Errorf("OpenProvider = %v, want: DRY is not set", err)
	}
	if f := cfg.RequireTargets(cfg.Zones...); len(f) != 1 || f[0].Severity != finding.Error {
		t.Errorf("RequireTargets = %v, want one error", f)
	}
}
