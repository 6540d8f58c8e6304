package xfr_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"testing"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// hosts is a zone of n names and a few more.
func hosts(b *testing.B, n int) *zone.Zone {
	b.Helper()
	out := zone.NewBuilder(example)
	for s := range dnstest.Zone(b, example, apex).All() {
		out.Add(s)
	}
	for i := range n {
		owner, err := example.Child(fmt.Sprintf("www-%d", i))
		if err != nil {
			b.Fatal(err)
		}
		out.Add(zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 300, Data: []zone.Data{zone.Data([]byte{192, 0, byte(i >> 8), byte(i)})}})
	}
	z, err := out.Zone()
	if err != nil {
		b.Fatal(err)
	}
	return z
}

// A whole zone over TCP on the loopback interface, to a client that only counts octets.
func BenchmarkWholeOverTCP(b *testing.B) {
	const n = 1_000_000
	j := &xfr.Journal{}
	put(b, j, hosts(b, n))
	p := startPrimary(b, j, nil, nil)
	q := request(b, example, 0, wire.TypeAXFR)
	for b.Loop() {
		c, err := net.Dial("tcp", p.addr)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Write(append([]byte{0, byte(len(q))}, q...)); err != nil {
			b.Fatal(err)
		}
		r := bufio.NewReaderSize(c, 1<<18)
		for records := 0; records < n+5; { // the four of apex, and the SOA once more
			head, err := r.Peek(10)
			if err != nil {
				b.Fatal(err)
			}
			records += int(binary.BigEndian.Uint16(head[8:]))
			if _, err := r.Discard(2 + int(binary.BigEndian.Uint16(head))); err != nil {
				b.Fatal(err)
			}
		}
		_ = c.Close()
	}
	b.ReportMetric(float64(p.Out.Counts().Records)/b.Elapsed().Seconds(), "records/s")
}

// Packing a whole zone: records and octets a second, without the network.
func BenchmarkWhole(b *testing.B) {
	for _, n := range []int{1, 1000, 1_000_000} {
		z := hosts(b, n)
		j := &xfr.Journal{}
		if err := j.Put(z); err != nil {
			b.Fatal(err)
		}
		for _, size := range []int{xfr.DefaultMessage, wire.MaxSize} {
			b.Run(fmt.Sprintf("records=%d/message=%d", n, size), func(b *testing.B) {
				b.ReportAllocs()
				d := deskFor(j)
				d.Out.MessageSize = size
				q := request(b, example, 0, wire.TypeAXFR)
				octets := int64(0)
				for b.Loop() {
					err := d.Stream(b.Context(), q, home, func(m []byte) error { octets += int64(len(m)); return nil })
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(d.Out.Counts().Records)/b.Elapsed().Seconds(), "records/s")
				b.ReportMetric(float64(octets)/float64(d.Out.Counts().Records), "octets/record")
			})
		}
	}
}
