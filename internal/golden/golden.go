package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

// Updating tells whether golden files are to be rewritten.
func Updating() bool { return *update }

// Compare fails the test where a file does not hold what the test got.
func Compare[T ~string | ~[]byte](t testing.TB, path string, got T) {
	t.Helper()
	compare(t, path, string(got), *update)
}

func compare(t testing.TB, path, got string, updating bool) {
	t.Helper()
	if updating {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// Scripts runs each file that a pattern matches as a test of its own. A script
// holds its expected output: run returns the whole text as it should be.
func Scripts(t *testing.T, pattern string, run func(t *testing.T, text string) string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			Compare(t, file, run(t, string(text)))
		})
	}
}

// Answer is a script with its answers as they should be. Lines are handed to
// step; empty ones and those that begin with # are not. Below a line "----" stands
// an answer, up to the next empty line: what answer returns takes its place.
func Answer(text string, step func(line string), answer func() string) string {
	var out strings.Builder
	skipping := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if skipping && line != "" {
			continue
		}
		skipping = line == "----"
		out.WriteString(line + "\n")
		switch {
		case skipping:
			out.WriteString(answer())
		case line != "" && !strings.HasPrefix(line, "#"):
			step(line)
		}
	}
	return out.String()
}
