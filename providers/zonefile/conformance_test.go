package zonefile_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/zonefile"
	"github.com/zonecast/zonecast/zone"
)

func open(t conformance.T, dir string, options map[string]string) provider.Provider {
	t.Helper()
	c := provider.Config{ID: "files", WorkDir: "/nowhere", Values: map[string]provider.Value{"directory": {Text: dir}}}
	for k, v := range options {
		c.Values[k] = provider.Value{Text: v}
	}
	p, err := zonefile.Open(c)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return p
}

func TestConformance(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var zones atomic.Int64
	origin := func() zone.Name { return zone.MustName(fmt.Sprintf("zone%d.example.", zones.Add(1))) }
	r := conformance.Run(t, conformance.Subject{
		Name: "zonefile (folder)",
		Open: func(t conformance.T) provider.Provider { return open(t, dir, nil) },
		Fresh: func(t conformance.T) provider.ZoneRef {
			o := origin()
			p := open(t, dir, nil)
			base, err := p.(provider.ZoneCreator).CreateZone(t.Context(), o)
			if err != nil {
				t.Fatalf("%v", err)
			}
			ns := zone.RRset{Owner: o, Type: zone.TypeNS, TTL: 3600, Data: []zone.Data{zone.Data(zone.MustName("ns1.example.net.").AppendWire(nil))}}
			if _, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{After: &ns}}}); err != nil {
				t.Fatalf("%v", err)
			}
			return base.Info.ZoneRef
		},
		NewOrigin: func(conformance.T) zone.Name { return origin() },
		Large:     conformance.Soak,
	})
	if testing.Verbose() {
		t.Log("\n" + conformance.Table(r))
	}
}
