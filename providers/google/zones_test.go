package google_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/api/dns/v1"

	"github.com/zonecast/zonecast/provider"
	emulated "github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/zone"
)

// A project with many zones is not asked for each of them.
func TestDirectory(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	for i := range 10 {
		c.managed(t, &dns.ManagedZone{Name: fmt.Sprintf("z%d", i), DnsName: fmt.Sprintf("z%d.example.", i)})
	}
	p := c.open(t, nil)
	before := c.calls.Load()
	for i := range 10 {
		read(t, p, provider.ZoneRef{Origin: zone.MustName(fmt.Sprintf("z%d.example.", i))})
	}
	if _, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName("none.example.")}); !errors.Is(err, provider.ErrNoZone) {
		t.Errorf("a zone that is not there: %v", err)
	}
	if got := c.calls.Load() - before; got != 1+3+1+10 {
		t.Errorf("%d calls, want a token, 3 zones by name, 1 list and 10 pages", got)
	}
	// A zone that was deleted and made again by somebody else has another id.
	if err := c.sdk(t).ManagedZones.Delete(project, "z5").Do(); err != nil {
		t.Fatal(err)
	}
	again := c.managed(t, &dns.ManagedZone{Name: "z5-again", DnsName: "z5.example."})
	if got := read(t, p, provider.ZoneRef{Origin: zone.MustName("z5.example.")}).Info.ID; got != fmt.Sprint(again.Id) {
		t.Errorf("the zone that came after: got id %s, want %d", got, again.Id)
	}
}

// Zones of one name are told apart; where they cannot be, that is said.
func TestZonesOfOneName(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	const origin = "split.example."
	networks := &dns.ManagedZonePrivateVisibilityConfig{Networks: []*dns.ManagedZonePrivateVisibilityConfigNetwork{
		{NetworkUrl: "https://www.googleapis.com/compute/v1/projects/sandbox-project/global/networks/default"},
	}}
	inner := c.managed(t, &dns.ManagedZone{Name: "inner", DnsName: origin, Visibility: "private", PrivateVisibilityConfig: networks})
	outer := c.managed(t, &dns.ManagedZone{Name: "outer", DnsName: origin})
	id := func(z *dns.ManagedZone) string { return fmt.Sprint(z.Id) }
	ref := provider.ZoneRef{Origin: zone.MustName(origin)}
	for _, x := range []struct {
		name    string
		options values
		ref     provider.ZoneRef
		want    string
	}{
		{"public by itself", nil, ref, id(outer)},
		{"private by view", nil, provider.ZoneRef{Origin: ref.Origin, View: "private"}, id(inner)},
		{"private by id", nil, provider.ZoneRef{Origin: ref.Origin, ID: id(inner)}, id(inner)},
		{"private by name", nil, provider.ZoneRef{Origin: ref.Origin, ID: "inner"}, id(inner)},
		{"only private", values{"private": "true"}, ref, id(inner)},
		{"only public", values{"private": "false"}, ref, id(outer)},
		{"only public, private wanted", values{"private": "false"}, provider.ZoneRef{Origin: ref.Origin, View: "private"}, ""},
		{"another view", nil, provider.ZoneRef{Origin: ref.Origin, View: "office"}, ""},
	} {
		snap, err := c.open(t, x.options).Read(t.Context(), x.ref)
		switch {
		case x.want == "" && !errors.Is(err, provider.ErrNoZone):
			t.Errorf("%s: got %v, want ErrNoZone", x.name, err)
		case x.want != "" && err != nil:
			t.Errorf("%s: %v", x.name, err)
		case x.want != "" && snap.Info.ID != x.want:
			t.Errorf("%s: got id %s, want %s", x.name, snap.Info.ID, x.want)
		}
	}
	snap := read(t, c.open(t, values{"private": "true"}), ref)
	if snap.Info.Kind != provider.Private || snap.Info.View != "private" {
		t.Errorf("private zone: got %+v", snap.Info)
	}
	second := c.managed(t, &dns.ManagedZone{Name: "outer-2", DnsName: origin})
	_, err := c.open(t, nil).Read(t.Context(), ref)
	if provider.KindOf(err) != provider.Rejected || !strings.Contains(err.Error(), "outer (public), outer-2 (public)") || !strings.Contains(err.Error(), "zone_names") {
		t.Errorf("two public zones: got %v", err)
	}
	named := c.open(t, nil, func(conf *provider.Config) {
		conf.Values["zone_names"] = provider.Value{Map: map[string]string{"split.example": "outer-2"}}
	})
	before := c.calls.Load()
	for range 2 {
		if got := read(t, named, ref).Info.ID; got != id(second) {
			t.Errorf("zone_names: got id %s, want %d", got, second.Id)
		}
	}
	if got := c.calls.Load() - before; got != 1+1+2 {
		t.Errorf("zone_names: %d calls, want a token, the zone once, 2 pages", got)
	}
	_, err = c.open(t, nil, func(conf *provider.Config) {
		conf.Values["zone_names"] = provider.Value{Map: map[string]string{"split.example": "nowhere"}}
	}).Read(t.Context(), ref)
	if provider.KindOf(err) != provider.Rejected || errors.Is(err, provider.ErrNoZone) || !strings.Contains(err.Error(), "no managed zone nowhere, which option zone_names names") {
		t.Errorf("zone_names with a name that nothing has: got %v", err)
	}
	n := 0
	for z, err := range c.open(t, values{"private": "false"}).Zones(t.Context()) {
		if n++; err != nil || z.Kind != provider.Primary {
			t.Errorf("zones: %+v, %v", z, err)
		}
	}
	if n != 2 {
		t.Errorf("%d public zones are listed, want 2", n)
	}
}

// Weighted sets and their like go with the zone, and only then.
func TestDeleteZoneWithPolicies(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "gone.example.")
	for _, x := range c.plant(t, base.Info.ZoneRef) {
		if x.State(t) == "" {
			t.Fatalf("%s was not planted", x.Name)
		}
	}
	c.put(t, base.Info.ID, rrset("a.gone.example.", "TXT", 0, `"z"`, `"a"`))
	p := c.open(t, nil)
	snap := read(t, p, base.Info.ZoneRef)
	if len(snap.Foreign) != 2 || !snap.Foreign[0].Owns || !strings.Contains(snap.Foreign[1].Text, "weight 3: 192.0.2.71 | 192.0.2.72") {
		t.Errorf("foreign: got %+v", snap.Foreign)
	}
	if err := p.DeleteZone(t.Context(), provider.ZoneRef{Origin: base.Info.Origin}); err != nil {
		t.Fatalf("delete: %v", err)
	}
	if _, err := p.Read(t.Context(), provider.ZoneRef{Origin: base.Info.Origin}); !errors.Is(err, provider.ErrNoZone) {
		t.Errorf("read after deletion: %v", err)
	}
	if _, err := p.Read(t.Context(), base.Info.ZoneRef); !errors.Is(err, provider.ErrNoZone) {
		t.Errorf("read by id after deletion: %v", err)
	}
	r, err := p.Write(t.Context(), snap, changes(zone.Change{After: set(t, "x.gone.example.", "A", 1, "192.0.2.1")}))
	if !errors.Is(err, provider.ErrNoZone) {
		t.Errorf("write after deletion: %v", err)
	}
	wantOutcomes(t, r, provider.NotDone)
}

// A zone whose creation was answered by nobody is found, not made twice.
func TestCreateZoneAnswerLost(t *testing.T) {
	t.Parallel()
	for _, sent := range []bool{true, false} {
		c := newCloud(t, emulated.Options{})
		var creates atomic.Int64
		p := c.open(t, nil, func(conf *provider.Config) {
			conf.HTTP = func() http.RoundTripper {
				return trip(func(r *http.Request) (*http.Response, error) {
					if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/managedZones") || creates.Add(1) > 1 {
						return http.DefaultTransport.RoundTrip(r)
					}
					if sent {
						if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
							_ = resp.Body.Close()
						}
					}
					return nil, io.ErrUnexpectedEOF
				})
			}
		})
		snap, err := p.CreateZone(t.Context(), zone.MustName("lost.example."))
		if err != nil || snap.Sets.Len() != 2 || len(snap.Info.NameServers) != 4 {
			t.Fatalf("sent %t: %v", sent, err)
		}
		zones, err := c.sdk(t).ManagedZones.List(project).Do()
		if err != nil || len(zones.ManagedZones) != 1 {
			t.Errorf("sent %t: %d zones, %v", sent, len(zones.ManagedZones), err)
		}
	}
}

// A zone that the service does not find at once after making it is asked for again.
func TestCreateZoneNotFoundAtOnce(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	lists := 0
	p := c.open(t, nil, func(conf *provider.Config) {
		conf.HTTP = func() http.RoundTripper {
			return trip(func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "/rrsets") {
					if lists++; lists == 1 {
						body := `{"error":{"code":404,"message":"The 'parameters.managedZone' resource named 'x' does not exist.","errors":[{"reason":"notFound","message":"The 'parameters.managedZone' resource named 'x' does not exist."}]}}`
						return &http.Response{StatusCode: 404, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
					}
				}
				return http.DefaultTransport.RoundTrip(r)
			})
		}
	})
	if snap, err := p.CreateZone(t.Context(), zone.MustName("soon.example.")); err != nil || snap.Sets.Len() != 2 || lists != 2 {
		t.Errorf("got %+v, %v after %d lists", snap, err, lists)
	}
}

// A second zone of the same name is not made, though the service would.
func TestCreateZoneThatExists(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	c.managed(t, &dns.ManagedZone{Name: "by-hand", DnsName: "there.example."})
	_, err := c.open(t, nil).CreateZone(t.Context(), zone.MustName("there.example."))
	if provider.KindOf(err) != provider.Conflict || !strings.Contains(err.Error(), "by-hand (public)") {
		t.Errorf("got %v, want a conflict that names the zone", err)
	}
	_, err = c.open(t, values{"private": "true"}).CreateZone(t.Context(), zone.MustName("there.example."))
	if provider.KindOf(err) != provider.Rejected || !strings.Contains(err.Error(), "networks") {
		t.Errorf("private without networks: %v", err)
	}
	p := c.open(t, values{"private": "true"}, func(conf *provider.Config) {
		conf.Values["networks"] = provider.Value{List: []string{"default"}}
	})
	snap, err := p.CreateZone(t.Context(), zone.MustName("there.example."))
	if err != nil || snap.Info.Kind != provider.Private {
		t.Fatalf("private beside public: %+v, %v", snap, err)
	}
	z, err := c.sdk(t).ManagedZones.Get(project, snap.Info.ID).Do()
	if err != nil || z.PrivateVisibilityConfig == nil || z.PrivateVisibilityConfig.Networks[0].NetworkUrl != "https://www.googleapis.com/compute/v1/projects/sandbox-project/global/networks/default" {
		t.Errorf("network: got %+v, %v", z, err)
	}
}

// Names of new zones are what the service takes, equal for equal zones and different for others.
func TestNamesOfNewZones(t *testing.T) {
	t.Parallel()
	proper := regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	c := newCloud(t, emulated.Options{})
	seen := map[string]string{}
	for _, origin := range []string{
		"a-b.example.", "a.b.example.", "a--b.example.", "xn--mnchen-3ya.example.", "2.0.192.in-addr.arpa.", "0/25.2.0.192.in-addr.arpa.",
		"_msdcs.example.", strings.Repeat("long-label.", 20) + "example.", strings.Repeat("long-label.", 20) + "x.example.",
		strings.Repeat("-.", 40) + "example.", "e.example.",
	} {
		z, err := c.sdk(t).ManagedZones.Get(project, c.fresh(t, origin).Info.ID).Do()
		if err != nil {
			t.Fatal(err)
		}
		if !proper.MatchString(z.Name) || seen[z.Name] != "" {
			t.Errorf("%s: name %q, also of %q", origin, z.Name, seen[z.Name])
		}
		seen[z.Name] = origin
		if z.Description == "" {
			t.Errorf("%s: no description", origin)
		}
	}
}

// ALIAS is for public zones without DNSSEC; the state of DNSSEC is told.
func TestAliasAndDNSSEC(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	z := c.managed(t, &dns.ManagedZone{Name: "signed", DnsName: "signed.example.", DnssecConfig: &dns.ManagedZoneDnsSecConfig{State: "on"}})
	p := c.open(t, nil)
	snap := read(t, p, provider.ZoneRef{Origin: zone.MustName("signed.example.")})
	if !snap.Info.Signed || snap.Settings["dnssec"] != "on" || snap.Info.Serial != 1 || len(snap.Info.NameServers) != 4 {
		t.Errorf("got %+v with %v", snap.Info, snap.Settings)
	}
	if caps := p.Capabilities(snap.Info); caps.Alias != "" || caps.Holds(zone.TypeALIAS) {
		t.Errorf("a signed zone holds ALIAS: %+v", caps)
	}
	if caps := p.Capabilities(provider.ZoneInfo{Kind: provider.Private}); caps.Holds(zone.TypeALIAS) {
		t.Error("a private zone holds ALIAS")
	}
	r, err := p.Write(t.Context(), snap, changes(zone.Change{After: set(t, "signed.example.", "ALIAS", 300, "www.example.net.")}))
	if provider.KindOf(err) != provider.Rejected || !strings.Contains(err.Error(), "ALIAS only in public zones without DNSSEC") {
		t.Errorf("got %v", err)
	}
	wantOutcomes(t, r, provider.NotDone)
	if p.Capabilities(provider.ZoneInfo{}).Alias != "ALIAS" {
		t.Error("an ordinary zone holds no ALIAS")
	}
	if _, err := c.sdk(t).ManagedZones.Patch(project, z.Name, &dns.ManagedZone{DnssecConfig: &dns.ManagedZoneDnsSecConfig{State: "transfer"}}).Do(); err != nil {
		t.Fatal(err)
	}
	if snap := read(t, c.open(t, nil), snap.Info.ZoneRef); snap.Settings["dnssec"] != "transfer" || !snap.Info.Signed {
		t.Errorf("transfer: got %+v with %v", snap.Info, snap.Settings)
	}
}

// Zones that hold no records are shown as what they are and not written.
func TestForwardingZone(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	c.managed(t, &dns.ManagedZone{Name: "forward", DnsName: "corp.example.", Visibility: "private", ForwardingConfig: &dns.ManagedZoneForwardingConfig{
		TargetNameServers: []*dns.ManagedZoneForwardingConfigNameServerTarget{{Ipv4Address: "192.0.2.53"}},
	}})
	p := c.open(t, nil)
	snap := read(t, p, provider.ZoneRef{Origin: zone.MustName("corp.example.")})
	if snap.Info.Kind != provider.Secondary || len(snap.Foreign) != 1 || snap.Foreign[0].Kind != "forwarding zone" {
		t.Errorf("got %+v, foreign %+v", snap.Info, snap.Foreign)
	}
	r, err := p.Write(t.Context(), snap, changes(zone.Change{After: set(t, "x.corp.example.", "A", 300, "192.0.2.1")}))
	if provider.KindOf(err) != provider.Rejected {
		t.Errorf("write: %v", err)
	}
	wantOutcomes(t, r, provider.NotDone)
}

// Who may see a single zone is told how to name it.
func TestListingForbidden(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "single.example.")
	p := c.open(t, nil, func(conf *provider.Config) {
		conf.HTTP = func() http.RoundTripper {
			return trip(func(r *http.Request) (*http.Response, error) {
				if !strings.HasSuffix(r.URL.Path, "/managedZones") {
					return http.DefaultTransport.RoundTrip(r)
				}
				body := `{"error":{"code":403,"message":"The caller does not have permission","errors":[{"reason":"forbidden","message":"The caller does not have permission"}],"status":"PERMISSION_DENIED"}}`
				return &http.Response{StatusCode: 403, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			})
		}
	})
	_, err := p.Read(t.Context(), provider.ZoneRef{Origin: base.Info.Origin})
	if provider.KindOf(err) != provider.Denied || !strings.Contains(err.Error(), "roles/dns.admin") || !strings.Contains(err.Error(), "zone_names") {
		t.Errorf("got %v", err)
	}
	if _, err := p.Read(t.Context(), base.Info.ZoneRef); err != nil {
		t.Errorf("by id: %v", err)
	}
}
