package cloudflare

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/list/
func TestRecordList(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{Plan: Pro})
	var posts []m
	for i := range 250 {
		posts = append(posts, m{"type": "A", "name": fmt.Sprintf("h%03d", i), "content": fmt.Sprintf("192.0.2.%d", i), "ttl": 60 + i})
	}
	posts = append(posts,
		m{"type": "TXT", "name": "text", "content": "Some Words", "comment": "A Comment", "tags": []string{"Owner:dns-team", "urgent"}},
		m{"type": "MX", "name": "@", "content": "mail.example.com", "priority": 5, "tags": []string{"owner:mail"}},
		m{"type": "CNAME", "name": "www", "content": "h000.example.com", "proxied": true})
	must[batchView](c, "POST", records+"/batch", m{"posts": posts})

	a := c.call("GET", records, nil)
	if a.Info.PerPage != 100 || a.Info.Count != 100 || a.Info.TotalCount != 253 || a.Info.TotalPages != 3 {
		t.Errorf("without parameters: %+v, want 100 of 253", a.Info)
	}
	seen := map[string]bool{}
	for page := 1; page <= 4; page++ {
		for _, r := range must[[]got](c, "GET", fmt.Sprintf("%s?per_page=100&page=%d", records, page), nil) {
			seen[r.ID] = true
		}
	}
	if len(seen) != 253 {
		t.Errorf("the pages hold %d records, want 253", len(seen))
	}
	if a := c.call("GET", records+"?per_page=5000000", nil); a.Info.Count != 253 {
		t.Errorf("the largest page: %+v", a.Info)
	}
	for _, bad := range []string{"per_page=5000001", "per_page=0", "page=0", "page=-1", "page=9999999999999999999", "order=odd", "direction=up"} {
		c.refused(400, 6007, "GET", records+"?"+bad, nil)
	}
	c.refused(400, 9020, "GET", records+"?type=SPF", nil)
	c.refused(400, 9003, "GET", records+"?proxied=maybe", nil)
	for query, want := range map[string]int{
		"type=A": 250, "type=TXT": 1, "name=h001.example.com": 1, "name.exact=H001.example.com": 1, "name=h001": 0,
		"name.startswith=h00": 10, "name.endswith=0.example.com": 25, "name.contains=mple": 253, "name=example.com&type=MX": 1,
		"content=192.0.2.7": 1, "content.contains=words": 1, "content.startswith=192.0.2.24": 11, "content.exact=mail.example.com": 1,
		"comment=a%20comment": 1, "comment.present=": 1, "comment.absent=": 252, "comment.endswith=ment": 1,
		"proxied=true": 1, "proxied=false": 252, "search=words": 1,
		"tag=owner:dns-team": 1, "tag.present=OWNER": 2, "tag.absent=owner": 251, "tag.contains=owner:m": 2,
		"tag.present=owner&tag.present=urgent": 1, "tag.present=owner&tag.present=urgent&tag_match=any": 2,
		"type=MX&name=www.example.com": 0, "type=MX&name=www.example.com&match=any": 2,
	} {
		if a := c.call("GET", records+"?"+query, nil); a.Info == nil || a.Info.TotalCount != want {
			t.Errorf("%s: %+v %v, want %d", query, a.Info, a.Errors, want)
		}
	}
	for order, want := range map[string]string{"type": "A", "name": "MX", "content": "TXT", "proxied": "MX"} {
		if l := must[[]got](c, "GET", records+"?order="+order, nil); l[0].Type != want {
			t.Errorf("ordered by %s the first is %s, want %s", order, l[0].Type, want)
		}
	}
	down := must[[]got](c, "GET", records+"?order=ttl&direction=desc", nil)
	if !slices.IsSortedFunc(down, func(a, b got) int { return b.TTL - a.TTL }) || down[0].TTL != 309 {
		t.Errorf("by TTL downwards the first has %d", down[0].TTL)
	}
	// A change between two pages is seen by the second.
	must[m](c, "DELETE", records+"/"+down[0].ID, nil)
	if a := c.call("GET", records+"?order=ttl&direction=desc", nil); a.Info.TotalCount != 252 {
		t.Errorf("after a deletion: %+v", a.Info)
	}
}

// fill puts n A records into a zone, past HTTP.
func fill(tb testing.TB, svc *Service, id string, n int) {
	tb.Helper()
	svc.mu.Lock()
	defer svc.mu.Unlock()
	z := svc.zones[id]
	tx := svc.begin(z, time.Now())
	for i := range n {
		f := fields{Name: new(fmt.Sprintf("h%d", i)), Type: new("A"), Content: new(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))}
		if _, no := tx.create(f); no != nil {
			tb.Fatal(no)
		}
	}
	tx.commit()
}

func TestLargeZone(t *testing.T) {
	t.Parallel()
	svc := New(Options{Plan: Enterprise})
	id, err := svc.AddZone("example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	const n = 100_000
	fill(t, svc, id, n)
	call := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, Prefix+"/zones/"+id+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+DefaultToken)
		w := httptest.NewRecorder()
		svc.ServeHTTP(w, r)
		if w.Code != 200 {
			t.Fatalf("%s %s = %d %.200s", method, path, w.Code, w.Body)
		}
		return w
	}
	began := time.Now()
	for page := range n / 1000 {
		call("GET", fmt.Sprintf("/dns_records?per_page=1000&page=%d", page+1), "")
	}
	listing := time.Since(began)
	t.Logf("100 pages of 1,000: %v", listing)
	began = time.Now()
	for i := range 100 {
		call("POST", "/dns_records", fmt.Sprintf(`{"type":"A","name":"new%d","content":"192.0.2.1"}`, i))
	}
	t.Logf("100 single changes: %v", time.Since(began))
	if took := time.Since(began); took > listing { // whatever the machine: a change that goes through all records would take 100 times as long
		t.Errorf("100 changes in a zone of %d records took %v, more than to list it once, %v", n, took, listing)
	}
	z, _ := svc.Names().Find(zone.MustName("example.com"))
	if want := n + 100 + 2; z.Len() != want {
		t.Errorf("%d RRsets served, want %d", z.Len(), want)
	}
}

func BenchmarkChange(b *testing.B) {
	svc := New(Options{Plan: Enterprise})
	id, err := svc.AddZone("example.com", "")
	if err != nil {
		b.Fatal(err)
	}
	fill(b, svc, id, 100_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		r := httptest.NewRequestWithContext(b.Context(), "POST", Prefix+"/zones/"+id+"/dns_records",
			strings.NewReader(fmt.Sprintf(`{"type":"A","name":"new%d","content":"192.0.2.1"}`, i)))
		r.Header.Set("Authorization", "Bearer "+DefaultToken)
		w := httptest.NewRecorder()
		svc.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}

func BenchmarkPage(b *testing.B) {
	svc := New(Options{Plan: Enterprise})
	id, err := svc.AddZone("example.com", "")
	if err != nil {
		b.Fatal(err)
	}
	fill(b, svc, id, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), "GET", Prefix+"/zones/"+id+"/dns_records?per_page=5000&page=10", nil)
		r.Header.Set("Authorization", "Bearer "+DefaultToken)
		w := httptest.NewRecorder()
		svc.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}
