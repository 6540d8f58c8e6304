package google

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	gauth "golang.org/x/oauth2/google"
	"google.golang.org/api/dns/v1"
)

// A session is an access token and who got it.
type session struct {
	turn chan struct{} // holds one while somebody signs in

	mu      sync.Mutex
	token   string
	until   time.Time // the token's end
	project string    // that the credentials name
}

// early is how long before its end a token is replaced.
const early = time.Minute

// A signedIn is what a call needs to know of its session.
type signedIn struct {
	token, project string
	fresh          bool // the token was fetched for this call
}

// enter sees that there is a token that is good for now.
func (s *session) enter(ctx context.Context, p *Provider) (signedIn, error) {
	if in, ok := s.good(p.project); ok {
		return in, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return signedIn{}, ctx.Err()
	}
	if in, ok := s.good(p.project); ok {
		return in, nil
	}
	token, project, err := p.fetch(ctx)
	if err != nil {
		return signedIn{}, err
	}
	s.mu.Lock()
	s.token, s.until, s.project = token.AccessToken, token.Expiry, project
	s.mu.Unlock()
	return signedIn{token: token.AccessToken, project: cmp.Or(p.project, project), fresh: true}, nil
}

func (s *session) good(project string) (signedIn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ok := s.token != "" && (s.until.IsZero() || time.Until(s.until) > early)
	return signedIn{token: s.token, project: cmp.Or(project, s.project)}, ok
}

func (s *session) current() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// projectOf is the project that calls are about.
func (s *session) projectOf(configured string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(configured, s.project)
}

// leave forgets a token that the service refused.
func (s *session) leave(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == token {
		s.token = ""
	}
}

// A bound transport makes calls of a token source part of the call that needs the token, and keeps
// the gate's error, which token sources wrap as text alone.
type bound struct {
	ctx  context.Context
	next http.RoundTripper
	mu   sync.Mutex
	err  error
}

func (b *bound) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req.WithContext(b.ctx))
	if err != nil {
		b.mu.Lock()
		b.err = err
		b.mu.Unlock()
	}
	return resp, err
}

// fetch gets a new token, and tells what project the credentials name.
func (p *Provider) fetch(ctx context.Context) (*oauth2.Token, string, error) {
	key, from, err := p.findCredentials()
	if err != nil {
		return nil, "", err
	}
	b := &bound{ctx: ctx, next: p.tokenGate}
	client := &http.Client{Transport: b, CheckRedirect: p.tokenGate.Client().CheckRedirect}
	if key == nil {
		b.next = p.metadataGate
	}
	var token *oauth2.Token
	var project string
	if key == nil {
		token, project, err = p.fromMetadata(ctx, client)
	} else {
		token, project, err = fromCredentials(context.WithValue(ctx, oauth2.HTTPClient, client), key)
		if err != nil {
			err = fmt.Errorf("%s: %w", from, err)
		}
	}
	switch {
	case err != nil && b.err != nil:
		return nil, "", b.err
	case err != nil:
		return nil, "", err
	case token.AccessToken == "":
		return nil, "", errNoToken
	}
	return token, cmp.Or(project, os.Getenv("GOOGLE_CLOUD_PROJECT")), nil
}

var (
	errNoToken       = errors.New("the answer holds no access token")
	errNoCredentials = errors.New("there are no credentials")
)

// findCredentials reads what is configured, or else looks where Application Default Credentials
// are (https://cloud.google.com/docs/authentication/application-default-credentials). Without
// credentials and with the metadata server allowed, key is nil.
func (p *Provider) findCredentials() (key []byte, from string, err error) {
	if p.inline != "" {
		return []byte(p.inline), "option credentials", nil
	}
	file, must := p.file, true
	if file == "" {
		file = os.Getenv("GOOGLE_APPLICATION_CREDENTIALS")
	}
	if file == "" {
		file, must = gcloudsFile(), false
	}
	key, err = os.ReadFile(file)
	switch {
	case err == nil:
		return key, file, nil
	case must:
		return nil, "", err
	case p.metadata:
		return nil, "", nil
	}
	return nil, "", errNoCredentials
}

// gcloudsFile is where `gcloud auth application-default login` puts credentials.
func gcloudsFile() string {
	const name = "application_default_credentials.json"
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("APPDATA"), "gcloud", name)
	}
	return filepath.Join(cmp.Or(os.Getenv("CLOUDSDK_CONFIG"), filepath.Join(os.Getenv("HOME"), ".config", "gcloud")), name)
}

// kindsOfCredentials are those that are taken.
var kindsOfCredentials = map[gauth.CredentialsType]bool{
	gauth.ServiceAccount: true, gauth.AuthorizedUser: true, gauth.ExternalAccount: true,
	gauth.ExternalAccountAuthorizedUser: true, gauth.ImpersonatedServiceAccount: true,
}

func fromCredentials(ctx context.Context, key []byte) (*oauth2.Token, string, error) {
	var is struct {
		Type    gauth.CredentialsType `json:"type"`
		Project string                `json:"project_id"`
		Quota   string                `json:"quota_project_id"`
	}
	if json.Unmarshal(key, &is) != nil { // its error might quote the key
		return nil, "", notCredentials("is not the JSON of a key file")
	}
	if !kindsOfCredentials[is.Type] {
		return nil, "", notCredentials(fmt.Sprintf("holds credentials of the unknown type %.40q", is.Type))
	}
	c, err := gauth.CredentialsFromJSONWithType(ctx, key, is.Type, dns.NdevClouddnsReadwriteScope)
	if err != nil {
		return nil, "", err
	}
	token, err := c.TokenSource.Token()
	return token, cmp.Or(is.Project, os.Getenv("GOOGLE_CLOUD_PROJECT"), is.Quota), err
}

// notCredentials says why a text holds none.
type notCredentials string

func (n notCredentials) Error() string { return string(n) }

// fromMetadata asks the machine's metadata server
// (https://cloud.google.com/compute/docs/access/authenticate-workloads).
func (p *Provider) fromMetadata(ctx context.Context, client *http.Client) (*oauth2.Token, string, error) {
	base := "http://" + cmp.Or(os.Getenv("GCE_METADATA_HOST"), "169.254.169.254") + "/computeMetadata/v1/"
	body, err := askMetadata(ctx, client, base+"instance/service-accounts/default/token")
	if err != nil {
		return nil, "", err
	}
	var t struct {
		Token   string `json:"access_token"`
		Seconds int64  `json:"expires_in"`
	}
	if json.Unmarshal(body, &t) != nil || t.Token == "" {
		return nil, "", errNoToken
	}
	token := &oauth2.Token{AccessToken: t.Token, Expiry: time.Now().Add(time.Duration(t.Seconds) * time.Second)}
	if p.project != "" {
		return token, "", nil
	}
	body, err = askMetadata(ctx, client, base+"project/project-id")
	return token, strings.TrimSpace(string(body)), err
}

func askMetadata(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Metadata-Flavor", "Google")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body) // the gate has bounded it
	if err == nil && resp.StatusCode != http.StatusOK {
		err = &oauth2.RetrieveError{Response: resp, Body: body}
	}
	return body, err
}
