package zonefile_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// bigFile returns a zone file with n names and a mix of types.
func bigFile(n int) []byte {
	var b bytes.Buffer
	b.WriteString("$ORIGIN example.org.\n$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\n")
	for i := range n {
		switch i % 10 {
		case 0:
			fmt.Fprintf(&b, "host%07d\t300\tIN\tAAAA\t2001:db8::%x:%x\n", i, i>>16, i&0xFFFF)
		case 1:
			fmt.Fprintf(&b, "host%07d\tIN\tCNAME\thost%07d\n", i, i-1)
		case 2:
			fmt.Fprintf(&b, "host%07d\tIN\tMX\t10 mail.example.net.\n", i)
		case 3:
			fmt.Fprintf(&b, "host%07d\tIN\tTXT\t\"v=spf1 include:_spf.example.net ~all\"\n", i)
		default:
			fmt.Fprintf(&b, "host%07d\t3600\tIN\tA\t10.%d.%d.%d\n", i, i>>16&0xFF, i>>8&0xFF, i&0xFF)
		}
	}
	return b.Bytes()
}

func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1, 1000, 1000000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			data := bigFile(n)
			if path := os.Getenv("ZONECAST_BENCH_FILE"); path != "" && n == 1000000 { // to time other programs on it
				if err := os.WriteFile(path, data, 0o644); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := zonefile.Parse(data, zonefile.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{1, 1000, 1000000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			data := bigFile(n)
			res, err := zonefile.Parse(data, zonefile.Options{Origin: zone.MustName("example.org."), HasOrigin: true})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := zonefile.Write(io.Discard, res.Zone, zonefile.WriteOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
