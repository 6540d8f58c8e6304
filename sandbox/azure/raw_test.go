package azure_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/sandbox/azure"
)

const (
	inGroup = "/subscriptions/" + azure.DefaultSubscription + "/resourceGroups/" + group + "/providers/Microsoft.Network"
	version = "?api-version=2018-05-01"
)

// A wire speaks HTTP to a service without a network, for what the SDK cannot send and for tests
// in fake time.
type wire struct {
	*azure.Service
	token string
}

func newWire(t testing.TB, o azure.Options) *wire {
	t.Helper()
	w := &wire{Service: azure.New(o)}
	w.token = w.login(t, azure.DefaultClientID, azure.DefaultClientSecret)
	return w
}

func (w *wire) login(t testing.TB, id, secret string) string {
	t.Helper()
	rec := w.form(url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}, "scope": {azure.Audience + "/.default"}})
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || got.Token == "" {
		t.Fatalf("token: %d %s", rec.Code, rec.Body)
	}
	return got.Token
}

func (w *wire) form(v url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "https://login.test/"+azure.DefaultTenant+"/oauth2/v2.0/token", strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec
}

// do sends a request; header is pairs of name and value, and may replace Authorization.
func (w *wire) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://management.test"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec
}

func (w *wire) zone(t testing.TB, name string) {
	t.Helper()
	if rec := w.do("PUT", inGroup+"/dnsZones/"+name+version, `{"location":"global"}`); rec.Code != http.StatusCreated {
		t.Fatalf("zone %s: %d %s", name, rec.Code, rec.Body)
	}
}

// answer checks status and code; the code is at the top for the DNS provider, in "error" for
// Resource Manager.
func answer(t testing.TB, what string, rec *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var got struct {
		Code  string
		Error json.RawMessage
	}
	_ = json.Unmarshal(rec.Body.Bytes(), &got)
	var inner struct{ Code string }
	_ = json.Unmarshal(got.Error, &inner)
	if c := got.Code + inner.Code; rec.Code != status || c != code {
		t.Errorf("%s: got %d %s, want %d %s: %.300s", what, rec.Code, c, status, code, rec.Body)
	}
}

// Errors of Entra ID: https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	w := newWire(t, azure.Options{})
	good := url.Values{"grant_type": {"client_credentials"}, "client_id": {azure.DefaultClientID}, "client_secret": {azure.DefaultClientSecret}, "scope": {azure.Audience + "/.default"}}
	for _, tt := range []struct {
		field, value string
		status       int
		kind         string
		number       int
	}{
		{"client_secret", "wrong", 401, "invalid_client", 7000215},
		{"client_id", "00000000-0000-0000-0000-000000000009", 400, "unauthorized_client", 700016},
		{"client_id", "", 400, "invalid_request", 900144},
		{"grant_type", "password", 400, "unsupported_grant_type", 70003},
		{"scope", "https://graph.microsoft.com/.default", 400, "invalid_scope", 70011},
		{"scope", "", 400, "invalid_request", 900144},
	} {
		v := url.Values{}
		for k, x := range good {
			v[k] = x
		}
		v.Set(tt.field, tt.value)
		rec := w.form(v)
		var got struct {
			Error string
			Codes []int `json:"error_codes"`
		}
		_ = json.Unmarshal(rec.Body.Bytes(), &got)
		if rec.Code != tt.status || got.Error != tt.kind || len(got.Codes) != 1 || got.Codes[0] != tt.number {
			t.Errorf("%s=%q: got %d %s %v, want %d %s %d", tt.field, tt.value, rec.Code, got.Error, got.Codes, tt.status, tt.kind, tt.number)
		}
	}
}

// What Resource Manager refuses before the DNS provider sees it:
// https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/common-deployment-errors
func TestGateway(t *testing.T) {
	t.Parallel()
	w := newWire(t, azure.Options{})
	w.zone(t, "example.com")
	at := inGroup + "/dnsZones/example.com"
	reader := "Bearer " + w.login(t, azure.DefaultReaderID, azure.DefaultReaderSecret)
	answer(t, "form", w.do("PUT", at+"/A/www"+version, "a=b", "Content-Type", "application/x-www-form-urlencoded"), 415, "UnsupportedMediaType")
	for _, tt := range []struct {
		what, method, path, body string
		auth                     string
		status                   int
		code                     string
	}{
		{"no token", "GET", at + version, "", "", 401, "AuthenticationFailed"},
		{"basic", "GET", at + version, "", "Basic eDp5", 401, "AuthenticationFailed"},
		{"foreign token", "GET", at + version, "", "Bearer a.b.c", 401, "InvalidAuthenticationToken"},
		{"no version", "GET", at, "", reader, 400, "MissingApiVersionParameter"},
		{"other version", "GET", at + "?api-version=2023-07-01-preview", "", reader, 400, "NoRegisteredProviderFound"},
		{"reader reads", "GET", at + version, "", reader, 200, ""},
		{"reader writes", "PUT", at + "/A/www" + version, `{}`, reader, 403, "AuthorizationFailed"},
		{"reader deletes", "DELETE", at + "/A/www" + version, "", reader, 403, "AuthorizationFailed"},
		{"other subscription", "GET", strings.Replace(at, azure.DefaultSubscription, "00000000-0000-0000-0000-000000000009", 1) + version, "", reader, 404, "SubscriptionNotFound"},
		{"other group", "GET", strings.Replace(at, "/"+group+"/", "/nowhere/", 1) + version, "", reader, 404, "ResourceGroupNotFound"},
		{"other zone", "GET", inGroup + "/dnsZones/example.net" + version, "", reader, 404, "ResourceNotFound"},
		{"set of other zone", "GET", inGroup + "/dnsZones/example.net/A/www" + version, "", reader, 404, "ParentResourceNotFound"},
		{"no such set", "GET", at + "/A/www" + version, "", reader, 404, "NotFound"},
		{"no such type", "GET", at + "/NAPTR/www" + version, "", reader, 404, "InvalidResourceType"},
		{"case of names", "GET", strings.ToUpper(at) + "/ns/@" + version, "", reader, 200, ""},
		{"no such path", "GET", "/tenants" + version, "", reader, 404, "NotFound"},
		{"method", "POST", at + version, "", "Bearer " + w.token, 405, "HttpMethodNotSupported"},
		{"body too large", "PUT", at + "/A/www" + version, strings.Repeat(" ", 4<<20+1), "Bearer " + w.token, 413, "RequestContentTooLarge"},
		{"not JSON", "PUT", at + "/A/www" + version, `{`, "Bearer " + w.token, 400, "InvalidRequestContent"},
		{"unknown field", "PUT", at + "/A/www" + version, `{"properties":{"TTL":1,"NAPTRRecords":[]}}`, "Bearer " + w.token, 400, "InvalidRequestContent"},
		{"malformed $top", "GET", at + "/all" + version + "&$top=x", "", reader, 400, "BadRequest"},
		{"malformed $skipToken", "GET", at + "/all" + version + "&$skipToken=*", "", reader, 400, "BadRequest"},
	} {
		rec := w.do(tt.method, tt.path, tt.body, "Authorization", tt.auth)
		answer(t, tt.what, rec, tt.status, tt.code)
		if has := rec.Header().Get("Www-Authenticate") != ""; has != (tt.status == 401) {
			t.Errorf("%s: WWW-Authenticate is %q", tt.what, rec.Header().Get("Www-Authenticate"))
		}
	}
}

// Values that the service refuses. Where no page says so, README.md lists the rule as unconfirmed.
// https://learn.microsoft.com/en-us/azure/dns/dns-zones-records
func TestRefusedSets(t *testing.T) {
	t.Parallel()
	w := newWire(t, azure.Options{})
	w.zone(t, "example.com")
	long := strings.Repeat("x", 255)
	addresses := func(n int) string {
		var s []string
		for i := range n {
			s = append(s, fmt.Sprintf(`{"ipv4Address":"192.0.2.%d"}`, i))
		}
		return `"TTL":60,"ARecords":[` + strings.Join(s, ",") + `]`
	}
	text := func(n int, more string) string {
		return `"TTL":60,"TXTRecords":[{"value":["` + long + strings.Repeat(`","`+long, n-1) + more + `"]}]`
	}
	for _, tt := range []struct {
		what, path, properties string
		status                 int
		message                string
	}{
		{"TTL 0", "A/ttl", `"TTL":0`, 400, "TTL"},
		{"TTL 1", "A/ttl1", `"TTL":1`, 201, ""},
		{"greatest TTL", "A/ttl2", `"TTL":2147483647`, 201, ""},
		{"TTL too great", "A/ttl", `"TTL":2147483648`, 400, "TTL"},
		{"no TTL", "A/ttl", `"ARecords":[]`, 400, "TTL"},
		{"20 records", "A/twenty", addresses(20), 201, ""},
		{"21 records", "A/many", addresses(21), 400, "maximum of 20"},
		{"twice the same", "A/twice", `"TTL":60,"ARecords":[{"ipv4Address":"192.0.2.1"},{"ipv4Address":"192.0.2.1"}]`, 400, "The list of record sets of type 'A' may not contain multiple entries with the same 'ipv4Address'."},
		{"same AAAA in other writing", "AAAA/twice", `"TTL":60,"AAAARecords":[{"ipv6Address":"2001:db8::1"},{"ipv6Address":"2001:DB8:0::1"}]`, 400, "ipv6Address"},
		{"no IPv4", "A/six", `"TTL":60,"ARecords":[{"ipv4Address":"2001:db8::1"}]`, 400, "IPv4"},
		{"no IPv6", "AAAA/four", `"TTL":60,"AAAARecords":[{"ipv6Address":"192.0.2.1"}]`, 400, "IPv6"},
		{"list of other type", "A/mx", `"TTL":60,"MXRecords":[{"preference":1,"exchange":"a.b"}]`, 400, "another type"},
		{"quoted CNAME", "CNAME/q", `"TTL":60,"CNAMERecord":{"cname":"\"a.example.com\""}`, 400, `The domain name '\"a.example.com\"' is invalid.`},
		{"null MX", "MX/null", `"TTL":60,"MXRecords":[{"preference":0,"exchange":"."}]`, 400, "is invalid"},
		{"preference", "MX/p", `"TTL":60,"MXRecords":[{"preference":65536,"exchange":"a.b"}]`, 400, "preference"},
		{"no preference", "MX/p", `"TTL":60,"MXRecords":[{"exchange":"a.b"}]`, 400, "preference"},
		{"null SRV", "SRV/_a._tcp", `"TTL":60,"SRVRecords":[{"priority":0,"weight":0,"port":0,"target":"."}]`, 201, ""},
		{"CAA tag", "CAA/c", `"TTL":60,"caaRecords":[{"flags":0,"tag":"other","value":"x"}]`, 400, "tag"},
		{"CAA flags", "CAA/c", `"TTL":60,"caaRecords":[{"flags":256,"tag":"issue","value":"x"}]`, 400, "flags"},
		{"CAA nobody", "CAA/c", `"TTL":60,"caaRecords":[{"flags":128,"tag":"issue","value":";"}]`, 201, ""},
		{"empty TXT", "TXT/e", `"TTL":60,"TXTRecords":[{"value":[""]}]`, 400, "empty"},
		{"TXT without strings", "TXT/e", `"TTL":60,"TXTRecords":[{"value":[]}]`, 400, "no value"},
		{"string of 255", "TXT/s", text(1, ""), 201, ""},
		{"string of 256", "TXT/s", text(1, "x"), 400, "255"},
		{"4,096 characters", "TXT/t", text(16, `","0123456789abcdef`), 201, ""},
		{"4,097 characters", "TXT/t", text(16, `","0123456789abcdefg`), 400, "The combined length of all TXT records in a record set may not exceed 4096 characters."},
		{"TXT with quotes and backslashes", "TXT/q", `"TTL":60,"TXTRecords":[{"value":["a \"b\" \\ ; c "]}]`, 201, ""},
		{"TXT beyond ASCII", "TXT/u", `"TTL":60,"TXTRecords":[{"value":["ü"]}]`, 400, "not supported"},
		{"wildcard", "A/*.w", addresses(1), 201, ""},
		{"asterisk inside", "A/w.*", addresses(1), 400, "name"},
		{"wildcard NS", "NS/*", `"TTL":60,"NSRecords":[{"nsdname":"ns.example.net"}]`, 400, "Wildcard"},
		{"name with a space", "A/a%20b", addresses(1), 400, "name"},
		{"name with a backslash", "A/a%5C046b", addresses(1), 400, "name"},
		{"long label", "A/" + strings.Repeat("a", 64), addresses(1), 400, "name"},
		{"classless delegation", "NS/0/25", `"TTL":60,"NSRecords":[{"nsdname":"ns.example.net"}]`, 201, ""},
		{"CNAME at the apex", "CNAME/@", `"TTL":60,"CNAMERecord":{"cname":"a.example.net"}`, 400, "apex"},
		{"SOA elsewhere", "SOA/www", `"TTL":60`, 400, "apex"},
		{"apex NS without our own", "NS/@", `"TTL":60,"NSRecords":[{"nsdname":"ns.example.net"}]`, 400, "must contain"},
		{"empty apex NS", "NS/@", `"TTL":60,"NSRecords":[]`, 400, "must contain"},
		{"SOA host", "SOA/@", `"TTL":60,"SOARecord":{"host":"ns.example.net"}`, 400, "host"},
		{"alias MX", "MX/alias", `"TTL":60,"targetResource":{"id":"` + publicIP + `"}`, 400, "targetResource"},
		{"alias with records", "A/alias", addresses(1) + `,"targetResource":{"id":"` + publicIP + `"}`, 400, "targetResource"},
		{"alias CNAME to an address", "CNAME/alias", `"TTL":60,"targetResource":{"id":"` + publicIP + `"}`, 400, "CNAME"},
		{"alias to a machine", "A/alias", `"TTL":60,"targetResource":{"id":"` + strings.Replace(publicIP, "publicIPAddresses", "networkInterfaces", 1) + `"}`, 400, "not supported"},
		{"alias to nothing", "A/alias", `"TTL":60,"targetResource":{"id":"x"}`, 400, "not supported"},
		{"alias to no set", "A/alias", `"TTL":60,"targetResource":{"id":"` + inGroup + `/dnszones/example.com/A/missing"}`, 400, "not found"},
		{"alias to other type", "A/alias", `"TTL":60,"targetResource":{"id":"` + inGroup + `/dnszones/example.com/TXT/q"}`, 400, "same type"},
		{"alias to other zone", "A/alias", `"TTL":60,"targetResource":{"id":"` + inGroup + `/dnszones/example.net/A/x"}`, 400, "same zone"},
	} {
		rec := w.do("PUT", inGroup+"/dnsZones/example.com/"+tt.path+version, `{"properties":{`+tt.properties+`}}`)
		code := ""
		if tt.status == 400 {
			code = "BadRequest"
		}
		answer(t, tt.what, rec, tt.status, code)
		if !strings.Contains(rec.Body.String(), tt.message) {
			t.Errorf("%s: got %s, want a message with %q", tt.what, rec.Body, tt.message)
		}
	}
}

const publicIP = "/subscriptions/" + azure.DefaultSubscription + "/resourceGroups/web/providers/Microsoft.Network/publicIPAddresses/front"

// https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules#microsoftnetwork
func TestRefusedZones(t *testing.T) {
	t.Parallel()
	w := newWire(t, azure.Options{MaxZones: 2})
	for _, tt := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"single", `{"location":"global"}`, 400, "BadRequest"},
		{"a..b", `{"location":"global"}`, 400, "BadRequest"},
		{"a%20b.com", `{"location":"global"}`, 400, "BadRequest"},
		{strings.Repeat("a.", 34) + "com", `{"location":"global"}`, 400, "BadRequest"},
		{"example.com", `{}`, 400, "LocationRequired"},
		{"example.com", `{"location":"westeurope"}`, 400, "LocationNotAvailableForResourceType"},
		{"example.com", `{"location":"global","properties":{"zoneType":"Private"}}`, 400, "BadRequest"},
		{"example.com", `{"location":"global","properties":{"dnssec":true}}`, 400, "InvalidRequestContent"},
		{"example.com", `{"location":"global","tags":{"a?":"b"}}`, 400, "InvalidTagNameCharacters"},
		{"2.0.192.in-addr.arpa", `{"location":"global"}`, 201, ""},
		{"Example.com", `{"location":"global","tags":{"a":"b"}}`, 201, ""},
		{"example.COM", `{"location":"global"}`, 200, ""},
		{"third.com", `{"location":"global"}`, 400, "BadRequest"}, // the quota of the option
	} {
		answer(t, tt.name+" "+tt.body, w.do("PUT", inGroup+"/dnsZones/"+tt.name+version, tt.body), tt.status, tt.code)
	}
}
