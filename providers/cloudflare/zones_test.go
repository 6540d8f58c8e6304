package cloudflare_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/cloudflare"
	sandbox "github.com/zonecast/zonecast/sandbox/cloudflare"
	"github.com/zonecast/zonecast/zone"
)

// through opens the account over a transport.
func (w *world) through(t *testing.T, f func(*http.Request) (*http.Response, error)) provider.Provider {
	t.Helper()
	return w.open(t, func(c *provider.Config) { c.HTTP = func() http.RoundTripper { return roundTripper(f) } })
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answered(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

func TestKindsOfZones(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{Plan: sandbox.Enterprise})
	p := w.open(t, nil)
	for _, c := range []struct {
		kind     string
		want     provider.Kind
		view     string
		disabled bool
		servers  int
		apex     provider.ApexNS
	}{
		{"full", provider.Primary, "", false, 2, provider.ApexNSEditable},
		{"secondary", provider.Secondary, "", false, 2, provider.ApexNSEditable},
		{"partial", provider.Primary, "", true, 0, provider.ApexNSHidden},
		{"internal", provider.Private, "internal", false, 0, provider.ApexNSHidden},
	} {
		id, err := w.svc.AddZoneOf(sandbox.DefaultAccountID, c.kind+".example", c.kind, "")
		if err != nil {
			t.Fatalf("%s: %v", c.kind, err)
		}
		ref := provider.ZoneRef{Origin: zone.MustName(c.kind + ".example."), View: c.view}
		snap, err := p.Read(t.Context(), ref)
		if err != nil {
			t.Errorf("%s: %v", c.kind, err)
			continue
		}
		i := snap.Info
		if i.ID != id || i.Kind != c.want || i.Disabled != c.disabled || len(i.NameServers) != c.servers {
			t.Errorf("%s: %+v, want kind %s, disabled %v and %d name servers", c.kind, i, c.want, c.disabled, c.servers)
		}
		if got := p.Capabilities(i).ApexNS; got != c.apex {
			t.Errorf("%s: apex NS %v, want %v", c.kind, got, c.apex)
		}
		set := zone.RRset{Owner: ref.Origin, Type: zone.TypeA, TTL: 300, Data: []zone.Data{"\xc0\x00\x02\x01"}}
		_, err = p.Write(t.Context(), snap, provider.ChangeSet{Sets: []zone.Change{{After: &set}}})
		if refused := provider.KindOf(err) == provider.Rejected; refused != (c.kind == "secondary") {
			t.Errorf("%s: write: %v", c.kind, err)
		}
		r, err := p.Write(t.Context(), snap, provider.ChangeSet{Settings: []provider.SettingChange{{Key: "cloudflare/multi_provider", After: "true"}}})
		if c.kind == "full" && (err != nil || r.Settings[0] != provider.Done) || c.kind != "full" && provider.KindOf(err) != provider.Rejected {
			t.Errorf("%s: multi-provider DNS: %v, receipt %v", c.kind, err, r.Settings)
		}
	}
}

// A new zone waits for its delegation and is answered all the same
// (https://developers.cloudflare.com/dns/zone-setups/reference/domain-status/#pending).
func TestCreatedZoneIsPending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{})
	snap, err := w.open(t, nil).(provider.ZoneCreator).CreateZone(t.Context(), zone.MustName("bücher.example."))
	if err != nil {
		t.Fatal(err)
	}
	if snap.Info.Disabled || snap.Info.Origin.String() != "xn--bcher-kva.example." {
		t.Errorf("%+v, want the zone, not disabled", snap.Info)
	}
	again, err := w.open(t, nil).Read(t.Context(), provider.ZoneRef{Origin: snap.Info.Origin})
	if err != nil || again.Info.ID != snap.Info.ID {
		t.Errorf("read by name: %v", err)
	}
}

// The API gives names of zones in Unicode too.
func TestZoneNamedInUnicode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{})
	var asked []string
	p := w.through(t, func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Query().Get("name"))
		if len(asked) == 1 {
			return answered(r, 200, `{"success":true,"result":[],"result_info":{"total_count":0}}`), nil
		}
		if len(asked) == 2 {
			return answered(r, 200, `{"success":true,"result":[{"id":"1","name":"bücher.example","type":"full","name_servers":["a.ns.cloudflare.com"]}],"result_info":{"total_count":1}}`), nil
		}
		return answered(r, 200, `{"success":true,"result":[],"result_info":{"total_count":0}}`), nil
	})
	snap, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName("bücher.example.")})
	if err != nil || snap.Info.ID != "1" {
		t.Errorf("%v after asking for %q", err, asked)
	}
	if want := []string{"xn--bcher-kva.example", "bücher.example", ""}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

func TestSameNameInTwoAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{Accounts: []sandbox.Account{{ID: strings.Repeat("a", 32), Name: "One"}, {ID: strings.Repeat("b", 32), Name: "Two"}}})
	ids := map[string]string{}
	for _, account := range []string{strings.Repeat("a", 32), strings.Repeat("b", 32)} {
		id, err := w.svc.AddZoneOf(account, "example.com", "full", "")
		if err != nil {
			t.Fatal(err)
		}
		ids[account] = id
	}
	ref := provider.ZoneRef{Origin: zone.MustName("example.com.")}
	_, err := w.open(t, nil).Read(t.Context(), ref)
	if err == nil || !strings.Contains(err.Error(), "set account_id") || !strings.Contains(err.Error(), "One") {
		t.Errorf("error %v, want one that names the accounts and says what to set", err)
	}
	for account, id := range ids {
		snap, err := w.open(t, with("account_id", account)).Read(t.Context(), ref)
		if err != nil || snap.Info.ID != id {
			t.Errorf("account %s: %v", account, err)
		}
		snap, err = w.open(t, nil).Read(t.Context(), provider.ZoneRef{Origin: ref.Origin, ID: id})
		if err != nil || snap.Info.ID != id {
			t.Errorf("by id %s: %v", id, err)
		}
	}
	_, err = w.open(t, nil).(provider.ZoneCreator).CreateZone(t.Context(), zone.MustName("example.net."))
	if provider.KindOf(err) != provider.Rejected || !strings.Contains(err.Error(), "account_id") {
		t.Errorf("create in one of two accounts: %v, want one that asks for account_id", err)
	}
}

// A zone that is known from memory and was made anew elsewhere is looked up again.
func TestZoneMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{})
	s := newSite(t, w, sandbox.Pro, nil)
	old := s.read().Info.ZoneRef
	other := w.open(t, nil)
	if err := other.(provider.ZoneDeleter).DeleteZone(t.Context(), s.ref); err != nil {
		t.Fatal(err)
	}
	byName := provider.ZoneRef{Origin: s.ref.Origin}
	if _, err := s.p.Read(t.Context(), byName); !errors.Is(err, provider.ErrNoZone) {
		t.Errorf("read of a zone that is gone: %v, want ErrNoZone", err)
	}
	made, err := other.(provider.ZoneCreator).CreateZone(t.Context(), s.ref.Origin)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := s.p.Read(t.Context(), byName)
	if err != nil || snap.Info.ID != made.Info.ID || snap.Info.ID == old.ID {
		t.Errorf("read of the new zone: %v", err)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{})
	for range 7 {
		w.fresh(t, sandbox.Free)
	}
	for name, edit := range map[string]func(*provider.Config){
		"token": nil,
		"global key": func(c *provider.Config) {
			with("email", sandbox.DefaultEmail)(c)
			with("token", sandbox.DefaultKey)(c)
		},
	} {
		text, err := w.open(t, edit).(provider.Verifier).Verify(t.Context())
		if err != nil || text != "Cloudflare, 7 zones" {
			t.Errorf("%s: %q, %v; want Cloudflare, 7 zones", name, text, err)
		}
	}
	_, err := w.open(t, with("token", "wrong token with spaces")).(provider.Verifier).Verify(t.Context())
	if provider.KindOf(err) != provider.Denied || !strings.Contains(err.Error(), "DNS Write") {
		t.Errorf("token of no proper form: %v, want denied and what the token needs", err)
	}
}

// Lists are whole, or there is an error: the total that the service states counts.
func TestListsAreWhole(t *testing.T) {
	t.Parallel()
	const zones = `{"success":true,"result":[{"id":"z","name":"example.com","type":"full"}],"result_info":{"total_count":1}}`
	record := func(id string) string {
		return `{"id":"` + id + `","name":"` + id + `.example.com","type":"A","content":"192.0.2.1","ttl":300}`
	}
	page := func(total int, ids ...string) string {
		for i := range ids {
			ids[i] = record(ids[i])
		}
		return fmt.Sprintf(`{"success":true,"result":[%s],"result_info":{"total_count":%d}}`, strings.Join(ids, ","), total)
	}
	for name, c := range map[string]struct {
		pages []string // the last one for ever
		want  int      // records; 0: an error
		kind  provider.ErrKind
	}{
		"two pages":                       {[]string{page(3, "a", "b"), page(3, "c")}, 3, 0},
		"moved between pages, then still": {[]string{page(3, "a", "b"), page(3, "b"), page(3, "a", "b"), page(3, "c")}, 3, 0},
		"another total, then still":       {[]string{page(3, "a", "b"), page(2, "c"), page(3, "a", "b"), page(3, "c")}, 3, 0},
		"moves for ever":                  {[]string{page(3, "a", "b")}, 0, provider.Transient},
		"ends too early":                  {[]string{page(3, "a", "b"), page(3)}, 0, provider.Transient},
		"more than stated":                {[]string{page(1, "a", "b")}, 0, provider.Transient},
		"no total":                        {[]string{`{"success":true,"result":[],"result_info":{}}`}, 0, provider.Invalid},
		"no result":                       {[]string{`{"success":true,"result":null,"result_info":{"total_count":0}}`}, 0, provider.Invalid},
		"no success with status 200":      {[]string{`{"success":false,"errors":[{"code":1,"message":"no"}],"result":null}`}, 0, provider.Invalid},
		"not of Cloudflare":               {[]string{`{"ok":true}`}, 0, provider.Invalid},
		"a record without id":             {[]string{page(1, "")}, 0, provider.Invalid},
		"a record of another zone":        {[]string{`{"success":true,"result":[{"id":"a","name":"example.net","type":"A","content":"192.0.2.1","ttl":1}],"result_info":{"total_count":1}}`}, 0, provider.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			p := newWorld(t, sandbox.Options{}).through(t, func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "/zones") {
					return answered(r, 200, zones), nil
				}
				return answered(r, 200, c.pages[min(int(n.Add(1)), len(c.pages))-1]), nil
			})
			snap, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName("example.com.")})
			switch {
			case c.want == 0:
				if provider.KindOf(err) != c.kind {
					t.Errorf("error %v, want one of kind %v", err, c.kind)
				}
			case err != nil || snap.Sets.Len() != c.want:
				t.Errorf("%v, want %d records", err, c.want)
			}
		})
	}
}

// What Cloudflare has of a type that RRsets do not know is shown, and nothing is lost.
func TestForeignThings(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"/zones": `{"success":true,"result":[{"id":"z","name":"example.com","type":"full"}],"result_info":{"total_count":1}}`,
		"/zones/z/dns_records": `{"success":true,"result":[
			{"id":"1","name":"a.example.com","type":"NEWTYPE","content":"x","ttl":1},
			{"id":"2","name":"b.example.com","type":"A","content":"not an address","ttl":1},
			{"id":"3","name":"c.example.com","type":"A","content":"192.0.2.1","ttl":1,"meta":{"read_only":true}},
			{"id":"4","name":"c.example.com","type":"A","content":"192.0.2.2","ttl":1},
			{"id":"5","name":"d.example.com","type":"SPF","content":"\"v=spf1 -all\"","ttl":300},
			{"id":"6","name":"e.example.com","type":"MX","content":"mx.example.net","priority":1,"ttl":300,"locked":true}
			],"result_info":{"total_count":6}}`,
	}
	p := newWorld(t, sandbox.Options{}).through(t, func(r *http.Request) (*http.Response, error) {
		return answered(r, 200, answers[strings.TrimPrefix(r.URL.Path, sandbox.Prefix)]), nil
	})
	snap, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName("example.com.")})
	if err != nil {
		t.Fatal(err)
	}
	if want := "c 300 A 192.0.2.2 <<{\"cloudflare\":{\"auto-ttl\":true}}\nd 300 SPF \"v=spf1 -all\"\n"; show(snap.Sets) != want {
		t.Errorf("sets\n%s\nwant\n%s", show(snap.Sets), want)
	}
	var got []string
	for _, f := range snap.Foreign {
		kind, _, _ := strings.Cut(f.Kind, " (")
		got = append(got, fmt.Sprintf("%s %s: %s owns=%v", f.Key.Owner, f.Key.Type, kind, f.Owns))
		if !json.Valid(f.Raw) {
			t.Errorf("%s: raw is no JSON: %s", f.Key, f.Raw)
		}
	}
	want := []string{
		"a.example.com. TYPE0: record of type NEWTYPE owns=false", "b.example.com. A: record that cannot be read owns=true",
		"c.example.com. A: read-only record owns=false", "e.example.com. MX: locked record owns=true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("foreign\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What is denied now and then is asked for again when the configuration says so.
func TestDeniedNowAndThen(t *testing.T) {
	t.Parallel()
	for retries, want := range map[string]provider.ErrKind{"0": provider.Denied, "1": provider.Other} {
		w := newWorld(t, sandbox.Options{})
		w.fresh(t, sandbox.Free)
		var n atomic.Int64
		p := w.open(t, func(c *provider.Config) {
			with("auth_error_retry_count", retries)(c)
			with("retry_period", "0")(c)
			c.HTTP = func() http.RoundTripper {
				return roundTripper(func(r *http.Request) (*http.Response, error) {
					if n.Add(1) == 1 {
						return answered(r, 403, `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[],"result":null}`), nil
					}
					return http.DefaultTransport.RoundTrip(r)
				})
			}
		})
		_, err := p.(provider.Verifier).Verify(t.Context())
		if got := provider.KindOf(err); got != want || (err == nil) != (want == provider.Other) {
			t.Errorf("%s retries: %v, want kind %v", retries, err, want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ option, text, want string }{
		{"token", "", "is missing"},
		{"api_url", "api.cloudflare.com", `is "api.cloudflare.com"; write an address such as https://`},
		{"api_url", "https://user:secret@api.cloudflare.com/", "holds a user or a password"},
		{"plan_type", "gold", "write free, pro, business, enterprise"},
		{"multi_provider", "sometimes", "write auto, true or false"},
		{"min_ttl", "0", "write a number from 1 to 86400"},
		{"min_ttl", "soon", "write a whole number"},
		{"zones_per_page", "100", "from 5 to 50"},
		{"records_per_page", "0", "from 1 to 5000000"},
		{"timeout", "-1", "write a number of seconds"},
		{"retry_count", "-1", "from 0"},
		{"ca_file", "/there/is/no/such/file", "names a file of certificates"},
		{"limits", "many", "write limits like"},
	} {
		values := map[string]provider.Value{"token": {Text: "s3cret-token"}}
		values[c.option] = provider.Value{Text: c.text}
		_, err := cloudflare.Open(provider.Config{ID: "cf", Values: values})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "option "+c.option) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "user:secret") {
			t.Errorf("%s %q: %v, want one with %q and no secret", c.option, c.text, err, c.want)
		}
	}
}

// Credentials are seen nowhere.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	var trace strings.Builder
	c := provider.Config{
		ID: "cf", Values: map[string]provider.Value{"token": {Text: "s3cret-token"}, "email": {Text: "a@example.com"}, "limits": {Text: "off"}},
		Trace: func(format string, args ...any) { fmt.Fprintf(&trace, format+"\n", args...) },
		HTTP: func() http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.Header.Get("X-Auth-Key") != "s3cret-token" || r.Header.Get("X-Auth-Email") != "a@example.com" || r.Header.Get("Authorization") != "" {
					return nil, errors.New("the global key is not sent as documented")
				}
				return nil, fmt.Errorf("%s: no route for s3cret-token (%s)", r.URL, url.QueryEscape("s3cret-token"))
			})
		},
	}
	with("retry_count", "0")(&c)
	p, err := cloudflare.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.(provider.Verifier).Verify(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no route") {
		t.Errorf("error %v, want the transport's", err)
	}
	for what, text := range map[string]string{"error": fmt.Sprint(err), "trace": trace.String(), "config": fmt.Sprint(c)} {
		if strings.Contains(text, "s3cret") {
			t.Errorf("the %s shows the credential: %s", what, text)
		}
	}
}

// Who reads many zones has them listed; who reads few asks for them alone.
func TestManyZonesAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{})
	var refs []provider.ZoneRef
	for range 120 {
		refs = append(refs, provider.ZoneRef{Origin: w.fresh(t, sandbox.Free).Origin})
	}
	for _, c := range []struct {
		zones, most int
	}{
		{3, 3 + 3},             // a look-up and a page each
		{120, 120 + 3 + 1 + 3}, // three look-ups, a first page, three pages of the list
	} {
		p := w.open(t, nil)
		before := w.calls()
		for _, ref := range refs[:c.zones] {
			if _, err := p.Read(t.Context(), ref); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.calls() - before; n > c.most {
			t.Errorf("%d zones took %d calls, want at most %d", c.zones, n, c.most)
		}
		if _, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName("not-there.example.")}); !errors.Is(err, provider.ErrNoZone) {
			t.Errorf("a zone that is not there: %v", err)
		}
	}
	// All at once.
	p := w.open(t, nil)
	before := w.calls()
	var wg sync.WaitGroup
	for _, ref := range refs {
		wg.Go(func() {
			if _, err := p.Read(t.Context(), ref); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.calls() - before; n > 120+10 {
		t.Errorf("120 zones at once took %d calls", n)
	}
	// An account of many zones is not listed for the sake of a few.
	p, before = w.open(t, with("zones_per_page", "5")), w.calls() // 24 pages
	for _, ref := range refs[:6] {
		if _, err := p.Read(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.calls() - before; n > 6+6+1 {
		t.Errorf("6 of 120 zones in pages of 5 took %d calls, want a look-up and a page each, and a first page", n)
	}
}
