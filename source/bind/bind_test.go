package bind_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/source/bind"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

const soa = "@ 3600 IN SOA ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300\n@ 3600 NS ns1.example.net.\n"

func lines(z *zone.Zone) []string {
	var out []string
	for set := range z.All() {
		for _, d := range set.Data {
			out = append(out, fmt.Sprintf("%s %d %s %s", set.Owner, set.TTL, set.Type, rdata.Text(set.Type, d)))
		}
	}
	return out
}

func TestZonesAndLoad(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{
		"a.example.zone":     soa + "www A 192.0.2.1\n",
		"b.example.db":       soa,
		"db.c.example":       soa,
		"d.example":          soa,
		"e.example.":         soa,
		"misc.txt":           "$ORIGIN f.example.\n" + soa,
		"xn--bcher-kva.zone": soa,
		"notes.md":           "# no zone",
		"production.yaml":    "zones: {}",
		"image.zone":         "\x00\x01",
		".hidden.zone":       soa,
		"sub/g.example.zone": soa,
		"readme":             "nothing",
	})
	src := bind.New(bind.Options{ID: "files", Directory: dir})
	var got []string
	for n, err := range src.Zones(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n.String())
		loaded, err := src.Load(t.Context(), n)
		if err != nil {
			t.Errorf("%s: %v", n, err)
			continue
		}
		if loaded.Revision == "" || loaded.Place(zone.Key{Owner: n, Type: zone.TypeSOA}).File == "" {
			t.Errorf("%s: revision %q, place %v; want both", n, loaded.Revision, loaded.Place(zone.Key{Owner: n, Type: zone.TypeSOA}))
		}
	}
	want := []string{"a.example.", "b.example.", "c.example.", "d.example.", "e.example.", "f.example.", "xn--bcher-kva."}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("zones (-want +got):\n%s", diff)
	}
	loaded, err := src.Load(t.Context(), zone.MustName("a.example."))
	if err != nil {
		t.Fatal(err)
	}
	wantLines := []string{
		"a.example. 3600 NS ns1.example.net.",
		"a.example. 3600 SOA ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300",
		"www.a.example. 3600 A 192.0.2.1",
	}
	if diff := cmp.Diff(wantLines, lines(loaded.Zone)); diff != "" {
		t.Errorf("a.example. (-want +got):\n%s", diff)
	}
	if p := loaded.Place(zone.Key{Owner: zone.MustName("www.a.example."), Type: zone.TypeA}); p.Line != 3 || p.File != filepath.Join(dir, "a.example.zone") {
		t.Errorf("place of www = %v, want line 3 of the file", p)
	}
	if _, err := src.Load(t.Context(), zone.MustName("nowhere.example.")); !errors.Is(err, source.ErrNoZone) {
		t.Errorf("absent zone: %v, want ErrNoZone", err)
	}
}

func TestExtensionAsOctoDNSHasIt(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{"a.example.tst": soa, "b.example.zone": soa})
	src := bind.New(bind.Options{ID: "files", Directory: dir, Extension: ".tst"})
	var got []string
	for n, err := range src.Zones(t.Context()) {
		got = append(got, fmt.Sprint(n, err))
	}
	if diff := cmp.Diff([]string{"a.example. <nil>"}, got); diff != "" {
		t.Errorf("zones (-want +got):\n%s", diff)
	}
	if _, err := src.Load(t.Context(), zone.MustName("b.example.")); !errors.Is(err, source.ErrNoZone) {
		t.Errorf("file with another extension: %v, want ErrNoZone", err)
	}
}

func TestTrouble(t *testing.T) {
	t.Parallel()
	outside := dnstest.Files(t, map[string]string{"secret.inc": "x A 192.0.2.66\n"})
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"two files", map[string]string{"a.example.zone": soa, "db.a.example": soa}, "several files"},
		{"syntax", map[string]string{"a.example.zone": soa + "www A not-an-address\n"}, "a.example.zone:3:"},
		{"include outside", map[string]string{"a.example.zone": soa + "$INCLUDE ../secret.inc\n"}, "folder"},
		{"absolute include", map[string]string{"a.example.zone": soa + "$INCLUDE " + outside + "/secret.inc\n"}, "folder"},
		{"no apex", map[string]string{"a.example.zone": "www 300 A 192.0.2.1\n"}, "has no SOA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			src := bind.New(bind.Options{ID: "files", Directory: dnstest.Files(t, c.files), CheckOrigin: true})
			l, err := src.Load(t.Context(), zone.MustName("a.example."))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want it to say %q", err, c.want)
			}
			if l != nil && l.Zone == nil {
				t.Error("Loaded without a zone")
			}
		})
	}
	src := bind.New(bind.Options{ID: "files", Directory: filepath.Join(outside, "nowhere")})
	if _, err := src.Load(t.Context(), zone.MustName("a.example.")); err == nil {
		t.Error("a folder that is missing gave no error")
	}
}

func TestIncludeInsideAndSymlinks(t *testing.T) {
	t.Parallel()
	dir := dnstest.Files(t, map[string]string{"a.example.zone": soa + "$INCLUDE inc/hosts.inc\n", "inc/hosts.inc": "www 300 A 192.0.2.1\n"})
	src := bind.New(bind.Options{ID: "files", Directory: dir})
	l, err := src.Load(t.Context(), zone.MustName("a.example."))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := l.Zone.Set(zone.MustName("www.a.example."), zone.TypeA); !ok {
		t.Error("what was included is missing")
	}
	outside := dnstest.Files(t, map[string]string{"b.example.zone": soa})
	if err := os.Symlink(filepath.Join(outside, "b.example.zone"), filepath.Join(dir, "b.example.zone")); err != nil {
		t.Skip("no symbolic links here")
	}
	_, err = src.Load(t.Context(), zone.MustName("b.example."))
	if err == nil {
		t.Error("a link that leaves the folder was followed")
	}
	if worst, _ := finding.Worst(finding.Of(err, "x")); worst != finding.Error {
		t.Errorf("error = %v", err)
	}
}
