package yaml11

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestScalars lists what octoDNS's reader (PyYAML's safe loader) makes of
// plain scalars, and the names they give as keys.
func TestScalars(t *testing.T) {
	t.Parallel()
	cases := []struct {
		text string
		kind Kind
		py   string // str() of the value
	}{
		{"yes", Bool, "True"},
		{"Yes", Bool, "True"},
		{"YES", Bool, "True"},
		{"yEs", String, "yEs"},
		{"no", Bool, "False"},
		{"on", Bool, "True"},
		{"On", Bool, "True"},
		{"OFF", Bool, "False"},
		{"true", Bool, "True"},
		{"FALSE", Bool, "False"},
		{"y", String, "y"},
		{"n", String, "n"},
		{"~", Null, "None"},
		{"null", Null, "None"},
		{"NULL", Null, "None"},
		{"nULL", String, "nULL"},
		{"0", Int, "0"},
		{"10", Int, "10"},
		{"-10", Int, "-10"},
		{"+7", Int, "7"},
		{"010", Int, "8"},
		{"08", String, "08"},
		{"0b101", Int, "5"},
		{"0x1F", Int, "31"},
		{"0o17", String, "0o17"},
		{"1_000", Int, "1000"},
		{"_1", String, "_1"},
		{"1:30", Int, "90"},
		{"1:60", String, "1:60"},
		{"0:30", String, "0:30"},
		{"190:20:30", Int, "685230"},
		{"-1:30", Int, "-90"},
		{"123456789012345678901234567890", Int, "123456789012345678901234567890"},
		{"0x", String, "0x"},
		{"0b_", String, "0b_"},
		{"1.10", Float, "1.1"},
		{"1.", Float, "1.0"},
		{".5", Float, "0.5"},
		{"-.5", String, "-.5"},
		{"1e3", String, "1e3"},
		{"1.5e+3", Float, "1500.0"},
		{"1.5e3", String, "1.5e3"},
		{"1.0e+16", Float, "1e+16"},
		{"1.0e-5", Float, "1e-05"},
		{"0.0001", Float, "0.0001"},
		{".inf", Float, "inf"},
		{"-.INF", Float, "-inf"},
		{".nan", Float, "nan"},
		{"1:30.5", Float, "90.5"},
		{"08.5", Float, "8.5"},
		{"1_0.2_5", Float, "10.25"},
		{".", String, "."},
		{"1.2.3", String, "1.2.3"},
		{"192.0.2.1", String, "192.0.2.1"},
		{"2024-01-01", Timestamp, "2024-01-01"},
		{"2024-1-1", String, "2024-1-1"},
		{"2024-1-1 1:02:03", Timestamp, "2024-01-01 01:02:03"},
		{"2024-01-01T10:00:00Z", Timestamp, "2024-01-01 10:00:00+00:00"},
		{"2024-01-01 10:00:00.5 +1", Timestamp, "2024-01-01 10:00:00.500000+01:00"},
		{"2024-01-01T10:00", String, "2024-01-01T10:00"},
		{"2001:db8::1", String, "2001:db8::1"},
		{"=", String, "="},
		{"v=spf1 -all", String, "v=spf1 -all"},
		{"-", String, "-"},
		{"+", String, "+"},
		{"00", Int, "0"},
		{"0_7", Int, "7"},
	}
	for _, c := range cases {
		if got := plainKind(c.text); got != c.kind {
			t.Errorf("plainKind(%q) = %v, want %v", c.text, got, c.kind)
		}
		n := &Node{Kind: c.kind, Text: c.text}
		if got := n.PyText(); got != c.py {
			t.Errorf("PyText(%q) = %q, want %q", c.text, got, c.py)
		}
		want := c.py
		if c.kind != String {
			want = strings.ToLower(want)
		}
		if got := keyName(c.kind, c.text); got != want {
			t.Errorf("keyName(%q) = %q, want %q", c.text, got, want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	root, _ := Parse("f", []byte("i: 0x10\nf: 1:30.5\nb: on\ns: '1'\nn:\nbig: 99999999999999999999\n"), Options{})
	if v, ok := root.Get("i").Int(); v != 16 || !ok {
		t.Errorf("Int() = %d, %t; want 16, true", v, ok)
	}
	if v, ok := root.Get("f").Float(); v != 90.5 || !ok {
		t.Errorf("Float() = %g, %t; want 90.5, true", v, ok)
	}
	if v, ok := root.Get("i").Float(); v != 16 || !ok {
		t.Errorf("Float() of an integer = %g, %t; want 16, true", v, ok)
	}
	if v, ok := root.Get("b").Bool(); !v || !ok {
		t.Errorf("Bool() = %t, %t; want true, true", v, ok)
	}
	for _, name := range []string{"s", "n", "big", "absent"} {
		if v, ok := root.Get(name).Int(); ok {
			t.Errorf("Int() of %s = %d, true; want false", name, v)
		}
	}
}

// render writes a tree in one line, for tests.
func render(n *Node) string {
	switch n.Kind {
	case Mapping:
		var parts []string
		for _, k := range n.Keys {
			parts = append(parts, k.Name+": "+render(k.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case Sequence:
		var parts []string
		for _, it := range n.Items {
			parts = append(parts, render(it))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return n.PyText()
}

func files(m map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		if s, ok := m[path]; ok {
			return []byte(s), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	read := files(map[string]string{
		"dir/map.yaml": "k: base\nl: 1\n", "dir/list.yaml": "- 1\n- 2\n", "dir/empty.yaml": "---\n",
		"dir/sub/a.yaml": "x: !include b.yaml\n", "dir/sub/b.yaml": "'deep'\n", "dir/unsorted.yaml": "b: 1\na: 2\n",
		"dir/ring1.yaml": "r: !include ring2.yaml\n", "dir/ring2.yaml": "r: !include ring1.yaml\n", "dir/bad.yaml": "a: [\n",
	})
	cases := []struct {
		name, in string
		order    Order
		want     string // the tree; "" if it does not matter
		problems []string
	}{
		{"empty", "", 0, "{}", nil},
		{"marker only", "---\n", 0, "{}", nil},
		{"comment only", "# c\n", 0, "{}", nil},
		{"apex as explicit key", "? ''\n: type: A\n", 0, "{: {type: A}}", nil},
		{"merge loses to a later key", "y: {<<: {k: base}, k: mine}\n", 0, "{y: {k: mine}}", nil},
		{"merge wins over an earlier key", "x: {k: mine, <<: {k: base}}\n", 0, "{x: {k: base}}", nil},
		{"first of a list wins", "a: &a {k: 1}\nb: &b {k: 2, l: 3}\nx:\n  <<: [*a, *b]\n", 0, "{a: {k: 1}, b: {k: 2, l: 3}, x: {k: 1, l: 3}}", nil},
		{"several merge keys", "a: &a {k: 1}\nb: &b {k: 2}\nx:\n  <<: *a\n  <<: *b\n", 0, "{a: {k: 1}, b: {k: 2}, x: {k: 2}}", nil},
		{"top-level merge", "<<: {a: 1}\nb: 2\n", 0, "{a: 1, b: 2}", nil},
		{"quoted << is a name", "'<<': 1\n", 0, "{<<: 1}", nil},
		{"merge of a text", "a:\n  <<: x\n", 0, "", []string{"f:2:7 merge-key"}},
		{"include", "a: !include map.yaml\nb: !include list.yaml\nc: !include empty.yaml\n", 0, "{a: {k: base, l: 1}, b: [1, 2], c: None}", nil},
		{"nested include", "a: !include sub/a.yaml\n", 0, "{a: {x: deep}}", nil},
		{"merged include", "a:\n  <<: !include map.yaml\n  l: 2\n", 0, "{a: {k: base, l: 2}}", nil},
		{"merged include at the root", "<<: !include map.yaml\nz: 2\n", 0, "{k: base, l: 1, z: 2}", nil},
		{"merged include of a list", "a:\n  <<: !include list.yaml\n", 0, "", []string{"f:2:7 merge-key"}},
		{"missing include", "a: !include nope.yaml\n", 0, "", []string{"f:1:4 include"}},
		{"missing merged include", "a:\n  <<: !include nope.yaml\n", 0, "", []string{"f:2:7 include"}},
		{"include of a list of paths", "a: !include [x]\n", 0, "", []string{"f:1:4 include"}},
		{"broken include", "a: !include bad.yaml\n", 0, "", []string{"dir/bad.yaml:2:1 yaml-syntax"}},
		{"ring of includes", "a: !include ring1.yaml\n", 0, "", []string{"dir/ring2.yaml:1:4 include"}},
		{"duplicates", "a: 1\nb: 2\na: 3\n", 0, "{a: 3, b: 2}", []string{"f:3:1 duplicate-key"}},
		{"nested duplicates", "a:\n  t: 1\n  t: 2\n", 0, "{a: {t: 2}}", []string{"f:3:3 duplicate-key"}},
		{"same name by another spelling", "8: 1\n010: 2\n", 0, "{8: 2}", []string{"f:2:1 ambiguous-key?", "f:2:1 duplicate-key"}},
		{"order", "b: 1\na: 2\nc: 3\n", NaturalOrder, "", []string{"f:1:1 key-order"}},
		{"order below", "a:\n  z: 1\n  b: 2\n", NaturalOrder, "", []string{"f:2:3 key-order"}},
		{"natural", "'': 0\n'1': 0\n'10': 0\n'*': 0\nA: 0\n_a: 0\na2: 0\na10: 0\nab: 0\n", NaturalOrder, "{: 0, 1: 0, 10: 0, *: 0, A: 0, _a: 0, a2: 0, a10: 0, ab: 0}", nil},
		{"simple", "a10: 0\na2: 0\n", SimpleOrder, "{a10: 0, a2: 0}", nil},
		{"numbers as keys", "2: 0\n10: 0\n'11': 0\na: 0\n", NaturalOrder, "{2: 0, 10: 0, 11: 0, a: 0}", nil},
		{"equal sort keys", "a1: 0\na01: 0\n", NaturalOrder, "{a1: 0, a01: 0}", nil},
		{"order after merge", "a: &a {type: A, value: x}\nb:\n  <<: *a\n  ttl: 3\n", NaturalOrder, "", []string{"f:3:3 key-order"}},
		{"order of an include", "a: !include unsorted.yaml\n", NaturalOrder, "", []string{"dir/unsorted.yaml:1:1 key-order"}},
		{"ambiguous names", "on: 1\n1.10: 1\ntrue: 1\n2024-01-01: 1\n", 0, "{true: 1, 1.1: 1, 2024-01-01: 1}", []string{"f:1:1 ambiguous-key?", "f:2:1 ambiguous-key?", "f:3:1 duplicate-key"}},
		{"unknown tag", "a: !foo 1\n", 0, "", []string{"f:1:4 unknown-tag"}},
		{"python tag", "a: !!python/object:os.system x\n", 0, "", []string{"f:1:4 unknown-tag"}},
		{"core tags", "a: !!str 10\nb: !!int '3'\nc: ! 5\n", 0, "{a: 10, b: 3, c: 5}", nil},
		{"second document", "a: 1\n---\nb: 1\n", 0, "", []string{"f:2:1 yaml-syntax"}},
		{"tab", "a:\n\t- b\n", 0, "", []string{"f:2:1 yaml-syntax"}},
		{"bare star", "*: 1\n", 0, "", []string{"f:1:2 yaml-syntax"}},
		{"open quote", "a: 1\nb: 'x\nc: 2\n", 0, "", []string{"f:2:4 yaml-syntax"}},
		{"NUL", "a: 1\nb: \x00\n", 0, "", []string{"f:2:4 yaml-syntax"}},
		{"not UTF-8", "é: 1\né: \xff\n", 0, "", []string{"f:2:4 yaml-syntax"}},
		{"byte order mark and CRLF", "\xef\xbb\xbfa: 1\r\nb:\r\n- 2\r\n", 0, "{a: 1, b: [2]}", nil},
		{"folded scalars", "a: x\n  y\nb: >-\n  v\n  w\n", 0, "{a: x y, b: v w}", nil},
		{"alias in itself", "a: &a [*a]\n", 0, "", []string{"f:1:8 alias-bomb"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := func(path string) ([]byte, error) { return read("dir/" + strings.TrimPrefix(path, "dir/")) }
			root, problems := Parse("f", []byte(c.in), Options{Read: r, Order: c.order})
			var got []string
			for _, p := range problems {
				s := p.Pos.String() + " " + p.ID
				if p.Warning {
					s += "?"
				}
				got = append(got, s)
			}
			norm := strings.ReplaceAll(strings.Join(got, "\n"), "\ndir/f", "\nf")
			if want := strings.Join(c.problems, "\n"); strings.ReplaceAll(norm, "dir/", "") != strings.ReplaceAll(want, "dir/", "") {
				t.Errorf("problems = %q, want %q", got, c.problems)
			}
			if got := render(root); c.want != "" && got != c.want {
				t.Errorf("tree = %s, want %s", got, c.want)
			}
		})
	}
}

// TestMessages holds what people read for the mistakes they make most.
func TestMessages(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"*: 1\n":              "f.yaml:1:2: an unquoted * begins an alias, and no name follows; quote it: '*'",
		"a: &\n":              "f.yaml:1:5: an unquoted & begins an anchor, and no name follows; quote the value",
		"a:\n\t- b\n":         "f.yaml:2:1: a tab is used for indentation; YAML allows only spaces; replace the tab by spaces",
		"a: b: c\n":           `f.yaml:1:5: a ": " where no key can be: the line is indented wrongly, or a value contains ": "; indent the key like its neighbours, or quote the value`,
		"a: @x\n":             "f.yaml:1:4: an unquoted value cannot begin with '@'; quote the value",
		"a: 1\nb: 'x\n":       "f.yaml:2:4: the quote opened here is never closed; add the closing quote",
		"a: *x\n":             "f.yaml:1:4: alias *x has no anchor &x above it; quote it if no alias is meant: '*x'",
		"a: \"\\;\"\n":        "f.yaml:1:5: unknown escape in a double-quoted text; write \\\\ for a backslash, or use single quotes",
		"a: 1\n---\n":         "f.yaml:2:1: a second document begins here; keep one document in each file: remove the --- or ... or split the file",
		"on: 1\n":             `f.yaml:1:1: unquoted key on is no text in YAML 1.1 but a value of type boolean, and is read as "true"; write 'on' if that name is meant, else 'true'`,
		"b: 1\na: 1\n":        "f.yaml:1:1: keys out of order: expected a got b; move a above b, or set enforce_order: false",
		"a: [1\n":             "f.yaml:2:1: while parsing a flow sequence: did not find expected ',' or ']'; close the bracket or brace, or quote the value that holds one",
		"a: 1\nb: [1\nc: 2\n": "f.yaml:3:2: while parsing a flow sequence: did not find expected ',' or ']'; close the bracket or brace, or quote the value that holds one",
	} {
		_, problems := Parse("f.yaml", []byte(in), Options{Order: NaturalOrder})
		if len(problems) != 1 {
			t.Errorf("%q: problems = %v, want one", in, problems)
			continue
		}
		p := problems[0]
		if got := p.Pos.String() + ": " + p.Text + "; " + p.Fix; got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", in, got, want)
		}
	}
}

// TestIncludedFiles reads real files, through the default reader.
func TestIncludedFiles(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	dir := t.TempDir()
	for name, text := range map[string]string{
		filepath.Join(home, "h.yaml"): "h: 1\n", filepath.Join(dir, "sub", "a.yaml"): "x: !include ../b.yaml\n", filepath.Join(dir, "b.yaml"): "- b\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := "a: !include sub/a.yaml\nb: !include ~/h.yaml\nc: !include " + filepath.Join(dir, "b.yaml") + "\nd: !include sub\ne: !include sub/none.yaml\n"
	root, problems := Parse(filepath.Join(dir, "f.yaml"), []byte(in), Options{})
	if got, want := render(root), "{a: {x: [b]}, b: {h: 1}, c: [b], d: None, e: None}"; got != want {
		t.Errorf("tree = %s, want %s", got, want)
	}
	var got []string
	for _, p := range problems {
		got = append(got, strings.ReplaceAll(p.Text, dir, "DIR"))
	}
	want := []string{
		"cannot read the included file DIR/sub: not a regular file",
		"cannot read the included file DIR/sub/none.yaml: no such file or directory",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestOrderWords(t *testing.T) {
	t.Parallel()
	want := "keys out of order: expected b got c"
	for name, data := range map[string]string{"streamed": "a: 1\nc: 2\nb: 3\n", "whole": "a: &x 1\nc: 2\nb: 3\n"} {
		problems := Entries("f", []byte(data), Options{Order: NaturalOrder}, func(Key) bool { return true })
		if len(problems) != 1 || problems[0].Text != want || problems[0].Pos.Line != 2 {
			t.Errorf("%s: problems = %+v, want %q in line 2", name, problems, want)
		}
	}
}

func TestRepeatable(t *testing.T) {
	t.Parallel()
	opt := Options{Repeatable: func(name string) bool { return name == "@" }}
	data := []byte("'@': 1\na: 2\n'@': 3\n")
	root, problems := Parse("f", data, opt)
	if got, want := render(root), "{@: 1, a: 2, @: 3}"; got != want || len(problems) > 0 {
		t.Errorf("Parse = %s, %v; want %s", got, problems, want)
	}
	n := 0
	if problems := Entries("f", data, opt, func(Key) bool { n++; return true }); n != 3 || len(problems) > 0 {
		t.Errorf("Entries yields %d, %v; want 3", n, problems)
	}
}

func TestAllowDuplicates(t *testing.T) {
	t.Parallel()
	var got []string
	problems := Entries("f", []byte("a: 1\nb: 2\na: 3\n"), Options{AllowDuplicateKeys: true}, func(k Key) bool {
		got = append(got, k.Name+k.Value.Text)
		return true
	})
	if want := "a3 b2"; strings.Join(got, " ") != want || len(problems) > 0 {
		t.Errorf("entries = %q, problems = %v; want %q", got, problems, want)
	}
}

// TestBombs feeds input that is small and grows, or is deep, or never ends.
func TestBombs(t *testing.T) {
	t.Parallel()
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
	}
	var merges strings.Builder
	merges.WriteString("a0: &a0 {k: 1}\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&merges, "a%d: &a%d {x: *a%d, y: *a%d, <<: [*a%d, *a%d]}\n", i, i, i-1, i-1, i-1, i-1)
	}
	cases := []struct {
		name, in string
		id       string
	}{
		{"billion laughs", laughs.String(), IDAliasBomb},
		{"merges", merges.String(), IDAliasBomb},
		{"deep flow", strings.Repeat("[", 50_000), IDSyntax},
		{"closed deep flow", "a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), IDTooDeep},
		{"deep block", deepBlock(300), IDTooDeep},
		{"deep dashes", strings.Repeat("- ", 5000), IDTooDeep},
		{"huge scalar", "a: '" + strings.Repeat("x", 8<<20), IDSyntax},
		{"too large", strings.Repeat("#", 20<<20), IDTooLarge},
		{"endless include", "a: !include f\n", IDInclude},
		{"include fan", "a: !include g0\n", IDAliasBomb},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, problems := Parse("f", []byte(c.in), Options{MaxBytes: 16 << 20, Read: func(path string) ([]byte, error) {
				n, _ := strconv.Atoi(strings.TrimPrefix(path, "g"))
				return []byte(strings.Repeat(fmt.Sprintf("- !include g%d\n", n+1), 9) + "- x\n"), nil
			}, MaxNodes: 1_000_000, MaxDepth: 100})
			if len(problems) == 0 || problems[len(problems)-1].ID != c.id {
				t.Errorf("problems = %.300v, want %s", problems, c.id)
			}
			if d := time.Since(start); d > 2*time.Minute { // what grows with the square takes hours
				t.Errorf("took %v", d)
			}
		})
	}
}

func deepBlock(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "''", "a": "a", "www.example.com.": "www.example.com.", "192.0.2.1": "192.0.2.1", "10": "'10'", "no": "'no'", "y": "'y'",
		"*": "'*'", "_sip._tcp": "_sip._tcp", "1e5": "'1e5'", "0o17": "'0o17'", "08": "'08'", "2024-1-1": "'2024-1-1'", "v=spf1 -all": "v=spf1 -all",
		"a: b": "'a: b'", "a #b": "'a #b'", "a#b": "a#b", "it's": "it's", "'x'": "'''x'''", "a\nb": `"a\nb"`, "-": "'-'", "-x": "-x", "- x": "'- x'",
		"---": "'---'", "ü": "ü", "a\x7f": `"a\x7F"`, " a": "' a'", "a:": "'a:'", "::1": "::1", "<<": "'<<'", "=": "'='", "1:30": "'1:30'", "2001:db8::1": "2001:db8::1",
		`v=DKIM1\; k=rsa`: `v=DKIM1\; k=rsa`, "\ufeff": `"\uFEFF"`, "\u2028": `"\u2028"`, "1_0": "'1_0'", "a\\\tb": `"a\\\tb"`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestQuoteIsReadBack(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[-+.0-9a-fxoeEynYN_:~ '"#\\\[\]{},&*!|>%@?=<\n\t]{0,12}`),
		rapid.SampledFrom([]string{"null", "True", "OFF", ".inf", "0x1f", "2024-01-01", "\u0085", "\U0001F600", "a\rb"}))
	rapid.Check(t, func(t *rapid.T) {
		s := strings.ToValidUTF8(text.Draw(t, "s"), "\ufffd")
		doc := Quote(s) + ": " + Quote(s) + "\nl:\n- " + Quote(s) + "\n"
		if s == "l" {
			return
		}
		for _, read := range []func(string, []byte, Options) (*Node, []Problem){Parse, viaSlow} {
			root, problems := read("f", []byte(doc), Options{})
			if len(problems) > 0 || len(root.Keys) != 2 {
				t.Fatalf("%q: problems = %v, want none", doc, problems)
			}
			k := root.Keys[0]
			item := root.Keys[1].Value.Items[0]
			if k.Name != s || k.Value.Kind != String || k.Value.Text != s || item.Kind != String || item.Text != s {
				t.Fatalf("%q is read as key %q, value %q, item %q; want %q", doc, k.Name, k.Value.Text, item.Text, s)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range equalSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return
		}
		read := func(string) ([]byte, error) { return data, nil }
		root, _ := Parse("f", data, Options{Read: read, Order: NaturalOrder, MaxNodes: 100_000, MaxIncludes: 20})
		if root == nil {
			t.Fatal("Parse returned no node")
		}
		render(root)
	})
}
