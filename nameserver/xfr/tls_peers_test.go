package xfr_test

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// pemFiles writes certificate and key into files.
func pemFiles(t *testing.T, c tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// BIND and we show each other certificates, both ways; who shows another one gets nothing.
func TestBINDWithCertificates(t *testing.T) {
	t.Parallel()
	theirs, ours := dnstest.Key(t)
	us, usPool := certificate(t, "us.example")
	bind, bindPool := certificate(t, "bind.example")
	stranger, _ := certificate(t, "bind.example")
	usCert, _ := pemFiles(t, us)
	z := dnstest.Zone(t, example, apex)
	block := func(own tls.Certificate, more string) string {
		cert, key := pemFiles(t, own)
		// The statement ends the options and begins another block.
		return fmt.Sprintf("};\ntls mutual {\n cert-file %q; key-file %q; ca-file %q; %s\n", cert, key, usCert, more)
	}
	for name, shows := range map[string]tls.Certificate{"secondary": bind, "secondary with another certificate": stranger} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := &xfr.Journal{}
			put(t, j, z)
			p := startPrimary(t, j, ours, &tls.Config{
				Certificates: []tls.Certificate{us}, NextProtos: []string{"dot"},
				ClientAuth: tls.RequestClientCert, // as for DoT: who transfers has to show one, others need not
			})
			p.Out.Access = func(zone.Name) xfr.Access {
				return xfr.Access{{Keys: []zone.Name{ours.Name}, Certificates: []string{"sha256:" + fingerprint(bind)}}}
			}
			s := testserver.BIND(t, testserver.BINDOptions{
				Secondary: map[string]string{"example.org.": p.tlsAddr}, TSIG: theirs, SecondaryVia: "tls mutual",
				Options: block(shows, `remote-hostname "us.example";`),
			})
			if name != "secondary" {
				patience.Until(t, "BIND was refused", func() (any, bool) { n := p.Out.Counts(); return n, n.Refused > 0 })
				if dnstest.Answer(s.Addr, example) == "1" {
					t.Error("the zone went out to who has another certificate")
				}
				return
			}
			dnstest.AwaitSerial(t, s.Addr, example, 1)
			if diff := cmp.Diff(dnstest.Text(t, z), s.ZoneText(t, "example.org.")); diff != "" {
				t.Errorf("(-ours +BIND):\n%s", diff)
			}
		})
	}
	for name, c := range map[string]struct {
		shows *tls.Certificate
		pool  *x509.CertPool
		ok    bool
	}{
		"primary":                          {&us, bindPool, true},
		"primary that wants a certificate": {nil, bindPool, false},
		"primary with another certificate": {&us, usPool, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			packets, l := listenBoth(t)
			addr := l.Addr().String()
			_, port, _ := net.SplitHostPort(addr)
			_, _ = packets.Close(), l.Close() // it is BIND's now
			testserver.BIND(t, testserver.BINDOptions{
				Zones: map[string]string{"example.org.": apex}, TSIG: theirs,
				Options: fmt.Sprintf("listen-on port %s tls mutual { 127.0.0.1; };\n", port) + block(bind, ""),
			})
			r := newReplica(t)
			config := &tls.Config{RootCAs: c.pool, ServerName: "bind.example"}
			if c.shows != nil {
				config.Certificates = []tls.Certificate{*c.shows}
			}
			r.run(t, xfr.Primary{Addr: addr, Key: ours, TLS: config})
			patience.Until(t, "a round is over", func() (any, bool) { return r.Status(), r.zone() != nil || r.Status().Err != nil })
			if got := r.zone() != nil; got != c.ok {
				t.Errorf("the zone came: %v, want %v; %v", got, c.ok, r.Status().Err)
			}
			if c.ok {
				if diff := cmp.Diff(dnstest.Text(t, z), dnstest.Text(t, r.zone())); diff != "" {
					t.Errorf("(-BIND +ours):\n%s", diff)
				}
			}
		})
	}
}

// NSD fetches from us over TLS, and checks who we are.
func TestNSDOverTLS(t *testing.T) {
	t.Parallel()
	server, _ := certificate(t, "primary.example")
	cert, _ := pemFiles(t, server)
	for name, expects := range map[string]string{"the right name": "primary.example", "another name": "other.example"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theirs, ours := dnstest.Key(t)
			z := dnstest.Zone(t, example, apex)
			j := &xfr.Journal{}
			put(t, j, z)
			p := startPrimary(t, j, ours, &tls.Config{Certificates: []tls.Certificate{server}, NextProtos: []string{"dot"}, MinVersion: tls.VersionTLS13})
			p.Out.Access = func(zone.Name) xfr.Access { return xfr.Access{{Keys: []zone.Name{ours.Name}, TLS: true}} }
			_, port, _ := net.SplitHostPort(p.tlsAddr)
			s := testserver.NSD(t, testserver.NSDOptions{
				Secondary: map[string]string{"example.org.": p.addr}, TSIG: theirs, // refused there, as it is without TLS
				ZoneOptions: fmt.Sprintf("\trequest-xfr: 127.0.0.1@%s %s primary\nserver:\n\ttls-cert-bundle: %q\ntls-auth:\n\tname: primary\n\tauth-domain-name: %q\n",
					port, theirs.Name, cert, expects),
			})
			if expects != "primary.example" {
				patience.Until(t, "NSD has seen the certificate", func() (any, bool) { return "its log", strings.Contains(s.Log(), "TLS verify failed") })
				if p.Out.Counts().Whole > 0 || dnstest.Answer(s.Addr, example) == "1" {
					t.Error("NSD took the zone from somebody with another name")
				}
				return
			}
			dnstest.AwaitSerial(t, s.Addr, example, 1)
			if diff := cmp.Diff(dnstest.Text(t, z), s.ZoneText(t, "example.org.")); diff != "" {
				t.Errorf("(-ours +NSD):\n%s", diff)
			}
		})
	}
}

// We fetch from NSD over TLS.
func TestFromNSDOverTLS(t *testing.T) {
	t.Parallel()
	theirs, ours := dnstest.Key(t)
	server, pool := certificate(t, "nsd.example")
	cert, key := pemFiles(t, server)
	packets, l := listenBoth(t)
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	_, _ = packets.Close(), l.Close() // it is NSD's now
	s := testserver.NSD(t, testserver.NSDOptions{
		Zones: map[string]string{"example.org.": apex}, TSIG: theirs,
		ZoneOptions: fmt.Sprintf("server:\n\tip-address: 127.0.0.1@%[1]s\n\ttls-port: %[1]s\n\ttls-service-key: %[2]q\n\ttls-service-pem: %[3]q\n", port, key, cert),
	})
	r := newReplica(t)
	r.run(t, xfr.Primary{Addr: addr, Key: ours, TLS: &tls.Config{RootCAs: pool, ServerName: "nsd.example"}})
	patience.Until(t, "a round is over", func() (any, bool) { return r.Status(), r.zone() != nil || r.Status().Err != nil })
	if r.zone() == nil {
		t.Fatal(r.Status().Err)
	}
	if diff := cmp.Diff(s.ZoneText(t, "example.org."), dnstest.Text(t, r.zone())); diff != "" {
		t.Errorf("(-NSD +ours):\n%s", diff)
	}
}
