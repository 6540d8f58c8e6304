package cloudflare

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/sandbox/service"
)

// https://developers.cloudflare.com/fundamentals/api/how-to/make-api-calls/
func TestCredentials(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	bearer := func(s string) map[string]string { return map[string]string{"Authorization": s} }
	key := func(email, key string) map[string]string {
		return map[string]string{"X-Auth-Email": email, "X-Auth-Key": key}
	}
	tests := map[string]struct {
		headers      map[string]string
		status, code int
	}{
		"none":            {map[string]string{}, 400, 9106},
		"no bearer":       {bearer(DefaultToken), 400, 6111},
		"short token":     {bearer("Bearer abc"), 400, 6111},
		"odd characters":  {bearer("Bearer " + strings.Repeat("é", 40)), 400, 6111},
		"unknown token":   {bearer("Bearer " + strings.Repeat("x", 40)), 403, 9109},
		"expired token":   {bearer("Bearer " + DefaultExpiredToken), 403, 9109},
		"malformed email": {key("operator", DefaultKey), 400, 6102},
		"malformed key":   {key(DefaultEmail, "short"), 400, 6103},
		"email alone":     {key(DefaultEmail, ""), 400, 6103},
		"wrong key":       {key(DefaultEmail, strings.Repeat("0", 37)), 403, 9103},
		"wrong email":     {key("nobody@example.com", DefaultKey), 403, 9103},
		"right key":       {key(DefaultEmail, DefaultKey), 200, 0},
		"right token":     {bearer("Bearer " + DefaultToken), 200, 0},
		"read-only token": {bearer("Bearer " + DefaultReadOnlyToken), 200, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := &client{t: t, url: c.url, svc: c.svc, headers: tt.headers}
			if tt.code != 0 {
				with.refused(tt.status, tt.code, "GET", "/zones", nil)
			} else if a := with.call("GET", "/zones", nil); !a.Success {
				t.Errorf("= %d %v, want success", a.Status, a.Errors)
			}
		})
	}
}

// https://developers.cloudflare.com/api/resources/user/subresources/tokens/methods/verify/
func TestVerify(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	type status struct{ ID, Status string }
	if v := must[status](c, "GET", "/user/tokens/verify", nil); v.Status != "active" || !idForm.MatchString(v.ID) {
		t.Errorf("verify = %+v, want active", v)
	}
	if v := must[status](c.as(DefaultExpiredToken), "GET", "/user/tokens/verify", nil); v.Status != "expired" {
		t.Errorf("verify of an expired token = %+v, want expired", v)
	}
	c.headers = map[string]string{"X-Auth-Email": DefaultEmail, "X-Auth-Key": DefaultKey}
	c.refused(401, 1000, "GET", "/user/tokens/verify", nil)
}

// https://developers.cloudflare.com/fundamentals/api/reference/permissions/
func TestScopes(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	other, err := c.svc.AddZone("example.net", "")
	if err != nil {
		t.Fatal(err)
	}
	zoneID := strings.Split(records, "/")[2]
	made := must[got](c, "POST", records, m{"type": "A", "name": "www", "content": "192.0.2.1"})

	reader := c.as(DefaultReadOnlyToken)
	must[[]got](reader, "GET", records, nil)
	reader.refused(403, 10000, "POST", records, m{"type": "A", "name": "x", "content": "192.0.2.1"})
	reader.refused(403, 10000, "DELETE", records+"/"+made.ID, nil)
	reader.refused(403, 10000, "POST", records+"/batch", m{"deletes": []m{{"id": made.ID}}})
	reader.refused(403, 10000, "PATCH", "/zones/"+zoneID+"/dns_settings", m{"multi_provider": true})
	reader.refused(403, 9109, "DELETE", "/zones/"+zoneID, nil)
	reader.refused(403, 0, "POST", "/zones", m{"name": "example.org"})

	narrow := strings.Repeat("n", 40)
	c.svc.Admit(Token{Value: narrow, Zones: []string{"example.com"}})
	one := c.as(narrow)
	must[got](one, "POST", records, m{"type": "A", "name": "x", "content": "192.0.2.1"})
	one.refused(403, 10000, "GET", "/zones/"+other+"/dns_records", nil)
	one.refused(403, 9109, "GET", "/zones/"+other, nil)
	if list := must[[]zoneView](one, "GET", "/zones", nil); len(list) != 1 || list[0].Name != "example.com" {
		t.Errorf("zones of a narrow token = %+v, want example.com alone", list)
	}
	disabled := strings.Repeat("d", 40)
	c.svc.Admit(Token{Value: disabled, Disabled: true})
	c.as(disabled).refused(403, 9109, "GET", "/zones", nil)
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	c, records := zoned(t, Options{})
	unknown := strings.Repeat("0", 32)
	c.refused(404, 7003, "GET", "/zones/example.com/dns_records", nil)
	c.refused(404, 7003, "GET", "/zones/"+unknown+"/dns_records", nil)
	c.refused(404, 1001, "GET", "/zones/"+unknown, nil)
	c.refused(404, 7000, "GET", "/nothing/here", nil)
	c.refused(404, 7003, "GET", records+"/www", nil)
	c.refused(405, 7001, "PUT", records, nil)
	c.refused(405, 7001, "GET", records+"/batch", nil)
	c.refused(400, 9207, "POST", records, "{")
	c.refused(400, 9207, "POST", records+"/batch", `{"posts":3}`)
	accounts := must[[]Account](c, "GET", "/accounts", nil)
	if len(accounts) != 1 || accounts[0].ID != DefaultAccountID {
		t.Errorf("accounts = %+v", accounts)
	}
	must[Account](c, "GET", "/accounts/"+DefaultAccountID, nil)
	c.refused(403, 9109, "GET", "/accounts/"+unknown, nil)
}

// https://developers.cloudflare.com/fundamentals/api/reference/limits/
func TestLimitOfCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		svc := New(Options{})
		svc.Panel().Turn(func(k *service.Knobs) { k.Limits = true })
		call := func(headers map[string]string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), "GET", Prefix+"/accounts", nil)
			for k, v := range headers {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			svc.ServeHTTP(w, r)
			return w
		}
		token := map[string]string{"Authorization": "Bearer " + DefaultToken}
		key := map[string]string{"X-Auth-Email": DefaultEmail, "X-Auth-Key": DefaultKey}
		for i := range callLimit {
			w := call([]map[string]string{token, key}[i%2]) // the user's, whatever is used
			if want := strconv.Itoa(callLimit - 1 - i); w.Code != 200 || w.Header().Get("X-Ratelimit-Remaining") != want {
				t.Fatalf("call %d = %d with %s left, want 200 with %s", i, w.Code, w.Header().Get("X-Ratelimit-Remaining"), want)
			}
		}
		time.Sleep(4 * time.Minute) // the window is still open
		w := call(token)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "300" {
			t.Fatalf("one too many = %d, retry after %s; want 429, 300", w.Code, w.Header().Get("Retry-After"))
		}
		if h := w.Header().Get("Ratelimit"); h != `"default";r=0;t=300` {
			t.Errorf("Ratelimit = %s", h)
		}
		time.Sleep(299 * time.Second)
		if w := call(token); w.Code != 429 || w.Header().Get("Retry-After") != "1" {
			t.Errorf("after 299 s = %d, retry after %s; want 429, 1", w.Code, w.Header().Get("Retry-After"))
		}
		time.Sleep(time.Second)
		if w := call(token); w.Code != 200 || w.Header().Get("X-Ratelimit-Remaining") != "1199" {
			t.Errorf("after 300 s = %d, %s left; want 200, 1199", w.Code, w.Header().Get("X-Ratelimit-Remaining"))
		}
	})
}

func TestKnobs(t *testing.T) {
	t.Parallel()
	c := start(t, Options{})
	c.svc.Panel().Turn(func(k *service.Knobs) { k.Outage = true })
	c.refused(503, 7010, "GET", "/zones", nil)
	c.svc.Panel().Turn(func(k *service.Knobs) {
		*k = service.Knobs{Throttle: 1, RetryAfter: service.Duration(1500 * time.Millisecond)}
	})
	var last reply
	for range 2 {
		last = c.call("GET", "/zones", nil)
	}
	if last.Status != 429 || last.Header.Get("Retry-After") != "2" || last.Errors[0].Code != 971 {
		t.Errorf("throttled = %d, retry after %q, %v", last.Status, last.Header.Get("Retry-After"), last.Errors)
	}
}
