package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// meanings of the service's error codes; codes that are missing go by the HTTP status.
// https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/common-deployment-errors
var meanings = map[string]struct {
	kind   provider.ErrKind
	advice string
}{
	"AuthorizationFailed":              {provider.Denied, "give the principal the role DNS Zone Contributor on the resource group or the zone"},
	"LinkedAuthorizationFailed":        {provider.Denied, "give the principal the role DNS Zone Contributor on the resource group or the zone"},
	"InvalidAuthenticationToken":       {provider.Denied, ""},
	"ExpiredAuthenticationToken":       {provider.Denied, ""},
	"InvalidAuthenticationTokenTenant": {provider.Denied, "directory_id is not the directory of the subscription"},
	"RequestDisallowedByPolicy":        {provider.Denied, "a policy of the subscription forbids it"},
	"ScopeLocked":                      {provider.Denied, "take the resource lock away first"},
	"ReadOnlyDisabledSubscription":     {provider.Denied, "the subscription is disabled"},
	"SubscriptionNotFound":             {provider.Denied, "check sub_id, and that the principal has a role in the subscription"},
	"ResourceGroupNotFound":            {provider.Denied, "check resource_group, and make the group if it is not there"},
	"MissingSubscriptionRegistration":  {provider.Denied, "register the resource provider Microsoft.Network in the subscription"},
	"RetryableError":                   {provider.Transient, ""},
	"ServerTimeout":                    {provider.Transient, ""},
	"OperationNotAllowed":              {provider.Rejected, ""},

	"RetryableErrorDueToAnotherOperation": {provider.Throttled, ""},
}

// A said is what the service says in a refusal. The SDK's error is not wrapped: its text is the
// whole answer, on many lines.
type said struct {
	status        int
	code, message string
	request       string // its id, which Microsoft's support asks for
	strange       bool   // it has no code: somebody else than the service may have said it
}

func (s *said) Error() string {
	out := s.code
	if s.message != "" {
		out += ": " + s.message
	}
	if s.request != "" {
		out += " (request " + s.request + ")"
	}
	return out
}

// is reports whether err is a refusal with one of the codes.
func isCode(err error, codes ...string) bool {
	s, ok := errors.AsType[*said](err)
	if !ok {
		return false
	}
	for _, c := range codes {
		if s.code == c {
			return true
		}
	}
	return false
}

// isAbsent reports whether err says that what was asked for is not there.
func isAbsent(err error) bool {
	e, ok := errors.AsType[*provider.Error](err)
	return ok && e.Status == http.StatusNotFound && isCode(err, "NotFound", "ResourceNotFound", "ParentResourceNotFound")
}

// classify says what an error of the SDK means.
func (p *Provider) classify(err error) *provider.Error {
	if e, ok := errors.AsType[elsewhereError](err); ok {
		return &provider.Error{Kind: provider.Invalid, Err: e, Advice: nonsenseAdvice}
	}
	if n, ok := errors.AsType[nonsense](err); ok {
		return &provider.Error{Kind: provider.Invalid, Err: errors.New(p.clean("the answer is not the JSON that was expected: " + n.Error())), Advice: nonsenseAdvice}
	}
	r, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		return p.unanswered(err)
	}
	s := p.said(r)
	e := &provider.Error{Kind: httpkit.KindOfStatus(r.StatusCode), Status: r.StatusCode, Err: s}
	if r.RawResponse != nil {
		e.RetryAfter = httpkit.RetryAfter(r.RawResponse.Header, time.Now())
		if p.where.Redirected(e, r.StatusCode, r.RawResponse.Header, p.clean) {
			return e
		}
	}
	if m, ok := meanings[s.code]; ok && r.StatusCode < 500 {
		e.Kind, e.Advice = m.kind, m.advice
	}
	switch {
	case s.code == "ResourceNotFound" || s.code == "ParentResourceNotFound":
		e.Kind, e.Err = provider.Other, noZone{s}
	case e.Kind == provider.Conflict:
		e.Advice = "plan again"
	case s.strange || s.status == http.StatusNotFound && e.Advice == "":
		p.where.Strange(e)
	}
	return e
}

const nonsenseAdvice = "check that option base_url is the address of the API, and that no proxy answers in its place"

// noZone is the service's word that it has no such zone.
type noZone struct{ *said }

func (noZone) Is(target error) bool { return target == provider.ErrNoZone }
func (n noZone) Unwrap() error      { return n.said }

// said reads the body of a refusal: {"error":{"code","message"}} of Resource Manager, and
// {"code","message"} of the DNS resource provider.
func (p *Provider) said(r *azcore.ResponseError) *said {
	s := &said{status: r.StatusCode, code: r.ErrorCode}
	if r.RawResponse != nil {
		s.request = r.RawResponse.Header.Get("x-ms-request-id")
		body, err := runtime.Payload(r.RawResponse)
		var words struct {
			Code, Message string
			Error         struct{ Code, Message string }
		}
		if err == nil && json.Unmarshal(body, &words) == nil {
			if words.Error.Code != "" || words.Error.Message != "" {
				words.Code, words.Message = words.Error.Code, words.Error.Message
			}
			s.code, s.message = words.Code, p.clean(words.Message)
		}
	}
	if s.code == "" {
		s.strange = true
		s.code = fmt.Sprintf("%d %s", s.status, http.StatusText(s.status))
	}
	s.code = p.clean(s.code)
	return s
}

// unanswered is the error of a call that has no answer and yet no fault of the transport: it was
// not made, because the context ended or the SDK refused its input.
func (p *Provider) unanswered(err error) *provider.Error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return &provider.Error{Kind: provider.Transient, Err: end}
		}
	}
	return &provider.Error{Kind: provider.Other, Err: errors.New(p.clean(err.Error()))}
}

// A signInError is what went wrong while getting a token, with the answer that it had.
type signInError struct {
	err    error
	status int
	header http.Header
}

func (e *signInError) Error() string { return e.err.Error() }
func (e *signInError) Unwrap() error { return e.err }

func (s *sight) judgeSignIn(err error) error {
	if s.lost != nil {
		return s.lost
	}
	return &signInError{err, s.status, s.header}
}

// advices for the numbers of Entra ID's errors.
// https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
var advices = map[string]string{
	"AADSTS7000215": "check key: it is the secret's value, not its id",
	"AADSTS7000222": "the client secret has expired: make a new one",
	"AADSTS700016":  "check client_id, and that directory_id is the directory that it is in",
	"AADSTS90002":   "check directory_id",
	"AADSTS900023":  "check directory_id",
	"AADSTS53003":   "a conditional access policy of the directory forbids it",
}

// classifySignIn says what an error of getting a token means.
func (p *Provider) classifySignIn(err error) *provider.Error {
	e := &provider.Error{Kind: provider.Denied}
	words := err.Error()
	if s, ok := errors.AsType[*signInError](err); ok {
		if p.authorityAt.Redirected(e, s.status, s.header, p.clean) {
			e.Err = fmt.Errorf("signing in: %w", e.Err)
			return e
		}
		switch e.Status = s.status; {
		case s.status == http.StatusTooManyRequests, s.status >= 500:
			e.Kind, e.RetryAfter = httpkit.KindOfStatus(s.status), httpkit.RetryAfter(s.header, time.Now())
		case s.status == 0 && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
			return p.unanswered(err)
		}
	}
	if f, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok && f.RawResponse != nil {
		e.Status = f.RawResponse.StatusCode
		words = f.RawResponse.Status
		body, err := runtime.Payload(f.RawResponse)
		var says struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if err == nil && json.Unmarshal(body, &says) == nil && says.Error != "" {
			words = says.Error + ": " + says.Description
		}
	}
	e.Err = fmt.Errorf("signing in: %s", p.clean(words))
	for number, advice := range advices {
		if strings.Contains(words, number+":") {
			e.Advice = advice
		}
	}
	if e.Advice == "" && e.Kind == provider.Denied {
		e.Advice = "check directory_id, client_id and key"
		if p.key == "" {
			e.Advice = "set directory_id, client_id and key, or sign in with az login, or run where Azure gives an identity"
		}
	}
	return e
}

// clean makes the service's words fit into one line, without secrets.
func (p *Provider) clean(s string) string {
	if p.key != "" {
		s = strings.ReplaceAll(s, p.key, "[redacted]")
	}
	s = provider.Redact(strings.Join(strings.Fields(strings.ToValidUTF8(s, " ")), " "))
	if len(s) > 400 {
		s = strings.ToValidUTF8(s[:400], "") + "…"
	}
	return s
}

// invalid is the error of an answer that makes no sense.
func invalid(op, origin string, err error) error {
	return &provider.Error{Op: op, Zone: origin, Kind: provider.Invalid, Err: err, Advice: nonsenseAdvice}
}
