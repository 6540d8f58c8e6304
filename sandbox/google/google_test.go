package google_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/api/dns/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
)

var _ service.Service = (*google.Service)(nil)

const project = google.DefaultProject

// start runs an emulation and returns the official client of it.
func start(t *testing.T, o google.Options) (*google.Service, *dns.Service, string) {
	t.Helper()
	svc := google.New(o)
	srv := httptest.NewServer(svc)
	t.Cleanup(srv.Close)
	return svc, client(t, srv.URL, google.DefaultToken), srv.URL
}

// bearer is a transport that puts a token on each request.
type bearer struct{ token string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return http.DefaultTransport.RoundTrip(r)
}

func client(t *testing.T, url, token string) *dns.Service {
	t.Helper()
	c, err := dns.NewService(t.Context(), option.WithEndpoint(url+"/"), option.WithHTTPClient(&http.Client{Transport: bearer{token}}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newZone(t *testing.T, c *dns.Service, name, origin string) *dns.ManagedZone {
	t.Helper()
	z, err := c.ManagedZones.Create(project, &dns.ManagedZone{Name: name, DnsName: origin, Description: "a zone"}).Do()
	if err != nil {
		t.Fatalf("create %s: %v", origin, err)
	}
	return z
}

func rrset(name, typ string, ttl int64, data ...string) *dns.ResourceRecordSet {
	return &dns.ResourceRecordSet{Name: name, Type: typ, Ttl: ttl, Rrdatas: data, ForceSendFields: []string{"Ttl"}}
}

func change(t *testing.T, c *dns.Service, zone string, adds, dels []*dns.ResourceRecordSet) *dns.Change {
	t.Helper()
	done, err := c.Changes.Create(project, zone, &dns.Change{Additions: adds, Deletions: dels}).Do()
	if err != nil {
		t.Fatalf("change: %v", err)
	}
	return done
}

// all lists the sets of a zone as "name type ttl data…".
func all(t *testing.T, c *dns.Service, zone string) []string {
	t.Helper()
	var lines []string
	err := c.ResourceRecordSets.List(project, zone).Pages(t.Context(), func(p *dns.ResourceRecordSetsListResponse) error {
		for _, r := range p.Rrsets {
			lines = append(lines, line(r))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return lines
}

func line(r *dns.ResourceRecordSet) string {
	return fmt.Sprintf("%s %s %d %s", r.Name, r.Type, r.Ttl, strings.Join(r.Rrdatas, " | "))
}

// wantError demands a refusal of a code and a reason; text is a part of its message.
func wantError(t *testing.T, what string, err error, code int, reason, text string) {
	t.Helper()
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		t.Errorf("%s: got %v, want a googleapi.Error %d %s", what, err, code, reason)
		return
	}
	got := ""
	if len(e.Errors) > 0 {
		got = e.Errors[0].Reason
	}
	if e.Code != code || got != reason || !strings.Contains(e.Message, text) {
		t.Errorf("%s: got %d %s %q, want %d %s …%q…", what, e.Code, got, e.Message, code, reason, text)
	}
}

// ask sends what an SDK cannot send.
func ask(t *testing.T, method, url, token, body string) (int, http.Header, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatalf("%s %s: %v in %s", method, url, err, raw)
		}
	}
	return res.StatusCode, res.Header, v
}

// The whole way as people go it: a key file, the token endpoint, a zone, a change, its completion.
func TestFirstSteps(t *testing.T) {
	t.Parallel()
	svc, _, url := start(t, google.Options{})
	key, err := svc.Credentials(url)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dns.NewService(context.Background(), option.WithEndpoint(url+"/"), option.WithAuthCredentialsJSON(option.ServiceAccount, key))
	if err != nil {
		t.Fatal(err)
	}
	z := newZone(t, c, "steps", "Steps.example.")
	if z.DnsName != "steps.example." || len(z.NameServers) != 4 || z.NameServers[0] != "ns-cloud-a1.googledomains.com." || z.Id == 0 || z.Visibility != "public" || z.DnssecConfig.State != "off" {
		t.Errorf("new zone: got %+v", z)
	}
	done := change(t, c, "steps", []*dns.ResourceRecordSet{
		rrset("www.steps.example.", "A", 300, "192.0.2.2", "192.0.2.1"),
		rrset("steps.example.", "TXT", 60, `v=spf1 -all`, `"two words"`),
	}, nil)
	if done.Status != "pending" || done.Id != "1" || done.Kind != "dns#change" {
		t.Errorf("change: got %+v, want 1 pending", done)
	}
	if done, err = c.Changes.Get(project, "steps", done.Id).Do(); err != nil || done.Status != "done" {
		t.Errorf("change: got %v, %v, want done", done, err)
	}
	want := []string{
		"steps.example. NS 21600 ns-cloud-a1.googledomains.com. | ns-cloud-a2.googledomains.com. | ns-cloud-a3.googledomains.com. | ns-cloud-a4.googledomains.com.",
		"steps.example. SOA 21600 ns-cloud-a1.googledomains.com. cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300",
		`steps.example. TXT 60 "v=spf1" "-all" | "two words"`,
		"www.steps.example. A 300 192.0.2.2 | 192.0.2.1",
	}
	if got := all(t, c, fmt.Sprint(z.Id)); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("sets: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	shown, ok := svc.Names().Find(zone.MustName("www.steps.example."))
	if !ok {
		t.Fatal("the name servers do not show the zone")
	}
	if set, ok := shown.Set(zone.MustName("www.steps.example."), zone.TypeA); !ok || set.TTL != 300 || len(set.Data) != 2 {
		t.Errorf("shown: got %v, %v", set, ok)
	}
	wantError(t, "delete a full zone", c.ManagedZones.Delete(project, "steps").Do(), 400, "containerNotEmpty", "contains one or more 'resource records'")
	_, err = c.Changes.Create(project, "steps", &dns.Change{Deletions: []*dns.ResourceRecordSet{rrset("www.steps.example.", "A", 300, "192.0.2.1", "192.0.2.2")}}).Do()
	wantError(t, "deletion with the values in another order", err, 412, "conditionNotMet", "entity.change.deletions[www.steps.example.][A]")
	change(t, c, "steps", nil, []*dns.ResourceRecordSet{
		rrset("www.steps.example.", "A", 300, "192.0.2.2", "192.0.2.1"),
		rrset("steps.example.", "TXT", 60, `"v=spf1" "-all"`, `"two words"`),
	})
	if err := c.ManagedZones.Delete(project, "steps").Do(); err != nil {
		t.Errorf("delete: %v", err)
	}
	if n := svc.Names().Count(); n != 0 {
		t.Errorf("%d zones shown after the last was deleted", n)
	}
}
