package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// try runs the program in a folder and returns its exit code and what it printed.
func try(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return tryAs(t, "zonecast", args...)
}

func tryAs(t *testing.T, name string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), name, args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const octoHead = `---
x-common: &common
  sources: [config]
  targets: [out]
providers:
  config: {class: octodns.provider.yaml.YamlProvider, directory: ./zones}
  out: {class: octodns_bind.ZoneFileProvider, directory: ./out}
zones:
`

const nativeHead = `sources:
  config: {type: yaml, directory: zones}
providers:
  out: {type: zonefile, directory: out}
defaults: {sources: [config], targets: [out]}
zones:
`

func TestSwitchZone(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file, before, after string
		refuse                    string // part of the error of disable
	}{
		{
			name: "block", file: "octodns.yaml",
			before: octoHead + "  # the shop\n  a.example.:  # keep\n    sources: [config] # why\n    targets: [out]\n\n  b.example.:\n    <<: *common\n",
			after:  octoHead + "  # the shop\n  a.example.:  # keep\n    always-dry-run: true\n    sources: [config] # why\n    targets: [out]\n\n  b.example.:\n    <<: *common\n",
		},
		{
			name: "merged", file: "octodns.yaml",
			before: octoHead + "  'a.example.':\n      <<: *common\n",
			after:  octoHead + "  'a.example.':\n      always-dry-run: true\n      <<: *common\n",
		},
		{
			name: "flow", file: "octodns.yaml",
			before: octoHead + "  a.example.: {sources: [config], targets: [out]} # here\n",
			after:  octoHead + "  a.example.: {always-dry-run: true, sources: [config], targets: [out]} # here\n",
		},
		{
			name: "said to be false", file: "octodns.yaml",
			before: octoHead + "  a.example.:\n    always-dry-run: false # for now\n    <<: *common\n",
			after:  octoHead + "  a.example.:\n    always-dry-run: true\n    <<: *common\n",
		},
		{
			name: "empty", file: "zonecast.yaml",
			before: nativeHead + "  a.example:\n  b.example:\n",
			after:  nativeHead + "  a.example:\n    dry_run: true\n  b.example:\n",
		},
		{
			name: "last line without end", file: "zonecast.yaml",
			before: nativeHead + "  a.example:",
			after:  nativeHead + "  a.example:\n    dry_run: true\n",
		},
		{
			name: "CRLF", file: "zonecast.yaml",
			before: strings.ReplaceAll(nativeHead+"  a.example:\n  b.example:\n", "\n", "\r\n"),
			after:  strings.ReplaceAll(nativeHead+"  a.example:\n    dry_run: true\n  b.example:\n", "\n", "\r\n"),
		},
		{
			name: "empty flow", file: "zonecast.yaml",
			before: nativeHead + "  a.example: {}\n",
			after:  nativeHead + "  a.example: {dry_run: true}\n",
		},
		{name: "list", file: "zonecast.yaml", before: nativeHead + "  - a.example\n", refuse: "zones are a list"},
		{
			name: "anchor that others use", file: "octodns.yaml",
			before: octoHead + "  a.example.: &a\n    <<: *common\n  b.example.:\n    <<: *a\n", refuse: "would change zone b.example.",
		},
		{name: "alias", file: "octodns.yaml", before: octoHead + "  a.example.: *common\n", refuse: "it has the value *common"},
		{name: "pattern", file: "octodns.yaml", before: octoHead + "  '*':\n    <<: *common\n", refuse: `the pattern "*"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := writeFiles(t, map[string]string{test.file: test.before, "zones/a.example.yaml": "---\n{}\n"})
			path := filepath.Join(dir, test.file)
			code, _, stderr := try(t, "zones", "disable", "a.example", "-c", path)
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if test.refuse != "" {
				if code != exitError || !strings.Contains(stderr, test.refuse) || string(got) != test.before {
					t.Errorf("disable exited %d: %s, want 1 with %q; file changed: %v", code, stderr, test.refuse, string(got) != test.before)
				}
				return
			}
			if diff := cmp.Diff(test.after, string(got)); diff != "" || code != exitOK {
				t.Fatalf("disable exited %d: %s (-want +got):\n%s", code, stderr, diff)
			}
			if code, _, stderr := try(t, "zones", "enable", "a.example", "-c", path); code != exitOK {
				t.Fatalf("enable exited %d: %s", code, stderr)
			}
			got, err = os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.ReplaceAll(test.before, "    always-dry-run: false # for now\n", "")
			if strings.HasSuffix(test.after, "true\n") && !strings.HasSuffix(want, "\n") {
				want += "\n"
			}
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Errorf("enable (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTTL(t *testing.T) {
	t.Parallel()
	conf := `---
providers:
  yaml: {class: octodns.provider.yaml.YamlProvider, directory: DIR/zones, default_ttl: 1800}
  split: {class: octodns.provider.yaml.YamlProvider, directory: DIR/split, split_extension: .}
  bind: {class: octodns_bind.ZoneFileSource, directory: DIR/bind, file_extension: .zone}
  env: {class: octodns.source.envvar.EnvVarSource, variable: X, name: x}
zones:
  y.example.: {sources: [yaml], targets: []}
  s.example.: {sources: [split], targets: []}
  b.example.: {sources: [bind], targets: []}
  two.example.: {sources: [bind], targets: []}
  e.example.: {sources: [env], targets: []}
`
	soa := "@ 60 IN SOA ns h 1 2 3 4 5\n"
	tests := []struct {
		zone, file, before, shown, set, after, refuse string
	}{
		{
			zone: "y.example.", file: "zones/y.example.yaml",
			before: "---\n# head\na:\n  type: A\n  value: 192.0.2.1 # one\nb:\n  ttl: 60\n  type: A\n  value: 192.0.2.2\n",
			shown:  "y.example. 1800 (default_ttl in CONF:3:", set: "300",
			after: "---\n$TTL: 300\n# head\na:\n  type: A\n  value: 192.0.2.1 # one\nb:\n  ttl: 60\n  type: A\n  value: 192.0.2.2\n",
		},
		{
			zone: "b.example.", file: "bind/b.example.zone",
			before: "; ours\n$TTL 1h ; an hour\n" + soa + "www A 192.0.2.1\nold 5 A 192.0.2.2\n",
			shown:  "b.example. 3600 ($TTL in ", set: "5m",
			after: "; ours\n$TTL 300 ; an hour\n" + soa + "www A 192.0.2.1\nold 5 A 192.0.2.2\n",
		},
		{
			zone: "two.example.", file: "bind/two.example.zone",
			before: "$TTL 60\n" + soa + "a A 192.0.2.1\n$TTL 120\nb A 192.0.2.2\n",
			shown:  "two.example. 60 ($TTL", set: "300", refuse: "2 $TTL lines",
		},
		{
			zone: "s.example.", file: "split/s.example./a.yaml", before: "---\na:\n  type: A\n  value: 192.0.2.1\n",
			shown: "s.example. 3600 (neither its file nor split says one)", set: "300", refuse: "it is spread over 2 files",
		},
		{zone: "e.example.", file: "x", shown: "", set: "300", refuse: "no source that is made of files"},
	}
	for _, test := range tests {
		t.Run(test.zone, func(t *testing.T) {
			t.Parallel()
			dir := writeFiles(t, map[string]string{
				test.file: test.before, "split/s.example./b.yaml": "---\nb:\n  type: A\n  value: 192.0.2.1\n",
			})
			path := filepath.Join(dir, "octodns.yaml")
			if err := os.WriteFile(path, []byte(strings.ReplaceAll(conf, "DIR", dir)), 0o644); err != nil {
				t.Fatal(err)
			}
			if code, stdout, stderr := try(t, "zones", "ttl", test.zone, "-c", path); test.shown != "" &&
				(code != exitOK || !strings.HasPrefix(stdout, strings.ReplaceAll(test.shown, "CONF", path))) {
				t.Errorf("ttl exited %d: %q %s, want %q", code, stdout, stderr, test.shown)
			}
			code, stdout, stderr := try(t, "zones", "ttl", test.zone, test.set, "-c", path)
			got, err := os.ReadFile(filepath.Join(dir, test.file))
			if err != nil {
				t.Fatal(err)
			}
			if test.refuse != "" {
				if code != exitError || !strings.Contains(stderr, test.refuse) || string(got) != test.before {
					t.Errorf("exited %d: %s, want 1 with %q; file changed: %v", code, stderr, test.refuse, string(got) != test.before)
				}
				return
			}
			if diff := cmp.Diff(test.after, string(got)); diff != "" || code != exitOK {
				t.Errorf("exited %d: %s (-want +got):\n%s", code, stderr, diff)
			}
			if lines := strings.Count(stdout, "\n"); lines != 2 { // the zone and the one RRset without a TTL
				t.Errorf("told %q, want the zone and the one RRset that is concerned", stdout)
			}
		})
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]uint32{"0": 0, "300": 300, "5m": 300, "1h30M": 5400, "1w": 604800, "2147483647": 2147483647} {
		if got, ok := seconds(text); !ok || got != want {
			t.Errorf("seconds(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-1", "h", "5x", "2147483648", "99999999999999999999", "4000w", "1.5"} {
		if got, ok := seconds(text); ok {
			t.Errorf("seconds(%q) = %d, want none", text, got)
		}
	}
}

// FuzzSwitchLines demands that edits never break and that enabling takes back what disabling did.
func FuzzSwitchLines(f *testing.F) {
	for _, text := range []string{"zones:\n  a.example.:\n    sources: [x]\n", "a.example.: {sources: [x]}\n", "'a': {}", "- a\n", "a:\r\n  b: 1\r\n", "\"a\nb: {"} {
		f.Add([]byte(text), 1)
		f.Add([]byte(text), 2)
	}
	f.Fuzz(func(t *testing.T, text []byte, line int) {
		if bytes.Contains(text, []byte("dry")) {
			return
		}
		off, err := switchLines(bytes.Clone(text), line, "dry_run", false)
		if err != nil {
			return
		}
		if !bytes.Contains(off, []byte("dry_run: true")) {
			t.Fatalf("%q became %q", text, off)
		}
		on, err := switchLines(bytes.Clone(off), line, "dry_run", true)
		if err != nil {
			return // what cannot be taken back line by line is left to the person
		}
		if squeeze(on) != squeeze(text) {
			t.Errorf("%q became %q and then %q", text, off, on)
		}
	})
}

// squeeze leaves out white space, which flow mappings may lose.
func squeeze(b []byte) string { return strings.Join(strings.Fields(string(b)), "") }
