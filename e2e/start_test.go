package e2e

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/internal/testserver"
)

// TestGettingStarted goes the way of docs/getting-started.md: a zone that PowerDNS serves today is
// written down, and a second provider is added.
func TestGettingStarted(t *testing.T) {
	t.Parallel()
	key := testserver.NewKey(t)
	const apex = "@ 3600 SOA ns1.dns.test. h.dns.test. 1 7200 900 1209600 300\n"
	pdns := testserver.PowerDNS(t, testserver.PowerDNSOptions{Zones: map[string]string{
		"shop.example.": apex + "@ 86400 NS ns1.pdns.test.\n@ 86400 NS ns2.pdns.test.\n@ 3600 A 192.0.2.1\nwww 300 CNAME shop.example.\n@ 3600 TXT \"v=spf1 -all\"\n",
	}})
	knot := testserver.Knot(t, testserver.KnotOptions{TSIG: key, Zones: map[string]string{"shop.example.": apex + "@ 86400 NS ns1.knot.test.\n"}})
	_, knotPort, _ := net.SplitHostPort(knot.Addr)
	s := &site{t: t, dir: t.TempDir(), env: append(os.Environ(), "PDNS_API_KEY="+pdns.APIKey)}
	s.write("knot.key", key.Secret+"\n")
	s.write("zonecast.yaml", `sources:
  zones: {type: yaml, directory: zones, enforce_order: false}
providers:
  pdns: {type: powerdns, host: 127.0.0.1, port: `+strings.TrimPrefix(pdns.URL[strings.LastIndex(pdns.URL, ":"):], ":")+`, api_key: env/PDNS_API_KEY, dns_address: "`+pdns.Addr+`", name_servers: [ns1.pdns.test., ns2.pdns.test.]}
  knot: {type: rfc2136, host: 127.0.0.1, port: `+knotPort+`, key_name: `+key.Name+`, key_secret: file/knot.key, name_servers: [ns1.knot.test.]}
zones:
  shop.example: {sources: [zones], targets: [pdns]}
`)
	s.has(s.run(0, nil, "zonecast", "providers", "verify"), "pdns   ok", "knot   ok", "zones  ok")
	s.run(0, nil, "zonecast", "dump", "--from", "pdns", "--to", "zones", "shop.example")
	s.run(0, nil, "zonecast", "validate")
	s.run(0, nil, "zonecast", "plan", "--detailed-exitcode") // the first plan is empty

	s.edit("zonecast.yaml", "targets: [pdns]", "targets: [pdns, knot]")
	// Knot is filled first, and joins the apex NS at PowerDNS when it answers.
	s.has(s.run(0, nil, "zonecast", "apply", "--yes"), "The new name servers of 1 zone answer now", "[+ns1.knot.test.+]")
	for name, text := range map[string]string{"pdns": pdns.ZoneText(t, "shop.example."), "knot": knot.ZoneText(t, "shop.example.")} {
		for _, want := range []string{"ns1.pdns.test.", "ns2.pdns.test.", "ns1.knot.test.", "www.shop.example.", "v=spf1 -all"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %s:\n%s", name, want, text)
			}
		}
	}
	s.run(0, nil, "zonecast", "drift")
}
