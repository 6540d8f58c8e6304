package serve_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/nameserver/serve"
)

// A folder may be named in any way; its files are the same at each look.
func TestFolderByAnyName(t *testing.T) {
	h := newHouse(t, map[string]string{"example.org.zone": text(1, "192.0.2.1")})
	t.Chdir(h.dir)
	for _, dir := range []string{".", "./", h.dir + "/../" + filepath.Base(h.dir), h.dir + "//"} {
		h.folders = serve.Folders{Dirs: []string{dir}, Zones: &h.zones}
		if r := h.folders.Scan(t.Context(), true); r.Files != 1 || r.Zones != 1 {
			t.Errorf("%s: %d files, %d zones; want 1 and 1", dir, r.Files, r.Zones)
		}
		if r := h.folders.Scan(t.Context(), false); r.Files != 1 || r.Zones != 1 || !r.Quiet() {
			t.Errorf("%s, once more: %d files, %d zones, changes %v", dir, r.Files, r.Zones, r.Changes)
		}
	}
}

// Large files are read in parts; what is said and served is no different.
func TestLargeFile(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(text(1, "192.0.2.1"))
	for i := 0; b.Len() < 5<<20; i++ {
		fmt.Fprintf(&b, "host%07d A 10.%d.%d.%d\n", i, i>>16&255, i>>8&255, i&255)
	}
	h := newHouse(t, map[string]string{"a.example.db": b.String()})
	h.wants(true, "+ a.example. 1 a.example.db")
	h.serves(map[string]string{"a.example.": "192.0.2.1"})
	h.wants(false)

	// Another date alone is no change.
	now := h.clock.AddDate(0, 0, 1)
	if err := os.Chtimes(filepath.Join(h.dir, "a.example.db"), now, now); err != nil {
		t.Fatal(err)
	}
	h.wants(false)
	h.wants(false)

	h.write("a.example.db", strings.Replace(b.String(), " 1 7200", " 2 7200", 1))
	h.wants(true, "~ a.example. 1 2 a.example.db")
	lines := strings.Count(b.String(), "\n")
	h.write("a.example.db", b.String()+"bad A 192.0.2\n")
	got := h.scan(true)
	if len(got) != 1 || !strings.Contains(got[0], fmt.Sprintf("a.example.db:%d:7", lines+1)) {
		t.Errorf("got %q; want an error at line %d", got, lines+1)
	}
}
