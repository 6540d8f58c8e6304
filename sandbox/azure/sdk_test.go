package azure_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"
	"github.com/zonecast/zonecast/sandbox/azure"
)

const group = azure.DefaultResourceGroup

// A rig is a running service and the official SDK pointed at it.
type rig struct {
	*azure.Service
	srv   *httptest.Server
	sets  *armdns.RecordSetsClient
	zones *armdns.ZonesClient
}

func newRig(t testing.TB, o azure.Options) *rig {
	t.Helper()
	r := &rig{Service: azure.New(o)}
	r.srv = httptest.NewTLSServer(r.Service)
	t.Cleanup(r.srv.Close)
	cred := r.credential(t, azure.DefaultTenant, azure.DefaultClientID, azure.DefaultClientSecret)
	r.sets, r.zones = r.clients(t, azure.DefaultSubscription, cred)
	return r
}

func (r *rig) cloud() cloud.Configuration {
	return cloud.Configuration{
		ActiveDirectoryAuthorityHost: r.srv.URL,
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: r.srv.URL, Audience: azure.Audience},
		},
	}
}

func (r *rig) options() azcore.ClientOptions {
	return azcore.ClientOptions{Cloud: r.cloud(), Transport: r.srv.Client(), Retry: policy.RetryOptions{MaxRetries: -1}}
}

func (r *rig) credential(t testing.TB, tenant, id, secret string) azcore.TokenCredential {
	t.Helper()
	cred, err := azidentity.NewClientSecretCredential(tenant, id, secret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions: r.options(), DisableInstanceDiscovery: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return cred
}

func (r *rig) clients(t testing.TB, subscription string, cred azcore.TokenCredential) (*armdns.RecordSetsClient, *armdns.ZonesClient) {
	t.Helper()
	f, err := armdns.NewClientFactory(subscription, cred, &arm.ClientOptions{ClientOptions: r.options()})
	if err != nil {
		t.Fatal(err)
	}
	return f.NewRecordSetsClient(), f.NewZonesClient()
}

func (r *rig) zone(t testing.TB, name string) armdns.Zone {
	t.Helper()
	res, err := r.zones.CreateOrUpdate(t.Context(), group, name, armdns.Zone{Location: new("global")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return res.Zone
}

func a(ttl int64, addrs ...string) armdns.RecordSet {
	p := &armdns.RecordSetProperties{TTL: &ttl, ARecords: []*armdns.ARecord{}}
	for _, x := range addrs {
		p.ARecords = append(p.ARecords, &armdns.ARecord{IPv4Address: &x})
	}
	return armdns.RecordSet{Properties: p}
}

func (r *rig) put(t testing.TB, zone, name string, rt armdns.RecordType, set armdns.RecordSet) armdns.RecordSet {
	t.Helper()
	res, err := r.sets.CreateOrUpdate(t.Context(), group, zone, name, rt, set, nil)
	if err != nil {
		t.Fatalf("PUT %s %s: %v", name, rt, err)
	}
	return res.RecordSet
}

// refused checks status and code of an error.
func refused(t testing.TB, what string, err error, status int, code string) {
	t.Helper()
	var re *azcore.ResponseError
	if !errors.As(err, &re) {
		t.Errorf("%s: got %v, want %d %s", what, err, status, code)
		return
	}
	if re.StatusCode != status || re.ErrorCode != code {
		t.Errorf("%s: got %d %s, want %d %s: %v", what, re.StatusCode, re.ErrorCode, status, code, err)
	}
}

func pages[T any](ctx context.Context, t testing.TB, p *runtime.Pager[T]) []T {
	t.Helper()
	var out []T
	for p.More() {
		page, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page)
	}
	return out
}

// A zone is made, filled, read, and deleted by the official SDK with a token of the official
// identity library: https://learn.microsoft.com/en-us/rest/api/dns/zones
func TestLifeOfAZone(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{})
	z := r.zone(t, "example.com")
	if got := *z.Properties.NumberOfRecordSets; got != 2 {
		t.Errorf("record sets of a new zone: got %d, want 2", got)
	}
	r.put(t, "example.com", "www", armdns.RecordTypeA, a(300, "192.0.2.1"))
	got, err := r.sets.Get(t.Context(), group, "example.com", "www", armdns.RecordTypeA, nil)
	if err != nil {
		t.Fatal(err)
	}
	if *got.Properties.Fqdn != "www.example.com." || *got.Properties.ARecords[0].IPv4Address != "192.0.2.1" {
		t.Errorf("got %+v", got.Properties)
	}
	all := pages(t.Context(), t, r.sets.NewListAllByDNSZonePager(group, "example.com", nil))
	if len(all) != 1 || len(all[0].Value) != 3 {
		t.Errorf("got %d pages, want one of 3", len(all))
	}
	poller, err := r.zones.BeginDelete(t.Context(), group, "example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := poller.PollUntilDone(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("deletion took %v", d)
	}
	_, err = r.zones.Get(t.Context(), group, "example.com", nil)
	refused(t, "zone that is gone", err, http.StatusNotFound, "ResourceNotFound")
}

func (r *rig) references(t testing.TB, cred azcore.TokenCredential, target string) []*armdns.SubResource {
	t.Helper()
	f, err := armdns.NewClientFactory(azure.DefaultSubscription, cred, &arm.ClientOptions{ClientOptions: r.options()})
	if err != nil {
		t.Fatal(err)
	}
	res, err := f.NewResourceReferenceClient().GetByTargetResources(t.Context(), armdns.ResourceReferenceRequest{
		Properties: &armdns.ResourceReferenceRequestProperties{TargetResources: []*armdns.SubResource{{ID: &target}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return res.Properties.DNSResourceReferences[0].DNSResources
}
