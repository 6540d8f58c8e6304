package route53

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/sandbox/service"
)

// Up to 300 sets a page, in order of names with reversed labels, then types:
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
func TestListSets(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	a.must(id,
		do("CREATE", set("b.a.example.org", "A", 1, "192.0.2.1")),
		do("CREATE", set("a-b.example.org", "TXT", 1, `"x"`)),
		do("CREATE", set("a-b.example.org", "A", 1, "192.0.2.1")),
		do("CREATE", set("a.example.org", "A", 1, "192.0.2.1")),
		do("CREATE", set("*.example.org", "A", 1, "192.0.2.1")),
		do("CREATE", policied(set("z.example.org", "A", 1, "192.0.2.1"), "2", weight(1))),
		do("CREATE", policied(set("z.example.org", "A", 1, "192.0.2.1"), "1", weight(1))),
	)
	want := []string{
		"example.org. NS", "example.org. SOA",
		"a-b.example.org. A", "a-b.example.org. TXT", // "-" sorts before "."
		"a.example.org. A", "b.a.example.org. A",
		"z.example.org. A 1", "z.example.org. A 2",
	}
	want = slices.Insert(want, 2, `\052.example.org. A`)
	for size := int32(1); size <= 10; size++ {
		sets, pages := a.sets(t.Context(), id, size)
		var got []string
		for _, s := range sets {
			got = append(got, strings.TrimSpace(*s.Name+" "+string(s.Type)+" "+aws.ToString(s.SetIdentifier)))
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("pages of %d: (-want +got):\n%s", size, diff)
		}
		if wantPages := (len(want) + int(size) - 1) / int(size); pages != wantPages {
			t.Errorf("pages of %d: got %d pages, want %d", size, pages, wantPages)
		}
	}
	for name, c := range map[string]struct {
		in   sdk.ListResourceRecordSetsInput
		want string
	}{
		"from a name":               {sdk.ListResourceRecordSetsInput{StartRecordName: aws.String("A.example.org.")}, "a.example.org. A"},
		"from a name that is not":   {sdk.ListResourceRecordSetsInput{StartRecordName: aws.String("a.a.example.org")}, "b.a.example.org. A"},
		"from a type":               {sdk.ListResourceRecordSetsInput{StartRecordName: aws.String("a-b.example.org"), StartRecordType: "MX"}, "a-b.example.org. TXT"},
		"the wildcard as character": {sdk.ListResourceRecordSetsInput{StartRecordName: aws.String("*.example.org")}, `\052.example.org. A`},
		"the wildcard in octal":     {sdk.ListResourceRecordSetsInput{StartRecordName: aws.String(`\052.example.org`)}, `\052.example.org. A`},
	} {
		c.in.HostedZoneId, c.in.MaxItems = &id, aws.Int32(1)
		out, err := a.ListResourceRecordSets(t.Context(), &c.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := *out.ResourceRecordSets[0].Name + " " + string(out.ResourceRecordSets[0].Type); got != c.want {
			t.Errorf("%s: list begins with %s, want %s", name, got, c.want)
		}
	}
	_, err := a.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{HostedZoneId: &id, StartRecordType: "A"})
	wantError(t, err, "InvalidInput", 400)
	_, err = a.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{HostedZoneId: &id, MaxItems: aws.Int32(0)})
	wantError(t, err, "InvalidInput", 400)
	_, err = a.ListResourceRecordSets(t.Context(), &sdk.ListResourceRecordSetsInput{HostedZoneId: aws.String("Z0NONE")})
	wantError(t, err, "NoSuchHostedZone", 404)
}

// A page holds 300 sets even when more are asked for (https://github.com/boto/boto3/issues/3848),
// and 100 when nothing is (https://github.com/aws/aws-cli/issues/8050).
func TestPageOfSets(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	var changes []types.Change
	for i := range 599 {
		changes = append(changes, do("CREATE", set(fmt.Sprintf("h%d.example.org", i), "A", 60, "192.0.2.1")))
	}
	a.must(id, changes...)
	for size, want := range map[int32]int{0: 7, 100: 7, 300: 3, 1000: 3} {
		if sets, pages := a.sets(t.Context(), id, size); len(sets) != 601 || pages != want {
			t.Errorf("size %d: got %d sets on %d pages, want 601 on %d", size, len(sets), pages, want)
		}
	}
}

// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZones.html and
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZonesByName.html
func TestListZones(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	var names []string
	for i := range 205 {
		name := fmt.Sprintf("z%d.example.", i)
		if i%5 == 0 {
			name = fmt.Sprintf("sub.z%d.example.", i+1)
		}
		a.zone(name)
		names = append(names, name)
	}
	a.zone("z1.example") // a second zone of one name
	names = append(names, "z1.example.")

	var got []string
	pages := 0
	for p := sdk.NewListHostedZonesPaginator(a.Client, &sdk.ListHostedZonesInput{MaxItems: aws.Int32(1000)}); p.HasMorePages(); pages++ {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, z := range out.HostedZones {
			got = append(got, *z.Name)
		}
	}
	slices.Sort(got)
	want := slices.Sorted(slices.Values(names))
	if diff := gocmp.Diff(want, got); diff != "" || pages != 3 {
		t.Errorf("%d pages, want 3 (-want +got):\n%s", pages, diff)
	}

	reversed := func(s string) string {
		labels := strings.Split(strings.TrimSuffix(s, "."), ".")
		slices.Reverse(labels)
		return strings.Join(labels, ".") + "."
	}
	slices.SortFunc(names, func(x, y string) int { return cmp.Compare(reversed(x), reversed(y)) })
	got, pages = nil, 0
	in := &sdk.ListHostedZonesByNameInput{MaxItems: aws.Int32(50)}
	for {
		out, err := a.ListHostedZonesByName(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, z := range out.HostedZones {
			got = append(got, *z.Name)
		}
		if !out.IsTruncated {
			break
		}
		in.DNSName, in.HostedZoneId = out.NextDNSName, out.NextHostedZoneId
	}
	if diff := gocmp.Diff(names, got); diff != "" || pages != 5 {
		t.Errorf("by name: %d pages, want 5 (-want +got):\n%s", pages, diff)
	}
	out, err := a.ListHostedZonesByName(t.Context(), &sdk.ListHostedZonesByNameInput{DNSName: aws.String("Z1.example"), MaxItems: aws.Int32(2)})
	if err != nil || *out.HostedZones[0].Name != "z1.example." || *out.HostedZones[1].Name != "z1.example." || *out.HostedZones[0].Id == *out.HostedZones[1].Id {
		t.Errorf("by one name: got %+v, %v, want both zones of that name", out, err)
	}
	n, err := a.GetHostedZoneCount(t.Context(), &sdk.GetHostedZoneCountInput{})
	if err != nil || *n.HostedZoneCount != 206 {
		t.Errorf("got count %+v, %v, want 206", n, err)
	}
	_, err = a.ListHostedZonesByName(t.Context(), &sdk.ListHostedZonesByNameInput{HostedZoneId: aws.String("Z0X")})
	wantError(t, err, "InvalidInput", 400)
}

// A private zone names its VPC, has no delegation set, and public name servers do not answer it:
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html
func TestPrivateZone(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	in := &sdk.CreateHostedZoneInput{
		Name: aws.String("corp.example"), CallerReference: aws.String("1"),
		VPC:              &types.VPC{VPCId: aws.String("vpc-0123456789abcdef0"), VPCRegion: types.VPCRegionEuWest1},
		HostedZoneConfig: &types.HostedZoneConfig{PrivateZone: true},
	}
	out, err := a.CreateHostedZone(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if out.DelegationSet != nil || !out.HostedZone.Config.PrivateZone || *out.VPC.VPCId != "vpc-0123456789abcdef0" {
		t.Errorf("got %+v, want a private zone without delegation set", out)
	}
	got, err := a.GetHostedZone(t.Context(), &sdk.GetHostedZoneInput{Id: out.HostedZone.Id})
	if err != nil || got.DelegationSet != nil || len(got.VPCs) != 1 {
		t.Errorf("got %+v, %v, want one VPC and no delegation set", got, err)
	}
	a.must(*out.HostedZone.Id, do("CREATE", set("www.corp.example", "A", 1, "10.0.0.1")))
	if n := a.svc.Names().Count(); n != 0 {
		t.Errorf("%d zones are public, want none", n)
	}
	in.CallerReference = aws.String("2")
	_, err = a.CreateHostedZone(t.Context(), in)
	wantError(t, err, "ConflictingDomainExists", 400)
	in.VPC = nil
	_, err = a.CreateHostedZone(t.Context(), in)
	wantError(t, err, "InvalidInput", 400, "you must specify values for VPCId and VPCRegion")
	in.VPC = &types.VPC{VPCId: aws.String("nonsense"), VPCRegion: types.VPCRegionEuWest1}
	_, err = a.CreateHostedZone(t.Context(), in)
	wantError(t, err, "InvalidVPCId", 400)
	a.zone("corp.example") // beside the private one
	private, err := a.ListHostedZones(t.Context(), &sdk.ListHostedZonesInput{HostedZoneType: types.HostedZoneTypePrivateHostedZone})
	if err != nil || len(private.HostedZones) != 1 {
		t.Errorf("got %+v, %v, want one private zone", private, err)
	}
}

func TestCreateZoneRefused(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	a.zone("example.org")
	for name, c := range map[string]struct {
		in     sdk.CreateHostedZoneInput
		code   string
		status int
	}{
		"top-level domain": {sdk.CreateHostedZoneInput{Name: aws.String("org")}, "InvalidDomainName", 400},
		"empty label":      {sdk.CreateHostedZoneInput{Name: aws.String("a..org")}, "InvalidDomainName", 400},
		"space":            {sdk.CreateHostedZoneInput{Name: aws.String("a b.org")}, "InvalidDomainName", 400},
		"long label":       {sdk.CreateHostedZoneInput{Name: aws.String(strings.Repeat("a", 64) + ".org")}, "InvalidDomainName", 400},
		"long name":        {sdk.CreateHostedZoneInput{Name: aws.String(strings.Repeat("abcdefg.", 32) + "org")}, "InvalidDomainName", 400},
		"delegation set":   {sdk.CreateHostedZoneInput{Name: aws.String("a.org"), DelegationSetId: aws.String("N0")}, "NoSuchDelegationSet", 400},
		"long comment":     {sdk.CreateHostedZoneInput{Name: aws.String("a.org"), HostedZoneConfig: &types.HostedZoneConfig{Comment: aws.String(strings.Repeat("x", 257))}}, "InvalidInput", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.in.CallerReference = &name
			_, err := a.CreateHostedZone(t.Context(), &c.in)
			wantError(t, err, c.code, c.status)
		})
	}
	in := &sdk.CreateHostedZoneInput{Name: aws.String("b.org"), CallerReference: aws.String("again")}
	out, err := a.CreateHostedZone(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.CreateHostedZone(t.Context(), in)
	wantError(t, err, "HostedZoneAlreadyExists", 409)
	if _, err = a.DeleteHostedZone(t.Context(), &sdk.DeleteHostedZoneInput{Id: out.HostedZone.Id}); err != nil {
		t.Fatal(err)
	}
	_, err = a.CreateHostedZone(t.Context(), in)
	wantError(t, err, "HostedZoneAlreadyExists", 409)
}

// Zones share name servers only through a reusable delegation set, and never with their like:
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateReusableDelegationSet.html
func TestDelegationSet(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	out, err := a.CreateReusableDelegationSet(t.Context(), &sdk.CreateReusableDelegationSetInput{CallerReference: aws.String("d")})
	if err != nil {
		t.Fatal(err)
	}
	make := func(name, ref string) (*sdk.CreateHostedZoneOutput, error) {
		return a.CreateHostedZone(t.Context(), &sdk.CreateHostedZoneInput{Name: &name, CallerReference: &ref, DelegationSetId: out.DelegationSet.Id})
	}
	for _, name := range []string{"a.example", "b.example"} {
		z, err := make(name, name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(out.DelegationSet.NameServers, z.DelegationSet.NameServers); diff != "" {
			t.Errorf("%s: name servers differ:\n%s", name, diff)
		}
	}
	for _, name := range []string{"a.example", "sub.a.example"} {
		_, err = make(name, name+" again")
		wantError(t, err, "ConflictingDomainExists", 400)
	}
	_, err = a.DeleteReusableDelegationSet(t.Context(), &sdk.DeleteReusableDelegationSetInput{Id: out.DelegationSet.Id})
	wantError(t, err, "DelegationSetInUse", 400)
	list, err := a.ListHostedZones(t.Context(), &sdk.ListHostedZonesInput{DelegationSetId: out.DelegationSet.Id})
	if err != nil || len(list.HostedZones) != 2 {
		t.Errorf("got %+v, %v, want the two zones", list, err)
	}
}

// A change is PENDING until the name servers have it:
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html
func TestPropagation(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	a.svc.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(time.Hour) })
	out, err := a.ChangeResourceRecordSets(t.Context(), &sdk.ChangeResourceRecordSetsInput{
		HostedZoneId: &id,
		ChangeBatch:  &types.ChangeBatch{Comment: aws.String("why"), Changes: []types.Change{do("CREATE", set("a.example.org", "A", 1, "192.0.2.1"))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.GetChange(t.Context(), &sdk.GetChangeInput{Id: out.ChangeInfo.Id})
	if err != nil || got.ChangeInfo.Status != types.ChangeStatusPending || *got.ChangeInfo.Comment != "why" {
		t.Errorf("got %+v, %v, want PENDING with its comment", got, err)
	}
	if s := a.served("a.example.org.", "A"); s != nil {
		t.Errorf("name servers answer %v too early", s)
	}
	// Lists show what is pending, says the reference.
	if sets, _ := a.sets(t.Context(), id, 0); len(sets) != 3 {
		t.Errorf("list has %d sets, want 3", len(sets))
	}
	_, err = a.GetChange(t.Context(), &sdk.GetChangeInput{Id: aws.String("C0NONE")})
	wantError(t, err, "NoSuchChange", 404)
}

// "Five requests per second per AWS account … HTTP 400 error … Throttling … Rate exceeded":
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests
func TestRateLimit(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	a.svc.Panel().Turn(func(k *service.Knobs) { k.Limits = true })
	var refused int
	for range 12 { // well within a second
		if err := count(t, a.Client); err != nil {
			wantError(t, err, "Throttling", 400, "Rate exceeded")
			refused++
		}
	}
	if refused == 0 {
		t.Error("12 calls at once were all taken, want 5 a second")
	}
}

// Knobs speak the service's language.
func TestKnobs(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	a.svc.Panel().Turn(func(k *service.Knobs) { k.Outage = true })
	wantError(t, count(t, a.Client), "ServiceUnavailable", http.StatusServiceUnavailable)
	a.svc.Panel().Turn(func(k *service.Knobs) { *k = service.Knobs{Throttle: 1} })
	if err := count(t, a.Client); err != nil {
		t.Errorf("first call: %v", err)
	}
	wantError(t, count(t, a.Client), "Throttling", 400, "Rate exceeded")
}
