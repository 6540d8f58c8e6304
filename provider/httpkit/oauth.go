package httpkit

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zonecast/zonecast/provider"
)

// obtain asks the authorization server for a token.
func (o OAuth2) obtain(ctx context.Context) (Grant, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if o.Scope != "" {
		form.Set("scope", o.Scope)
	}
	if o.Key != nil {
		assertion, err := o.assertion(time.Now())
		if err != nil {
			return Grant{}, err
		}
		form.Set("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
		form.Set("assertion", assertion)
	} else if o.InBody {
		form.Set("client_id", o.ClientID)
		form.Set("client_secret", string(o.Secret))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return Grant{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "zonecast")
	if o.Key == nil && !o.InBody { // RFC 6749, section 2.3.1: both are form-encoded first
		req.SetBasicAuth(formEscape(o.ClientID), formEscape(string(o.Secret)))
	}
	next := o.HTTP
	if next == nil {
		next = http.DefaultTransport
	}
	count(ctx)
	answer, err := next.RoundTrip(req)
	if err != nil {
		return Grant{}, tokenError(provider.Transient, 0, "%w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	data, err := readBounded(answer.Body, 1<<20)
	return o.read(answer, data, err)
}

func formEscape(s string) string { return url.QueryEscape(s) }

// read reads the answer of RFC 6749, sections 5.1 and 5.2.
func (o OAuth2) read(answer *http.Response, data []byte, broken error) (Grant, error) {
	var body struct {
		Token   string      `json:"access_token"`
		Type    string      `json:"token_type"`
		Expires json.Number `json:"expires_in"`
		Code    string      `json:"error"`
		Text    string      `json:"error_description"`
	}
	status := answer.StatusCode
	bad := json.Unmarshal(data, &body)
	switch {
	case status >= 300 && status < 400:
		return Grant{}, tokenError(provider.Invalid, status, "%s: redirected", answer.Status)
	case status >= 300:
		kind := KindOfStatus(status)
		if kind == provider.Rejected { // 400 is how wrong credentials look here
			kind = provider.Denied
		}
		text := redact(brief(strings.TrimSpace(body.Code+" "+body.Text)), []string{string(o.Secret)})
		return Grant{}, tokenError(kind, status, "%s", strings.TrimSpace(answer.Status+" "+text))
	case broken != nil:
		return Grant{}, tokenError(provider.Transient, 0, "the answer broke off: %w", broken)
	case bad != nil || body.Token == "":
		return Grant{}, tokenError(provider.Invalid, status, "the answer holds no access_token")
	case body.Type != "" && !strings.EqualFold(body.Type, "bearer"):
		return Grant{}, tokenError(provider.Invalid, status, "it is of type %q, not bearer", brief(body.Type))
	}
	g := Grant{Header: "Authorization", Value: Secret("Bearer " + body.Token)}
	if n, err := body.Expires.Float64(); err == nil && n > 0 && n < 1e8 {
		g.TTL = time.Duration(n * float64(time.Second))
	}
	return g, nil
}

// assertion is a signed JWT (RFC 7519) with the claims of RFC 7523, section 3.
func (o OAuth2) assertion(now time.Time) (string, error) {
	alg, err := algorithm(o.Key)
	if err != nil {
		return "", err
	}
	head := map[string]string{"alg": alg, "typ": "JWT"}
	if o.KeyID != "" {
		head["kid"] = o.KeyID
	}
	life := o.AssertionLifetime
	if life == 0 {
		life = time.Hour
	}
	claims := map[string]any{"iss": o.Issuer, "aud": o.Audience, "iat": now.Unix(), "exp": now.Add(life).Unix()}
	if o.Audience == "" {
		claims["aud"] = o.TokenURL
	}
	if o.Subject != "" {
		claims["sub"] = o.Subject
	}
	for name, value := range o.Claims {
		claims[name] = value
	}
	h, err := json.Marshal(head)
	if err != nil {
		return "", err
	}
	c, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c)
	signature, err := signJWS(o.Key, []byte(text))
	if err != nil {
		return "", fmt.Errorf("token: the assertion cannot be signed: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// algorithm is the name of RFC 7518 and RFC 8037 for a key's signatures.
func algorithm(key crypto.Signer) (string, error) {
	switch k := key.Public().(type) {
	case *rsa.PublicKey:
		return "RS256", nil
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize == 256 {
			return "ES256", nil
		}
	case ed25519.PublicKey:
		return "EdDSA", nil
	}
	return "", errors.New("the key for tokens is neither RSA nor P-256 nor Ed25519")
}

func signJWS(key crypto.Signer, text []byte) ([]byte, error) {
	if _, ok := key.Public().(ed25519.PublicKey); ok {
		return key.Sign(rand.Reader, text, crypto.Hash(0))
	}
	digest := sha256.Sum256(text)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if _, ok := key.Public().(*ecdsa.PublicKey); !ok || err != nil {
		return signature, err
	}
	// RFC 7518, section 3.4: both numbers side by side, not in ASN.1.
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(signature, &pair); err != nil {
		return nil, err
	}
	raw := make([]byte, 64)
	pair.R.FillBytes(raw[:32])
	pair.S.FillBytes(raw[32:])
	return raw, nil
}
