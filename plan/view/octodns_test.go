package view_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/plan/view"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

// TestOctoDNSTypes shows one record of each type. The golden file was compared with what octoDNS
// 1.22 logs for the same zone: it is the same but for the case of the URI's target, which octoDNS
// turns to lower case.
func TestOctoDNSTypes(t *testing.T) {
	t.Parallel()
	const file = "testdata/types.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	origin := zone.MustName("example.com.")
	loaded := octodns.Read(file, text, origin, octodns.Options{})
	if err := finding.AsError(loaded.Findings); err != nil {
		t.Fatal(err)
	}
	p := plan.Compute(plan.Input{
		Target:   plan.Target{Provider: "out", Driver: "yaml", Zone: origin},
		Observed: &provider.Snapshot{Sets: zone.Empty(origin)}, Desired: loaded.Zone,
		From: func(zone.Key) string { return "config" },
	})
	v := view.OctoDNS{Class: func(plan.Target) string { return "YamlProvider" }}
	var log, doc bytes.Buffer
	if err := v.Logger(&log, []*plan.Plan{p}); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, filepath.Join("testdata", "types.octodns.txt"), log.Bytes())
	if err := v.JSON(&doc, []*plan.Plan{p}); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, filepath.Join("testdata", "types.octodns.json"), doc.Bytes())
}
