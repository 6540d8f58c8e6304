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

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/patience"
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

// A report is what `apply --json` says at its end.
type report struct {
	Report struct {
		Results []struct {
			Target       target `json:"target"`
			State        string `json:"state"`
			Verification *struct {
				Checked, Visible int
				Skipped          string
			} `json:"verification"`
		} `json:"results"`
	} `json:"report"`
	Failed []target `json:"notPlanned"`
}

type target struct{ Provider, Zone string }

// apply applies, demands an exit code, and returns the report.
func (s *site) apply(want int, env []string, args ...string) report {
	s.t.Helper()
	out := s.run(want, env, "zonecast", append([]string{"apply", "--yes", "--json"}, args...)...)
	var r report
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, `{"type":"report"`) {
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	return r
}

// states counts the targets of a provider by their state.
func (r report) states(provider string) map[string]int {
	out := map[string]int{}
	for _, res := range r.Report.Results {
		if res.Target.Provider == provider {
			out[res.State]++
		}
	}
	for _, t := range r.Failed {
		if t.Provider == provider {
			out["not planned"]++
		}
	}
	return out
}

// wants demands the states of targets by provider, and no others.
func (s *site) wants(r report, want map[string]map[string]int) {
	s.t.Helper()
	for _, provider := range []string{"bind", "knot", "pdns", "files", "copy"} {
		w := want[provider]
		if w == nil {
			w = map[string]int{}
		}
		if diff := cmp.Diff(w, r.states(provider)); diff != "" {
			s.t.Errorf("targets of %s (-want +got):\n%s", provider, diff)
		}
	}
}

func everywhere(state string, n int) map[string]map[string]int {
	out := map[string]map[string]int{}
	for _, provider := range []string{"bind", "knot", "pdns", "files", "copy"} {
		out[provider] = map[string]int{state: n}
	}
	return out
}

// update changes a zone of a server behind everybody's back, as nsupdate does.
func (s *site) update(addr, origin string, remove, insert []string) {
	s.t.Helper()
	m := new(dns.Msg).SetUpdate(origin)
	rrs := func(list []string) (out []dns.RR) {
		for _, text := range list {
			rr, err := dns.NewRR(text)
			if err != nil {
				s.t.Fatal(err)
			}
			out = append(out, rr)
		}
		return out
	}
	m.Remove(rrs(remove))
	m.Insert(rrs(insert))
	m.SetTsig(s.key.Name, dns.HmacSHA256, 300, time.Now().Unix())
	c := dns.Client{Net: "tcp", Timeout: patience.Limit, TsigSecret: map[string]string{s.key.Name: s.key.Secret}}
	answer, _, err := c.Exchange(m, addr)
	if err != nil || answer.Rcode != dns.RcodeSuccess {
		s.t.Fatalf("update of %s: %v %v", origin, answer, err)
	}
}

// servers shows a zone at each of the three servers by a transfer.
func (s *site) servers(origin string) map[string]string {
	s.t.Helper()
	return map[string]string{"bind": s.bind.ZoneText(s.t, origin), "knot": s.knot.ZoneText(s.t, origin), "pdns": s.pdns.ZoneText(s.t, origin)}
}

// TestRepository pushes an octoDNS repository and a folder of zone files to three real name
// servers and two folders in one run, and then lets go wrong what goes wrong.
func TestRepository(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.run(0, nil, "octodns-validate", "--config-file", "config/production.yaml")
	s.run(0, nil, "zonecast", "validate", "--strict")

	t.Log("all zones to all targets in one run, asked back over DNS")
	r := s.apply(0, nil)
	s.wants(r, everywhere("done", 5))
	for _, res := range r.Report.Results {
		v := res.Verification
		served := slices.Contains([]string{"bind", "knot", "pdns"}, res.Target.Provider)
		if v == nil || served != (v.Checked > 0) || v.Visible != v.Checked {
			t.Errorf("%v was asked back as %+v, want all visible at servers and nothing asked at files", res.Target, v)
		}
	}
	for name, text := range s.servers("shop.example.") {
		for _, want := range []string{"*.apps.shop.example.", "mx2.shop.example.", "v=DMARC1; p=reject", "192.0.2.21"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, text)
			}
		}
		for _, not := range []string{"lab1", "LOC"} { // dropped by processors
			if strings.Contains(text, not) {
				t.Errorf("%s has %q:\n%s", name, not, text)
			}
		}
	}
	s.has(s.bind.ZoneText(t, "shop.test."), "www.shop.test.", "mx1.shop.example.")
	s.has(s.knot.ZoneText(t, "corp.example."), "wiki.corp.example.", "SSHFP")
	s.has(s.pdns.ZoneText(t, "legacy.example."), "node5.legacy.example.", "v=spf1 mx -all")

	t.Log("a second run has nothing to do, for octoDNS's command too")
	s.has(s.run(0, nil, "zonecast", "apply", "--yes"), "Nothing to do")
	s.run(0, nil, "zonecast", "plan", "--detailed-exitcode")
	s.has(s.run(0, nil, "octodns-sync", "--config-file", "config/production.yaml", "--doit"), "No changes were planned")

	s.killed()
	s.wrongKey()
	s.drifted()
	s.rolledBack()
	s.switchedOff()
}

// killed ends PowerDNS at the moment that it is written to.
func (s *site) killed() {
	s.t.Log("a server dies in the middle: the others finish, and the next run goes on")
	s.edit("zones/corp.example./vpn.yaml", "198.51.100.7", "198.51.100.77")
	s.strike.Store(true)
	r := s.apply(4, nil, "corp.example.")
	want := everywhere("done", 1)
	delete(want, "pdns")
	got := r.states("pdns")
	if got["done"] > 0 || len(got) != 1 {
		s.t.Errorf("PowerDNS was killed, and its target is %v", got)
	}
	want["pdns"] = got
	s.wants(r, want)
	s.has(s.bind.ZoneText(s.t, "corp.example."), "198.51.100.77")
	s.has(s.knot.ZoneText(s.t, "corp.example."), "198.51.100.77")

	out := s.run(1, nil, "zonecast", "plan", "corp.example.") // still down: it is said, the others are seen
	s.has(out, "pdns")
	s.pdns.Restart(s.t)
	s.wants(s.apply(0, nil, "corp.example."), map[string]map[string]int{"pdns": {"done": 1}})
	s.has(s.pdns.ZoneText(s.t, "corp.example."), "198.51.100.77")
}

// wrongKey takes the right to transfer and update from one account.
func (s *site) wrongKey() {
	s.t.Log("a wrong TSIG key: that target alone fails")
	s.edit("zones/corp.example./vpn.yaml", "198.51.100.77", "198.51.100.78")
	wrong := []string{"BIND_SECRET=" + testserver.NewKey(s.t).Secret}
	r := s.apply(4, wrong, "corp.example.")
	want := everywhere("done", 1)
	want["bind"] = map[string]int{"not planned": 1}
	s.wants(r, want)
	out := s.run(1, wrong, "zonecast", "providers", "verify", "bind", "knot", "pdns")
	s.has(out, "bind  failed", "knot  ok", "pdns  ok")
	if strings.Contains(out, wrong[0][len("BIND_SECRET="):]) {
		s.t.Error("the key is in the output")
	}
	s.wants(s.apply(0, nil, "corp.example."), map[string]map[string]int{"bind": {"done": 1}})
}

// drifted changes a zone at a server directly.
func (s *site) drifted() {
	s.t.Log("what somebody changes at a server is found and repaired")
	s.run(0, nil, "zonecast", "drift")
	s.update(s.bind.Addr, "shop.example.",
		[]string{"www.shop.example. 60 IN A 192.0.2.20"},
		[]string{"www.shop.example. 60 IN A 203.0.113.66", "rogue.shop.example. 300 IN TXT \"not ours\""})
	out := s.run(2, nil, "zonecast", "drift")
	s.has(out, "shop.example. at bind", "203.0.113.66", "rogue.shop.example.")
	s.wants(s.apply(0, nil), map[string]map[string]int{"bind": {"done": 1}})
	text := s.bind.ZoneText(s.t, "shop.example.")
	if strings.Contains(text, "203.0.113.66") || strings.Contains(text, "rogue") {
		s.t.Errorf("the drift is still there:\n%s", text)
	}
	s.run(0, nil, "zonecast", "drift")
}

// rolledBack takes a change back, at all targets.
func (s *site) rolledBack() {
	s.t.Log("a change, and back")
	s.edit("zones/shop.example.yaml", "192.0.2.30", "192.0.2.130")
	s.wants(s.apply(0, nil, "shop.example.", "--reason", "new mail server"), everywhere("done", 1))
	for name, text := range s.servers("shop.example.") {
		if !strings.Contains(text, "192.0.2.130") {
			s.t.Errorf("%s does not have the change:\n%s", name, text)
		}
	}
	s.run(0, nil, "zonecast", "rollback", "shop.example.", "--yes")
	for name, text := range s.servers("shop.example.") {
		if strings.Contains(text, "192.0.2.130") || !strings.Contains(text, "192.0.2.30") {
			s.t.Errorf("%s was not rolled back:\n%s", name, text)
		}
	}
	s.has(s.run(0, nil, "zonecast", "history", "shop.example.", "--target", "pdns", "--limit", "2"), "rollback to", "new mail server")
	s.edit("zones/shop.example.yaml", "192.0.2.130", "192.0.2.30")
	s.run(0, nil, "zonecast", "drift", "shop.example.")
}

// switchedOff disables a zone in the configuration, asks the servers, and enables it again.
func (s *site) switchedOff() {
	s.t.Log("zones: live state, disable, enable")
	path := filepath.Join(s.dir, "config", "production.yaml")
	before, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.run(0, nil, "zonecast", "zones", "disable", "legacy.example.")
	s.edit("bind/legacy.example.zone", "192.0.2.40", "192.0.2.140")
	s.has(s.run(0, nil, "zonecast", "apply", "--yes", "legacy.example."), "192.0.2.140")
	if text := s.bind.ZoneText(s.t, "legacy.example."); strings.Contains(text, "192.0.2.140") {
		s.t.Errorf("a disabled zone was applied:\n%s", text)
	}
	s.has(s.run(0, nil, "zonecast", "zones", "--live", "legacy.example."), "disabled", "primary, serial")
	s.run(0, nil, "zonecast", "zones", "enable", "legacy.example.")
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		s.t.Errorf("enabling did not take back every byte of disabling (%v):\n%s", err, after)
	}
	s.wants(s.apply(0, nil, "legacy.example."), everywhere("done", 1))
}
