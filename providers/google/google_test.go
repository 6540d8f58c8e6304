package google_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/google"
	emulated "github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// What others wrote in other words or another order is deleted in theirs: with what Read remembers
// in one call, from a saved plan with one reading more.
// https://github.com/DNSControl/dnscontrol/pull/3011,
// https://github.com/octodns/octodns-googlecloud/pull/70
func TestExactDeletions(t *testing.T) {
	t.Parallel()
	for _, saved := range []bool{false, true} {
		c := newCloud(t, emulated.Options{})
		base := c.fresh(t, "order.example.")
		ref := provider.ZoneRef{Origin: base.Info.Origin}
		c.put(t, base.Info.ID,
			rrset("www.order.example.", "A", 300, "192.0.2.9", "192.0.2.1", "192.0.2.5"),
			rrset("txt.order.example.", "TXT", 300, `"z"`, `"a" "b"`, "unquoted;text"),
			rrset("mx.order.example.", "MX", 0, "20 B.example.net.", "10 a.example.net."),
		)
		p := c.open(t, nil)
		base = read(t, p, ref)
		want := 1
		if saved {
			base.Own, want = nil, 1+3+1 // refused, the three sets read, sent again
		}
		list := changes()
		for _, key := range []string{"www A", "txt TXT", "mx MX"} {
			label, typ, _ := strings.Cut(key, " ")
			z, _ := zone.ParseType(typ)
			have, ok := base.Sets.Set(zone.MustName(label+".order.example."), z)
			if !ok {
				t.Fatalf("%s was not read", key)
			}
			list.Sets = append(list.Sets, zone.Change{Before: &have})
		}
		list.Sets[0].After = set(t, "www.order.example.", "A", 300, "192.0.2.1")
		r, err := p.Write(t.Context(), base, list)
		if err != nil {
			t.Fatalf("saved %t: %v", saved, err)
		}
		wantOutcomes(t, r, provider.Done, provider.Done, provider.Done)
		if r.Calls != want {
			t.Errorf("saved %t: %d calls, want %d", saved, r.Calls, want)
		}
		if n := read(t, p, ref).Sets.Len(); n != 3 { // SOA, NS and www
			t.Errorf("saved %t: %d sets are left", saved, n)
		}
	}
}

// What moved is refused, with a saved plan too, and nothing of the plan is carried out.
func TestMovedUnderASavedPlan(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "moved.example.")
	c.put(t, base.Info.ID, rrset("www.moved.example.", "A", 300, "192.0.2.9", "192.0.2.1"))
	p := c.open(t, nil)
	base = read(t, p, base.Info.ZoneRef)
	base.Own = nil
	r, err := p.Write(t.Context(), base, changes(
		zone.Change{Before: set(t, "www.moved.example.", "A", 300, "192.0.2.1", "192.0.2.8")},
		zone.Change{After: set(t, "new.moved.example.", "A", 300, "192.0.2.1")},
	))
	if provider.KindOf(err) != provider.Conflict || !strings.Contains(err.Error(), "www.moved.example.") || !strings.Contains(err.Error(), "plan again") {
		t.Errorf("got %v, want a conflict that names the set", err)
	}
	wantOutcomes(t, r, provider.NotDone, provider.NotDone)
}

// A CNAME that somebody else put where the plan has another type is a conflict; one that the plan
// itself puts there is rejected.
func TestCNAMEBeside(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "beside.example.")
	p := c.open(t, nil)
	r, err := p.Write(t.Context(), base, changes(
		zone.Change{After: set(t, "www.beside.example.", "A", 300, "192.0.2.1")},
		zone.Change{After: set(t, "www.beside.example.", "CNAME", 300, "www.example.net.")},
	))
	if provider.KindOf(err) != provider.Rejected || !strings.Contains(err.Error(), "www.beside.example.") {
		t.Errorf("both in one plan: %v", err)
	}
	wantOutcomes(t, r, provider.NotDone, provider.NotDone)
	c.put(t, base.Info.ID, rrset("www.beside.example.", "CNAME", 300, "www.example.net."))
	r, err = p.Write(t.Context(), base, changes(zone.Change{After: set(t, "www.beside.example.", "A", 300, "192.0.2.1")}))
	if provider.KindOf(err) != provider.Conflict || !strings.Contains(err.Error(), "plan again") {
		t.Errorf("from somebody else: %v", err)
	}
	wantOutcomes(t, r, provider.NotDone)
	r, err = p.Write(t.Context(), read(t, p, base.Info.ZoneRef), changes(zone.Change{After: set(t, "www.beside.example.", "A", 300, "192.0.2.1")}))
	if provider.KindOf(err) != provider.Rejected {
		t.Errorf("beside one that the plan knows: %v", err)
	}
	wantOutcomes(t, r, provider.NotDone)
}

// When a later change of the service is refused, the receipt tells which were carried out, and the
// error which set it was.
func TestReceiptOfSeveralBatches(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "parts.example.")
	c.put(t, base.Info.ID, rrset("h2.parts.example.", "A", 60, "192.0.2.200"))
	p := c.open(t, values{"batch_size": "2"})
	var list provider.ChangeSet
	for i := range 5 {
		list.Sets = append(list.Sets, zone.Change{After: set(t, fmt.Sprintf("h%d.parts.example.", i), "A", 300, "192.0.2.1")})
	}
	r, err := p.Write(t.Context(), base, list)
	wantOutcomes(t, r, provider.Done, provider.Done, provider.NotDone, provider.NotDone, provider.NotDone)
	if provider.KindOf(err) != provider.Conflict {
		t.Errorf("kind: got %v of %v", provider.KindOf(err), err)
	}
	for _, want := range []string{"change 2 of 3", "those before it are done", "h2.parts.example."} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

// The quota of rrdata cuts changes too, and a change of type stays in one.
func TestBytesOfAChange(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "bytes.example.")
	p := c.open(t, nil)
	var list provider.ChangeSet
	for i := range 150 {
		list.Sets = append(list.Sets, zone.Change{After: set(t, fmt.Sprintf("t%d.bytes.example.", i), "TXT", 300, strings.Repeat(`"`+strings.Repeat("x", 246)+`" `, 4))})
	}
	r, err := p.Write(t.Context(), base, list) // 150 × 995 octets
	if err != nil || r.Count(provider.Done) != 150 || r.Calls != 2+1 {
		t.Fatalf("create: %v, %d done in %d calls, want 150 in 2 and one for the token", err, r.Count(provider.Done), r.Calls)
	}
	base = read(t, p, base.Info.ZoneRef)
	for i, x := range list.Sets {
		list.Sets[i] = zone.Change{Before: x.After}
		list.Sets = append(list.Sets, zone.Change{After: set(t, x.After.Owner.String(), "CNAME", 300, "www.example.net.")})
	}
	r, err = p.Write(t.Context(), base, list)
	if err != nil || r.Count(provider.Done) != 300 || r.Calls != 2 {
		t.Errorf("change of type: %v, %d done in %d calls, want 300 in 2", err, r.Count(provider.Done), r.Calls)
	}
}

// The figures that people are told: no call that is not needed.
func TestCalls(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{Quota: emulated.Quota{RRsetsPerManagedZone: 20_000}})
	base := c.fresh(t, "calls.example.")
	p := c.open(t, values{"batch_size": ""})
	spent := func(what string, want int64, f func()) {
		t.Helper()
		before := c.calls.Load()
		f()
		if got := c.calls.Load() - before; got != want {
			t.Errorf("%s: %d calls, want %d", what, got, want)
		}
	}
	var list provider.ChangeSet
	for i := range 10_000 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		list.Sets = append(list.Sets, zone.Change{After: &zone.RRset{Owner: zone.MustName(fmt.Sprintf("h%d.calls.example.", i)), Type: zone.TypeA, TTL: 300, Data: []zone.Data{rdata.A(a)}}})
	}
	write := func(sets []zone.Change) {
		t.Helper()
		r, err := p.Write(t.Context(), base, changes(sets...))
		if err != nil || r.Count(provider.Done) != len(sets) {
			t.Fatalf("write of %d: %v", len(sets), err)
		}
	}
	spent("1,200 creates: token, 2 changes, 2 polls", 1+2+2, func() { write(list.Sets[:1200]) })
	spent("one create: 1 change, 1 poll", 1+1, func() { write(list.Sets[1200:1201]) })
	spent("8,797 creates: 9 changes, 9 polls", 9+9, func() { write(list.Sets[1201:9998]) })
	spent("read of 10,000: zone, 10 pages", 1+10, func() { base = read(t, p, provider.ZoneRef{Origin: base.Info.Origin}) })
	if n := base.Sets.Len(); n != 10_000 {
		t.Errorf("%d sets were read", n)
	}
	spent("read again: 10 pages", 10, func() { read(t, p, provider.ZoneRef{Origin: base.Info.Origin}) })
	spent("read by another account: token, zone, 10 pages", 1+1+10, func() { read(t, c.open(t, nil), provider.ZoneRef{Origin: base.Info.Origin}) })
}

// Pending changes are asked for, for as long as the option says and not longer.
func TestPolling(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "slow.example.")
	write := func(label string, options values) *provider.Receipt {
		t.Helper()
		r, err := c.open(t, options).Write(t.Context(), base, changes(zone.Change{After: set(t, label+".slow.example.", "A", 300, "192.0.2.1")}))
		if err != nil || r.Count(provider.Done) != 1 || r.Calls != 2 {
			t.Fatalf("%s: %+v, %v; want it done in 2 calls", label, r, err)
		}
		return r
	}
	if r := write("at-once", nil); len(r.Notes) != 0 {
		t.Errorf("at once: notes %q, want none", r.Notes)
	}
	c.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(1200 * time.Millisecond) })
	if r := write("later", nil); len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], "done: sent to all name servers") || !strings.Contains(r.Notes[0], "polls, not counted") || r.Took < 1200*time.Millisecond {
		t.Errorf("later: %q after %v", r.Notes, r.Took)
	}
	if r := write("unwaited", values{"sync_timeout": "0"}); len(r.Notes) != 0 {
		t.Errorf("sync_timeout 0: notes %q", r.Notes)
	}
	c.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(time.Hour) })
	if r := write("too-late", values{"sync_timeout": "1"}); len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "still pending") || r.Took > 5*time.Second {
		t.Errorf("sync_timeout 1: %q after %v", r.Notes, r.Took)
	}
}

// A list in which a set shows twice has moved, and is read again; one that never ends is an error.
func TestListThatMoves(t *testing.T) {
	t.Parallel()
	page := func(next string, sets ...string) string {
		return `{"kind":"dns#resourceRecordSetsListResponse","rrsets":[` + strings.Join(sets, ",") + `],"nextPageToken":"` + next + `"}`
	}
	one := func(name, typ, data string) string {
		return fmt.Sprintf(`{"name":%q,"type":%q,"ttl":60,"rrdatas":[%q]}`, name, typ, data)
	}
	apex := []string{
		one("m.example.", "SOA", "ns-cloud-a1.googledomains.com. cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"),
		one("m.example.", "NS", "ns-cloud-a1.googledomains.com."),
	}
	a := one("a.m.example.", "A", "192.0.2.1")
	c := newCloud(t, emulated.Options{})
	c.fresh(t, "m.example.")
	for _, x := range []struct {
		name  string
		pages []string // one after the other
		kind  provider.ErrKind
		sets  int
	}{
		{"whole", []string{page("", append(apex, a)...)}, provider.Other, 3},
		{"twice, then whole", []string{page("t", append(apex, a)...), page("", a), page("", append(apex, a)...)}, provider.Other, 3},
		{"always twice", []string{page("t", append(apex, a)...), page("", a), page("t", append(apex, a)...), page("", a), page("t", append(apex, a)...), page("", a)}, provider.Transient, 0},
		{"without the apex", []string{page("", a)}, provider.Invalid, 0},
		{"the same page for ever", []string{page("t", apex...), page("t", a)}, provider.Invalid, 0},
		{"of another zone", []string{page("", append(apex, one("a.other.example.", "A", "192.0.2.1"))...)}, provider.Invalid, 0},
		{"not a list", []string{`{}`}, provider.Invalid, 0},
		{"a new kind of set", []string{page("", append(apex, `{"name":"n.m.example.","type":"A","ttl":60,"novelty":{}}`, one("b.m.example.", "NEWTYPE", "x"), one("c.m.example.", "A", "not an address"))...)}, provider.Other, 2},
	} {
		n := 0
		p := c.open(t, nil, func(conf *provider.Config) {
			conf.HTTP = func() http.RoundTripper {
				return trip(func(r *http.Request) (*http.Response, error) {
					if !strings.HasSuffix(r.URL.Path, "/rrsets") {
						return http.DefaultTransport.RoundTrip(r)
					}
					body := x.pages[min(n, len(x.pages)-1)]
					n++
					return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
				})
			}
		})
		snap, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName("m.example.")})
		switch {
		case x.sets == 0 && (err == nil || provider.KindOf(err) != x.kind):
			t.Errorf("%s: got %v, want kind %v", x.name, err, x.kind)
		case x.sets > 0 && err != nil:
			t.Errorf("%s: %v", x.name, err)
		case x.sets > 0 && snap.Sets.Len() != x.sets:
			t.Errorf("%s: %d sets, want %d", x.name, snap.Sets.Len(), x.sets)
		}
		if x.name == "a new kind of set" && err == nil && len(snap.Foreign) != 3 {
			t.Errorf("%s: foreign %+v", x.name, snap.Foreign)
		}
	}
}

// A server with a certificate of its own is trusted when its file is named, and not else.
func TestOwnCertificate(t *testing.T) {
	t.Parallel()
	svc := emulated.New(emulated.Options{})
	srv := httptest.NewUnstartedServer(svc)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of a client that does not trust it
	srv.StartTLS()
	t.Cleanup(srv.Close)
	key, err := svc.Credentials(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{"key.json": key, "ca.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	conf := provider.Config{ID: "gcp", WorkDir: dir, Values: map[string]provider.Value{
		"credentials_file": {Text: "key.json"}, "endpoint": {Text: srv.URL + "/"}, "ca_file": {Text: filepath.Join(dir, "ca.pem")}, "limits": {Text: "off"},
	}}
	p, err := google.Open(conf)
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.(provider.Verifier).Verify(t.Context())
	if err != nil || text != "Google Cloud DNS, project sandbox-project, 0 zones" {
		t.Errorf("got %q, %v", text, err)
	}
	delete(conf.Values, "ca_file")
	if p, err = google.Open(conf); err != nil {
		t.Fatal(err)
	}
	if _, err := p.(provider.Verifier).Verify(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without ca_file: %v", err)
	}
}
