package cloudflare

import (
	"crypto/subtle"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A caller is who sent a request, and what that may do.
type caller struct {
	token *Token // nil: by key, everything
}

// mayWrite reports whether the caller may change anything.
func (c caller) mayWrite() bool { return c.token == nil || !c.token.ReadOnly }

// sees reports whether the caller's token covers a zone.
func (c caller) sees(z *hosted) bool {
	return c.token == nil || c.token.Zones == nil || slices.Contains(c.token.Zones, z.name)
}

var (
	tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{40,}$`)
	keyForm   = regexp.MustCompile(`^[A-Za-z0-9]{32,40}$`)
	emailForm = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
)

// badHeaders is what malformed credentials get: 6003 with the header at fault in the chain.
func badHeaders(code int, message string) *refusal {
	return &refusal{http.StatusBadRequest, []problem{{
		Code: 6003, Message: "Invalid request headers", Chain: []problem{{Code: code, Message: message}},
	}}}
}

// authenticate finds out who calls
// (https://developers.cloudflare.com/fundamentals/api/how-to/make-api-calls/).
func (s *Service) authenticate(r *http.Request) (caller, *refusal) {
	if h := r.Header.Get("Authorization"); h != "" {
		value, ok := strings.CutPrefix(h, "Bearer ")
		if !ok || !tokenForm.MatchString(value) {
			return caller{}, badHeaders(6111, "Invalid format for Authorization header")
		}
		t := s.token(value)
		if t == nil {
			return caller{}, refuseAs(http.StatusForbidden, 9109, "Invalid access token")
		}
		return caller{t}, nil
	}
	email, key := r.Header.Get("X-Auth-Email"), r.Header.Get("X-Auth-Key")
	switch {
	case email == "" && key == "":
		return caller{}, refuse(9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
	case !emailForm.MatchString(email):
		return caller{}, badHeaders(6102, "Invalid format for X-Auth-Email header")
	case !keyForm.MatchString(key):
		return caller{}, badHeaders(6103, "Invalid format for X-Auth-Key header")
	case !strings.EqualFold(email, s.opt.Email) || subtle.ConstantTimeCompare([]byte(key), []byte(s.opt.Key)) != 1:
		return caller{}, refuseAs(http.StatusForbidden, 9103, "Unknown X-Auth-Key or X-Auth-Email")
	}
	return caller{}, nil
}

func (s *Service) token(value string) *Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.opt.Tokens {
		if subtle.ConstantTimeCompare([]byte(value), []byte(s.opt.Tokens[i].Value)) == 1 {
			t := s.opt.Tokens[i]
			return &t
		}
	}
	return nil
}

// status of a token in the words of the API.
func (t *Token) status(now time.Time) string {
	switch {
	case t.Disabled:
		return "disabled"
	case !t.Expires.IsZero() && !now.Before(t.Expires):
		return "expired"
	}
	return "active"
}

// verify answers GET /user/tokens/verify
// (https://developers.cloudflare.com/api/resources/user/subresources/tokens/methods/verify/).
func (s *Service) verify(c call) (answer, *refusal) {
	t := c.who.token
	if t == nil { // the key is no token
		return answer{}, refuseAs(http.StatusUnauthorized, 1000, "Invalid API Token")
	}
	result := struct {
		ID      string `json:"id"`
		Status  string `json:"status"`
		Expires string `json:"expires_on,omitempty"`
	}{ID: idOf("token " + t.Value), Status: t.status(time.Now())}
	if !t.Expires.IsZero() {
		result.Expires = stamp(t.Expires)
	}
	if result.Status != "active" {
		return answer{result: result, messages: []problem{{Code: 10000, Message: "This API Token is " + result.Status}}}, nil
	}
	return answer{result: result, messages: []problem{{Code: 10000, Message: "This API Token is valid and active"}}}, nil
}

// A window counts the calls of a user.
type window struct {
	began   time.Time
	calls   int
	blocked time.Time // until then
}

// The limit of calls of a user, over all tokens and keys; who exceeds it is shut out for the next
// five minutes (https://developers.cloudflare.com/fundamentals/api/reference/limits/).
const (
	callLimit  = 1200
	callWindow = 5 * time.Minute
)

// count takes one call of the user's allowance, says in the headers what is left, and reports how
// long to wait when there is none.
func (s *Service) count(w http.ResponseWriter, now time.Time) (wait time.Duration) {
	if !s.panel.Knobs().Limits {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[s.opt.Email]
	if u == nil {
		u = new(window)
		s.users[s.opt.Email] = u
	}
	if !now.Before(u.blocked) && now.Sub(u.began) >= callWindow {
		*u = window{began: now}
	}
	if u.calls >= callLimit && !now.Before(u.blocked) {
		u.blocked = now.Add(callWindow)
	}
	left, reset := callLimit-u.calls-1, u.began.Add(callWindow).Sub(now)
	if now.Before(u.blocked) {
		left, wait = 0, u.blocked.Sub(now)
		reset = wait
	} else {
		u.calls++
	}
	limitHeaders(w.Header(), left, reset, now)
	return wait
}
