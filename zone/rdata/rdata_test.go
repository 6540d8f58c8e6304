package rdata_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var origin = zone.MustName("example.org.")

// samples has real RDATA of each type in presentation form, for origin example.org.
var samples = []struct{ typ, text string }{
	{"A", "192.0.2.1"},
	{"AAAA", "2001:db8::1"},
	{"AAAA", "::ffff:192.0.2.1"},
	{"NS", "ns1"},
	{"NS", "NS1.Example.NET."},
	{"CNAME", "@"},
	{"DNAME", `a\.b.\000c.example.`},
	{"PTR", "host.example."},
	{"MD", "host"},
	{"MF", "host"},
	{"MB", "host"},
	{"MG", "host"},
	{"MR", "host"},
	{"SOA", "ns1 hostmaster 2026112101 7200 900 1209600 300"},
	{"SOA", "ns1 hostmaster 2026112101 2h 15M 2w 5m"},
	{"MINFO", "a b"},
	{"HINFO", `"PC" "Linux 2.6"`},
	{"MX", "10 mail"},
	{"MX", "0 ."},
	{"TXT", `"v=spf1 -all"`},
	{"TXT", `one "two words" three\032words "\"q\\" ""`},
	{"SPF", `"v=spf1 -all"`},
	{"RP", "admin text"},
	{"AFSDB", "1 db"},
	{"RT", "1 relay"},
	{"KX", "1 kx"},
	{"LP", "1 l64"},
	{"X25", `"311061700956"`},
	{"NSAP-PTR", "x"},
	{"PX", "10 a b"},
	{"GPOS", `"-32.6882" "116.8652" "10.0"`},
	{"LOC", "51 30 12.748 N 0 7 39.612 W 0.00m 0.00m 0.00m 0.00m"},
	{"LOC", "42 21 54 N 71 06 18 W -24m 30m"},
	{"LOC", "52 14 05 N 00 08 50 E 10m"},
	{"LOC", "32 7 19 S 116 2 25 E 10m 90000000m 1m 2.5m"},
	{"SRV", "0 5 5060 sip"},
	{"NAPTR", `100 50 "s" "z3950+I2L+I2C" "" _z3950._tcp.gatech.edu.`},
	{"NAPTR", `100 10 "" "" "!^urn:cid:.+@([^\\.]+\\.)(.*)$!\\2!i" .`},
	{"CERT", "PKIX 12345 RSASHA256 AQIDBA=="},
	{"DS", "60485 5 1 2BB183AF5F22588179A53B0A 98631FAD1A292118"},
	{"CDS", "0 0 0 00"},
	{"DLV", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
	{"TA", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
	{"SSHFP", "2 1 123456789abcdef67890123456789abcdef67890"},
	{"RRSIG", "A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTr PYGv07h108dUKGMeDPKijVCHX3DDKdfb+v6o"},
	{"SIG", "A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WNGv8="},
	{"NSEC", "host A MX RRSIG NSEC TYPE1234"},
	{"NSEC", "."},
	{"DNSKEY", "256 3 5 AQPSKmynfzW4kyBv015MUG2DeIQ3 Cbl+BBZH4b/0PY1kxkmvHjcZc8no"},
	{"CDNSKEY", "0 3 0 AA=="},
	{"KEY", "256 3 5 AQPS"},
	{"RKEY", "256 3 5 AQPS"},
	{"NSEC3", "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX RRSIG DNSKEY NSEC3PARAM"},
	{"NSEC3", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr"},
	{"NSEC3PARAM", "1 0 12 aabbccdd"},
	{"NSEC3PARAM", "1 0 0 -"},
	{"TLSA", "3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971"},
	{"SMIMEA", "3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971"},
	{"OPENPGPKEY", "AQIDBA=="},
	{"CSYNC", "66 3 A NS AAAA"},
	{"ZONEMD", "2018031900 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D29711E55217057BEE 7EB1A7B641A47BA7FED2DD5B97AE499FAFA4F22C6BD647DE"},
	{"SVCB", "1 foo.example.com. port=53"},
	{"HTTPS", "0 svc.example.net."},
	{"HTTPS", `1 . alpn="h2,h3" ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1 ech=AQID mandatory=alpn,ipv4hint`},
	{"SVCB", `1 . alpn=h2 no-default-alpn dohpath=/dns-query{?dns} key65000=x`},
	{"URI", `10 1 "ftp://ftp1.example.com/public"`},
	{"CAA", `0 issue "ca1.example.net; account=230123"`},
	{"CAA", `128 tbs ""`},
	{"DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="},
	{"NINFO", `"text"`},
	{"AVC", `"app-name:WOLFGANG"`},
	{"RESINFO", `"qnamemin"`},
	{"TALINK", "a b"},
	{"UINFO", `"text"`},
	{"UID", "7"},
	{"GID", "7"},
	{"NID", "10 0014:4fff:ff20:ee64"},
	{"L32", "10 10.1.2.0"},
	{"L64", "10 2001:0DB8:1140:1000"},
	{"EUI48", "00-00-5e-00-53-2a"},
	{"EUI64", "00-00-5e-ef-10-00-00-2a"},
	{"APL", "1:192.168.32.0/21 !1:192.168.38.0/28"},
	{"IPSECKEY", "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="},
	{"IPSECKEY", "10 3 2 MyGateway.example.com. AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="},
	{"AMTRELAY", "10 0 3 amtrelays.example.com."},
	{"HIP", "2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p9+LrV4e19WzK00+CI6zBCQTdtWsuxKbWIy87UOoJTwkUs7lBu+Upr1gsNrut79ryra+bSRGQb1slImA8YVJyuIDsj7kwzG7jnERNqnWxZ48AWkskmdHaVDP4BcelrTI3rMXdXF5D rvs.example.com."},
	{"TYPE731", `\# 6 abcdef 012345`},
	{"TYPE62347", `\# 0`},
	{"A", `\# 4 0A000001`},
}

// TestAgreesWithMiekg packs each sample with miekg/dns and with this package and wants the same
// octets, then prints and reads back.
func TestAgreesWithMiekg(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		t.Run(s.typ+" "+s.text, func(t *testing.T) {
			t.Parallel()
			typ, err := zone.ParseType(s.typ)
			if err != nil {
				t.Fatal(err)
			}
			got, err := rdata.Parse(typ, s.text, origin)
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			text := rdata.Text(typ, got)
			back, err := rdata.Parse(typ, text, zone.Root)
			if err != nil || back != got {
				t.Errorf("Text gives %s, which is read as %x, %v; want %x", text, back, err, got)
			}
			if err := rdata.WellFormed(typ, got); err != nil {
				t.Errorf("WellFormed: %v", err)
			}
			rel := rdata.AppendText(nil, typ, got, origin)
			if back, err := rdata.Parse(typ, string(rel), origin); err != nil || back != got {
				t.Errorf("relative text %s is read as %x, %v; want %x", rel, back, err, got)
			}
			if strings.HasPrefix(text, `\#`) && !strings.HasPrefix(s.typ, "TYPE") {
				t.Errorf("Text gives %s; want its own form", text)
			}
			if s.typ == "GPOS" || s.typ == "X25" {
				return // miekg/dns takes their strings only without quotes, which RFC 1035 allows
			}
			want, ok := miekgWire(s.typ, s.text)
			if !ok {
				t.Fatalf("miekg/dns does not read %s %s", s.typ, s.text)
			}
			if want, err = lowerNames(typ, want); err != nil || want != got {
				t.Errorf("got %x, miekg/dns %x, %v", got, want, err)
			}
			if theirs, ok := miekgWire(s.typ, text); ok {
				if theirs, _ = lowerNames(typ, theirs); theirs != got {
					t.Errorf("miekg/dns reads %s as %x; want %x", text, theirs, got)
				}
			} else {
				t.Errorf("miekg/dns does not read our text %s", text)
			}
		})
	}
}

// lowerNames brings names, which miekg/dns leaves in their case, to lower case.
func lowerNames(typ zone.Type, wire zone.Data) (zone.Data, error) {
	return rdata.Canonical(typ, []byte(wire))
}

func miekgWire(typ, text string) (zone.Data, bool) {
	zp := dns.NewZoneParser(strings.NewReader(". 0 IN "+typ+" "+text+"\n"), "example.org.", "")
	rr, ok := zp.Next()
	if !ok || zp.Err() != nil {
		return "", false
	}
	buf := make([]byte, 70000)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return "", false
	}
	return zone.Data(buf[11:n]), true
}

// RFC 9460, appendix D: test vectors.
func TestServiceBindingVectors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, wire string }{
		{`0 foo.example.com.`, "000003666f6f076578616d706c6503636f6d00"},
		{`1 .`, "000100"},
		{`16 foo.example.com. port=53`, "001003666f6f076578616d706c6503636f6d00000300020035"},
		{`1 foo.example.com. key667=hello`, "000103666f6f076578616d706c6503636f6d00029b000568656c6c6f"},
		{`1 foo.example.com. key667="hello\210qoo"`, "000103666f6f076578616d706c6503636f6d00029b000968656c6c6fd2716f6f"},
		{`1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"`, "000103666f6f076578616d706c6503636f6d000006002020010db800000000000000000000000120010db8000000000000000000530001"},
		{`1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33"`, "0001076578616d706c6503636f6d00000600102001" + "0db8012203440000" + "0000c0000221"},
		{`16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1`, "001003666f6f076578616d706c65036f7267000000000400010004000100090268320568332d313900040004c0000201"},
		{`16 foo.example.org. alpn="f\\\\oo\\,bar,h2"`, "001003666f6f076578616d706c65036f726700000100" + "0c" + "08665c6f6f2c626172026832"},
		{`16 foo.example.org. alpn=f\\\092oo\092,bar,h2`, "001003666f6f076578616d706c65036f726700000100" + "0c" + "08665c6f6f2c626172026832"},
	} {
		got, err := rdata.Parse(zone.TypeSVCB, c.text, zone.Root)
		if err != nil || hex.EncodeToString([]byte(got)) != c.wire {
			t.Errorf("%s: got %x, %v; want %s", c.text, got, err, c.wire)
		}
		if back, err := rdata.Parse(zone.TypeSVCB, rdata.Text(zone.TypeSVCB, got), zone.Root); err != nil || back != got {
			t.Errorf("%s: printed as %s, read as %x, %v", c.text, rdata.Text(zone.TypeSVCB, got), back, err)
		}
	}
	for _, text := range []string{
		`1 foo.example.com. ( key123=abc key123=def )`, `1 foo.example.com. mandatory`, `1 foo.example.com. alpn`,
		`1 foo.example.com. port`, `1 foo.example.com. ipv4hint`, `1 foo.example.com. ipv6hint`,
		`1 foo.example.com. no-default-alpn=abc`, `1 foo.example.com. mandatory=key123`,
		`1 foo.example.com. mandatory=mandatory`, `1 foo.example.com. ( mandatory=key123,key123 key123=abc )`,
	} {
		if d, err := rdata.Parse(zone.TypeSVCB, text, zone.Root); err == nil {
			t.Errorf("%s is accepted as %x", text, d)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, text, want string }{
		{"A", "192.0.2.256", `A address "192.0.2.256" is no IPv4 address`},
		{"A", "2001:db8::1", `A address "2001:db8::1" is no IPv4 address`},
		{"A", "", `A address is missing`},
		{"A", "192.0.2.1 192.0.2.2", `A has more fields than it may; "192.0.2.2" is left over`},
		{"AAAA", "fe80::1%eth0", `AAAA address "fe80::1%eth0" is no IPv6 address`},
		{"MX", "ten mail", `MX preference "ten" is no number from 0 to 65535`},
		{"MX", "65536 mail", `MX preference "65536" is no number from 0 to 65535`},
		{"MX", "10", `MX exchange is missing`},
		{"MX", "10 a..b", `MX exchange: name "a..b": empty label`},
		{"TXT", "", `TXT text is missing`},
		{"TXT", `"open`, `TXT quoted string "\"open" has no end`},
		{"TXT", `a\25`, `TXT text "a\\25" is malformed: a backslash and a digit must be followed by two more digits, \000 to \255`},
		{"DS", "1 8 2 abc", `DS digest "abc" has an odd number of hexadecimal digits`},
		{"DS", "1 8 2 xy", `DS digest "xy" is not hexadecimal`},
		{"DNSKEY", "256 3 8 !", `DNSKEY public key "!" is no Base64`},
		{"CAA", `0 is-sue "x"`, `CAA tag "is-sue" is not made of 1 to 255 letters and digits`},
		{"SOA", "a b 1 2 3 4", `SOA minimum is missing`},
		{"SOA", "a b 1 2x 3 4 5", `SOA refresh "2x" is no number of seconds from 0 to 4294967295, nor a time such as 1h30m`},
		{"LOC", "91 N 0 E 0m", `LOC latitude "91" is not of the form degrees [minutes [seconds]] N or S`},
		{"RRSIG", "A 8 2 300 20261301000000 0 1 . AA==", `RRSIG expiration "20261301000000" is no time of the form YYYYMMDDHHmmSS, nor a number of seconds`},
		{"A", `\# 5 0a000001`, `A RDATA length is given as 5, but 4 octets follow`},
		{"A", `\# 3 0a0000`, `A RDATA in hexadecimal is malformed: A address: RDATA ends too early`},
		{"WKS", `10.0.0.1 tcp`, `WKS has no text form that zonecast knows; write \# length hexadecimal (RFC 3597)`},
	} {
		typ, err := zone.ParseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		d, err := rdata.Parse(typ, c.text, origin)
		if err == nil {
			t.Errorf("%s %s: accepted as %x", c.typ, c.text, d)
			continue
		}
		if diff := cmp.Diff(c.want, err.Error()); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.typ, c.text, diff)
		}
	}
}
