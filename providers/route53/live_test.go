//go:build live

package route53_test

import (
	"os"
	"testing"
	"time"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/route53"
	"github.com/zonecast/zonecast/zone"
)

// TestLive runs the suite against a real account:
//
//	AWS_PROFILE=dns ZONECAST_LIVE_ROUTE53_ZONE=test.example.org go test -tags live -run TestLive -timeout 2h ./providers/route53
//
// The zone is emptied and changed, and at the end put back as it was found. Credentials come from
// where AWS's tools find them. ZONECAST_LIVE_ROUTE53_ID names the hosted zone where there are
// several of the name.
func TestLive(t *testing.T) {
	name := os.Getenv("ZONECAST_LIVE_ROUTE53_ZONE")
	if name == "" {
		t.Skip("set ZONECAST_LIVE_ROUTE53_ZONE to a hosted zone that the suite may empty, and AWS credentials")
	}
	origin, err := zone.ParseName(name)
	if err != nil {
		t.Fatalf("ZONECAST_LIVE_ROUTE53_ZONE: %v", err)
	}
	r := conformance.Run(t, conformance.Subject{
		Name: "route53 (live)", Short: "route53", Keep: true, Patience: 2 * time.Minute, Page: 300,
		Open: func(t conformance.T) provider.Provider {
			p, err := route53.Open(provider.Config{ID: "live"})
			if err != nil {
				t.Fatalf("%v", err)
			}
			return p
		},
		Fresh: func(conformance.T) provider.ZoneRef {
			return provider.ZoneRef{Origin: origin, ID: os.Getenv("ZONECAST_LIVE_ROUTE53_ID")}
		},
		Unsupported: unsupported,
		Elsewhere: map[string]string{
			"Types/Route53Provider/ALIAS": "against the emulation", "Batch": "against the emulation",
			"CreateZone": "needs further zones", "DeleteZone": "needs further zones",
		},
	})
	t.Log("\n" + conformance.Table(r))
}
