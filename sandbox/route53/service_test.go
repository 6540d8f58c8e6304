package route53

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// An account is an emulation with the official client in front of it.
type account struct {
	*sdk.Client
	t   *testing.T
	svc *Service
	url string
}

func start(t *testing.T, o Options) *account {
	t.Helper()
	svc := New(o)
	srv := httptest.NewServer(svc)
	t.Cleanup(srv.Close)
	a := &account{t: t, svc: svc, url: srv.URL}
	a.Client = a.as(DefaultKeyID, DefaultSecret, "")
	return a
}

// as is a client with other credentials. It never repeats a call.
func (a *account) as(id, secret, token string) *sdk.Client {
	return a.with(credentials.NewStaticCredentialsProvider(id, secret, token))
}

func (a *account) with(p aws.CredentialsProvider) *sdk.Client {
	return sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: &a.url, Credentials: p, Retryer: aws.NopRetryer{}})
}

// zone makes a public zone and returns its id.
func (a *account) zone(name string) string {
	a.t.Helper()
	out, err := a.CreateHostedZone(a.t.Context(), &sdk.CreateHostedZoneInput{Name: &name, CallerReference: aws.String(requestID())})
	if err != nil {
		a.t.Fatal(err)
	}
	return strings.TrimPrefix(*out.HostedZone.Id, "/hostedzone/")
}

func set(name, typ string, ttl int64, values ...string) *types.ResourceRecordSet {
	s := &types.ResourceRecordSet{Name: &name, Type: types.RRType(typ), TTL: &ttl}
	for _, v := range values {
		s.ResourceRecords = append(s.ResourceRecords, types.ResourceRecord{Value: aws.String(v)})
	}
	return s
}

func with(s *types.ResourceRecordSet, f func(*types.ResourceRecordSet)) *types.ResourceRecordSet {
	f(s)
	return s
}

func do(action string, s *types.ResourceRecordSet) types.Change {
	return types.Change{Action: types.ChangeAction(action), ResourceRecordSet: s}
}

func (a *account) change(id string, changes ...types.Change) error {
	a.t.Helper()
	_, err := a.ChangeResourceRecordSets(a.t.Context(), &sdk.ChangeResourceRecordSetsInput{
		HostedZoneId: &id, ChangeBatch: &types.ChangeBatch{Changes: changes},
	})
	return err
}

func (a *account) must(id string, changes ...types.Change) {
	a.t.Helper()
	if err := a.change(id, changes...); err != nil {
		a.t.Fatal(err)
	}
}

// sets lists everything in a zone, page by page.
func (a *account) sets(ctx context.Context, id string, most int32) (all []types.ResourceRecordSet, pages int) {
	a.t.Helper()
	in := &sdk.ListResourceRecordSetsInput{HostedZoneId: &id}
	if most > 0 {
		in.MaxItems = &most
	}
	for {
		out, err := a.ListResourceRecordSets(ctx, in)
		if err != nil {
			a.t.Fatal(err)
		}
		all = append(all, out.ResourceRecordSets...)
		pages++
		if !out.IsTruncated {
			return all, pages
		}
		in.StartRecordName, in.StartRecordType, in.StartRecordIdentifier = out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier
	}
}

// served is the data that the name servers answer for a public zone.
func (a *account) served(name, typ string) []string {
	a.t.Helper()
	n := zone.MustName(name)
	z, ok := a.svc.Names().Find(n)
	if !ok {
		return nil
	}
	t, err := zone.ParseType(typ)
	if err != nil {
		a.t.Fatal(err)
	}
	r, ok := z.Set(n, t)
	if !ok {
		return nil
	}
	var texts []string
	for _, d := range r.Data {
		texts = append(texts, rdata.Text(t, d))
	}
	return texts
}

// code is the service's word for an error, and the HTTP status.
func code(err error) (string, int) {
	if err == nil {
		return "", http.StatusOK
	}
	name := ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		name = api.ErrorCode()
	}
	status := 0
	if r, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok {
		status = r.HTTPStatusCode()
	}
	return name, status
}

func wantError(t *testing.T, err error, name string, status int, texts ...string) {
	t.Helper()
	gotName, gotStatus := code(err)
	if gotName != name || gotStatus != status {
		t.Errorf("got %s with status %d (%v), want %s with %d", gotName, gotStatus, err, name, status)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want it to contain %q", err, text)
		}
	}
}

// A zone begins with an SOA and four name servers:
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/SOA-NSrecords.html
func TestZoneLife(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	out, err := a.CreateHostedZone(t.Context(), &sdk.CreateHostedZoneInput{
		Name: aws.String("Example.ORG"), CallerReference: aws.String("one"),
		HostedZoneConfig: &types.HostedZoneConfig{Comment: aws.String("a <comment>")},
	})
	if err != nil {
		t.Fatal(err)
	}
	z := out.HostedZone
	if *z.Name != "example.org." || *z.ResourceRecordSetCount != 2 || *z.Config.Comment != "a <comment>" || z.Config.PrivateZone {
		t.Errorf("got zone %+v, want example.org. with two sets", z)
	}
	if out.ChangeInfo.Status != types.ChangeStatusPending || len(out.DelegationSet.NameServers) != 4 {
		t.Errorf("got %v and %d name servers, want PENDING and 4", out.ChangeInfo.Status, len(out.DelegationSet.NameServers))
	}
	if !strings.HasSuffix(*out.Location, *z.Id) {
		t.Errorf("got location %s, want it to end in %s", *out.Location, *z.Id)
	}
	sets, _ := a.sets(t.Context(), *z.Id, 0)
	if len(sets) != 2 || sets[0].Type != "NS" || *sets[0].TTL != 172800 || sets[1].Type != "SOA" || *sets[1].TTL != 900 {
		t.Fatalf("got sets %+v, want NS with 172800 and SOA with 900", sets)
	}
	if soa := *sets[1].ResourceRecords[0].Value; !strings.HasSuffix(soa, " awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400") {
		t.Errorf("got SOA %s", soa)
	}
	if got := a.served("example.org.", "NS"); len(got) != 4 {
		t.Errorf("served NS %v, want four", got)
	}
	change, err := a.GetChange(t.Context(), &sdk.GetChangeInput{Id: out.ChangeInfo.Id})
	if err != nil || change.ChangeInfo.Status != types.ChangeStatusInsync {
		t.Errorf("got change %+v, %v, want INSYNC", change, err)
	}
	id := strings.TrimPrefix(*z.Id, "/hostedzone/")
	a.must(id, do("CREATE", set("www.example.org", "A", 300, "192.0.2.1", "192.0.2.2")))
	if got := a.served("www.example.org.", "A"); len(got) != 2 {
		t.Errorf("served A %v, want two", got)
	}
	_, err = a.DeleteHostedZone(t.Context(), &sdk.DeleteHostedZoneInput{Id: &id})
	wantError(t, err, "HostedZoneNotEmpty", 400)
	a.must(id, do("DELETE", set("WWW.example.org.", "A", 300, "192.0.2.2", "192.0.2.1")))
	if _, err = a.DeleteHostedZone(t.Context(), &sdk.DeleteHostedZoneInput{Id: &id}); err != nil {
		t.Fatal(err)
	}
	_, err = a.GetHostedZone(t.Context(), &sdk.GetHostedZoneInput{Id: &id})
	wantError(t, err, "NoSuchHostedZone", 404, "No hosted zone found with ID: "+id)
	if n := a.svc.Names().Count(); n != 0 {
		t.Errorf("%d zones are served, want none", n)
	}
}
