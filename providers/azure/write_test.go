package azure_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/azure"
	emulated "github.com/zonecast/zonecast/sandbox/azure"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var example = zone.MustName("example.org.")

// fresh is a rig with the empty zone example.org.
func fresh(t testing.TB, o emulated.Options) (*rig, *azure.Provider, *provider.Snapshot) {
	t.Helper()
	r := newRig(t, o)
	p := r.open(t, nil)
	snap, err := p.CreateZone(t.Context(), example)
	if err != nil {
		t.Fatal(err)
	}
	return r, p, snap
}

// rr is an RRset of example.org.
func rr(t testing.TB, owner string, ttl uint32, typ zone.Type, values ...string) zone.RRset {
	t.Helper()
	n, err := zone.ParseNameIn(owner, example)
	if err != nil {
		t.Fatal(err)
	}
	set := zone.RRset{Owner: n, Type: typ, TTL: ttl}
	for _, v := range values {
		d, err := rdata.Parse(typ, v, example)
		if err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		set.Data = append(set.Data, d)
	}
	return set.Clean()
}

// toward are the changes that make a zone's sets, those of the apex aside, what is wanted.
func toward(snap *provider.Snapshot, want ...zone.RRset) provider.ChangeSet {
	var c provider.ChangeSet
	for have := range snap.Sets.All() {
		i := slices.IndexFunc(want, func(s zone.RRset) bool { return s.Key() == have.Key() })
		switch {
		case i < 0 && have.Owner == example && have.Type == zone.TypeNS:
		case i < 0:
			c.Sets = append(c.Sets, zone.Change{Before: &have})
		case !have.Equal(want[i]):
			c.Sets = append(c.Sets, zone.Change{Before: &have, After: &want[i]})
		}
	}
	for _, s := range want {
		if _, ok := snap.Sets.Set(s.Owner, s.Type); !ok {
			c.Sets = append(c.Sets, zone.Change{After: &s})
		}
	}
	return c
}

func mustRead(t testing.TB, p *azure.Provider) *provider.Snapshot {
	t.Helper()
	snap, err := p.Read(t.Context(), provider.ZoneRef{Origin: example})
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// become writes until the zone is as wanted, and checks that it is.
func become(t testing.TB, p *azure.Provider, want ...zone.RRset) *provider.Snapshot {
	t.Helper()
	snap := mustRead(t, p)
	if r, err := p.Write(t.Context(), snap, toward(snap, want...)); err != nil {
		t.Fatalf("receipt %+v: %v", r, err)
	}
	after := mustRead(t, p)
	if left := toward(after, want...); !left.Empty() {
		t.Fatalf("planned again: %+v", left.Sets)
	}
	return after
}

// A road is a transport that a test stands in the way of.
type road struct {
	next http.RoundTripper
	do   func(next http.RoundTripper, req *http.Request) (*http.Response, error)
}

func (r road) RoundTrip(req *http.Request) (*http.Response, error) { return r.do(r.next, req) }

// by sends an account's calls over a road.
func (r *rig) by(do func(next http.RoundTripper, req *http.Request) (*http.Response, error)) func(*provider.Config) {
	return func(c *provider.Config) {
		c.HTTP = func() http.RoundTripper { return road{r.api.Client().Transport, do} }
	}
}

// rewrite changes the body of an answer.
func rewrite(resp *http.Response, err error, f func(string) string) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	text := f(string(body))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader([]byte(text))), int64(len(text))
	resp.Header.Del("Content-Length")
	return resp, nil
}

func isList(req *http.Request) bool {
	return strings.HasSuffix(strings.ToLower(req.URL.Path), "/recordsets")
}

// https://learn.microsoft.com/en-us/rest/api/dns/record-sets/create-or-update: a PUT replaces the
// whole set, its metadata too.
func TestMetadataStays(t *testing.T) {
	t.Parallel()
	for _, saved := range []bool{false, true} {
		r, p, _ := fresh(t, emulated.Options{})
		r.put(t, example, "www", armdns.RecordTypeA, armdns.RecordSetProperties{
			TTL: new(int64(60)), Metadata: map[string]*string{"owner": new("web team")}, ARecords: []*armdns.ARecord{{IPv4Address: new("192.0.2.1")}},
		})
		snap := mustRead(t, p)
		if saved {
			snap.Own = nil
		}
		c := toward(snap, rr(t, "www", 300, zone.TypeA, "192.0.2.9"))
		if _, err := p.Write(t.Context(), snap, c); err != nil {
			t.Fatalf("saved %v: %v", saved, err)
		}
		if got := r.held(t, example, "www", armdns.RecordTypeA); !strings.Contains(got, "web team") || !strings.Contains(got, "192.0.2.9") {
			t.Errorf("saved %v: got %s, want the new address and the old metadata", saved, got)
		}
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	r, p, snap := fresh(t, emulated.Options{})
	calls := func(f func()) int {
		before, _ := r.counts()
		f()
		after, _ := r.counts()
		return after - before
	}
	write := func(snap *provider.Snapshot, c provider.ChangeSet) {
		t.Helper()
		receipt, err := p.Write(t.Context(), snap, c)
		if err != nil || receipt.Count(provider.Done) != c.Len() {
			t.Fatalf("%+v, %v", receipt, err)
		}
	}
	var many []zone.RRset
	for i := range 1200 {
		many = append(many, rr(t, fmt.Sprintf("host%d", i), 300, zone.TypeA, fmt.Sprintf("10.0.%d.%d", i/256, i%256)))
	}
	if n := calls(func() { write(snap, toward(snap, many...)) }); n != 1200 {
		t.Errorf("1,200 creates: %d calls, want 1,200", n)
	}
	// 1,200 hosts, NS and SOA.
	if n := calls(func() { snap = mustRead(t, p) }); n != 2+1 {
		t.Errorf("read of 1,202 sets: %d calls, want 2 pages and the zone", n)
	}
	many[7].TTL = 60
	if n := calls(func() { write(snap, toward(snap, many...)) }); n != 1 {
		t.Errorf("one change: %d calls, want 1", n)
	}
	snap = mustRead(t, p)
	snap.Own = nil
	many[8].TTL = 60
	if n := calls(func() { write(snap, toward(snap, many...)) }); n != 2 {
		t.Errorf("one change of a saved plan: %d calls, want 2", n)
	}
	snap = mustRead(t, p)
	snap.Own = nil
	for i := range 100 {
		many[100+i].TTL = 60
	}
	if n := calls(func() { write(snap, toward(snap, many...)) }); n != 100+2 {
		t.Errorf("100 changes of a saved plan: %d calls, want 100 and 2 pages", n)
	}
	fresh := r.open(t, values{"top": "100"})
	if n := calls(func() { mustRead(t, fresh) }); n != 13+1 {
		t.Errorf("read in pages of 100 by a new account: %d calls, want 13 pages and the zone", n)
	}
}

// A CNAME stands alone: https://learn.microsoft.com/en-us/azure/dns/dns-zones-records#cname-records.
// octoDNS had that wrong at first: https://github.com/octodns/octodns/issues/586
func TestWhatGoesGoesBeforeWhatComes(t *testing.T) {
	t.Parallel()
	_, p, _ := fresh(t, emulated.Options{})
	for range 3 {
		become(t, p, rr(t, "www", 300, zone.TypeA, "192.0.2.1"), rr(t, "www", 300, zone.TypeTXT, `"x"`), rr(t, "ftp", 300, zone.TypeCNAME, "www"), rr(t, "sub", 300, zone.TypeNS, "ns.example.net."))
		become(t, p, rr(t, "www", 300, zone.TypeCNAME, "host"), rr(t, "ftp", 300, zone.TypeA, "192.0.2.1"), rr(t, "ftp", 300, zone.TypeAAAA, "2001:db8::1"), rr(t, "sub", 300, zone.TypeCNAME, "www"))
	}
}

// One refused change is named, and the receipt says what became of each.
func TestRefusedInTheMiddle(t *testing.T) {
	t.Parallel()
	r, _, snap := fresh(t, emulated.Options{})
	refused := make(chan struct{})
	p := r.open(t, nil, r.by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		if name := req.URL.Path[strings.LastIndexByte(req.URL.Path, '/')+1:]; req.Method == http.MethodPut && name > "h20" {
			<-refused
		} else if name == "h20" {
			defer close(refused)
		}
		return next.RoundTrip(req)
	}))
	var want []zone.RRset
	for i := range 90 {
		want = append(want, rr(t, fmt.Sprintf("h%02d", i), 300, zone.TypeA, "192.0.2.1"))
	}
	r.put(t, example, "h20", armdns.RecordTypeCNAME, armdns.RecordSetProperties{TTL: new(int64(60)), CnameRecord: &armdns.CnameRecord{Cname: new("x.example.net")}})
	receipt, err := p.Write(t.Context(), snap, toward(snap, want...))
	if provider.KindOf(err) != provider.Conflict || !strings.Contains(err.Error(), "h20.example.org. A") || !strings.Contains(err.Error(), "of 90 changes are done") {
		t.Errorf("got %v, want a conflict that names h20", err)
	}
	now := mustRead(t, p)
	for i, s := range want {
		_, there := now.Sets.Set(s.Owner, s.Type)
		if (receipt.Sets[i] == provider.Done) != there || receipt.Sets[i] == provider.Unknown {
			t.Errorf("%s: receipt %v, there: %v", s.Key(), receipt.Sets[i], there)
		}
	}
	if receipt.Count(provider.NotDone) < 40 {
		t.Errorf("%d were done although one was refused", receipt.Count(provider.Done))
	}
}

// All that is wrong with a plan is said before anything is sent.
func TestRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	r, p, snap := fresh(t, emulated.Options{})
	ns, _ := snap.Sets.Set(example, zone.TypeNS)
	other := rr(t, "@", 300, zone.TypeNS, "ns.example.net.")
	long := rr(t, "long", 300, zone.TypeTXT, `"`+strings.Repeat("x", 255)+`" `+strings.Repeat(`"`+strings.Repeat("y", 255)+`" `, 16))
	outside := zone.RRset{Owner: zone.MustName("www.example.net."), Type: zone.TypeA, TTL: 1, Data: []zone.Data{"\x01\x02\x03\x04"}}
	good := rr(t, "good", 300, zone.TypeA, "192.0.2.1")
	c := provider.ChangeSet{Sets: []zone.Change{{After: &good}, {Before: &ns, After: &other}}}
	for _, s := range []zone.RRset{
		rr(t, "@", 300, zone.TypeSOA, "ns. mail. 1 2 3 4 5"), rr(t, "ds", 300, zone.TypeDS, "1 8 2 00"), rr(t, "zero", 0, zone.TypeA, "192.0.2.1"),
		rr(t, "null", 300, zone.TypeMX, "0 ."), rr(t, "empty", 300, zone.TypeTXT, `""`), rr(t, "text", 300, zone.TypeTXT, `"\200"`), long, outside,
		rr(t, `a\.b`, 300, zone.TypeA, "192.0.2.1"), rr(t, "c", 300, zone.TypeCNAME, `a\.b`), rr(t, `\@`, 300, zone.TypeA, "192.0.2.1"),
		rr(t, "two", 300, zone.TypeCNAME, "a", "b"),
	} {
		c.Sets = append(c.Sets, zone.Change{After: &s})
	}
	before, _ := r.counts()
	receipt, err := p.Write(t.Context(), snap, c)
	after, _ := r.counts()
	if provider.KindOf(err) != provider.Rejected || receipt.Count(provider.NotDone) != c.Len() || after != before {
		t.Errorf("got %+v after %d calls, %v; want nothing sent", receipt, after-before, err)
	}
	for _, words := range []string{
		"NS: name server " + snap.Info.NameServers[0].String(), "SOA: the SOA is", "records of type DS", "TTL 0", "null MX", "empty string", "printable ASCII", "4335 characters",
		"www.example.net. A: it is not in the zone", `a\.b.example.org. A: names of Azure DNS`, `name a\.b.example.org.`, `\@.example.org. A: names`, "more than one CNAME",
	} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("the error does not say %q: %v", words, err)
		}
	}
	if _, err := p.Write(t.Context(), snap, provider.ChangeSet{Sets: []zone.Change{{Before: &ns}}}); provider.KindOf(err) != provider.Rejected {
		t.Errorf("deletion of the NS: got %v, want it refused", err)
	}
	if _, err := p.Write(t.Context(), snap, provider.ChangeSet{Settings: []provider.SettingChange{{Key: "dnssec", After: "on"}}}); provider.KindOf(err) != provider.Rejected {
		t.Errorf("a setting: got %v, want it refused", err)
	}
}

// A snapshot that comes from a saved plan has no etags: what is there must be what was planned from.
func TestSavedPlan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		behind func(*rig, *testing.T)
		want   provider.ErrKind
	}{
		{"as it was", func(*rig, *testing.T) {}, provider.Other},
		{"changed", func(r *rig, t *testing.T) {
			r.put(t, example, "a", armdns.RecordTypeA, armdns.RecordSetProperties{TTL: new(int64(300)), ARecords: []*armdns.ARecord{{IPv4Address: new("192.0.2.7")}}})
		}, provider.Conflict},
		{"gone", func(r *rig, t *testing.T) { r.drop(t, example, "a", armdns.RecordTypeA) }, provider.Conflict},
		{"an alias now", func(r *rig, t *testing.T) {
			r.put(t, example, "a", armdns.RecordTypeA, armdns.RecordSetProperties{TTL: new(int64(300)), TargetResource: &armdns.SubResource{ID: new(publicAddress)}})
		}, provider.Conflict},
		{"created", func(r *rig, t *testing.T) {
			r.put(t, example, "new", armdns.RecordTypeA, armdns.RecordSetProperties{TTL: new(int64(300)), ARecords: []*armdns.ARecord{{IPv4Address: new("192.0.2.7")}}})
		}, provider.Conflict},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, p, _ := fresh(t, emulated.Options{})
			snap := become(t, p, rr(t, "a", 300, zone.TypeA, "192.0.2.1"), rr(t, "b", 300, zone.TypeA, "192.0.2.2"))
			snap.Own = nil
			c.behind(r, t)
			changes := toward(snap, rr(t, "a", 300, zone.TypeA, "192.0.2.9"), rr(t, "new", 300, zone.TypeA, "192.0.2.3"))
			receipt, err := p.Write(t.Context(), snap, changes)
			if provider.KindOf(err) != c.want || (err == nil) != (c.want == provider.Other) {
				t.Errorf("got %v, receipt %+v; want kind %q", err, receipt, c.want)
			}
		})
	}
}

// After a lost answer the set is read: what was carried out is Done, what was not is sent again.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, arrived := range []bool{true, false} {
		for _, state := range []string{"create", "update", "delete"} {
			t.Run(fmt.Sprintf("%s, arrived %v", state, arrived), func(t *testing.T) {
				t.Parallel()
				r, first, _ := fresh(t, emulated.Options{})
				want := []zone.RRset{rr(t, "www", 300, zone.TypeA, "192.0.2.1")}
				if state != "create" {
					become(t, first, want...)
					want[0].TTL = 60
				}
				if state == "delete" {
					want = nil
				}
				var lost atomic.Bool
				p := r.open(t, nil, r.by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
					if req.Method != http.MethodPut && req.Method != http.MethodDelete || lost.Swap(true) {
						return next.RoundTrip(req)
					}
					if arrived {
						resp, err := next.RoundTrip(req)
						if err == nil {
							_ = resp.Body.Close()
						}
					}
					return nil, errors.New("connection reset by peer")
				}))
				snap := mustRead(t, p)
				receipt, err := p.Write(t.Context(), snap, toward(snap, want...))
				if err != nil || receipt.Count(provider.Done) != 1 {
					t.Errorf("got %+v, %v; want it done", receipt, err)
				}
				if left := toward(mustRead(t, p), want...); !left.Empty() {
					t.Errorf("planned again: %+v", left.Sets)
				}
			})
		}
	}
}

// What stands there after a lost answer is somebody else's: nothing is known, nothing is sent.
func TestLostAnswerAndAnotherWriter(t *testing.T) {
	t.Parallel()
	r, _, _ := fresh(t, emulated.Options{})
	var once sync.Once
	puts := 0
	p := r.open(t, nil, r.by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		if req.Method != http.MethodPut {
			return next.RoundTrip(req)
		}
		puts++
		once.Do(func() {
			r.put(t, example, "www", armdns.RecordTypeA, armdns.RecordSetProperties{TTL: new(int64(300)), ARecords: []*armdns.ARecord{{IPv4Address: new("192.0.2.7")}}})
		})
		return nil, errors.New("connection reset by peer")
	}))
	snap := mustRead(t, p)
	receipt, err := p.Write(t.Context(), snap, toward(snap, rr(t, "www", 300, zone.TypeA, "192.0.2.1")))
	if err == nil || receipt.Sets[0] != provider.Unknown || puts != 1 {
		t.Errorf("got %+v, %v after %d tries; want unknown after one", receipt, err, puts)
	}
}

// https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling
func TestDocumentedLimitsAreKept(t *testing.T) {
	t.Parallel()
	r := newRig(t, emulated.Options{})
	r.Panel().Turn(func(k *service.Knobs) { k.Limits = true })
	p := r.open(t, values{"limits": ""})
	snap, err := p.CreateZone(t.Context(), example)
	if err != nil {
		t.Fatal(err)
	}
	var want []zone.RRset
	for i := range 120 {
		want = append(want, rr(t, fmt.Sprintf("h%d", i), 300, zone.TypeA, "192.0.2.1"))
	}
	if receipt, err := p.Write(t.Context(), snap, toward(snap, want...)); err != nil {
		t.Errorf("%+v: %v", receipt, err)
	}
	if s := p.Budget().State(); s.Refused != 0 {
		t.Errorf("%d calls were one too many", s.Refused)
	}
}

// Who cannot wait as long as the limits demand is told how long, and nothing is left unknown.
func TestNoTimeForTheLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t, emulated.Options{})
	p := r.open(t, values{"limits": ""}, func(c *provider.Config) { c.HTTP = func() http.RoundTripper { return r.api.Client().Transport } })
	snap, err := p.CreateZone(t.Context(), example)
	if err != nil {
		t.Fatal(err)
	}
	var want []zone.RRset
	for i := range 260 {
		want = append(want, rr(t, fmt.Sprintf("h%d", i), 300, zone.TypeA, "192.0.2.1"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	receipt, err := p.Write(ctx, snap, toward(snap, want...))
	e, ok := errors.AsType[*provider.Error](err)
	if !ok || e.Kind != provider.Throttled || e.RetryAfter == 0 {
		t.Errorf("got %v, want it throttled with a time to wait", err)
	}
	there := mustRead(t, r.open(t, nil)).Sets.Len() - 1
	if receipt.Count(provider.Unknown) != 0 || receipt.Count(provider.Done) != there || there < 150 || there > 200 {
		t.Errorf("%d done, %d unknown, %d there; want what 200 calls allow", receipt.Count(provider.Done), receipt.Count(provider.Unknown), there)
	}
}
