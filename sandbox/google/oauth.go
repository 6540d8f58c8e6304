package google

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"
)

// An account is a service account with one key.
type account struct {
	email, project, keyID, clientID string
	readOnly                        bool
	key                             func() (*rsa.PrivateKey, error) // made when first asked for
}

func newAccount(email, project string, readOnly bool) *account {
	sum := sha256.Sum256([]byte(email))
	return &account{
		email: email, project: project, readOnly: readOnly, keyID: hex.EncodeToString(sum[:20]),
		clientID: "1" + fmt.Sprintf("%020d", uint64(sum[0])<<32|uint64(sum[1])<<8|uint64(sum[2])),
		key:      sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }),
	}
}

// Credentials returns the key file of the service account that may do everything, for clients that
// reach the service at baseURL. Its form is that of
// https://cloud.google.com/iam/docs/keys-create-delete#creating.
func (s *Service) Credentials(baseURL string) ([]byte, error) {
	return s.auth.file(s.auth.owner, baseURL)
}

// ReadOnlyCredentials returns the key file of the service account with the role DNS Reader.
func (s *Service) ReadOnlyCredentials(baseURL string) ([]byte, error) {
	return s.auth.file(s.auth.reader, baseURL)
}

func (k *keyring) file(a *account, baseURL string) ([]byte, error) {
	key, err := a.key()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	uri := strings.TrimSuffix(baseURL, "/") + "/token"
	k.mu.Lock()
	k.audience[uri] = true
	k.mu.Unlock()
	return json.MarshalIndent(map[string]string{
		"type": "service_account", "project_id": a.project, "private_key_id": a.keyID,
		"private_key":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email": a.email, "client_id": a.clientID, "token_uri": uri,
		"auth_uri":                    "https://accounts.google.com/o/oauth2/auth",
		"auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
		"universe_domain":             "googleapis.com",
	}, "", "  ")
}

// An oauthError is an error answer of RFC 6749, section 5.2.
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// token is the token endpoint: it trades an assertion that a service account's key signed for an
// access token (RFC 7523; https://developers.google.com/identity/protocols/oauth2/service-account).
func (s *Service) token(w http.ResponseWriter, r *http.Request) {
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/x-www-form-urlencoded" {
		writeJSON(w, http.StatusBadRequest, oauthError{"invalid_request", "Invalid content type: write application/x-www-form-urlencoded"})
		return
	}
	if err := r.ParseForm(); err != nil {
		writeJSON(w, http.StatusBadRequest, oauthError{"invalid_request", "Could not parse the request body"})
		return
	}
	if g := r.PostForm.Get("grant_type"); g != jwtBearer {
		writeJSON(w, http.StatusBadRequest, oauthError{"unsupported_grant_type", "Invalid grant_type: " + clip(g)})
		return
	}
	now := time.Now()
	g, no := s.auth.verify(r.PostForm.Get("assertion"), now)
	if no != nil {
		writeJSON(w, http.StatusBadRequest, no)
		return
	}
	token, ok := s.auth.issue(g, now)
	if !ok {
		unavailable(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store") // RFC 6749, section 5.1
	writeJSON(w, http.StatusOK, map[string]any{"access_token": token, "expires_in": int(s.auth.life / time.Second), "token_type": "Bearer"})
}

// verify checks an assertion and says what it grants.
func (k *keyring) verify(assertion string, now time.Time) (grant, *oauthError) {
	parts := strings.Split(assertion, ".")
	var header struct{ Alg, Typ, Kid string }
	var claims struct {
		Iss, Scope, Aud string
		Sub             string
		Iat, Exp        float64
	}
	if len(parts) != 3 || !unpack(parts[0], &header) || !unpack(parts[1], &claims) {
		return grant{}, &oauthError{"invalid_grant", "Bad Request"}
	}
	a := k.owner
	if claims.Iss == k.reader.email {
		a = k.reader
	}
	key, err := a.key()
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err2 := base64.RawURLEncoding.DecodeString(parts[2])
	k.mu.Lock()
	heard := k.audience[claims.Aud]
	k.mu.Unlock()
	switch {
	case err != nil:
		return grant{}, &oauthError{"internal_failure", err.Error()}
	case claims.Iss != a.email:
		return grant{}, &oauthError{"invalid_grant", "Invalid grant: account not found"}
	case claims.Sub != "" && claims.Sub != a.email:
		return grant{}, &oauthError{"unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."}
	case header.Alg != "RS256" || err2 != nil || header.Kid != "" && header.Kid != a.keyID ||
		rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature) != nil:
		return grant{}, &oauthError{"invalid_grant", "Invalid JWT Signature."}
	case !heard:
		return grant{}, &oauthError{"invalid_grant", "Invalid JWT: Failed audience check."}
	case !timely(claims.Iat, claims.Exp, now):
		return grant{}, &oauthError{"invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."}
	}
	g := grant{account: a.email, readOnly: a.readOnly}
	list := strings.Fields(claims.Scope)
	for _, scope := range list {
		if !strings.HasPrefix(scope, "https://www.googleapis.com/auth/") && scope != "openid" && scope != "email" && scope != "profile" {
			list = nil
			break
		}
		writes, known := scopes[scope]
		g.scoped, g.writes = g.scoped || known, g.writes || writes
	}
	if len(list) == 0 {
		return grant{}, &oauthError{"invalid_scope", "Invalid OAuth scope or ID token audience provided."}
	}
	return g, nil
}

// timely says whether the times of an assertion are acceptable; clocks may differ by five minutes.
func timely(iat, exp float64, now time.Time) bool {
	const skew = 300
	t := float64(now.Unix())
	return exp > t-skew && iat < t+skew && exp-iat <= 3600 && exp > iat && t-iat < 3600+skew
}

func unpack(part string, v any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(raw, v) == nil
}
