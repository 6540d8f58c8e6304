package nameserver_test

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/zone"
)

var client = nameserver.Client{Addr: netip.MustParseAddrPort("192.0.2.99:5300")}

// compiled reads a zone from text whose names are relative to the origin.
func compiled(t testing.TB, origin, text string) *nameserver.Compiled {
	t.Helper()
	c, err := nameserver.Compile(parsed(t, origin, text), nameserver.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parsed(t testing.TB, origin, text string) *zone.Zone {
	t.Helper()
	return dnstest.Zone(t, zone.MustName(origin), "$TTL 3600\n"+text)
}

// engine serves zones of text by origin.
func engine(t testing.TB, zones map[string]string) *nameserver.Engine {
	t.Helper()
	e := &nameserver.Engine{}
	for origin, text := range zones {
		e.Zones.Put(compiled(t, origin, text))
	}
	return e
}

// query packs a question with options that opts set.
func query(t testing.TB, name string, qtype uint16, opts ...func(*dns.Msg)) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	m.Id, m.RecursionDesired = 4711, false
	for _, o := range opts {
		o(m)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func dnssec(m *dns.Msg)         { m.SetEdns0(4096, true) }
func withEDNS(m *dns.Msg)       { m.SetEdns0(1232, false) }
func wide(c *nameserver.Client) { c.MaxUDP = 4096 }

// ask lets an engine answer and reads what it says with another implementation.
func ask(t testing.TB, e *nameserver.Engine, q []byte, opts ...func(*nameserver.Client)) *dns.Msg {
	t.Helper()
	c := client
	for _, o := range opts {
		o(&c)
	}
	out := e.Answer(e.NewScratch(), q, c, make([]byte, 0, 4096))
	if out == nil {
		t.Fatalf("no answer to % x", q)
	}
	m := new(dns.Msg)
	if err := m.Unpack(out); err != nil {
		t.Fatalf("answer % x to % x: %v", out, q, err)
	}
	return m
}
