package route53

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// fill puts n sets into a zone without HTTP.
func fill(tb testing.TB, svc *Service, z *hostedZone, n int) {
	tb.Helper()
	for i := 0; i < n; i += 1000 {
		if err := svc.changeSets(z, hosts(tb, create, i, min(1000, n-i), "192.0.2.1")); err != nil {
			tb.Fatal(err)
		}
	}
}

func hosts(tb testing.TB, act action, from, n int, address string) []*request {
	tb.Helper()
	var list []*request
	for i := range n {
		q, err := readChange(parsed(tb, change1(act, fmt.Sprintf("h%d.example.org", from+i), address)))
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, q)
	}
	return list
}

func change1(act action, name, address string) string {
	return `<Change xmlns="` + namespace + `"><Action>` + string(act) + `</Action><ResourceRecordSet><Name>` + name +
		`</Name><Type>A</Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>` + address +
		`</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>`
}

func parsed(tb testing.TB, text string) *node {
	tb.Helper()
	n, err := parse([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

func large(tb testing.TB, n int) (*Service, *hostedZone) {
	tb.Helper()
	svc := New(Options{Sets: 200_000})
	name, problem := parseName("example.org")
	if problem != "" {
		tb.Fatal(problem)
	}
	z, err := svc.add(&wish{name: name, reference: "x"})
	if err != nil {
		tb.Fatal(err)
	}
	fill(tb, svc, z, n)
	return svc, z
}

// 1,000 changes in a zone of 100,000 sets, the whole request over HTTP.
func BenchmarkBatchOf1000In100000(b *testing.B) {
	svc, z := large(b, 100_000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests, _, err := readBatch(r)
		if err == nil {
			err = svc.changeSets(z, requests)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}))
	defer srv.Close()
	create, remove := body(create, 1000), body(remove, 1000)
	for b.Loop() {
		post(b, srv.URL, create)
		post(b, srv.URL, remove)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(2*b.N)/1000, "ms/batch")
}

func body(act action, n int) string {
	var s strings.Builder
	s.WriteString(`<ChangeResourceRecordSetsRequest xmlns="` + namespace + `"><ChangeBatch><Changes>`)
	for i := range n {
		s.WriteString(change1(act, fmt.Sprintf("new%d.h%d.example.org", i, i*97), "192.0.2.7"))
	}
	s.WriteString(`</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`)
	return s.String()
}

func post(b *testing.B, url, text string) {
	b.Helper()
	resp, err := http.Post(url, "text/xml", strings.NewReader(text))
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		b.Fatalf("status %d: %.300s", resp.StatusCode, text)
	}
}

// All 100,002 sets in pages of 300: no page depends on how far it is into the zone.
func BenchmarkPagesOf100000(b *testing.B) {
	_, z := large(b, 100_000)
	for b.Loop() {
		start, n := "", 0
		for {
			sets, next := z.page(start, pageSets)
			n += len(sets)
			if next == nil {
				break
			}
			start = next.key
		}
		if n != 100_002 {
			b.Fatalf("%d sets, want 100002", n)
		}
	}
}

// A batch takes about as long in a large zone as in a small one.
func TestBatchInALargeZone(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("fills a zone of 20,000 sets")
	}
	begin := time.Now()
	svc, z := large(t, 20_000)
	filling := time.Since(begin)
	begin = time.Now()
	if err := svc.changeSets(z, hosts(t, create, 50_000, 1000, "192.0.2.9")); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	t.Logf("1,000 changes took %v, the 20,000 before %v", took, filling)
	if took > filling { // whatever the machine: it takes a twentieth
		t.Errorf("1,000 changes took %v, want less than the 20,000 before, %v", took, filling)
	}
	if n := z.count(); n != 21_002 {
		t.Errorf("%d sets, want 21002", n)
	}
}
