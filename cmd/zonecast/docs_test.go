package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCommandsMarkdown holds docs/commands.md to the help of the commands.
func TestCommandsMarkdown(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "commands.md")
	got := commandsMarkdown(newRoot(newApp(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})))
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/commands.md is not what help says; run `zonecast docs --dir docs` (-file +help):\n%s", diff)
	}
}

// TestEveryCommandIsExplained demands what people read of each command.
func TestEveryCommandIsExplained(t *testing.T) {
	t.Parallel()
	root := newRoot(newApp(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}))
	list := visible(root)
	if len(list) < 15 {
		t.Errorf("%d commands, want all", len(list))
	}
	for _, c := range list {
		if c.Short == "" || c.Example == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short %q, example %q, want both, and no final stop", c.CommandPath(), c.Short, c.Example)
		}
		if !c.HasParent() || c.Parent() == root && c.GroupID == "" {
			t.Errorf("%s stands in no group of help", c.CommandPath())
		}
	}
}

func TestManPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if code, _, stderr := try(t, "docs", "--dir", dir, "--format", "man"); code != exitOK {
		t.Fatalf("docs exited %d: %s", code, stderr)
	}
	page, err := os.ReadFile(filepath.Join(dir, "zonecast-zones-ttl.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".TH ZONECAST\\-ZONES\\-TTL 1", ".SH NAME\nzonecast\\-zones\\-ttl \\- Show or set", ".SH EXAMPLES\n.nf\nzonecast zones ttl", ".BR zonecast\\-zones (1)"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is missing in\n%s", want, page)
		}
	}
	if mandoc, err := exec.LookPath("mandoc"); err == nil { // not everywhere; where it is, it judges
		if out, err := exec.CommandContext(t.Context(), mandoc, "-T", "lint", "-W", "error", filepath.Join(dir, "zonecast-plan.1")).CombinedOutput(); err != nil {
			t.Errorf("mandoc: %v\n%s", err, out)
		}
	}
}
