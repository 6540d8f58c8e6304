package cloudflare

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/sandbox/names"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Several writers and readers at once leave a zone that its lists, its counts and its name servers
// agree about.
func TestTogether(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{Plan: Pro})
	const writers, each = 8, 20
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				a := c.call("POST", records, m{"type": "A", "name": fmt.Sprintf("w%d-%d", w, i), "content": "192.0.2.1"})
				// All writers want this one; one of them gets it.
				b := c.call("POST", records, m{"type": "A", "name": fmt.Sprintf("shared%d", i), "content": "192.0.2.1"})
				if !a.Success || !b.Success && b.Errors[0].Code != 81058 {
					t.Errorf("writer %d: %v, %v", w, a.Errors, b.Errors)
				}
			}
		})
		group.Go(func() {
			for range each {
				if a := c.call("GET", records+"?per_page=1000", nil); a.Info.Count != a.Info.TotalCount {
					t.Errorf("list of %d says it has %d", a.Info.Count, a.Info.TotalCount)
				}
			}
		})
	}
	group.Wait()
	if a := c.call("GET", records, nil); a.Info.TotalCount != (writers+1)*each {
		t.Errorf("%d records, want %d", a.Info.TotalCount, (writers+1)*each)
	}
	z, _ := c.svc.Names().Find(zone.MustName("example.com"))
	if want := (writers+1)*each + 2; z.Len() != want {
		t.Errorf("%d RRsets served, want %d", z.Len(), want)
	}
}

// The name servers answer what the API was given.
func TestAnswers(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	must[got](c, "POST", records, m{"type": "A", "name": "www", "content": "192.0.2.1", "proxied": true})
	must[got](c, "POST", records, m{"type": "CNAME", "name": "@", "content": "www.example.com"})
	must[got](c, "POST", records, m{"type": "TXT", "name": "*", "content": "any"})
	must[got](c, "POST", records, m{"type": "NS", "name": "sub", "content": "ns.example.net"})
	dns, err := names.Listen("127.0.0.1:0", c.svc.Names())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dns.Close() }()
	client := &wire.Client{Timeout: 20 * time.Second, Tries: 6}
	for _, tt := range []struct {
		name               string
		kind               zone.Type
		answers, authority int
	}{
		{"www.example.com", zone.TypeA, 2, 0},
		{"example.com", zone.TypeA, 2, 0},
		{"example.com", zone.TypeNS, 2, 0},
		{"example.com", zone.TypeSOA, 1, 0},
		{"example.com", zone.TypeCNAME, 0, 1},
		{"some.example.com", zone.TypeTXT, 1, 0},
		{"x.sub.example.com", zone.TypeA, 0, 1},
	} {
		a, err := client.Exchange(t.Context(), dns.Addr(), wire.Query(zone.MustName(tt.name), tt.kind))
		if err != nil {
			t.Fatal(err)
		}
		if a.RCODE != wire.NoError || len(a.Answers) != tt.answers || len(a.Authority) != tt.authority {
			t.Errorf("%s %s = %v with %d answers and %d in authority, want %d and %d",
				tt.name, tt.kind, a.RCODE, len(a.Answers), len(a.Authority), tt.answers, tt.authority)
		}
	}
}
