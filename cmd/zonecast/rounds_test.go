package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// newClouds writes a configuration with one zone at several services.
func newClouds(t *testing.T, kinds ...string) (dir string) {
	t.Helper()
	dir = writeFiles(t, map[string]string{"zones/example.org.yaml": "www:\n  type: A\n  value: 192.0.2.1\n"})
	text := "sources:\n  zones: {type: yaml, directory: zones}\nproviders:\n"
	for _, kind := range kinds {
		c := newCloud(t, kind)
		text += fmt.Sprintf("  %s:\n    type: %s\n    %s: %s\n    %s\n    limits: \"off\"\n", kind, kind, c.option, c.url, c.extra)
	}
	text += "defaults: {sources: [zones], targets: [" + strings.Join(kinds, ", ") + "]}\nzones: [example.org]\n"
	if err := os.WriteFile(filepath.Join(dir, "zonecast.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A new zone's name servers join the apex NS of all its providers in the same run, with --json too:
// what is left afterwards is the same, which is nothing.
func TestTheSecondRoundIsTheSameWithJSON(t *testing.T) {
	t.Parallel()
	kinds := []string{"route53", "cloudflare", "google"}
	for _, flags := range [][]string{nil, {"--json"}} {
		dir := newClouds(t, kinds...)
		code, out, errs := try(t, append([]string{"apply", "--yes", "--no-verify", "-c", dir}, flags...)...)
		if code != exitOK {
			t.Fatalf("apply %v: exit %d\n%s\n%s", flags, code, out, errs)
		}
		if code, left, errs := try(t, "plan", "--detailed-exitcode", "-c", dir); code != exitOK {
			t.Errorf("after apply %v a plan exits %d, want nothing to do:\n%s%s", flags, code, left, errs)
		}
		if flags == nil {
			continue
		}
		var rounds []string // of plans and reports
		for line := range strings.Lines(out) {
			var l struct {
				applyLine
				Plan struct {
					Plans []any `json:"plans"`
				} `json:"plan"`
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			switch l.Type {
			case "plan":
				rounds = append(rounds, fmt.Sprintf("%d plan of %d", l.Round, len(l.Plan.Plans)))
			case "report":
				done := 0
				for _, r := range l.Report.Results {
					if r.State == apply.DoneState {
						done++
					}
				}
				rounds = append(rounds, fmt.Sprintf("%d report %d done, exit %d", l.Round, done, *l.Exit))
			}
		}
		if got, want := strings.Join(rounds, ", "), "0 plan of 3, 0 report 3 done, exit 0, 2 plan of 3, 2 report 3 done, exit 0"; got != want {
			t.Errorf("rounds are %s\nwant %s", got, want)
		}
	}
}

// When the second round cannot be planned everywhere, the first is written all the same: the run says
// so, does not exit 0, and goes on when it is called again.
func TestASecondRoundThatCannotBePlanned(t *testing.T) {
	t.Parallel()
	for _, interrupted := range []bool{false, true} {
		a, b := newCloud(t, "route53"), newCloud(t, "cloudflare")
		text := "sources:\n  zones: {type: yaml, directory: zones}\nproviders:\n"
		for _, c := range []*cloud{a, b} {
			text += fmt.Sprintf("  %s:\n    type: %s\n    %s: %s\n    %s\n    limits: \"off\"\n", c.kind, c.kind, c.option, c.url, c.extra)
		}
		text += "defaults: {sources: [zones], targets: [route53, cloudflare]}\nzones: [example.org]\n"
		if err := os.WriteFile(filepath.Join(a.dir, "zonecast.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, interrupt := context.WithCancel(t.Context())
		var out, errs watched
		b.say(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet || !strings.Contains(out.String(), "targets done") {
				return false
			}
			if interrupted {
				interrupt()
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"success":false,"errors":[{"code":9109,"message":"Unauthorized to access requested resource"}],"messages":[],"result":null}`)
			return true
		})
		code := run(ctx, "zonecast", []string{"apply", "--yes", "--no-verify", "-c", a.dir}, strings.NewReader(""), &out, &errs)
		interrupt()
		want := "error: cloudflare/example.org.: read example.org.: access denied"
		if interrupted {
			want = "interrupted: what the report above says is written"
		}
		if text := errs.String(); code != exitPartial || !strings.Contains(text, want) || !strings.Contains(text, "The same command again continues") || strings.Contains(text, "nothing was written") {
			t.Errorf("interrupted %v: exit %d, want %d and %q\n%s\n%s", interrupted, code, exitPartial, want, out.String(), text)
		}
		b.say(nil)
		for _, args := range [][]string{{"apply", "--yes", "--no-verify"}, {"plan", "--detailed-exitcode"}} {
			if code, out, errs := try(t, append(args, "-c", a.dir)...); code != exitOK {
				t.Errorf("%v afterwards: exit %d\n%s%s", args, code, out, errs)
			}
		}
	}
}

// What reads the lines of --json goes by the last report: it has the exit code of the process and what
// is wrong, when the second round has no targets to report of, too.
func TestTheLastReportHasTheExitCode(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name                 string
		refused, interrupted bool // the calls of the second round
		failed               int  // targets that are not planned
		want                 int
		finding              string
	}{
		{name: "both rounds are written", want: exitOK},
		{name: "the second cannot be planned", refused: true, failed: 2, want: exitPartial, finding: "access denied"},
		{name: "interrupted between the two", interrupted: true, want: exitPartial},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			a, b := newCloud(t, "cloudflare"), newCloud(t, "google")
			text := "sources:\n  zones: {type: yaml, directory: zones}\nproviders:\n"
			for _, c := range []*cloud{a, b} {
				text += fmt.Sprintf("  %s:\n    type: %s\n    %s: %s\n    %s\n    limits: \"off\"\n", c.kind, c.kind, c.option, c.url, c.extra)
			}
			text += "defaults: {sources: [zones], targets: [cloudflare, google]}\nzones: [example.org]\n"
			if err := os.WriteFile(filepath.Join(a.dir, "zonecast.yaml"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var out, errs watched
			for _, c := range []*cloud{a, b} {
				c.say(func(w http.ResponseWriter, r *http.Request) bool {
					if signsIn(r) || !strings.Contains(out.String(), `{"type":"report"`) {
						return false
					}
					if x.interrupted {
						interrupt()
					}
					if !x.refused {
						return false
					}
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusForbidden)
					_, _ = io.WriteString(w, `{"success":false,"errors":[{"code":9109,"message":"no"}],"messages":[],"result":null,"error":{"code":403,"message":"no","errors":[{"reason":"forbidden","message":"no"}]}}`)
					return true
				})
			}
			code := run(ctx, "zonecast", []string{"apply", "--json", "--yes", "--no-verify", "-c", a.dir}, strings.NewReader(""), &out, &errs)
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			last := lines[len(lines)-1]
			var l struct {
				applyLine
				Plan json.RawMessage `json:"plan"`
			}
			if err := json.Unmarshal([]byte(last), &l); err != nil || l.Type != "report" || l.Exit == nil {
				t.Fatalf("the last line is %s (%v), want a report with an exit code", last, err)
			}
			if code != x.want || *l.Exit != code || l.Round != 2 || len(l.Failed) != x.failed && !x.interrupted {
				t.Errorf("exit %d, want %d; the last line has exit %d, round %d, %d not planned, want round 2 and %d: %s\n%s", code, x.want, *l.Exit, l.Round, len(l.Failed), x.failed, last, errs.String())
			}
			if l.Report.Cancelled != x.interrupted {
				t.Errorf("the last report says that it was interrupted: %v, want %v", l.Report.Cancelled, x.interrupted)
			}
			if got := fmt.Sprint(l.Findings); !strings.Contains(got, x.finding) || x.finding == "" && finding.AsError(l.Findings) != nil {
				t.Errorf("findings of the last report are %s, want %q", got, x.finding)
			}
		})
	}
}

// A zone that was deleted at Route 53 comes back under other name servers. One apply makes it and has
// them join the apex NS of the others; the old ones stay until somebody says yes.
func TestAZoneMadeAnewJoinsInTheSameRun(t *testing.T) {
	t.Parallel()
	dir := newClouds(t, "route53", "cloudflare")
	again := func(want int, args ...string) string {
		t.Helper()
		code, out, errs := try(t, append(args, "-c", dir)...)
		if code != want {
			t.Fatalf("%v: exit %d, want %d\n%s%s", args, code, want, out, errs)
		}
		return out + errs
	}
	again(exitOK, "apply", "--yes", "--no-verify")
	again(exitOK, "plan", "--detailed-exitcode")
	cfg, finds := config.Load(filepath.Join(dir, "zonecast.yaml"), config.Options{})
	if err := finding.AsError(finds); err != nil {
		t.Fatal(err)
	}
	defer cfg.Close()
	p, err := cfg.OpenProvider("route53")
	if err != nil {
		t.Fatal(err)
	}
	snap, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName("example.org.")})
	if err != nil {
		t.Fatal(err)
	}
	var all []zone.Change
	for set := range snap.Sets.All() { // the service deletes empty zones only
		if set.Owner != snap.Sets.Origin() {
			all = append(all, zone.Change{Before: &set})
		}
	}
	if _, err := p.Write(t.Context(), snap, provider.ChangeSet{Sets: all}); err != nil {
		t.Fatal(err)
	}
	if err := p.(provider.ZoneDeleter).DeleteZone(t.Context(), snap.Info.ZoneRef); err != nil {
		t.Fatal(err)
	}
	old := snap.Info.NameServers[0].String()

	text := again(exitOK, "apply", "--yes", "--no-verify")
	if !strings.Contains(text, "answer now and join the apex NS") || !strings.Contains(text, old) || !strings.Contains(text, "stay in the apex NS until the new name servers are there") {
		t.Errorf("the apply that makes the zone anew says %s", text)
	}
	text = again(exitRefused, "apply", "--yes", "--no-verify")
	if !strings.Contains(text, "[-"+old+"-]") || strings.Contains(text, "[+") {
		t.Errorf("what is left is %s\nwant that the old name servers leave, and nothing joins", text)
	}
	again(exitOK, "apply", "--yes", "--no-verify", "--allow", "always-ask", "--reason", "made anew")
	again(exitOK, "plan", "--detailed-exitcode")
}
