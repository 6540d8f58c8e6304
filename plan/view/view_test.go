package view_test

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/golden"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/plan/view"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// zoneOf reads lines in the form of dnstest.Set.
func zoneOf(t *testing.T, origin, text string) *zone.Zone {
	t.Helper()
	o := zone.MustName(origin)
	b := zone.NewBuilder(o)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		b.Add(dnstest.Set(t, o, line))
	}
	z, err := b.Zone()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func input(t *testing.T, account, origin, observed, desired string) plan.Input {
	t.Helper()
	return plan.Input{
		Target:   plan.Target{Provider: account, Driver: "powerdns", Zone: zone.MustName(origin)},
		Observed: &provider.Snapshot{Sets: zoneOf(t, origin, observed)},
		Desired:  zoneOf(t, origin, desired),
		From:     func(zone.Key) string { return "config" },
	}
}

const (
	dkimOld = `"v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuS0oKJcv5Vt9Z1T7w0c4b5aE2cP3lqQfX8nYw6r9sJt1uKxZbV4mN7dL2oRqGhE8yTfWcPiXvAjSkDzBnMqLpOeRtYuIoPaSdFgHjKlZxCvBnMqWeRtYuIoP" "AaSdFgHjKlQIDAQAB"`
	dkimNew = `"v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuS0oKJcv5Vt9Z1T7w0c4b5aE2cP3lqQfX8nYw6r9sJt1uKxZbV4mN7dL2oRqGhE8yTfWcPiXvAjSkDzBnMqLpOeRtYuIoPaSdFgHjKlZxCvBnMqWeRtYuIoQ" "BaSdFgHjKlQIDAQAB"`
)

// cases are the plans that every view shows.
func cases(t *testing.T) map[string][]*plan.Plan {
	t.Helper()
	mixed := input(t, "knot", "example.org.", `
		@ 3600 NS ns1.example.net. | ns2.example.net.
		@ 3600 MX 10 mx1.example.net. | 20 mx2.example.net.
		@ 3600 TXT "v=spf1 include:_spf.example.net ip4:192.0.2.1 -all"
		www 300 A 192.0.2.1
		old 3600 A 192.0.2.9
		app 300 A 192.0.2.10 <<cloudflare/proxied=false>>
	`, `
		@ 3600 NS ns1.example.net. | ns2.example.net.
		@ 3600 MX 10 mx1.example.net. | 30 mx2.example.net.
		@ 3600 TXT "v=spf1 include:_spf.example.net ip4:198.51.100.7 -all"
		www 60 A 192.0.2.1 | 192.0.2.2
		api 300 CNAME www.example.org.
		app 300 A 192.0.2.10 <<cloudflare/proxied=true;;octodns={"excluded":["x"]}>>
		_sip._tcp 300 SRV 10 20 5060 sip.example.net.
	`)
	other := mixed
	other.Target.Provider, other.Target.Driver = "powerdns", "powerdns"
	held := input(t, "main", "example.net.", many("h", 12), many("h", 6))
	held.Guards = plan.DefaultGuards(plan.DefaultPolicy())
	held.Notes = []finding.Finding{{ID: "ttl-clamped", Severity: finding.Info, Text: "main: TTL 30 becomes 60 there (h1.example.net. A)"}}
	allowed := held
	allowed.Allow = []plan.Allowance{{Guard: "*", Reason: "the rack is gone, ticket 4711"}}
	fresh := input(t, "main", "bücher.example.", "", `
		@ 3600 A 192.0.2.1
		straße 300 TXT "grüße aus der straße"
		例え 300 CNAME www.bücher.example.
	`)
	fresh.Observed = &provider.Snapshot{Sets: fresh.Observed.Sets, Missing: true}
	fresh.DryRun = "always-dry-run"
	return map[string][]*plan.Plan{
		"mixed":   {plan.Compute(mixed), plan.Compute(other)},
		"held":    {plan.Compute(held)},
		"allowed": {plan.Compute(allowed)},
		"unicode": {plan.Compute(fresh)},
		"longtxt": {plan.Compute(input(t, "main", "example.org.", "k1._domainkey 3600 TXT "+dkimOld, "k1._domainkey 3600 TXT "+dkimNew))},
		"hostile": {plan.Compute(input(t, "main", "example.org.", "", `x 300 TXT "</td><script>alert(1)</script> `+"```"+` @everyone |[a](b) \027[31m"`))},
		"nothing": {plan.Compute(input(t, "knot", "example.org.", "www 300 A 192.0.2.1", "www 300 A 192.0.2.1"))},
		"none":    nil,
	}
}

func many(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(prefix + string(rune('a'+i)) + " 300 A 192.0.2.1\n")
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	t.Parallel()
	octo := view.OctoDNS{Class: func(plan.Target) string { return "PowerDnsProvider" }, Indent: "  "}
	views := map[string]func(io.Writer, []*plan.Plan) error{
		"txt":            func(w io.Writer, p []*plan.Plan) error { return view.Text(w, p, view.Style{}) },
		"narrow.txt":     func(w io.Writer, p []*plan.Plan) error { return view.Text(w, p, view.Style{Width: 60}) },
		"colour.txt":     func(w io.Writer, p []*plan.Plan) error { return view.Text(w, p, view.Style{Colour: true, Width: 100}) },
		"json":           view.JSON,
		"md":             view.Markdown,
		"html":           view.HTML,
		"octodns.txt":    octo.Logger,
		"octodns.json":   octo.JSON,
		"octodns.1.json": view.OctoDNS{}.JSON,
		"octodns.md":     octo.Markdown,
		"octodns.html":   octo.HTML,
	}
	for name, plans := range cases(t) {
		for ext, show := range views {
			t.Run(name+"."+ext, func(t *testing.T) {
				t.Parallel()
				var got bytes.Buffer
				if err := show(&got, plans); err != nil {
					t.Fatal(err)
				}
				golden.Compare(t, filepath.Join("testdata", name+"."+ext), got.Bytes())
			})
		}
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	fs := []finding.Finding{
		{
			ID: "mx-relative", Severity: finding.Error, Place: finding.Place{File: "zones/example.org.yaml", Line: 14, Col: 9},
			Text: `MX exchange "mail" is relative`, Fix: `write "mail.example.org."`,
		},
		{ID: "ttl-low", Severity: finding.Warning, Text: "TTL 5 is very low"},
		{ID: "note", Text: "two\nlines and \x1b[31mcolour"},
	}
	var plain, coloured bytes.Buffer
	if err := view.Findings(&plain, fs, view.Style{}); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, filepath.Join("testdata", "findings.txt"), plain.Bytes())
	if err := view.Findings(&coloured, fs, view.Style{Colour: true}); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, filepath.Join("testdata", "findings.colour.txt"), coloured.Bytes())
}

func TestViewsOfAReadPlanAreTheSame(t *testing.T) {
	t.Parallel()
	for name, plans := range cases(t) {
		var file, before, after bytes.Buffer
		for _, p := range plans {
			p.Made = time.Date(2026, 11, 21, 4, 30, 0, 0, time.UTC)
		}
		if err := plan.Encode(&file, plans); err != nil {
			t.Fatal(err)
		}
		read, err := plan.Decode(&file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := view.Text(&before, plans, view.Style{}); err != nil {
			t.Fatal(err)
		}
		if err := view.Text(&after, read, view.Style{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before.String(), after.String()); diff != "" {
			t.Errorf("%s reads differently after saving (-before +after):\n%s", name, diff)
		}
	}
}

func BenchmarkHundredThousandChanges(b *testing.B) {
	origin := zone.MustName("example.org.")
	bld := zone.NewBuilder(origin)
	for i := range 100_000 {
		owner, err := origin.Child(fmt.Sprintf("host-%07d", i))
		if err != nil {
			b.Fatal(err)
		}
		bld.Add(zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 300, Data: []zone.Data{zone.Data([]byte{192, 0, 2, byte(i)})}})
	}
	z, err := bld.Zone()
	if err != nil {
		b.Fatal(err)
	}
	plans := []*plan.Plan{plan.Compute(plan.Input{Target: plan.Target{Zone: origin}, Observed: &provider.Snapshot{Sets: zone.Empty(origin)}, Desired: z})}
	for name, show := range map[string]func(io.Writer, []*plan.Plan) error{
		"text":    func(w io.Writer, p []*plan.Plan) error { return view.Text(w, p, view.Style{Width: 100, Colour: true}) },
		"json":    view.JSON,
		"html":    view.HTML,
		"octodns": view.OctoDNS{}.Logger,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := show(io.Discard, plans); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
