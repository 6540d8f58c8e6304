package dnstest

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
	"github.com/zonecast/zonecast/zone/zonefile"
)

// Zone reads a zone from zone-file text whose names are relative to the origin.
func Zone(t testing.TB, origin zone.Name, text string) *zone.Zone {
	t.Helper()
	res, err := zonefile.Parse([]byte(text), zonefile.Options{Origin: origin, HasOrigin: true, File: origin.String() + "zone"})
	if err != nil || res.Zone == nil {
		t.Fatalf("text of zone %s: %v, %v", origin, err, res.Findings)
	}
	return res.Zone
}

// Text is a zone in the form of testserver's ZoneText, written by another library.
func Text(t testing.TB, z *zone.Zone) string {
	t.Helper()
	var lines []string
	for set := range z.All() {
		for _, d := range set.Data {
			b := set.Owner.AppendWire(nil)
			b = binary.BigEndian.AppendUint16(b, uint16(set.Type))
			b = append(b, 0, 1)
			b = binary.BigEndian.AppendUint32(b, set.TTL)
			b = binary.BigEndian.AppendUint16(b, uint16(len(d)))
			rr, _, err := dns.UnpackRR(append(b, d...), 0)
			if err != nil {
				t.Fatalf("%s: %v", set.Key(), err)
			}
			if lines = append(lines, rr.String()); set.Type == zone.TypeSOA {
				lines[0], lines[len(lines)-1] = lines[len(lines)-1], lines[0]
			}
		}
	}
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n") + "\n"
}

// Serial is the serial of a zone, which must have a SOA.
func Serial(t testing.TB, z *zone.Zone) uint32 {
	t.Helper()
	set, ok := z.Set(z.Origin(), zone.TypeSOA)
	if !ok {
		t.Fatalf("zone %s has no SOA", z.Origin())
	}
	soa, err := rdata.SOAOf(set.Data[0])
	if err != nil {
		t.Fatal(err)
	}
	return soa.Serial
}

// Changed returns a zone with sets in place of those of the same name and type;
// such a set goes away when gone, which is asked for each that is there, says so.
// The last of several sets of one name and type counts.
func Changed(t testing.TB, z *zone.Zone, gone func() bool, sets ...zone.RRset) *zone.Zone {
	t.Helper()
	changes := map[zone.Key]zone.Change{}
	for _, set := range sets {
		set = set.Clean()
		c := zone.Change{After: &set}
		if have, ok := z.Set(set.Owner, set.Type); ok {
			if c.Before = &have; gone() {
				c.After = nil
			}
		}
		changes[set.Key()] = c
	}
	var list []zone.Change
	for _, c := range changes {
		list = append(list, c)
	}
	next, err := z.With(list)
	if err != nil {
		t.Fatal(err)
	}
	return next
}
