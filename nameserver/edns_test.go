package nameserver_test

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
)

func options(codes ...dns.EDNS0) func(*dns.Msg) {
	return func(m *dns.Msg) {
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = codes
	}
}

func cookie(hexadecimal string) dns.EDNS0 {
	return &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: hexadecimal}
}

func optionOf[T dns.EDNS0](m *dns.Msg) (found T, ok bool) {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if found, ok = o.(T); ok {
				return found, true
			}
		}
	}
	return found, false
}

func TestEDNS(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	e.NSID = "ns1.ams"

	if m := ask(t, e, query(t, "www.example.org.", dns.TypeA)); m.IsEdns0() != nil {
		t.Errorf("OPT for who sent none: %s", m)
	}
	m := ask(t, e, query(t, "www.example.org.", dns.TypeA, dnssec))
	if o := m.IsEdns0(); o == nil || o.UDPSize() != 1232 || o.Version() != 0 || !o.Do() || len(o.Option) != 0 {
		t.Errorf("OPT is %v; want size 1232, version 0, DO, no options", o)
	}
	m = ask(t, e, query(t, "www.example.org.", dns.TypeA, func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) }))
	if o := m.IsEdns0(); m.Rcode != dns.RcodeBadVers || o == nil || o.Version() != 0 || len(m.Answer) != 0 {
		t.Errorf("version 1: %s; want BADVERS, version 0 and no answer", m)
	}
	m = ask(t, e, query(t, "www.example.org.", dns.TypeA, options(&dns.EDNS0_NSID{Code: dns.EDNS0NSID})))
	if o, ok := optionOf[*dns.EDNS0_NSID](m); !ok || o.Nsid != hex.EncodeToString([]byte(e.NSID)) {
		t.Errorf("NSID is %v, want %q", o, e.NSID)
	}
	m = ask(t, e, query(t, "www.elsewhere.example.", dns.TypeA, withEDNS))
	if o, ok := optionOf[*dns.EDNS0_EDE](m); m.Rcode != dns.RcodeRefused || !ok || o.InfoCode != dns.ExtendedErrorCodeNotAuthoritative {
		t.Errorf("a zone that is not held: %s; want REFUSED, extended error 20", m)
	}
	m = ask(t, e, query(t, "www.example.org.", dns.TypeA, func(m *dns.Msg) { m.RecursionDesired, m.CheckingDisabled = true, true }))
	if !m.RecursionDesired || !m.CheckingDisabled || m.RecursionAvailable || m.AuthenticatedData || m.Id != 4711 {
		t.Errorf("header %v; want RD and CD as they came, neither RA nor AD", m.MsgHdr)
	}
}

func TestExtendedErrors(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	for _, c := range []struct {
		what  string
		name  string
		typ   uint16
		edit  func(*dns.Msg)
		rcode int
		want  uint16
	}{
		{"a zone that is not held", "www.elsewhere.example.", dns.TypeA, nil, dns.RcodeRefused, dns.ExtendedErrorCodeNotAuthoritative},
		{"another class", "www.example.org.", dns.TypeA, func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassHESIOD }, dns.RcodeRefused, dns.ExtendedErrorCodeNotAuthoritative},
		{"another opcode", "www.example.org.", dns.TypeA, func(m *dns.Msg) { m.Opcode = dns.OpcodeStatus }, dns.RcodeNotImplemented, dns.ExtendedErrorCodeNotSupported},
		{"a type of messages", "www.example.org.", dns.TypeTSIG, nil, dns.RcodeRefused, 30},
		{"a type of denials", "www.example.org.", 128, nil, dns.RcodeFormatError, 30},
		{"a transfer, where there are none", "example.org.", dns.TypeAXFR, nil, dns.RcodeRefused, dns.ExtendedErrorCodeProhibited},
	} {
		opts := []func(*dns.Msg){withEDNS}
		if c.edit != nil {
			opts = append(opts, c.edit)
		}
		m := ask(t, e, query(t, c.name, c.typ, opts...))
		if o, ok := optionOf[*dns.EDNS0_EDE](m); m.Rcode != c.rcode || !ok || o.InfoCode != c.want {
			t.Errorf("%s: %s; want %s, extended error %d", c.what, m, dns.RcodeToString[c.rcode], c.want)
		}
		if m := ask(t, e, query(t, c.name, c.typ, opts[1:]...)); m.Rcode != c.rcode || m.IsEdns0() != nil {
			t.Errorf("%s, without EDNS: %s; want %s without OPT", c.what, m, dns.RcodeToString[c.rcode])
		}
	}
}

func TestCaseOfTheQuestionIsKept(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	for _, name := range []string{"wWw.eXaMple.ORG.", "Nothing.Example.Org.", "x.Y.suB.exAmple.org."} {
		out := e.Answer(e.NewScratch(), query(t, name, dns.TypeA), client, nil)
		if got, _, err := dns.UnpackDomainName(out, 12); err != nil || got != name {
			t.Errorf("question comes back as %q (%v), want %q", got, err, name)
		}
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	good := query(t, "www.example.org.", dns.TypeA, withEDNS)
	plain := query(t, "www.example.org.", dns.TypeA)
	edit := func(b []byte, f func([]byte) []byte) []byte { return f(slices.Clone(b)) }
	for what, c := range map[string]struct {
		q    []byte
		want int // -1: no answer
	}{
		"nothing":                {nil, -1},
		"half a header":          {good[:11], -1},
		"an answer":              {edit(good, func(b []byte) []byte { b[2] |= 0x80; return b }), -1},
		"a header":               {edit(good[:12], func(b []byte) []byte { b[5], b[11] = 0, 0; return b }), dns.RcodeFormatError},
		"two questions":          {edit(good, func(b []byte) []byte { b[5] = 2; return b }), dns.RcodeFormatError},
		"octets behind":          {append(slices.Clone(good), 0), dns.RcodeFormatError},
		"a name without an end":  {plain[:20], dns.RcodeFormatError},
		"no type":                {plain[:len(plain)-3], dns.RcodeFormatError},
		"a name with a pointer":  {edit(plain, func(b []byte) []byte { b[12], b[13] = 0xC0, 12; return b }), dns.RcodeFormatError},
		"OPT cut off":            {good[:len(good)-1], dns.RcodeFormatError},
		"OPT twice":              {edit(good, func(b []byte) []byte { b[11] = 2; return append(b, good[len(good)-11:]...) }), dns.RcodeFormatError},
		"OPT of a name":          {edit(good, func(b []byte) []byte { return append(append(b[:len(b)-11:len(b)-11], 1, 'a'), good[len(good)-11:]...) }), dns.RcodeFormatError},
		"a header for DSO":       {edit(good[:12], func(b []byte) []byte { b[2], b[5], b[11] = 6<<3, 0, 0; return b }), dns.RcodeNotImplemented},
		"a status question":      {edit(good, func(b []byte) []byte { b[2] = 2 << 3; return b }), dns.RcodeNotImplemented},
		"NOTIFY":                 {edit(good, func(b []byte) []byte { b[2] = 4 << 3; return b }), dns.RcodeNotImplemented},
		"class NONE":             {edit(plain, func(b []byte) []byte { b[len(b)-1] = 254; return b }), dns.RcodeRefused},
		"a question for OPT":     {edit(plain, func(b []byte) []byte { b[len(b)-3] = 41; return b }), dns.RcodeFormatError},
		"a cookie of 7 octets":   {query(t, "www.example.org.", dns.TypeA, options(cookie("00112233445566"))), dns.RcodeFormatError},
		"a cookie of 12 octets":  {query(t, "www.example.org.", dns.TypeA, options(cookie("001122334455667788990011"))), dns.RcodeFormatError},
		"an option that is long": {edit(query(t, "www.example.org.", dns.TypeA, options(cookie("0011223344556677"))), func(b []byte) []byte { b[len(b)-9] = 9; return b }), dns.RcodeFormatError},
		"an unknown option":      {query(t, "www.example.org.", dns.TypeA, options(&dns.EDNS0_LOCAL{Code: 65001, Data: []byte{1, 2}})), dns.RcodeSuccess},
	} {
		out := e.Answer(e.NewScratch(), c.q, client, nil)
		if c.want < 0 {
			if out != nil {
				t.Errorf("%s: answer % x, want none", what, out)
			}
			continue
		}
		m := new(dns.Msg)
		if err := m.Unpack(out); err != nil || m.Rcode != c.want || !m.Response {
			t.Errorf("%s: %v (%v), want %s", what, m, err, dns.RcodeToString[c.want])
		}
	}
}

// longName packs a question for a name of so many octets, with labels of the given lengths repeated.
func longName(t *testing.T, octets, label int) []byte {
	t.Helper()
	q := query(t, ".", dns.TypeA)
	var wire []byte
	for left := octets - 1; left > 0; {
		l := min(label, left-1)
		if left-1-l == 1 { // no room for a label of its own
			l--
		}
		wire = append(append(wire, byte(l)), strings.Repeat("x", l)...)
		left -= l + 1
	}
	return slices.Concat(q[:12], wire, q[12:])
}

func TestLongNames(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{".": "@ SOA ns hm 1 2 3 4 5\n@ NS ns\n"})
	for _, label := range []int{1, 2, 9, 63} {
		for octets := 3; octets < 300; octets++ {
			if label == 1 && octets%2 == 0 {
				continue
			}
			want := dns.RcodeNameError
			if octets > 255 {
				want = dns.RcodeFormatError
			}
			out := e.Answer(e.NewScratch(), longName(t, octets, label), client, nil)
			if got := int(out[3] & 15); got != want {
				t.Errorf("a name of %d octets in labels of %d: %s, want %s", octets, label, dns.RcodeToString[got], dns.RcodeToString[want])
			}
		}
	}
}

// The test vectors of RFC 9018, appendix A.
func TestCookiesOfRFC9018(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	for _, c := range []struct{ what, secrets, from, at, cookie, want string }{
		{"a first query", "e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100", "2019-06-05T10:53:05Z", "2464c4abcf10c957", "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		{"a cookie that is 40 minutes old", "e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100", "2019-06-05T11:33:05Z", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
		{"a fresh one stays, reserved octets included", "e5e973e5a6b2a43f48e7dc849e37bfcf", "203.0.113.203", "2019-06-05T10:58:05Z", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", ""},
		{"a changed secret", "445536bcd2513298075a5d379663c962 dd3bdf9344b678b185a6f5cb60fca715", "2001:db8:220:1:59de:d0f4:8769:82b8", "2019-06-05T13:39:21Z", "22681ab97d52c298010000005cf7c57926556bd0934c72f8", "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
	} {
		var k nameserver.Cookies
		for s := range strings.FieldsSeq(c.secrets) {
			var secret [16]byte
			if _, err := hex.Decode(secret[:], []byte(s)); err != nil {
				t.Fatal(err)
			}
			k.Secrets = append(k.Secrets, secret)
		}
		e := &nameserver.Engine{Cookies: &k}
		e.Zones.Put(compiled(t, "example.org.", dnstest.Example))
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		s := e.NewScratch()
		s.Now = at.UnixNano()
		m := new(dns.Msg)
		if err := m.Unpack(e.Answer(s, query(t, "www.example.org.", dns.TypeA, options(cookie(c.cookie))), nameserver.Client{Addr: netip.AddrPortFrom(netip.MustParseAddr(c.from), 53)}, nil)); err != nil {
			t.Fatal(err)
		}
		got, ok := optionOf[*dns.EDNS0_COOKIE](m)
		if !ok || c.want != "" && got.Cookie != c.want {
			t.Errorf("%s: cookie %v, want %s", c.what, got, c.want)
		}
	}
	if m := ask(t, e, query(t, "www.example.org.", dns.TypeA, options(cookie("2464c4abcf10c957")))); len(m.IsEdns0().Option) != 0 {
		t.Errorf("a cookie from a server without cookies: %s", m)
	}
}

func TestCookiesAreRequired(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	e.Cookies = nameserver.NewCookies()
	e.Cookies.Require = true
	first := ask(t, e, query(t, "www.example.org.", dns.TypeA, options(cookie("2464c4abcf10c957"))))
	given, ok := optionOf[*dns.EDNS0_COOKIE](first)
	if !ok || first.Rcode != dns.RcodeBadCookie || len(first.Answer) != 0 {
		t.Fatalf("without our cookie: %s; want BADCOOKIE and a cookie", first)
	}
	if m := ask(t, e, query(t, "www.example.org.", dns.TypeA, options(given))); m.Rcode != 0 || len(m.Answer) != 1 {
		t.Errorf("with our cookie: %s; want the answer", m)
	}
	other := func(c *nameserver.Client) { c.Addr = netip.MustParseAddrPort("192.0.2.98:5300") }
	if m := ask(t, e, query(t, "www.example.org.", dns.TypeA, options(given)), other); m.Rcode != dns.RcodeBadCookie {
		t.Errorf("with somebody else's cookie: %s; want BADCOOKIE", m)
	}
	if m := ask(t, e, query(t, "www.example.org.", dns.TypeA, options(cookie("2464c4abcf10c957"))), stream); m.Rcode != 0 {
		t.Errorf("over a stream: %s; want the answer", m)
	}
	if m := ask(t, e, query(t, "www.example.org.", dns.TypeA, withEDNS)); m.Rcode != 0 {
		t.Errorf("from a client without cookies: %s; want the answer", m)
	}
}

// A client may ask for nothing but a cookie (RFC 7873, section 5.4; RFC 9619, section 3).
func TestCookieWithoutQuestion(t *testing.T) {
	t.Parallel()
	bare := func(opts ...dns.EDNS0) []byte {
		return query(t, ".", dns.TypeA, options(opts...), func(m *dns.Msg) { m.Question = nil })
	}
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	if m := ask(t, e, bare(cookie("2464c4abcf10c957"))); m.Rcode != dns.RcodeFormatError || m.IsEdns0() == nil {
		t.Errorf("a server without cookies: %s; want FORMERR and OPT", m)
	}
	e.Cookies = nameserver.NewCookies()
	e.Cookies.Require = true
	m := ask(t, e, bare(cookie("2464c4abcf10c957")))
	given, ok := optionOf[*dns.EDNS0_COOKIE](m)
	if !ok || m.Rcode != dns.RcodeSuccess || len(m.Question)+len(m.Answer)+len(m.Ns) != 0 || len(given.Cookie) != 48 {
		t.Fatalf("a client's cookie: %s; want NOERROR and a cookie", m)
	}
	if m := ask(t, e, bare(given)); m.Rcode != dns.RcodeSuccess {
		t.Errorf("our cookie: %s; want NOERROR", m)
	}
	m = ask(t, e, bare(cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480")))
	if got, ok := optionOf[*dns.EDNS0_COOKIE](m); m.Rcode != dns.RcodeBadCookie || !ok || len(got.Cookie) != 48 {
		t.Errorf("a wrong cookie: %s; want BADCOOKIE and a right one", m)
	}
	if m := ask(t, e, bare()); m.Rcode != dns.RcodeFormatError || m.IsEdns0() == nil {
		t.Errorf("no cookie: %s; want FORMERR and OPT", m)
	}
}

func stream(c *nameserver.Client) { c.Stream = true }

func TestStreams(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	encrypted := func(c *nameserver.Client) { c.Stream, c.Encrypted, c.Keepalive = true, true, 300 }
	q := query(t, "www.example.org.", dns.TypeA, options(&dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}, &dns.EDNS0_PADDING{Padding: make([]byte, 10)}))
	m := ask(t, e, q, encrypted)
	if k, ok := optionOf[*dns.EDNS0_TCP_KEEPALIVE](m); !ok || k.Timeout != 300 {
		t.Errorf("keepalive %v, want 300", k)
	}
	c := client
	encrypted(&c)
	if out := e.Answer(e.NewScratch(), q, c, nil); len(out) != 468 {
		t.Errorf("padded to %d octets, want 468 (RFC 8467)", len(out))
	}
	m = ask(t, e, q, stream)
	if _, ok := optionOf[*dns.EDNS0_PADDING](m); ok || len(m.IsEdns0().Option) != 0 {
		t.Errorf("over plain TCP without a time-out: %s; want no options", m)
	}
	if m = ask(t, e, q); len(m.IsEdns0().Option) != 0 {
		t.Errorf("over UDP: %s; want no options", m)
	}
}

func TestChaos(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{"example.org.": dnstest.Example})
	chaos := func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }
	if m := ask(t, e, query(t, "version.bind.", dns.TypeTXT, chaos)); m.Rcode != dns.RcodeRefused {
		t.Errorf("version.bind by default: %s; want REFUSED", m)
	}
	e.Version, e.Hostname = "zonecast", "ns1"
	for name, want := range map[string]string{"version.bind.": "zonecast", "VERSION.server.": "zonecast", "id.server.": "ns1", "hostname.bind.": "ns1"} {
		m := ask(t, e, query(t, name, dns.TypeTXT, chaos))
		if len(m.Answer) != 1 || m.Answer[0].(*dns.TXT).Txt[0] != want || m.Answer[0].Header().Class != dns.ClassCHAOS {
			t.Errorf("%s: %s; want %q", name, m, want)
		}
	}
}
