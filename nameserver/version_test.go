package nameserver_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/zone"
)

// raw puts an option of any content into a query, in hexadecimal.
func raw(t testing.TB, code uint16, content string) dns.EDNS0 {
	t.Helper()
	b, err := hex.DecodeString(content)
	if err != nil {
		t.Fatal(err)
	}
	return &dns.EDNS0_LOCAL{Code: code, Data: b}
}

// optOf is what stands behind the head of an answer's OPT, in hexadecimal. OPT is the last record.
func optOf(t testing.TB, out []byte) string {
	t.Helper()
	at := bytes.LastIndex(out, []byte{0, 0, 41, 1232 >> 8, 1232 & 0xFF})
	if at < 0 || len(out) < at+11 || int(out[at+9])<<8|int(out[at+10]) != len(out)-at-11 {
		t.Fatalf("the last record of % x is no OPT", out)
	}
	return hex.EncodeToString(out[at+11:])
}

func TestZoneVersion(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{
		"example.org.": dnstest.Example, "example.net.": dnstest.ExampleNet,
		"child.www.example.org.": "@ 60 SOA ns1 hostmaster 4278255360 7200 900 1209600 30\n@ 60 NS ns1\n@ 60 A 192.0.2.77\n",
		"big.example.":           largeText(),
	})
	e.Version = "1"
	failing, err := nameserver.Failing(zone.MustName("failing.example."))
	if err != nil {
		t.Fatal(err)
	}
	e.Zones.Put(failing)
	version1 := func(m *dns.Msg) { m.IsEdns0().SetVersion(1) }
	chaos := func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }
	const org, child = "00130006" + "0200" + "00000001", "00130006" + "0400" + "ff00ff00"
	for _, c := range []struct {
		what, name string
		typ        uint16
		opts       []func(*dns.Msg)
		rcode      int
		want       string
	}{
		{"an answer", "www.example.org.", dns.TypeA, nil, 0, org},
		{"an answer that is ready", "example.org.", dns.TypeMX, nil, 0, org},
		{"SOA itself", "Example.ORG.", dns.TypeSOA, nil, 0, org},
		{"NODATA", "www.example.org.", dns.TypeTXT, nil, 0, org},
		{"NXDOMAIN", "a.b.nothing.example.org.", dns.TypeA, nil, dns.RcodeNameError, org},
		{"a referral", "x.sub.example.org.", dns.TypeA, nil, 0, org},
		{"DS of the parent", "sub.example.org.", dns.TypeDS, nil, 0, org},
		{"DS of a zone that is held, too", "child.www.example.org.", dns.TypeDS, nil, dns.RcodeNameError, org},
		{"a zone below", "x.child.www.example.org.", dns.TypeA, nil, dns.RcodeNameError, child},
		{"an alias into another zone: that of the question", "over.example.org.", dns.TypeA, nil, 0, org},
		{"an alias into no zone", "away.example.org.", dns.TypeA, nil, 0, org},
		{"truncated", "txt.big.example.", dns.TypeTXT, nil, 0, org},
		{"asked for twice", "www.example.org.", dns.TypeA, []func(*dns.Msg){options(raw(t, 19, ""), raw(t, 19, ""))}, 0, org},
		{"no zone", "www.elsewhere.example.", dns.TypeA, nil, dns.RcodeRefused, "000f00020014"},
		{"a zone without data", "www.failing.example.", dns.TypeA, nil, dns.RcodeServerFailure, "000f0002000e"},
		{"nobody asked", "www.example.org.", dns.TypeA, []func(*dns.Msg){options()}, 0, ""},
		{"with content", "www.example.org.", dns.TypeA, []func(*dns.Msg){options(raw(t, 19, "020000000001"))}, dns.RcodeFormatError, ""},
		{"with one octet", "www.example.org.", dns.TypeA, []func(*dns.Msg){options(raw(t, 19, "00"))}, dns.RcodeFormatError, ""},
		{"EDNS version 1", "www.example.org.", dns.TypeA, []func(*dns.Msg){options(raw(t, 19, "")), version1}, dns.RcodeBadVers, ""},
		{"CHAOS", "version.bind.", dns.TypeTXT, []func(*dns.Msg){options(raw(t, 19, "")), chaos}, 0, ""},
	} {
		if c.opts == nil {
			c.opts = []func(*dns.Msg){options(raw(t, 19, ""))}
		}
		q := query(t, c.name, c.typ, c.opts...)
		if got := optOf(t, e.Answer(e.NewScratch(), q, client, nil)); got != c.want {
			t.Errorf("%s: options %s, want %s", c.what, got, c.want)
		}
		if m := ask(t, e, q); m.Rcode != c.rcode {
			t.Errorf("%s: %s, want %s", c.what, m, dns.RcodeToString[c.rcode])
		}
	}
	plain := query(t, "www.example.org.", dns.TypeA)
	if m := ask(t, e, plain); m.IsEdns0() != nil {
		t.Errorf("OPT for who sent none: %s", m)
	}
}

// The zone of the root has no labels.
func TestZoneVersionOfTheRoot(t *testing.T) {
	t.Parallel()
	e := engine(t, map[string]string{".": "@ SOA ns hm 258 2 3 4 5\n@ NS ns\n"})
	out := e.Answer(e.NewScratch(), query(t, "a.b.", dns.TypeA, options(raw(t, 19, ""))), client, nil)
	if got, want := optOf(t, out), "00130006000000000102"; got != want {
		t.Errorf("options %s, want %s", got, want)
	}
}
