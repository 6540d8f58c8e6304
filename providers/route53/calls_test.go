package route53_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/route53"
	emulated "github.com/zonecast/zonecast/sandbox/route53"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
)

// counted is how many calls of the API something takes.
func counted(c *cloud, f func()) int64 {
	before := c.calls.Load()
	f()
	return c.calls.Load() - before
}

func TestCallsToFindZones(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{Zones: 2000})
	const n = 350
	for i := range n {
		hostedZone(t, c, fmt.Sprintf("z%03d.example.", i), "")
	}
	ref := func(i int) provider.ZoneRef {
		return provider.ZoneRef{Origin: zone.MustName(fmt.Sprintf("z%03d.example.", i))}
	}
	readAll := func(p *route53.Provider, of ...int) {
		var wg sync.WaitGroup
		for _, i := range of {
			wg.Go(func() {
				if _, err := p.Read(t.Context(), ref(i)); err != nil {
					t.Errorf("read %d: %v", i, err)
				}
			})
		}
		wg.Wait()
	}
	p := c.open(t, nil)
	if got := counted(c, func() { readAll(p, 200) }); got != 2 {
		t.Errorf("one zone took %d calls, want 2: one to find it, one page", got)
	}
	if got := counted(c, func() { readAll(p, 200) }); got != 1 {
		t.Errorf("the same zone again took %d calls, want 1: its page", got)
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	// At most three look-ups by name, then all zones are listed, 100 to a page.
	if got := counted(c, func() { readAll(c.open(t, nil), all...) }); got > n+3+4 {
		t.Errorf("%d zones took %d calls, want at most %d", n, got, n+7)
	}
	p = c.open(t, nil)
	if got := counted(c, func() {
		for _, err := range p.Zones(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
		}
		readAll(p, all...)
		for i := range 50 {
			if _, err := p.Read(t.Context(), ref(500+i)); !errors.Is(err, provider.ErrNoZone) {
				t.Errorf("a zone that is not there: %v", err)
			}
		}
	}); got != n+4 {
		t.Errorf("listing %d zones and reading them took %d calls, want %d", n, got, n+4)
	}
	if got := counted(c, func() { readAll(c.open(t, values{"get_zones_by_name": "true"}), 10, 90, 170, 250, 330) }); got > 10 {
		t.Errorf("five zones by name took %d calls, want at most 10", got)
	}
}

// A policy may allow ListHostedZones without ListHostedZonesByName, as octoDNS's own needs only that.
func TestNamesMayBeForbidden(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{Keys: []emulated.Key{
		{ID: emulated.DefaultKeyID, Secret: emulated.DefaultSecret},
		{ID: "AKIANARROW", Secret: "narrow-secret", Allow: []string{"route53:ListHostedZones", "route53:ListResourceRecordSets", "route53:CreateHostedZone"}},
	}})
	hostedZone(t, c, origin, "")
	p := c.open(t, values{"access_key_id": "AKIANARROW", "secret_access_key": "narrow-secret"})
	if snap := read(t, p); len(snap.Info.NameServers) != 4 {
		t.Errorf("name servers %v, want four", snap.Info.NameServers)
	}
	if _, err := p.CreateZone(t.Context(), zone.MustName("new.example.")); err != nil {
		t.Errorf("create zone: %v", err)
	}
	if _, err := p.CreateZone(t.Context(), zone.MustName(origin)); provider.KindOf(err) != provider.Conflict {
		t.Errorf("create a zone that is there: %v, want a conflict", err)
	}
}

// The least that octoDNS asks for
// (https://github.com/octodns/octodns-route53/blob/main/permissions.md) is enough to read.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	allow := []string{"route53:ListHostedZones", "route53:ListHostedZonesByName", "route53:ListResourceRecordSets", "route53:ListHealthChecks"}
	c := newCloud(t, emulated.Options{Keys: []emulated.Key{
		{ID: emulated.DefaultKeyID, Secret: emulated.DefaultSecret},
		{ID: "AKIALEAST", Secret: "least-secret", Allow: allow},
		{ID: "AKIAWRITES", Secret: "writes-secret", Allow: append(allow, "route53:ChangeResourceRecordSets")},
	}})
	id := hostedZone(t, c, origin, "")
	many := make([]types.ResourceRecordSet, 400)
	for j := range many {
		many[j] = plain(fmt.Sprintf("x%03d.example.org.", j), types.RRTypeA, 300, "192.0.2.1")
	}
	c.change(t, id, types.ChangeActionCreate, many...)
	c.change(t, id, types.ChangeActionUpsert, plain(origin, types.RRTypeNs, 300, "ns1.example.net.", "ns2.example.net."))
	p := c.open(t, values{"access_key_id": "AKIALEAST", "secret_access_key": "least-secret"})
	for range 2 {
		if snap := read(t, p); snap.Sets.Len() != 402 || len(snap.Info.NameServers) != 0 {
			t.Errorf("%d sets, name servers %v; want 402, and none that are known", snap.Sets.Len(), snap.Info.NameServers)
		}
	}
	if _, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName(origin), ID: id}); err != nil {
		t.Errorf("by id: %v", err)
	}
	if text, err := p.Verify(t.Context()); err != nil || text != "Amazon Route 53, 1 zone" {
		t.Errorf("Verify says %q, %v", text, err)
	}
	c.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(time.Minute) })
	p = c.open(t, values{"access_key_id": "AKIAWRITES", "secret_access_key": "writes-secret"})
	if r := done(t, p, read(t, p), hosts(t, 1)...); len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "route53:GetChange") {
		t.Errorf("notes %q, want one that names the right that is missing", r.Notes)
	}
}

// What is counted is what the service sees.
func TestCallsToReadAndWrite(t *testing.T) {
	t.Parallel()
	c, _, base := fresh(t, values{"sync_timeout": "0"})
	for i := range 10 {
		many := make([]types.ResourceRecordSet, 1000)
		for j := range many {
			many[j] = plain(fmt.Sprintf("x%d-%d.example.org.", i, j), types.RRTypeA, 300, "192.0.2.1")
		}
		c.change(t, base.Info.ID, types.ChangeActionCreate, many...)
	}
	p := c.open(t, values{"sync_timeout": "0"})
	var snap *provider.Snapshot
	pages := int64((10_002 + 299) / 300)
	if got := counted(c, func() { snap = read(t, p) }); got != 1+pages || snap.Sets.Len() != 10_002 {
		t.Errorf("reading %d sets took %d calls, want 1 to find the zone and %d pages", snap.Sets.Len(), got, pages)
	}
	if got := counted(c, func() { snap = read(t, p) }); got != 1+pages {
		t.Errorf("reading them again took %d calls, want %d pages and 1 for their number", got, pages)
	}
	if got := counted(c, func() { done(t, p, snap, hosts(t, 1200)...) }); got != 2 {
		t.Errorf("1,200 creates took %d calls, want 2", got)
	}
	if got := counted(c, func() { done(t, p, snap, zone.Change{After: set(t, "one", "A", 60, "192.0.2.1")}) }); got != 1 {
		t.Errorf("1 change took %d calls, want 1", got)
	}
	saved := &provider.Snapshot{Info: snap.Info, Sets: zone.Empty(zone.MustName(origin))}
	if got := counted(c, func() {
		done(t, c.open(t, values{"sync_timeout": "0"}), saved, zone.Change{After: set(t, "two", "A", 60, "192.0.2.1")})
	}); got != 1 {
		t.Errorf("1 change of a saved plan took %d calls, want 1", got)
	}
}

// Answers are changed on the way: a list that is not whole must not be taken for one that is.
func TestListsThatAreNotWhole(t *testing.T) {
	t.Parallel()
	c, _, base := fresh(t, nil)
	many := make([]types.ResourceRecordSet, 700)
	for j := range many {
		many[j] = plain(fmt.Sprintf("x%03d.example.org.", j), types.RRTypeA, 300, "192.0.2.1")
	}
	c.change(t, base.Info.ID, types.ChangeActionCreate, many...)
	edited := func(edit func(n int, r *http.Request, body string) string) *route53.Provider {
		n := 0
		return c.open(t, nil, func(conf *provider.Config) {
			conf.HTTP = func() http.RoundTripper {
				return tripper(func(r *http.Request) (*http.Response, error) {
					resp, err := http.DefaultTransport.RoundTrip(r)
					if err != nil || !strings.HasSuffix(r.URL.Path, "/rrset") {
						return resp, err
					}
					body, err := io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					n++
					text := edit(n, r, string(body))
					resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
					return resp, err
				})
			}
		})
	}
	without := func(body, name string) string {
		at := strings.Index(body, "<ResourceRecordSet><Name>"+name)
		if at < 0 {
			return body
		}
		end := at + strings.Index(body[at:], "</ResourceRecordSet>") + len("</ResourceRecordSet>")
		return body[:at] + body[end:]
	}
	for _, x := range []struct {
		name string
		edit func(n int, r *http.Request, body string) string
		kind provider.ErrKind // Other: it is read after all
	}{
		{"one set is always missing", func(_ int, _ *http.Request, body string) string { return without(body, "x350") }, provider.Transient},
		{"one set was missing at first", func(n int, _ *http.Request, body string) string {
			if n <= 3 {
				return without(body, "x350")
			}
			return body
		}, provider.Other},
		{"the list ends early", func(_ int, _ *http.Request, body string) string {
			return strings.Replace(body, "<IsTruncated>true</IsTruncated>", "<IsTruncated>false</IsTruncated>", 1)
		}, provider.Transient},
		{"it goes on nowhere", func(_ int, _ *http.Request, body string) string {
			before, after, ok := strings.Cut(body, "<NextRecordName>")
			if _, rest, _ := strings.Cut(after, "</NextRecordName>"); ok {
				return before + rest
			}
			return body
		}, provider.Invalid},
		{"a page does not begin where it was to", func(n int, r *http.Request, body string) string {
			if r.URL.Query().Get("name") != "" {
				return without(body, strings.TrimSuffix(r.URL.Query().Get("name"), ".example.org."))
			}
			return body
		}, provider.Transient},
		{"a set of another zone", func(_ int, _ *http.Request, body string) string {
			return strings.Replace(body, "x010.example.org.", "x010.example.com.", 1)
		}, provider.Invalid},
		{"a set without a TTL", func(_ int, _ *http.Request, body string) string {
			return strings.Replace(body, "<TTL>300</TTL>", "", 1)
		}, provider.Invalid},
	} {
		snap, err := edited(x.edit).Read(t.Context(), provider.ZoneRef{Origin: zone.MustName(origin)})
		if x.kind == provider.Other {
			if err != nil || snap.Sets.Len() != 702 {
				t.Errorf("%s: %v, want 702 sets", x.name, err)
			}
		} else if provider.KindOf(err) != x.kind {
			t.Errorf("%s: kind %q, want %q: %v", x.name, provider.KindOf(err), x.kind, err)
		}
	}
}

// Five requests a second, from all who use the account
// (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests).
func TestBudgetKeepsTheLimit(t *testing.T) {
	t.Parallel()
	c, _, base := fresh(t, nil)
	c.Panel().Turn(func(k *service.Knobs) { k.Limits = true })
	one, two := c.open(t, values{"limits": ""}), c.open(t, values{"limits": ""})
	if one.Budget() != two.Budget() {
		t.Fatal("the same account has two budgets")
	}
	began := time.Now()
	var wg sync.WaitGroup
	for i := range 11 {
		wg.Go(func() {
			if _, err := []*route53.Provider{one, two}[i%2].Read(t.Context(), base.Info.ZoneRef); err != nil {
				t.Errorf("read: %v", err)
			}
		})
	}
	wg.Wait()
	if s := one.Budget().State(); s.Refused != 0 {
		t.Errorf("the service refused %d of %d calls in %v, want none", s.Refused, s.Calls, time.Since(began))
	}
}
