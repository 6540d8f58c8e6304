package xfr_test

import (
	"context"
	"testing"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Whatever comes, a desk answers with messages that can be read, to the same id, and that fit.
func FuzzDesk(f *testing.F) {
	key := &wire.Key{Name: zone.MustName("k."), Secret: []byte("secret")}
	j := &xfr.Journal{}
	for i := range 3 {
		put(f, j, hourly(f, i+1))
	}
	d := deskFor(j)
	d.Keys = wire.NewKeyring(key)
	d.Notified = func(xfr.Notice) wire.RCODE { return wire.NoError }
	d.Update = func(_ context.Context, m *wire.Message, _ xfr.Sender) wire.RCODE {
		_, err := xfr.Update(j.Zone(), m, xfr.Updating{})
		return xfr.RCODEOf(err)
	}
	f.Add(request(f, example, 0, wire.TypeAXFR))
	f.Add(request(f, example, 1, wire.TypeIXFR))
	f.Add(request(f, example, 9, wire.TypeIXFR))
	for _, m := range []*wire.Message{
		{Opcode: wire.OpNotify, Questions: []wire.Question{{Name: example, Type: zone.TypeSOA, Class: wire.ClassIN}}},
		updateFor(hourly(f, 1), hourly(f, 2)),
	} {
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	// A question with a TSIG record of an unknown key.
	f.Add([]byte("\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07example\x03org\x00\x00\x06\x00\x01" +
		"\x01x\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x1d\x0bhmac-sha256\x00\x00\x00\x00\x00\x00\x01\x01\x2c\x00\x00\x00\x07\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := string(b)
		d.Takes(b)
		check := func(limit int, m []byte) {
			out, err := wire.Unpack(m)
			if err != nil || len(m) > limit || !out.Response || out.ID != uint16(b[0])<<8|uint16(b[1]) {
				t.Fatalf("%x was answered with %x: %v, %v", b, m, out, err)
			}
		}
		if m := d.Datagram(t.Context(), b, home); m != nil {
			check(xfr.MaxDatagram, m)
		}
		if err := d.Stream(t.Context(), b, home, func(m []byte) error { check(wire.MaxSize, m); return nil }); err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		if string(b) != before {
			t.Fatalf("the request was changed")
		}
	})
}

// A zone of any names and texts below a catalog's is read or refused, and what was read can be made
// again.
func FuzzReadCatalog(f *testing.F) {
	f.Add("version", "2", "a.zones", "\x07example\x03org\x00", "group.a.zones")
	f.Add("version", "3", "zones", "", "coo.zones")
	f.Add("version", "2", "coo.x.zones", "\x00", "x.zones")
	f.Fuzz(func(t *testing.T, version, text, owner, target, property string) {
		sets := []zone.RRset{}
		add := func(name string, kind zone.Type, d zone.Data) {
			n, err := zone.ParseNameIn(name, catalog)
			if err == nil && n.In(catalog) {
				sets = append(sets, zone.RRset{Owner: n, Type: kind, Data: []zone.Data{d}})
			}
		}
		d, err := rdata.TXTStrings(text)
		if err != nil {
			return
		}
		add(version, zone.TypeTXT, d)
		add(owner, zone.TypePTR, zone.Data(target))
		add(property, zone.TypeTXT, d)
		add(property, zone.TypePTR, zone.Data(target))
		z, err := zone.Of(catalog, sets...)
		if err != nil {
			return
		}
		members, err := xfr.ReadCatalog(z)
		if err != nil {
			return
		}
		made, err := xfr.NewCatalog(catalog, 1, members)
		if err != nil {
			t.Fatalf("%v cannot be made: %v", members, err)
		}
		again, err := xfr.ReadCatalog(made)
		if err != nil || len(again) != len(members) {
			t.Fatalf("%v read again as %v, %v", members, again, err)
		}
	})
}

// An update is carried out or refused, and never leaves a zone without its SOA and NS or with a
// serial that goes back.
func FuzzUpdate(f *testing.F) {
	z := hourly(f, 5)
	seed, err := updateFor(hourly(f, 1), hourly(f, 2)).Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	all := wire.Update(example)
	all.Authority = []wire.Record{
		{Owner: example, Type: wire.TypeANY, Class: wire.ClassANY},
		{Owner: example, Type: zone.TypeNS, Class: wire.ClassANY},
		{Owner: example, Type: zone.TypeSOA, Class: wire.ClassANY},
	}
	all.Answers = []wire.Record{{Owner: example, Type: wire.TypeANY, Class: wire.ClassANY}}
	if seed, err = all.Pack(); err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := wire.Unpack(b)
		if err != nil {
			return
		}
		out, err := xfr.Update(z, m, xfr.Updating{})
		if err != nil {
			return
		}
		if _, ok := out.Set(example, zone.TypeNS); !ok {
			t.Fatal("the zone has no NS any more")
		}
		if now := dnstest.Serial(t, out); !out.Equal(z) && !xfr.Newer(now, 5) {
			t.Fatalf("serial %d after 5", now)
		}
	})
}
