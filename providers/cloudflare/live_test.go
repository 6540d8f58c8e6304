//go:build live

package cloudflare_test

import (
	"os"
	"testing"
	"time"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/cloudflare"
	"github.com/zonecast/zonecast/zone"
)

// TestLive runs the suite against a real account:
//
//	ZONECAST_LIVE_CLOUDFLARE_TOKEN=… ZONECAST_LIVE_CLOUDFLARE_ZONE=test.example.org \
//	  go test -tags live -run TestLive -timeout 2h ./providers/cloudflare
//
// The zone is emptied and changed, and at the end put back as it was found. It should be of a paid
// plan: free zones hold 200 records, and the suite writes 1,200. ZONECAST_LIVE_CLOUDFLARE_ACCOUNT
// names the account where the token sees several.
func TestLive(t *testing.T) {
	token, name := os.Getenv("ZONECAST_LIVE_CLOUDFLARE_TOKEN"), os.Getenv("ZONECAST_LIVE_CLOUDFLARE_ZONE")
	if token == "" || name == "" {
		t.Skip("set ZONECAST_LIVE_CLOUDFLARE_TOKEN to an API token, and ZONECAST_LIVE_CLOUDFLARE_ZONE to a zone that the suite may empty")
	}
	origin, err := zone.ParseName(name)
	if err != nil {
		t.Fatalf("ZONECAST_LIVE_CLOUDFLARE_ZONE: %v", err)
	}
	values := map[string]provider.Value{"token": {Text: token}}
	if id := os.Getenv("ZONECAST_LIVE_CLOUDFLARE_ACCOUNT"); id != "" {
		values["account_id"] = provider.Value{Text: id}
	}
	r := conformance.Run(t, conformance.Subject{
		Name: "cloudflare (live)", Short: "cloudflare", Keep: true, Patience: 2 * time.Minute, Page: 5000,
		Open: func(t conformance.T) provider.Provider {
			p, err := cloudflare.Open(provider.Config{ID: "live", Values: values})
			if err != nil {
				t.Fatalf("%v", err)
			}
			return p
		},
		Fresh: func(conformance.T) provider.ZoneRef { return provider.ZoneRef{Origin: origin} },
		Extras: map[string][2]string{"octodns": {
			`{"cloudflare":{"comment":"of both <ends> & \"more\""}}`, `{"cloudflare":{"auto-ttl":true,"comment":"Ünïcode"}}`,
		}},
		Unsupported: unsupported,
		Elsewhere: map[string]string{
			"Batch": "against the emulation", "CreateZone": "needs further zones", "DeleteZone": "needs further zones",
			"Types/DNSKEY": "needs multi-signer DNSSEC",
		},
	})
	t.Log("\n" + conformance.Table(r))
}
