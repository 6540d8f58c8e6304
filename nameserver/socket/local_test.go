package socket

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"net/netip"
	"testing"

	"github.com/quic-go/quic-go/http3"

	"github.com/zonecast/zonecast/internal/patience"
)

// told tells which address of ours each query came to, and that it was a long one.
type told struct {
	long bool
	to   chan netip.AddrPort
}

func newTold(long bool) *told { return &told{long: long, to: make(chan netip.AddrPort, 100)} }

func (x *told) Worker() Worker { return x }

func (x *told) note(from *Client) {
	if from.Local == nil {
		x.to <- netip.AddrPort{}
		return
	}
	x.to <- *from.Local
}

func (x *told) Answer(dst, query []byte, from *Client) []byte {
	x.note(from)
	dst = append(dst, query...)
	dst[2] |= 0x80
	return dst
}

func (x *told) Long([]byte, *Client) bool { return x.long }

func (x *told) Stream(_ context.Context, query []byte, from Client, send func([]byte) error) error {
	x.note(&from)
	query[2] |= 0x80
	return send(query)
}

// Over every transport it is known which address of ours was asked, if somebody wants to know.
func TestAddressesOfOurs(t *testing.T) {
	t.Parallel()
	for _, wanted := range []bool{true, false} {
		for _, long := range []bool{false, true} {
			x := newTold(long)
			files, pool := certificate(t, t.TempDir(), "ns.example.org")
			s, _ := run(t, Options{
				Answerer: x, Locals: wanted, Certificates: load(t, files), Threads: 1,
				Endpoints: append(loopback(DNS, DoT, DoH, DoHPlain, DoQ, DoH3), on(DNS, "0.0.0.0:0")...),
			})
			q := query(t, 0, "www.example.org.")
			trust := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
			at := func(i int) netip.AddrPort { return s.Endpoints()[i].Addr }
			check := func(name string, want netip.AddrPort) {
				t.Helper()
				if !wanted {
					want = netip.AddrPort{}
				}
				if got := patience.Receive(t, name, x.to); got != want {
					t.Errorf("%s, long %t, wanted %t: asked at %s, want %s", name, long, wanted, got, want)
				}
			}
			udp := dial(t, "udp", at(0))
			send(t, udp, q)
			receive(t, udp)
			check("UDP", at(0))
			anywhere := netip.AddrPortFrom(netip.MustParseAddr("127.1.2.3"), at(6).Port())
			if canShare { // else the system does not tell
				c := dial(t, "udp", anywhere)
				send(t, c, q)
				receive(t, c)
				check("UDP at all addresses", anywhere)
			}
			for i, to := range map[string]netip.AddrPort{"TCP": at(0), "TCP at all addresses": anywhere} {
				c := dial(t, "tcp", to)
				send(t, c, framed(q))
				readFramed(t, c)
				check(i, to)
			}
			c := tls.Client(dial(t, "tcp", at(1)), &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12})
			send(t, c, framed(q))
			readFramed(t, c)
			check("TLS", at(1))
			askQUIC(t, dialQUIC(t, at(4), pool), q)
			check("QUIC", at(4))
			if long {
				continue // HTTPS has none
			}
			third := &http3.Transport{TLSClientConfig: trust}
			defer func() { _ = third.Close() }()
			for name, way := range map[string]struct {
				http.RoundTripper
				scheme string
				to     netip.AddrPort
			}{
				"HTTPS":    {&http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}, "https", at(2)},
				"HTTP/1.1": {&http.Transport{DisableKeepAlives: true}, "http", at(3)},
				"HTTP/3":   {third, "https", at(5)},
			} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, way.scheme+"://"+way.to.String()+"/dns-query", bytes.NewReader(q))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", messageType)
				resp, err := way.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				check(name, way.to)
			}
		}
	}
}

// Many datagrams at once to several addresses of one socket: each is told its own.
func TestAddressesOfOursInBatches(t *testing.T) {
	t.Parallel()
	if !canShare {
		t.Skip("the system does not tell")
	}
	for _, long := range []bool{false, true} {
		x := newTold(long)
		o := Options{Locals: true, Answerer: x}
		o.Limits.LongUDP = 100
		p := serving(t, listenPacket, o, "0.0.0.0:0", x)
		want := map[netip.Addr]int{}
		for i := range 60 {
			to := netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + i%3)})
			c := dial(t, "udp", netip.AddrPortFrom(to, p.addr().Port()))
			send(t, c, query(t, uint16(i), "example.org."))
			want[to]++
		}
		for range 60 {
			got := patience.Receive(t, "a query", x.to)
			if want[got.Addr()]--; want[got.Addr()] < 0 || got.Port() != p.addr().Port() {
				t.Errorf("asked at %s once too often", got)
			}
		}
	}
}
