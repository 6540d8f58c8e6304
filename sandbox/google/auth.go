package google

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Scopes of the API, each saying whether it may write:
// https://developers.google.com/identity/protocols/oauth2/scopes#dns.
var scopes = map[string]bool{
	"https://www.googleapis.com/auth/cloud-platform":           true,
	"https://www.googleapis.com/auth/ndev.clouddns.readwrite":  true,
	"https://www.googleapis.com/auth/cloud-platform.read-only": false,
	"https://www.googleapis.com/auth/ndev.clouddns.readonly":   false,
}

// A grant is what an access token stands for.
type grant struct {
	account  string
	readOnly bool // the account's role is DNS Reader
	scoped   bool // the token's scopes hold one of the API's
	writes   bool // the token's scopes let it write
	until    time.Time
}

// A keyring knows the accounts and the access tokens given out.
type keyring struct {
	life     time.Duration
	owner    *account
	reader   *account
	mu       sync.Mutex
	tokens   map[string]grant
	audience map[string]bool // the token endpoints that were written into credentials
}

func newKeyring(o Options) *keyring {
	k := &keyring{
		life:     o.TokenLife,
		owner:    newAccount("zonecast@"+o.Project+".iam.gserviceaccount.com", o.Project, false),
		reader:   newAccount("reader@"+o.Project+".iam.gserviceaccount.com", o.Project, true),
		tokens:   map[string]grant{},
		audience: map[string]bool{"https://oauth2.googleapis.com/token": true},
	}
	k.tokens[o.Token] = grant{account: k.owner.email, scoped: true, writes: true}
	k.tokens[o.ReadOnlyToken] = grant{account: k.reader.email, readOnly: true, scoped: true, writes: true}
	return k
}

// maxTokens is the most tokens that are remembered; expired ones are forgotten first.
const maxTokens = 10_000

// issue gives out an access token; ok is false when there are too many.
func (k *keyring) issue(g grant, now time.Time) (token string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.tokens) >= maxTokens {
		for t, have := range k.tokens {
			if !have.until.IsZero() && now.After(have.until) {
				delete(k.tokens, t)
			}
		}
	}
	if len(k.tokens) >= maxTokens {
		return "", false
	}
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	token = "ya29.c." + hex.EncodeToString(b[:])
	g.until = now.Add(k.life)
	k.tokens[token] = g
	return token, true
}

func (k *keyring) find(token string, now time.Time) (grant, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	g, ok := k.tokens[token]
	if ok && !g.until.IsZero() && !now.Before(g.until) {
		delete(k.tokens, token)
		return grant{}, false
	}
	return g, ok
}

// Revoke makes all access tokens that the token endpoint gave out invalid, as when the account's
// keys are deleted in the middle of work.
func (s *Service) Revoke() {
	k := s.auth
	k.mu.Lock()
	defer k.mu.Unlock()
	for t, g := range k.tokens {
		if !g.until.IsZero() {
			delete(k.tokens, t)
		}
	}
}

func bearer(r *http.Request) string {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	q := r.URL.Query()
	if t := q.Get("access_token"); t != "" {
		return t
	}
	return q.Get("oauth_token")
}

// admit checks, in the order in which the real front does: who calls, how often, with which scope,
// what of which project.
func (s *Service) admit(c *call, m method) *refusal {
	token := bearer(c.Request)
	g, ok := s.auth.find(token, c.now)
	if !ok {
		return unauthenticated(token)
	}
	c.caller, c.project = g.account, c.PathValue("project")
	if no := s.metered(c, m.writes); no != nil {
		return no
	}
	if !g.scoped || m.writes && !g.writes {
		return narrowScope()
	}
	if no := c.query(m); no != nil {
		return no
	}
	if c.project != s.opts.Project && c.project != projectNumber || m.writes && g.readOnly {
		return refuse(http.StatusForbidden, "forbidden", "Forbidden")
	}
	return nil
}

func unauthenticated(token string) *refusal {
	no := refuse(http.StatusUnauthorized, "authError", "Invalid Credentials")
	no.faults[0].Location, no.faults[0].LocationType = "Authorization", "header"
	no.status = "UNAUTHENTICATED"
	no.message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
	if token == "" {
		no.faults[0] = fault{Message: "Login Required.", Domain: "global", Reason: "required", Location: "Authorization", LocationType: "header"}
		no.message = "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
	}
	return no
}

func narrowScope() *refusal {
	no := refuse(http.StatusForbidden, "insufficientPermissions", "Insufficient Permission")
	no.status = "PERMISSION_DENIED"
	no.message = "Request had insufficient authentication scopes."
	no.details = []any{map[string]any{
		"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
		"domain": "googleapis.com", "metadata": map[string]string{"service": "dns.googleapis.com"},
	}}
	return no
}

// A meter counts calls of the last minute.
type meter struct {
	mu            sync.Mutex
	reads, writes []time.Time
}

// metered refuses what is beyond the quota of calls a minute, when that is switched on:
// https://cloud.google.com/dns/quotas.
func (s *Service) metered(c *call, writes bool) *refusal {
	if !s.panel.Knobs().Limits {
		return nil
	}
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	took, most, kind := &s.calls.reads, s.opts.ReadsPerMinute, "Read"
	if writes {
		took, most, kind = &s.calls.writes, s.opts.WritesPerMinute, "Write"
	}
	for len(*took) > 0 && c.now.Sub((*took)[0]) >= time.Minute {
		*took = (*took)[1:]
	}
	if len(*took) < most {
		*took = append(*took, c.now)
		return nil
	}
	no := refuse(http.StatusForbidden, "rateLimitExceeded",
		"Quota exceeded for quota metric '%s requests' and limit '%s limit for a minute for a region' of service 'dns.googleapis.com' for consumer 'project_number:%s'.",
		kind, kind, projectNumber)
	no.status = "PERMISSION_DENIED"
	return no
}
