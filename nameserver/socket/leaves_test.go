package socket

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
)

// Certificates of somebody else are told of, too, as far as there are any.
func TestLeavesOfOthers(t *testing.T) {
	t.Parallel()
	leaf := &x509.Certificate{}
	for name, c := range map[string]struct {
		get  func(*tls.ClientHelloInfo) (*tls.Certificate, error)
		want int
	}{
		"one":  {func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &tls.Certificate{Leaf: leaf}, nil }, 1},
		"none": {func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("not yet") }, 0},
	} {
		if got := CertificatesFrom(c.get).Leaves(); len(got) != c.want {
			t.Errorf("%s: %d certificates, want %d", name, len(got), c.want)
		}
	}
}
