package axfr

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Class is octoDNS's name for this kind of source.
const Class = "octodns_bind.AxfrSource"

// Settings are what a configuration can say about the source.
var Settings = []provider.Option{
	{Name: "host", Required: true, Help: "name or address of the name server"},
	{Name: "port", Kind: provider.Int, Default: "53", Help: "its port"},
	{Name: "ipv6", Kind: provider.Bool, Default: "false", Help: "connect over IPv6 only"},
	{Name: "timeout", Kind: provider.Float, Default: "15", Help: "seconds to wait for one message of a transfer"},
	{Name: "key_name", Help: "name of the TSIG key"},
	{Name: "key_secret", Secret: true, Help: "secret of the TSIG key, base64"},
	{Name: "key_algorithm", Default: "hmac-sha256", Help: "algorithm of the TSIG key: " + strings.Join(wire.Algorithms(), ", ")},
	{Name: "keep_keys", Kind: provider.Bool, Default: "false", Help: "keep DNSKEY, CDS and CDNSKEY of a signed zone"},
	{Name: "zones", Kind: provider.List, Help: "zones that the server holds, for listing them"},
}

// FromConfig opens the source from a configuration's values. All mistakes are reported at once,
// as a *finding.Problem.
func FromConfig(c provider.Config) (*Source, error) {
	o := Options{ID: c.ID, Host: c.Text("host", ""), Trace: c.Trace}
	var bad []finding.Finding
	note := func(option string, err error) {
		if err != nil {
			bad = append(bad, finding.Finding{
				ID: "source-option", Severity: finding.Error, Place: c.Values[option].Place,
				Subject: "source " + c.ID, Text: strings.Replace(err.Error(), "provider "+c.ID, "source "+c.ID, 1),
			})
		}
	}
	var err error
	o.Port, err = c.Int("port", 53)
	note("port", err)
	o.IPv6, err = c.Bool("ipv6", false)
	note("ipv6", err)
	o.KeepKeys, err = c.Bool("keep_keys", false)
	note("keep_keys", err)
	seconds, err := strconv.ParseFloat(c.Text("timeout", "15"), 64)
	if err != nil || !(seconds > 0 && seconds <= 3600) {
		note("timeout", fmt.Errorf("source %s: option timeout is %q; write seconds, up to 3600", c.ID, c.Text("timeout", "")))
	}
	o.Timeout = time.Duration(seconds * float64(time.Second))
	o.Key, err = key(c)
	note("key_secret", err)
	for _, text := range c.Values["zones"].List {
		n, err := zone.ParseName(text)
		note("zones", err)
		o.Zones = append(o.Zones, n)
	}
	s, err := Open(o)
	if len(bad) == 0 || o.Host == "" {
		note("host", err)
	}
	if err := finding.AsError(bad); err != nil {
		return nil, err
	}
	return s, nil
}

// key makes the TSIG key, nil without one.
func key(c provider.Config) (*wire.Key, error) {
	name, secret := c.Text("key_name", ""), c.Text("key_secret", "")
	switch {
	case name == "" && secret == "":
		return nil, nil
	case name == "":
		return nil, fmt.Errorf("source %s: option key_secret is set, but not key_name", c.ID)
	case secret == "":
		return nil, fmt.Errorf("source %s: option key_name is set, but not key_secret", c.ID)
	}
	k, err := wire.NewKey(name, c.Text("key_algorithm", ""), secret)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", c.ID, err)
	}
	return k, nil
}
