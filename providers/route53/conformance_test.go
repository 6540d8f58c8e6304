package route53_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

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
	url, dns string
}

func newCloud(t testing.TB, o emulated.Options) *cloud {
	t.Helper()
	svc := emulated.New(o)
	api := httptest.NewServer(svc)
	t.Cleanup(api.Close)
	dns, err := names.Listen("127.0.0.1:0", svc.Names())
	if err != nil {
		t.Fatalf("name server: %v", err)
	}
	t.Cleanup(func() { _ = dns.Close() })
	return &cloud{Service: svc, url: api.URL, dns: dns.Addr()}
}

// values are options of an account as text.
type values map[string]string

// open opens the account of a cloud; edit may change the configuration.
func (c *cloud) open(t conformance.T, more values, edit ...func(*provider.Config)) *route53.Provider {
	t.Helper()
	conf := provider.Config{ID: "aws", Values: map[string]provider.Value{}}
	for k, v := range (values{
		"access_key_id": emulated.DefaultKeyID, "secret_access_key": emulated.DefaultSecret,
		"endpoint": c.url, "sts_endpoint": c.url, "dns_address": c.dns, "limits": "off",
	}) {
		conf.Values[k] = provider.Value{Text: v}
	}
	for k, v := range more {
		conf.Values[k] = provider.Value{Text: v}
		if v == "" {
			delete(conf.Values, k)
		}
	}
	for _, e := range edit {
		e(&conf)
	}
	p, err := route53.Open(conf)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return p.(*route53.Provider)
}

func subject(t *testing.T) conformance.Subject {
	c := newCloud(t, emulated.Options{})
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
		WrongKey: func(t conformance.T) provider.Provider {
			return c.open(t, values{"secret_access_key": "not-the-secret"})
		},
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
		Page: 300,
		Unsupported: map[string]string{
			"long TXT/4000 octets":                         "a value has at most 4,000 characters, quotes included",
			`service parameters/1 . key667="hello\210qoo"`: "escapes in service parameters are not documented",
		},
		Elsewhere: map[string]string{
			"Types/Route53Provider/ALIAS": "TestAliasesRoundTrip",
		},
		Large: conformance.Soak,
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	r := conformance.Run(t, subject(t))
	if !strings.Contains(conformance.Table(r), "| L3 1,200 sets | passed |") {
		t.Error("1,200 sets did not pass")
	}
	if testing.Verbose() {
		t.Log("\n" + conformance.Table(r))
	}
}
