//go:build amd64 || arm64

package socket

import (
	"net"
	"net/netip"
	"testing"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// TestBatchAllocatesNothing goes one round of a thread again and again.
func TestBatchAllocatesNothing(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		o, err := Options{Answerer: &echo{}, Endpoints: on(DNS, addr)}.prepared()
		if err != nil {
			t.Fatal(err)
		}
		p, err := listenBatched(t.Context(), netip.MustParseAddrPort(addr), &o)
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		b := p.(*batched)
		b.prepare()
		c := dial(t, "udp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), b.addr().Port())).(*net.UDPConn)
		q, buf, w := query(t, 1, "www.example.org."), make([]byte, 512), silentEcho{}
		answered := 0
		allocs := testing.AllocsPerRun(200, func() {
			if _, err := c.Write(q); err != nil {
				t.Fatal(err)
			}
			n, errno := b.receive(nil)
			if errno != 0 {
				t.Fatal(errno)
			}
			packets := b.take(t.Context(), n)
			for i := range packets {
				packets[i].Answer = w.Answer(packets[i].Dst, packets[i].Query, &packets[i].From)
			}
			b.send(packets, n)
			if n, err := c.Read(buf); err == nil && n == len(q) {
				answered++
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations for a query, want 0", addr, allocs)
		}
		if answered != 201 { // AllocsPerRun warms up once
			t.Errorf("%s: %d answers, want 201", addr, answered)
		}
	}
}

type silentEcho struct{}

func (silentEcho) Answer(dst, query []byte, _ *Client) []byte {
	dst = append(dst, query...)
	dst[2] |= 0x80
	return dst
}

// The same with batches of questions, the engine with everything switched on, and a desk.
func TestEngineAllocatesNothing(t *testing.T) {
	answerer, e := withDesk(t, nil)
	e.Cookies, e.Limit = nameserver.NewCookies(), nameserver.NewRateLimit(nameserver.RateLimitOptions{PerSecond: 1 << 30})
	o, err := Options{Answerer: answerer, Endpoints: on(DNS, "127.0.0.1:0")}.prepared()
	if err != nil {
		t.Fatal(err)
	}
	p, err := listenBatched(t.Context(), netip.MustParseAddrPort("127.0.0.1:0"), &o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	b, w := p.(*batched), answerer.Worker().(BatchWorker)
	b.prepare()
	c := dial(t, "udp", b.addr()).(*net.UDPConn)
	buf := make([]byte, 1500)
	var queries [][]byte
	for i, name := range []string{"www.example.org.", "nothing.example.org.", "example.net.", "example.org."} {
		q := wire.Query(zone.MustName(name), zone.TypeA)
		q.ID = uint16(i)
		q.EDNS = &wire.EDNS{Size: 1232, DO: i%2 == 0}
		raw, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		queries = append(queries, raw)
	}
	answered := 0
	if n := testing.AllocsPerRun(200, func() {
		for _, q := range queries {
			if _, err := c.Write(q); err != nil {
				t.Fatal(err)
			}
		}
		for want := len(queries); want > 0; {
			n, errno := b.receive(nil)
			if errno != 0 {
				t.Fatal(errno)
			}
			packets := b.take(t.Context(), n)
			w.AnswerBatch(packets)
			b.send(packets, n)
			want -= n
		}
		for range queries {
			if n, err := c.Read(buf); err == nil && n > header {
				answered++
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d queries, want 0", n, len(queries))
	}
	if want := 201 * len(queries); answered != want {
		t.Errorf("%d answers, want %d", answered, want)
	}
}
