package serve_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/serve"
	"github.com/zonecast/zonecast/zone"
)

// text is a small zone without $ORIGIN.
func text(serial int, address string) string {
	return fmt.Sprintf("$TTL 300\n@ SOA ns1.example.net. h.example.net. %d 7200 900 1209600 300\n@ NS ns1.example.net.\nwww A %s\n", serial, address)
}

// A house is a folder and what knows it.
type house struct {
	*testing.T
	dir     string
	zones   nameserver.Zones
	folders serve.Folders
	clock   time.Time
}

func newHouse(t *testing.T, files map[string]string) *house {
	t.Helper()
	h := &house{T: t, dir: t.TempDir(), clock: time.Now().Add(-time.Hour)}
	h.folders = serve.Folders{Dirs: []string{h.dir}, Zones: &h.zones}
	for name, data := range files {
		h.write(name, data)
	}
	return h
}

// write writes a file, each time with a later date.
func (h *house) write(name, data string) {
	h.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		h.Fatal(err)
	}
	h.clock = h.clock.Add(time.Second)
	if err := os.Chtimes(path, h.clock, h.clock); err != nil {
		h.Fatal(err)
	}
}

func (h *house) remove(names ...string) {
	h.Helper()
	for _, name := range names {
		if err := os.Remove(filepath.Join(h.dir, name)); err != nil {
			h.Fatal(err)
		}
	}
}

// scan looks at the folder and returns what was reported, without the folder's name.
func (h *house) scan(now bool) []string {
	h.Helper()
	r := h.folders.Scan(h.Context(), now)
	var out []string
	for _, c := range r.Changes {
		file := filepath.Base(c.File)
		switch {
		case c.Removed:
			out = append(out, fmt.Sprintf("- %s %s", c.Origin, file))
		case c.New:
			out = append(out, fmt.Sprintf("+ %s %d %s", c.Origin, c.Serial, file))
		default:
			out = append(out, fmt.Sprintf("~ %s %d %d %s", c.Origin, c.Before, c.Serial, file))
		}
	}
	for _, f := range r.Findings {
		out = append(out, strings.ReplaceAll(strings.ReplaceAll(f.String(), h.dir+"/", ""), h.dir, "DIR"))
	}
	if r.Zones != h.zones.Count() {
		h.Errorf("the report has %d zones, and %d are served", r.Zones, h.zones.Count())
	}
	return out
}

// wants scans and compares.
func (h *house) wants(now bool, want ...string) {
	h.Helper()
	if diff := cmp.Diff(want, h.scan(now)); diff != "" {
		h.Errorf("what was reported (-want +got):\n%s", diff)
	}
}

// serves asks for www below zones.
func (h *house) serves(want map[string]string) {
	h.Helper()
	e := &nameserver.Engine{}
	for _, origin := range []string{"a.example.", "b.example.", "c.example."} {
		if z := h.zones.Find(zone.MustName(origin)); z != nil {
			e.Zones.Put(z)
		}
	}
	got := map[string]string{}
	for _, origin := range []string{"a.example.", "b.example.", "c.example."} {
		q := zone.MustName("www." + origin).AppendWire([]byte{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		q = append(q, 0, 1, 0, 1)
		a := e.Answer(e.NewScratch(), q, nameserver.Client{Stream: true}, nil)
		if a[7] > 0 { // answers
			got[origin] = fmt.Sprintf("%d.%d.%d.%d", a[len(a)-4], a[len(a)-3], a[len(a)-2], a[len(a)-1])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		h.Errorf("addresses of www (-want +got):\n%s", diff)
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{
		"a.example.zone":  text(1, "192.0.2.1"),
		"db.b.example":    text(1, "192.0.2.9"), // no ending of a zone file
		"second.db":       "$ORIGIN b.example.\n" + text(2, "192.0.2.2"),
		"third.txt":       strings.Replace(text(3, "192.0.2.3"), "@ SOA", "c.example. SOA", 1) + "",
		"readme.txt":      "The zones of this folder.\n",
		"cache.db":        "SQLite format 3\x00 SOA ",
		".hidden.zone":    text(1, "192.0.2.1"),
		"a.example.zone~": text(1, "192.0.2.1"),
	})
	if err := os.Mkdir(filepath.Join(h.dir, "more.zone"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.wants(true, "+ a.example. 1 a.example.zone", "+ b.example. 2 second.db", "+ c.example. 3 third.txt")
	h.wants(false)
}

func TestChangesWaitUntilTheFileRests(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1")})
	h.wants(true, "+ a.example. 1 a.example.zone")
	h.write("a.example.zone", text(2, "192.0.2.2"))
	h.write("b.example.zone", text(1, "192.0.2.5"))
	h.wants(false)
	h.write("b.example.zone", text(2, "192.0.2.6"))
	h.wants(false, "~ a.example. 1 2 a.example.zone")
	h.wants(false, "+ b.example. 2 b.example.zone")
	h.serves(map[string]string{"a.example.": "192.0.2.2", "b.example.": "192.0.2.6"})
	h.write("a.example.zone", text(3, "192.0.2.3"))
	h.wants(true, "~ a.example. 2 3 a.example.zone")
}

func TestNothingNew(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1")})
	h.wants(true, "+ a.example. 1 a.example.zone")
	h.write("a.example.zone", text(1, "192.0.2.1")) // another date
	h.wants(true)
	h.write("a.example.zone", "; a comment\n"+text(1, "192.0.2.1"))
	h.wants(true)
	h.write("a.example.zone", text(1, "192.0.2.2"))
	h.wants(true, "~ a.example. 1 1 a.example.zone",
		"a.example.zone: warning: zone a.example. has changed, and its serial is still 1; secondaries will not notice; raise it with every change [zones-serial]")
	h.write("a.example.zone", text(0, "192.0.2.2"))
	h.wants(true, "~ a.example. 1 0 a.example.zone",
		"a.example.zone: warning: the serial of zone a.example. went back from 1 to 0; secondaries keep what they have; raise it with every change [zones-serial]")
}

func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{
		"a.example.zone": text(1, "192.0.2.1"),
		"b.example.zone": text(1, "192.0.2"),
		"c.example.zone": "$TTL 60\nwww A 192.0.2.1\n",
	})
	h.wants(true, "+ a.example. 1 a.example.zone",
		`b.example.zone:4:7: error: A address "192.0.2" is no IPv4 address; nothing is served from this file [zonefile-rdata]`,
		"c.example.zone: error: zone c.example. has no SOA record at its apex; nothing is served from this file; every zone begins with one [zones-soa]")
	h.write("a.example.zone", "")
	h.wants(false)
	if got := h.scan(false); len(got) != 1 || !strings.Contains(got[0], "zone a.example. is served as it was, with serial 1") {
		t.Errorf("an empty file: %q", got)
	}
	h.serves(map[string]string{"a.example.": "192.0.2.1"})
	h.wants(false) // told once
	if got := h.scan(true); len(got) != 3 {
		t.Errorf("a reload tells again of every broken file, got %q", got)
	}
	h.write("a.example.zone", text(2, "192.0.2.2"))
	h.write("b.example.zone", text(2, "192.0.2.3"))
	h.remove("c.example.zone")
	h.wants(false)
	h.wants(false, "~ a.example. 1 2 a.example.zone", "+ b.example. 2 b.example.zone")
}

func TestGoneFiles(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{
		"a.example.zone": text(1, "192.0.2.1"), "b.example.zone": text(1, "192.0.2.2"), "c.example.zone": text(1, "192.0.2.3"),
	})
	h.scan(true)
	h.remove("c.example.zone")
	h.wants(false) // an editor may be about to put it back
	h.write("c.example.zone", text(2, "192.0.2.4"))
	h.wants(false)
	h.wants(false, "~ c.example. 1 2 c.example.zone")
	h.remove("c.example.zone")
	h.wants(false)
	h.wants(false, "- c.example. c.example.zone")
	h.wants(false)

	// The last file in order is broken, the others are gone: that is no deletion.
	h.write("a.example.zone", "broken")
	h.scan(true)
	h.remove("b.example.zone")
	h.wants(false)
	h.wants(false, "b.example.zone: warning: the file is gone, and no other of the folder can be used; zone b.example. is served as it was; "+
		"a zone is withdrawn when its file is gone and others of the folder are in order [zones-gone]")
	h.wants(false)
	h.remove("a.example.zone")
	h.wants(false, "DIR: warning: the folder has no zone file (*.zone, *.db, *.txt); its 2 zones are served as they were [zones-folder]")
	h.wants(false)
	h.wants(true, "DIR: warning: the folder has no zone file (*.zone, *.db, *.txt); its 2 zones are served as they were [zones-folder]")
	if err := os.Remove(h.dir); err != nil {
		t.Fatal(err)
	}
	h.wants(false)
	h.wants(true, "DIR: error: the folder is not there; its 2 zones are served as they were [zones-folder]")
	h.serves(map[string]string{"a.example.": "192.0.2.1", "b.example.": "192.0.2.2"})

	// It comes back with one of them: then the other is really gone.
	if err := os.Mkdir(h.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	h.write("a.example.zone", text(2, "192.0.2.5"))
	h.wants(true, "~ a.example. 1 2 a.example.zone", "- b.example. b.example.zone", "DIR: info: the folder has zone files again [zones-folder]")
}

func TestRenamedFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1"), "b.example.zone": text(1, "192.0.2.2")})
	h.scan(true)
	if err := os.Rename(filepath.Join(h.dir, "a.example.zone"), filepath.Join(h.dir, "a.example.db")); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		h.wants(false)
	}
	h.write("a.example.db", text(2, "192.0.2.3"))
	h.wants(true, "~ a.example. 1 2 a.example.db")
}

func TestTwoFilesOfOneZone(t *testing.T) {
	t.Parallel()
	for range 20 { // whichever thread is first
		h := newHouse(t, map[string]string{
			"1.zone": "$ORIGIN a.example.\n" + text(1, "192.0.2.1"),
			"2.zone": "$ORIGIN a.example.\n" + text(2, "192.0.2.2"),
			"b.zone": "$ORIGIN b.example.\n" + text(2, "192.0.2.2"),
		})
		h.folders.Threads = 4
		const told = "2.zone: error: zone a.example. is already served from 1.zone; this file is left out; remove one of them [zones-double]"
		h.wants(true, "+ a.example. 1 1.zone", "+ b.example. 2 b.zone", told)
		h.wants(false)
		h.remove("1.zone")
		h.wants(false)
		h.wants(false, "~ a.example. 1 2 2.zone")
	}
}

func TestFileOfAnotherZone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"x.zone": "$ORIGIN a.example.\n" + text(1, "192.0.2.1")})
	h.scan(true)
	h.write("x.zone", "$ORIGIN b.example.\n"+text(1, "192.0.2.2"))
	h.wants(false)
	h.wants(false, "+ b.example. 1 x.zone",
		"x.zone: warning: the file was that of zone a.example. and is that of b.example. now; both are served; if the old one is to go, reload (SIGHUP) [zones-origin]")
	h.serves(map[string]string{"a.example.": "192.0.2.1", "b.example.": "192.0.2.2"})
	h.wants(true, "- a.example. x.zone")
	h.serves(map[string]string{"b.example.": "192.0.2.2"})
}

func TestIncludedFileChanges(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{
		"a.example.zone": strings.Replace(text(1, "192.0.2.1"), "www A", "$INCLUDE hosts.inc\nold A", 1),
		"hosts.inc":      "www 60 A 192.0.2.1\n",
	})
	h.scan(true)
	h.serves(map[string]string{"a.example.": "192.0.2.1"})
	h.write("hosts.inc", "www 60 A 192.0.2.7\n")
	h.wants(false)
	if got := h.scan(false); len(got) == 0 || got[0] != "~ a.example. 1 1 a.example.zone" {
		t.Errorf("after the change of an included file: %q", got)
	}
	h.serves(map[string]string{"a.example.": "192.0.2.7"})
	h.remove("hosts.inc")
	h.wants(false)
	if got := h.scan(false); len(got) != 1 || !strings.Contains(got[0], "hosts.inc") {
		t.Errorf("after the loss of an included file: %q", got)
	}
	h.wants(false)
	h.write("hosts.inc", "www 60 A 192.0.2.8\n")
	h.wants(false)
	if got := h.scan(false); len(got) == 0 || got[0] != "~ a.example. 1 1 a.example.zone" {
		t.Errorf("after its return: %q", got)
	}
}
