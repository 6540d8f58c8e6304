package conf

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A Config is a configuration file, read and checked.
type Config struct {
	File
	Dir string // what relative paths count from: the folder of the file

	keys map[string]*wire.Key // by their names as written
	root *yaml11.Node         // the file, for the places of what is in it; nil: it was not read from one
}

// Load reads a configuration file. Everything that is wrong with it comes back as findings, in order
// of place; where one of them is an error the Config is nil. env is where variables are looked up,
// nil: the environment of the process.
func Load(path string, env func(string) (string, bool)) (*Config, []finding.Finding) {
	data, err := os.ReadFile(path)
	if err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err
		}
		return nil, []finding.Finding{{
			ID: "nameserver-config", Severity: finding.Error, Place: finding.Place{File: path}, Text: "cannot be read: " + err.Error(),
		}}
	}
	return Parse(path, data, env)
}

// Parse is Load for a file that has been read already; path names it in messages and says what
// relative paths count from.
func Parse(path string, data []byte, env func(string) (string, bool)) (*Config, []finding.Finding) {
	root, problems := yaml11.Parse(path, data, yaml11.Options{MaxBytes: 16 << 20, MaxNodes: 1 << 20})
	d := &decoder{name: path, dir: filepath.Dir(path), env: env}
	for _, p := range problems {
		f := finding.Finding{ID: p.ID, Severity: finding.Error, Place: placeOf(p.Pos), Text: p.Text, Fix: p.Fix}
		if p.Warning {
			f.Severity = finding.Warning
		}
		d.findings = append(d.findings, f)
	}
	c := &Config{Dir: d.dir, root: root}
	if finding.AsError(d.findings) == nil {
		d.fill(reflect.ValueOf(&c.File).Elem(), root, "the file")
		c.check(d)
	}
	finding.Sort(d.findings)
	if finding.AsError(d.findings) != nil {
		return nil, d.findings
	}
	return c, d.findings
}

// Fixed names the keys in which next differs from c and that a running server cannot take up: they
// need a restart.
func (c *Config) Fixed(next *Config) (keys []string) {
	a, b := reflect.ValueOf(c.File), reflect.ValueOf(next.File)
	for i := range a.NumField() {
		switch key := a.Type().Field(i).Tag.Get("key"); key {
		case "keys", "peers", "defaults", "zones", "produce":
		default:
			if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// path is a path of the file, made absolute or relative to the working directory.
func (c *Config) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Dir, p)
}

// check says what does not fit together.
func (c *Config) check(d *decoder) {
	c.checkKeys(d)
	c.checkTLS(d)
	c.checkControl(d)
	c.checkListen(d)
	for _, name := range slices.Sorted(maps.Keys(c.Peers)) {
		c.checkPeer(d, name)
	}
	c.checkPolicy(d, &c.Defaults, finding.Place{File: d.name})
	seen := map[string]finding.Place{}
	for i := range c.Zones {
		c.checkZone(d, &c.Zones[i], seen)
	}
	for i := range c.Produce {
		p := &c.Produce[i]
		if p.Catalog.IsRoot() {
			d.at(p.Place, "write catalog: and the name of the catalog zone", "an entry of produce names no catalog zone")
		}
		d.once(seen, p.Catalog.String(), p.Place)
		c.checkPolicy(d, &p.Policy, p.Place)
	}
	if c.MaxUDP != 0 && (c.MaxUDP < 512 || c.MaxUDP > socket.MaxDatagram) {
		d.at(c.where(d.name, "max_udp"), "1232 passes nearly everywhere", "max_udp is %d; it has to be from 512 to %d", c.MaxUDP, socket.MaxDatagram)
	}
	if _, err := c.reports(); err != nil {
		d.at(c.where(d.name, "report_channel"), "name a short domain outside of the zones that are reported on, as er.example.net.", "report_channel: %v", err)
	}
	if c.Workers > 1024 {
		d.at(c.where(d.name, "workers"), "0 is one for each processor", "workers is %d; there can be 1024", c.Workers)
	}
	if len(c.Produce) > 0 && c.Store == "" {
		d.findings = append(d.findings, finding.Finding{
			ID: "nameserver-config", Severity: finding.Warning, Place: c.Produce[0].Place,
			Text: "without a store, a catalog lists after a start what can be served then, and its followers delete what is missing", Fix: "write store: and a file, as /var/lib/zonecast/nameserver.db",
		})
	}
	if c.Store == "" && slices.ContainsFunc(c.Zones, func(z Zone) bool { return z.Primary != "" }) {
		d.at(finding.Place{File: d.name}, "write store: and a file, as /var/lib/zonecast/nameserver.db", "zones that are held here (primary) need a store")
	}
	if len(c.Zones) == 0 && (c.Control == nil || c.Store == "") {
		d.at(finding.Place{File: d.name}, "name a folder of zone files, as zones: [{folder: zones}]", "there is nothing to serve")
	}
}

func (d *decoder) at(p finding.Place, fix, format string, args ...any) {
	d.findings = append(d.findings, finding.Finding{
		ID: "nameserver-config", Severity: finding.Error, Place: p, Text: fmt.Sprintf(format, args...), Fix: fix,
	})
}

func (d *decoder) once(seen map[string]finding.Place, name string, p finding.Place) {
	if before, ok := seen[name]; ok {
		d.findings = append(d.findings, finding.Finding{
			ID: "nameserver-config", Severity: finding.Error, Place: p, Related: []finding.Place{before},
			Text: fmt.Sprintf("%s is there twice, first at %s", name, before), Fix: "keep one of them",
		})
		return
	}
	seen[name] = p
}

func (c *Config) checkKeys(d *decoder) {
	c.keys = map[string]*wire.Key{}
	for _, name := range slices.Sorted(maps.Keys(c.Keys)) {
		k := c.Keys[name]
		if d.unknown && k.Secret.Reveal() == "" {
			continue // said already
		}
		key, err := wire.NewKey(name, k.Algorithm, k.Secret.Reveal())
		if err != nil {
			d.at(k.Place, "make one by tsig-keygen or keymgr -t", "keys: %v", err)
			continue
		}
		if slices.ContainsFunc(slices.Collect(maps.Values(c.keys)), func(k *wire.Key) bool { return k.Name == key.Name }) {
			d.at(k.Place, "keep one of them", "key %s is there twice; names of keys are names of DNS", key.Name)
			continue
		}
		c.keys[name] = key
	}
}

func (c *Config) checkTLS(d *decoder) {
	t, p := &c.TLS, c.where(d.name, "tls")
	switch {
	case (t.Certificate == "") != (t.Key == ""):
		d.at(p, "give both", "tls: certificate and key belong together")
	case t.Certificate != "" && t.ACME != nil:
		d.at(p, "keep one of them", "tls has both a certificate and acme")
	case t.Certificate == "" && t.ACME == nil && len(t.DoT)+len(t.DoH)+len(t.DoQ) > 0:
		d.at(p, "give certificate and key, or acme", "tls: dot, doh and doq need a certificate")
	}
	if a := t.ACME; a != nil {
		p = c.where(d.name, "tls", "acme")
		if len(a.Names) == 0 {
			d.at(p, "write names: [ns1.example.net]", "tls: acme has no names")
		}
		if a.Storage == "" {
			d.at(p, "write storage: and a folder, as /var/lib/zonecast/acme", "tls: acme has no storage")
		}
	}
}

func (c *Config) checkControl(d *decoder) {
	x, p := c.Control, c.where(d.name, "control")
	switch {
	case x == nil || x.Address == "":
	case (x.Certificate == "") != (x.Key == ""):
		d.at(p, "give both", "control: certificate and key belong together")
	case x.Certificate == "" && c.TLS.Certificate == "":
		d.at(p, "give certificate and key", "control: address needs a certificate")
	case x.ClientCA == "":
		d.at(p, "write client_ca: and a PEM file", "control: address needs an authority that clients' certificates are checked against")
	}
	if x == nil {
		return
	}
	for _, who := range x.Clients {
		hash, isHash := strings.CutPrefix(strings.ToLower(who.Certificate), "sha256:")
		switch b, err := hex.DecodeString(strings.ReplaceAll(hash, ":", "")); {
		case who.Certificate == "":
			d.at(p, "write certificate: and a DNS name in it, or sha256: and its fingerprint", "control: an entry of clients names no certificate")
		case isHash && (err != nil || len(b) != sha256.Size):
			d.at(p, "see openssl x509 -noout -fingerprint -sha256 -in client.pem", "control: %q of clients is no fingerprint of SHA-256", who.Certificate)
		}
	}
	if x.Address == "" && len(x.Clients) > 0 {
		d.at(p, "give address, or use group for the socket", "control: clients are those with certificates, and there is no address for them")
	}
}

// checkListen says which addresses cannot be listened at.
func (c *Config) checkListen(d *decoder) {
	if _, err := c.Endpoints(nil); err != nil && !slices.Contains(c.Listen, "") { // "" could not be read, and was told
		d.at(finding.Place{File: d.name}, "", "%v", err)
	}
	for _, x := range []struct{ key, address string }{{"metrics", c.Metrics}, {"control: address", c.controlAddress()}} {
		if x.address == "" {
			continue
		}
		if _, port, err := net.SplitHostPort(x.address); err != nil || port == "" {
			d.at(finding.Place{File: d.name}, "write it like 127.0.0.1:9153", "%s: %q has no port", x.key, x.address)
		} else if n, err := strconv.Atoi(port); err == nil && n > 65535 {
			d.at(finding.Place{File: d.name}, "write it like 127.0.0.1:9153", "%s: there is no port %s", x.key, port)
		}
	}
}

func (c *Config) controlAddress() string {
	if c.Control == nil {
		return ""
	}
	return c.Control.Address
}

func (c *Config) checkPeer(d *decoder, name string) {
	p := c.Peers[name]
	if len(p.Address) == 0 {
		d.at(p.Place, "write address: 198.51.100.2", "peer %s has no address", name)
	}
	for _, a := range p.Address {
		if _, err := addrPort(a, 53); err != nil {
			d.at(p.Place, "", "peer %s: %v", name, err)
		}
	}
	if _, err := netip.ParseAddr(p.Source); p.Source != "" && err != nil {
		d.at(p.Place, "write an address of this machine, as 192.0.2.53", "peer %s: source %q is no address", name, p.Source)
	}
	c.hasKey(d, p.Key, p.Place)
}

// hasKey says so when a key is named that does not exist.
func (c *Config) hasKey(d *decoder, name string, p finding.Place) {
	if name == "" {
		return
	}
	if _, ok := c.Keys[name]; !ok {
		d.at(p, didYouMean(name, slices.Collect(maps.Keys(c.Keys)), "define it under keys"), "there is no key %q", name)
	}
}

func didYouMean(name string, known []string, otherwise string) string {
	slices.Sort(known)
	if near := finding.Nearest(name, known); near != "" {
		return fmt.Sprintf("do you mean %s?", near)
	}
	return otherwise
}

// hasPeer says so when a name is neither a peer nor an address.
func (c *Config) hasPeer(d *decoder, name, key string, p finding.Place) {
	if _, ok := c.Peers[name]; ok {
		return
	}
	if _, err := addrPort(name, 53); err != nil {
		d.at(p, didYouMean(name, slices.Collect(maps.Keys(c.Peers)), "define it under peers, or write an address"), "%s: there is no peer %q", key, name)
	}
}

func (c *Config) checkPolicy(d *decoder, p *Policy, at finding.Place) {
	c.checkRules(d, p.AllowTransfer, "allow_transfer")
	for _, n := range p.Notify {
		c.hasPeer(d, n, "notify", at)
	}
	for _, g := range p.Update {
		if g.Key == "" {
			d.at(g.Place, "write key: and one of keys; without a key nobody may change anything", "an entry of update has no key")
		}
		c.hasKey(d, g.Key, g.Place)
	}
	if p.Serial != "" {
		if _, err := xfr.ParseSerialPolicy(p.Serial); err != nil {
			d.at(at, "", "serial: %v", err)
		}
	}
}

func (c *Config) checkRules(d *decoder, rules []Rule, key string) {
	for _, r := range rules {
		if _, ok := c.Peers[r.Peer]; r.Peer != "" && !ok {
			d.at(r.Place, didYouMean(r.Peer, slices.Collect(maps.Keys(c.Peers)), "write a network, everyone, or one of peers"), "%s: there is no peer %q", key, r.Peer)
		}
		if r.Place == (finding.Place{}) {
			continue // it could not be read
		}
		for _, k := range r.Keys {
			c.hasKey(d, k, r.Place)
		}
		if r.Peer == "" && !r.Everyone && len(r.Addresses)+len(r.Keys)+len(r.Certificates) == 0 && !r.TLS {
			d.at(r.Place, "write address, key or certificate, or everyone: true", "a rule of %s names nobody", key)
		}
	}
}

// others is the primary that stands for all zones of the store that have no entry of their own.
const others = "*"

func (c *Config) checkZone(d *decoder, z *Zone, seen map[string]finding.Place) {
	var kinds []string
	for kind, is := range map[string]bool{"folder": z.Folder != "", "primary": z.Primary != "", "secondary": z.Secondary != nil, "catalog": z.Catalog != nil} {
		if is {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	switch len(kinds) {
	case 0:
		d.at(z.Place, "", "an entry of zones is one of folder, primary, secondary, catalog; this one is none")
		return
	case 1:
	default:
		d.at(z.Place, "make one entry of each", "an entry of zones is one of folder, primary, secondary, catalog; this one is %s", strings.Join(kinds, " and "))
		return
	}
	transferred := z.Secondary != nil || z.Catalog != nil
	switch {
	case z.Primary != "" && z.Primary != others:
		name, err := zone.ParseName(z.Primary)
		if err != nil {
			d.at(z.Place, "", "primary: %v", err)
			return
		}
		d.once(seen, name.String(), z.Place)
	case z.Secondary != nil:
		d.once(seen, z.Secondary.String(), z.Place)
	case z.Catalog != nil:
		d.once(seen, z.Catalog.String(), z.Place)
	default:
		d.once(seen, z.Folder+z.Primary, z.Place)
	}
	switch {
	case transferred && len(z.Primaries) == 0:
		d.at(z.Place, "write primaries: and peers or addresses", "%s has no primaries", kinds[0])
	case !transferred && len(z.Primaries)+len(z.NotifyBy) > 0:
		d.at(z.Place, "take them out", "primaries and allow_notify belong to secondary and catalog")
	case z.Members != nil && z.Catalog == nil:
		d.at(z.Place, "take it out", "members belongs to catalog")
	case z.From != "" && (z.Primary == "" || z.Primary == others):
		d.at(z.Place, "take it out", "from belongs to a primary with a name")
	case len(z.Update) > 0 && z.Primary == "":
		d.at(z.Place, "hold the zone in the store, with primary", "updates need a zone that is held here; a %s has no place to keep them", kinds[0])
	}
	for _, p := range z.Primaries {
		c.hasPeer(d, p, "primaries", z.Place)
	}
	c.checkRules(d, z.NotifyBy, "allow_notify")
	c.checkPolicy(d, &z.Policy, z.Place)
	if z.Members != nil {
		c.checkTemplate(d, &z.Members.Template, z.Place)
		for i := range z.Members.Groups {
			if z.Members.Groups[i].Name == "" {
				d.at(z.Place, "write name: and the value of the group property", "a group of members has no name")
			}
			c.checkTemplate(d, &z.Members.Groups[i].Template, z.Place)
		}
	}
}

func (c *Config) checkTemplate(d *decoder, t *Template, at finding.Place) {
	for _, p := range t.Primaries {
		c.hasPeer(d, p, "primaries", at)
	}
	c.checkRules(d, t.NotifyBy, "allow_notify")
	c.checkPolicy(d, &t.Policy, at)
	if len(t.Update) > 0 {
		d.at(at, "take it out", "members of a catalog are transferred in; updates go to their primary")
	}
}
