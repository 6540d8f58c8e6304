package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"

	"github.com/zonecast/zonecast/finding"
)

// A Manager has certificates. It is safe for concurrent use.
type Manager struct {
	o      Options
	cache  *certmagic.Cache
	magic  *certmagic.Config
	issuer *certmagic.ACMEIssuer
	own    tls.Certificate // signed by ourselves
	http   net.Listener    // nil: no HTTP-01
	keeper net.Listener    // see keep
	told   told
	run    atomic.Bool
}

// Open checks the options, binds Options.HTTP and reads the certificates that there are. It asks
// nobody. Whoever does not go on to Run calls Close.
func Open(o Options) (*Manager, error) {
	o, err := o.prepared()
	if err != nil {
		return nil, err
	}
	trusted, err := o.trusted()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	m := &Manager{o: o}
	if m.own, err = selfSigned(o.Names); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	if err := m.listen(); err != nil {
		return nil, err
	}
	m.manage(trusted)
	for _, name := range o.Names {
		// What cannot be read is obtained anew; but who may not read the folder should know it now.
		if _, err := m.magic.CacheManagedCertificate(context.Background(), name); errors.Is(err, fs.ErrPermission) {
			return nil, errors.Join(fmt.Errorf("certificates: %w", err), m.Close())
		}
	}
	return m, nil
}

func (m *Manager) listen() (err error) {
	var lc net.ListenConfig
	if m.o.HTTP != "" {
		if m.http, err = lc.Listen(context.Background(), "tcp", m.o.HTTP); err != nil {
			return fmt.Errorf("listen for the challenges of the certificates' authority: %w", err)
		}
	}
	if m.keeper, err = lc.Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
		if m.http != nil {
			_ = m.http.Close()
		}
		return fmt.Errorf("certificates: %w", err)
	}
	return nil
}

// manage sets the library up.
func (m *Manager) manage(trusted *x509.CertPool) {
	logger := m.told.logger(m.report)
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.magic, nil },
		Logger:           logger,
	})
	m.magic = certmagic.New(m.cache, certmagic.Config{
		Storage:            &certmagic.FileStorage{Path: m.o.Folder},
		KeySource:          certmagic.StandardKeyGenerator{KeyType: certmagic.KeyType(m.o.KeyType)},
		OnEvent:            m.happened,
		RenewalWindowRatio: m.o.renewal,
		// Authorities give stapling up, and asking for it holds up the start.
		OCSP:   certmagic.OCSPConfig{DisableStapling: true},
		Logger: logger,
		// Without an issuer here the library makes one of its own.
		Issuers: []certmagic.Issuer{},
	})
	port := m.keeper.Addr().(*net.TCPAddr).Port
	template := certmagic.ACMEIssuer{
		CA: m.o.Directory, Email: m.o.Email, Agreed: true, TrustedRoots: trusted, ExternalAccount: m.o.binding(),
		DisableHTTPChallenge: m.http == nil, DisableTLSALPNChallenge: !m.o.TLSALPN,
		DisableDistributedSolvers: true,
		ListenHost:                "127.0.0.1", AltHTTPPort: port, AltTLSALPNPort: port,
		Logger: logger,
	}
	if m.o.Present != nil && m.o.CleanUp != nil {
		template.DNS01Solver = solver{m.o.Present, m.o.CleanUp}
	}
	m.issuer = certmagic.NewACMEIssuer(m.magic, template)
	m.magic.Issuers = []certmagic.Issuer{m.issuer}
}

// Protocols are the names of ALPN that endpoints over TCP need for challenges.
func (m *Manager) Protocols() []string {
	if m.o.TLSALPN {
		return []string{acmez.ACMETLS1Protocol}
	}
	return nil
}

// GetCertificate returns the certificate for a handshake: the one for the name that the client
// asks for, else the first name's, else one that the server has signed itself. It never waits.
func (m *Manager) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if m.o.TLSALPN && hello.Conn != nil && slices.Equal(hello.SupportedProtos, m.Protocols()) {
		return m.magic.GetCertificate(hello)
	}
	name := m.name(hello.ServerName)
	if c, err := certmagic.DefaultCertificateSelector(hello, m.cache.AllMatchingCertificates(name)); err == nil {
		return &c.Certificate, nil
	}
	return &m.own, nil
}

// name is the one of our names whose certificate is for a host.
func (m *Manager) name(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if slices.Contains(m.o.Names, host) {
		return host
	}
	if _, parent, ok := strings.Cut(host, "."); ok && slices.Contains(m.o.Names, "*."+parent) {
		return "*." + parent
	}
	return m.o.Names[0]
}

// Run gets certificates and renews them until ctx ends. A Manager runs once.
func (m *Manager) Run(ctx context.Context) error {
	if !m.run.CompareAndSwap(false, true) {
		return errors.New("certificates: managed or closed before")
	}
	var others sync.WaitGroup
	others.Go(m.keep)
	web := http.Server{
		Handler:     m.issuer.HTTPChallengeHandler(http.NotFoundHandler()),
		ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, MaxHeaderBytes: 8 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // strangers' mistakes
	}
	web.SetKeepAlivesEnabled(false)
	if m.http != nil {
		others.Go(func() { _ = web.Serve(m.http) })
	}
	err := m.magic.ManageAsync(ctx, m.o.Names)
	if err == nil {
		<-ctx.Done()
	}
	_ = web.Close()
	m.cache.Stop()
	_ = m.keeper.Close()
	others.Wait()
	return err
}

// keep takes connections and ends them. The library wants somebody to listen where challenges go, and
// otherwise does so itself, which it may not any more at low ports. Our endpoints answer the
// challenges; here it finds somebody who listens.
func (m *Manager) keep() {
	for {
		c, err := m.keeper.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(100 * time.Millisecond) // no file descriptor is free
			continue
		}
		_ = c.Close()
	}
}

// Close frees what a Manager holds that was never run.
func (m *Manager) Close() error {
	if !m.run.CompareAndSwap(false, true) {
		return nil // Run sees to it
	}
	m.cache.Stop()
	if m.http != nil {
		_ = m.http.Close()
	}
	return m.keeper.Close()
}

func (m *Manager) report(f finding.Finding) {
	if m.o.Report != nil {
		m.o.Report(f)
	}
}

// selfSigned makes a certificate for the time until there is a better one.
func selfSigned(names []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, DNSNames: names,
		Subject:   pkix.Name{CommonName: names[0], Organization: []string{"not yet certified"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if len(names[0]) > 64 { // more than a common name may have
		template.Subject.CommonName = ""
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}
