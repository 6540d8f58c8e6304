package zonefile_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
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

// formsFile returns a zone file with n names in the ways that people and programs write them: with and
// without TTL and class, relative and absolute, the owner left out where it repeats, comments here
// and there, delegations, and an SOA over several lines.
func formsFile(n int) []byte {
	var b bytes.Buffer
	b.WriteString("; a zone\n$ORIGIN example.org.\n$TTL 1h\n@ IN SOA ns1 hostmaster (\n\t2026010100 ; serial\n\t7200 900 1209600 300 )\n\tNS ns1\n\tNS ns2.example.net.\nns1 A 192.0.2.53\n")
	for i := range n {
		switch i % 12 {
		case 0:
			fmt.Fprintf(&b, "host%07d.example.org. 300 IN A 192.0.2.%d\n", i, i%250)
		case 1:
			fmt.Fprintf(&b, "host%07d A 192.0.2.%d\n\tAAAA 2001:db8:%x::%x\n", i, i%250, i>>16, i&0xFFFF)
		case 2:
			fmt.Fprintf(&b, "host%07d\t\tIN\tMX\t10 mx1\n\t\t\tIN\tMX\t20 mx2.example.net.\n", i)
		case 3:
			fmt.Fprintf(&b, "host%07d 60 TXT \"v=spf1 include:_spf.example.net ~all\" \"token=%08x\"\n", i, i)
		case 4:
			fmt.Fprintf(&b, "host%07d CNAME host%07d.example.org.\n", i, i-1)
		case 5:
			fmt.Fprintf(&b, "host%07d NS ns1.host%07d\n NS ns.example.com.\nns1.host%07d A 198.51.100.%d\n", i, i, i, i%250)
		case 6:
			fmt.Fprintf(&b, "HOST%07d IN 1d AAAA 2001:db8::%x ; rack %d\n", i, i&0xFFFF, i%7)
		case 7:
			fmt.Fprintf(&b, "_sip._tcp.host%07d SRV 10 20 5060 sip\n", i)
		default:
			fmt.Fprintf(&b, "host%07d 3600 A 10.%d.%d.%d\n", i, i>>16&0xFF, i>>8&0xFF, i&0xFF)
		}
	}
	return b.Bytes()
}

// mixed returns the lines of a file in any order, but for those at its top. Each has its owner.
func mixed(data []byte, top int) []byte {
	lines := bytes.SplitAfter(data, []byte("\n"))
	lines = lines[:len(lines)-1]
	rest := lines[top:]
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	return bytes.Join(lines, nil)
}

// BenchmarkForms reads a million names each: the parts that a zone's reader goes through are in it,
// up to the validated zone.
func BenchmarkForms(b *testing.B) {
	for _, c := range []struct {
		name string
		data func() []byte
	}{
		{"of all kinds", func() []byte { return formsFile(1_000_000) }},
		{"in any order", func() []byte { return mixed(bigFile(1_000_000), 5) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			data := c.data()
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
