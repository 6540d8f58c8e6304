package route53_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	aws53 "github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/route53"
	emulated "github.com/zonecast/zonecast/sandbox/route53"
	"github.com/zonecast/zonecast/zone"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	c := &cloud{url: "http://127.0.0.1:1"}
	for _, x := range []struct {
		more values
		want string // "" when it opens
	}{
		{values{}, ""},
		{values{"access_key_id": "", "secret_access_key": ""}, ""}, // the chain
		{values{"profile": "work"}, ""},
		{values{"access_key_id": ""}, "option access_key_id is missing"},
		{values{"secret_access_key": ""}, "option secret_access_key is missing"},
		{values{"role_arn": "dns"}, `option role_arn is "dns"; write the role's ARN`},
		{values{"role_external_id": "x"}, "option role_arn is missing"},
		{values{"endpoint": "route53.amazonaws.com"}, "option endpoint is"},
		{values{"endpoint": "https://key:secret@host"}, "option endpoint holds a user or a password"},
		{values{"private": "none"}, ""},
		{values{"private": "perhaps"}, `option private is "perhaps"; write true or false`},
		{values{"vpc_id": "vpc-1"}, "option vpc_region is missing"},
		{values{"vpc_id": "vpc-1", "vpc_region": "eu-west-1"}, ""},
		{values{"vpc_id": "vpc-1", "vpc_region": "eu-west-1", "private": "false"}, "option vpc_id cannot stand beside private: false"},
		{values{"vpc_multi_action": "skip"}, `option vpc_multi_action is "skip"; write error, warn or ignore`},
		{values{"private": "true", "delegation_set_id": "N1"}, "option delegation_set_id cannot stand beside private zones"},
		{values{"max_changes": "1001"}, "option max_changes is 1001; write a number from 2 to 1000"},
		{values{"client_max_attempts": "0"}, "option client_max_attempts is 0"},
		{values{"sync_timeout": "soon"}, `option sync_timeout is "soon"; write a whole number`},
		{values{"ca_file": "/nonexistent.pem"}, "option ca_file names a file of certificates"},
		{values{"limits": "lots"}, "option limits"},
	} {
		_, err := route53.Open(c.config(x.more))
		switch {
		case x.want == "" && err != nil:
			t.Errorf("%v: %v, want no error", x.more, err)
		case x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)):
			t.Errorf("%v: %v, want %q", x.more, err, x.want)
		case err != nil && strings.Contains(err.Error(), emulated.DefaultSecret):
			t.Errorf("%v: the secret is in the message", x.more)
		}
	}
	conf := c.config(nil)
	conf.Values["zone_ids"] = provider.Value{Map: map[string]string{"example.org.": "zone one"}}
	if _, err := route53.Open(conf); err == nil || !strings.Contains(err.Error(), "write a hosted zone's id") {
		t.Errorf("zone_ids with nonsense: %v", err)
	}
}

// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func TestRoles(t *testing.T) {
	t.Parallel()
	c, _, base := fresh(t, nil)
	for _, x := range []struct {
		name string
		more values
		read provider.ErrKind // Other: it works
		want string
	}{
		{"a role", values{"role_arn": emulated.DefaultRole}, provider.Other, ""},
		{"with external id", values{"role_arn": emulated.ExternalIDRole, "role_external_id": emulated.DefaultExternal, "role_session_name": "night run"}, provider.Other, ""},
		{"with a wrong external id", values{"role_arn": emulated.ExternalIDRole, "role_external_id": "guess"}, provider.Denied, "role_external_id"},
		{"that is not there", values{"role_arn": "arn:aws:iam::123456789012:role/nobody"}, provider.Denied, "signing in"},
		{"with a wrong key", values{"role_arn": emulated.DefaultRole, "secret_access_key": "wrong"}, provider.Denied, "signing in"},
	} {
		p := c.open(t, x.more)
		_, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName(origin)})
		if x.want == "" {
			if err != nil {
				t.Errorf("%s: read: %v", x.name, err)
			}
			done(t, p, base, zone.Change{After: set(t, strings.ReplaceAll(x.name, " ", "-"), "A", 60, "192.0.2.1")})
			continue
		}
		if provider.KindOf(err) != x.read || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: kind %q, %v; want %q and %q", x.name, provider.KindOf(err), err, x.read, x.want)
		}
		r, err := write(t, p, base, hosts(t, 1)...)
		if err == nil || r.Sets[0] != provider.NotDone {
			t.Errorf("%s: write: %v, %v; want nothing done", x.name, r.Sets, err)
		}
	}
}

// A role is assumed once for many calls, and what goes wrong with STS in the middle says nothing
// was written.
func TestRoleIsAssumedOnce(t *testing.T) {
	t.Parallel()
	c, _, base := fresh(t, nil)
	var signIns atomic.Int64
	var broken atomic.Bool
	p := c.open(t, values{"role_arn": emulated.DefaultRole, "client_max_attempts": "1"}, func(conf *provider.Config) {
		conf.HTTP = func() http.RoundTripper {
			return tripper(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path == "/" {
					signIns.Add(1)
					if broken.Load() {
						return nil, io.ErrUnexpectedEOF
					}
				}
				return http.DefaultTransport.RoundTrip(r)
			})
		}
	})
	broken.Store(true)
	r, err := write(t, p, base, hosts(t, 1)...)
	if provider.KindOf(err) != provider.Transient || r.Sets[0] != provider.NotDone {
		t.Errorf("STS is down: %v, kind %q, %v; want temporary trouble and nothing done", r.Sets, provider.KindOf(err), err)
	}
	broken.Store(false)
	signIns.Store(0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { _ = read(t, p) })
	}
	wg.Wait()
	if n := signIns.Load(); n != 1 {
		t.Errorf("the role was assumed %d times, want once", n)
	}
}

// hostedZone makes a zone, private in a VPC when one is given, behind the adapter's back.
func hostedZone(t *testing.T, c *cloud, name, vpc string) string {
	t.Helper()
	in := &aws53.CreateHostedZoneInput{Name: &name, CallerReference: aws.String(fmt.Sprintf("%s %s %d", name, vpc, c.Panel().Total()))}
	if vpc != "" {
		in.HostedZoneConfig = &types.HostedZoneConfig{PrivateZone: true}
		in.VPC = &types.VPC{VPCId: &vpc, VPCRegion: types.VPCRegionEuWest1}
	}
	out, err := c.sdk().CreateHostedZone(t.Context(), in)
	if err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	return strings.TrimPrefix(*out.HostedZone.Id, "/hostedzone/")
}

// An account may hold several zones of one name.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html
func TestZonesOfOneName(t *testing.T) {
	t.Parallel()
	c := newCloud(t, emulated.Options{})
	var (
		public1 = hostedZone(t, c, "two.example.", "")
		public2 = hostedZone(t, c, "two.example.", "")
		split   = hostedZone(t, c, "split.example.", "")
		inside  = hostedZone(t, c, "split.example.", "vpc-0a1b2c3d")
		only    = hostedZone(t, c, "inside.example.", "vpc-0e0f0a0b")
		left    = hostedZone(t, c, "vpcs.example.", "vpc-0a1b2c3d")
		right   = hostedZone(t, c, "vpcs.example.", "vpc-0e0f0a0b")
	)
	byVPC := map[string][]string{"vpc-0a1b2c3d": {inside, left}, "vpc-0e0f0a0b": {only, right}}
	// associated answers which zones a VPC sees, which the emulation does not know.
	associated := func(r *http.Request) (*http.Response, error) {
		text := `<ListHostedZonesByVPCResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><HostedZoneSummaries>`
		ids, next := byVPC[r.URL.Query().Get("vpcid")], ""
		if r.URL.Query().Get("nexttoken") == "" {
			ids, next = ids[:1], "<NextToken>more</NextToken>"
		} else {
			ids = ids[1:]
		}
		for _, id := range ids {
			text += "<HostedZoneSummary><HostedZoneId>" + id + "</HostedZoneId><Name>x.</Name><Owner><OwningAccount>1</OwningAccount></Owner></HostedZoneSummary>"
		}
		text += "</HostedZoneSummaries><MaxItems>100</MaxItems>" + next + "</ListHostedZonesByVPCResponse>"
		return &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
	}
	through := func(edit func(body string) string) func(conf *provider.Config) {
		return func(conf *provider.Config) {
			conf.HTTP = func() http.RoundTripper {
				return tripper(func(r *http.Request) (*http.Response, error) {
					if strings.HasSuffix(r.URL.Path, "/hostedzonesbyvpc") {
						return associated(r)
					}
					resp, err := http.DefaultTransport.RoundTrip(r)
					if err != nil {
						return resp, err
					}
					body, err := io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					text := edit(string(body))
					resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
					return resp, err
				})
			}
		}
	}
	plainly := through(func(body string) string { return body })
	// alsoSeen has the service say that another VPC sees every zone.
	alsoSeen := through(func(body string) string {
		return strings.Replace(body, "</VPCs>", "<VPC><VPCRegion>eu-west-1</VPCRegion><VPCId>vpc-0a1b2c3d</VPCId></VPC></VPCs>", 1)
	})
	ids := func(m map[string]string) func(*provider.Config) {
		return func(conf *provider.Config) { conf.Values["zone_ids"] = provider.Value{Map: m} }
	}
	vpc := func(id string, more ...string) values {
		v := values{"vpc_id": id, "vpc_region": "eu-west-1"}
		for i := 0; i < len(more); i += 2 {
			v[more[i]] = more[i+1]
		}
		return v
	}
	for _, x := range []struct {
		name string
		p    *route53.Provider
		ref  provider.ZoneRef
		want string // id
		kind provider.Kind
		says string // of an error
	}{
		{"two public ones", c.open(t, nil), provider.ZoneRef{Origin: zone.MustName("two.example.")}, "", "", "holds 2 hosted zones of this name: "},
		{"by id", c.open(t, nil), provider.ZoneRef{Origin: zone.MustName("two.example."), ID: public2}, public2, provider.Primary, ""},
		{"by long id", c.open(t, nil), provider.ZoneRef{Origin: zone.MustName("two.example."), ID: "/hostedzone/" + public1}, public1, provider.Primary, ""},
		{"by option", c.open(t, nil, ids(map[string]string{"two.example": public2})), provider.ZoneRef{Origin: zone.MustName("two.example.")}, public2, provider.Primary, ""},
		{"by an option that names none", c.open(t, nil, ids(map[string]string{"two.example": "Z0NOWHERE"})), provider.ZoneRef{Origin: zone.MustName("two.example.")}, "", "", "no hosted zone Z0NOWHERE, which option zone_ids names"},
		{"id of another", c.open(t, nil), provider.ZoneRef{Origin: zone.MustName("two.example."), ID: split}, "", "", "is of the name split.example."},
		{"public before private", c.open(t, nil), provider.ZoneRef{Origin: zone.MustName("split.example.")}, split, provider.Primary, ""},
		{"the private view", c.open(t, nil), provider.ZoneRef{Origin: zone.MustName("split.example."), View: "private"}, inside, provider.Private, ""},
		{"private by option", c.open(t, values{"private": "true"}), provider.ZoneRef{Origin: zone.MustName("split.example.")}, inside, provider.Private, ""},
		{"public by option", c.open(t, values{"private": "false"}), provider.ZoneRef{Origin: zone.MustName("inside.example.")}, "", "", "zone does not exist here"},
		{"only a private one", c.open(t, nil), provider.ZoneRef{Origin: zone.MustName("inside.example.")}, only, provider.Private, ""},
		{"another view", c.open(t, nil), provider.ZoneRef{Origin: zone.MustName("inside.example."), View: "office"}, "", "", "zone does not exist here"},
		{"two private ones", c.open(t, nil), provider.ZoneRef{Origin: zone.MustName("vpcs.example.")}, "", "", "(private), Z"},
		{"one VPC's", c.open(t, vpc("vpc-0a1b2c3d"), plainly), provider.ZoneRef{Origin: zone.MustName("vpcs.example.")}, left, provider.Private, ""},
		{"the other VPC's", c.open(t, vpc("vpc-0e0f0a0b"), plainly), provider.ZoneRef{Origin: zone.MustName("vpcs.example.")}, right, provider.Private, ""},
		{"seen by other VPCs", c.open(t, vpc("vpc-0e0f0a0b"), alsoSeen), provider.ZoneRef{Origin: zone.MustName("inside.example.")}, "", "", "VPCs see this zone"},
		{"and shown", c.open(t, vpc("vpc-0e0f0a0b", "vpc_multi_action", "warn"), alsoSeen), provider.ZoneRef{Origin: zone.MustName("inside.example.")}, only, provider.Private, ""},
		{"and ignored", c.open(t, vpc("vpc-0e0f0a0b", "vpc_multi_action", "ignore"), alsoSeen), provider.ZoneRef{Origin: zone.MustName("inside.example.")}, only, provider.Private, ""},
		{"no such zone", c.open(t, nil), provider.ZoneRef{Origin: zone.MustName("none.example.")}, "", "", "zone does not exist here"},
	} {
		snap, err := x.p.Read(t.Context(), x.ref)
		if x.says != "" {
			if err == nil || !strings.Contains(err.Error(), x.says) {
				t.Errorf("%s: %v, want an error with %q", x.name, err, x.says)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		view := ""
		if x.kind == provider.Private {
			view = "private"
		}
		if i := snap.Info; i.ID != x.want || i.Kind != x.kind || i.View != view || (len(i.NameServers) == 4) != (view == "") {
			t.Errorf("%s: %+v, want id %s, kind %s", x.name, i, x.want, x.kind)
		}
		if shown := len(snap.Foreign) > 0; shown != (x.name == "and shown") {
			t.Errorf("%s: foreign %v", x.name, snap.Foreign)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	c, _, base := fresh(t, nil)
	const secret, token = "s3cr3t/that+nobody/must/see", "t0ken-that-nobody-must-see=="
	var said strings.Builder
	p := c.open(t, values{"access_key_id": emulated.DefaultKeyID, "secret_access_key": secret, "session_token": token}, func(conf *provider.Config) {
		conf.Trace = func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
		conf.HTTP = func() http.RoundTripper {
			return tripper(func(r *http.Request) (*http.Response, error) {
				body := fmt.Sprintf(`<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>The signature of %s does not match.

The Canonical String for this request should have been
'POST
x-amz-security-token:%s'</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`, secret, r.Header.Get("X-Amz-Security-Token"))
				return &http.Response{StatusCode: 403, Status: "403 Forbidden", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			})
		}
	})
	_, err := p.Read(t.Context(), provider.ZoneRef{Origin: zone.MustName(origin)})
	fmt.Fprintln(&said, err)
	_, err = p.Write(t.Context(), base, provider.ChangeSet{Sets: hosts(t, 1)})
	fmt.Fprintln(&said, err)
	_, err = p.Verify(t.Context())
	fmt.Fprintln(&said, err)
	if provider.KindOf(err) != provider.Denied {
		t.Errorf("kind %q, want %q: %v", provider.KindOf(err), provider.Denied, err)
	}
	for _, s := range []string{secret, token} {
		if strings.Contains(said.String(), s) {
			t.Errorf("%q is shown in\n%s", s, said.String())
		}
	}
}

// Without any credentials the error says what to do. Not parallel: it sets the environment.
func TestNoCredentials(t *testing.T) {
	dir := t.TempDir()
	for k, v := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": dir + "/config", "AWS_SHARED_CREDENTIALS_FILE": dir + "/credentials",
	} {
		t.Setenv(k, v)
	}
	c := newCloud(t, emulated.Options{})
	hostedZone(t, c, origin, "")
	none := values{"access_key_id": "", "secret_access_key": ""}
	_, err := c.open(t, none).Read(t.Context(), provider.ZoneRef{Origin: zone.MustName(origin)})
	if provider.KindOf(err) != provider.Denied || !strings.Contains(err.Error(), "set access_key_id and secret_access_key, or profile") {
		t.Errorf("kind %q, %v; want access denied with advice", provider.KindOf(err), err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", emulated.DefaultKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", emulated.DefaultSecret)
	_ = read(t, c.open(t, none))
	_, err = c.open(t, values{"access_key_id": "", "secret_access_key": "", "profile": "nobody"}).Read(context.Background(), provider.ZoneRef{Origin: zone.MustName(origin)})
	if provider.KindOf(err) != provider.Denied || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("a profile that is not there: kind %q, %v", provider.KindOf(err), err)
	}
}
