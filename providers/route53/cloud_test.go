package route53_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	aws53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/route53"
	"github.com/zonecast/zonecast/sandbox/names"
	emulated "github.com/zonecast/zonecast/sandbox/route53"
	"github.com/zonecast/zonecast/zone"
)

// A cloud is an emulated account with its API and its name server on loopback.
type cloud struct {
	*emulated.Service
	api      *httptest.Server
	url, dns string
	shift    atomic.Int64 // of the service's clock
	// Calls that came in, and those of them that asked whether a change is in sync.
	calls, polls atomic.Int64
}

func newCloud(t testing.TB, o emulated.Options) *cloud {
	t.Helper()
	c := &cloud{}
	o.Now = func() time.Time { return time.Now().Add(time.Duration(c.shift.Load())) }
	c.Service = emulated.New(o)
	c.api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.calls.Add(1)
		if strings.HasPrefix(r.URL.Path, "/2013-04-01/change/") {
			c.polls.Add(1)
		}
		c.ServeHTTP(w, r)
	}))
	t.Cleanup(c.api.Close)
	dns, err := names.Listen("127.0.0.1:0", c.Names())
	if err != nil {
		t.Fatalf("name server: %v", err)
	}
	t.Cleanup(func() { _ = dns.Close() })
	c.url, c.dns = c.api.URL, dns.Addr()
	return c
}

// values are options of an account as text; "" takes one away.
type values map[string]string

// config is the configuration of an account of the cloud.
func (c *cloud) config(more values) provider.Config {
	conf := provider.Config{ID: "aws", Values: map[string]provider.Value{}}
	for _, list := range []values{{
		"access_key_id": emulated.DefaultKeyID, "secret_access_key": emulated.DefaultSecret,
		"endpoint": c.url, "sts_endpoint": c.url, "dns_address": c.dns, "limits": "off",
	}, more} {
		for k, v := range list {
			conf.Values[k] = provider.Value{Text: v}
			if v == "" {
				delete(conf.Values, k)
			}
		}
	}
	return conf
}

// open opens the account of a cloud; edit may change the configuration.
func (c *cloud) open(t conformance.T, more values, edit ...func(*provider.Config)) *route53.Provider {
	t.Helper()
	conf := c.config(more)
	for _, e := range edit {
		e(&conf)
	}
	p, err := route53.Open(conf)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return p.(*route53.Provider)
}

// sdk is Amazon's own client of the account.
func (c *cloud) sdk() *aws53.Client {
	return aws53.New(aws53.Options{
		Region: "us-east-1", BaseEndpoint: &c.url, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(emulated.DefaultKeyID, emulated.DefaultSecret, ""),
	})
}

// change changes record sets behind the adapter's back.
func (c *cloud) change(t conformance.T, id string, do types.ChangeAction, sets ...types.ResourceRecordSet) {
	t.Helper()
	in := &aws53.ChangeResourceRecordSetsInput{HostedZoneId: &id, ChangeBatch: &types.ChangeBatch{}}
	for _, s := range sets {
		in.ChangeBatch.Changes = append(in.ChangeBatch.Changes, types.Change{Action: do, ResourceRecordSet: &s})
	}
	if _, err := c.sdk().ChangeResourceRecordSets(context.WithoutCancel(t.Context()), in); err != nil {
		t.Fatalf("%s: %v", do, err)
	}
}

// held is what the service holds at an owner and type, as JSON; "" when nothing.
func (c *cloud) held(t conformance.T, id, owner string, typ types.RRType) string {
	t.Helper()
	out, err := c.sdk().ListResourceRecordSets(t.Context(), &aws53.ListResourceRecordSetsInput{HostedZoneId: &id, StartRecordName: &owner, StartRecordType: typ})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	var b strings.Builder
	for _, s := range out.ResourceRecordSets {
		if *s.Name == owner && s.Type == typ {
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatalf("%v", err)
			}
			b.Write(append(text, '\n'))
		}
	}
	return b.String()
}

// id finds the id of the only zone of a name.
func (c *cloud) id(t conformance.T, origin zone.Name) string {
	t.Helper()
	out, err := c.sdk().ListHostedZonesByName(t.Context(), &aws53.ListHostedZonesByNameInput{DNSName: aws.String(origin.String())})
	if err != nil || len(out.HostedZones) == 0 || *out.HostedZones[0].Name != origin.String() {
		t.Fatalf("no zone %s: %v", origin, err)
	}
	return strings.TrimPrefix(*out.HostedZones[0].Id, "/hostedzone/")
}

// plain is a record set without a routing policy.
func plain(owner string, typ types.RRType, ttl int64, values ...string) types.ResourceRecordSet {
	s := types.ResourceRecordSet{Name: &owner, Type: typ, TTL: &ttl}
	for _, v := range values {
		s.ResourceRecords = append(s.ResourceRecords, types.ResourceRecord{Value: &v})
	}
	return s
}

// routed are record sets with a routing policy, in groups that may stand in one zone.
func routed(origin string) map[string][]types.ResourceRecordSet {
	with := func(owner, id, value string, edit func(*types.ResourceRecordSet)) types.ResourceRecordSet {
		s := plain(owner+"."+origin, types.RRTypeA, 60, value)
		s.SetIdentifier = &id
		edit(&s)
		return s
	}
	return map[string][]types.ResourceRecordSet{
		"weighted records": {
			with("weighted", "blue", "192.0.2.1", func(s *types.ResourceRecordSet) { s.Weight = aws.Int64(10) }),
			with("weighted", "green", "192.0.2.2", func(s *types.ResourceRecordSet) { s.Weight = aws.Int64(0) }),
		},
		"geolocation records": {
			with("geo", "europe", "192.0.2.3", func(s *types.ResourceRecordSet) {
				s.GeoLocation = &types.GeoLocation{ContinentCode: aws.String("EU")}
			}),
			with("geo", "default", "192.0.2.4", func(s *types.ResourceRecordSet) {
				s.GeoLocation = &types.GeoLocation{CountryCode: aws.String("*")}
			}),
		},
		"failover records": {
			with("failover", "second", "192.0.2.5", func(s *types.ResourceRecordSet) { s.Failover = types.ResourceRecordSetFailoverSecondary }),
		},
		"latency records": {
			with("latency", "west", "192.0.2.6", func(s *types.ResourceRecordSet) { s.Region = types.ResourceRecordSetRegionEuWest1 }),
		},
		"multivalue answer records": {
			with("multi", "one", "192.0.2.7", func(s *types.ResourceRecordSet) { s.MultiValueAnswer = aws.Bool(true) }),
			with("multi", "two", "192.0.2.8", func(s *types.ResourceRecordSet) { s.MultiValueAnswer = aws.Bool(true) }),
		},
	}
}

// plant puts sets with routing policies into a zone.
func (c *cloud) plant(t conformance.T, ref provider.ZoneRef) []conformance.Planted {
	t.Helper()
	id, origin := c.id(t, ref.Origin), ref.Origin.String()
	var out []conformance.Planted
	for name, sets := range routed(origin) {
		c.change(t, id, types.ChangeActionCreate, sets...)
		owner := *sets[0].Name
		out = append(out, conformance.Planted{
			Name: name, Key: zone.Key{Owner: zone.MustName(owner), Type: zone.TypeA},
			State: func(t conformance.T) string { return c.held(t, id, owner, types.RRTypeA) },
		})
		t.Cleanup(func() { c.change(t, id, types.ChangeActionDelete, sets...) })
	}
	return out
}

// stated is how many record sets the service says that a zone has.
func (c *cloud) stated(t conformance.T, ref provider.ZoneRef) conformance.Count {
	t.Helper()
	out, err := c.sdk().GetHostedZone(t.Context(), &aws53.GetHostedZoneInput{Id: aws.String(c.id(t, ref.Origin))})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return conformance.Count{Sets: int(*out.HostedZone.ResourceRecordSetCount)}
}

// counts are all calls so far, and those that asked whether a change is in sync.
func (c *cloud) counts() (all, polls int) { return int(c.calls.Load()), int(c.polls.Load()) }

// expired gives credentials of a session that is over: one that began an hour ago, by the clocks of
// both sides, and lasted a quarter of it.
func (c *cloud) expired(t conformance.T) values {
	t.Helper()
	c.shift.Store(-int64(time.Hour))
	defer c.shift.Store(0)
	form := "Action=AssumeRole&Version=2011-06-15&DurationSeconds=900&RoleSessionName=test&RoleArn=" + emulated.DefaultRole
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/", strings.NewReader(form))
	if err != nil {
		t.Fatalf("%v", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256([]byte(form))
	creds := aws.Credentials{AccessKeyID: emulated.DefaultKeyID, SecretAccessKey: emulated.DefaultSecret}
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, r, hex.EncodeToString(sum[:]), "sts", "us-east-1", time.Now().Add(-time.Hour)); err != nil {
		t.Fatalf("%v", err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Key    string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
		Token  string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	}
	if err := xml.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("AssumeRole: %s, %v", resp.Status, err)
	}
	return values{"access_key_id": answer.Key, "secret_access_key": answer.Secret, "session_token": answer.Token}
}

// unsupported is what the service is documented not to take.
var unsupported = map[string]string{
	"long TXT/4000 octets":                         "a value has at most 4,000 characters, quotes included",
	`service parameters/1 . key667="hello\210qoo"`: "escapes in service parameters are not documented",
}

// subject is the emulated account before the suite.
func subject(t *testing.T) conformance.Subject {
	c := newCloud(t, emulated.Options{Sets: 200_000})
	var zones, budgets atomic.Int64
	origin := func() zone.Name { return zone.MustName(fmt.Sprintf("zone%d.example.", zones.Add(1))) }
	return conformance.Subject{
		Name: "route53 (emulated)", Short: "route53",
		Open: func(t conformance.T) provider.Provider { return c.open(t, nil) },
		Fresh: func(t conformance.T) provider.ZoneRef {
			snap, err := c.open(t, nil).CreateZone(t.Context(), origin())
			if err != nil {
				t.Fatalf("%v", err)
			}
			return provider.ZoneRef{Origin: snap.Info.Origin}
		},
		NewOrigin: func(conformance.T) zone.Name { return origin() },
		Ask:       conformance.AskAt(c.dns),
		Kill:      func(conformance.T) { c.api.CloseClientConnections() },
		WrongKey: func(t conformance.T) provider.Provider {
			return c.open(t, values{"secret_access_key": "not-the-secret"})
		},
		Expired: func(t conformance.T) provider.Provider { return c.open(t, c.expired(t)) },
		Narrow: func(t conformance.T) provider.Provider {
			return c.open(t, values{"access_key_id": emulated.ReadOnlyKeyID, "secret_access_key": emulated.ReadOnlySecret})
		},
		Via: func(t conformance.T, wrap func(http.RoundTripper) http.RoundTripper) provider.Provider {
			// A budget of its own: what the service asks one account to wait is not to hold up the others.
			limits := fmt.Sprintf("%d/1s", 100_000+budgets.Add(1))
			return c.open(t, values{"limits": limits}, func(conf *provider.Config) {
				conf.HTTP = func() http.RoundTripper { return wrap(http.DefaultTransport) }
			})
		},
		Stated: c.stated, Plant: c.plant, Calls: c.counts, Page: 300,
		Unsupported: unsupported,
		Elsewhere: map[string]string{
			"Types/Route53Provider/ALIAS": "TestAliasesRoundTrip",
			"Batch":                       "TestBatchesAreCountedAsTheServiceCounts",
		},
		Large: conformance.Soak,
	}
}
