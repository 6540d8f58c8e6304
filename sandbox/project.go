package sandbox

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/sandbox/azure"
	"github.com/zonecast/zonecast/sandbox/cloudflare"
	"github.com/zonecast/zonecast/sandbox/local"
	"github.com/zonecast/zonecast/sandbox/route53"
	"github.com/zonecast/zonecast/zone"
)

// Kinds of services, in the order of their ports.
const (
	Route53    = "route53"
	Cloudflare = "cloudflare"
	Azure      = "azure"
	Google     = "google"
	BIND       = string(local.BIND)
	Knot       = string(local.Knot)
	PowerDNS   = string(local.PowerDNS)
)

// Kinds lists all kinds of services: emulated ones first, then real servers.
func Kinds() []string { return []string{Route53, Cloudflare, Azure, Google, BIND, Knot, PowerDNS} }

// Real reports whether a kind is a real name server, which must be installed.
func Real(kind string) bool { return kind == BIND || kind == Knot || kind == PowerDNS }

// Available lists the kinds that can run on this machine.
func Available() []string {
	return slices.DeleteFunc(Kinds(), func(k string) bool { return Real(k) && !local.Installed(local.Kind(k)) })
}

// DefaultBase is where ports begin unless they are taken.
const DefaultBase = 8500

// ports is how many ports follow the first.
const ports = 20

// A Project is what a sandbox remembers.
type Project struct {
	BasePort int      `json:"basePort"` // of the control API; the services follow
	Kinds    []string `json:"kinds"`
	Zones    []string `json:"zones"` // that BIND and Knot are made with; the others create zones
}

// Control is the address of the control API.
func (p Project) Control() string { return loopback(p.BasePort) }

// API is the address of a service's API; BIND and Knot have none.
func (p Project) API(kind string) string {
	return loopback(p.BasePort + 1 + 2*slices.Index(Kinds(), kind))
}

// DNS is the address of a service's name servers.
func (p Project) DNS(kind string) string {
	return loopback(p.BasePort + 2 + 2*slices.Index(Kinds(), kind))
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// FreeBase finds a base from a port on (DefaultBase, mostly) whose ports nobody uses.
func FreeBase(ctx context.Context, from int) (int, error) {
	for base := from; base < from+4000; base += 100 {
		if free(ctx, base) {
			return base, nil
		}
	}
	return 0, fmt.Errorf("no %d ports in a row are free from %d on", ports+1, from)
}

func free(ctx context.Context, base int) bool {
	var conf net.ListenConfig
	for port := base; port <= base+ports; port++ {
		tcp, err := conf.Listen(ctx, "tcp", loopback(port))
		if err != nil {
			return false
		}
		_ = tcp.Close()
		udp, err := conf.ListenPacket(ctx, "udp", loopback(port))
		if err != nil {
			return false
		}
		_ = udp.Close()
	}
	return true
}

// check says what is senseless about a project.
func (p Project) check() error {
	if p.BasePort < 1024 || p.BasePort+ports > 65535 {
		return fmt.Errorf("the first port is %d; choose one from 1024 to %d", p.BasePort, 65535-ports)
	}
	for i, k := range p.Kinds {
		switch {
		case !slices.Contains(Kinds(), k):
			return fmt.Errorf("no service is called %q; there are %s", k, strings.Join(Kinds(), ", "))
		case slices.Contains(p.Kinds[:i], k):
			return fmt.Errorf("service %s is named twice; each runs once", k)
		}
	}
	for _, z := range p.Zones {
		if name, err := zone.ParseName(z); err != nil || name.String() != z {
			return fmt.Errorf("zone %q: write an absolute name in lower case, such as example.com. (%w)", z, err)
		}
	}
	return nil
}

// Files of a sandbox's folder. All but the first hold credentials, for a configuration to refer
// to, and open nothing but this sandbox.
const (
	projectFile = "sandbox.json"
	AWSSecret   = "route53.secret"
	CFToken     = "cloudflare.token"
	AzureSecret = "azure.secret"
	GoogleFile  = "google.json" // written at each start
	TSIGSecret  = "tsig.secret"
	PowerDNSKey = "powerdns.key"
	CAFile      = "ca.pem" // whom the emulated Azure's certificate is signed by
	caKey       = "ca-key.pem"
)

// Prepare writes a sandbox's folder. Credentials that are there already stay.
func Prepare(dir string, p Project) error {
	if err := p.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, projectFile), append(data, '\n'), 0o600); err != nil {
		return err
	}
	for _, secret := range []struct{ name, text string }{
		{".gitignore", "*\n"},
		{AWSSecret, route53.DefaultSecret},
		{CFToken, cloudflare.DefaultToken},
		{AzureSecret, azure.DefaultClientSecret},
		{TSIGSecret, random()},
		{PowerDNSKey, random()},
	} {
		if err := keep(filepath.Join(dir, secret.name), secret.text); err != nil {
			return err
		}
	}
	return certificate(dir)
}

// keep writes a file unless it is there.
func keep(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// certificate makes a certificate for loopback that signs itself, unless there is one that lasts.
func certificate(dir string) error {
	if pair, err := tls.LoadX509KeyPair(filepath.Join(dir, CAFile), filepath.Join(dir, caKey)); err == nil && time.Until(pair.Leaf.NotAfter) > 24*time.Hour {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "zonecast sandbox"},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, caKey), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
		os.WriteFile(filepath.Join(dir, CAFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
	)
}

// Load reads what Prepare wrote.
func Load(dir string) (Project, error) {
	var p Project
	path := filepath.Join(dir, projectFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	if err := p.check(); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
