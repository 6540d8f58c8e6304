package yaml_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/yaml"
	"github.com/zonecast/zonecast/zone"
)

func open(t conformance.T, dir string, options map[string]string) *yaml.Provider {
	t.Helper()
	c := provider.Config{ID: "files", WorkDir: "/nowhere", Values: map[string]provider.Value{"directory": {Text: dir}}}
	for k, v := range options {
		c.Values[k] = provider.Value{Text: v}
	}
	p, err := yaml.Open(c)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return p.(*yaml.Provider)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	short := map[string]string{
		"single": "yaml", "single, simple order, plain semicolons": "yaml simple",
		"split": "yaml split", "split, without catchall": "yaml split .d",
	}
	for name, options := range map[string]map[string]string{
		"single":                                 nil,
		"single, simple order, plain semicolons": {"order_mode": "simple", "escaped_semicolons": "false", "default_ttl": "300"},
		"split":                                  {"split_extension": ".", "disable_zonefile": "true"},
		"split, without catchall":                {"split_extension": ".d", "split_catchall": "false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var zones atomic.Int64
			origin := func() zone.Name { return zone.MustName(fmt.Sprintf("zone%d.example.", zones.Add(1))) }
			const inTests = "TestSurvives: written, read back and planned again with dynamic and geo records of octoDNS's documentation"
			r := conformance.Run(t, conformance.Subject{
				Name: "octoDNS YAML (" + name + ")", Short: short[name],
				Open:  func(t conformance.T) provider.Provider { return open(t, dir, options) },
				Fresh: func(t conformance.T) provider.ZoneRef { return fresh(t, open(t, dir, options), origin()) },
				NewOrigin: func(conformance.T) zone.Name {
					return origin()
				},
				Extras: map[string][2]string{
					"octodns":            {`{"cloudflare":{"proxied":true}}`, `{"excluded":["other"],"lenient":true}`},
					"cloudflare/proxied": {"true", "false"},
					"comment":            {"owned by the web team # really", "two\nlines: \"quoted\""},
				},
				Elsewhere: map[string]string{
					"Dynamic": inTests, "DynamicStatus": inTests, "DynamicSubnets": inTests, "Geo": inTests, "VendorTypes": inTests,
				},
				Large: name == "single" && conformance.Soak,
			})
			if testing.Verbose() {
				t.Log("\n" + conformance.Table(r))
			}
		})
	}
}

// fresh makes a zone as people have it: with NS.
func fresh(t conformance.T, p *yaml.Provider, origin zone.Name) provider.ZoneRef {
	t.Helper()
	base, err := p.CreateZone(t.Context(), origin)
	if err != nil {
		t.Fatalf("%v", err)
	}
	ns := zone.RRset{Owner: origin, Type: zone.TypeNS, TTL: 3600, Data: []zone.Data{zone.Data(zone.MustName("ns1.example.net.").AppendWire(nil))}}
	if _, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{After: &ns}}}); err != nil {
		t.Fatalf("%v", err)
	}
	return base.Info.ZoneRef
}
