package cloudflare

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/zone"
)

type batchView struct{ Deletes, Patches, Puts, Posts []got }

// https://developers.cloudflare.com/dns/manage-dns-records/how-to/batch-record-changes/
func TestBatch(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	post := func(name, content string) m {
		return m{"type": "A", "name": name, "content": content, "ttl": 600}
	}
	made := must[batchView](c, "POST", records+"/batch", m{"posts": []m{post("one", "192.0.2.1"), post("two", "192.0.2.2"), post("three", "192.0.2.3")}})
	if len(made.Posts) != 3 || made.Posts[1].Name != "two.example.com" || made.Deletes != nil {
		t.Fatalf("posts = %+v", made)
	}
	one, two, three := made.Posts[0].ID, made.Posts[1].ID, made.Posts[2].ID
	// Deletes come first and posts last, so that a CNAME can take the place of an A in one batch.
	out := must[batchView](c, "POST", records+"/batch", m{
		"posts":   []m{{"type": "CNAME", "name": "one", "content": "two.example.com"}},
		"puts":    []m{{"id": three, "type": "A", "name": "three.example.com", "content": "192.0.2.33", "ttl:": 3000}},
		"patches": []m{{"id": two, "content": "192.0.2.22"}},
		"deletes": []m{{"id": one, "name": "ignored"}},
	})
	if len(out.Deletes) != 1 || out.Deletes[0].ID != one || out.Patches[0].TTL != 600 || out.Puts[0].TTL != 1 || out.Posts[0].Type != "CNAME" {
		t.Errorf("batch = %+v", out)
	}
	if _, v := c.served("one.example.com", zone.TypeCNAME); len(v) != 1 {
		t.Errorf("served CNAME %v", v)
	}
	before := c.call("GET", records, nil)
	z, _ := c.svc.Names().Find(zone.MustName("example.com"))
	cname := out.Posts[0].ID
	for what, tt := range map[string]struct {
		status, code int
		body         m
	}{
		"a conflict in the last":        {400, 81058, m{"deletes": []m{{"id": cname}}, "posts": []m{post("four", "192.0.2.4"), post("four", "192.0.2.4")}}},
		"an unknown id":                 {404, 81044, m{"patches": []m{{"id": two, "ttl": 60}, {"id": strings.Repeat("0", 32), "ttl": 60}}}},
		"no id":                         {404, 81044, m{"patches": []m{{"ttl": 60}}}},
		"deleted, then patched":         {404, 81044, m{"deletes": []m{{"id": two}}, "patches": []m{{"id": two, "ttl": 60}}}},
		"invalid":                       {400, 9005, m{"deletes": []m{{"id": two}}, "posts": []m{post("five", "x")}}},
		"a PUT without content":         {400, 9207, m{"deletes": []m{{"id": two}}, "puts": []m{{"id": three, "type": "A", "name": "three"}}}},
		"nothing":                       {400, 9207, m{}},
		"the first error of several":    {400, 9007, m{"posts": []m{{"type": "CNAME", "name": "x", "content": "a b"}, post("five", "x")}}},
		"posts cannot wait for patches": {400, 81053, m{"patches": []m{{"id": two, "name": "six"}}, "posts": []m{{"type": "CNAME", "name": "six", "content": "a.example"}}}},
	} {
		t.Log(what)
		c.refused(tt.status, tt.code, "POST", records+"/batch", tt.body)
	}
	after := c.call("GET", records, nil)
	if diff := cmp.Diff(string(before.Result), string(after.Result)); diff != "" {
		t.Errorf("refused batches changed the zone (-want +got):\n%s", diff)
	}
	if now, _ := c.svc.Names().Find(zone.MustName("example.com")); now.Hash() != z.Hash() {
		t.Error("refused batches changed what is served")
	}
}

func TestBatchLimits(t *testing.T) {
	t.Parallel()
	for plan, limit := range map[Plan]int{Free: 200, Pro: 3500, Business: 3500, Enterprise: 3500} {
		t.Run(string(plan), func(t *testing.T) {
			t.Parallel()
			c, records := zoned(t, Options{Plan: plan, Records: 10_000})
			var posts []m
			for i := range limit + 1 {
				posts = append(posts, m{"type": "A", "name": fmt.Sprintf("h%d", i), "content": "192.0.2.1"})
			}
			c.refused(400, 9310, "POST", records+"/batch", m{"posts": posts})
			if out := must[batchView](c, "POST", records+"/batch", m{"posts": posts[:limit]}); len(out.Posts) != limit {
				t.Errorf("%d posts done, want %d", len(out.Posts), limit)
			}
		})
	}
}
