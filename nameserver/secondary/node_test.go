package secondary_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A node is a whole name server of ours, as tests need it: sockets, engine, transfers, Zones.
type node struct {
	*secondary.Zones
	addr   string
	engine nameserver.Engine
	out    *xfr.Out
	notify *xfr.Notifier
	book   book

	mu       sync.Mutex
	journals map[zone.Name]*xfr.Journal
	targets  []xfr.Target
	open     map[zone.Name]bool // transferred to who has no key
}

// startNode starts one whose transfers need the key.
func startNode(t *testing.T, key *wire.Key) *node {
	t.Helper()
	n := &node{journals: map[zone.Name]*xfr.Journal{}}
	n.out = &xfr.Out{Journal: n.journal, Access: func(origin zone.Name) xfr.Access {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.open[origin] {
			return xfr.Access{xfr.Everyone}
		}
		return xfr.Access{{Keys: []zone.Name{key.Name}}}
	}}
	n.notify = &xfr.Notifier{Timeout: 200 * time.Millisecond, Tries: 8, Targets: func(zone.Name) []xfr.Target {
		n.mu.Lock()
		defer n.mu.Unlock()
		return slices.Clone(n.targets)
	}}
	n.Zones = zonesFor(&n.book, nil)
	n.Publish, n.Withdraw, n.Expired = n.publish, n.withdraw, func(origin zone.Name) {
		if c, err := nameserver.Failing(origin); err == nil {
			n.engine.Zones.Put(c)
		}
	}
	scratches := sync.Pool{New: func() any { return n.engine.NewScratch() }}
	desk := &xfr.Desk{
		Keys: wire.NewKeyring(key), Out: n.out, Notified: n.Notified,
		Query: func(query []byte, p xfr.Peer, limit int) []byte {
			s := scratches.Get().(*nameserver.Scratch)
			defer scratches.Put(s)
			return n.engine.Answer(s, query, nameserver.Client{Addr: p.Addr, Stream: limit > 4096, MaxUDP: limit}, nil)
		},
	}
	server, err := socket.Listen(socket.Options{
		Answerer: socket.Engine(&n.engine, desk), Threads: 1,
		Endpoints: []socket.Endpoint{{Service: socket.DNS, Addr: netip.MustParseAddrPort("127.0.0.1:0")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.addr = server.Endpoints()[0].Addr.String()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = server.Run(ctx) })
	running.Go(func() { _ = n.notify.Run(ctx) })
	running.Go(func() { _ = n.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return n
}

func (n *node) journal(origin zone.Name) *xfr.Journal {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.journals[origin]
}

func (n *node) publish(z *zone.Zone) error {
	c, err := nameserver.Compile(z, nameserver.CompileOptions{})
	if err != nil {
		return err
	}
	j := n.journal(z.Origin())
	if j == nil {
		j = &xfr.Journal{}
	}
	if j.Put(z) != nil {
		if err := j.Reset(z); err != nil {
			return err
		}
	}
	n.mu.Lock()
	n.journals[z.Origin()] = j
	n.mu.Unlock()
	n.engine.Zones.Put(c)
	return n.notify.Changed(z)
}

func (n *node) withdraw(origin zone.Name) {
	n.mu.Lock()
	delete(n.journals, origin)
	n.mu.Unlock()
	n.engine.Zones.Remove(origin)
}

// tells has servers told of each version.
func (n *node) tells(key *wire.Key, addrs ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range addrs {
		n.targets = append(n.targets, xfr.Target{Addr: a, Key: key})
	}
}

func (n *node) put(t *testing.T, z *zone.Zone) {
	t.Helper()
	if err := n.publish(z); err != nil {
		t.Fatal(err)
	}
}

// apex is what zones of the tests begin with; quick has timers of a second.
const (
	apex  = "@ 3600 SOA ns1.example.edu. hostmaster.example.edu. 1 7200 900 1209600 300\n@ 3600 NS ns1.example.edu.\n"
	quick = "@ 3600 SOA ns1.example.edu. hostmaster.example.edu. 1 1 1 1209600 300\n@ 3600 NS ns1.example.edu.\n"
)

func port(t testing.TB, addr string) string {
	t.Helper()
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
