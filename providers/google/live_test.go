//go:build live

package google_test

import (
	"os"
	"testing"
	"time"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/google"
	"github.com/zonecast/zonecast/zone"
)

// TestLive runs the suite against a real project:
//
//	ZONECAST_LIVE_GOOGLE_PROJECT=my-project ZONECAST_LIVE_GOOGLE_ZONE=test.example.org \
//	  go test -tags live -run TestLive -timeout 2h ./providers/google
//
// The zone is emptied and changed, and at the end put back as it was found. Credentials are those
// of ZONECAST_LIVE_GOOGLE_CREDENTIALS, a key file, or else Application Default Credentials.
// ZONECAST_LIVE_GOOGLE_NAME names the managed zone where there are several of the DNS name.
func TestLive(t *testing.T) {
	project, name := os.Getenv("ZONECAST_LIVE_GOOGLE_PROJECT"), os.Getenv("ZONECAST_LIVE_GOOGLE_ZONE")
	if project == "" || name == "" {
		t.Skip("set ZONECAST_LIVE_GOOGLE_PROJECT to a project, and ZONECAST_LIVE_GOOGLE_ZONE to the DNS name of a zone of it that the suite may empty")
	}
	origin, err := zone.ParseName(name)
	if err != nil {
		t.Fatalf("ZONECAST_LIVE_GOOGLE_ZONE: %v", err)
	}
	conf := provider.Config{ID: "live", Values: map[string]provider.Value{"project": {Text: project}}}
	if file := os.Getenv("ZONECAST_LIVE_GOOGLE_CREDENTIALS"); file != "" {
		conf.Values["credentials_file"] = provider.Value{Text: file}
	}
	r := conformance.Run(t, conformance.Subject{
		Name: "google (live)", Short: "google", Keep: true, Patience: 2 * time.Minute, Page: 1000,
		Open: func(t conformance.T) provider.Provider {
			p, err := google.Open(conf)
			if err != nil {
				t.Fatalf("%v", err)
			}
			return p
		},
		Fresh: func(conformance.T) provider.ZoneRef {
			return provider.ZoneRef{Origin: origin, ID: os.Getenv("ZONECAST_LIVE_GOOGLE_NAME")}
		},
		Unsupported: unsupported,
		Elsewhere: map[string]string{
			"Batch": "against the emulation", "CreateZone": "needs further zones", "DeleteZone": "needs further zones",
		},
	})
	t.Log("\n" + conformance.Table(r))
}
