package api

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"
)

// DefaultPort is where a name server's control interface over TLS is unless it is told otherwise.
const DefaultPort = "8530"

// TLS says how client and name server know each other over the network.
type TLS struct {
	Certificate, Key string // PEM files of what is shown to the name server
	CA               string // PEM file of the authority of its certificate; "": those that the system trusts
	ServerName       string // in its certificate; "": the host of the address
}

// ClientCertificate returns what shows a certificate. The files are read for each connection, so that a
// certificate may be renewed meanwhile; here they are looked at once.
func (t TLS) ClientCertificate() (func(*tls.CertificateRequestInfo) (*tls.Certificate, error), error) {
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
		return &pair, err
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }, nil
}

// Authorities are those that the name server's certificate may be of; nil: those that the system trusts.
func (t TLS) Authorities() (*x509.CertPool, error) {
	if t.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", t.CA)
	}
	return pool, nil
}

// TLSTransport speaks HTTP over TLS, with certificates on both sides.
func TLSTransport(t TLS) (*http.Transport, error) {
	own, err := t.ClientCertificate()
	if err != nil {
		return nil, err
	}
	pool, err := t.Authorities()
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS13, GetClientCertificate: own, RootCAs: pool, ServerName: t.ServerName,
		},
		TLSHandshakeTimeout: 15 * time.Second,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     30 * time.Second,
		DisableCompression:  true,
	}, nil
}
