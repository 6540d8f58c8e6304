package nameserver_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/zone"
)

func TestClientSubnet(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	e.ClientSubnet = true
	for _, c := range []struct {
		what, content string // family, source, scope, address
		rcode         int
	}{
		{"IPv4 /24", "00011800c00002", 0},
		{"IPv4 /32", "00012000c0000201", 0},
		{"IPv4 /20", "00011400c00010", 0},
		{"IPv4 /1", "0001010080", 0},
		{"IPv4, not told", "00010000", 0},
		{"IPv6 /56", "0002380020010db8000100", 0},
		{"IPv6 /128", "0002800020010db8000000000000000000000001", 0},
		{"IPv6, not told", "00020000", 0},
		{"no family, not told", "00000000", 0},
		{"nothing at all", "", dns.RcodeFormatError},
		{"three octets", "000118", dns.RcodeFormatError},
		{"no family", "00001800c00002", dns.RcodeFormatError},
		{"an unknown family", "00030000", dns.RcodeFormatError},
		{"a large family", "01011800c00002", dns.RcodeFormatError},
		{"IPv4 /33", "00012100c000020100", dns.RcodeFormatError},
		{"IPv6 /129", "0002810020010db800000000000000000000000100", dns.RcodeFormatError},
		{"too few octets", "00011800c000", dns.RcodeFormatError},
		{"too many octets", "00011800c0000200", dns.RcodeFormatError},
		{"an address without a prefix", "00010000c0", dns.RcodeFormatError},
		{"bits behind the prefix", "00011400c00018", dns.RcodeFormatError},
		{"one bit behind the prefix", "00011700c00003", dns.RcodeFormatError},
		{"a scope in the question", "00011818c00002", dns.RcodeFormatError},
	} {
		want := "0008" + hexLen(c.content) + c.content
		if c.rcode != 0 {
			want = ""
		}
		for name, rcode := range map[string]int{
			"www.example.org.": 0, "nothing.example.org.": dns.RcodeNameError, "example.org.": 0, "x.sub.example.org.": 0, "elsewhere.example.": dns.RcodeRefused,
		} {
			q := query(t, name, dns.TypeA, options(raw(t, 8, c.content)))
			out := e.Answer(e.NewScratch(), q, client, nil)
			extended := ""
			if c.rcode != 0 {
				rcode = c.rcode
			} else if rcode == dns.RcodeRefused {
				extended = "000f00020014"
			}
			if got := optOf(t, out); got != extended+want {
				t.Errorf("%s: options of %s are %s, want %s", c.what, name, got, extended+want)
			}
			if m := ask(t, e, q); m.Rcode != rcode {
				t.Errorf("%s: %s, want %s", c.what, m, dns.RcodeToString[rcode])
			}
		}
		// Whoever does not make use of subnets ignores them, right or wrong (RFC 7871, section 7.2.1).
		off := &nameserver.Engine{}
		off.Zones.Put(e.Zones.Find(zone.MustName("example.org.")))
		out := off.Answer(off.NewScratch(), query(t, "www.example.org.", dns.TypeA, options(raw(t, 8, c.content))), client, nil)
		if got := optOf(t, out); got != "" || out[3]&15 != 0 {
			t.Errorf("%s, switched off: RCODE %d, options %s; want 0 and none", c.what, out[3]&15, got)
		}
	}
	if got := optOf(t, e.Answer(e.NewScratch(), query(t, "www.example.org.", dns.TypeA, withEDNS), client, nil)); got != "" {
		t.Errorf("nobody told a subnet: options %s, want none", got)
	}
	first := query(t, "www.example.org.", dns.TypeA, options(raw(t, 8, "00011800c00002"), raw(t, 8, "000108000a")))
	if got, want := optOf(t, e.Answer(e.NewScratch(), first, client, nil)), "0008000700011800c00002"; got != want {
		t.Errorf("two subnets: options %s, want %s, the first", got, want)
	}
}

func hexLen(content string) string { return fmt.Sprintf("%04x", len(content)/2) }

// pickBySubnet answers by the subnet where there is one, with the scope that it goes by: a /16 of its
// own, a /20 that wants to know more, nothing for 203.0.113.0/24, one record for all others.
func pickBySubnet(c *nameserver.Choice, picked []uint16) []uint16 {
	if !c.Subnet.IsValid() {
		return append(picked, 0)
	}
	c.Scope = 24
	switch a := c.Subnet.Addr(); {
	case netip.MustParsePrefix("10.1.0.0/16").Contains(a):
		c.Scope = 16
		return append(picked, 1)
	case netip.MustParsePrefix("203.0.113.0/24").Contains(a):
		return picked
	case a.Is6():
		c.Scope = 200 // more than there is
		return append(picked, 2)
	case c.Policy == 8: // aliases are for all
		c.Scope = 0
	}
	return append(picked, 0)
}

func TestSteerBySubnet(t *testing.T) {
	t.Parallel()
	e := steeredEngine(t)
	e.Rotate, e.Steer, e.ClientSubnet = false, pickBySubnet, true
	const soa = "\nau example.org. 300 soa ns1.example.org. hostmaster.example.org. 1 7200 900 1209600 300"
	for _, c := range []struct {
		name, subnet string
		typ          uint16
		scope        int
		want         string
	}{
		{"www.example.org.", "10.1.2.0/24", dns.TypeA, 16, "NOERROR aa\nan www.example.org. 3600 a 192.0.2.2"},
		{"www.example.org.", "10.1.0.0/16", dns.TypeA, 16, "NOERROR aa\nan www.example.org. 3600 a 192.0.2.2"},
		{"www.example.org.", "10.9.0.0/20", dns.TypeA, 24, "NOERROR aa\nan www.example.org. 3600 a 192.0.2.1"},
		{"www.example.org.", "2001:db8::/56", dns.TypeA, 128, "NOERROR aa\nan www.example.org. 3600 a 192.0.2.3"},
		{"www.example.org.", "203.0.113.0/24", dns.TypeA, 24, "NOERROR aa" + soa},
		{"www.example.org.", "0.0.0.0/0", dns.TypeA, 0, "NOERROR aa\nan www.example.org. 3600 a 192.0.2.1"},
		// The longest scope of a chain.
		{"cdn.example.org.", "10.9.0.0/24", dns.TypeA, 24, "NOERROR aa\nan cdn.example.org. 3600 cname one.example.org.\nan one.example.org. 3600 a 192.0.2.11"},
		{"x.wild.example.org.", "10.1.0.0/16", dns.TypeA, 16, "NOERROR aa\nan x.wild.example.org. 3600 a 192.0.2.22"},
		// What is the same for all, and addresses beside an answer.
		{"www.example.org.", "10.1.2.0/24", dns.TypeTXT, 0, "NOERROR aa\nan www.example.org. 3600 txt \"not steered\""},
		{"nothing.example.org.", "10.1.2.0/24", dns.TypeA, 0, "NXDOMAIN aa" + soa},
		{"example.org.", "10.1.2.0/24", dns.TypeMX, 0, "NOERROR aa\nan example.org. 3600 mx 10 www.example.org.\nad www.example.org. 3600 a 192.0.2.1"},
	} {
		p := netip.MustParsePrefix(c.subnet)
		o := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice()}
		if p.Addr().Is6() {
			o.Family = 2
		}
		m := ask(t, e, query(t, c.name, c.typ, options(o)))
		if got := dnstest.Show(m); got != c.want {
			t.Errorf("%s %s for %s: %s\nwant %s", c.name, dns.TypeToString[c.typ], c.subnet, got, c.want)
		}
		got, ok := optionOf[*dns.EDNS0_SUBNET](m)
		if !ok || int(got.SourceScope) != c.scope || got.SourceNetmask != o.SourceNetmask || got.Family != o.Family || !got.Address.Equal(o.Address) {
			t.Errorf("%s %s for %s: subnet %v, want scope %d", c.name, dns.TypeToString[c.typ], c.subnet, got, c.scope)
		}
	}
	// Switched off, nobody is told of subnets.
	e.ClientSubnet = false
	o := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 16, Address: netip.MustParseAddr("10.1.0.0").AsSlice()}
	m := ask(t, e, query(t, "www.example.org.", dns.TypeA, options(o)))
	if got, want := dnstest.Show(m), "NOERROR aa\nan www.example.org. 3600 a 192.0.2.1"; got != want || len(m.IsEdns0().Option) != 0 {
		t.Errorf("switched off: %s, want %s and no options", m, want)
	}
}

func TestSteerBySubnetAllocatesNothing(t *testing.T) {
	e := steeredEngine(t)
	e.Steer, e.ClientSubnet = pickBySubnet, true
	s, dst := e.NewScratch(), make([]byte, 0, 4096)
	for _, content := range []string{"000110000a01", "0002380020010db8000100", "00010000", "000118"} {
		q := query(t, "cdn.example.org.", dns.TypeA, options(raw(t, 8, content)))
		if n := testing.AllocsPerRun(100, func() { e.Answer(s, q, client, dst) }); n != 0 {
			t.Errorf("%s: %v allocations", content, n)
		}
	}
}

// TestSubnetsOfClients lets clients that people use tell subnets.
func TestSubnetsOfClients(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	e.ClientSubnet = true
	port := strconv.Itoa(int(serveUDP(t, e).Port()))
	for _, c := range []struct{ what, deb, args, want string }{
		{"dig, IPv4", "bind9-dnsutils", "dig +subnet=192.0.2.0/24", "CLIENT-SUBNET: 192.0.2.0/24/0"},
		{"dig, IPv6", "bind9-dnsutils", "dig +subnet=2001:db8::/48", "CLIENT-SUBNET: 2001:db8::/48/0"},
		{"dig, none", "bind9-dnsutils", "dig +subnet=0", "CLIENT-SUBNET: 0.0.0.0/0/0"},
		{"kdig", "knot-dnsutils", "kdig +subnet=192.0.2.128/25", "SUBNET: 192.0.2.128/25/0"},
	} {
		args := strings.Fields(c.args)
		args = append(args, "@127.0.0.1", "-p", port, "+tries=30", "www.example.org", "A")
		if args[0] == "kdig" {
			args[5] = "+retry=30"
		}
		out, err := exec.CommandContext(t.Context(), program(t, args[0], c.deb), args[1:]...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) || !strings.Contains(string(out), "NOERROR") {
			t.Errorf("%s: %v, want %q in\n%s", c.what, err, c.want, out)
		}
	}
}
