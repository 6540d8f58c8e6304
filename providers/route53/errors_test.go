package route53

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/zonecast/zonecast/provider"
)

// refusal is a refusal as the SDK gives it.
func refusal(status int, requestID string, err error) error {
	return &awshttp.ResponseError{RequestID: requestID, ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status, Header: http.Header{}}}, Err: err,
	}}
}

// Messages as users report them; those with a link are quoted there.
func TestCulprits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		message string
		want    culprit
	}{
		{ // https://github.com/kubernetes-sigs/external-dns/issues/732
			"Tried to delete resource record set [name='flex.example.com.', type='A'] but the values provided do not match the current values",
			culprit{owner: "flex.example.com.", typ: "A", why: "the values provided do not match the current values", stale: true},
		},
		{
			"Tried to create resource record set [name='my.example.com.', type='NS'] but it already exists",
			culprit{owner: "my.example.com.", typ: "NS", why: "it already exists", stale: true},
		},
		{
			`Tried to delete resource record set [name='\052.example.com.', type='TXT', set identifier='x'] but it was not found`,
			culprit{owner: `\052.example.com.`, typ: "TXT", why: "it was not found", stale: true},
		},
		{
			"Resource record set [name='www.example.com.', type='A'] cannot be deleted because an alias targets it",
			culprit{owner: "www.example.com.", typ: "A", why: "cannot be deleted because an alias targets it"},
		},
		{ // https://github.com/cookpad/roadworker/pull/89
			"RRSet of type CNAME with DNS name test.example.com. is not permitted as it conflicts with other records with the same DNS name in zone example.com.",
			culprit{owner: "test.example.com.", typ: "CNAME", why: "is not permitted as it conflicts with other records with the same DNS name in zone example.com."},
		},
		{
			"RRSet with DNS name www.example.net. is not permitted in zone example.com.",
			culprit{owner: "www.example.net.", why: "is not permitted in zone example.com."},
		},
		{ // https://github.com/barnybug/cli53/issues/257
			"RRSet with DNS name geo.example.com., type A cannot be created as other RRSets exist with the same name and type.",
			culprit{owner: "geo.example.com.", typ: "A", why: "cannot be created as other RRSets exist with the same name and type."},
		},
		{
			"A HostedZone must contain at least one NS record for the zone itself.",
			culprit{why: "A HostedZone must contain at least one NS record for the zone itself."},
		},
	} {
		if got := culpritOf(c.message); got != c.want {
			t.Errorf("culpritOf(%q)\n got %+v\nwant %+v", c.message, got, c.want)
		}
	}
}

func TestRefusedBatches(t *testing.T) {
	t.Parallel()
	const (
		exists  = "Tried to create resource record set [name='a.example.com.', type='A'] but it already exists"
		moved   = "Tried to delete resource record set [name='b.example.com.', type='A'] but the values provided do not match the current values"
		illegal = "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with 'x''"
	)
	for _, c := range []struct {
		name string
		err  *types.InvalidChangeBatch
		kind provider.ErrKind
		want string
	}{
		{
			"a list", &types.InvalidChangeBatch{Messages: []string{exists, moved}}, provider.Conflict,
			"the zone has moved: InvalidChangeBatch: a.example.com. A: it already exists; b.example.com. A: the values provided do not match the current values; plan again",
		},
		{
			"in brackets", &types.InvalidChangeBatch{Message: aws.String("[" + exists + ", " + moved + "]")}, provider.Conflict,
			"the zone has moved: InvalidChangeBatch: a.example.com. A: it already exists; b.example.com. A: the values provided do not match the current values; plan again",
		},
		{
			"one alone", &types.InvalidChangeBatch{Message: aws.String(moved)}, provider.Conflict,
			"the zone has moved: InvalidChangeBatch: b.example.com. A: the values provided do not match the current values; plan again",
		},
		{
			"and one that is no conflict", &types.InvalidChangeBatch{Message: aws.String("[" + exists + ", " + illegal + "]")}, provider.Rejected,
			"rejected: InvalidChangeBatch: a.example.com. A: it already exists; " + illegal,
		},
		{
			"many", &types.InvalidChangeBatch{Messages: []string{exists, exists, exists, exists, exists, moved, moved}}, provider.Conflict,
			"the zone has moved: InvalidChangeBatch: " + strings.Repeat("a.example.com. A: it already exists; ", 5) + "and 2 more; plan again",
		},
	} {
		got := (&Provider{}).classify(refusal(400, "", c.err))
		if got.Kind != c.kind || got.Error() != c.want {
			t.Errorf("%s: kind %q, text\n%s\nwant kind %q\n%s", c.name, got.Kind, got, c.kind, c.want)
		}
	}
}

func TestErrorsOfTheService(t *testing.T) {
	t.Parallel()
	p := &Provider{secrets: []string{"top+secret/key"}}
	p.role = "arn:aws:iam::123456789012:role/dns"
	api := func(code, message string) error { return &smithy.GenericAPIError{Code: code, Message: message} }
	for _, c := range []struct {
		name   string
		status int
		err    error
		kind   provider.ErrKind
		want   string
	}{
		{"throttled with 400", 400, api("Throttling", "Rate exceeded"), provider.Throttled, "throttled: Throttling: Rate exceeded (request r1)"},
		{
			"busy", 400, api("PriorRequestNotComplete", "The request was rejected because Route 53 was still processing a prior request."), provider.Transient,
			"temporary trouble: PriorRequestNotComplete: The request was rejected because Route 53 was still processing a prior request. (request r1); another program writes this zone at the same time; try again",
		},
		{"no zone", 404, &types.NoSuchHostedZone{Message: aws.String("No hosted zone found with ID: Z1")}, provider.Other, "NoSuchHostedZone: No hosted zone found with ID: Z1 (request r1)"},
		{
			"expired", 403, api("ExpiredToken", "The security token included in the request is expired"), provider.Denied,
			"access denied: ExpiredToken: The security token included in the request is expired (request r1); the credentials were temporary and have expired: get new ones",
		},
		{
			"a signature with the token in it", 403, api("SignatureDoesNotMatch", "The request signature we calculated does not match top+secret/key.\n\nThe Canonical String for this request should have been\n'GET\nx-amz-security-token:TOKEN'"), provider.Denied,
			"access denied: SignatureDoesNotMatch: The request signature we calculated does not match [redacted]. (request r1); check secret_access_key and this machine's clock",
		},
		{"a web page", 503, &smithy.DeserializationError{Err: errors.New("unexpected token <html>")}, provider.Transient, "temporary trouble: 503 Service Unavailable (request r1)"},
		{"nonsense with 200", 200, &smithy.DeserializationError{Err: errors.New("XML syntax error")}, provider.Invalid, "the answer makes no sense: 200 OK (request r1)"},
	} {
		got := p.classify(refusal(c.status, "r1", c.err))
		if got.Kind != c.kind || got.Error() != c.want || got.Status != c.status {
			t.Errorf("%s: kind %q, status %d, text\n%s\nwant kind %q, status %d\n%s", c.name, got.Kind, got.Status, got, c.kind, c.status, c.want)
		}
		if noZone := c.status == 404; errors.Is(got, provider.ErrNoZone) != noZone {
			t.Errorf("%s: is ErrNoZone: %v, want %v", c.name, !noZone, noZone)
		}
	}
	if got := p.classify(&smithy.CanceledError{Err: context.Canceled}); !errors.Is(got, context.Canceled) {
		t.Errorf("a cancelled call gives %v, which is not context.Canceled", got)
	}
	if got := p.classifySignIn(errors.New("no EC2 IMDS role found")); got.Kind != provider.Denied || !strings.Contains(got.Error(), "set access_key_id") {
		t.Errorf("without credentials: %v", got)
	}
	got := p.classifySignIn(refusal(403, "r2", api("AccessDenied", "User: x is not authorized to perform: sts:AssumeRole")))
	if got.Kind != provider.Denied || !strings.Contains(got.Advice, "role_arn") {
		t.Errorf("a role that may not be assumed: kind %q, %v", got.Kind, got)
	}
}
