package google_test

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/api/dns/v1"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/google"
	emulated "github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// What others wrote in other words or another order is deleted in theirs: with what Read remembers
// in one call, from a saved plan with one reading more.
// https://github.com/DNSControl/dnscontrol/pull/3011,
// https://github.com/octodns/octodns-googlecloud/pull/70
func TestExactDeletions(t *testing.T) {
	t.Parallel()
	for _, saved := range []bool{false, true} {
		c := newCloud(t, emulated.Options{})
		base := c.fresh(t, "order.example.")
		ref := provider.ZoneRef{Origin: base.Info.Origin}
		c.put(t, base.Info.ID,
			rrset("www.order.example.", "A", 300, "192.0.2.9", "192.0.2.1", "192.0.2.5"),
			rrset("txt.order.example.", "TXT", 300, `"z"`, `"a" "b"`, "unquoted;text"),
			rrset("mx.order.example.", "MX", 0, "20 B.example.net.", "10 a.example.net."),
		)
		p := c.open(t, nil)
		base = read(t, p, ref)
		want := 1
		if saved {
			base.Own, want = nil, 1+3+1 // refused, the three sets read, sent again
		}
		list := changes()
		for _, key := range []string{"www A", "txt TXT", "mx MX"} {
			label, typ, _ := strings.Cut(key, " ")
			z, _ := zone.ParseType(typ)
			have, ok := base.Sets.Set(zone.MustName(label+".order.example."), z)
			if !ok {
				t.Fatalf("%s was not read", key)
			}
			list.Sets = append(list.Sets, zone.Change{Before: &have})
		}
		list.Sets[0].After = set(t, "www.order.example.", "A", 300, "192.0.2.1")
		r, err := p.Write(t.Context(), base, list)
		if err != nil {
			t.Fatalf("saved %t: %v", saved, err)
		}
		wantOutcomes(t, r, provider.Done, provider.Done, provider.Done)
		if r.Calls != want {
			t.Errorf("saved %t: %d calls, want %d", saved, r.Calls, want)
		}
		if n := read(t, p, ref).Sets.Len(); n != 3 { // SOA, NS and www
			t.Errorf("saved %t: %d sets are left", saved, n)
		}
	}
}

// What moved is refused, with a saved plan too, and nothing of the plan is carried out.
func TestMovedUnderASavedPlan(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "moved.example.")
	c.put(t, base.Info.ID, rrset("www.moved.example.", "A", 300, "192.0.2.9", "192.0.2.1"))
	p := c.open(t, nil)
	base = read(t, p, base.Info.ZoneRef)
	base.Own = nil
	r, err := p.Write(t.Context(), base, changes(
		zone.Change{Before: set(t, "www.moved.example.", "A", 300, "192.0.2.1", "192.0.2.8")},
		zone.Change{After: set(t, "new.moved.example.", "A", 300, "192.0.2.1")},
	))
	if provider.KindOf(err) != provider.Conflict || !strings.Contains(err.Error(), "www.moved.example.") || !strings.Contains(err.Error(), "plan again") {
		t.Errorf("got %v, want a conflict that names the set", err)
	}
	wantOutcomes(t, r, provider.NotDone, provider.NotDone)
}

// A CNAME that somebody else put where the plan has another type is a conflict; one that the plan
// itself puts there is rejected.
func TestCNAMEBeside(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "beside.example.")
	p := c.open(t, nil)
	r, err := p.Write(t.Context(), base, changes(
		zone.Change{After: set(t, "www.beside.example.", "A", 300, "192.0.2.1")},
		zone.Change{After: set(t, "www.beside.example.", "CNAME", 300, "www.example.net.")},
	))
	if provider.KindOf(err) != provider.Rejected || !strings.Contains(err.Error(), "www.beside.example.") {
		t.Errorf("both in one plan: %v", err)
	}
	wantOutcomes(t, r, provider.NotDone, provider.NotDone)
	c.put(t, base.Info.ID, rrset("www.beside.example.", "CNAME", 300, "www.example.net."))
	r, err = p.Write(t.Context(), base, changes(zone.Change{After: set(t, "www.beside.example.", "A", 300, "192.0.2.1")}))
	if provider.KindOf(err) != provider.Conflict || !strings.Contains(err.Error(), "plan again") {
		t.Errorf("from somebody else: %v", err)
	}
	wantOutcomes(t, r, provider.NotDone)
	r, err = p.Write(t.Context(), read(t, p, base.Info.ZoneRef), changes(zone.Change{After: set(t, "www.beside.example.", "A", 300, "192.0.2.1")}))
	if provider.KindOf(err) != provider.Rejected {
		t.Errorf("beside one that the plan knows: %v", err)
	}
	wantOutcomes(t, r, provider.NotDone)
}

// When a later change of the service is refused, the receipt tells which were carried out, and the
// error which set it was.
func TestReceiptOfSeveralBatches(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "parts.example.")
	c.put(t, base.Info.ID, rrset("h2.parts.example.", "A", 60, "192.0.2.200"))
	p := c.open(t, values{"batch_size": "2"})
	var list provider.ChangeSet
	for i := range 5 {
		list.Sets = append(list.Sets, zone.Change{After: set(t, fmt.Sprintf("h%d.parts.example.", i), "A", 300, "192.0.2.1")})
	}
	r, err := p.Write(t.Context(), base, list)
	wantOutcomes(t, r, provider.Done, provider.Done, provider.NotDone, provider.NotDone, provider.NotDone)
	if provider.KindOf(err) != provider.Conflict {
		t.Errorf("kind: got %v of %v", provider.KindOf(err), err)
	}
	for _, want := range []string{"change 2 of 3", "those before it are done", "h2.parts.example."} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

// The quota of rrdata cuts changes too, and a change of type stays in one.
func TestBytesOfAChange(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "bytes.example.")
	p := c.open(t, nil)
	var list provider.ChangeSet
	for i := range 150 {
		list.Sets = append(list.Sets, zone.Change{After: set(t, fmt.Sprintf("t%d.bytes.example.", i), "TXT", 300, strings.Repeat(`"`+strings.Repeat("x", 246)+`" `, 4))})
	}
	r, err := p.Write(t.Context(), base, list) // 150 × 995 octets
	if err != nil || r.Count(provider.Done) != 150 || r.Calls != 2+1 {
		t.Fatalf("create: %v, %d done in %d calls, want 150 in 2 and one for the token", err, r.Count(provider.Done), r.Calls)
	}
	base = read(t, p, base.Info.ZoneRef)
	for i, x := range list.Sets {
		list.Sets[i] = zone.Change{Before: x.After}
		list.Sets = append(list.Sets, zone.Change{After: set(t, x.After.Owner.String(), "CNAME", 300, "www.example.net.")})
	}
	r, err = p.Write(t.Context(), base, list)
	if err != nil || r.Count(provider.Done) != 300 || r.Calls != 2 {
		t.Errorf("change of type: %v, %d done in %d calls, want 300 in 2", err, r.Count(provider.Done), r.Calls)
	}
}

// The figures that people are told: no call that is not needed.
func TestCalls(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{Quota: emulated.Quota{RRsetsPerManagedZone: 20_000}})
	base := c.fresh(t, "calls.example.")
	p := c.open(t, values{"batch_size": ""})
	spent := func(what string, want int64, f func()) {
		t.Helper()
		before := c.calls.Load()
		f()
		if got := c.calls.Load() - before; got != want {
			t.Errorf("%s: %d calls, want %d", what, got, want)
		}
	}
	var list provider.ChangeSet
	for i := range 10_000 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		list.Sets = append(list.Sets, zone.Change{After: &zone.RRset{Owner: zone.MustName(fmt.Sprintf("h%d.calls.example.", i)), Type: zone.TypeA, TTL: 300, Data: []zone.Data{rdata.A(a)}}})
	}
	write := func(sets []zone.Change) {
		t.Helper()
		r, err := p.Write(t.Context(), base, changes(sets...))
		if err != nil || r.Count(provider.Done) != len(sets) {
			t.Fatalf("write of %d: %v", len(sets), err)
		}
	}
	spent("1,200 creates: token, 2 changes, 2 polls", 1+2+2, func() { write(list.Sets[:1200]) })
	spent("one create: 1 change, 1 poll", 1+1, func() { write(list.Sets[1200:1201]) })
	spent("8,797 creates: 9 changes, 9 polls", 9+9, func() { write(list.Sets[1201:9998]) })
	spent("read of 10,000: zone, 10 pages", 1+10, func() { base = read(t, p, provider.ZoneRef{Origin: base.Info.Origin}) })
	if n := base.Sets.Len(); n != 10_000 {
		t.Errorf("%d sets were read", n)
	}
	spent("read again: 10 pages", 10, func() { read(t, p, provider.ZoneRef{Origin: base.Info.Origin}) })
	spent("read by another account: token, zone, 10 pages", 1+1+10, func() { read(t, c.open(t, nil), provider.ZoneRef{Origin: base.Info.Origin}) })
}

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

// Pending changes are asked for, for as long as the option says and not longer.
func TestPolling(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "slow.example.")
	write := func(label string, options values) *provider.Receipt {
		t.Helper()
		r, err := c.open(t, options).Write(t.Context(), base, changes(zone.Change{After: set(t, label+".slow.example.", "A", 300, "192.0.2.1")}))
		if err != nil || r.Count(provider.Done) != 1 || r.Calls != 2 {
			t.Fatalf("%s: %+v, %v; want it done in 2 calls", label, r, err)
		}
		return r
	}
	if r := write("at-once", nil); len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], "done: sent to all name servers") || !strings.Contains(r.Notes[0], "1 polls, not counted") {
		t.Errorf("notes: %q", r.Notes)
	}
	c.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(600 * time.Millisecond) })
	if r := write("later", nil); len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], "done") || r.Took < 600*time.Millisecond {
		t.Errorf("later: %q after %v", r.Notes, r.Took)
	}
	if r := write("unwaited", values{"sync_timeout": "0"}); len(r.Notes) != 0 {
		t.Errorf("sync_timeout 0: notes %q", r.Notes)
	}
	c.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(time.Hour) })
	if r := write("too-late", values{"sync_timeout": "1"}); len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "still pending") || r.Took > 5*time.Second {
		t.Errorf("sync_timeout 1: %q after %v", r.Notes, r.Took)
	}
}

// A list in which a set shows twice has moved, and is read again; one that never ends is an error.
func TestListThatMoves(t *testing.T) {
	t.Parallel()
	page := func(next string, sets ...string) string {
		return `{"kind":"dns#resourceRecordSetsListResponse","rrsets":[` + strings.Join(sets, ",") + `],"nextPageToken":"` + next + `"}`
	}
	one := func(name, typ, data string) string {
		return fmt.Sprintf(`{"name":%q,"type":%q,"ttl":60,"rrdatas":[%q]}`, name, typ, data)
	}
	apex := []string{
		one("m.example.", "SOA", "ns-cloud-a1.googledomains.com. cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"),
		one("m.example.", "NS", "ns-cloud-a1.googledomains.com."),
	}
	a := one("a.m.example.", "A", "192.0.2.1")
	c := newCloud(t, emulated.Options{})
	c.fresh(t, "m.example.")
	for _, x := range []struct {
		name  string
		pages []string // one after the other
		kind  provider.ErrKind
		sets  int
	}{
		{"whole", []string{page("", append(apex, a)...)}, provider.Other, 3},
		{"twice, then whole", []string{page("t", append(apex, a)...), page("", a), page("", append(apex, a)...)}, provider.Other, 3},
		{"always twice", []string{page("t", append(apex, a)...), page("", a), page("t", append(apex, a)...), page("", a), page("t", append(apex, a)...), page("", a)}, provider.Transient, 0},
		{"without the apex", []string{page("", a)}, provider.Invalid, 0},
		{"the same page for ever", []string{page("t", apex...), page("t", a)}, provider.Invalid, 0},
		{"of another zone", []string{page("", append(apex, one("a.other.example.", "A", "192.0.2.1"))...)}, provider.Invalid, 0},
		{"not a list", []string{`{}`}, provider.Invalid, 0},
		{"a new kind of set", []string{page("", append(apex, `{"name":"n.m.example.","type":"A","ttl":60,"novelty":{}}`, one("b.m.example.", "NEWTYPE", "x"), one("c.m.example.", "A", "not an address"))...)}, provider.Other, 2},
	} {
		n := 0
		p := c.open(t, nil, func(conf *provider.Config) {
			conf.HTTP = func() http.RoundTripper {
				return trip(func(r *http.Request) (*http.Response, error) {
					if !strings.HasSuffix(r.URL.Path, "/rrsets") {
						return http.DefaultTransport.RoundTrip(r)
					}
					body := x.pages[min(n, len(x.pages)-1)]
					n++
					return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
				})
			}
		})
		snap, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName("m.example.")})
		switch {
		case x.sets == 0 && (err == nil || provider.KindOf(err) != x.kind):
			t.Errorf("%s: got %v, want kind %v", x.name, err, x.kind)
		case x.sets > 0 && err != nil:
			t.Errorf("%s: %v", x.name, err)
		case x.sets > 0 && snap.Sets.Len() != x.sets:
			t.Errorf("%s: %d sets, want %d", x.name, snap.Sets.Len(), x.sets)
		}
		if x.name == "a new kind of set" && err == nil && len(snap.Foreign) != 3 {
			t.Errorf("%s: foreign %+v", x.name, snap.Foreign)
		}
	}
}

// A server with a certificate of its own is trusted when its file is named, and not else.
func TestOwnCertificate(t *testing.T) {
	t.Parallel()
	svc := emulated.New(emulated.Options{})
	srv := httptest.NewUnstartedServer(svc)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of a client that does not trust it
	srv.StartTLS()
	t.Cleanup(srv.Close)
	key, err := svc.Credentials(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{"key.json": key, "ca.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	conf := provider.Config{ID: "gcp", WorkDir: dir, Values: map[string]provider.Value{
		"credentials_file": {Text: "key.json"}, "endpoint": {Text: srv.URL + "/"}, "ca_file": {Text: filepath.Join(dir, "ca.pem")}, "limits": {Text: "off"},
	}}
	p, err := google.Open(conf)
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.(provider.Verifier).Verify(t.Context())
	if err != nil || text != "Google Cloud DNS, project sandbox-project, 0 zones" {
		t.Errorf("got %q, %v", text, err)
	}
	delete(conf.Values, "ca_file")
	if p, err = google.Open(conf); err != nil {
		t.Fatal(err)
	}
	if _, err := p.(provider.Verifier).Verify(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without ca_file: %v", err)
	}
}
