package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/nameserver/journal"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

func nothing(context.Context, zone.Name, string) error { return nil }

func TestOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	good := Options{Names: []string{"ns1.example.org"}, Folder: t.TempDir(), TLSALPN: true}
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"no names", func(o *Options) { o.Names = nil }, "no name"},
		{"an address", func(o *Options) { o.Names = []string{"192.0.2.1"} }, "is an address"},
		{"one label", func(o *Options) { o.Names = []string{"localhost"} }, "no name of a host"},
		{"no host name", func(o *Options) { o.Names = []string{"_dns.example.org"} }, "no name of a host"},
		{"a label that is too long", func(o *Options) { o.Names = []string{strings.Repeat("a", 64) + ".example.org"} }, "aaa.example.org"},
		{"a wildcard without DNS-01", func(o *Options) { o.Names = []string{"*.example.org"} }, "needs the challenge DNS-01"},
		{"no challenge", func(o *Options) { o.TLSALPN = false }, "no way to see"},
		{"half of DNS-01", func(o *Options) { o.TLSALPN = false; o.Present = nothing }, "no way to see"},
		{"no folder", func(o *Options) { o.Folder = "" }, "no folder"},
		{"a directory without TLS", func(o *Options) { o.Directory = "http://ca.example/dir" }, "no directory of an authority"},
		{"a kind of keys", func(o *Options) { o.KeyType = "dsa" }, "write one of p256, p384, rsa2048, rsa4096"},
		{"half a binding", func(o *Options) { o.AccountKeyID = "1" }, "one of them is missing"},
		{"no CA file", func(o *Options) { o.CAFile = "/nowhere" }, "/nowhere"},
		{"no CA in the file", func(o *Options) { o.CAFile = os.Args[0] }, "no certificate in PEM"},
		{"a port that is not ours", func(o *Options) { o.HTTP = "192.0.2.1:80" }, "192.0.2.1:80"},
		{"a folder below a file", func(o *Options) { o.Folder = filepath.Join(os.Args[0], "x") }, "not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := good
			c.change(&o)
			m, err := Open(o)
			if err == nil {
				_ = m.Close()
				t.Fatalf("no error, want %q", c.want)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %q, want %q in it", err, c.want)
			}
		})
	}
}

func TestNamesAreCleaned(t *testing.T) {
	t.Parallel()
	o := Options{Names: []string{"NS1.Example.ORG.", "*.dns.example.org", "bücher.example"}, Folder: "x", Present: nothing, CleanUp: nothing}
	got, err := o.prepared()
	if want := []string{"ns1.example.org", "*.dns.example.org", "xn--bcher-kva.example"}; err != nil || !slices.Equal(got.Names, want) {
		t.Errorf("names: %q, %v, want %q", got.Names, err, want)
	}
}

// Which name gets which certificate, before any was obtained: always our own, never an error.
func TestOwnCertificate(t *testing.T) {
	t.Parallel()
	o := Options{Names: []string{"ns1.example.org", "*.dns.example.org"}, Folder: t.TempDir(), Present: nothing, CleanUp: nothing, TLSALPN: true}
	m, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	for _, name := range []string{"", "ns1.example.org", "NS1.example.org.", "x.dns.example.org", "localhost", "..", "elsewhere.example"} {
		c, err := m.GetCertificate(&tls.ClientHelloInfo{ServerName: name, SupportedProtos: []string{"dot"}})
		if err != nil || !slices.Equal(c.Leaf.DNSNames, o.Names) || c.Leaf.NotAfter.Before(time.Now()) {
			t.Errorf("%q: %v, %v, want our own certificate for all names", name, c, err)
		}
	}
	for host, want := range map[string]string{
		"ns1.example.org": "ns1.example.org", "x.dns.example.org": "*.dns.example.org", "X.DNS.example.org.": "*.dns.example.org",
		"dns.example.org": "ns1.example.org", "a.b.dns.example.org": "ns1.example.org", "": "ns1.example.org", "org": "ns1.example.org",
	} {
		if got := m.name(host); got != want {
			t.Errorf("%q gets the certificate for %s, want %s", host, got, want)
		}
	}
	info, err := os.Stat(o.Folder)
	if err != nil || !info.IsDir() {
		t.Error(info, err)
	}
}

func TestManagersRunOnce(t *testing.T) {
	t.Parallel()
	m, err := Open(Options{Names: []string{"ns1.example.org"}, Folder: t.TempDir(), TLSALPN: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Run(t.Context()); err == nil {
		t.Error("it runs after Close")
	}
	if err := m.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

func TestZones(t *testing.T) {
	t.Parallel()
	served := map[zone.Name][]zone.Data{}
	fail := error(nil)
	z := &Zones{
		Publish: func(z *zone.Zone) error {
			set, ok := z.Set(z.Origin(), zone.TypeTXT)
			soa, hasSOA := z.Set(z.Origin(), zone.TypeSOA)
			ns, hasNS := z.Set(z.Origin(), zone.TypeNS)
			if !ok || !hasSOA || !hasNS || len(soa.Data) != 1 || len(ns.Data) != 1 {
				t.Errorf("zone %s lacks records", z.Origin())
			}
			served[z.Origin()] = set.Data
			return fail
		},
		Withdraw: func(n zone.Name) { delete(served, n) },
	}
	a, b := zone.MustName("_acme-challenge.a.example."), zone.MustName("_acme-challenge.b.example.")
	// The name itself and its wildcard have one owner.
	for _, step := range []struct {
		do    func(context.Context, zone.Name, string) error
		owner zone.Name
		value string
		want  string
	}{
		{z.Present, a, "one", "a:one"},
		{z.Present, a, "two", "a:one,two"},
		{z.Present, a, "two", "a:one,two"},
		{z.Present, b, "three", "a:one,two b:three"},
		{z.CleanUp, a, "one", "a:two b:three"},
		{z.CleanUp, a, "one", "a:two b:three"},
		{z.CleanUp, a, "two", "b:three"},
		{z.CleanUp, b, "three", ""},
	} {
		if err := step.do(t.Context(), step.owner, step.value); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range []zone.Name{a, b} {
			if data, ok := served[n]; ok {
				var values []string
				for _, d := range data {
					values = append(values, string(d[1:]))
				}
				got = append(got, n.Label(1)+":"+strings.Join(values, ","))
			}
		}
		if strings.Join(got, " ") != step.want {
			t.Errorf("after %s: served are %q, want %q", step.value, got, step.want)
		}
	}
	fail = errors.New("no room")
	if err := z.Present(t.Context(), a, "one"); !errors.Is(err, fail) {
		t.Errorf("%v, want what Publish says", err)
	}
}

// Edits are made in the closest zone that is held, beside what others have at the name.
func TestEdits(t *testing.T) {
	t.Parallel()
	db, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var published []string
	zones := &held.Zones{DB: db, Withdraw: func(zone.Name) {}, Publish: func(z *zone.Zone) error {
		published = append(published, z.Origin().String())
		return nil
	}}
	for _, origin := range []string{"example.org.", "sub.example.org."} {
		res, err := zonefile.Parse([]byte("@ 60 SOA ns hostmaster 1 3600 900 86400 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n"),
			zonefile.Options{Origin: zone.MustName(origin), HasOrigin: true})
		if err != nil || res.Zone == nil {
			t.Fatal(err, res.Findings)
		}
		if _, err := zones.Create(t.Context(), res.Zone); err != nil {
			t.Fatal(err)
		}
	}
	published = nil
	owner := zone.MustName("_acme-challenge.ns.sub.example.org.")
	e := &Edits{Zones: &rival{Zones: zones}}
	for _, step := range []struct {
		do    func(context.Context, zone.Name, string) error
		value string
		want  string
	}{
		{e.Present, "two", "two"},
		{e.Present, "one", "one,two"},
		{e.Present, "one", "one,two"},
		{e.CleanUp, "two", "one"},
		{e.CleanUp, "three", "one"},
		{e.CleanUp, "one", ""},
		{e.CleanUp, "one", ""},
	} {
		if err := step.do(t.Context(), owner, step.value); err != nil {
			t.Fatal(err)
		}
		z, _, err := zones.Zone(zone.MustName("sub.example.org."))
		if err != nil {
			t.Fatal(err)
		}
		set, _ := z.Set(owner, zone.TypeTXT)
		var got []string
		for _, d := range set.Data {
			got = append(got, string(d[1:]))
		}
		if strings.Join(got, ",") != step.want {
			t.Errorf("after %s: %q, want %q", step.value, got, step.want)
		}
	}
	if slices.Contains(published, "example.org.") {
		t.Errorf("published: %v, want the closest zone alone", published)
	}
	if err := e.Present(t.Context(), zone.MustName("_acme-challenge.ns.example.net."), "x"); err == nil || !strings.Contains(err.Error(), "no zone is held here") {
		t.Errorf("elsewhere: %v", err)
	}
}

// A rival edits every zone between a look at it and the first edit.
type rival struct {
	*held.Zones
	edited bool
}

func (r *rival) Change(ctx context.Context, origin zone.Name, base string, changes []zone.Change) (held.Info, error) {
	if !r.edited {
		r.edited = true
		set := zone.RRset{Owner: origin, Type: zone.TypeTXT, TTL: 60, Data: []zone.Data{text("rival")}}
		if info, err := r.Zones.Change(ctx, origin, base, []zone.Change{{After: &set}}); err != nil {
			return info, err
		}
	}
	return r.Zones.Change(ctx, origin, base, changes)
}

func TestSecondariesHaveTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &Edits{Zones: noted{}, Settle: time.Minute}
		start := time.Now()
		if err := e.Present(t.Context(), zone.MustName("_acme-challenge.example.org."), "x"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("it took %v, want a minute", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := e.Present(ctx, zone.MustName("_acme-challenge.example.org."), "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want that it gives up in time", err)
		}
	})
}

// noted takes every edit.
type noted struct{}

func (noted) Holds(zone.Name) bool { return true }

func (noted) Zone(origin zone.Name) (*zone.Zone, held.Info, error) {
	return zone.Empty(origin), held.Info{}, nil
}

func (noted) Change(context.Context, zone.Name, string, []zone.Change) (held.Info, error) {
	return held.Info{}, nil
}

func TestFailuresAreToldOnce(t *testing.T) {
	t.Parallel()
	var got []finding.Finding
	m := &Manager{o: Options{Report: func(f finding.Finding) { got = append(got, f) }}}
	log := m.told.logger(m.report)
	why := errors.New("[ns1.example.org] authorization failed:\n HTTP 403")
	log.Error("could not get certificate from issuer", zap.Error(why))
	_ = m.happened(t.Context(), "cert_failed", map[string]any{"identifier": "ns1.example.org", "renewal": false, "error": why})
	log.Error("will retry", zap.Error(errors.New("[ns1.example.org] Obtain: "+why.Error())))
	log.Error("tls-alpn challenge", zap.Error(errors.New("a stranger's")))
	log.Info("trying to solve challenge")
	_ = m.happened(t.Context(), "cert_obtaining", nil)
	log.Error("will retry", zap.Error(errors.New("the folder is full")))
	renewal := func(left time.Duration) {
		_ = m.happened(t.Context(), "cert_failed", map[string]any{"identifier": "ns1.example.org", "renewal": true, "remaining": left, "error": why})
	}
	renewal(20 * 24 * time.Hour)
	renewal(time.Hour)
	want := []struct {
		id       string
		severity finding.Severity
		text     string
	}{
		{"acme-failed", finding.Error, "no certificate for ns1.example.org: [ns1.example.org] authorization failed: HTTP 403; until"},
		{"acme-trouble", finding.Warning, "the folder is full"},
		{"acme-failed", finding.Warning, "was not renewed: [ns1.example.org] authorization failed: HTTP 403; it is still good for 480 hours"},
		{"acme-failed", finding.Error, "it is still good for 1 hours"},
	}
	if len(got) != len(want) {
		t.Fatalf("findings: %v, want %d", got, len(want))
	}
	for i, w := range want {
		if got[i].ID != w.id || got[i].Severity != w.severity || !strings.Contains(got[i].Text, w.text) {
			t.Errorf("finding %d: %+v, want %+v", i, got[i], w)
		}
	}
}
