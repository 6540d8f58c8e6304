package octodns_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
	"github.com/zonecast/zonecast/zone/rdata"
)

var origin = zone.MustName("example.com.")

// edit applies lines "name TTL TYPE rdata…" and "-name TYPE" to a zone; several values are split
// by " | ".
func edit(t *testing.T, z *zone.Zone, lines ...string) *zone.Zone {
	t.Helper()
	var changes []zone.Change
	for _, line := range lines {
		words := strings.SplitN(strings.TrimPrefix(line, "-"), " ", 4)
		owner, err := zone.ParseNameIn(words[0], z.Origin())
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "-") {
			typ, _ := zone.ParseType(words[1])
			set, _ := z.Set(owner, typ)
			changes = append(changes, zone.Change{Before: &set})
			continue
		}
		typ, err := zone.ParseType(words[2])
		if err != nil {
			t.Fatal(err)
		}
		set := zone.RRset{Owner: owner, Type: typ, TTL: map[string]uint32{"300": 300, "3600": 3600}[words[1]]}
		for text := range strings.SplitSeq(words[3], " | ") {
			d, err := rdata.Parse(typ, text, zone.Root)
			if err != nil {
				t.Fatal(err)
			}
			set.Data = append(set.Data, d)
		}
		c := zone.Change{After: &set}
		if before, ok := z.Set(owner, typ); ok {
			c.Before = &before
			set.Extra = before.Extra.Filter(func(key string) bool { return key != octodns.ExtraValues })
		}
		changes = append(changes, c)
	}
	z, err := z.With(changes)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestRewriteKeepsCommentsAndOrder(t *testing.T) {
	t.Parallel()
	old, err := os.ReadFile("testdata/rewrite/old.yaml")
	if err != nil {
		t.Fatal(err)
	}
	opt := octodns.Options{}
	before := octodns.Read("old.yaml", old, origin, opt)
	if err := finding.AsError(before.Findings); err != nil {
		t.Fatal(err)
	}
	if same, fs := octodns.Rewrite("old.yaml", old, before.Zone, opt); string(same) != string(old) || len(fs) > 0 {
		t.Errorf("rewriting the same zone: %v (-want +got)\n%s", fs, cmp.Diff(string(old), string(same)))
	}
	after := edit(t, before.Zone,
		"@ 3600 MX 10 mx1.example.net. | 30 mx3.example.net.", "-gone A", "www 300 CNAME example.org.", "new 3600 A 192.0.2.50")
	got, fs := octodns.Rewrite("old.yaml", old, after, opt)
	for _, f := range fs {
		t.Error(f)
	}
	golden.Compare(t, "testdata/rewrite/new.golden", got)
}

// TestRewriteCases runs the cases of testdata/rewrite/cases: edits, the old file, the new file, what
// was found, and the file after the edits are taken back where that is not the old one.
func TestRewriteCases(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/rewrite/cases/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no cases", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			head, rest, ok := strings.Cut(string(data), "-- old --\n")
			if !ok {
				t.Fatal("no old file")
			}
			old, _, _ := strings.Cut(rest, "-- new --\n")
			if strings.HasPrefix(filepath.Base(path), "no_final_newline") {
				old = strings.TrimSuffix(old, "\n")
			}
			var opt octodns.Options
			var edits []string
			for line := range strings.Lines(head) {
				verb, words, _ := strings.Cut(strings.TrimSpace(line), " ")
				switch verb {
				case "edit":
					edits = append(edits, words)
				case "providers":
					opt.ProviderIDs = strings.Fields(words)
				}
			}
			golden.Compare(t, path, rewriteCase(t, head, old, opt, edits))
		})
	}
}

func rewriteCase(t *testing.T, head, old string, opt octodns.Options, edits []string) []byte {
	t.Helper()
	ended := func(s string) string {
		if !strings.HasSuffix(s, "\n") {
			s += "\n"
		}
		return s
	}
	before := octodns.Read("old.yaml", []byte(old), origin, opt)
	if err := finding.AsError(before.Findings); err != nil {
		t.Fatal(err)
	}
	after := edit(t, before.Zone, edits...)
	got, fs := octodns.Rewrite("old.yaml", []byte(old), after, opt)
	out := head + "-- old --\n" + ended(old) + "-- new --\n" + ended(string(got))
	for _, f := range fs {
		out += "-- found --\n" + f.String() + "\n"
	}
	if strings.HasSuffix(old, "\n") != strings.HasSuffix(string(got), "\n") {
		t.Errorf("the new file ends in %q, the old one in %q", got[len(got)-1:], old[len(old)-1:])
	}
	read := octodns.Read("new.yaml", got, origin, opt)
	if !read.Zone.Equal(after) {
		t.Errorf("got another zone (-want +got):\n%s", cmp.Diff(show(after), show(read.Zone)))
	}
	if back, _ := octodns.Rewrite("new.yaml", got, before.Zone, opt); string(back) != old {
		out += "-- undone --\n" + ended(string(back))
	}
	return []byte(out)
}

func TestRewriteKeepsShorthands(t *testing.T) {
	t.Parallel()
	old := "$ORIGIN: sub.example.com.\n$TTL: 300\nwww: {type: A, value: 192.0.2.1}\n'@':\n  type: A\n  value: 192.0.2.1\n"
	before := octodns.Read("old.yaml", []byte(old), origin, octodns.Options{})
	after := edit(t, before.Zone, "sub 300 A 192.0.2.2")
	got, _ := octodns.Rewrite("old.yaml", []byte(old), after, octodns.Options{})
	want := strings.Replace(old, "'@':\n  type: A\n  value: 192.0.2.1\n", "'@':\n  type: A\n  value: 192.0.2.2\n", 1)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// memory is a directory tree for Layout.
func memory(files map[string]string) (readDir octodns.ReadDir, lstat octodns.Lstat, data map[string][]byte) {
	m, content := fstest.MapFS{}, map[string][]byte{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
		content[name] = []byte(text)
	}
	return func(dir string) ([]fs.DirEntry, error) { return m.ReadDir(filepath.ToSlash(filepath.Clean(dir))) },
		func(path string) (fs.FileInfo, error) { return m.Lstat(filepath.ToSlash(filepath.Clean(path))) },
		content
}

func TestLayoutFiles(t *testing.T) {
	t.Parallel()
	readDir, lstat, _ := memory(map[string]string{
		"z/example.com.yaml": "", "z/example.com./www.yaml": "", "z/example.com./$example.com.yaml": "", "z/example.com./notes.txt": "",
		"z/example.com./old.yml": "", "z/shared.yaml": "", "z/one.yaml": "", "z/straße.de.yaml": "", "z/xn--both-loa.de.yaml": "", "z/böth.de.yaml": "",
		"z/xn--bth-sna.de.yaml": "", "z/split.net.d/a.yaml": "", "z/plain/x": "", "z/plain/x.yaml": "", "one.yaml": "", "z/a.yml": "",
	})
	split := octodns.Layout{Directory: "z", SplitExtension: "."}
	shared := octodns.Layout{Directory: "z", SharedFilename: "shared.yaml"}
	onlySplit := split
	onlySplit.DisableZonefile = true
	for _, c := range []struct {
		name   string
		layout octodns.Layout
		zone   string
		want   string // files, or a part of the error
	}{
		{"zone file", octodns.Layout{Directory: "z"}, "example.com.", "z/example.com.yaml"},
		{"split and zone file", split, "example.com.", "z/example.com./$example.com.yaml z/example.com./www.yaml z/example.com.yaml"},
		{"split alone", onlySplit, "example.com.", "z/example.com./$example.com.yaml z/example.com./www.yaml"},
		{"shared", shared, "example.com.", "z/example.com.yaml z/shared.yaml"},
		{"shared alone is no zone", shared, "example.net.", "no YAML files found: looked for z/example.net.yaml"},
		{"named file", octodns.Layout{Directory: "z", Filename: "one"}, "any.net.", "z/one.yaml"},
		{"Unicode name", octodns.Layout{Directory: "z"}, "xn--strae-oqa.de.", "z/straße.de.yaml"},
		{"both forms", octodns.Layout{Directory: "z"}, "böth.de.", "remove one of them"},
		{"traversal", octodns.Layout{Directory: "z"}, "/etc.passwd.", "cannot be the name of a file"},
		{"below the directory", octodns.Layout{Directory: "z"}, "plain/x.", "no YAML files found"},
		{"beside the directory", octodns.Layout{Directory: "z", Filename: "../one"}, "any.net.", "no YAML files found"},
		{"no directory", octodns.Layout{Directory: "y"}, "example.com.", "directory y: "},
	} {
		listed, err := c.layout.Files(zone.MustName(c.zone), readDir)
		located, err2 := c.layout.Locate(zone.MustName(c.zone), lstat, readDir)
		for _, got := range []struct {
			files []string
			err   error
		}{{listed, err}, {located, err2}} {
			text := strings.Join(got.files, " ")
			if got.err != nil {
				text = got.err.Error()
			}
			if text != c.want && (got.err == nil || !strings.Contains(text, c.want)) {
				t.Errorf("%s: got %s, want %s", c.name, text, c.want)
			}
		}
	}
	zones, err := octodns.Layout{Directory: "z", SplitExtension: ".d"}.Zones(readDir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, z := range zones {
		got = append(got, z.Unicode())
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"bäoth.de.", "böth.de.", "example.com.", "split.net.", "straße.de."}, got); diff != "" {
		t.Errorf("zones (-want +got):\n%s", diff)
	}
}

func TestLayoutWriteSplit(t *testing.T) {
	t.Parallel()
	layout := octodns.Layout{Directory: "z", SplitExtension: ".", DisableZonefile: true, SharedFilename: "shared.yaml"}
	readDir, _, content := memory(map[string]string{
		"z/example.com./$example.com.yaml": "---\n'':\n  type: A\n  value: 192.0.2.1\n",
		"z/example.com./www.yaml":          "---\n# the site\nwww:\n  type: A\n  value: 192.0.2.1\n",
		"z/example.com./two.yaml":          "---\na:\n  type: A\n  value: 192.0.2.1\nb:   # stays\n  type: A\n  value: 192.0.2.1\n",
		"z/example.com./gone.yaml":         "---\ngone:\n  type: A\n  value: 192.0.2.1\n",
		"z/example.com./notes.yaml":        "# nothing here\n",
		"z/shared.yaml":                    "---\nshared:\n  type: TXT\n  value: for all\n",
	})
	files, err := layout.Files(origin, readDir)
	if err != nil {
		t.Fatal(err)
	}
	c := octodns.NewCollector(origin, octodns.Options{Order: yaml11.NaturalOrder})
	for _, f := range files {
		c.File(f, content[f])
	}
	after := edit(t, c.Zone().Zone, "-gone A", "-a A", "www 300 A 192.0.2.2", "0/25 3600 NS ns1.example.net. | ns2.example.net.",
		"* 3600 A 192.0.2.9", "new 3600 A 192.0.2.3", "www 3600 AAAA 2001:db8::1")
	ops, fs := layout.Write(after, content, octodns.Options{Order: yaml11.NaturalOrder})
	for _, f := range fs {
		t.Error(f)
	}
	var got strings.Builder
	for _, op := range ops {
		got.WriteString("== " + op.Path)
		if op.Remove {
			got.WriteString(" removed")
		}
		got.WriteString("\n" + string(op.Content))
	}
	golden.Compare(t, "testdata/rewrite/split.golden", []byte(got.String()))

	if _, fs := layout.Write(edit(t, after, "-shared TXT"), content, octodns.Options{}); finding.AsError(fs) == nil {
		t.Error("a record of the shared file was deleted without an error")
	}
	content["z/example.com./www.yaml"] = []byte("www: {type: A")
	if ops, fs := layout.Write(after, content, octodns.Options{}); ops != nil || finding.AsError(fs) == nil {
		t.Errorf("a broken file: got %v, %v; want no operation and an error", ops, fs)
	}
}
