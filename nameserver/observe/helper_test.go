package observe

import (
	"context"
	"encoding/binary"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

var client = socket.Client{Addr: netip.MustParseAddrPort("192.0.2.7:5353"), Local: ours("192.0.2.53:53")}

// ours is an address that queries come to.
func ours(text string) *netip.AddrPort {
	a := netip.MustParseAddrPort(text)
	return &a
}

// ask is a query for a name, with an OPT record and DO.
func ask(name string, typ zone.Type) []byte {
	q := zone.MustName(name).AppendWire([]byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1})
	if strings.HasPrefix(name, "WWW.") { // zone.Name folds case
		copy(q[13:], "WWW")
	}
	q = binary.BigEndian.AppendUint16(q, uint16(typ))
	return append(q, 0, 1, 0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0)
}

// served is an engine with zones of one address each.
func served(tb testing.TB, origins ...string) *nameserver.Engine {
	tb.Helper()
	e := &nameserver.Engine{Cookies: nameserver.NewCookies()}
	for _, origin := range origins {
		text := "$ORIGIN " + origin + "\n$TTL 60\n@ SOA ns hm 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n"
		res, err := zonefile.Parse([]byte(text), zonefile.Options{File: origin})
		if err != nil || res.Zone == nil {
			tb.Fatalf("%v, %v", err, res.Findings)
		}
		c, err := nameserver.Compile(res.Zone, nameserver.CompileOptions{})
		if err != nil {
			tb.Fatal(err)
		}
		e.Zones.Put(c)
	}
	return e
}

// packets are queries as they arrive over UDP.
func packets(queries ...[]byte) []socket.Packet {
	out := make([]socket.Packet, len(queries))
	for i, q := range queries {
		out[i] = socket.Packet{Query: q, From: client, Dst: make([]byte, 0, socket.MaxDatagram)}
	}
	return out
}

// running runs an observer; the function that it returns ends it and waits.
func running(t *testing.T, o *Observer) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var run sync.WaitGroup
	run.Go(func() { o.Run(ctx) })
	end := sync.OnceFunc(func() { cancel(); run.Wait() })
	t.Cleanup(end)
	return end
}
