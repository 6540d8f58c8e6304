package socket

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

// Certificates are certificates from files that can be read again while they are in use, or from
// somebody who gets and renews them. They are safe for concurrent use.
type Certificates struct {
	files  []CertificateFiles
	loaded atomic.Pointer[[]loadedCertificate]
	// From somebody else; files is empty then.
	get       func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	protocols []string
}

// CertificateFiles name a chain of certificates and its key, both in PEM.
type CertificateFiles struct{ Chain, Key string }

type loadedCertificate struct {
	chain, key []byte // as they were in the files
	tls        tls.Certificate
}

// LoadCertificates reads certificates. A client that names a server gets the first certificate for
// that name; one that does not, or names another, gets the first of all.
func LoadCertificates(files ...CertificateFiles) (*Certificates, error) {
	if len(files) == 0 {
		return nil, errors.New("no certificate given")
	}
	c := &Certificates{files: files}
	if _, err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// CertificatesFrom takes the certificate for each handshake from somebody else, such as package
// nameserver/acme. protocols are further names of ALPN for endpoints over TCP: whoever asks for one
// of them wants to see the certificate and nothing more (RFC 8737, section 3).
func CertificatesFrom(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), protocols ...string) *Certificates {
	return &Certificates{get: get, protocols: protocols}
}

// Reload reads the files again and reports whether they have changed. New connections get what was
// read. When any file cannot be used, for a reason that the error tells, everything stays as it was:
// a certificate that was half renewed must not end the service. Without files it does nothing.
func (c *Certificates) Reload() (changed bool, err error) {
	if c.get != nil {
		return false, nil
	}
	old := c.loaded.Load()
	fresh := make([]loadedCertificate, len(c.files))
	for i, f := range c.files {
		l := &fresh[i]
		if l.chain, err = os.ReadFile(f.Chain); err != nil {
			return false, fmt.Errorf("certificate: %w", err)
		}
		if l.key, err = os.ReadFile(f.Key); err != nil {
			return false, fmt.Errorf("key of certificate %s: %w", f.Chain, err)
		}
		if old != nil && bytes.Equal(l.chain, (*old)[i].chain) && bytes.Equal(l.key, (*old)[i].key) {
			l.tls = (*old)[i].tls
			continue
		}
		changed = true
		if l.tls, err = tls.X509KeyPair(l.chain, l.key); err != nil {
			return false, fmt.Errorf("certificate %s and key %s: %w", f.Chain, f.Key, err)
		}
	}
	if changed {
		c.loaded.Store(&fresh)
	}
	return changed, nil
}

func (c *Certificates) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.get != nil {
		return c.get(hello)
	}
	all := *c.loaded.Load()
	if hello.ServerName != "" && len(all) > 1 {
		for i := range all {
			if hello.SupportsCertificate(&all[i].tls) == nil {
				return &all[i].tls, nil
			}
		}
	}
	return &all[0].tls, nil
}

// config is for one service; protocols are those of ALPN.
func (c *Certificates) config(protocols ...string) *tls.Config {
	return &tls.Config{
		GetCertificate: c.choose,
		MinVersion:     tls.VersionTLS12, // RFC 9325, section 3.1.1
		NextProtos:     protocols,
	}
}
