package testserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// KnotOptions tell what a Knot server holds and allows.
type KnotOptions struct {
	Zones map[string]string // origin to zone-file text, relative names allowed
	TSIG  *Key              // may update and transfer all Zones; nil: nobody may

	AnyUpdate   bool // updates without a key are taken as well
	AnyTransfer bool // transfers without a key are answered as well

	// Secondary are zones that are fetched from elsewhere, with TSIG: origin to "address:port" of the
	// primary. NOTIFY is taken from the loopback interface. The server does not wait for them.
	Secondary map[string]string

	ZoneOptions string // further lines for every zone, such as "max-zone-size: 1M"
	Config      string // further sections, such as "template:"; remotes of Secondary are primary0, …
}

// Knot starts knotd as the primary of some zones.
func Knot(t testing.TB, o KnotOptions) *Server {
	t.Helper()
	return start(t, kind{
		name:   "Knot",
		binary: "knotd",
		ports:  1,
		configure: func(s *Server) ([]string, error) {
			// Knot makes no folder for its journal, and refuses updates without one.
			if err := os.MkdirAll(filepath.Join(s.Dir, "db"), 0o755); err != nil {
				return nil, err
			}
			for _, origin := range origins(o.Zones) {
				if err := s.writeZone(zoneFileName(origin), origin, o.Zones[origin]); err != nil {
					return nil, err
				}
			}
			if err := s.write("knot.conf", o.configure(s)); err != nil {
				return nil, err
			}
			return []string{"-c", filepath.Join(s.Dir, "knot.conf")}, nil
		},
		zoneFile: zoneFileName,
		journals: []string{"db/*"},
	}, origins(o.Zones))
}

func (o KnotOptions) configure(s *Server) string {
	var b strings.Builder
	fmt.Fprintf(&b, `server:
    listen: 127.0.0.1@%s
    rundir: %q
    udp-workers: 1
    tcp-workers: 2
    background-workers: 1
control:
    listen: control.sock
log:
  - target: stderr
    any: info
database:
    storage: %q
    journal-db-max-size: 256M
`, s.ports[0], s.Dir, filepath.Join(s.Dir, "db"))

	keys := []*Key{&s.admin}
	acl := []string{"admin"}
	rules := fmt.Sprintf("  - id: admin\n    key: %q\n    action: transfer\n", s.admin.fqdn())
	add := func(id, lines string) {
		acl = append(acl, id)
		rules += "  - id: " + id + "\n" + lines
	}
	if o.TSIG != nil {
		keys = append(keys, o.TSIG)
		add("holder", fmt.Sprintf("    key: %q\n    action: [update, transfer]\n", o.TSIG.fqdn()))
	}
	if o.AnyUpdate {
		add("update", "    address: 127.0.0.0/8\n    action: update\n")
	}
	if o.AnyTransfer {
		add("transfer", "    address: 127.0.0.0/8\n    action: transfer\n")
	}
	b.WriteString("key:\n")
	for _, k := range keys {
		fmt.Fprintf(&b, "  - id: %q\n    algorithm: %s\n    secret: %q\n", k.fqdn(), k.Algorithm, k.Secret)
	}
	if len(o.Secondary) > 0 {
		rules += "  - id: notify\n    address: 127.0.0.0/8\n    action: notify\n"
		if o.TSIG != nil {
			rules += fmt.Sprintf("    key: %q\n", o.TSIG.fqdn())
		}
	}
	b.WriteString("acl:\n" + rules)
	b.WriteString(o.remotes() + o.Config)
	if len(o.Zones)+len(o.Secondary) > 0 {
		b.WriteString("zone:\n")
	}
	for _, origin := range origins(o.Zones) {
		// Zone files stay as they were written: changes live in the journal, as
		// with BIND, and survive a kill there.
		fmt.Fprintf(&b, "  - domain: %q\n    file: %q\n    zonefile-sync: -1\n    acl: [%s]\n",
			dns.CanonicalName(origin), filepath.Join(s.Dir, zoneFileName(origin)), strings.Join(acl, ", "))
		o.zoneOptions(&b)
	}
	for i, origin := range origins(o.Secondary) {
		fmt.Fprintf(&b, "  - domain: %q\n    file: %q\n    master: primary%d\n    acl: [admin, notify]\n",
			dns.CanonicalName(origin), filepath.Join(s.Dir, zoneFileName(origin)), i)
		o.zoneOptions(&b)
	}
	return b.String()
}

func (o KnotOptions) zoneOptions(b *strings.Builder) {
	for line := range strings.Lines(o.ZoneOptions) {
		b.WriteString("    " + strings.TrimSpace(line) + "\n")
	}
}

// remotes are the primaries of Secondary.
func (o KnotOptions) remotes() string {
	var b strings.Builder
	for i, origin := range origins(o.Secondary) {
		if i == 0 {
			b.WriteString("remote:\n")
		}
		fmt.Fprintf(&b, "  - id: primary%d\n    address: %s\n", i, strings.Replace(o.Secondary[origin], ":", "@", 1))
		if o.TSIG != nil {
			fmt.Fprintf(&b, "    key: %q\n", o.TSIG.fqdn())
		}
	}
	return b.String()
}
