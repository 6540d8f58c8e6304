package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

func TestOctoArgs(t *testing.T) {
	t.Parallel()
	flags := func(add func(*octoFlags, *pflag.FlagSet)) *pflag.FlagSet {
		tool := &octoTool{name: "test"}
		fs := tool.flagSet()
		add(&tool.octoFlags, fs)
		return fs
	}
	tests := []struct {
		add  func(*octoFlags, *pflag.FlagSet)
		args string
		want string // "!" and the error
	}{
		{syncFlags, "--config-file=c.yaml --doit example.com.", "--config-file=c.yaml --doit example.com."},
		{syncFlags, "--config c.yaml example.com.", "--config c.yaml example.com."},
		{syncFlags, "--conf=c.yaml", "--config-file=c.yaml"},
		{syncFlags, "--source a --source b example.com.", "--source a --source b example.com."},
		{syncFlags, "--do", "--doit"},
		{syncFlags, "--log", "!ambiguous option: --log could match --log-stream-stdout, --log-syslog, --logging-config"},
		{syncFlags, "--dry-run", "!unrecognized arguments: --dry-run"},
		{syncFlags, "-- --odd.", "-- --odd."},
		{compareFlags, "--a one two --b three --zone example.com.", "--a one --a two --b three --zone example.com."},
		{compareFlags, "--a --b three", "!argument --a: expected at least one argument"},
		{dumpFlags, "--output-dir d --split example.com. config", "--output-dir d --split example.com. config"},
	}
	for _, test := range tests {
		got, err := octoArgs(flags(test.add), strings.Fields(test.args))
		text := strings.Join(got, " ")
		if err != nil {
			text = "!" + err.Error()
		}
		want := strings.ReplaceAll(test.want, "--config c.yaml", "--config-file c.yaml")
		if text != want {
			t.Errorf("octoArgs(%q) = %q, want %q", test.args, text, want)
		}
	}
}

// TestReadOnlyCheckout plans where nothing can be written, and refuses to apply there.
func TestReadOnlyCheckout(t *testing.T) {
	t.Parallel()
	dir := writeFiles(t, map[string]string{
		"octodns.yaml": strings.NewReplacer("./zones", "DIR/zones", "./out", "DIR/out").Replace(octoHead) + "  a.example.:\n    <<: *common\n",
		// A file where the folder of the state would be: nobody can make it, root included.
		".zonecast":            "",
		"zones/a.example.yaml": "---\nwww:\n  type: A\n  value: 192.0.2.1\n",
	})
	path := filepath.Join(dir, "octodns.yaml")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(data), "DIR", dir)), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := tryAs(t, "octodns-sync", "--config-file", path)
	if code != 0 || !strings.Contains(stderr, "*   Create <ARecord A 3600, www.a.example., ['192.0.2.1']> (config)") {
		t.Errorf("plan exited %d: %s, want 0 and the plan", code, stderr)
	}
	code, _, stderr = tryAs(t, "octodns-sync", "--config-file", path, "--doit")
	if code != 1 || !strings.Contains(stderr, "nothing was written") || !strings.Contains(stderr, ".zonecast") {
		t.Errorf("--doit exited %d: %s, want 1 and why", code, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
		t.Error("something was written")
	}
}

func TestOctoUsage(t *testing.T) {
	t.Parallel()
	for name := range octoTools {
		code, stdout, _ := tryAs(t, name, "--help")
		if code != 0 || !strings.HasPrefix(stdout, "usage: "+name) {
			t.Errorf("%s --help exited %d: %s", name, code, stdout)
		}
		code, stdout, _ = tryAs(t, name, "--version")
		if want := name + ": zonecast " + thisBuild().Version + "\n"; code != 0 || stdout != want {
			t.Errorf("%s --version exited %d: %q, want %q", name, code, stdout, want)
		}
		code, _, stderr := tryAs(t, name, "--nonsense")
		if diff := cmp.Diff(2, code); diff != "" || !strings.Contains(stderr, name+": error: unrecognized arguments: --nonsense") {
			t.Errorf("%s --nonsense exited %d: %s, want 2", name, code, stderr)
		}
		if name == "octodns-schema" {
			continue
		}
		code, _, stderr = tryAs(t, name)
		if code != 2 || !strings.Contains(stderr, "--config-file") {
			t.Errorf("%s without a word exited %d: %s, want 2", name, code, stderr)
		}
	}
}
