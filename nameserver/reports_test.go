package nameserver_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/zone"
)

func reports(t testing.TB, agent string) *nameserver.Reports {
	t.Helper()
	r, err := nameserver.NewReports(zone.MustName(agent))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReportChannel(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{
		"example.org.": dnstest.Example, "example.net.": dnstest.ExampleNet, "er.example.net.": "@ SOA ns hm 1 2 3 4 5\n@ NS ns\n*._er TXT \"received\"\n",
		"below.er.example.net.": "@ SOA ns hm 1 2 3 4 5\n@ NS ns\n", "der.example.net.": "@ SOA ns hm 1 2 3 4 5\n@ NS ns\n", "big.example.": largeText(),
	})
	e.Version = "1"
	failing, err := nameserver.Failing(zone.MustName("failing.example."))
	if err != nil {
		t.Fatal(err)
	}
	e.Zones.Put(failing)
	e.Reports = reports(t, "ER.example.NET.")
	agent := "0012" + "0010" + hex.EncodeToString([]byte("\x02er\x07example\x03net\x00"))
	chaos := func(m *dns.Msg) { m.SetEdns0(1232, false); m.Question[0].Qclass = dns.ClassCHAOS }
	version1 := func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) }
	for _, c := range []struct {
		what, name string
		typ        uint16
		opt        func(*dns.Msg)
		want       string
	}{
		{"an answer", "www.example.org.", dns.TypeA, nil, agent},
		{"an answer that is ready", "example.org.", dns.TypeMX, nil, agent},
		{"NODATA", "www.example.org.", dns.TypeTXT, nil, agent},
		{"NXDOMAIN", "nothing.example.org.", dns.TypeA, nil, agent},
		{"a referral", "x.sub.example.org.", dns.TypeA, nil, agent},
		{"a zone without data", "www.failing.example.", dns.TypeA, nil, "000f0002000e" + agent},
		{"who is told already", "www.example.org.", dns.TypeA, options(raw(t, 18, "")), agent},
		{"a zone beside", "der.example.net.", dns.TypeA, nil, agent},
		{"the agent's zone", "er.example.net.", dns.TypeSOA, nil, ""},
		{"a zone below", "below.er.example.net.", dns.TypeSOA, nil, ""},
		{"a zone above", "www.example.net.", dns.TypeA, nil, ""},
		{"an alias into a zone above", "over.example.org.", dns.TypeA, nil, ""},
		{"no zone", "www.elsewhere.example.", dns.TypeA, nil, "000f00020014"},
		{"truncated", "txt.big.example.", dns.TypeTXT, nil, ""},
		{"FORMERR", "www.example.org.", dns.TypeA, options(raw(t, 10, "00")), ""},
		{"BADVERS", "www.example.org.", dns.TypeA, version1, ""},
		{"CHAOS", "version.bind.", dns.TypeTXT, chaos, ""},
	} {
		opt := c.opt
		if opt == nil {
			opt = withEDNS
		}
		if got := optOf(t, e.Answer(e.NewScratch(), query(t, c.name, c.typ, opt), client, nil)); got != c.want {
			t.Errorf("%s: options %s, want %s", c.what, got, c.want)
		}
	}
	if m := ask(t, e, query(t, "www.example.org.", dns.TypeA)); m.IsEdns0() != nil {
		t.Errorf("OPT for who sent none: %s", m)
	}
}

// An answer never gets longer than it may be, nor truncated, on account of the agent domain.
func TestReportChannelLeavesRoom(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": "@ SOA ns hm 1 2 3 4 5\n@ NS ns\n" + textOfAllSizes()})
	plain := &nameserver.Engine{}
	plain.Zones.Put(e.Zones.Find(zone.MustName("example.org.")))
	e.Reports = reports(t, "er.example.net.")
	const octets = 4 + 16
	told, left := 0, 0
	for i := range 60 {
		name := "n" + strings.Repeat("x", i) + ".example.org."
		for _, c := range []struct {
			opt  func(*dns.Msg)
			with func(*nameserver.Client)
			most int
		}{
			{func(m *dns.Msg) { m.SetEdns0(512, false) }, func(*nameserver.Client) {}, 512},
			{options(&dns.EDNS0_PADDING{}), func(c *nameserver.Client) { c.Stream, c.Encrypted = true, true }, 65535},
		} {
			q, cl := query(t, name, dns.TypeTXT, c.opt), client
			c.with(&cl)
			out, without := e.Answer(e.NewScratch(), q, cl, nil), plain.Answer(plain.NewScratch(), q, cl, nil)
			if len(out) > c.most || out[2] != without[2] || cl.Encrypted && len(out)%468 != 0 {
				t.Fatalf("%s: %d octets, flags %x; without the agent domain %d, %x", name, len(out), out[2], len(without), without[2])
			}
			switch {
			case cl.Encrypted:
			case len(out) == len(without)+octets:
				told++
			case len(out) == len(without) && (out[2]&2 != 0 || len(out)+octets > c.most):
				left++
			default:
				t.Errorf("%s: %d octets, %d without the agent domain", name, len(out), len(without))
			}
		}
	}
	if told == 0 || left == 0 {
		t.Errorf("%d answers have the agent domain, %d have no room; want some of both", told, left)
	}
}

func textOfAllSizes() string {
	var b strings.Builder
	for i := range 60 {
		b.WriteString("n" + strings.Repeat("x", i) + ` TXT "` + strings.Repeat("t", 200) + `" "` + strings.Repeat("u", 130+i) + "\"\n")
	}
	return b.String()
}

// Who reports over UDP without a cookie has to come again.
func TestReportsAreReceived(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"er.example.net.": "@ SOA ns hm 1 2 3 4 5\n@ NS ns\n*._er TXT \"received\"\n"})
	e.Reports, e.Cookies = reports(t, "er.example.net."), nameserver.NewCookies()
	const report, received = "_er.1.broken.example.org.7._er.er.example.net.", "NOERROR aa\nan _er.1.broken.example.org.7._er.er.example.net. 3600 txt \"received\""
	m := ask(t, e, query(t, report, dns.TypeTXT, withEDNS))
	if got := dnstest.Show(m); got != "NOERROR aa tc" || len(m.IsEdns0().Option) != 0 {
		t.Errorf("over UDP: %s, want it truncated and empty", m)
	}
	if got := dnstest.Show(ask(t, e, query(t, report, dns.TypeTXT, withEDNS), stream)); got != received {
		t.Errorf("over a stream: %s, want %s", got, received)
	}
	first := ask(t, e, query(t, report, dns.TypeTXT, options(cookie("2464c4abcf10c957"))))
	given, ok := optionOf[*dns.EDNS0_COOKIE](first)
	if !ok || !first.Truncated {
		t.Fatalf("with a client's cookie: %s, want it truncated, with a cookie", first)
	}
	if got := dnstest.Show(ask(t, e, query(t, report, dns.TypeTXT, options(given)))); got != received {
		t.Errorf("with our cookie: %s, want %s", got, received)
	}
	for _, other := range []string{"www.er.example.net.", "_er.er.example.net.", "_er.1.broken.example.org.7.er.example.net.", "1.broken.7._er.er.example.net."} {
		if m := ask(t, e, query(t, other, dns.TypeTXT, withEDNS)); m.Truncated {
			t.Errorf("%s, which is no report: %s, want it answered", other, m)
		}
	}
}

func TestNewReports(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		".": "the root cannot be the agent domain",
		strings.Repeat(strings.Repeat("x", 40)+".", 4): "leaves no room",
	} {
		if _, err := nameserver.NewReports(zone.MustName(name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
