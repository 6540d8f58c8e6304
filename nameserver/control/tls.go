package control

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

// TLS is an address where both sides show certificates.
type TLS struct {
	Address string // "192.0.2.53:8530"
	// Certificate (a chain) and Key are the server's, Authorities those that clients' certificates
	// are checked against; files in PEM.
	Certificate, Key, Authorities string
	// Clients say what some of the authorities' certificates may do; without any, all of them may do
	// everything.
	Clients []Client
}

// certificates are those of a TLS, as they were read last.
type certificates struct {
	from *TLS
	now  atomic.Pointer[tls.Config]
}

// Check says whether certificate, key and authorities can be used, without listening.
func (t *TLS) Check() error {
	_, err := t.load()
	return err
}

func (t *TLS) load() (*certificates, error) {
	c := &certificates{from: t}
	return c, c.reload()
}

func (c *certificates) reload() error {
	t := c.from
	if t.Authorities == "" {
		return errors.New("control interface over TLS: no authority of clients' certificates is given; without one nobody could be told apart")
	}
	cert, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
	if err != nil {
		return fmt.Errorf("control interface over TLS: certificate %s: %w", t.Certificate, err)
	}
	pem, err := os.ReadFile(t.Authorities)
	if err != nil {
		return fmt.Errorf("control interface over TLS: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("control interface over TLS: %s holds no PEM certificate", t.Authorities)
	}
	c.now.Store(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		// A ticket would outlive the authority that it was given under.
		SessionTicketsDisabled: true,
		NextProtos:             []string{"http/1.1"},
	})
	return nil
}

// config makes each connection go by what was read last.
func (c *certificates) config() *tls.Config {
	first := c.now.Load().Clone()
	first.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		now := c.now.Load()
		p, ok := hello.Conn.(*place)
		if !ok {
			return now, nil
		}
		p.unproven.Store(true)
		now = now.Clone()
		now.VerifyConnection = func(tls.ConnectionState) error {
			p.unproven.Store(false)
			return nil
		}
		return now, nil
	}
	return first
}
