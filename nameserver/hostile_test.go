package nameserver_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/wire"
)

// nasty are questions that somebody would ask with the address of somebody else.
func nasty(t *testing.T) (e *nameserver.Engine, queries map[string][]byte) {
	t.Helper()
	e = engine(t, map[string]string{"example.org.": dnstest.Example, "big.example.": largeText()})
	e.Zones.Put(compiledSigned(t, "nsec3"))
	e.NSID = "a name server with a name that is rather long"
	queries = map[string][]byte{}
	for _, c := range []struct {
		name  string
		types []uint16
	}{
		{"big.example.", []uint16{dns.TypeANY, dns.TypeMX, dns.TypeNS, dns.TypeSOA}},
		{"txt.big.example.", []uint16{dns.TypeANY, dns.TypeTXT}},
		{"many.big.example.", []uint16{dns.TypeA}},
		{"inside.big.example.", []uint16{dns.TypeA}},
		{"beside.big.example.", []uint16{dns.TypeA}},
		{"alias.big.example.", []uint16{dns.TypeTXT}},
		{"signed.example.", []uint16{dns.TypeANY, dns.TypeDNSKEY, dns.TypeRRSIG, dns.TypeNS, dns.TypeSOA}},
		{"nothing.signed.example.", []uint16{dns.TypeA}},
		{"q.wild.signed.example.", []uint16{dns.TypeA}},
		{"towild.signed.example.", []uint16{dns.TypeA}},
		{"a.insecure.signed.example.", []uint16{dns.TypeA}},
		{".", []uint16{dns.TypeNS, dns.TypeANY}},
		{"version.bind.", []uint16{dns.TypeTXT}},
	} {
		for _, typ := range c.types {
			for what, opt := range map[string]func(*dns.Msg){
				"": func(*dns.Msg) {}, " EDNS": func(m *dns.Msg) { m.SetEdns0(65535, false) }, " DO": func(m *dns.Msg) { m.SetEdns0(65535, true) },
				" all": func(m *dns.Msg) {
					m.SetEdns0(65535, true)
					m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID}, cookie("2464c4abcf10c957"), &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}, &dns.EDNS0_PADDING{}}
				},
			} {
				queries[c.name+" "+dns.TypeToString[typ]+what] = query(t, c.name, typ, opt)
			}
		}
	}
	return e, queries
}

// TestAmplification measures how many octets this server sends to an address for each octet that was
// sent in its name. Headers of IP and UDP, 28 octets, count on both sides.
func TestAmplification(t *testing.T) {
	t.Parallel()
	const headers = 28
	e, queries := nasty(t)
	e.Cookies = nameserver.NewCookies()
	worst, worstOf := 0.0, ""
	for name, q := range queries {
		out := e.Answer(e.NewScratch(), q, client, nil)
		if len(out) > 1232 {
			t.Errorf("%s: %d octets", name, len(out))
		}
		if f := float64(len(out)+headers) / float64(len(q)+headers); f > worst {
			worst, worstOf = f, name
		}
		if m := new(dns.Msg); m.Unpack(out) == nil && bytes.Contains([]byte(name), []byte("ANY")) && len(m.Answer) > 2 {
			t.Errorf("%s: %d records in an answer that should be minimal (RFC 8482)", name, len(m.Answer))
		}
	}
	t.Logf("a single answer: at most %.1f times the question (%s)", worst, worstOf)
	if worst > 20 {
		t.Errorf("%s: answer and question are as %.1f to 1", worstOf, worst)
	}
	// Ten thousand of them , all in a second.
	e.Limit = nameserver.NewRateLimit(nameserver.RateLimitOptions{PerSecond: 200, Size: 1 << 16})
	worst = 0
	for name, q := range queries {
		s := e.NewScratch()
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(len(name)), q[len(q)-1], q[13]}), 53)
		s.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
		in, sent := 0, 0
		for range 10_000 {
			s.Now += int64(100 * time.Microsecond)
			in += len(q) + headers
			if out := e.Answer(s, q, nameserver.Client{Addr: from}, nil); out != nil {
				sent += len(out) + headers
			}
		}
		if f := float64(sent) / float64(in); f > worst {
			worst, worstOf = f, name
		}
	}
	t.Logf("10,000 a second with a limit of 200: at most %.2f times the questions (%s)", worst, worstOf)
	if worst > 1.4 { // the burst at the start is a part of it
		t.Errorf("%s: with the rate limit, answers have %.2f times the octets of the questions", worstOf, worst)
	}
}

// Client subnets (RFC 7871) make no answer different: neither larger, nor kept for another client, nor
// told to be for one network.
func TestClientSubnetIsIgnored(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	plain := e.Answer(e.NewScratch(), query(t, "www.example.org.", dns.TypeA, withEDNS), client, nil)
	for name, data := range map[string][]byte{
		"IPv4 /24":              {0, 1, 24, 0, 192, 0, 2},
		"IPv4 /32":              {0, 1, 32, 0, 192, 0, 2, 1},
		"IPv6 /56":              {0, 2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0},
		"nothing":               {},
		"too short":             {0, 1, 24, 0},
		"too long":              append([]byte{0, 1, 8, 0}, make([]byte, 300)...),
		"prefix of 255 bits":    {0, 1, 255, 0, 1, 2, 3, 4},
		"scope in a query":      {0, 1, 24, 24, 192, 0, 2},
		"bits behind prefix":    {0, 1, 20, 0, 192, 0, 255},
		"unknown family":        {0xff, 0xff, 24, 0, 1, 2, 3},
		"family of no address":  {0, 0, 0, 0},
		"as much as there fits": make([]byte, 3900),
	} {
		for _, times := range []int{1, 2, 50} {
			q := query(t, "www.example.org.", dns.TypeA, withEDNS)
			opt := binary.BigEndian.AppendUint16([]byte{0, 8}, uint16(len(data)))
			opt = bytes.Repeat(append(opt, data...), times)
			if len(opt) > 60000 {
				continue
			}
			binary.BigEndian.PutUint16(q[len(q)-2:], uint16(len(opt)))
			if got := e.Answer(e.NewScratch(), append(q, opt...), client, nil); !bytes.Equal(got, plain) {
				t.Errorf("%s, %d times: % x, want % x", name, times, got, plain)
			}
		}
	}
}

// TestNoTimeForNonsense sends the messages that would keep a careless reader busy longest, 64 KiB each,
// and demands an answer to a thousand of them within moments.
func TestNoTimeForNonsense(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	head := func(counts ...byte) []byte {
		return []byte{0, 1, 0, 0, 0, counts[0], counts[1], counts[1], counts[2], counts[2], counts[3], counts[3]}
	}
	question := []byte("\x03www\x07example\x03org\x00\x00\x01\x00\x01")
	pointers := func(to func(i int) int) []byte { // a chain of pointers behind the question
		b := append(head(1, 0, 0, 255), question...)
		for i := len(b); len(b) < 65000; i = len(b) {
			b = binary.BigEndian.AppendUint16(b, uint16(0xC000|to(i)&0x3FFF))
		}
		return b
	}
	for name, q := range map[string][]byte{
		"a name that points to itself":          append(head(1, 0, 0, 0), 0xC0, 12, 0, 1, 0, 1),
		"two that point to each other":          append(head(1, 0, 0, 0), 0xC0, 14, 0xC0, 12, 0, 1, 0, 1),
		"a label and a way back to it":          append(head(1, 0, 0, 0), 1, 'a', 0xC0, 12, 0, 1, 0, 1),
		"pointers, each to the one before":      pointers(func(i int) int { return i - 2 }),
		"pointers to themselves":                pointers(func(i int) int { return i }),
		"65,535 records of nothing":             append(head(1, 255, 255, 255), question...),
		"the smallest records":                  append(append(head(1, 0, 0, 255), question...), bytes.Repeat(make([]byte, 11), 5900)...),
		"the smallest options":                  append(append(head(1, 0, 0, 0), question...), append([]byte{0, 0, 41, 4, 0, 0, 0, 0, 0, 0xFD, 0xE8}, make([]byte, 65000)...)...),
		"many labels of one octet, never ended": append(head(1, 0, 0, 0), bytes.Repeat([]byte{1, 'a'}, 32000)...),
		"a label longer than there are":         append(head(1, 0, 0, 0), bytes.Repeat([]byte{0x7F}, 60000)...),
	} {
		s := e.NewScratch()
		began := time.Now()
		var out []byte
		for range 1000 {
			out = e.Answer(s, q, nameserver.Client{Addr: client.Addr, Stream: true}, nil)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s: a thousand answers took %v", name, took)
		}
		if len(out) < 12 || len(out) > 600 {
			t.Errorf("%s: an answer of %d octets", name, len(out))
		}
		began = time.Now()
		for range 20 {
			_, _ = wire.Unpack(q)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s: reading it whole twenty times took %v", name, took)
		}
	}
}

// FuzzOptions puts any octets into OPT: its head and its options.
func FuzzOptions(f *testing.F) {
	e := engine(f, map[string]string{"example.org.": dnstest.Example})
	e.NSID, e.Cookies = "ns1", &nameserver.Cookies{Secrets: [][16]byte{{1}}}
	for _, o := range []dns.EDNS0{
		cookie("0011223344556677"), &dns.EDNS0_PADDING{Padding: make([]byte, 5)}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID},
		&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: []byte{192, 0, 2, 0}}, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE},
	} {
		q := query(f, "www.example.org.", dns.TypeA, options(o))
		at := len(query(f, "www.example.org.", dns.TypeA))
		f.Add(q[at+3:at+9], q[at+11:], true)
	}
	s := e.NewScratch()
	f.Fuzz(func(t *testing.T, head, opts []byte, stream bool) {
		if len(head) < 6 || len(opts) > 60000 {
			return
		}
		q := query(t, "www.example.org.", dns.TypeA)
		q[11] = 1
		q = append(append(q, 0, 0, 41), head[:6]...)
		q = append(binary.BigEndian.AppendUint16(q, uint16(len(opts))), opts...)
		s.Now = 1.7e18
		out := e.Answer(s, q, nameserver.Client{Addr: client.Addr, Stream: stream, Encrypted: stream, Keepalive: 7}, nil)
		m := new(dns.Msg)
		if err := m.Unpack(out); err != nil {
			t.Fatalf("% x: %v", out, err)
		}
		opt := m.IsEdns0()
		switch {
		case opt == nil:
			t.Fatalf("a question with OPT got an answer without: %s", m)
		case head[3] > 0 && m.Rcode != dns.RcodeFormatError && m.Rcode != dns.RcodeBadVers:
			t.Fatalf("version %d: %s", head[3], m)
		case !stream && len(out) > 1232:
			t.Fatalf("%d octets", len(out))
		}
		var seen [65536]bool
		for _, o := range opt.Option {
			if seen[o.Option()] {
				t.Fatalf("option %d twice in %s", o.Option(), fmt.Sprint(m))
			}
			seen[o.Option()] = true
		}
	})
}
