package google_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"google.golang.org/api/dns/v1"

	"github.com/zonecast/zonecast/sandbox/google"
)

// many returns n sets from number from on.
func many(from, n int, addr string) []*dns.ResourceRecordSet {
	sets := make([]*dns.ResourceRecordSet, n)
	for i := range sets {
		sets[i] = rrset(fmt.Sprintf("host-%06d.large.example.", from+i), "A", 300, addr)
	}
	return sets
}

// A large zone stays cheap: a full change, a page, and the whole list.
func TestLargeZone(t *testing.T) {
	t.Parallel()
	const n = 20_000
	svc, c, _ := start(t, google.Options{Quota: google.Quota{RRsetsPerManagedZone: n + 10}})
	newZone(t, c, "large", "large.example.")
	for i := 0; i < n; i += 1000 {
		change(t, c, "large", many(i, 1000, "192.0.2.1"), nil)
	}
	change(t, c, "large", many(5000, 1000, "192.0.2.2"), many(5000, 1000, "192.0.2.1"))
	svc.Panel().Forget()
	if got := len(all(t, c, "large")); got != n+2 {
		t.Errorf("list: got %d sets, want %d", got, n+2)
	}
	if got, want := svc.Panel().Total(), int64(n/1000+1); got != want {
		t.Errorf("list: got %d calls, want %d", got, want)
	}
	_, err := c.Changes.Create(project, "large", &dns.Change{Additions: many(n, 9, "192.0.2.1")}).Do()
	wantError(t, "beyond the quota of sets", err, http.StatusForbidden, "quotaExceeded", "rrsets per managed zone")
}

func BenchmarkChange(b *testing.B) {
	svc := google.New(google.Options{Quota: google.Quota{RRsetsPerManagedZone: 200_000}})
	do := func(method, path string, body any) {
		if code := serve(svc, method, path, body); code != http.StatusOK {
			b.Fatalf("%s %s: %d", method, path, code)
		}
	}
	do("POST", "", map[string]string{"name": "large", "dnsName": "large.example.", "description": ""})
	const n = 100_000
	for i := 0; i < n; i += 1000 {
		do("POST", "/large/changes", &dns.Change{Additions: many(i, 1000, "192.0.2.1")})
	}
	// 1,000 sets, all over the zone.
	spread := func(addr string) []*dns.ResourceRecordSet {
		var sets []*dns.ResourceRecordSet
		for i := range 1000 {
			sets = append(sets, many(i*100, 1, addr)...)
		}
		return sets
	}
	var bodies [2][]byte // there and back
	for i, addrs := range [][2]string{{"192.0.2.2", "192.0.2.1"}, {"192.0.2.1", "192.0.2.2"}} {
		raw, err := json.Marshal(&dns.Change{Additions: spread(addrs[0]), Deletions: spread(addrs[1])})
		if err != nil {
			b.Fatal(err)
		}
		bodies[i] = raw
	}
	for i := 0; b.Loop(); i++ {
		if w := serveRaw(svc, "POST", "/dns/v1/projects/"+project+"/managedZones/large/changes", bodies[i%2]); w.Code != http.StatusOK {
			b.Fatalf("change %d: %d %s", i, w.Code, w.Body)
		}
	}
}
