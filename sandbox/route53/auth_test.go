package route53

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	sdk "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func count(t *testing.T, c *sdk.Client) error {
	t.Helper()
	_, err := c.GetHostedZoneCount(t.Context(), &sdk.GetHostedZoneCountInput{})
	return err
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
func TestCredentials(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	if err := count(t, a.Client); err != nil {
		t.Errorf("good key: got %v", err)
	}
	wantError(t, count(t, a.as("AKIAUNKNOWN", DefaultSecret, "")), "InvalidClientTokenId", 403, "The security token included in the request is invalid.")
	wantError(t, count(t, a.as(DefaultKeyID, "wrong", "")), "SignatureDoesNotMatch", 403, "Check your AWS Secret Access Key and signing method")
	wantError(t, count(t, a.as(DefaultKeyID, DefaultSecret, "a token that is not its own")), "InvalidClientTokenId", 403)
	other := sdk.New(sdk.Options{
		Region: "eu-west-1", BaseEndpoint: &a.url, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(DefaultKeyID, DefaultSecret, ""),
	})
	wantError(t, count(t, other), "SignatureDoesNotMatch", 403, "Credential should be scoped to a valid region, not 'eu-west-1'.")
}

// A signature is good for five minutes, says the message that the service sends.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		off  time.Duration
		want string
	}{
		"slow client":       {6 * time.Minute, "Signature expired: "},
		"fast client":       {-6 * time.Minute, "Signature not yet current: "},
		"a little slow":     {4 * time.Minute, ""},
		"a little too fast": {-4 * time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := start(t, Options{Now: func() time.Time { return time.Now().Add(c.off) }})
			err := count(t, a.Client)
			if c.want == "" {
				if err != nil {
					t.Errorf("got %v, want none", err)
				}
				return
			}
			wantError(t, err, "SignatureDoesNotMatch", 403, c.want)
		})
	}
}

// What is not signed, or was changed after it was signed, is refused.
func TestTampering(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	for name, c := range map[string]struct {
		change func(*http.Request)
		code   string
		status int
	}{
		"no signature":      {func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationToken", 403},
		"another scheme":    {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, "IncompleteSignature", 400},
		"half a header":     {func(r *http.Request) { r.Header.Set("Authorization", algorithm+" Credential=x") }, "IncompleteSignature", 400},
		"short credential":  {replace("/us-east-1/", "/"), "IncompleteSignature", 400},
		"another service":   {replace("/route53/", "/s3/"), "SignatureDoesNotMatch", 403},
		"another path":      {func(r *http.Request) { r.URL.Path = "/2013-04-01/hostedzone" }, "SignatureDoesNotMatch", 403},
		"another query":     {func(r *http.Request) { r.URL.RawQuery = "maxitems=1" }, "SignatureDoesNotMatch", 403},
		"date not signed":   {replace(";x-amz-date", ""), "SignatureDoesNotMatch", 403},
		"changed signature": {replace("Signature=", "Signature=0"), "SignatureDoesNotMatch", 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := sdk.New(sdk.Options{
				Region: "us-east-1", BaseEndpoint: &a.url, Retryer: aws.NopRetryer{},
				Credentials: credentials.NewStaticCredentialsProvider(DefaultKeyID, DefaultSecret, ""),
				HTTPClient: doer(func(r *http.Request) (*http.Response, error) {
					c.change(r)
					return http.DefaultClient.Do(r)
				}),
			})
			wantError(t, count(t, client), c.code, c.status)
		})
	}
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func replace(from, to string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
	}
}

// A key that only reads is told what it may not do.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
func TestReadOnlyKey(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	a.Client = a.as(ReadOnlyKeyID, ReadOnlySecret, "")
	if sets, _ := a.sets(t.Context(), id, 0); len(sets) != 2 {
		t.Errorf("read %d sets, want 2", len(sets))
	}
	err := a.change(id, do("CREATE", set("www.example.org", "A", 300, "192.0.2.1")))
	wantError(t, err, "AccessDenied", 403, "User: arn:aws:iam::123456789012:user/reader is not authorized to perform: route53:ChangeResourceRecordSets on resource: arn:aws:route53:::hostedzone/"+id)
	_, err = a.CreateHostedZone(t.Context(), &sdk.CreateHostedZoneInput{Name: aws.String("b.example"), CallerReference: aws.String("b")})
	wantError(t, err, "AccessDenied", 403)
}

func (a *account) sts(id, secret string) *sts.Client {
	return sts.New(sts.Options{
		Region: "us-east-1", BaseEndpoint: &a.url, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	})
}

// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func TestAssumeRole(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	id := a.zone("example.org")
	role := a.with(stscreds.NewAssumeRoleProvider(a.sts(DefaultKeyID, DefaultSecret), DefaultRole))
	if err := count(t, role); err != nil {
		t.Errorf("role: got %v", err)
	}
	narrow := a.with(stscreds.NewAssumeRoleProvider(a.sts(DefaultKeyID, DefaultSecret), ReadOnlyRole, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "narrow"
	}))
	if err := count(t, narrow); err != nil {
		t.Errorf("role that reads: got %v", err)
	}
	_, err := narrow.DeleteHostedZone(t.Context(), &sdk.DeleteHostedZoneInput{Id: &id})
	wantError(t, err, "AccessDenied", 403, "User: arn:aws:sts::123456789012:assumed-role/zonecast-read/narrow is not authorized")

	partner := stscreds.NewAssumeRoleProvider(a.sts(DefaultKeyID, DefaultSecret), ExternalIDRole)
	wantError(t, count(t, a.with(partner)), "AccessDenied", 403, "sts:AssumeRole on resource: "+ExternalIDRole)
	partner = stscreds.NewAssumeRoleProvider(a.sts(DefaultKeyID, DefaultSecret), ExternalIDRole, func(o *stscreds.AssumeRoleOptions) {
		o.ExternalID = aws.String(DefaultExternal)
	})
	if err := count(t, a.with(partner)); err != nil {
		t.Errorf("role with external id: got %v", err)
	}
	wantError(t, count(t, a.with(stscreds.NewAssumeRoleProvider(a.sts(DefaultKeyID, DefaultSecret), "arn:aws:iam::123456789012:role/none"))), "AccessDenied", 403)
	wantError(t, count(t, a.with(stscreds.NewAssumeRoleProvider(a.sts(ReadOnlyKeyID, ReadOnlySecret), DefaultRole))), "AccessDenied", 403)
	wantError(t, count(t, a.with(stscreds.NewAssumeRoleProvider(a.sts(DefaultKeyID, "wrong"), DefaultRole))), "SignatureDoesNotMatch", 403)
	short := stscreds.NewAssumeRoleProvider(a.sts(DefaultKeyID, DefaultSecret), DefaultRole, func(o *stscreds.AssumeRoleOptions) { o.Duration = time.Minute })
	wantError(t, count(t, a.with(short)), "ValidationError", 400, "between 900 and 43200")
}

// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func TestCallerIdentity(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	out, err := a.sts(ReadOnlyKeyID, ReadOnlySecret).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *out.Account != DefaultAccount || *out.Arn != "arn:aws:iam::123456789012:user/reader" {
		t.Errorf("got account %s, ARN %s", *out.Account, *out.Arn)
	}
}

// A session ends, and its token with it.
func TestSessionExpires(t *testing.T) {
	t.Parallel()
	a := start(t, Options{})
	out, err := a.sts(DefaultKeyID, DefaultSecret).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String(DefaultRole), RoleSessionName: aws.String("s1"), DurationSeconds: aws.Int32(900),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Credentials
	if err := count(t, a.as(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)); err != nil {
		t.Errorf("fresh session: got %v", err)
	}
	wantError(t, count(t, a.as(*c.AccessKeyId, *c.SecretAccessKey, "")), "InvalidClientTokenId", 403)
	wantError(t, count(t, a.as(*c.AccessKeyId, "wrong", *c.SessionToken)), "SignatureDoesNotMatch", 403)
	a.svc.mu.Lock()
	a.svc.sessions[*c.AccessKeyId].expires = time.Now().Add(-time.Second)
	a.svc.mu.Unlock()
	wantError(t, count(t, a.as(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)), "ExpiredToken", 403)
}
