package xfr_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var home = xfr.Peer{Addr: netip.MustParseAddrPort("192.0.2.9:5353")}

// deskFor serves one journal to everybody.
func deskFor(j *xfr.Journal) *xfr.Desk {
	return &xfr.Desk{Out: &xfr.Out{
		Journal: func(n zone.Name) *xfr.Journal {
			if j.Zone() != nil && n != j.Zone().Origin() {
				return nil
			}
			return j
		},
		Access: func(zone.Name) xfr.Access { return xfr.Access{xfr.Everyone} },
	}}
}

// request is a request for a transfer; have is the serial of IXFR.
func request(t testing.TB, origin zone.Name, have uint32, kind zone.Type) []byte {
	t.Helper()
	m := &wire.Message{ID: 7, Questions: []wire.Question{{Name: origin, Type: kind, Class: wire.ClassIN}}}
	if kind == wire.TypeIXFR {
		d, err := rdata.SOA{Serial: have}.Data()
		if err != nil {
			t.Fatal(err)
		}
		m.Authority = []wire.Record{{Owner: origin, Type: zone.TypeSOA, Class: wire.ClassIN, Data: d}}
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// stream collects the messages of an answer.
func stream(t testing.TB, d *xfr.Desk, query []byte) []*wire.Message {
	t.Helper()
	var out []*wire.Message
	err := d.Stream(t.Context(), query, home, func(b []byte) error {
		m, err := wire.Unpack(b)
		if err != nil {
			return err
		}
		out = append(out, m)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// lines are the records of messages, as "owner TTL TYPE data".
func lines(list ...*wire.Message) []string {
	var out []string
	for _, m := range list {
		for _, r := range m.Answers {
			out = append(out, fmt.Sprintf("%s %d %s %s", r.Owner, r.TTL, r.Type, rdata.Text(r.Type, r.Data)))
		}
	}
	return out
}

// Changes go out version by version, as RFC 1995, section 7 shows it.
func TestIncremental(t *testing.T) {
	t.Parallel()
	origin := zone.MustName("jain.ad.jp.")
	const rest = "\tNS ns\nns A 133.69.136.1\n"
	j := &xfr.Journal{}
	for _, text := range []string{
		"$TTL 60\n@ SOA ns mohta.jain.ad.jp. 1 600 600 3600000 604800\n" + rest + "nezu A 133.69.136.5\n",
		"$TTL 60\n@ SOA ns mohta.jain.ad.jp. 2 600 600 3600000 604800\n" + rest + "jain-bb A 133.69.136.4\n A 192.41.197.2\n",
		"$TTL 60\n@ SOA ns mohta.jain.ad.jp. 3 600 600 3600000 604800\n" + rest + "jain-bb A 133.69.136.3\n A 192.41.197.2\n",
	} {
		if err := j.Put(dnstest.Zone(t, origin, text)); err != nil {
			t.Fatal(err)
		}
	}
	soa := func(n int) string {
		return fmt.Sprintf("jain.ad.jp. 60 SOA ns.jain.ad.jp. mohta.jain.ad.jp. %d 600 600 3600000 604800", n)
	}
	changes := []string{
		soa(3), soa(1), "nezu.jain.ad.jp. 60 A 133.69.136.5",
		soa(2), "jain-bb.jain.ad.jp. 60 A 133.69.136.4", "jain-bb.jain.ad.jp. 60 A 192.41.197.2",
		soa(2), "jain-bb.jain.ad.jp. 60 A 133.69.136.4",
		soa(3), "jain-bb.jain.ad.jp. 60 A 133.69.136.3", soa(3),
	}
	whole := []string{
		soa(3), "jain.ad.jp. 60 NS ns.jain.ad.jp.", "jain-bb.jain.ad.jp. 60 A 133.69.136.3",
		"jain-bb.jain.ad.jp. 60 A 192.41.197.2", "ns.jain.ad.jp. 60 A 133.69.136.1", soa(3),
	}
	d := deskFor(j)
	for _, c := range []struct {
		name string
		have uint32
		kind zone.Type
		udp  bool
		want []string
	}{
		{"whole", 0, wire.TypeAXFR, false, whole},
		{"from 1", 1, wire.TypeIXFR, false, changes},
		{"from 2", 2, wire.TypeIXFR, false, append([]string{soa(3)}, changes[6:]...)},
		{"nothing new", 3, wire.TypeIXFR, false, []string{soa(3)}},
		{"the client is ahead", 4, wire.TypeIXFR, false, []string{soa(3)}},
		{"an unknown version", 4294967290, wire.TypeIXFR, false, whole},
		{"over UDP", 1, wire.TypeIXFR, true, []string{soa(3)}},
		{"an unknown version over UDP", 4294967290, wire.TypeIXFR, true, []string{soa(3)}},
	} {
		var got []string
		if c.udp {
			m, err := wire.Unpack(d.Datagram(t.Context(), request(t, origin, c.have, c.kind), home))
			if err != nil {
				t.Fatal(err)
			}
			got = lines(m)
		} else {
			got = lines(stream(t, d, request(t, origin, c.have, c.kind))...)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// A change that does not fit into a datagram sends the client to TCP.
func TestIncrementalTooLongForUDP(t *testing.T) {
	t.Parallel()
	j := &xfr.Journal{}
	for i, more := range []string{"", "$GENERATE 1-50 h$ A 192.0.2.1\n"} {
		if err := j.Put(dnstest.Zone(t, example, strings.Replace(apex, " 1 7200", fmt.Sprintf(" %d 7200", i+1), 1)+more)); err != nil {
			t.Fatal(err)
		}
	}
	b := deskFor(j).Datagram(t.Context(), request(t, example, 1, wire.TypeIXFR), home)
	m, err := wire.Unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 512 || len(m.Answers) != 1 || m.Answers[0].Type != zone.TypeSOA || m.Truncated {
		t.Errorf("%d octets, %v; want the SOA alone", len(b), lines(m))
	}
}

// What the journal cannot hold or must not take.
func TestJournal(t *testing.T) {
	t.Parallel()
	text := func(serial, a int) *zone.Zone {
		return dnstest.Zone(t, example, strings.Replace(apex, " 1 7200", fmt.Sprintf(" %d 7200", serial), 1)+fmt.Sprintf("www A 192.0.2.%d\n", a))
	}
	j := &xfr.Journal{Limit: 700}
	for i := 1; i <= 20; i++ {
		if err := j.Put(text(i, i)); err != nil {
			t.Fatal(err)
		}
	}
	list := j.Serials()
	if n := len(list); n < 3 || n > 6 || list[n-1] != 20 || j.Size() > 700 {
		t.Errorf("serials %v in %d octets; want the newest few in at most 700", list, j.Size())
	}
	newest := j.Zone()
	for _, c := range []struct {
		name string
		z    *zone.Zone
		want error
	}{
		{"the same content", text(20, 20), nil},
		{"other content, same serial", text(20, 21), xfr.ErrSerial},
		{"an older serial", text(19, 21), xfr.ErrSerial},
		{"no SOA", zone.Empty(example), xfr.ErrNoSOA},
	} {
		if err := j.Put(c.z); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: error %v, want %v", c.name, err, c.want)
		}
		if j.Zone() != newest || !slices.Equal(j.Serials(), list) {
			t.Errorf("%s: the journal has changed", c.name)
		}
	}
	if err := j.Put(zone.Empty(zone.MustName("example.com."))); err == nil {
		t.Error("a version of another zone was taken")
	}
	if err := j.Reset(text(5, 1)); err != nil || !slices.Equal(j.Serials(), []uint32{5}) {
		t.Errorf("after Reset: serials %v, error %v; want 5 alone", j.Serials(), err)
	}
	without := &xfr.Journal{Limit: -1}
	for i := range 3 {
		if err := without.Put(text(i+1, i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := without.Serials(); !slices.Equal(got, []uint32{3}) {
		t.Errorf("a journal that keeps no differences has %v", got)
	}
}

// Whatever a zone holds, and however long messages are: what goes out is the zone.
func TestTransferIsTheZone(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	z := dnstest.Zone(t, example, apex+"deleg NS ns.deleg\nns.deleg A 192.0.2.7\na.b.c.d.deleg2 NS a.b.c.d.deleg2\n"+
		`zero\000\001.x.\000 TXT "x"`+"\n"+strings.Repeat("l", 63)+" MX 0 .\n$GENERATE 1-3000 host$.sub MX 10 mail$.example.org.\n")
	for range 100 {
		z = edit(t, rng, z, oddLabel)
	}
	want := dnstest.Text(t, z)
	for _, size := range []int{300, 512, 4096, 16383, 16400, 65535} {
		for _, edns := range []bool{false, true} {
			j := &xfr.Journal{}
			if err := j.Put(z); err != nil {
				t.Fatal(err)
			}
			d := deskFor(j)
			d.Out.MessageSize = size
			m := &wire.Message{ID: 9, Questions: []wire.Question{{Name: example, Type: wire.TypeAXFR, Class: wire.ClassIN}}}
			if edns {
				m.EDNS = &wire.EDNS{Size: 1232}
			}
			q, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			list := stream(t, d, q)
			var sets []wire.Record
			for _, m := range list {
				sets = append(sets, m.Answers...)
				if (m.EDNS != nil) != edns || m.ID != 9 || !m.Authoritative || !m.Response {
					t.Fatalf("size %d: header of %v, EDNS %v", size, m, m.EDNS)
				}
			}
			got := dnstest.Text(t, zoneOf(t, sets[:len(sets)-1]))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("size %d (-want +got):\n%s", size, diff)
			}
		}
	}
}

func zoneOf(t testing.TB, list []wire.Record) *zone.Zone {
	t.Helper()
	sets := map[zone.Key]zone.RRset{}
	for _, r := range list {
		s := sets[r.Key()]
		s.Owner, s.Type, s.TTL = r.Owner, r.Type, r.TTL
		s.Data = append(s.Data, r.Data)
		sets[r.Key()] = s
	}
	b := zone.NewBuilder(example)
	for _, s := range sets {
		b.Add(s)
	}
	z, err := b.Zone()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Requests that get no zone, and what they get instead.
func TestRefusals(t *testing.T) {
	t.Parallel()
	z := dnstest.Zone(t, example, apex)
	j := &xfr.Journal{}
	if err := j.Put(z); err != nil {
		t.Fatal(err)
	}
	axfr := request(t, example, 0, wire.TypeAXFR)
	noSOA := slices.Clone(axfr)
	noSOA[len(noSOA)-3] = byte(wire.TypeIXFR)
	chaos := slices.Clone(axfr)
	chaos[len(chaos)-1] = byte(wire.ClassCH)
	future, err := (&wire.Message{
		ID: 7, Questions: []wire.Question{{Name: example, Type: wire.TypeAXFR, Class: wire.ClassIN}}, EDNS: &wire.EDNS{Version: 1},
	}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	closed := deskFor(j)
	closed.Out.Access = func(zone.Name) xfr.Access {
		return xfr.Access{{Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Deny: true}, xfr.Everyone}
	}
	served := deskFor(j)
	served.Out.Serves = func(zone.Name) bool { return true }
	busy := deskFor(j)
	busy.Out.Transfers, busy.Out.Wait = 1, -1
	for _, c := range []struct {
		name  string
		desk  *xfr.Desk
		query []byte
		want  wire.RCODE
	}{
		{"not on the list", closed, axfr, wire.Refused},
		{"a zone that we do not have", deskFor(j), request(t, zone.MustName("example.net."), 0, wire.TypeAXFR), wire.NotAuth},
		{"a zone that we have without versions", served, request(t, zone.MustName("example.net."), 0, wire.TypeAXFR), wire.Refused},
		{"a zone that has not come yet", deskFor(&xfr.Journal{}), axfr, wire.ServFail},
		{"IXFR without SOA", deskFor(j), noSOA, wire.FormErr},
		{"another class", deskFor(j), chaos, wire.Refused},
		{"no transfers at all", &xfr.Desk{}, axfr, wire.Refused},
		{"cut", deskFor(j), axfr[:20], wire.FormErr},
		{"EDNS of the future", deskFor(j), future, wire.BadVers},
	} {
		m := stream(t, c.desk, c.query)
		if len(m) != 1 || m[0].RCODE != c.want || len(m[0].Answers) > 0 {
			t.Errorf("%s: %v, want %s", c.name, m, c.want)
		}
	}
	if m, err := wire.Unpack(deskFor(j).Datagram(t.Context(), axfr, home)); err != nil || m.RCODE != wire.FormErr {
		t.Errorf("AXFR over UDP: %v, %v; want FORMERR", m, err)
	}
	edns := &wire.Message{ID: 7, Questions: []wire.Question{{Name: example, Type: wire.TypeAXFR, Class: wire.ClassIN}}, EDNS: &wire.EDNS{Size: wire.UDPSize}}
	raw, err := edns.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if m := stream(t, closed, raw); len(m) != 1 || m[0].EDNS == nil || !slices.Equal(m[0].EDNS.Options, []wire.Option{{Code: 15, Data: "\x00\x12"}}) {
		t.Errorf("not on the list, with EDNS: %v; want the extended error Prohibited", m)
	}
	answer := slices.Clone(axfr)
	answer[2] |= 0x80
	if b := deskFor(j).Datagram(t.Context(), answer, home); b != nil {
		t.Errorf("an answer was answered with %x", b)
	}
	// While one transfer waits for its client, the next is refused.
	err = busy.Stream(t.Context(), axfr, home, func([]byte) error {
		if m := stream(t, busy, axfr); len(m) != 1 || m[0].RCODE != wire.Refused {
			t.Errorf("a transfer too many: %v, want REFUSED", m)
		}
		return errors.New("the client has gone")
	})
	if err == nil || busy.Out.Counts().Failed != 1 {
		t.Errorf("error %v, %+v; want the client's", err, busy.Out.Counts())
	}
	if m := stream(t, busy, axfr); m[0].RCODE != wire.NoError {
		t.Errorf("after a transfer that broke: %v", m)
	}
}

// A transfer whose context ends stops between two messages.
func TestTransferStops(t *testing.T) {
	t.Parallel()
	j := &xfr.Journal{}
	if err := j.Put(dnstest.Zone(t, example, apex+"$GENERATE 1-3000 host$ A 192.0.2.1\n")); err != nil {
		t.Fatal(err)
	}
	d := deskFor(j)
	d.Out.MessageSize = 512
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := d.Stream(ctx, request(t, example, 0, wire.TypeAXFR), home, func([]byte) error { n++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("%d messages, error %v; want one and the cancellation", n, err)
	}
}

func TestSerials(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 23, 0, 0, 0, time.FixedZone("", -3*3600)) // the 22nd in UTC
	for _, c := range []struct {
		policy    xfr.SerialPolicy
		old, want uint32
	}{
		{xfr.Increment, 1, 2},
		{xfr.Increment, 4294967295, 1},
		{xfr.Date, 1, 2026112200},
		{xfr.Date, 2026112107, 2026112200},
		{xfr.Date, 2026112200, 2026112201},
		{xfr.Date, 2026112299, 2026112300},
		{xfr.Date, 4026112299, 4026112300}, // the date comes after it too, but it is too far
		{xfr.UnixTime, 1, uint32(now.Unix())},
		{xfr.UnixTime, uint32(now.Unix()), uint32(now.Unix()) + 1},
		{xfr.UnixTime, 2026112200, 2026112201},
	} {
		got := c.policy.Next(c.old, now)
		if got != c.want || !xfr.Newer(got, c.old) {
			t.Errorf("%s after %d: %d, want %d", c.policy, c.old, got, c.want)
		}
		if p, err := xfr.ParseSerialPolicy(c.policy.String()); err != nil || p != c.policy {
			t.Errorf("%s read back as %s, %v", c.policy, p, err)
		}
	}
	for _, c := range []struct {
		a, b uint32
		want bool
	}{{2, 1, true}, {1, 1, false}, {1, 2, false}, {0, 4294967295, true}, {1<<31 + 1, 1, false}, {1, 1<<31 + 1, false}, {1 << 31, 1, true}} {
		if got := xfr.Newer(c.a, c.b); got != c.want {
			t.Errorf("Newer(%d, %d) = %v", c.a, c.b, got)
		}
	}
}
