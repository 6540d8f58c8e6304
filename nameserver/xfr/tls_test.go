package xfr_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
)

// certificate makes one for a name, signed by itself.
func certificate(t testing.TB, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// fingerprint is the hash of a certificate in hexadecimal.
func fingerprint(c tls.Certificate) string {
	hash := sha256.Sum256(c.Certificate[0])
	return hex.EncodeToString(hash[:])
}

// A zone goes over TLS only, to who shows the right certificate.
func TestTransferOverTLS(t *testing.T) {
	t.Parallel()
	server, serverPool := certificate(t, "primary.example")
	client, clientPool := certificate(t, "secondary.example")
	stranger, _ := certificate(t, "secondary.example")
	z := dnstest.Zone(t, example, apex)
	for _, c := range []struct {
		name    string
		rule    xfr.Rule
		auth    tls.ClientAuthType
		shows   *tls.Certificate
		plain   bool
		allowed bool
	}{
		{"a verified name", xfr.Rule{Certificates: []string{"secondary.example"}}, tls.VerifyClientCertIfGiven, &client, false, true},
		{"another name", xfr.Rule{Certificates: []string{"other.example"}}, tls.VerifyClientCertIfGiven, &client, false, false},
		{"a name that nobody verified", xfr.Rule{Certificates: []string{"secondary.example"}}, tls.RequireAnyClientCert, &stranger, false, false},
		{"a hash", xfr.Rule{Certificates: []string{"sha256:" + fingerprint(client)}}, tls.RequireAnyClientCert, &client, false, true},
		{"another hash", xfr.Rule{Certificates: []string{"sha256:" + fingerprint(client)}}, tls.RequireAnyClientCert, &stranger, false, false},
		{"no certificate", xfr.Rule{Certificates: []string{"secondary.example"}}, tls.VerifyClientCertIfGiven, nil, false, false},
		{"TLS is enough", xfr.Rule{TLS: true}, tls.NoClientCert, nil, false, true},
		{"TLS is needed", xfr.Rule{TLS: true}, tls.NoClientCert, nil, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := &xfr.Journal{}
			if err := j.Put(z); err != nil {
				t.Fatal(err)
			}
			p := startPrimary(t, j, nil, &tls.Config{
				Certificates: []tls.Certificate{server}, ClientAuth: c.auth, ClientCAs: clientPool, NextProtos: []string{"dot"},
			})
			p.Out.Access = func(zone.Name) xfr.Access { return xfr.Access{c.rule} }
			from := xfr.Primary{Addr: p.addr}
			if !c.plain {
				from = xfr.Primary{Addr: p.tlsAddr, TLS: &tls.Config{RootCAs: serverPool, ServerName: "primary.example"}}
				if c.shows != nil {
					from.TLS.Certificates = []tls.Certificate{*c.shows}
				}
			}
			r := newReplica(t)
			r.run(t, from)
			patience.Until(t, "a round is over", func() (any, bool) { return r.Status(), r.zone() != nil || r.Status().Err != nil })
			if got := r.zone() != nil; got != c.allowed {
				t.Errorf("the zone came: %v, want %v; %v", got, c.allowed, r.Status().Err)
			}
			if !c.allowed && !strings.Contains(fmt.Sprint(r.Status().Err), "REFUSED") {
				t.Errorf("error %v, want REFUSED", r.Status().Err)
			}
		})
	}
}

// A primary whose certificate is not the right one gets no request.
func TestPrimaryWithWrongCertificate(t *testing.T) {
	t.Parallel()
	server, _ := certificate(t, "primary.example")
	_, other := certificate(t, "primary.example")
	j := &xfr.Journal{}
	if err := j.Put(dnstest.Zone(t, example, apex)); err != nil {
		t.Fatal(err)
	}
	p := startPrimary(t, j, nil, &tls.Config{Certificates: []tls.Certificate{server}})
	r := newReplica(t)
	r.run(t, xfr.Primary{Addr: p.tlsAddr, TLS: &tls.Config{RootCAs: other, ServerName: "primary.example"}})
	patience.Until(t, "a round is over", func() (any, bool) { return r.Status(), r.zone() != nil || r.Status().Err != nil })
	if r.zone() != nil || !strings.Contains(r.Status().Err.Error(), "certificate") {
		t.Errorf("zone %v, error %v; want none, for the certificate", r.zone(), r.Status().Err)
	}
}

// BIND fetches from us over TLS, and we from BIND.
func TestBINDOverTLS(t *testing.T) {
	t.Parallel()
	theirs, ours := dnstest.Key(t)
	server, _ := certificate(t, "primary.example")
	z := dnstest.Zone(t, example, apex)
	t.Run("secondary", func(t *testing.T) {
		t.Parallel()
		j := &xfr.Journal{}
		if err := j.Put(z); err != nil {
			t.Fatal(err)
		}
		p := startPrimary(t, j, ours, &tls.Config{Certificates: []tls.Certificate{server}, NextProtos: []string{"dot"}, MinVersion: tls.VersionTLS13})
		s := testserver.BIND(t, testserver.BINDOptions{
			Secondary: map[string]string{"example.org.": p.tlsAddr}, TSIG: theirs, SecondaryVia: "tls ephemeral",
		})
		dnstest.AwaitSerial(t, s.Addr, example, 1)
		if diff := cmp.Diff(dnstest.Text(t, z), s.ZoneText(t, "example.org.")); diff != "" {
			t.Errorf("(-ours +BIND):\n%s", diff)
		}
	})
	t.Run("primary", func(t *testing.T) {
		t.Parallel()
		packets, l := listenBoth(t)
		addr := l.Addr().String()
		_, port, _ := net.SplitHostPort(addr)
		_, _ = packets.Close(), l.Close() // it is BIND's now
		testserver.BIND(t, testserver.BINDOptions{
			Zones: map[string]string{"example.org.": apex}, TSIG: theirs,
			Options: fmt.Sprintf("listen-on port %s tls ephemeral { 127.0.0.1; };", port),
		})
		r := newReplica(t)
		r.run(t, xfr.Primary{Addr: addr, Key: ours, TLS: &tls.Config{InsecureSkipVerify: true}})
		patience.Until(t, "the zone has come", func() (any, bool) { return r.Status(), r.zone() != nil })
		if diff := cmp.Diff(dnstest.Text(t, z), dnstest.Text(t, r.zone())); diff != "" {
			t.Errorf("(-BIND +ours):\n%s", diff)
		}
	})
}
