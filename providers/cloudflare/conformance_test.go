package cloudflare_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/cloudflare"
	sandbox "github.com/zonecast/zonecast/sandbox/cloudflare"
	"github.com/zonecast/zonecast/sandbox/names"
	"github.com/zonecast/zonecast/zone"
)

// A world is an emulated Cloudflare with its name server.
type world struct {
	svc    *sandbox.Service
	url    string // of the API
	dns    string // of the name server
	api    *httptest.Server
	zones  atomic.Int64
	seen   atomic.Int64 // requests
	origin string       // of fresh zones: "zone%d.example."
}

func newWorld(t testing.TB, o sandbox.Options) *world {
	t.Helper()
	w := &world{svc: sandbox.New(o), origin: "zone%d.example."}
	w.api = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.seen.Add(1) // the panel counts when the answer is on its way already
		w.svc.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.api.Close)
	w.url = w.api.URL + sandbox.Prefix
	dns, err := names.Listen("127.0.0.1:0", w.svc.Names())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dns.Close() })
	w.dns = dns.Addr()
	return w
}

// open opens the account; edit may change the configuration.
func (w *world) open(t conformance.T, edit func(*provider.Config)) provider.Provider {
	t.Helper()
	c := provider.Config{ID: "cf", Values: map[string]provider.Value{
		"token": {Text: sandbox.DefaultToken}, "api_url": {Text: w.url}, "dns_address": {Text: w.dns}, "limits": {Text: "off"},
	}}
	if edit != nil {
		edit(&c)
	}
	p, err := cloudflare.Open(c)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return p
}

// with sets one option.
func with(name, text string) func(*provider.Config) {
	return func(c *provider.Config) { c.Values[name] = provider.Value{Text: text} }
}

func (w *world) fresh(t conformance.T, plan sandbox.Plan) provider.ZoneRef {
	t.Helper()
	n := zone.MustName(fmt.Sprintf(w.origin, w.zones.Add(1)))
	id, err := w.svc.AddZone(strings.TrimSuffix(n.String(), "."), plan)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return provider.ZoneRef{Origin: n, ID: id}
}

// multiSigner is a fresh zone that takes DNSKEY records
// (https://developers.cloudflare.com/dns/dnssec/multi-signer-dnssec/setup/).
func (w *world) multiSigner(t conformance.T) provider.ZoneRef {
	t.Helper()
	ref := w.fresh(t, sandbox.Pro)
	w.ask(t, http.MethodPatch, "/zones/"+ref.ID+"/dnssec", `{"dnssec_multi_signer":true}`, nil)
	return ref
}

// ask sends a request past the adapter.
func (w *world) ask(t conformance.T, method, path, body string, out any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v", err)
	}
	req.Header.Set("Authorization", "Bearer "+sandbox.DefaultToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if out == nil {
		return
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		t.Fatalf("%v", err)
	}
}

// calls counts the requests that the service has seen.
func (w *world) calls() int { return int(w.seen.Load()) }

const named = "names are letters, digits, hyphens and underscores: developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/"

// unsupported is what Cloudflare is documented to refuse.
var unsupported = map[string]string{
	"odd names/asterisk inside": named, "odd names/escaped dot": named, "odd names/escaped dot alone": named,
	"odd names/at sign, dollar, quote": named, "odd names/space and backslash": named, "odd names/octets that are no text": named,
	"long TXT/4000 octets": "a TXT holds 2,048 characters: developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/#txt",
	"apex NS/all others":   "Cloudflare always answers its own name servers: developers.cloudflare.com/dns/nameservers/nameserver-options/",
}

// subject is the emulation with zones of a paid plan, written in batches as small as a free zone's.
func subject(t *testing.T) conformance.Subject {
	w := newWorld(t, sandbox.Options{Plan: sandbox.Pro, Records: 1_000_000})
	page := 300 // borders of pages are tried with small ones
	if conformance.Soak {
		page = 5000
	}
	small := func(c *provider.Config) {
		with("plan_type", "free")(c)
		with("records_per_page", strconv.Itoa(page))(c)
	}
	return conformance.Subject{
		Name: "cloudflare (emulated)", Short: "cloudflare",
		Open:      func(t conformance.T) provider.Provider { return w.open(t, small) },
		Fresh:     w.multiSigner,
		NewOrigin: func(conformance.T) zone.Name { return zone.MustName(fmt.Sprintf(w.origin, w.zones.Add(1))) },
		Ask:       conformance.AskAt(w.dns),
		WrongKey: func(t conformance.T) provider.Provider {
			return w.open(t, with("token", "sandbox-cloudflare-token-that-is-wrong-00"))
		},
		Expired: func(t conformance.T) provider.Provider { return w.open(t, with("token", sandbox.DefaultExpiredToken)) },
		Narrow:  func(t conformance.T) provider.Provider { return w.open(t, with("token", sandbox.DefaultReadOnlyToken)) },
		Via: func(t conformance.T, wrap func(http.RoundTripper) http.RoundTripper) provider.Provider {
			return w.open(t, func(c *provider.Config) {
				small(c)
				c.HTTP = func() http.RoundTripper { return wrap(http.DefaultTransport) }
			})
		},
		Stated: w.stated,
		Plant:  w.plant,
		Calls:  func() (all, polls int) { return w.calls(), 0 },
		Page:   page,
		Extras: map[string][2]string{"octodns": {
			`{"cloudflare":{"comment":"of both <ends> & \"more\"","tags":["env:test","team:dns"]}}`,
			`{"cloudflare":{"auto-ttl":true,"comment":"Ünïcode"}}`,
		}},
		Unsupported: unsupported,
		Large:       conformance.Soak,
	}
}

// stated asks the API itself how many records a zone has.
func (w *world) stated(t conformance.T, ref provider.ZoneRef) conformance.Count {
	t.Helper()
	var a struct {
		Info struct {
			Total int `json:"total_count"`
		} `json:"result_info"`
	}
	w.ask(t, http.MethodGet, "/zones/"+ref.ID+"/dns_records?per_page=1", "", &a)
	return conformance.Count{Records: a.Info.Total + 2} // its own name servers are no records
}

// plant puts a read-only record and a locked one beside what the suite writes. They go with their zone.
func (w *world) plant(t conformance.T, ref provider.ZoneRef) []conformance.Planted {
	t.Helper()
	child := func(label string) zone.Name {
		n, err := ref.Origin.Child(label)
		if err != nil {
			t.Fatalf("%v", err)
		}
		return n
	}
	var out []conformance.Planted
	for _, x := range []struct {
		name  string
		plant sandbox.Record
	}{
		{"read-only", sandbox.Record{Type: "A", Content: "192.0.2.77", Meta: sandbox.Meta{ReadOnly: true}}},
		{"locked", sandbox.Record{Type: "A", Content: "192.0.2.78", Locked: true}},
	} {
		owner := child("planted-" + x.name)
		x.plant.Name = strings.TrimSuffix(owner.String(), ".")
		if _, err := w.svc.Plant(ref.ID, x.plant); err != nil {
			t.Fatalf("%v", err)
		}
		out = append(out, conformance.Planted{Name: "a " + x.name + " record", Key: zone.Key{Owner: owner, Type: zone.TypeA}})
	}
	return out
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
