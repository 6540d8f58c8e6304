package yaml11

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const patchFile = `---

# Apex
'':
  - type: A
    ttl: 3600
    # why these
    values:
      - 192.0.2.1 # first
      - "192.0.2.2"
  - type: MX
    value:
      exchange: mx.example.
      preference: 10

# detached

# about mail
# two lines
mail:
  type: TXT   # text
  ttl: 300    # short
  value: >-
    v=spf1
    ~all

www:
  type: CNAME
  value: example.com.
# the end
`

func open(t *testing.T, text string) *Doc {
	t.Helper()
	d, err := OpenDoc("zone.yaml", []byte(text))
	if err != nil {
		t.Fatalf("OpenDoc: %v", err)
	}
	d.Order = NaturalOrder
	d.Unordered = func(key string) bool { return key == "" || key == "values" }
	return d
}

func TestDocEdits(t *testing.T) {
	t.Parallel()
	type edit struct{ name, block string } // an empty block deletes
	cases := []struct {
		name  string
		file  string
		edits []edit
		want  [][2]string // replacements in file that give the wanted text
	}{
		{"nothing", patchFile, nil, nil},
		{
			"same meaning, other layout", patchFile,
			[]edit{{"mail", "mail:\n  ttl: 300\n  type: TXT\n  value: 'v=spf1 ~all'\n"}},
			nil,
		},
		{
			"ttl only", patchFile,
			[]edit{{"mail", "mail:\n  ttl: 600\n  type: TXT\n  value: v=spf1 ~all\n"}},
			[][2]string{{"ttl: 300    # short", "ttl: 600    # short"}},
		},
		{
			"value added in a list of records", patchFile,
			[]edit{{"", "'':\n- ttl: 3600\n  type: A\n  values:\n  - 192.0.2.1\n  - 192.0.2.2\n  - 192.0.2.3\n- type: MX\n  value:\n    exchange: mx.example.\n    preference: 10\n"}},
			[][2]string{{"      - \"192.0.2.2\"\n", "      - \"192.0.2.2\"\n      - 192.0.2.3\n"}},
		},
		{
			"ttl added, record dropped", patchFile,
			[]edit{{"", "'':\n  ttl: 60\n  type: MX\n  value:\n    exchange: mx.example.\n    preference: 10\n"}},
			[][2]string{{patchFile[strings.Index(patchFile, "'':"):strings.Index(patchFile, "\n# detached")], "'':\n  ttl: 60\n  type: MX\n  value:\n    exchange: mx.example.\n    preference: 10\n"}},
		},
		{
			"field added before the others of an item", patchFile,
			[]edit{{"", "'':\n- ttl: 3600\n  type: A\n  values:\n  - 192.0.2.1\n  - 192.0.2.2\n- octodns:\n    lenient: true\n  type: MX\n  value:\n    exchange: mx.example.\n    preference: 20\n"}},
			[][2]string{{"  - type: MX\n", "  - octodns:\n      lenient: true\n    type: MX\n"}, {"preference: 10", "preference: 20"}},
		},
		{
			"insert sorted", patchFile,
			[]edit{{"ns1", "ns1:\n  type: A\n  value: 192.0.2.9\n"}, {"zz", "zz:\n  type: A\n  values:\n  - 192.0.2.9\n"}},
			[][2]string{
				{"\nwww:", "\nns1:\n  type: A\n  value: 192.0.2.9\n\nwww:"},
				{"# the end", "\nzz:\n  type: A\n  values:\n    - 192.0.2.9\n# the end"},
			},
		},
		{
			"delete with its comment", patchFile,
			[]edit{{"mail", ""}},
			[][2]string{{patchFile[strings.Index(patchFile, "# about"):strings.Index(patchFile, "www:")], ""}},
		},
		{
			"delete the first", patchFile,
			[]edit{{"", ""}},
			[][2]string{{patchFile[strings.Index(patchFile, "# Apex"):strings.Index(patchFile, "# detached")], ""}},
		},
		{
			"unsorted file appends", "b: 1\na: 2\n", []edit{{"aa", "aa: 3\n"}}, [][2]string{{"a: 2\n", "a: 2\naa: 3\n"}},
		},
		{"empty file", "", []edit{{"a", "a: 1\n"}}, [][2]string{{"", "a: 1\n"}}},
		{"empty mapping", "--- {}\n", []edit{{"b", "b: 1\n"}, {"a", "a: 1\n"}}, [][2]string{{"--- {}\n", "---\na: 1\nb: 1\n"}}},
		{"crlf", "a:\r\n  ttl: 1 # x\r\n  v: 2\r\nb: 1", []edit{{"a", "a:\n  ttl: 2\n  v: 2\n"}, {"c", "c: 1\n"}}, [][2]string{{"ttl: 1", "ttl: 2"}, {"b: 1", "b: 1\r\nc: 1"}}},
		{"explicit key", "? ''\n: type: A\n  value: 192.0.2.1\nb: 1\n", []edit{{"b", "b: 2\n"}}, [][2]string{{"b: 1", "b: 2"}}},
		{"plain star is not an alias", "a:\n  value: 'x'\n", []edit{{"a", "a:\n  value: '*x'\n"}}, [][2]string{{"'x'", "'*x'"}}},
		{
			"unordered list keeps its order", "a:\n  values:\n  - d # d\n  - b # b\n  - x\n",
			[]edit{{"a", "a:\n  values:\n  - a\n  - b\n  - c\n  - d\n"}},
			[][2]string{{"  - d # d\n  - b # b\n  - x\n", "  - a\n  - d # d\n  - b # b\n  - c\n"}},
		},
		{
			"ordered list takes the new order", "a:\n  sources:\n  - d # d\n  - b # b\n",
			[]edit{{"a", "a:\n  sources:\n  - b\n  - d\n"}},
			[][2]string{{"  - d # d\n  - b # b\n", "  - b # b\n  - d # d\n"}},
		},
		{
			"records of an entry in another order", "a:\n- type: MX # mail\n  value: {preference: 1, exchange: x.}\n- type: A\n  ttl: 5\n  value: 192.0.2.1\n",
			[]edit{{"a", "a:\n- ttl: 6\n  type: A\n  value: 192.0.2.1\n- type: MX\n  value:\n    exchange: x.\n    preference: 1\n"}},
			[][2]string{{"ttl: 5", "ttl: 6"}},
		},
		{
			"values become a value", "a: # host\n  ttl: 5\n  type: A\n  values:\n  # old\n  - 192.0.2.1\n  - 192.0.2.2\n",
			[]edit{{"a", "a:\n  ttl: 5\n  type: A\n  value: 192.0.2.1\n"}},
			[][2]string{{"  values:\n  # old\n  - 192.0.2.1\n  - 192.0.2.2\n", "  value: 192.0.2.1\n"}},
		},
		{
			"explicit key with a list of one keeps both", "? ''\n# apex\n: - type: A # host\n    # why\n    ttl: 300\n    values:\n    - 192.0.2.1 # first\nb: 1\n",
			[]edit{{"", "'':\n- ttl: 600\n  type: A\n  values:\n  - 192.0.2.1\n  - 192.0.2.2\n"}},
			[][2]string{{"ttl: 300", "ttl: 600"}, {"    - 192.0.2.1 # first\n", "    - 192.0.2.1 # first\n    - 192.0.2.2\n"}},
		},
		{
			"explicit key with a mapping becomes a list", "? ''\n: ttl: 300 # short\n  type: A\n  value: 192.0.2.1\nb: 1\n",
			[]edit{{"", "'':\n- ttl: 300\n  type: A\n  value: 192.0.2.1\n- type: MX\n  value:\n    exchange: x.\n    preference: 1\n"}},
			[][2]string{{": ttl: 300 # short\n  type: A\n  value: 192.0.2.1\n", ": - ttl: 300 # short\n    type: A\n    value: 192.0.2.1\n  - type: MX\n    value:\n      exchange: x.\n      preference: 1\n"}},
		},
		{
			"explicit key, value below", "? \"\" # apex\n:\n  # c\n  - type: A\n    value: 192.0.2.1\n",
			[]edit{{"", "'':\n- type: A\n  value: 192.0.2.2\n"}},
			[][2]string{{"192.0.2.1", "192.0.2.2"}},
		},
		{
			"list of two becomes a mapping", "a:\n  # the host\n  - type: A\n    # why\n    ttl: 5\n    value: 192.0.2.1 # c\n  - type: MX\n    value: {exchange: x., preference: 1}\nb:\n  type: A\n  value: 192.0.2.1\n",
			[]edit{{"a", "a:\n  ttl: 5\n  type: A\n  value: 192.0.2.1\n"}},
			[][2]string{{"  - type: A\n    # why\n    ttl: 5\n    value: 192.0.2.1 # c\n  - type: MX\n    value: {exchange: x., preference: 1}\n", "  type: A\n  # why\n  ttl: 5\n  value: 192.0.2.1 # c\n"}},
		},
		{
			"an item in other letter case keeps its comment", "a:\n  values:\n  - 'X.example.' # x\n  - b # b\n",
			[]edit{{"a", "a:\n  values:\n  - c\n  - x.example.\n"}},
			[][2]string{{"  - 'X.example.' # x\n  - b # b\n", "  - c\n  - x.example. # x\n"}},
		},
		{"no line end at the end of the file", "a: 1\nb: 2", []edit{{"b", "b: 3\n"}, {"c", "c: 1\n"}}, [][2]string{{"b: 2", "b: 3\nc: 1"}}},
		{"nor after a folded text", "a: 1\nb: >-\n  x\n  y", []edit{{"a", "a: 3\n"}}, [][2]string{{"a: 1", "a: 3"}}},
		{"a line end that counts", "a: |\n  x\nb: 1", []edit{{"b", ""}}, [][2]string{{"b: 1", ""}}},
		{"delete the last", "a: 1\n\nb: 2\n", []edit{{"b", ""}}, [][2]string{{"\nb: 2\n", ""}}},
		{"number becomes string", "a:\n  value: 1 # c\n", []edit{{"a", "a:\n  value: '1'\n"}}, [][2]string{{"1 # c", "'1' # c"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := open(t, c.file)
			for _, e := range c.edits {
				var err error
				if e.block == "" {
					err = d.Delete(e.name)
				} else {
					err = d.Set(e.name, e.block)
				}
				if err != nil {
					t.Fatalf("edit of %q: %v", e.name, err)
				}
			}
			want := c.file
			for _, r := range c.want {
				want = strings.Replace(want, r[0], r[1], 1)
			}
			if diff := cmp.Diff(want, string(d.Bytes())); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDocAnchors edits entries that share anchors: what is not edited keeps
// its meaning, its comments and, where it can, its bytes.
func TestDocAnchors(t *testing.T) {
	t.Parallel()
	const file = "# top\na: &x # defines\n  ttl: 5 # short\n  type: A\n# uses\nb: *x # alias\nc:\n  <<: *x\n  ttl: 1 # c\nd:\n  - *x\n  - {<<: *x, type: B}\n"
	type edits = map[string]string
	for _, c := range []struct {
		name  string
		file  string
		edits edits // an empty text deletes
		want  [][2]string
	}{
		{"a user of an alias", file, edits{"b": "b:\n  ttl: 6\n  type: A\n"}, [][2]string{{"b: *x # alias\n", "b: # alias\n  ttl: 6\n  type: A\n"}}},
		{"a user of a merge key", file, edits{"c": "c:\n  ttl: 2\n  type: A\n"}, [][2]string{{"ttl: 1 # c", "ttl: 2 # c"}}},
		{"a key more", file, edits{"c": "c:\n  ttl: 1\n  type: A\n  value: x\n"}, [][2]string{{"ttl: 1 # c\n", "ttl: 1 # c\n  value: x\n"}}},
		{"what a merge key brings goes", file, edits{"c": "c:\n  ttl: 1\n"}, [][2]string{{"  <<: *x\n", ""}}},
		{
			"the definition, its first user takes the anchor", file,
			edits{"a": "a:\n  ttl: 6\n  type: A\n"},
			[][2]string{{"a: &x # defines\n  ttl: 5", "a: # defines\n  ttl: 6"}, {"b: *x # alias\n", "b: &x # alias\n  ttl: 5\n  type: A\n"}},
		},
		{
			"the definition and a follower", file,
			edits{"a": "a:\n  ttl: 6\n  type: A\n", "b": "b:\n  ttl: 6\n  type: A\n", "c": "c:\n  ttl: 1\n  type: A\n"},
			[][2]string{{"ttl: 5", "ttl: 6"}, {"  - *x\n  - {<<: *x, type: B}\n", "  - ttl: 5\n    type: A\n  - {<<: {ttl: 5, type: A}, type: B}\n"}},
		},
		{
			"the definition goes", file,
			edits{"a": "", "b": ""},
			[][2]string{{"# top\na: &x # defines\n  ttl: 5 # short\n  type: A\n# uses\nb: *x # alias\n", ""}, {"  <<: *x\n", "  <<: &x\n    ttl: 5\n    type: A\n"}},
		},
		{
			"an anchor that the change does not touch", "a:\n  ttl: 5\n  value: &v x\nb:\n  value: *v\n",
			edits{"a": "a:\n  ttl: 6\n  value: x\n"},
			[][2]string{{"ttl: 5", "ttl: 6"}},
		},
		{
			"one value for all", "a:\n  value: &v x # ours\nb:\n  value: *v\nc: {value: *v}\n",
			edits{"a": "a:\n  value: y\n", "b": "b:\n  value: y\n", "c": "c:\n  value: y\n"},
			[][2]string{{"&v x", "&v y"}},
		},
		{
			"in a list", "a:\n  values:\n  - 1\n  - &v x # ours\nb:\n  value: *v\n",
			edits{"a": "a:\n  values:\n  - 1\n  - y\n", "b": "b:\n  value: y\n"},
			[][2]string{{"&v x", "&v y"}},
		},
		{
			"anchors below anchors", "a: &x\n  p: &y\n    q: 1\n  r: 2\nb: *x\nc: *y\nd: *y\n",
			edits{"a": ""},
			[][2]string{{"a: &x\n  p: &y\n    q: 1\n  r: 2\nb: *x\nc: *y\n", "b: &x\n  p:\n    q: 1\n  r: 2\nc: &y\n  q: 1\n"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := open(t, c.file)
			want, ok := meanings(d, []byte(c.file))
			if !ok {
				t.Fatal("the file has problems")
			}
			for name, block := range c.edits {
				err := d.Delete(name)
				delete(want, name)
				if block != "" {
					err = d.Set(name, block)
					m, _ := meanings(d, []byte(block))
					maps.Copy(want, m)
				}
				if err != nil {
					t.Fatalf("edit of %q: %v", name, err)
				}
			}
			text := c.file
			for _, r := range c.want {
				text = strings.Replace(text, r[0], r[1], 1)
			}
			if diff := cmp.Diff(text, string(d.Bytes())); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
			if got, _ := meanings(d, d.Bytes()); !maps.Equal(got, want) {
				t.Errorf("meanings: got %q, want %q", got, want)
			}
		})
	}
}

func TestDocRepeatedKeys(t *testing.T) {
	t.Parallel()
	const file = "'@': {type: A}\n'@':\n  type: MX # mail\n  ttl: 5\nb: 1\n"
	d, err := OpenDoc("f.yaml", []byte(file), "@")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := d.Names(), []string{"@", "@", "b"}; !slices.Equal(got, want) {
		t.Fatalf("Names() = %q, want %q", got, want)
	}
	if got := d.Value("@", 1).Get("ttl").Text; got != "5" {
		t.Errorf("Value(@, 1).ttl = %s, want 5", got)
	}
	for _, err := range []error{d.SetNth("@", 1, "'@':\n  type: MX\n  ttl: 6\n"), d.DeleteNth("@", 0), d.SetNth("@", 2, "'@': {type: TXT}\n")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if d.SetNth("@", 9, "'@': 1\n") == nil || d.DeleteNth("@", 9) != nil {
		t.Error("entry 9 of @ was set, or could not be deleted")
	}
	if got, want := string(d.Bytes()), "'@':\n  type: MX # mail\n  ttl: 6\nb: 1\n'@': {type: TXT}\n"; got != want {
		t.Errorf("Bytes() = %q, want %q", got, want)
	}
}

func TestDocRefuses(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		"{a: 1}\n", "- a\n", "a: 1\na: 2\n", "  a: 1\n", "--- &x\na: 1\n", "a: 1\n---\nb: 1\n", "a: 1\n...\n", "a: [1\n",
		"a: 1\r\nb: 2\n", "foo\n", "&k a: 1\nb: *k\n", "a: \x00\n", "--- {} # none\n",
	} {
		if _, err := OpenDoc("f.yaml", []byte(file)); !errors.Is(err, ErrNotPatchable) {
			t.Errorf("OpenDoc(%q) = %v, want ErrNotPatchable", file, err)
		}
	}
	d := open(t, "a: 1\n")
	for _, block := range []string{"", "b: 1\n", "a: 1\nb: 2\n", "a: [\n", "a: *x\n", "a: !include x\n"} {
		if err := d.Set("a", block); err == nil {
			t.Errorf("Set(a, %q) = nil, want an error", block)
		}
	}
}
