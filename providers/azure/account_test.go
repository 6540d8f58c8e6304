package azure_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/azure"
	emulated "github.com/zonecast/zonecast/sandbox/azure"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	good := values{"sub_id": "sub", "resource_group": "dns", "directory_id": "dir", "client_id": "app", "key": "s3cret"}
	for _, c := range []struct {
		name   string
		change values
		want   string // of the error; "" none
	}{
		{"all", nil, ""},
		{"no principal", values{"directory_id": "", "client_id": "", "key": ""}, ""},
		{"the az tool", values{"client_credential_method": "cli", "key": ""}, ""},
		{"another method", values{"client_credential_method": "certificate"}, `client_credential_method is "certificate"`},
		{"no subscription", values{"sub_id": ""}, "sub_id is missing"},
		{"no group", values{"resource_group": ""}, "resource_group is missing"},
		{"key alone", values{"client_id": ""}, "client_id is missing"},
		{"client alone", values{"key": ""}, "key is missing"},
		{"no directory", values{"directory_id": ""}, "directory_id is missing"},
		{"no TLS", values{"base_url": "http://127.0.0.1:1"}, "https only"},
		{"no address", values{"authority": "login.example.net"}, "authority is"},
		{"pages too small", values{"top": "0"}, "top is 0"},
		{"pages too large", values{"top": "1001"}, "top is 1001"},
		{"no number", values{"top": "many"}, "top is"},
		{"limits", values{"limits": "often"}, "limits"},
		{"no such file", values{"ca_file": "nowhere.pem"}, ""}, // looked for by the first call
	} {
		conf := provider.Config{ID: "az", Values: map[string]provider.Value{}}
		for _, list := range []values{good, c.change} {
			for k, v := range list {
				conf.Values[k] = provider.Value{Text: v}
				if v == "" {
					delete(conf.Values, k)
				}
			}
		}
		_, err := azure.Open(conf)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret")):
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// Tokens are made out for the cloud that is spoken to.
func TestClouds(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"":                                      "https://management.core.windows.net/",
		"https://management.chinacloudapi.cn":   "https://management.core.chinacloudapi.cn/",
		"https://management.usgovcloudapi.net/": "https://management.core.usgovcloudapi.net/",
		"https://127.0.0.1:8443":                "https://management.core.windows.net/",
	} {
		conf := provider.Config{ID: "az", Values: map[string]provider.Value{"sub_id": {Text: "sub"}, "resource_group": {Text: "dns"}}}
		if endpoint != "" {
			conf.Values["base_url"] = provider.Value{Text: endpoint}
		}
		p, err := azure.Open(conf)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.(*azure.Provider).Audience(); got != want {
			t.Errorf("%q: got audience %s, want %s", endpoint, got, want)
		}
	}
}

// The file of certificates is looked for beside the configuration, by the first call.
func TestCAFile(t *testing.T) {
	t.Parallel()
	r, _, _ := fresh(t, emulated.Options{})
	dir, file := r.ca[:strings.LastIndexByte(r.ca, '/')], r.ca[strings.LastIndexByte(r.ca, '/')+1:]
	p := r.open(t, values{"ca_file": file}, func(c *provider.Config) { c.Dir = dir })
	mustRead(t, p)
	p = r.open(t, values{"ca_file": "other.pem"}, func(c *provider.Config) { c.Dir = dir })
	if _, err := p.Read(t.Context(), provider.ZoneRef{Origin: example}); err == nil || !strings.Contains(err.Error(), "ca_file") {
		t.Errorf("got %v, want the option named", err)
	}
	p = r.open(t, values{"ca_file": ""})
	if _, err := p.Read(t.Context(), provider.ZoneRef{Origin: example}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v, want the certificate named", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// Neither the secret nor a token is in what people see.
func TestSecretsAreNotSeen(t *testing.T) {
	t.Parallel()
	r, _, _ := fresh(t, emulated.Options{})
	var mu sync.Mutex
	var seen strings.Builder
	var token string
	see := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&seen, format+"\n", args...)
	}
	p := r.open(t, nil, func(c *provider.Config) { c.Trace = see }, r.by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		if a, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer "); ok {
			mu.Lock()
			token = a
			mu.Unlock()
		}
		return next.RoundTrip(req)
	}))
	mustRead(t, p)
	wrong := r.open(t, values{"key": "n0t-the-secret"}, func(c *provider.Config) { c.Trace = see })
	_, err := wrong.Read(t.Context(), provider.ZoneRef{Origin: example})
	if provider.KindOf(err) != provider.Denied || !strings.Contains(err.Error(), "AADSTS7000215") || !strings.Contains(err.Error(), "check key") {
		t.Errorf("got %v, want what Entra ID says and what to do", err)
	}
	see("%v %+v %#v %v", err, err, r.config(nil), wrong.Capabilities(provider.ZoneInfo{}))
	for _, secret := range []string{emulated.DefaultClientSecret, "n0t-the-secret", token} {
		if secret == "" || strings.Contains(strings.Split(seen.String(), "provider.Config")[0], secret) {
			t.Errorf("%q is seen in:\n%s", secret, seen.String())
		}
	}
}

// A token that the service no longer takes is replaced, once; a new one that it does not take is not.
func TestTokenThatEnded(t *testing.T) {
	t.Parallel()
	r, _, _ := fresh(t, emulated.Options{})
	var refuse atomic.Int64
	signs := func() (n int64) {
		for what, k := range r.Panel().Calls() {
			if strings.Contains(what, "/token") {
				n += k
			}
		}
		return n
	}
	p := r.open(t, nil, r.by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		if req.Header.Get("Authorization") == "" || refuse.Add(-1) < 0 {
			return next.RoundTrip(req)
		}
		return &http.Response{
			StatusCode: 401, Status: "401 Unauthorized", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(`{"error":{"code":"ExpiredAuthenticationToken","message":"The access token expiry UTC time is earlier than current UTC time."}}`)), Request: req,
		}, nil
	}))
	snap := mustRead(t, p)
	changes := toward(snap, rr(t, "www", 300, zone.TypeA, "192.0.2.1"))
	before := signs()
	refuse.Store(1)
	if receipt, err := p.Write(t.Context(), snap, changes); provider.KindOf(err) != provider.Denied || receipt.Sets[0] != provider.NotDone {
		t.Errorf("a new token refused: got %+v, %v; want it denied", receipt, err)
	}
	if n := signs() - before; n != 0 {
		t.Errorf("a new token refused: signed in %d times", n)
	}
	p.AgeToken(time.Hour)
	refuse.Store(1)
	if receipt, err := p.Write(t.Context(), snap, changes); err != nil {
		t.Errorf("an old token refused: %+v, %v", receipt, err)
	}
	if n := signs() - before; n != 1 {
		t.Errorf("an old token refused: signed in %d times, want once", n)
	}
}

// A list whose next page is elsewhere is not followed: the token would go there.
func TestNoTokenForOthers(t *testing.T) {
	t.Parallel()
	r, _, _ := fresh(t, emulated.Options{})
	var strayed atomic.Bool
	p := r.open(t, values{"top": "1"}, r.by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		if req.URL.Host == "evil.example" {
			strayed.Store(true)
			return nil, errors.New("no")
		}
		resp, err := next.RoundTrip(req)
		if !isList(req) {
			return resp, err
		}
		return rewrite(resp, err, func(s string) string { return strings.ReplaceAll(s, r.api.URL, "https://evil.example") })
	}))
	_, err := p.Read(t.Context(), provider.ZoneRef{Origin: example})
	if provider.KindOf(err) != provider.Invalid || strayed.Load() || !strings.Contains(err.Error(), "evil.example") {
		t.Errorf("got %v, gone there: %v", err, strayed.Load())
	}
}

// Read returns all or an error.
func TestListsThatAreNotWhole(t *testing.T) {
	t.Parallel()
	r, p, _ := fresh(t, emulated.Options{})
	become(t, p, rr(t, "a", 300, zone.TypeA, "192.0.2.1"), rr(t, "b", 300, zone.TypeA, "192.0.2.2"))
	for name, c := range map[string]struct {
		edit  func(string) string
		times int // that the answer is spoiled
		kind  provider.ErrKind
		words string // "": none, the list is read again
	}{
		"a set is missing": {func(s string) string { return strings.Replace(s, `"nextLink"`, `"nextPage"`, 1) }, 100, provider.Transient, "states 4 record sets, and the list gives 2"},
		"more than stated": {func(s string) string {
			return strings.Replace(s, `{"value":[{"id"`, `{"value":[{"name":"more","type":"x/A","etag":"e","properties":{"TTL":1,"targetResource":{"id":"/x"}}},{"id"`, strings.Count(s, `"name":"a"`))
		}, 100, provider.Other, ""},
		"missing once": {func(s string) string { return strings.Replace(s, `"nextLink"`, `"nextPage"`, 1) }, 1, provider.Other, ""},
		"a set comes twice": {func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(s, `"name":"b"`, `"name":"a"`), "/b\"", "/a\"")
		}, 100, provider.Transient, "came twice"},
		"no JSON":               {func(string) string { return `{"value":[` }, 100, provider.Invalid, "JSON"},
		"a set is null":         {func(string) string { return `{"value":[null,null,null,null]}` }, 100, provider.Invalid, "no name"},
		"a set has no name":     {func(s string) string { return strings.ReplaceAll(s, `"name":"b"`, `"name":""`) }, 100, provider.Invalid, "no name"},
		"a set has no etag":     {func(s string) string { return strings.ReplaceAll(s, `"etag"`, `"tag"`) }, 100, provider.Invalid, "no etag"},
		"a set of another zone": {func(s string) string { return strings.ReplaceAll(s, `"name":"b"`, `"name":"b.example.net."`) }, 100, provider.Invalid, "not of the zone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			p := r.open(t, values{"top": "2"}, r.by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(req)
				if !isList(req) || n.Add(1) > int64(c.times) {
					return resp, err
				}
				return rewrite(resp, err, c.edit)
			}))
			snap, err := p.Read(t.Context(), provider.ZoneRef{Origin: example})
			switch {
			case c.words == "" && (err != nil || snap.Sets.Len() != 3):
				t.Errorf("got %v", err)
			case c.words != "" && (provider.KindOf(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.words)):
				t.Errorf("got %v, want kind %q and %q", err, c.kind, c.words)
			}
		})
	}
}

// A service that takes only smaller pages is asked for the size that is documented.
func TestSmallerPages(t *testing.T) {
	t.Parallel()
	r, _, _ := fresh(t, emulated.Options{})
	var asked []string
	p := r.open(t, nil, r.by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		if !isList(req) {
			return next.RoundTrip(req)
		}
		top := req.URL.Query().Get("$top")
		if asked = append(asked, top); top != "100" {
			return &http.Response{
				StatusCode: 400, Status: "400 Bad Request", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
				Body: io.NopCloser(strings.NewReader(`{"code":"BadRequest","message":"The value of the query parameter '$top' is out of range."}`)), Request: req,
			}, nil
		}
		return next.RoundTrip(req)
	}))
	mustRead(t, p)
	mustRead(t, p)
	if want := []string{"1000", "100", "100"}; !slices.Equal(asked, want) {
		t.Errorf("asked for pages of %v, want %v", asked, want)
	}
}

// What is not there is told apart: a zone, its group, its subscription.
func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	r, _, _ := fresh(t, emulated.Options{})
	for _, c := range []struct {
		options values
		zone    string
		want    string
		noZone  bool
	}{
		{nil, "example.net.", "", true},
		{values{"resource_group": "other"}, "example.org.", "check resource_group", false},
		{values{"sub_id": "7e1d5a2c-0b1f-4c53-9d0e-5a2d6c1f9999"}, "example.org.", "check sub_id", false},
		{values{"directory_id": "7e1d5a2c-0b1f-4c53-9d0e-5a2d6c1f9999"}, "example.org.", "directory_id", false},
	} {
		_, err := r.open(t, c.options).Read(t.Context(), provider.ZoneRef{Origin: zone.MustName(c.zone)})
		if errors.Is(err, provider.ErrNoZone) != c.noZone || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%v %s: got %v, want %q, no zone: %v", c.options, c.zone, err, c.want, c.noZone)
		}
	}
	if err := r.open(t, nil).DeleteZone(t.Context(), provider.ZoneRef{Origin: zone.MustName("example.net.")}); !errors.Is(err, provider.ErrNoZone) {
		t.Errorf("deletion of no zone: got %v", err)
	}
	if _, err := r.open(t, nil).Read(t.Context(), provider.ZoneRef{Origin: zone.Root}); !errors.Is(err, provider.ErrNoZone) {
		t.Errorf("the root: got %v", err)
	}
	if text, err := r.open(t, nil).Verify(t.Context()); err != nil || text != "Azure DNS, 1 zone in resource group sandbox" {
		t.Errorf("verify: got %q, %v", text, err)
	}
}

// https://learn.microsoft.com/en-us/rest/api/dns/zones/delete: the deletion goes on after the answer.
func TestDeletionIsAwaited(t *testing.T) {
	t.Parallel()
	for _, lost := range []string{"", http.MethodPut, http.MethodDelete} {
		r := newRig(t, emulated.Options{})
		r.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(300 * time.Millisecond) })
		var once atomic.Bool
		p := r.open(t, nil, r.by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if req.Method == lost && !once.Swap(true) && err == nil {
				_ = resp.Body.Close()
				return nil, errors.New("connection reset by peer")
			}
			return resp, err
		}))
		snap, err := p.CreateZone(t.Context(), example)
		if err != nil || len(snap.Info.NameServers) != 4 || snap.Sets.Len() != 1 {
			t.Fatalf("answer to %q lost: %+v, %v", lost, snap, err)
		}
		if _, err := p.CreateZone(t.Context(), example); provider.KindOf(err) != provider.Conflict {
			t.Errorf("a second time: got %v, want a conflict", err)
		}
		if err := p.DeleteZone(t.Context(), snap.Info.ZoneRef); err != nil {
			t.Errorf("answer to %q lost: %v", lost, err)
		}
		if lost == http.MethodDelete {
			continue // it may still be going on
		}
		if _, err := p.Read(t.Context(), snap.Info.ZoneRef); !errors.Is(err, provider.ErrNoZone) {
			t.Errorf("answer to %q lost: after the deletion: %v", lost, err)
		}
	}
}

// The zone's own name servers stay, others may stand beside them.
// https://learn.microsoft.com/en-us/azure/dns/dns-zones-records#ns-records
func TestNameServersStay(t *testing.T) {
	t.Parallel()
	_, p, snap := fresh(t, emulated.Options{})
	have, _ := snap.Sets.Set(example, zone.TypeNS)
	want := p.Fit(snap.Info, rr(t, "@", 3600, zone.TypeNS, "ns1.example.net.", "ns2.example.net."), &have)
	if len(want.Data) != 6 || !slices.Contains(want.Data, rdata.Name(snap.Info.NameServers[0])) {
		t.Errorf("fitted to %v", want.Data)
	}
	after := become(t, p, want)
	if got, _ := after.Sets.Set(example, zone.TypeNS); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	other := rr(t, "sub", 3600, zone.TypeNS, "ns1.example.net.")
	if got := p.Fit(snap.Info, other, nil); !got.Equal(other) {
		t.Errorf("a delegation is fitted to %v", got)
	}
}

// What the console and other tools write is read as what it means.
func TestOthersSpelling(t *testing.T) {
	t.Parallel()
	r, p, _ := fresh(t, emulated.Options{})
	ttl := new(int64(300))
	r.put(t, example, "WWW", armdns.RecordTypeCNAME, armdns.RecordSetProperties{TTL: ttl, CnameRecord: &armdns.CnameRecord{Cname: new("Host.Example.NET")}})
	r.put(t, example, "@", armdns.RecordTypeMX, armdns.RecordSetProperties{TTL: ttl, MxRecords: []*armdns.MxRecord{{Preference: new(int32(10)), Exchange: new("Mail.example.net.")}}})
	r.put(t, example, "six", armdns.RecordTypeAAAA, armdns.RecordSetProperties{TTL: ttl, AaaaRecords: []*armdns.AaaaRecord{{IPv6Address: new("2001:0DB8:0:0::1")}}})
	snap := mustRead(t, p)
	want := []zone.RRset{
		rr(t, "www", 300, zone.TypeCNAME, "host.example.net."), rr(t, "@", 300, zone.TypeMX, "10 mail.example.net."), rr(t, "six", 300, zone.TypeAAAA, "2001:db8::1"),
	}
	if left := toward(snap, want...); !left.Empty() {
		t.Errorf("planned: %+v", left.Sets)
	}
	want[0].TTL, want[1].TTL = 60, 60
	become(t, p, want...)
}

func TestUnicodeNames(t *testing.T) {
	t.Parallel()
	_, p, _ := fresh(t, emulated.Options{})
	become(t, p, rr(t, "münchen", 300, zone.TypeA, "192.0.2.1"), rr(t, "пример.sub", 300, zone.TypeCNAME, "bücher.example.net."), rr(t, "日本語", 300, zone.TypeTXT, `"x"`))
}

func TestCancelledWhileSigningIn(t *testing.T) {
	t.Parallel()
	r, _, snap := fresh(t, emulated.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	p := r.open(t, nil, r.by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		cancel()
		<-req.Context().Done()
		return nil, req.Context().Err()
	}))
	receipt, err := p.Write(ctx, snap, toward(snap, rr(t, "www", 300, zone.TypeA, "192.0.2.1")))
	if err == nil || receipt.Sets[0] != provider.NotDone {
		t.Errorf("got %+v, %v; want it not done", receipt, err)
	}
}
