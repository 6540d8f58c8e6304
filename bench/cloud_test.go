package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/flow"
	_ "github.com/zonecast/zonecast/providers/cloudflare"
	_ "github.com/zonecast/zonecast/providers/google"
	_ "github.com/zonecast/zonecast/providers/route53"
	"github.com/zonecast/zonecast/sandbox/cloudflare"
	"github.com/zonecast/zonecast/store/sqlite"
	"github.com/zonecast/zonecast/zone"
)

// A rehearsal is a project whose targets are emulations in this process.
type rehearsal struct {
	*cast
	stages map[string]*stage
}

func rehearse(t *testing.T, zones int, more string, plan cloudflare.Plan, kinds ...string) *rehearsal {
	t.Helper()
	dir := t.TempDir()
	c := &rehearsal{stages: map[string]*stage{}, cast: &cast{
		bench: &bench{ctx: t.Context()}, theatre: &theatre{at: map[string]address{}, dir: dir},
		dir: dir, conf: filepath.Join(dir, "zonecast.yaml"), zones: zones,
	}}
	for _, kind := range kinds {
		s := &stage{kind: kind, plan: plan, dir: dir}
		if err := s.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.stages[kind], c.at[kind] = s, address{s.api, s.dns}
	}
	if err := c.configure(more, octoNS); err != nil {
		t.Fatal(err)
	}
	return c
}

// run plans zones, all when none is named, and carries the plans out if asked to. It returns the
// number of changes and the calls by operation.
func (c *rehearsal) run(t *testing.T, carryOut bool, zones ...int) (changes int, calls map[string]int64) {
	t.Helper()
	for _, s := range c.stages {
		s.now().Panel().Forget()
	}
	text, err := os.ReadFile(c.conf)
	if err != nil {
		t.Fatal(err)
	}
	cfg, fs := config.Parse(c.conf, text, config.Options{WorkDir: c.dir})
	if err := finding.AsError(fs); err != nil {
		t.Fatal(err)
	}
	defer cfg.Close()
	st, err := sqlite.Open(t.Context(), filepath.Join(c.dir, ".zonecast"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	p := flow.Planner{Config: cfg, Store: st, Run: t.Name()}
	var req flow.Request
	for _, i := range zones {
		req.Zones = append(req.Zones, zone.MustName(castZone(i)))
	}
	run := p.Plan(t.Context(), req)
	if err := finding.AsError(run.Findings); err != nil {
		t.Fatal(err)
	}
	if carryOut {
		report, err := p.Apply(t.Context(), run.Plans, flow.ApplyOptions{NoVerify: true, Actor: "test"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range report.Results {
			if r.State != apply.DoneState && r.State != apply.Unchanged {
				t.Fatalf("%s is %s: %s", r.Target, r.State, r.Error)
			}
		}
	}
	calls = map[string]int64{}
	for kind, s := range c.stages {
		for op, n := range s.now().Panel().Calls() {
			calls[kind+" "+operation(op)] += n
		}
	}
	return run.Changes(), calls
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestCallsOfUpdates counts what updates of a whole zone of Cloudflare cost: one call to find the
// zone, the pages of its records twice (for the plan, and again just before the write, for the
// service has no compare-and-set), and the batches.
func TestCallsOfUpdates(t *testing.T) {
	t.Parallel()
	const n = 450
	for _, c := range []struct {
		plan           cloudflare.Plan
		more           string
		pages, batches int64
	}{
		{cloudflare.Free, "", 1, 3}, // 200 to a batch
		{cloudflare.Pro, "", 1, 1},  // 3,500 to a batch
		{cloudflare.Pro, "records_per_page: 200", 3, 1},
	} {
		t.Run(fmt.Sprintf("%s %s", c.plan, c.more), func(t *testing.T) {
			t.Parallel()
			b := rehearse(t, 1, c.more, c.plan, "cloudflare")
			must(t, b.write(0, n, 0))
			b.run(t, true)
			must(t, b.write(0, n, n))
			changes, got := b.run(t, true)
			want := map[string]int64{"cloudflare GET zones": 1, "cloudflare GET …/dns_records": 2 * c.pages, "cloudflare POST …/dns_records/batch": c.batches}
			if d := cmp.Diff(want, got); d != "" || changes != n {
				t.Errorf("%d changes, want %d; calls (-want +got):\n%s", changes, n, d)
			}
			changes, got = b.run(t, false)
			want = map[string]int64{"cloudflare GET zones": 1, "cloudflare GET …/dns_records": c.pages}
			if d := cmp.Diff(want, got); d != "" || changes != 0 {
				t.Errorf("planned again: %d changes, want none; calls (-want +got):\n%s", changes, d)
			}
		})
	}
}

// TestCallsOfAccount counts what one large zone costs in a Route 53 account of many, and all of
// them: no call that is not needed.
func TestCallsOfAccount(t *testing.T) {
	t.Parallel()
	const zones, n = 130, 700 // two pages of zones, three of record sets
	b := rehearse(t, zones, "", "", "route53")
	must(t, b.writeAll(2), b.write(0, n, 0))
	b.run(t, true)
	const find, list, page, write, poll = "route53 ListHostedZonesByName", "route53 ListHostedZones", "route53 ListResourceRecordSets", "route53 ChangeResourceRecordSets", "route53 GetChange"
	for _, c := range []struct {
		name     string
		moved    int
		carryOut bool
		changes  int
		want     map[string]int64
	}{
		{"no change", 0, false, 0, map[string]int64{find: 1, page: 3}},
		{"one change is planned", 1, false, 1, map[string]int64{find: 1, page: 3}},
		{"one change", 1, true, 1, map[string]int64{find: 1, page: 3, write: 1, poll: 1}},
		// Each update counts twice; 1,000 to a batch.
		{"600 changes", 601, true, 600, map[string]int64{find: 1, page: 3, write: 2, poll: 2}},
	} {
		must(t, b.write(0, n, c.moved))
		changes, got := b.run(t, c.carryOut, 0)
		if d := cmp.Diff(c.want, got); d != "" || changes != c.changes {
			t.Errorf("%s: %d changes, want %d; calls (-want +got):\n%s", c.name, changes, c.changes, d)
		}
	}

	changes, got := b.run(t, false)
	if changes != 0 || got[page] != zones-1+3 {
		t.Errorf("all zones: %d changes, want none; %d pages of record sets, want %d", changes, got[page], zones-1+3)
	}
	// Three zones are looked up by name before all are listed; which of them come first is open.
	within(t, "all zones", got, map[string]int64{find: 3, list: 2, page: got[page]})
}

// TestCallsOfManyZones bounds what a zone costs at three providers.
func TestCallsOfManyZones(t *testing.T) {
	t.Parallel()
	const zones = 12
	b := rehearse(t, zones, "", "", "route53", "cloudflare", "google")
	must(t, b.writeAll(1))
	changes, got := b.run(t, true)
	if changes != 2*3*zones {
		t.Errorf("created: %d changes, want %d", changes, 2*3*zones)
	}
	most := map[string]int64{
		"route53 ListHostedZonesByName": zones + 3, "route53 ListHostedZones": 1, "route53 CreateHostedZone": zones,
		"route53 ListResourceRecordSets": zones, "route53 ChangeResourceRecordSets": zones, "route53 GetChange": zones,
		"cloudflare GET zones": zones + 3, "cloudflare POST zones": zones, "cloudflare GET …/dns_records": 2 * zones, "cloudflare POST …/dns_records/batch": zones,
		"google POST /token": 1, "google GET managedZones": zones + 4, "google POST managedZones": zones,
		"google GET …/rrsets": zones, "google POST …/changes": zones, "google GET …/changes/{changeId}": zones,
	}
	within(t, "created", got, most)

	must(t, b.writeAll(20))
	changes, got = b.run(t, true)
	if want := 19 * 3 * zones; changes != want {
		t.Errorf("there: %d changes, want %d", changes, want)
	}
	for _, op := range []string{"route53 CreateHostedZone", "cloudflare POST zones", "google POST managedZones"} {
		delete(most, op)
	}
	most["route53 ListHostedZonesByName"], most["cloudflare GET zones"], most["google GET managedZones"] = 3, 4, 4
	within(t, "there", got, most)
}

// within tells calls that are more than allowed, or not foreseen.
func within(t *testing.T, what string, got, most map[string]int64) {
	t.Helper()
	for _, op := range slices.Sorted(maps.Keys(got)) {
		if got[op] > most[op] {
			t.Errorf("%s: %d × %s, want at most %d", what, got[op], op, most[op])
		}
	}
}
