package azure_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"
	"github.com/google/go-cmp/cmp"
	"github.com/zonecast/zonecast/sandbox/azure"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// served is what the name servers show of one RRset: TTL and RDATA as text, sorted.
func (r *rig) served(t testing.TB, owner string, rt zone.Type) string {
	t.Helper()
	z, ok := r.Names().Find(zone.MustName(owner))
	if !ok {
		return "no zone"
	}
	set, ok := z.Set(zone.MustName(owner), rt)
	if !ok {
		return "none"
	}
	var texts []string
	for _, d := range set.Data {
		texts = append(texts, rdata.Text(rt, d))
	}
	slices.Sort(texts)
	return fmt.Sprint(set.TTL, " ", strings.Join(texts, ", "))
}

// Every type of the API version is written, read back as it was written, and served.
// https://learn.microsoft.com/en-us/rest/api/dns/record-sets/create-or-update
func TestEveryType(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{})
	r.zone(t, "example.com")
	ttl := new(int64(300))
	for _, tt := range []struct {
		name  string
		rt    armdns.RecordType
		props armdns.RecordSetProperties
		typ   zone.Type
		want  string
	}{
		{"a", armdns.RecordTypeA, armdns.RecordSetProperties{ARecords: []*armdns.ARecord{{IPv4Address: new("192.0.2.2")}, {IPv4Address: new("192.0.2.1")}}}, zone.TypeA, "300 192.0.2.1, 192.0.2.2"},
		{"aaaa", armdns.RecordTypeAAAA, armdns.RecordSetProperties{AaaaRecords: []*armdns.AaaaRecord{{IPv6Address: new("2001:DB8::1")}}}, zone.TypeAAAA, "300 2001:db8::1"},
		{"caa", armdns.RecordTypeCAA, armdns.RecordSetProperties{CaaRecords: []*armdns.CaaRecord{{Flags: new(int32(128)), Tag: new("issue"), Value: new("ca.example; a=b")}}}, zone.TypeCAA, `300 128 issue "ca.example; a=b"`},
		{"cname", armdns.RecordTypeCNAME, armdns.RecordSetProperties{CnameRecord: &armdns.CnameRecord{Cname: new("Target.example.net")}}, zone.TypeCNAME, "300 target.example.net."},
		{"mx", armdns.RecordTypeMX, armdns.RecordSetProperties{MxRecords: []*armdns.MxRecord{{Preference: new(int32(10)), Exchange: new("mail.example.net.")}}}, zone.TypeMX, "300 10 mail.example.net."},
		{"ns", armdns.RecordTypeNS, armdns.RecordSetProperties{NsRecords: []*armdns.NsRecord{{Nsdname: new("ns.example.net")}}}, zone.TypeNS, "300 ns.example.net."},
		{"ptr", armdns.RecordTypePTR, armdns.RecordSetProperties{PtrRecords: []*armdns.PtrRecord{{Ptrdname: new("host.example.net")}}}, zone.TypePTR, "300 host.example.net."},
		{"_sip._tcp", armdns.RecordTypeSRV, armdns.RecordSetProperties{SrvRecords: []*armdns.SrvRecord{{Priority: new(int32(1)), Weight: new(int32(2)), Port: new(int32(3)), Target: new("sip.example.net")}}}, zone.TypeSRV, "300 1 2 3 sip.example.net."},
		{"*.txt", armdns.RecordTypeTXT, armdns.RecordSetProperties{TxtRecords: []*armdns.TxtRecord{{Value: []*string{new("two "), new(`"strings"`)}}}}, zone.TypeTXT, `300 "two " "\"strings\""`},
		{"1/2.x", armdns.RecordTypeTXT, armdns.RecordSetProperties{TxtRecords: []*armdns.TxtRecord{{Value: []*string{new(`back\slash`)}}}}, zone.TypeTXT, `300 "back\\slash"`},
	} {
		tt.props.TTL = ttl
		tt.props.Metadata = map[string]*string{"owner": new("ops")}
		wrote := r.put(t, "example.com", tt.name, tt.rt, armdns.RecordSet{Properties: &tt.props})
		got, err := r.sets.Get(t.Context(), group, "example.com", tt.name, tt.rt, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(wrote, got.RecordSet); d != "" {
			t.Errorf("%s: PUT and GET differ:\n%s", tt.name, d)
		}
		tt.props.Fqdn, tt.props.ProvisioningState = new(tt.name+".example.com."), new("Succeeded")
		tt.props.TargetResource = &armdns.SubResource{}
		if d := cmp.Diff(&tt.props, got.Properties); d != "" {
			t.Errorf("%s: written and read differ:\n%s", tt.name, d)
		}
		if want := "Microsoft.Network/dnszones/" + string(tt.rt); *got.Type != want || *got.Name != tt.name {
			t.Errorf("%s: got name %s and type %s, want type %s", tt.name, *got.Name, *got.Type, want)
		}
		if s := r.served(t, tt.name+".example.com.", tt.typ); s != tt.want {
			t.Errorf("%s: served %q, want %q", tt.name, s, tt.want)
		}
	}
}

// The table of headers: https://learn.microsoft.com/en-us/azure/dns/dns-zones-records#etags
func TestEtags(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{})
	r.zone(t, "example.com")
	ctx := t.Context()
	put := func(name string, o *armdns.RecordSetsClientCreateOrUpdateOptions) (string, error) {
		res, err := r.sets.CreateOrUpdate(ctx, group, "example.com", name, armdns.RecordTypeA, a(300, "192.0.2.1"), o)
		if err != nil {
			return "", err
		}
		return *res.Etag, nil
	}
	type options = armdns.RecordSetsClientCreateOrUpdateOptions
	_, err := put("www", &options{IfMatch: new("*")})
	refused(t, "If-Match: * on none", err, http.StatusPreconditionFailed, "PreconditionFailed")
	first, err := put("www", &options{IfNoneMatch: new("*")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = put("www", &options{IfNoneMatch: new("*")})
	refused(t, "If-None-Match: * on one", err, http.StatusPreconditionFailed, "PreconditionFailed")
	second, err := put("www", &options{IfMatch: &first})
	if err != nil || second == first {
		t.Errorf("matching etag: got %q, %v, want an etag that is not %q", second, err, first)
	}
	_, err = put("www", &options{IfMatch: &first})
	refused(t, "old etag", err, http.StatusPreconditionFailed, "PreconditionFailed")
	if want := "The condition '" + first + "' in the If-Match header was not satisfied. The current was '" + second + "'."; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err = put("www", &options{IfNoneMatch: new("other values are ignored")}); err != nil {
		t.Error(err)
	}
	third, err := put("www", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.sets.Update(ctx, group, "example.com", "www", armdns.RecordTypeA, a(60, "192.0.2.2"), &armdns.RecordSetsClientUpdateOptions{IfMatch: &first})
	refused(t, "PATCH with an old etag", err, http.StatusPreconditionFailed, "PreconditionFailed")
	_, err = r.sets.Delete(ctx, group, "example.com", "www", armdns.RecordTypeA, &armdns.RecordSetsClientDeleteOptions{IfMatch: &first})
	refused(t, "DELETE with an old etag", err, http.StatusPreconditionFailed, "PreconditionFailed")
	if _, err = r.sets.Delete(ctx, group, "example.com", "www", armdns.RecordTypeA, &armdns.RecordSetsClientDeleteOptions{IfMatch: &third}); err != nil {
		t.Error(err)
	}
	if _, err = r.sets.Delete(ctx, group, "example.com", "www", armdns.RecordTypeA, nil); err != nil {
		t.Errorf("DELETE of what is gone: got %v, want 204", err)
	}
	fourth, err := put("www", nil)
	if err != nil || slices.Contains([]string{first, second, third}, fourth) {
		t.Errorf("a set made again has etag %q, %v; it must never be an old one", fourth, err)
	}
	_, err = r.zones.CreateOrUpdate(ctx, group, "example.com", armdns.Zone{Location: new("global")}, &armdns.ZonesClientCreateOrUpdateOptions{IfNoneMatch: new("*")})
	refused(t, "zone that is there", err, http.StatusPreconditionFailed, "PreconditionFailed")
}

// Of many writers with one etag, one wins: https://learn.microsoft.com/en-us/azure/dns/dns-zones-records#etags
func TestOneWriterWins(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{})
	r.zone(t, "example.com")
	etag := *r.put(t, "example.com", "www", armdns.RecordTypeA, a(300, "192.0.2.1")).Etag
	const writers = 16
	wins := make(chan string, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			addr := fmt.Sprintf("198.51.100.%d", i)
			_, err := r.sets.CreateOrUpdate(t.Context(), group, "example.com", "www", armdns.RecordTypeA, a(300, addr),
				&armdns.RecordSetsClientCreateOrUpdateOptions{IfMatch: &etag})
			if err == nil {
				wins <- addr
				return
			}
			var re *azcore.ResponseError
			if !errors.As(err, &re) || re.StatusCode != http.StatusPreconditionFailed {
				t.Errorf("got %v, want 412", err)
			}
		})
	}
	wg.Wait()
	if len(wins) != 1 {
		t.Fatalf("%d writers won, want 1", len(wins))
	}
	if got, want := r.served(t, "www.example.com.", zone.TypeA), "300 "+<-wins; got != want {
		t.Errorf("served %q, want %q", got, want)
	}
}

// What the service puts at the apex by itself, and what may be done to it:
// https://learn.microsoft.com/en-us/azure/dns/dns-zones-records#ns-records and #soa-records
func TestApex(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{})
	z := r.zone(t, "example.com")
	ctx := t.Context()
	ns, err := r.sets.Get(ctx, group, "example.com", "@", armdns.RecordTypeNS, nil)
	if err != nil {
		t.Fatal(err)
	}
	var own []string
	for _, n := range ns.Properties.NsRecords {
		own = append(own, *n.Nsdname)
	}
	if want := []string{"ns1-01.azure-dns.com.", "ns2-01.azure-dns.net.", "ns3-01.azure-dns.org.", "ns4-01.azure-dns.info."}; !slices.Equal(own, want) || *ns.Properties.TTL != 172800 {
		t.Errorf("got %v with TTL %d, want %v with 172800", own, *ns.Properties.TTL, want)
	}
	for i, n := range z.Properties.NameServers {
		if *n != own[i] {
			t.Errorf("name server %d: the zone says %s, the record set %s", i, *n, own[i])
		}
	}
	foreign := ns.RecordSet
	foreign.Properties.NsRecords = append(foreign.Properties.NsRecords, &armdns.NsRecord{Nsdname: new("ns.other.example.")})
	foreign.Properties.TTL = new(int64(3600))
	r.put(t, "example.com", "@", armdns.RecordTypeNS, foreign)
	if got, want := r.served(t, "example.com.", zone.TypeNS), "3600 ns.other.example., ns1-01.azure-dns.com., ns2-01.azure-dns.net., ns3-01.azure-dns.org., ns4-01.azure-dns.info."; got != want {
		t.Errorf("served %q, want %q", got, want)
	}
	for _, rt := range []armdns.RecordType{armdns.RecordTypeNS, armdns.RecordTypeSOA} {
		_, err := r.sets.Delete(ctx, group, "example.com", "@", rt, nil)
		refused(t, "delete apex "+string(rt), err, http.StatusBadRequest, "BadRequest")
	}
	const soa = "ns1-01.azure-dns.com. azuredns-hostmaster.microsoft.com. 1 3600 300 2419200 300"
	r.put(t, "example.com", "www", armdns.RecordTypeA, a(300, "192.0.2.1"))
	if got := r.served(t, "example.com.", zone.TypeSOA); got != "3600 "+soa {
		t.Errorf("served %q; the serial number stays as it is when records change", got)
	}
	if _, err := r.sets.Update(ctx, group, "example.com", "@", armdns.RecordTypeSOA, armdns.RecordSet{Properties: &armdns.RecordSetProperties{
		TTL: new(int64(600)), SoaRecord: &armdns.SoaRecord{Email: new("admin.example.com"), SerialNumber: new(int64(7)), MinimumTTL: new(int64(60))},
	}}, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := r.served(t, "example.com.", zone.TypeSOA), "600 ns1-01.azure-dns.com. admin.example.com. 7 3600 300 2419200 60"; got != want {
		t.Errorf("served %q, want %q", got, want)
	}
	_, err = r.zones.CreateOrUpdate(ctx, "second", "example.com", armdns.Zone{Location: new("global")}, nil)
	refused(t, "group that is not there", err, http.StatusNotFound, "ResourceGroupNotFound")
}

// https://learn.microsoft.com/en-us/azure/dns/dns-zones-records#cname-records
func TestCNAMEIsAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{})
	r.zone(t, "example.com")
	cname := armdns.RecordSet{Properties: &armdns.RecordSetProperties{TTL: new(int64(300)), CnameRecord: &armdns.CnameRecord{Cname: new("x.example.net")}}}
	r.put(t, "example.com", "www", armdns.RecordTypeCNAME, cname)
	r.put(t, "example.com", "WWW", armdns.RecordTypeCNAME, cname)
	_, err := r.sets.CreateOrUpdate(t.Context(), group, "example.com", "Www", armdns.RecordTypeA, a(300, "192.0.2.1"), nil)
	refused(t, "A beside CNAME", err, http.StatusConflict, "Conflict")
	if want := "The record could not be created because a CNAME record with the same name already exists in this zone."; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	r.put(t, "example.com", "ftp", armdns.RecordTypeA, a(300, "192.0.2.1"))
	_, err = r.sets.CreateOrUpdate(t.Context(), group, "example.com", "ftp", armdns.RecordTypeCNAME, cname, nil)
	refused(t, "CNAME beside A", err, http.StatusConflict, "Conflict")
	if _, err := r.sets.Delete(t.Context(), group, "example.com", "ftp", armdns.RecordTypeA, nil); err != nil {
		t.Fatal(err)
	}
	r.put(t, "example.com", "ftp", armdns.RecordTypeCNAME, cname)
	if got, want := r.served(t, "ftp.example.com.", zone.TypeCNAME), "300 x.example.net."; got != want {
		t.Errorf("served %q, want %q", got, want)
	}
}

// A record set may be empty; it is then not served.
// https://learn.microsoft.com/en-us/azure/dns/dns-operations-recordsets-cli#create-a-record-set
func TestEmptySet(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{})
	r.zone(t, "example.com")
	r.put(t, "example.com", "www", armdns.RecordTypeA, a(300, "192.0.2.1"))
	r.put(t, "example.com", "www", armdns.RecordTypeA, a(300))
	got, err := r.sets.Get(t.Context(), group, "example.com", "www", armdns.RecordTypeA, nil)
	if err != nil || got.Properties.ARecords == nil || len(got.Properties.ARecords) != 0 {
		t.Errorf("got %+v, %v, want an empty list", got.Properties, err)
	}
	if s := r.served(t, "www.example.com.", zone.TypeA); s != "none" {
		t.Errorf("served %q, want none", s)
	}
}

// PATCH changes what it names: https://learn.microsoft.com/en-us/rest/api/dns/record-sets/update
func TestPatch(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{})
	r.zone(t, "example.com")
	r.put(t, "example.com", "www", armdns.RecordTypeA, a(300, "192.0.2.1"))
	patch := func(p armdns.RecordSetProperties) armdns.RecordSetProperties {
		t.Helper()
		res, err := r.sets.Update(t.Context(), group, "example.com", "www", armdns.RecordTypeA, armdns.RecordSet{Properties: &p}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return *res.Properties
	}
	got := patch(armdns.RecordSetProperties{Metadata: map[string]*string{"key2": new("value2")}})
	if *got.TTL != 300 || len(got.ARecords) != 1 || *got.Metadata["key2"] != "value2" {
		t.Errorf("metadata alone: got %+v", got)
	}
	got = patch(armdns.RecordSetProperties{TTL: new(int64(60))})
	if *got.TTL != 60 || len(got.ARecords) != 1 || len(got.Metadata) != 1 {
		t.Errorf("TTL alone: got %+v", got)
	}
	_, err := r.sets.Update(t.Context(), group, "example.com", "none", armdns.RecordTypeA, a(60, "192.0.2.1"), nil)
	refused(t, "PATCH of nothing", err, http.StatusNotFound, "NotFound")
}

// https://learn.microsoft.com/en-us/azure/dns/dns-alias
func TestAliases(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{})
	r.zone(t, "example.com")
	alias := func(id string) armdns.RecordSet {
		return armdns.RecordSet{Properties: &armdns.RecordSetProperties{TTL: new(int64(60)), TargetResource: &armdns.SubResource{ID: &id}}}
	}
	front := *r.put(t, "example.com", "front", armdns.RecordTypeA, a(300, "192.0.2.1")).ID
	r.put(t, "example.com", "@", armdns.RecordTypeA, alias(front))
	apex := *r.put(t, "example.com", "@", armdns.RecordTypeA, alias(front)).ID
	r.put(t, "example.com", "chain", armdns.RecordTypeA, alias(apex))
	r.put(t, "example.com", "ip", armdns.RecordTypeA, alias(publicIP))
	r.put(t, "example.com", "ip", armdns.RecordTypeAAAA, alias(publicIP))
	r.put(t, "example.com", "tm", armdns.RecordTypeCNAME, alias(strings.Replace(publicIP, "publicIPAddresses", "trafficManagerProfiles", 1)))
	got, err := r.sets.Get(t.Context(), group, "example.com", "@", armdns.RecordTypeA, nil)
	if err != nil || got.Properties.ARecords != nil || *got.Properties.TargetResource.ID != front {
		t.Errorf("got %+v, %v, want the target and no records", got.Properties, err)
	}
	check := func(what string, want ...string) {
		t.Helper()
		for i, owner := range []string{"example.com.", "chain.example.com."} {
			if s := r.served(t, owner, zone.TypeA); s != want[i] {
				t.Errorf("%s: %s: served %q, want %q", what, owner, s, want[i])
			}
		}
	}
	check("at first", "60 192.0.2.1", "60 192.0.2.1")
	r.put(t, "example.com", "front", armdns.RecordTypeA, a(300, "192.0.2.9"))
	check("target changed", "60 192.0.2.9", "60 192.0.2.9")
	if _, err := r.sets.Delete(t.Context(), group, "example.com", "front", armdns.RecordTypeA, nil); err != nil {
		t.Fatal(err)
	}
	check("target gone", "none", "none")
	_, err = r.sets.CreateOrUpdate(t.Context(), group, "example.com", "loop", armdns.RecordTypeA, alias(strings.Replace(apex, "/@", "/loop", 1)), nil)
	refused(t, "alias to itself", err, http.StatusBadRequest, "BadRequest")
	for owner, want := range map[string]string{"ip.example.com.": "60 203.0.113.", "tm.example.com.": "60 r"} {
		rt := map[string]zone.Type{"i": zone.TypeA, "t": zone.TypeCNAME}[owner[:1]]
		if s := r.served(t, owner, rt); !strings.HasPrefix(s, want) {
			t.Errorf("%s: served %q, want %q…", owner, s, want)
		}
	}
	if s := r.served(t, "ip.example.com.", zone.TypeAAAA); !strings.HasPrefix(s, "60 2001:db8::") {
		t.Errorf("served %q, want an address of RFC 3849", s)
	}
	for i := 2; i < 20; i++ { // two above
		r.put(t, "example.com", fmt.Sprint("n", i), armdns.RecordTypeA, alias(publicIP))
	}
	_, err = r.sets.CreateOrUpdate(t.Context(), group, "example.com", "n20", armdns.RecordTypeA, alias(publicIP), nil)
	refused(t, "21st alias of a resource", err, http.StatusBadRequest, "BadRequest")
	cred := r.credential(t, azure.DefaultTenant, azure.DefaultReaderID, azure.DefaultReaderSecret)
	refs := r.references(t, cred, publicIP)
	if len(refs) != 20 || !strings.HasSuffix(*refs[0].ID, "/A/ip") {
		t.Errorf("got %d references, want 20", len(refs))
	}
}
