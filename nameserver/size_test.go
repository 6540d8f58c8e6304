package nameserver_test

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/testserver"
)

// sizeText has names that share their ends, beginnings and whole labels in many ways.
const sizeText = `
@ 3600 SOA ns1.servers hostmaster.people 1 7200 900 1209600 300
@ 3600 NS ns1.servers
@ 3600 NS ns2.servers
@ 3600 NS ns3.servers.example.net.
ns1.servers 300 A 192.0.2.1
ns1.servers 300 AAAA 2001:db8::1
ns2.servers 300 A 192.0.2.2
@ 300 MX 10 mx1.mail.servers
@ 300 MX 20 mx2.mail.servers
@ 300 MX 30 mx1.mail.example.net.
@ 300 MX 40 mx2.mail.example.net.
mx1.mail.servers 300 A 192.0.2.25
mx2.mail.servers 300 A 192.0.2.26
mx2.mail.servers 300 AAAA 2001:db8::26
www 300 CNAME www.front
www.front 300 CNAME www.front.cdn
www.front.cdn 300 A 192.0.2.10
away 300 CNAME www.front.cdn.example.net.
old 300 DNAME new
www.front.new 300 A 192.0.2.11
_sip._tcp 300 SRV 1 2 5060 a.sip.servers
_sip._tcp 300 SRV 1 2 5060 b.sip.servers
a.sip.servers 300 A 192.0.2.60
b.sip.servers 300 A 192.0.2.61
web 300 HTTPS 1 www.front.cdn alpn=h2
child 300 NS ns1.child
child 300 NS ns2.child
child 300 NS ns1.servers
child 300 NS ns.servers.child
ns1.child 300 A 192.0.2.71
ns2.child 300 A 192.0.2.72
ns.servers.child 300 AAAA 2001:db8::73
far 300 NS ns1.far.example.net.
far 300 NS ns2.far.example.net.
*.any 300 MX 10 mx1.mail.servers
*.any 300 CAA 0 issue "ca.example.net"
1.2.0.192.rev 300 PTR www.front.cdn
group 300 MINFO owner.people errors.people
resp 300 RP who.people text.people
twice 300 MX 10 twice
twice 300 A 192.0.2.80
servers.servers 300 MX 10 servers.servers.servers
servers.servers.servers 300 A 192.0.2.81
`

// sizeQuestions ask for all of it.
var sizeQuestions = []struct{ name, typ string }{
	{"", "SOA"},
	{"", "NS"},
	{"", "MX"},
	{"", "A"},
	{"", "TXT"},
	{"www.", "A"},
	{"www.", "AAAA"},
	{"away.", "A"},
	{"www.front.", "A"},
	{"www.front.cdn.", "A"},
	{"www.front.old.", "A"},
	{"nothing.old.", "A"},
	{"old.", "DNAME"},
	{"_sip._tcp.", "SRV"},
	{"web.", "HTTPS"},
	{"child.", "NS"},
	{"x.child.", "A"},
	{"x.y.z.child.", "A"},
	{"ns1.child.", "A"},
	{"far.", "A"},
	{"a.far.", "A"},
	{"nothing.", "A"},
	{"a.b.c.nothing.", "A"},
	{"people.", "A"},
	{"x.people.", "A"},
	{"servers.", "A"},
	{"x.servers.", "A"},
	{"ns9.servers.", "A"},
	{"ns1.servers.", "TXT"},
	{"ns1.servers.", "A"},
	{"mx2.mail.servers.", "MX"},
	{"x.any.", "MX"},
	{"x.y.any.", "MX"},
	{"x.any.", "CAA"},
	{"x.any.", "TXT"},
	{"1.2.0.192.rev.", "PTR"},
	{"group.", "MINFO"},
	{"resp.", "RP"},
	{"twice.", "MX"},
	{"servers.servers.", "MX"},
	{"servers.servers.servers.", "A"},
	{"servers.servers.servers.servers.", "A"},
}

// TestNoLargerThanKnot compares answers of equal content, in lower and mixed case, with and without
// EDNS. Nearly all are: Knot adds what it would not have to in a few.
func TestNoLargerThanKnot(t *testing.T) {
	t.Parallel()
	zones := map[string]string{"example.org.": sizeText}
	p := peer{"Knot", testserver.Knot(t, testserver.KnotOptions{Zones: zones}).Addr}
	e := engine(t, zones)
	compared, ours, theirs := 0, 0, 0
	for _, c := range sizeQuestions {
		for _, origin := range []string{"example.org.", "eXaMPle.oRg."} {
			q := query(t, c.name+origin, dns.StringToType[c.typ], withEDNS)
			mine := e.Answer(e.NewScratch(), slices.Clone(q), client, nil)
			got := ask(t, e, q)
			m, size := p.ask(t, q)
			if dnstest.Show(m) != dnstest.Show(got) {
				t.Logf("%s%s %s: not compared\n%s\nKnot: %s", c.name, origin, c.typ, dnstest.Show(got), dnstest.Show(m))
				continue
			}
			compared++
			ours, theirs = ours+len(mine), theirs+size
			if len(mine) > size {
				t.Errorf("%s%s %s: %d octets, Knot needs %d\n%x", c.name, origin, c.typ, len(mine), size, mine)
			}
		}
	}
	t.Logf("%d answers compared: %d octets, Knot needs %d", compared, ours, theirs)
	if compared < 2*len(sizeQuestions)*9/10 {
		t.Errorf("only %d of %d answers could be compared", compared, 2*len(sizeQuestions))
	}
}
