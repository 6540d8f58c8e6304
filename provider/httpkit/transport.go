package httpkit

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
)

// TLS says whom a transport trusts. The zero value trusts whom the system trusts.
type TLS struct {
	Insecure bool   // trust everybody
	CAFile   string // trust whom this file of PEM certificates names
}

// Transport returns a transport for many calls at once to one host. base is what to start from; nil
// means the defaults of net/http. A base of another type than *http.Transport is returned as it is.
func Transport(base http.RoundTripper, t TLS) (http.RoundTripper, error) {
	if base == nil {
		base = http.DefaultTransport
	}
	std, ok := base.(*http.Transport)
	if !ok {
		return base, nil
	}
	std = std.Clone()
	std.MaxIdleConnsPerHost = 64
	if std.TLSClientConfig == nil {
		std.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	std.TLSClientConfig.InsecureSkipVerify = t.Insecure
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no PEM certificate", t.CAFile)
		}
		std.TLSClientConfig.RootCAs = pool
	}
	return std, nil
}
