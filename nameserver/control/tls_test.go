package control_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/providers/zonecast/api"
)

// An authority makes certificates.
type authority struct {
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var serials atomic.Int64

// issue makes a certificate by the authority, or one of an authority by nobody (nil).
func (a *authority) issue(t testing.TB, name string, edit func(*x509.Certificate)) (tls.Certificate, *authority) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serials.Add(1)), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if edit != nil {
		edit(c)
	}
	parent, signer := c, key
	if a != nil {
		parent, signer = a.cert, a.key
	} else {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	made := &authority{file: filepath.Join(t.TempDir(), "ca.pem"), cert: c, key: key}
	writePEM(t, made.file, "CERTIFICATE", der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: c}, made
}

func writePEM(t testing.TB, path, kind string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func fingerprint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return hex.EncodeToString(sum[:])
}

// secured starts a server over TLS.
func secured(t *testing.T, ca *authority, clients ...control.Client) (*control.Server, *control.TLS) {
	t.Helper()
	own, _ := ca.issue(t, "ns1.example.net", nil)
	dir := t.TempDir()
	over := &control.TLS{Address: "127.0.0.1:0", Certificate: filepath.Join(dir, "c.pem"), Key: filepath.Join(dir, "k.pem"), Authorities: filepath.Join(dir, "ca.pem"), Clients: clients}
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, over.Certificate, "CERTIFICATE", own.Certificate[0])
	writePEM(t, over.Key, "PRIVATE KEY", key)
	writePEM(t, over.Authorities, "CERTIFICATE", ca.cert.Raw)
	s, err := control.Listen(control.Options{Backend: nothing}, nil, over)
	if err != nil {
		t.Fatal(err)
	}
	running(t, s, func() {})
	return s, over
}

// as asks for the status with certificates; the answer is the client's name, "kind: …" of a
// problem, or an error.
func as(t *testing.T, s *control.Server, ca *authority, certs ...tls.Certificate) string {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	tr := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, ServerName: "ns1.example.net"}}
	// A client of crypto/tls shows a certificate of its own accord only when the server knows its authority.
	tr.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &append(certs, tls.Certificate{})[0], nil
	}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr, Timeout: patience.Limit}).Get("https://" + s.Addr().String() + "/v1/status")
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	var st api.Status
	var p api.Problem
	if json.Unmarshal(b, &p) == nil && p.Kind != "" {
		return p.Kind + ": " + p.Detail
	}
	if err := json.Unmarshal(b, &st); err != nil {
		return err.Error()
	}
	if st.Client.ReadOnly {
		return st.Client.Name + " read-only"
	}
	return st.Client.Name
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	_, ca := (*authority)(nil).issue(t, "authority", nil)
	_, other := (*authority)(nil).issue(t, "other authority", nil)
	writer, _ := ca.issue(t, "writer.example.net", nil)
	reader, _ := ca.issue(t, "reader.example.net", nil)
	by, _ := ca.issue(t, "", func(c *x509.Certificate) { c.DNSNames = nil })
	named, _ := ca.issue(t, "writer.example.net", func(c *x509.Certificate) { c.DNSNames = nil }) // by its common name alone
	old, _ := ca.issue(t, "writer.example.net", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	forServers, _ := ca.issue(t, "writer.example.net", func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] })
	forged, _ := other.issue(t, "writer.example.net", nil)
	sum := strings.ToUpper(fingerprint(by))
	s, _ := secured(t, ca,
		control.Client{Who: []string{"Writer.example.net."}}, control.Client{Who: []string{"reader.example.net"}, ReadOnly: true},
		control.Client{Who: []string{"SHA256:" + sum[:2] + ":" + sum[2:]}})
	for name, c := range map[string]struct {
		certs []tls.Certificate
		want  string
	}{
		"writer":               {[]tls.Certificate{writer}, "certificate writer.example.net (sha256:" + fingerprint(writer)[:12] + "…)"},
		"reader":               {[]tls.Certificate{reader}, "certificate reader.example.net (sha256:" + fingerprint(reader)[:12] + "…) read-only"},
		"by fingerprint":       {[]tls.Certificate{by}, "certificate without a name (sha256:" + fingerprint(by)[:12] + "…)"},
		"common name is none":  {[]tls.Certificate{named}, "denied: certificate writer.example.net"},
		"no certificate":       {nil, "tls: certificate required"},
		"expired":              {[]tls.Certificate{old}, "remote error: tls: expired certificate"},
		"not for clients":      {[]tls.Certificate{forServers}, "remote error: tls: bad certificate"},
		"of another authority": {[]tls.Certificate{forged}, "remote error: tls: unknown certificate authority"},
	} {
		if got := as(t, s, ca, c.certs...); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s; want %s", name, got, c.want)
		}
	}
}

// TestReloadOfAuthorities exchanges the authority of a server that runs.
func TestReloadOfAuthorities(t *testing.T) {
	t.Parallel()
	_, ca := (*authority)(nil).issue(t, "authority", nil)
	_, next := (*authority)(nil).issue(t, "next authority", nil)
	a, _ := ca.issue(t, "a.example.net", nil)
	b, _ := next.issue(t, "b.example.net", nil)
	s, over := secured(t, ca)
	if got := as(t, s, ca, a); !strings.HasPrefix(got, "certificate a.example.net") {
		t.Errorf("before: %s", got)
	}
	if err := os.WriteFile(over.Authorities, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "holds no PEM certificate") {
		t.Errorf("a broken file: %v", err)
	}
	if got := as(t, s, ca, a); !strings.HasPrefix(got, "certificate a.example.net") {
		t.Errorf("after a reload that failed: %s", got)
	}
	writePEM(t, over.Authorities, "CERTIFICATE", next.cert.Raw)
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := as(t, s, ca, a); strings.HasPrefix(got, "certificate a.example.net") {
		t.Errorf("of the authority before: %s", got)
	}
	if got := as(t, s, ca, b); !strings.HasPrefix(got, "certificate b.example.net") {
		t.Errorf("of the new authority: %s", got)
	}
}

func TestTLSFiles(t *testing.T) {
	t.Parallel()
	_, ca := (*authority)(nil).issue(t, "authority", nil)
	for want, over := range map[string]*control.TLS{
		"no authority":     {Address: "127.0.0.1:0"},
		"certificate none": {Address: "127.0.0.1:0", Authorities: ca.file, Certificate: "none", Key: "none"},
	} {
		if _, err := control.Listen(control.Options{Backend: nothing}, nil, over); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}
