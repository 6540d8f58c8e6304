package google_test

import (
	"net/http"
	"slices"
	"testing"

	"google.golang.org/api/dns/v1"
	"google.golang.org/api/option"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	emulated "github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

const project = emulated.DefaultProject

// A trip is a transport that is a function.
type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// sdk is Google's client as another tool would use it, with a token that never expires.
func (c *cloud) sdk(t conformance.T) *dns.Service {
	t.Helper()
	s, err := dns.NewService(t.Context(), option.WithEndpoint(c.url+"/"), option.WithHTTPClient(&http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+emulated.DefaultToken)
		return http.DefaultTransport.RoundTrip(r)
	})}))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return s
}

// managed creates a zone as another tool does.
func (c *cloud) managed(t conformance.T, z *dns.ManagedZone) *dns.ManagedZone {
	t.Helper()
	z.ForceSendFields = []string{"Description"}
	out, err := c.sdk(t).ManagedZones.Create(project, z).Do()
	if err != nil {
		t.Fatalf("create %s: %v", z.DnsName, err)
	}
	return out
}

// put adds sets as another tool does.
func (c *cloud) put(t conformance.T, name string, sets ...*dns.ResourceRecordSet) {
	t.Helper()
	for _, s := range sets {
		s.ForceSendFields = []string{"Ttl"}
	}
	if _, err := c.sdk(t).Changes.Create(project, name, &dns.Change{Additions: sets}).Do(); err != nil {
		t.Fatalf("put: %v", err)
	}
}

func rrset(name, typ string, ttl int64, data ...string) *dns.ResourceRecordSet {
	return &dns.ResourceRecordSet{Name: name, Type: typ, Ttl: ttl, Rrdatas: data}
}

// weighted is a set that RRsets cannot express.
func weighted(name string, items ...*dns.RRSetRoutingPolicyWrrPolicyWrrPolicyItem) *dns.ResourceRecordSet {
	return &dns.ResourceRecordSet{Name: name, Type: "A", Ttl: 30, RoutingPolicy: &dns.RRSetRoutingPolicy{Wrr: &dns.RRSetRoutingPolicyWrrPolicy{Items: items}}}
}

func item(weight float64, data ...string) *dns.RRSetRoutingPolicyWrrPolicyWrrPolicyItem {
	return &dns.RRSetRoutingPolicyWrrPolicyWrrPolicyItem{Weight: weight, Rrdatas: data, ForceSendFields: []string{"Weight"}}
}

// plant puts a weighted set and one by region beside what the suite writes. They go with their zone.
func (c *cloud) plant(t conformance.T, ref provider.ZoneRef) []conformance.Planted {
	t.Helper()
	zones, err := c.sdk(t).ManagedZones.List(project).DnsName(ref.Origin.String()).Do()
	if err != nil || len(zones.ManagedZones) != 1 {
		t.Fatalf("managed zones of %s: %v, %v", ref.Origin, zones, err)
	}
	id := zones.ManagedZones[0].Name
	byWeight, byRegion := "weighted."+ref.Origin.String(), "region."+ref.Origin.String()
	c.put(t, id,
		weighted(byWeight, item(0, "192.0.2.70"), item(3, "192.0.2.71", "192.0.2.72")),
		&dns.ResourceRecordSet{Name: byRegion, Type: "CNAME", Ttl: 60, RoutingPolicy: &dns.RRSetRoutingPolicy{Geo: &dns.RRSetRoutingPolicyGeoPolicy{
			Items: []*dns.RRSetRoutingPolicyGeoPolicyGeoPolicyItem{
				{Location: "europe-west1", Rrdatas: []string{"eu.example.net."}}, {Location: "us-east1", Rrdatas: []string{"us.example.net."}},
			},
		}}},
	)
	state := func(name, typ string) func(conformance.T) string {
		return func(t conformance.T) string {
			out, err := c.sdk(t).ResourceRecordSets.List(project, id).Name(name).Type(typ).Do()
			if err != nil {
				t.Fatalf("%v", err)
			}
			if len(out.Rrsets) != 1 {
				return ""
			}
			text, err := out.Rrsets[0].MarshalJSON()
			if err != nil {
				t.Fatalf("%v", err)
			}
			return string(text)
		}
	}
	return []conformance.Planted{
		{Name: "a weighted set", Key: zone.Key{Owner: zone.MustName(byWeight), Type: zone.TypeA}, State: state(byWeight, "A")},
		{Name: "a set by region", Key: zone.Key{Owner: zone.MustName(byRegion), Type: zone.TypeCNAME}, State: state(byRegion, "CNAME")},
	}
}

// set is an RRset from presentation form.
func set(t testing.TB, owner, typ string, ttl uint32, texts ...string) *zone.RRset {
	t.Helper()
	z, err := zone.ParseType(typ)
	if err != nil {
		t.Fatal(err)
	}
	out := zone.RRset{Owner: zone.MustName(owner), Type: z, TTL: ttl}
	for _, text := range texts {
		d, err := rdata.Parse(z, text, zone.Root)
		if err != nil {
			t.Fatal(err)
		}
		out.Data = append(out.Data, d)
	}
	out = out.Clean()
	return &out
}

func changes(list ...zone.Change) provider.ChangeSet { return provider.ChangeSet{Sets: list} }

// read reads a zone or fails.
func read(t testing.TB, p provider.Provider, ref provider.ZoneRef) *provider.Snapshot {
	t.Helper()
	snap, err := p.Read(t.Context(), ref)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return snap
}

// fresh creates a zone for a test.
func (c *cloud) fresh(t testing.TB, origin string) *provider.Snapshot {
	t.Helper()
	snap, err := c.open(t, nil).CreateZone(t.Context(), zone.MustName(origin))
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return snap
}

// wantOutcomes compares a receipt.
func wantOutcomes(t testing.TB, r *provider.Receipt, want ...provider.Outcome) {
	t.Helper()
	if r == nil || !slices.Equal(r.Sets, want) {
		t.Errorf("receipt: got %+v, want %v", r, want)
	}
}
