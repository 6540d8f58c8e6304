package zonecast_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/zonecast"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
	"github.com/zonecast/zonecast/zone/zonefile"
)

var example = zone.MustName("example.org.")

func local(t testing.TB) (*server, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	return start(t, &control.Unix{Path: path}, nil), path
}

func create(t testing.TB, p provider.Provider) *provider.Snapshot {
	t.Helper()
	s, err := p.(provider.ZoneCreator).CreateZone(t.Context(), example)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func address(owner, a string) zone.RRset {
	return zone.RRset{Owner: zone.MustName(owner), Type: zone.TypeA, TTL: 300, Data: []zone.Data{mustParse(zone.TypeA, a)}}
}

func mustParse(t zone.Type, text string) zone.Data {
	d, err := rdata.Parse(t, text, zone.Root)
	if err != nil {
		panic(err)
	}
	return d
}

func nsSet(names ...string) zone.RRset {
	set := zone.RRset{Owner: example, Type: zone.TypeNS, TTL: 3600}
	for _, n := range names {
		set.Data = append(set.Data, rdata.Name(zone.MustName(n)))
	}
	return set
}

func soaOf(t testing.TB, z *zone.Zone) rdata.SOA {
	t.Helper()
	set, ok := z.Set(z.Origin(), zone.TypeSOA)
	if !ok {
		t.Fatal("no SOA")
	}
	x, err := rdata.SOAOf(set.Data[0])
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestFirstNS creates a zone without option nameservers: it has no NS for who plans, and its SOA
// gets the first NS that comes, also from a plan out of a file, which has no sets.
func TestFirstNS(t *testing.T) {
	t.Parallel()
	for name, saved := range map[string]bool{"plan in memory": false, "plan out of a file": true} {
		s, path := local(t)
		p := open(t, map[string]string{"socket": path, "hostmaster_email": "dns.admin@example.net", "refresh": "1"}, nil)
		base := create(t, p)
		if _, ok := base.Sets.Set(example, zone.TypeNS); ok || base.Sets.Len() != 1 {
			t.Errorf("%s: the new zone has %d RRsets, want a SOA alone", name, base.Sets.Len())
		}
		if soa := soaOf(t, base.Sets); !soa.MName.IsRoot() || soa.RName.String() != `dns\.admin.example.net.` || soa.Refresh != 1 || soa.Expire != 1209600 {
			t.Errorf("%s: SOA %+v", name, soa)
		}
		if saved {
			base = &provider.Snapshot{Info: base.Info, Revision: base.Revision, Sets: zone.Empty(example)}
		}
		ns := nsSet("ns2.example.net.", "ns1.example.net.")
		r, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{After: &ns}}})
		if err != nil || r.Count(provider.Done) != 1 || r.Serial != 2 || r.Revision == "" || r.Calls < 1 {
			t.Fatalf("%s: %+v %v", name, r, err)
		}
		z, info, err := s.zones.Zone(example)
		if err != nil || info.Revision != r.Revision {
			t.Fatalf("%s: %+v %v", name, info, err)
		}
		if soa := soaOf(t, z); soa.MName.String() != "ns1.example.net." || soa.Serial != 2 {
			t.Errorf("%s: SOA %+v, want the first NS as primary and serial 2", name, soa)
		}
		more := nsSet("ns0.example.net.")
		after, err := p.Read(t.Context(), base.Info.ZoneRef)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write(t.Context(), after, provider.ChangeSet{Sets: []zone.Change{{Before: &ns, After: &more}}}); err != nil {
			t.Fatal(err)
		}
		if z, _, _ = s.zones.Zone(example); soaOf(t, z).MName.String() != "ns1.example.net." {
			t.Errorf("%s: another NS has changed the primary to %s", name, soaOf(t, z).MName)
		}
	}
}

func TestCreateWithNameServers(t *testing.T) {
	t.Parallel()
	_, path := local(t)
	p, err := zonecast.Open(provider.Config{ID: "ns1", Values: map[string]provider.Value{
		"socket": {Text: path}, "nameservers": {List: []string{"ns1.example.net", "ns2.example.net."}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	base := create(t, p)
	if ns, _ := base.Sets.Set(example, zone.TypeNS); len(ns.Data) != 2 || soaOf(t, base.Sets).MName.String() != "ns1.example.net." {
		t.Errorf("NS %v, SOA %+v", ns.Data, soaOf(t, base.Sets))
	}
	if _, err := p.(provider.ZoneCreator).CreateZone(t.Context(), example); provider.KindOf(err) != provider.Conflict {
		t.Errorf("created twice: %v", err)
	}
}

// TestRefused writes what is not to be written.
func TestRefused(t *testing.T) {
	t.Parallel()
	_, path := local(t)
	p := open(t, map[string]string{"socket": path}, nil)
	base := create(t, p)
	www := address("www.example.org.", "192.0.2.1")
	soa, _ := base.Sets.Set(example, zone.TypeSOA)
	alias := zone.RRset{Owner: example, Type: zone.TypeALIAS, TTL: 1, Data: []zone.Data{rdata.Name(example)}}
	noRevision := &provider.Snapshot{Info: base.Info, Sets: base.Sets}
	signed := *base
	signed.Info.Signed = true
	set := func(c ...zone.Change) provider.ChangeSet { return provider.ChangeSet{Sets: c} }
	for name, c := range map[string]struct {
		base    *provider.Snapshot
		changes provider.ChangeSet
		kind    provider.ErrKind
	}{
		"SOA":           {base, set(zone.Change{After: &www}, zone.Change{Before: &soa}), provider.Rejected},
		"ALIAS":         {base, set(zone.Change{After: &www}, zone.Change{After: &alias}), provider.Rejected},
		"setting":       {base, provider.ChangeSet{Settings: []provider.SettingChange{{Key: "dnssec", After: "on"}}}, provider.Rejected},
		"signed zone":   {&signed, set(zone.Change{After: &www}), provider.Rejected},
		"no revision":   {noRevision, set(zone.Change{After: &www}), provider.Conflict},
		"without data":  {base, set(zone.Change{After: &zone.RRset{Owner: www.Owner, Type: zone.TypeA}}), provider.Rejected},
		"out of zone":   {base, set(zone.Change{After: &zone.RRset{Owner: zone.MustName("x."), Type: zone.TypeA, Data: www.Data}}), provider.Rejected},
		"bad RDATA":     {base, set(zone.Change{After: &zone.RRset{Owner: www.Owner, Type: zone.TypeA, Data: []zone.Data{"x"}}}), provider.Rejected},
		"no NS is left": {base, set(zone.Change{Before: &zone.RRset{Owner: example, Type: zone.TypeNS}}), provider.Rejected},
	} {
		r, err := p.Write(t.Context(), c.base, c.changes)
		if provider.KindOf(err) != c.kind || r == nil || r.Count(provider.NotDone) != c.changes.Len() {
			t.Errorf("%s: %+v %v; want kind %q", name, r, err, c.kind)
		}
	}
	if r, err := p.Write(t.Context(), base, provider.ChangeSet{}); err != nil || r.Revision != base.Revision || r.Calls != 0 {
		t.Errorf("nothing: %+v %v", r, err)
	}
	now, err := p.Read(t.Context(), base.Info.ZoneRef)
	if err != nil || now.Revision != base.Revision {
		t.Errorf("the zone has moved: %v %v", now, err)
	}
}

// TestSigned reads a zone that was signed elsewhere.
func TestSigned(t *testing.T) {
	t.Parallel()
	s, path := local(t)
	res, err := zonefile.Parse([]byte(`@ 3600 SOA ns1.example.net. h.example.net. 1 2 3 4 5
@ 3600 NS ns1.example.net.
@ 3600 RRSIG SOA 13 2 3600 20270101000000 20260101000000 1 example.org. AAAA
@ 300 NSEC example.org. NS SOA RRSIG NSEC
`), zonefile.Options{Origin: example, HasOrigin: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.zones.Create(t.Context(), res.Zone); err != nil {
		t.Fatal(err)
	}
	p := open(t, map[string]string{"socket": path}, nil)
	snap, err := p.Read(t.Context(), provider.ZoneRef{Origin: example})
	if err != nil || !snap.Info.Signed || snap.Sets.Len() != 2 || len(snap.Foreign) != 1 || !strings.Contains(snap.Foreign[0].Text, "2 RRsets") {
		t.Fatalf("%+v %v", snap, err)
	}
}

func TestInfoAndSets(t *testing.T) {
	t.Parallel()
	s, path := local(t)
	p := open(t, map[string]string{"socket": path}, nil)
	base := create(t, p)
	if base.Info.Kind != provider.Primary || base.Info.Serial != 1 || !slices.Equal(base.Info.Addresses, []string{s.dns}) {
		t.Errorf("info %+v, want primary, serial 1, %s", base.Info, s.dns)
	}
	ns, www := nsSet("ns1.example.net."), address("www.example.org.", "192.0.2.1")
	if _, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{After: &ns}, {After: &www}}}); err != nil {
		t.Fatal(err)
	}
	keys := []zone.Key{www.Key(), {Owner: www.Owner, Type: zone.TypeAAAA}, ns.Key()}
	for n := range 2 {
		if n == 1 { // so many that the whole zone is read
			for i := range 100 {
				keys = append(keys, zone.Key{Owner: zone.MustName(strings.Repeat("x", i%60+1) + ".y.example.org."), Type: zone.TypeA})
			}
		}
		sets, err := p.(provider.SetReader).ReadSets(t.Context(), base.Info.ZoneRef, keys)
		if err != nil || len(sets) != 2 || !sets[0].Equal(www) || !sets[1].Equal(ns) {
			t.Errorf("sets %v %v", sets, err)
		}
	}
	other := open(t, map[string]string{"socket": path, "dns_address": "192.0.2.53"}, nil)
	for z, err := range other.Zones(t.Context()) {
		if err != nil || z.Origin != example || !slices.Equal(z.Addresses, []string{"192.0.2.53:53"}) {
			t.Errorf("zone %+v %v", z, err)
		}
	}
	if text, err := p.(provider.Verifier).Verify(t.Context()); err != nil || !strings.HasPrefix(text, "zonecast name server test, 1 zone, as user ") {
		t.Errorf("verify: %q %v", text, err)
	}
}

// TestNobodyThere says what to do when the name server is not there.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	for path, want := range map[string]string{filepath.Join(dir, "none"): "is the name server running, with control on?", stale: "nobody answers at the socket"} {
		_, err := open(t, map[string]string{"socket": path}, nil).(provider.Verifier).Verify(t.Context())
		if provider.KindOf(err) != provider.Transient || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", path, err, want)
		}
	}
}

// TestLostAnswer has the answer of a write lost for good: the receipt says Unknown, and a read tells.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s, path := local(t)
	base := create(t, open(t, map[string]string{"socket": path}, nil))
	began, release := make(chan bool, 9), make(chan bool)
	hold := func() { began <- true; <-release }
	s.hold.Store(&hold)
	ctx, cancel := context.WithCancel(t.Context())
	p := open(t, map[string]string{"socket": path}, nil)
	ns := nsSet("ns1.example.net.")
	var wg sync.WaitGroup
	wg.Go(func() {
		r, err := p.Write(ctx, base, provider.ChangeSet{Sets: []zone.Change{{After: &ns}}})
		if err == nil || r.Count(provider.Unknown) != 1 {
			t.Errorf("the answer was lost: %+v %v; want Unknown", r, err)
		}
	})
	patience.Receive(t, "the beginning of the write", began)
	cancel() // the client goes while the write is carried out
	wg.Wait()
	close(release)
	p = open(t, map[string]string{"socket": path}, nil)
	patience.Until(t, "the write, which nobody waits for, is done", func() (any, bool) {
		snap, err := p.Read(t.Context(), base.Info.ZoneRef)
		if err != nil {
			t.Fatal(err)
		}
		_, ok := snap.Sets.Set(example, zone.TypeNS)
		return snap.Sets, ok
	})
}

// TestNonsense reads from things that are no name server.
func TestNonsense(t *testing.T) {
	t.Parallel()
	said := func(status int, form, body string) http.RoundTripper {
		return answering(func(*http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Header: http.Header{"Content-Type": {form}}, Body: io.NopCloser(strings.NewReader(body)),
				ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body)),
			}, nil
		})
	}
	var other bytes.Buffer
	w := api.NewWriter(&other)
	w.Head(api.Zone{Name: zone.MustName("example.net."), Kind: "primary", Revision: "x"})
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		status     int
		form, body string
		kind       provider.ErrKind
	}{
		"a web page":        {200, "text/html", "<h1>Welcome</h1>", provider.Invalid},
		"another zone":      {200, api.Sets, other.String(), provider.Invalid},
		"half a zone":       {200, api.Sets, other.String()[:9], provider.Invalid},
		"other JSON":        {200, api.JSON, `{"result":"ok"}`, provider.Invalid},
		"404 of others":     {404, "text/plain", "404 page not found", provider.Invalid},
		"a problem":         {403, api.ProblemJSON, `{"kind":"denied","detail":"no \u001b[31mway"}`, provider.Denied},
		"a redirect":        {302, "text/html", "", provider.Invalid},
		"problem, no sense": {400, api.ProblemJSON, `[]`, provider.Rejected},
	} {
		p := open(t, map[string]string{"socket": "/nowhere"}, said(c.status, c.form, c.body))
		_, err := p.Read(t.Context(), provider.ZoneRef{Origin: example})
		if provider.KindOf(err) != c.kind || strings.ContainsRune(err.Error(), 0x1b) {
			t.Errorf("%s, read: %v; want kind %q", name, err, c.kind)
		}
		if c.form == api.Sets {
			continue
		}
		for z, err := range p.Zones(t.Context()) {
			if provider.KindOf(err) != c.kind {
				t.Errorf("%s, zones: %v %v; want kind %q", name, z, err, c.kind)
			}
		}
		if _, err := p.(provider.Verifier).Verify(t.Context()); provider.KindOf(err) != c.kind {
			t.Errorf("%s, verify: %v; want kind %q", name, err, c.kind)
		}
	}
}

type answering func(*http.Request) (*http.Response, error)

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return f(r)
}

func TestOptions(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert, key := ca.pair(t, "a.example.net")
	for want, options := range map[string]map[string]string{
		"option socket is given beside address":          {"socket": "/s", "address": "192.0.2.1"},
		"option certificate has no meaning for a socket": {"certificate": cert},
		"option certificate or key is missing":           {"address": "192.0.2.1"},
		"option certificate or key cannot be used":       {"address": "192.0.2.1", "certificate": cert, "key": cert},
		"option ca_file names a file of certificates":    {"address": "192.0.2.1", "certificate": cert, "key": key, "ca_file": key},
		"option address is ":                             {"address": ":8530", "certificate": cert, "key": key},
		"option timeout is \"soon\"":                     {"timeout": "soon"},
		"option retry is -1":                             {"retry": "-1"},
		"option hostmaster_email is ":                    {"hostmaster_email": "@example.org"},
	} {
		c := provider.Config{ID: "ns1", Values: map[string]provider.Value{}}
		for k, v := range options {
			c.Values[k] = provider.Value{Text: v}
		}
		if _, err := zonecast.Open(c); err == nil || !strings.Contains(err.Error(), "provider ns1: "+want) {
			t.Errorf("%v: %v; want %q", options, err, want)
		}
	}
	if _, err := zonecast.Open(provider.Config{ID: "ns1", Values: map[string]provider.Value{"nameservers": {List: []string{"a..b"}}}}); err == nil {
		t.Error("a bad name in nameservers gave no error")
	}
}

// TestRenewedCertificate exchanges the client's certificate on disk while the account is open.
func TestRenewedCertificate(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	over := &control.TLS{Address: "127.0.0.1:0", Authorities: ca.file, Clients: []control.Client{{Who: []string{"new.example.net"}}}}
	over.Certificate, over.Key = ca.pair(t, "ns1.example.net")
	s := start(t, nil, over)
	cert, key := ca.pair(t, "old.example.net")
	p := open(t, map[string]string{"address": "https://" + s.control.Addr().String(), "certificate": cert, "key": key, "ca_file": ca.file}, nil)
	if _, err := p.(provider.Verifier).Verify(t.Context()); provider.KindOf(err) != provider.Denied {
		t.Errorf("with the old certificate: %v", err)
	}
	newCert, newKey := ca.pair(t, "new.example.net")
	if err := errors.Join(os.Rename(newCert, cert), os.Rename(newKey, key), p.(provider.Closer).Close()); err != nil {
		t.Fatal(err)
	}
	if text, err := p.(provider.Verifier).Verify(t.Context()); err != nil || !strings.Contains(text, "certificate new.example.net") {
		t.Errorf("with the new certificate: %q %v", text, err)
	}
}
