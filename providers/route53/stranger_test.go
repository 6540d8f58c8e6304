package route53_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/provider"
	emulated "github.com/zonecast/zonecast/sandbox/route53"
	"github.com/zonecast/zonecast/zone"
)

// What is missing from an answer is not what the account lacks: a zone that would be created, or one
// whose records all would be.
func TestIncompleteAnswersAreNoAbsence(t *testing.T) {
	t.Parallel()
	const (
		byName = "ListHostedZonesByNameResponse"
		sets   = "ListResourceRecordSetsResponse"
		none   = `<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchHostedZone</Code><Message>none</Message></Error></ErrorResponse>`
	)
	doc := func(root, inside string) string {
		return "<?xml version=\"1.0\"?><" + root + ">" + inside + "</" + root + ">"
	}
	for name, x := range map[string]struct {
		status     int
		path, body string // what of the API is answered, and how
		want       string // of the error; "": the zone is missing, and that is said in full
	}{
		"an empty list of zones":       {200, "/hostedzonesbyname", doc(byName, ""), "<ListHostedZonesByNameResponse> lacks HostedZones, IsTruncated, MaxItems"},
		"in one tag":                   {200, "/hostedzonesbyname", "<" + byName + "/>", "lacks HostedZones, IsTruncated, MaxItems"},
		"no MaxItems":                  {200, "/hostedzonesbyname", doc(byName, "<HostedZones/><IsTruncated>false</IsTruncated>"), "lacks MaxItems"},
		"no IsTruncated":               {200, "/hostedzonesbyname", doc(byName, "<HostedZones/><MaxItems>100</MaxItems>"), "lacks IsTruncated"},
		"the elements elsewhere":       {200, "/hostedzonesbyname", doc(byName, "<a><HostedZones/><IsTruncated>false</IsTruncated><MaxItems>1</MaxItems></a>"), "lacks HostedZones, IsTruncated, MaxItems"},
		"the answer to another call":   {200, "/hostedzonesbyname", doc("GetHostedZoneCountResponse", "<HostedZoneCount>0</HostedZoneCount>"), "is not the one to ListHostedZonesByName"},
		"it breaks off":                {200, "/hostedzonesbyname", "<" + byName + "><HostedZones/><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems>", "is not the XML that was expected"},
		"a web page":                   {200, "/hostedzonesbyname", "<!DOCTYPE html><html><body>Nothing here</body></html>", "is not from the API: its document is <html>"},
		"no zone, to a list":           {404, "/hostedzonesbyname", none, "to a call that is about no zone"},
		"no zone, to a list, with 400": {400, "/hostedzonesbyname", none, "to a call that is about no zone"},
		"an empty list of records":     {200, "/rrset", doc(sets, ""), "lacks ResourceRecordSets, IsTruncated, MaxItems"},
		"records without an end":       {200, "/rrset", doc(sets, "<ResourceRecordSets/><MaxItems>300</MaxItems>"), "lacks IsTruncated"},
		"a zone without its records":   {200, "/rrset", doc(sets, "<ResourceRecordSets/><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems>"), "holds no record sets, not even an SOA"},
		"an empty list, said in full":  {200, "/hostedzonesbyname", doc(byName, "<HostedZones></HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems>"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, emulated.Options{})
			hostedZone(t, c, origin, "")
			p := c.open(t, nil, func(conf *provider.Config) {
				conf.HTTP = func() http.RoundTripper {
					return tripper(func(r *http.Request) (*http.Response, error) {
						if !strings.HasSuffix(r.URL.Path, x.path) {
							return http.DefaultTransport.RoundTrip(r)
						}
						answer := httptest.NewRecorder()
						answer.WriteHeader(x.status)
						_, _ = io.WriteString(answer, x.body)
						return answer.Result(), nil
					})
				}
			})
			_, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName(origin)})
			switch missing := errors.Is(err, provider.ErrNoZone); {
			case missing != (x.want == ""):
				t.Fatalf("the zone is missing: %v, want %v: %v", missing, !missing, err)
			case missing:
			case provider.KindOf(err) != provider.Invalid || !strings.Contains(err.Error(), x.want) || !strings.Contains(err.Error(), "check that") || !strings.Contains(err.Error(), "endpoint"):
				t.Errorf("kind %q: %v\nwant an answer that makes no sense, %q, and the option to check", provider.KindOf(err), err, x.want)
			}
		})
	}
}

// Who gives credentials knows of no zones, and an answer without them gives none.
func TestStrangersInThePlaceOfSTS(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"no such zone":   {404, "<ErrorResponse><Error><Code>NoSuchHostedZone</Code><Message>none</Message></Error></ErrorResponse>", "signing in: NoSuchHostedZone: none"},
		"a redirect":     {301, "", "signing in: 301 Moved Permanently: redirected to https://elsewhere.example/; redirects are not followed: check that sts_endpoint of provider aws"},
		"nothing":        {200, "<AssumeRoleResponse/>", "lacks AssumeRoleResult"},
		"no credentials": {200, "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser/></AssumeRoleResult></AssumeRoleResponse>", "lacks AssumeRoleResult/Credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, emulated.Options{})
			sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if x.status == http.StatusMovedPermanently {
					w.Header().Set("Location", "https://elsewhere.example/")
				}
				w.WriteHeader(x.status)
				_, _ = io.WriteString(w, x.body)
			}))
			t.Cleanup(sts.Close)
			p := c.open(t, values{"role_arn": emulated.DefaultRole, "sts_endpoint": sts.URL})
			_, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName(origin)})
			if err == nil || errors.Is(err, provider.ErrNoZone) || !strings.Contains(err.Error(), x.want) {
				t.Errorf("%v\nwant %q, and not that the zone is missing (%v)", err, x.want, errors.Is(err, provider.ErrNoZone))
			}
		})
	}
}
