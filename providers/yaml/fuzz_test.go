package yaml

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// FuzzWrite adds a record to any file that can be read, and demands that all others stay what they
// were and that nothing is written where the write is refused.
func FuzzWrite(f *testing.F) {
	f.Add(kept)
	f.Add("--- {}\n")
	f.Add("? ''\n: - type: MX\n    value: {preference: 10, exchange: mail}\nwww: &w\n  type: A\n  value: 192.0.2.1\nw2: *w\n")
	f.Add("$ORIGIN: sub.example.com.\n$TTL: 1h\n'@': {type: TXT, value: 'a\\;b'}\n")
	f.Add("{www: {type: A, value: 192.0.2.1}}\n")
	f.Add("www:\r\n  type: CNAME\r\n  value: |\r\n    x.example.com.\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		path := filepath.Join(dir, "example.com.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := opened(t, dir, nil)
		base, err := p.Read(t.Context(), provider.ZoneRef{Origin: origin})
		if err != nil {
			return
		}
		c := change(base, []zone.RRset{set(t, "zz-new", 61, zone.TypeA, "192.0.2.99")})
		r, err := p.Write(t.Context(), base, c)
		after := read(t, p)
		if err != nil {
			if r.Count(provider.NotDone) != 1 || after.Revision != base.Revision {
				t.Errorf("refused with %v, but receipt %v and revision %s (was %s)", err, r.Sets, after.Revision, base.Revision)
			}
			return
		}
		want, err := base.Sets.With(c.Sets)
		if err != nil {
			t.Fatal(err)
		}
		if d := slices.Collect(zone.Diff(want, after.Sets)); len(d) > 0 {
			t.Errorf("%d RRsets are not as planned, the first is %s", len(d), d[0].Key())
		}
	})
}
