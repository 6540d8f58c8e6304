package nameserver_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/testserver"
)

// additionalText has its name servers elsewhere, so that what BIND adds for them does not disturb.
const additionalText = `
@ 3600 SOA ns.elsewhere.example. hostmaster 1 7200 900 1209600 300
@ 3600 NS ns.elsewhere.example.
@ 300 MX 10 mail
@ 300 MX 20 both.mail
@ 300 MX 30 mail.elsewhere.example.
mail 300 A 192.0.2.25
both.mail 300 A 192.0.2.26
both.mail 300 AAAA 2001:db8::26
_sip._tcp 300 SRV 1 2 5060 sip
_sip._tcp 300 SRV 2 2 5061 both.mail
_no._tcp 300 SRV 0 0 0 .
sip 300 A 192.0.2.27
sip 300 AAAA 2001:db8::27
@ 300 NAPTR 10 10 "s" "SIP+D2T" "" _sip._tcp
@ 300 NAPTR 15 10 "S" "SIPS+D2T" "" _sip._tcp
@ 300 NAPTR 20 10 "A" "x" "" sip
@ 300 NAPTR 30 10 "u" "E2U+sip" "!^.*$!sip:info@example.org!" .
@ 300 NAPTR 40 10 "" "y" "" both.mail
@ 300 AFSDB 1 both.mail
@ 300 RT 10 mail
@ 300 KX 10 sip
@ 300 RP who.mail both.mail
web 300 HTTPS 1 both.mail alpn=h2
web 300 HTTPS 2 . alpn=h3
web 300 A 192.0.2.28
_dns 300 SVCB 1 sip alpn=dot
`

// TestAdditionalAsBIND wants the additional section that BIND gives when it is not told to be brief.
func TestAdditionalAsBIND(t *testing.T) {
	t.Parallel()
	zones := map[string]string{"example.org.": additionalText}
	p := peer{"BIND", testserver.BIND(t, testserver.BINDOptions{
		Zones: zones, Options: "minimal-responses no;", ZoneOptions: "check-names ignore;",
	}).Addr}
	e := engine(t, zones)
	for _, c := range []struct {
		name, typ string
		want      int // records
	}{
		{"", "MX", 3},
		{"_sip._tcp.", "SRV", 4},
		{"_no._tcp.", "SRV", 0},
		{"", "NAPTR", 6},
		{"", "AFSDB", 2},
		{"", "RT", 1},
		{"", "KX", 2},
		{"", "RP", 0},
		{"web.", "HTTPS", 3},
		{"_dns.", "SVCB", 2},
	} {
		q := query(t, c.name+"example.org.", dns.StringToType[c.typ], withEDNS)
		theirs, _ := p.ask(t, q)
		got, want := extras(ask(t, e, q)), extras(theirs)
		if !slices.Equal(got, want) || len(got) != c.want {
			t.Errorf("%s %s: %d records\n%s\nwant %d; BIND has\n%s", c.name, c.typ, len(got), strings.Join(got, "\n"), c.want, strings.Join(want, "\n"))
		}
	}
}

// extras are the records of the additional section, in order.
func extras(m *dns.Msg) (list []string) {
	for _, r := range m.Extra {
		if r.Header().Rrtype != dns.TypeOPT {
			list = append(list, strings.ToLower(r.String()))
		}
	}
	slices.Sort(list)
	return list
}
