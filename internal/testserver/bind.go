package testserver

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// BINDOptions tell what a BIND server holds and allows.
type BINDOptions struct {
	Zones map[string]string // origin to zone-file text, relative names allowed
	TSIG  *Key              // may update and transfer all Zones; nil: nobody may

	AnyUpdate   bool // updates without a key are taken as well
	AnyTransfer bool // transfers without a key are answered as well

	// Secondary are zones that are fetched from elsewhere, with TSIG: origin to "address:port" of the
	// primary. NOTIFY is taken from the loopback interface. The server does not wait for them.
	Secondary map[string]string

	// Views come before the zones above, which every other client sees.
	Views []BINDView

	SecondaryVia string // how Secondary are fetched, such as "tls ephemeral"

	Options     string // further statements for the options block
	ZoneOptions string // further statements for every zone
}

// A BINDView is what clients see who sign with its key.
type BINDView struct {
	Name  string
	TSIG  *Key // selects the view, and may update and transfer its zones
	Zones map[string]string
}

// BIND starts named as the primary of some zones.
func BIND(t testing.TB, o BINDOptions) *Server {
	t.Helper()
	return start(t, kind{
		name:   "BIND",
		binary: "named",
		ports:  1,
		configure: func(s *Server) ([]string, error) {
			conf, err := o.configure(s)
			if err != nil {
				return nil, err
			}
			if err := s.write("named.conf", conf); err != nil {
				return nil, err
			}
			// -g: in the foreground, logging to standard error.
			return []string{"-g", "-4", "-n", "1", "-c", filepath.Join(s.Dir, "named.conf")}, nil
		},
		zoneFile: zoneFileName,
		journals: []string{"*.jnl", "*/*.jnl"},
	}, origins(o.Zones))
}

func (o BINDOptions) configure(s *Server) (string, error) {
	var b strings.Builder
	// Nothing of this server may leave its directory or the loopback interface:
	// no rndc, no notify, no recursion and with it no root servers.
	fmt.Fprintf(&b, `options {
	directory %q;
	listen-on port %s { 127.0.0.1; };
	listen-on-v6 { none; };
	reuseport no;
	pid-file none;
	lock-file none;
	session-keyfile "session.key";
	recursion no;
	dnssec-validation no;
	empty-zones-enable no;
	notify no;
	max-cache-size 2m;
	masterfile-format text;
	transfers-out 100;
	%s
};
controls { };
`, s.Dir, s.ports[0], o.Options)

	keys := map[string]*Key{s.admin.fqdn(): &s.admin}
	if o.TSIG != nil {
		keys[o.TSIG.fqdn()] = o.TSIG
	}
	for _, v := range o.Views {
		if v.TSIG == nil {
			return "", fmt.Errorf("view %q has no key, so nobody would see it", v.Name)
		}
		keys[v.TSIG.fqdn()] = v.TSIG
	}
	for name, k := range keys {
		fmt.Fprintf(&b, "key %q { algorithm %s; secret %q; };\n", name, k.Algorithm, k.Secret)
	}

	for _, v := range o.Views {
		fmt.Fprintf(&b, "view %q {\nmatch-clients { key %q; };\n", v.Name, v.TSIG.fqdn())
		if err := o.addZones(&b, s, v.Name, v.Zones, v.TSIG); err != nil {
			return "", err
		}
		b.WriteString("};\n")
	}
	// BIND wants every zone in a view as soon as there is one.
	if len(o.Views) > 0 {
		b.WriteString("view \"everyone\" {\nmatch-clients { any; };\n")
	}
	if err := o.addZones(&b, s, "", o.Zones, o.TSIG); err != nil {
		return "", err
	}
	for _, origin := range origins(o.Secondary) {
		host, port, err := net.SplitHostPort(o.Secondary[origin])
		if err != nil {
			return "", err
		}
		key := ""
		if o.TSIG != nil {
			key = fmt.Sprintf("key %q", o.TSIG.fqdn())
		}
		fmt.Fprintf(&b, "zone %q {\n\ttype secondary;\n\tfile %q;\n\tprimaries { %s port %s %s %s; };\n\tallow-notify { 127.0.0.0/8; };\n\tallow-transfer { key %q; };\n\t%s\n};\n",
			origin, zoneFileName(origin), host, port, key, o.SecondaryVia, s.admin.fqdn(), o.ZoneOptions)
	}
	if len(o.Views) > 0 {
		b.WriteString("};\n")
	}
	return b.String(), nil
}

func (o BINDOptions) addZones(b *strings.Builder, s *Server, dir string, zones map[string]string, key *Key) error {
	update, transfer := "none;", fmt.Sprintf("key %q;", s.admin.fqdn())
	if key != nil {
		update = fmt.Sprintf("key %q;", key.fqdn())
		transfer += " " + update
	}
	if o.AnyUpdate {
		update = "any;"
	}
	if o.AnyTransfer {
		transfer = "any;"
	}
	for _, origin := range origins(zones) {
		file := filepath.Join(dir, zoneFileName(origin))
		if err := s.writeZone(file, origin, zones[origin]); err != nil {
			return err
		}
		fmt.Fprintf(b, "zone %q {\n\ttype primary;\n\tfile %q;\n\tallow-update { %s };\n\tallow-transfer { %s };\n\t%s\n};\n",
			origin, file, update, transfer, o.ZoneOptions)
	}
	return nil
}
