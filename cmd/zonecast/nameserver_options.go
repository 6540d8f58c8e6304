package main

import (
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver/conf"
	"github.com/zonecast/zonecast/nameserver/serve"
	"github.com/zonecast/zonecast/nameserver/socket"
)

// usageOf words an error with what to do about it.
func usageOf(err error, advice string) error {
	return &usageError{text: err.Error(), fix: strings.ReplaceAll(advice, "\n", "\n  ")}
}

// besideConfig are the flags that may stand beside --config: all others are said in the file.
var besideConfig = []string{"config", "check", "listen", "user", "ready-fd"}

// settings reads the file of --config, or makes of the flags what such a file would say. flags are
// those of the command alone.
func (a *app) settings(args *nameserverArgs, flags *pflag.FlagSet) (*conf.Config, error) {
	if args.config == "" {
		return args.asFile()
	}
	var wrong error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed && !slices.Contains(besideConfig, f.Name) && wrong == nil {
			wrong = usagef("say it in the file (docs/nameserver-config.md)", "--%s and --config do not go together", f.Name)
		}
	})
	if wrong != nil {
		return nil, wrong
	}
	if len(args.listen) > 0 {
		if err := args.checkListen(); err != nil {
			return nil, err
		}
	}
	c, findings := a.loadSettings(args)
	if c == nil {
		return nil, finding.AsError(findings)
	}
	newServerLog(a).problems(findings)
	return c, nil
}

// loadSettings reads the file of --config, and puts flags in place of what it says.
func (a *app) loadSettings(args *nameserverArgs) (*conf.Config, []finding.Finding) {
	path, err := filepath.Abs(args.config)
	if err != nil {
		path = args.config
	}
	c, findings := conf.Load(path, a.env)
	if c == nil {
		return nil, findings
	}
	if len(args.listen) > 0 {
		c.Listen = args.listen
	}
	if args.user != "" {
		c.User = args.user
	}
	return c, findings
}

func (x *nameserverArgs) checkListen() error {
	for _, text := range x.listen {
		if _, err := socket.ParseEndpoints(socket.DNS, text); err != nil {
			return usagef("", "--listen: %v", err)
		}
	}
	return nil
}

// asFile makes of the flags what a file would say.
func (x *nameserverArgs) asFile() (*conf.Config, error) {
	secure := len(x.dot) + len(x.doh) + len(x.doq)
	switch {
	case len(x.zones) == 0 && x.store == "":
		return nil, usagef("zonecast nameserver --zones FOLDER, or --config FILE", "which zones?")
	case x.store != "" && x.control == "" && len(x.zones) == 0:
		return nil, usagef("give --control SOCKET", "nobody could put zones into --store")
	case (x.tlsCert == "") != (x.tlsKey == ""):
		return nil, usagef("give both or none", "--tls-cert and --tls-key belong together")
	case x.tlsCert == "" && secure > 0:
		return nil, usagef("give --tls-cert and --tls-key", "--dot, --doh and --doq need a certificate")
	case x.rrl < 0:
		return nil, usagef("write --rrl 0 for no limit", "--rrl cannot be %d", x.rrl)
	case x.workers < 0:
		return nil, usagef("", "--workers cannot be %d", x.workers)
	}
	if err := x.checkListen(); err != nil {
		return nil, err
	}
	var policy conf.Policy
	for _, text := range x.transfer {
		var n conf.Network
		if err := n.UnmarshalText([]byte(text)); err != nil {
			return nil, usagef("write it like 198.51.100.0/24 or 2001:db8::1", "--allow-transfer %s: %v", text, err)
		}
		policy.AllowTransfer = append(policy.AllowTransfer, conf.Rule{Addresses: []conf.Network{n}})
	}
	for _, text := range x.notify {
		list, err := socket.ParseEndpoints(socket.DNS, text)
		if err != nil || list[0].Addr.Addr().IsUnspecified() {
			return nil, usagef("write it like 198.51.100.2 or [2001:db8::2]:53", "--notify %s is no address", text)
		}
		policy.Notify = append(policy.Notify, text)
	}
	c := &conf.Config{File: conf.File{
		Listen: x.listen, Workers: x.workers, User: x.user, Rotate: x.rotate, NSID: x.nsid, Metrics: x.metrics,
		TLS:       conf.TLS{Certificate: x.tlsCert, Key: x.tlsKey, DoT: x.dot, DoH: x.doh, DoQ: x.doq},
		RateLimit: &conf.RateLimit{PerSecond: x.rrl},
	}}
	c.Store = x.store
	if x.control != "" {
		c.Control = &conf.Control{Socket: x.control}
	}
	c.Defaults = policy
	for _, dir := range x.zones {
		c.Zones = append(c.Zones, conf.Zone{Folder: dir})
	}
	return c, nil
}

// options says what is served and where.
func options(c *conf.Config) (serve.Options, error) {
	o, err := c.Serve()
	if err != nil {
		return o, err
	}
	if o.Inherited, err = serve.Inherited(); err != nil {
		return o, err
	}
	var listen []socket.Endpoint
	if len(o.Inherited) == 0 {
		listen = usualEndpoints()
	}
	o.Endpoints, err = c.Endpoints(listen)
	return o, err
}

// defaultPort is that of --listen when it is not given: it needs no rights.
const defaultPort = 5300

// usualEndpoints are where the server listens when nobody says where.
func usualEndpoints() []socket.Endpoint {
	out := []socket.Endpoint{{Service: socket.DNS, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), defaultPort)}}
	if v6 := netip.AddrPortFrom(netip.IPv6Loopback(), defaultPort); hasIPv6() {
		out = append(out, socket.Endpoint{Service: socket.DNS, Addr: v6})
	}
	return out
}

// hasIPv6 reports whether this machine has the loopback address of IPv6.
func hasIPv6() bool {
	addrs, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(addrs, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(net.IPv6loopback)
	})
}
