package main

// Adapters join by being imported: each registers itself with package provider or config.
import (
	_ "github.com/zonecast/zonecast/providers/azure"
	_ "github.com/zonecast/zonecast/providers/cloudflare"
	_ "github.com/zonecast/zonecast/providers/google"
	_ "github.com/zonecast/zonecast/providers/powerdns"
	_ "github.com/zonecast/zonecast/providers/rfc2136"
	_ "github.com/zonecast/zonecast/providers/route53"
	_ "github.com/zonecast/zonecast/providers/yaml"
	_ "github.com/zonecast/zonecast/providers/zonecast"
	_ "github.com/zonecast/zonecast/providers/zonefile"
)
