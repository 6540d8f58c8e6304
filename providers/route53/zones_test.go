package route53_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	aws53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/zonecast/zonecast/provider"
	emulated "github.com/zonecast/zonecast/sandbox/route53"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

func TestCreateAndDelete(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	out, err := c.sdk().CreateReusableDelegationSet(t.Context(), &aws53.CreateReusableDelegationSetInput{CallerReference: aws.String("r")})
	if err != nil {
		t.Fatal(err)
	}
	p := c.open(t, values{"delegation_set_id": *out.DelegationSet.Id})
	snap, err := p.CreateZone(t.Context(), zone.MustName(origin))
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range snap.Info.NameServers {
		if want := out.DelegationSet.NameServers[i]; strings.TrimSuffix(n.String(), ".") != strings.TrimSuffix(want, ".") {
			t.Errorf("name server %d is %s, want %s of the delegation set", i, n, want)
		}
	}
	t.Log("a zone with everything in it")
	id := snap.Info.ID
	for _, list := range routed(origin) {
		c.change(t, id, types.ChangeActionCreate, list...)
	}
	c.change(t, id, types.ChangeActionCreate, plain("www.example.org.", types.RRTypeA, 60, "192.0.2.1"))
	c.change(t, id, types.ChangeActionCreate, types.ResourceRecordSet{Name: aws.String(origin), Type: types.RRTypeA, AliasTarget: &types.AliasTarget{
		DNSName: aws.String("www.example.org."), HostedZoneId: &id,
	}})
	if text, err := p.Verify(t.Context()); err != nil || text != "Amazon Route 53, 1 zone" {
		t.Errorf("Verify says %q, %v", text, err)
	}
	if err := p.DeleteZone(t.Context(), provider.ZoneRef{Origin: zone.MustName(origin)}); err != nil {
		t.Fatalf("delete: %v", err)
	}
	if err := p.DeleteZone(t.Context(), snap.Info.ZoneRef); !errors.Is(err, provider.ErrNoZone) {
		t.Errorf("deleted a second time: %v, want ErrNoZone", err)
	}
	t.Log("a private one")
	if _, err := c.open(t, values{"private": "true"}).CreateZone(t.Context(), zone.MustName(origin)); provider.KindOf(err) != provider.Rejected {
		t.Errorf("private without a VPC: %v, want it rejected", err)
	}
	inside := c.open(t, values{"vpc_id": "vpc-0a1b2c3d", "vpc_region": "eu-west-1"})
	if snap, err = inside.CreateZone(t.Context(), zone.MustName(origin)); err != nil || snap.Info.Kind != provider.Private {
		t.Fatalf("private zone: %+v, %v", snap, err)
	}
	t.Log("a public one beside it")
	if _, err := c.open(t, nil).CreateZone(t.Context(), zone.MustName(origin)); err != nil {
		t.Errorf("a public zone beside a private one: %v", err)
	}
}

// CallerReference makes a repeated CreateHostedZone one zone
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html).
func TestCreateWithALostAnswer(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	n := 0
	p := c.open(t, values{"limits": "1002/1s"}, func(conf *provider.Config) {
		conf.HTTP = func() http.RoundTripper {
			return tripper(func(r *http.Request) (*http.Response, error) {
				resp, err := http.DefaultTransport.RoundTrip(r)
				if err == nil && r.Method == http.MethodPost {
					if n++; n == 1 {
						_ = resp.Body.Close()
						return nil, io.ErrUnexpectedEOF
					}
				}
				return resp, err
			})
		}
	})
	if _, err := p.CreateZone(t.Context(), zone.MustName(origin)); err != nil {
		t.Fatalf("create: %v", err)
	}
	zones := 0
	for _, err := range p.Zones(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		zones++
	}
	if n != 2 || zones != 1 {
		t.Errorf("%d tries made %d zones, want 2 and 1", n, zones)
	}
}

// A zone that was deleted and made anew has another id.
func TestZoneMadeAnew(t *testing.T) {
	t.Parallel()
	c, p, base := fresh(t, nil)
	_ = read(t, p)
	other := c.open(t, nil)
	if err := other.DeleteZone(t.Context(), base.Info.ZoneRef); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName(origin)}); !errors.Is(err, provider.ErrNoZone) {
		t.Errorf("read of the deleted zone: %v, want ErrNoZone", err)
	}
	made, err := other.CreateZone(t.Context(), zone.MustName(origin))
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, p).Info.ID; got != made.Info.ID {
		t.Errorf("read gives zone %s, want the new %s", got, made.Info.ID)
	}
	if _, err := p.Read(t.Context(), base.Info.ZoneRef); !errors.Is(err, provider.ErrNoZone) {
		t.Errorf("read by the old id: %v, want ErrNoZone", err)
	}
	if _, err := write(t, p, base, hosts(t, 1)...); !errors.Is(err, provider.ErrNoZone) {
		t.Errorf("write to the old id: %v, want ErrNoZone", err)
	}
}

// Zones of RFC 2317 have a slash in their name, which the API escapes
// (https://github.com/hashicorp/terraform-provider-aws/issues/40153).
func TestZoneWithASlash(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	reverse := zone.MustName("0/25.2.0.192.in-addr.arpa.")
	base, err := c.open(t, nil).CreateZone(t.Context(), reverse)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	p := c.open(t, nil)
	ptr := zone.RRset{Owner: zone.MustName("1.0/25.2.0.192.in-addr.arpa."), Type: zone.TypePTR, TTL: 300, Data: []zone.Data{rdata.Name(zone.MustName("a*b.example.org."))}}
	done(t, p, base, zone.Change{After: &ptr})
	snap, err := p.Read(t.Context(), provider.ZoneRef{Origin: reverse})
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	if got, ok := snap.Sets.Set(ptr.Owner, ptr.Type); !ok || !got.Equal(ptr) {
		t.Errorf("read %+v, want %+v", got, ptr)
	}
	done(t, p, snap, zone.Change{Before: &ptr})
	if err := p.DeleteZone(t.Context(), provider.ZoneRef{Origin: reverse}); err != nil {
		t.Errorf("delete: %v", err)
	}
}
