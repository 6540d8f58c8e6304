package google_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/google"
	emulated "github.com/zonecast/zonecast/sandbox/google"
	"github.com/zonecast/zonecast/zone"
)

// One token serves all calls, and callers at once; one that was revoked is replaced by the call
// that learns of it, reading or writing.
func TestTokens(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "tokens.example.")
	p := c.open(t, nil)
	before := c.tokens.Load()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := p.Read(t.Context(), base.Info.ZoneRef); err != nil {
				t.Errorf("read: %v", err)
			}
		})
	}
	all.Wait()
	if got := c.tokens.Load() - before; got != 1 {
		t.Errorf("%d tokens for 20 callers, want 1", got)
	}
	c.Revoke()
	read(t, p, base.Info.ZoneRef)
	c.Revoke()
	r, err := p.Write(t.Context(), base, changes(zone.Change{After: set(t, "www.tokens.example.", "A", 300, "192.0.2.1")}))
	if err != nil {
		t.Errorf("write with a revoked token: %v", err)
	}
	wantOutcomes(t, r, provider.Done)
	if got := c.tokens.Load() - before; got != 3 {
		t.Errorf("%d tokens after two revocations, want 3", got)
	}
}

// A token that ends within a minute is replaced before it does.
func TestTokenEnds(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{TokenLife: 30 * time.Second})
	base := c.fresh(t, "short.example.")
	p := c.open(t, nil)
	before := c.tokens.Load()
	for range 3 {
		read(t, p, base.Info.ZoneRef)
	}
	if got := c.tokens.Load() - before; got != 4 { // the zone once, a page each time
		t.Errorf("%d tokens for 4 calls that each need another", got)
	}
}

// Whatever the token endpoint does, a write was certainly not made, and nothing of the credentials
// is in the words.
func TestTokenEndpointFails(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	base := c.fresh(t, "in.example.")
	for _, x := range []struct {
		name   string
		status int
		body   string
		err    error
		kind   provider.ErrKind
		say    string
	}{
		{"key deleted", 400, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`, nil, provider.Denied, "make a new one"},
		{"clock", 400, `{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."}`, nil, provider.Denied, "clock"},
		{"scope", 401, `{"error":"unauthorized_client"}`, nil, provider.Denied, "401 unauthorized_client"},
		{"down", 503, "", nil, provider.Transient, "503"},
		{"throttled", 429, `{"error":"rate_limit"}`, nil, provider.Throttled, "429"},
		{"web page", 200, "<html>Sign in</html>", nil, provider.Invalid, "web page"},
		{"nothing", 200, "{}", nil, provider.Invalid, "no access token"},
		{"half", 200, `{"access_token":"ya29.secret-of-all`, nil, provider.Invalid, "JSON"},
		{"lost", 0, "", io.ErrUnexpectedEOF, provider.Transient, "unexpected EOF"},
		{"echo", 400, `{"error":"invalid_grant","error_description":"assertion eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln and ya29.a0secret are bad"}`, nil, provider.Denied, "[redacted]"},
	} {
		var said strings.Builder
		p := c.open(t, nil, func(conf *provider.Config) {
			conf.Trace = func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
			conf.HTTP = func() http.RoundTripper {
				return trip(func(r *http.Request) (*http.Response, error) {
					if r.URL.Path != "/token" {
						t.Errorf("%s: %s %s was sent", x.name, r.Method, r.URL)
					}
					if x.err != nil {
						return nil, x.err
					}
					return &http.Response{
						StatusCode: x.status, Status: fmt.Sprint(x.status), Header: http.Header{"Content-Type": {"application/json"}},
						Body: io.NopCloser(strings.NewReader(x.body)), Request: r,
					}, nil
				})
			}
		})
		r, err := p.Write(t.Context(), base, changes(zone.Change{After: set(t, "www.in.example.", "A", 300, "192.0.2.1")}))
		if err == nil || provider.KindOf(err) != x.kind || !strings.Contains(err.Error(), x.say) {
			t.Errorf("%s: got kind %q of %v; want %q and %q", x.name, provider.KindOf(err), err, x.kind, x.say)
		}
		wantOutcomes(t, r, provider.NotDone)
		for _, secret := range []string{"PRIVATE KEY", "ya29.", "eyJ"} {
			if err != nil && strings.Contains(err.Error(), secret) || strings.Contains(said.String(), secret) {
				t.Errorf("%s: a secret is seen:\n%v\n%s", x.name, err, said.String())
			}
		}
	}
}

// The trace of a whole piece of work shows no secret.
func TestTraceWithoutSecrets(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	var mu sync.Mutex
	var said strings.Builder
	var tokens []string
	p := c.open(t, nil, func(conf *provider.Config) {
		conf.Trace = func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(&said, format+"\n", args...)
		}
		conf.HTTP = func() http.RoundTripper {
			return trip(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				if token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); token != "" {
					tokens = append(tokens, token)
				}
				return http.DefaultTransport.RoundTrip(r)
			})
		}
	})
	if _, err := p.CreateZone(t.Context(), zone.MustName("trace.example.")); err != nil {
		t.Fatal(err)
	}
	var key struct {
		Key string `json:"private_key"`
	}
	if err := json.Unmarshal([]byte(c.key), &key); err != nil || len(tokens) == 0 {
		t.Fatalf("%v, %d tokens", err, len(tokens))
	}
	for _, secret := range append(tokens, key.Key[60:120]) {
		if strings.Contains(said.String(), secret) {
			t.Errorf("the trace shows %q:\n%s", secret, said.String())
		}
	}
	if !strings.Contains(said.String(), "/token: 200") || !strings.Contains(said.String(), "/managedZones?") {
		t.Errorf("the trace does not show the calls:\n%s", said.String())
	}
}

// A project, a file and the machine's own credentials are found where people put them.
func TestApplicationDefaultCredentials(t *testing.T) {
	c := newCloud(t, emulated.Options{})
	c.fresh(t, "adc.example.")
	none := t.TempDir()
	file := filepath.Join(t.TempDir(), "application_default_credentials.json")
	if err := os.WriteFile(file, []byte(c.key), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := 0
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Metadata-Flavor") != "Google" {
			t.Errorf("metadata server asked without its header")
		}
		if r.URL.Path == "/computeMetadata/v1/project/project-id" {
			_, _ = io.WriteString(w, project)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"`+emulated.DefaultToken+`","expires_in":3599,"token_type":"Bearer"}`)
	}))
	defer metadata.Close()
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(metadata.URL, "http://"))
	for _, x := range []struct {
		name    string
		env     map[string]string
		options values
		say     string // "": it works
		asked   int
	}{
		{"environment variable", map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file}, nil, "", 0},
		{"gcloud's file", map[string]string{"CLOUDSDK_CONFIG": filepath.Dir(file)}, nil, "", 0},
		{"home", map[string]string{"HOME": none}, nil, "there are no credentials", 0},
		{"a file that is not there", map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": none + "/x"}, values{"metadata": "true"}, "no such file", 0},
		{"metadata server", nil, values{"metadata": "true"}, "", 2},
		{"metadata server, project given", nil, values{"metadata": "true", "project": project}, "", 1},
		{"option before all", map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": none + "/x"}, values{"credentials_file": file, "credentials": ""}, "", 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			for _, name := range []string{"GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"} {
				t.Setenv(name, "")
			}
			t.Setenv("CLOUDSDK_CONFIG", none)
			for name, value := range x.env {
				t.Setenv(name, value)
			}
			if x.env["HOME"] != "" {
				t.Setenv("CLOUDSDK_CONFIG", "")
			}
			asked = 0
			options := values{"credentials": "", "project": ""}
			for k, v := range x.options {
				options[k] = v
			}
			_, err := c.open(t, options).Read(t.Context(), provider.ZoneRef{Origin: zone.MustName("adc.example.")})
			if x.say == "" && err != nil || x.say != "" && (provider.KindOf(err) != provider.Denied || !strings.Contains(err.Error(), x.say)) {
				t.Errorf("got %v, want %q", err, x.say)
			}
			if asked != x.asked {
				t.Errorf("the metadata server was asked %d times, want %d", asked, x.asked)
			}
		})
	}
}

// People's own logins and impersonated accounts get their tokens through the same transport.
func TestOtherCredentials(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	login := `{"type":"authorized_user","client_id":"id","client_secret":"s","refresh_token":"1//r","quota_project_id":"other"}`
	for _, x := range []struct{ name, credentials, asked string }{
		{"a login", login, "oauth2.googleapis.com/token"},
		{
			"an impersonated account",
			`{"type":"impersonated_service_account","service_account_impersonation_url":"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/dns@p.iam.gserviceaccount.com:generateAccessToken","source_credentials":` + login + `}`,
			"oauth2.googleapis.com/token iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/dns@p.iam.gserviceaccount.com:generateAccessToken",
		},
	} {
		var asked []string
		p := c.open(t, values{"credentials": x.credentials}, func(conf *provider.Config) {
			conf.HTTP = func() http.RoundTripper {
				return trip(func(r *http.Request) (*http.Response, error) {
					body := `{"access_token":"` + emulated.DefaultToken + `","expires_in":3599,"token_type":"Bearer"}`
					switch {
					case !strings.HasSuffix(r.URL.Host, ".googleapis.com"):
						return http.DefaultTransport.RoundTrip(r)
					case strings.HasPrefix(r.URL.Host, "iam"):
						body = `{"accessToken":"` + emulated.DefaultToken + `","expireTime":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}`
					}
					asked = append(asked, r.URL.Host+r.URL.Path)
					return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
				})
			}
		})
		if text, err := p.Verify(t.Context()); err != nil || !strings.Contains(text, project) {
			t.Errorf("%s: %q, %v", x.name, text, err)
		}
		if got := strings.Join(asked, " "); got != x.asked {
			t.Errorf("%s: asked %s, want %s", x.name, got, x.asked)
		}
	}
}

// Credentials that are none are said to be so, without their text.
func TestCredentialsThatAreNone(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	for text, want := range map[string]string{
		`{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n","client_email":"a@b"}`: "signing in: option credentials: ",
		`{"type":"tea_pot","secret":"c2VjcmV0"}`: `the unknown type "tea_pot"`,
		`["c2VjcmV0"]`:                           "is not the JSON of a key file",
		`{"type":"authorized_user","client_id":"x","client_secret":"c2VjcmV0","refresh_token":"1//c2VjcmV0c2VjcmV0"}`: "signing in:",
	} {
		p := c.open(t, values{"credentials": text}, func(conf *provider.Config) {
			conf.HTTP = func() http.RoundTripper {
				return trip(func(r *http.Request) (*http.Response, error) { // oauth2.googleapis.com is not here
					return &http.Response{StatusCode: 400, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"error":"invalid_grant"}`)), Request: r}, nil
				})
			}
		})
		_, err := p.Verify(t.Context())
		if provider.KindOf(err) != provider.Denied || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%.40s…: got %v, want %q and no secret", text, err, want)
		}
	}
}

// Without a project there is nothing to ask for.
func TestNoProject(t *testing.T) {
	t.Setenv("GOOGLE_CLOUD_PROJECT", "")
	c := newCloud(t, emulated.Options{})
	key := strings.Replace(c.key, `"project_id"`, `"no_project"`, 1)
	_, err := c.open(t, values{"project": "", "credentials": key}).Verify(t.Context())
	if provider.KindOf(err) != provider.Denied || !strings.Contains(err.Error(), "set the option project") {
		t.Errorf("got %v", err)
	}
	t.Setenv("GOOGLE_CLOUD_PROJECT", project)
	if text, err := c.open(t, values{"project": "", "credentials": key}).Verify(t.Context()); err != nil || !strings.Contains(text, project) {
		t.Errorf("project of the environment: %q, %v", text, err)
	}
}

// What a person typed wrong is said when the account is opened, all of it.
func TestOptions(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		options values
		want    []string
	}{
		{values{"project": "My Project"}, []string{`option project is "My Project"`}},
		{values{"credentials": "{", "batch_size": "0"}, []string{"option credentials is not the JSON of a key file", "option batch_size is 0"}},
		{values{"credentials": "{}", "credentials_file": "x"}, []string{"stands beside credentials_file"}},
		{values{"sync_timeout": "soon"}, []string{`option sync_timeout is "soon"`}},
		{values{"sync_timeout": "-1"}, []string{"option sync_timeout is -1"}},
		{values{"endpoint": "dns.googleapis.com"}, []string{`option endpoint is "dns.googleapis.com"`}},
		{values{"private": "perhaps"}, []string{"option private"}},
		{values{"metadata": "perhaps"}, []string{"option metadata"}},
		{values{"ca_file": "/nowhere.pem"}, []string{"option ca_file"}},
		{values{"limits": "many"}, []string{"option limits"}},
	} {
		conf := provider.Config{ID: "gcp", Values: map[string]provider.Value{}}
		for k, v := range x.options {
			conf.Values[k] = provider.Value{Text: v}
		}
		_, err := google.Open(conf)
		for _, want := range x.want {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "provider gcp: ") {
				t.Errorf("%v: got %v, want %q", x.options, err, want)
			}
		}
	}
	for name, v := range map[string]provider.Value{
		"zone_names": {Map: map[string]string{"example.org": "Not A Name"}},
		"networks":   {List: []string{"default"}},
	} {
		if _, err := google.Open(provider.Config{ID: "gcp", Values: map[string]provider.Value{name: v}}); err == nil || !strings.Contains(err.Error(), "option "+name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// Every option of octoDNS's class is understood, and needs nothing else.
	p, err := google.Open(provider.Config{ID: "gcp", Values: map[string]provider.Value{
		"project": {Text: "my-project"}, "credentials_file": {Text: "~/key.json"}, "batch_size": {Text: "500"}, "private": {Text: "None"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Capabilities(provider.ZoneInfo{}).Batch; got != 500 {
		t.Errorf("batch: got %d, want 500", got)
	}
}
