package nameserver_test

import (
	"net/netip"
	"testing"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// TestFailing has a zone without data answered by SERVFAIL, and aliases into it end there.
func TestFailing(t *testing.T) {
	t.Parallel()
	e := &nameserver.Engine{}
	failing, err := nameserver.Failing(zone.MustName("example.net."))
	if err != nil {
		t.Fatal(err)
	}
	e.Zones.Put(failing)
	alias := zone.MustName("www.example.org.")
	z, err := zone.Of(zone.MustName("example.org."),
		zone.RRset{Owner: zone.MustName("example.org."), Type: zone.TypeSOA, TTL: 300, Data: []zone.Data{zone.Data("\x00\x00" + string(make([]byte, 20)))}},
		zone.RRset{Owner: alias, Type: zone.TypeCNAME, TTL: 300, Data: []zone.Data{zone.Data(zone.MustName("a.example.net.").AppendWire(nil))}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := nameserver.Compile(z, nameserver.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.Zones.Put(c)
	s := e.NewScratch()
	for name, want := range map[string]struct {
		rcode   wire.RCODE
		answers int
	}{
		"example.net.":     {wire.ServFail, 0},
		"a.b.example.net.": {wire.ServFail, 0},
		"www.example.org.": {wire.NoError, 1},
	} {
		q := wire.Query(zone.MustName(name), zone.TypeA)
		b, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		m, err := wire.Unpack(e.Answer(s, b, nameserver.Client{Addr: netip.MustParseAddrPort("192.0.2.1:53")}, nil))
		if err != nil {
			t.Fatal(err)
		}
		if m.RCODE != want.rcode || len(m.Answers) != want.answers {
			t.Errorf("%s: %v with %d answers, want %v with %d", name, m.RCODE, len(m.Answers), want.rcode, want.answers)
		}
		if m.RCODE == wire.ServFail && (len(m.EDNS.Options) != 1 || m.EDNS.Options[0].Data != "\x00\x0e") {
			t.Errorf("%s: options %+v, want extended error 14", name, m.EDNS.Options)
		}
	}
}
