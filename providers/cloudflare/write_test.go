package cloudflare_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/provider"
	sandbox "github.com/zonecast/zonecast/sandbox/cloudflare"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// lines reads RRsets: "owner ttl TYPE rdata", owners relative to the zone; options of octoDNS after
// " <<".
func lines(t testing.TB, origin zone.Name, text string) *zone.Zone {
	t.Helper()
	sets := map[zone.Key]*zone.RRset{}
	for line := range strings.Lines(text) {
		line, extra, _ := strings.Cut(strings.TrimSpace(line), " <<")
		f := strings.SplitN(line, " ", 4)
		if len(f) < 4 {
			continue
		}
		owner, err := zone.ParseNameIn(f[0], origin)
		typ, err2 := zone.ParseType(f[2])
		d, err3 := rdata.Parse(typ, f[3], origin)
		ttl, ok := rdata.ParseTTL(f[1])
		if err := errors.Join(err, err2, err3); err != nil || !ok {
			t.Fatalf("%q: %v", line, err)
		}
		k := zone.Key{Owner: owner, Type: typ}
		if sets[k] == nil {
			sets[k] = &zone.RRset{Owner: owner, Type: typ, TTL: ttl}
		}
		sets[k].Data = append(sets[k].Data, d)
		if extra != "" {
			sets[k].Extra = zone.ExtraOf(map[string]string{"octodns": extra})
		}
	}
	b := zone.NewBuilder(origin)
	for _, s := range sets {
		b.Add(*s)
	}
	z, err := b.Zone()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// show prints a zone as lines reads it.
func show(z *zone.Zone) string {
	var b strings.Builder
	for s := range z.All() {
		for _, d := range s.Data {
			fmt.Fprintf(&b, "%s %d %s %s", s.Owner.Relative(z.Origin()), s.TTL, s.Type, rdata.Text(s.Type, d))
			if extra, ok := s.Extra.Value("octodns"); ok {
				b.WriteString(" <<" + extra)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// A site is one zone under test.
type site struct {
	testing.TB
	*world
	p   provider.Provider
	ref provider.ZoneRef
}

func newSite(t testing.TB, w *world, plan sandbox.Plan, edit func(*provider.Config)) *site {
	t.Helper()
	return &site{t, w, w.open(t, edit), w.fresh(t, plan)}
}

func (s *site) read() *provider.Snapshot {
	s.Helper()
	snap, err := s.p.Read(s.Context(), s.ref)
	if err != nil {
		s.Fatalf("read: %v", err)
	}
	return snap
}

// plan turns what is there into text; the apex NS stay when text has none.
func (s *site) plan(base *provider.Snapshot, text string) provider.ChangeSet {
	s.Helper()
	want := lines(s, s.ref.Origin, text)
	var out provider.ChangeSet
	for c := range zone.Diff(base.Sets, want) {
		if c.After == nil && c.Key() == (zone.Key{Owner: s.ref.Origin, Type: zone.TypeNS}) {
			continue
		}
		out.Sets = append(out.Sets, c)
	}
	return out
}

// become writes text and demands that it is there.
func (s *site) become(text string) *provider.Receipt {
	s.Helper()
	base := s.read()
	changes := s.plan(base, text)
	r, err := s.p.Write(s.Context(), base, changes)
	if err != nil {
		s.Fatalf("write: %v", err)
	}
	if n := r.Count(provider.Done); n != changes.Len() {
		s.Fatalf("%d of %d changes done", n, changes.Len())
	}
	s.holds(text)
	return r
}

// holds demands that the zone reads as text, its apex NS left aside.
func (s *site) holds(text string) {
	s.Helper()
	var rest []string
	for l := range strings.Lines(show(s.read().Sets)) {
		if !strings.HasPrefix(l, "@ 86400 NS ") {
			rest = append(rest, l)
		}
	}
	if d := cmp.Diff(show(lines(s, s.ref.Origin, text)), strings.Join(rest, "")); d != "" {
		s.Errorf("the zone is not as wanted (-want +got):\n%s", d)
	}
}

// A raw is a record as the API shows it.
type raw struct {
	ID, Name, Type, Content, Comment string
	TTL                              int
	Proxied                          bool
	Tags                             []string
}

func (s *site) records() []raw {
	s.Helper()
	var a struct{ Result []raw }
	s.ask(s, http.MethodGet, "/zones/"+s.ref.ID+"/dns_records?per_page=5000&order=content", "", &a)
	return a.Result
}

func TestRecordsKeepTheirIDs(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t, sandbox.Options{}), sandbox.Pro, nil)
	s.become(`www 300 A 192.0.2.1 <<{"cloudflare":{"comment":"rack 7","tags":["team:web"]}}
		www 300 A 192.0.2.2
		_x._tcp 300 SRV 10 10 80 a.example.net.`)
	before := s.records()
	s.become(`www 600 A 192.0.2.1 <<{"cloudflare":{"comment":"rack 7","tags":["team:web"]}}
		www 600 A 192.0.2.9
		_x._tcp 300 SRV 20 10 80 a.example.net.`)
	after := s.records()
	ids := func(list []raw) []string {
		var out []string
		for _, r := range list {
			out = append(out, r.ID)
		}
		slices.Sort(out)
		return out
	}
	if d := cmp.Diff(ids(before), ids(after)); d != "" {
		t.Errorf("ids changed (-before +after):\n%s", d)
	}
	for _, r := range after {
		if r.Type == "A" && (r.Comment != "rack 7" || r.TTL != 600 || !slices.Equal(r.Tags, []string{"team:web"})) {
			t.Errorf("record is %+v, want its comment, its tag and TTL 600", r)
		}
	}
}

func TestOptionsOfOctoDNS(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t, sandbox.Options{}), sandbox.Pro, nil)
	for _, state := range []string{
		`www 300 A 192.0.2.1 <<{"cloudflare":{"auto-ttl":true,"proxied":true}}`,
		`www 300 A 192.0.2.1 <<{"cloudflare":{"auto-ttl":true}}
		 @ 300 CNAME target.example.net. <<{"cloudflare":{"auto-ttl":true,"comment":"apex","proxied":true}}`,
		`www 900 A 192.0.2.1
		 www 900 A 192.0.2.2 <<{"cloudflare":{"values":[{"comment":"second","tags":["a","b:c"],"value":"192.0.2.2"}]}}
		 @ 3600 MX 10 mx.example.net. <<{"cloudflare":{"values":[{"comment":"main","value":{"exchange":"mx.example.net.","preference":10}}]}}
		 @ 3600 MX 20 mx2.example.net.
		 @ 3600 TXT "a; b" <<{"cloudflare":{"values":[{"comment":"é","value":"c"},{"tags":["t"],"value":"a\\; b"}]}}
		 @ 3600 TXT "c"`,
		`www 900 A 192.0.2.1
		 www 900 A 192.0.2.2`,
	} {
		s.become(state)
	}
}

// Cloudflare lets single records of a set differ. Reading tells of it, and nothing else is touched
// until the set changes.
func TestRecordsThatDisagree(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t, sandbox.Options{}), sandbox.Pro, nil)
	name := "www." + strings.TrimSuffix(s.ref.Origin.String(), ".")
	for _, r := range []sandbox.Record{
		{Name: name, Type: "A", Content: "192.0.2.1", TTL: 600},
		{Name: name, Type: "A", Content: "192.0.2.2", TTL: 900},
	} {
		if _, err := s.svc.Plant(s.ref.ID, r); err != nil {
			t.Fatal(err)
		}
	}
	s.holds("www 600 A 192.0.2.1\nwww 600 A 192.0.2.2")
	snap := s.read()
	if len(snap.Foreign) != 1 || snap.Foreign[0].Kind != "records that disagree" || snap.Foreign[0].Owns {
		t.Errorf("foreign: %+v, want one note that does not own the set", snap.Foreign)
	}
	s.become("www 600 A 192.0.2.1\nwww 600 A 192.0.2.2\nwww 600 A 192.0.2.3")
	for _, r := range s.records() {
		if r.TTL != 600 {
			t.Errorf("after a change %s has TTL %d, want 600", r.Content, r.TTL)
		}
	}
}

func TestCulpritIsNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t, sandbox.Options{Records: 10000}), sandbox.Free, nil)
	var text strings.Builder
	for i := range 150 {
		fmt.Fprintf(&text, "h%d 300 A 192.0.2.%d\n", i, i+1)
	}
	// Cloudflare fetches nothing from itself.
	text.WriteString(`bad 300 A 127.0.0.1 <<{"cloudflare":{"auto-ttl":true,"proxied":true}}`)
	base := s.read()
	changes := s.plan(base, text.String())
	before := s.calls()
	r, err := s.p.Write(t.Context(), base, changes)
	if provider.KindOf(err) != provider.Rejected || !strings.Contains(err.Error(), "bad."+s.ref.Origin.String()+" A: 400: ") || !strings.Contains(err.Error(), "9003") {
		t.Errorf("error %v, want one of kind rejected that names the culprit with Cloudflare's words", err)
	}
	if n := r.Count(provider.Done); n != 150 || r.Count(provider.NotDone) != 1 {
		t.Errorf("%d done, %d not done; want 150 and 1", n, r.Count(provider.NotDone))
	}
	if n := s.calls() - before; n > 20 || n != r.Calls {
		t.Errorf("%d calls, the receipt says %d; want at most 20", n, r.Calls)
	}
	left := s.plan(s.read(), text.String())
	if len(left.Sets) != 1 {
		t.Errorf("planning again wants %d changes, want the one that was refused", len(left.Sets))
	}
}

// One change of a name that is refused takes no others with it, unless they depend on each other.
func TestCulpritAmongChangesOfOneName(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t, sandbox.Options{}), sandbox.Free, nil)
	base := s.read()
	r, err := s.p.Write(t.Context(), base, s.plan(base, `www 300 A 127.0.0.1 <<{"cloudflare":{"auto-ttl":true,"proxied":true}}
		www 300 TXT "fine"
		www 300 MX 10 mail.example.net.`))
	if provider.KindOf(err) != provider.Rejected || r.Count(provider.Done) != 2 {
		t.Errorf("%d done, error %v; want 2 done and the A refused", r.Count(provider.Done), err)
	}
	s.holds("www 300 MX 10 mail.example.net.\nwww 300 TXT \"fine\"")
}

// Searching for culprits costs a bounded number of calls.
func TestManyCulprits(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t, sandbox.Options{Records: 10000}), sandbox.Free, nil)
	var text strings.Builder
	for i := range 400 {
		fmt.Fprintf(&text, "h%d 300 A 127.0.0.%d <<{\"cloudflare\":{\"auto-ttl\":true,\"proxied\":true}}\n", i, i%250+1)
	}
	base := s.read()
	r, err := s.p.Write(t.Context(), base, s.plan(base, text.String()))
	if provider.KindOf(err) != provider.Rejected || !strings.Contains(err.Error(), "not tried any more") || r.Count(provider.NotDone) != 400 {
		t.Errorf("%d not done, error %v; want all not done, and to be told that some were not tried", r.Count(provider.NotDone), err)
	}
	if r.Calls > 80 {
		t.Errorf("%d calls, want a bound on them", r.Calls)
	}
}

// The demand on speed: 2,000 updates in at most 30 calls, pages included, in batches of a free zone.
func TestTwoThousandUpdates(t *testing.T) {
	t.Parallel()
	for plan, most := range map[sandbox.Plan]int{sandbox.Free: 12, sandbox.Enterprise: 3} {
		s := newSite(t, newWorld(t, sandbox.Options{Records: 10000}), plan, nil)
		s.become(addresses(2000, 1))
		base := s.read()
		changes := s.plan(base, addresses(2000, 2))
		before := s.calls()
		r, err := s.p.Write(t.Context(), base, changes)
		if err != nil || r.Count(provider.Done) != 2000 {
			t.Fatalf("plan %s: %d done, %v", plan, r.Count(provider.Done), err)
		}
		if n := s.calls() - before; n > most || n != r.Calls {
			t.Errorf("plan %s: %d calls, the receipt says %d; want at most %d", plan, n, r.Calls, most)
		}
		before = s.calls()
		s.read()
		if n := s.calls() - before; n != 1 {
			t.Errorf("plan %s: reading again took %d calls, want one page", plan, n)
		}
	}
}

func addresses(n, version int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "host-%d 300 A 10.%d.%d.%d\n", i, version, i/250, i%250+1)
	}
	return b.String()
}

func TestOneChangeTakesTwoCalls(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t, sandbox.Options{}), sandbox.Pro, nil)
	s.become("www 300 A 192.0.2.1\nmail 300 A 192.0.2.2")
	base := s.read()
	r, err := s.p.Write(t.Context(), base, s.plan(base, "www 300 A 192.0.2.9\nmail 300 A 192.0.2.2"))
	if err != nil || r.Calls != 2 {
		t.Errorf("%d calls, %v; want a filtered list and a batch", r.Calls, err)
	}
}

// A set larger than a batch goes in several.
func TestSetLargerThanABatch(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t, sandbox.Options{Records: 10000}), sandbox.Free, nil)
	var text strings.Builder
	for i := range 450 {
		fmt.Fprintf(&text, "big 300 A 10.0.%d.%d\n", i/250, i%250+1)
	}
	if r := s.become(text.String()); r.Calls != 4 {
		t.Errorf("%d calls, want a list and 3 batches", r.Calls)
	}
}

func TestApexNS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{})
	s := newSite(t, w, sandbox.Pro, nil)
	base := s.read()
	ns, ok := base.Sets.Set(s.ref.Origin, zone.TypeNS)
	if !ok || len(ns.Data) != 2 || len(base.Info.NameServers) != 2 {
		t.Fatalf("apex NS %v, name servers %v; want the two that are assigned", ns, base.Info.NameServers)
	}
	more := ns
	more.Data = append(slices.Clone(ns.Data), rdata.Name(zone.MustName("ns1.example.net.")))
	more = more.Clean()
	changes := provider.ChangeSet{Sets: []zone.Change{{Before: &ns, After: &more}}}

	off := w.open(t, with("multi_provider", "false"))
	if _, err := off.Write(t.Context(), base, changes); provider.KindOf(err) != provider.Rejected {
		t.Errorf("with multi_provider: false error %v, want one of kind rejected", err)
	}
	if c := off.Capabilities(base.Info); c.ApexNS != provider.ApexNSReadOnly {
		t.Errorf("with multi_provider: false ApexNS is %v, want read-only", c.ApexNS)
	}

	r, err := s.p.Write(t.Context(), base, changes)
	if err != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "multi-provider DNS was switched on") {
		t.Errorf("notes %q, error %v; want a note that multi-provider DNS was switched on", r.Notes, err)
	}
	after := s.read()
	if got, _ := after.Sets.Set(s.ref.Origin, zone.TypeNS); !got.Equal(more) {
		t.Errorf("apex NS %v, want %v", got, more)
	}
	if got := after.Settings["cloudflare/multi_provider"]; got != "true" {
		t.Errorf("setting multi_provider is %q, want true", got)
	}
	none := provider.ChangeSet{Sets: []zone.Change{{Before: &more, After: &zone.RRset{Owner: more.Owner, Type: more.Type, TTL: 300, Data: more.Data[:1]}}}}
	if _, err := s.p.Write(t.Context(), after, none); provider.KindOf(err) != provider.Rejected {
		t.Errorf("without Cloudflare's own name servers error %v, want one of kind rejected", err)
	}
}

// NS records that Cloudflare ignores are not ours, and are not made to count behind anybody's back.
func TestIgnoredApexNS(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t, sandbox.Options{}), sandbox.Pro, nil)
	apex := strings.TrimSuffix(s.ref.Origin.String(), ".")
	if _, err := s.svc.Plant(s.ref.ID, sandbox.Record{Name: apex, Type: "NS", Content: "old.example.net"}); err != nil {
		t.Fatal(err)
	}
	base := s.read()
	ns, _ := base.Sets.Set(s.ref.Origin, zone.TypeNS)
	if len(ns.Data) != 2 || len(base.Foreign) != 1 || base.Foreign[0].Kind != "ignored NS record" {
		t.Fatalf("apex NS %v, foreign %+v; want Cloudflare's two and one ignored record", ns, base.Foreign)
	}
	more := ns
	more.Data = append(slices.Clone(ns.Data), rdata.Name(zone.MustName("ns1.example.net.")))
	more = more.Clean()
	_, err := s.p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{Before: &ns, After: &more}}})
	if provider.KindOf(err) != provider.Rejected || !strings.Contains(err.Error(), "old.example.net.") {
		t.Errorf("error %v, want one of kind rejected that names the record", err)
	}
	// Asked for, the record counts, and is not made a second time.
	more.Data = append(slices.Clone(ns.Data), rdata.Name(zone.MustName("old.example.net.")))
	more = more.Clean()
	if _, err := s.p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{Before: &ns, After: &more}}}); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.read().Sets.Set(s.ref.Origin, zone.TypeNS); !got.Equal(more) || len(s.records()) != 1 {
		t.Errorf("apex NS %v of %d records, want %v of one", got, len(s.records()), more)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s := newSite(t, newWorld(t, sandbox.Options{}), sandbox.Pro, with("multi_provider", "true"))
	base := s.read()
	if got := base.Settings["cloudflare/multi_provider"]; got != "false" {
		t.Fatalf("setting is %q, want false", got)
	}
	for _, to := range []string{"true", "false"} {
		now := s.read()
		r, err := s.p.Write(t.Context(), now, provider.ChangeSet{Settings: []provider.SettingChange{
			{Key: "cloudflare/multi_provider", Before: now.Settings["cloudflare/multi_provider"], After: to},
		}})
		if err != nil || r.Settings[0] != provider.Done {
			t.Fatalf("to %s: %v, %v", to, r.Settings, err)
		}
		if got := s.read().Settings["cloudflare/multi_provider"]; got != to {
			t.Errorf("setting is %q, want %q", got, to)
		}
	}
	for _, c := range []provider.SettingChange{{Key: "cloudflare/multi_provider", After: "maybe"}, {Key: "dnssec", After: "on"}} {
		if _, err := s.p.Write(t.Context(), base, provider.ChangeSet{Settings: []provider.SettingChange{c}}); provider.KindOf(err) != provider.Rejected {
			t.Errorf("%+v: error %v, want one of kind rejected", c, err)
		}
	}
}

// A service that asks for an hour of peace is not waited for: the caller gets to know the hour. The
// budget of the account is its own here: others would wait with it.
func TestThrottledForAnHour(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{})
	s := newSite(t, w, sandbox.Pro, with("limits", "7 at once"))
	base := s.read()
	changes := s.plan(base, "www 300 A 192.0.2.1")
	w.svc.Panel().Turn(func(k *service.Knobs) { k.Throttle, k.RetryAfter = 1, service.Duration(time.Hour) })
	began := time.Now()
	for range 2 { // the first call may still go through
		if _, err := s.p.Read(t.Context(), s.ref); err != nil {
			e, _ := errors.AsType[*provider.Error](err)
			if e == nil || e.Kind != provider.Throttled || e.RetryAfter < 50*time.Minute {
				t.Errorf("read: %v, want throttled for an hour", err)
			}
			break
		}
	}
	if took := time.Since(began); took > 5*time.Minute {
		t.Errorf("it took %v to say so", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	r, err := s.p.Write(ctx, base, changes)
	if err == nil || r.Count(provider.NotDone) != 1 {
		t.Errorf("write: %v, receipt %v; want an error and nothing done", err, r.Sets)
	}
}
