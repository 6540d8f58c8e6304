package e2e

import (
	"encoding/csv"
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/testserver"
)

// TestReport asks two name servers, one of which is behind, and one that is not there.
func TestReport(t *testing.T) {
	t.Parallel()
	const apex = "@ 3600 SOA ns1.dns.test. h.dns.test. 1 7200 900 1209600 300\n@ 3600 NS ns1.dns.test.\n"
	zone := func(text string) testserver.BINDOptions {
		return testserver.BINDOptions{Zones: map[string]string{"shop.example.": apex + text}}
	}
	fresh := testserver.BIND(t, zone("www 60 A 192.0.2.2\nwww 60 A 192.0.2.1\n*.apps 60 CNAME WWW\nmx 60 MX 10 mail.example.net.\nnew 60 A 192.0.2.9\n"))
	stale := testserver.BIND(t, zone("www 60 A 192.0.2.1\nwww 60 A 192.0.2.3\n*.apps 60 CNAME www\nmx 60 MX 10 mail.example.net.\nmx 60 TXT \"more\"\n"))
	gone, err := net.ListenPacket("udp", "127.0.0.1:0") // takes questions and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gone.Close() })
	s := &site{t: t, dir: t.TempDir()}
	s.write("octodns.yaml", `---
providers:
  config: {class: octodns.provider.yaml.YamlProvider, directory: ./zones}
zones:
  shop.example.: {sources: [config], targets: []}
`)
	s.write("zones/shop.example.yaml", `---
'*.apps': {ttl: 60, type: CNAME, value: www.shop.example.}
gone: {ttl: 60, type: TXT, value: nowhere}
mx:
  ttl: 60
  type: MX
  value: {exchange: mail.example.net., preference: 10}
new: {ttl: 60, type: A, value: 192.0.2.9}
www: {ttl: 60, type: A, values: [192.0.2.1, 192.0.2.2]}
`)
	args := []string{"--config-file", "octodns.yaml", "--zone", "shop.example.", "--source", "config", "--quiet"}
	out := s.run(0, nil, "octodns-report", append(args, fresh.Addr, stale.Addr)...)
	got, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	want := [][]string{
		{"Name", "Type", "TTL", fresh.Addr, stale.Addr, "Consistent"},
		{"*.apps.shop.example.", "CNAME", "60", "www.shop.example.", "www.shop.example.", "True"},
		{"gone.shop.example.", "TXT", "60", "*does not exist*", "*does not exist*", "True"},
		{"mx.shop.example.", "MX", "60", "10 mail.example.net.", "10 mail.example.net.", "True"},
		{"new.shop.example.", "A", "60", "192.0.2.9", "*does not exist*", "False"},
		{"www.shop.example.", "A", "60", "192.0.2.1 192.0.2.2", "192.0.2.1 192.0.2.3", "False"},
	}
	for _, list := range [][][]string{want, got} {
		for _, row := range list {
			row[3] = strings.ToLower(row[3]) // the case of names is the server's own business
		}
	}
	if diff := cmp.Diff(want[1:], got[1:]); diff != "" || len(got) == 0 || !cmp.Equal(want[0], got[0]) {
		t.Errorf("report (-want +got):\n%s\n%v", diff, got)
	}

	out = s.run(0, nil, "octodns-report", append(args, "--output-format", "json", "--timeout", "0.2", fresh.Addr, gone.LocalAddr().String())...)
	var rows []struct {
		Name       string
		Answers    map[string]string
		Consistent bool
	}
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != 5 {
		t.Fatalf("%v, %d rows, want 5 in\n%s", err, len(rows), out)
	}
	for _, r := range rows {
		if text := r.Answers[gone.LocalAddr().String()]; text != "*timeout*" || r.Consistent {
			t.Errorf("%s at a server that does not answer: %q, consistent %v, want *timeout* and false", r.Name, text, r.Consistent)
		}
	}

	s.run(2, nil, "octodns-report", args...)
	s.run(2, nil, "octodns-report", append(args, "--output-format", "xml", fresh.Addr)...)
	s.has(s.run(1, nil, "octodns-report", append(args, "no-such-host.invalid")...), "none of the servers can be used")
}
