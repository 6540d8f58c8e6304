package google

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// Reasons of the service (https://cloud.google.com/dns/docs/error-messages) and of the front of all
// of Google's APIs (https://cloud.google.com/apis/design/errors) with a meaning of their own.
const (
	reasonMismatch = "conditionNotMet"   // a deletion is not what there is
	reasonExists   = "alreadyExists"     // an addition is there already
	reasonAbsent   = "notFound"          // a zone, or what a deletion names, is not there
	reasonQuota    = "quotaExceeded"     // too much is held or sent, not too often
	reasonRate     = "rateLimitExceeded" // too often, with status 403 too
	reasonCNAME    = "cnameResourceRecordSetConflict"
)

// kinds says what reasons mean; those that are missing go by the HTTP status.
var kinds = map[string]provider.ErrKind{
	reasonMismatch: provider.Conflict, reasonExists: provider.Conflict, "containerNotEmpty": provider.Conflict,
	"operationInProgress": provider.Conflict,
	reasonQuota:           provider.Rejected, reasonRate: provider.Throttled, "userRateLimitExceeded": provider.Throttled,
	"dailyLimitExceeded": provider.Throttled,
}

var advices = map[string]string{
	reasonMismatch:            "plan again",
	reasonExists:              "plan again",
	reasonQuota:               "hold or send less, or ask Google for a higher quota of the project",
	"accessNotConfigured":     "switch the Cloud DNS API on in the project",
	"forbidden":               "give the account the role DNS Administrator (roles/dns.admin) in the project, or DNS Reader to read alone",
	"insufficientPermissions": "give the credentials the scope ndev.clouddns.readwrite or cloud-platform",
	"authError":               "the access token is not taken: check the credentials, and whether the key was deleted",
}

// pauses are how long a call waits that was one too many, after each refusal more, when the service
// does not say how long. Its quotas of calls are by the minute (https://cloud.google.com/dns/quotas);
// a refusal that says so is waited for with aMinutes.
var (
	pauses   = [...]time.Duration{0, 2 * time.Second, 10 * time.Second, 20 * time.Second}
	aMinutes = 20 * time.Second
)

// tries is how often a call is made at most: with pauses and aMinutes, for more than a minute.
const tries = 5

// pause is the next pause of an account that is refused again and again.
func (p *Provider) pause(g *googleapi.Error) time.Duration {
	n := int(p.refusals.Add(1))
	if g.Code == http.StatusForbidden || strings.Contains(g.Message, "minute") {
		return aMinutes
	}
	return pauses[min(n, len(pauses))-1]
}

// A said is what the service says in a refusal.
type said struct {
	code    int
	reason  string
	message string
	reasons []string // of all faults
}

// Error says code, reason and message.
func (s *said) Error() string {
	out := strconv.Itoa(s.code)
	if s.reason != "" {
		out += " " + s.reason
	}
	if s.message != "" {
		out += ": " + s.message
	}
	return out
}

// only reports whether all faults have one reason.
func (s *said) only(reason string) bool {
	return len(s.reasons) > 0 && !slices.ContainsFunc(s.reasons, func(r string) bool { return r != reason })
}

func saidIn(err error) *said {
	s, _ := errors.AsType[*said](err)
	return s
}

// classify says what an error of the client library means.
func (p *Provider) classify(err error) *provider.Error {
	g, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return p.unanswered(err)
	}
	if e := (&provider.Error{}); p.where.Redirected(e, g.Code, g.Header, p.clean) {
		return e
	}
	s := &said{code: g.Code, message: p.clean(g.Message)}
	var texts []string
	for _, f := range g.Errors {
		s.reasons = append(s.reasons, f.Reason)
		texts = append(texts, f.Message)
	}
	if len(s.reasons) > 0 {
		s.reason = s.reasons[0]
	}
	if len(texts) > 1 {
		s.message = p.clean(list(texts))
	}
	if s.message == "" {
		s.message = http.StatusText(g.Code)
	}
	e := &provider.Error{Status: g.Code, Err: s, Advice: advices[s.reason], RetryAfter: httpkit.RetryAfter(g.Header, time.Now())}
	kind, known := kinds[s.reason]
	if !known {
		kind = httpkit.KindOfStatus(g.Code)
	}
	e.Kind = kind
	if kind == provider.Throttled && e.RetryAfter == 0 {
		e.RetryAfter = p.pause(g)
	}
	switch {
	case s.reason == "" && !strings.Contains(g.Body, `"error"`):
		p.where.Strange(e)
	case s.reason == "forbidden", s.reason == reasonAbsent && strings.Contains(strings.ToLower(g.Message), "project"):
		e.Advice = strings.TrimPrefix(e.Advice+"; check that option project is the project that holds the zones", "; ")
	}
	if s.reason == reasonAbsent {
		switch {
		case strings.Contains(g.Message, "entity.change"):
			e.Kind, e.Advice = provider.Conflict, "plan again"
		case strings.Contains(g.Message, "managedZone"):
			e.Kind, e.Err = provider.Other, noZone{s}
		}
	}
	return e
}

// list joins the messages of a refusal, the first few of many.
func list(texts []string) string {
	const most = 5
	more := ""
	if n := len(texts) - most; n > 0 {
		texts, more = texts[:most], fmt.Sprintf("; and %d more", n)
	}
	return strings.Join(texts, "; ") + more
}

// unanswered is the error of a call without an answer of the service and without a fault of the
// transport: the context ended, or the answer is none.
func (p *Provider) unanswered(err error) *provider.Error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return &provider.Error{Kind: provider.Lost, Err: end}
		}
	}
	if e, ok := errors.AsType[*provider.Error](err); ok {
		return e // of this adapter: an answer that makes no sense
	}
	return &provider.Error{Kind: provider.Invalid, Err: errors.New(p.clean(err.Error()))}
}

// noZone is the service's word that it has no such zone.
type noZone struct{ *said }

func (noZone) Is(target error) bool { return target == provider.ErrNoZone }
func (n noZone) Unwrap() error      { return n.said }

// classifySignIn says what an error of finding credentials or of a token endpoint means.
func (p *Provider) classifySignIn(err error) *provider.Error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return &provider.Error{Kind: provider.Transient, Err: fmt.Errorf("signing in: %w", end)}
		}
	}
	e := &provider.Error{Kind: provider.Denied}
	r, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case errors.Is(err, errNoCredentials):
		e.Err = errors.New("there are no credentials")
		e.Advice = "set credentials_file, run `gcloud auth application-default login`, or set metadata: true on a machine of Google's"
	case errors.Is(err, errNoToken):
		e.Kind, e.Err = provider.Invalid, fmt.Errorf("signing in: %w", errNoToken)
	case ok && r.Response != nil:
		p.refusedToken(e, r)
	default:
		e.Err = errors.New("signing in: " + p.clean(err.Error()))
		e.Advice = "check the credentials"
	}
	return e
}

// refusedToken reads an error answer of a token endpoint (RFC 6749, section 5.2).
func (p *Provider) refusedToken(e *provider.Error, r *oauth2.RetrieveError) {
	var body struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(r.Body, &body) != nil {
		body.Code = http.StatusText(r.Response.StatusCode)
	}
	e.Status = r.Response.StatusCode
	switch kind := httpkit.KindOfStatus(e.Status); kind {
	case provider.Throttled, provider.Transient, provider.Invalid:
		e.Kind = kind
	}
	if p.tokenAt.Redirected(e, e.Status, r.Response.Header, p.clean) {
		e.Err = fmt.Errorf("signing in: %w", e.Err)
		return
	}
	e.RetryAfter = httpkit.RetryAfter(r.Response.Header, time.Now())
	text := strings.TrimSuffix(fmt.Sprintf("%d %s: %s", e.Status, body.Code, body.Description), ": ")
	e.Err = errors.New("signing in: " + p.clean(text))
	switch {
	case e.Kind != provider.Denied:
	case strings.Contains(body.Description, "timeframe"):
		e.Advice = "set this machine's clock: requests are signed with the time"
	case body.Code == "invalid_grant":
		e.Advice = "the key or the login is not valid, or no more: make a new one"
	default:
		e.Advice = "check the credentials"
	}
}

// secrets are the forms of what must not be seen: access tokens, signed assertions, private keys,
// refresh tokens.
var secrets = regexp.MustCompile(`ya29\.[\w.~+/=-]+|eyJ[\w-]+\.[\w-]+(\.[\w-]+)?|-----BEGIN[^-]*-----[^-]*(-----END[^-]*-----)?|1//[\w-]{10,}`)

// clean makes a stranger's words fit into one line, without secrets.
func (p *Provider) clean(s string) string {
	if token := p.session.current(); len(token) > 3 {
		s = strings.ReplaceAll(s, token, "[redacted]")
	}
	s = provider.Redact(secrets.ReplaceAllString(s, "[redacted]"))
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if len(s) > 600 {
		s = strings.ToValidUTF8(s[:600], "") + "…"
	}
	return s
}

func invalid(op, origin string, err error) error {
	return &provider.Error{
		Op: op, Zone: origin, Kind: provider.Invalid, Err: err,
		Advice: "check that option endpoint is the address of the API, and that no proxy answers in its place",
	}
}
