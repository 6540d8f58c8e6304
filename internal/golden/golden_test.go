package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A record notes what a test is failed with.
type record struct {
	testing.TB
	said string
}

func (r *record) Helper() {}

func (r *record) Errorf(format string, args ...any) { r.said += fmt.Sprintf(format, args...) }

func (r *record) Fatal(args ...any) {
	r.said += fmt.Sprint(args...)
	panic(r)
}

func TestCompare(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deeper", "x.txt")
	for _, c := range []struct {
		name, got string
		updating  bool
		said      []string
	}{
		{"no file", "a\nb\n", false, []string{"no such file"}},
		{"written", "a\nb\n", true, nil},
		{"the same", "a\nb\n", false, nil},
		{"another line", "a\nc\n", false, []string{"x.txt", `"b"`, `"c"`}},
		{"written anew", "a\nc\n", true, nil},
		{"the new text", "a\nc\n", false, nil},
	} {
		r := &record{TB: t}
		func() {
			defer func() {
				if x := recover(); x != nil && x != any(r) {
					panic(x)
				}
			}()
			compare(r, path, c.got, c.updating)
		}()
		if (r.said == "") != (c.said == nil) {
			t.Errorf("%s: failed with %q", c.name, r.said)
		}
		for _, want := range c.said {
			if !strings.Contains(r.said, want) {
				t.Errorf("%s: failed with %q, want %s in it", c.name, r.said, want)
			}
		}
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"a.txt": "1", "b.txt": "2", "c.md": "3"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ran := make(chan string, 3)
	t.Run("all", func(t *testing.T) {
		Scripts(t, filepath.Join(dir, "*.txt"), func(_ *testing.T, text string) string { ran <- text; return text })
	})
	if a, b := <-ran, <-ran; len(ran) != 0 || a+b != "12" && a+b != "21" {
		t.Errorf("ran %s, %s and %d more; want 1 and 2", a, b, len(ran))
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	sum := ""
	got := Answer("# adds\na\n  b\n----\nold\nolder\n\nc\n----\n\n", func(line string) { sum += strings.TrimSpace(line) }, func() string { return sum + "\n" })
	if want := "# adds\na\n  b\n----\nab\n\nc\n----\nabc\n\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
