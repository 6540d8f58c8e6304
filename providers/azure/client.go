package azure

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/budget"
	"github.com/zonecast/zonecast/provider/httpkit"
)

// Provider is one resource group of a subscription.
type Provider struct {
	account
	id          string // of the account, in the configuration
	budget      *budget.Account
	trace       func(format string, args ...any)
	where       httpkit.Where // of Resource Manager
	authorityAt httpkit.Where
	below       http.RoundTripper // Config.HTTP; nil: the default
	transport   http.RoundTripper // made by the first call

	gate, idGate  *httpkit.Gate
	retry, signIn *httpkit.Retry

	turn    chan struct{} // held while signing in
	clients *clients      // nil until the first call
	token   azcore.AccessToken
	got     time.Time // when the token was

	openPace func(zone, what string) (*budget.Account, error) // nil: zones have no limits of their own
	pacing   sync.Mutex
	paces    map[string]*budget.Account
	small    smallPages
}

var (
	_ provider.SetReader   = (*Provider)(nil)
	_ provider.ZoneCreator = (*Provider)(nil)
	_ provider.ZoneDeleter = (*Provider)(nil)
	_ provider.Verifier    = (*Provider)(nil)
	_ provider.Closer      = (*Provider)(nil)
	_ provider.Fitter      = (*Provider)(nil)
)

// clients are Microsoft's, with the credential that they sign in with.
type clients struct {
	cred  azcore.TokenCredential
	scope string
	arm   *arm.Client
	sets  *armdns.RecordSetsClient
	zones *armdns.ZonesClient
}

// wire sets up what stands between the SDK and the network.
func (p *Provider) wire() {
	var secrets []string
	if p.key != "" {
		secrets = []string{p.key}
	}
	p.gate = &httpkit.Gate{Account: p.id, Budget: p.budget, Trace: p.trace, Secrets: secrets, Check: httpkit.NotHTML}
	// Entra ID has limits of its own.
	p.idGate = &httpkit.Gate{Account: p.id, Trace: p.trace, Secrets: secrets, Check: httpkit.NotHTML}
	p.retry = &httpkit.Retry{Account: p.id, Budget: p.budget, Trace: p.trace, Where: p.where, Classify: p.classify}
	p.signIn = &httpkit.Retry{Account: p.id, Trace: p.trace, Where: p.authorityAt, Classify: p.classifySignIn}
}

// do makes one call. Signing in is a call of its own: when it goes wrong, the call itself was
// certainly not made.
func (p *Provider) do(ctx context.Context, c httpkit.Call, f func(context.Context, *clients) error) error {
	for again := false; ; again = true {
		client, token, err := p.connect(ctx, c)
		if err != nil {
			return err
		}
		err = p.retry.Do(ctx, c, func(ctx context.Context) error {
			var s sight
			err := f(context.WithValue(ctx, sightKey{}, &s), client)
			return s.judge(err)
		})
		e, ok := errors.AsType[*provider.Error](err)
		if again || !ok || e.Status != http.StatusUnauthorized || httpkit.Outcome(err) != provider.NotDone || !p.renew(ctx, token) {
			return err
		}
	}
}

// A sight is what was seen of a call on its way, which the SDK forgets or wraps away: how it went
// wrong on the network, and whether there was an answer.
type (
	sight struct {
		lost   error
		status int
		header http.Header
	}
	sightKey struct{}
)

// judge gives the error of a call that says most.
func (s *sight) judge(err error) error {
	if err == nil {
		return nil
	}
	if s.lost != nil {
		return s.lost
	}
	if _, ok := errors.AsType[*azcore.ResponseError](err); !ok && s.status >= 200 && s.status < 300 {
		return nonsense{err}
	}
	return err
}

// nonsense marks an answer that the SDK cannot read.
type nonsense struct{ error }

func (n nonsense) Unwrap() error { return n.error }

// A watch is a transport that fills in the sight of a call. It refuses to send anything, tokens
// included, to another host than the API's, such as a list may name for its next page.
type watch struct {
	next http.RoundTripper
	host string // "": any
}

// RoundTrip implements http.RoundTripper.
func (w watch) RoundTrip(req *http.Request) (*http.Response, error) {
	if w.host != "" && !strings.EqualFold(req.URL.Host, w.host) {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, elsewhereError{req.URL.Host}
	}
	resp, err := w.next.RoundTrip(req)
	if s, ok := req.Context().Value(sightKey{}).(*sight); ok {
		s.lost, s.status, s.header = err, 0, nil
		if err == nil {
			s.status, s.header = resp.StatusCode, resp.Header
		}
	}
	return resp, err
}

// elsewhereError says that the service named another host than its own.
type elsewhereError struct{ host string }

func (e elsewhereError) Error() string {
	return fmt.Sprintf("the service says to go on at %q, which is not its own address", e.host)
}

// connect gives clients with a token that is good for now, and the token.
func (p *Provider) connect(ctx context.Context, c httpkit.Call) (*clients, string, error) {
	if err := p.enter(ctx); err != nil {
		return nil, "", &provider.Error{Op: c.Op, Zone: c.Zone, Kind: provider.Transient, Err: notMade{err}}
	}
	defer p.leave()
	if p.clients == nil {
		made, err := p.open()
		if err != nil {
			return nil, "", &provider.Error{Op: c.Op, Zone: c.Zone, Err: notMade{errors.New(p.clean(err.Error()))}}
		}
		p.clients = made
	}
	if good(p.token) {
		return p.clients, p.token.Token, nil
	}
	err := p.signIn.Do(ctx, httpkit.Call{Op: c.Op, Zone: c.Zone, Repeatable: true}, func(ctx context.Context) error {
		var s sight
		token, err := p.clients.cred.GetToken(context.WithValue(ctx, sightKey{}, &s), policy.TokenRequestOptions{Scopes: []string{p.clients.scope}, EnableCAE: true})
		if err != nil {
			return s.judgeSignIn(err)
		}
		p.token, p.got = token, time.Now()
		return nil
	})
	if e, ok := errors.AsType[*provider.Error](err); ok {
		e.Err = notMade{e.Err}
		return nil, "", e
	}
	return p.clients, p.token.Token, nil
}

// enter waits for the turn to sign in.
func (p *Provider) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Provider) leave() { <-p.turn }

// notMade marks the error of a call that was not made for want of a token.
type notMade struct{ error }

func (n notMade) Unwrap() error { return n.error }

// outcome says what became of a write that ended with err.
func outcome(err error) provider.Outcome {
	if _, ok := errors.AsType[notMade](err); ok {
		return provider.NotDone
	}
	return httpkit.Outcome(err)
}

// good reports whether a token can still be used for a while.
func good(t azcore.AccessToken) bool {
	return t.Token != "" && time.Until(t.ExpiresOn) > 5*time.Minute && (t.RefreshOn.IsZero() || time.Now().Before(t.RefreshOn))
}

// renew forgets a token that was refused, and the credential that may remember it, unless it is
// new: a service that refuses a new token will refuse the next one too.
func (p *Provider) renew(ctx context.Context, refused string) bool {
	if p.enter(ctx) != nil {
		return false
	}
	defer p.leave()
	if p.token.Token != refused {
		return true // another call has done it
	}
	if time.Since(p.got) < time.Minute {
		return false
	}
	p.token, p.clients = azcore.AccessToken{}, nil
	return true
}

// open makes the clients.
func (p *Provider) open() (*clients, error) {
	if p.transport == nil {
		t, err := httpkit.Transport(p.below, httpkit.TLS{CAFile: p.caFile})
		if err != nil {
			return nil, fmt.Errorf("option ca_file: %w", err)
		}
		p.transport, p.gate.HTTP, p.idGate.HTTP = t, t, t
	}
	cred, err := p.credential()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(p.endpoint)
	if err != nil {
		return nil, err
	}
	arms := p.options(watch{p.gate, u.Host})
	armOptions := &arm.ClientOptions{ClientOptions: arms, DisableRPRegistration: true}
	factory, err := armdns.NewClientFactory(p.subscription, cred, armOptions)
	if err != nil {
		return nil, err
	}
	plain, err := arm.NewClient("zonecast", "v1.0.0", cred, armOptions)
	if err != nil {
		return nil, err
	}
	return &clients{
		cred: cred, scope: arms.Cloud.Services[cloud.ResourceManager].Audience + "/.default",
		arm:  plain,
		sets: factory.NewRecordSetsClient(), zones: factory.NewZonesClient(),
	}, nil
}

// options are those of every client of the SDK: its own retries are off.
func (p *Provider) options(t http.RoundTripper) policy.ClientOptions {
	client := p.gate.Client()
	client.Transport = t
	return policy.ClientOptions{
		Cloud: p.cloud(), Transport: client, Retry: policy.RetryOptions{MaxRetries: -1},
		Telemetry: policy.TelemetryOptions{ApplicationID: "zonecast"},
	}
}

// cloud is the cloud that the addresses belong to: it decides whom tokens are made out for.
func (p *Provider) cloud() cloud.Configuration {
	audience := cloud.AzurePublic.Services[cloud.ResourceManager].Audience
	for _, c := range []cloud.Configuration{cloud.AzureChina, cloud.AzureGovernment} {
		if s := c.Services[cloud.ResourceManager]; strings.EqualFold(s.Endpoint, p.endpoint) {
			audience = s.Audience
		}
	}
	return cloud.Configuration{
		ActiveDirectoryAuthorityHost: p.authority + "/",
		Services:                     map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: p.endpoint, Audience: audience}},
	}
}

// credential is the service principal that is given, the az tool, or the chain that every Azure tool
// asks. Entra ID is asked whether it knows an authority only when that is Microsoft's.
func (p *Provider) credential() (azcore.TokenCredential, error) {
	o := p.options(watch{p.idGate, ""})
	private := p.authority != publicAuthority && p.authority+"/" != cloud.AzureChina.ActiveDirectoryAuthorityHost && p.authority+"/" != cloud.AzureGovernment.ActiveDirectoryAuthorityHost
	switch {
	case p.cli:
		return azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: p.tenant, Subscription: p.subscription})
	case p.key != "":
		return azidentity.NewClientSecretCredential(p.tenant, p.client, p.key, &azidentity.ClientSecretCredentialOptions{
			ClientOptions: o, DisableInstanceDiscovery: private,
		})
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: o, TenantID: p.tenant, DisableInstanceDiscovery: private,
	})
}

// pace takes a call's share of what may be done in one zone.
func (p *Provider) pace(ctx context.Context, op, zone, what string) (done func(), err error) {
	if p.openPace == nil {
		return func() {}, nil
	}
	p.pacing.Lock()
	a := p.paces[zone+" "+what]
	if a == nil {
		if a, err = p.openPace(zone, what); err == nil {
			if p.paces == nil {
				p.paces = map[string]*budget.Account{}
			}
			p.paces[zone+" "+what] = a
		}
	}
	p.pacing.Unlock()
	if err == nil {
		done, err = httpkit.Acquire(ctx, a, httpkit.Wait{Account: p.id, Op: op, Zone: zone})
	}
	if err == nil {
		return done, nil
	}
	e := &provider.Error{Op: op, Zone: zone, Kind: provider.Transient, Err: err}
	if s, ok := errors.AsType[*budget.Spent](err); ok {
		e.Kind, e.RetryAfter = provider.Throttled, s.Wait
		e.Advice = "run the command again later"
	}
	return nil, e
}
