package wire

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/zone"
)

var example = zone.MustName("example.org.")

// transferred collects what a transfer yields.
func transferred(t *testing.T, c *Client, addr string, l Limits) ([]Record, error) {
	t.Helper()
	var out []Record
	for r, err := range c.Transfer(t.Context(), addr, example, l) {
		if err != nil {
			return out, err
		}
		out = append(out, r)
	}
	return out, nil
}

func TestTransferThatIsNone(t *testing.T) {
	t.Parallel()
	soa := record(t, "example.org.", 300, zone.TypeSOA, "ns. h. 1 2 3 4 5")
	soa2 := record(t, "example.org.", 300, zone.TypeSOA, "ns. h. 2 2 3 4 5")
	a := record(t, "www.example.org.", 300, zone.TypeA, "192.0.2.1")
	answers := func(list ...Record) func(*Message) { return func(m *Message) { m.Answers = list } }
	endless := make([]func(*Message), 200)
	for i := range endless {
		endless[i] = answers(a, a, a, a, a, a, a, a)
	}
	endless[0] = answers(soa)
	for _, c := range []struct {
		name     string
		messages []func(*Message)
		want     string // "": whole
	}{
		{"one message", []func(*Message){answers(soa, a, soa)}, ""},
		{"several messages", []func(*Message){answers(soa), answers(a, a), answers(soa)}, ""},
		{"question left out later", []func(*Message){answers(soa), func(m *Message) { m.Questions, m.Answers = nil, []Record{a, soa} }}, ""},
		{"cut", []func(*Message){answers(soa, a)}, "closed the connection"},
		{"no SOA first", []func(*Message){answers(a, soa)}, "does not begin with the zone's SOA"},
		{"another SOA at the end", []func(*Message){answers(soa, a, soa2)}, "the zone changed during the transfer"},
		{"records after the end", []func(*Message){answers(soa, soa, a)}, "after the SOA"},
		{"no records", []func(*Message){answers()}, "no records"},
		{"refused", []func(*Message){func(m *Message) { m.RCODE = Refused }}, "REFUSED (the server does not allow it)"},
		{"another class", []func(*Message){func(m *Message) { a := a; a.Class = ClassCH; m.Answers = []Record{soa, a} }}, "class CH"},
		{"endless", endless, "larger than its limit of 1000 records"},
		{"another id", []func(*Message){func(m *Message) { m.ID++ }}, "another question"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, nil, func(req []byte) [][]byte {
				var out [][]byte
				for _, f := range c.messages {
					out = append(out, answerTo(t, req, f))
				}
				return out
			})
			client := Client{Timeout: 5 * time.Second}
			got, err := transferred(t, &client, addr, Limits{Records: 1000})
			if c.want == "" && (err != nil || len(got) < 2 || got[0].Data != soa.Data) {
				t.Errorf("%d records, error %v; want a whole zone", len(got), err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v; want %q", err, c.want)
			}
			if _, err := transferred(t, &client, addr, Limits{Octets: 20}); err == nil || c.want == "" && !errors.Is(err, ErrLimit) {
				t.Errorf("with room for 20 octets: error %v", err)
			}
		})
	}
}

// A zone of many messages, signed, from real servers; NSD signs only some of the messages.
func TestSignedTransferOfManyMessages(t *testing.T) {
	t.Parallel()
	const n = 20_000
	var b strings.Builder
	b.WriteString("@ 3600 SOA ns1 hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns1\nns1 300 A 192.0.2.53\n")
	for i := range n {
		b.WriteString("host-" + strings.Repeat("x", i%30) + strconv.Itoa(i) + " 300 TXT \"text number " + strconv.Itoa(i) + "\"\n")
	}
	zones := map[string]string{"example.org.": b.String()}
	for name, start := range map[string]func(*testing.T, *testserver.Key) *testserver.Server{
		"BIND": func(t *testing.T, k *testserver.Key) *testserver.Server {
			return testserver.BIND(t, testserver.BINDOptions{Zones: zones, TSIG: k})
		},
		"Knot": func(t *testing.T, k *testserver.Key) *testserver.Server {
			return testserver.Knot(t, testserver.KnotOptions{Zones: zones, TSIG: k})
		},
		"NSD": func(t *testing.T, k *testserver.Key) *testserver.Server {
			return testserver.NSD(t, testserver.NSDOptions{Zones: zones, TSIG: k})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := testserver.NewKey(t)
			k.Algorithm = string(HMACSHA512)
			s := start(t, k)
			key, err := NewKey(k.Name, k.Algorithm, k.Secret)
			if err != nil {
				t.Fatal(err)
			}
			got, err := transferred(t, &Client{Key: key, Timeout: 10 * time.Second}, s.Addr, Limits{})
			if err != nil || len(got) != n+3 {
				t.Fatalf("%d records, error %v; want %d", len(got), err, n+3)
			}
			wrong := *key
			wrong.Secret = []byte("wrong")
			_, err = transferred(t, &Client{Key: &wrong, Timeout: 10 * time.Second}, s.Addr, Limits{})
			if e, ok := errors.AsType[*SignatureError](err); !ok || !strings.Contains(err.Error(), "compare the key's secret") {
				t.Errorf("wrong secret: error %v (%v)", err, e)
			}
			unknown := *key
			unknown.Name = zone.MustName("nobody.knows.")
			_, err = transferred(t, &Client{Key: &unknown, Timeout: 10 * time.Second}, s.Addr, Limits{})
			if e, ok := errors.AsType[*SignatureError](err); !ok || !e.Remote || e.Code != BadKey {
				t.Errorf("unknown key: error %v", err)
			}
		})
	}
}

// A server whose clock differs says so, and by how much.
func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	zones := map[string]string{"example.org.": "@ 3600 SOA ns.example.net. hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns.example.net.\n"}
	k := testserver.NewKey(t)
	for name, s := range map[string]*testserver.Server{
		"BIND": testserver.BIND(t, testserver.BINDOptions{Zones: zones, TSIG: k}),
		"Knot": testserver.Knot(t, testserver.KnotOptions{Zones: zones, TSIG: k}),
	} {
		key, err := NewKey(k.Name, k.Algorithm, k.Secret)
		if err != nil {
			t.Fatal(err)
		}
		c := &Client{Transport: TCP, Timeout: 5 * time.Second, Key: key}
		req := Query(example, zone.TypeSOA)
		req.ID = 7
		raw, err := req.Pack()
		if err != nil {
			t.Fatal(err)
		}
		sign := c.signer()
		if raw, err = sign.sign(raw, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		_, _, err = c.overStream(t.Context(), s.Addr, req, raw, sign)
		e, ok := errors.AsType[*SignatureError](err)
		if !ok || !e.Remote || e.Code != BadTime || !strings.Contains(err.Error(), "the server's clock says") {
			t.Errorf("%s: error %v; want BADTIME with the server's clock", name, err)
		}
	}
}
