package powerdns_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/powerdns"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var (
	example = zone.MustName("example.org.")
	ref     = provider.ZoneRef{Origin: example}
)

const text = "@ 3600 SOA ns1.example.net. hostmaster 41 7200 900 1209600 300\n@ 3600 NS ns1.example.net.\nwww 300 A 192.0.2.1\n"

const api = "/api/v1/servers/localhost/zones/example.org."

// a is an A RRset at www.
func a(values ...string) *zone.RRset {
	s := zone.RRset{Owner: zone.MustName("www.example.org."), Type: zone.TypeA, TTL: 300}
	for _, v := range values {
		d, err := rdata.Parse(zone.TypeA, v, zone.Root)
		if err != nil {
			panic(err)
		}
		s.Data = append(s.Data, d)
	}
	s = s.Clean()
	return &s
}

func write(t *testing.T, p provider.Provider, c ...zone.Change) (*provider.Receipt, error) {
	t.Helper()
	base, err := p.Read(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return p.Write(t.Context(), base, provider.ChangeSet{Sets: c})
}

// call does one request to the real server.
func call(t *testing.T, s *testserver.PowerDNSServer, method, path, body string, out any) {
	t.Helper()
	var in any
	if body != "" {
		in = json.RawMessage(body)
	}
	if err := s.Call(method, path, in, out); err != nil {
		t.Fatal(err)
	}
}

type held struct {
	Kind   string
	RRsets []struct {
		Name, Type string
		Records    []struct {
			Content  string
			Disabled bool
		}
		Comments []struct{ Content, Account string }
	}
}

// at prints what the server holds at a name: "A 192.0.2.1 -192.0.2.9 #comment".
func at(t *testing.T, s *testserver.PowerDNSServer, name string) string {
	t.Helper()
	var z held
	call(t, s, http.MethodGet, api, "", &z)
	var out []string
	for _, r := range z.RRsets {
		if r.Name != name {
			continue
		}
		out = append(out, r.Type)
		var list []string
		for _, x := range r.Records {
			list = append(list, map[bool]string{true: "-"}[x.Disabled]+x.Content)
		}
		for _, c := range r.Comments {
			list = append(list, "#"+c.Content+"/"+c.Account)
		}
		slices.Sort(list)
		out = append(out, list...)
	}
	return strings.Join(out, " ")
}

func TestWhatPeopleKeepStays(t *testing.T) {
	t.Parallel()
	s := testserver.PowerDNS(t, testserver.PowerDNSOptions{Zones: map[string]string{"example.org.": text}})
	call(t, s, http.MethodPatch, api, `{"rrsets":[
		{"name":"www.example.org.","type":"A","ttl":300,"changetype":"REPLACE","comments":[{"content":"web, ask Ann","account":"ann"}],
		 "records":[{"content":"192.0.2.1"},{"content":"192.0.2.9","disabled":true}]},
		{"name":"off.example.org.","type":"A","ttl":300,"changetype":"REPLACE","records":[{"content":"192.0.2.8","disabled":true}]},
		{"name":"lua.example.org.","type":"LUA","ttl":300,"changetype":"REPLACE","records":[{"content":"A \"ifportup(443, {'192.0.2.1'})\""}]}
	]}`, nil)
	p := open(t, s, nil)
	base, err := p.Read(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	var foreign []string
	for _, f := range base.Foreign {
		foreign = append(foreign, fmt.Sprintf("%s %s owns=%v", f.Key, f.Kind, f.Owns))
	}
	slices.Sort(foreign)
	want := []string{
		"lua.example.org. PowerDnsProvider/LUA LUA record owns=true", "off.example.org. A disabled record owns=true",
		"www.example.org. A comment owns=false", "www.example.org. A disabled record owns=false",
	}
	if d := cmp.Diff(want, foreign); d != "" {
		t.Errorf("foreign (-want +got):\n%s", d)
	}
	if got, _ := base.Sets.Set(a().Owner, zone.TypeA); !got.Equal(*a("192.0.2.1")) {
		t.Errorf("www is read as %v", got)
	}
	for _, c := range []struct {
		name   string
		change zone.Change
		want   string
	}{
		{"changed", zone.Change{Before: a("192.0.2.1"), After: a("192.0.2.2", "192.0.2.3")}, "A #web, ask Ann/ann -192.0.2.9 192.0.2.2 192.0.2.3"},
		{"the disabled one is wanted", zone.Change{Before: a("192.0.2.2", "192.0.2.3"), After: a("192.0.2.9")}, "A #web, ask Ann/ann 192.0.2.9"},
	} {
		if _, err := write(t, p, c.change); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := at(t, s, "www.example.org."); got != c.want {
			t.Errorf("%s: the server holds %q, want %q", c.name, got, c.want)
		}
	}
	call(t, s, http.MethodPatch, api, `{"rrsets":[{"name":"www.example.org.","type":"A","ttl":300,"changetype":"REPLACE","records":[{"content":"192.0.2.1"},{"content":"192.0.2.9","disabled":true}]}]}`, nil)
	if _, err := write(t, p, zone.Change{Before: a("192.0.2.1")}); err != nil {
		t.Fatal(err)
	}
	if got, want := at(t, s, "www.example.org."), "A #web, ask Ann/ann -192.0.2.9"; got != want {
		t.Errorf("deleted: the server holds %q, want %q", got, want)
	}
	if got, want := at(t, s, "off.example.org.")+at(t, s, "lua.example.org."), `A -192.0.2.8LUA A "ifportup(443, {'192.0.2.1'})"`; got != want {
		t.Errorf("untouched sets are now %q, want %q", got, want)
	}
}

func TestSecondaryZonesAreRefused(t *testing.T) {
	t.Parallel()
	s := testserver.PowerDNS(t, testserver.PowerDNSOptions{Zones: map[string]string{"example.org.": text}})
	p := open(t, s, nil)
	for _, kind := range []string{"Slave", "Consumer"} {
		call(t, s, http.MethodPut, api, `{"kind":"`+kind+`","masters":["127.0.0.1:1"]}`, nil)
		r, err := write(t, p, zone.Change{Before: a("192.0.2.1"), After: a("192.0.2.2")})
		if provider.KindOf(err) != provider.Rejected || r.Count(provider.NotDone) != 1 {
			t.Errorf("%s: receipt %+v, error %v; want rejected", kind, r, err)
		}
		if snap, err := p.Read(t.Context(), ref); err != nil || snap.Info.Kind != provider.Secondary {
			t.Errorf("%s: read as %v, %v", kind, snap, err)
		}
	}
	for _, kind := range []string{"Native", "Master", "Producer"} {
		call(t, s, http.MethodPut, api, `{"kind":"`+kind+`"}`, nil)
		if _, err := write(t, p, zone.Change{Before: a("192.0.2.1"), After: a("192.0.2.2")}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if _, err := write(t, p, zone.Change{Before: a("192.0.2.2"), After: a("192.0.2.1")}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestSignedZones(t *testing.T) {
	t.Parallel()
	s := testserver.PowerDNS(t, testserver.PowerDNSOptions{Zones: map[string]string{"example.org.": text}, Config: "gsqlite3-dnssec=yes"})
	p := open(t, s, nil)
	call(t, s, http.MethodPut, api, `{"dnssec":true,"api_rectify":false}`, nil)
	r, err := write(t, p, zone.Change{Before: a("192.0.2.1"), After: a("192.0.2.2")})
	if err != nil || len(r.Notes) > 0 {
		t.Fatalf("receipt %+v, error %v", r, err)
	}
	// Read before; read again, PRESIGNED, PATCH, rectify.
	if r.Calls != 4 {
		t.Errorf("%d calls, want 4: the zone is not rectified by the API itself", r.Calls)
	}
	call(t, s, http.MethodPut, api, `{"api_rectify":true}`, nil)
	if r, err := write(t, p, zone.Change{Before: a("192.0.2.2"), After: a("192.0.2.3")}); err != nil || r.Calls != 3 {
		t.Errorf("rectified by the API: %+v, %v; want 3 calls", r, err)
	}
	// The API shows this, but does not set it.
	sql := exec.Command("sqlite3", filepath.Join(s.Dir, "pdns.sqlite"), "INSERT INTO domainmetadata(domain_id,kind,content) SELECT id,'PRESIGNED','1' FROM domains")
	if out, err := sql.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if r, err := write(t, p, zone.Change{Before: a("192.0.2.3"), After: a("192.0.2.4")}); provider.KindOf(err) != provider.Rejected || r.Count(provider.NotDone) != 1 {
		t.Errorf("presigned: receipt %+v, error %v; want rejected", r, err)
	}
}

func TestParametersThatPowerDNSHasNoNameFor(t *testing.T) {
	t.Parallel()
	s := testserver.PowerDNS(t, testserver.PowerDNSOptions{Zones: map[string]string{"example.org.": text}})
	p := open(t, s, nil)
	want := zone.RRset{Owner: example, Type: zone.TypeHTTPS, TTL: 60}
	for _, v := range []string{`1 . mandatory=alpn,dohpath alpn=h2 dohpath="/q{?dns}"`, "2 . alpn=h2 ohttp"} {
		d, err := rdata.Parse(zone.TypeHTTPS, v, example)
		if err != nil {
			t.Fatal(err)
		}
		want.Data = append(want.Data, d)
	}
	want = want.Clean()
	if _, err := write(t, p, zone.Change{After: &want}); err != nil {
		t.Fatal(err)
	}
	snap, err := p.Read(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := snap.Sets.Set(example, zone.TypeHTTPS); !got.SameData(want) {
		t.Errorf("got %q, want %q", got.Data, want.Data)
	}
}

func TestStatesAreNotMixed(t *testing.T) {
	t.Parallel()
	s := testserver.PowerDNS(t, testserver.PowerDNSOptions{Zones: map[string]string{"example.org.": text}})
	p := open(t, s, nil)
	base, err := p.Read(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	other := zone.RRset{Owner: zone.MustName("other.example.org."), Type: zone.TypeA, TTL: 60, Data: a("192.0.2.1").Data}
	if _, err := write(t, p, zone.Change{After: &other}); err != nil {
		t.Fatal(err)
	}
	r, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{Before: a("192.0.2.1"), After: a("192.0.2.2")}}})
	if provider.KindOf(err) != provider.Conflict || r.Count(provider.NotDone) != 1 || !strings.Contains(err.Error(), "other.example.org. A was changed") {
		t.Errorf("writing www from before other came: %+v, %v; want a conflict that names other", r, err)
	}
}

func TestSerialsOfNewZonesGrow(t *testing.T) {
	t.Parallel()
	s := testserver.PowerDNS(t, testserver.PowerDNSOptions{})
	p := open(t, s, nil)
	base, err := p.(provider.ZoneCreator).CreateZone(t.Context(), example)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := base.Sets.Set(example, zone.TypeNS); len(got.Data) != 2 {
		t.Errorf("NS of the new zone: %v", got)
	}
	if _, err := write(t, p, zone.Change{After: a("192.0.2.1")}); err != nil {
		t.Fatal(err)
	}
	after, err := p.Read(t.Context(), ref)
	if err != nil || after.Revision == base.Revision {
		t.Errorf("revision stays %q after a write (%v)", after.Revision, err)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	s := testserver.PowerDNS(t, testserver.PowerDNSOptions{Zones: map[string]string{"example.org.": text}})
	got, err := open(t, s, nil).(provider.Verifier).Verify(t.Context())
	if err != nil || !strings.HasPrefix(got, "PowerDNS ") || !strings.HasSuffix(got, ", 1 zone") {
		t.Errorf("verify says %q, %v", got, err)
	}
	s.Stop()
	if _, err := open(t, s, nil).(provider.Verifier).Verify(t.Context()); provider.KindOf(err) != provider.Transient {
		t.Errorf("verify of a server that does not run: %v", err)
	}
}

// fake answers every request with the same.
func fake(t *testing.T, answer http.HandlerFunc) provider.Provider {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	p, err := powerdns.Open(provider.Config{ID: "pdns", Values: map[string]provider.Value{
		"host": {Text: u.Hostname()}, "port": {Text: u.Port()}, "api_key": {Text: "k-e-y"}, "timeout": {Text: "5"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const head = `{"id":"example.org.","name":"example.org.","kind":"Native","serial":1,"edited_serial":1,"rrsets":[`

const soa = `{"name":"example.org.","type":"SOA","ttl":60,"records":[{"content":"a. b. 1 2 3 4 5","disabled":false}]}`

func TestNonsenseIsAnError(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"web page":             "<html><title>It works!</title></html>",
		"empty":                "",
		"half":                 head + soa,
		"array":                "[]",
		"null":                 "null",
		"nothing in it":        "{}",
		"another zone":         strings.ReplaceAll(head, "example.org.", "example.com.") + soa + "]}",
		"record of another":    head + soa + `,{"name":"www.example.com.","type":"A","ttl":60,"records":[{"content":"192.0.2.1"}]}]}`,
		"relative name":        head + `{"name":"www","type":"A","ttl":60,"records":[{"content":"192.0.2.1"}]}]}`,
		"the same set twice":   head + soa + "," + soa + "]}",
		"no TTL":               head + `{"name":"www.example.org.","type":"A","records":[{"content":"192.0.2.1"}]}]}`,
		"TTL is text":          head + `{"name":"www.example.org.","type":"A","ttl":"x","records":[{"content":"192.0.2.1"}]}]}`,
		"name that is no name": head + `{"name":"a..example.org.","type":"A","ttl":60,"records":[{"content":"192.0.2.1"}]}]}`,
		"no rrsets":            `{"id":"example.org.","name":"example.org.","kind":"Native","serial":1}`,
		"rrsets is a number":   `{"id":"example.org.","name":"example.org.","rrsets":7}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := fake(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
			snap, err := p.Read(t.Context(), ref)
			if provider.KindOf(err) != provider.Invalid || snap != nil {
				t.Errorf("snapshot %v, error %v; want an error of kind %q", snap, err, provider.Invalid)
			}
			if err != nil && strings.Contains(err.Error(), "k-e-y") {
				t.Errorf("the key is shown: %v", err)
			}
		})
	}
}

// A proxy's page that something was not found says nothing about a zone: taken for "no such zone",
// it would be planned as one to create.
func TestWebPageNotFoundIsNoMissingZone(t *testing.T) {
	t.Parallel()
	p := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<html><h1>404 Not Found</h1><hr>nginx</html>")
	})
	if _, err := p.Read(t.Context(), ref); errors.Is(err, provider.ErrNoZone) || provider.KindOf(err) != provider.Invalid {
		t.Errorf("read: %v; want an answer that makes no sense", err)
	}
}

func TestUnreadableRecordIsForeign(t *testing.T) {
	t.Parallel()
	p := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, head+soa+`,{"name":"x.example.org.","type":"A","ttl":60,"records":[{"content":"not an address"}]},
			{"name":"y.example.org.","type":"FUTURE","ttl":60,"records":[{"content":"?"}]}]}`)
	})
	snap, err := p.Read(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if len(snap.Foreign) != 2 || !snap.Foreign[0].Owns || snap.Sets.Len() != 1 {
		t.Errorf("foreign %+v, %d sets", snap.Foreign, snap.Sets.Len())
	}
	r, err := p.Write(t.Context(), snap, provider.ChangeSet{Sets: []zone.Change{{After: &zone.RRset{Owner: zone.MustName("x.example.org."), Type: zone.TypeA, TTL: 60, Data: a("192.0.2.1").Data}}}})
	if provider.KindOf(err) != provider.Conflict || r.Count(provider.NotDone) != 1 {
		t.Errorf("writing over it: %+v, %v", r, err)
	}
}

func TestFewNamesAreReadByName(t *testing.T) {
	t.Parallel()
	s := testserver.PowerDNS(t, testserver.PowerDNSOptions{Zones: map[string]string{"example.org.": text}})
	p := open(t, s, nil).(provider.SetReader)
	keys := []zone.Key{a().Key(), {Owner: example, Type: zone.TypeNS}, {Owner: zone.MustName("none.example.org."), Type: zone.TypeA}}
	got, err := p.ReadSets(t.Context(), ref, keys)
	if err != nil || len(got) != 2 || !got[0].Equal(*a("192.0.2.1")) {
		t.Errorf("read %v, %v", got, err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	good := map[string]provider.Value{"host": {Text: "127.0.0.1"}, "api_key": {Text: "k"}}
	for _, c := range []struct{ option, value, want string }{
		{"host", "", "provider pdns: option host is missing; write the host of the HTTP API"},
		{"host", "http://x/", `provider pdns: option host is "http://x/"; write a name or an address, and the scheme in option scheme`},
		{"api_key", "", "provider pdns: option api_key is missing; write what pdns.conf has as api-key"},
		{"port", "x", `provider pdns: option port is "x"; write a whole number`},
		{"port", "70000", "provider pdns: option port is 70000; write a number from 1 to 65535"},
		{"scheme", "ftp", `provider pdns: option scheme is "ftp"; write http or https`},
		{"timeout", "NaN", `provider pdns: option timeout is "NaN"; write a number of seconds`},
		{"mode_of_operation", "slave", `provider pdns: option mode_of_operation is "slave"; write master, native or producer: zones of other kinds cannot be written`},
		{"notify", "maybe", `provider pdns: option notify is "maybe"; write true or false`},
		{"ssl_verify", "/no/such/file", "provider pdns: option ssl_verify names a file of certificates: open /no/such/file: no such file or directory"},
	} {
		values := map[string]provider.Value{c.option: {Text: c.value}}
		for k, v := range good {
			if _, ok := values[k]; !ok {
				values[k] = v
			}
		}
		if _, err := powerdns.Open(provider.Config{ID: "pdns", Values: values}); fmt.Sprint(err) != c.want {
			t.Errorf("%s=%q: %v, want %s", c.option, c.value, err, c.want)
		}
	}
	if d, ok := provider.Lookup("octodns_powerdns.PowerDnsProvider"); !ok || d.Name != "powerdns" {
		t.Errorf("octoDNS's class gives driver %q", d.Name)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		head + soa + "]}", "<html>", "{}", `{"name":"example.org.","rrsets":[{"name":"example.org.","type":"LUA","records":[]}]}`,
		head + `{"name":"x.example.org.","type":"TYPE65285","ttl":1,"records":[{"content":"\\# 1 ff","disabled":true}],"comments":[{"content":"c"}]}]}`,
		head + `{"name":"x.example.org.","type":"SVCB","ttl":1,"records":[{"content":"1 . alpn=h2 key667=\"a\\210\""}]}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := powerdns.Open(provider.Config{ID: "pdns", Values: map[string]provider.Value{"host": {Text: "x"}, "api_key": {Text: "k"}}, HTTP: func() http.RoundTripper { return always(body) }})
		if err != nil {
			t.Fatal(err)
		}
		snap, err := p.Read(t.Context(), ref)
		if (snap == nil) == (err == nil) {
			t.Fatalf("snapshot %v and error %v", snap, err)
		}
		if err != nil {
			return
		}
		for set := range snap.Sets.All() {
			if !set.Owner.In(example) || len(set.Data) == 0 {
				t.Errorf("read %v", set)
			}
		}
	})
}

// always is a transport that answers with one body.
type always []byte

func (b always) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(b))), Request: r}, nil
}

// TestLive runs the suite against a server of your own: a zone that is emptied again and again.
//
//	ZONECAST_LIVE_POWERDNS=http://127.0.0.1:8081 ZONECAST_LIVE_POWERDNS_KEY=… ZONECAST_LIVE_POWERDNS_ZONE=test.example.
func TestLive(t *testing.T) {
	u, err := url.Parse(os.Getenv("ZONECAST_LIVE_POWERDNS"))
	origin := os.Getenv("ZONECAST_LIVE_POWERDNS_ZONE")
	if err != nil || u.Host == "" || origin == "" {
		t.Skip("ZONECAST_LIVE_POWERDNS and ZONECAST_LIVE_POWERDNS_ZONE are not set")
	}
	conformance.Run(t, conformance.Subject{
		Name:     "powerdns (live)",
		Patience: patience.Limit,
		Open: func(t conformance.T) provider.Provider {
			p, err := powerdns.Open(provider.Config{ID: "live", Values: map[string]provider.Value{
				"host": {Text: u.Hostname()}, "port": {Text: u.Port()}, "scheme": {Text: u.Scheme},
				"api_key": {Text: os.Getenv("ZONECAST_LIVE_POWERDNS_KEY")},
			}})
			if err != nil {
				t.Fatalf("%v", err)
			}
			return p
		},
		Fresh:       func(conformance.T) provider.ZoneRef { return provider.ZoneRef{Origin: zone.MustName(origin)} },
		Unsupported: unsupported,
		Elsewhere:   map[string]string{"CreateZone": "TestConformance", "DeleteZone": "TestConformance"},
	})
}
