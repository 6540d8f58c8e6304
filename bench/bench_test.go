package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
	"github.com/zonecast/zonecast/zone/zonefile"
)

func TestMain(m *testing.M) {
	if task, ok := os.LookupEnv(childEnv); ok { // the program starts itself; see child
		os.Exit(runChild(task))
	}
	os.Exit(m.Run())
}

// TestQuick runs all that is measured once, in small, so that the benchmarks cannot rot.
func TestQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("builds zonecast")
	}
	t.Parallel()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-quick", "-json", "-enforce", "-dir", t.TempDir()}, &out, &errs); code != 0 {
		t.Errorf("exits with %d, not 0\n%s", code, errs.String())
	}
	var rows []Row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	const want = 40
	if len(rows) != want {
		t.Errorf("%d rows, not %d", len(rows), want)
	}
	for _, r := range rows {
		if r.Error != "" || r.Cost.User+r.Cost.Sys+r.Cost.Wall == 0 || r.Result != "-" {
			t.Errorf("%s: user %v, system %v, result %q, error %q; want a cost, no error and no judgement", r.Work, r.Cost.User, r.Cost.Sys, r.Result, r.Error)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]int{"-h": 0, "-nonsense": 2, "-only=(": 2} {
		var out bytes.Buffer
		if got := run(t.Context(), []string{arg}, &out, &out); got != want {
			t.Errorf("%s exits with %d, not %d\n%s", arg, got, want, out.String())
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	peer := func(name string, s float64) Other { return Other{Name: name, Cost: Cost{User: seconds64(s)}} }
	for _, c := range []struct {
		name  string
		row   Row
		scale float64
		want  string
	}{
		{name: "nothing to reach", row: Row{Cost: Cost{User: time.Hour}}, want: "-"},
		{name: "fast", row: Row{Cost: Cost{User: 1, RSS: 1, Wall: time.Hour}, Target: Target{User: 2, RSS: 2}}, want: "ok"},
		{name: "as long as the limit", row: Row{Cost: Cost{User: 2}, Target: Target{User: 2}}, want: "MISSED"},
		{name: "too much memory", row: Row{Cost: Cost{User: 1, RSS: 3}, Target: Target{User: 2, RSS: 2}}, want: "MISSED"},
		{name: "on the wall", row: Row{Cost: Cost{User: 9, Wall: 1}, Target: Target{Wall: 2}}, want: "ok"},
		{name: "too long on the wall", row: Row{Cost: Cost{Wall: 3}, Target: Target{Wall: 2}}, want: "MISSED"},
		{name: "did not run", row: Row{Error: "no", Target: Target{User: 2}}, want: "MISSED"},
		{name: "linear", row: Row{Target: Target{Scale: 1.5}}, scale: 1.2, want: "ok"},
		{name: "quadratic", row: Row{Target: Target{Scale: 1.5}}, scale: 8, want: "MISSED"},
		{name: "within twice", row: Row{Cost: Cost{User: 1900 * time.Millisecond}, Target: Target{Times: 2}, Others: []Other{peer("a", 4), peer("b", 1)}}, want: "ok"},
		{name: "over twice", row: Row{Cost: Cost{User: 2100 * time.Millisecond}, Target: Target{Times: 2}, Others: []Other{peer("a", 4), peer("b", 1)}}, want: "MISSED"},
		{name: "nobody there", row: Row{Cost: Cost{User: 9}, Target: Target{Times: 2}, Others: []Other{{Name: "a", Missing: true}}}, want: "-"},
		{name: "neither a floor nor a constant competes", row: Row{
			Cost: Cost{User: 9 * time.Second}, Target: Target{Times: 2},
			Others: []Other{{Name: "a", Floor: true, Cost: Cost{User: 1}}, elsewhere("b", 0.1, 0), peer("c", 5)},
		}, want: "ok"},
	} {
		c.row.judge(c.scale)
		if c.row.Result != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.row.Result, c.want)
		}
	}
}

func seconds64(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func TestTable(t *testing.T) {
	t.Parallel()
	rows := []Row{
		{
			Work: "validate", Cost: Cost{User: seconds64(0.472), Sys: seconds64(0.1), Wall: seconds64(0.6), RSS: 80 * mib}, Result: "ok",
			Target: Target{User: time.Second, RSS: 200 * mib},
			Others: []Other{elsewhere("octoDNS", 23.6, 675), {Name: "yaml", Floor: true, Cost: Cost{User: seconds64(0.2), RSS: 100 * mib}}},
		},
		{
			Work: "read", Cost: Cost{User: seconds64(1), Wall: seconds64(1)}, Target: Target{Times: 2}, Result: "MISSED",
			Others: []Other{{Name: "kzonecheck", Cost: Cost{User: seconds64(0.25)}}, {Name: "ldns-read-zone", Missing: true}},
		},
		{Work: "calls", Cost: Cost{User: seconds64(0.5), Wall: seconds64(0.8)}, Target: Target{Wall: time.Second}, Result: "ok", Others: []Other{elsewhere("octoDNS", 34.3, 0)}},
		{Work: "one record", Note: "1.10 times that of one of few", Cost: Cost{User: 7 * time.Microsecond}, Target: Target{Scale: 1.5}, Result: "ok"},
		{Work: "broken", Error: "exited with 1, not 0", Result: "-"},
	}
	var got bytes.Buffer
	printTable(&got, rows)
	golden.Compare(t, "testdata/table.md", got.Bytes())
}

// TestInputs reads what the generators write: valid, in order, of the promised size, and the same
// records in both formats.
func TestInputs(t *testing.T) {
	t.Parallel()
	const n = 2003
	origin := zone.MustName(bigOrigin)
	var y, b bytes.Buffer
	writeYAML(&y, n)
	writeZoneFile(&b, bigOrigin, n-len(apex), usual)
	fromYAML := octodns.Read("z.yaml", y.Bytes(), origin, octodns.Options{Order: yaml11.NaturalOrder})
	if err := finding.AsError(fromYAML.Findings); err != nil || fromYAML.Zone.Len() != n {
		t.Fatalf("YAML: %v, %d RRsets, want %d", err, fromYAML.Zone.Len(), n)
	}
	fromBIND, err := zonefile.Parse(b.Bytes(), zonefile.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String()[:1000])
	}
	var diff []string
	for c := range zone.Diff(fromYAML.Zone, fromBIND.Zone) {
		diff = append(diff, c.Key().String())
	}
	if want := []string{"example.org. SOA"}; !cmp.Equal(want, diff) {
		t.Errorf("YAML and zone file differ in %s, want %s", strings.Join(diff, ", "), want)
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	got := median([]Cost{{User: 3, RSS: 1}, {User: 1, RSS: 9}, {User: 2, RSS: 5}})
	if want := (Cost{User: 2, RSS: 5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
