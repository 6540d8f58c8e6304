package route53

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// Provider is one AWS account.
type Provider struct {
	account
	secrets       []string
	where, stsAt  httpkit.Where
	transport     http.RoundTripper
	gate, stsGate *httpkit.Gate
	retry, signIn *httpkit.Retry
	budget        *budget.Account
	directory     directory
	busy          busy

	connecting sync.Mutex
	client     *route53.Client // nil until the first call
	creds      aws.CredentialsProvider
}

var (
	_ provider.SetReader   = (*Provider)(nil)
	_ provider.ZoneCreator = (*Provider)(nil)
	_ provider.ZoneDeleter = (*Provider)(nil)
	_ provider.Verifier    = (*Provider)(nil)
	_ provider.Closer      = (*Provider)(nil)
)

// do makes one call. Signing in is a call of its own: when it goes wrong, the call itself was
// certainly not made.
func (p *Provider) do(ctx context.Context, c httpkit.Call, f func(context.Context, *route53.Client) error) error {
	var client *route53.Client
	err := p.signIn.Do(ctx, httpkit.Call{Op: c.Op, Zone: c.Zone, Repeatable: true}, func(ctx context.Context) (err error) {
		client, err = p.connect(ctx)
		return err
	})
	if e, ok := errors.AsType[*provider.Error](err); ok {
		e.Err = notMade{e.Err}
		return e
	}
	return p.retry.Do(ctx, c, func(ctx context.Context) error {
		var lost lostError
		err := f(context.WithValue(ctx, lostKey{}, &lost), client)
		if err != nil && lost.err != nil {
			return lost.err
		}
		return err
	})
}

// ofAccount makes a call that is not about one zone: nobody but something else than the API answers
// that it has no such zone, which would be read as that the zone is to be made.
func (p *Provider) ofAccount(ctx context.Context, c httpkit.Call, f func(context.Context, *route53.Client) error) error {
	err := p.do(ctx, c, f)
	if e, ok := errors.AsType[*provider.Error](err); ok && errors.Is(err, provider.ErrNoZone) {
		e.Kind, e.Err, e.Advice = provider.Invalid, fmt.Errorf("%s, to a call that is about no zone", e.Err), p.where.Check() //nolint:errorlint // it is not to be ErrNoZone
	}
	return err
}

// notMade marks the error of a call that was not made for want of credentials.
type notMade struct{ error }

func (n notMade) Unwrap() error { return n.error }

// outcome says what became of a batch that ended with err.
func outcome(err error) provider.Outcome {
	if _, ok := errors.AsType[notMade](err); ok {
		return provider.NotDone
	}
	return httpkit.Outcome(err)
}

// The SDK says of a call whose context ended only that, and forgets what the transport said: whether
// the call was sent. A keeper remembers it.
type (
	keeper    struct{ next http.RoundTripper }
	lostError struct{ err error }
	lostKey   struct{}
)

// RoundTrip implements http.RoundTripper.
func (k keeper) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := k.next.RoundTrip(req)
	if lost, ok := req.Context().Value(lostKey{}).(*lostError); ok && err != nil {
		lost.err = err
	}
	return resp, err
}

// connect makes the client and sees that its credentials are good for now.
func (p *Provider) connect(ctx context.Context) (*route53.Client, error) {
	client, creds, err := p.made(ctx)
	if err != nil {
		return nil, err
	}
	if creds == nil {
		return nil, errNoCredentials
	}
	if _, err := creds.Retrieve(ctx); err != nil {
		return nil, err
	}
	return client, nil
}

// made makes the client once.
func (p *Provider) made(ctx context.Context) (*route53.Client, aws.CredentialsProvider, error) {
	p.connecting.Lock()
	defer p.connecting.Unlock()
	if p.client != nil {
		return p.client, p.creds, nil
	}
	cfg, err := p.config(ctx)
	if err != nil {
		return nil, nil, err
	}
	p.creds = cfg.Credentials
	p.client = route53.NewFromConfig(cfg, func(o *route53.Options) {
		client := p.gate.Client()
		client.Transport = keeper{client.Transport}
		o.HTTPClient, o.Retryer = client, aws.NopRetryer{}
		if p.endpoint != "" {
			o.BaseEndpoint = &p.endpoint
		}
	})
	return p.client, p.creds, nil
}

var errNoCredentials = errors.New("no credentials")

// config finds credentials: those that are given, or the chain that every AWS tool asks; then the
// role.
func (p *Provider) config(ctx context.Context) (aws.Config, error) {
	cfg := aws.Config{Region: p.region}
	if p.key != "" {
		cfg.Credentials = credentials.NewStaticCredentialsProvider(p.key, p.secret, p.token)
	} else {
		var load []func(*config.LoadOptions) error
		if p.profile != "" {
			load = append(load, config.WithSharedConfigProfile(p.profile))
		}
		if p.region != "" {
			load = append(load, config.WithRegion(p.region))
		}
		var err error
		if cfg, err = config.LoadDefaultConfig(ctx, load...); err != nil {
			return cfg, err
		}
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1" // Route 53 is one service for all regions of a partition
	}
	if p.role != "" {
		client := sts.NewFromConfig(cfg, func(o *sts.Options) {
			o.HTTPClient, o.Retryer = p.stsGate.Client(), aws.NopRetryer{}
			if p.stsEndpoint != "" {
				o.BaseEndpoint = &p.stsEndpoint
			}
		})
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(client, p.role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = p.session
			if p.external != "" {
				o.ExternalID = &p.external
			}
		}))
	}
	return cfg, nil
}
