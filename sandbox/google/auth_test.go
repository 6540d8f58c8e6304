package google_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	oauth "golang.org/x/oauth2/google"
	"google.golang.org/api/dns/v1"
	"google.golang.org/api/option"

	"github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/sandbox/service"
)

func reason(body map[string]any) string {
	e, _ := body["error"].(map[string]any)
	list, _ := e["errors"].([]any)
	if len(list) == 0 {
		return ""
	}
	first, _ := list[0].(map[string]any)
	text, _ := first["reason"].(string)
	return text
}

func status(body map[string]any) string {
	e, _ := body["error"].(map[string]any)
	text, _ := e["status"].(string)
	return text
}

// What the front of all Google APIs refuses: https://cloud.google.com/apis/design/errors.
func TestFrontRefuses(t *testing.T) {
	t.Parallel()
	_, c, base := start(t, google.Options{})
	newZone(t, c, "z", "z.example.")
	api := base + "/dns/v1/projects/" + project
	for _, tt := range []struct {
		what, method, url, token, body string
		code                           int
		reason, status                 string
	}{
		{"no token", "GET", api + "/managedZones", "", "", 401, "required", "UNAUTHENTICATED"},
		{"wrong token", "GET", api + "/managedZones", "ya29.wrong", "", 401, "authError", "UNAUTHENTICATED"},
		{"token in the query", "GET", api + "/managedZones?access_token=" + google.DefaultToken, "", "", 200, "", ""},
		{"reader reads", "GET", api + "/managedZones/z/rrsets", google.DefaultReadOnlyToken, "", 200, "", ""},
		{"reader writes", "POST", api + "/managedZones/z/changes", google.DefaultReadOnlyToken, "{}", 403, "forbidden", ""},
		{"other project", "GET", base + "/dns/v1/projects/other/managedZones", google.DefaultToken, "", 403, "forbidden", ""},
		{"no JSON", "POST", api + "/managedZones", google.DefaultToken, "{", 400, "badRequest", "INVALID_ARGUMENT"},
		{"more than JSON", "POST", api + "/managedZones", google.DefaultToken, "{} {}", 400, "badRequest", "INVALID_ARGUMENT"},
		{"empty", "POST", api + "/managedZones/z/rrsets", google.DefaultToken, "", 400, "required", ""},
		{"unknown field", "POST", api + "/managedZones", google.DefaultToken, `{"nmae": "x"}`, 400, "badRequest", "INVALID_ARGUMENT"},
		{"unknown field inside", "POST", api + "/managedZones/z/changes", google.DefaultToken, `{"additions": [{"values": []}]}`, 400, "badRequest", "INVALID_ARGUMENT"},
		{"wrong type", "POST", api + "/managedZones/z/rrsets", google.DefaultToken, `{"ttl": 1.5}`, 400, "badRequest", "INVALID_ARGUMENT"},
		{"null set", "POST", api + "/managedZones/z/changes", google.DefaultToken, `{"additions": [null]}`, 400, "required", ""},
	} {
		code, _, body := ask(t, tt.method, tt.url, tt.token, tt.body)
		if code != tt.code || reason(body) != tt.reason || status(body) != tt.status {
			t.Errorf("%s: got %d %q %q, want %d %q %q", tt.what, code, reason(body), status(body), tt.code, tt.reason, tt.status)
		}
	}
	for _, path := range []string{"/", "/dns/v1/projects/" + project + "/zones", "/dns/v2/projects/" + project} {
		if code, h, _ := ask(t, "GET", base+path, google.DefaultToken, ""); code != 404 || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
			t.Errorf("%s: got %d %s, want a web page with 404", path, code, h.Get("Content-Type"))
		}
	}
}

// Calls too many are refused: by the front with 429, by a quota of calls a minute with 403
// rateLimitExceeded: https://cloud.google.com/dns/quotas.
func TestThrottling(t *testing.T) {
	t.Parallel()
	svc, _, base := start(t, google.Options{ReadsPerMinute: 3, WritesPerMinute: 1})
	path := base + "/dns/v1/projects/" + project + "/managedZones"
	svc.Panel().Turn(func(k *service.Knobs) { k.Limits = true })
	for i, want := range []int{200, 200, 200, 403} {
		code, _, body := ask(t, "GET", path, google.DefaultToken, "")
		if code != want || want == 403 && reason(body) != "rateLimitExceeded" {
			t.Errorf("read %d: got %d %s, want %d", i, code, reason(body), want)
		}
	}
	for i, want := range []int{400, 403} {
		if code, _, body := ask(t, "POST", path, google.DefaultToken, "{}"); code != want {
			t.Errorf("write %d: got %d %s, want %d", i, code, reason(body), want)
		}
	}
	svc.Panel().Turn(func(k *service.Knobs) {
		*k = service.Knobs{Throttle: 1, RetryAfter: service.Duration(1500 * time.Millisecond)}
	})
	ask(t, "GET", path, google.DefaultToken, "")
	code, h, body := ask(t, "GET", path, google.DefaultToken, "")
	if code != 429 || reason(body) != "rateLimitExceeded" || status(body) != "RESOURCE_EXHAUSTED" || h.Get("Retry-After") != "2" {
		t.Errorf("throttled: got %d %v Retry-After %q", code, body, h.Get("Retry-After"))
	}
	svc.Panel().Turn(func(k *service.Knobs) { *k = service.Knobs{Outage: true} })
	if code, _, body := ask(t, "GET", path, google.DefaultToken, ""); code != 503 || reason(body) != "backendError" || status(body) != "UNAVAILABLE" {
		t.Errorf("outage: got %d %v", code, body)
	}
}

// Scopes bind: a token for reading does not write, one for another API does not even read:
// https://developers.google.com/identity/protocols/oauth2/scopes#dns.
func TestScopes(t *testing.T) {
	t.Parallel()
	svc, admin, base := start(t, google.Options{})
	newZone(t, admin, "z", "z.example.")
	key, err := svc.Credentials(base)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := svc.ReadOnlyCredentials(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what        string
		key         []byte
		scope       string
		read, write string
	}{
		{"all", key, dns.CloudPlatformScope, "", ""},
		{"read and write", key, dns.NdevClouddnsReadwriteScope, "", ""},
		{"read", key, dns.NdevClouddnsReadonlyScope, "", "insufficientPermissions"},
		{"storage", key, "https://www.googleapis.com/auth/devstorage.read_write", "insufficientPermissions", "insufficientPermissions"},
		{"account of a reader", reader, dns.CloudPlatformScope, "", "forbidden"},
	} {
		conf, err := oauth.JWTConfigFromJSON(tt.key, tt.scope)
		if err != nil {
			t.Fatal(err)
		}
		c, err := dns.NewService(t.Context(), option.WithEndpoint(base+"/"), option.WithTokenSource(conf.TokenSource(t.Context())))
		if err != nil {
			t.Fatal(err)
		}
		_, readErr := c.ManagedZones.Get(project, "z").Do()
		_, writeErr := c.ManagedZones.Patch(project, "z", &dns.ManagedZone{Description: "x"}).Do()
		for what, got := range map[string]error{"read": readErr, "write": writeErr} {
			want := map[string]string{"read": tt.read, "write": tt.write}[what]
			if want == "" && got != nil {
				t.Errorf("%s, %s: %v", tt.what, what, got)
			} else if want != "" {
				wantError(t, tt.what+", "+what, got, http.StatusForbidden, want, "")
			}
		}
	}
}

// The token endpoint refuses what Google's does: RFC 7523, section 3.1;
// https://developers.google.com/identity/protocols/oauth2/service-account#error-codes.
func TestTokenEndpoint(t *testing.T) {
	t.Parallel()
	svc, _, base := start(t, google.Options{TokenLife: time.Minute})
	file, err := svc.Credentials(base + "/")
	if err != nil {
		t.Fatal(err)
	}
	conf, err := oauth.JWTConfigFromJSON(file, dns.CloudPlatformScope)
	if err != nil {
		t.Fatal(err)
	}
	if want := base + "/token"; conf.TokenURL != want {
		t.Errorf("token_uri: got %s, want %s", conf.TokenURL, want)
	}
	tok, err := conf.TokenSource(t.Context()).Token()
	if err != nil || tok.TokenType != "Bearer" || time.Until(tok.Expiry) > time.Minute {
		t.Fatalf("token: got %+v, %v", tok, err)
	}
	read := func() int {
		code, _, _ := ask(t, "GET", base+"/dns/v1/projects/"+project, tok.AccessToken, "")
		return code
	}
	if got := read(); got != 200 {
		t.Errorf("with the token: got %d, want 200", got)
	}
	svc.Revoke()
	if got := read(); got != 401 {
		t.Errorf("with a revoked token: got %d, want 401", got)
	}

	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	good := claimSet{Iss: conf.Email, Scope: dns.CloudPlatformScope, Aud: conf.TokenURL, Iat: now, Exp: now + 600}
	theirs := func(mend func(*claimSet)) string {
		claims := good
		mend(&claims)
		return sign(t, stranger, claims)
	}
	ours := func(mend func(*claimSet)) string {
		claims := good
		mend(&claims)
		return sign(t, privateKey(t, file), claims)
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(theirs(func(*claimSet) {}), ".")[1] + "."
	for _, tt := range []struct{ what, grant, assertion, code, text string }{
		{"another grant", "client_credentials", "x", "unsupported_grant_type", "Invalid grant_type: client_credentials"},
		{"no assertion", "", "", "invalid_grant", "Bad Request"},
		{"noise", "", "a.b.c", "invalid_grant", "Bad Request"},
		{"another key", "", theirs(func(*claimSet) {}), "invalid_grant", "Invalid JWT Signature."},
		{"no signature", "", none, "invalid_grant", "Invalid JWT Signature."},
		{"unknown account", "", theirs(func(c *claimSet) { c.Iss = "who@example.com" }), "invalid_grant", "account not found"},
		{"another audience", "", ours(func(c *claimSet) { c.Aud = "https://example.com/token" }), "invalid_grant", "audience"},
		{"old", "", ours(func(c *claimSet) { c.Iat, c.Exp = now-8000, now-4500 }), "invalid_grant", "short-lived"},
		{"too long", "", ours(func(c *claimSet) { c.Exp = now + 7200 }), "invalid_grant", "short-lived"},
		{"no scope", "", ours(func(c *claimSet) { c.Scope = "" }), "invalid_scope", "Invalid OAuth scope"},
		{"not a scope", "", ours(func(c *claimSet) { c.Scope = "dns" }), "invalid_scope", "Invalid OAuth scope"},
		{"someone else's name", "", ours(func(c *claimSet) { c.Sub = "boss@example.com" }), "unauthorized_client", "unauthorized"},
	} {
		if tt.grant == "" {
			tt.grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
		}
		res, err := http.PostForm(conf.TokenURL, url.Values{"grant_type": {tt.grant}, "assertion": {tt.assertion}})
		if err != nil {
			t.Fatal(err)
		}
		var body struct {
			Error string `json:"error"`
			Text  string `json:"error_description"`
		}
		err = json.NewDecoder(res.Body).Decode(&body)
		res.Body.Close()
		if err != nil || res.StatusCode != 400 || body.Error != tt.code || !strings.Contains(body.Text, tt.text) {
			t.Errorf("%s: got %d %s %q, %v; want 400 %s …%s…", tt.what, res.StatusCode, body.Error, body.Text, err, tt.code, tt.text)
		}
	}
	if code, _, body := ask(t, "POST", conf.TokenURL, "", "{}"); code != 400 || body["error"] != "invalid_request" {
		t.Errorf("JSON instead of a form: got %d %v", code, body)
	}
}

// A token is good for as long as it says, no longer.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	svc, _, base := start(t, google.Options{TokenLife: time.Nanosecond})
	file, err := svc.Credentials(base)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := oauth.JWTConfigFromJSON(file, dns.CloudPlatformScope)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := conf.TokenSource(t.Context()).Token()
	if err != nil {
		t.Fatal(err)
	}
	if code, _, body := ask(t, "GET", base+"/dns/v1/projects/"+project, tok.AccessToken, ""); code != 401 || reason(body) != "authError" {
		t.Errorf("with an expired token: got %d %s, want 401 authError", code, reason(body))
	}
}
