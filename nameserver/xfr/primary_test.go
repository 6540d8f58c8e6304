package xfr_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// oddLabel is a label that has to be escaped in text.
const oddLabel = `_a\.b\001`

var example = zone.MustName("example.org.")

// apex is what zones of the tests begin with. The timers make sure that nothing happens by them
// unless a test wants it.
const apex = `@ 3600 SOA ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300
@ 3600 NS ns1.example.net.
@ 3600 NS ns.example.org.
ns 300 A 192.0.2.53
`

// A primary serves zones on the loopback interface through a Desk.
type primary struct {
	*xfr.Desk
	addr    string
	tlsAddr string
	journal *xfr.Journal

	mu    sync.Mutex
	sizes []int // of requests over streams

	badSignatures atomic.Int64 // answers with NOTAUTH

	update atomic.Pointer[func(context.Context, *wire.Message, xfr.Sender) wire.RCODE]
}

// SetUpdate has updates taken, which are refused before.
func (p *primary) SetUpdate(f func(context.Context, *wire.Message, xfr.Sender) wire.RCODE) {
	p.update.Store(&f)
}

// startPrimary serves zones to who has the key; config, when not nil, adds a port for TLS.
func startPrimary(t testing.TB, j *xfr.Journal, key *wire.Key, config *tls.Config, more ...*xfr.Journal) *primary {
	t.Helper()
	journals := map[zone.Name]*xfr.Journal{}
	for _, j := range append(more, j) {
		journals[j.Zone().Origin()] = j
	}
	p := &primary{journal: j}
	journal := func(n zone.Name) *xfr.Journal { return journals[n] }
	find := func(n zone.Name) *zone.Zone {
		if j := journals[n]; j != nil {
			return j.Zone()
		}
		return nil
	}
	access := xfr.Access{{Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
	keys := wire.Keyring{}
	if key != nil {
		keys = wire.NewKeyring(key)
		access[0].Keys = []zone.Name{key.Name}
	}
	p.Desk = &xfr.Desk{
		Keys:  keys,
		Out:   &xfr.Out{Journal: journal, Access: func(zone.Name) xfr.Access { return access }},
		Query: func(q []byte, _ xfr.Peer, _ int) []byte { return dnstest.SOA(q, find) },
		Update: func(ctx context.Context, m *wire.Message, from xfr.Sender) wire.RCODE {
			if f := p.update.Load(); f != nil {
				return (*f)(ctx, m, from)
			}
			return wire.Refused
		},
	}
	packets, listener := listenBoth(t)
	p.addr = listener.Addr().String()
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); _ = packets.Close(); _ = listener.Close(); running.Wait() })
	running.Go(func() { serveDatagrams(ctx, packets, p.Desk, p.see) })
	running.Go(func() { p.serveStreams(ctx, listener) })
	if config != nil {
		secure, err := tls.Listen("tcp", "127.0.0.1:0", config)
		if err != nil {
			t.Fatal(err)
		}
		p.tlsAddr = secure.Addr().String()
		t.Cleanup(func() { _ = secure.Close() })
		running.Go(func() { p.serveStreams(ctx, secure) })
	}
	return p
}

func (p *primary) lengths() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sizes)
}

// see counts answers.
func (p *primary) see(answer []byte) {
	if wire.RCODE(answer[3]&0xF) == wire.NotAuth {
		p.badSignatures.Add(1)
	}
}

func listenBoth(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	var last error
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err == nil {
			return p, l
		}
		last = err
		_ = l.Close()
	}
	t.Fatal(last)
	return nil, nil
}

func serveDatagrams(ctx context.Context, c net.PacketConn, d *xfr.Desk, see func([]byte)) {
	b := make([]byte, 65535)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		peer := xfr.Peer{Addr: from.(*net.UDPAddr).AddrPort()}
		if answer := d.Datagram(ctx, b[:n], peer); answer != nil {
			see(answer)
			_, _ = c.WriteTo(answer, from)
		}
	}
}

func (p *primary) serveStreams(ctx context.Context, l net.Listener) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		running.Go(func() {
			stop := context.AfterFunc(ctx, func() { _ = c.Close() })
			defer stop()
			defer c.Close()
			p.serveStream(ctx, c)
		})
	}
}

func (p *primary) serveStream(ctx context.Context, c net.Conn) {
	peer := xfr.Peer{Addr: c.RemoteAddr().(*net.TCPAddr).AddrPort()}
	for {
		var head [2]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		if secure, ok := c.(*tls.Conn); ok {
			state := secure.ConnectionState()
			peer.TLS = &state
		}
		p.mu.Lock()
		p.sizes = append(p.sizes, len(b))
		p.mu.Unlock()
		err := p.Stream(ctx, b, peer, func(m []byte) error {
			p.see(m)
			_, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...))
			return err
		})
		if err != nil {
			return
		}
	}
}

// edit returns a version with some random changes and the next serial. odd is part of some names.
func edit(t testing.TB, rng *rand.Rand, z *zone.Zone, odd string) *zone.Zone {
	t.Helper()
	origin := z.Origin()
	var sets []zone.RRset
	for range 1 + rng.IntN(5) {
		label := fmt.Sprintf("h%d", rng.IntN(40))
		set := zone.RRset{TTL: uint32(60 * (1 + rng.IntN(3)))}
		var texts []string
		switch rng.IntN(8) {
		case 0, 1, 2:
			set.Type = zone.TypeA
			for range 1 + rng.IntN(4) {
				texts = append(texts, fmt.Sprintf("192.0.2.%d", rng.IntN(256)))
			}
		case 3:
			set.Type, label = zone.TypeTXT, label+".deep.er"
			texts = []string{fmt.Sprintf(`"%s" "v=%d"`, strings.Repeat("x", rng.IntN(200)), rng.IntN(100))}
		case 4:
			set.Type, texts = zone.TypeMX, []string{"10 mx1.example.org.", fmt.Sprintf("20 mx%d.example.net.", rng.IntN(9))}
		case 5:
			set.Type, label, texts = zone.TypeCNAME, fmt.Sprintf("c%d", rng.IntN(9)), []string{label + ".example.org."}
		case 6:
			set.Type, label = zone.TypeAAAA, "*."+label
			texts = []string{fmt.Sprintf("2001:db8::%x", rng.IntN(1000))}
		case 7:
			set.Type, label = zone.TypeSRV, odd+"."+label
			texts = []string{fmt.Sprintf("%d 1 53 srv.example.org.", rng.IntN(9))}
		}
		var err error
		if set.Owner, err = zone.ParseNameIn(label, origin); err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			d, err := rdata.Parse(set.Type, text, origin)
			if err != nil {
				t.Fatal(err)
			}
			set.Data = append(set.Data, d)
		}
		sets = append(sets, set)
	}
	next, err := xfr.WithSerial(dnstest.Changed(t, z, func() bool { return rng.IntN(2) == 0 }, sets...), xfr.Increment.Next(dnstest.Serial(t, z), time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	return next
}
