package google_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/dns/v1"

	"github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/zone"
)

// Single sets are created, read, patched and deleted like changes of one set:
// https://cloud.google.com/dns/docs/reference/rest/v1/resourceRecordSets.
func TestSingleSets(t *testing.T) {
	t.Parallel()
	_, c, _ := start(t, google.Options{})
	newZone(t, c, "z", "z.example.")
	rr := c.ResourceRecordSets
	made, err := rr.Create(project, "z", rrset("*.z.example.", "TXT", 60, "x")).Do()
	if err != nil || line(made) != `*.z.example. TXT 60 "x"` {
		t.Fatalf("create: got %v, %v", made, err)
	}
	_, err = rr.Create(project, "z", rrset("*.z.example.", "TXT", 60, "x")).Do()
	wantError(t, "create twice", err, 409, "alreadyExists", "The resource 'entity.rrset' named '*.z.example. (TXT)' already exists")
	_, err = rr.Create(project, "z", rrset("*.z.example.", "CNAME", 60, "z.example.")).Do()
	wantError(t, "conflict", err, 400, "cnameResourceRecordSetConflict", "'entity.rrset'")
	if got, err := rr.Patch(project, "z", "*.z.example.", "TXT", &dns.ResourceRecordSet{Ttl: 90}).Do(); err != nil || line(got) != `*.z.example. TXT 90 "x"` {
		t.Errorf("patch the TTL: got %v, %v", got, err)
	}
	if got, err := rr.Patch(project, "z", "*.z.example.", "TXT", rrset("*.z.example.", "TXT", 90, `"y"`)).Do(); err != nil || line(got) != `*.z.example. TXT 90 "y"` {
		t.Errorf("patch the data: got %v, %v", got, err)
	}
	if got, err := rr.Get(project, "z", "*.z.example.", "TXT").Do(); err != nil || line(got) != `*.z.example. TXT 90 "y"` {
		t.Errorf("get: got %v, %v", got, err)
	}
	if _, err := rr.Delete(project, "z", "*.z.example.", "TXT").Do(); err != nil {
		t.Errorf("delete: %v", err)
	}
	_, err = rr.Get(project, "z", "*.z.example.", "TXT").Do()
	wantError(t, "get what is gone", err, 404, "notFound", "The 'parameters.name' resource named '*.z.example. (TXT)' does not exist.")
	_, err = rr.Delete(project, "z", "z.example.", "NS").Do()
	wantError(t, "delete the apex NS", err, 400, "invalidZoneApex", "'NS'")
	if got, err := c.Changes.Get(project, "z", "4").Do(); err != nil || len(got.Deletions) != 1 {
		t.Errorf("change 4: got %v, %v; want the deletion", got, err)
	}
}

// Lists are of all sets, of one name, or of a name and a type, in pages:
// https://cloud.google.com/dns/docs/reference/rest/v1/resourceRecordSets/list.
func TestSetList(t *testing.T) {
	t.Parallel()
	svc, c, url := start(t, google.Options{})
	newZone(t, c, "z", "z.example.")
	change(t, c, "z", sets{
		rrset("a.z.example.", "A", 60, "192.0.2.1"), rrset("a.z.example.", "TXT", 60, "x"), rrset("b.a.z.example.", "A", 60, "192.0.2.1"),
		rrset("b.z.example.", "MX", 60, "1 a.z.example."), rrset("a-b.z.example.", "A", 60, "192.0.2.1"),
	}, nil)
	short := func(rs sets) string {
		var out []string
		for _, r := range rs {
			out = append(out, strings.TrimSuffix(r.Name, ".z.example.")+" "+r.Type)
		}
		return strings.Join(out, ", ")
	}
	for _, tt := range []struct{ name, typ, want string }{
		{"", "", "z.example. NS, z.example. SOA, a A, a TXT, b.a A, a-b A, b MX"},
		{"a.z.example.", "", "a A, a TXT"},
		{"A.Z.example.", "TXT", "a TXT"},
		{"a.z.example.", "MX", ""},
		{"nobody.z.example.", "", ""},
	} {
		for size := int64(1); size < 9; size++ {
			var got sets
			svc.Panel().Forget()
			call := c.ResourceRecordSets.List(project, "z").MaxResults(size)
			if tt.name != "" {
				call = call.Name(tt.name)
			}
			if tt.typ != "" {
				call = call.Type(tt.typ)
			}
			if err := call.Pages(t.Context(), func(p *dns.ResourceRecordSetsListResponse) error { got = append(got, p.Rrsets...); return nil }); err != nil {
				t.Fatal(err)
			}
			if short(got) != tt.want {
				t.Errorf("%s %s in pages of %d: got %s, want %s", tt.name, tt.typ, size, short(got), tt.want)
			}
			if calls, most := svc.Panel().Total(), max(1, (int64(len(got))+size-1)/size); calls != most {
				t.Errorf("%s %s in pages of %d: %d calls, want %d", tt.name, tt.typ, size, calls, most)
			}
		}
	}
	base := "/dns/v1/projects/" + project + "/managedZones/z/rrsets"
	for query, want := range map[string]string{
		"?type=A":                        "required",
		"?name=a.z.example.&type=LOC":    "invalid",
		"?name=a.z.example":              "invalid",
		"?pageToken=CjAxxxx":             "invalid",
		"?maxResults=many":               "badRequest",
		"?pagesize=3":                    "badRequest",
		"?filter=name%3Da":               "invalid",
		"?name=a.z.example.&pageToken=x": "invalid",
	} {
		code, _, body := ask(t, "GET", url+base+query, google.DefaultToken, "")
		if got := reason(body); code != 400 || got != want {
			t.Errorf("%s: got %d %s, want 400 %s", query, code, got, want)
		}
	}
}

// A set has either rrdatas or one routing policy:
// https://cloud.google.com/dns/docs/routing-policies-overview.
func TestRoutingPolicies(t *testing.T) {
	t.Parallel()
	svc, c, _ := start(t, google.Options{})
	newZone(t, c, "z", "z.example.")
	with := func(name, typ string, p *dns.RRSetRoutingPolicy) *dns.ResourceRecordSet {
		return &dns.ResourceRecordSet{Name: name + ".z.example.", Type: typ, Ttl: 60, RoutingPolicy: p}
	}
	wrr := with("wrr", "A", &dns.RRSetRoutingPolicy{Wrr: &dns.RRSetRoutingPolicyWrrPolicy{Items: []*dns.RRSetRoutingPolicyWrrPolicyWrrPolicyItem{
		{Weight: 0.2, Rrdatas: []string{"192.0.2.1"}}, {Weight: 0.8, Rrdatas: []string{"192.0.2.3", "192.0.2.2"}},
	}}})
	geoItems := []*dns.RRSetRoutingPolicyGeoPolicyGeoPolicyItem{{Location: "us-east1", Rrdatas: []string{"us.example."}}, {Location: "asia-northeast1", Rrdatas: []string{"ASIA.example."}}}
	geo := with("geo", "CNAME", &dns.RRSetRoutingPolicy{Geo: &dns.RRSetRoutingPolicyGeoPolicy{Items: geoItems, EnableFencing: true}})
	backup := with("backup", "A", &dns.RRSetRoutingPolicy{HealthCheck: "https://www.googleapis.com/compute/v1/projects/p/global/healthChecks/h", PrimaryBackup: &dns.RRSetRoutingPolicyPrimaryBackupPolicy{
		PrimaryTargets:   &dns.RRSetRoutingPolicyHealthCheckTargets{ExternalEndpoints: []string{"192.0.2.7"}},
		BackupGeoTargets: &dns.RRSetRoutingPolicyGeoPolicy{Items: []*dns.RRSetRoutingPolicyGeoPolicyGeoPolicyItem{{Location: "us-west1", Rrdatas: []string{"192.0.2.8"}}}},
		TrickleTraffic:   0.1,
	}})
	change(t, c, "z", sets{wrr, geo, backup}, nil)
	shown, _ := svc.Names().Find(zone.MustName("z.example."))
	for _, tt := range []struct {
		name string
		typ  zone.Type
		want []zone.Data
	}{
		{"wrr", zone.TypeA, []zone.Data{"\xc0\x00\x02\x02", "\xc0\x00\x02\x03"}},
		{"geo", zone.TypeCNAME, []zone.Data{"\x02us\x07example\x00"}},
		{"backup", zone.TypeA, []zone.Data{"\xc0\x00\x02\x07"}},
	} {
		set, _ := shown.Set(zone.MustName(tt.name+".z.example."), tt.typ)
		if diff := cmp.Diff(tt.want, set.Data); diff != "" {
			t.Errorf("%s shown (-want +got):\n%s", tt.name, diff)
		}
	}
	p, err := c.ResourceRecordSets.Get(project, "z", "geo.z.example.", "CNAME").Do()
	if err != nil || p.RoutingPolicy.Geo.Items[1].Rrdatas[0] != "asia.example." || len(p.Rrdatas) != 0 || !p.RoutingPolicy.Geo.EnableFencing {
		t.Errorf("geo: got %+v, %v", p, err)
	}
	// Seen in https://github.com/kubernetes-sigs/external-dns/issues/5129.
	_, err = c.Changes.Create(project, "z", &dns.Change{Deletions: sets{{Name: "wrr.z.example.", Type: "A", Ttl: 60}}}).Do()
	wantError(t, "delete without the policy", err, 400, "invalid", "Invalid value for 'entity.change.deletions[wrr.z.example.][A].rrdata': '<empty>'")
	_, err = c.Changes.Create(project, "z", &dns.Change{Deletions: sets{rrset("wrr.z.example.", "A", 60, "192.0.2.1")}}).Do()
	wantError(t, "delete with other data", err, 412, "conditionNotMet", "")
	for what, bad := range map[string]*dns.ResourceRecordSet{
		"both":            {Name: "x.z.example.", Type: "A", Ttl: 60, Rrdatas: []string{"192.0.2.1"}, RoutingPolicy: wrr.RoutingPolicy},
		"two policies":    with("x", "A", &dns.RRSetRoutingPolicy{Wrr: wrr.RoutingPolicy.Wrr, Geo: geo.RoutingPolicy.Geo}),
		"type":            with("x", "CAA", wrr.RoutingPolicy),
		"weight":          with("x", "A", &dns.RRSetRoutingPolicy{Wrr: &dns.RRSetRoutingPolicyWrrPolicy{Items: []*dns.RRSetRoutingPolicyWrrPolicyWrrPolicyItem{{Weight: -1, Rrdatas: []string{"192.0.2.1"}}}}}),
		"data":            with("x", "AAAA", wrr.RoutingPolicy),
		"region":          with("x", "CNAME", &dns.RRSetRoutingPolicy{Geo: &dns.RRSetRoutingPolicyGeoPolicy{Items: []*dns.RRSetRoutingPolicyGeoPolicyGeoPolicyItem{{Location: "Mars", Rrdatas: []string{"a.example."}}}}}),
		"region twice":    with("x", "CNAME", &dns.RRSetRoutingPolicy{Geo: &dns.RRSetRoutingPolicyGeoPolicy{Items: append(geoItems[:1:1], geoItems[0])}}),
		"targets of text": with("x", "TXT", &dns.RRSetRoutingPolicy{PrimaryBackup: backup.RoutingPolicy.PrimaryBackup}),
		"trickle":         with("x", "A", &dns.RRSetRoutingPolicy{PrimaryBackup: &dns.RRSetRoutingPolicyPrimaryBackupPolicy{PrimaryTargets: backup.RoutingPolicy.PrimaryBackup.PrimaryTargets, BackupGeoTargets: backup.RoutingPolicy.PrimaryBackup.BackupGeoTargets, TrickleTraffic: 2}}),
	} {
		_, err := c.Changes.Create(project, "z", &dns.Change{Additions: sets{bad}}).Do()
		wantError(t, what, err, 400, "invalid", "entity.change.additions[x.z.example.]")
	}
	// A policy gives way to data in a patch; what was read deletes.
	if got, err := c.ResourceRecordSets.Patch(project, "z", "wrr.z.example.", "A", &dns.ResourceRecordSet{Rrdatas: []string{"192.0.2.1"}}).Do(); err != nil || got.RoutingPolicy != nil {
		t.Errorf("patch: got %+v, %v", got, err)
	}
	change(t, c, "z", nil, sets{p, backup, rrset("wrr.z.example.", "A", 60, "192.0.2.1")})
}

// Each documented type goes in and comes back: https://cloud.google.com/dns/docs/records-overview.
func TestTypes(t *testing.T) {
	t.Parallel()
	_, c, _ := start(t, google.Options{})
	if _, err := c.ManagedZones.Create(project, &dns.ManagedZone{Name: "z", DnsName: "z.example.", Description: "x", DnssecConfig: &dns.ManagedZoneDnsSecConfig{State: "transfer"}}).Do(); err != nil {
		t.Fatal(err)
	}
	digest := strings.Repeat("ab", 32)
	for typ, data := range map[string]string{
		"A": "192.0.2.1", "AAAA": "2001:db8::1", "CAA": `0 issuewild ";"`, "CNAME": "a.example.", "DS": "60485 8 2 " + digest,
		"HTTPS": "0 pool.example.", "IPSECKEY": "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==", "MX": "10 mail.example.",
		"NAPTR": `100 50 "s" "z3950+I2L" "" _z3950._tcp.example.`, "NS": "ns.example.", "PTR": "host.example.", "SPF": `"v=spf1 -all"`,
		"SRV": "0 5 5060 sip.example.", "SSHFP": "4 2 " + digest, "SVCB": "1 svc.example. port=8443", "TLSA": "3 1 1 " + digest, "TXT": `"one" "two"`,
		"DNSKEY": "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
	} {
		name := strings.ToLower(typ) + ".z.example."
		if typ == "DNSKEY" {
			name = "z.example."
		}
		set := rrset(name, typ, 60, data)
		change(t, c, "z", sets{set}, nil)
		got, err := c.ResourceRecordSets.Get(project, "z", name, typ).Do()
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		if !strings.EqualFold(strings.ReplaceAll(got.Rrdatas[0], `"8443"`, "8443"), data) {
			t.Errorf("%s: got %q, want %q", typ, got.Rrdatas[0], data)
		}
		change(t, c, "z", nil, sets{got})
	}
}
