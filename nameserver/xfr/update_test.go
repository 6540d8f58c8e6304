package xfr_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/internal/testserver"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Who may change what.
func TestGrants(t *testing.T) {
	t.Parallel()
	n := zone.MustName
	g := xfr.Grants{
		{Key: n("acme."), Names: []zone.Name{n("secret.dyn.example.org.")}, Deny: true},
		{Key: n("acme."), Zones: []zone.Name{example}, Names: []zone.Name{n("*.dyn.example.org."), n("_acme-challenge.example.org.")}, Types: []zone.Type{zone.TypeTXT}},
		{Key: n("host."), Types: []zone.Type{zone.TypeNS}, Deny: true},
		{Key: n("host."), Names: []zone.Name{n("host.example.org.")}},
	}
	for _, c := range []struct {
		key, owner string
		t          zone.Type
		want       bool
	}{
		{"acme.", "_acme-challenge.example.org.", zone.TypeTXT, true},
		{"acme.", "_acme-challenge.example.org.", zone.TypeA, false},
		{"acme.", "_acme-challenge.example.org.", wire.TypeANY, false},
		{"acme.", "a.b.dyn.example.org.", zone.TypeTXT, true},
		{"acme.", "dyn.example.org.", zone.TypeTXT, false},
		{"acme.", "secret.dyn.example.org.", zone.TypeTXT, false},
		{"acme.", "example.org.", zone.TypeTXT, false},
		{"host.", "host.example.org.", zone.TypeA, true},
		{"host.", "host.example.org.", zone.TypeNS, false},
		{"host.", "host.example.org.", wire.TypeANY, false}, // it would take the NS away
		{"other.", "host.example.org.", zone.TypeA, false},
	} {
		if got := g.Allow(n(c.key), example, n(c.owner), c.t); got != c.want {
			t.Errorf("%s may change %s %s: %v, want %v", c.key, c.owner, c.t, got, c.want)
		}
	}
	if g.Allow(n("acme."), n("example.com."), n("_acme-challenge.example.org."), zone.TypeTXT) {
		t.Error("a grant for one zone holds for another")
	}
	if g.For(xfr.Sender{}, example)(n("host.example.org."), zone.TypeA) {
		t.Error("who has not signed may change something")
	}
}

// The serial of what an update makes, and what an update may not do.
func TestUpdateSerial(t *testing.T) {
	t.Parallel()
	z := dnstest.Zone(t, example, apex)
	add := func(owner, text string, kind zone.Type) *wire.Message {
		m := wire.Update(example)
		next := dnstest.Zone(t, example, strings.Replace(apex, "ns 300 A 192.0.2.53\n", owner+" 300 "+kind.String()+" "+text+"\n", 1))
		set, _ := next.Set(zone.MustName(strings.TrimPrefix(owner+".example.org.", "@.")), kind)
		m.Authority = []wire.Record{{Owner: set.Owner, Type: kind, Class: wire.ClassIN, TTL: 300, Data: set.Data[0]}}
		return m
	}
	soa := add("www", "192.0.2.1", zone.TypeA)
	own, _ := dnstest.Zone(t, example, strings.Replace(apex, " 1 7200", " 70 7200", 1)).Set(example, zone.TypeSOA)
	soa.Authority = append(soa.Authority, wire.Record{Owner: example, Type: zone.TypeSOA, Class: wire.ClassIN, TTL: 60, Data: own.Data[0]})
	empty := wire.Update(example)
	elsewhere := add("www", "192.0.2.1", zone.TypeA)
	elsewhere.Questions[0].Name = catalog
	for _, c := range []struct {
		name   string
		m      *wire.Message
		o      xfr.Updating
		serial uint32
		rcode  wire.RCODE
	}{
		{"one more", add("www", "192.0.2.1", zone.TypeA), xfr.Updating{}, 2, wire.NoError},
		{"by date", add("www", "192.0.2.1", zone.TypeA), xfr.Updating{Serial: func(old uint32) uint32 {
			return xfr.Date.Next(old, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))
		}}, 2026010200, wire.NoError},
		{"its own", soa, xfr.Updating{}, 70, wire.NoError},
		{"what is there already", add("ns", "192.0.2.53", zone.TypeA), xfr.Updating{}, 1, wire.NoError},
		{"nothing", empty, xfr.Updating{}, 1, wire.NoError},
		{"a CNAME beside others is left out", add("ns", "x.example.", zone.TypeCNAME), xfr.Updating{}, 1, wire.NoError},
		{"not allowed", add("www", "192.0.2.1", zone.TypeA), xfr.Updating{Allow: func(zone.Name, zone.Type) bool { return false }}, 0, wire.Refused},
		{"another zone", elsewhere, xfr.Updating{}, 0, wire.NotAuth},
		{"a serial that goes back", add("www", "192.0.2.1", zone.TypeA), xfr.Updating{Serial: func(old uint32) uint32 { return old }}, 0, wire.ServFail},
		{"no update", wire.Query(example, zone.TypeSOA), xfr.Updating{}, 0, wire.FormErr},
	} {
		out, err := xfr.Update(z, c.m, c.o)
		if got := xfr.RCODEOf(err); got != c.rcode {
			t.Errorf("%s: %s (%v), want %s", c.name, got, err, c.rcode)
		}
		if err == nil && dnstest.Serial(t, out) != c.serial {
			t.Errorf("%s: serial %d, want %d", c.name, dnstest.Serial(t, out), c.serial)
		}
	}
}

// An update makes a version, which goes to a secondary as a change.
func TestUpdateReachesSecondary(t *testing.T) {
	t.Parallel()
	theirs, ours := dnstest.Key(t)
	j := &xfr.Journal{}
	put(t, j, dnstest.Zone(t, example, apex+static))
	p := startPrimary(t, j, ours, nil)
	s := testserver.Knot(t, testserver.KnotOptions{Secondary: map[string]string{"example.org.": p.addr}, TSIG: theirs})
	n := startNotifier(t, xfr.Target{Addr: s.Addr, Key: ours})
	grants := xfr.Grants{{Key: ours.Name, Types: []zone.Type{zone.TypeA}}}
	p.SetUpdate(func(_ context.Context, m *wire.Message, from xfr.Sender) wire.RCODE {
		z, err := xfr.Update(j.Zone(), m, xfr.Updating{Allow: grants.For(from, example)})
		if err == nil {
			err = j.Put(z)
		}
		if err == nil {
			err = n.Changed(z)
		}
		return xfr.RCODEOf(err)
	})
	dnstest.AwaitSerial(t, s.Addr, example, 1)
	send := func(key *wire.Key, text string) wire.RCODE {
		c := wire.Client{Key: key, Timeout: patience.Limit}
		m, err := c.Exchange(t.Context(), p.addr, updateFor(dnstest.Zone(t, example, apex), dnstest.Zone(t, example, apex+text)))
		if err != nil {
			t.Fatal(err)
		}
		return m.RCODE
	}
	if got := send(ours, "www 300 A 192.0.2.80\n"); got != wire.NoError {
		t.Errorf("update: %s", got)
	}
	if got := send(ours, "www 300 TXT x\n"); got != wire.Refused {
		t.Errorf("update of a type that is not granted: %s, want REFUSED", got)
	}
	if got := send(nil, "www 300 A 192.0.2.81\n"); got != wire.Refused {
		t.Errorf("update without a signature: %s, want REFUSED", got)
	}
	dnstest.AwaitSerial(t, s.Addr, example, 2)
	if diff := cmp.Diff(dnstest.Text(t, j.Zone()), s.ZoneText(t, "example.org.")); diff != "" {
		t.Errorf("(-ours +Knot):\n%s", diff)
	}
	if c := p.Out.Counts(); c.Incremental != 1 {
		t.Errorf("transfers: %+v; want one of changes", c)
	}
}

// Rules of access, one after the other.
func TestAccess(t *testing.T) {
	t.Parallel()
	net4, net6 := netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")
	at := func(s string) xfr.Peer { return xfr.Peer{Addr: netip.AddrPortFrom(netip.MustParseAddr(s), 53)} }
	for _, c := range []struct {
		name string
		a    xfr.Access
		from xfr.Peer
		want bool
	}{
		{"nobody", nil, at("192.0.2.1"), false},
		{"everyone", xfr.Access{xfr.Everyone}, at("192.0.2.1"), true},
		{"inside", xfr.Access{{Addresses: []netip.Prefix{net4, net6}}}, at("192.0.2.1"), true},
		{"IPv6", xfr.Access{{Addresses: []netip.Prefix{net4, net6}}}, at("2001:db8::1"), true},
		{"IPv4 in IPv6", xfr.Access{{Addresses: []netip.Prefix{net4}}}, at("::ffff:192.0.2.1"), true},
		{"outside", xfr.Access{{Addresses: []netip.Prefix{net4}}}, at("198.51.100.1"), false},
		{"denied before", xfr.Access{{Addresses: []netip.Prefix{net4}, Deny: true}, xfr.Everyone}, at("192.0.2.1"), false},
		{"denied after", xfr.Access{xfr.Everyone, {Deny: true}}, at("192.0.2.1"), true},
		{"no key", xfr.Access{{Addresses: []netip.Prefix{net4}, Keys: []zone.Name{example}}}, at("192.0.2.1"), false},
		{"no TLS", xfr.Access{{TLS: true}}, at("192.0.2.1"), false},
	} {
		if got := c.a.Allows(c.from, nil); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// What a desk takes away from an engine that answers questions. It counts allocations, so it runs
// alone.
func TestTakes(t *testing.T) {
	d := &xfr.Desk{}
	pack := func(m *wire.Message) []byte {
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	signed := append(pack(&wire.Message{Questions: []wire.Question{{Name: example, Type: zone.TypeA, Class: wire.ClassIN}}}),
		"\x01x\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00"...)
	signed[11] = 1
	for _, c := range []struct {
		name  string
		query []byte
		want  bool
	}{
		{"a question", pack(wire.Query(example, zone.TypeA)), false},
		{"a signed question", signed, true},
		{"AXFR", request(t, example, 0, wire.TypeAXFR), true},
		{"IXFR", request(t, example, 1, wire.TypeIXFR), true},
		{"update", pack(wire.Update(example)), true},
		{"notify", pack(&wire.Message{Opcode: wire.OpNotify, Questions: []wire.Question{{Name: example, Type: zone.TypeSOA, Class: wire.ClassIN}}}), true},
		{"an answer", pack(&wire.Message{Response: true, Opcode: wire.OpNotify, Questions: []wire.Question{{Name: example}}}), false},
		{"nothing", nil, false},
		{"cut", request(t, example, 0, wire.TypeAXFR)[:20], false},
	} {
		if got := d.Takes(c.query); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		query := c.query
		if n := testing.AllocsPerRun(10, func() { d.Takes(query) }); n > 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}
