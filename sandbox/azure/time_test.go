package azure_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/zonecast/zonecast/sandbox/azure"
	"github.com/zonecast/zonecast/sandbox/service"
	"github.com/zonecast/zonecast/zone"
)

// The deletion of a zone is an operation that is asked after:
// https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations
func TestDeletionTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t, azure.Options{})
		w.zone(t, "example.com")
		w.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(90 * time.Second) })
		at := inGroup + "/dnsZones/example.com"
		answer(t, "old etag", w.do("DELETE", at+version, "", "If-Match", "old"), 412, "PreconditionFailed")
		rec := w.do("DELETE", at+version, "")
		answer(t, "DELETE", rec, http.StatusAccepted, "")
		if got := rec.Header().Get("Retry-After"); got != "90" {
			t.Errorf("Retry-After: got %q, want 90", got)
		}
		status := strings.TrimPrefix(rec.Header().Get("Azure-AsyncOperation"), "https://management.test")
		result := strings.TrimPrefix(rec.Header().Get("Location"), "https://management.test")
		if got := w.do("GET", status, "").Body.String(); got != `{"status":"InProgress"}` {
			t.Errorf("status: got %s", got)
		}
		answer(t, "result", w.do("GET", result, ""), http.StatusAccepted, "")
		answer(t, "zone meanwhile", w.do("GET", at+version, ""), http.StatusOK, "")
		answer(t, "write meanwhile", w.do("PUT", at+"/A/www"+version, `{"properties":{"TTL":1}}`), http.StatusConflict, "Conflict")
		time.Sleep(90 * time.Second)
		if got := w.do("GET", status, "").Body.String(); got != `{"status":"Succeeded"}` {
			t.Errorf("status: got %s", got)
		}
		answer(t, "result", w.do("GET", result, ""), http.StatusOK, "")
		answer(t, "zone afterwards", w.do("GET", at+version, ""), http.StatusNotFound, "ResourceNotFound")
		answer(t, "DELETE of nothing", w.do("DELETE", at+version, ""), http.StatusNoContent, "")
		answer(t, "operation of nobody", w.do("GET", status[:len(status)-len(version)-1]+"x"+version, ""), http.StatusNotFound, "NotFound")
	})
}

func TestPropagation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t, azure.Options{})
		w.zone(t, "example.com")
		w.Panel().Turn(func(k *service.Knobs) { k.Propagation = service.Duration(time.Minute) })
		answer(t, "PUT", w.do("PUT", inGroup+"/dnsZones/example.com/A/www"+version, `{"properties":{"TTL":1,"ARecords":[{"ipv4Address":"192.0.2.1"}]}}`), 201, "")
		www := zone.MustName("www.example.com.")
		has := func() bool { z, _ := w.Names().Find(www); return z.Has(www) }
		if has() {
			t.Error("the name servers show the change at once")
		}
		time.Sleep(time.Minute)
		if !has() {
			t.Error("the name servers do not show the change after a minute")
		}
	})
}

func TestTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t, azure.Options{TokenLife: time.Minute})
		time.Sleep(59 * time.Second)
		answer(t, "young", w.do("GET", inGroup+"/dnsZones"+version, ""), 200, "")
		time.Sleep(2 * time.Second)
		answer(t, "old", w.do("GET", inGroup+"/dnsZones"+version, ""), 401, "ExpiredAuthenticationToken")
	})
}

// Calls a minute and zone:
// https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling#dns-throttling
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t, azure.Options{})
		w.zone(t, "example.com")
		at := inGroup + "/dnsZones/example.com"
		put := func() *httptest.ResponseRecorder {
			time.Sleep(100 * time.Millisecond) // slower than Resource Manager's own buckets
			return w.do("PUT", at+"/A/www"+version, `{"properties":{"TTL":1}}`)
		}
		for range 300 {
			if rec := put(); rec.Code > 201 {
				t.Fatalf("limits are off: got %d %s", rec.Code, rec.Body)
			}
		}
		w.Panel().Turn(func(k *service.Knobs) { k.Limits = true })
		for i := range 200 {
			if rec := put(); rec.Code != 200 {
				t.Fatalf("call %d: got %d %s", i+1, rec.Code, rec.Body)
			}
		}
		rec := put()
		answer(t, "call 201", rec, http.StatusTooManyRequests, "ResourceRequestsThrottled")
		if got := rec.Header().Get("Retry-After"); got != "40" { // 200 calls took 20 s
			t.Errorf("Retry-After: got %q, want 40", got)
		}
		if want := "Number of requests for action 'Microsoft.Network/dnsZones/A/write' exceeded the limit of '200' for time interval '00:01:00'. Please try again after '40' seconds."; !strings.Contains(rec.Body.String(), want) {
			t.Errorf("got %s, want %s", rec.Body, want)
		}
		answer(t, "reads have their own", w.do("GET", at+"/A/www"+version, ""), 200, "")
		answer(t, "deletes too", w.do("DELETE", at+"/A/www"+version, ""), 200, "")
		w.zone(t, "example.net")
		answer(t, "other zones too", w.do("PUT", inGroup+"/dnsZones/example.net/A/www"+version, `{"properties":{"TTL":1}}`), 201, "")
		time.Sleep(40 * time.Second)
		answer(t, "after the wait", put(), 201, "")
		for i := range 60 {
			if rec := w.do("GET", at+"/all"+version, ""); rec.Code != 200 {
				t.Fatalf("list %d: got %d %s", i+1, rec.Code, rec.Body)
			}
		}
		answer(t, "list 61", w.do("GET", at+"/all"+version, ""), http.StatusTooManyRequests, "ResourceRequestsThrottled")
	})
}

// Resource Manager's bucket of 200 writes, filled with 10 a second:
// https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling
func TestBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t, azure.Options{})
		w.zone(t, "a.example")
		w.zone(t, "b.example")
		w.Panel().Turn(func(k *service.Knobs) { k.Limits = true })
		put := func(i int) *httptest.ResponseRecorder {
			return w.do("PUT", inGroup+"/dnsZones/"+[]string{"a", "b"}[i%2]+".example/A/www"+version, `{"properties":{"TTL":1}}`)
		}
		for i := range 200 {
			rec := put(i)
			if rec.Code > 201 {
				t.Fatalf("call %d: got %d %s", i+1, rec.Code, rec.Body)
			}
			if i == 0 {
				if got := rec.Header().Get("x-ms-ratelimit-remaining-subscription-writes"); got != "199" {
					t.Errorf("remaining after the first: got %s, want 199", got)
				}
			}
		}
		rec := put(0)
		answer(t, "call 201", rec, http.StatusTooManyRequests, "SubscriptionRequestsThrottled")
		if got := rec.Header().Get("Retry-After"); got != "1" {
			t.Errorf("Retry-After: got %q, want 1", got)
		}
		time.Sleep(time.Second)
		answer(t, "after a second", put(1), 200, "")
	})
}

// The knobs speak Azure's language: {"error":{"code","message"}}, Retry-After in seconds.
func TestKnobs(t *testing.T) {
	t.Parallel()
	w := newWire(t, azure.Options{})
	at := inGroup + "/dnsZones" + version
	w.Panel().Turn(func(k *service.Knobs) { k.Outage = true })
	answer(t, "outage", w.do("GET", at, ""), http.StatusServiceUnavailable, "ServiceUnavailable")
	w.Panel().Turn(func(k *service.Knobs) { *k = service.Knobs{Throttle: 1, RetryAfter: service.Duration(7 * time.Second)} })
	answer(t, "first", w.do("GET", at, ""), 200, "")
	rec := w.do("GET", at, "")
	answer(t, "second", rec, http.StatusTooManyRequests, "ResourceRequestsThrottled")
	if got := rec.Header().Get("Retry-After"); got != "7" {
		t.Errorf("Retry-After: got %q, want 7", got)
	}
	w.Panel().Turn(func(k *service.Knobs) { k.RetryAfter = 0 })
	if rec = w.do("GET", at, ""); rec.Code != 429 || rec.Header().Get("Retry-After") != "" {
		t.Errorf("without a wait: got %d with Retry-After %q", rec.Code, rec.Header().Get("Retry-After"))
	}
	if rec = w.form(nil); rec.Code != 429 || !strings.Contains(rec.Body.String(), `"error":"temporarily_unavailable"`) {
		t.Errorf("token while throttled: got %d %s", rec.Code, rec.Body)
	}
	calls := w.Panel().Calls()
	if got := calls["GET /subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Network/dnsZones"]; got != 1 {
		t.Errorf("counted %v, want one list of zones that was let through", calls)
	}
}

// The official identity library says why there is no token, and reads the instance discovery.
func TestIdentityLibrary(t *testing.T) {
	t.Parallel()
	r := newRig(t, azure.Options{})
	ask := policy.TokenRequestOptions{Scopes: []string{azure.Audience + "/.default"}}
	_, err := r.credential(t, azure.DefaultTenant, azure.DefaultClientID, "wrong").GetToken(t.Context(), ask)
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "AADSTS7000215") {
		t.Errorf("wrong secret: got %v, want AADSTS7000215", err)
	}
	_, err = r.credential(t, "00000000-0000-0000-0000-000000000009", azure.DefaultClientID, azure.DefaultClientSecret).GetToken(t.Context(), ask)
	if err == nil {
		t.Error("a foreign tenant gives a token")
	}
	token, err := r.credential(t, azure.DefaultTenant, azure.DefaultReaderID, azure.DefaultReaderSecret).GetToken(t.Context(), ask)
	if err != nil || time.Until(token.ExpiresOn) < 50*time.Minute {
		t.Errorf("got a token until %v, %v, want one for an hour", token.ExpiresOn, err)
	}
	resp, err := r.srv.Client().Get(r.srv.URL + "/common/discovery/instance?api-version=1.1&authorization_endpoint=" + r.srv.URL + "/" + azure.DefaultTenant + "/oauth2/v2.0/authorize")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var got struct {
		Endpoint string `json:"tenant_discovery_endpoint"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.Endpoint != r.srv.URL+"/"+azure.DefaultTenant+"/v2.0/.well-known/openid-configuration" {
		t.Errorf("instance discovery: got %q, %v", got.Endpoint, err)
	}
}
