//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// childEnv says, in a child process, what it serves: "echo PORT ZONE PORT TRANSPORT", the same with
// zonecast, or that it is the load: "load 0 JSON".
const childEnv = "ZONECAST_BENCH_NAMESERVER"

func runChild(task string) error {
	if text, ok := strings.CutPrefix(task, "load 0 "); ok {
		return streamLoad(text)
	}
	f := strings.SplitN(task, " ", 5)
	if len(f) != 5 {
		return fmt.Errorf("no such task: %s", task)
	}
	addr, err := netip.ParseAddrPort("127.0.0.1:" + f[1])
	if err != nil {
		return err
	}
	var answerer socket.Answerer = echo{}
	switch f[0] {
	case "swap":
		n, err := strconv.Atoi(f[2])
		if err != nil {
			return err
		}
		if answerer, err = swapEngine(n); err != nil {
			return err
		}
	case "zonecast":
		if answerer, err = engine(f[2], f[4] == axfr); err != nil {
			return err
		}
		debug.FreeOSMemory() // the file's text, and the zone as it was before it was compiled
	}
	o := socket.Options{Answerer: answerer, Endpoints: []socket.Endpoint{{Service: socket.DNS, Addr: addr}}}
	if service, ok := map[string]socket.Service{"DoT": socket.DoT, "DoH": socket.DoH}[f[4]]; ok {
		secure, err := netip.ParseAddrPort("127.0.0.1:" + f[3])
		if err != nil {
			return err
		}
		o.Endpoints = append(o.Endpoints, socket.Endpoint{Service: service, Addr: secure})
		if o.Certificates, err = socket.LoadCertificates(socket.CertificateFiles{Chain: "tls.crt", Key: "tls.key"}); err != nil {
			return err
		}
	}
	s, err := socket.Listen(o)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return s.Run(ctx)
}

// echo sends queries back: the floor.
type echo struct{}

func (echo) Worker() socket.Worker { return echo{} }

func (echo) Answer(dst, query []byte, _ *socket.Client) []byte { return append(dst, query...) }

// engine serves a zone file with all that a public server has switched on, and lets loopback transfer
// it when that is measured.
func engine(file string, transfers bool) (socket.Answerer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	res, err := zonefile.Parse(data, zonefile.Options{File: file, Origin: zone.MustName(origin), HasOrigin: true})
	if err != nil {
		return nil, err
	}
	if res.Zone == nil {
		return nil, errors.New("the zone file has no zone")
	}
	compiled, err := nameserver.Compile(res.Zone, nameserver.CompileOptions{})
	if err != nil {
		return nil, err
	}
	e := &nameserver.Engine{
		NSID:    "bench",
		Cookies: nameserver.NewCookies(),
		// A limit that every answer is counted for and none reaches.
		Limit: nameserver.NewRateLimit(nameserver.RateLimitOptions{PerSecond: 1 << 30}),
	}
	e.Zones.Put(compiled)
	if !transfers {
		return socket.Engine(e, nil), nil
	}
	journal := &xfr.Journal{}
	if err := journal.Put(res.Zone); err != nil {
		return nil, err
	}
	access := xfr.Access{{Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
	return socket.Engine(e, &xfr.Desk{Out: &xfr.Out{
		Journal: func(asked zone.Name) *xfr.Journal {
			if asked != res.Zone.Origin() {
				return nil
			}
			return journal
		},
		Access: func(zone.Name) xfr.Access { return access },
	}}), nil
}
