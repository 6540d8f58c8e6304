package yaml

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
	"github.com/zonecast/zonecast/zone/rdata"
)

var origin = zone.MustName("example.com.")

func opened(t *testing.T, dir string, options map[string]string) *Provider {
	t.Helper()
	c := provider.Config{ID: "files", WorkDir: "/nowhere", Values: map[string]provider.Value{"directory": {Text: dir}}}
	for k, v := range options {
		c.Values[k] = provider.Value{Text: v}
	}
	p, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return p.(*Provider)
}

// put writes files below a folder, by their paths in it.
func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// all reads every file below a folder, but for the lock.
func all(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == ".zonecast.lock" {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func set(t *testing.T, owner string, ttl uint32, typ zone.Type, values ...string) zone.RRset {
	t.Helper()
	n, err := zone.ParseNameIn(owner, origin)
	if err != nil {
		t.Fatal(err)
	}
	s := zone.RRset{Owner: n, Type: typ, TTL: ttl}
	for _, v := range values {
		d, err := rdata.Parse(typ, v, origin)
		if err != nil {
			t.Fatal(err)
		}
		s.Data = append(s.Data, d)
	}
	return s.Clean()
}

func read(t *testing.T, p *Provider) *provider.Snapshot {
	t.Helper()
	s, err := p.Read(t.Context(), provider.ZoneRef{Origin: origin})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// change makes a change set that replaces or creates sets and deletes keys.
func change(base *provider.Snapshot, sets []zone.RRset, gone ...zone.Key) provider.ChangeSet {
	var c provider.ChangeSet
	for _, s := range sets {
		x := zone.Change{After: &s}
		if have, ok := base.Sets.Set(s.Owner, s.Type); ok {
			x.Before = &have
		}
		c.Sets = append(c.Sets, x)
	}
	for _, k := range gone {
		have, _ := base.Sets.Set(k.Owner, k.Type)
		c.Sets = append(c.Sets, zone.Change{Before: &have})
	}
	return c
}

// written writes and demands that a read gives what was wanted.
func written(t *testing.T, p *Provider, c provider.ChangeSet, base *provider.Snapshot) {
	t.Helper()
	r, err := p.Write(t.Context(), base, c)
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	if r.Count(provider.Done) != len(c.Sets) {
		t.Errorf("receipt says %v, want all done", r.Sets)
	}
	want, err := base.Sets.With(c.Sets)
	if err != nil {
		t.Fatal(err)
	}
	after := read(t, p)
	if d := slices.Collect(zone.Diff(want, after.Sets)); len(d) > 0 {
		t.Errorf("planning again wants %d changes, the first at %s", len(d), d[0].Key())
	}
	if r.Revision != "" && r.Revision != after.Revision {
		t.Errorf("receipt has revision %s, a read %s", r.Revision, after.Revision)
	}
}

// The file that people keep: out of order, with remarks, quotes, flow style and folded text.
const kept = `# Zone of Example Ltd. Ask ops@ before touching MX.
---
www:            # the web farm
  ttl: 300
  type: A
  values: [192.0.2.1, 192.0.2.2]   # blue, green

# Mail
'':
  - type: MX
    values:
      - preference: 10
        exchange: mx1.example.com.   # Frankfurt
      - {preference: 20, exchange: mx2.example.com.}
  - type: NS
    ttl: 86400
    values:
      - ns1.example.net.
      - ns2.example.net.

"mx1": {type: A, value: 192.0.2.25}
api:
  octodns:
    cloudflare:
      proxied: true
    healthcheck: {path: /_ok, protocol: HTTP}
  dynamic:
    pools:
      eu:
        fallback: us
        values:
        - value: 192.0.2.31
          weight: 2
        - {value: 192.0.2.32, status: up}
      us:
        values:
        - value: 198.51.100.31
    rules:
    - geos: [EU, AF-ZA]
      subnets: [203.0.113.0/24]
      pool: eu
    - pool: us
  type: A
  values: [192.0.2.31]
old:
  type: A
  geo:
    NA-US: [192.0.2.41]
  value: 192.0.2.40
_dmarc:
  type: TXT
  value: v=DMARC1\; p=reject\;
    rua=mailto:dmarc@example.com
# below: what Route 53 alone has
r53:
  type: Route53Provider/ALIAS
  value: {type: A, name: www}
# the end
`

func TestEditsOnlyWhatChanges(t *testing.T) {
	t.Parallel()
	www := zone.Key{Owner: zone.MustName("www.example.com."), Type: zone.TypeA}
	for name, edit := range map[string]func(*provider.Snapshot) provider.ChangeSet{
		"change one": func(s *provider.Snapshot) provider.ChangeSet {
			return change(s, []zone.RRset{set(t, "mx1", 3600, zone.TypeA, "192.0.2.26")})
		},
		"change one of two types": func(s *provider.Snapshot) provider.ChangeSet {
			return change(s, []zone.RRset{set(t, "@", 86400, zone.TypeNS, "ns1.example.net.", "ns3.example.net.")})
		},
		"add a value": func(s *provider.Snapshot) provider.ChangeSet {
			return change(s, []zone.RRset{set(t, "@", 3600, zone.TypeMX, "10 mx1", "20 mx2", "30 mx3.example.net.")})
		},
		"delete one": func(s *provider.Snapshot) provider.ChangeSet { return change(s, nil, www) },
		"create one": func(s *provider.Snapshot) provider.ChangeSet {
			return change(s, []zone.RRset{set(t, "new", 60, zone.TypeCNAME, "www.example.net.")})
		},
		"second type": func(s *provider.Snapshot) provider.ChangeSet {
			return change(s, []zone.RRset{set(t, "www", 300, zone.TypeAAAA, "2001:db8::1")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put(t, dir, map[string]string{"example.com.yaml": kept})
			p := opened(t, dir, nil)
			base := read(t, p)
			written(t, p, edit(base), base)
			got := all(t, dir)["example.com.yaml"]
			golden.Compare(t, filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".yaml"), got)
		})
	}
}

// TestSurvives copies everything that octoDNS alone can say into new files, single and split.
func TestSurvives(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	put(t, from, map[string]string{"example.com.yaml": kept})
	want := read(t, opened(t, from, nil)).Sets
	for name, options := range map[string]map[string]string{"single": nil, "split": {"split_extension": "."}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := opened(t, filepath.Join(t.TempDir(), "not", "there", "yet"), options)
			if _, err := p.Read(t.Context(), provider.ZoneRef{Origin: origin}); !errors.Is(err, provider.ErrNoZone) {
				t.Fatalf("read before: %v, want ErrNoZone", err)
			}
			base, err := p.CreateZone(t.Context(), origin)
			if err != nil {
				t.Fatal(err)
			}
			written(t, p, provider.ChangeSet{Sets: slices.Collect(zone.Diff(base.Sets, want))}, base)
			for key, extra := range map[string]string{"api": octodns.ExtraDynamic, "old": octodns.ExtraGeo} {
				s, ok := read(t, p).Sets.Set(zone.MustName(key+".example.com."), zone.TypeA)
				if _, has := s.Extra.Value(extra); !ok || !has {
					t.Errorf("%s has lost %s: %v", key, extra, s.Extra)
				}
			}
			if caps := p.Capabilities(provider.ZoneInfo{}); !caps.Holds(mustType(t, "Route53Provider/ALIAS")) {
				t.Error("a vendor type is held, but not declared")
			}
		})
	}
}

func mustType(t *testing.T, s string) zone.Type {
	t.Helper()
	typ, err := zone.ParseType(s)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func TestSplitFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, map[string]string{
		"example.com./$example.com.yaml": "---\n# apex\n'':\n  type: MX\n  value: {preference: 10, exchange: mail.example.com.}\n'*':\n  type: A\n  value: 192.0.2.9\n",
		"example.com./www.yaml":          "---\n# the web\nwww:\n  type: A\n  value: 192.0.2.1\n",
		"example.com./two.yaml":          "---\na: # first\n  type: A\n  value: 192.0.2.2\nb: # second\n  type: A\n  value: 192.0.2.3\n",
		"example.com./README.txt":        "not ours\n",
		"example.com.yaml":               "---\nflat:\n  type: A\n  value: 192.0.2.4\n",
		"shared.yaml":                    "---\n_acme:\n  type: TXT\n  value: shared\n",
		"example.net.yaml":               "---\nwww:\n  type: A\n  value: 192.0.2.5\n",
	})
	p := opened(t, dir, map[string]string{"split_extension": ".", "shared_filename": "shared.yaml"})
	before := all(t, dir)
	base := read(t, p)
	gone := func(names ...string) (out []zone.Key) {
		for _, n := range names {
			out = append(out, zone.Key{Owner: zone.MustName(n + ".example.com."), Type: zone.TypeA})
		}
		return out
	}
	written(t, p, change(base, []zone.RRset{set(t, "neu-ß", 3600, zone.TypeA, "192.0.2.8")}, gone("www", "a", "flat", "*")...), base)
	want := maps.Clone(before)
	delete(want, "example.com./www.yaml") // a name that is gone takes its file along
	want["example.com./two.yaml"] = "---\nb: # second\n  type: A\n  value: 192.0.2.3\n"
	want["example.com./neu-ß.yaml"] = "---\nneu-ß:\n  type: A\n  value: 192.0.2.8\n"
	want["example.com./$example.com.yaml"] = strings.SplitAfter(before["example.com./$example.com.yaml"], "com.}\n")[0]
	want["example.com.yaml"] = all(t, dir)["example.com.yaml"] // how an empty zone file looks is not for here
	if d := cmp.Diff(want, all(t, dir)); d != "" {
		t.Errorf("files (-want +got):\n%s", d)
	}
	base = read(t, p)
	c := change(base, nil, zone.Key{Owner: zone.MustName("_acme.example.com."), Type: zone.TypeTXT})
	before = all(t, dir)
	r, err := p.Write(t.Context(), base, c)
	if provider.KindOf(err) != provider.Rejected || r.Count(provider.NotDone) != 1 {
		t.Errorf("deleting a shared record: %v, %v; want it rejected", r, err)
	}
	if d := cmp.Diff(before, all(t, dir)); d != "" {
		t.Errorf("a rejected write changed files:\n%s", d)
	}
	if err := p.DeleteZone(t.Context(), base.Info.ZoneRef); err != nil {
		t.Fatal(err)
	}
	left := slices.Sorted(maps.Keys(all(t, dir)))
	if d := cmp.Diff([]string{"example.com./README.txt", "example.net.yaml", "shared.yaml"}, left); d != "" {
		t.Errorf("after deletion of the zone (-want +got):\n%s", d)
	}
	if _, err := p.Read(t.Context(), base.Info.ZoneRef); !errors.Is(err, provider.ErrNoZone) {
		t.Errorf("read after deletion: %v, want ErrNoZone", err)
	}
}

// TestStopsAtEveryFile stops a write before each file in turn. The receipt must tell the truth,
// no file may be half of something, and the same plan computed anew must finish.
func TestStopsAtEveryFile(t *testing.T) {
	t.Parallel()
	before := map[string]string{
		"example.com./a.yaml": "---\na:\n  type: A\n  value: 192.0.2.1\n",
		"example.com./b.yaml": "---\nb:\n  type: A\n  value: 192.0.2.2\n",
		"example.com./c.yaml": "---\nc:\n  type: A\n  value: 192.0.2.3\n",
	}
	goal, err := zone.Of(origin, set(t, "b", 60, zone.TypeA, "192.0.2.22"), set(t, "c", 3600, zone.TypeA, "192.0.2.33"), set(t, "d", 3600, zone.TypeA, "192.0.2.4"))
	if err != nil {
		t.Fatal(err)
	}
	killed := errors.New("killed")
	for n := range 5 { // three files written, one removed, and all of them
		t.Run(fmt.Sprintf("after %d files", n), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put(t, dir, before)
			p := opened(t, dir, map[string]string{"split_extension": "."})
			left := n
			p.before = func(octodns.FileOp) error {
				if left--; left < 0 {
					return killed
				}
				return nil
			}
			base := read(t, p)
			c := provider.ChangeSet{Sets: slices.Collect(zone.Diff(base.Sets, goal))}
			r, err := p.Write(t.Context(), base, c)
			if errors.Is(err, killed) != (n < 4) {
				t.Fatalf("write: %v", err)
			}
			if got := r.Count(provider.Done); got != n || r.Count(provider.NotDone) != 4-n {
				t.Errorf("receipt says %v, want %d done", r.Sets, n)
			}
			after := read(t, p)
			for i, x := range c.Sets {
				want := x.Before
				if r.Sets[i] == provider.Done {
					want = x.After
				}
				have, ok := after.Sets.Set(x.Key().Owner, x.Key().Type)
				if ok != (want != nil) || ok && !have.Equal(*want) {
					t.Errorf("%s: receipt says %s, but a read finds %v", x.Key(), r.Sets[i], have)
				}
			}
			p.before = nil
			written(t, p, provider.ChangeSet{Sets: slices.Collect(zone.Diff(after.Sets, goal))}, after)
		})
	}
}

func TestChangedInBetween(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, map[string]string{
		"example.com.yaml": "---\nwww: !include www.inc\n",
		"www.inc":          "type: A\nvalue: 192.0.2.1\n",
	})
	p := opened(t, dir, nil)
	base := read(t, p)
	c := change(base, []zone.RRset{set(t, "new", 60, zone.TypeA, "192.0.2.7")})
	put(t, dir, map[string]string{"www.inc": "type: A\nvalue: 192.0.2.2\n"}) // what a file includes counts too
	before := all(t, dir)
	r, err := p.Write(t.Context(), base, c)
	if provider.KindOf(err) != provider.Conflict || r.Count(provider.NotDone) != 1 {
		t.Errorf("write: %v, %v; want a conflict", r, err)
	}
	if d := cmp.Diff(before, all(t, dir)); d != "" {
		t.Errorf("files were changed:\n%s", d)
	}
	base = read(t, p)
	written(t, p, change(base, c2sets(c)), base)
	if got := all(t, dir)["example.com.yaml"]; !strings.Contains(got, "www: !include www.inc\n") {
		t.Errorf("the include is gone:\n%s", got)
	}
}

func c2sets(c provider.ChangeSet) (out []zone.RRset) {
	for _, x := range c.Sets {
		out = append(out, *x.After)
	}
	return out
}

func TestFindingsDoNotStopReading(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, map[string]string{"example.com.yaml": "---\nzz:\n  value: www\n  type: CNAME\n'':\n  type: CNAME\n  value: no-dot\nbad:\n  type: A\n  value: not-an-address\n"})
	p := opened(t, dir, nil)
	if got := read(t, p).Sets.Len(); got != 3 {
		t.Errorf("%d RRsets are read, want 3", got)
	}
	base := read(t, p)
	written(t, p, change(base, []zone.RRset{set(t, "new", 60, zone.TypeA, "192.0.2.7")}), base)
	if got := all(t, dir)["example.com.yaml"]; !strings.Contains(got, "value: not-an-address\n") {
		t.Errorf("what could not be understood is lost:\n%s", got)
	}
}

func TestUnreadableStopsEverything(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, at string }{
		"no YAML":        {"---\nwww:\n  type: [A\n", "example.com.yaml:"},
		"twice":          {"---\nwww:\n  type: A\n  value: 192.0.2.1\nwww:\n  type: A\n  value: 192.0.2.2\n", "example.com.yaml:5:1"},
		"same record":    {"---\nwww:\n- {type: A, value: 192.0.2.1}\n- {type: A, value: 192.0.2.2}\n", "example.com.yaml:4:3"},
		"unknown type":   {"---\nwww:\n  type: AAA\n  value: 192.0.2.1\n", "example.com.yaml:3:"},
		"binary":         {"\x00\x01\xff\xfe", "example.com.yaml:1:"},
		"anchors bomb":   {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]\n", "example.com.yaml:"},
		"include itself": {"www: !include example.com.yaml\n", "example.com.yaml:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put(t, dir, map[string]string{"example.com.yaml": c.text})
			p := opened(t, dir, nil)
			_, err := p.Read(t.Context(), provider.ZoneRef{Origin: origin})
			if provider.KindOf(err) != provider.Invalid || !strings.Contains(err.Error(), c.at) {
				t.Errorf("read: %v; want an error at %s", err, c.at)
			}
			if errors.Is(err, provider.ErrNoZone) {
				t.Errorf("a zone that cannot be read is taken for missing: %v", err)
			}
			base := &provider.Snapshot{Info: info(origin), Sets: zone.Empty(origin)}
			r, err := p.Write(t.Context(), base, change(base, []zone.RRset{set(t, "new", 60, zone.TypeA, "192.0.2.7")}))
			if err == nil || r.Count(provider.NotDone) != 1 || all(t, dir)["example.com.yaml"] != c.text {
				t.Errorf("write: %v, %v; want the file left alone", r, err)
			}
		})
	}
}

// The tests may run as root, whom no mode stops; a folder in the place of a file stops everyone.
func TestFoldersThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, map[string]string{
		"example.com./a.yaml": "---\na:\n  type: A\n  value: 192.0.2.1\n",
		"example.com./b.yaml": "---\nb:\n  type: A\n  value: 192.0.2.2\n",
	})
	p := opened(t, dir, map[string]string{"split_extension": "."})
	base := read(t, p)
	c := change(base, []zone.RRset{set(t, "a", 60, zone.TypeA, "192.0.2.11"), set(t, "b", 60, zone.TypeA, "192.0.2.22")})
	block := filepath.Join(dir, "example.com.", ".b.yaml.zonecast-new")
	if err := os.MkdirAll(filepath.Join(block, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := p.Write(t.Context(), base, c)
	if err == nil || r.Sets[0] != provider.Done || r.Sets[1] != provider.NotDone || len(r.Notes) == 0 {
		t.Errorf("write: %+v, %v; want the first done, the second not, and a note", r, err)
	}
	if err := os.RemoveAll(block); err != nil {
		t.Fatal(err)
	}
	base = read(t, p)
	written(t, p, change(base, c2sets(c)[1:]), base)
}

func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	put(t, dir, map[string]string{"example.com.yaml": "--- {}\n"})
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	p := opened(t, dir, nil)
	base := read(t, p)
	r, err := p.Write(t.Context(), base, change(base, []zone.RRset{set(t, "new", 60, zone.TypeA, "192.0.2.7")}))
	if provider.KindOf(err) != provider.Denied || r.Count(provider.NotDone) != 1 {
		t.Errorf("write: %v, %v; want it denied", r, err)
	}
}

func TestErrorsOfTheDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, map[string]string{"example.com.yaml": "--- {}\n"})
	p := opened(t, dir, nil)
	for _, c := range []struct {
		err  error
		kind provider.ErrKind
		says string
	}{
		{fs.ErrPermission, provider.Denied, "let the user"},
		{syscall.ENOSPC, provider.Other, "make room on the disk"},
		{context.Canceled, provider.Transient, "context canceled"},
	} {
		p.before = func(octodns.FileOp) error { return &fs.PathError{Op: "write", Path: "example.com.yaml", Err: c.err} }
		base := read(t, p)
		r, err := p.Write(t.Context(), base, change(base, []zone.RRset{set(t, "new", 60, zone.TypeA, "192.0.2.7")}))
		if provider.KindOf(err) != c.kind || !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) || r.Count(provider.NotDone) != 1 {
			t.Errorf("%v: %v, %v; want kind %v, advice %q", c.err, r, err, c.kind, c.says)
		}
	}
}

func TestZones(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, map[string]string{
		"example.com.yaml": "--- {}\n", "münchen.example.yaml": "--- {}\n", "notes.yaml": "", "example.org./x.yaml": "---\n", "other/x.yaml": "",
	})
	var got []string
	for z, err := range opened(t, dir, map[string]string{"split_extension": "."}).Zones(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, z.Origin.String())
	}
	slices.Sort(got)
	if d := cmp.Diff([]string{"example.com.", "example.org.", "xn--mnchen-3ya.example."}, got); d != "" {
		t.Errorf("zones (-want +got):\n%s", d)
	}
	for _, err := range opened(t, filepath.Join(dir, "none"), nil).Zones(t.Context()) {
		t.Errorf("a folder that is not there: %v; want no zones", err)
	}
}

func TestFixedRootNS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, map[string]string{"example.com.yaml": "---\n'':\n  type: NS\n  values: [ns1.example.net., ns2.example.net.]\n"})
	p := opened(t, dir, map[string]string{"supports_root_ns": "false"})
	base := read(t, p)
	if c := p.Capabilities(base.Info); c.ApexNS != provider.ApexNSReadOnly {
		t.Errorf("apex NS are %v, want read only", c.ApexNS)
	}
	_, err := p.Write(t.Context(), base, change(base, []zone.RRset{set(t, "@", 60, zone.TypeNS, "ns3.example.net.")}))
	if provider.KindOf(err) != provider.Rejected {
		t.Errorf("write of apex NS: %v, want it rejected", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for option, value := range map[string]string{
		"directory": "", "default_ttl": "0", "order_mode": "random", "split_extension": "d", "shared_filename": "../x.yaml",
		"disable_zonefile": "true", "supports_root_ns": "perhaps",
	} {
		c := provider.Config{ID: "files", Values: map[string]provider.Value{"directory": {Text: "zones"}}}
		c.Values[option] = provider.Value{Text: value}
		if _, err := Open(c); err == nil || !strings.Contains(err.Error(), "option "+option) {
			t.Errorf("%s: %q gives %v; want an error that names the option", option, value, err)
		}
	}
}

// TestRecordsForSingleProviders leaves alone what a file holds for providers by their names: the
// folder stands for one target, which does not hold it.
func TestRecordsForSingleProviders(t *testing.T) {
	t.Parallel()
	const file = "www:\n  type: A\n  value: 192.0.2.1\n  az: {value: 203.0.113.1} # Azure\n  note: ours\nx:\n  type: A\n  value: {default: 192.0.2.2, az: 203.0.113.2}\n"
	dir := t.TempDir()
	put(t, dir, map[string]string{"example.com.yaml": file})
	p := opened(t, dir, nil)
	p.codec.ProviderIDs = []string{"az", "files"}
	base := read(t, p)
	for s := range base.Sets.All() {
		if !s.Extra.IsZero() {
			t.Errorf("%s holds %v; want nothing for other providers", s.Key(), s.Extra)
		}
	}
	c := change(base, []zone.RRset{set(t, "www", 3600, zone.TypeA, "192.0.2.9"), set(t, "x", 3600, zone.TypeA, "192.0.2.8")})
	written(t, p, c, base)
	want := strings.NewReplacer("value: 192.0.2.1", "value: 192.0.2.9", "default: 192.0.2.2", "default: 192.0.2.8").Replace(file)
	got := all(t, dir)["example.com.yaml"]
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("file (-want +got):\n%s", d)
	}
}
