package google_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/dns/v1"
	"google.golang.org/api/googleapi"

	"github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
)

type sets = []*dns.ResourceRecordSet

// What a change may not do, in the service's own words. Messages: those that clients have reported,
// see README.md; reasons: https://cloud.google.com/dns/docs/error-messages.
func TestChangeRefused(t *testing.T) {
	t.Parallel()
	_, c, _ := start(t, google.Options{})
	newZone(t, c, "z", "z.example.")
	a := rrset("a.z.example.", "A", 300, "192.0.2.1", "192.0.2.2")
	ns := rrset("z.example.", "NS", 21600, "ns-cloud-a1.googledomains.com.", "ns-cloud-a2.googledomains.com.", "ns-cloud-a3.googledomains.com.", "ns-cloud-a4.googledomains.com.")
	soa := rrset("z.example.", "SOA", 21600, "ns-cloud-a1.googledomains.com. cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300")
	change(t, c, "z", sets{a, rrset("c.z.example.", "CNAME", 60, "a.z.example.")}, nil)
	before := all(t, c, "z")
	noTTL := &dns.ResourceRecordSet{Name: "b.z.example.", Type: "A", Rrdatas: []string{"192.0.2.1"}}
	one := func(name, typ string, data ...string) sets { return sets{rrset(name, typ, 60, data...)} }
	for _, tt := range []struct {
		what       string
		adds, dels sets
		code       int
		reason     string
		text       string
	}{
		{"nothing", nil, nil, 400, "required", "The 'entity.change' parameter is required but was missing."},
		{"there already", sets{a}, nil, 409, "alreadyExists", "The resource 'entity.change.additions[a.z.example.][A]' named 'a.z.example. (A)' already exists"},
		{"twice", append(one("b.z.example.", "A", "192.0.2.1"), one("B.z.example.", "A", "192.0.2.2")...), nil, 409, "alreadyExists", "additions[B.z.example.][A]"},
		{"not there", nil, one("b.z.example.", "A", "192.0.2.1"), 404, "notFound", "The 'entity.change.deletions[b.z.example.][A]' resource named 'b.z.example. (A)' does not exist."},
		{"other TTL", nil, sets{rrset("a.z.example.", "A", 301, "192.0.2.1", "192.0.2.2")}, 412, "conditionNotMet", "Precondition not met for 'entity.change.deletions[a.z.example.][A]'"},
		{"one of two values", nil, sets{rrset("a.z.example.", "A", 300, "192.0.2.1")}, 412, "conditionNotMet", ""},
		{"half good", sets{rrset("b.z.example.", "A", 60, "192.0.2.1"), a}, nil, 409, "alreadyExists", ""},
		{"CNAME beside A", one("a.z.example.", "CNAME", "z.example."), nil, 400, "cnameResourceRecordSetConflict", "because the DNS name 'a.z.example.' has a resource record set of the type 'A'. A DNS name may have either one CNAME resource record set or resource record sets of other types, but not both."},
		{"TXT beside CNAME", one("c.z.example.", "TXT", "x"), nil, 400, "cnameResourceRecordSetConflict", "'CNAME'"},
		{"CNAME and TXT", append(one("d.z.example.", "CNAME", "z.example."), one("d.z.example.", "TXT", "x")...), nil, 400, "cnameResourceRecordSetConflict", ""},
		{"CNAME at the apex", one("z.example.", "CNAME", "a.z.example."), nil, 400, "cnameResourceRecordSetConflict", ""},
		{"no NS", nil, sets{ns}, 400, "invalidZoneApex", "a zone must contain exactly one resource record set of type 'NS' at the apex."},
		{"no SOA", nil, sets{soa}, 400, "invalidZoneApex", "'SOA'"},
		{"SOA below", one("a.z.example.", "SOA", "a. b. 1 1 1 1 1"), nil, 400, "invalidZoneApex", ""},
		{"wildcard NS", one("*.z.example.", "NS", "ns.example."), nil, 400, "wildcardNotAllowed", ""},
		{"DS at the apex", one("z.example.", "DS", "1 8 2 "+strings.Repeat("AB", 32)), nil, 400, "invalidZoneApex", ""},
		{"another zone", one("a.y.example.", "A", "192.0.2.1"), nil, 400, "invalid", "'entity.change.additions[a.y.example.][A].name': 'a.y.example.'"},
		{"no final dot", one("b.z.example", "A", "192.0.2.1"), nil, 400, "invalid", "name"},
		{"space in a name", one(`a\032b.z.example.`, "A", "192.0.2.1"), nil, 400, "invalid", "name"},
		{"Unicode name", one("bücher.z.example.", "A", "192.0.2.1"), nil, 400, "invalid", "name"},
		{"star inside", one("a.*.z.example.", "A", "192.0.2.1"), nil, 400, "invalid", "name"},
		{"no name", one("", "A", "192.0.2.1"), nil, 400, "required", "entity.change.additions[0].name"},
		{"type", one("b.z.example.", "LOC", "1 N 1 E 1m"), nil, 400, "invalid", ".type': 'LOC'"},
		{"type in lower case", one("b.z.example.", "a", "192.0.2.1"), nil, 400, "invalid", ".type': 'a'"},
		{"no TTL", sets{noTTL}, nil, 400, "required", ".ttl"},
		{"negative TTL", sets{rrset("b.z.example.", "A", -1, "192.0.2.1")}, nil, 400, "invalid", ".ttl': '-1'"},
		{"no values", one("b.z.example.", "A"), nil, 400, "invalid", "'entity.change.additions[b.z.example.][A].rrdata': '<empty>'"},
		{"not an address", one("b.z.example.", "A", "192.0.2.1", "192.0.2"), nil, 400, "invalid", "Invalid value for 'entity.change.additions[b.z.example.][A].rrdata[1]': '192.0.2'"},
		{"relative target", one("b.z.example.", "CNAME", "a.z.example"), nil, 400, "invalid", "rrdata[0]"},
		{"relative exchange", one("b.z.example.", "MX", "10 mail"), nil, 400, "invalid", "rrdata[0]"},
		{"quoted HTTPS", one("b.z.example.", "HTTPS", `"1 . alpn=h2"`), nil, 400, "invalid", "rrdata[0]"},
		{"RFC 3597", one("b.z.example.", "A", `\# 4 c0000201`), nil, 400, "invalid", "rrdata[0]"},
		{"comment", one("b.z.example.", "A", "192.0.2.1 ; web"), nil, 400, "invalid", "rrdata[0]"},
		{"256 octets", one("b.z.example.", "TXT", `"`+strings.Repeat("x", 256)+`"`), nil, 400, "invalid", "rrdata[0]"},
		{"two CNAMEs", one("b.z.example.", "CNAME", "a.example.", "b.example."), nil, 400, "invalid", "rrdata"},
		{"the same value twice", one("b.z.example.", "A", "192.0.2.1", "192.0.2.1"), nil, 400, "invalid", "duplicate"},
	} {
		_, err := c.Changes.Create(project, "z", &dns.Change{Additions: tt.adds, Deletions: tt.dels}).Do()
		wantError(t, tt.what, err, tt.code, tt.reason, tt.text)
	}
	if diff := cmp.Diff(before, all(t, c, "z")); diff != "" {
		t.Errorf("a refused change left something (-before +after):\n%s", diff)
	}
}

// Several faults of one change are all listed; the quotas of a change are checked before it is read.
// Seen in https://github.com/kubernetes-sigs/external-dns/issues/1028.
func TestChangeQuota(t *testing.T) {
	t.Parallel()
	_, c, _ := start(t, google.Options{})
	newZone(t, c, "z", "large.example.")
	_, err := c.Changes.Create(project, "z", &dns.Change{Additions: many(0, 1001, strings.Repeat("1", 91)), Deletions: many(0, 1001, "192.0.2.1")}).Do()
	wantError(t, "everything", err, http.StatusForbidden, "quotaExceeded", "The change would exceed quota for additions per change.")
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		t.FailNow() // said above
	}
	var got []string
	for _, item := range e.Errors {
		got = append(got, strings.TrimSuffix(item.Message[len("The change would exceed quota for "):], "."))
	}
	if diff := cmp.Diff([]string{"additions per change", "deletions per change", "total rrdata size per change"}, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	change(t, c, "z", many(0, 1000, "192.0.2.1"), nil)
	change(t, c, "z", many(0, 1000, "192.0.2.2"), many(0, 1000, "192.0.2.1"))
	var addrs, servers []string
	for i := range 101 {
		addrs = append(addrs, fmt.Sprintf("192.0.2.%d", i))
		servers = append(servers, fmt.Sprintf("ns%d.example.", i))
	}
	_, err = c.Changes.Create(project, "z", &dns.Change{Additions: sets{rrset("a.large.example.", "A", 60, addrs...)}}).Do()
	wantError(t, "101 values", err, 403, "quotaExceeded", "resource records per rrset")
	_, err = c.Changes.Create(project, "z", &dns.Change{Additions: sets{rrset("a.large.example.", "NS", 60, servers[:9]...)}}).Do()
	wantError(t, "9 name servers", err, 403, "quotaExceeded", "name servers per delegation")
	change(t, c, "z", sets{rrset("a.large.example.", "A", 60, addrs[:100]...), rrset("b.large.example.", "NS", 60, servers[:8]...)}, nil)
}

// The forms that values come back in: names and addresses in lower case and short, text quoted,
// whatever they were written like (RFC 1035, section 5.1; unconfirmed in detail, see README.md).
func TestForms(t *testing.T) {
	t.Parallel()
	_, c, _ := start(t, google.Options{})
	newZone(t, c, "z", "z.example.")
	change(t, c, "z", sets{
		rrset("UPPER.z.example.", "AAAA", 0, "2001:DB8:0:0::1"),
		rrset("*.z.example.", "CNAME", 2147483647, "Target.Example."),
		rrset("_dmarc.z.example.", "TXT", 60, "v=DMARC1;p=none", `"a \"b\" \\ \195\188"`, `""`),
		rrset("z.example.", "CAA", 60, `0 issue "ca.example"`),
		rrset("null.z.example.", "MX", 60, "0 ."),
		rrset("_x._tcp.z.example.", "SRV", 60, "10 20 443 Host.example."),
		rrset("h.z.example.", "HTTPS", 60, `1 . alpn="h3,h2"`),
		rrset("0/25.z.example.", "NS", 60, "ns.example."),
	}, nil)
	got := all(t, c, "z")
	if len(got) != 10 {
		t.Fatalf("got %d sets, want 10: %q", len(got), got)
	}
	want := []string{
		`z.example. CAA 60 0 issue "ca.example"`, got[1], got[2],
		"*.z.example. CNAME 2147483647 target.example.",
		"0/25.z.example. NS 60 ns.example.",
		`_dmarc.z.example. TXT 60 "v=DMARC1;p=none" | "a \"b\" \\ \195\188" | ""`,
		"_x._tcp.z.example. SRV 60 10 20 443 host.example.",
		`h.z.example. HTTPS 60 1 . alpn="h3,h2"`,
		"null.z.example. MX 60 0 .",
		"upper.z.example. AAAA 0 2001:db8::1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("forms (-want +got):\n%s", diff)
	}
	// What was read deletes, and so does another way of writing it.
	change(t, c, "z", nil, sets{rrset("upper.z.example.", "AAAA", 0, "2001:db8::1"), rrset("*.Z.example.", "CNAME", 2147483647, "TARGET.example.")})
}

// The apex keeps SOA and NS, but both can be replaced in one change:
// https://cloud.google.com/dns/docs/records#edit_soa_or_ns.
func TestReplaceApex(t *testing.T) {
	t.Parallel()
	svc, c, _ := start(t, google.Options{})
	newZone(t, c, "z", "z.example.")
	p, err := c.ResourceRecordSets.List(project, "z").Do()
	if err != nil {
		t.Fatal(err)
	}
	ns, soa := p.Rrsets[0], p.Rrsets[1]
	change(t, c, "z", sets{
		rrset("z.example.", "NS", 3600, append(ns.Rrdatas, "ns1.other.example.")...),
		rrset("z.example.", "SOA", 900, strings.Replace(soa.Rrdatas[0], " 1 ", " 2026 ", 1)),
	}, sets{ns, soa})
	shown, _ := svc.Names().Find(zone.MustName("z.example."))
	if set, _ := shown.Set(zone.MustName("z.example."), zone.TypeNS); len(set.Data) != 5 || set.TTL != 3600 {
		t.Errorf("shown NS: got %+v", set)
	}
	// The service leaves the serial number to its clients unless it is asked to count.
	change(t, c, "z", sets{rrset("a.z.example.", "A", 60, "192.0.2.1")}, nil)
	if got := all(t, c, "z")[1]; !strings.Contains(got, " 2026 ") {
		t.Errorf("SOA: got %s, want serial 2026", got)
	}
}

// Options.BumpSerial counts changes in the SOA's serial number.
func TestBumpSerial(t *testing.T) {
	t.Parallel()
	svc, c, _ := start(t, google.Options{BumpSerial: true})
	newZone(t, c, "z", "z.example.")
	change(t, c, "z", sets{rrset("a.z.example.", "A", 60, "192.0.2.1")}, nil)
	change(t, c, "z", nil, sets{rrset("a.z.example.", "A", 60, "192.0.2.1")})
	if got := all(t, c, "z")[1]; !strings.Contains(got, ".google.com. 3 21600") {
		t.Errorf("SOA: got %s, want serial 3", got)
	}
	shown, _ := svc.Names().Find(zone.MustName("z.example."))
	if set, _ := shown.Set(zone.MustName("z.example."), zone.TypeSOA); !strings.Contains(string(set.Data[0]), "\x00\x00\x00\x03\x00\x00\x54\x60") {
		t.Errorf("shown SOA: got %q, want serial 3", set.Data[0])
	}
}

// Changes are listed by their sequence, either way, in pages:
// https://cloud.google.com/dns/docs/reference/rest/v1/changes/list.
func TestChangeList(t *testing.T) {
	t.Parallel()
	_, c, _ := start(t, google.Options{})
	newZone(t, c, "z", "z.example.")
	for i := range 6 {
		change(t, c, "z", sets{rrset(fmt.Sprintf("a%d.z.example.", i), "A", 60, "192.0.2.1")}, nil)
	}
	for order, want := range map[string]string{"ascending": "0 1 2 3 4 5 6", "descending": "6 5 4 3 2 1 0"} {
		for _, size := range []int64{1, 2, 3, 7, 100} {
			var ids []string
			err := c.Changes.List(project, "z").SortBy("changeSequence").SortOrder(order).MaxResults(size).Pages(t.Context(), func(p *dns.ChangesListResponse) error {
				for _, ch := range p.Changes {
					ids = append(ids, ch.Id)
				}
				return nil
			})
			if got := strings.Join(ids, " "); got != want || err != nil {
				t.Errorf("%s in pages of %d: got %s, %v; want %s", order, size, got, err, want)
			}
		}
	}
	first, err := c.Changes.Get(project, "z", "0").Do()
	if err != nil || first.Status != "done" || len(first.Additions) != 2 {
		t.Errorf("change 0: got %+v, %v; want SOA and NS, done", first, err)
	}
	for _, id := range []string{"7", "-1", "01", "x"} {
		_, err := c.Changes.Get(project, "z", id).Do()
		wantError(t, "change "+id, err, 404, "notFound", "parameters.changeId")
	}
}

// A change is pending until it has gone out to the name servers.
func TestPropagation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		svc := google.New(google.Options{})
		post := func(path string, body any) {
			if code := serve(svc, "POST", path, body); code != 200 {
				t.Fatalf("POST %s: %d", path, code)
			}
		}
		post("", map[string]string{"name": "z", "dnsName": "z.example.", "description": ""})
		svc.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(10 * time.Second) })
		post("/z/changes", &dns.Change{Additions: sets{rrset("a.z.example.", "A", 60, "192.0.2.1")}})
		look := func() string {
			shown, _ := svc.Names().Find(zone.MustName("z.example."))
			return fmt.Sprint(get(t, svc, "/z/changes/1")["status"], " ", shown.Has(zone.MustName("a.z.example.")))
		}
		time.Sleep(9 * time.Second)
		if got, want := look(), "pending false"; got != want {
			t.Errorf("after 9 s: got %s, want %s", got, want)
		}
		time.Sleep(2 * time.Second)
		if got, want := look(), "done true"; got != want {
			t.Errorf("after 11 s: got %s, want %s", got, want)
		}
	})
}

// Of many writers of the same set exactly one wins each time, and the others change nothing.
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	svc, c, _ := start(t, google.Options{})
	newZone(t, c, "z", "z.example.")
	const writers, rounds = 8, 20
	var wins [rounds]atomic.Int32
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				name := fmt.Sprintf("a%d.z.example.", i)
				_, err := c.Changes.Create(project, "z", &dns.Change{Additions: sets{
					rrset(name, "A", 60, fmt.Sprintf("192.0.2.%d", w)), rrset("x"+name, "A", 60, fmt.Sprintf("192.0.2.%d", w)),
				}}).Do()
				if err == nil {
					wins[i].Add(1)
				}
				if _, err := c.ResourceRecordSets.List(project, "z").Do(); err != nil {
					t.Errorf("list: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for i := range wins {
		if n := wins[i].Load(); n != 1 {
			t.Errorf("round %d: %d writers won, want 1", i, n)
		}
	}
	shown, _ := svc.Names().Find(zone.MustName("z.example."))
	if got, want := shown.Len(), 2+2*rounds; got != want {
		t.Errorf("shown: got %d sets, want %d", got, want)
	}
}

// A zone forgets its oldest changes, so that it does not grow without end.
func TestChangesForgotten(t *testing.T) {
	t.Parallel()
	svc := google.New(google.Options{})
	if code := serve(svc, "POST", "", map[string]string{"name": "z", "dnsName": "z.example.", "description": ""}); code != 200 {
		t.Fatalf("a zone: %d", code)
	}
	set := sets{rrset("a.z.example.", "A", 60, "192.0.2.1")}
	for i := range 1002 {
		c := &dns.Change{Additions: set}
		if i%2 == 1 {
			c = &dns.Change{Deletions: set}
		}
		if code := serve(svc, "POST", "/z/changes", c); code != 200 {
			t.Fatalf("change %d: %d", i+1, code)
		}
	}
	for id, want := range map[string]int{"0": 404, "2": 404, "3": 200, "1002": 200, "1003": 404} {
		if code := serve(svc, "GET", "/z/changes/"+id, nil); code != want {
			t.Errorf("change %s: got %d, want %d", id, code, want)
		}
	}
}
