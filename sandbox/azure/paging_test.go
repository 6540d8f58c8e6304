package azure_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"
	"github.com/zonecast/zonecast/sandbox/azure"
)

// Pages have 100 items unless $top says otherwise, and a link to the next.
// https://learn.microsoft.com/en-us/rest/api/dns/record-sets/list-by-dns-zone
func TestPagesOfSets(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{MaxPage: 120})
	z := r.zone(t, "example.com")
	if got := *z.Properties.MaxNumberOfRecordSets; got != 10_000 {
		t.Errorf("maxNumberOfRecordSets: got %d, want 10000", got)
	}
	for i := range 198 { // with SOA and NS: two full pages
		r.put(t, "example.com", fmt.Sprintf("h%03d.sub", i), armdns.RecordTypeA, a(300, "192.0.2.1"))
	}
	sizes := func(top *int32, suffix *string) (out []int) {
		t.Helper()
		seen := map[string]bool{}
		for _, p := range pages(t.Context(), t, r.sets.NewListByDNSZonePager(group, "example.com", &armdns.RecordSetsClientListByDNSZoneOptions{Top: top, Recordsetnamesuffix: suffix})) {
			out = append(out, len(p.Value))
			for _, s := range p.Value {
				if seen[*s.ID] {
					t.Errorf("%s is on two pages", *s.ID)
				}
				seen[*s.ID] = true
			}
		}
		return out
	}
	for _, tt := range []struct {
		top    *int32
		suffix *string
		want   []int
	}{
		{nil, nil, []int{100, 100}},
		{new(int32(99)), nil, []int{99, 99, 2}},
		{new(int32(500)), nil, []int{120, 80}},
		{nil, new("sub"), []int{100, 98}},
		{nil, new(".h007.sub"), []int{1}},
		{nil, new("@"), []int{2}},
		{nil, new("ub"), []int{0}},
	} {
		if got := sizes(tt.top, tt.suffix); !slices.Equal(got, tt.want) {
			t.Errorf("top %v, suffix %v: pages of %v, want %v", tt.top, tt.suffix, got, tt.want)
		}
	}
	r.put(t, "example.com", "h200.sub", armdns.RecordTypeA, a(300, "192.0.2.1"))
	if got := sizes(nil, nil); !slices.Equal(got, []int{100, 100, 1}) {
		t.Errorf("201 sets: pages of %v, want 100, 100, 1", got)
	}
	var types []int
	for _, rt := range []armdns.RecordType{armdns.RecordTypeA, armdns.RecordTypeAAAA, armdns.RecordTypeNS} {
		n := 0
		for _, p := range pages(t.Context(), t, r.sets.NewListByTypePager(group, "example.com", rt, nil)) {
			n += len(p.Value)
		}
		types = append(types, n)
	}
	if want := []int{199, 0, 1}; !slices.Equal(types, want) {
		t.Errorf("sets by type A, AAAA, NS: got %v, want %v", types, want)
	}
	got, err := r.zones.Get(t.Context(), group, "example.com", nil)
	if err != nil || *got.Properties.NumberOfRecordSets != 201 {
		t.Errorf("numberOfRecordSets: got %d, %v, want 201", *got.Properties.NumberOfRecordSets, err)
	}
}

// A page goes on where the last ended, also when that item is gone by then.
func TestPagesWhileSetsChange(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{})
	r.zone(t, "example.com")
	for i := range 5 {
		r.put(t, "example.com", fmt.Sprint("h", i), armdns.RecordTypeA, a(300, "192.0.2.1"))
	}
	p := r.sets.NewListByTypePager(group, "example.com", armdns.RecordTypeA, &armdns.RecordSetsClientListByTypeOptions{Top: new(int32(2))})
	var got []string
	for p.More() {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Value {
			got = append(got, *s.Name)
		}
		if _, err := r.sets.Delete(t.Context(), group, "example.com", got[len(got)-1], armdns.RecordTypeA, nil); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"h0", "h1", "h2", "h3", "h4"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// https://learn.microsoft.com/en-us/rest/api/dns/zones/list and …/list-by-resource-group
func TestPagesOfZones(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{Subscriptions: map[string][]string{azure.DefaultSubscription: {group, "Second", "second2"}}})
	make := func(in, name string) armdns.Zone {
		t.Helper()
		z, err := r.zones.CreateOrUpdate(t.Context(), in, name, armdns.Zone{Location: new("Global")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return z.Zone
	}
	for i := range 101 {
		make(group, fmt.Sprintf("z%03d.example", i))
	}
	first, again := make("second", "z000.example"), make("second2", "z001.example")
	if got, want := *first.ID, "/subscriptions/"+azure.DefaultSubscription+"/resourceGroups/Second/providers/Microsoft.Network/dnszones/z000.example"; got != want {
		t.Errorf("id: got %s, want %s", got, want)
	}
	// Zones of one name may be in several groups, on other name servers:
	// https://learn.microsoft.com/en-us/azure/dns/dns-faq#can-i-create-multiple-zones-with-the-same-name
	for _, z := range []armdns.Zone{first, again} {
		if got := *z.Properties.NameServers[0]; got != "ns1-02.azure-dns.com." {
			t.Errorf("%s: name server %s, want ns1-02.azure-dns.com.", *z.ID, got)
		}
	}
	var all, here, second []int
	for _, p := range pages(t.Context(), t, r.zones.NewListPager(nil)) {
		all = append(all, len(p.Value))
	}
	for _, p := range pages(t.Context(), t, r.zones.NewListByResourceGroupPager(group, nil)) {
		here = append(here, len(p.Value))
	}
	for _, p := range pages(t.Context(), t, r.zones.NewListByResourceGroupPager("SECOND", &armdns.ZonesClientListByResourceGroupOptions{Top: new(int32(1))})) {
		second = append(second, len(p.Value))
	}
	if fmt.Sprint(all, here, second) != "[100 3] [100 1] [1]" {
		t.Errorf("pages of %v, %v, %v, want [100 3] [100 1] [1]", all, here, second)
	}
	_, err := r.zones.NewListByResourceGroupPager("third", nil).NextPage(t.Context())
	refused(t, "no such group", err, http.StatusNotFound, "ResourceGroupNotFound")
}
