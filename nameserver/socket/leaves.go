package socket

import "crypto/x509"

// Leaves are the certificates that clients are shown now, without their chains.
func (c *Certificates) Leaves() []*x509.Certificate {
	var out []*x509.Certificate
	for _, l := range *c.loaded.Load() {
		if l.tls.Leaf != nil {
			out = append(out, l.tls.Leaf)
		}
	}
	return out
}
