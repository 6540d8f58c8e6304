package zone

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// magic starts the stored form of a zone; the digit is its version.
const magic = "zonecast-zone-1\n"

// MarshalBinary returns the zone as bytes for storing: the origin, the names of vendor types,
// then every RRset as it is packed in memory. It is no interchange format.
func (z *Zone) MarshalBinary() ([]byte, error) {
	size, vendorTypes := len(magic)+300, map[Type]bool{}
	for _, c := range z.chunks {
		size += len(c.data)
		for rest := c.data; rest != ""; {
			var e entry
			e, rest = cutEntry(rest)
			if e.typ.Vendor() {
				vendorTypes[e.typ] = true
			}
		}
	}
	b := append(make([]byte, 0, size), magic...)
	b = appendString(b, z.origin.key)
	b = binary.AppendUvarint(b, uint64(len(vendorTypes)))
	for _, t := range slices.Sorted(maps.Keys(vendorTypes)) {
		b = appendString(b, t.String())
	}
	b = binary.AppendUvarint(b, uint64(z.sets)) // so that a file cut between two RRsets is noticed
	for _, c := range z.chunks {
		b = append(b, c.data...)
	}
	return b, nil
}

// errCut says that stored bytes end too early or have impossible lengths.
var errCut = errors.New("stored zone is damaged")

// FromBinary reads what MarshalBinary wrote. Damaged bytes are an error, never a wrong zone.
func FromBinary(b []byte) (*Zone, error) {
	r := reader{string(b), nil}
	if len(r.s) < len(magic) || r.s[:len(magic)] != magic {
		return nil, fmt.Errorf("%w: it does not start as a stored zone does", errCut)
	}
	r.s = r.s[len(magic):]
	origin, err := NameFromKey(r.text())
	if err != nil {
		return nil, fmt.Errorf("%w: origin: %w", errCut, err)
	}
	for n := r.uint(math.MaxUint16); n > 0 && r.err == nil; n-- {
		if _, err := VendorType(r.text()); err != nil {
			return nil, fmt.Errorf("%w: %w", errCut, err)
		}
	}
	sets := r.uint(math.MaxInt32)
	out := NewBuilder(origin)
	for r.s != "" && r.err == nil {
		body := reader{r.text(), r.err}
		owner, err := NameFromKey(body.text())
		if err != nil {
			return nil, fmt.Errorf("%w: owner: %w", errCut, err)
		}
		set := RRset{Owner: owner, Type: Type(body.uint(math.MaxUint32)), TTL: uint32(body.uint(math.MaxUint32))}
		extra := reader{body.text(), nil}
		kv := map[string]string{}
		for extra.s != "" && extra.err == nil {
			k := extra.text()
			kv[k] = extra.text()
		}
		set.Extra = ExtraOf(kv)
		for n := body.uint(maxData); n > 0 && body.err == nil; n-- {
			set.Data = append(set.Data, Data(body.text()))
		}
		if body.err != nil || extra.err != nil || body.s != "" {
			return nil, errCut
		}
		out.Add(set)
	}
	if r.err != nil {
		return nil, r.err
	}
	z, err := out.Zone()
	if err == nil && uint64(z.Len()) != sets {
		return nil, errCut
	}
	return z, err
}

// A reader cuts values off bytes that are not trusted; after the first error it yields zeros.
type reader struct {
	s   string
	err error
}

func (r *reader) uint(limit uint64) uint64 {
	if r.err != nil {
		return 0
	}
	n, used := binary.Uvarint([]byte(r.s[:min(len(r.s), binary.MaxVarintLen64)]))
	if used <= 0 || n > limit {
		r.err, r.s = errCut, ""
		return 0
	}
	r.s = r.s[used:]
	return n
}

func (r *reader) text() string {
	n := r.uint(uint64(len(r.s)))
	if n > uint64(len(r.s)) {
		r.err, r.s = errCut, ""
		return ""
	}
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}
