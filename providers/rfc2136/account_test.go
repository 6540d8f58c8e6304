package rfc2136_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	d, ok := provider.Lookup("octodns_bind.BindProvider")
	if !ok || d.Name != "rfc2136" {
		t.Fatalf("octodns_bind.BindProvider is driver %q", d.Name)
	}
	for _, c := range []struct {
		name   string
		values map[string]string
		want   []string
	}{
		{"all", map[string]string{"host": "192.0.2.53", "port": "5300", "ipv6": "true", "timeout": "2.5", "key_name": "k", "key_secret": "c2VjcmV0", "key_algorithm": "hmac-sha512"}, nil},
		{"little", map[string]string{"host": "ns.example.net"}, nil},
		{"host", nil, []string{"option host is missing"}},
		{"port in host", map[string]string{"host": "192.0.2.53:5300"}, []string{"write host: 192.0.2.53 and port: 5300"}},
		{"many", map[string]string{"host": "x", "port": "99999", "ipv6": "perhaps", "timeout": "soon", "key_secret": "c2VjcmV0", "catalog": "a..b"}, []string{
			"option port is 99999", "option ipv6 is \"perhaps\"", "option timeout is \"soon\"", "not key_name", "empty label",
		}},
		{"secret", map[string]string{"host": "x", "key_name": "k", "key_secret": "hunter 2!"}, []string{"is not base64"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := provider.Config{ID: "bind", Values: map[string]provider.Value{}}
			for k, v := range c.values {
				config.Values[k] = provider.Value{Text: v, Place: finding.Place{File: "c.yaml", Line: 3}}
			}
			_, err := d.Open(config)
			found := finding.Of(err, "none")
			if len(found) != len(c.want) {
				t.Fatalf("findings are %v; want %d", found, len(c.want))
			}
			for i, f := range found {
				if !strings.Contains(f.Text, c.want[i]) || strings.Contains(f.Text, "hunter") {
					t.Errorf("finding %q; want one that says %q", f.Text, c.want[i])
				}
			}
		})
	}
}

func TestWhoMayNot(t *testing.T) {
	t.Parallel()
	each(t, apex, func(t *testing.T, s *testserver.Server, key *testserver.Key) {
		wrong, unknown, other := *key, *key, *key
		wrong.Secret = "AAAA" + key.Secret[4:]
		unknown.Name = "nobody.knows."
		other.Algorithm = "hmac-sha1"
		snap := read(t, open(t, s.Addr, key))
		set := sets(t, "www 300 A 192.0.2.1")[0]
		for _, c := range []struct {
			name string
			key  *testserver.Key
			want string
		}{
			{"wrong secret", &wrong, "secret"},
			{"unknown key", &unknown, "name and algorithm"},
			{"another algorithm", &other, "BAD"},
			{"no key", nil, "allow"},
		} {
			p := open(t, s.Addr, c.key)
			if _, err := p.Read(t.Context(), snap.Info.ZoneRef); provider.KindOf(err) != provider.Denied {
				t.Errorf("%s: read: error %v; want a denial", c.name, err)
			}
			r, err := p.Write(t.Context(), snap, provider.ChangeSet{Sets: []zone.Change{{After: &set}}})
			if provider.KindOf(err) != provider.Denied {
				t.Errorf("%s: write: error %v; want a denial", c.name, err)
			} else if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), key.Secret) {
				t.Errorf("%s: write: error %q; want one that says %q", c.name, err, c.want)
			}
			if r == nil || r.Count(provider.NotDone) != 1 {
				t.Errorf("%s: receipt %v; want one not done", c.name, r)
			}
		}
		if diff := cmp.Diff(ns, held(t, open(t, s.Addr, key))); diff != "" {
			t.Errorf("the zone was changed:\n%s", diff)
		}
	})
}

func TestZoneThatIsNotThere(t *testing.T) {
	t.Parallel()
	each(t, apex, func(t *testing.T, s *testserver.Server, key *testserver.Key) {
		p := open(t, s.Addr, key)
		ref := provider.ZoneRef{Origin: zone.MustName("elsewhere.example.")}
		if _, err := p.Read(t.Context(), ref); !errors.Is(err, provider.ErrNoZone) {
			t.Errorf("read: error %v; want ErrNoZone", err)
		}
		base := &provider.Snapshot{Info: provider.ZoneInfo{ZoneRef: ref}, Sets: zone.Empty(ref.Origin)}
		set := zone.RRset{Owner: ref.Origin, Type: zone.TypeA, TTL: 300, Data: []zone.Data{"\xc0\x00\x02\x01"}}
		if _, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{After: &set}}}); err == nil {
			t.Error("write into a zone that is not there gave no error")
		}
	})
}

func TestVerifyAndZones(t *testing.T) {
	t.Parallel()
	zones := map[string]string{
		"example.org.": apex,
		"catalog.invalid.": `@ 0 SOA invalid. invalid. 1 3600 600 2147483646 0
@ 0 NS invalid.
version 0 TXT "2"
abc.zones 0 PTR example.org.
coo.abc.zones 0 PTR other.invalid.
def.zones 0 PTR xn--bcher-kva.example.
`,
	}
	for _, srv := range servers {
		t.Run(srv.name, func(t *testing.T) {
			t.Parallel()
			key := testserver.NewKey(t)
			s := srv.start(t, zones, key)
			text, err := open(t, s.Addr, key, "zones", "example.org").(provider.Verifier).Verify(t.Context())
			if want := "name server at " + s.Addr + ", accepts key " + key.Name + ", serves example.org."; err != nil || text != want {
				t.Errorf("verify: %q, error %v; want %q", text, err, want)
			}
			wrong := *key
			wrong.Secret = "AAAA" + key.Secret[4:]
			if _, err := open(t, s.Addr, &wrong).(provider.Verifier).Verify(t.Context()); provider.KindOf(err) != provider.Denied {
				t.Errorf("verify with a wrong key: error %v; want a denial", err)
			}
			var got []string
			p := open(t, s.Addr, key, "catalog", "catalog.invalid", "zones", "example.org extra.example")
			for info, err := range p.Zones(t.Context()) {
				if err != nil {
					t.Fatalf("zones: %v", err)
				}
				got = append(got, info.Origin.String())
			}
			if diff := cmp.Diff([]string{"xn--bcher-kva.example.", "example.org.", "extra.example."}, got); diff != "" {
				t.Errorf("zones differ (-want +got):\n%s", diff)
			}
			for _, err := range open(t, s.Addr, key, "catalog", "example.org").Zones(t.Context()) {
				if provider.KindOf(err) != provider.Invalid {
					t.Errorf("a zone that is no catalog: error %v", err)
				}
			}
			for _, err := range open(t, s.Addr, key).Zones(t.Context()) {
				if !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("zones: error %v; want ErrUnsupported", err)
				}
			}
		})
	}
}

// TestSignedZone: the server's signer keeps its records, and ours are written around them.
func TestSignedZone(t *testing.T) {
	t.Parallel()
	key := testserver.NewKey(t)
	for name, s := range map[string]*testserver.Server{
		"Knot": testserver.Knot(t, testserver.KnotOptions{
			Zones: map[string]string{"example.org.": apex}, TSIG: key, ZoneOptions: "dnssec-signing: on",
		}),
		"BIND": testserver.BIND(t, testserver.BINDOptions{
			Zones: map[string]string{"example.org.": apex}, TSIG: key, ZoneOptions: "dnssec-policy default; inline-signing yes;",
		}),
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, s.Addr, key)
			for _, state := range []string{
				ns + "www 300 A 192.0.2.1\n* 300 TXT \"x\"\nsub 300 NS ns.example.net.\n",
				ns + "www 60 CNAME x.example.net.\n",
				ns + "www 60 A 192.0.2.2\nwww 300 TXT \"back\"\n",
				ns + "www 60 CNAME x.example.net.\nsub 60 DNAME x.example.net.\n",
				ns,
			} {
				snap := read(t, p)
				c := to(t, snap, sets(t, state))
				for _, x := range c.Sets {
					switch x.Key().Type {
					case zone.TypeRRSIG, zone.TypeNSEC, zone.TypeDNSKEY, zone.TypeCDS, zone.TypeCDNSKEY:
						t.Errorf("the plan touches %s", x.Key())
					}
				}
				if r, err := p.Write(t.Context(), snap, c); err != nil || r.Count(provider.Done) != len(c.Sets) {
					t.Fatalf("write: %v, receipt %v", err, r)
				}
				if again := to(t, read(t, p), sets(t, state)); !again.Empty() {
					t.Errorf("planning again wants %d changes, the first of %s; the server holds\n%s", len(again.Sets), again.Sets[0].Key(), held(t, p))
				}
			}
			snap := read(t, p)
			if !snap.Info.Signed || p.Capabilities(snap.Info).Compare != provider.CompareSet || len(snap.Foreign) == 0 {
				t.Errorf("signed %v, compare %v, foreign %v", snap.Info.Signed, p.Capabilities(snap.Info).Compare, snap.Foreign)
			}
			owned := false
			for _, f := range snap.Foreign {
				owned = owned || f.Owns && f.Key == zone.Key{Owner: origin, Type: zone.TypeDNSKEY}
			}
			if !owned {
				t.Errorf("nobody owns DNSKEY at the apex: %v", snap.Foreign)
			}
		})
	}
}

// TestLive runs against a server of your own: ZONECAST_LIVE_RFC2136_HOST (with port), _ZONE, and
// _KEY_NAME, _KEY_SECRET, _KEY_ALGORITHM. It creates and deletes one TXT in the zone.
func TestLive(t *testing.T) {
	env := func(name string) string { return os.Getenv("ZONECAST_LIVE_RFC2136_" + name) }
	if env("HOST") == "" || env("ZONE") == "" {
		t.Skip("set ZONECAST_LIVE_RFC2136_HOST and ZONECAST_LIVE_RFC2136_ZONE to run against a server")
	}
	var key *testserver.Key
	if env("KEY_NAME") != "" {
		key = &testserver.Key{Name: env("KEY_NAME"), Secret: env("KEY_SECRET"), Algorithm: env("KEY_ALGORITHM")}
	}
	p := open(t, env("HOST"), key)
	ref := provider.ZoneRef{Origin: zone.MustName(env("ZONE"))}
	owner, err := ref.Origin.Child("_zonecast-live")
	if err != nil {
		t.Fatal(err)
	}
	set := zone.RRset{Owner: owner, Type: zone.TypeTXT, TTL: 60, Data: []zone.Data{"\x04live"}}
	for _, c := range []zone.Change{{After: &set}, {Before: &set}} {
		snap, err := p.Read(t.Context(), ref)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if r, err := p.Write(t.Context(), snap, provider.ChangeSet{Sets: []zone.Change{c}}); err != nil || r.Count(provider.Done) != 1 {
			t.Fatalf("write: %v, receipt %v", err, r)
		}
	}
}
