package xfr_test

import (
	"fmt"
	"testing"

	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Packing a whole zone: records and octets a second, without the network.
func BenchmarkWhole(b *testing.B) {
	for _, n := range []int{1, 1000, 1_000_000} {
		z := parse(b, example, apex+fmt.Sprintf("$GENERATE 1-%d host$ A 192.0.2.1\n", min(n, 50000)))
		if n > 50000 {
			big := zone.NewBuilder(example)
			for s := range z.All() {
				big.Add(s)
			}
			for i := range n {
				owner, err := example.Child(fmt.Sprintf("www-%d", i))
				if err != nil {
					b.Fatal(err)
				}
				big.Add(zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 300, Data: []zone.Data{zone.Data([]byte{192, 0, byte(i >> 8), byte(i)})}})
			}
			var err error
			if z, err = big.Zone(); err != nil {
				b.Fatal(err)
			}
		}
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
