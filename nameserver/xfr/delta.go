package xfr

import (
	"encoding/binary"
	"iter"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A delta is the difference between two versions of a zone, record by record as IXFR sends it.
type delta struct {
	from, to uint32  // serials
	deleted  records // the SOA first
	added    records // the SOA first
}

// records are records packed one behind the other: the length of the owner's key in two octets, the
// key, type and TTL, the length of the RDATA in two octets, the RDATA. Nothing of it points into a
// zone, so that old versions need no more memory than their differences.
type records string

func (d *delta) size() int64 { return int64(len(d.deleted) + len(d.added)) }

// void reports whether the versions look the same from outside.
func (d *delta) void() bool { return d.deleted == d.added }

func appendRecord(b []byte, r wire.Record) []byte {
	key := r.Owner.Key()
	b = binary.BigEndian.AppendUint16(b, uint16(len(key)))
	b = append(b, key...)
	b = binary.BigEndian.AppendUint16(b, uint16(r.Type))
	b = binary.BigEndian.AppendUint32(b, r.TTL)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.Data)))
	return append(b, r.Data...)
}

// all yields the records as they were packed.
func (s records) all() iter.Seq[wire.Record] {
	return func(yield func(wire.Record) bool) {
		number := func(n int) (v uint32) {
			for _, c := range []byte(s[:n]) {
				v = v<<8 | uint32(c)
			}
			s = s[n:]
			return v
		}
		text := func() string {
			n := number(2)
			t := string(s[:n])
			s = s[n:]
			return t
		}
		for s != "" {
			owner, err := zone.NameFromKey(text())
			if err != nil {
				panic("xfr: packed records are damaged: " + err.Error()) // only appendRecord makes them
			}
			r := wire.Record{Owner: owner, Type: zone.Type(number(2)), Class: wire.ClassIN, TTL: number(4)}
			r.Data = zone.Data(text())
			if !yield(r) {
				return
			}
		}
	}
}

// ttlOf is the TTL of one record of a set. A signature has the TTL of what it covers (RFC 4034,
// section 3), while those of several types are one set with one TTL in a zone.Zone.
func ttlOf(set *zone.RRset, d zone.Data) uint32 {
	if set.Type == zone.TypeRRSIG && len(d) >= 8 {
		return binary.BigEndian.Uint32([]byte(d[4:8]))
	}
	return set.TTL
}

// difference computes what turns a into b. What DNS cannot carry is left out.
func difference(a, b *zone.Zone, from, to zone.RRset) *delta {
	d := &delta{from: serialAt(from.Data[0]), to: serialAt(to.Data[0])}
	soa := func(set zone.RRset) wire.Record {
		return wire.Record{Owner: set.Owner, Type: set.Type, Class: wire.ClassIN, TTL: set.TTL, Data: set.Data[0]}
	}
	deleted, added := appendRecord(nil, soa(from)), appendRecord(nil, soa(to))
	for c := range zone.Diff(a, b) {
		k := c.Key()
		if !k.Type.OnWire() || k.Type == zone.TypeSOA && k.Owner == a.Origin() {
			continue
		}
		deleted = appendMissing(deleted, c.Before, c.After)
		added = appendMissing(added, c.After, c.Before)
	}
	d.deleted, d.added = records(deleted), records(added)
	return d
}

// appendMissing packs the records of x that are not in y.
func appendMissing(b []byte, x, y *zone.RRset) []byte {
	if x == nil {
		return b
	}
	var other []zone.Data
	if y != nil && (x.TTL == y.TTL || x.Type == zone.TypeRRSIG) {
		other = y.Data
	}
	for _, d := range x.Data { // both are sorted
		for len(other) > 0 && other[0] < d {
			other = other[1:]
		}
		if len(other) > 0 && other[0] == d {
			continue
		}
		b = appendRecord(b, wire.Record{Owner: x.Owner, Type: x.Type, TTL: ttlOf(x, d), Data: d})
	}
	return b
}
