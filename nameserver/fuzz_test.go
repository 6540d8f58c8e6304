package nameserver_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// FuzzAnswer sends any octets. Whatever they are, the answer is a message that other code reads, fits,
// repeats id and question, and is the same when asked again.
func FuzzAnswer(f *testing.F) {
	e := engine(f, map[string]string{"example.org.": dnstest.Example, "example.net.": dnstest.ExampleNet, "big.example.": largeText()})
	for _, way := range signedZones[1:] {
		e.Zones.Put(compiledSigned(f, way))
	}
	e.Zones.Put(serviceEngine(f, "nsec").Zones.Find(zone.MustName("service.example.")))
	e.NSID, e.Version, e.ClientSubnet, e.Reports = "ns1", "1", true, reports(f, "er.example.net.")
	e.Cookies = &nameserver.Cookies{Secrets: [][16]byte{{1}}}
	for _, name := range []string{"www.example.org.", "q.wild.example.org.", "a.old.example.org.", "loop.example.org.", "x.sub.example.org.", "txt.big.example.", "a.insecure.signed.example.", "nothing.signed.example.", "over.example.org."} {
		f.Add(query(f, name, dns.TypeA, dnssec), false, uint16(1232))
		f.Add(query(f, name, dns.TypeMX), true, uint16(0))
		f.Add(query(f, name, dns.TypeANY, options(cookie("0011223344556677"), &dns.EDNS0_PADDING{Padding: []byte{0}}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})), true, uint16(512))
	}
	for _, content := range []string{"00011800c00002", "0002380020010db8000100", "00011400c00018", "00000000"} {
		f.Add(query(f, "two.service.example.", dns.TypeHTTPS, dnssec, func(m *dns.Msg) { m.IsEdns0().Option = []dns.EDNS0{raw(f, 8, content), raw(f, 19, "")} }), false, uint16(700))
	}
	f.Add(query(f, "_er.1.www.example.org.7._er.er.example.net.", dns.TypeTXT, options(raw(f, 19, ""))), false, uint16(512))
	s := e.NewScratch()
	f.Fuzz(func(t *testing.T, q []byte, stream bool, most uint16) {
		s.Now = 1.7e18
		c := nameserver.Client{Addr: netip.MustParseAddrPort("[2001:db8::1]:53"), Stream: stream, Encrypted: stream, Keepalive: 5, MaxUDP: int(max(most, 512))}
		out := e.Answer(s, q, c, nil)
		if out == nil {
			if len(q) >= 12 && q[2]&0x80 == 0 {
				t.Fatal("no answer to a query")
			}
			return
		}
		if !stream && len(out) > c.MaxUDP {
			t.Fatalf("%d octets, the most is %d", len(out), c.MaxUDP)
		}
		m, err := wire.Unpack(out)
		if err != nil {
			t.Fatalf("% x: %v", out, err)
		}
		if !m.Response || !bytes.Equal(out[:2], q[:2]) || len(m.Questions) == 1 && !bytes.HasPrefix(q[12:], out[12:12+m.Questions[0].Name.WireLen()+4]) {
			t.Fatalf("answer % x to % x", out, q)
		}
		if err := new(dns.Msg).Unpack(out); err != nil {
			t.Fatalf("% x: %v", out, err)
		}
		room := make([]byte, 3, 70000)
		if again := e.Answer(s, q, c, room); !bytes.Equal(again[3:], out) {
			t.Fatalf("% x, and then % x", out, again[3:])
		}
	})
}
