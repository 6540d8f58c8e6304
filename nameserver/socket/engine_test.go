package socket

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/zonefile"
)

const zoneText = `$ORIGIN example.org.
$TTL 3600
@   SOA ns hostmaster 7 7200 900 1209600 300
@   NS  ns
ns  A   192.0.2.1
www A   192.0.2.2
`

// withDesk is an engine and a desk with one zone.
func withDesk(t *testing.T, notified func(xfr.Notice) wire.RCODE, more ...string) (Answerer, *nameserver.Engine) {
	t.Helper()
	res, err := zonefile.Parse([]byte(zoneText+strings.Join(more, "")), zonefile.Options{File: "example.org.zone"})
	if err != nil || res.Zone == nil {
		t.Fatalf("%v, %v", err, res.Findings)
	}
	compiled, err := nameserver.Compile(res.Zone, nameserver.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e := &nameserver.Engine{NSID: "ns1"}
	e.Zones.Put(compiled)
	journal := &xfr.Journal{}
	if err := journal.Put(res.Zone); err != nil {
		t.Fatal(err)
	}
	return Engine(e, &xfr.Desk{
		Out: &xfr.Out{
			Journal: func(zone.Name) *xfr.Journal { return journal },
			Access:  func(zone.Name) xfr.Access { return xfr.Access{xfr.Everyone} },
		},
		Notified: notified,
	}), e
}

// Everything together: questions, transfers and notes over every transport.
func TestEngineAndDesk(t *testing.T) {
	t.Parallel()
	notes := make(chan xfr.Notice, 10)
	answerer, e := withDesk(t, func(n xfr.Notice) wire.RCODE { notes <- n; return wire.NoError })
	files, _ := certificate(t, t.TempDir(), "ns.example.org")
	s, stop := run(t, Options{Answerer: answerer, Endpoints: loopback(DNS, DoT, DoH, DoQ), Certificates: load(t, files), Threads: 2})
	port := func(i int) string { return strconv.Itoa(int(s.Endpoints()[i].Addr.Port())) }

	for _, transport := range []wire.Transport{wire.UDP, wire.TCP} {
		c := wire.Client{Transport: transport, Timeout: patience.Limit}
		got, err := c.Exchange(t.Context(), address(s, 0), wire.Query(zone.MustName("www.example.org."), zone.TypeA))
		if err != nil || len(got.Answers) != 1 || string(got.Answers[0].Data) != "\xc0\x00\x02\x02" {
			t.Errorf("%s: %v, %v", transport, got, err)
		}
		m := wire.Query(zone.MustName("example.org."), zone.TypeSOA)
		m.Opcode = wire.OpNotify
		if got, err = c.Exchange(t.Context(), address(s, 0), m); err != nil || got.RCODE != wire.NoError {
			t.Errorf("NOTIFY over %s: %v, %v", transport, got, err)
			continue
		}
		if n := patience.Receive(t, "the NOTIFY", notes); n.Origin != zone.MustName("example.org.") {
			t.Errorf("NOTIFY over %s: %+v", transport, n)
		}
	}

	for _, c := range []struct {
		args string
		want []string
	}{
		{"-p " + port(0) + " +tcp AXFR", []string{"www.example.org.", "192.0.2.2", "1 messages, 5 records"}},
		{"-p " + port(1) + " +tls AXFR", []string{"www.example.org.", "192.0.2.2", "1 messages, 5 records"}},
		{"-p " + port(1) + " +tls +padding +nsid NS", []string{"ns.example.org.", "PADDING", "ns1"}},
		{"-p " + port(1) + " +tls NS +keepopen", []string{"ns.example.org."}},
		{"-p " + port(3) + " +quic AXFR", []string{"www.example.org.", "192.0.2.2", "1 messages, 5 records", "(UDP)"}},
		{"-p " + port(3) + " +quic +padding +nsid NS", []string{"ns.example.org.", "PADDING", "ns1", "QUIC session"}},
		{"-p " + port(2) + " +https NS", []string{"ns.example.org.", "HTTP session"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			if _, err := exec.LookPath("kdig"); err != nil {
				t.Skip("kdig is not installed")
			}
			args := append(strings.Fields(c.args), "@127.0.0.1", "example.org.")
			out, err := exec.CommandContext(t.Context(), "kdig", args...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range c.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
		})
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	patience.Until(t, "counted is one long answer over UDP, three in all", func() (any, bool) {
		got := s.Counters()
		return got, got.LongUDP == 1 && got.Long >= 3 && got.Busy == 0
	})
	// All that was counted is told when the threads have nothing to do.
	if got := e.Counts().Queries; got < 5 {
		t.Errorf("the engine counted %d queries", got)
	}
}

// A transfer over QUIC is many messages on one stream.
func TestLargeTransferOverQUIC(t *testing.T) {
	t.Parallel()
	var more strings.Builder
	const records = 20000
	for i := range records {
		fmt.Fprintf(&more, "h%d A 192.0.2.1\n", i)
	}
	answerer, _ := withDesk(t, nil, more.String())
	s, pool, _ := quicServer(t, Options{Answerer: answerer})
	c := dialQUIC(t, s.Endpoints()[0].Addr, pool)
	m := wire.Query(zone.MustName("example.org."), wire.TypeAXFR)
	m.EDNS = nil
	q, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	b := askQUIC(t, c, q)
	messages, got := 0, 0
	for ; len(b) > 0; messages++ {
		n := int(binary.BigEndian.Uint16(b))
		answer, err := wire.Unpack(b[prefix : prefix+n])
		if err != nil || answer.ID != 0 || answer.RCODE != wire.NoError {
			t.Fatalf("message %d: %v, %v", messages, answer, err)
		}
		got += len(answer.Answers)
		b = b[prefix+n:]
	}
	if messages < 5 || got != records+5 {
		t.Errorf("%d records in %d messages, want %d in some", got, messages, records+5)
	}
}

// slow is an echo whose long answers wait to be let go.
type slow struct {
	echo
	letGo chan struct{}
}

func (*slow) Long(query []byte, _ *Client) bool { return query[2]>>3&15 == 4 }

func (x *slow) Stream(_ context.Context, query []byte, _ Client, send func([]byte) error) error {
	<-x.letGo
	query[2] |= 0x80
	if err := send(query); err != nil {
		return err
	}
	if send(query) == nil {
		panic("two answers to one datagram")
	}
	return nil
}

func TestLongAnswersOverUDP(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		for name, way := range packetWays {
			t.Run(name+" on "+listen, func(t *testing.T) {
				t.Parallel()
				x := &slow{letGo: make(chan struct{})}
				o := Options{Answerer: x, Endpoints: on(DNS, listen), Limits: Limits{LongUDP: 2}}
				p := serving(t, way, o, listen, x)
				c := dial(t, "udp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), p.addr().Port()))
				for id := range uint16(3) {
					send(t, c, long(t, id))
				}
				send(t, c, query(t, 9, "example.org."))
				if id, _ := receive(t, c); id != 9 {
					t.Errorf("answer %d came first, want 9", id)
				}
				for range 2 {
					x.letGo <- struct{}{}
					if id, _ := receive(t, c); id > 1 {
						t.Errorf("answer %d, want 0 or 1: more than two at once", id)
					}
				}
				var got Counters
				for end := soon(); time.Now().Before(end); got = (Counters{}) {
					if p.counts().add(&got); got.Answers == 3 {
						break
					}
				}
				if got.LongUDP != 3 || got.Busy != 1 || got.Answers != 3 {
					t.Errorf("counters: %+v, want 3 long, 1 of them not taken, 3 answers", got)
				}
			})
		}
	}
}
