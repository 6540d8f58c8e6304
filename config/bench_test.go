package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/config"
)

// BenchmarkLoad reads a configuration of 1,000 and of 10,000 zones.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		var text strings.Builder
		text.WriteString("providers:\n  config: {class: octodns.provider.yaml.YamlProvider, directory: .}\n  cf: {class: octodns_cloudflare.CloudflareProvider}\nzones:\n")
		for i := range n {
			fmt.Fprintf(&text, "  z%d.example.com.:\n    sources:\n      - config\n    targets:\n      - cf\n", i)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cfg, _ := config.Parse("octodns.yaml", []byte(text.String()), config.Options{Env: noEnv})
				if len(cfg.Zones) != n {
					b.Fatalf("%d zones, want %d", len(cfg.Zones), n)
				}
			}
		})
	}
}
