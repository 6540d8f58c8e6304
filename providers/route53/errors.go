package route53

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// kinds says what the service's error codes mean; codes that are missing go by the HTTP status.
// https://docs.aws.amazon.com/Route53/latest/APIReference/CommonErrors.html and the errors of each
// action. Route 53 throttles with status 400 (Developer Guide, "Maximums on API requests").
var kinds = map[string]provider.ErrKind{
	"Throttling": provider.Throttled, "ThrottlingException": provider.Throttled, "RequestLimitExceeded": provider.Throttled,
	"TooManyRequestsException": provider.Throttled, "RequestThrottled": provider.Throttled,
	codePrior: provider.Transient, "ConcurrentModification": provider.Transient,
	"AccessDenied": provider.Denied, "AccessDeniedException": provider.Denied, "InvalidClientTokenId": provider.Denied,
	"SignatureDoesNotMatch": provider.Denied, "IncompleteSignature": provider.Denied, "MissingAuthenticationToken": provider.Denied,
	"MissingAuthenticationTokenException": provider.Denied, "UnrecognizedClientException": provider.Denied,
	"InvalidSignatureException": provider.Denied, "OptInRequired": provider.Denied, "NotAuthorized": provider.Denied,
	"ExpiredToken": provider.Denied, "ExpiredTokenException": provider.Denied, "RequestExpired": provider.Denied,
	"HostedZoneNotEmpty": provider.Conflict, "HostedZoneAlreadyExists": provider.Conflict, "ConflictingDomainExists": provider.Conflict,
	"InvalidInput": provider.Rejected, "InvalidDomainName": provider.Rejected, "InvalidVPCId": provider.Rejected,
	"TooManyHostedZones": provider.Rejected, "LimitsExceeded": provider.Rejected, "NoSuchDelegationSet": provider.Rejected,
	"DelegationSetNotAvailable": provider.Rejected, "DelegationSetNotReusable": provider.Rejected,
}

// Codes with a meaning of their own.
const (
	codePrior   = "PriorRequestNotComplete" // the zone's last batch is still being taken in: nothing was done
	codeNoZone  = "NoSuchHostedZone"
	codeRefused = "InvalidChangeBatch"
)

var advices = map[string]string{
	"ExpiredToken":          "the credentials were temporary and have expired: get new ones",
	"ExpiredTokenException": "the credentials were temporary and have expired: get new ones",
	"RequestExpired":        "set this machine's clock: requests are signed with the time",
	"SignatureDoesNotMatch": "check secret_access_key and this machine's clock",
	"InvalidClientTokenId":  "check access_key_id and, with temporary credentials, session_token",
	"TooManyHostedZones":    "ask Amazon for a higher quota of hosted zones",
}

// A said is what the service says in a refusal. The error of the SDK is not wrapped: its text may
// hold the request as it was signed.
type said struct {
	code, message, request string
	culprits               []culprit // of a refused change batch
}

// Error says code, message and the request's id, which Amazon's support asks for.
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

func saidIn(err error) *said {
	s, _ := errors.AsType[*said](err)
	return s
}

// classify says what an error of the SDK means.
func (p *Provider) classify(err error) *provider.Error {
	e := &provider.Error{Kind: provider.Other}
	s := &said{}
	if r, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		s.request = r.ServiceRequestID()
		if r.Response != nil && r.Response.Response != nil {
			e.Status = r.HTTPStatusCode()
			e.RetryAfter = httpkit.RetryAfter(r.Response.Header, time.Now())
			if p.where.Redirected(e, e.Status, r.Response.Header, p.clean) {
				return e
			}
		}
	}
	if batch, ok := errors.AsType[*types.InvalidChangeBatch](err); ok {
		p.refused(e, s, batch)
		return e
	}
	api, ok := errors.AsType[smithy.APIError](err)
	switch {
	case ok:
		s.code, s.message = api.ErrorCode(), p.clean(api.ErrorMessage())
	case e.Status == 0:
		return p.unanswered(err)
	}
	kind, known := kinds[s.code]
	strange := s.code == "" || s.code == "UnknownError"
	if !known {
		kind = httpkit.KindOfStatus(e.Status)
		if strange {
			s.code, s.message = fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)), ""
		}
	}
	e.Kind, e.Err, e.Advice = kind, s, advices[s.code]
	if strange || s.code == "UnknownOperationException" {
		p.where.Strange(e)
	}
	if s.code == codeNoZone {
		e.Kind, e.Err = provider.Other, noZone{s}
	}
	if s.code == codePrior {
		e.Advice = "another program writes this zone at the same time; try again"
	}
	return e
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

// noZone is the service's word that it has no such zone.
type noZone struct{ *said }

func (noZone) Is(target error) bool { return target == provider.ErrNoZone }
func (n noZone) Unwrap() error      { return n.said }

// classifySignIn says what an error of finding credentials means.
func (p *Provider) classifySignIn(err error) *provider.Error {
	if r, ok := errors.AsType[*awshttp.ResponseError](err); ok && r.Response != nil && r.Response.Response != nil {
		e := &provider.Error{}
		if p.stsAt.Redirected(e, r.HTTPStatusCode(), r.Response.Header, p.clean) {
			e.Err = fmt.Errorf("signing in: %w", e.Err)
			return e
		}
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		e := p.classify(err)
		if e.Kind == provider.Rejected || e.Kind == provider.Other {
			e.Kind = provider.Denied
		}
		if none, ok := errors.AsType[noZone](e.Err); ok {
			e.Err = none.said // who gives credentials knows of no zones
		}
		e.Err = fmt.Errorf("signing in: %w", e.Err)
		if api.ErrorCode() == "AccessDenied" && p.role != "" {
			e.Advice = "check that role_arn is right, that it trusts these credentials, and role_external_id if it asks for one"
		}
		return e
	}
	if e := p.unanswered(err); e.Kind == provider.Transient {
		return e
	}
	return &provider.Error{
		Kind: provider.Denied, Err: fmt.Errorf("signing in: %s", p.clean(err.Error())),
		Advice: "set access_key_id and secret_access_key, or profile, or run where AWS gives credentials",
	}
}

// clean makes the service's words fit into one line, without secrets. A refused signature comes
// with the request as the service saw it, token included: all but its first line is dropped.
func (p *Provider) clean(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	for _, secret := range p.secrets {
		s = strings.ReplaceAll(s, secret, "[redacted]")
	}
	s = provider.Redact(s)
	if len(s) > 400 {
		s = strings.ToValidUTF8(s[:400], "") + "…"
	}
	return s
}

// A culprit is one change that the service refuses to carry out.
type culprit struct {
	owner string // as the API writes it; "" when the message names none
	typ   string
	why   string
	stale bool // it is not what the plan was computed from
}

func (c culprit) String() string {
	if c.owner == "" {
		return c.why
	}
	owner := c.owner
	if n, err := parseName(owner); err == nil {
		owner = n.String()
	}
	return strings.TrimSpace(owner+" "+c.typ) + ": " + c.why
}

// is reports whether the culprit is about an RRset.
func (c culprit) is(k zone.Key) bool {
	n, err := parseName(c.owner)
	return err == nil && c.owner != "" && n == k.Owner && (c.typ == "" || c.typ == k.Type.String() || k.Type.Vendor())
}

// The forms of messages in InvalidChangeBatch that name a record set.
var (
	tried    = regexp.MustCompile(`(?i)resource record set \[name='([^']*)', type='([^']*)'[^\]]*\],? (?:but )?(.*)$`)
	ofType   = regexp.MustCompile(`RRSet of type (\S+) with DNS name (\S+?\.),? ((?:is|cannot|may|must).*)$`)
	withName = regexp.MustCompile(`RRSet with DNS name (\S+?\.),?(?: type (\S+?),?)? ((?:is|cannot|may|must).*)$`)
	starts   = regexp.MustCompile(`, (?:Tried to |RRSet |Invalid |Duplicate |The |A HostedZone )`)
)

// staleWords are how the service says that a set is not what the batch took it for.
var staleWords = []string{"already exists", "was not found", "do not match the current values"}

// culpritOf reads one message.
func culpritOf(message string) culprit {
	c := culprit{why: message}
	if m := tried.FindStringSubmatch(message); m != nil {
		c = culprit{owner: m[1], typ: m[2], why: m[3]}
		c.stale = slices.ContainsFunc(staleWords, func(w string) bool { return strings.Contains(c.why, w) })
	} else if m := ofType.FindStringSubmatch(message); m != nil {
		c = culprit{owner: m[2], typ: m[1], why: m[3]}
	} else if m := withName.FindStringSubmatch(message); m != nil {
		c = culprit{owner: m[1], typ: m[2], why: m[3]}
	}
	return c
}

// messages are all that the service says about a batch. Some answers put them into one text, in
// brackets.
func messages(batch *types.InvalidChangeBatch) []string {
	if len(batch.Messages) > 0 {
		return batch.Messages
	}
	text := strings.TrimSpace(batch.ErrorMessage())
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") && !strings.HasPrefix(inner, "name=") {
		text = strings.TrimSuffix(inner, "]")
	}
	var out []string
	for {
		at := starts.FindStringIndex(text)
		if at == nil {
			return append(out, text)
		}
		out = append(out, text[:at[0]])
		text = text[at[0]+len(", "):]
	}
}

// refused fills in what a refused batch means: a conflict when all that is wrong is that sets are
// not what the plan was computed from, else data that the service does not take.
func (p *Provider) refused(e *provider.Error, s *said, batch *types.InvalidChangeBatch) {
	s.code = codeRefused
	e.Kind, e.Err, e.Status = provider.Conflict, s, http.StatusBadRequest
	var words []string
	for _, m := range messages(batch) {
		c := culpritOf(p.clean(m))
		s.culprits = append(s.culprits, c)
		if !c.stale {
			e.Kind = provider.Rejected
		}
		if len(s.culprits) <= 5 {
			words = append(words, c.String())
		}
	}
	s.message = strings.Join(words, "; ")
	if n := len(s.culprits); n > 5 {
		s.message += fmt.Sprintf("; and %d more", n-5)
	}
	if e.Kind == provider.Conflict {
		e.Advice = "plan again"
	}
}
