package nameserver_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
)

// wildText is the zone of RFC 4592, section 2.2.1.
const wildText = `
@ 3600 SOA ns.example.com. hostmaster 1 7200 900 1209600 300
@ 3600 NS ns.example.com.
@ 3600 NS ns.example.net.
* 3600 TXT "this is a wildcard"
* 3600 MX 10 host1
sub.* 3600 TXT "this is not a wildcard"
host1 3600 A 192.0.2.1
_ssh._tcp.host1 3600 SRV 0 0 22 host1
_ssh._tcp.host2 3600 SRV 0 0 22 host2
subdel 3600 NS ns.example.com.
subdel 3600 NS ns.example.net.
`

// cornerText goes with dnstest.Example: aliases of all kinds, names that are too long behind a DNAME, types
// that are unknown, sets that do not fit, delegations with much glue, names with odd octets.
func cornerText() string {
	var b strings.Builder
	l61, l30 := strings.Repeat("x", 61), strings.Repeat("x", 30)
	fmt.Fprintf(&b, "long 300 DNAME %s.%s.%s.%s.example.org.\n", l61, l61, l61, l30)
	b.WriteString(`
round 300 DNAME turn
turn 300 DNAME round
abroad 300 DNAME example.net.
root 300 DNAME .
todname 60 CNAME host.old
towild 60 CNAME q.wild
tocut 60 CNAME sub
belowcut 60 CNAME a.sub
unknown 300 TYPE65280 \# 4 0A000001
unknown 300 A 192.0.2.77
caa 300 CAA 0 issue "ca.example"
naptr 300 NAPTR 10 10 "s" "SIP+D2U" "" _sip._tcp
afsdb 300 AFSDB 1 www
rp 300 RP www www
ptr 300 PTR www
kx 300 KX 1 www
service 300 SVCB 1 target alpn=h2
itself 300 SVCB 1 . alpn=h2
itself 300 A 192.0.2.81
toitself 300 SVCB 0 itself
tosvc 300 HTTPS 0 svc
nomail 300 MX 0 .
brief 0 A 192.0.2.9
\*.escaped 300 TXT "no wildcard"
dotted\.label 300 TXT "one label"
UPPER.Case 300 A 192.0.2.10
`)
	fmt.Fprintf(&b, "text 300 TXT %s\n", strings.Repeat(`"`+strings.Repeat("t", 250)+`" `, 4))
	for i := range 40 {
		fmt.Fprintf(&b, "many 300 A 10.0.0.%d\n", i)
	}
	for i := range 10 {
		fmt.Fprintf(&b, "glue 300 NS ns%d.glue\nns%d.glue 300 A 10.1.0.%d\nns%d.glue 300 AAAA 2001:db8::%d\n", i, i, i, i, i)
		fmt.Fprintf(&b, "sibling 300 NS ns%d.glue\n", i)
	}
	return b.String()
}

// apart are peers that differ from what RFCs want, or leave to servers, and why.
var apart = []struct {
	names, typ string // names of the zone that it is about, or a type
	peers      []string
	why        string
}{
	{"", "ANY", []string{"BIND", "NSD"}, "one RRset is enough, of what a name has (RFC 8482, section 4.1): BIND gives all, NSD the SOA first"},
	{"abroad over", "", []string{"BIND", "Knot"}, "follow aliases within one zone only"},
	{"round loop", "", []string{"BIND", "Knot"}, "a loop: BIND says SERVFAIL, Knot says it several times"},
	{"long", "", []string{"Knot"}, "a DNAME gives a name that is too long: YXDOMAIN (RFC 6672, section 2.2), not NXDOMAIN"},
	{"many", "", []string{"BIND"}, "an answer is cut by RRsets (RFC 2181, section 9); BIND gives a part of one"},
	{"glue sibling", "", []string{"BIND", "NSD"}, "glue that does not fit: TC (RFC 9471, section 3.1)"},
}

func TestPeersAgreeAboutCorners(t *testing.T) {
	t.Parallel()
	zones := map[string]string{"example.": wildText, "example.org.": dnstest.Example + cornerText(), "example.net.": dnstest.ExampleNet}
	peers := peersOf(t, zones)
	e := engine(t, zones)
	var names []string
	for _, n := range []string{"", "x.", "a.b.c.", "*.", "sub.*.", "ghost.*.", "x.sub.*.", "host1.", "host3.", "foo.bar.", "_telnet._tcp.host1.", "_ssh._tcp.host2.", "host2.", "_tcp.host2.", "host.subdel.", "subdel."} {
		names = append(names, n+"example.")
	}
	for _, n := range []string{
		strings.Repeat("y", 40) + ".long.", "long.", "x.round.", "round.", "www.abroad.", "x.abroad.", "www.root.", "todname.", "towild.", "tocut.", "belowcut.", "over.",
		"unknown.", "caa.", "naptr.", "afsdb.", "rp.", "ptr.", "kx.", "service.", "itself.", "toitself.", "tosvc.", "nomail.", "brief.",
		`\*.escaped.`, "x.escaped.", `dotted\.label.`, "dotted.label.", "upper.case.", "UPPER.CASE.", "text.", "many.", "glue.", "x.glue.", "ns1.glue.", "sibling.", "x.sibling.",
	} {
		names = append(names, n+"example.org.")
	}
	for _, edns := range []bool{false, true} {
		for _, name := range names {
			for _, typ := range []uint16{
				dns.TypeA, dns.TypeNS, dns.TypeCNAME, dns.TypeSOA, dns.TypePTR, dns.TypeMX, dns.TypeTXT, dns.TypeRP, dns.TypeAFSDB, dns.TypeAAAA, dns.TypeSRV,
				dns.TypeNAPTR, dns.TypeKX, dns.TypeDNAME, dns.TypeDS, dns.TypeSVCB, dns.TypeHTTPS, dns.TypeANY, dns.TypeCAA, 65280,
			} {
				q := query(t, name, typ)
				if edns {
					q = query(t, name, typ, withEDNS)
				}
				agreeWithPeers(t, e.Answer(e.NewScratch(), slices.Clone(q), client, nil), ask(t, e, q), name, typ, q, peers)
			}
		}
	}
}

// agreeWithPeers wants the peers, but those that are apart, to say the same, and no more octets than
// Knot where it says exactly this.
func agreeWithPeers(t *testing.T, mine []byte, got *dns.Msg, name string, typ uint16, q []byte, peers []peer) {
	t.Helper()
	for _, p := range peers {
		m, size := p.ask(t, q)
		switch {
		case part(m) == part(got):
			if p.name == "Knot" && dnstest.Show(m) == dnstest.Show(got) && len(mine) > size {
				t.Errorf("%s %s: %d octets, Knot needs %d", name, dns.TypeToString[typ], len(mine), size)
			}
		case !isApart(p.name, name, typ):
			t.Errorf("%s %s: %s\n%s says %s", name, dns.TypeToString[typ], part(got), p.name, part(m))
		}
	}
}

func isApart(peer, name string, typ uint16) bool {
	for _, a := range apart {
		if !slices.Contains(a.peers, peer) {
			continue
		}
		if a.typ != "" && a.typ == dns.TypeToString[typ] {
			return true
		}
		for n := range strings.FieldsSeq(a.names) {
			if rest := n + ".example.org."; name == rest || strings.HasSuffix(name, "."+rest) {
				return true
			}
		}
	}
	return false
}
