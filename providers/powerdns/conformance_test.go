package powerdns_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/powerdns"
	"github.com/zonecast/zonecast/zone"
)

// open opens the server's account; edit may change the configuration.
func open(t conformance.T, s *testserver.PowerDNSServer, edit func(*provider.Config)) provider.Provider {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatalf("%v", err)
	}
	c := provider.Config{ID: "pdns", Values: map[string]provider.Value{
		"host": {Text: u.Hostname()}, "port": {Text: u.Port()}, "api_key": {Text: s.APIKey}, "dns_address": {Text: s.Addr},
		"nameservers": {List: []string{"ns1.example.net.", "ns2.example.net."}},
	}}
	if edit != nil {
		edit(&c)
	}
	p, err := powerdns.Open(c)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return p
}

// unsupported are names that the API refuses, although the server could hold them.
var unsupported = func() map[string]string {
	m := map[string]string{}
	for _, step := range []string{
		"asterisk inside", "escaped dot", "escaped dot alone", "at sign, dollar, quote", "space and backslash", "octets that are no text",
	} {
		m["odd names/"+step] = "the API takes letters, digits, and _ / . - in names"
	}
	m["100,000 sets in few calls"] = "the API takes bodies of 2 MB (webserver-max-bodysize), and a zone changes in one request"
	return m
}()

// subject is a real PowerDNS.
func subject(t *testing.T) conformance.Subject {
	s := testserver.PowerDNS(t, testserver.PowerDNSOptions{})
	var zones, calls atomic.Int64
	origin := func() zone.Name { return zone.MustName(fmt.Sprintf("zone%d.example.", zones.Add(1))) }
	return conformance.Subject{
		Name:     "powerdns (real PowerDNS)",
		Patience: patience.Limit,
		Open: func(t conformance.T) provider.Provider {
			return open(t, s, func(c *provider.Config) {
				c.HTTP = func() http.RoundTripper { return counting{&calls} }
			})
		},
		Calls: func() (int, int) { return int(calls.Load()), 0 },
		Plant: func(t conformance.T, ref provider.ZoneRef) []conformance.Planted { return plant(t, s, ref) },
		Fresh: func(t conformance.T) provider.ZoneRef {
			snap, err := open(t, s, nil).(provider.ZoneCreator).CreateZone(t.Context(), origin())
			if err != nil {
				t.Fatalf("%v", err)
			}
			return snap.Info.ZoneRef
		},
		NewOrigin: func(conformance.T) zone.Name { return origin() },
		Ask:       conformance.AskAt(s.Addr),
		Kill:      func(conformance.T) { s.Kill(); s.Restart(t) },
		WrongKey: func(t conformance.T) provider.Provider {
			return open(t, s, func(c *provider.Config) { c.Values["api_key"] = provider.Value{Text: "not-the-key"} })
		},
		Via: func(t conformance.T, wrap func(http.RoundTripper) http.RoundTripper) provider.Provider {
			return open(t, s, func(c *provider.Config) {
				c.HTTP = func() http.RoundTripper { return wrap(http.DefaultTransport) }
			})
		},
		Unsupported: unsupported,
		Large:       conformance.Soak,
	}
}

// counting counts requests.
type counting struct{ n *atomic.Int64 }

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return http.DefaultTransport.RoundTrip(r)
}

// plant puts a disabled record and another tool's record into a zone, by the API itself.
func plant(t conformance.T, s *testserver.PowerDNSServer, ref provider.ZoneRef) []conformance.Planted {
	t.Helper()
	at := func(label string) zone.Name { return zone.MustName(label + "." + ref.Origin.String()) }
	off, other := at("disabled"), zone.RRset{Owner: at("other"), Type: zone.TypeA, TTL: 77, Data: []zone.Data{"\xc0\x00\x02\x4d"}}
	body := fmt.Sprintf(`{"rrsets":[
		{"name":%q,"type":"A","ttl":60,"changetype":"REPLACE","records":[{"content":"192.0.2.99","disabled":true}]},
		{"name":%q,"type":"A","ttl":77,"changetype":"REPLACE","records":[{"content":"192.0.2.77","disabled":false}]}]}`, off, other.Owner)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, s.URL+"/api/v1/servers/localhost/zones/"+ref.Origin.String(), strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v", err)
	}
	req.Header.Set("X-API-Key", s.APIKey)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%v", err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Fatalf("planting: %s", resp.Status)
	}
	return []conformance.Planted{
		{Name: "a disabled record", Key: zone.Key{Owner: off, Type: zone.TypeA}},
		{Name: "another tool's record", Key: other.Key(), Set: &other},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	r := conformance.Run(t, subject(t))
	if !strings.Contains(conformance.Table(r), "| L3 1,200 sets | passed |") {
		t.Error("1,200 sets did not pass")
	}
	if testing.Verbose() {
		t.Log("\n" + conformance.Table(r))
	}
}
