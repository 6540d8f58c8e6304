package octodns_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

// TestGolden reads the zone files of testdata/zones and compares findings, records in normal form
// and, for zones without errors, the file written from them.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/zones/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no zones", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, strings.TrimSuffix(file, ".yaml")+".golden", report(t, filepath.Base(file), data))
		})
	}
}

func report(t *testing.T, file string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	opt := octodns.Options{ProviderIDs: []string{"cloudflare", "route53", "gcp"}}
	if bytes.HasPrefix(data, []byte("# options: order")) {
		opt.Order, opt.NoShorthands = yaml11.NaturalOrder, true
	}
	origin := zone.MustName("example.com.")
	for _, sets := range [][]string{{"legacy"}, {"strict", "best-practice"}} {
		opt.Rules.Sets = sets
		l := octodns.Read(file, data, origin, opt)
		fs := append(l.Findings, octodns.ZoneCheck{Rules: opt.Rules, Place: l.Places.Of}.Run(l.Zone)...)
		fmt.Fprintf(&b, "== %s\n", strings.Join(sets, " "))
		for _, f := range fs {
			fmt.Fprintln(&b, f)
		}
		if sets[0] != "legacy" {
			continue
		}
		fmt.Fprintln(&b, "-- records")
		for set := range l.Zone.All() {
			rec, err := octodns.Normal(set, origin)
			if err != nil {
				t.Error(err)
			}
			text, err := json.Marshal(rec)
			if err != nil {
				t.Error(err)
			}
			fmt.Fprintf(&b, "%s\n", text)
		}
		if finding.AsError(l.Findings) == nil {
			out, fs := octodns.Write(l.Zone, opt)
			for _, f := range fs {
				t.Error(f)
			}
			fmt.Fprintf(&b, "-- written\n%s", out)
		}
	}
	return b.Bytes()
}
