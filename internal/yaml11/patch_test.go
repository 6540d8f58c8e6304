package yaml11

import (
	"errors"
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
		{"crlf", "a:\r\n  ttl: 1 # x\r\n  v: 2\r\nb: 1", []edit{{"a", "a:\n  ttl: 2\n  v: 2\n"}, {"c", "c: 1\n"}}, [][2]string{{"ttl: 1", "ttl: 2"}, {"b: 1", "b: 1\r\nc: 1\r\n"}}},
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

func TestDocAnchors(t *testing.T) {
	t.Parallel()
	const file = "a: &x\n  type: A\nb: *x\nc:\n  <<: *x\n  ttl: 1\nd: &y 1\n"
	d := open(t, file)
	if got, want := d.Names(), []string{"a", "b", "c", "d"}; !slices.Equal(got, want) {
		t.Fatalf("Names() = %q, want %q", got, want)
	}
	if err := d.Set("a", "a: 1\n"); !errors.Is(err, ErrAnchored) {
		t.Errorf("Set(a) = %v, want ErrAnchored", err)
	}
	if err := d.Delete("a"); !errors.Is(err, ErrAnchored) {
		t.Errorf("Delete(a) = %v, want ErrAnchored", err)
	}
	for _, name := range []string{"b", "c", "d"} {
		if err := d.Set(name, name+":\n  type: MX\n"); err != nil {
			t.Errorf("Set(%s) = %v", name, err)
		}
	}
	if err := d.Delete("a"); err != nil {
		t.Errorf("Delete(a) once nobody uses it = %v", err)
	}
	if got, want := string(d.Bytes()), "b:\n  type: MX\nc:\n  type: MX\nd:\n  type: MX\n"; got != want {
		t.Errorf("Bytes() = %q, want %q", got, want)
	}
}

func TestDocRefuses(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		"{a: 1}\n", "- a\n", "a: 1\na: 2\n", "  a: 1\n", "--- &x\na: 1\n", "a: 1\n---\nb: 1\n", "a: 1\n...\n", "a: [1\n",
		"a: 1\r\nb: 2\n", "foo\n", "a: \x00\n", "--- {} # none\n",
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
