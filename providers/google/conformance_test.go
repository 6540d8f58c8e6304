package google_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/google"
	emulated "github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/sandbox/names"
	"github.com/zonecast/zonecast/zone"
)

// A cloud is an emulated project with its API and its name server on loopback.
type cloud struct {
	*emulated.Service
	url, dns string
	key      string // credentials of the account that may do everything
	calls    atomic.Int64
	polls    atomic.Int64
	tokens   atomic.Int64
}

func newCloud(t testing.TB, o emulated.Options) *cloud {
	t.Helper()
	c := &cloud{Service: emulated.New(o)}
	api := httptest.NewServer(c)
	t.Cleanup(api.Close)
	dns, err := names.Listen("127.0.0.1:0", c.Names())
	if err != nil {
		t.Fatalf("name server: %v", err)
	}
	t.Cleanup(func() { _ = dns.Close() })
	c.url, c.dns = api.URL, dns.Addr()
	key, err := c.Credentials(c.url)
	if err != nil {
		t.Fatal(err)
	}
	c.key = string(key)
	return c
}

// ServeHTTP counts what the service sees.
func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/token":
		c.tokens.Add(1)
	case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/changes/"):
		c.polls.Add(1)
	}
	c.calls.Add(1)
	c.Service.ServeHTTP(w, r)
}

// batchSize lets the suite try borders of batches; in a soak run those of the documented quota.
var batchSize = map[bool]string{true: "1000", false: "100"}[conformance.Soak]

// values are options of an account as text.
type values map[string]string

// open opens the account of a cloud; edit may change the configuration.
func (c *cloud) open(t conformance.T, more values, edit ...func(*provider.Config)) *google.Provider {
	t.Helper()
	conf := provider.Config{ID: "gcp", Values: map[string]provider.Value{}}
	for k, v := range (values{
		"project": emulated.DefaultProject, "credentials": c.key, "endpoint": c.url, "dns_address": c.dns, "limits": "off",
		"batch_size": batchSize,
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
	p, err := google.Open(conf)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return p.(*google.Provider)
}

// expired is the key file of an account whose tokens are no longer taken when they arrive.
func expired(t testing.TB, key string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token": "ya29.c.expired", "expires_in": 3599, "token_type": "Bearer"}`)
	}))
	t.Cleanup(srv.Close)
	before, after, _ := strings.Cut(key, `"token_uri": "`)
	_, after, _ = strings.Cut(after, `"`)
	return before + `"token_uri": "` + srv.URL + `/token"` + after
}

const onlyHostNames = "no page says that names may hold other characters than letters, digits, hyphens, underscores and slashes"

// unsupported is what no page says that the service can.
var unsupported = map[string]string{
	"odd names/asterisk inside":         onlyHostNames,
	"odd names/escaped dot":             onlyHostNames,
	"odd names/escaped dot alone":       onlyHostNames,
	"odd names/at sign, dollar, quote":  onlyHostNames,
	"odd names/space and backslash":     onlyHostNames,
	"odd names/octets that are no text": onlyHostNames,
}

func subject(t *testing.T) conformance.Subject {
	var quota emulated.Quota
	if conformance.Soak {
		quota.RRsetsPerManagedZone = 200_000 // as Google gives when asked
	}
	c := newCloud(t, emulated.Options{Quota: quota})
	stranger := newCloud(t, emulated.Options{})
	old := expired(t, c.key)
	reader, err := c.ReadOnlyCredentials(c.url)
	if err != nil {
		t.Fatal(err)
	}
	var zones, budgets atomic.Int64
	origin := func() zone.Name { return zone.MustName(fmt.Sprintf("zone%d.example.", zones.Add(1))) }
	return conformance.Subject{
		Name: "google (emulated)", Short: "google",
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
			return c.open(t, values{"credentials": strings.ReplaceAll(stranger.key, stranger.url, c.url)})
		},
		Expired: func(t conformance.T) provider.Provider { return c.open(t, values{"credentials": old}) },
		Narrow:  func(t conformance.T) provider.Provider { return c.open(t, values{"credentials": string(reader)}) },
		Via: func(t conformance.T, wrap func(http.RoundTripper) http.RoundTripper) provider.Provider {
			// A budget of its own: what the service asks one account to wait is not to hold up the others.
			limits := fmt.Sprintf("%d/1s", 100_000+budgets.Add(1))
			return c.open(t, values{"limits": limits}, func(conf *provider.Config) {
				conf.HTTP = func() http.RoundTripper { return wrap(http.DefaultTransport) }
			})
		},
		Calls:       func() (all, polls int) { return int(c.calls.Load()), int(c.polls.Load()) },
		Page:        1000,
		Unsupported: unsupported,
		Plant:       c.plant,
		Large:       conformance.Soak,
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
