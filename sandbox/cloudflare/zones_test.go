package cloudflare

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/zone"
)

// https://developers.cloudflare.com/api/resources/zones/methods/create/
func TestZoneCreation(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	z := must[zoneView](c, "POST", "/zones", m{"name": "Example.COM", "account": m{"id": DefaultAccountID}, "type": "full", "jump_start": false})
	if !idForm.MatchString(z.ID) || z.Name != "example.com" || z.Status != "pending" || z.Type != "full" || z.Activated != nil || z.Plan.LegacyID != "free" {
		t.Errorf("created %+v", z)
	}
	if len(z.NameServers) != 2 || !strings.HasSuffix(z.NameServers[0], ".ns.cloudflare.com") || z.NameServers[0] == z.NameServers[1] {
		t.Errorf("name servers %v, want two of Cloudflare's", z.NameServers)
	}
	c.refused(400, 1061, "POST", "/zones", m{"name": "example.com"})
	for _, name := range []string{"", "com", "exa mple.com", "-\x00.com", strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 200) + "com"} {
		c.refused(400, 1049, "POST", "/zones", m{"name": name})
	}
	c.refused(403, 9109, "POST", "/zones", m{"name": "example.net", "account": m{"id": strings.Repeat("0", 32)}})
	c.refused(400, 1001, "POST", "/zones", m{"name": "example.net", "type": "odd"})
	// https://developers.cloudflare.com/dns/zone-setups/
	c.refused(403, 1206, "POST", "/zones", m{"name": "example.net", "type": "partial"})
	c.refused(403, 1206, "POST", "/zones", m{"name": "example.net", "type": "secondary"})

	// Name servers and SOA are served and are no records.
	ttl, ns := c.served("example.com", zone.TypeNS)
	want := []string{z.NameServers[0] + ".", z.NameServers[1] + "."}
	if diff := cmp.Diff(want, ns); diff != "" || ttl != 86400 {
		t.Errorf("served NS with TTL %d (-want +got):\n%s", ttl, diff)
	}
	if _, soa := c.served("example.com", zone.TypeSOA); len(soa) != 1 || !strings.Contains(soa[0], " dns.cloudflare.com. ") {
		t.Errorf("served SOA %v", soa)
	}
	if list := c.call("GET", "/zones/"+z.ID+"/dns_records", nil); list.Info.TotalCount != 0 || string(list.Result) != "[]" {
		t.Errorf("records of a new zone: %+v %s, want none", list.Info, list.Result)
	}
	must[zoneView](c, "PATCH", "/zones/"+z.ID, m{"paused": true})
	c.refused(403, 1015, "PATCH", "/zones/"+z.ID, m{"vanity_name_servers": []string{"ns1.example.com"}})
	must[m](c, "PUT", "/zones/"+z.ID+"/activation_check", nil)
	if z := must[zoneView](c, "GET", "/zones/"+z.ID, nil); z.Status != "active" || z.Activated == nil || !z.Paused {
		t.Errorf("after the check: %+v, want active and paused", z)
	}
	if gone := must[zoneView](c, "DELETE", "/zones/"+z.ID, nil); gone.ID != z.ID {
		t.Errorf("deleted %+v", gone)
	}
	if _, ns := c.served("example.com", zone.TypeNS); ns != nil {
		t.Errorf("served NS %v of a deleted zone", ns)
	}
	must[zoneView](c, "POST", "/zones", m{"name": "example.com"})
}

// https://developers.cloudflare.com/api/resources/zones/methods/list/
func TestZoneList(t *testing.T) {
	t.Parallel()
	second := Account{ID: strings.Repeat("a", 32), Name: "Second"}
	c := start(t, Options{Plan: Enterprise, Accounts: []Account{{ID: DefaultAccountID, Name: "First"}, second}})
	for i := range 120 {
		must[zoneView](c, "POST", "/zones", m{"name": fmt.Sprintf("zone%03d.example", i), "account": m{"id": DefaultAccountID}})
	}
	must[zoneView](c, "POST", "/zones", m{"name": "zone000.example", "account": m{"id": second.ID}})
	must[zoneView](c, "POST", "/zones", m{"name": "internal.example", "account": m{"id": second.ID}, "type": "internal"})

	if a := c.call("GET", "/zones", nil); a.Info.PerPage != 20 || a.Info.Count != 20 || a.Info.TotalCount != 121 || a.Info.TotalPages != 7 {
		t.Errorf("without parameters: %+v, want 20 of 121", a.Info)
	}
	if a := c.call("GET", "/zones?per_page=50&page=3", nil); a.Info.Count != 21 || a.Info.TotalPages != 3 {
		t.Errorf("third page of 50: %+v, want 21", a.Info)
	}
	if a := c.call("GET", "/zones?per_page=50&page=99", nil); a.Info.Count != 0 || string(a.Result) != "[]" {
		t.Errorf("page 99: %+v %s, want an empty list", a.Info, a.Result)
	}
	for _, bad := range []string{"per_page=51", "per_page=4", "per_page=x", "page=0", "name=odd:x"} {
		c.refused(400, 6007, "GET", "/zones?"+bad, nil)
	}
	for query, want := range map[string]int{
		"name=zone000.example": 2, "name=ZONE000.example.": 2, "name=none.example": 0, "name=contains:one01": 10,
		"name=starts_with:zone11": 10, "name=ends_with:9.example": 12, "account.id=" + second.ID: 1,
		"account.name=Second": 1, "name=zone000.example&account.id=" + second.ID: 1, "status=active": 0, "type=internal": 1,
		"type=full,internal": 122, "name=zone001.example&account.name=Second&match=any": 1,
		"name=not_equal:zone000.example": 119, "name=contains_case_sensitive:ZONE": 0,
	} {
		if a := c.call("GET", "/zones?"+query, nil); a.Info == nil || a.Info.TotalCount != want {
			t.Errorf("%s: %+v %v, want %d", query, a.Info, a.Errors, want)
		}
	}
	down := must[[]zoneView](c, "GET", "/zones?order=name&direction=desc&"+url.Values{"account.id": {DefaultAccountID}}.Encode(), nil)
	if down[0].Name != "zone119.example" {
		t.Errorf("downwards the first is %s", down[0].Name)
	}
}

// https://developers.cloudflare.com/api/resources/dns/subresources/settings/
func TestSettings(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	path := strings.TrimSuffix(records, "dns_records") + "dns_settings"
	before := must[settings](c, "GET", path, nil)
	after := must[settings](c, "PATCH", path, m{"multi_provider": true})
	before.MultiProvider = true
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("PATCH of one field (-want +got):\n%s", diff)
	}
	c.refused(400, 1004, "PATCH", path, m{"ns_ttl": 29})
	c.refused(400, 1004, "PATCH", path, m{"zone_mode": "odd"})
	c.refused(400, 1004, "PATCH", path, m{"nameservers": m{"type": "odd"}})
	c.refused(400, 1004, "PATCH", path, m{"soa": m{"retry": 86400}})
	c.refused(400, 9207, "PATCH", path, m{"multi_provider": "yes"})
	// https://developers.cloudflare.com/dns/foundation-dns/ and …/dns/cname-flattening/#availability
	c.refused(403, 1015, "PATCH", path, m{"ns_ttl": 3600})
	c.refused(403, 1015, "PATCH", path, m{"flatten_all_cnames": true})
	id := strings.Split(records, "/")[2]
	if err := c.svc.Subscribe(id, Enterprise); err != nil {
		t.Fatal(err)
	}
	must[settings](c, "PATCH", path, m{"ns_ttl": 3600, "soa": m{"mname": "ns1.example.com"}})
	c.refused(400, 1004, "PATCH", path, m{"soa": m{"mname": "changed.example.com", "ttl": 1}})
	if s := must[settings](c, "GET", path, nil); *s.SOA.MName != "ns1.example.com" || s.SOA.TTL != 3600 {
		t.Errorf("a refused PATCH left %+v", s.SOA)
	}
	if ttl, _ := c.served("example.com", zone.TypeNS); ttl != 3600 {
		t.Errorf("NS served with TTL %d, want 3600", ttl)
	}
}

// https://developers.cloudflare.com/api/resources/dns/subresources/dnssec/
func TestDNSSEC(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	id := strings.Split(records, "/")[2]
	path := "/zones/" + id + "/dnssec"
	if d := must[dnssec](c, "GET", path, nil); d.Status != "disabled" || d.DS != nil {
		t.Errorf("at first %+v, want disabled", d)
	}
	d := must[dnssec](c, "PATCH", path, m{"status": "active"})
	if d.Status != "pending" || d.KeyTag == nil || d.DS == nil || *d.DS != fmt.Sprintf("example.com. 3600 IN DS %d 13 2 %s", *d.KeyTag, *d.Digest) {
		t.Errorf("switched on: %+v, want pending with a DS record", d)
	}
	c.refused(400, 1004, "DELETE", path, nil)
	if err := c.svc.DelegateSigner(id); err != nil {
		t.Fatal(err)
	}
	if d := must[dnssec](c, "GET", path, nil); d.Status != "active" {
		t.Errorf("with a DS record at the parent %s, want active", d.Status)
	}
	// https://developers.cloudflare.com/dns/dnssec/multi-signer-dnssec/
	key := m{"type": "DNSKEY", "name": "@", "data": m{"flags": 256, "protocol": 3, "algorithm": 13, "public_key": "AAECAw=="}}
	c.refused(400, 9306, "POST", records, key)
	if d := must[dnssec](c, "PATCH", path, m{"dnssec_multi_signer": true}); !d.MultiSigner || d.Status != "active" {
		t.Errorf("multi-signer: %+v", d)
	}
	must[got](c, "POST", records, key)
	c.refused(403, 1015, "PATCH", path, m{"dnssec_presigned": true})
	c.refused(400, 1004, "PATCH", path, m{"status": "odd"})
	if d := must[dnssec](c, "PATCH", path, m{"status": "disabled"}); d.Status != "disabled" || d.DS != nil || !d.MultiSigner {
		t.Errorf("switched off: %+v", d)
	}
	must[string](c, "DELETE", path, nil)
}

// What tests turn from Go shows in the API.
func TestControl(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Batch: 2, Records: 3})
	z := must[zoneView](c, "POST", "/zones", m{"name": "example.com"})
	if err := c.svc.Activate(z.ID); err != nil {
		t.Fatal(err)
	}
	if z := must[zoneView](c, "GET", "/zones/"+z.ID, nil); z.Status != "active" {
		t.Errorf("activated zone is %s", z.Status)
	}
	c.refused(400, 1224, "PUT", "/zones/"+z.ID+"/activation_check", nil)
	records := "/zones/" + z.ID + "/dns_records"
	post := func(i int) m { return m{"type": "A", "name": "www", "content": fmt.Sprintf("192.0.2.%d", i)} }
	c.refused(400, 9310, "POST", records+"/batch", m{"posts": []m{post(1), post(2), post(3)}})
	must[batchView](c, "POST", records+"/batch", m{"posts": []m{post(1), post(2)}})
	must[got](c, "POST", records, post(3))
	c.refused(400, 81045, "POST", records, post(4))
	if _, err := c.svc.Plant(z.ID, Record{Name: "www", Type: "A", Content: "192.0.2.4", TTL: 60}); err != nil {
		t.Errorf("planted past the quota: %v", err)
	}
	for what, err := range map[string]error{
		"unknown zone":    c.svc.Activate("none"),
		"unknown account": func() error { _, err := c.svc.AddZoneOf("none", "a.example", "full", ""); return err }(),
		"zone twice":      func() error { _, err := c.svc.AddZone("example.com", ""); return err }(),
		"bad record":      func() error { _, err := c.svc.Plant(z.ID, Record{Name: "x", Type: "A"}); return err }(),
		"same record": func() error {
			_, err := c.svc.Plant(z.ID, Record{Name: "www", Type: "A", Content: "192.0.2.4", TTL: 60})
			return err
		}(),
		"nowhere": func() error { _, err := c.svc.Plant("none", Record{}); return err }(),
	} {
		if err == nil || err.Error() == "" {
			t.Errorf("%s: %v, want an error", what, err)
		}
	}
}
