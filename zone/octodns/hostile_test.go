package octodns_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone/octodns"
)

// TestHostileInputTakesBoundedTime reads files that make quadratic work of careless loops.
func TestHostileInputTakesBoundedTime(t *testing.T) {
	t.Parallel()
	const n = 20_000
	build := func(head string, line func(i int) string, tail string) []byte {
		var b strings.Builder
		b.WriteString(head)
		for i := range n {
			b.WriteString(line(i))
		}
		return []byte(b.String() + tail)
	}
	for name, data := range map[string][]byte{
		"one record with many bad values": build("a:\n  type: A\n  values:\n", func(i int) string { return fmt.Sprintf("  - x%d\n", i) }, ""),
		"one record with many values":     build("a:\n  type: TXT\n  values:\n", func(i int) string { return fmt.Sprintf("  - \"a;%d\"\n", i) }, ""),
		"chain of fallbacks": build("a:\n  dynamic:\n    pools:\n", func(i int) string {
			return fmt.Sprintf("      p%d: {fallback: p%d, values: [{value: 192.0.2.1}]}\n", i, i+1)
		}, "    rules: [{pool: p0}]\n  type: A\n  value: 192.0.2.1\n"),
		"many rules and geos": build("a:\n  dynamic:\n    pools: {p: {values: [{value: 192.0.2.1}]}}\n    rules:\n", func(i int) string {
			return fmt.Sprintf("    - {pool: p, geos: [NA-%d], subnets: ['2001:db8:%x::/48']}\n", i, i)
		}, "  type: A\n  value: 192.0.2.1\n"),
		"many unknown fields": build("a:\n  type: A\n  value: 192.0.2.1\n", func(i int) string { return fmt.Sprintf("  f%d: 1\n", i) }, ""),
		"many providers":      build("a:\n  type: A\n  value: 192.0.2.1\n  providers:\n", func(i int) string { return fmt.Sprintf("    p%d: 192.0.2.1\n", i) }, ""),
		"a loop of many CNAMEs": build("", func(i int) string {
			return fmt.Sprintf("c%d: {type: CNAME, value: c%d.example.com.}\n", i, (i+1)%n)
		}, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			l := octodns.Read("hostile.yaml", data, origin, octodns.Options{})
			fs := octodns.ZoneCheck{Rules: octodns.RuleSet{Sets: []string{"strict", "best-practice"}}}.Run(l.Zone)
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v for %d bytes", took, len(data))
			} else {
				t.Log(took, len(l.Findings)+len(fs))
			}
			for _, f := range append(l.Findings, fs...) {
				if f.Severity == finding.Error && len(f.Text) > 1000 {
					t.Errorf("a text of %d bytes", len(f.Text))
				}
			}
		})
	}
}
