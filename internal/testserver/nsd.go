package testserver

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// NSDOptions tell what an NSD server holds and allows. NSD takes no updates.
type NSDOptions struct {
	Zones map[string]string // origin to zone-file text, relative names allowed
	TSIG  *Key              // may transfer all Zones; nil: nobody may

	AnyTransfer bool // transfers without a key are answered as well

	// Secondary are zones that are fetched from elsewhere, with TSIG: origin to "address:port" of the
	// primary. NOTIFY is taken from the loopback interface. The server does not wait for them.
	Secondary map[string]string

	ServerOptions string // further lines for the server section, such as "answer-cookie: yes"
	ZoneOptions   string // further lines for every zone, such as "store-ixfr: yes"
}

// NSD starts nsd with some fixed zones.
func NSD(t testing.TB, o NSDOptions) *Server {
	t.Helper()
	return start(t, kind{
		name:   "NSD",
		binary: "nsd",
		ports:  1,
		configure: func(s *Server) ([]string, error) {
			for _, origin := range origins(o.Zones) {
				if err := s.writeZone(zoneFileName(origin), origin, o.Zones[origin]); err != nil {
					return nil, err
				}
			}
			if err := s.write("nsd.conf", o.configure(s)); err != nil {
				return nil, err
			}
			// -d: in the foreground.
			return []string{"-d", "-c", filepath.Join(s.Dir, "nsd.conf")}, nil
		},
		zoneFile: zoneFileName,
	}, origins(o.Zones))
}

func (o NSDOptions) configure(s *Server) string {
	var b strings.Builder
	fmt.Fprintf(&b, `server:
	server-count: 1
	ip-address: 127.0.0.1@%[1]s
	do-ip6: no
	username: ""
	chroot: ""
	database: ""
	zonesdir: %[2]q
	pidfile: "%[2]s/nsd.pid"
	xfrdfile: "%[2]s/xfrd.state"
	zonelistfile: "%[2]s/zone.list"
	cookie-secret-file: "%[2]s/cookies"
	xfrdir: %[2]q
%[3]s
remote-control:
	control-enable: no
`, s.ports[0], s.Dir, o.ServerOptions)
	keys := []*Key{&s.admin}
	if o.TSIG != nil {
		keys = append(keys, o.TSIG)
	}
	for _, k := range keys {
		fmt.Fprintf(&b, "key:\n\tname: %q\n\talgorithm: %s\n\tsecret: %q\n", k.fqdn(), k.Algorithm, k.Secret)
	}
	for _, origin := range origins(o.Zones) {
		fmt.Fprintf(&b, "zone:\n\tname: %q\n\tzonefile: %q\n", dns.CanonicalName(origin), zoneFileName(origin))
		for _, k := range keys {
			fmt.Fprintf(&b, "\tprovide-xfr: 127.0.0.0/8 %s\n", k.fqdn())
		}
		if o.AnyTransfer {
			b.WriteString("\tprovide-xfr: 127.0.0.0/8 NOKEY\n")
		}
		b.WriteString(o.ZoneOptions + "\n")
	}
	key := "NOKEY"
	if o.TSIG != nil {
		key = o.TSIG.fqdn()
	}
	for _, origin := range origins(o.Secondary) {
		fmt.Fprintf(&b, "zone:\n\tname: %q\n\tzonefile: %q\n\trequest-xfr: %s %s\n\tallow-notify: 127.0.0.0/8 %s\n\tprovide-xfr: 127.0.0.0/8 %s\n%s\n",
			dns.CanonicalName(origin), zoneFileName(origin), strings.Replace(o.Secondary[origin], ":", "@", 1), key, key, s.admin.fqdn(), o.ZoneOptions)
	}
	return b.String()
}
