package octodns_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/source/octodns"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var origin = zone.MustName("example.com.")

func show(z *zone.Zone) string {
	var b strings.Builder
	for set := range z.All() {
		for _, d := range set.Data {
			b.WriteString(strings.Join([]string{set.Owner.Relative(z.Origin()), set.Type.String(), rdata.Text(set.Type, d)}, " ") + "\n")
		}
	}
	return b.String()
}

func off() *bool { return new(bool) }

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{
		"example.com.yaml":     "---\n'':\n  type: A\n  value: 192.0.2.1\nmail: !include parts/mail.yaml\n",
		"parts/mail.yaml":      "type: MX\nvalue: {exchange: mx.example.net., preference: 10}\n",
		"example.com./$x.yaml": "---\n'*':\n  type: TXT\n  value: wild\n",
		"example.com./b.yaml":  "---\nb:\n  type: A\n  value: 192.0.2.2\n",
		"shared.yaml":          "---\nsecurity:\n  type: TXT\n  value: shared\n",
		"unsorted.net.yaml":    "---\nb: {type: A, value: 192.0.2.1}\na: {type: A, value: 192.0.2.1}\n",
		"double.net.yaml":      "---\na:\n  type: A\n  value: 192.0.2.1\n",
		"double.net./a.yaml":   "---\nA:\n  type: A\n  value: 192.0.2.2\n",
		"semi.net.yaml":        "---\na:\n  type: TXT\n  value: v=x;y\n",
	})
	for _, c := range []struct {
		name string
		opt  octodns.Options
		zone string
		want string // records, or a part of the error
	}{
		{"one file", octodns.Options{}, "example.com.", "@ A 192.0.2.1\nmail MX 10 mx.example.net.\n"},
		{
			"all layouts",
			octodns.Options{SplitExtension: ".", SharedFilename: "shared.yaml"},
			"example.com.",
			"@ A 192.0.2.1\n* TXT \"wild\"\nb A 192.0.2.2\nmail MX 10 mx.example.net.\nsecurity TXT \"shared\"\n",
		},
		{"split alone", octodns.Options{SplitExtension: ".", DisableZonefile: true}, "example.com.", "* TXT \"wild\"\nb A 192.0.2.2\n"},
		{"named file", octodns.Options{Filename: "shared"}, "any.org.", "security TXT \"shared\"\n"},
		{"missing", octodns.Options{}, "missing.org.", "no such zone"},
		{"missing is empty", octodns.Options{IgnoreMissingZones: true}, "missing.org.", ""},
		{"order", octodns.Options{}, "unsorted.net.", "expected a got b"},
		{"order not enforced", octodns.Options{EnforceOrder: off()}, "unsorted.net.", "a A 192.0.2.1\nb A 192.0.2.1\n"},
		{"same record in two files", octodns.Options{SplitExtension: "."}, "double.net.", "duplicate record a.double.net. A, first at DIR/double.net./a.yaml:3:3"},
		{"later file replaces", octodns.Options{SplitExtension: ".", PopulateShouldReplace: true}, "double.net.", "a A 192.0.2.1\n"},
		{"semicolons to be escaped", octodns.Options{}, "semi.net.", "unescaped ;"},
		{"semicolons as they are", octodns.Options{EscapedSemicolons: off()}, "semi.net.", "a TXT \"v=x;y\"\n"},
		{"order mode", octodns.Options{OrderMode: "funny"}, "example.com.", `order_mode "funny" is unknown`},
		{"lenient zone", octodns.Options{Lenient: func(zone.Name) bool { return true }}, "semi.net.", "a TXT \"v=x;y\"\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.opt.ID, c.opt.Directory = "config", dir
			l, err := octodns.New(c.opt).Load(t.Context(), zone.MustName(c.zone))
			var got string
			if err != nil {
				got = strings.ReplaceAll(err.Error(), dir, "DIR")
			} else {
				got = show(l.Zone)
			}
			if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if c.name == "missing" && !errors.Is(err, source.ErrNoZone) {
				t.Errorf("error %v does not wrap ErrNoZone", err)
			}
		})
	}
}

func TestRevisionFollowsEveryFile(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{"example.com.yaml": "a: !include a.inc\n", "a.inc": "{type: A, value: 192.0.2.1}"})
	src := octodns.New(octodns.Options{ID: "config", Directory: dir})
	load := func() *source.Loaded {
		l, err := src.Load(t.Context(), origin)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first, again := load(), load()
	if first.Revision == "" || first.Revision != again.Revision {
		t.Errorf("revisions of the same files: %q, %q", first.Revision, again.Revision)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.inc"), []byte("{type: A, value: 192.0.2.2}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := load().Revision; got == first.Revision {
		t.Error("an included file changed and the revision did not")
	}
}

func TestZones(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{"example.com.yaml": "", "example.net./x.yaml": "", "config.yaml": "", "b.yml": ""})
	var got []string
	for n, err := range octodns.New(octodns.Options{ID: "config", Directory: dir, SplitExtension: "."}).Zones(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n.String())
	}
	if diff := cmp.Diff([]string{"example.com.", "example.net."}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, err := range octodns.New(octodns.Options{ID: "config", Directory: dir, Filename: "one"}).Zones(t.Context()) {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("one file for all zones: got %v, want errors.ErrUnsupported", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := octodns.New(octodns.Options{ID: "config", Directory: dir}).Load(ctx, origin); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

func part(t *testing.T, id, text string, replace bool) octodns.Part {
	t.Helper()
	dir := dnstest.Files(t, map[string]string{"example.com.yaml": text})
	l, err := octodns.New(octodns.Options{ID: id, Directory: dir}).Load(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	return octodns.Part{ID: id, Loaded: l, Replace: replace}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	a := part(t, "a", "one: {type: A, value: 192.0.2.1}\ntwo: {type: A, value: 192.0.2.1}\n", false)
	b := part(t, "b", "three: {type: A, value: 192.0.2.3}\ntwo: {type: A, value: 192.0.2.2}\n", false)
	got := octodns.Merge(origin, []octodns.Part{a, b})
	if len(got.Findings) != 1 || got.Findings[0].Severity != finding.Error || len(got.Findings[0].Related) != 1 ||
		got.Findings[0].Place.File == got.Findings[0].Related[0].File {
		t.Errorf("findings = %v, want one duplicate with both places", got.Findings)
	}
	b.Replace = true
	got = octodns.Merge(origin, []octodns.Part{a, b})
	if want := "one A 192.0.2.1\nthree A 192.0.2.3\ntwo A 192.0.2.2\n"; show(got.Zone) != want || len(got.Findings) != 0 {
		t.Errorf("got %s%v, want %s", show(got.Zone), got.Findings, want)
	}
	two := zone.Key{Owner: zone.MustName("two.example.com."), Type: zone.TypeA}
	if id, at := got.Source(two), got.Place(two); id != "b" || at != b.Loaded.Place(two) {
		t.Errorf("two comes from %q at %v, want b at %v", id, at, b.Loaded.Place(two))
	}
}

func TestCheckSubzones(t *testing.T) {
	t.Parallel()
	l := part(t, "config", `
'*': {type: A, value: 192.0.2.9}
a.sub: {octodns: {lenient: true}, type: A, value: 192.0.2.1}
b.sub: {type: NS, values: [ns1.example.net., ns2.example.net.]}
sub:
- {type: A, value: 192.0.2.1}
- {type: NS, values: [ns1.example.net., ns2.example.net.]}
subs: {type: A, value: 192.0.2.1}
`, false).Loaded
	subs := []zone.Name{zone.MustName("sub.example.com."), zone.MustName("b.sub.example.com."), zone.MustName("example.net.")}
	got, fs := octodns.CheckSubzones(l, subs, false, false)
	var lines []string
	for _, f := range fs {
		f.Place.File = ""
		lines = append(lines, f.String())
	}
	slices.Sort(lines)
	want := []string{
		`:3:8: warning: record a.sub.example.com. A is under the managed sub-zone sub.example.com.; move it to the files of sub.example.com. [sub-zone]`,
		`:4:8: error: record b.sub.example.com. NS is under the managed sub-zone sub.example.com.; move it to the files of sub.example.com. [sub-zone]`,
		`:6:3: error: record sub.example.com. A is the managed sub-zone sub.example.com. and not of type NS or DS; move it to the files of sub.example.com. [sub-zone]`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if got != l {
		t.Error("the zone was changed")
	}
	got, fs = octodns.CheckSubzones(l, subs, false, true)
	if want := "* A 192.0.2.9\nsub NS ns1.example.net.\nsub NS ns2.example.net.\nsubs A 192.0.2.1\n"; show(got.Zone) != want || len(fs) != 0 {
		t.Errorf("ignored: got %s%v, want %s", show(got.Zone), fs, want)
	}
}
