package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/apply"
)

// newClouds writes a configuration with one zone at several services.
func newClouds(t *testing.T, kinds ...string) (dir string) {
	t.Helper()
	dir = writeFiles(t, map[string]string{"zones/example.org.yaml": "www:\n  type: A\n  value: 192.0.2.1\n"})
	text := "sources:\n  zones: {type: yaml, directory: zones}\nproviders:\n"
	for _, kind := range kinds {
		c := newCloud(t, kind)
		text += fmt.Sprintf("  %s:\n    type: %s\n    %s: %s\n    %s\n    limits: \"off\"\n", kind, kind, c.option, c.url, c.extra)
	}
	text += "defaults: {sources: [zones], targets: [" + strings.Join(kinds, ", ") + "]}\nzones: [example.org]\n"
	if err := os.WriteFile(filepath.Join(dir, "zonecast.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A new zone's name servers join the apex NS of all its providers in the same run, with --json too:
// what is left afterwards is the same, which is nothing.
func TestTheSecondRoundIsTheSameWithJSON(t *testing.T) {
	t.Parallel()
	kinds := []string{"route53", "cloudflare", "google"}
	for _, flags := range [][]string{nil, {"--json"}} {
		dir := newClouds(t, kinds...)
		code, out, errs := try(t, append([]string{"apply", "--yes", "--no-verify", "-c", dir}, flags...)...)
		if code != exitOK {
			t.Fatalf("apply %v: exit %d\n%s\n%s", flags, code, out, errs)
		}
		if code, left, errs := try(t, "plan", "--detailed-exitcode", "-c", dir); code != exitOK {
			t.Errorf("after apply %v a plan exits %d, want nothing to do:\n%s%s", flags, code, left, errs)
		}
		if flags == nil {
			continue
		}
		var rounds []string // of plans and reports
		for line := range strings.Lines(out) {
			var l struct {
				applyLine
				Plan struct {
					Plans []any `json:"plans"`
				} `json:"plan"`
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			switch l.Type {
			case "plan":
				rounds = append(rounds, fmt.Sprintf("%d plan of %d", l.Round, len(l.Plan.Plans)))
			case "report":
				done := 0
				for _, r := range l.Report.Results {
					if r.State == apply.DoneState {
						done++
					}
				}
				rounds = append(rounds, fmt.Sprintf("%d report %d done, exit %d", l.Round, done, *l.Exit))
			}
		}
		if got, want := strings.Join(rounds, ", "), "0 plan of 3, 0 report 3 done, exit 0, 2 plan of 3, 2 report 3 done, exit 0"; got != want {
			t.Errorf("rounds are %s\nwant %s", got, want)
		}
	}
}
