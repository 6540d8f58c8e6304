package nameserver_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
)

// large is a zone whose answers do not fit into small datagrams.
func largeText() string {
	var b strings.Builder
	b.WriteString("@ SOA ns1 hm 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n")
	for i := range 30 {
		fmt.Fprintf(&b, "many A 10.0.0.%d\n", i)
		fmt.Fprintf(&b, "txt TXT \"%s%02d\"\n", strings.Repeat("x", 100), i)
		fmt.Fprintf(&b, "@ MX %d mx%02d\nmx%02d A 10.1.0.%d\n", i, i, i, i)
		fmt.Fprintf(&b, "inside NS ns%02d.inside\nns%02d.inside A 10.2.0.%d\n", i, i, i)
		if i < 20 {
			fmt.Fprintf(&b, "beside NS ns%02d.other\nns%02d.other A 10.2.0.%d\n", i, i, i)
		}
	}
	return b.String() + "alias CNAME txt\nother NS ns00.other\n"
}

func TestTruncation(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": largeText()})
	size := func(n int) func(*dns.Msg) { return func(m *dns.Msg) { m.SetEdns0(uint16(n), false) } }
	none := func(*dns.Msg) {}
	for _, c := range []struct {
		name           string
		typ            uint16
		opt            func(*dns.Msg)
		client         func(*nameserver.Client)
		tc             bool
		an, ns, extra  int // records; extra without OPT
		most           int
		atLeastOneMore bool // of extra: some, but not all
	}{
		{"many.example.org.", dns.TypeA, none, nil, true, 0, 0, 0, 512, false},
		{"many.example.org.", dns.TypeA, size(1232), nil, false, 30, 0, 0, 1232, false},
		{"many.example.org.", dns.TypeA, size(100), nil, true, 0, 0, 0, 512, false},
		{"txt.example.org.", dns.TypeTXT, size(4096), nil, true, 0, 0, 0, 1232, false},
		{"txt.example.org.", dns.TypeTXT, size(4096), wide, false, 30, 0, 0, 4096, false},
		{"txt.example.org.", dns.TypeTXT, none, stream, false, 30, 0, 0, 65535, false},
		{"alias.example.org.", dns.TypeTXT, size(1232), nil, true, 1, 0, 0, 1232, false},
		{"example.org.", dns.TypeMX, size(900), nil, false, 30, 0, 0, 900, true},
		{"inside.example.org.", dns.TypeA, size(4096), wide, false, 0, 30, 30, 4096, false},
		{"inside.example.org.", dns.TypeA, size(700), nil, true, 0, 30, 0, 700, true},
		{"beside.example.org.", dns.TypeA, size(512), nil, false, 0, 20, 0, 512, true},
	} {
		o := func(*nameserver.Client) {}
		if c.client != nil {
			o = c.client
		}
		cl := client
		o(&cl)
		q := query(t, c.name, c.typ, c.opt)
		out := e.Answer(e.NewScratch(), q, cl, nil)
		m := ask(t, e, q, o)
		extra := len(m.Extra)
		if m.IsEdns0() != nil {
			extra--
		}
		if m.Truncated != c.tc || len(m.Answer) != c.an || len(m.Ns) != c.ns || len(out) > c.most ||
			c.atLeastOneMore && (extra == 0 || extra >= 30) || !c.atLeastOneMore && extra != c.extra {
			t.Errorf("%s %s: tc %t, %d/%d/%d records, %d octets; want tc %t, %d/%d/%d, at most %d", c.name, dns.TypeToString[c.typ],
				m.Truncated, len(m.Answer), len(m.Ns), extra, len(out), c.tc, c.an, c.ns, c.extra, c.most)
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": largeText()})
	for _, rotate := range []bool{false, true} {
		e.Rotate = rotate
		s := e.NewScratch()
		for _, c := range []struct {
			name string
			typ  uint16
		}{{"many.example.org.", dns.TypeA}, {"example.org.", dns.TypeMX}, {"txt.example.org.", dns.TypeTXT}} {
			first := map[string]bool{}
			for range 30 {
				m := new(dns.Msg)
				if err := m.Unpack(e.Answer(s, query(t, c.name, c.typ), nameserver.Client{Addr: client.Addr, Stream: true}, nil)); err != nil {
					t.Fatal(err)
				}
				all := map[string]bool{}
				for _, r := range m.Answer {
					all[r.String()] = true
				}
				if len(all) != 30 {
					t.Fatalf("%s: %d different records, want 30", c.name, len(all))
				}
				first[m.Answer[0].String()] = true
			}
			if want := map[bool]int{false: 1, true: 30}[rotate]; len(first) != want {
				t.Errorf("%s, rotate %t: %d records came first in 30 answers, want %d", c.name, rotate, len(first), want)
			}
		}
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	e.Cookies = nameserver.NewCookies()
	e.Limit = nameserver.NewRateLimit(nameserver.RateLimitOptions{PerSecond: 10, Exempt: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, Size: 1024})
	s := e.NewScratch()
	s.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	// flood asks n times and counts whole and truncated answers.
	flood := func(n int, name func(int) string, c nameserver.Client, opts ...func(*dns.Msg)) (whole, slipped int) {
		for i := range n {
			out := e.Answer(s, query(t, name(i), dns.TypeA, opts...), c, nil)
			switch {
			case out == nil:
			case out[2]&2 != 0:
				if len(out) > 60 || out[7] != 0 {
					t.Fatalf("a slipped answer has %d octets, %d records", len(out), out[7])
				}
				slipped++
			default:
				whole++
			}
		}
		return whole, slipped
	}
	same := func(int) string { return "www.example.org." }
	if whole, slipped := flood(100, same, client); whole != 10 || slipped != 45 {
		t.Errorf("100 at once: %d answers, %d slipped; want 10 and 45", whole, slipped)
	}
	s.Now += int64(500 * time.Millisecond)
	if whole, _ := flood(100, same, client); whole != 5 {
		t.Errorf("half a second later: %d answers, want 5", whole)
	}
	if whole, _ := flood(10, func(int) string { return "alias.example.org." }, client); whole != 10 {
		t.Errorf("of another name: %d answers, want 10", whole)
	}
	neighbour := nameserver.Client{Addr: netip.MustParseAddrPort("192.0.2.1:53")}
	if whole, _ := flood(10, same, neighbour); whole != 0 {
		t.Errorf("from the same network: %d answers, want none", whole)
	}
	if whole, _ := flood(10, same, nameserver.Client{Addr: netip.MustParseAddrPort("192.0.3.1:53")}); whole != 10 {
		t.Errorf("from another network: %d answers, want 10", whole)
	}
	if whole, _ := flood(100, same, nameserver.Client{Addr: netip.MustParseAddrPort("203.0.113.7:53")}); whole != 100 {
		t.Errorf("from an exempt network: %d answers, want 100", whole)
	}
	if whole, _ := flood(100, same, nameserver.Client{Addr: client.Addr, Stream: true}); whole != 100 {
		t.Errorf("over a stream: %d answers, want 100", whole)
	}
	for what, name := range map[string]func(int) string{
		"names that do not exist": func(i int) string { return fmt.Sprintf("x%d.example.org.", i) },
		"names below a cut":       func(i int) string { return fmt.Sprintf("x%d.sub.example.org.", i) },
		"names of a wildcard":     func(i int) string { return fmt.Sprintf("x%d.aliased.example.org.", i) },
	} {
		if whole, _ := flood(100, name, client); whole != 10 {
			t.Errorf("%s: %d answers, want 10", what, whole)
		}
	}
	m := new(dns.Msg)
	v6 := nameserver.Client{Addr: netip.MustParseAddrPort("[2001:db8::1]:53")}
	if err := m.Unpack(e.Answer(s, query(t, same(0), dns.TypeA, options(cookie("2464c4abcf10c957"))), v6, nil)); err != nil {
		t.Fatal(err)
	}
	given, _ := optionOf[*dns.EDNS0_COOKIE](m)
	if whole, _ := flood(100, same, v6, options(given)); whole != 100 {
		t.Errorf("with our cookie: %d answers, want 100", whole)
	}
	s.Flush()
	if c := e.Counts(); c.Limited == 0 || c.Slipped == 0 || c.Queries != c.Answers+c.Limited+c.Ignored || c.Cookies < 100 {
		t.Errorf("counts do not add up: %+v", c)
	}
}

// TestRateLimitOfAll bounds different answers to one network together.
func TestRateLimitOfAll(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": largeText()})
	e.Limit = nameserver.NewRateLimit(nameserver.RateLimitOptions{PerSecond: 10, All: 25, Size: 1024})
	s := e.NewScratch()
	s.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	whole := func(c nameserver.Client) (n int) {
		for i := range 30 {
			out := e.Answer(s, query(t, fmt.Sprintf("mx%02d.example.org.", i), dns.TypeA), c, nil)
			if out != nil && out[2]&2 == 0 {
				n++
			}
		}
		return n
	}
	if got := whole(client); got != 25 {
		t.Errorf("30 different names at once: %d answers, want 25", got)
	}
	s.Now += int64(200 * time.Millisecond)
	if got := whole(client); got != 5 {
		t.Errorf("a fifth of a second later: %d answers, want 5", got)
	}
	if got := whole(nameserver.Client{Addr: netip.MustParseAddrPort("198.51.100.1:53")}); got != 25 {
		t.Errorf("from another network: %d answers, want 25", got)
	}
}
