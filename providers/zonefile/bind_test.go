package zonefile_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// TestBINDServesWhatIsWritten runs the suite on a folder that a real BIND reads.
func TestBINDServesWhatIsWritten(t *testing.T) {
	t.Parallel()
	const origin = "example.org."
	s := testserver.BIND(t, testserver.BINDOptions{
		Zones:       map[string]string{origin: "@ 3600 SOA ns1.example.net. hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns1.example.net.\n"},
		ZoneOptions: "check-names ignore; check-integrity no; check-spf ignore; check-wildcard no; check-dup-records ignore; max-records-per-type 0;",
	})
	const withKey = "BIND loads CDS and CDNSKEY only beside the DNSKEY that they belong to"
	// A signal that reaches BIND while it is still loading an earlier file is lost; on a busy machine
	// that happens. Who waits for new data for two seconds asks for another reload.
	var mu sync.Mutex
	last := time.Now()
	reload := func() {
		mu.Lock()
		defer mu.Unlock()
		last = time.Now()
		s.Reload(t)
	}
	at := conformance.AskAt(s.Addr)
	ask := func(ctx context.Context, k zone.Key) (zone.RRset, bool, error) {
		mu.Lock()
		late := time.Since(last) > 2*time.Second && s.Running()
		mu.Unlock()
		if late {
			reload()
		}
		return at(ctx, k)
	}
	conformance.Run(t, conformance.Subject{
		Name: "zonefile (real BIND)", Short: "zonefile BIND",
		Open: func(t conformance.T) provider.Provider {
			return open(t, s.Dir, map[string]string{"file_extension": ".zone", "dns_address": s.Addr})
		},
		Fresh:       func(conformance.T) provider.ZoneRef { return provider.ZoneRef{Origin: zone.MustName(origin)} },
		Ask:         ask,
		Patience:    time.Minute,
		Kill:        func(conformance.T) { s.Kill(); s.Restart(t) },
		Unsupported: map[string]string{"type CDS": withKey, "type CDNSKEY": withKey},
		Elsewhere: map[string]string{
			"CreateZone": "TestConformance", "DeleteZone": "TestConformance",
			"Types/CDS": "TestConformance", "Types/CDNSKEY": "TestConformance",
		},
		After: func(conformance.T) { reload() },
	})
}
