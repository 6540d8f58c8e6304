package acme

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// LetsEncrypt is the directory of the authority that is asked where no other is named.
const LetsEncrypt = certmagic.LetsEncryptProductionCA

// Options say whose certificates to get, from whom and how. Whoever uses an authority agrees to its
// terms of service.
type Options struct {
	// Names are those that certificates are for, such as "ns1.example.org". A wildcard
	// ("*.dns.example.org") needs DNS-01. The first one's certificate is for clients that name no
	// server, or none of these.
	Names []string
	// Folder is where certificates, their keys and the account with the authority are kept. Nobody
	// else should be able to read it. Several processes may share it.
	Folder string

	Directory string // URL of the authority's directory; "": LetsEncrypt
	// CAFile holds, in PEM, whom to trust for the connection to the directory, for an authority of
	// one's own; "": those that the system trusts.
	CAFile  string
	Email   string // that the authority may write to; may be ""
	KeyType string // "p256", "p384", "rsa2048" or "rsa4096"; "": "p256"
	// AccountKeyID and AccountKey (base64url) bind the account to one that exists with the
	// authority (RFC 8555, section 7.3.4); "": not bound.
	AccountKeyID, AccountKey string

	// Present has a TXT record answered by every server of its zone, and returns when that is so.
	// CleanUp takes it away. Several values may be wanted at one name at a time. With both, DNS-01
	// is the only challenge; without them it is not used. See Edits and Zones.
	Present, CleanUp func(ctx context.Context, owner zone.Name, value string) error
	// TLSALPN says that connections to port 443 of the names reach endpoints that use these
	// certificates over TCP, as those of DNS over HTTPS do.
	TLSALPN bool
	// HTTP is where requests to port 80 of the names arrive, as in ":80"; "": nowhere. Anything else
	// than the challenge is not found there.
	HTTP string

	// Report is told what was obtained and what went wrong, by several goroutines at once; may be nil.
	Report func(finding.Finding)

	renewal float64 // share of a certificate's life in which it is renewed, for tests; 0: the last third
}

var keyTypes = []string{string(certmagic.P256), string(certmagic.P384), string(certmagic.RSA2048), string(certmagic.RSA4096)}

// prepared checks the options and fills in what was left to default.
func (o Options) prepared() (Options, error) {
	if len(o.Names) == 0 {
		return o, errors.New("certificates: no name to get one for")
	}
	o.Names = slices.Clone(o.Names)
	byDNS := o.Present != nil && o.CleanUp != nil
	for i, name := range o.Names {
		clean, err := hostName(name)
		if err != nil {
			return o, fmt.Errorf("certificates: %w", err)
		}
		if strings.HasPrefix(clean, "*.") && !byDNS {
			return o, fmt.Errorf("certificates: %s needs the challenge DNS-01, in a zone that can be changed here", name)
		}
		o.Names[i] = clean
	}
	if !byDNS && !o.TLSALPN && o.HTTP == "" {
		return o, errors.New("certificates: the authority has no way to see that the names are ours; it needs port 443 or port 80 of this server, or TXT records")
	}
	if o.Folder == "" {
		return o, errors.New("certificates: no folder to keep them in")
	}
	if o.Directory == "" {
		o.Directory = LetsEncrypt
	}
	if u, err := url.Parse(o.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		return o, fmt.Errorf("certificates: %q is no directory of an authority; write it like %s", o.Directory, LetsEncrypt)
	}
	if o.KeyType == "" {
		o.KeyType = keyTypes[0]
	}
	if !slices.Contains(keyTypes, o.KeyType) {
		return o, fmt.Errorf("certificates: keys of type %q are not made; write one of %s", o.KeyType, strings.Join(keyTypes, ", "))
	}
	if (o.AccountKeyID == "") != (o.AccountKey == "") {
		return o, errors.New("certificates: an account is bound by a key id and a key; one of them is missing")
	}
	return o, nil
}

// hostName is a name as certificates have it. The part behind "*." is a name, too.
func hostName(text string) (string, error) {
	name, wild := strings.CutPrefix(text, "*.")
	n, err := zone.ParseName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return "", fmt.Errorf("%q: %w", text, err)
	}
	name = strings.TrimSuffix(n.String(), ".")
	if !strings.Contains(name, ".") || strings.ContainsAny(name, "*\\_") {
		return "", fmt.Errorf("%q is no name of a host that an authority can vouch for", text)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "", fmt.Errorf("%q is an address; authorities vouch for names", text)
	}
	if wild {
		name = "*." + name
	}
	return name, nil
}

// trusted is the pool of CAFile; nil: what the system trusts.
func (o *Options) trusted() (*x509.CertPool, error) {
	if o.CAFile == "" {
		return nil, nil
	}
	b, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("certificates: whom to trust: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("certificates: %s holds no certificate in PEM", o.CAFile)
	}
	return pool, nil
}

func (o *Options) binding() *acme.EAB {
	if o.AccountKeyID == "" {
		return nil
	}
	return &acme.EAB{KeyID: o.AccountKeyID, MACKey: o.AccountKey}
}
