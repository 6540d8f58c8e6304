package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/testserver"
)

// The files of a team that has an octoDNS repository and, from before, a folder of zone files:
// two zones in YAML, one of them split into a file for each name, a copy of one under another
// name, and two zones of BIND.
var repository = map[string]string{
	"config/production.yaml": `---
x-yaml: &yaml
  class: octodns.provider.yaml.YamlProvider
  default_ttl: 3600
  enforce_order: true
x-everywhere: &everywhere
  targets: [bind, knot, pdns, files, copy]

manager:
  max_workers: 4
  plan_outputs:
    log: {class: octodns.provider.plan.PlanLogger}

providers:
  config:
    <<: *yaml
    directory: ./zones
    split_extension: .
  legacy:
    class: octodns_bind.ZoneFileSource
    directory: ./bind
    file_extension: .zone
  bind:
    class: octodns_bind.Rfc2136Provider
    host: env/BIND_HOST
    port: env/BIND_PORT
    key_name: env/TSIG_NAME
    key_secret: env/BIND_SECRET
    key_algorithm: hmac-sha256
  knot:
    class: octodns_bind.Rfc2136Provider
    host: 127.0.0.1
    port: env/KNOT_PORT
    key_name: env/TSIG_NAME
    key_secret: env/KNOT_SECRET
    key_algorithm: hmac-sha256
  pdns:
    class: octodns_powerdns.PowerDnsProvider
    host: 127.0.0.1
    port: env/PDNS_PORT
    api_key: env/PDNS_KEY
    dns_address: env/PDNS_DNS
  files:
    class: octodns_bind.ZoneFileProvider
    directory: ./out/bind
  copy:
    <<: *yaml
    directory: ./out/yaml

processors:
  no-lab:
    class: octodns.processor.filter.NameRejectlistFilter
    rejectlist: ['/^lab[0-9]*$/']
  no-dynamic-types:
    class: octodns.processor.filter.TypeRejectlistFilter
    rejectlist: [LOC]

zones:
  shop.example.:
    <<: *everywhere
    sources: [config]
    processors: [no-lab, no-dynamic-types]
  corp.example.:
    <<: *everywhere
    sources: [config]
  shop.test.:
    alias: shop.example.
  legacy.example.:
    <<: *everywhere
    sources: [legacy]
  10.in-addr.arpa.:
    <<: *everywhere
    sources: [legacy]
`,
	"zones/shop.example.yaml": `---
'':
  - ttl: 300
    type: A
    values: [192.0.2.10, 192.0.2.11]
  - ttl: 300
    type: AAAA
    value: 2001:db8::10
  - type: CAA
    values:
      - {flags: 0, tag: issue, value: letsencrypt.org}
  - type: MX
    values:
      - {exchange: mx1.shop.example., preference: 10}
      - {exchange: mx2.shop.example., preference: 20}
  - ttl: 86400
    type: NS
    values: [ns1.dns.test., ns2.dns.test.]
  - type: TXT
    values:
      - v=spf1 mx -all
      - google-site-verification=abcdefghijklmnopqrstuvwxyz
'*.apps':
  ttl: 300
  type: CNAME
  value: www.shop.example.
_dmarc:
  type: TXT
  value: v=DMARC1\; p=reject\; rua=mailto:dmarc@shop.example
_sip._tcp:
  type: SRV
  values:
    - {port: 5060, priority: 10, target: mx1.shop.example., weight: 5}
api: &front
  ttl: 60
  type: A
  values: [192.0.2.20, 192.0.2.21]
lab1: *front
mx1:
  type: A
  value: 192.0.2.30
mx2:
  type: A
  value: 192.0.2.31
office:
  type: LOC
  value: {altitude: 20, lat_degrees: 31, lat_direction: S, lat_minutes: 58, lat_seconds: 52.1, long_degrees: 115, long_direction: E, long_minutes: 49, long_seconds: 11.7, precision_horz: 10, precision_vert: 2, size: 10}
www: *front
`,
	"zones/corp.example./$corp.example.yaml": `---
'':
  - ttl: 86400
    type: NS
    values: [ns1.dns.test., ns2.dns.test.]
  - type: TXT
    value: v=spf1 -all
`,
	"zones/corp.example./vpn.yaml": "---\nvpn:\n  ttl: 300\n  type: A\n  value: 198.51.100.7\n",
	"zones/corp.example./wiki.yaml": `---
wiki:
  - type: A
    value: 198.51.100.8
  - type: SSHFP
    value: {algorithm: 4, fingerprint: 123456789abcdef67890123456789abcdef67890123456789abcdef123456789, fingerprint_type: 2}
`,
	"bind/legacy.example.zone": `$ORIGIN legacy.example.
$TTL 1h
; kept since 2009
@       IN SOA  ns1.dns.test. hostmaster.legacy.example. ( 2024010101 2h 15m 2w 5m )
        86400 NS ns1.dns.test.
        86400 NS ns2.dns.test.
        IN MX 10 mail
mail    300     A 192.0.2.40
ftp     IN CNAME mail
$GENERATE 1-5 node$ A 192.0.2.10$
$INCLUDE common.inc
`,
	"bind/common.inc": "@ TXT \"v=spf1 mx -all\"\n",
	"bind/10.in-addr.arpa.zone": `$TTL 3600
@ SOA ns1.dns.test. hostmaster.legacy.example. 1 7200 900 1209600 300
@ 86400 NS ns1.dns.test.
@ 86400 NS ns2.dns.test.
1.0.0 PTR gw.legacy.example.
2.0.0 PTR mail.legacy.example.
`,
}

var repositoryZones = []string{"shop.example.", "corp.example.", "shop.test.", "legacy.example.", "10.in-addr.arpa."}

// A site is the repository with the servers that it is pushed to.
type site struct {
	t          *testing.T
	dir        string
	env        []string
	key        *testserver.Key
	bind, knot *testserver.Server
	pdns       *testserver.PowerDNSServer
	strike     atomic.Bool // kill PowerDNS at the next write to it
}

func newSite(t *testing.T) *site {
	s := &site{t: t, dir: t.TempDir(), key: testserver.NewKey(t)}
	for name, text := range repository {
		s.write(name, text)
	}
	zones := map[string]string{}
	for _, z := range repositoryZones {
		zones[z] = "@ 3600 SOA ns1.dns.test. hostmaster.dns.test. 1 7200 900 1209600 300\n@ 86400 NS ns1.dns.test.\n@ 86400 NS ns2.dns.test.\n"
	}
	s.bind = testserver.BIND(t, testserver.BINDOptions{Zones: zones, TSIG: s.key})
	s.knot = testserver.Knot(t, testserver.KnotOptions{Zones: zones, TSIG: s.key})
	s.pdns = testserver.PowerDNS(t, testserver.PowerDNSOptions{Zones: zones})
	for _, dir := range []string{"out/bind", "out/yaml"} {
		if err := os.MkdirAll(filepath.Join(s.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	_, bindPort, _ := net.SplitHostPort(s.bind.Addr)
	_, knotPort, _ := net.SplitHostPort(s.knot.Addr)
	s.env = append(
		slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ZONECAST_") }),
		"HOME="+s.dir, "ZONECAST_ACTOR=tester@e2e", "TSIG_NAME="+strings.TrimSuffix(s.key.Name, "."),
		"BIND_HOST=127.0.0.1", "BIND_PORT="+bindPort, "BIND_SECRET="+s.key.Secret,
		"KNOT_PORT="+knotPort, "KNOT_SECRET="+s.key.Secret,
		"PDNS_PORT="+s.proxy(), "PDNS_KEY="+s.pdns.APIKey, "PDNS_DNS="+s.pdns.Addr,
	)
	return s
}

// proxy stands before PowerDNS's API, so that the server can be killed at the moment of a write.
func (s *site) proxy() (port string) {
	s.t.Helper()
	to, err := url.Parse(s.pdns.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(to)
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch && s.strike.CompareAndSwap(true, false) {
			s.pdns.Kill()
		}
		forward.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(l) }()
	s.t.Cleanup(func() { _ = server.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func (s *site) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// edit replaces text in a file; it must be there.
func (s *site) edit(name, old, now string) {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil || !bytes.Contains(data, []byte(old)) {
		s.t.Fatalf("%s does not hold %q (%v)", name, old, err)
	}
	s.write(name, strings.ReplaceAll(string(data), old, now))
}

// run runs a command of the binary, and demands its exit code.
func (s *site) run(want int, env []string, name string, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(binary, name), args...)
	cmd.Dir, cmd.Env = s.dir, append(slices.Clone(s.env), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	got := 0
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		got = e.ExitCode()
	} else if err != nil {
		s.t.Fatal(err)
	}
	if got != want {
		s.t.Fatalf("%s %s exited %d, want %d\n%s%s", name, strings.Join(args, " "), got, want, stdout.String(), stderr.String())
	}
	return stdout.String() + stderr.String()
}

// has demands that a text holds all of some others.
func (s *site) has(text string, want ...string) {
	s.t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			s.t.Errorf("%q is missing in\n%s", w, text)
		}
	}
}

// A result is what the JSON report says of one target.
type result struct {
	Zone, Provider, State string
	Changes               int
	Verified              bool
}

// apply applies and returns what the report says of each target.
func (s *site) apply(want int, env []string, args ...string) map[string]result {
	s.t.Helper()
	out := s.run(want, env, "zonecast", append([]string{"apply", "--yes", "--json"}, args...)...)
	results := map[string]result{}
	for line := range strings.Lines(out) {
		var doc struct {
			Type    string
			Results []struct {
				Target       struct{ Zone, Provider string }
				State        string
				Verification *struct{ Visible bool }
			}
		}
		if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &doc) != nil || doc.Type != "report" {
			continue
		}
		for _, r := range doc.Results {
			results[r.Target.Provider+" "+r.Target.Zone] = result{Zone: r.Target.Zone, Provider: r.Target.Provider, State: r.State, Verified: r.Verification != nil && r.Verification.Visible}
		}
	}
	return results
}

func TestDebugSite(t *testing.T) {
	s := newSite(t)
	t.Log(s.run(0, nil, "zonecast", "validate"))
	t.Log(s.run(0, nil, "zonecast", "plan"))
	t.Log(s.run(0, nil, "zonecast", "apply", "--yes"))
	t.Log(s.run(0, nil, "zonecast", "apply", "--yes", "--json"))
}

var _ = dns.TypeA
