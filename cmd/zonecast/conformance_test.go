package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/internal/testserver"
)

// tryZone is a small zone that somebody has.
const tryZone = `$ORIGIN try.example.
$TTL 3600
@ SOA ns1.example.net. hostmaster.example.net. 7 7200 900 1209600 300
@ NS ns1.example.net.
@ NS ns2.example.net.
www 300 A 192.0.2.1
www 300 A 192.0.2.2
@ TXT "kept \"as\" it; was"
*.x 60 CNAME www
`

// folder is a configuration with one folder of zone files.
func folder(t *testing.T) (dir string) {
	t.Helper()
	return writeFiles(t, map[string]string{
		"zonecast.yaml":      "providers:\n  files: {type: zonefile, directory: zones}\nzones: {}\n",
		"zones/try.example.": tryZone,
	})
}

// held is what the folder holds for the zone, but for the serial.
func held(t *testing.T, dir, provider string) string {
	t.Helper()
	code, out, stderr := try(t, "dump", "-c", dir, "--from", provider, "try.example", "--format", "bind")
	if code != exitOK {
		t.Fatalf("dump exited %d: %s", code, stderr)
	}
	var lines []string
	for l := range strings.Lines(out) {
		if !strings.Contains(l, "; serial") {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "")
}

func TestConformanceOfAFolder(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	before := held(t, dir, "files")
	report := filepath.Join(dir, "report.md")
	code, out, stderr := try(t, "conformance", "-c", dir, "files", "--zone", "try.example.", "--yes", "--report", report)
	if code != exitOK {
		t.Fatalf("exited %d:\n%s\n%s", code, out, stderr)
	}
	for _, want := range []string{"L1     type A ", "round trips of edges", " passed, 0 failed, "} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
	if !strings.Contains(stderr, "Zone try.example. is as it was found.") {
		t.Errorf("standard error is %q", stderr)
	}
	if d := cmp.Diff(before, held(t, dir, "files")); d != "" {
		t.Errorf("the zone is not as it was (-before +after):\n%s", d)
	}
	if text, err := os.ReadFile(report); err != nil || !strings.Contains(string(text), "1,200 sets") {
		t.Errorf("the report is %q, %v", text, err)
	}
	if _, err := os.Stat(savedPath(t, stderr)); !os.IsNotExist(err) {
		t.Errorf("the copy of a zone that was put back is still there: %v", err)
	}
}

// savedPath is where standard error says that the zone is saved.
func savedPath(t *testing.T, stderr string) string {
	t.Helper()
	_, rest, ok := strings.Cut(stderr, "is saved in ")
	path, _, ok2 := strings.Cut(rest, " and will be put back")
	if !ok || !ok2 {
		t.Fatalf("no word of a copy in %q", stderr)
	}
	return path
}

func TestConformanceOfPowerDNS(t *testing.T) {
	t.Parallel()
	s := testserver.PowerDNS(t, testserver.PowerDNSOptions{Zones: map[string]string{"try.example.": tryZone}})
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	dir := writeFiles(t, map[string]string{"zonecast.yaml": fmt.Sprintf(
		"providers:\n  pdns: {type: powerdns, host: %s, port: %s, api_key: %s, dns_address: %q}\nzones: {}\n", u.Hostname(), u.Port(), s.APIKey, s.Addr)})
	before, ended := held(t, dir, "pdns"), map[string]conformance.Status{}
	// Something of each kind; adapters have the whole in their own tests.
	for _, part := range [][]string{{"--level", "0,5"}, {"--only", "credentials"}, {"--only", "at the last moment"}} {
		code, out, stderr := try(t, append([]string{"conformance", "-c", dir, "pdns", "--zone", "try.example", "--yes", "--json", "--ask"}, part...)...)
		if code != exitOK {
			t.Fatalf("%v: exited %d:\n%s\n%s", part, code, out, stderr)
		}
		var r conformance.Report
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%v: no report: %v\n%s", part, err, out)
		}
		for _, x := range r.Results {
			ended[x.Group] = x.Status
		}
	}
	for _, group := range []string{"read fidelity", "two writers, one set", "wrong credentials", "changed at the last moment"} {
		if ended[group] != conformance.Passed {
			t.Errorf("group %q ended as %q, want passed", group, ended[group])
		}
	}
	if _, ok := ended["type A"]; ok {
		t.Error("a group of level 1 was run; others were asked for")
	}
	if d := cmp.Diff(before, held(t, dir, "pdns")); d != "" {
		t.Errorf("the zone is not as it was (-before +after):\n%s", d)
	}
}

func TestConformanceDoesNotStart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no provider":      {[]string{"--zone", "try.example"}, exitError, "does not know which account"},
		"no zone":          {[]string{"files"}, exitError, "which zone it may empty\n  add --zone ZONE"},
		"no such provider": {[]string{"filse", "--zone", "try.example", "--yes"}, exitError, "did you mean files?"},
		"no such zone":     {[]string{"files", "--zone", "other.example", "--yes"}, exitError, "files has no zone other.example.: nothing was written"},
		"no such level":    {[]string{"files", "--zone", "try.example", "--yes", "--level", "8"}, exitError, "there is no level 8"},
		"nobody to ask":    {[]string{"files", "--zone", "try.example"}, exitError, "add --yes"},
		"many records":     {[]string{"files", "--zone", "try.example", "--yes", "--max-records", "3"}, exitRefused, "it holds 7 records, more than 3"},
		"a file is there":  {[]string{"files", "--zone", "try.example", "--yes", "--save", "DIR/zonecast.yaml"}, exitError, "the zone must be saved before it is touched"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			for i := range test.args {
				test.args[i] = strings.ReplaceAll(test.args[i], "DIR", dir)
			}
			before := held(t, dir, "files")
			code, out, stderr := try(t, append([]string{"conformance", "-c", dir}, test.args...)...)
			if code != test.code || !strings.Contains(stderr, test.want) {
				t.Errorf("exited %d, %q; want %d and %q", code, stderr, test.code, test.want)
			}
			if out != "" || held(t, dir, "files") != before {
				t.Errorf("something was done: %q", out)
			}
		})
	}
}

// TestConformanceInterrupted ends the run in its middle, as Ctrl-C does.
func TestConformanceInterrupted(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	before := held(t, dir, "files")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	errs := &until{text: "debug:", then: cancel, want: 4} // the trace goes on while it works
	code := run(ctx, "zonecast", []string{"conformance", "-c", dir, "files", "--zone", "try.example", "--yes", "--debug"}, strings.NewReader(""), &out, errs)
	if code != exitError || !strings.Contains(errs.String(), "The zone is being put back") || !strings.Contains(errs.String(), "is as it was found") {
		t.Errorf("exited %d:\n%s\n%s", code, &out, errs)
	}
	if d := cmp.Diff(before, held(t, dir, "files")); d != "" {
		t.Errorf("the zone is not as it was (-before +after):\n%s", d)
	}
}

// until calls then after a text was written some times.
type until struct {
	bytes.Buffer
	text string
	want int
	then func()
}

func (u *until) Write(b []byte) (int, error) {
	if u.want -= bytes.Count(b, []byte(u.text)); u.want <= 0 {
		u.then()
	}
	return u.Buffer.Write(b)
}

// TestConformanceRestores puts a zone back after a run that was killed.
func TestConformanceRestores(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	before := held(t, dir, "files")
	file := filepath.Join(dir, "kept.json")
	if code, out, stderr := try(t, "conformance", "-c", dir, "files", "--zone", "try.example", "--yes", "--only", "type A", "--save", file); code != exitOK {
		t.Fatalf("exited %d:\n%s\n%s", code, out, stderr)
	}
	path := filepath.Join(dir, "zones", "try.example.")
	if err := os.WriteFile(path, []byte(strings.Split(tryZone, "www")[0]+"left.over 60 A 192.0.2.9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := try(t, "conformance", "-c", dir, "files", "--restore", file); code != exitError || !strings.Contains(stderr, "add --yes") {
		t.Errorf("exited %d, %q; want the advice to add --yes", code, stderr)
	}
	if code, out, stderr := try(t, "conformance", "-c", dir, "files", "--restore", file, "--yes"); code != exitOK {
		t.Fatalf("exited %d:\n%s\n%s", code, out, stderr)
	}
	if d := cmp.Diff(before, held(t, dir, "files")); d != "" {
		t.Errorf("the zone is not as it was (-before +after):\n%s", d)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := try(t, "conformance", "-c", dir, "files", "--restore", file, "--yes"); code != exitPartial || !strings.Contains(stderr, "it is saved in "+file) {
		t.Errorf("of a zone that is gone: exited %d, %q; want %d", code, stderr, exitPartial)
	}
}

func TestConformanceLists(t *testing.T) {
	t.Parallel()
	code, out, stderr := try(t, "conformance", "--list", "--level", "7")
	if code != exitOK || !strings.Contains(out, "L7     10,000 sets in few calls") || strings.Contains(out, "L6") {
		t.Errorf("exited %d: %q, %q", code, out, stderr)
	}
}

func TestConformanceText(t *testing.T) {
	t.Parallel()
	refusals := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("refused: x%d.try.example. A: names are letters, digits and hyphens", i))
		}
		return out
	}
	var out bytes.Buffer
	a := newApp(strings.NewReader(""), &out, &bytes.Buffer{})
	a.writeConformance(&conformance.Report{
		Subject: "files (zone try.example.)",
		Results: []conformance.Result{
			{Group: "read fidelity", Level: 0, Status: conformance.Passed, Steps: 3, Took: 12 * time.Millisecond},
			{Group: "type DNSKEY", Level: 1, Status: conformance.Skipped, Reason: "refused by the service: try.example. DNSKEY: not in your plan", Steps: 1, Took: time.Millisecond},
			{Group: "type WALLET", Level: 1, Status: conformance.Skipped, Reason: "not declared"},
			{Group: "odd names", Level: 2, Status: conformance.Passed, Steps: 11, Took: 40 * time.Millisecond, Notes: refusals(6)},
			{Group: "1,200 sets", Level: 3, Status: conformance.Failed, Reason: "1200 created: planning again after the write wants\n  + x.try.example. 300 A 192.0.2.1", Steps: 1, Took: 2 * time.Second},
			{Group: "server killed", Level: 4, Status: conformance.Skipped, Reason: "no server that could be killed"},
			{Group: "fault in the middle of a write", Level: 4, Status: conformance.Passed, Steps: 9, Took: time.Second, Notes: []string{"read and write of 12 changes: 3 calls in all"}},
		},
		Unproven: []string{"Wildcards"},
		Untested: []string{"Types/DNSKEY", "CreateZone"},
	})
	golden(t, "conformance.txt", out.String())
}

// The suite wraps the transport of an account, which must trust whom the account trusts.
func TestConformanceTrustsTheAccountsCertificates(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	dir := writeFiles(t, map[string]string{"ca.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))})
	for id, want := range map[string]bool{"cloud": true, "other": false} {
		cfg := &config.Config{Dir: dir, Providers: []config.Entry{{
			ID: id, Options: []config.Field{{Name: "ca_file", Value: config.Value{Kind: config.Scalar, Text: "ca.pem"}}},
		}}}
		trusting := attack{args: conformanceArgs{provider: "cloud"}}.trusting(cfg)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := trusting.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		if (err == nil) != want {
			t.Errorf("ca_file of %s: error %v, want one: %v", id, err, !want)
		}
	}
}
