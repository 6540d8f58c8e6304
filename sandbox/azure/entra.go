package azure

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A signer makes and checks access tokens: JSON Web Tokens with a secret key, where Entra ID would
// sign with RSA; clients take tokens as opaque.
type signer struct{ key []byte }

func newSigner() signer {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return signer{key}
}

// claims of a token, as far as Resource Manager looks at them.
type claims struct {
	Audience string `json:"aud"`
	Issuer   string `json:"iss"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	AppID    string `json:"appid"`
	ObjectID string `json:"oid"`
	Tenant   string `json:"tid"`
}

func (s signer) sign(c claims) string {
	body, _ := json.Marshal(c) // strings and numbers
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"HS256"}`))
	text := head + "." + base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(s.mac(text))
}

func (s signer) mac(text string) []byte {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func (s signer) check(token string) (c claims, ok bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return claims{}, false
	}
	sum, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil || !hmac.Equal(sum, s.mac(token[:i])) {
		return claims{}, false
	}
	_, payload, _ := strings.Cut(token[:i], ".")
	body, err := base64.RawURLEncoding.DecodeString(payload)
	return c, err == nil && json.Unmarshal(body, &c) == nil
}

// base is the URL that the caller called.
func base(r *http.Request) string {
	if r.TLS == nil {
		return "http://" + r.Host
	}
	return "https://" + r.Host
}

// entraPath is the pattern of a path of Entra ID; "" when the path is none of its.
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
func entraPath(r *http.Request) string {
	if r.URL.Path == "/common/discovery/instance" {
		return r.URL.Path
	}
	switch _, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); rest {
	case "v2.0/.well-known/openid-configuration", "oauth2/v2.0/token":
		return "/{tenant}/" + rest
	}
	return ""
}

// entra answers the paths of Entra ID; handled is false when the path is none of its.
func (s *Service) entra(w http.ResponseWriter, r *http.Request) (handled bool) {
	path := entraPath(r)
	if path == "" {
		return false
	}
	r.Pattern = path
	tenant, _, _ := strings.Cut(r.URL.Path[1:], "/")
	switch {
	case strings.HasSuffix(path, "token"):
		s.token(w, r, tenant)
	case strings.HasSuffix(path, "configuration"):
		s.openID(w, r, tenant)
	default:
		s.instance(w, r)
	}
	return true
}

func (s *Service) instance(w http.ResponseWriter, r *http.Request) {
	authority, err := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	if err != nil || authority.Host == "" {
		oauthRefusal(w, http.StatusBadRequest, "invalid_request", 900144, "The request must contain the following parameter: 'authorization_endpoint'.")
		return
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(authority.Path, "/"), "/")
	writeJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": base(r) + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []any{map[string]any{
			"preferred_network": r.Host, "preferred_cache": r.Host, "aliases": []string{r.Host},
		}},
	})
}

func (s *Service) openID(w http.ResponseWriter, r *http.Request, tenant string) {
	if !s.isTenant(tenant) {
		s.noTenant(w, tenant)
		return
	}
	at := base(r) + "/" + s.opts.Tenant
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                at + "/v2.0",
		"token_endpoint":                        at + "/oauth2/v2.0/token",
		"authorization_endpoint":                at + "/oauth2/v2.0/authorize",
		"jwks_uri":                              at + "/discovery/v2.0/keys",
		"device_authorization_endpoint":         at + "/oauth2/v2.0/devicecode",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
	})
}

func (s *Service) isTenant(t string) bool { return strings.EqualFold(t, s.opts.Tenant) }

func (s *Service) noTenant(w http.ResponseWriter, tenant string) {
	oauthRefusal(w, http.StatusBadRequest, "invalid_tenant", 90002,
		fmt.Sprintf("Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.", tenant))
}

func (s *Service) token(w http.ResponseWriter, r *http.Request, tenant string) {
	if r.Method != http.MethodPost {
		oauthRefusal(w, http.StatusBadRequest, "invalid_request", 900561, "The endpoint only accepts POST requests. Received a "+r.Method+" request.")
		return
	}
	if !s.isTenant(tenant) {
		s.noTenant(w, tenant)
		return
	}
	if err := r.ParseForm(); err != nil {
		oauthRefusal(w, http.StatusBadRequest, "invalid_request", 90014, "The request is not properly formatted.")
		return
	}
	form := r.PostForm
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok {
		id, secret = user, pass
	}
	switch grant := form.Get("grant_type"); {
	case grant == "":
		oauthRefusal(w, http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'.")
	case id == "":
		oauthRefusal(w, http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'.")
	case grant != "client_credentials":
		oauthRefusal(w, http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '"+grant+"'.")
	default:
		s.grant(w, r, id, secret, form.Get("scope"))
	}
}

// grant gives a token to a client that shows its secret and asks for Resource Manager.
func (s *Service) grant(w http.ResponseWriter, r *http.Request, id, secret, scope string) {
	client, ok := s.client(id)
	if !ok {
		oauthRefusal(w, http.StatusBadRequest, "unauthorized_client", 700016,
			fmt.Sprintf("Application with identifier '%s' was not found in the directory '%s'.", id, s.opts.Tenant))
		return
	}
	if subtle.ConstantTimeCompare([]byte(secret), []byte(client.Secret)) != 1 {
		oauthRefusal(w, http.StatusUnauthorized, "invalid_client", 7000215,
			"Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '"+client.ID+"'.")
		return
	}
	audience := ""
	for one := range strings.FieldsSeq(scope) {
		a, found := strings.CutSuffix(one, "/.default")
		if a = strings.TrimSuffix(a, "/"); found && isManagement(a, r) {
			audience = a
		} else if one != "openid" && one != "offline_access" && one != "profile" {
			oauthRefusal(w, http.StatusBadRequest, "invalid_scope", 70011,
				fmt.Sprintf("The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid.", scope))
			return
		}
	}
	if audience == "" {
		oauthRefusal(w, http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'scope'.")
		return
	}
	now := time.Now()
	token := s.tokens.sign(claims{
		Audience: audience, Issuer: base(r) + "/" + s.opts.Tenant + "/", Issued: now.Unix(), Expires: now.Add(s.opts.TokenLife).Unix(),
		AppID: client.ID, ObjectID: objectID(client.ID), Tenant: s.opts.Tenant,
	})
	life := int(s.opts.TokenLife / time.Second)
	w.Header().Set("Cache-Control", "no-store, no-cache")
	writeJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token})
}

func (s *Service) client(id string) (Client, bool) {
	for _, c := range s.opts.Clients {
		if strings.EqualFold(c.ID, id) {
			return c, true
		}
	}
	return Client{}, false
}

// isManagement reports whether an audience is Resource Manager: its public names, or this host.
func isManagement(audience string, r *http.Request) bool {
	switch audience {
	case Audience, "https://management.core.windows.net", base(r):
		return true
	}
	return false
}

// objectID is the id of the service principal that belongs to an application.
func objectID(appID string) string {
	return guid(sha256.Sum256([]byte("principal of " + strings.ToLower(appID))))
}

func guid(sum [32]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func oauthRefusal(w http.ResponseWriter, status int, kind string, number int, text string) {
	writeJSON(w, status, map[string]any{
		"error": kind, "error_description": fmt.Sprintf("AADSTS%d: %s", number, text), "error_codes": []int{number},
		"timestamp":      time.Now().UTC().Format("2006-01-02 15:04:05Z"),
		"trace_id":       "00000000-0000-0000-0000-000000000000",
		"correlation_id": "00000000-0000-0000-0000-000000000000",
	})
}

// authenticate returns who calls.
func (s *Service) authenticate(r *http.Request) (claims, *refusal) {
	unauthorized := func(code, message string) *refusal {
		f := arm(http.StatusUnauthorized, code, "%s", message)
		f.header = http.Header{"Www-Authenticate": {fmt.Sprintf(
			`Bearer authorization_uri="%s/%s", error="invalid_token", error_description="%s"`, base(r), s.opts.Tenant, message)}}
		return f
	}
	head := r.Header.Get("Authorization")
	if head == "" {
		return claims{}, unauthorized("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
	}
	scheme, token, _ := strings.Cut(head, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return claims{}, unauthorized("AuthenticationFailed", "Authentication failed. The 'Authorization' header is provided in an invalid format.")
	}
	c, ok := s.tokens.check(token)
	if !ok {
		return claims{}, unauthorized("InvalidAuthenticationToken", "The access token is invalid.")
	}
	if now := time.Now(); now.Unix() >= c.Expires {
		return claims{}, unauthorized("ExpiredAuthenticationToken", fmt.Sprintf("The access token expiry UTC time '%s' is earlier than current UTC time '%s'.",
			time.Unix(c.Expires, 0).UTC().Format("1/2/2006 3:04:05 PM"), now.UTC().Format("1/2/2006 3:04:05 PM")))
	}
	return c, nil
}
