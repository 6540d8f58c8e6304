package socket

import (
	"crypto/tls"
	"crypto/x509"
)

// Leaves are the certificates that clients are shown now, without their chains.
func (c *Certificates) Leaves() []*x509.Certificate {
	var out []*x509.Certificate
	if c.get != nil {
		// Of somebody else's only the one that is known which a client gets that names no server.
		if cert, err := c.get(&tls.ClientHelloInfo{}); err == nil && cert != nil && cert.Leaf != nil {
			out = append(out, cert.Leaf)
		}
		return out
	}
	for _, l := range *c.loaded.Load() {
		if l.tls.Leaf != nil {
			out = append(out, l.tls.Leaf)
		}
	}
	return out
}
