package cloudflare

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
)

// https://developers.cloudflare.com/dns/proxy-status/ and https://www.cloudflare.com/ips/
func TestProxiedNames(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	made := must[got](c, "POST", records, m{"type": "A", "name": "www", "content": "192.0.2.1", "ttl": 3600, "proxied": true})
	if !made.Proxied || made.TTL != 1 {
		t.Errorf("made %+v, want proxied with automatic TTL", made)
	}
	proxy := func(name string, kind zone.Type) {
		t.Helper()
		ttl, v := c.served(name, kind)
		if ttl != 300 || len(v) != 2 {
			t.Fatalf("%s %s is served as %d %v, want two addresses for 300 s", name, kind, ttl, v)
		}
		for _, s := range v {
			a := netip.MustParseAddr(s)
			if !slices.ContainsFunc(cloudflareRanges, func(p netip.Prefix) bool { return p.Contains(a) }) {
				t.Errorf("%s %s is served as %s, which is not Cloudflare's", name, kind, s)
			}
		}
	}
	proxy("www.example.com", zone.TypeA)
	proxy("www.example.com", zone.TypeAAAA)
	must[got](c, "POST", records, m{"type": "CNAME", "name": "alias", "content": "origin.example.net", "proxied": true, "settings": m{"ipv4_only": true}})
	proxy("alias.example.com", zone.TypeA)
	for _, kind := range []zone.Type{zone.TypeAAAA, zone.TypeCNAME} {
		if _, v := c.served("alias.example.com", kind); v != nil {
			t.Errorf("alias %s is served as %v, want nothing", kind, v)
		}
	}
	// One proxied record makes the name proxied.
	must[got](c, "POST", records, m{"type": "A", "name": "www", "content": "192.0.2.2"})
	proxy("www.example.com", zone.TypeA)
	must[got](c, "PATCH", records+"/"+made.ID, m{"proxied": false})
	if ttl, v := c.served("www.example.com", zone.TypeA); ttl != 300 || !slices.Equal(v, []string{"192.0.2.1", "192.0.2.2"}) {
		t.Errorf("without proxy www is served as %d %v", ttl, v)
	}
	// A paused zone is DNS only.
	must[zoneView](c, "PATCH", strings.TrimSuffix(records, "/dns_records"), m{"paused": true})
	if _, v := c.served("alias.example.com", zone.TypeCNAME); !slices.Equal(v, []string{"origin.example.net."}) {
		t.Errorf("in a paused zone alias is served as %v", v)
	}
}

// https://developers.cloudflare.com/dns/cname-flattening/
func TestFlattening(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{Plan: Pro})
	must[got](c, "POST", records, m{"type": "CNAME", "name": "@", "content": "www.example.com", "ttl": 120})
	must[got](c, "POST", records, m{"type": "MX", "name": "@", "content": "mail.example.com", "priority": 1})
	www := must[got](c, "POST", records, m{"type": "A", "name": "www", "content": "192.0.2.1"})
	must[got](c, "POST", records, m{"type": "CNAME", "name": "alias", "content": "www.example.com"})
	apex := func(want ...string) {
		t.Helper()
		ttl, v := c.served("example.com", zone.TypeA)
		if diff := cmp.Diff(want, v); diff != "" || ttl != 120 {
			t.Errorf("apex A with TTL %d (-want +got):\n%s", ttl, diff)
		}
		if _, v := c.served("example.com", zone.TypeCNAME); v != nil {
			t.Errorf("apex CNAME %v is served", v)
		}
	}
	apex("192.0.2.1")
	must[got](c, "PATCH", records+"/"+www.ID, m{"content": "192.0.2.2"})
	apex("192.0.2.2")
	if _, v := c.served("alias.example.com", zone.TypeCNAME); len(v) != 1 {
		t.Errorf("alias is served as %v, want a CNAME", v)
	}
	must[settings](c, "PATCH", strings.TrimSuffix(records, "dns_records")+"dns_settings", m{"flatten_all_cnames": true})
	if _, v := c.served("alias.example.com", zone.TypeA); !slices.Equal(v, []string{"192.0.2.2"}) {
		t.Errorf("with flatten_all_cnames alias is served as %v", v)
	}
	// A target outside the sandbox has an address of the documentation ranges.
	must[got](c, "POST", records, m{"type": "CNAME", "name": "far", "content": "host.example.net"})
	if _, v := c.served("far.example.com", zone.TypeA); len(v) != 1 || !strings.HasPrefix(v[0], "198.51.100.") {
		t.Errorf("far is served as %v, want one of 198.51.100.0/24", v)
	}
	// A loop ends.
	must[got](c, "POST", records, m{"type": "CNAME", "name": "loop1", "content": "loop2.example.com"})
	must[got](c, "POST", records, m{"type": "CNAME", "name": "loop2", "content": "loop1.example.com"})
	if _, v := c.served("loop1.example.com", zone.TypeA); v != nil {
		t.Errorf("a loop is served as %v", v)
	}
}

// https://developers.cloudflare.com/dns/nameservers/nameserver-options/#multi-provider-dns
func TestForeignNameServers(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	must[got](c, "POST", records, m{"type": "NS", "name": "@", "content": "ns1.external.com", "ttl": 3600})
	if _, ns := c.served("example.com", zone.TypeNS); len(ns) != 2 || slices.Contains(ns, "ns1.external.com.") {
		t.Errorf("served NS %v, want Cloudflare's two alone", ns)
	}
	set := strings.TrimSuffix(records, "dns_records") + "dns_settings"
	must[settings](c, "PATCH", set, m{"multi_provider": true})
	if ttl, ns := c.served("example.com", zone.TypeNS); len(ns) != 3 || !slices.Contains(ns, "ns1.external.com.") || ttl != 3600 {
		t.Errorf("served NS %d %v, want the foreign one too", ttl, ns)
	}
	must[settings](c, "PATCH", set, m{"multi_provider": false})
	if _, ns := c.served("example.com", zone.TypeNS); len(ns) != 2 {
		t.Errorf("served NS %v, want two again", ns)
	}
	// A secondary zone has multi-provider DNS always, and a partial one nobody asks Cloudflare for.
	for kind, want := range map[string]bool{"secondary": true, "partial": false} {
		id, err := c.svc.AddZoneOf(DefaultAccountID, kind+".example", kind, Enterprise)
		if err != nil {
			t.Fatal(err)
		}
		if s := must[settings](c, "GET", "/zones/"+id+"/dns_settings", nil); s.MultiProvider != (kind == "secondary") {
			t.Errorf("%s: multi_provider %v", kind, s.MultiProvider)
		}
		if _, ns := c.served(kind+".example", zone.TypeNS); (ns != nil) != want {
			t.Errorf("%s zone is served with NS %v", kind, ns)
		}
	}
}

func TestPropagation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		svc := New(Options{})
		id, err := svc.AddZone("example.com", "")
		if err != nil {
			t.Fatal(err)
		}
		svc.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(5 * time.Second) })
		if _, err := svc.Plant(id, Record{Name: "www", Type: "A", Content: "192.0.2.1"}); err != nil {
			t.Fatal(err)
		}
		name := zone.MustName("www.example.com")
		for _, want := range []bool{false, true} {
			z, _ := svc.Names().Find(name)
			if z.Has(name) != want {
				t.Errorf("www is served: %v, want %v", !want, want)
			}
			time.Sleep(5 * time.Second)
		}
	})
}

func TestSerialGrows(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	_, before := c.served("example.com", zone.TypeSOA)
	made := must[got](c, "POST", records, m{"type": "A", "name": "www", "content": "192.0.2.1"})
	_, after := c.served("example.com", zone.TypeSOA)
	if before[0] == after[0] {
		t.Errorf("SOA stays %v after a change", before)
	}
	c.refused(400, 81058, "POST", records, m{"type": "A", "name": "www", "content": made.Content})
	if _, again := c.served("example.com", zone.TypeSOA); again[0] != after[0] {
		t.Errorf("SOA goes to %v after a refusal", again)
	}
}
