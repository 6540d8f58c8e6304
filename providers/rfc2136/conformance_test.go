package rfc2136_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			key := testserver.NewKey(t)
			zones := manyZones(conformance.MaxFresh)
			names := strings.Join(slices.Sorted(maps.Keys(zones)), " ")
			running := s.start(t, zones, key)
			var next atomic.Int64
			conformance.Run(t, conformance.Subject{
				Name: "rfc2136 against " + s.name, Short: "rfc2136 " + s.name,
				Patience:    patience.Limit,
				Unsupported: s.unsupported,
				Elsewhere:   s.elsewhere,
				Values:      s.values,
				Open:        func(t conformance.T) provider.Provider { return open(t, running.Addr, key, "zones", names) },
				Fresh: func(conformance.T) provider.ZoneRef {
					n := next.Add(1) % conformance.MaxFresh
					return provider.ZoneRef{Origin: zone.MustName(fmt.Sprintf("z%d.example.", n))}
				},
				Ask: func(ctx context.Context, k zone.Key) (zone.RRset, bool, error) {
					return ask(ctx, running.Addr, k)
				},
				Kill: func(conformance.T) {
					running.Kill()
					running.Restart(t)
				},
				WrongKey: func(t conformance.T) provider.Provider {
					wrong := *key
					wrong.Secret = "bm90IHRoZSBzZWNyZXQgdGhhdCB0aGUgc2VydmVyIGtub3dz"
					return open(t, running.Addr, &wrong)
				},
				Large: conformance.Soak,
			})
		})
	}
}
