package serve_test

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/serve"
	"github.com/zonecast/zonecast/zone"
)

// TestCommonProblems asks a running server all that RFC 8906, section 8, wants name servers tested
// with.
func TestCommonProblems(t *testing.T) {
	t.Parallel()
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1")})
	_, addr, _ := start(t, serve.Options{Content: serve.Content{Folders: folder(h.dir)}, NSID: "ns1"}, nil)
	edns := func(size uint16, version uint8, flags uint32, opts ...dns.EDNS0) func(*dns.Msg) {
		return func(m *dns.Msg) {
			m.SetEdns0(size, false)
			o := m.IsEdns0()
			o.SetVersion(version)
			o.Hdr.Ttl |= flags
			o.Option = opts
		}
	}
	unknown := &dns.EDNS0_LOCAL{Code: 100, Data: []byte("x")}
	const soa, none = true, false
	for _, c := range []struct {
		what    string
		ask     func(*dns.Msg)
		rcode   int
		soa     bool // is the answer
		options int  // of the answer's OPT; -1: there is none
	}{
		{"8.1.1 is the zone served", func(*dns.Msg) {}, dns.RcodeSuccess, soa, -1},
		{"8.1.2 unknown type", func(m *dns.Msg) { m.Question[0].Qtype = 1000 }, dns.RcodeSuccess, none, -1},
		{"8.1.3.1 CD", func(m *dns.Msg) { m.CheckingDisabled = true }, dns.RcodeSuccess, soa, -1},
		{"8.1.3.2 Z", func(m *dns.Msg) { m.Zero = true }, dns.RcodeSuccess, soa, -1},
		{"8.1.3.3 RD", func(m *dns.Msg) { m.RecursionDesired = true }, dns.RcodeSuccess, soa, -1},
		{"8.1.3.4 AD", func(m *dns.Msg) { m.AuthenticatedData = true }, dns.RcodeSuccess, soa, -1},
		{"8.1.4 unknown opcode", func(m *dns.Msg) { m.Opcode, m.Question = 15, nil }, dns.RcodeNotImplemented, none, -1},
		{"8.2.1 EDNS", edns(1232, 0, 0), dns.RcodeSuccess, soa, 0},
		{"8.2.2 EDNS of another version", edns(1232, 1, 0), dns.RcodeBadVers, none, 0},
		{"8.2.3 unknown option", edns(1232, 0, 0, unknown), dns.RcodeSuccess, soa, 0},
		{"8.2.4 unknown flag", edns(1232, 0, 0x40), dns.RcodeSuccess, soa, 0},
		{"8.2.5 version and flag", edns(1232, 1, 0x40), dns.RcodeBadVers, none, 0},
		{"8.2.6 version and option", edns(1232, 1, 0, unknown), dns.RcodeBadVers, none, 0},
		{"8.2.7 512 octets", edns(512, 0, 0x8000), dns.RcodeSuccess, soa, 0},
		{"8.2.8 DO", edns(1232, 0, 0x8000), dns.RcodeSuccess, soa, 0},
		{"8.2.9 version and DO", edns(1232, 1, 0x8000), dns.RcodeBadVers, none, 0},
		{"8.2.10 options that are defined", edns(1232, 0, 0, // NSID and cookie are answered
			&dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"},
			&dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true},
			&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: netip.MustParseAddr("192.0.2.0").AsSlice()},
		), dns.RcodeSuccess, soa, 2},
	} {
		for _, network := range []string{"udp", "tcp"} { // 8.1.5, 8.3
			m := new(dns.Msg)
			m.SetQuestion("a.example.", dns.TypeSOA)
			m.RecursionDesired = false
			c.ask(m)
			r, _, err := (&dns.Client{Net: network, Timeout: patience.Limit}).Exchange(m, addr)
			if err != nil {
				t.Errorf("%s, %s: %v", c.what, network, err)
				continue
			}
			if o := r.IsEdns0(); o == nil != (c.options < 0) || o != nil && (o.Version() != 0 || len(o.Option) != c.options || o.Hdr.Ttl&0x7FFF != 0) {
				t.Errorf("%s, %s: OPT %v; want version 0, no unknown flag, %d options", c.what, network, o, c.options)
			}
			answered := len(r.Answer) == 1 && r.Answer[0].Header().Rrtype == dns.TypeSOA
			if r.Rcode != c.rcode || answered != c.soa || r.Authoritative != (r.Rcode == dns.RcodeSuccess) || r.Zero || r.Truncated || r.RecursionAvailable || r.AuthenticatedData {
				t.Errorf("%s, %s: %s; want %s, SOA as the answer: %t", c.what, network, r, dns.RcodeToString[c.rcode], c.soa)
			}
		}
	}
}

// TestWhatClientsShow lets the clients that people use ask a running server, and reads what they say.
func TestWhatClientsShow(t *testing.T) {
	t.Parallel()
	var big strings.Builder
	for i := range 20 {
		big.WriteString("many TXT " + strings.Repeat(string(rune('a'+i)), 200) + "\n")
	}
	h := newHouse(t, map[string]string{"a.example.zone": text(1, "192.0.2.1") + big.String()})
	agent, err := nameserver.NewReports(zone.MustName("er.example.net."))
	if err != nil {
		t.Fatal(err)
	}
	_, addr, _ := start(t, serve.Options{Content: serve.Content{Folders: folder(h.dir)}, NSID: "ns1", Reports: agent, ClientSubnet: true}, nil)
	port := addr[strings.LastIndexByte(addr, ':')+1:]
	for _, c := range []struct {
		what string
		args []string
		want []string
	}{
		{"cookie (RFC 7873)", []string{"dig", "a.example", "SOA"}, []string{"NOERROR", "(good)", "udp: 1232"}},
		{"a cookie without a question (RFC 7873, section 5.4)", []string{"dig", "+header-only"}, []string{"NOERROR", "QUERY: 0", "(good)"}},
		{"NSID (RFC 5001)", []string{"dig", "+nsid", "a.example", "SOA"}, []string{`("ns1")`}},
		{"extended error (RFC 8914)", []string{"dig", "elsewhere.example", "A"}, []string{"REFUSED", "EDE: 20 (Not Authoritative)"}},
		{"zone version (RFC 9660)", []string{"dig", "+ednsopt=19", "www.a.example", "A"}, []string{"OPT=19: 02 00 00 00 00 01"}},
		{"agent domain (RFC 9567)", []string{"dig", "a.example", "SOA"}, []string{"OPT=18: 02 65 72 07 65 78 61 6d 70 6c 65 03 6e 65 74 00"}},
		{"client subnet (RFC 7871)", []string{"dig", "+subnet=2001:db8::/56", "a.example", "SOA"}, []string{"CLIENT-SUBNET: 2001:db8::/56/0"}},
		{"extended error of a transfer", []string{"dig", "+noall", "+comments", "+ednsopt=0", "a.example", "IXFR=1"}, []string{"REFUSED", "EDE: 18 (Prohibited)"}},
		{"idle time (RFC 7828)", []string{"dig", "+tcp", "+keepalive", "a.example", "SOA"}, []string{"TCP KEEPALIVE: 10.0 secs"}},
		{"truncation and TCP (RFC 7766)", []string{"dig", "many.a.example", "TXT"}, []string{"Truncated, retrying in TCP mode", "ANSWER: 20", "(TCP)"}},
		{"several questions over one connection", []string{"dig", "+tcp", "+keepopen", "@127.0.0.1", "a.example", "SOA", "@127.0.0.1", "a.example", "NS"}, []string{"h.example.net. 1 7200", "NS\tns1.example.net.", "(TCP)"}},
		{"case of the question (0x20)", []string{"dig", "A.eXaMpLe", "SOA"}, []string{";A.eXaMpLe."}},
		{"version (CHAOS)", []string{"dig", "version.bind", "TXT", "CH"}, []string{"REFUSED"}},
		{"ANY (RFC 8482)", []string{"dig", "+notcp", "a.example", "ANY"}, []string{"NOERROR", "(UDP)"}},
		{"kdig: cookie, NSID, DO", []string{"kdig", "+cookie", "+nsid", "+dnssec", "a.example", "SOA"}, []string{"NOERROR", "flags: do", `NSID: 6E7331 "ns1"`, "COOKIE: "}},
		{"drill", []string{"drill", "-D", "a.example", "SOA"}, []string{"NOERROR", "flags: qr aa", "EDNS: version 0; flags: do"}},
	} {
		if _, err := exec.LookPath(c.args[0]); err != nil {
			t.Logf("%s is not installed", c.args[0])
			continue
		}
		args := append([]string{"@127.0.0.1", "-p", port}, c.args[1:]...)
		out, err := exec.CommandContext(t.Context(), c.args[0], args...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %s %s: %v\n%s", c.what, c.args[0], strings.Join(args, " "), err, out)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: %s %s: want %q in\n%s", c.what, c.args[0], strings.Join(args, " "), want, out)
			}
		}
	}
}
