package azure_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/sandbox/azure"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
)

// A poller of the official SDK waits as long as it is told.
func TestPollerOfTheSDK(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{})
	r.zone(t, "example.com")
	r.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(time.Second) })
	p, err := r.zones.BeginDelete(t.Context(), group, "example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Done() {
		t.Error("the operation is done at once")
	}
	if _, err := p.PollUntilDone(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// fill puts n record sets of type A into a zone and returns how many pages of 1,000 they are.
func fill(t testing.TB, w *wire, n int) (pages int) {
	t.Helper()
	for i := range n {
		path := fmt.Sprintf("%s/dnsZones/example.com/A/h%d%s", inGroup, i*7919%n, version)
		if rec := w.do("PUT", path, `{"properties":{"TTL":60,"ARecords":[{"ipv4Address":"192.0.2.1"}]}}`); rec.Code != http.StatusCreated {
			t.Fatalf("set %d: %d %s", i, rec.Code, rec.Body)
		}
	}
	read := 0
	for next := inGroup + "/dnsZones/example.com/all" + version + "&$top=1000"; next != ""; pages++ {
		var page struct {
			Value    []struct{ Name string }
			NextLink string
		}
		if err := json.Unmarshal(w.do("GET", next, "").Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		read += len(page.Value)
		next = strings.TrimPrefix(page.NextLink, "https://management.test")
	}
	if read != n+2 {
		t.Errorf("read %d sets, want %d", read, n+2)
	}
	return pages
}

// The quota of record sets is 10,000; the page is
// https://learn.microsoft.com/en-us/azure/dns/dns-faq#what-are-the-usage-limits-for-azure-dns-
func TestQuotaOfSets(t *testing.T) {
	t.Parallel()
	w := newWire(t, azure.Options{MaxRecordSets: 3002})
	w.zone(t, "example.com")
	if got := fill(t, w, 3000); got != 4 {
		t.Errorf("got %d pages, want 4", got)
	}
	answer(t, "one set too many", w.do("PUT", inGroup+"/dnsZones/example.com/A/more"+version, `{"properties":{"TTL":60}}`), 400, "BadRequest")
	answer(t, "change of a set", w.do("PUT", inGroup+"/dnsZones/example.com/A/h1"+version, `{"properties":{"TTL":60}}`), 200, "")
	if z, ok := w.Names().Find(zone.MustName("example.com.")); !ok || z.Len() != 3001 { // one was emptied
		t.Errorf("served %d RRsets, want 3001", z.Len())
	}
}

func BenchmarkFill100000(b *testing.B) {
	for b.Loop() {
		w := newWire(b, azure.Options{MaxRecordSets: 100_002})
		w.zone(b, "example.com")
		fill(b, w, 100_000)
	}
}

// Many callers at once: nothing is lost, and the name servers end up where the API is.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	w := newWire(t, azure.Options{})
	var wg sync.WaitGroup
	for z := range 4 {
		w.zone(t, fmt.Sprintf("z%d.example", z))
		for k := range 4 {
			wg.Go(func() {
				for i := range 25 {
					at := fmt.Sprintf("%s/dnsZones/z%d.example/A/h%d", inGroup, z, k*25+i)
					w.do("PUT", at+version, `{"properties":{"TTL":60,"ARecords":[{"ipv4Address":"192.0.2.1"}]}}`)
					if i%2 == 1 {
						w.do("DELETE", at+version, "")
					}
					w.do("GET", fmt.Sprintf("%s/dnsZones/z%d.example/all%s", inGroup, z, version), "")
				}
			})
		}
	}
	wg.Wait()
	for z := range 4 {
		got, _ := w.Names().Find(zone.MustName(fmt.Sprintf("z%d.example.", z)))
		if want := 4*13 + 2; got == nil || got.Len() != want {
			t.Errorf("zone %d: served %v, want %d RRsets", z, got, want)
		}
	}
}

// No request brings the service down, and each is answered.
func FuzzRequest(f *testing.F) {
	for _, seed := range []struct{ method, path, query, body, match string }{
		{"PUT", "/dnsZones/example.com/A/www", "", `{"properties":{"TTL":60,"ARecords":[{"ipv4Address":"192.0.2.1"}]}}`, ""},
		{"PUT", "/dnsZones/example.com/SOA/@", "", `{"properties":{"TTL":60,"SOARecord":{}}}`, "*"},
		{"PATCH", "/dnsZones/example.com/SOA/@", "", `{"properties":{"SOARecord":null,"targetResource":{"id":"x"}}}`, ""},
		{"PATCH", "/dnsZones/example.com/NS/@", "", `{"properties":{"NSRecords":[{}]}}`, "x"},
		{"PUT", "/dnsZones/example.com/TXT/*.a%2Fb", "", `{"properties":{"TTL":1,"TXTRecords":[{"value":["\u0000"]},null]}}`, ""},
		{"PUT", "/dnsZones/a.b.", "", `{"location":"global","tags":null}`, ""},
		{"DELETE", "/dnsZones/example.com", "", "", ""},
		{"GET", "/dnsZones/example.com/all", "$top=3&$skipToken=QQ", "", ""},
		{"GET", "/dnsZones", "$skipToken=fn5-", "", ""},
		{"GET", "/dnsOperationStatuses/x", "", "", ""},
		{"PUT", "/dnsZones/example.com/A/x", "", `{"properties":{"TTL":1,"targetResource":{"id":"` + inGroup + `/dnszones/example.com/A/x"}}}`, ""},
	} {
		f.Add(seed.method, seed.path, seed.query, seed.body, seed.match)
	}
	f.Fuzz(func(t *testing.T, method, path, query, body, match string) {
		if len(path)+len(query)+len(body) > 10_000 || !token(method) || strings.ContainsAny(match, "\r\n\x00") {
			t.Skip()
		}
		u := inGroup + path + version + "&" + query
		if _, err := url.ParseRequestURI("https://management.test" + u); err != nil || strings.ContainsAny(u, " \r\n\t\x00") {
			t.Skip()
		}
		w := newWire(t, azure.Options{})
		w.zone(t, "example.com")
		rec := w.do(method, u, body, "If-Match", match)
		if rec.Code < 200 || rec.Code > 599 {
			t.Errorf("answered %d", rec.Code)
		}
		if rec.Code >= 400 && !json.Valid(rec.Body.Bytes()) {
			t.Errorf("refusal is not JSON: %s", rec.Body)
		}
		if z, ok := w.Names().Find(zone.MustName("example.com.")); ok && z.Len() < 2 {
			t.Errorf("the apex is gone: %d RRsets", z.Len())
		}
	})
}

func token(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool { return c < 'A' || c > 'Z' }) < 0
}
