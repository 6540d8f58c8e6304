package httpkit

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/zonecast/zonecast/provider"
)

// A Secret is a credential. It shows itself to nobody.
type Secret string

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns "[redacted]".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

const redacted = "[redacted]"

// An Auth puts credentials into requests.
type Auth interface {
	Apply(*http.Request) error
	// Secrets are the texts that must not be seen in traces and messages.
	Secrets() []string
}

// Header sends the credential in a header of its own, such as X-API-Key.
func Header(name string, value Secret) Auth { return header{name, "", value} }

// Bearer sends a token as RFC 6750 has it.
func Bearer(token Secret) Auth { return header{"Authorization", "Bearer ", token} }

// Basic sends user and password as RFC 7617 has it.
func Basic(user string, password Secret) Auth { return basic{user, password} }

type header struct {
	name, scheme string
	value        Secret
}

func (h header) Apply(r *http.Request) error {
	r.Header.Set(h.name, h.scheme+string(h.value))
	return nil
}

func (h header) Secrets() []string { return []string{string(h.value)} }

type basic struct {
	user     string
	password Secret
}

func (b basic) Apply(r *http.Request) error {
	r.SetBasicAuth(b.user, string(b.password))
	return nil
}

func (b basic) Secrets() []string {
	return []string{string(b.password), base64.StdEncoding.EncodeToString([]byte(b.user + ":" + string(b.password)))}
}

// redact takes secrets out of a text, plain and as they look in a URL.
func (c *Client) redact(s string) string {
	if c.Auth == nil {
		return provider.Redact(s)
	}
	return redact(s, c.Auth.Secrets())
}

// redact takes out secrets, and user info and secret parameters of URLs.
func redact(s string, secrets []string) string {
	for _, secret := range secrets {
		if len(secret) < 3 {
			continue // would blacken the text and hide nothing
		}
		s = strings.ReplaceAll(s, secret, redacted)
		s = strings.ReplaceAll(s, url.QueryEscape(secret), redacted)
		s = strings.ReplaceAll(s, url.PathEscape(secret), redacted)
	}
	return provider.Redact(s)
}
