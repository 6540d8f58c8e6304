package secondary_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
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

// parse reads zone-file text with another library.
func parse(t testing.TB, origin zone.Name, text string) *zone.Zone {
	t.Helper()
	sets := map[zone.Key]*zone.RRset{}
	p := dns.NewZoneParser(strings.NewReader(text), origin.String(), "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		b := make([]byte, dns.Len(rr)+256)
		n, err := dns.PackRR(rr, b, 0, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		owner, at, err := zone.NameFromWire(b)
		if err != nil {
			t.Fatal(err)
		}
		k := zone.Key{Owner: owner, Type: zone.Type(rr.Header().Rrtype)}
		d, err := rdata.Canonical(k.Type, b[at+10:n])
		if err != nil {
			t.Fatal(err)
		}
		if sets[k] == nil {
			sets[k] = &zone.RRset{Owner: k.Owner, Type: k.Type, TTL: rr.Header().Ttl}
		}
		sets[k].Data = append(sets[k].Data, d)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	var list []zone.RRset
	for _, set := range sets {
		list = append(list, set.Clean())
	}
	z, err := zone.Of(origin, list...)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func newKey(t testing.TB) (*testserver.Key, *wire.Key) {
	t.Helper()
	k := testserver.NewKey(t)
	key, err := wire.NewKey(k.Name, k.Algorithm, k.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return k, key
}

// until waits for something that another process does.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(25 * time.Second)
	defer limit.Stop()
	for !f() {
		select {
		case <-limit.C:
			t.Fatalf("%s: not so after 25 s", what)
		case <-tick.C:
		}
	}
}

// answer is "serial", or the RCODE when there is none.
func answer(t testing.TB, addr string, origin zone.Name) string {
	t.Helper()
	c := wire.Client{Timeout: time.Second}
	m, err := c.Exchange(t.Context(), addr, wire.Query(origin, zone.TypeSOA))
	if err != nil {
		return "nothing"
	}
	if m.RCODE != wire.NoError || len(m.Answers) != 1 {
		return m.RCODE.String()
	}
	soa, err := rdata.SOAOf(m.Answers[0].Data)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(soa.Serial)
}

func (n *node) answers(t testing.TB, origin zone.Name, want string) bool {
	t.Helper()
	return answer(t, n.addr, origin) == want
}

// zoneText is a zone in the form of testserver's ZoneText, written by another library.
func zoneText(t testing.TB, z *zone.Zone) string {
	t.Helper()
	var lines []string
	for set := range z.All() {
		for _, d := range set.Data {
			b := set.Owner.AppendWire(nil)
			b = binary.BigEndian.AppendUint16(b, uint16(set.Type))
			b = append(b, 0, 1)
			b = binary.BigEndian.AppendUint32(b, set.TTL)
			b = binary.BigEndian.AppendUint16(b, uint16(len(d)))
			rr, _, err := dns.UnpackRR(append(b, d...), 0)
			if err != nil {
				t.Fatalf("%s: %v", set.Key(), err)
			}
			if lines = append(lines, rr.String()); set.Type == zone.TypeSOA {
				lines[0], lines[len(lines)-1] = lines[len(lines)-1], lines[0]
			}
		}
	}
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n") + "\n"
}

func port(t testing.TB, addr string) string {
	t.Helper()
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
