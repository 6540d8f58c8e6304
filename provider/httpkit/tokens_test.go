package httpkit_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// A guarded service gives tokens at /token and takes the newest one everywhere else.
type guarded struct {
	mu      sync.Mutex
	issued  int
	calls   int
	refused int
	forms   []url.Values
	basic   []string
	ttl     int
	revoked bool // the next call with a token finds it ended
	broken  bool // no token is ever right
	token   answer
}

func (g *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(10 * time.Millisecond) // of the bubble
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.URL.Path == "/token" {
		data, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(data))
		user, password, _ := r.BasicAuth()
		g.forms, g.basic = append(g.forms, form), append(g.basic, user+":"+password)
		if g.token != nil {
			return g.token(r)
		}
		g.issued++
		return says(200, fmt.Sprintf(`{"access_token":"t0ken-%d","token_type":"Bearer","expires_in":%d}`, g.issued, g.ttl))(r)
	}
	g.calls++
	if g.revoked || g.broken || r.Header.Get("Authorization") != fmt.Sprintf("Bearer t0ken-%d", g.issued) {
		g.revoked = false
		if g.issued > 0 {
			g.refused++
		}
		return says(401, `{"error":"no token `+r.Header.Get("Authorization")+`"}`)(r)
	}
	return says(200, "{}")(r)
}

func (g *guarded) client() *httpkit.Client {
	auth := httpkit.OAuth(httpkit.OAuth2{TokenURL: "https://id.example/token", HTTP: g, ClientID: "me:too", Secret: "s3cr3t/%", Scope: "dns"})
	return &httpkit.Client{Base: "https://dns.example", HTTP: g, Auth: auth}
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &guarded{ttl: 3600}
		c := g.client()
		do := func() error {
			_, err := c.Do(t.Context(), httpkit.Request{Op: "write", Method: "POST", Path: "/x"}, nil)
			return err
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := do(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if g.issued != 1 || g.calls != 20 {
			t.Errorf("%d tokens for %d calls at once, want 1 for 20", g.issued, g.calls)
		}
		if f := g.forms[0]; f.Get("grant_type") != "client_credentials" || f.Get("scope") != "dns" || g.basic[0] != "me%3Atoo:s3cr3t%2F%25" {
			t.Errorf("asked with %v as %s", f, g.basic[0])
		}
		time.Sleep(54 * time.Minute)
		if err := do(); err != nil || g.issued != 1 {
			t.Errorf("six minutes before its end: %v, %d tokens; want the same token", err, g.issued)
		}
		time.Sleep(2 * time.Minute)
		if err := do(); err != nil || g.issued != 2 || g.refused != 0 {
			t.Errorf("four minutes before its end: %v, %d tokens, %d refused; want a new token in time", err, g.issued, g.refused)
		}
		g.revoked = true
		if err := do(); err != nil || g.issued != 3 || g.refused != 1 {
			t.Errorf("after it was revoked: %v, %d tokens, %d refused; want one refusal and a new token", err, g.issued, g.refused)
		}
		g.broken, g.calls = true, 0
		err := do()
		if provider.KindOf(err) != provider.Denied || g.calls != 2 || g.issued != 4 || httpkit.Outcome(err) != provider.NotDone {
			t.Errorf("when no token is right: %v after %d calls, %d tokens; want denied after 2 and 4", err, g.calls, g.issued)
		}
		if err == nil || strings.Contains(err.Error(), "t0ken") || !strings.Contains(err.Error(), "[redacted]") {
			t.Errorf("the token is shown: %v", err)
		}
	})
}

func TestOAuthRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token answer
		kind  provider.ErrKind
		text  string
		tries int
	}{
		"wrong secret": {says(401, `{"error":"invalid_client","error_description":"not s3cr3t/%"}`), provider.Denied, "token: 401 Unauthorized invalid_client not [redacted]", 1},
		"wrong grant":  {says(400, `{"error":"invalid_grant"}`), provider.Denied, "token: 400 Bad Request invalid_grant", 1},
		"web page":     {says(200, `<html>`), provider.Invalid, "holds no access_token", 1},
		"empty":        {says(200, `{}`), provider.Invalid, "holds no access_token", 1},
		"mac":          {says(200, `{"access_token":"x","token_type":"mac"}`), provider.Invalid, `of type "mac"`, 1},
		"down":         {says(503, ""), provider.Transient, "token: 503 Service Unavailable", 4},
		"unreachable":  {breaks(dial), provider.Transient, "connection refused", 4},
		"redirected":   {says(302, "", "Location", "https://evil.example/"), provider.Invalid, "redirected", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := &guarded{token: c.token}
				_, err := g.client().Do(t.Context(), httpkit.Request{Op: "write", Zone: "example.org.", Method: "POST", Path: "/x"}, nil)
				if provider.KindOf(err) != c.kind || !strings.Contains(fmt.Sprint(err), c.text) || !strings.HasPrefix(fmt.Sprint(err), "write example.org.: ") {
					t.Errorf("error %v, want kind %q and %q", err, c.kind, c.text)
				}
				if httpkit.Outcome(err) != provider.NotDone || g.calls != 0 || len(g.forms) != c.tries {
					t.Errorf("outcome %q, %d calls, %d asked for a token; want not done, none, %d", httpkit.Outcome(err), g.calls, len(g.forms), c.tries)
				}
			})
		})
	}
}

func TestJWTBearer(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for alg, c := range map[string]struct {
		key    crypto.Signer
		verify func(text, signature []byte) bool
	}{
		"RS256": {rsaKey, func(text, s []byte) bool {
			d := sha256.Sum256(text)
			return rsa.VerifyPKCS1v15(&rsaKey.PublicKey, crypto.SHA256, d[:], s) == nil
		}},
		"ES256": {ecKey, func(text, s []byte) bool {
			d := sha256.Sum256(text)
			return len(s) == 64 && ecdsa.Verify(&ecKey.PublicKey, d[:], new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:]))
		}},
		"EdDSA": {edKey, func(text, s []byte) bool {
			return ed25519.Verify(edKey.Public().(ed25519.PublicKey), text, s)
		}},
	} {
		g := &guarded{ttl: 3600}
		auth := httpkit.OAuth(httpkit.OAuth2{
			TokenURL: "https://id.example/token", HTTP: g, Key: c.key, KeyID: "k1", Issuer: "me@example", Claims: map[string]string{"scope": "dns"},
		})
		cl := &httpkit.Client{Base: "https://dns.example", HTTP: g, Auth: auth}
		if _, err := cl.Do(t.Context(), httpkit.Request{Path: "/x"}, &struct{}{}); err != nil {
			t.Errorf("%s: %v", alg, err)
			continue
		}
		if got := g.forms[0].Get("grant_type"); got != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
			t.Errorf("%s: grant type %q", alg, got)
		}
		parts := strings.Split(g.forms[0].Get("assertion"), ".")
		if len(parts) != 3 {
			t.Fatalf("%s: assertion %q", alg, parts)
		}
		var head, claims map[string]any
		for i, into := range []*map[string]any{&head, &claims} {
			data, err := base64.RawURLEncoding.DecodeString(parts[i])
			if err != nil || json.Unmarshal(data, into) != nil {
				t.Errorf("%s: part %d is no JSON: %v", alg, i, err)
			}
		}
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil || !c.verify([]byte(parts[0]+"."+parts[1]), signature) {
			t.Errorf("%s: the signature is wrong (%v)", alg, err)
		}
		if head["alg"] != alg || head["kid"] != "k1" || claims["iss"] != "me@example" || claims["aud"] != "https://id.example/token" || claims["scope"] != "dns" {
			t.Errorf("%s: head %v, claims %v", alg, head, claims)
		}
		if life := claims["exp"].(float64) - claims["iat"].(float64); life != 3600 {
			t.Errorf("%s: it lives for %v seconds, want 3600", alg, life)
		}
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logins, ends := 0, false
		service := answer(func(r *http.Request) (*http.Response, error) {
			if ends || r.Header.Get("Cookie") != fmt.Sprintf("sid=s%d-abc; lang=en", logins) {
				ends = false
				return says(401, "who are "+r.Header.Get("Cookie"))(r)
			}
			return says(200, "{}")(r)
		})
		auth := httpkit.Session(func(context.Context) (httpkit.Grant, error) {
			logins++
			h := http.Header{"Set-Cookie": {fmt.Sprintf("sid=s%d-abc; HttpOnly; Path=/", logins), "lang=en", "old=x; Max-Age=-1"}}
			return httpkit.Grant{Header: "Cookie", Value: httpkit.Cookies(h)}, nil
		}, "passw0rd")
		p := &player{script: script{service}}
		c := &httpkit.Client{Base: "https://dns.example", HTTP: p, Auth: auth}
		for n := range 3 {
			ends = n == 2
			if _, err := c.Do(t.Context(), httpkit.Request{Method: "POST", Path: "/x"}, nil); err != nil {
				t.Errorf("call %d: %v", n+1, err)
			}
		}
		if logins != 2 || len(p.seen) != 4 {
			t.Errorf("%d logins, %d calls; want 2 and 4", logins, len(p.seen))
		}
		all := strings.Join(auth.Secrets(), " ")
		for _, want := range []string{"passw0rd", "s1-abc", "s2-abc"} {
			if !strings.Contains(all, want) {
				t.Errorf("%s is not known as a secret", want)
			}
		}
	})
}
