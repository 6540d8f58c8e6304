package zonefile

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

func init() { provider.Register(Driver) }

// Driver is the entry in the registry.
var Driver = provider.Driver{
	Name:    "zonefile",
	Title:   "Zone files in a folder (BIND, Knot, NSD)",
	Classes: []string{"octodns_bind.ZoneFileProvider", "octodns_bind.ZoneFileSource"},
	Options: []provider.Option{
		{Name: "directory", Kind: provider.Folder, Required: true, Help: "folder of the zone files"},
		{Name: "file_extension", Default: ".", Help: "what follows the zone's name, written without its final dot, in a file's name"},
		{Name: "file_name", Default: "{zone}{extension}", Help: "how files are named, such as db.{zone}"},
		{Name: "check_origin", Kind: provider.Bool, Default: "true", Help: "refuse files that have no SOA"},
		{Name: "hostmaster_email", Default: "webmaster", Help: "mail address in the SOA of new files; without @ it is one in the zone"},
		{Name: "default_ttl", Kind: provider.Int, Default: "3600", Help: "TTL of records that have none, and of the SOA of new files"},
		{Name: "refresh", Kind: provider.Int, Default: "7200", Help: "seconds, in the SOA of new files"},
		{Name: "retry", Kind: provider.Int, Default: "900", Help: "seconds, in the SOA of new files"},
		{Name: "expire", Kind: provider.Int, Default: "1209600", Help: "seconds, in the SOA of new files"},
		{Name: "nxdomain", Aliases: []string{"minimum"}, Kind: provider.Int, Default: "300", Help: "seconds, in the SOA of new files"},
		{Name: "serial", Default: "increment", Help: "how serials grow: increment, date (YYYYMMDDnn), unix"},
		{Name: "reload", Kind: provider.List, Help: "command to run after a write; {zone} and {file} stand for what was written"},
		{Name: "reload_timeout", Kind: provider.Float, Default: "30", Help: "seconds that the command may take"},
		{Name: "dns_address", Kind: provider.NameServer, Help: "where the name server answers for the files (address:port), for verification"},
		{Name: "read_existing", Kind: provider.Bool, Ignored: "existing files are always read, so that a plan shows what changes"},
	},
	Open: Open,
}

// Open opens a folder. It does no I/O.
func Open(c provider.Config) (provider.Provider, error) {
	bad := func(option, format string, args ...any) error {
		return fmt.Errorf("provider %s: option %s %s", c.ID, option, fmt.Sprintf(format, args...))
	}
	p := &Provider{dir: c.Text("directory", ""), mail: c.Text("hostmaster_email", "webmaster"), now: time.Now}
	if p.dir == "" {
		return nil, bad("directory", "is missing; write the folder of the zone files")
	}
	if !filepath.IsAbs(p.dir) {
		p.dir = filepath.Join(c.WorkDir, p.dir)
	}
	pattern := strings.ReplaceAll(c.Text("file_name", "{zone}{extension}"), "{extension}", c.Text("file_extension", "."))
	var ok bool
	if p.before, p.after, ok = strings.Cut(pattern, "{zone}"); !ok {
		return nil, bad("file_name", "is %q; it must hold {zone}", pattern)
	}
	if strings.ContainsAny(pattern, "/\\\x00") || strings.HasPrefix(pattern, ".") {
		return nil, bad("file_name", "makes %q; names must not leave the folder nor begin with a dot", pattern)
	}
	var err error
	if p.checkOrigin, err = c.Bool("check_origin", true); err != nil {
		return nil, err
	}
	for name, at := range map[string]*uint32{"default_ttl": &p.ttl, "refresh": &p.refresh, "retry": &p.retry, "expire": &p.expire, "nxdomain": &p.minimum} {
		n, err := c.Int(name, defaults[name])
		if err != nil {
			return nil, err
		}
		if n < 0 || n > 1<<31-1 {
			return nil, bad(name, "is %d; write a number of seconds", n)
		}
		*at = uint32(n)
	}
	p.serial = c.Text("serial", "increment")
	if _, ok := serials[p.serial]; !ok {
		return nil, bad("serial", "is %q; write increment, date or unix", p.serial)
	}
	if _, err := rdata.Mailbox(p.mail, zone.Root); err != nil {
		return nil, bad("hostmaster_email", "is %q: %v", p.mail, err)
	}
	seconds, err := strconv.ParseFloat(c.Text("reload_timeout", "30"), 64)
	if err != nil || !(seconds > 0 && seconds < 1e6) {
		return nil, bad("reload_timeout", "is %q; write a number of seconds", c.Text("reload_timeout", ""))
	}
	p.reloadLimit = time.Duration(seconds * float64(time.Second))
	if p.reload = c.Values["reload"].List; len(p.reload) == 0 {
		p.reload = strings.Fields(c.Text("reload", ""))
	}
	if a := c.Text("dns_address", ""); a != "" {
		address, err := provider.DNSAddress(a)
		if err != nil {
			return nil, bad("dns_address", "%v; %s", err, provider.HowToWriteDNSAddress)
		}
		p.addresses = []string{address}
	}
	return p, nil
}

var defaults = map[string]int{"default_ttl": 3600, "refresh": 7200, "retry": 900, "expire": 1209600, "nxdomain": 300}
