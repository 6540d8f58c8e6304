package dnstest

import "github.com/miekg/dns"

// Example is the zone example.org. of Examples, with one of everything that makes
// an answer out of the ordinary: aliases, wildcards, delegations, DNAME, empty
// non-terminals, and names whose addresses belong into an answer.
const Example = `
@ 3600 SOA ns1 hostmaster 1 7200 900 1209600 300
@ 3600 NS ns1
@ 3600 NS ns2.example.net.
@ 300 MX 10 mail
@ 300 MX 20 mail.example.net.
ns1 300 A 192.0.2.1
mail 300 A 192.0.2.25
mail 300 AAAA 2001:db8::25
www 300 A 192.0.2.10
www 300 AAAA 2001:db8::10
a.b.deep 300 A 192.0.2.11
alias 60 CNAME www
chain 60 CNAME alias
gone 60 CNAME nothing
away 60 CNAME www.elsewhere.example.
over 60 CNAME www.example.net.
loop 60 CNAME pool
pool 60 CNAME loop
*.wild 300 TXT "star"
x.wild 300 A 192.0.2.12
*.aliased 60 CNAME www
sub 300 NS ns.sub
sub 300 NS ns.other
sub 300 DS 12345 13 2 1F8188345DBD5A0D1C2B9B6B5EA6A1A1F8188345DBD5A0D1C2B9B6B5EA6A1A12
ns.sub 300 A 192.0.2.53
other 300 NS ns.other
ns.other 300 AAAA 2001:db8::53
old 300 DNAME new.example.org.
host.new 300 A 192.0.2.13
_sip._tcp 300 SRV 1 2 5060 www
_sip._tcp 300 SRV 0 0 0 .
svc 300 HTTPS 0 target
target 300 HTTPS 1 . alpn=h2
target 300 A 192.0.2.14
`

// ExampleNet is the zone example.net. of Examples, where some of the aliases lead.
const ExampleNet = `
@ 3600 SOA ns1.example.org. hostmaster 1 7200 900 1209600 300
@ 3600 NS ns1.example.org.
www 300 A 198.51.100.1
`

// Examples are zones by origin that Answers are about.
var Examples = map[string]string{
	"example.org.":           Example,
	"example.net.":           ExampleNet,
	"child.www.example.org.": "@ 60 SOA ns1 hostmaster 1 7200 900 1209600 30\n@ 60 NS ns1\n@ 60 A 192.0.2.77\n",
}

// A Case is a question about Examples and the answer, in the form of Show.
type Case struct{ Name, Type, Want string }

// Qtype is the number of the type that is asked for.
func (c Case) Qtype() uint16 {
	if c.Type == "TYPE128" { // a meta type that nobody knows
		return 128
	}
	return dns.StringToType[c.Type]
}

const soa = "\nau example.org. 300 soa ns1.example.org. hostmaster.example.org. 1 7200 900 1209600 300"

// Answers are what every way to serve Examples must give: asked over UDP, without
// EDNS.
var Answers = []Case{
	{"www.example.org.", "A", "NOERROR aa\nan www.example.org. 300 a 192.0.2.10"},
	{"wWw.eXample.org.", "AAAA", "NOERROR aa\nan www.example.org. 300 aaaa 2001:db8::10"},
	{"www.example.org.", "MX", "NOERROR aa" + soa},
	{"b.deep.example.org.", "A", "NOERROR aa" + soa},
	{"nothing.example.org.", "A", "NXDOMAIN aa" + soa},
	{"a.b.c.d.nothing.example.org.", "A", "NXDOMAIN aa" + soa},
	{"chain.example.org.", "A", "NOERROR aa\nan alias.example.org. 60 cname www.example.org.\nan chain.example.org. 60 cname alias.example.org.\nan www.example.org. 300 a 192.0.2.10"},
	{"alias.example.org.", "CNAME", "NOERROR aa\nan alias.example.org. 60 cname www.example.org."},
	{"gone.example.org.", "A", "NXDOMAIN aa\nan gone.example.org. 60 cname nothing.example.org." + soa},
	{"alias.example.org.", "MX", "NOERROR aa\nan alias.example.org. 60 cname www.example.org." + soa},
	{"away.example.org.", "A", "NOERROR aa\nan away.example.org. 60 cname www.elsewhere.example."},
	{"over.example.org.", "A", "NOERROR aa\nan over.example.org. 60 cname www.example.net.\nan www.example.net. 300 a 198.51.100.1"},
	{"loop.example.org.", "A", "NOERROR aa\nan loop.example.org. 60 cname pool.example.org.\nan pool.example.org. 60 cname loop.example.org."},
	{"q.wild.example.org.", "TXT", "NOERROR aa\nan q.wild.example.org. 300 txt \"star\""},
	{"q.r.wild.example.org.", "TXT", "NOERROR aa\nan q.r.wild.example.org. 300 txt \"star\""},
	{"*.wild.example.org.", "TXT", "NOERROR aa\nan *.wild.example.org. 300 txt \"star\""},
	{"q.wild.example.org.", "A", "NOERROR aa" + soa},
	{"x.wild.example.org.", "TXT", "NOERROR aa" + soa},
	{"q.x.wild.example.org.", "TXT", "NXDOMAIN aa" + soa},
	{"wild.example.org.", "TXT", "NOERROR aa" + soa},
	{"q.aliased.example.org.", "A", "NOERROR aa\nan q.aliased.example.org. 60 cname www.example.org.\nan www.example.org. 300 a 192.0.2.10"},
	{"sub.example.org.", "A", "NOERROR\nau sub.example.org. 300 ns ns.other.example.org.\nau sub.example.org. 300 ns ns.sub.example.org.\nad ns.other.example.org. 300 aaaa 2001:db8::53\nad ns.sub.example.org. 300 a 192.0.2.53"},
	{"x.y.sub.example.org.", "A", "NOERROR\nau sub.example.org. 300 ns ns.other.example.org.\nau sub.example.org. 300 ns ns.sub.example.org.\nad ns.other.example.org. 300 aaaa 2001:db8::53\nad ns.sub.example.org. 300 a 192.0.2.53"},
	{"ns.sub.example.org.", "A", "NOERROR\nau sub.example.org. 300 ns ns.other.example.org.\nau sub.example.org. 300 ns ns.sub.example.org.\nad ns.other.example.org. 300 aaaa 2001:db8::53\nad ns.sub.example.org. 300 a 192.0.2.53"},
	{"sub.example.org.", "DS", "NOERROR aa\nan sub.example.org. 300 ds 12345 13 2 1f8188345dbd5a0d1c2b9b6b5ea6a1a1f8188345dbd5a0d1c2b9b6b5ea6a1a12"},
	{"other.example.org.", "DS", "NOERROR aa" + soa},
	{"host.old.example.org.", "A", "NOERROR aa\nan host.new.example.org. 300 a 192.0.2.13\nan host.old.example.org. 300 cname host.new.example.org.\nan old.example.org. 300 dname new.example.org."},
	{"old.example.org.", "DNAME", "NOERROR aa\nan old.example.org. 300 dname new.example.org."},
	{"child.www.example.org.", "A", "NOERROR aa\nan child.www.example.org. 60 a 192.0.2.77"},
	{"child.www.example.org.", "DS", "NXDOMAIN aa" + soa},
	{"example.org.", "MX", "NOERROR aa\nan example.org. 300 mx 10 mail.example.org.\nan example.org. 300 mx 20 mail.example.net.\nad mail.example.org. 300 a 192.0.2.25\nad mail.example.org. 300 aaaa 2001:db8::25"},
	{"example.org.", "NS", "NOERROR aa\nan example.org. 3600 ns ns1.example.org.\nan example.org. 3600 ns ns2.example.net.\nad ns1.example.org. 300 a 192.0.2.1"},
	{"_sip._tcp.example.org.", "SRV", "NOERROR aa\nan _sip._tcp.example.org. 300 srv 0 0 0 .\nan _sip._tcp.example.org. 300 srv 1 2 5060 www.example.org.\nad www.example.org. 300 a 192.0.2.10\nad www.example.org. 300 aaaa 2001:db8::10"},
	{"svc.example.org.", "HTTPS", "NOERROR aa\nan svc.example.org. 300 https 0 target.example.org.\nad target.example.org. 300 a 192.0.2.14\nad target.example.org. 300 https 1 . alpn=\"h2\""},
	{"target.example.org.", "HTTPS", "NOERROR aa\nan target.example.org. 300 https 1 . alpn=\"h2\"\nad target.example.org. 300 a 192.0.2.14"},
	{"www.example.org.", "ANY", "NOERROR aa\nan www.example.org. 300 a 192.0.2.10"},
	{"www.elsewhere.example.", "A", "REFUSED"},
	{"example.org.", "AXFR", "REFUSED"},
	{"example.org.", "TYPE128", "FORMERR"},
	{".", "NS", "REFUSED"},
}
