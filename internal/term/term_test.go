package term

import (
	"slices"
	"testing"
)

func TestColumns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want int
	}{
		{"", 0}, {"www", 3}, {"bücher", 6}, {"例え", 4}, {"e\u0301", 1}, {"\x1b[32mab\x1b[0m", 2}, {"…", 1},
	} {
		if got := Columns(c.in); got != c.want {
			t.Errorf("Columns(%q) = %d, want %d", c.in, got, c.want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"abcdef", 0, "abcdef"},
		{"abcdef", 6, "abcdef"},
		{"abcdef", 4, "abc…"},
		{"例え例え", 5, "例え…"},
		{"\x1b[32mabcdef\x1b[0m", 4, "\x1b[32mabc…\x1b[0m"},
	} {
		if got := Cut(c.in, c.n); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		n    int
		want []string
	}{
		{"", 4, []string{""}},
		{"ab cd ef", 0, []string{"ab cd ef"}},
		{"ab cd ef", 8, []string{"ab cd ef"}},
		{"ab cd ef", 5, []string{"ab cd", "ef"}},
		{"ab  longerthan cd", 5, []string{"ab", "longerthan", "cd"}},
		{"例え 例え", 5, []string{"例え", "例え"}},
	} {
		if got := Fold(c.in, c.n); !slices.Equal(got, c.want) {
			t.Errorf("Fold(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain": "plain", "a\x1b[2Jb": `a\x1b[2Jb`, "a\u202eb": `a\u202eb`, "tab\tstays": "tab\tstays",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestColour(t *testing.T) {
	t.Parallel()
	env := func(m map[string]string) func(string) (string, bool) {
		return func(k string) (string, bool) { v, ok := m[k]; return v, ok }
	}
	if Colour(nil, env(nil)) {
		t.Error("colour without a terminal")
	}
	if !Colour(nil, env(map[string]string{"CLICOLOR_FORCE": "1"})) {
		t.Error("CLICOLOR_FORCE was not obeyed")
	}
	if Colour(nil, env(map[string]string{"CLICOLOR_FORCE": "1", "NO_COLOR": "1"})) {
		t.Error("NO_COLOR was not obeyed")
	}
	if got := (Paint{}).Green("x"); got != "x" {
		t.Errorf("a Paint that is off painted %q", got)
	}
}
