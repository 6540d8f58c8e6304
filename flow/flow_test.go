package flow_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/flow"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/store"
	"github.com/zonecast/zonecast/store/sqlite"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// accounts are the accounts of the test driver, by the value of their option "account".
var accounts sync.Map

// unreliable is an account that refuses to be read.
type unreliable struct {
	*conformance.Memory
	broken error
	panics bool
}

func (u *unreliable) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	if u.panics {
		panic("index out of range")
	}
	if u.broken != nil {
		return nil, u.broken
	}
	return u.Memory.Read(ctx, ref)
}

func init() {
	provider.Register(provider.Driver{
		Name: "test-memory", Title: "Memory of the test", Options: []provider.Option{{Name: "account", Required: true, Help: "which"}},
		Open: func(c provider.Config) (provider.Provider, error) {
			p, ok := accounts.Load(c.Text("account", ""))
			if !ok {
				return nil, errors.New("no such account")
			}
			return p.(provider.Provider), nil
		},
	})
}

// A bench is one configuration with its files, accounts and store.
type bench struct {
	*flow.Planner
	t     *testing.T
	dir   string
	store *sqlite.Store
	a, b  *unreliable
}

func newBench(t *testing.T, conf string, files map[string]string) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, dir: dir, a: &unreliable{Memory: &conformance.Memory{}}, b: &unreliable{Memory: &conformance.Memory{}}}
	accounts.Store(dir+"/a", provider.Provider(b.a))
	accounts.Store(dir+"/b", provider.Provider(b.b))
	conf = strings.ReplaceAll(conf, "DIR", dir)
	for name, text := range files {
		b.write(name, text)
	}
	path := filepath.Join(dir, "zonecast.yaml")
	if strings.Contains(conf, "class:") {
		path = filepath.Join(dir, "octodns.yaml")
	}
	cfg, fs := config.Parse(path, []byte(conf), config.Options{WorkDir: dir})
	if err := finding.AsError(fs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cfg.Close() })
	st, err := sqlite.Open(t.Context(), filepath.Join(dir, ".zonecast"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	b.store = st
	b.Planner = &flow.Planner{Config: cfg, Store: st, Run: "test"}
	return b
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// show is a run in lines: changes by target, objections, findings.
func show(r *flow.Run) string {
	var out []string
	for _, p := range r.Plans {
		line := p.Target.String() + ":"
		if p.Base.Missing {
			line += " create"
		}
		for _, c := range p.Changes.Sets {
			sign, set := "~", c.After
			switch {
			case c.Creates():
				sign = "+"
			case c.Deletes():
				sign, set = "-", c.Before
			}
			var data []string
			for _, d := range set.Data {
				data = append(data, rdata.Text(set.Type, d))
			}
			line += fmt.Sprintf(" %s%s/%s[%s]", sign, set.Owner.Relative(p.Target.Zone), set.Type, strings.Join(data, " "))
		}
		for _, f := range p.Held {
			line += " held:" + f.ID
		}
		if p.DryRun != "" {
			line += " dry"
		}
		out = append(out, line)
	}
	for _, f := range r.Findings {
		if f.Severity == finding.Error {
			out = append(out, "error: "+f.Text)
		}
	}
	return strings.Join(out, "\n")
}

func (b *bench) plan(req flow.Request) *flow.Run {
	b.t.Helper()
	return b.Plan(b.t.Context(), req)
}

func (b *bench) expect(r *flow.Run, want string) {
	b.t.Helper()
	got := strings.ReplaceAll(show(r), b.dir+"/", "")
	if want = strings.TrimSpace(want); got != want {
		b.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func (b *bench) apply(r *flow.Run) {
	b.t.Helper()
	report, err := b.Apply(b.t.Context(), r.Plans, flow.ApplyOptions{NoVerify: true}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, res := range report.Results {
		if res.State != apply.DoneState && res.State != apply.Unchanged {
			b.t.Errorf("%s is %s: %s", res.Target, res.State, res.Error)
		}
	}
}

const two = `
sources:
  files: {type: yaml, directory: DIR/zones}
providers:
  a: {type: test-memory, account: DIR/a}
  b: {type: test-memory, account: DIR/b}
guards: {disabled: [always-ask, ttl-policy]}
zones:
  example.org.: {sources: [files], targets: [a, b]}
`

func octo(targets, more string) string {
	return strings.ReplaceAll(`
providers:
  files: {class: octodns.provider.yaml.YamlProvider, directory: DIR/zones}
  a: {class: test-memory, account: DIR/a}
  b: {class: test-memory, account: DIR/b}
`+more+`
zones:
  example.org.: {sources: [files], targets: TARGETS}
`, "TARGETS", targets)
}

const www = "www:\n  type: A\n  value: 192.0.2.1\n"

func TestFromNothingToNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, octo("[a, b]", ""), map[string]string{"zones/example.org.yaml": www})
	r := b.plan(flow.Request{})
	b.expect(r, "a/example.org.: create +www/A[192.0.2.1]\nb/example.org.: create +www/A[192.0.2.1]")
	if r.Plans[0].Generation != 1 || r.Changes() != 4 {
		t.Errorf("generation %d, %d changes; want 1, 4", r.Plans[0].Generation, r.Changes())
	}
	b.apply(r)
	b.expect(b.plan(flow.Request{}), "a/example.org.:\nb/example.org.:")

	b.write("zones/example.org.yaml", strings.Replace(www, "192.0.2.1", "192.0.2.2", 1))
	r = b.plan(flow.Request{Targets: []string{"b"}})
	b.expect(r, "b/example.org.: ~www/A[192.0.2.2]")
	if r.Plans[0].Generation != 2 {
		t.Errorf("generation %d; want 2", r.Plans[0].Generation)
	}
}

func TestOneTargetFailsTheOtherGoesOn(t *testing.T) {
	t.Parallel()
	b := newBench(t, octo("[a, b]", ""), map[string]string{"zones/example.org.yaml": www})
	b.a.broken = errors.New("connection refused")
	r := b.plan(flow.Request{})
	b.expect(r, "b/example.org.: create +www/A[192.0.2.1]\nerror: a/example.org.: connection refused")
	if len(r.Failed) != 1 || r.Failed[0].Provider != "a" {
		t.Errorf("failed targets are %v", r.Failed)
	}
	b.a.panics = true
	if got := show(b.plan(flow.Request{Targets: []string{"a"}})); !strings.Contains(got, "zonecast has a fault in the adapter of a: index out of range") {
		t.Errorf("a panic of the adapter gives %q", got)
	}
}

func TestBrokenSourcePlansNothing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"www:\n  type: A\n  value: nonsense\n": "nonsense",
		"www: [\n":                             "",
		"":                                     "",
	} {
		files := map[string]string{"zones/example.org.yaml": text}
		if text == "" {
			files = nil
		}
		b := newBench(t, octo("[a]", ""), files)
		r := b.plan(flow.Request{})
		if len(r.Plans) != 0 || finding.AsError(r.Findings) == nil || !strings.Contains(show(r), want) {
			t.Errorf("%q: %d plans, findings %v", text, len(r.Plans), r.Findings)
		}
	}
}

func TestSelection(t *testing.T) {
	t.Parallel()
	b := newBench(t, octo("[a]", ""), map[string]string{"zones/example.org.yaml": www})
	for want, req := range map[string]flow.Request{
		"zone example.orc. is not configured":      {Zones: []zone.Name{zone.MustName("example.orc.")}},
		`error: "filez" is not configured`:         {Sources: []string{"filez"}},
		"a/example.org.: create +www/A[192.0.2.1]": {Sources: []string{"files"}, Targets: []string{"a"}},
	} {
		if got := show(b.plan(req)); !strings.Contains(got, want) {
			t.Errorf("%+v gives %q; want %q", req, got, want)
		}
	}
}

func TestAliasZonesAreCopies(t *testing.T) {
	t.Parallel()
	conf := octo("[a]", "") + "  example.net.: {alias: example.org.}\n"
	b := newBench(t, conf, map[string]string{"zones/example.org.yaml": www + "x:\n  type: CNAME\n  value: www.example.org.\n"})
	b.expect(b.plan(flow.Request{}), `
a/example.org.: create +www/A[192.0.2.1] +x/CNAME[www.example.org.]
a/example.net.: create +www/A[192.0.2.1] +x/CNAME[www.example.org.]`)
	if got := show(b.plan(flow.Request{Zones: []zone.Name{zone.MustName("example.net.")}})); !strings.Contains(got, "cannot be planned without zone example.org.") {
		t.Errorf("an alias alone gives %q", got)
	}
}

func TestDryRunZonesAreShownOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, strings.Replace(octo("[a]", ""), "targets: [a]", "targets: [a], always-dry-run: true", 1), map[string]string{"zones/example.org.yaml": www})
	b.expect(b.plan(flow.Request{}), "a/example.org.: create +www/A[192.0.2.1] dry")
}

func TestProcessorsHaveTheirSay(t *testing.T) {
	t.Parallel()
	conf := octo("[a]", "processors:\n  no-txt: {class: octodns.processor.filter.TypeRejectlistFilter, rejectlist: [TXT]}\nmanager: {include_meta: true, processors: [no-txt]}")
	b := newBench(t, conf, map[string]string{"zones/example.org.yaml": "t:\n  type: TXT\n  value: x\n" + www})
	b.expect(b.plan(flow.Request{}), `a/example.org.: create +octodns-meta/TXT["provider=a"] +www/A[192.0.2.1]`)
}

func TestAutomaticPTR(t *testing.T) {
	t.Parallel()
	conf := octo("[a]", "manager: {auto_arpa: true}") + "  2.0.192.in-addr.arpa.: {sources: [auto-arpa], targets: [a]}\n"
	b := newBench(t, conf, map[string]string{"zones/example.org.yaml": www})
	b.expect(b.plan(flow.Request{}), `
a/2.0.192.in-addr.arpa.: create +1/PTR[www.example.org.]
a/example.org.: create +www/A[192.0.2.1]`)
}

func TestGuardsHoldAndAreAllowed(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 20 {
		fmt.Fprintf(&text, "h%d:\n  type: A\n  value: 192.0.2.1\n", i)
	}
	b := newBench(t, octo("[a]", ""), map[string]string{"zones/example.org.yaml": text.String()})
	b.apply(b.plan(flow.Request{}))
	b.write("zones/example.org.yaml", www)
	r := b.plan(flow.Request{})
	if !r.Held() || !strings.Contains(show(r), "held:delete-share") {
		t.Errorf("deleting everything gives %s", show(r))
	}
	report, err := b.Apply(t.Context(), r.Plans, flow.ApplyOptions{NoVerify: true}, nil)
	if err != nil || report.Results[0].State != apply.Refused {
		t.Errorf("a held plan is %v, %v", report, err)
	}
	r = b.plan(flow.Request{Allow: []plan.Allowance{{Guard: "*", Reason: "moving house"}}})
	if r.Held() {
		t.Errorf("still held: %s", show(r))
	}
	b.apply(r)
	versions, err := b.Versions(t.Context(), store.Filter{Limit: 1})
	if err != nil || !strings.Contains(versions[0].Reason, "moving house") {
		t.Errorf("history is %+v, %v; want the reason", versions, err)
	}
}

func TestSavedPlanIsRefusedWhenTheTargetMoved(t *testing.T) {
	t.Parallel()
	b := newBench(t, octo("[a]", ""), map[string]string{"zones/example.org.yaml": www})
	b.apply(b.plan(flow.Request{}))
	b.write("zones/example.org.yaml", strings.Replace(www, "192.0.2.1", "192.0.2.2", 1))
	saved := b.plan(flow.Request{}).Plans
	ready, fs := b.Refresh(t.Context(), saved)
	if len(ready) != 1 || len(fs) != 0 {
		t.Fatalf("an unmoved plan: %d ready, %v", len(ready), fs)
	}
	org := zone.MustName("example.org.")
	moved, err := zone.Of(org, zone.RRset{Owner: zone.MustName("www.example.org."), Type: zone.TypeA, TTL: 5, Data: []zone.Data{"\xc0\x00\x02\x09"}})
	if err != nil {
		t.Fatal(err)
	}
	b.a.Put(moved)
	ready, fs = b.Refresh(t.Context(), saved)
	if len(ready) != 0 || len(fs) != 1 || !strings.Contains(fs[0].Text, "www.example.org. A") {
		t.Errorf("a moved plan: %d ready, %v", len(ready), fs)
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	b := newBench(t, octo("[a, b]", ""), map[string]string{"zones/example.org.yaml": www})
	org := zone.MustName("example.org.")
	if _, err := b.Rollback(t.Context(), org, 0); err == nil {
		t.Error("a zone without history has a version to go back to")
	}
	b.apply(b.plan(flow.Request{}))
	b.write("zones/example.org.yaml", "mail:\n  type: A\n  value: 192.0.2.7\n"+www)
	b.apply(b.plan(flow.Request{}))
	v, err := b.Rollback(t.Context(), org, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := b.plan(flow.Request{Zones: []zone.Name{org}, Instead: map[zone.Name]*source.Loaded{org: {Zone: v.Wish}}})
	b.expect(r, "a/example.org.: -mail/A[192.0.2.7]\nb/example.org.: -mail/A[192.0.2.7]")
	if r.Plans[0].Generation != 3 {
		t.Errorf("generation %d; want 3: going back is a new state", r.Plans[0].Generation)
	}
	if _, err := b.Rollback(t.Context(), zone.MustName("other.org."), v.ID); err == nil {
		t.Error("a version of another zone was taken")
	}
}

func TestRecoverReadsTheTruth(t *testing.T) {
	t.Parallel()
	b := newBench(t, octo("[a]", ""), map[string]string{"zones/example.org.yaml": www})
	p := b.plan(flow.Request{}).Plans[0]
	begin := func() {
		t.Helper()
		_, err := b.store.Begin(t.Context(), apply.Entry{Run: "dead", Target: p.Target, Generation: 1, Changes: p.Changes, Want: p.Want})
		if err != nil {
			t.Fatal(err)
		}
	}
	outcome := func(want string) {
		t.Helper()
		left, err := b.Recover(t.Context())
		if err != nil || len(left) != 1 || left[0].Outcome != want {
			t.Errorf("Recover = %+v, %v; want %s", left, err, want)
		}
		if again, err := b.Recover(t.Context()); err != nil || len(again) != 0 {
			t.Errorf("a second Recover = %v, %v; want nothing", again, err)
		}
	}
	begin()
	outcome("not applied")
	begin()
	b.a.Put(p.Want)
	outcome("applied")
	begin()
	lease, err := b.store.Lock(t.Context(), p.Target, "alive")
	if err != nil {
		t.Fatal(err)
	}
	if left, err := b.Recover(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("a write that is in flight was touched: %v, %v", left, err)
	}
	lease.Unlock()
}

func TestChildZonesAreDelegated(t *testing.T) {
	t.Parallel()
	conf := strings.Replace(two, "targets: [a, b]}", "targets: [a]}\n  sub.example.org.: {sources: [files], targets: [b]}", 1)
	b := newBench(t, conf, map[string]string{
		"zones/example.org.yaml":     "'':\n  type: NS\n  values: [ns1.example.net., ns2.example.net.]\n" + www,
		"zones/sub.example.org.yaml": "'':\n  type: NS\n  values: [ns.sub.example.org., ns2.example.net.]\nns:\n  type: A\n  value: 192.0.2.53\n",
	})
	r := b.plan(flow.Request{})
	b.expect(r, `
b/sub.example.org.: create +@/NS[ns.sub.example.org. ns2.example.net.] +ns/A[192.0.2.53]
a/example.org.: create +@/NS[ns1.example.net. ns2.example.net.] +sub/NS[ns.sub.example.org. ns2.example.net.] +ns.sub/A[192.0.2.53] +www/A[192.0.2.1]`)
	b.apply(r)
	// Planned alone, the parent keeps the delegation of a child that is not part of the run.
	b.expect(b.plan(flow.Request{Zones: []zone.Name{zone.MustName("example.org.")}}), "a/example.org.:")
}

func TestApexNSAreThoseOfAllProviders(t *testing.T) {
	t.Parallel()
	conf := strings.NewReplacer("account: DIR/a", "account: DIR/a, name_servers: [ns.a.example.]", "account: DIR/b", "account: DIR/b, name_servers: [ns.b.example.]").Replace(two)
	b := newBench(t, conf, map[string]string{"zones/example.org.yaml": www})
	b.expect(b.plan(flow.Request{}), `
a/example.org.: create +@/NS[ns.a.example. ns.b.example.] +www/A[192.0.2.1]
b/example.org.: create +@/NS[ns.a.example. ns.b.example.] +www/A[192.0.2.1]`)
}

// Nobody serves the zone yet: a provider that is not filled in this run is no name server of it.
func TestApexNSWithoutProvidersThatAreNotFilled(t *testing.T) {
	t.Parallel()
	conf := strings.NewReplacer("account: DIR/a", "account: DIR/a, name_servers: [ns.a.example.]", "account: DIR/b", "account: DIR/b, name_servers: [ns.b.example.]").Replace(two)
	files := map[string]string{"zones/example.org.yaml": www}
	const alone, both = "a/example.org.: create +@/NS[ns.a.example.] +www/A[192.0.2.1]", "a/example.org.: create +@/NS[ns.a.example. ns.b.example.] +www/A[192.0.2.1]"

	b := newBench(t, conf, files)
	b.b.broken = errors.New("out of order")
	b.expect(b.plan(flow.Request{}), alone+"\nerror: b/example.org.: out of order")
	b.b.broken = nil
	only := flow.Request{Targets: []string{"a"}}
	b.expect(b.plan(only), alone)
	b.apply(b.plan(only))
	b.apply(b.plan(flow.Request{}))
	b.expect(b.plan(flow.Request{}), "a/example.org.: ~@/NS[ns.a.example. ns.b.example.]\nb/example.org.:")

	// The history knows that b was filled once, so that it may be the one that serves.
	b = newBench(t, conf, files)
	b.apply(b.plan(flow.Request{Targets: []string{"b"}}))
	b.b.broken = errors.New("out of order")
	b.expect(b.plan(flow.Request{}), both+"\nerror: b/example.org.: out of order")
	b.expect(b.plan(only), both)

	// So it is where another serves the zone.
	three := strings.NewReplacer("targets: [a, b]", "targets: [a, b, c]", "guards:", "  c: {type: test-memory, account: DIR/c, name_servers: [ns.c.example.]}\nguards:").Replace(conf)
	b = newBench(t, three, files)
	accounts.Store(b.dir+"/c", provider.Provider(&conformance.Memory{}))
	b.apply(b.plan(flow.Request{Targets: []string{"b", "c"}}))
	b.b.broken = errors.New("out of order")
	b.expect(b.plan(flow.Request{}), "a/example.org.: create +@/NS[ns.a.example. ns.b.example. ns.c.example.] +www/A[192.0.2.1]\nc/example.org.:\nerror: b/example.org.: out of order")
}

func TestSilencedFindingsDoNotStop(t *testing.T) {
	t.Parallel()
	files := map[string]string{"zones/example.org.yaml": "mail:\n  type: MX\n  value: {exchange: www.example.org., preference: 10}\nwww:\n  type: CNAME\n  value: x.example.net.\n"}
	b := newBench(t, two, files)
	if r := b.plan(flow.Request{}); len(r.Plans) != 0 {
		t.Errorf("an MX that points to a CNAME is planned: %s", show(r))
	}
	b = newBench(t, two+"silence:\n- {finding: target-cname, name: mail, reason: the old relay knows}\n", files)
	if r := b.plan(flow.Request{}); len(r.Plans) != 2 {
		t.Errorf("a silenced finding stops: %s", show(r))
	}
}

func TestLoadNeedsNoTargets(t *testing.T) {
	t.Parallel()
	b := newBench(t, strings.Replace(octo("[a]", ""), "DIR/a}", "env/ZONECAST_TEST_IS_NOT_SET}", 1), map[string]string{"zones/example.org.yaml": www})
	zones, fs := b.Load(t.Context(), flow.Request{})
	if err := finding.AsError(fs); err != nil || len(zones) != 1 || zones[0].Loaded.Zone.Len() != 1 {
		t.Errorf("Load = %d zones, %v", len(zones), err)
	}
	if r := b.plan(flow.Request{}); len(r.Failed) != 1 || !strings.Contains(show(r), "ZONECAST_TEST_IS_NOT_SET") {
		t.Errorf("planning without the secret gives %s", show(r))
	}
}

// A record that somebody added at a provider is drift, not a loss of the source.
func TestDriftIsNoLossOfTheSource(t *testing.T) {
	t.Parallel()
	b := newBench(t, two, map[string]string{"zones/example.org.yaml": www})
	b.apply(b.plan(flow.Request{}))
	org := zone.MustName("example.org.")
	snap, err := b.a.Read(t.Context(), provider.ZoneRef{Origin: org})
	if err != nil {
		t.Fatal(err)
	}
	odd := zone.RRset{Owner: zone.MustName("odd.example.org."), Type: zone.TypeA, TTL: 300, Data: []zone.Data{"\xc0\x00\x02\x09"}}
	z, err := snap.Sets.With([]zone.Change{{After: &odd}})
	if err != nil {
		t.Fatal(err)
	}
	b.a.Put(z)
	b.expect(b.plan(flow.Request{}), "a/example.org.: -odd/A[192.0.2.9]\nb/example.org.:")
}

func TestZonesWithoutTargetsGoWhereTheyAreHeld(t *testing.T) {
	t.Parallel()
	files := map[string]string{"zones/example.org.yaml": "a.sub:\n  type: A\n  value: 192.0.2.5\n" + www}
	conf := strings.Replace(two, ", targets: [a, b]", "", 1)
	org, sub := zone.MustName("example.org."), zone.MustName("sub.example.org.")

	b := newBench(t, conf, files)
	b.expect(b.plan(flow.Request{}), "error: zone example.org. names no targets, and no configured provider holds it")
	b.a.Put(zone.Empty(org))
	b.expect(b.plan(flow.Request{}), "a/example.org.: +a.sub/A[192.0.2.5] +www/A[192.0.2.1]")
	b.b.Put(zone.Empty(sub))
	b.expect(b.plan(flow.Request{}), "error: a.sub.example.org. A belongs to zone sub.example.org., which b holds")
	b.b.Put(zone.Empty(org))
	if got := show(b.plan(flow.Request{})); !strings.Contains(got, "zone example.org. names no targets, and a and b hold it") {
		t.Errorf("two holders give %q", got)
	}
}

// octoDNS would empty a zone of fewer than ten records without a word.
func TestEmptiedFileEmptiesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, octo("[a]", ""), map[string]string{"zones/example.org.yaml": www})
	b.apply(b.plan(flow.Request{}))
	b.write("zones/example.org.yaml", "")
	b.expect(b.plan(flow.Request{}), "a/example.org.: -www/A[192.0.2.1] held:empty-zone")
}
