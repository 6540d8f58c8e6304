package nameserver_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/zone"
)

const steeredText = `@ SOA ns1 hostmaster 1 7200 900 1209600 300
@ NS ns1
@ MX 10 www
@ TXT "plain"
ns1 A 192.0.2.53
www A 192.0.2.1
www A 192.0.2.2
www A 192.0.2.3
www TXT "not steered"
cdn CNAME one
one A 192.0.2.11
*.wild A 192.0.2.21
*.wild A 192.0.2.22
`

var near, nobody = netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24")

// policies are given to all addresses but those of name servers, and to aliases.
func policies(set zone.RRset) (uint32, bool) {
	switch {
	case set.Owner == zone.MustName("ns1.example.org."):
		return 0, false
	case set.Type == zone.TypeA:
		return 7, true
	case set.Type == zone.TypeCNAME, set.Type == zone.TypeNS, set.Type == zone.TypeSOA:
		return 8, true
	}
	return 0, false
}

// pickByClient answers 192.0.2.x with the last record and the first, 198.51.100.x with nothing, and all
// others with a record that is not there and the second.
func pickByClient(c *nameserver.Choice, picked []uint16) []uint16 {
	switch {
	case near.Contains(c.Client):
		if c.Records > 1 {
			return append(picked, uint16(c.Records-1), 0)
		}
		return append(picked, 0)
	case nobody.Contains(c.Client):
		return picked
	}
	return append(picked, 999, 1)
}

func steeredEngine(t *testing.T) *nameserver.Engine {
	t.Helper()
	c, err := nameserver.Compile(parsed(t, "example.org.", steeredText), nameserver.CompileOptions{Policy: policies})
	if err != nil {
		t.Fatal(err)
	}
	e := &nameserver.Engine{Rotate: true, Steer: pickByClient}
	e.Zones.Put(c)
	return e
}

func from(addr string) func(*nameserver.Client) {
	return func(c *nameserver.Client) { c.Addr = netip.AddrPortFrom(netip.MustParseAddr(addr), 5300) }
}

func TestSteer(t *testing.T) {
	t.Parallel()
	e := steeredEngine(t)
	const soa = "\nau example.org. 300 soa ns1.example.org. hostmaster.example.org. 1 7200 900 1209600 300"
	for _, c := range []struct {
		name, client string
		typ          uint16
		want         string
	}{
		{"www.example.org.", "192.0.2.9", dns.TypeA, "NOERROR aa\nan www.example.org. 3600 a 192.0.2.1\nan www.example.org. 3600 a 192.0.2.3"},
		{"www.example.org.", "203.0.113.9", dns.TypeA, "NOERROR aa\nan www.example.org. 3600 a 192.0.2.2"},
		{"www.example.org.", "198.51.100.9", dns.TypeA, "NOERROR aa" + soa},
		{"www.example.org.", "198.51.100.9", dns.TypeTXT, "NOERROR aa\nan www.example.org. 3600 txt \"not steered\""},
		{"cdn.example.org.", "192.0.2.9", dns.TypeA, "NOERROR aa\nan cdn.example.org. 3600 cname one.example.org.\nan one.example.org. 3600 a 192.0.2.11"},
		{"cdn.example.org.", "198.51.100.9", dns.TypeA, "NOERROR aa" + soa},
		{"x.wild.example.org.", "203.0.113.9", dns.TypeA, "NOERROR aa\nan x.wild.example.org. 3600 a 192.0.2.22"},
		// Addresses beside an answer are chosen, too; delegations and SOA never.
		{"example.org.", "203.0.113.9", dns.TypeMX, "NOERROR aa\nan example.org. 3600 mx 10 www.example.org.\nad www.example.org. 3600 a 192.0.2.2"},
		{"example.org.", "198.51.100.9", dns.TypeMX, "NOERROR aa\nan example.org. 3600 mx 10 www.example.org."},
		{"example.org.", "198.51.100.9", dns.TypeNS, "NOERROR aa\nan example.org. 3600 ns ns1.example.org.\nad ns1.example.org. 3600 a 192.0.2.53"},
		{"example.org.", "198.51.100.9", dns.TypeSOA, "NOERROR aa\nan example.org. 3600 soa ns1.example.org. hostmaster.example.org. 1 7200 900 1209600 300"},
	} {
		if diff := cmp.Diff(c.want, dnstest.Show(ask(t, e, query(t, c.name, c.typ), from(c.client)))); diff != "" {
			t.Errorf("%s %s from %s (-want +got):\n%s", c.name, dns.TypeToString[c.typ], c.client, diff)
		}
	}
}

// Records come in the order in which they were picked, also when sets are rotated.
func TestSteerKeepsTheOrder(t *testing.T) {
	t.Parallel()
	e := steeredEngine(t)
	for range 3 {
		m := ask(t, e, query(t, "www.example.org.", dns.TypeA), from("192.0.2.9"))
		if len(m.Answer) != 2 || m.Answer[0].(*dns.A).A.String() != "192.0.2.3" || m.Answer[1].(*dns.A).A.String() != "192.0.2.1" {
			t.Errorf("answer %v, want 192.0.2.3 and 192.0.2.1", m.Answer)
		}
	}
}

// Without a function, and in signed zones, sets are whole.
func TestSteerLeavesSetsWhole(t *testing.T) {
	t.Parallel()
	e := steeredEngine(t)
	e.Steer = nil
	if m := ask(t, e, query(t, "www.example.org.", dns.TypeA)); len(m.Answer) != 3 {
		t.Errorf("without a function: %d records, want 3", len(m.Answer))
	}
	z := parsed(t, "example.org.", steeredText+"@ DNSKEY 257 3 13 AAECAwQFBgcICQoLDA0ODwABAgMEBQYHCAkKCwwNDg8AAQIDBAUGBwgJCgsMDQ4PAAECAwQFBgcICQoLDA0ODw==\n")
	c, err := nameserver.Compile(z, nameserver.CompileOptions{Policy: policies})
	if err != nil {
		t.Fatal(err)
	}
	e.Steer = func(*nameserver.Choice, []uint16) []uint16 { t.Error("a signed set was to be picked from"); return nil }
	e.Zones.Put(c)
	if m := ask(t, e, query(t, "www.example.org.", dns.TypeA)); len(m.Answer) != 3 {
		t.Errorf("signed: %d records, want 3", len(m.Answer))
	}
}

func TestSteerAllocatesNothing(t *testing.T) {
	e := steeredEngine(t)
	s, dst := e.NewScratch(), make([]byte, 0, 4096)
	for _, name := range []string{"www.example.org.", "cdn.example.org.", "x.wild.example.org."} {
		q := query(t, name, dns.TypeA, withEDNS)
		if n := testing.AllocsPerRun(100, func() { e.Answer(s, q, client, dst) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
