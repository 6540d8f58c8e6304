package google_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/api/dns/v1"

	"github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/zone"
)

// "The name must be 1-63 characters long, must begin with a letter, end with a letter or digit, and
// only contain lowercase letters, digits or dashes", and what else a zone has to be:
// https://cloud.google.com/dns/docs/reference/rest/v1/managedZones,
// https://cloud.google.com/dns/docs/error-messages.
func TestZoneRules(t *testing.T) {
	t.Parallel()
	_, c, _ := start(t, google.Options{})
	newZone(t, c, "taken", "taken.example.")
	send := []string{"Description"}
	for _, tt := range []struct {
		what   string
		zone   *dns.ManagedZone
		code   int
		reason string
		text   string
	}{
		{"same name", &dns.ManagedZone{Name: "taken", DnsName: "b.example.", Description: "x"}, 409, "alreadyExists", "'entity.managedZone' named 'taken' already exists"},
		{"upper case", &dns.ManagedZone{Name: "Taken", DnsName: "b.example.", Description: "x"}, 400, "invalid", "'entity.managedZone.name': 'Taken'"},
		{"digit first", &dns.ManagedZone{Name: "1a", DnsName: "b.example.", Description: "x"}, 400, "invalid", "entity.managedZone.name"},
		{"dash last", &dns.ManagedZone{Name: "a-", DnsName: "b.example.", Description: "x"}, 400, "invalid", "entity.managedZone.name"},
		{"64 characters", &dns.ManagedZone{Name: strings.Repeat("a", 64), DnsName: "b.example.", Description: "x"}, 400, "invalid", "entity.managedZone.name"},
		{"no final dot", &dns.ManagedZone{Name: "b", DnsName: "b.example", Description: "x"}, 400, "invalid", "'entity.managedZone.dnsName': 'b.example'"},
		{"no DNS name", &dns.ManagedZone{Name: "b", Description: "x"}, 400, "required", "'entity.managedZone.dnsName' parameter is required but was missing"},
		{"no description", &dns.ManagedZone{Name: "b", DnsName: "b.example."}, 400, "required", "entity.managedZone.description"},
		{"root", &dns.ManagedZone{Name: "b", DnsName: ".", Description: "x"}, 400, "managedZoneDnsNameNotAvailable", "not available"},
		{"com", &dns.ManagedZone{Name: "b", DnsName: "com.", Description: "x"}, 400, "managedZoneDnsNameNotAvailable", "not available"},
		{"co.uk", &dns.ManagedZone{Name: "b", DnsName: "co.uk.", Description: "x"}, 400, "managedZoneDnsNameNotAvailable", "not available"},
		{"visibility", &dns.ManagedZone{Name: "b", DnsName: "b.example.", Description: "x", Visibility: "secret"}, 400, "invalid", "visibility"},
		{"long description", &dns.ManagedZone{Name: "b", DnsName: "b.example.", Description: strings.Repeat("x", 1025)}, 400, "invalid", "description"},
		{"name server set", &dns.ManagedZone{Name: "b", DnsName: "b.example.", Description: "x", NameServerSet: "mine"}, 400, "invalid", "nameServerSet"},
		{"networks of a public zone", &dns.ManagedZone{Name: "b", DnsName: "b.example.", Description: "x", PrivateVisibilityConfig: &dns.ManagedZonePrivateVisibilityConfig{}}, 400, "invalid", "privateVisibilityConfig"},
		{"label", &dns.ManagedZone{Name: "b", DnsName: "b.example.", Description: "x", Labels: map[string]string{"Team": "dns"}}, 400, "invalid", "labels"},
		{"DNSSEC state", &dns.ManagedZone{Name: "b", DnsName: "b.example.", Description: "x", DnssecConfig: &dns.ManagedZoneDnsSecConfig{State: "maybe"}}, 400, "invalid", "dnssecConfig.state"},
		{"DNSSEC algorithm", &dns.ManagedZone{Name: "b", DnsName: "b.example.", Description: "x", DnssecConfig: &dns.ManagedZoneDnsSecConfig{State: "on", DefaultKeySpecs: []*dns.DnsKeySpec{{Algorithm: "dsa", KeyType: "keySigning", KeyLength: 1024}}}}, 400, "invalid", "defaultKeySpecs[0]"},
	} {
		_, err := c.ManagedZones.Create(project, tt.zone).Do()
		wantError(t, tt.what, err, tt.code, tt.reason, tt.text)
	}
	if _, err := c.ManagedZones.Create(project, &dns.ManagedZone{Name: "b", DnsName: "b.example.", ForceSendFields: send}).Do(); err != nil {
		t.Errorf("an empty description that is sent: %v", err)
	}
	_, err := c.ManagedZones.Get(project, "nowhere").Do()
	wantError(t, "unknown zone", err, 404, "notFound", "The 'parameters.managedZone' resource named 'nowhere' does not exist.")
	wantError(t, "delete an unknown zone", c.ManagedZones.Delete(project, "nowhere").Do(), 404, "notFound", "")
}

// A zone of a name that is there already gets another shard's name servers, until all are taken:
// https://cloud.google.com/dns/quotas#name_server_limits.
func TestShards(t *testing.T) {
	t.Parallel()
	_, c, _ := start(t, google.Options{})
	for i, letter := range "abcde" {
		z := newZone(t, c, fmt.Sprintf("z%d", i), "same.example.")
		if want := fmt.Sprintf("ns-cloud-%c4.googledomains.com.", letter); z.NameServers[3] != want {
			t.Errorf("zone %d: got %v, want …, %s", i, z.NameServers, want)
		}
	}
	_, err := c.ManagedZones.Create(project, &dns.ManagedZone{Name: "z5", DnsName: "same.example.", Description: "x"}).Do()
	wantError(t, "no shard left", err, 400, "managedZoneDnsNameNotAvailable", "")
}

// Zones are found by name and by id, listed in pages, and filtered by DNS name:
// https://cloud.google.com/dns/docs/reference/rest/v1/managedZones/list.
func TestZoneList(t *testing.T) {
	t.Parallel()
	svc, c, _ := start(t, google.Options{PageSize: 10})
	for i := range 25 {
		newZone(t, c, fmt.Sprintf("zone-%02d", i), fmt.Sprintf("n%02d.example.", i))
	}
	for _, tt := range []struct{ size, want, calls int64 }{{0, 25, 3}, {7, 25, 4}, {5, 25, 5}, {1000, 25, 3}} {
		svc.Panel().Forget()
		var names []string
		call := c.ManagedZones.List(project)
		if tt.size > 0 {
			call = call.MaxResults(tt.size)
		}
		err := call.Pages(t.Context(), func(p *dns.ManagedZonesListResponse) error {
			for _, z := range p.ManagedZones {
				names = append(names, z.Name)
			}
			return nil
		})
		if err != nil || int64(len(names)) != tt.want || svc.Panel().Total() != tt.calls {
			t.Errorf("pages of %d: got %d zones in %d calls, %v; want %d in %d", tt.size, len(names), svc.Panel().Total(), err, tt.want, tt.calls)
		}
	}
	p, err := c.ManagedZones.List(project).DnsName("N07.example.").Do()
	if err != nil || len(p.ManagedZones) != 1 || p.ManagedZones[0].Name != "zone-07" {
		t.Fatalf("dnsName: got %v, %v", p, err)
	}
	if z, err := c.ManagedZones.Get(project, strconv.FormatUint(p.ManagedZones[0].Id, 10)).Do(); err != nil || z.Name != "zone-07" {
		t.Errorf("by id: got %v, %v", z, err)
	}
	_, err = c.ManagedZones.List(project).PageToken("forged").Do()
	wantError(t, "forged token", err, 400, "invalid", "parameters.pageToken")
	_, err = c.ManagedZones.List(project).MaxResults(-1).Do()
	wantError(t, "negative page", err, 400, "invalid", "parameters.maxResults")
	_, err = c.ManagedZones.List(project).DnsName("n07.example").Do()
	wantError(t, "dnsName without a dot", err, 400, "invalid", "parameters.dnsName")
}

// Private zones have other name servers, and nobody outside sees them:
// https://cloud.google.com/dns/docs/zones/zones-overview.
func TestPrivateZone(t *testing.T) {
	t.Parallel()
	svc, c, _ := start(t, google.Options{})
	z, err := c.ManagedZones.Create(project, &dns.ManagedZone{
		Name: "p", DnsName: "corp.example.", Description: "x", Visibility: "private",
		PrivateVisibilityConfig: &dns.ManagedZonePrivateVisibilityConfig{Networks: []*dns.ManagedZonePrivateVisibilityConfigNetwork{{NetworkUrl: "https://www.googleapis.com/compute/v1/projects/p/global/networks/default"}}},
	}).Do()
	if err != nil {
		t.Fatal(err)
	}
	if z.Visibility != "private" || len(z.NameServers) != 1 || len(z.PrivateVisibilityConfig.Networks) != 1 {
		t.Errorf("got %+v", z)
	}
	change(t, c, "p", []*dns.ResourceRecordSet{rrset("a.corp.example.", "A", 60, "192.0.2.1")}, nil)
	if n := svc.Names().Count(); n != 0 {
		t.Errorf("%d zones shown, want 0", n)
	}
	_, err = c.ManagedZones.Patch(project, "p", &dns.ManagedZone{DnssecConfig: &dns.ManagedZoneDnsSecConfig{State: "on"}}).Do()
	wantError(t, "DNSSEC of a private zone", err, 400, "invalid", "dnssecConfig")
}

// A patch changes what it gives and answers with an operation; names and visibility stay:
// https://cloud.google.com/dns/docs/reference/rest/v1/managedZones/patch.
func TestZonePatch(t *testing.T) {
	t.Parallel()
	_, c, _ := start(t, google.Options{})
	newZone(t, c, "z", "z.example.")
	op, err := c.ManagedZones.Patch(project, "z", &dns.ManagedZone{Description: "new", Labels: map[string]string{"team": "dns"}}).ClientOperationId("mine").Do()
	if err != nil {
		t.Fatal(err)
	}
	if op.Id != "mine" || op.Type != "update" || op.ZoneContext.OldValue.Description != "a zone" || op.ZoneContext.NewValue.Description != "new" || !strings.HasSuffix(op.User, ".iam.gserviceaccount.com") {
		t.Errorf("operation: got %+v", op)
	}
	if op, err = c.ManagedZoneOperations.Get(project, "z", "mine").Do(); err != nil || op.Status != "done" {
		t.Errorf("operation: got %v, %v, want done", op, err)
	}
	ops, err := c.ManagedZoneOperations.List(project, "z").MaxResults(1).Do()
	if err != nil || len(ops.Operations) != 1 || ops.Operations[0].Type != "create" || ops.NextPageToken == "" {
		t.Fatalf("operations: got %+v, %v", ops, err)
	}
	if ops, err = c.ManagedZoneOperations.List(project, "z").PageToken(ops.NextPageToken).Do(); err != nil || len(ops.Operations) != 1 || ops.Operations[0].Id != "mine" {
		t.Errorf("operations, page 2: got %+v, %v", ops, err)
	}
	z, err := c.ManagedZones.Get(project, "z").Do()
	if err != nil || z.Description != "new" || z.Labels["team"] != "dns" {
		t.Errorf("got %+v, %v", z, err)
	}
	z.Description = "whole"
	if _, err := c.ManagedZones.Update(project, "z", z).Do(); err != nil { // with all that the service sets
		t.Errorf("update: %v", err)
	}
	for what, in := range map[string]*dns.ManagedZone{"name": {Name: "y"}, "dnsName": {DnsName: "y.example."}, "visibility": {Visibility: "private"}} {
		_, err := c.ManagedZones.Patch(project, "z", in).Do()
		wantError(t, what, err, 400, "invalid", "entity.managedZone."+what)
	}
}

// Keys come with DNSSEC, in the documented default algorithms; settings change only while it is off:
// https://cloud.google.com/dns/docs/dnssec-config, https://cloud.google.com/dns/docs/dnssec-advanced.
func TestDNSSEC(t *testing.T) {
	t.Parallel()
	_, c, _ := start(t, google.Options{})
	newZone(t, c, "z", "z.example.")
	if keys, err := c.DnsKeys.List(project, "z").Do(); err != nil || len(keys.DnsKeys) != 0 {
		t.Errorf("keys while off: got %v, %v", keys, err)
	}
	state := func(s string, more ...func(*dns.ManagedZoneDnsSecConfig)) error {
		d := &dns.ManagedZoneDnsSecConfig{State: s}
		for _, f := range more {
			f(d)
		}
		_, err := c.ManagedZones.Patch(project, "z", &dns.ManagedZone{DnssecConfig: d}).Do()
		return err
	}
	dnskey := []*dns.ResourceRecordSet{rrset("z.example.", "DNSKEY", 300, "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==")}
	_, err := c.Changes.Create(project, "z", &dns.Change{Additions: dnskey}).Do()
	wantError(t, "DNSKEY while off", err, 400, "invalid", "'transfer'")
	if err := state("on"); err != nil {
		t.Fatal(err)
	}
	keys, err := c.DnsKeys.List(project, "z").DigestType("sha1,sha256,sha384").Do()
	if err != nil || len(keys.DnsKeys) != 2 {
		t.Fatalf("keys: got %v, %v", keys, err)
	}
	ksk, zsk := keys.DnsKeys[0], keys.DnsKeys[1]
	if ksk.Type != "keySigning" || ksk.Algorithm != "rsasha256" || ksk.KeyLength != 2048 || len(ksk.Digests) != 3 || !ksk.IsActive || len(zsk.Digests) != 0 {
		t.Errorf("keys: got %+v, %+v", ksk, zsk)
	}
	if one, err := c.DnsKeys.Get(project, "z", ksk.Id).Do(); err != nil || one.KeyTag != ksk.KeyTag || one.Digests[0].Digest != ksk.Digests[1].Digest {
		t.Errorf("key: got %v, %v", one, err)
	}
	wantError(t, "other denial while on", state("on", func(d *dns.ManagedZoneDnsSecConfig) { d.NonExistence = "nsec" }), 400, "invalid", "nonExistence")
	_, err = c.Changes.Create(project, "z", &dns.Change{Additions: []*dns.ResourceRecordSet{rrset("z.example.", "ALIAS", 60, "target.example.")}}).Do()
	wantError(t, "ALIAS while on", err, 400, "invalid", "DNSSEC")
	if err := state("transfer"); err != nil {
		t.Fatal(err)
	}
	change(t, c, "z", dnskey, nil)
	_, err = c.DnsKeys.Get(project, "z", "99").Do()
	wantError(t, "unknown key", err, 404, "notFound", "parameters.dnsKeyId")
}

// An ALIAS is at the apex only, is answered as addresses, and excludes DNSSEC:
// https://cloud.google.com/dns/docs/records-overview#alias-records.
func TestAlias(t *testing.T) {
	t.Parallel()
	svc, c, _ := start(t, google.Options{})
	newZone(t, c, "z", "z.example.")
	apex := zone.MustName("z.example.")
	addresses := func() string {
		z, _ := svc.Names().Find(apex)
		a, _ := z.Set(apex, zone.TypeA)
		six, _ := z.Set(apex, zone.TypeAAAA)
		if _, ok := z.Set(apex, zone.TypeALIAS); ok {
			t.Error("the name servers show the ALIAS itself")
		}
		return fmt.Sprintf("%d %x %d", a.TTL, a.Data, len(six.Data))
	}
	alias := []*dns.ResourceRecordSet{rrset("z.example.", "ALIAS", 60, "Web.z.example.")}
	change(t, c, "z", alias, nil)
	if got := addresses(); !strings.HasPrefix(got, "60 [") || !strings.HasSuffix(got, "1") {
		t.Errorf("target elsewhere: got %q, want one made-up address each", got)
	}
	change(t, c, "z", []*dns.ResourceRecordSet{rrset("web.z.example.", "A", 30, "192.0.2.9")}, nil)
	if got, want := addresses(), "30 [c0000209] 0"; got != want {
		t.Errorf("target in the zone: got %q, want %q", got, want)
	}
	_, err := c.ManagedZones.Patch(project, "z", &dns.ManagedZone{DnssecConfig: &dns.ManagedZoneDnsSecConfig{State: "on"}}).Do()
	wantError(t, "DNSSEC beside an ALIAS", err, 400, "invalid", "dnssecConfig.state")
	_, err = c.Changes.Create(project, "z", &dns.Change{Additions: []*dns.ResourceRecordSet{rrset("z.example.", "A", 60, "192.0.2.1")}}).Do()
	wantError(t, "A beside an ALIAS", err, 400, "invalid", "'ALIAS'")
	_, err = c.Changes.Create(project, "z", &dns.Change{Additions: []*dns.ResourceRecordSet{rrset("b.z.example.", "ALIAS", 60, "web.z.example.")}}).Do()
	wantError(t, "ALIAS below the apex", err, 400, "invalid", "apex")
	change(t, c, "z", nil, alias)
	if got, want := addresses(), "0 [] 0"; got != want {
		t.Errorf("after its deletion: got %q, want %q", got, want)
	}
}

// The quotas that clients see are those that bind: https://cloud.google.com/dns/quotas.
func TestProject(t *testing.T) {
	t.Parallel()
	_, c, _ := start(t, google.Options{Quota: google.Quota{ManagedZones: 1}})
	p, err := c.Projects.Get(project).Do()
	if err != nil {
		t.Fatal(err)
	}
	q := p.Quota
	if q.RrsetsPerManagedZone != 10_000 || q.RrsetAdditionsPerChange != 1000 || q.RrsetDeletionsPerChange != 1000 || q.TotalRrdataSizePerChange != 100_000 || q.ResourceRecordsPerRrset != 100 || q.ManagedZones != 1 || len(q.WhitelistedKeySpecs) == 0 {
		t.Errorf("quota: got %+v", q)
	}
	newZone(t, c, "a", "a.example.")
	_, err = c.ManagedZones.Create(strconv.FormatUint(p.Number, 10), &dns.ManagedZone{Name: "b", DnsName: "b.example.", Description: "x"}).Do()
	wantError(t, "beyond the quota of zones", err, http.StatusForbidden, "quotaExceeded", "managed zones")
	_, err = c.Projects.Get("another-project").Do()
	wantError(t, "a stranger's project", err, http.StatusForbidden, "forbidden", "Forbidden")
}
