package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/zonecast/zonecast/providers/zonecast/api"
)

// reached are the flags that say where the name server is which a command is for.
type reached struct {
	socket, control     string
	cert, key, ca, name string
}

func (r *reached) flags(f *pflag.FlagSet) {
	f.StringVar(&r.socket, "socket", "", "control socket of the name server, a `FILE`\n(default: $"+api.SocketVar+", then "+api.DefaultSocket+")")
	f.StringVar(&r.control, "control", "", "control interface of the name server, an `ADDRESS`: https://HOST:PORT or a socket's file\n(default: $"+api.ControlVar+", then --socket)")
	f.StringVar(&r.cert, "control-cert", "", "certificate to show it, a PEM `FILE` (default: $"+api.CertVar+")")
	f.StringVar(&r.key, "control-key", "", "its key, a PEM `FILE` (default: $"+api.KeyVar+")")
	f.StringVar(&r.ca, "control-ca", "", "authority of the name server's certificate, a PEM `FILE`\n(default: $"+api.CAVar+", then those that the system trusts)")
	f.StringVar(&r.name, "control-name", "", "`NAME` in the name server's certificate\n(default: $"+api.NameVar+" where $"+api.ControlVar+"\nsays the address, else its host)")
}

// A way is how a name server is reached.
type way struct {
	*http.Transport
	base  string // of addresses
	where string // for people
	tls   *api.TLS
	host  string // over TLS
}

// way finds out how the name server is reached.
func (c *controlled) way() (*way, error) {
	env := func(name string) string { v, _ := c.env(name); return v }
	control := cmp.Or(c.control, env(api.ControlVar))
	if c.control != "" && c.socket != "" {
		return nil, usagef("keep one of them", "both --control and --socket are given")
	}
	if c.socket != "" {
		control = ""
	}
	scheme, _, isURL := strings.Cut(control, "://")
	if !isURL || scheme == "unix" {
		path := cmp.Or(c.socket, strings.TrimPrefix(control, "unix://"), env(api.SocketVar), api.DefaultSocket)
		if c.cert+c.key+c.ca+c.name != "" {
			return nil, usagef("give --control https://HOST:PORT, or leave them out", "--control-cert, --control-key, --control-ca and --control-name have no meaning for the socket %s", path)
		}
		return &way{Transport: api.UnixTransport(path), base: api.UnixBase, where: path}, nil
	}
	u, err := url.Parse(control)
	if err != nil || scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return nil, usagef("write https://ns1.example.net:"+api.DefaultPort+", or the file of a socket", "%q is no control interface", control)
	}
	w := &way{
		host: u.Hostname(), where: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), api.DefaultPort)),
		tls: &api.TLS{
			Certificate: cmp.Or(c.cert, env(api.CertVar)), Key: cmp.Or(c.key, env(api.KeyVar)),
			CA: cmp.Or(c.ca, env(api.CAVar)), ServerName: c.name,
		},
	}
	if c.control == "" && c.name == "" { // the name goes with the address
		w.tls.ServerName = env(api.NameVar)
	}
	if w.tls.Certificate == "" || w.tls.Key == "" {
		return nil, usagef("give --control-cert FILE and --control-key FILE, of an authority that the name server trusts (control: client_ca)",
			"the name server at %s takes only who shows a certificate", w.where)
	}
	w.base = "https://" + w.where + "/v1"
	if _, err := w.tls.ClientCertificate(); err != nil {
		return nil, usagef("see --control-cert and --control-key", "the certificate to show cannot be used: %v", err)
	}
	if _, err := w.tls.Authorities(); err != nil {
		return nil, usagef("see --control-ca", "the authority of the name server's certificate cannot be read: %v", err)
	}
	w.Transport, err = api.TLSTransport(*w.tls)
	return w, err
}

// unreachable words why the name server cannot be asked.
func (w *way) unreachable(err error) error {
	if w.tls != nil {
		if known := w.untrusted(err); known != nil {
			return known
		}
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
			return usagef("is it running, with control: {address: …} in its configuration?", "the name server at %s cannot be reached: %v", w.where, op.Err)
		}
		return fmt.Errorf("the name server at %s gave no answer: %w; whether it has done something is not known", w.where, err)
	}
	other := "--socket FILE or $" + api.SocketVar + " names another socket"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usagef("start the name server with its control interface on (docs/nameserver.md), or:\n  "+other, "no name server has its control socket at %s", w.where)
	case errors.Is(err, fs.ErrPermission):
		return usagef("use sudo, or become a member of the socket's group; "+other, "you may not use the control socket %s", w.where)
	case errors.Is(err, syscall.ECONNREFUSED):
		return usagef("the name server that made the socket has ended; start it again, or:\n  "+other, "nobody answers at the control socket %s", w.where)
	case errors.Is(err, syscall.ENOTSOCK), errors.Is(err, syscall.EPROTOTYPE):
		return usagef(other, "%s is no socket", w.where)
	}
	return fmt.Errorf("the name server at %s gave no answer: %w; whether it has done something is not known", w.where, err)
}

// untrusted words why one of both sides does not trust the other; nil: that is not it. Nothing was done
// then.
func (w *way) untrusted(err error) error {
	wanted := cmp.Or(w.tls.ServerName, w.host)
	if name, ok := errors.AsType[x509.HostnameError](err); ok {
		has := slices.Clone(name.Certificate.DNSNames)
		for _, ip := range name.Certificate.IPAddresses {
			has = append(has, ip.String())
		}
		return usagef("use one of these names in --control, or say which one it is: --control-name NAME",
			"what answers at %s shows a certificate for %s, not for %s", w.where, cmp.Or(strings.Join(has, ", "), "no name at all"), wanted)
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired {
		return usagef("renew it there; the name server reads it again with its next reload, over its socket or by SIGHUP", "the certificate of the name server at %s is valid from %s to %s, which is not now",
			w.where, bad.Cert.NotBefore.Local().Format(timeLayout), bad.Cert.NotAfter.Local().Format(timeLayout))
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		trusted := "that the system trusts"
		if w.tls.CA != "" {
			trusted = "in " + w.tls.CA
		}
		return usagef("give the authority that has signed it: --control-ca FILE", "the certificate of what answers at %s is not of an authority %s", w.where, trusted)
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("the certificate of what answers at %s cannot be trusted: %w", w.where, bad.Err)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return usagef("is this the address of control: in its configuration?", "what answers at %s speaks no TLS", w.where)
	}
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" { // an alert of TLS
		return nil
	}
	fix := "it has to be of an authority that the name server has as control: client_ca, and good for clients"
	own, loadErr := tls.LoadX509KeyPair(w.tls.Certificate, w.tls.Key)
	if now := time.Now(); loadErr == nil && own.Leaf != nil && (now.After(own.Leaf.NotAfter) || now.Before(own.Leaf.NotBefore)) {
		return usagef("renew it", "the name server at %s does not take the certificate in %s: it is valid from %s to %s, which is not now",
			w.where, w.tls.Certificate, own.Leaf.NotBefore.Local().Format(timeLayout), own.Leaf.NotAfter.Local().Format(timeLayout))
	}
	return usagef(fix, "the name server at %s does not take the certificate in %s: %s", w.where, w.tls.Certificate, strings.TrimPrefix(op.Err.Error(), "tls: "))
}
