package nameserver_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
)

// A peer is another name server with the same zones.
type peer struct {
	name string
	addr string
}

func peersOf(t *testing.T, zones map[string]string) []peer {
	t.Helper()
	return []peer{
		{"BIND", testserver.BIND(t, testserver.BINDOptions{Zones: zones, ZoneOptions: "check-names ignore; check-integrity no;", Options: "minimal-responses yes; zero-no-soa-ttl no;"}).Addr},
		{"Knot", testserver.Knot(t, testserver.KnotOptions{Zones: zones}).Addr},
		{"NSD", testserver.NSD(t, testserver.NSDOptions{Zones: zones, ServerOptions: "\trrl-ratelimit: 0"}).Addr},
	}
}

func (p peer) ask(t *testing.T, q []byte) (*dns.Msg, int) {
	t.Helper()
	conn, err := dns.DialTimeout("udp", p.addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience.Limit))
	if _, err := conn.Write(q); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65535)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	m := new(dns.Msg)
	if err := m.Unpack(buf[:n]); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	return m, n
}

// part prints what must be the same everywhere: all but the additional section.
func part(m *dns.Msg) string {
	c := *m
	c.Extra = nil
	if c.Authoritative && len(c.Answer) > 0 { // NSD adds who serves the zone
		c.Ns = slices.DeleteFunc(slices.Clone(c.Ns), func(r dns.RR) bool {
			sig, ok := r.(*dns.RRSIG)
			return r.Header().Rrtype == dns.TypeNS || ok && sig.TypeCovered == dns.TypeNS
		})
	}
	return dnstest.Show(&c)
}

// differs are the peers that do otherwise on purpose, by the first labels of the name.
var differs = map[string][]string{
	"over.":      {"BIND", "Knot"}, // follow aliases within one zone only
	"loop.":      {"BIND"},         // SERVFAIL
	"child.www.": {"NSD"},          // DS of a child that it serves itself: NODATA
}

func TestPeersAnswerTheSame(t *testing.T) {
	t.Parallel()
	zones := map[string]string{
		"example.org.": dnstest.Example, "example.net.": dnstest.ExampleNet,
		"child.www.example.org.": "@ 60 SOA ns1 hostmaster 1 7200 900 1209600 30\n@ 60 NS ns1\n@ 60 A 192.0.2.77\nns1 60 A 192.0.2.78\n",
	}
	peers := peersOf(t, zones)
	e := engine(t, zones)
	questions := tricky()
	for _, name := range questions {
		for _, typ := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeNS, dns.TypeDS, dns.TypeCNAME, dns.TypeMX, dns.TypeHTTPS, dns.TypeDNAME, dns.TypeSRV, dns.TypeSOA} {
			q := query(t, name, typ, withEDNS)
			mine := e.Answer(e.NewScratch(), slices.Clone(q), client, nil)
			got := ask(t, e, q)
			var others []string
			agree := 0
			for _, p := range peers {
				m, size := p.ask(t, q)
				if part(m) == part(got) {
					agree++
					if p.name == "Knot" && dnstest.Show(m) == dnstest.Show(got) && len(mine) > size {
						t.Errorf("%s %s: %d octets, Knot needs %d", name, dns.TypeToString[typ], len(mine), size)
					}
				} else if !slices.Contains(differs[strings.TrimSuffix(name, "example.org.")], p.name) {
					others = append(others, fmt.Sprintf("%s: %s", p.name, part(m)))
				}
			}
			if agree < len(peers)-len(differs[strings.TrimSuffix(name, "example.org.")]) {
				t.Errorf("%s %s: %d agree\n%s\n%s", name, dns.TypeToString[typ], agree, part(got), strings.Join(others, "\n"))
			}
		}
	}
}

// tricky are names of the example zones, and names beside, above and below them.
func tricky() []string {
	var list []string
	for _, n := range []string{
		"", "www.", "ns1.", "mail.", "deep.", "b.deep.", "a.b.deep.", "x.b.deep.", "alias.", "chain.", "gone.", "away.", "over.", "loop.",
		"wild.", "q.wild.", "*.wild.", "q.*.wild.", "x.wild.", "q.x.wild.", "aliased.", "q.aliased.", "sub.", "a.sub.", "ns.sub.", "other.", "ns.other.", "b.other.",
		"old.", "host.old.", "x.y.old.", "new.", "_tcp.", "_sip._tcp.", "svc.", "target.", "nothing.", "a.nothing.", "child.www.", "x.child.www.", "ns1.child.www.",
	} {
		list = append(list, n+"example.org.")
	}
	return append(list, "example.net.", "www.example.net.", "nothing.example.net.", "net.", ".", "www.elsewhere.example.")
}
