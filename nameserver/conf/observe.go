package conf

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/nameserver/observe"
	"github.com/zonecast/zonecast/nameserver/serve"
	"github.com/zonecast/zonecast/providers/zonecast/api"
)

// control is how a running server is looked after; nil: not at all.
func (c *Config) control() *serve.Control {
	x := c.Control
	if x == nil {
		return nil
	}
	out := &serve.Control{}
	if x.Socket != "" || x.Address == "" {
		out.Unix = &control.Unix{Path: c.path(cmp.Or(x.Socket, api.DefaultSocket)), Group: x.Group}
	}
	if x.Address != "" {
		out.TLS = &control.TLS{
			Address: x.Address, Certificate: c.path(cmp.Or(x.Certificate, c.TLS.Certificate)),
			Key: c.path(cmp.Or(x.Key, c.TLS.Key)), Authorities: c.path(x.ClientCA),
		}
		for _, who := range x.Clients {
			out.TLS.Clients = append(out.TLS.Clients, control.Client{Who: []string{who.Certificate}, ReadOnly: who.ReadOnly, Zones: who.Zones})
		}
	}
	return out
}

// rcodes are the names of those that a name server answers with.
var rcodes = map[string]int{"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5, "YXDOMAIN": 6, "NOTAUTH": 9}

// observe says what is sent on or written down of queries.
func (c *Config) observe(o *serve.Options) error {
	o.TopZones = c.TopZones
	if l := c.QueryLog; l != nil {
		o.QueryLog = &observe.Log{Path: c.path(l.File), JSON: l.JSON, Sample: l.Every, Zones: l.Zones}
		for _, name := range l.RCODE {
			code, ok := rcodes[strings.ToUpper(name)]
			if !ok {
				return fmt.Errorf("query_log: there is no RCODE %q; write %s", name, strings.Join(slices.Sorted(maps.Keys(rcodes)), ", "))
			}
			o.QueryLog.RCODEs = append(o.QueryLog.RCODEs, code)
		}
	}
	d := c.DNSTap
	if d == nil {
		return nil
	}
	o.Dnstap = &observe.Dnstap{Sample: d.Every, Identity: d.Identity}
	switch {
	case d.Socket != "" && d.Address == "" && d.File == "":
		o.Dnstap.Network, o.Dnstap.Address = "unix", c.path(d.Socket)
	case d.Address != "" && d.Socket == "" && d.File == "":
		o.Dnstap.Network, o.Dnstap.Address = "tcp", d.Address
	case d.File != "" && d.Socket == "" && d.Address == "":
		o.Dnstap.Network, o.Dnstap.Address = "file", c.path(d.File)
	default:
		return fmt.Errorf("dnstap: give one of socket, address and file")
	}
	return nil
}
