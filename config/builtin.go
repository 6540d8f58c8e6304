package config

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/source"
	"github.com/zonecast/zonecast/source/axfr"
	"github.com/zonecast/zonecast/source/bind"
	"github.com/zonecast/zonecast/source/envvar"
	"github.com/zonecast/zonecast/source/spf"
	"github.com/zonecast/zonecast/source/tinydns"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

func init() {
	for _, d := range []SourceDriver{yamlDriver, bindDriver, envvarDriver, tinydnsDriver, spfDriver, axfrDriver} {
		RegisterSource(d)
	}
}

var bindDriver = SourceDriver{
	Name: "bind", Title: "Folder of zone files (RFC 1035)",
	Classes: []string{"octodns_bind.ZoneFileSource", "octodns_bind.ZoneFileProvider"},
	Options: []provider.Option{
		{Name: "directory", Kind: provider.Folder, Required: true, Help: "folder of the zone files"},
		{Name: "file_extension", Help: "what follows the zone's name in a file's name; all usual forms when absent"},
		{Name: "check_origin", Kind: provider.Bool, Default: "false", Help: "a zone without SOA or NS at the apex is an error"},
		{Name: "default_ttl", Kind: provider.Int, Default: "3600", Help: "seconds, where the file gives none"},
	},
	Open: func(c SourceConfig) (source.Source, error) {
		check, err := c.Bool("check_origin", false)
		if err != nil {
			return nil, err
		}
		ttl, err := c.ttl("default_ttl", 3600)
		return bind.New(bind.Options{
			ID: c.ID, Directory: c.Text("directory", ""), Extension: c.Text("file_extension", ""), CheckOrigin: check, DefaultTTL: ttl,
		}), err
	},
}

var envvarDriver = SourceDriver{
	Name: "envvar", Title: "Environment variable as TXT",
	Classes: []string{"octodns.source.envvar.EnvVarSource"},
	Options: []provider.Option{
		{Name: "variable", Required: true, Help: "name of the environment variable"},
		{Name: "name", Required: true, Help: "owner name of the TXT record, relative to the zone"},
		{Name: "ttl", Kind: provider.Int, Default: "60", Help: "seconds"},
	},
	Open: func(c SourceConfig) (source.Source, error) {
		ttl, err := c.ttl("ttl", 60)
		return envvar.New(envvar.Options{
			ID: c.ID, Variable: c.Text("variable", ""), Name: c.Text("name", ""), TTL: ttl,
			Place: c.Values["variable"].Place, Env: c.Env,
		}), err
	},
}

var tinydnsDriver = SourceDriver{
	Name: "tinydns", Title: "Folder of tinydns-data files",
	Classes: []string{"octodns.source.tinydns.TinyDnsFileSource"},
	Options: []provider.Option{
		{Name: "directory", Kind: provider.Folder, Required: true, Help: "folder of the files"},
		{Name: "default_ttl", Kind: provider.Int, Default: "3600", Help: "seconds, for lines without TTL"},
	},
	Open: func(c SourceConfig) (source.Source, error) {
		ttl, err := c.ttl("default_ttl", 3600)
		return tinydns.New(tinydns.Options{
			ID: c.ID, Directory: c.Text("directory", ""), DefaultTTL: ttl, Subzones: c.Subzones,
		}), err
	},
}

var spfDriver = SourceDriver{
	Name: "spf", Title: "SPF policy at the apex",
	Classes: []string{"octodns_spf.SpfSource"},
	Options: []provider.Option{
		{Name: "a_records", Kind: provider.List, Help: "names for a: mechanisms"},
		{Name: "mx_records", Kind: provider.List, Help: "names for mx: mechanisms"},
		{Name: "ip4_addresses", Kind: provider.List, Help: "networks for ip4: mechanisms"},
		{Name: "ip6_addresses", Kind: provider.List, Help: "networks for ip6: mechanisms"},
		{Name: "includes", Kind: provider.List, Help: "names for include: mechanisms"},
		{Name: "exists", Kind: provider.List, Help: "names for exists: mechanisms"},
		{Name: "soft_fail", Kind: provider.Bool, Default: "false", Help: "end in ~all, not in -all"},
		{Name: "merging_enabled", Kind: provider.Bool, Default: "false", Help: "merge with an SPF value of an earlier source"},
		{Name: "ttl", Kind: provider.Int, Default: "3600", Help: "seconds"},
		{
			Name: "verify_dns_lookups", Kind: provider.Bool, Default: "false",
			Ignored: "sources ask no DNS; zone validation counts the look-ups",
		},
	},
	Open: func(c SourceConfig) (source.Source, error) {
		soft, err := c.Bool("soft_fail", false)
		if err != nil {
			return nil, err
		}
		merging, err := c.Bool("merging_enabled", false)
		if err != nil {
			return nil, err
		}
		ttl, err := c.ttl("ttl", 3600)
		return spf.New(spf.Options{
			ID: c.ID, A: c.Values["a_records"].List, MX: c.Values["mx_records"].List,
			IP4: c.Values["ip4_addresses"].List, IP6: c.Values["ip6_addresses"].List,
			Includes: c.Values["includes"].List, Exists: c.Values["exists"].List,
			SoftFail: soft, MergingEnabled: merging, TTL: ttl, Place: c.Place,
		}), err
	},
}

var axfrDriver = SourceDriver{
	Name: "axfr", Title: "Zone transfer (AXFR, RFC 5936)",
	Classes: []string{"octodns_bind.AxfrSource"},
	Options: []provider.Option{
		{Name: "host", Aliases: []string{"master"}, Required: true, Help: "name or address of the server"},
		{Name: "port", Kind: provider.Int, Default: "53", Help: "its port"},
		{Name: "ipv6", Kind: provider.Bool, Default: "false", Help: "connect over IPv6 only"},
		{Name: "timeout", Kind: provider.Float, Default: "15", Help: "seconds to wait for one answer"},
		{Name: "key_name", Help: "name of the TSIG key"},
		{Name: "key_secret", Secret: true, Help: "secret of the TSIG key, base64"},
		{Name: "key_algorithm", Default: "hmac-sha256", Help: "algorithm of the TSIG key"},
		{Name: "zones", Kind: provider.List, Help: "zones that the server holds, for pattern entries"},
	},
	Open: openAXFR,
}

func openAXFR(c SourceConfig) (source.Source, error) {
	o := axfr.Options{ID: c.ID, Host: c.Text("host", ""), Trace: c.Trace}
	if err := provider.Host(o.Host); err != nil {
		return nil, c.refuse("host", err.Error())
	}
	var err error
	if o.Port, err = c.Int("port", 53); err != nil {
		return nil, err
	}
	if o.IPv6, err = c.Bool("ipv6", false); err != nil {
		return nil, err
	}
	seconds, err := strconv.ParseFloat(c.Text("timeout", "15"), 64)
	if err != nil || !(seconds > 0 && seconds <= 3600) {
		return nil, c.refuse("timeout", "must be from 0 to 3600 seconds")
	}
	o.Timeout = time.Duration(seconds * float64(time.Second))
	name, secret := c.Text("key_name", ""), c.Text("key_secret", "")
	switch {
	case name == "" && secret != "":
		return nil, c.refuse("key_secret", "is set, but not key_name")
	case name != "" && secret == "":
		return nil, c.refuse("key_name", "is set, but not key_secret")
	case name != "":
		if o.Key, err = wire.NewKey(name, c.Text("key_algorithm", ""), secret); err != nil {
			return nil, c.refuse("key_secret", err.Error())
		}
	}
	for _, text := range c.Values["zones"].List {
		n, err := zone.ParseName(text)
		if err != nil {
			return nil, c.refuse("zones", err.Error())
		}
		o.Zones = append(o.Zones, n)
	}
	return axfr.Open(o)
}

// ttl returns an option as seconds.
func (c SourceConfig) ttl(name string, def int) (uint32, error) {
	v, err := c.Int(name, def)
	if err != nil {
		return 0, err
	}
	if v < 0 || v > math.MaxInt32 {
		return 0, c.refuse(name, fmt.Sprintf("is %d; it must be from 0 to %d seconds", v, math.MaxInt32))
	}
	return uint32(v), nil
}

// refuse is an error about one option, at its place.
func (c SourceConfig) refuse(name, text string) error {
	at := c.Values[name].Place
	if at.IsZero() {
		at = c.Place
	}
	return finding.Finding{
		ID: "option", Severity: finding.Error, Place: at, Text: fmt.Sprintf("option %s of source %s %s", name, c.ID, text),
	}.Err()
}
