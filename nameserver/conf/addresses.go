package conf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/providers/zonecast/api"
)

// An address is one that the server will listen at.
type address struct {
	networks []string // "udp", "tcp"
	at       netip.AddrPort
	what     string
	place    finding.Place
}

// CheckAddresses says which addresses the server could not listen at now: this machine does not have
// them, or another program listens there. It binds each for a moment. When the server of this
// configuration runs, as its control socket tells, the ports are its own. These are warnings: what a
// machine has changes. An address that the file gives to two services is an error. usual are the
// addresses that are taken where the file names none.
func (c *Config) CheckAddresses(ctx context.Context, usual []socket.Endpoint) []finding.Finding {
	list, err := c.addresses(usual)
	if err != nil {
		return nil // which was told
	}
	var out []finding.Finding
	runs := c.runs(ctx)
	for i, a := range list {
		if f, ok := a.twice(list[:i]); ok {
			out = append(out, f)
			continue
		}
		var taken []string
		for _, network := range a.networks {
			switch err := probe(ctx, network, a.at); {
			case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
				out = append(out, finding.Finding{
					ID: "nameserver-address", Severity: finding.Warning, Place: a.place,
					Text: fmt.Sprintf("this machine does not have address %s, where %s is to be; the server would not start now", a.at.Addr(), a.what),
					Fix:  "ip address lists those that it has",
				})
			case errors.Is(err, syscall.EADDRINUSE) && !runs:
				taken = append(taken, strings.ToUpper(network))
			}
		}
		if len(taken) > 0 {
			out = append(out, finding.Finding{
				ID: "nameserver-port", Severity: finding.Warning, Place: a.place,
				Text: fmt.Sprintf("a program listens at %s over %s already, where %s is to be", a.at, strings.Join(taken, " and "), a.what),
				Fix:  "if it is this name server, all is well; else sudo ss -lnptu names it",
			})
		}
	}
	// An address that is missing is told of once.
	return slices.CompactFunc(out, func(a, b finding.Finding) bool { return a.Text == b.Text })
}

// twice tells of an address that one before it takes away from it.
func (a *address) twice(before []address) (f finding.Finding, ok bool) {
	for i := range before {
		b := &before[i]
		for _, network := range a.networks {
			if !slices.Contains(b.networks, network) || !clash(network, a.at, b.at) {
				continue
			}
			what := b.what + " and " + a.what
			if a.what == b.what {
				what = a.what + " twice"
			}
			at := a.at.String()
			if a.at != b.at {
				at += ", a part of " + b.at.String() + ","
				if a.at.Addr().IsUnspecified() {
					at = b.at.String() + ", a part of " + a.at.String() + ","
				}
			}
			return finding.Finding{
				ID: "nameserver-port", Severity: finding.Error, Place: a.place,
				Text: fmt.Sprintf("%s is to be %s, over %s; the server cannot start", at, what, strings.ToUpper(network)),
				Fix:  "give one of them another port or address",
			}, true
		}
	}
	return finding.Finding{}, false
}

// clash reports whether two addresses cannot be bound both, as far as that is sure: over TCP, Linux gives
// no part of what somebody has whole.
func clash(network string, a, b netip.AddrPort) bool {
	if a.Port() != b.Port() || a.Port() == 0 {
		return false
	}
	x, y := a.Addr().Unmap(), b.Addr().Unmap()
	return x == y || runtime.GOOS == "linux" && network == "tcp" && x.Is4() == y.Is4() && (x.IsUnspecified() || y.IsUnspecified())
}

// addresses are all that are bound, each with its line of the file.
func (c *Config) addresses(usual []socket.Endpoint) ([]address, error) {
	var out []address
	list, err := c.Endpoints(usual)
	if err != nil {
		return nil, err
	}
	keys := map[socket.Service]string{socket.DoT: "dot", socket.DoH: "doh", socket.DoH3: "doh", socket.DoQ: "doq"}
	for _, e := range list {
		a := address{networks: []string{"tcp"}, at: e.Addr, what: e.Service.String()}
		switch e.Service {
		case socket.DNS:
			a.networks = []string{"udp", "tcp"}
		case socket.DoQ, socket.DoH3:
			a.networks = []string{"udp"}
		}
		if key := keys[e.Service]; key != "" {
			a.place = c.placeOf(e.Addr, "tls", key)
		}
		if a.place.Line == 0 {
			a.place = c.placeOf(e.Addr, "listen")
		}
		out = append(out, a)
	}
	for _, x := range []struct {
		text, what string
		path       []string
	}{{c.Metrics, "metrics", []string{"metrics"}}, {c.controlAddress(), "the control interface", []string{"control", "address"}}} {
		at, err := netip.ParseAddrPort(x.text)
		if host, port, cut := strings.Cut(x.text, ":"); err != nil && cut && host == "" {
			at, err = netip.ParseAddrPort("[::]:" + port)
		}
		if err == nil { // names are looked up when they are bound
			out = append(out, address{networks: []string{"tcp"}, at: at, what: x.what, place: c.placeOf(at, x.path...)})
		}
	}
	return out, nil
}

// placeOf is where in the file an address is named by a key: the entry of a list that has it, or its
// port alone; for services beside listen, the entry that has the same host; else the key itself.
func (c *Config) placeOf(at netip.AddrPort, path ...string) finding.Place {
	n := c.root
	for _, key := range path {
		n = value(n, key)
	}
	if n == nil {
		return finding.Place{}
	}
	items := n.Items
	if n.Kind != yaml11.Sequence {
		items = []*yaml11.Node{n}
	}
	has := func(fits func(netip.AddrPort) bool) func(item *yaml11.Node) bool {
		return func(item *yaml11.Node) bool {
			list, err := socket.ParseEndpoints(socket.DNS, item.Text)
			return err == nil && slices.ContainsFunc(list, func(e socket.Endpoint) bool { return fits(e.Addr) })
		}
	}
	for _, fits := range []func(item *yaml11.Node) bool{
		func(item *yaml11.Node) bool { return item.Text == strconv.Itoa(int(at.Port())) },
		has(func(a netip.AddrPort) bool { return a == at }),
		has(func(a netip.AddrPort) bool { return a.Addr() == at.Addr() }),
	} {
		if i := slices.IndexFunc(items, fits); i >= 0 {
			return placeOf(items[i].Pos)
		}
	}
	return placeOf(n.Pos)
}

// where is the value that keys lead to, or the last that is there on the way; without any, the file.
func (c *Config) where(file string, path ...string) finding.Place {
	n, place := c.root, finding.Place{File: file}
	for _, key := range path {
		if n = value(n, key); n == nil {
			break
		}
		place = placeOf(n.Pos)
	}
	return place
}

// placed is an error with the place of what it is about; without a file there is none.
func (c *Config) placed(err error, path ...string) error {
	place := c.where("", path...)
	if err == nil || place == (finding.Place{}) {
		return err
	}
	return finding.Finding{ID: "nameserver-config", Severity: finding.Error, Place: place, Text: err.Error()}.Err()
}

// value is what a mapping has under a key; nil: nothing.
func value(n *yaml11.Node, key string) *yaml11.Node {
	if n == nil || n.Kind != yaml11.Mapping {
		return nil
	}
	for _, k := range n.Keys {
		if k.Name == key {
			return k.Value
		}
	}
	return nil
}

// probe binds an address and frees it again.
func probe(ctx context.Context, network string, at netip.AddrPort) error {
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	if at.Addr().Is4() {
		network += "4"
	} else {
		network += "6"
	}
	var lc net.ListenConfig
	if strings.HasPrefix(network, "udp") {
		p, err := lc.ListenPacket(ctx, network, at.String())
		if err == nil {
			return p.Close()
		}
		return err
	}
	l, err := lc.Listen(ctx, network, at.String())
	if err == nil {
		return l.Close()
	}
	if errors.Is(err, syscall.EACCES) && answers(ctx, network, at) {
		return syscall.EADDRINUSE // a port that root alone may bind can be tried from outside
	}
	return err
}

// answers reports whether somebody takes connections at an address.
func answers(ctx context.Context, network string, at netip.AddrPort) bool {
	if at.Addr().IsUnspecified() {
		return false
	}
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, network, at.String())
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// runs reports whether a server with the control socket of this configuration runs.
func (c *Config) runs(ctx context.Context) bool {
	o := c.control()
	if o == nil || o.Unix == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	t := api.UnixTransport(o.Unix.Path)
	defer t.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api.UnixBase+"/status", nil)
	if err != nil {
		return false
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	var s api.Status
	return resp.StatusCode == http.StatusOK && json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&s) == nil && !s.Started.IsZero()
}
