package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// errDamaged says that octets are not what was written.
var errDamaged = errors.New("stored octets are damaged")

// An edit is how one RRset differs between two versions. Records that both have are named only
// where a transfer needs them.
type edit struct {
	key           zone.Key
	before, after side
	removed       []zone.Data
	added         []zone.Data
	kept          []zone.Data // when the TTLs differ, and so the records as DNS sees them
}

// A side is what an RRset has besides its records.
type side struct {
	exists bool
	ttl    uint32
	extra  zone.Extra
}

// editsOf computes what turns a into b, in canonical order.
func editsOf(a, b *zone.Zone) []edit {
	var list []edit
	for c := range zone.Diff(a, b) {
		e := edit{key: c.Key(), before: sideOf(c.Before), after: sideOf(c.After)}
		var old, now []zone.Data
		if c.Before != nil {
			old = c.Before.Data
		}
		if c.After != nil {
			now = c.After.Data
		}
		keep := e.retimed()
		for len(old) > 0 || len(now) > 0 { // both are sorted
			switch {
			case len(now) == 0 || len(old) > 0 && old[0] < now[0]:
				e.removed, old = append(e.removed, old[0]), old[1:]
			case len(old) == 0 || now[0] < old[0]:
				e.added, now = append(e.added, now[0]), now[1:]
			default:
				if keep {
					e.kept = append(e.kept, old[0])
				}
				old, now = old[1:], now[1:]
			}
		}
		list = append(list, e)
	}
	return list
}

func sideOf(set *zone.RRset) side {
	if set == nil {
		return side{}
	}
	return side{true, set.TTL, set.Extra}
}

// retimed reports whether records that stay are other records in a transfer. Signatures have the TTL
// of what they cover (RFC 4034, section 3), whatever their set's.
func (e *edit) retimed() bool {
	return e.before.exists && e.after.exists && e.before.ttl != e.after.ttl && e.key.Type != zone.TypeRRSIG
}

// Bits that say what follows of an edit.
const (
	hasBefore = 1 << iota
	hasAfter
	hasExtra // before, after, or both
	isVendor // the type goes by its name
)

const formatEdits = 1

// encodeEdits packs edits, with a checksum at the end.
func encodeEdits(list []edit) []byte {
	b := binary.AppendUvarint([]byte{formatEdits}, uint64(len(list)))
	for i := range list {
		e := &list[i]
		var flags byte
		if e.before.exists {
			flags |= hasBefore
		}
		if e.after.exists {
			flags |= hasAfter
		}
		if !e.before.extra.IsZero() || !e.after.extra.IsZero() {
			flags |= hasExtra
		}
		if e.key.Type.Vendor() {
			flags |= isVendor
		}
		b = appendText(append(b, flags), e.key.Owner.Key())
		if e.key.Type.Vendor() {
			b = appendText(b, e.key.Type.String())
		} else {
			b = binary.AppendUvarint(b, uint64(e.key.Type))
		}
		for _, s := range []side{e.before, e.after} {
			if !s.exists {
				continue
			}
			b = binary.AppendUvarint(b, uint64(s.ttl))
			if flags&hasExtra != 0 {
				b = appendExtra(b, s.extra)
			}
		}
		for _, data := range [][]zone.Data{e.removed, e.added, e.kept} {
			b = binary.AppendUvarint(b, uint64(len(data)))
			for _, d := range data {
				b = appendText(b, string(d))
			}
		}
	}
	return seal(b)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendExtra(b []byte, x zone.Extra) []byte {
	n := 0
	for range x.All() {
		n++
	}
	b = binary.AppendUvarint(b, uint64(n))
	for k, v := range x.All() {
		b = appendText(appendText(b, k), v)
	}
	return b
}

// decodeEdits reads what encodeEdits wrote.
func decodeEdits(b []byte) ([]edit, error) {
	b, err := unseal(b)
	if err != nil {
		return nil, err
	}
	r := reader{s: string(b)}
	if r.octet() != formatEdits {
		return nil, fmt.Errorf("%w: their format is unknown", errDamaged)
	}
	n := r.number(uint64(len(r.s)))
	list := make([]edit, 0, min(n, 1024))
	for ; n > 0 && r.err == nil; n-- {
		list = append(list, r.edit())
	}
	if r.err == nil && r.s != "" {
		r.err = errDamaged
	}
	return list, r.err
}

func (r *reader) edit() (e edit) {
	flags := r.octet()
	owner, err := zone.NameFromKey(r.text())
	if err != nil {
		r.fail(err)
	}
	e.key.Owner = owner
	if flags&isVendor != 0 {
		if e.key.Type, err = zone.VendorType(r.text()); err != nil {
			r.fail(err)
		}
	} else {
		e.key.Type = zone.Type(r.number(math.MaxUint32))
	}
	for _, s := range []struct {
		bit  byte
		side *side
	}{{hasBefore, &e.before}, {hasAfter, &e.after}} {
		if flags&s.bit == 0 {
			continue
		}
		s.side.exists, s.side.ttl = true, uint32(r.number(math.MaxUint32))
		if flags&hasExtra != 0 {
			kv := map[string]string{}
			for n := r.number(uint64(len(r.s))); n > 0 && r.err == nil; n-- {
				k := r.text()
				kv[k] = r.text()
			}
			s.side.extra = zone.ExtraOf(kv)
		}
	}
	for _, into := range []*[]zone.Data{&e.removed, &e.added, &e.kept} {
		for n := r.number(uint64(len(r.s))); n > 0 && r.err == nil; n-- {
			*into = append(*into, zone.Data(r.text()))
		}
	}
	return e
}

// A reader cuts values off octets that are not trusted; after the first error it yields zeros.
type reader struct {
	s   string
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	r.s = ""
}

func (r *reader) octet() byte {
	if r.s == "" {
		r.fail(errors.New("they end too early"))
		return 0
	}
	c := r.s[0]
	r.s = r.s[1:]
	return c
}

func (r *reader) number(limit uint64) uint64 {
	n, used := binary.Uvarint([]byte(r.s[:min(len(r.s), binary.MaxVarintLen64)]))
	if used <= 0 || n > limit {
		r.fail(errors.New("a number is out of range"))
		return 0
	}
	r.s = r.s[used:]
	return n
}

func (r *reader) text() string {
	n := r.number(uint64(len(r.s)))
	if n > uint64(len(r.s)) {
		r.fail(errors.New("they end too early"))
		return ""
	}
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal adds a checksum.
func seal(b []byte) []byte {
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// unseal checks and takes away what seal added.
func unseal(b []byte) ([]byte, error) {
	n := len(b) - 4
	if n < 0 || crc32.Checksum(b[:n], castagnoli) != binary.BigEndian.Uint32(b[n:]) {
		return nil, fmt.Errorf("%w: their checksum is wrong", errDamaged)
	}
	return b[:n], nil
}

// A replay carries edits out on a zone, many versions in one go, forward or back.
type replay struct {
	base *zone.Zone
	sets map[zone.Key]*zone.RRset // as they are by now; nil: there is none
}

// apply carries edits out; back undoes them. Edits that do not fit are an error.
func (r *replay) apply(list []edit, back bool) error {
	if r.sets == nil {
		r.sets = map[zone.Key]*zone.RRset{}
	}
	for _, e := range list {
		from, to, gone, come := e.before, e.after, e.removed, e.added
		if back {
			from, to, gone, come = to, from, come, gone
		}
		have, touched := r.sets[e.key]
		if !touched {
			if s, ok := r.base.Set(e.key.Owner, e.key.Type); ok {
				have = &s
			}
		}
		if sideOf(have) != from {
			return fmt.Errorf("%w: a difference does not fit at %s", errDamaged, e.key)
		}
		if !to.exists {
			r.sets[e.key] = nil
			continue
		}
		set := zone.RRset{Owner: e.key.Owner, Type: e.key.Type, TTL: to.ttl, Extra: to.extra}
		var old []zone.Data
		if have != nil {
			old = have.Data
		}
		if len(gone) > 0 {
			less := make(map[zone.Data]bool, len(gone))
			for _, d := range gone {
				less[d] = true
			}
			for _, d := range old {
				if !less[d] {
					set.Data = append(set.Data, d)
				}
			}
			if len(set.Data) != len(old)-len(gone) {
				return fmt.Errorf("%w: a difference does not fit at %s", errDamaged, e.key)
			}
		} else {
			set.Data = append(set.Data, old...)
		}
		set.Data = append(set.Data, come...)
		set = set.Clean()
		r.sets[e.key] = &set
	}
	return nil
}

// zone returns what has come out.
func (r *replay) zone() (*zone.Zone, error) {
	changes := make([]zone.Change, 0, len(r.sets))
	for k, after := range r.sets {
		c := zone.Change{After: after}
		if before, ok := r.base.Set(k.Owner, k.Type); ok {
			c.Before = &before
		}
		if c.Before != nil || c.After != nil {
			changes = append(changes, c)
		}
	}
	if len(changes) == 0 {
		return r.base, nil
	}
	z, err := r.base.With(changes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return z, nil
}

// differenceOf returns edits as IXFR sends them. void is set when DNS sees no difference, and ok is
// false when it does but cannot tell, as the SOA has not changed.
func differenceOf(origin zone.Name, list []edit) (d xfr.Difference, void, ok bool) {
	var gone, come []wire.Record
	for i := range list {
		e := &list[i]
		if !e.key.Type.OnWire() {
			continue
		}
		if e.key.Type == zone.TypeSOA && e.key.Owner == origin {
			ok = e.before.exists && e.after.exists
			gone = append(e.records(nil, e.before, e.removed), gone...)
			come = append(e.records(nil, e.after, e.added), come...)
			if e.retimed() {
				gone, come = append(e.records(nil, e.before, e.kept), gone...), append(e.records(nil, e.after, e.kept), come...)
			}
			continue
		}
		gone, come = e.records(gone, e.before, e.removed), e.records(come, e.after, e.added)
		if e.retimed() {
			gone, come = e.records(gone, e.before, e.kept), e.records(come, e.after, e.kept)
		}
	}
	return xfr.Difference{Deleted: gone, Added: come}, len(gone)+len(come) == 0, ok
}

func (e *edit) records(list []wire.Record, s side, data []zone.Data) []wire.Record {
	for _, d := range data {
		ttl := s.ttl
		if e.key.Type == zone.TypeRRSIG && len(d) >= 8 {
			ttl = binary.BigEndian.Uint32([]byte(d[4:8]))
		}
		list = append(list, wire.Record{Owner: e.key.Owner, Type: e.key.Type, Class: wire.ClassIN, TTL: ttl, Data: d})
	}
	return list
}

// differences turns the edits of versions that follow on one another, oldest first, into what a
// transfer journal takes. What lies before a version that IXFR cannot tell of is left out.
func differences(origin zone.Name, versions [][]edit) []xfr.Difference {
	var out []xfr.Difference
	for _, list := range versions {
		d, void, ok := differenceOf(origin, list)
		switch {
		case void:
		case !ok:
			out = nil
		default:
			out = append(out, d)
		}
	}
	return out
}
