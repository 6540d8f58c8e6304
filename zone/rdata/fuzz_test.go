package rdata_test

import (
	"testing"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// FuzzParse wants that what is read is printed and read again as the same octets.
func FuzzParse(f *testing.F) {
	for _, s := range samples {
		typ, err := zone.ParseType(s.typ)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint32(typ), s.text)
	}
	f.Fuzz(func(t *testing.T, typ uint32, text string) {
		d, err := rdata.Parse(zone.Type(typ), text, origin)
		if err != nil {
			return
		}
		roundTrip(t, zone.Type(typ), d)
	})
}

// FuzzCanonical wants the same of RDATA in wire form, and that canonical form is its own.
func FuzzCanonical(f *testing.F) {
	for _, s := range samples {
		typ, _ := zone.ParseType(s.typ)
		d, err := rdata.Parse(typ, s.text, origin)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(typ), []byte(d))
	}
	f.Fuzz(func(t *testing.T, typ uint16, wire []byte) {
		if typ == 0 || zone.Type(typ).Meta() {
			return
		}
		if d, err := rdata.FromMessage(zone.Type(typ), wire, 0, len(wire)); err == nil {
			rdata.Target(zone.Type(typ), d)
		}
		d, err := rdata.Canonical(zone.Type(typ), wire)
		if err != nil {
			_ = rdata.Text(zone.Type(typ), zone.Data(wire)) // must not panic
			return
		}
		roundTrip(t, zone.Type(typ), d)
	})
}

func roundTrip(t *testing.T, typ zone.Type, d zone.Data) {
	t.Helper()
	if c, err := rdata.Canonical(typ, []byte(d)); err != nil || c != d {
		t.Fatalf("%s %x is not canonical: %x, %v", typ, d, c, err)
	}
	text := rdata.Text(typ, d)
	if back, err := rdata.Parse(typ, text, zone.Root); err != nil || back != d {
		t.Fatalf("%s %x is printed as %s and read as %x, %v", typ, d, text, back, err)
	}
}
