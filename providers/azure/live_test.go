//go:build live

package azure_test

import (
	"os"
	"testing"
	"time"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/azure"
	"github.com/zonecast/zonecast/zone"
)

// TestLive runs the suite against a real account:
//
//	ZONECAST_LIVE_AZURE_SUBSCRIPTION=… ZONECAST_LIVE_AZURE_GROUP=dns ZONECAST_LIVE_AZURE_ZONE=test.example.org \
//	  go test -tags live -run TestLive -timeout 4h ./providers/azure
//
// The zone is emptied and changed, and at the end put back as it was found. Credentials come from
// where Azure's tools find them: AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or az
// login. Azure DNS takes 200 changes of a zone in a minute, so it takes long.
func TestLive(t *testing.T) {
	subscription, group, name := os.Getenv("ZONECAST_LIVE_AZURE_SUBSCRIPTION"), os.Getenv("ZONECAST_LIVE_AZURE_GROUP"), os.Getenv("ZONECAST_LIVE_AZURE_ZONE")
	if subscription == "" || group == "" || name == "" {
		t.Skip("set ZONECAST_LIVE_AZURE_SUBSCRIPTION, ZONECAST_LIVE_AZURE_GROUP and ZONECAST_LIVE_AZURE_ZONE to a zone that the suite may empty, and Azure credentials")
	}
	origin, err := zone.ParseName(name)
	if err != nil {
		t.Fatalf("ZONECAST_LIVE_AZURE_ZONE: %v", err)
	}
	values := map[string]provider.Value{"sub_id": {Text: subscription}, "resource_group": {Text: group}}
	r := conformance.Run(t, conformance.Subject{
		Name: "azure (live)", Short: "azure", Keep: true, Patience: 2 * time.Minute, Page: 1000,
		Open: func(t conformance.T) provider.Provider {
			p, err := azure.Open(provider.Config{ID: "live", Values: values})
			if err != nil {
				t.Fatalf("%v", err)
			}
			return p
		},
		Fresh:       func(conformance.T) provider.ZoneRef { return provider.ZoneRef{Origin: origin} },
		Unsupported: unsupported,
		Elsewhere:   map[string]string{"CreateZone": "needs further zones", "DeleteZone": "needs further zones"},
	})
	t.Log("\n" + conformance.Table(r))
}
