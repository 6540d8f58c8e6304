package nameserver_test

import (
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver"
)

// TestCookiesOfPeers shares a secret with other servers, as those of an anycast address do: each takes
// the others' cookies for its own (RFC 9018).
func TestCookiesOfPeers(t *testing.T) {
	t.Parallel()
	const secret = "e5e973e5a6b2a43f48e7dc849e37bfcf"
	zones := map[string]string{"example.org.": dnstest.Example}
	e := engine(t, zones)
	e.Cookies = &nameserver.Cookies{Secrets: make([][16]byte, 1), Require: true}
	if _, err := hex.Decode(e.Cookies.Secrets[0][:], []byte(secret)); err != nil {
		t.Fatal(err)
	}
	me := nameserver.Client{Addr: netip.MustParseAddrPort("127.0.0.1:53")}
	// exchange lets the engine answer as of a time.
	exchange := func(q []byte, at time.Time) *dns.Msg {
		s := e.NewScratch()
		s.Now = at.UnixNano()
		m := new(dns.Msg)
		if err := m.Unpack(e.Answer(s, q, me, nil)); err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		peer
		strict bool // refuses cookies that are not its own
	}{
		{peer{"BIND", testserver.BIND(t, testserver.BINDOptions{Zones: zones, Options: `cookie-algorithm siphash24; cookie-secret "` + secret + `"; require-server-cookie yes;`}).Addr}, true},
		{peer{"Knot", testserver.Knot(t, testserver.KnotOptions{
			Zones: zones, ZoneOptions: "module: mod-cookies/shared",
			Config: "mod-cookies:\n  - id: shared\n    secret: 0x" + secret + "\n    badcookie-slip: 1\n",
		}).Addr}, true},
		{peer{"NSD", testserver.NSD(t, testserver.NSDOptions{Zones: zones, ServerOptions: "\tanswer-cookie: yes\n\tcookie-secret: \"" + secret + "\""}).Addr}, false},
	} {
		// Ours, ten minutes old: who makes a new one instead of taking it writes another time into it.
		given, ok := optionOf[*dns.EDNS0_COOKIE](exchange(query(t, "www.example.org.", dns.TypeA, options(cookie("2464c4abcf10c957"))), time.Now().Add(-10*time.Minute)))
		if !ok {
			t.Fatal("no cookie")
		}
		m, _ := c.ask(t, query(t, "www.example.org.", dns.TypeA, options(given)))
		theirs, ok := optionOf[*dns.EDNS0_COOKIE](m)
		if m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 || !ok {
			t.Errorf("%s refuses our cookie: %s", c.name, m)
		}
		if !c.strict && theirs.Cookie != given.Cookie {
			t.Errorf("%s does not know our cookie %s: gives %s", c.name, given.Cookie, theirs.Cookie)
		}
		// A forged one, so that the test above can fail.
		forged := given.Cookie[:40] + "00000000"
		m, _ = c.ask(t, query(t, "www.example.org.", dns.TypeA, options(cookie(forged))))
		if c.strict && m.Rcode != dns.RcodeBadCookie {
			t.Errorf("%s with a forged cookie: %s; want BADCOOKIE", c.name, m)
		}
		// Theirs.
		if theirs, ok = optionOf[*dns.EDNS0_COOKIE](m); !ok || theirs.Cookie == forged {
			t.Fatalf("%s gives no cookie: %s", c.name, m)
		}
		if m := exchange(query(t, "www.example.org.", dns.TypeA, options(theirs)), time.Now()); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 {
			t.Errorf("cookie %s of %s: %s; want the answer", theirs.Cookie, c.name, m)
		}
	}
}
