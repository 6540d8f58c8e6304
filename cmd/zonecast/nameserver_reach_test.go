package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/providers/zonecast/api"
)

// A signer makes certificates in a folder, as NAME.pem and NAME.key.
type signer struct {
	*testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	s := &signer{T: t, dir: t.TempDir()}
	s.issue("ca", func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.DNSNames = true, true, x509.KeyUsageCertSign, nil
	})
	return s
}

func (s *signer) file(name string) string { return filepath.Join(s.dir, name) }

// issue makes a certificate for both sides, valid for an hour unless edit says otherwise.
func (s *signer) issue(name string, edit func(*x509.Certificate)) {
	s.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	s.n++
	c := &x509.Certificate{
		SerialNumber: big.NewInt(s.n), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if edit != nil {
		edit(c)
	}
	parent, by := c, key
	if s.cert != nil {
		parent, by = s.cert, s.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		s.Fatal(err)
	}
	if s.cert == nil {
		if s.cert, err = x509.ParseCertificate(der); err != nil {
			s.Fatal(err)
		}
		s.key = key
	}
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: b}} {
		if err := os.WriteFile(s.file(file), pem.EncodeToMemory(block), 0o600); err != nil {
			s.Fatal(err)
		}
	}
}

// serve runs a name server that shows one of the certificates, and returns its address.
func (s *signer) serve(cert string) string {
	s.Helper()
	server := controlledAt(s.T, &control.TLS{
		Address: "127.0.0.1:0", Certificate: s.file(cert + ".pem"), Key: s.file(cert + ".key"), Authorities: s.file("ca.pem"),
	})
	return "https://" + server.Addr().String()
}

func old(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }

func local(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} }

// All commands work over TLS as they do over the socket, and say what is wrong with certificates.
func TestNameserverControlOverTLS(t *testing.T) {
	t.Parallel()
	ours, theirs := newSigner(t), newSigner(t)
	ours.issue("ns1.example.net", local)
	ours.issue("expired", func(c *x509.Certificate) { old(c); local(c) })
	ours.issue("ops", nil)
	ours.issue("gone", old)
	theirs.issue("stranger", nil)
	at := ours.serve("ns1.example.net")
	late := ours.serve("expired")
	var plain net.ListenConfig
	l, err := plain.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = c.Close()
		}
	}()
	closed, err := plain.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "https://" + closed.Addr().String()
	_ = closed.Close()

	with := func(address string, s *signer, cert, ca string) []string {
		return []string{"--control", address, "--control-cert", s.file(cert + ".pem"), "--control-key", s.file(cert + ".key"), "--control-ca", ca}
	}
	good := with(at, ours, "ops", ours.file("ca.pem"))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"status"}, "you       certificate ops (sha256:"},
		{[]string{"status", "example.net"}, "transferred in (secondary)"},
		{[]string{"zones", "--json"}, `"name": "example.org."`},
		{[]string{"show", "example.org", "www"}, "192.0.2.1"},
		{[]string{"versions", "example.org"}, "user alice"},
		{[]string{"restore", "example.org", "1"}, "serial 2 → 3"},
		{[]string{"refresh", "example.net"}, "has begun"},
		{[]string{"status", "--control-name", "ns1.example.net"}, "1.2.3"},
	} {
		if code, stdout, stderr := runControl(t, "", append(c.args, good...)...); code != exitOK || !strings.Contains(stdout, c.want) {
			t.Errorf("%q exited %d:\n%s%swant %q", c.args, code, stdout, stderr, c.want)
		}
	}
	if code, stdout, _ := runControl(t, "", append([]string{"reload"}, good...)...); code != exitError || !strings.Contains(stdout, "2 zones served") {
		t.Errorf("reload exited %d: %s", code, stdout)
	}

	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"no certificate":         {[]string{"--control", at}, []string{"takes only who shows a certificate", "--control-cert FILE and --control-key FILE"}},
		"no key":                 {[]string{"--control", at, "--control-cert", ours.file("ops.pem")}, []string{"takes only who shows a certificate"}},
		"no such file":           {with(at, ours, "nothing", ours.file("ca.pem")), []string{"the certificate to show cannot be used", "no such file"}},
		"another's key":          {[]string{"--control", at, "--control-cert", ours.file("ops.pem"), "--control-key", ours.file("gone.key")}, []string{"cannot be used", "does not match"}},
		"certificate of nobody":  {with(at, theirs, "stranger", ours.file("ca.pem")), []string{"does not take the certificate in " + theirs.file("stranger.pem"), "unknown certificate authority", "client_ca"}},
		"expired certificate":    {with(at, ours, "gone", ours.file("ca.pem")), []string{"does not take the certificate in " + ours.file("gone.pem"), "is valid from", "renew it"}},
		"wrong CA":               {with(at, ours, "ops", theirs.file("ca.pem")), []string{"is not of an authority in " + theirs.file("ca.pem"), "--control-ca"}},
		"no CA":                  {good[:6], []string{"is not of an authority that the system trusts", "--control-ca"}},
		"CA that is none":        {with(at, ours, "ops", ours.file("ops.key")), []string{"holds no PEM certificate", "--control-ca"}},
		"expired server":         {with(late, ours, "ops", ours.file("ca.pem")), []string{"the certificate of the name server at", "which is not now"}},
		"another name":           {append([]string{"--control-name", "ns2.example.net"}, good...), []string{"a certificate for ns1.example.net, 127.0.0.1, not for ns2.example.net", "--control-name NAME"}},
		"no TLS":                 {with("https://"+l.Addr().String(), ours, "ops", ours.file("ca.pem")), []string{"speaks no TLS"}},
		"nobody there":           {with(nobody, ours, "ops", ours.file("ca.pem")), []string{"cannot be reached", "connection refused", "is it running"}},
		"http":                   {[]string{"--control", "http://127.0.0.1:8530"}, []string{`"http://127.0.0.1:8530" is no control interface`, "https://ns1.example.net:8530"}},
		"a path":                 {[]string{"--control", "https://127.0.0.1:8530/v1"}, []string{"is no control interface"}},
		"both ways":              {append([]string{"--socket", "/s"}, good...), []string{"both --control and --socket"}},
		"certificate for socket": {[]string{"--socket", "/s", "--control-cert", "c"}, []string{"have no meaning for the socket /s"}},
	} {
		code, stdout, stderr := runControl(t, "", append([]string{"status"}, c.args...)...)
		if code != exitError || stdout != "" {
			t.Errorf("%s: exited %d: %s", name, code, stdout)
		}
		for _, want := range c.want {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: said %q, want %q", name, stderr, want)
			}
		}
	}
}

// What flags do not say, the environment does.
func TestNameserverControlFromEnvironment(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	s.issue("ops", nil)
	env := map[string]string{
		api.ControlVar: "https://ns1.example.net", api.CertVar: s.file("ops.pem"), api.KeyVar: s.file("ops.key"), api.CAVar: s.file("ca.pem"),
		api.NameVar: "ns.example.net",
	}
	c := &controlled{app: newApp(nil, nil, nil)}
	c.env = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	w, err := c.way()
	if err != nil || w.base != "https://ns1.example.net:8530/v1" || w.tls.CA != s.file("ca.pem") || w.tls.ServerName != "ns.example.net" {
		t.Errorf("%+v, %v; want https://ns1.example.net:8530/v1", w, err)
	}
	c.control = "https://[2001:db8::53]:853"
	if w, err := c.way(); err != nil || w.base != "https://[2001:db8::53]:853/v1" || w.tls.ServerName != "" {
		t.Errorf("with --control: %+v, %v", w, err)
	}
	for _, c.control = range []string{"/run/other.sock", "unix:///run/other.sock"} {
		if w, err := c.way(); err != nil || w.where != "/run/other.sock" || w.base != api.UnixBase {
			t.Errorf("with --control %s: %+v, %v", c.control, w, err)
		}
	}
	c.control, c.socket = "", "/run/socket"
	if w, err := c.way(); err != nil || w.where != "/run/socket" {
		t.Errorf("with --socket: %+v, %v", w, err)
	}
}
