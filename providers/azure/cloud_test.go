package azure_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/azure"
	emulated "github.com/zonecast/zonecast/sandbox/azure"
	"github.com/zonecast/zonecast/sandbox/names"
	"github.com/zonecast/zonecast/zone"
)

const group = emulated.DefaultResourceGroup

// A rig is an emulated Azure with its API and its name server on loopback.
type rig struct {
	*emulated.Service
	api  *httptest.Server
	ca   string // file of its certificate
	dns  string
	sets *armdns.RecordSetsClient // Microsoft's own clients
	zone *armdns.ZonesClient
}

func newRig(t testing.TB, o emulated.Options) *rig {
	t.Helper()
	r := &rig{Service: emulated.New(o)}
	r.api = httptest.NewUnstartedServer(r.Service)
	r.api.Config.ErrorLog = log.New(io.Discard, "", 0) // connections that a test breaks
	r.api.EnableHTTP2 = true                           // as Microsoft's
	r.api.StartTLS()
	t.Cleanup(r.api.Close)
	r.ca = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.api.Certificate().Raw})
	if err := os.WriteFile(r.ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	dns, err := names.Listen("127.0.0.1:0", r.Names())
	if err != nil {
		t.Fatalf("name server: %v", err)
	}
	t.Cleanup(func() { _ = dns.Close() })
	r.dns = dns.Addr()
	o2 := azcore.ClientOptions{
		Cloud: cloud.Configuration{
			ActiveDirectoryAuthorityHost: r.api.URL,
			Services:                     map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: r.api.URL, Audience: emulated.Audience}},
		},
		Transport: r.api.Client(), Retry: policy.RetryOptions{MaxRetries: -1},
	}
	cred, err := azidentity.NewClientSecretCredential(emulated.DefaultTenant, emulated.DefaultClientID, emulated.DefaultClientSecret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: o2, DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	f, err := armdns.NewClientFactory(emulated.DefaultSubscription, cred, &arm.ClientOptions{ClientOptions: o2})
	if err != nil {
		t.Fatal(err)
	}
	r.sets, r.zone = f.NewRecordSetsClient(), f.NewZonesClient()
	return r
}

// values are options of an account as text; "" takes one away.
type values map[string]string

// config is the configuration of an account of the rig.
func (r *rig) config(more values) provider.Config {
	conf := provider.Config{ID: "azure", Values: map[string]provider.Value{}}
	for _, list := range []values{{
		"directory_id": emulated.DefaultTenant, "client_id": emulated.DefaultClientID, "key": emulated.DefaultClientSecret,
		"sub_id": emulated.DefaultSubscription, "resource_group": group,
		"authority": r.api.URL, "base_url": r.api.URL, "ca_file": r.ca, "dns_address": r.dns, "limits": "off",
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

// open opens an account of the rig; edit may change the configuration.
func (r *rig) open(t conformance.T, more values, edit ...func(*provider.Config)) *azure.Provider {
	t.Helper()
	conf := r.config(more)
	for _, e := range edit {
		e(&conf)
	}
	p, err := azure.Open(conf)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return p.(*azure.Provider)
}

func bare(n zone.Name) string { return strings.TrimSuffix(n.String(), ".") }

// put writes a record set behind the adapter's back.
func (r *rig) put(t conformance.T, origin zone.Name, name string, rt armdns.RecordType, p armdns.RecordSetProperties) {
	t.Helper()
	if _, err := r.sets.CreateOrUpdate(context.WithoutCancel(t.Context()), group, bare(origin), name, rt, armdns.RecordSet{Properties: &p}, nil); err != nil {
		t.Fatalf("put %s %s: %v", name, rt, err)
	}
}

func (r *rig) drop(t conformance.T, origin zone.Name, name string, rt armdns.RecordType) {
	t.Helper()
	if _, err := r.sets.Delete(context.WithoutCancel(t.Context()), group, bare(origin), name, rt, nil); err != nil {
		t.Fatalf("delete %s %s: %v", name, rt, err)
	}
}

// held is a record set as the service holds it, as JSON; "" when there is none.
func (r *rig) held(t conformance.T, origin zone.Name, name string, rt armdns.RecordType) string {
	t.Helper()
	out, err := r.sets.Get(context.WithoutCancel(t.Context()), group, bare(origin), url.PathEscape(name), rt, nil)
	if err != nil {
		return ""
	}
	text, err := json.Marshal(out.RecordSet)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(text)
}

const publicAddress = "/subscriptions/" + emulated.DefaultSubscription + "/resourceGroups/" + group + "/providers/Microsoft.Network/publicIPAddresses/front"

// plant puts record sets into a zone that are not zonecast's to write.
func (r *rig) plant(t conformance.T, ref provider.ZoneRef) []conformance.Planted {
	t.Helper()
	var out []conformance.Planted
	for _, x := range []struct {
		name, at string
		rt       armdns.RecordType
		typ      zone.Type
		p        armdns.RecordSetProperties
	}{
		{"an alias record set", "alias", armdns.RecordTypeA, zone.TypeA, armdns.RecordSetProperties{TTL: new(int64(60)), TargetResource: &armdns.SubResource{ID: new(publicAddress)}}},
		{"a record set without records", "empty", armdns.RecordTypeTXT, zone.TypeTXT, armdns.RecordSetProperties{TTL: new(int64(60)), TxtRecords: []*armdns.TxtRecord{}}},
	} {
		r.put(t, ref.Origin, x.at, x.rt, x.p)
		owner, err := ref.Origin.Child(x.at)
		if err != nil {
			t.Fatalf("%v", err)
		}
		out = append(out, conformance.Planted{
			Name: x.name, Key: zone.Key{Owner: owner, Type: x.typ},
			State: func(t conformance.T) string { return r.held(t, ref.Origin, x.at, x.rt) },
		})
		t.Cleanup(func() { r.drop(t, ref.Origin, x.at, x.rt) })
	}
	return out
}

// stated is how many record sets the service says that a zone has.
func (r *rig) stated(t conformance.T, ref provider.ZoneRef) conformance.Count {
	t.Helper()
	out, err := r.zone.Get(context.WithoutCancel(t.Context()), group, bare(ref.Origin), nil)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return conformance.Count{Sets: int(*out.Properties.NumberOfRecordSets)}
}

// counts are all calls of Resource Manager so far, and those that asked whether a deletion is over.
// Entra ID, which the emulation answers for too, is a service of its own that is asked once an hour.
func (r *rig) counts() (all, polls int) {
	for what, n := range r.Panel().Calls() {
		if strings.Contains(what, "{tenant}") {
			continue
		}
		all += int(n)
		if strings.Contains(strings.ToLower(what), "dnsoperation") {
			polls += int(n)
		}
	}
	return all, polls
}

const (
	onlyPrintable = "no page says what becomes of octets beyond printable ASCII"
	onlyHostNames = "no page says that names may hold other characters than letters, digits, hyphens, underscores and slashes"
	noNull        = "null MX are refused (dnscontrol found so)"
)

// unsupported is what no page says that the service can.
var unsupported = map[string]string{
	"odd TXT/tab, line feed, return":         onlyPrintable,
	"odd TXT/zero and 255":                   onlyPrintable,
	"odd TXT/UTF-8":                          onlyPrintable,
	"odd TXT/UTF-8 broken":                   onlyPrintable,
	"random records":                         onlyPrintable + "; TestPrintableTextRoundTrips has random texts",
	"Unicode names/names":                    onlyPrintable + "; TestUnicodeNames has the names without the text",
	"odd names/asterisk inside":              onlyHostNames,
	"odd names/escaped dot":                  onlyHostNames,
	"odd names/escaped dot alone":            onlyHostNames,
	"odd names/at sign, dollar, quote":       onlyHostNames,
	"odd names/space and backslash":          onlyHostNames,
	"odd names/octets that are no text":      onlyHostNames,
	"names that say nothing/null MX and SRV": noNull,
	"apex NS/all others":                     "the name servers that a zone was given stay",
}

// ended is a token whose time is over.
func ended(t *testing.T) string {
	t.Helper()
	old := newRig(t, emulated.Options{TokenLife: time.Nanosecond})
	var token string
	p := old.open(t, nil, old.by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		if a := req.Header.Get("Authorization"); a != "" && !strings.HasPrefix(a, "Basic ") {
			token = a
		}
		return next.RoundTrip(req)
	}))
	if _, err := p.Verify(t.Context()); err == nil || token == "" {
		t.Fatalf("the token that is over is taken: %v", err)
	}
	return token
}

// subject is the emulated account before the suite.
func subject(t *testing.T) conformance.Subject {
	r := newRig(t, emulated.Options{MaxZones: 10_000, MaxRecordSets: 200_000})
	old := ended(t)
	var zones, budgets atomic.Int64
	origin := func() zone.Name { return zone.MustName(fmt.Sprintf("zone%d.example.", zones.Add(1))) }
	return conformance.Subject{
		Name: "azure (emulated)", Short: "azure",
		Open: func(t conformance.T) provider.Provider { return r.open(t, nil) },
		Fresh: func(t conformance.T) provider.ZoneRef {
			snap, err := r.open(t, nil).CreateZone(t.Context(), origin())
			if err != nil {
				t.Fatalf("%v", err)
			}
			return snap.Info.ZoneRef
		},
		NewOrigin: func(conformance.T) zone.Name { return origin() },
		Ask:       conformance.AskAt(r.dns),
		Kill:      func(conformance.T) { r.api.CloseClientConnections() },
		WrongKey: func(t conformance.T) provider.Provider {
			return r.open(t, values{"key": "not-the-secret"})
		},
		Expired: func(t conformance.T) provider.Provider {
			return r.open(t, nil, r.by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
				if strings.HasPrefix(req.Header.Get("Authorization"), "Bearer ") {
					req.Header.Set("Authorization", old)
				}
				return next.RoundTrip(req)
			}))
		},
		Narrow: func(t conformance.T) provider.Provider {
			return r.open(t, values{"client_id": emulated.DefaultReaderID, "key": emulated.DefaultReaderSecret})
		},
		Via: func(t conformance.T, wrap func(http.RoundTripper) http.RoundTripper) provider.Provider {
			// A budget of its own: what the service asks one account to wait is not to hold up the others.
			limits := fmt.Sprintf("%d/1s", 100_000+budgets.Add(1))
			return r.open(t, values{"limits": limits}, func(conf *provider.Config) {
				conf.HTTP = func() http.RoundTripper { return wrap(r.api.Client().Transport) }
			})
		},
		Stated: r.stated, Plant: r.plant, Calls: r.counts, Page: 1000,
		Unsupported: unsupported,
		Large:       conformance.Soak,
	}
}
