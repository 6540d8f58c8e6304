package wire

import (
	"errors"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/zone"
)

// steps are what an answer comes down to: "-" for what goes, "+" for what comes, "=" for a whole
// zone, "." for nothing new.
func steps(t *testing.T, addr string, have Record, l Limits) (string, error) {
	t.Helper()
	var b strings.Builder
	c := Client{}
	for s, err := range c.Changes(t.Context(), addr, have, l) {
		if err != nil {
			return b.String(), err
		}
		b.WriteString("=-+."[s.Kind:s.Kind+1] + s.Record.Type.String() + " ")
	}
	return strings.TrimSpace(b.String()), nil
}

func TestChanges(t *testing.T) {
	t.Parallel()
	soa := func(n string) Record {
		return record(t, "example.org.", 300, zone.TypeSOA, "ns. h. "+n+" 2 3 4 5")
	}
	a := record(t, "www.example.org.", 300, zone.TypeA, "192.0.2.1")
	txt := record(t, "www.example.org.", 300, zone.TypeTXT, "x")
	for _, c := range []struct {
		name string
		list [][]Record // by message
		want string
		err  string
	}{
		{"changes", [][]Record{{soa("3"), soa("1"), a, soa("2"), txt, soa("2"), soa("3"), a, soa("3")}}, "-SOA -A +SOA +TXT -SOA +SOA +A", ""},
		{"in many messages", [][]Record{{soa("2")}, {soa("1")}, {a}, {soa("2")}, {soa("2")}}, "-SOA -A +SOA", ""},
		{"whole", [][]Record{{soa("3"), a}, {txt, soa("3")}}, "=SOA =A =TXT", ""},
		{"whole and empty", [][]Record{{soa("3"), soa("3")}}, "=SOA", ""},
		{"whole, of the serial that we have", [][]Record{{soa("1"), a, soa("1")}}, "=SOA =A", ""},
		{"nothing new", [][]Record{{soa("1")}}, ".SOA", ""},
		{"an older version", [][]Record{{soa("0")}}, ".SOA", ""},
		{"an older version, by RFC 1982", [][]Record{{soa("4294967295")}}, ".SOA", ""},
		{"only the first message", [][]Record{{soa("3")}}, "", "closed the connection"},
		{"no SOA", [][]Record{{a, soa("3")}}, "", "does not begin with the zone's SOA"},
		{"a gap", [][]Record{{soa("4"), soa("1"), soa("2"), soa("3"), soa("4"), soa("4")}}, "-SOA +SOA", "changes from serial 3 follow on changes to serial 2"},
		{"another end", [][]Record{{soa("3"), soa("1"), soa("3"), soa("2")}}, "-SOA +SOA", "ends with another SOA"},
		{"more than the end", [][]Record{{soa("3"), soa("1"), soa("3"), soa("3"), a}}, "-SOA +SOA", "records after the SOA"},
		{"cut", [][]Record{{soa("3"), soa("1"), a}}, "-SOA -A", "closed the connection"},
		{"an empty message", [][]Record{{soa("3")}, {}}, "", "no records"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, nil, func(req []byte) [][]byte {
				m, err := Unpack(req)
				if err != nil || len(m.Authority) != 1 || m.Questions[0].Type != TypeIXFR {
					t.Errorf("request %v, %v", m, err)
				}
				var out [][]byte
				for _, list := range c.list {
					out = append(out, answerTo(t, req, func(m *Message) { m.Authority, m.Answers = nil, list }))
				}
				return out
			})
			got, err := steps(t, addr, soa("1"), Limits{})
			if strings.TrimSpace(got) != c.want || c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("steps %q, error %v; want %q and %q", got, err, c.want, c.err)
			}
			if _, err := steps(t, addr, soa("1"), Limits{Octets: 10}); !errors.Is(err, ErrLimit) {
				t.Errorf("with room for 10 octets: %v", err)
			}
		})
	}
}

// Records in any order end in an error or in an end, and steps are never more than records.
func FuzzChanges(f *testing.F) {
	f.Add([]byte{3, 1, 9, 2, 8, 2, 3, 9, 3})
	f.Add([]byte{3, 9, 8, 3})
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		x := incremental{origin: example, have: 1, limits: Limits{Records: 1000}, yield: func(Step, error) bool { n++; return true }}
		m := &Message{}
		for _, c := range b {
			r := Record{Owner: example, Type: zone.TypeA, Class: ClassIN, Data: "\x01\x02\x03\x04"}
			if c < 8 {
				r.Type, r.Data = zone.TypeSOA, zone.Data("\x00\x00\x00\x00\x00"+string(c)+strings.Repeat("\x00", 16))
			}
			if m.Answers = append(m.Answers, r); c&0x40 != 0 {
				ended, _, err := x.take(m)
				if m = (&Message{}); ended || err != nil {
					break
				}
			}
		}
		if _, _, err := x.take(m); n > len(b)+1 {
			t.Fatalf("%d steps of %d records, %v", n, len(b), err)
		}
	})
}
