package socket

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/zonecast/zonecast/internal/patience"
)

// proxyHeader is what a balancer writes in front of a client's octets, with a TLV behind the
// addresses as dnsdist adds it.
func proxyHeader(from netip.AddrPort, tlvs ...byte) []byte {
	to := netip.MustParseAddr("192.0.2.53")
	family := byte(0x11)
	if from.Addr().Is6() {
		to, family = netip.MustParseAddr("2001:db8::53"), 0x21
	}
	body := append(from.Addr().AsSlice(), to.AsSlice()...)
	body = binary.BigEndian.AppendUint16(body, from.Port())
	body = binary.BigEndian.AppendUint16(body, 53)
	body = append(body, tlvs...)
	b := append([]byte(proxySignature), 0x21, family)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
}

// localHeader is that of a balancer's health check.
func localHeader() []byte { return append([]byte(proxySignature), 0x20, 0, 0, 0) }

func TestParseProxy(t *testing.T) {
	t.Parallel()
	v4, v6 := netip.MustParseAddrPort("198.51.100.7:4711"), netip.MustParseAddrPort("[2001:db8::7]:4711")
	edit := func(b []byte, at int, v byte) []byte {
		b = append([]byte(nil), b...)
		b[at] = v
		return b
	}
	for _, c := range []struct {
		name string
		in   []byte
		want netip.AddrPort
		bad  bool
	}{
		{"IPv4", proxyHeader(v4), v4, false},
		{"IPv6", proxyHeader(v6), v6, false},
		{"TLVs are left alone", proxyHeader(v4, 0x04, 0, 3, 0, 0, 0), v4, false},
		{"health check", localHeader(), netip.AddrPort{}, false},
		{"a Unix socket", edit(proxyHeader(v4), 13, 0x31), netip.AddrPort{}, false},
		{"unspecified", edit(proxyHeader(v4), 13, 0x00), netip.AddrPort{}, false},
		{"version 1", []byte("PROXY TCP4 198.51.100.7 192.0.2.53 4711 53\r\n"), netip.AddrPort{}, true},
		{"version 3", edit(proxyHeader(v4), 12, 0x31), netip.AddrPort{}, true},
		{"unknown command", edit(proxyHeader(v4), 12, 0x22), netip.AddrPort{}, true},
		{"unknown family", edit(proxyHeader(v4), 13, 0x41), netip.AddrPort{}, true},
		{"IPv4 that says to be IPv6", edit(proxyHeader(v4), 13, 0x21), netip.AddrPort{}, true},
		{"addresses cut off", proxyHeader(v4)[:20], netip.AddrPort{}, true},
		{"length too short for the family", edit(proxyHeader(v4), 15, 11), netip.AddrPort{}, true},
		{"length beyond all reason", edit(proxyHeader(v4), 14, 0xff), netip.AddrPort{}, true},
		{"nothing", nil, netip.AddrPort{}, true},
	} {
		got, n, err := parseProxy(append(c.in, "DNS"...))
		if len(c.in) < 28 {
			got, n, err = parseProxy(c.in)
		}
		if got != c.want || (err != nil) != c.bad || !c.bad && n != len(c.in) {
			t.Errorf("%s: got %v, %d octets, %v; want %v, %d, error %v", c.name, got, n, err, c.want, len(c.in), c.bad)
		}
	}
}

func FuzzParseProxy(f *testing.F) {
	f.Add(proxyHeader(netip.MustParseAddrPort("198.51.100.7:4711")))
	f.Add(proxyHeader(netip.MustParseAddrPort("[2001:db8::7]:4711"), 1, 0, 2, 'h', '2'))
	f.Add(localHeader())
	f.Fuzz(func(t *testing.T, b []byte) {
		client, n, err := parseProxy(b)
		if err != nil {
			if client.IsValid() || n != 0 {
				t.Errorf("an error, and yet %v, %d", client, n)
			}
			return
		}
		if n < proxyFixed || n > len(b) {
			t.Errorf("%d octets of %d", n, len(b))
		}
		if again, m, err := parseProxy(b[:n]); again != client || m != n || err != nil {
			t.Errorf("the header alone reads as %v, %d, %v; with what follows as %v, %d", again, m, err, client, n)
		}
	})
}

func TestStreamsBehindABalancer(t *testing.T) {
	t.Parallel()
	e := &echo{}
	s, _ := run(t, Options{
		Answerer: e, Endpoints: loopback(DNS, DoHPlain), ProxyFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Limits: Limits{PerClient: 1},
	})
	v4, v6 := netip.MustParseAddrPort("198.51.100.7:4711"), netip.MustParseAddrPort("[2001:db8::7]:4711")
	for _, from := range []netip.AddrPort{v4, v6} {
		c := dial(t, "tcp", s.Endpoints()[0].Addr)
		send(t, c, append(proxyHeader(from, 0x04, 0, 1, 0), framed(query(t, 5, "example.org."))...))
		if id := readFramed(t, c); id != 5 {
			t.Errorf("answer %d, want 5", id)
		}
		if got := e.last(t).Addr; got != from {
			t.Errorf("the client is %s, want %s", got, from)
		}
	}
	// Limits are those of the clients, not of the balancer.
	c := dial(t, "tcp", s.Endpoints()[0].Addr)
	send(t, c, append(proxyHeader(netip.MustParseAddrPort("198.51.100.7:4712")), framed(query(t, 6, "example.org."))...))
	ends(t, c)

	web := dial(t, "tcp", s.Endpoints()[1].Addr)
	from := netip.MustParseAddrPort("203.0.113.9:99")
	send(t, web, append(proxyHeader(from), "GET /dns-query?dns=AAABAAABAAAAAAAAAAABAAE HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"...))
	ends(t, web)
	if got := e.last(t).Addr; got != from {
		t.Errorf("over HTTP the client is %s, want %s", got, from)
	}

	without := dial(t, "tcp", s.Endpoints()[0].Addr)
	send(t, without, framed(query(t, 1, "example.org.")))
	ends(t, without)
	patience.Until(t, "counted is one bad header and one refusal", func() (any, bool) { got := s.Counters(); return got, got.BadProxy == 1 && got.Refused == 1 })
}

func TestProxyIsForBalancersOnly(t *testing.T) {
	t.Parallel()
	e := &echo{}
	s, _ := run(t, Options{Answerer: e, Endpoints: loopback(DNS), ProxyFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	c := dial(t, "udp", s.Endpoints()[0].Addr)
	b := append(proxyHeader(netip.MustParseAddrPort("198.51.100.7:4711")), query(t, 1, "example.org.")...)
	send(t, c, b)
	// It is taken for a message, as it is.
	if _, size := receive(t, c); size != len(b) {
		t.Errorf("%d octets echoed, want %d", size, len(b))
	}
	if got := e.last(t).Addr; got != addrPort(c.LocalAddr()) {
		t.Errorf("the client is %s, want %s", got, c.LocalAddr())
	}
	if !proxied([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, netip.MustParseAddr("::ffff:192.0.2.1")) {
		t.Error("a balancer over a socket of both families is not known")
	}
}
