package octodns_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
)

// bigFile has n records of the common types in some 5.2 lines each.
func bigFile(n int) []byte {
	var b strings.Builder
	b.WriteString("---\n")
	for i := range n {
		fmt.Fprintf(&b, "host%d:\n", i)
		switch i % 10 {
		case 0:
			fmt.Fprintf(&b, "  ttl: 300\n  type: CNAME\n  value: target%d.example.net.\n", i)
		case 1:
			fmt.Fprintf(&b, "  ttl: 300\n  type: TXT\n  values:\n  - v=DKIM1\\; k=rsa\\; p=MIGfMA0%d\n  - some other text %d\n", i, i)
		case 2:
			fmt.Fprintf(&b, "  type: MX\n  values:\n  - exchange: mx1.example.net.\n    preference: 10\n  - exchange: mx2.example.net.\n    preference: 20\n")
		case 3:
			fmt.Fprintf(&b, "  ttl: 600\n  type: AAAA\n  value: 2001:db8::%x\n", i&0xffff)
		default:
			fmt.Fprintf(&b, "  ttl: 3600\n  type: A\n  values:\n  - 192.0.%d.%d\n  - 198.51.%d.%d\n", i>>8&255, i&255, i>>8&255, i&255)
		}
	}
	return []byte(b.String())
}

func BenchmarkRead100k(b *testing.B) {
	data := bigFile(100_000)
	origin := zone.MustName("example.com.")
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		l := octodns.Read("big.yaml", data, origin, octodns.Options{Order: yaml11.NaturalOrder})
		if l.Zone.Len() != 100_000 || finding.AsError(l.Findings) != nil {
			b.Fatal(l.Zone.Len(), len(l.Findings))
		}
	}
}

// BenchmarkEntriesOnly is the part of Read that is spent in the YAML reader.
func BenchmarkEntriesOnly(b *testing.B) {
	data := bigFile(100_000)
	b.ReportAllocs()
	for b.Loop() {
		yaml11.Entries("big.yaml", data, yaml11.Options{Order: yaml11.NaturalOrder}, func(yaml11.Key) bool { return true })
	}
}

func BenchmarkZoneRules100k(b *testing.B) {
	l := octodns.Read("big.yaml", bigFile(100_000), zone.MustName("example.com."), octodns.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if fs := (octodns.ZoneCheck{Place: l.Places.Of}).Run(l.Zone); len(fs) != 0 {
			b.Fatal(fs[0])
		}
	}
}

func BenchmarkWrite100k(b *testing.B) {
	l := octodns.Read("big.yaml", bigFile(100_000), zone.MustName("example.com."), octodns.Options{})
	b.ReportAllocs()
	for b.Loop() {
		octodns.Write(l.Zone, octodns.Options{})
	}
}
